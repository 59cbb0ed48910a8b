"""The demonstration's parties: agents with real SIP phones (baresip) and desks, callers (SIPp), customers who chat. Among
the calls one is given up, one turned away, one held, one transferred, one whispered into."""
import collections
import os
import sys
import threading
import time

import audio
import customers
import phones
from client import ApiError
from desks import Desk, log_in
from table import Table

CALLERS = ("anna", "boris", "chen", "dilnoza", "elena", "farid", "grace", "hyun")


class Show:
    def __init__(self, daemon, args):
        self.d, self.args, self.install = daemon, args, daemon.install
        self.folder = os.path.join(args.data, "demo")
        os.makedirs(self.folder, exist_ok=True)
        self.lock, self.counts, self.problems = threading.Lock(), collections.Counter(), []
        self.phones, self.desks, self.sipps, self.customers = [], [], [], []
        self.stopping, self.table = False, Table()
        self.first, self.late = list(self.install.dialled)[:2]  # the two clients; the second one's help desk opens later
        self.late_number = self.install.dialled[self.late][0]
        self.numbers = [(t, n) for t in (self.first, self.late) for n in self.install.dialled[t] if (t, n) != (self.late, self.late_number)]
        self.transfer_to = self.install.queue_of[self.first, self.install.dialled[self.first][1]]
        self.acts, self.acted = ["transfer", "hold", "whisper"], {}
        self.boss = next(w for w in self.install.agents if w.role == "supervisor" and w.tenant == self.first)

    def count(self, what, n=1):
        with self.lock:
            self.counts[what] += n

    def problem(self, text):
        with self.lock:
            self.problems.append(text)

    def say(self, text):
        print("      " + text, flush=True)

    # what is done to calls
    def next_act(self, d):
        """What the agent who has this call shall show, once each, at the first client's first number."""
        first = self.install.queue_of[self.first, self.install.dialled[self.first][0]]
        with self.lock:
            if (d.get("tenant"), d.get("queue")) != (self.first, first) or not self.acts or d["id"] in self.acted.values():
                return None
            self.acted[self.acts[0]] = d["id"]
            return self.acts.pop(0)

    def whisper(self, ix):
        """The supervisor's phone is called, speaks to the agent alone for a while, and leaves."""
        try:
            api = log_in(self, self.boss)
            api.post(f"/api/v1/calls/{ix}/supervise", {"mode": "whisper"})
            time.sleep(4.0)
            api.call("DELETE", f"/api/v1/calls/{ix}/supervise")
        except (ApiError, OSError) as e:
            self.problem(f"{self.boss.name} whispers: {e}")

    # the parties
    def agents(self):
        speech = []
        for i in range(3):
            path = os.path.join(self.folder, f"agent{i}.wav")
            # Silence behind it: a baresip whose file ends hangs up.
            pcm, real = audio.speech(25, 500 + i)
            audio.write_wav(path, pcm + audio.silence(240))
            speech.append(path)
        if not real:
            self.say("the sound package is not installed: agents and callers warble instead of speaking")
        for i, who in enumerate(self.install.agents):
            if who.sip_user:
                self.phones.append(phones.Baresip(os.path.join(self.folder, "phone-" + who.name), who.sip_user, who.domain, (self.d.args.listen, self.d.sip), who.sip_secret,
                                                  wav=speech[i % len(speech)], seconds=86400))
        for p in self.phones:
            if not p.connect() or not p.wait_registered(10):
                raise RuntimeError(f"phone {p.user} did not register; see {p.folder}/log")
        self.desks = [Desk(self, who) for who in self.install.agents if who.role == "agent"]
        for desk in self.desks:
            if not desk.who.late:
                desk.ready()
            else:  # an earlier run may have left them ready
                desk.post("/api/v1/agents/me/not-ready", {"reason": "opens later"})
        self.say(f"{len(self.phones)} phones registered (baresip), {len(self.desks)} agents logged in")

    def late_agents(self):
        for desk in self.desks:
            if desk.who.late:
                desk.ready()
        self.sipp("callers-late", "caller.xml", self.late, self.late_number, self.few, 0.2)

    def sipp(self, name, scenario, tenant, number, calls, rate, **more):
        if calls:
            self.sipps.append(phones.Sipp(os.path.join(self.folder, name), scenario, (self.d.args.listen, self.d.sip), calls=calls, rate=rate, service=number, timeout=170, ip=self.install.source[tenant],
                                          keys={"speech": self.speech[len(self.sipps) % len(self.speech)], "caller": CALLERS[len(self.sipps) % len(CALLERS)]}, **more))

    def early_callers(self):
        """While the second client's help desk has nobody at work: two give up in its queue, a third finds it full."""
        self.speech = []
        for k in range(4):
            path = os.path.join(self.folder, f"caller{k}.ul")
            with open(path, "wb") as f:
                f.write(audio.ulaw(audio.speech(20, 700 + k)[0]))
            self.speech.append(path)
        late, n = self.late, self.args.calls
        self.expect = {"gone": 2, "away": 1} if n >= 6 else {"gone": 0, "away": 0}
        self.expect["stay"] = n - self.expect["gone"] - self.expect["away"]
        number = self.late_number
        self.sipp("leavers", "leaver.xml", late, number, self.expect["gone"], 2, stay_ms=9000)
        if self.expect["away"]:
            time.sleep(2.5)
            self.sipp("turned-away", "caller.xml", late, number, self.expect["away"], 1)

    def callers(self):
        """Those who stay until the agent's side hangs up, over both clients' numbers."""
        stay = self.expect["stay"]
        few = stay // 7
        rest, numbers = stay - few, self.numbers
        for k, (tenant, number) in enumerate(numbers):
            self.sipp(f"callers-{tenant}-{number}", "caller.xml", tenant, number, rest // len(numbers) + (1 if k < rest % len(numbers) else 0), 0.3)
        self.few = few

    def over(self):
        return all(s.p.poll() is not None for s in self.sipps) and not any(c.is_alive() for c in self.customers)

    def run(self):
        """True when every party ended in time."""
        self.since_us = self.d.admin.get("/api/v1/live")["at_us"]
        self.metrics_before = self.d.admin.metrics()
        self.agents()
        self.early_callers()
        self.callers()
        started, began = 0, time.monotonic()
        end, opened = began + 200, False
        while time.monotonic() < end:
            if not opened and all(s.p.poll() is not None for s in self.sipps if "leavers" in s.folder or "turned" in s.folder):
                opened = True
                self.late_agents()
            while started < self.args.chats and started * 0.5 < time.monotonic() - began:
                c = threading.Thread(target=customers.talk, args=(self, started, self.first if started % 4 else self.late), daemon=True)
                c.start()
                self.customers.append(c)
                started += 1
            self.table.draw(self.d.admin.get("/api/v1/live"))
            if self.d.p.poll() is not None:
                raise RuntimeError(f"the engine ended with {self.d.p.returncode}; see {self.d.log}")
            if opened and started == self.args.chats and self.over():
                break
            time.sleep(0.2)
        else:
            self.problem("not every party ended in 200 s")
        # Wrap-up and the last rows may still be on their way.
        wait = time.monotonic() + 20
        while time.monotonic() < wait:
            live = self.d.admin.get("/api/v1/live")
            self.table.draw(live)
            if live["total"]["open"] == 0 and live["agent_states"]["wrap_up"] == 0:
                break
            time.sleep(0.2)
        self.table.draw(self.d.admin.get("/api/v1/live"), True)
        for s in self.sipps:
            good, bad = s.figures()
            self.count("calls_ok", good)
            if s.p.returncode != 0 or bad:
                self.problem(f"SIPp {os.path.basename(s.folder)}: {good} calls as written, {bad} not; {s.why()[-200:].strip()}")
        return not self.problems

    def close(self):
        self.stopping = True
        for s in self.sipps:
            s.stop()
        for d in self.desks:
            d.close()
        for p in self.phones:
            p.stop()
