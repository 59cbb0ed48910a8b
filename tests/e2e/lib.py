"""What scenarios stand on: the real daemon in a folder of its own, agents at their desks with phones, and checks that
say what was expected. Also the list of scenarios."""
import hashlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "engine", "demo"))
sys.path.insert(0, HERE)
import audio  # noqa: E402
import phones  # noqa: E402
from client import Api, ApiError, WebSocket  # noqa: E402
from ua import Ua, answer_all  # noqa: E402

GREETING_HZ, MUSIC_HZ = 620, 310
PASSWORD = "correct-horse-7"
SIP_SECRET = "phone-secret-9"
SALT = "00112233445566778899aabbccddeeff"
HASH = f"pbkdf2-sha256$10000${SALT}$" + hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), bytes.fromhex(SALT), 10000).hex()
DOMAIN = "acme.test"


class Failed(Exception):
    pass


class Skip(Exception):
    pass


class ScenarioEntry:
    def __init__(self, run, timeout, alone, long):
        self.run, self.timeout, self.alone, self.long = run, timeout, alone, long
        self.what = " ".join((run.__doc__ or "").split())


scenarios = {}


def scenario(timeout=60, alone=False, long=False):
    """alone: it loads or measures the machine and runs with nothing beside it. long: only with --long, or when named."""
    def add(f):
        scenarios[f.__name__] = ScenarioEntry(f, timeout, alone, long)
        return f
    return add


def yaml(value, depth=0):
    """Plain data as YAML text."""
    pad = "  " * depth
    if isinstance(value, dict):
        out = ""
        for k, v in value.items():
            k = k if re.fullmatch(r"[\w.-]+", k) else json.dumps(k)
            if isinstance(v, (dict, list)) and v:
                out += f"{pad}{k}:\n{yaml(v, depth + 1)}"
            else:
                out += f"{pad}{k}: {scalar(v)}\n"
        return out
    out = ""
    for v in value:
        if isinstance(v, dict):
            out += pad + "- " + yaml(v, depth + 1).lstrip(" ")
        else:
            out += f"{pad}- {scalar(v)}\n"
    return out


def scalar(v):
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, (int, float)):
        return str(v)
    if v is None or v == {} or v == []:
        return "[]" if v == [] else "{}" if v == {} else '""'
    # Numbers that are names must stay text.
    return v if re.fullmatch(r"[A-Za-z/][\w ./:@-]*|\d+(ms|s|m|h)", v) and v not in ("true", "false") else json.dumps(v, ensure_ascii=False)


def agent(name, skills=(), role="agent", phone=True, voice=1, chat=3, srtp=None, no_answer=2, domain=DOMAIN):
    a = {"name": name, "role": role, "password": HASH, "capacity": {"voice": voice if phone else 0, "chat": chat}, "max_no_answer": no_answer}
    if skills:
        a["skills"] = {s: 5 for s in skills}
    if phone:
        a["phone"] = {"user": name, "ha1": hashlib.md5(f"{name}:{domain}:{SIP_SECRET}".encode()).hexdigest()}
        if srtp:
            a["phone"]["srtp"] = srtp
    return a


def queue(name, number=None, channels=("voice",), **more):
    q = {"name": name, "channels": list(channels), "target": "5s", "offer_timeout": "5s", "wrap_up": "0s"}
    if number:
        q.update({"number": number, "greeting": "hello", "music": "music", "record": True, "say_position": False})
    q.update(more)
    return q


def centre(agents=4, queues=None, rules=None, more_agents=(), trunks=None, other=True):
    """The test centre: tenant acme with agents a1, a2 ..., boss and root; tenant rival, which must see nothing of it."""
    acme = {"name": "acme", "domain": DOMAIN,
            "skills": ["billing", "tech", "nobody"],
            "queues": queues or [queue("main", "100"), queue("chat", channels=["chat"])],
            "agents": [agent(f"a{i + 1}") for i in range(agents)] + list(more_agents) + [
                agent("boss", role="supervisor", phone=False), agent("root", role="administrator", phone=False)],
            "trunks": trunks or [{"name": "carrier", "from": ["127.0.0.1/32"]}], "rules": rules or []}
    tenants = [acme]
    if other:
        tenants.append({"name": "rival", "domain": "rival.test", "queues": [queue("main", channels=["chat"])],
                        "agents": [agent("spy", role="supervisor", phone=False, domain="rival.test")]})
    return {"tenants": tenants}


class Engine:
    """One daemon with its folder. start waits until it serves."""

    def __init__(self, folder, binary, centre_data, workers=1, machine=None, centre_text=None, host="127.0.0.1"):
        self.folder, self.binary, self.p = folder, binary, None
        os.makedirs(os.path.join(folder, "sounds"), exist_ok=True)
        self.data = os.path.join(folder, "data")
        self.sip_port = phones.free_port(15060, 2)
        self.api_port = phones.free_port(18080)
        self.media = 5500 + phones.OFFSET * 2  # below the ports that the kernel gives to others
        self.host, self.address = host, (host, self.sip_port)
        audio.write_wav(os.path.join(folder, "sounds", "hello.wav"), audio.tone(GREETING_HZ, 0.6))
        audio.write_wav(os.path.join(folder, "sounds", "music.wav"), audio.tone(MUSIC_HZ, 4))
        config = {"data_dir": self.data, "centre": "centre.yaml",
                  "sip": {"listen": host, "port": self.sip_port, "max_calls": 500, "max_calls_per_s": 1000},
                  "media": {"listen": host, "port_min": self.media, "port_max": self.media + 1699},
                  "workers": {"count": workers, "pin": False},
                  "api": {"listen": host, "port": self.api_port},
                  "sounds": [os.path.join(folder, "sounds")], "log": {"level": "debug"}}
        for key, value in (machine or {}).items():
            part, _, name = key.partition(".")
            if name:
                config[part][name] = value
            else:
                config[part] = value
        self.config = os.path.join(folder, "machine.yaml")
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(yaml(config))
        self.centre_path = os.path.join(folder, "centre.yaml")
        with open(self.centre_path, "w", encoding="utf-8") as f:
            f.write(centre_text or yaml(centre_data))

    def start(self, timeout=15.0, user=None):
        self.log = open(os.path.join(self.folder, "engine.log"), "ab")
        before = self.log.tell()
        self.p = subprocess.Popen([self.binary, "run", "--config", self.config, "--drain-limit", "5"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, **({"user": user, "group": user, "extra_groups": []} if user else {}))
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.p.poll() is not None:
                raise Failed(f"the engine ended with {self.p.returncode} at its start: " + self.tail(before))
            try:
                status, _, _ = Api(self.host, self.api_port, timeout=1).request("GET", "/healthz")
                if status == 200:
                    break
            except OSError:
                pass
            time.sleep(0.03)
        else:
            raise Failed("the engine did not come up: " + self.tail(before))
        with open(os.path.join(self.data, "api.json"), encoding="utf-8") as f:
            self.admin = Api(self.host, self.api_port, json.load(f)["admin_token"])
        while not self.status()["sip"] and time.monotonic() < end:
            time.sleep(0.02)
        return self

    def tail(self, since=0):
        with open(os.path.join(self.folder, "engine.log"), encoding="utf-8", errors="replace") as f:
            f.seek(since)
            return f.read()[-1200:]

    def log_text(self):
        with open(os.path.join(self.folder, "engine.log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def kill(self):
        self.p.send_signal(signal.SIGKILL)
        self.p.wait()

    def stop(self, timeout=20.0, sig=signal.SIGTERM):
        """Exit code; -9 when it had to be killed."""
        if self.p is None or self.p.poll() is not None:
            return self.p.returncode if self.p else 0
        self.p.send_signal(sig)
        try:
            return self.p.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9

    def status(self):
        return self.admin.get("/api/v1/status")

    def live(self):
        return self.admin.get("/api/v1/live")

    def totals(self, queue_name=None):
        live = self.live()
        return next(q for q in live["queues"] if q["name"] == queue_name) if queue_name else live["total"]

    def cli(self, *args, timeout=30):
        p = subprocess.run([self.binary, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
        return p.returncode, p.stdout.decode("utf-8", "replace"), p.stderr.decode("utf-8", "replace")

    def rows(self, sql, *values):
        """The database, read only, beside the running engine."""
        db = sqlite3.connect(f"file:{self.data}/junctor.db?mode=ro", uri=True, timeout=5)
        try:
            return db.execute(sql, values).fetchall()
        finally:
            db.close()


class Desk:
    """An agent at work: logged in at the API, events read by a thread. auto_accept: takes each chat offered."""

    def __init__(self, engine, name, tenant="acme", auto_accept=False, events=True, password=PASSWORD):
        self.name, self.engine, self.auto = name, engine, auto_accept
        answer = Api(engine.host, engine.api_port).post("/api/v1/login", {"tenant": tenant, "name": name, "password": password})
        self.token, self.id = answer["token"], answer["agent"]
        self.api = Api(engine.host, engine.api_port, self.token)
        self.events, self.cv, self.ws, self.cursor = [], threading.Condition(), None, None
        if events:
            self.listen()

    def listen(self, cursor=None):
        path = "/api/v1/events" + (f"?cursor={cursor}" if cursor is not None else "")
        self.ws = WebSocket(self.engine.host, self.engine.api_port, path, {"Authorization": "Bearer " + self.token})
        threading.Thread(target=self._read, args=(self.ws,), daemon=True).start()

    def _read(self, ws):
        while not ws.closed:
            try:
                e = ws.event(0.5)
            except (OSError, ValueError):
                return
            if not e:
                continue
            with self.cv:
                self.cursor = e["cursor"]
                self.events.append(e)
                self.cv.notify_all()
            d = e["data"]
            if self.auto and e["type"] == "offer" and d.get("channel") == "chat":
                try:
                    self.api.post(f"/api/v1/interactions/{d['id']}/accept")
                except (ApiError, OSError):
                    pass

    def wait(self, kind, ok=lambda d: True, timeout=10.0):
        """The first event of that kind that fits (also one that came already), or None."""
        end = time.monotonic() + timeout
        with self.cv:
            while True:
                for e in self.events:
                    if e["type"] == kind and ok(e["data"]):
                        return e["data"]
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self.cv.wait(left)

    def seen(self, kind):
        with self.cv:
            return [e["data"] for e in self.events if e["type"] == kind]

    def login(self):
        return self.api.post("/api/v1/agents/me/login")

    def ready(self):
        self.login()
        return self.api.post("/api/v1/agents/me/ready")

    def state(self):
        return self.api.get("/api/v1/agents/me")["agent"]

    def wait_state(self, state, timeout=10.0):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            s = self.state()
            if s["state"] == state:
                return s
            time.sleep(0.05)
        return None

    def close(self):
        if self.ws:
            self.ws.close()


class Scenario:
    """Handed to each scenario: makes engines, desks, phones and ends them all."""

    def __init__(self, name, folder, binary):
        self.name, self.folder, self.binary = name, folder, binary
        self.engines, self.closing, self.count = [], [], 0
        self.expect_exit, self.after_checks = 0, True

    def engine(self, centre_data=None, start=True, **more):
        self.count += 1
        e = Engine(os.path.join(self.folder, f"engine{self.count}"), self.binary, centre_data or centre(), **more)
        self.engines.append(e)
        return e.start() if start else e

    def desk(self, engine, name, ready=True, **more):
        d = Desk(engine, name, **more)
        self.closing.append(d)
        if ready:
            d.ready()
        return d

    def phone(self, engine, name, register=True, on_invite=None, **more):
        """An agent's registered phone; answers every call unless told otherwise."""
        u = Ua(engine.address, name, DOMAIN, SIP_SECRET, on_invite=on_invite or answer_all(), **more)
        self.closing.append(u)
        if register:
            status = u.register()
            self.check(status == 200, f"phone {name} registers, got {status}")
        return u

    def caller(self, engine, user="alice", **more):
        u = Ua(engine.address, user, **more)
        self.closing.append(u)
        return u

    def agent(self, engine, name, say=None, on_invite=None, **more):
        """(desk, phone): registered first, so that the first call finds it."""
        p = self.phone(engine, name, on_invite=on_invite or answer_all(say=say), **more)
        return self.desk(engine, name), p

    def baresip(self, name, *args, **more):
        more.setdefault("ip", Ua.home)
        b = phones.Baresip(os.path.join(self.folder, name), *args, **more)
        self.closing.append(b)
        self.check(b.connect(), f"baresip {name} starts")
        return b

    def sipp(self, name, *args, **more):
        s = phones.Sipp(os.path.join(self.folder, name), *args, **more)
        self.closing.append(s)
        return s

    def check(self, ok, what):
        if not ok:
            raise Failed(f"expected: {what}")

    def skip(self, why):
        raise Skip(why)

    def equal(self, got, want, what):
        if got != want:
            raise Failed(f"{what}: expected {want!r}, got {got!r}")

    def eventually(self, ok, what, timeout=10.0):
        """Polls until ok() is true; its last value is given back."""
        end = time.monotonic() + timeout
        while True:
            try:
                value = ok()
            except (OSError, ApiError) as e:
                value, what = None, f"{what} ({e})"
            if value:
                return value
            if time.monotonic() > end:
                raise Failed(f"expected within {timeout:g} s: {what}")
            time.sleep(0.05)

    def totals(self, engine, queue_name, want, what):
        """Queue rows are told at most every 100 ms, so their last change may come a moment later than an event."""
        keys = tuple(want)
        got = lambda: {k: engine.totals(queue_name)[k] for k in keys}  # noqa: E731
        try:
            self.eventually(lambda: got() == want, what, 3.0)
        except Failed:
            raise Failed(f"{what}: expected {want}, got {got()}") from None

    def idle(self, engine, timeout=8.0):
        """Nothing is left behind: no leg, no room, no open interaction."""
        def clean():
            s, m = engine.status(), engine.admin.metrics()
            rooms = sum(v for k, v in m.items() if k.startswith("junctor_media_rooms"))
            legs = sum(v for k, v in m.items() if k.startswith("junctor_media_legs"))
            self.left = {"interactions": s["interactions_open"], "calls": s["calls"], "sip legs": s["legs"], "media legs": legs, "rooms": rooms}
            return not any(self.left.values())
        try:
            self.eventually(clean, "nothing left", timeout)
        except Failed:
            raise Failed(f"left behind: {self.left}") from None

    def after(self):
        """Every scenario ends so: the engine still serves, and stops in order."""
        for e in self.engines:
            if e.p and self.after_checks:
                self.check(e.p.poll() is None, f"the engine still runs, it ended with {e.p.returncode}: " + e.tail())
                for c in self.closing:
                    if isinstance(c, Desk):
                        c.close()
                self.equal(e.stop(), self.expect_exit, "exit code after SIGTERM")

    def close(self):
        for c in reversed(self.closing):
            try:
                c.stop() if hasattr(c, "stop") else c.close()
            except OSError:
                pass
        for e in self.engines:
            if e.p and e.p.poll() is None:
                e.stop(3.0)
