#!/usr/bin/env python3
"""Starts the engine on the demo centre and shows it at work: real SIP phones and callers, chats over the public API, a
live table, then a report whose totals come from three places. engine/run calls this after building."""
import argparse
import glob
import ipaddress
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import centre  # noqa: E402
import drill  # noqa: E402
import phones  # noqa: E402
import report  # noqa: E402
import show  # noqa: E402
import trickle  # noqa: E402
import veth  # noqa: E402
from client import Api, ApiError  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Stop(Exception):
    """Ctrl-C or SIGTERM."""


def arguments():
    ap = argparse.ArgumentParser()
    ap.add_argument("--binary", required=True)
    ap.add_argument("--data", default=os.path.join(ROOT, "data"))
    ap.add_argument("--once", action="store_true")
    ap.add_argument("--no-demo", action="store_true")
    ap.add_argument("--port", type=int, default=5060)
    ap.add_argument("--api-port", type=int, default=8080)
    ap.add_argument("--calls", type=int, default=30)
    ap.add_argument("--chats", type=int, default=60)
    ap.add_argument("--workers", type=int, default=2)
    ap.add_argument("--listen", default="127.0.0.1")
    ap.add_argument("--advertise", default="")
    ap.add_argument("--drill", action="store_true")
    ap.add_argument("--dpdk", action="store_true")
    args = ap.parse_args()
    args.binary, args.data = os.path.abspath(args.binary), os.path.abspath(args.data)
    return args


def holder(port):
    """Who has the port, as /proc tells: the process, or at least its user. Empty when neither can be seen."""
    sockets = {}
    for kind in ("udp", "tcp", "udp6", "tcp6"):
        try:
            with open(f"/proc/net/{kind}", encoding="ascii") as f:
                rows = [line.split() for line in f.readlines()[1:]]
        except OSError:
            continue
        # A TCP socket has the port when it listens (state 0A).
        sockets.update({r[9]: int(r[7]) for r in rows if int(r[1].rpartition(":")[2], 16) == port and (kind[:3] == "udp" or r[3] == "0A")})
    for fd in glob.iglob("/proc/[0-9]*/fd/*"):
        try:
            found = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(fd))
            if found and found[1] in sockets:
                pid = fd.split("/")[2]
                with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as f:
                    return f" by {f.read().strip()} (pid {pid})"
        except OSError:
            continue
    for uid in sockets.values():
        try:
            return f" by a process of user {pwd.getpwuid(uid).pw_name}"
        except KeyError:
            return f" by a process of user {uid}"
    return ""


def pick(wanted, what, option, ip="127.0.0.1", both=True):
    kinds = (socket.SOCK_DGRAM, socket.SOCK_STREAM) if both else (socket.SOCK_STREAM,)
    port = phones.free_port(wanted, 2 if both else 1, kinds, ip=ip)
    if port != wanted:
        print(f"      {what} port {wanted} is taken{holder(wanted)}: using {port} ({option} N chooses another)")
    return port


def wrong(text):
    print(f"engine/run: {text}", file=sys.stderr)
    sys.exit(2)


def check_listen(a):
    """One sentence for an address that cannot work; a warning for one that callers from outside cannot reach."""
    ip = ipaddress.IPv4Address(a.listen)
    if ip.is_unspecified:
        wrong("--listen takes one address: what is offered to callers must be one that they can reach")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.bind((a.listen, 0))
        except OSError:
            wrong(f"{a.listen} is not an address of this machine (hostname -I shows them)")
    told = ipaddress.IPv4Address(a.advertise) if a.advertise else ip
    if not ip.is_loopback and told.is_private:
        print(f"      callers are told {told}, a private address: who calls from outside this network will hear nothing. --advertise ADDRESS tells them another.")


class Daemon:
    def __init__(self, args):
        self.args, self.p, self.up = args, None, False
        self.log = os.path.join(args.data, "engine.log")

    def choose(self):
        a = self.args
        self.sip, self.api_port = pick(a.port, "SIP", "--port", a.listen), pick(a.api_port, "API", "--api-port", both=False)
        self.install = centre.prepare(a.data, self.sip, self.api_port, a.workers, a.listen, a.advertise)
        if a.dpdk:
            phones.NETWORK.adapt(self.install.config)

    def start(self, again=False):
        """again: on the same ports, after it was killed."""
        a = self.args
        began = time.monotonic()
        os.makedirs(a.data, mode=0o700, exist_ok=True)
        if not again:
            self.choose()
        print("      " if again else "[3/4] ", end="")
        print("engine ... ", end="", flush=True)
        with open(self.log, "ab") as log:
            at = log.tell()
            # A group of its own: Ctrl-C reaches us first, and we drain.
            self.p = subprocess.Popen([a.binary, "run", "--config", self.install.config, "--data", a.data, "--drain-limit", "15"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                      start_new_session=True)
        end = time.monotonic() + 30
        while time.monotonic() < end and self.p.poll() is None:
            try:
                if Api("127.0.0.1", self.api_port, timeout=1).request("GET", "/healthz")[0] == 200:
                    self.admin = centre.admin(a.data, self.api_port)
                    if self.admin.get("/api/v1/status")["sip"]:
                        print(f"ok {time.monotonic() - began:.1f} s", flush=True)
                        self.up = True
                        return again or a.no_demo or self.apply()
            except (OSError, ValueError):
                pass
            time.sleep(0.05)
        print("failed")
        with open(self.log, encoding="utf-8", errors="replace") as f:
            f.seek(at)
            print("".join("      " + line for line in f.readlines()[-25:]))
        return False

    def apply(self):
        """A data folder of an earlier demonstration may have another centre in it; then ours is applied."""
        with open(os.path.join(self.args.data, "centre.yaml"), encoding="utf-8") as kept, open(os.path.join(self.args.data, "install", "centre.yaml"), encoding="utf-8") as ours:
            if kept.read() == ours.read():
                return True
        p = subprocess.run([self.args.binary, "apply", os.path.join(self.args.data, "install", "centre.yaml"), "--data", self.args.data], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        print(f"      the demo centre is applied to {self.args.data}: " + (p.stdout.strip().splitlines() or [p.stderr.strip()])[-1])
        return p.returncode == 0

    def stop(self, patience=None):
        """Drains, then stops; 0 when it ended in order. patience: seconds until calls that are left are cut; otherwise
        the engine's own limit holds."""
        if self.p is None or self.p.poll() is not None:
            return self.p.returncode if self.p else 0
        print("draining: new calls are refused, calls may end ...", flush=True)
        self.p.send_signal(signal.SIGTERM)
        if patience:
            try:
                self.p.wait(patience)
            except subprocess.TimeoutExpired:
                self.p.send_signal(signal.SIGTERM)
        try:
            code = self.p.wait(25)
        except subprocess.TimeoutExpired:
            self.p.kill()
            code = self.p.wait()
        print(f"stopped. The data lies in {self.args.data} (log: {self.log})")
        return code


def welcome(d):
    i = d.install
    print(f"""
  desk    http://127.0.0.1:{d.api_port}/            sign in: tenant {i.tenant}, name {i.login} (supervisor), password {i.password}
          the same password for every agent: tenant harbour, names {', '.join(a.name for a in i.agents if a.role == 'agent')}
  widget  http://127.0.0.1:{d.api_port}/widget-demo/ a client's page with a chat in its corner
  call    sip:{i.number}@{d.args.listen}:{d.sip}   (from this machine, any SIP phone; {i.number_is})
  API     http://127.0.0.1:{d.api_port}/api/v1   (metrics: http://127.0.0.1:{d.api_port}/metrics)
  data    {d.args.data}
  command {os.path.relpath(d.args.binary)} status --data {os.path.relpath(d.args.data)}   (and report, trace, why, rec, audit ...; --help)

  Ctrl-C drains and stops.""", flush=True)


def interrupt(*_):
    # Once is enough: what ends things is not interrupted.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stop()


def serve(d, party):
    """Until Ctrl-C. With the demonstration's agents still there: a call and three chats a minute."""
    slow = trickle.Trickle(party) if party else None
    while d.p.poll() is None:
        time.sleep(0.3)
    if slow:
        slow.close()
    print(f"the engine ended by itself with {d.p.returncode}; see {d.log}")
    return 1


def main():
    args = arguments()
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    if args.dpdk:
        try:
            with veth.demonstration(args) as phones.NETWORK:
                return play(args)
        except Stop:
            return 130
        except (RuntimeError, OSError) as e:
            print(f"engine/run: --dpdk: this machine does not let us make the network: {e}", file=sys.stderr)
            return 1
    return play(args)


def play(args):
    if not args.dpdk:
        check_listen(args)
    if args.drill:
        try:
            return drill.run(Daemon, args)
        except Stop:
            return 130
    d, party, code = Daemon(args), None, 0
    try:
        if not d.start():
            return 1
        if not args.no_demo:
            print(f"[4/4] demonstration: {args.calls} calls, {args.chats} chats", flush=True)
            party = show.Show(d, args)
            ended = party.run()
            code = report.tell(d, party) or (0 if ended else 1)
            # Agents and phones stay while it serves: who calls now is answered.
        if args.once:
            return code
        welcome(d)
        code = serve(d, party)
    except Stop:
        code = 0 if d.up and not args.once else 130
        print()
    except (ApiError, OSError, RuntimeError) as e:
        print(f"\nthe demonstration stopped: {e}")
        code = 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if party:
            party.close()
        # SIPp's callers went without a BYE if they were stopped: nobody is there to end those calls.
        ended = d.stop(3 if party else None)
    return code or (1 if ended else 0)


if __name__ == "__main__":
    result = main()
    sys.stdout.flush()
    os._exit(result) if threading.active_count() > 1 else sys.exit(result)
