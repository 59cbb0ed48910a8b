"""Real SIP peers as child processes: baresip phones and SIPp callers. Each lives in a folder of its own, is bounded in
time, and is ended by its own process id."""
import fcntl
import functools
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = "/usr/lib/baresip/modules"
OFFSET = int(os.environ.get("JUNCTOR_PORT_OFFSET", "0"))  # keeps several test programs at once apart
NETWORK = None  # a veth.Veth: then phones and callers live in its namespace, and the engine at its host's address
_used_ports, _claims = set(), []
_port_lock = threading.Lock()


def _claim(port):
    """Ours until this process ends, also before the engine or a phone has bound it: programs on one machine that look for
    ports at the same time do not meet. False: another program's."""
    folder = os.path.join(tempfile.gettempdir(), "junctor-ports")
    try:
        os.makedirs(folder, mode=0o777, exist_ok=True)
        fd = os.open(os.path.join(folder, str(port)), os.O_CREAT | os.O_RDWR, 0o666)
    except OSError:
        return True  # another user's folder: then only the ports themselves tell
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return False
    _claims.append(fd)
    return True


def free_port(start, step=1, kinds=(socket.SOCK_DGRAM, socket.SOCK_STREAM), ip="127.0.0.1", width=1):
    """The first port from start on where `width` ports are free for every kind; not given twice, to this process or another."""
    port = start + OFFSET
    while port < 65000:
        with _port_lock:
            fits = not any(port + i in _used_ports for i in range(width)) and all(_claim(port + i) for i in range(width))
            for i in range(width if fits else 0):
                for kind in kinds:
                    s = socket.socket(socket.AF_INET, kind)
                    if kind == socket.SOCK_STREAM:  # connections that ended a minute ago do not count
                        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    try:
                        s.bind((ip, port + i))
                    except OSError:
                        fits = False
                    finally:
                        s.close()
            if fits:
                _used_ports.update(range(port, port + width))
                return port
        port += step
    raise RuntimeError(f"no free port from {start} on")


def housed(f):
    """Runs f, and what it starts, where phones live."""
    @functools.wraps(f)
    def inside(*args, **more):
        if not NETWORK:
            return f(*args, **more)
        with NETWORK.there():
            return f(*args, **more)
    return inside


def addresses(ip, engine):
    """A party's own address and the engine's; those of loopback have their like in the namespace."""
    return (NETWORK.peer(ip), (NETWORK.host, engine[1])) if NETWORK else (ip, engine)


def stop_process(p, patience=3.0):
    if p and p.poll() is None:
        p.send_signal(signal.SIGTERM)
        try:
            p.wait(patience)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()


class Baresip:
    """One phone: registers when it has a password, plays wav (16-bit mono 8 kHz), keeps what it hears and says as
    dump-*-dec.wav and dump-*-enc.wav when record is on. Controlled over its TCP port."""

    @housed
    def __init__(self, folder, user, domain, proxy, password=None, wav=None, answer="auto", srtp=None, record=False, seconds=600, codecs="pcmu,pcma", tcp=False, ip="127.0.0.1", tls=None, ptime=20):
        ip, proxy = addresses(ip, proxy)
        self.folder, self.user, self.events, self.lock = folder, user, [], threading.Condition()
        os.makedirs(folder, exist_ok=True)
        self.sip_port = free_port(21060, 10, width=2, ip=ip)
        self.ctrl_port = free_port(24400)
        low = free_port(26000, 20, (socket.SOCK_DGRAM,), width=20, ip=ip)
        modules = ["g711.so", "aufile.so", "account.so", "ctrl_tcp.so", "menu.so", "uuid.so"] + [m + ".so" for m in ("opus", "g722") if m in codecs] + (["srtp.so"] if srtp else []) + (["sndfile.so"] if record else [])
        lines = [f"sip_listen {ip}:{self.sip_port}", f"net_interface {ip}", "sip_trans_def udp", "audio_player aufile,/dev/null",
                 f"audio_source aufile,{wav}" if wav else "audio_source aufile,none", "audio_alert aufile,none", "ausrc_srate 8000", "auplay_srate 8000",
                 "ausrc_channels 1", "auplay_channels 1", "ausrc_format s16", "auplay_format s16", "auenc_format s16", "audec_format s16", "audio_buffer 20-160",
                 f"rtp_ports {low}-{low + 19}", "rtp_stats no", "call_max_calls 4", "call_local_timeout 120", f"module_path {MODULES}",
                 f"ctrl_tcp_listen 127.0.0.1:{self.ctrl_port}", f"snd_path {folder}", "sip_trans_bsize 128"]
        lines += [("module_app " if m in ("account.so", "ctrl_tcp.so", "menu.so") else "module ") + m for m in modules]
        account = f"<sip:{user}@{domain}>;answermode={answer};audio_codecs={codecs};ptime={ptime}"
        if proxy:
            account += f";outbound=\"sip:{proxy[0]}:{proxy[1]}{';transport=tls' if tls else ';transport=tcp' if tcp else ''}\""
        if tls:  # a file of authorities
            lines.append(f"sip_cafile {tls}")
        account += f";auth_user={user};auth_pass={password};regint=300" if password else ";regint=0"
        if srtp:
            account += f";mediaenc={srtp}"
        with open(os.path.join(folder, "config"), "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        with open(os.path.join(folder, "accounts"), "w", encoding="utf-8") as f:
            f.write(account + "\n")
        open(os.path.join(folder, "contacts"), "w").close()
        self.log = open(os.path.join(folder, "log"), "wb")
        self.p = subprocess.Popen(["baresip", "-f", folder, "-t", str(seconds)], stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT, cwd=folder)
        self.s = None

    @housed
    def connect(self, timeout=5.0):
        end = time.monotonic() + timeout
        while time.monotonic() < end and self.p.poll() is None:
            try:
                self.s = socket.create_connection(("127.0.0.1", self.ctrl_port), 1)
                self.s.settimeout(None)
                threading.Thread(target=self._read, daemon=True).start()
                return True
            except OSError:
                time.sleep(0.05)
        return False

    def _read(self):
        buf = b""
        while True:
            try:
                data = self.s.recv(65536)
            except OSError:
                return
            if not data:
                return
            buf += data
            while True:
                m = re.match(rb"(\d+):", buf)
                if not m or len(buf) < m.end() + int(m.group(1)) + 1:
                    break
                n = int(m.group(1))
                try:
                    event = json.loads(buf[m.end():m.end() + n])
                except ValueError:
                    event = {}
                buf = buf[m.end() + n + 1:]
                with self.lock:
                    self.events.append((time.monotonic(), event))
                    self.lock.notify_all()

    def command(self, name, params=None):
        text = json.dumps({"command": name, **({"params": params} if params is not None else {})})
        try:
            self.s.sendall(f"{len(text)}:{text},".encode())
        except (OSError, AttributeError):
            pass

    def count(self, kind):
        with self.lock:
            return sum(1 for _, e in self.events if e.get("type") == kind)

    def wait_event(self, kind, timeout=10.0, times=1):
        end = time.monotonic() + timeout
        with self.lock:
            while sum(1 for _, e in self.events if e.get("type") == kind) < times:
                left = end - time.monotonic()
                if left <= 0 or self.p.poll() is not None:
                    return False
                self.lock.wait(min(left, 0.2))
        return True

    def wait_registered(self, timeout=10.0):
        """The event may have come before we were connected: then the phone's own log has it."""
        end = time.monotonic() + timeout
        while time.monotonic() < end and self.p.poll() is None:
            with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as f:
                if re.search(r"\} 200 ", f.read()):
                    return True
            time.sleep(0.05)
        return False

    def dumps(self):
        """(what it said, what it heard): newest pair of files, or None each."""
        found = {"enc": None, "dec": None}
        for f in sorted(os.listdir(self.folder)):
            for kind in found:
                if f.startswith("dump-") and f.endswith(f"-{kind}.wav"):
                    found[kind] = os.path.join(self.folder, f)
        return found["enc"], found["dec"]

    def stop(self):
        if self.p.poll() is None:
            self.command("quit")
            try:
                self.p.wait(1.5)
            except subprocess.TimeoutExpired:
                stop_process(self.p)
        if self.s:
            self.s.close()
        self.log.close()


class Sipp:
    """One SIPp process. calls: -m; rate: -r each second. ok() is true when every call went as the scenario says."""

    @housed
    def __init__(self, folder, scenario, target, calls=1, rate=1.0, service="100", keys=None, stay_ms=None, timeout=120, ip="127.0.0.1", tcp=False, extra=()):
        os.makedirs(folder, exist_ok=True)
        if not os.path.isabs(scenario):
            scenario = os.path.join(HERE, "sipp", scenario)
        ip, target = addresses(ip, target)
        self.folder, self.calls = folder, calls
        # SIPp reads the name of a sound before it knows keywords: our own words are put in here.
        with open(scenario, encoding="utf-8") as f:
            text = f.read()
        for k, v in (keys or {}).items():
            text = text.replace(f"[{k}]", str(v))
        scenario = os.path.join(folder, os.path.basename(scenario))
        with open(scenario, "w", encoding="utf-8") as f:
            f.write(text)
        # Two programs on one machine begin their search at different places.
        apart = os.getpid() % 50
        port = free_port(22800 + 20 * apart, 2, ip=ip)
        media = free_port(27000 + 40 * apart, 4, (socket.SOCK_DGRAM,), ip=ip, width=4)
        per_second, period = (rate, 1000) if rate >= 1 else (1, int(1000 / rate))
        command = ["sipp", f"{target[0]}:{target[1]}", "-sf", scenario, "-i", ip, "-mi", ip, "-p", str(port), "-mp", str(media), "-s", service, "-m", str(calls),
                   "-r", str(int(per_second)), "-rp", str(period), "-l", str(max(calls, 1)), "-nostdin", "-timeout", str(timeout), "-timeout_error",
                   "-trace_err", "-error_file", os.path.join(folder, "errors.log"), "-trace_stat", "-stf", os.path.join(folder, "stat.csv"), "-fd", "1", "-t", "t1" if tcp else "u1"]
        if stay_ms is not None:
            command += ["-d", str(stay_ms)]
        self.log = open(os.path.join(folder, "log"), "wb")
        self.p = subprocess.Popen([*command, *extra], stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT, cwd=folder, env={**os.environ, "TERM": "dumb"})

    def wait(self, timeout=180):
        try:
            return self.p.wait(timeout)
        except subprocess.TimeoutExpired:
            stop_process(self.p)
            return -1

    def figures(self):
        """(successful, failed) so far, as SIPp counts them."""
        try:
            with open(os.path.join(self.folder, "stat.csv"), encoding="utf-8", errors="replace") as f:
                rows = [r.split(";") for r in f.read().strip().split("\n")]
        except OSError:
            return 0, 0
        if len(rows) < 2:
            return 0, 0
        row = dict(zip(rows[0], rows[-1]))
        return int(row.get("SuccessfulCall(C)", 0) or 0), int(row.get("FailedCall(C)", 0) or 0)

    def ended(self):
        """True once the process is gone; what belongs to it is closed then."""
        if self.p.poll() is None:
            return False
        self.stop()
        return True

    def why(self):
        try:
            with open(os.path.join(self.folder, "errors.log"), encoding="utf-8", errors="replace") as f:
                return f.read()[-1500:]
        except OSError:
            return ""

    def stop(self):
        stop_process(self.p)
        self.log.close()
