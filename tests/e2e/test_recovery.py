"""What survives: kill -9 with calls and chats, a drain, a full disk, damaged configuration, changed rules."""
import os
import subprocess
import time

import audio
from chat import Customer
from lib import Desk, agent, centre, queue, scenario, yaml
from ua import answer_all


@scenario(120, alone=True)
def crash_with_chats_and_calls(t):
    """kill -9 with 20 chats waiting and 10 calls up. After the restart: chats in their old order with every message,
    calls closed as lost, their phones got a BYE, every recording exportable."""
    e = t.engine(centre(agents=5))
    phones_, desks = [], []
    for i in range(5):
        p = t.phone(e, f"a{i + 1}", on_invite=answer_all(say=audio.speech(5, i)[0]))
        phones_.append(p)
        desks.append(t.desk(e, f"a{i + 1}", events=False))
    callers = [t.caller(e, f"c{i}") for i in range(10)]
    calls = [u.call("100", say=audio.speech(5, 100 + i)[0]) for i, u in enumerate(callers)]
    for c in calls:
        t.check(c.wait("up"), "answered")
    t.eventually(lambda: e.totals("main")["talking"] == 5, "five talk, five wait in the queue")
    for d in desks:  # after their calls they take a break, also when the calls end by a crash: the chats stay in the queue
        d.api.post("/api/v1/agents/me/not-ready", {"reason": "break"})
    chats = []
    for i in range(20):
        c = Customer(e, name=f"customer {i}")
        c.say(f"first message {i}")
        c.say(f"second message {i}")
        chats.append(c)
    t.eventually(lambda: e.totals("chat")["waiting"] == 20, "20 chats wait")
    before = [x["id"] for x in sorted(e.admin.get("/api/v1/interactions?open=1&channel=chat")["interactions"], key=lambda x: x["position"])]
    time.sleep(2.2)  # recordings are flushed at least each second
    e.kill()
    e.start()
    waiting = t.eventually(lambda: (lambda w: w if len(w) == 20 else None)(
        [x for x in e.admin.get("/api/v1/interactions?open=1&channel=chat")["interactions"] if x["state"] == "queued"]), "20 chats wait again", 15)
    after = [x["id"] for x in sorted(waiting, key=lambda x: x["position"])]
    t.equal(after, before, "order of the chats")
    for i, c in enumerate(chats):
        t.equal([m["text"] for m in c.read() if m["from"] == "customer"], [f"first message {i}", f"second message {i}"], f"messages of chat {i}")
    for c in calls:
        t.check(c.wait("ended", timeout=10), f"the caller's phone got a BYE, {c.requests}")
    t.eventually(lambda: all(c.state == "ended" for p in phones_ for c in p.calls.values()), "the agents' phones got a BYE", 10)
    voice = t.eventually(lambda: (lambda v: v if len(v) == 10 and all(x["outcome"] != "open" for x in v) else None)(
        e.admin.get("/api/v1/interactions?channel=voice")["interactions"]), "ten closed calls")
    t.check(all(x["why"] == "crash" for x in voice), f"closed because of the crash: {[(x['outcome'], x['why']) for x in voice]}")
    t.check(all(x["outcome"] == "lost" for x in voice), f"all of them lost: {[x['outcome'] for x in voice]}")
    recordings = e.admin.get("/api/v1/recordings")["recordings"]
    t.check(len(recordings) >= 10, f"ten recordings, {len(recordings)}")
    for r in recordings:
        status, _, data = e.admin.request("GET", f"/api/v1/recordings/{r['id']}/audio")
        t.check(status == 200 and len(data) > 8000, f"recording {r['id']} exports, {status}")
    desk = t.desk(e, "a1", auto_accept=True)
    t.check(desk.wait("connect", lambda d: d["id"] == before[0], 10), "the oldest chat is served first")
    t.equal(e.cli("replay", e.data, timeout=60)[0], 0, "replay beside the running engine")
    for c in chats:
        c.end()
    t.idle(e, 20)


@scenario(60)
def crash_phones_stay_known(t):
    """Phones register once an hour: after kill -9 one is called where it was, without registering again; one that had
    un-registered is not."""
    e = t.engine(centre(agents=2))
    t.phone(e, "a1")
    gone = t.phone(e, "a2")
    t.desk(e, "a1", events=False)
    gone.register(expires=0)
    time.sleep(0.5)
    e.kill()
    e.start()
    t.equal(e.admin.get("/api/v1/status")["phones"], 1, "phones known")
    call = t.caller(e).call("100")
    t.check(call.wait("up"), "answered")
    t.eventually(lambda: e.totals("main")["talking"] == 1, "joined with the agent's phone", 10)
    call.bye()
    t.idle(e)


@scenario(60)
def crash_loop(t):
    """Ten kills while chats arrive: every acknowledged message is there afterwards, once."""
    e = t.engine()
    acknowledged = []
    for round_ in range(10):
        chats = [Customer(e, name=f"r{round_} c{i}") for i in range(3)]
        for i, c in enumerate(chats):
            for n in range(3):
                text = f"{round_}/{i}/{n}"
                c.say(text)
                acknowledged.append((c, text))
        e.kill()
        e.start()
    seen = {}
    for c, text in acknowledged:
        texts = seen.setdefault(c.id, None) or [m["text"] for m in c.read()]
        seen[c.id] = texts
        t.equal(texts.count(text), 1, f"how often {text} is there")
    t.eventually(lambda: e.totals("chat")["waiting"] == 30, "30 chats wait")
    e.stop()
    code, out, err = e.cli("replay", e.data, timeout=60)
    t.equal(code, 0, f"replay of the journal: {out[-300:]} {err[-300:]}")
    e.start()


@scenario(60)
def drain(t):
    """SIGTERM with a call up: new calls get 503, the call goes on, its end ends the engine with 0."""
    e = t.engine()
    desk, phone = t.agent(e, "a1")
    call = t.caller(e).call("100")
    t.check(call.wait("up"), "answered")
    t.check(desk.wait("connect"), "joined")
    e.admin.post("/api/v1/drain", {"on": True})
    more = t.caller(e, "late").call("100")
    t.check(more.wait("ended", timeout=5), "a new call is refused")
    t.equal(more.statuses[-1][1], 503, "answer")
    t.equal(call.state, "up", "the call that was there")
    import signal
    e.p.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    t.equal(e.p.poll(), None, "the engine waits for the call")
    call.bye()
    t.eventually(lambda: e.p.poll() is not None, "the engine ends", 15)
    t.equal(e.p.returncode, 0, "exit code")
    t.after_checks = False


@scenario(60)
def disk_full(t):
    """No space on the data folder's disk: messages are refused and not acknowledged, the engine lives, and goes on when
    there is space again. Needs root for a small tmpfs."""
    if os.geteuid() != 0:
        t.skip("a small disk can only be mounted by root")
    e = t.engine(start=False)
    os.makedirs(e.data, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", e.data], stderr=subprocess.PIPE).returncode:
        t.skip("mount is not allowed here, even for root")
    try:
        e.start()
        c = Customer(e)
        c.say("before")
        room = os.statvfs(e.data)
        with open(os.path.join(e.data, "ballast"), "wb") as f:
            try:
                f.write(b"x" * (room.f_bavail * room.f_frsize + 65536))
                f.flush()
            except OSError:
                pass
        refused, accepted = 0, ["before"]
        for i in range(40):
            status = c.try_say(f"message {i} " + "y" * 7000)
            if status in (200, 201):
                accepted.append(f"message {i} " + "y" * 7000)
            else:
                refused += 1
        t.check(refused > 0, "some messages are refused")
        t.check(e.p.poll() is None, "the engine lives")
        os.unlink(os.path.join(e.data, "ballast"))
        t.eventually(lambda: c.try_say("after") in (200, 201), "messages are taken again", 15)
        texts = [m["text"] for m in c.read() if m["from"] == "customer"]
        for a in accepted:
            t.check(a in texts, f"acknowledged and kept: {a[:20]}")
        e.stop()
    finally:
        if e.p and e.p.poll() is None:
            e.stop(3.0)
        subprocess.run(["umount", "-l", e.data])
    t.after_checks = False


@scenario(30)
def second_engine_is_refused(t):
    """The same data folder, the same SIP port, the same API port: a second engine says what is taken, and the first one
    does not notice."""
    e = t.engine()
    with open(e.config, encoding="utf-8") as f:
        text = f.read()
    for name, change, word in (("data", lambda s: s, "another engine is using"),
                               ("sip", lambda s: s.replace(f"port: {e.api_port}", f"port: {e.api_port + 7}").replace(e.data, e.data + "2"), "in use"),
                               ("api", lambda s: s.replace(f"port: {e.sip_port}", f"port: {e.sip_port + 7}").replace(e.data, e.data + "3"), "in use")):
        path = os.path.join(e.folder, name + ".yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(change(text))
        p = subprocess.run([e.binary, "run", "--config", path], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10)
        t.equal(p.returncode, 1, f"{name}: exit code")
        t.check(word in p.stderr, f"{name}: says what is taken, got {p.stderr[-200:]}")
        code, out, err = e.cli("status", "--data", e.data)
        t.equal(code, 0, f"{name}: the first engine is found and answers: {out} {err}")


@scenario(30)
def config_every_mistake_at_once(t):
    """A centre with several mistakes: each is named with file, line and key, nothing is bound."""
    text = yaml(centre(agents=1)).replace("role: supervisor", "role: suprevisor").replace("target: 5s", "target: soon", 1)
    text = text.replace("      - name: chat\n", "      - name: chat\n        skills:\n          bilingg: 3\n", 1)
    e = t.engine(start=False, centre_text=text)
    p = subprocess.run([e.binary, "run", "--config", e.config], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=10)
    err = p.stderr.decode()
    t.equal(p.returncode, 1, f"exit code; {err}")
    lines = text.split("\n")
    for word, line in (("suprevisor", next(i for i, x in enumerate(lines, 1) if "suprevisor" in x)), ("soon", next(i for i, x in enumerate(lines, 1) if "soon" in x)),
                       ("bilingg", next(i for i, x in enumerate(lines, 1) if "bilingg" in x))):
        found = [x for x in err.split("\n") if word in x]
        t.check(found and f"centre.yaml:{line} " in found[0], f"{word} is told with line {line}: {found or err}")
    t.check('did you mean "billing"?' in err, f"a suggestion: {err}")
    code, out, err2 = e.cli("check", e.config)
    t.check(code == 1 and "bilingg" in out + err2, f"junctor check says the same: {code}")
    e.p = None


@scenario(60)
def apply_changes_and_rules(t):
    """apply: --dry-run shows the difference and changes nothing; a bad rule is refused with its line; a good one works
    from the next message on; nobody is logged out."""
    chat_queues = [queue("main", "100"), queue("chat", channels=["chat"]), queue("refunds", channels=["chat"])]
    rules = [{"pattern": "refund", "intent": "refund", "queue": "refunds", "weight": 50}]
    e = t.engine(centre(queues=chat_queues))
    desk = t.desk(e, "a1")
    path = os.path.join(t.folder, "new.yaml")

    def write(data, text=None):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text or yaml(data))

    good = centre(queues=chat_queues, rules=rules)
    write(good)
    connect = ("--data", e.data)
    code, out, err = e.cli("apply", *connect, "--dry-run", path)
    t.check(code == 0 and "rule" in out + err, f"dry run shows the rule: {code} {out} {err}")
    Customer(e).say("I want a refund")
    t.eventually(lambda: e.totals("chat")["offered"] == 1, "dry run changed nothing: the chat goes to the general queue")
    bad = yaml(centre(queues=chat_queues, rules=[{"pattern": "re(fund", "intent": "refund", "queue": "refunds", "weight": 50}]))
    write(None, bad)
    line = next(i for i, x in enumerate(bad.split("\n"), 1) if "re(fund" in x)
    code, out, err = e.cli("apply", *connect, path)
    t.check(code == 1 and f":{line} " in out + err, f"the bad rule is refused with line {line}: {code} {out} {err}")
    write(good)
    code, out, err = e.cli("apply", *connect, path)
    t.equal(code, 0, f"apply: {out} {err}")
    Customer(e).say("I want a REFUND now")
    t.eventually(lambda: e.totals("refunds")["offered"] == 1, "the rule routes the next message")
    t.equal(desk.state()["state"] in ("ready", "on_interaction"), True, "the agent stays logged in")
    _ = Desk


_ = (agent, audio)
