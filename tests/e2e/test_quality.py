"""How good a call's media is, in both directions, while it goes on and afterwards; and what is wrong with it, told once."""
import json
import struct
import time

import audio
from lib import agent, centre, queue, scenario
from test_trace import trace_of


def the_centre():
    people = [agent("a1"), agent("chief", role="supervisor", phone=False)]
    return centre(agents=0, more_agents=people, queues=[queue("main", "100"), queue("chat", channels=["chat"])])


class Losing:
    """In a party's way out: every `nth` packet does not arrive, from `mute_from` on none does."""

    def __init__(self, sock, nth=0):
        self.sock, self.nth, self.n, self.mute = sock, nth, 0, False

    def sendto(self, data, to):
        self.n += 1
        if not self.mute and not (self.nth and self.n % self.nth == 0):
            self.sock.sendto(data, to)

    def __getattr__(self, name):
        return getattr(self.sock, name)

    def __hash__(self):
        return hash(self.sock)

    def __eq__(self, other):
        return self.sock is other or self is other


def report(rtp, lost, deaf_at=None):
    """A receiver report about what came, to the engine's RTCP port; deaf_at: the sequence number at which it ended."""
    _, _, seq, _, ssrc, _ = rtp.got[-1]
    block = struct.pack(">IIIIII", ssrc, lost, seq if deaf_at is None else deaf_at, 0, 0, 0)
    text = b"\x01\x04test"
    sdes = struct.pack(">BBHI", 0x81, 202, 3, rtp.ssrc) + text + bytes(8 - len(text))
    rtp.c.sendto(struct.pack(">BBHI", 0x81, 201, 7, rtp.ssrc) + block + sdes, (rtp.remote[0], rtp.remote[1] + 1))


class Talk:
    def __init__(self, t, nth=0, **machine):
        self.t, self.e = t, t.engine(the_centre(), machine=machine.get("machine"))
        self.desk, self.phone = t.agent(self.e, "a1", say=audio.tone(672, 2))
        self.boss = t.desk(self.e, "chief", ready=False)
        self.call = t.caller(self.e).call("100", say=audio.tone(1020, 2))
        self.rtp = self.call.rtp
        self.rtp.s = self.way = Losing(self.rtp.s, nth)
        t.check(self.call.wait("up"), f"the caller is answered, got {self.call.statuses}")
        joined = self.desk.wait("connect")
        t.check(joined is not None, "caller and agent are joined")
        self.ix = joined["id"]

    def caller(self):
        legs = self.boss.api.get(f"/api/v1/calls/{self.ix}/quality")["legs"]
        return next((leg for leg in legs if leg["side"] == "caller"), {})


@scenario(timeout=40)
def quality_of_both_directions_live_and_afterwards(t):
    """A caller who loses every tenth packet and reports losing as many of ours: both scores by API while the call goes
    on, by `junctor trace`, and in the trace of the call when it is over."""
    c = Talk(t, nth=10)
    lost, told = 0, {}

    def scored():
        nonlocal lost, told
        lost += 5
        report(c.rtp, lost)
        time.sleep(1)
        told = c.caller()
        return told.get("remote_mos")
    t.eventually(scored, "the caller's leg is scored both ways while the call goes on", 14)
    t.check(1.5 < told["mos"] < 4.0, f"every tenth packet is heard, MOS {told['mos']}")
    t.check(1.5 < told["remote_mos"] < 4.0, f"and heard at the caller, MOS {told['remote_mos']}")
    t.check(told["lost"] > 5 and told["remote_lost"] > 0, f"{told['lost']} lost, {told['remote_lost']} lost there")
    text = c.e.cli("trace", c.ix, "--data", c.e.data)[1]
    t.check("media caller, in progress" in text and f"MOS {told['mos']:.2f}"[:5] in text, f"the verb shows it: {text[-600:]}")
    status, _, _ = c.desk.api.request("GET", f"/api/v1/calls/{c.ix}/quality")
    t.equal(status, 403, "an agent asks for it")
    c.call.bye()
    got = trace_of(t, c.boss.api, c.ix)
    leg = next(m for m in got["media"] if m["side"] == "caller")
    t.check(1.5 < leg["mos"] < 4.0 and 1.5 < leg["remote_mos"] < 4.0, f"both scores are kept: {json.dumps(leg)}")
    t.check(leg["gap_density"] > 0.05 or leg["burst_density"] > 0.05, f"and how the losses lay: {json.dumps(leg)}")


@scenario(timeout=40)
def one_way_audio_is_told_once(t):
    """A caller of whom nothing comes any more, then one who reports hearing nothing: supervisors hear of each once, and
    of its end; the trace and the metrics have it."""
    c = Talk(t, machine={"media.one_way": "1s"})
    time.sleep(0.5)
    c.way.mute = True
    began = c.boss.wait("media", lambda d: d["on"], 6)
    t.check(began is not None and began["what"] == "no_media" and began["side"] == "caller" and began["id"] == c.ix,
            f"a supervisor is told: {began}")
    c.way.mute = False
    over = c.boss.wait("media", lambda d: not d["on"], 6)
    t.check(over is not None and over["what"] == "no_media", f"and that it is over: {over}")
    at = c.rtp.got[-1][2]
    for _ in range(3):
        report(c.rtp, 0, at)
        time.sleep(1.1)
    deaf = c.boss.wait("media", lambda d: d["on"] and d["what"] == "unheard", 4)
    t.check(deaf is not None and deaf["side"] == "caller", f"the caller hears nothing of us: {deaf}")
    t.equal(c.caller().get("trouble", ["unheard"]), ["unheard"], "and that stands in its figures")
    kinds = [d["what"] for d in c.boss.seen("media") if d["on"]]
    t.equal(sorted(kinds), ["no_media", "unheard"], "each was told once")
    t.check(not c.desk.seen("media"), "and to no agent")
    c.call.bye()
    events = trace_of(t, c.boss.api, c.ix)["events"]
    t.equal([(x["what"], x["on"]) for x in events], [("no_media", True), ("no_media", False), ("unheard", True)],
            "what the trace has of it")
    m = c.e.admin.metrics()
    t.equal((m["junctor_media_missing_total"], m["junctor_media_unheard_total"]), (1, 1), "and the metrics")
