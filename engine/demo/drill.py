"""engine/run --drill: what kill -9 does to a busy engine. Ten calls and twenty chats are up; the engine is killed, started
again on the same data, and everything that it promises is looked at: acknowledged messages, their order, calls that end in
order on every phone, recordings, phones that are still known, and work that goes on."""
import json
import os
import signal
import subprocess
import sys
import threading
import time

import audio
import phones
from client import Api, ApiError
from desks import Desk, log_in

CALLS, CHATS, TALKERS = 10, 20, 5


class Drill:
    def __init__(self, daemon):
        self.d, self.failed = daemon, 0
        self.phones, self.desks, self.sipps, self.chats, self.problems = [], [], [], [], []
        self.stopping, self.lock = False, threading.Lock()

    # what Desk asks of its show
    def count(self, what, n=1):
        pass

    def problem(self, text):
        self.problems.append(text)

    def next_act(self, d):
        return "stay"

    def say(self, text):
        print("      " + text, flush=True)

    def check(self, ok, text):
        print(f"  {'ok ' if ok else 'NOT'} {text}", flush=True)
        self.failed += not ok

    def eventually(self, ok, timeout=15.0):
        end = time.monotonic() + timeout
        value = None
        while time.monotonic() < end:
            try:
                value = ok()
                if value:
                    return value
            except (ApiError, OSError, KeyError):
                pass
            time.sleep(0.05)
        return value

    # before
    def busy(self):
        d, i = self.d, self.d.install
        folder = os.path.join(d.args.data, "drill")
        os.makedirs(folder, exist_ok=True)
        wav, raw = os.path.join(folder, "agent.wav"), os.path.join(folder, "caller.ul")
        audio.write_wav(wav, audio.speech(25, 500)[0] + audio.silence(240))
        with open(raw, "wb") as f:
            f.write(audio.ulaw(audio.speech(20, 700)[0]))
        self.client = next(iter(i.dialled))
        number = i.dialled[self.client][0]
        skilled = [w for w in i.agents if w.sip_user and w.role == "agent" and not w.late][:TALKERS]
        for who in skilled:
            self.phones.append(phones.Baresip(os.path.join(folder, "phone-" + who.name), who.sip_user, who.domain, (d.args.listen, d.sip), who.sip_secret, wav=wav, seconds=300))
        for p in self.phones:
            if not p.connect() or not p.wait_registered(10):
                raise RuntimeError(f"phone {p.user} did not register; see {p.folder}/log")
        self.desks = [Desk(self, who) for who in skilled]
        for desk in self.desks:
            desk.call = lambda *_: None  # they talk until the end comes
            desk.ready()
        numbers = i.dialled[self.client]
        for k in range(2):
            self.sipps.append(phones.Sipp(os.path.join(folder, f"callers{k}"), "caller.xml", (d.args.listen, d.sip), calls=CALLS // 2, rate=5, service=numbers[k % len(numbers)], timeout=120,
                                          ip=i.source[self.client], keys={"speech": raw, "caller": "driller"}))
        for k in range(CHATS):
            api = Api("127.0.0.1", d.api_port)
            chat = api.post("/api/v1/chat", {"tenant": self.client, "name": f"customer {k + 1}", "text": f"first message {k} 안녕", "key": f"drill-{os.getpid()}-{k}-a"})
            api.token = chat["token"]
            api.post(f"/api/v1/chat/{chat['id']}/messages", {"text": f"second message {k} спасибо", "key": f"drill-{os.getpid()}-{k}-b"})
            self.chats.append((chat["id"], api))
        self.number = number
        self.up = self.eventually(lambda: self.calls_up() >= CALLS and self.talking() >= TALKERS, 20)
        time.sleep(2.5)  # recordings are on disk within a second

    def open_calls(self):
        return self.d.admin.get("/api/v1/interactions?open=1&channel=voice")["interactions"]

    def calls_up(self):
        return len(self.open_calls())

    def talking(self):
        return sum(x["state"] == "connected" for x in self.open_calls())

    def waiting_chats(self):
        rows = [x for x in self.d.admin.get("/api/v1/interactions?open=1&channel=chat")["interactions"] if x["state"] == "queued"]
        return [x["id"] for x in sorted(rows, key=lambda x: (x["queue"], x["position"]))]

    # after
    def prove(self, before, began):
        d = self.d
        self.say(f"serves again {time.monotonic() - began:.1f} s after the kill")
        after = self.eventually(lambda: (lambda w: w if len(w) == CHATS else None)(self.waiting_chats())) or self.waiting_chats()
        self.check(after == before, f"{len(after)} of {CHATS} chats wait again, each in its old place")
        whole = 0
        for k, (ix, api) in enumerate(self.chats):
            said = [m["text"] for m in api.get(f"/api/v1/chat/{ix}/messages")["messages"]]
            whole += said == [f"first message {k} 안녕", f"second message {k} спасибо"]
        self.check(whole == CHATS, f"{2 * whole} of {2 * CHATS} acknowledged messages are there, once each, for the customers' old tokens")
        lost = self.eventually(lambda: (lambda v: v if len(v) == CALLS else None)([x for x in d.admin.get("/api/v1/interactions?channel=voice")["interactions"] if x["outcome"] == "lost" and x["why"] == "crash"]))
        self.check(bool(lost), f"{len(lost or [])} of {CALLS} calls are on record as lost in a crash, none is open for ever")
        told = self.eventually(lambda: all(s.p.poll() is not None for s in self.sipps) and all(p.count("CALL_CLOSED") >= 1 for p in self.phones))
        good = sum(s.figures()[0] for s in self.sipps)
        self.check(bool(told) and good == CALLS, f"{good} of {CALLS} callers and {sum(p.count('CALL_CLOSED') >= 1 for p in self.phones)} of {len(self.phones)} agents' phones got a BYE")
        p = subprocess.run([d.args.binary, "rec", "verify", "--data", d.args.data], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        recordings = d.admin.get("/api/v1/recordings")["recordings"]
        audible = sum(d.admin.request("GET", f"/api/v1/recordings/{r['id']}/audio")[0] == 200 for r in recordings)
        self.check(len(recordings) == CALLS and audible == CALLS, f"{audible} of {CALLS} recordings play up to the last second before the kill (rec verify: {p.stdout.strip().splitlines()[-1] if p.stdout.strip() else p.returncode})")
        self.goes_on(before)

    def replay(self):
        """After the engine's orderly end, which writes the last record to compare with: before and after the kill."""
        p = subprocess.run([self.d.args.binary, "replay", self.d.args.data, "--from-start", "--json"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        try:
            r = json.loads(p.stdout)
        except ValueError:
            r = {}
        self.check(p.returncode == 0 and r.get("command_checks", 0) > 0 and r.get("state_checks", 0) > 0,
                   f"the journal of both runs, {r.get('events', 0)} events, replays to the same commands and the same state" + ("" if p.returncode == 0 else f": {(p.stdout + p.stderr).strip()}"))

    def goes_on(self, before):
        """Phones did not register again, agents did not log in again; the next call and the oldest chat are served."""
        i = self.d.install
        for desk in self.desks:
            desk.api.post("/api/v1/agents/me/ready")
        began = time.monotonic()
        with open(os.path.join(self.d.args.data, "drill", "caller.ul"), "rb"):
            s = phones.Sipp(os.path.join(self.d.args.data, "drill", "again"), "leaver.xml", (self.d.args.listen, self.d.sip), calls=1, rate=1, service=self.number, stay_ms=4000, timeout=30,
                            ip=i.source[self.client], keys={"speech": os.path.join(self.d.args.data, "drill", "caller.ul"), "caller": "again"})
        self.sipps.append(s)
        answered = self.eventually(lambda: self.talking() >= 1, 10)
        self.check(bool(answered), f"the next call rings an agent's phone that did not register again, answered after {time.monotonic() - began:.1f} s")
        writer = next(w for w in i.agents if not w.sip_user and w.role == "agent")
        api = log_in(self, writer)
        api.post("/api/v1/agents/me/login")
        api.post("/api/v1/agents/me/ready")
        offered = self.eventually(lambda: [x["id"] for x in api.get("/api/v1/agents/me")["interactions"]], 5) or []
        self.check(bool(offered) and set(offered) <= set(before[:len(offered)] + before), f"{len(offered)} chats are offered to an agent at once, the oldest first")

    def close(self):
        self.stopping = True
        for s in self.sipps:
            s.stop()
        for desk in self.desks:
            desk.close()
        for p in self.phones:
            p.stop()


def run(daemon, args):
    """The exit code: 0 when everything that was promised was kept."""
    args.data = os.path.join(args.data, "..", os.path.basename(args.data) + "-drill") if os.path.basename(args.data) else args.data + "drill"
    args.data = os.path.abspath(args.data)
    if os.path.exists(args.data):
        import shutil
        if not os.path.exists(os.path.join(args.data, "drill")):
            sys.exit(f"engine/run: {args.data} is there and is no drill's: it is left alone")
        shutil.rmtree(args.data)
    d = daemon(args)
    drill = None
    try:
        if not d.start():
            return 1
        print(f"[4/4] drill: {CALLS} calls and {CHATS} chats, then kill -9", flush=True)
        drill = Drill(d)
        drill.busy()
        before = drill.waiting_chats()
        drill.check(bool(drill.up) and len(before) == CHATS, f"{drill.calls_up()} calls are up, {drill.talking()} of them with agents, {len(before)} chats wait")
        drill.say(f"kill -9 {d.p.pid}")
        d.p.send_signal(signal.SIGKILL)
        d.p.wait()
        began = time.monotonic()
        if not d.start(again=True):
            return 1
        drill.prove(before, began)
        for p in drill.problems[:5]:
            drill.check(False, p)
        drill.close()
        drill.check(d.stop() == 0, "the engine drains and ends in order")
        drill.replay()
        print("\nEverything promised was kept." if not drill.failed else "\nSomething promised was not kept: see NOT above.")
        return 1 if drill.failed else 0
    except (ApiError, OSError, RuntimeError) as e:
        print(f"\nthe drill stopped: {e}")
        return 1
    finally:
        if drill:
            drill.close()
        d.stop()
