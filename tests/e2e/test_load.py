"""`junctor load`: what it measures of a real engine and of another system, its limits, its end."""
import json
import os
import signal
import socket
import subprocess
import time

from lib import SIP_SECRET, Failed, agent, centre, phones, queue, scenario
from ua import Message


def load(t, *args, expect=0, timeout=50):
    """Runs the generator; its JSON. Lateness is not judged: the machine that runs tests is busy."""
    path = os.path.join(t.folder, "load.json")
    p = subprocess.run([t.binary, "load", "--json", path, "--max-late", "-1", *map(str, args)], stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
    text = p.stdout.decode("utf-8", "replace")
    with open(os.path.join(t.folder, "load.txt"), "a", encoding="utf-8") as f:
        f.write(text)
    t.equal(p.returncode, expect, f"exit code of {' '.join(map(str, args))}\n{text[-1500:]}")
    with open(path, encoding="utf-8") as f:
        return json.load(f), text


def to(engine):
    return ["--to", f"sip:100@127.0.0.1:{engine.sip_port}", "--domain", "acme.test"]


def agents(engine, n):
    return ["--agents", n, "--password", SIP_SECRET, "--ready", "--data", engine.data, "--tenant", "acme"]


def measured(t, e, *args, **more):
    """Twice at most: what is measured of an engine is good only while the machine gives it its time."""
    try:
        return load(t, *to(e), *agents(e, 6), *args, **more)
    except Failed:
        return load(t, *to(e), *agents(e, 6), *args, **more)


@scenario(60, alone=True)
def load_calls_with_agents(t):
    """Calls through queue, agents and recording, from both ends: none fails, no sound is missing, MOS over 4; then one
    in twenty packets is lost on purpose, and exactly that is heard; a limit that does not hold gives exit 1."""
    e = t.engine(centre(agents=6))
    result, _ = measured(t, e, "--calls", 6, "--rate", 4, "--hold", "2s", "--min-mos", 4)
    run = result["repetitions"][0]
    t.equal({k: run["calls"][k] for k in ("begun", "answered", "done", "failed", "taken_by_phones")},
            {"begun": 6, "answered": 6, "done": 6, "failed": 0, "taken_by_phones": 6}, "calls")
    for side in ("at_callers", "at_phones"):
        heard = run[side]
        t.equal((heard["legs"], heard["unheard"]), (6, 0), side)
        t.check(heard["echoes"] <= 1, f"{side}: it is the other that is heard, {heard['echoes']} seemed to hear themselves")
        t.check(heard["mos"] > 4 and heard["rtp_lost"] == 0, f"{side}: MOS {heard['mos']}, loss {heard['loss_percent']} %")
        t.check(20 <= heard["mouth_to_ear_ms"]["p50"] < 120, f"{side}: {heard['mouth_to_ear_ms']}")
        t.check(heard["heard_ms"] > 6 * 1800, f"{side}: two seconds of each call are heard, {heard['heard_ms']} ms in all")
    t.check(result["seed"] == 1 and result["machine"]["cpu"] and result["configuration"]["calls"] == 6, "the result says what it is of")
    t.idle(e)
    totals = e.totals("main")
    t.check(totals["offered"] == totals["answered"] and totals["offered"] in (6, 12) and totals["abandoned"] == 0, f"what the engine counted: {totals}")
    result, text = load(t, *to(e), *agents(e, 6), "--calls", 6, "--rate", 6, "--hold", "3s", "--impair", "loss=5%", "--max-loss", 1, expect=1)
    lost = result["repetitions"][0]["generator"]["impaired"]
    share = 100 * lost["lost"] / lost["sent"]
    for side in ("at_callers", "at_phones"):
        heard = result["repetitions"][0][side]["loss_percent"]
        t.check(abs(heard - share) < 2.5, f"{side}: {share:.1f} % of the packets were lost, {heard:.1f} % of the sound is missing")
    t.check("loss at" in text and not result["pass"] and result["valid"], "the limit that did not hold is named")


@scenario(40)
def load_another_system(t):
    """SIPp answers and sends the sound back: the callers hear themselves, there and back; a port where nobody is fails
    every call; Ctrl-C ends the calls that are up and tells what was measured."""
    port = phones.free_port(15600, 2)
    uas = subprocess.Popen(["sipp", "-sn", "uas", "-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(port), "-mp", str(phones.free_port(15700, 2)), "-rtp_echo", "-nostdin"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=t.folder, env={**os.environ, "TERM": "dumb"})
    try:
        another_system(t, port)
    finally:
        uas.kill()
        uas.wait()


def another_system(t, port):
    time.sleep(0.7)
    result, _ = load(t, "--to", f"sip:service@127.0.0.1:{port}", "--calls", 4, "--rate", 8, "--hold", "2s", "--impair", "delay=30ms")
    run = result["repetitions"][0]
    t.equal((run["calls"]["done"], run["calls"]["failed"]), (4, 0), "calls")
    heard = run["at_callers"]
    t.equal((heard["legs"], heard["echoes"]), (4, 4), "each hears itself")
    t.check(50 <= heard["mouth_to_ear_ms"]["p50"] < 90, f"20 ms of the packet and 30 of the impairment: {heard['mouth_to_ear_ms']}")
    p = subprocess.Popen([t.binary, "load", "--to", f"sip:service@127.0.0.1:{port}", "--calls", "5", "--rate", "0", "--hold", "60s"],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    time.sleep(1.5)
    p.send_signal(signal.SIGINT)
    out = p.communicate(timeout=10)[0].decode("utf-8", "replace")
    t.check("5 answered" in out and "stopped" in out and "heard by the callers: 5 legs" in out, "what was measured is told: " + out)
    result, text = load(t, "--to", "sip:x@127.0.0.1:9", "--calls", 1, "--wait", "1s", expect=1)
    t.check("not answered" in text, "a port where nobody is: " + text)


@scenario(40)
def load_chats(t):
    """Chats: every message acknowledged, each seen by the agents' side; strangers are not loaded by a slip of the hand."""
    e = t.engine(centre(queues=[queue("main", "100"), queue("chat", channels=["chat"])], more_agents=[agent("b1", phone=False)]))
    result, text = load(t, "--chats", 10, "--chat-rate", 20, "--chat-messages", 3, "--chat-every", "300ms", "--tenant", "acme", "--queue", "chat", "--data", e.data)
    chats = result["repetitions"][0]["chats"]
    t.equal({k: chats[k] for k in ("opened", "ended", "sent", "acknowledged", "delivered", "failed")},
            {"opened": 10, "ended": 10, "sent": 30, "acknowledged": 30, "delivered": 30, "failed": 0}, "chats")
    t.check(chats["acknowledged_ms"]["count"] == 20 and 0 < chats["delivered_ms"]["p50"] < 3000, f"times are measured: {chats['delivered_ms']}")
    code, _, err = e.cli("load", "--to", "sip:1@8.8.8.8", "--calls", "1")
    t.check(code == 1 and "i-may-load-this-target" in err, "a public address needs consent: " + err)
    code, _, err = e.cli("load", "--calls", "1")
    t.equal((code, "--to" in err), (2, True), "wrong use")


@scenario(40, alone=True)
def load_packets_of_60_ms(t):
    """Both ends say and want 60 ms: they get them, a third of the packets, relayed as they come and nothing missing."""
    e = t.engine(centre(agents=6))
    result, _ = measured(t, e, "--ptime", 60, "--calls", 4, "--rate", 4, "--hold", "2s", "--min-mos", 4)
    run = result["repetitions"][0]
    t.equal((run["calls"]["done"], result["configuration"]["ptime_ms"]), (4, 60), "calls")
    for side in ("at_callers", "at_phones"):
        heard = run[side]
        packets = heard["rtp_received"] / heard["legs"]
        t.check(30 <= packets <= 60, f"{side}: two seconds and a little more are 34 packets and a few, {packets} came")
        t.check(heard["unheard"] == 0 and heard["heard_ms"] > 4 * 1800, f"{side}: {heard['heard_ms']} ms are heard")
        t.check(60 <= heard["mouth_to_ear_ms"]["p50"] < 160, f"{side}: {heard['mouth_to_ear_ms']}")
    code, _, err = e.cli("load", "--answer", "1", "--ptime", "25")
    t.check(code == 2 and "--ptime" in err, "25 ms: " + err)


class Deaf:
    """Takes one call and says nothing; leaves requests unanswered as it is told. asked: (method, CSeq) of all."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(20)
        self.asked = []

    def next(self, method):
        while True:
            data, self.peer = self.sock.recvfrom(65535)
            m = Message(data.decode())
            self.asked.append((m.method, m.cseq()))
            if m.method == method:
                return m

    def say(self, m, status, body=""):
        head = [f"SIP/2.0 {status}"] + [f"Via: {v}" for v in m.all("via")]
        head += [f"From: {m.get('from')}", f"To: {m.get('to').split(';tag')[0]};tag=deaf", f"Call-ID: {m.get('call-id')}", f"CSeq: {m.get('cseq')}"]
        head += ["Contact: <sip:deaf@127.0.0.1:%d>" % self.sock.getsockname()[1]]
        head += ["Content-Type: application/sdp"] if body else []
        self.sock.sendto("\r\n".join(head + [f"Content-Length: {len(body)}", "", body]).encode(), self.peer)


@scenario(40)
def load_ends_what_failed(t):
    """A call in which nobody is heard, and one that rings only after it was given up: each is counted as failed, and
    ended at the other end too, by a BYE that is said until it is answered, and by CANCEL once there is something."""
    deaf = Deaf()
    command = [t.binary, "load", "--to", "sip:x@127.0.0.1:%d" % deaf.sock.getsockname()[1], "--answer", "1", "--calls", "1", "--wait", "1s"]
    p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    invite = deaf.next("INVITE")
    deaf.say(invite, "200 OK", "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n")
    deaf.next("ACK")
    first, second = deaf.next("BYE"), deaf.next("BYE")
    t.check(first.cseq() == second.cseq() > invite.cseq(), f"the same BYE again: {deaf.asked}")
    deaf.say(second, "200 OK")
    out = p.communicate(timeout=20)[0].decode("utf-8", "replace")
    t.check(p.returncode == 1 and "nobody was heard" in out and "1 failed" in out, out)
    p = subprocess.Popen(command[:-1] + ["3s", "--calls", "2", "--rate", "0.2"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    invite = deaf.next("INVITE")
    time.sleep(3.5)  # the second call begins after five seconds: until then the generator is there
    deaf.say(invite, "180 Ringing")
    cancel = deaf.next("CANCEL")
    t.equal((cancel.cseq(), cancel.get("call-id")), (invite.cseq(), invite.get("call-id")), "CANCEL is of the INVITE")
    deaf.say(cancel, "200 OK")
    deaf.say(invite, "487 Request Terminated")
    deaf.next("ACK")
    p.send_signal(signal.SIGINT)
    out = p.communicate(timeout=20)[0].decode("utf-8", "replace")
    t.check("not answered" in out, out)
    deaf.sock.close()
