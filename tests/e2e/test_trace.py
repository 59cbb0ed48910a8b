"""`junctor trace` and its API: a call's SIP messages as they were, its media, its capture."""
import os
import re
import shutil
import ssl
import subprocess
import time

import phones
from lib import ApiError, Desk, scenario
from test_calls import talk
from test_replay_pcap import read_pcap
from ua import Ua


def listen():
    """What phones of this scenario send and receive: [(True when the engine received it, bytes)]."""
    seen, raw, deliver = [], Ua.raw, Ua._deliver

    def send(self, data):
        seen.append((True, data))
        raw(self, data)

    def take(self, data):
        seen.append((False, data))
        deliver(self, data)
    Ua.raw, Ua._deliver = send, take
    return seen


def covered(data):
    return re.sub(rb'(\nAuthorization: [^\r]*response=")([0-9a-f]*)', lambda m: m.group(1) + b"x" * len(m.group(2)), data)


def of_calls(seen):
    """Without registrations, in a comparable form."""
    return sorted((not received, covered(d)) for received, d in seen if d.strip() and not re.search(rb"\nCSeq: *\d+ REGISTER", d))


def same(t, got, seen):
    ours, theirs = sorted((m["sent"], m["text"].encode()) for m in got["messages"]), of_calls(seen)
    differ = [x for x in ours if x not in theirs] + [x for x in theirs if x not in ours]
    t.check(ours == theirs, f"{len(theirs)} messages byte for byte, {len(ours)} are in the trace; these differ: {differ[:4]}")


def trace_of(t, api, ix):
    """The trace once both legs' media are closed and written."""
    def whole():
        try:
            got = api.get(f"/api/v1/calls/{ix}/trace?format=json")
        except ApiError:
            return None
        return got if len(got["media"]) == 2 and len(got["legs"]) == 2 else None
    return t.eventually(whole, "the trace has both legs")


def start_lines(got, call_id):
    """What happened in one dialog: "< INVITE" is received, "> 200 INVITE" is sent."""
    out = []
    for m in got["messages"]:
        if call_id not in m["text"]:
            continue
        first, method = m["text"].split("\r\n")[0], re.search(r"\nCSeq: *\d+ (\w+)", m["text"]).group(1)
        what = f"{first.split()[1]} {method}" if first.startswith("SIP/2.0") else first.split()[0]
        out.append(("> " if m["sent"] else "< ") + what)
    return out


@scenario(40)
def trace_every_message(t):
    """Every message of both legs is in the trace byte for byte, in order, with its addresses; text, JSON, capture, rights."""
    seen = listen()
    e = t.engine()
    desk, phone, call, other, _, _, _ = talk(t, e, 1.0)
    ix = desk.seen("connect")[0]["id"]
    call.bye()
    t.check(other.wait("ended"), "the agent's phone gets a BYE")
    t.idle(e)
    boss = Desk(e, "boss", events=False).api
    got = trace_of(t, boss, ix)
    same(t, got, seen)
    times = [m["at_us"] for m in got["messages"]]
    t.check(times == sorted(times), "in order of time")
    caller, agent = got["legs"]
    t.equal((caller["side"], agent["side"], agent["agent"]), ("caller", "agent", "a1"), "legs")
    # Each once: on a busy machine one or the other is sent again, and the trace shows that too.
    a, b = (list(dict.fromkeys(start_lines(got, leg["call_id"]))) for leg in (caller, agent))
    t.equal([x for x in a if "100" not in x], ["< INVITE", "> 200 INVITE", "< ACK", "< BYE", "> 200 BYE"], "the caller's leg")
    t.equal([x for x in b if not re.match("< 1", x)], ["> INVITE", "< 200 INVITE", "> ACK", "> BYE", "< 200 BYE"], "the agent's leg")
    peers = {(m["peer"], m["local"]) for m in got["messages"]}
    t.equal(peers, {(f"127.0.0.1:{p}", f"127.0.0.1:{e.sip_port}") for p in (call.ua.port, phone.port)}, "addresses")
    for m in got["media"]:
        t.check(m["received"] > 40 and m["sent"] > 40 and m["mos"] > 4 and m["codec"] == "PCMU" and m["srtp"] is None, f"media: {m}")
    code, text, err = e.cli("trace", ix, "--data", e.data)
    t.equal(code, 0, f"junctor trace: {err}")
    for part in ("Junctor", f"127.0.0.1:{phone.port}", "INVITE (SDP) ", "200 OK (INVITE, SDP)", "BYE", "media caller:", "media agent a1:", "MOS 4"):
        t.check(part in text, f"the ladder shows {part!r}:\n{text}")
    t.equal(sum(bool(re.match(r"\d\d:\d\d:\d\d\.\d{6} ", x)) for x in text.split("\n")), len(got["messages"]), "a line each")
    path = os.path.join(t.folder, "call.pcap")
    code, _, err = e.cli("trace", ix, "--data", e.data, "--pcap", path)
    t.equal(code, 0, f"junctor trace --pcap: {err}")
    packets = read_pcap(path)
    t.equal([(ns // 1000, p.decode()) for ns, _, _, p in packets], [(m["at_us"], m["text"]) for m in got["messages"]], "the capture says the same")
    t.equal({p for _, src, dst, _ in packets for p in (src[1], dst[1])}, {e.sip_port, call.ua.port, phone.port}, "ports in the capture")
    if shutil.which("tshark"):
        lines = subprocess.run(["tshark", "-r", path, "-d", f"udp.port=={e.sip_port},sip", "-Y", "sip", "-T", "fields", "-e", "sip.CSeq.method", "-o", "udp.check_checksum:TRUE", "-e", "udp.checksum.status"],
                               capture_output=True, timeout=30).stdout.decode().split()
        t.equal(lines[0::2].count("INVITE") + lines[0::2].count("BYE") + lines[0::2].count("ACK"), len(packets), "tshark reads every message")
        t.check(set(lines[1::2]) == {"1"}, "with good checksums")
    else:
        print("tshark is not here: the capture was only read by the test itself")
    rights(t, e, desk, boss, ix)


def rights(t, e, desk, boss, ix):
    def status(api, path):
        return api.request("GET", path)[0]
    path = f"/api/v1/calls/{ix}/trace"
    t.equal(status(desk.api, path), 403, "an agent may not")
    t.equal(status(Desk(e, "spy", tenant="rival", events=False).api, path), 404, "another tenant's call is not there")
    t.equal(status(boss, "/api/v1/calls/0000000000009/trace"), 404, "a call that never was")
    t.equal(status(boss, path + "?format=xml"), 422, "a form that is none")
    t.equal(e.cli("trace", "x", "--data", e.data)[0], 2, "no id")
    rows = t.eventually(lambda: e.rows("SELECT who, what FROM audit WHERE what = ?", ix), "the look is in the audit log")
    t.check(("boss", ix) in [(str(w).split("/")[-1], x) for w, x in rows], f"who looked: {rows}")


@scenario(40)
def trace_survives_and_forgets(t):
    """A call over TCP by a phone that shows a credential, then kill -9: the trace is whole after the restart, the credential covered."""
    seen = listen()
    e = t.engine()
    phone = t.phone(e, "a2", tcp=True)
    desk, _ = t.agent(e, "a1")
    call = phone.call("100", extra=['Authorization: Digest username="a2", response="' + "0123456789abcdef" * 2 + '", uri="sip:100"'])
    t.check(call.wait("up"), f"answered, got {call.statuses}")
    t.check(desk.wait("connect"), "joined")
    ix = desk.seen("connect")[0]["id"]
    call.bye()
    t.check(call.wait("ended"), "ended")
    t.idle(e)
    before = trace_of(t, e.admin, ix)
    e.kill()
    e.start()
    after = trace_of(t, e.admin, ix)
    t.equal(after, before, "the same before and after")
    sent = [m["text"].encode() for m in after["messages"]]
    same(t, after, seen)
    credentials = [x for x in sent if b"\nAuthorization:" in x]
    t.check(credentials and all(re.search(rb'response="x{32}"', x) for x in credentials), "responses are covered")
    t.equal({m["transport"] for m in after["messages"]}, {"udp", "tcp"}, "transports")
    kept = b"".join(open(os.path.join(e.data, "trace", n), "rb").read() for n in os.listdir(os.path.join(e.data, "trace")))
    t.check(b"REGISTER sip" not in kept, "registrations are not kept")
    for _, d in seen:
        for secret in re.findall(rb'response="([0-9a-f]{32})"', d):
            t.check(secret not in kept, "no credential is in the files")


@scenario(30)
def trace_of_silence_and_off(t):
    """A phone that never answers: each retransmission is in the trace. trace.messages off: nothing is kept."""
    e = t.engine(machine={"trace": {"messages": False}})
    desk, _, call, _, _, _, _ = talk(t, e, 0.2)
    call.bye()
    t.idle(e)
    t.equal(e.admin.request("GET", f"/api/v1/calls/{desk.seen('connect')[0]['id']}/trace")[0], 404, "nothing is kept")
    t.check(not os.path.exists(os.path.join(e.data, "trace")), "there is no folder for it")
    e.stop()
    e = t.engine()
    seen = listen()
    phone = t.phone(e, "a1")
    desk = t.desk(e, "a1")
    deliver = Ua._deliver
    Ua._deliver = lambda self, data: None if self is phone else deliver(self, data)
    call = t.caller(e).call("100")
    offer = desk.wait("offer")
    t.check(offer, "the call is offered")
    t.check(call.wait("up"), "the caller waits")

    def invites():
        try:
            got = e.admin.get(f"/api/v1/calls/{offer['id']}/trace?format=json")
        except ApiError:
            return None
        return [m for m in got["messages"] if m["sent"] and m["text"].startswith("INVITE")]
    sent = t.eventually(lambda: (lambda x: x if x and len(x) >= 3 else None)(invites()), "the first INVITE and two more", 8)
    t.check(len({m["text"] for m in sent}) == 1, "the very same")
    gaps = [b["at_us"] - a["at_us"] for a, b in zip(sent, sent[1:])]
    t.check(400_000 < gaps[0] < 800_000 < gaps[1] < 1_600_000, f"at T1 and 2*T1: {gaps}")
    text = e.cli("trace", offer["id"], "--data", e.data)[1]
    t.check("again" in text, "the ladder says so")
    call.bye()
    Ua._deliver = deliver
    t.after_checks = False


@scenario(30)
def trace_over_tls(t):
    """A caller over TLS: its messages are in the trace as they were before they were sealed, cut into pieces on their way."""
    cert, key = (os.path.join(t.folder, n) for n in ("cert.pem", "key.pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-days", "2", "-keyout", key, "-out", cert], check=True, capture_output=True, timeout=30)
    port = phones.free_port(16300)
    e = t.engine(machine={"sip.tls": {"port": port, "certificate": cert, "key": key}})
    seen = listen()
    desk, _ = t.agent(e, "a1")
    context = ssl.create_default_context(cafile=cert)
    caller = Ua(("127.0.0.1", port), "alice", tls=context, tls_name="127.0.0.1")
    t.closing.append(caller)
    whole = caller.s.sendall

    def in_pieces(data):
        for at in range(0, len(data), 150):
            whole(data[at:at + 150])
            time.sleep(0.002)
    caller.s.sendall = in_pieces
    call = caller.call("100")
    t.check(call.wait("up"), f"answered, got {call.statuses}")
    t.check(desk.wait("connect"), "joined")
    ix = desk.seen("connect")[0]["id"]
    time.sleep(0.3)
    call.bye()
    t.check(call.wait("ended"), "ended")
    t.idle(e)
    got = trace_of(t, e.admin, ix)
    same(t, got, seen)
    t.equal({m["transport"] for m in got["messages"]}, {"udp", "tls"}, "transports")
    t.check({m["peer"] for m in got["messages"] if m["transport"] == "tls"} == {f"127.0.0.1:{caller.port}"}, "the caller's address")
    t.check({m["local"] for m in got["messages"] if m["transport"] == "tls"} == {f"127.0.0.1:{port}"}, "our address")
