"""Running it: upgrades and their refusal, backup and restore, who has a taken port, log levels, the audit trail, tokens,
draining, many mistakes at once."""
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time

import audio
from chat import Customer
from lib import HERE, Api, ApiError, Desk, centre, queue, scenario, yaml
from lib import agent as lib_agent
from ua import answer_all

# What tests/e2e/fixtures/data-1.tar.xz holds: the data folder of a first-version engine that was killed with -9 while
# three chats waited, after one call and one chat. (id, token) of the waiting ones, oldest first.
WAITING = (("0000280000002", "YwC4-X2zyX9JrAIAAABAAgAAAAAAAAAAAAAAAAAAAAAAAD3T-NeSGuocpiFctqUaREc9r0yVtthV-6KmbaMtNtZQ"),
           ("0000280000003", "YwC4-X2zyX9JrAMAAABAAgAAAAAAAAAAAAAAAAAAAAAAAIBtlPRPm1MEZVJ-WbbaKU0orA-64SRlOluKpruBq2-r"),
           ("0000280000004", "YwC4-X2zyX9JrAQAAABAAgAAAAAAAAAAAAAAAAAAAAAAALTcAEzFn-StTWTjJx92N2bAG5Zt4zhlqOx0rzenc3xc"))


def tree(folder):
    """Every file's bytes and mode, so that "nothing was changed" can be compared."""
    out = {}
    for path, _, names in os.walk(folder):
        for n in names:
            p = os.path.join(path, n)
            with open(p, "rb") as f:
                out[os.path.relpath(p, folder)] = (os.stat(p).st_mode, hashlib.sha256(f.read()).hexdigest())
    return out


def run(e, *args, timeout=15):
    return subprocess.run([e.binary, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)


@scenario(40)
def upgrade_opens_old_data(t):
    """A data folder of the first version, left by kill -9: this one opens it, nothing of it is lost, and marks it."""
    e = t.engine(centre(agents=2), start=False)
    with tarfile.open(os.path.join(HERE, "fixtures", "data-1.tar.xz")) as tar:
        tar.extractall(e.folder)
    e.start()
    open_ = t.eventually(lambda: e.admin.get("/api/v1/interactions?open=1&channel=chat")["interactions"], "the chats are there")
    t.equal([x["id"] for x in sorted(open_, key=lambda x: x["position"])], [i for i, _ in WAITING], "the chats wait in their order")
    for n, (i, token) in enumerate(WAITING):
        said = Api("127.0.0.1", e.api_port, token).get(f"/api/v1/chat/{i}/messages")["messages"]
        t.equal([m["text"] for m in said], [f"still here {n}", f"second {n}"], f"messages of chat {i}, by its old token")
    done = [x for x in e.admin.get("/api/v1/interactions")["interactions"] if x["outcome"] == "answered"]
    t.equal(sorted(x["channel"] for x in done), ["chat", "voice"], "what was closed is still in the records")
    recordings = e.admin.get("/api/v1/recordings")["recordings"]
    status, _, wav = e.admin.request("GET", f"/api/v1/recordings/{recordings[0]['id']}/audio")
    t.check(status == 200 and len(wav) > 8000, f"the old recording is exported: {status}, {len(wav)} bytes")
    t.equal(e.cli("replay", e.data)[0], 0, "the journal, old events and new ones, replays")
    with open(os.path.join(e.data, "format"), encoding="utf-8") as f:
        t.check(re.fullmatch(r"junctor data [2-9]\n", f.read()), "the folder says its version now")
    desk = t.desk(e, "a1", auto_accept=True)
    t.check(desk.wait("connect", lambda d: d["id"] == WAITING[0][0]), "work goes on with the oldest chat")


@scenario(30)
def newer_data_is_refused(t):
    """A data folder of a newer version: refused in one sentence, and not one byte of it is changed."""
    e = t.engine()
    Customer(e).say("hello")
    t.equal(e.stop(), 0, "stopped in order")
    e.p = None
    with open(os.path.join(e.data, "format"), "w", encoding="utf-8") as f:
        f.write("junctor data 99\n")
    before = tree(e.data)
    p = run(e, "run", "--config", e.config)
    t.equal(p.returncode, 1, "exit code")
    t.check("newer version" in p.stderr and "nothing was changed" in p.stderr and "99" in p.stderr, f"says why: {p.stderr}")
    t.equal(tree(e.data), before, "the folder")
    # A newer database alone, as another version's folder without the mark would have it.
    with open(os.path.join(e.data, "format"), "w", encoding="utf-8") as f:
        f.write("junctor data 3\n")
    subprocess.run([sys.executable, "-c", "import sqlite3,sys; d=sqlite3.connect(sys.argv[1]); d.execute('PRAGMA user_version=99'); d.commit()", os.path.join(e.data, "junctor.db")], check=True)
    before = tree(e.data)
    p = run(e, "run", "--config", e.config)
    t.check(p.returncode == 1 and "newer than this version knows" in p.stderr, f"a newer schema: {p.returncode} {p.stderr}")
    after = tree(e.data)
    t.equal({k: v for k, v in after.items() if k != "junctor.db-shm"}, {k: v for k, v in before.items() if k != "junctor.db-shm"}, "the folder")


@scenario(60)
def backup_and_restore(t):
    """A backup of the running engine while chats arrive, restored elsewhere: every message acknowledged before it is
    there, in order; a damaged backup is told by the file's name; a folder in use is never overwritten."""
    e = t.engine(centre(agents=2))
    _, phone = t.agent(e, "a1")
    caller = t.caller(e)
    call = caller.call("100", say=audio.speech(2, 1)[0])
    t.check(call.wait("up"), "a call to be recorded")
    time.sleep(1.0)
    chats = [Customer(e, name=f"c{i}") for i in range(8)]
    for i, c in enumerate(chats):
        c.say(f"first {i}")
        c.say(f"second {i} 안녕")
    where = os.path.join(t.folder, "saved")
    code, out, err = e.cli("backup", where, "--data", e.data, timeout=40)
    t.check(code == 0 and "replays" in out, f"backup beside the running engine: {code} {out} {err}")
    t.equal(os.stat(where).st_mode & 0o777, 0o700, "nobody else may read it")
    late = Customer(e, name="late")
    late.say("after the backup")
    call.bye()
    code, out, err = e.cli("backup", where, "--data", e.data)
    t.check(code == 1 and "is there already" in err, f"never over another backup: {err}")
    t.equal(e.cli("backup", "--verify", where)[0], 0, "verify")
    code, _, err = e.cli("restore", where, "--data", e.data)
    t.check(code == 1 and "not empty" in err, f"never over a data folder: {err}")
    t.equal(e.stop(), 0, "the first engine stops")
    e.p = None

    damaged = os.path.join(where, "messages", sorted(x for x in os.listdir(os.path.join(where, "messages")) if x != "keys")[0])
    with open(damaged, "r+b") as f:
        f.seek(100)
        byte = f.read(1)
        f.seek(100)
        f.write(bytes([byte[0] ^ 1]))
    code, _, err = e.cli("backup", "--verify", where)
    t.check(code == 1 and os.path.basename(damaged) in err, f"a flipped bit is found: {code} {err}")
    code, _, err = e.cli("restore", where, "--data", os.path.join(t.folder, "no"))
    t.check(code == 1 and not os.path.exists(os.path.join(t.folder, "no")), f"and nothing is restored from it: {err}")
    with open(damaged, "r+b") as f:
        f.seek(100)
        f.write(byte)

    again = t.engine(centre(agents=2), start=False)
    code, out, err = again.cli("restore", where, "--data", again.data)
    t.equal(code, 0, f"restore: {out} {err}")
    again.start()
    open_ = t.eventually(lambda: again.admin.get("/api/v1/interactions?open=1&channel=chat")["interactions"], "the chats are there")
    t.equal([x["id"] for x in sorted(open_, key=lambda x: x["position"])], [c.id for c in chats], "chats of the backup, in order")
    for i, c in enumerate(chats):
        said = Api("127.0.0.1", again.api_port, c.api.token).get(f"/api/v1/chat/{c.id}/messages")["messages"]
        t.equal([m["text"] for m in said], [f"first {i}", f"second {i} 안녕"], f"messages of {c.name}")
    t.check(all(x["id"] != late.id for x in open_), "what came later is not in it")
    recordings = again.admin.get("/api/v1/recordings")["recordings"]
    t.check(recordings and again.admin.request("GET", f"/api/v1/recordings/{recordings[0]['id']}/audio")[0] == 200, "the recording is there")
    t.eventually(lambda: [x for x in again.admin.get("/api/v1/interactions?channel=voice")["interactions"] if x["outcome"] == "lost"], "the call of that time is closed as lost")
    _ = phone


@scenario(20)
def taken_port_is_told(t):
    """A taken port: who holds it, and which key and option move ours."""
    e = t.engine(start=False)
    for kind, port, key, option in ((socket.SOCK_DGRAM, e.sip_port, "sip.port", "--port"), (socket.SOCK_STREAM, e.api_port, "api.port", "--api-port")):
        holder = subprocess.Popen([sys.executable, "-c", f"import socket,sys,time; s=socket.socket(socket.AF_INET,{int(kind)}); s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,{int(kind == socket.SOCK_STREAM)}); s.bind(('127.0.0.1',{port})); {'s.listen()' if kind == socket.SOCK_STREAM else 'pass'}; print('up',flush=True); time.sleep(20)"], stdout=subprocess.PIPE)
        try:
            t.equal(holder.stdout.readline(), b"up\n", "the port is held")
            p = run(e, "run", "--config", e.config)
        finally:
            holder.kill()
            holder.wait()
        t.equal(p.returncode, 1, f"{key}: exit code")
        t.check(f"(pid {holder.pid})" in p.stderr and "python" in p.stderr, f"{key}: says who has it: {p.stderr}")
        t.check(key in p.stderr and option in p.stderr, f"{key}: says what moves ours: {p.stderr}")


@scenario(20)
def log_levels_while_it_runs(t):
    """junctor log: the level and one module's own level change at once and are audited; SIGHUP opens a rotated file."""
    e = t.engine(machine={"log": {"level": "info", "file": "engine-own.log"}})
    path = os.path.join(e.folder, "engine-own.log")

    def lines():
        with open(path, encoding="utf-8") as f:
            return f.read()

    where = ("--data", e.data)
    t.check(e.cli("log", *where)[1].startswith("level info"), "the configured level")
    desk, _ = t.agent(e, "a1", on_invite=answer_all())
    caller = t.caller(e)

    def a_call():
        c = caller.call("100")
        t.check(c.wait("up") and desk.wait_state("on_interaction"), "a call")
        t.eventually(lambda: any(x["state"] == "connected" for x in e.admin.get("/api/v1/interactions?open=1")["interactions"]), "they talk")
        c.bye()
        t.idle(e)

    a_call()
    t.check("Z debug " not in lines(), "no debug lines yet")
    t.equal(e.cli("log", "debug", "--module", "voice", *where)[0], 0, "one module's level")
    a_call()
    t.check("Z debug voice: " in lines() and not re.search(r"Z debug (?!voice: )", lines()), "debug lines of that module alone")
    t.equal(e.cli("log", "warn", *where)[0], 0, "the general level")
    t.check(e.cli("log", *where)[1].startswith("level warn"), "it changed")
    code, _, err = e.cli("log", "loud", *where)
    t.check(code == 1 and "error, warn, info or debug" in err, f"a wrong level: {err}")
    t.equal(e.cli("log", "info", *where)[0], 0, "back")
    os.rename(path, path + ".1")
    e.p.send_signal(signal.SIGHUP)
    t.eventually(lambda: os.path.exists(path) and "opened again" in lines(), "the log goes on in a new file")
    t.check(e.p.poll() is None, "SIGHUP does not end the engine")
    spy = Desk(e, "boss", events=False)
    try:
        spy.api.post("/api/v1/log", {"level": "debug"})
        t.check(False, "a supervisor may not change the log")
    except ApiError as x:
        t.equal(x.status, 403, "a supervisor may not change the log")
    t.check("log level warn" in e.cli("audit", *where)[1], "the audit trail has it")


@scenario(30)
def audit_and_tokens(t):
    """Who changed the centre, made tokens, failed to log in, read messages and listened: in the audit trail, by tenant;
    a made token works with its owner's role until it ends."""
    e = t.engine(centre(agents=1))
    where = ("--data", e.data)
    c = Customer(e)
    c.say("read me")
    boss = t.desk(e, "boss", ready=False, events=False)
    boss.api.get(f"/api/v1/interactions/{c.id}/messages")
    try:
        Desk(e, "a1", events=False, password="wrong")
    except ApiError as x:
        t.equal(x.status, 401, "a wrong password")
    code, token, err = e.cli("token", "acme/boss", "--life", "2", *where)
    t.equal(code, 0, f"token: {err}")
    t.check(re.fullmatch(r"[\w-]{80,96}\n", token), "the token alone on standard output")
    mine = Api("127.0.0.1", e.api_port, token.strip())
    t.check(mine.get("/api/v1/agents")["agents"], "it works with the supervisor's role")
    try:
        mine.post("/api/v1/tokens", {"tenant": "acme", "name": "root"})
        t.check(False, "a supervisor makes no tokens")
    except ApiError as x:
        t.equal(x.status, 403, "a supervisor makes no tokens")
    code, _, err = e.cli("token", "acme/nobody", *where)
    t.check(code == 1 and "nobody" in err, f"unknown name: {err}")
    changed = yaml(centre(agents=1, queues=[queue("main", "100", target="9s"), queue("chat", channels=["chat"])]))
    path = os.path.join(t.folder, "new.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(changed)
    t.equal(e.cli("apply", path, *where)[0], 0, "apply")

    def trail():
        out = e.cli("audit", *where)[1]
        return out if all(w in out for w in ("read_messages", "login_failed", "token for acme/boss", "centre applied", "queue acme/main")) else None
    t.eventually(trail, "the audit trail names all of it, with what changed")
    root = t.desk(e, "root", ready=False, events=False)
    mine_only = root.api.get("/api/v1/audit")["audit"]
    t.check(mine_only and all(x["who"] != "installation" for x in mine_only), "a tenant's administrator sees the own tenant's lines only")
    t.check(token.strip() not in e.cli("audit", *where)[1] + e.log_text(), "the token itself is nowhere")
    time.sleep(2.1)
    t.equal(mine.request("GET", "/api/v1/agents")[0], 401, "the token has ended")


@scenario(30)
def drain_answers_503(t):
    """Draining: INVITE and OPTIONS get 503, the call that is up goes on; its end ends the engine with 0."""
    e = t.engine()
    t.agent(e, "a1", on_invite=answer_all())
    caller = t.caller(e)
    call = caller.call("100")
    t.check(call.wait("up"), "a call is up")
    t.eventually(lambda: e.totals("main")["talking"] == 1, "they talk")
    t.equal(e.cli("drain", "--data", e.data)[0], 0, "junctor drain")
    options = (f"OPTIONS sip:probe@127.0.0.1:{e.sip_port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{{port}};branch=z9hG4bKdrain{{n}}\r\nMax-Forwards: 70\r\n"
               "From: <sip:p@127.0.0.1>;tag=1\r\nTo: <sip:probe@127.0.0.1>\r\nCall-ID: drain{n}@test\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(3)
    s.bind(("127.0.0.1", 0))
    s.sendto(options.format(port=s.getsockname()[1], n=1).encode(), e.address)
    t.check(s.recv(4096).startswith(b"SIP/2.0 503"), "OPTIONS says 503, so that carriers go elsewhere")
    s.close()
    second = t.caller(e, "bob").call("100")
    t.check(second.wait("ended", timeout=5), "a new call is refused")
    t.equal(second.statuses[-1], ("INVITE", 503), "with 503")
    e.p.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    t.check(e.p.poll() is None and call.state == "up", "the call goes on")
    call.bye()
    t.equal(e.p.wait(10), 0, "exit code once it ended")
    e.p = None


@scenario(15)
def twelve_mistakes_twelve_lines(t):
    """A machine file and a centre with twelve mistakes give twelve lines, each with file, line and key."""
    machine = ("version: 1\ndata_dir: data\ncentre: centre.yaml\nsip:\n  listen: nowhere\n  port: 70000\n  prot: udp\nmedia:\n  listen: 127.0.0.1\n  port_min: 9000\n  port_max: 8000\n"
               "workers:\n  count: none\nlog:\n  level: loud\n")
    text = yaml(centre(agents=1, other=False))
    for good, bad in (("role: supervisor", "role: suprevisor"), ("target: 5s", "target: soon"), ("capacity:", "capacty:"), ("channels:\n          - voice", "channels:\n          - voise"),
                      ("number: 100", "number: 100\n        number: 100")):
        t.check(good in text or good.replace("100", '"100"') in text, f"the centre has {good!r}")
        text = text.replace(good, bad, 1) if good in text else text.replace(good.replace("100", '"100"'), bad.replace("100", '"100"'), 1)
    text += "    skils: [a]\n"
    e = t.engine(start=False, centre_text=text)
    with open(e.config, "w", encoding="utf-8") as f:
        f.write(machine)
    p = run(e, "run", "--config", e.config)
    t.equal(p.returncode, 1, "exit code")
    told = [x for x in p.stderr.split("\n") if re.match(r"\S+\.yaml:\d+ \S+: .", x)]
    q = run(e, "check", e.centre_path)
    told += [x for x in (q.stdout + q.stderr).split("\n") if re.match(r"\S*centre\.yaml:\d+ \S+: .", x) and x not in told]
    t.check(len(set(told)) >= 12, f"twelve lines with file, line and key, got {len(set(told))}:\n" + p.stderr + q.stdout + q.stderr)
    t.check(not os.path.exists(e.data), "and nothing was made")
    e.p = None


@scenario(20)
def alert_rules_name_real_metrics(t):
    """Every metric that engine/service/alerts.yaml asks for is one that /metrics gives; promtool agrees where it is installed."""
    rules = os.path.join(os.path.dirname(os.path.dirname(HERE)), "engine", "service", "alerts.yaml")
    with open(rules, encoding="utf-8") as f:
        text = f.read()
    wanted = set(re.findall(r"junctor_[a-z0-9_]+", text))
    e = t.engine()
    Customer(e).say("so that the queue has rows")
    t.eventually(lambda: e.totals("chat")["offered"] == 1, "the queue's row")
    status, _, body = e.admin.request("GET", "/metrics")
    t.equal(status, 200, "/metrics")
    given = set(re.findall(r"^(junctor_[a-z0-9_]+)[ {]", body.decode(), re.M))
    t.check(len(wanted) > 10, f"the rules name metrics: {wanted}")
    t.equal(sorted(wanted - given), [], "metrics that are asked for and not given")
    t.equal(len(re.findall(r"^      - alert: ", text, re.M)), len(re.findall(r"^        expr:", text, re.M)), "each alert has an expression")
    if subprocess.run(["sh", "-c", "command -v promtool"], stdout=subprocess.DEVNULL).returncode == 0:
        p = subprocess.run(["promtool", "check", "rules", rules], capture_output=True, text=True)
        t.equal(p.returncode, 0, f"promtool: {p.stdout}{p.stderr}")


@scenario(30)
def why_this_agent(t):
    """Why a call and a chat went to their agents: told with names and reasons out of the journal, also after a restart;
    another tenant's supervisor and agents do not get it."""
    e = t.engine(centre(agents=3), machine={"router": {"snapshot_every": "1s"}})
    for n in (2, 1):
        t.agent(e, f"a{n}", on_invite=answer_all())
    busy = t.desk(e, "a3")
    busy.api.post("/api/v1/agents/me/not-ready", {"reason": "lunch"})
    call = t.caller(e).call("100")
    t.check(call.wait("up"), "answered")
    row = t.eventually(lambda: next((x for x in e.admin.get("/api/v1/interactions?open=1")["interactions"] if x["state"] == "connected"), None), "they talk")
    boss = t.desk(e, "boss", ready=False, events=False)
    d = boss.api.get(f"/api/v1/interactions/{row['id']}/why")["decisions"]
    t.equal(len(d), 1, "one offer")
    t.equal((d[0]["agent"], d[0]["rule"], d[0]["policy"]), ("a2", "policy", "longest_idle"), "a2 was ready first")
    t.equal([c["agent"] for c in d[0]["candidates"]], ["a2", "a1"], "who could have taken it, in order")
    t.equal(d[0]["not_ready"], 1, "a3 is at lunch")
    t.check("idle for longest" in d[0]["text"], d[0]["text"])
    call.bye()
    t.idle(e)
    time.sleep(1.2)
    Customer(e).say("snapshots are taken when something happens")
    t.eventually(lambda: any(x.endswith(".snapshot") for x in os.listdir(os.path.join(e.data, "journal"))), "a snapshot later than the call")
    t.equal(len(boss.api.get(f"/api/v1/interactions/{row['id']}/why")["decisions"]), 1, "asked after a snapshot")
    e.kill()
    e.start()
    code, out, err = e.cli("why", row["id"], "--data", e.data)
    t.check(code == 0 and "a2: idle for longest of 2" in out, f"after a restart: {code} {out} {err}")
    spy = Desk(e, "spy", tenant="rival", events=False)
    for who in (spy, t.desk(e, "a1", ready=False, events=False)):
        status = who.api.request("GET", f"/api/v1/interactions/{row['id']}/why")[0]
        t.equal(status, 404 if who is spy else 403, f"{who.name} may not see it")


@scenario(40)
def agents_serve_two_tenants(t):
    """An agent of one tenant who serves another's queues: is offered its calls and chats, works on them, transfers inside
    that tenant; the records, the queue and the recording are the client's, and its supervisor sees no more of the agent."""
    data = centre(agents=2, other=False)
    data["tenants"].append({"name": "client", "domain": "client.test", "skills": ["boats"],
                            "queues": [queue("desk", "200", skills={"boats": 3}), queue("chat", channels=["chat"])],
                            "agents": [lib_agent("clara", role="supervisor", phone=False, domain="client.test")],
                            "trunks": [{"name": "carrier", "from": ["127.0.0.2/32"]}]})
    data["tenants"][0]["agents"][0]["serves"] = {"client": {"boats": 7}}
    e = t.engine(data)
    desk, phone = t.agent(e, "a1", on_invite=answer_all())
    t.desk(e, "a2")
    caller = t.caller(e, ip="127.0.0.2")
    call = caller.call("200")
    t.check(call.wait("up"), "answered")
    t.check(desk.wait("connect", lambda d: d.get("queue") == "desk" and d.get("tenant") == "client"), "a1 has the client's call")
    clara = t.desk(e, "clara", tenant="client", ready=False, events=False)
    row = clara.api.get("/api/v1/interactions?open=1")["interactions"]
    t.equal([(x["queue"], x["state"]) for x in row], [("desk", "connected")], "the client's supervisor sees its call")
    t.equal(clara.api.get("/api/v1/agents")["agents"][0]["name"], "clara", "and of the agents only its own")
    boss = t.desk(e, "boss", ready=False, events=False)
    t.equal(boss.api.get("/api/v1/interactions?open=1")["interactions"], [], "the agent's own supervisor does not see the client's call")
    desk.api.post(f"/api/v1/calls/{row[0]['id']}/hold")
    desk.api.post(f"/api/v1/calls/{row[0]['id']}/resume")
    call.bye()
    t.idle(e)
    c = Customer(e, tenant="client", name="Kim")
    c.say("about my boat")
    offer = desk.wait("offer", lambda d: d["channel"] == "chat")
    t.check(offer, "the client's chat is offered to a1, who serves it; a2 does not")
    desk.api.post(f"/api/v1/interactions/{offer['id']}/accept")
    desk.api.post(f"/api/v1/interactions/{offer['id']}/messages", {"text": "which boat?"})
    t.eventually(lambda: [m["text"] for m in c.read() if m["from"] == "agent"] == ["which boat?"], "the answer arrives")
    c.end()
    report = clara.api.get("/api/v1/report")
    t.check(report["total"]["answered"] == 2 if "total" in report else True, f"the client's report has both: {report}")
    lost = t.desk(e, "a2", ready=False, events=False)
    t.equal(lost.api.request("GET", f"/api/v1/interactions/{offer['id']}/messages")[0] in (403, 404), True, "a2 may not read it")


@scenario(30)
def service_unit_and_ordinary_user(t):
    """engine/service/junctor.service is one that systemd takes, and the engine needs no privilege: as nobody it serves a
    call and a chat. Needs root to become nobody; systemd-analyze where it is installed."""
    unit = os.path.join(os.path.dirname(os.path.dirname(HERE)), "engine", "service", "junctor.service")
    with open(unit, encoding="utf-8") as f:
        text = f.read()
    t.check("User=junctor" in text and "NoNewPrivileges=yes" in text and re.search(r"^CapabilityBoundingSet=$", text, re.M), "an ordinary user without capabilities")
    if subprocess.run(["sh", "-c", "command -v systemd-analyze"], stdout=subprocess.DEVNULL).returncode == 0:
        tried = os.path.join(t.folder, "junctor.service")
        with open(tried, "w", encoding="utf-8") as f:
            f.write(text.replace("/usr/local/bin/junctor", t.binary))
        p = subprocess.run(["systemd-analyze", "verify", tried], capture_output=True, text=True)
        t.equal((p.returncode, [x for x in p.stderr.split("\n") if "junctor" in x]), (0, []), "systemd-analyze verify")
    if os.getuid() != 0:
        t.skip("only root can become nobody")
    nobody = 65534
    folder = tempfile.mkdtemp(prefix="junctor-nobody-")
    try:
        binary = os.path.join(folder, "junctor")
        shutil.copy(t.binary, binary)
        e = t.engine(centre(agents=2), start=False)
        shutil.copytree(e.folder, os.path.join(folder, "engine"))
        for path, _, names in os.walk(folder):
            os.chown(path, nobody, nobody)
            for n in names:
                os.chown(os.path.join(path, n), nobody, nobody)
        config = os.path.join(folder, "engine", "machine.yaml")
        with open(config, encoding="utf-8") as f:
            text = f.read().replace(e.folder, os.path.join(folder, "engine"))
        with open(config, "w", encoding="utf-8") as f:
            f.write(text)
        e.folder, e.config, e.data, e.binary = os.path.join(folder, "engine"), config, os.path.join(folder, "engine", "data"), binary
        e.start(user=nobody)
        t.equal(os.stat(e.data).st_uid, nobody, "the data folder is the ordinary user's")
        t.equal(os.stat(e.data).st_mode & 0o777, 0o700, "and nobody else's")
        t.agent(e, "a1")
        call = t.caller(e).call("100")
        t.check(call.wait("up"), "a call is answered")
        c = Customer(e)
        c.say("hello")
        call.bye()
        t.equal([m["text"] for m in c.read()][:1], ["hello"], "a chat is kept")
    finally:
        e.stop()
        e.p = None
        shutil.rmtree(folder, ignore_errors=True)
