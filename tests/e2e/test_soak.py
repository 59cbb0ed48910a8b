"""Half an hour of work: what grows, would be seen."""
import json
import os
import statistics
import subprocess
import threading
import time

import audio
from chat import Customer
from lib import SIP_SECRET, ApiError, Desk, centre, scenario
from ua import answer_all

SECONDS = float(os.environ.get("JUNCTOR_SOAK_S", "1800"))
AT_ONCE = int(os.environ.get("JUNCTOR_SOAK_CALLS", "2000"))
PTIME = int(os.environ.get("JUNCTOR_SOAK_PTIME", "60"))  # ms of a packet: 20 take three times the work
AGENTS, WRITERS = 40, 4


def cpu_s(pid):
    """Seconds of CPU that a process has had."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sample(pid):
    """(resident KiB, descriptors, threads)"""
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        status = dict(line.split(":", 1) for line in f if ":" in line)
    return int(status["VmRSS"].split()[0]), len(os.listdir(f"/proc/{pid}/fd")), int(status["Threads"])


class Writer(threading.Thread):
    """Chats all the time: opens one, writes a few lines each way, ends it."""

    def __init__(self, engine, stop):
        super().__init__(daemon=True)
        self.engine, self.stop, self.chats, self.messages, self.wrong = engine, stop, 0, 0, []

    def run(self):
        while not self.stop.is_set():
            c = Customer(self.engine, name="soak")
            said = [f"line {k} of chat {self.chats}" for k in range(4)]
            try:
                for text in said:
                    c.say(text)
                    self.messages += 1
                    time.sleep(0.2)
                kept = [m["text"] for m in c.read() if m["from"] == "customer"]
                if kept != said:
                    self.wrong.append(f"{kept} for {said}")
                c.end()
                self.chats += 1
            except (ApiError, OSError) as e:
                self.wrong.append(repr(e))


@scenario(int(SECONDS) + 300, alone=True, long=True)
def soak_30_minutes(t):
    """200 calls at 20/s again and again, agents and phones that come and go, chats beside, for 30 minutes: every call and
    message accounted for, memory and descriptors flat. JUNCTOR_SOAK_S sets another time."""
    # What remembers the last calls, chats and ids is as large as the limits say and filled in the first minutes, so that
    # what would grow without end is seen; the journal's hour would be longer than this.
    e = t.engine(centre(agents=AGENTS + WRITERS), workers=2, machine={
        "router": {"snapshot_every": "20s", "keep_journal": "60s", "max_interactions": 500, "max_agents": 100}, "sip.max_calls": 400, "api.max_chats": 200, "log.level": "info"})
    phones, desks = [], []
    for i in range(AGENTS):
        phones.append(t.phone(e, f"a{i + 1}", on_invite=answer_all(ring=0.01)))
        desks.append(t.desk(e, f"a{i + 1}", events=False))
    for i in range(AGENTS, AGENTS + WRITERS):
        t.closing.append(Desk(e, f"a{i + 1}", auto_accept=True))
        t.closing[-1].ready()
    speech = os.path.join(t.folder, "speech.ul")
    with open(speech, "wb") as f:
        f.write(audio.ulaw(audio.speech(6, 3)[0]))
    stop = threading.Event()
    writers = [Writer(e, stop) for _ in range(3)]
    for w in writers:
        w.start()
    began, seen, calls = time.monotonic(), [], 0
    try:
        while time.monotonic() - began < SECONDS:
            n = len(seen)
            s = t.sipp(f"load{n % 4}", "leaver.xml", e.address, calls=200, rate=20, service="100", keys={"speech": speech, "caller": "soak"}, stay_ms=1500, timeout=60)
            for k in range(4):  # some agents leave and come back while it runs
                i = (4 * n + k) % AGENTS
                desks[i].api.post("/api/v1/agents/me/logout")
                phones[i].register(0)
                time.sleep(0.3)
                t.equal(phones[i].register(), 200, "the phone registers again")
                desks[i].ready()
            code = s.wait(70)
            t.equal((code, s.figures()), (0, (200, 0)), f"round {n}: SIPp's exit code and (successful, failed); {s.why()[-300:]}")
            s.ended()
            t.closing.remove(s)
            calls += 200
            t.eventually(lambda: e.status()["calls"] == 0 and e.status()["legs"] == 0, "every call of the round is over", 20)
            for p in phones:
                p.forget()
            time.sleep(5.5)  # ports rest for five seconds before they are free
            seen.append(sample(e.p.pid))
    finally:
        stop.set()
    for w in writers:
        w.join(10)
        t.equal(w.wrong, [], "chats")
    t.idle(e, 20)
    t.totals(e, "main", {"offered": calls, "answered": calls, "abandoned": 0, "lost": 0}, "calls")
    t.eventually(lambda: e.totals("chat")["offered"] == sum(w.chats for w in writers), "chats")
    print(f"{calls} calls, {sum(w.chats for w in writers)} chats, {sum(w.messages for w in writers)} messages")
    flat(t, seen)


@scenario(int(SECONDS) + 900, alone=True, long=True)
def soak_2000_calls(t):
    """2,000 calls at once with sound both ways in packets of 60 ms, recorded, each of half a minute and followed by
    another one, for 30 minutes: no call fails, memory and descriptors flat. JUNCTOR_SOAK_S, JUNCTOR_SOAK_CALLS and
    JUNCTOR_SOAK_PTIME set other sizes."""
    parties = AT_ONCE + AT_ONCE // 20 + 10  # for a call holds its two a little longer than its sound lasts
    e = t.engine(centre(agents=parties), workers=2, machine={
        "router": {"snapshot_every": "20s", "keep_journal": "60s", "max_interactions": 2 * AT_ONCE, "max_agents": parties + 100}, "sip.max_calls": 2 * AT_ONCE,
        "sip.max_registers_per_s": 10000, "media.port_min": 16000, "media.port_max": 31999, "media.admit_load": 0, "api.max_chats": 100, "log.level": "warn"})
    hold = 30
    result = os.path.join(t.folder, "load.json")
    command = [t.binary, "load", "--json", result, "--to", f"sip:100@127.0.0.1:{e.sip_port}", "--domain", "acme.test", "--agents", parties, "--password", SIP_SECRET,
               "--ready", "--data", e.data, "--tenant", "acme", "--ptime", PTIME, "--calls", int(AT_ONCE * SECONDS / hold), "--at-once", parties, "--rate", AT_ONCE / hold,
               "--hold", f"{hold}s", "--max-late", "-1", "--max-failed", "0"]
    seen, used = [], []
    with open(os.path.join(t.folder, "load.txt"), "wb") as out:
        p = subprocess.Popen([str(x) for x in command], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        while p.poll() is None:
            time.sleep(5)
            if e.status()["calls"] > AT_ONCE // 2:
                seen.append(sample(e.p.pid))
                used.append((time.monotonic(), cpu_s(e.p.pid), cpu_s(p.pid)))
    if len(used) > 1:
        (t0, e0, l0), (t1, e1, l1) = used[0], used[-1]
        print(f"CPU seconds a second with more than {AT_ONCE // 2} calls up: engine {(e1 - e0) / (t1 - t0):.2f}, generator {(l1 - l0) / (t1 - t0):.2f}")
    with open(os.path.join(t.folder, "load.txt"), encoding="utf-8") as f:
        t.equal(p.returncode, 0, "junctor load: " + f.read()[-1500:])
    with open(result, encoding="utf-8") as f:
        run = json.load(f)["repetitions"][0]
    t.equal((run["calls"]["failed"], run["calls"]["done"]), (0, int(AT_ONCE * SECONDS / hold)), "calls")
    t.idle(e, 60)
    print(f"{run['calls']['done']} calls; at the callers {run['at_callers']['loss_percent']} % missing, MOS {run['at_callers']['mos']}")
    flat(t, seen)


def flat(t, seen):
    """Memory and descriptors of the last quarter of the time are those of the second."""
    quarter = max(1, len(seen) // 4)
    early, late = seen[quarter:2 * quarter] or seen[:1], seen[-quarter:]
    rss = [statistics.median(x[0] for x in part) for part in (early, late)]
    fds = [max(x[1] for x in part) for part in (early, late)]
    print(f"resident {rss[0]:.0f} then {rss[1]:.0f} KiB; descriptors {fds[0]} then {fds[1]}; threads {seen[-1][2]}; {len(seen)} samples")
    t.check(rss[1] <= rss[0] * 1.03 + 2048, f"resident memory is flat: {[x[0] for x in seen]}")
    t.check(fds[1] <= fds[0] + 4, f"descriptors are flat: {[x[1] for x in seen]}")
