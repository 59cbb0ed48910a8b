"""Calls that move: blind and attended, to an agent, a queue and outside, by API and by the phone's REFER; the ways back
when that fails; who hears whom meanwhile; segments that add up to the call's time."""
import os
import struct
import time
import wave

import audio
from lib import DOMAIN, SIP_SECRET, agent, centre, queue, scenario
from ua import Ua, answer_all, refuse_all

TONES = {"caller": 1020, "a1": 672, "a2": 1633, "outside": 440}
HEARD, SILENT = 0.12, 0.004  # of the power, as in the supervisors' scenarios
CARRIER = "127.0.0.9"
NUMBER = "+493055501"


def the_centre(port, **more):
    people = [agent(n) for n in ("a1", "a2", "a3")]
    people[0]["may_call_out"] = True
    main = queue("main", "100", skills={}, **more)
    data = centre(agents=0, more_agents=people, queues=[main, queue("other", "200", skills={"tech": 1})],
                  trunks=[{"name": "carrier", "from": ["127.0.0.8/30"], "to": [f"{CARRIER}:{port}"], "probe": "0s"}])
    data["tenants"][0].update({"routes": [{"prefix": "+", "trunks": ["carrier"]}], "caller_id": "+4930100", "call_out": ["+4930"]})
    people[2]["skills"] = {"tech": 5}
    main.pop("skills")
    return data


def carrier(t, on_invite):
    u = Ua(("127.0.0.1", 9), "carrier", ip=CARRIER, on_invite=on_invite)
    t.closing.append(u)
    return u


class Talk:
    """A caller who talks to a1; a2 (main) and a3 (queue other) are ready; a carrier beside."""

    def __init__(self, t, a2=None, out=None, engine=None, **more):
        self.t = t
        self.carrier = carrier(t, out or answer_all(say=audio.tone(TONES["outside"], 2)))
        self.e = t.engine(the_centre(self.carrier.port, **more), **(engine or {}))
        self.carrier.engine = self.e.address
        self.d1, self.p1 = t.agent(self.e, "a1", say=audio.tone(TONES["a1"], 2))
        self.call = Ua(self.e.address, "alice", ip="127.0.0.10")
        t.closing.append(self.call)
        self.call = self.call.call("100", say=audio.tone(TONES["caller"], 2))
        t.check(self.call.wait("up"), f"the caller is answered, got {self.call.statuses}")
        joined = self.d1.wait("connect")
        t.check(joined is not None, "a1 has the caller")
        self.ix = joined["id"]
        self.leg1 = self.last(self.p1)
        self.d2, self.p2 = t.agent(self.e, "a2", on_invite=a2 or answer_all(say=audio.tone(TONES["a2"], 2)))
        self.d3, self.p3 = t.agent(self.e, "a3", say=audio.tone(TONES["a2"], 2))

    def last(self, phone, n=1, timeout=5):
        self.t.eventually(lambda: len(phone.calls) >= n, f"the phone of {phone.user} is called", timeout)
        return list(phone.calls.values())[n - 1]

    def post(self, what, body=None):
        return self.d1.api.request("POST", f"/api/v1/calls/{self.ix}/{what}", body)

    def do(self, what, body=None, status=200):
        got, _, answer = self.post(what, body)
        self.t.equal(got, status, f"{what} {body}: {answer!r}")

    def row(self):
        return self.e.admin.get(f"/api/v1/interactions/{self.ix}")

    def hears(self, **who):
        """caller={"a2"}: in the next half second the caller hears a2's tone and no other party's."""
        legs = {"caller": self.call, "a1": self.leg1, "a2": getattr(self, "leg2", None), "outside": getattr(self, "leg3", None)}
        begin = time.monotonic() + 0.3
        time.sleep(0.9)
        for name, want in who.items():
            pcm = legs[name].rtp.heard(begin)
            self.t.check(len(pcm) > 1200, f"{name} is sent sound, {len(pcm)} samples")
            for tone, hz in TONES.items():
                share = audio.goertzel(pcm, hz)
                if tone in want:
                    self.t.check(share > HEARD, f"{name} hears {tone}: {share:.4f}")
                else:
                    self.t.check(share < SILENT, f"{name} does not hear {tone}: {share:.4f}")

    def segments(self):
        return self.e.admin.get(f"/api/v1/interactions/{self.ix}/segments")["segments"]

    def recorded(self, *who):
        """The stereo audio has the caller left, and each of those who had the call right."""
        out = os.path.join(self.t.folder, "call.wav")
        self.t.eventually(lambda: self.e.cli("rec", "export", "--data", self.e.data, self.ix, "-o", out)[0] == 0, "the recording is there", 8)
        with wave.open(out) as f:
            pcm = struct.unpack(f"<{2 * f.getnframes()}h", f.readframes(f.getnframes()))
        self.t.check(audio.goertzel(pcm[0::2], TONES["caller"]) > HEARD, "the recording has the caller")
        for name in who:
            right = pcm[1::2]
            share = max(audio.goertzel(right[i:i + 1600], TONES[name]) for i in range(0, len(right) - 1600, 800))
            self.t.check(share > HEARD, f"the recording has {name}: {share:.4f}")

    def end(self, kinds, agent=None, **want):
        """The caller hangs up; the record says it; segments are of those kinds and add up."""
        if self.call.state == "up":
            self.call.bye()
        self.t.check(self.call.wait("ended"), "the caller's dialog ends")
        row = self.t.eventually(lambda: (lambda r: r if r.get("ended_us") or r.get("ended") else None)(self.row()), "the call has ended", 5)
        self.t.equal(row["outcome"], want.get("outcome", "answered"), "outcome")
        if agent:
            self.t.equal(row["agent"], agent, "the record names the last agent")
        s = self.t.eventually(lambda: (lambda x: x if x and all(k["ended_us"] for k in x) else None)(self.segments()), "segments are closed", 5)
        self.t.equal([k["kind"] for k in s], kinds, "kinds of segments")
        for a, b in zip(s, s[1:]):
            self.t.equal(a["ended_us"], b["began_us"], "no gap between segments")
        whole = self.e.rows("SELECT ended_us - arrived_us FROM interaction WHERE id = (SELECT ix FROM segment LIMIT 1)")[0][0]
        self.t.equal(sum(k["ended_us"] - k["began_us"] for k in s), whole, "segments add up to the call")
        self.t.idle(self.e)
        return s


@scenario(40)
def transfer_blind_agent(t):
    """Blind to a colleague by API: the caller hears music, then the colleague; the first agent is free and wraps up nothing."""
    c = Talk(t)
    c.do("transfer", {"agent": "a2"})
    t.check(c.leg1.wait("ended", timeout=5), "a1's phone gets a BYE")
    c.leg2 = c.last(c.p2)
    t.check(c.leg2.wait("up"), "a2 answers")
    c.hears(caller={"a2"}, a2={"caller"})
    t.check(c.d1.wait_state("ready"), "a1 is ready again")
    c.end(["ring", "talk", "ring", "talk"], agent="a2")
    t.equal(c.row()["transfers"], 1, "transfers")


@scenario(40)
def transfer_blind_agent_refused(t):
    """The colleague refuses: the caller waits at the old place and the next agent with room takes the call."""
    c = Talk(t, a2=refuse_all(486))
    c.do("transfer", {"agent": "a2"})
    c.leg2 = c.last(c.p2)
    t.check(c.leg1.wait("ended", timeout=5), "a1 is let go")
    c.leg2 = c.last(c.p3)
    t.check(c.leg2.wait("up"), "the next agent with room answers")
    c.hears(caller={"a2"}, a2={"caller"})  # both colleagues say the same tone
    s = c.end(["ring", "talk", "ring", "ring", "talk"], agent="a3")
    t.equal([k["agent"] for k in s], ["a1", "a1", "a2", "a3", "a3"], "who had it")


@scenario(40)
def transfer_blind_refer(t):
    """Blind by the phone's REFER: to a queue's number; NOTIFY says how it went; a second REFER to nobody is refused."""
    c = Talk(t)
    c.leg1.request("REFER", extra=[f"Refer-To: <sip:nobody@{DOMAIN}>", f"Referred-By: <sip:a1@{DOMAIN}>"])
    t.check(c.leg1.until(lambda x: any("404" in m.body for m in x.messages if m.method == "NOTIFY"), 4), "NOTIFY: 404 for nobody")
    c.hears(caller={"a1"}, a1={"caller"})
    c.leg1.request("REFER", extra=[f"Refer-To: <sip:200@{DOMAIN}>"])
    t.check(c.leg1.until(lambda x: any("SIP/2.0 200" in m.body for m in x.messages if m.method == "NOTIFY"), 4), "NOTIFY: 200")
    t.check(c.leg1.wait("ended", timeout=5), "then BYE")
    c.leg2 = c.last(c.p3)
    t.check(c.leg2.wait("up"), "an agent of the other queue answers")
    c.hears(caller={"a2"}, a2={"caller"})
    s = c.end(["ring", "talk", "ring", "talk"], agent="a3")
    t.equal(s[-1]["queue"], "other", "the segment is the other queue's")


@scenario(40)
def transfer_blind_outside(t):
    """Blind to a number: the agent stays until it answers, then caller and number talk, recorded; its hang-up ends the call."""
    c = Talk(t)
    t.equal(c.d2.api.request("POST", f"/api/v1/calls/{c.ix}/transfer", {"number": NUMBER})[0], 404, "a stranger's call")
    c.do("transfer", {"number": "+1900"}, 403)
    c.do("transfer", {"number": "nonsense"}, 422)
    c.do("transfer", {"number": NUMBER})
    c.leg3 = c.last(c.carrier)
    t.check(NUMBER in c.leg3.invite.get("to") and "+4930100" in c.leg3.invite.get("from"), f"number and caller id: {c.leg3.invite.get('from')}")
    t.check(c.leg3.wait("up"), "the number answers")
    t.check(c.leg1.wait("ended", timeout=5), "a1 is let go")
    c.hears(caller={"outside"}, outside={"caller"})
    row = c.row()
    t.equal((row["agent"], row["outside"], row["state"]), (None, True, "connected"), "nobody of ours has it")
    t.check(c.d1.wait_state("ready"), "a1 is free")
    c.leg3.bye()
    t.check(c.call.wait("ended", timeout=5), "the caller gets a BYE")
    s = c.end(["ring", "talk", "outside"], agent="a1")
    t.equal(s[-1]["number"], NUMBER, "the segment names the number")
    c.recorded("a1", "outside")


@scenario(40)
def transfer_outside_busy(t):
    """The number is busy: the caller is back with the agent, by API and by REFER (NOTIFY tells); a1 hangs up meanwhile: back in the queue."""
    c = Talk(t, out=refuse_all(486))
    c.do("transfer", {"number": NUMBER})
    c.last(c.carrier)
    c.hears(caller={"a1"}, a1={"caller"})
    c.leg1.request("REFER", extra=[f"Refer-To: <sip:{NUMBER}@{DOMAIN}>"])
    t.check(c.leg1.until(lambda x: any("SIP/2.0 486" in m.body for m in x.messages if m.method == "NOTIFY"), 4), "NOTIFY: 486")
    c.hears(caller={"a1"}, a1={"caller"})
    c.carrier.on_invite = None  # rings for ever
    c.do("transfer", {"number": NUMBER})
    c.last(c.carrier, 3)
    c.leg1.bye()
    time.sleep(0.3)
    c.last(c.carrier, 3).answer(486)
    c.leg2 = c.last(c.p2)
    t.check(c.leg2.wait("up"), "the next agent takes the caller")
    c.hears(caller={"a2"}, a2={"caller"})
    c.end(["ring", "talk", "outside", "ring", "talk"], agent="a2")


@scenario(40)
def transfer_attended(t):
    """The agent asks a colleague: neither hears the caller nor the caller them; cancelled the caller is back; asked again and completed."""
    c = Talk(t)
    c.do("consult", {"agent": "a2"})
    c.leg2 = c.last(c.p2)
    t.check(c.leg2.wait("up"), "a2 answers")
    t.equal(c.row()["consult"], "a2", "the row names the colleague")
    c.hears(caller=set(), a1={"a2"}, a2={"a1"})
    c.do("consult", {"agent": "a3"}, 409)
    c.do("consult/cancel")
    t.check(c.leg2.wait("ended", timeout=5), "a2 is let go")
    c.hears(caller={"a1"}, a1={"caller"})
    t.check(c.d2.wait_state("ready"), "a2 is free")
    c.do("consult/complete", status=404)
    c.do("consult", {"agent": "a2"})
    c.leg2 = c.last(c.p2, 2)
    t.check(c.leg2.wait("up"), "a2 answers again")
    time.sleep(0.3)
    c.do("consult/complete")
    t.check(c.leg1.wait("ended", timeout=5), "a1 is let go")
    c.hears(caller={"a2"}, a2={"caller"})
    s = c.end(["ring", "talk", "talk"], agent="a2")
    t.equal([k["agent"] for k in s], ["a1", "a1", "a2"], "who talked")
    c.recorded("a1", "a2")


@scenario(60)
def transfer_attended_ways_back(t):
    """The colleague refuses, hangs up, or the agent does: the caller is with the agent, with the agent, with the colleague."""
    c = Talk(t, a2=refuse_all(603))
    c.do("consult", {"agent": "a2"})
    c.last(c.p2)
    c.hears(caller={"a1"}, a1={"caller"})
    c.p2.on_invite = answer_all(say=audio.tone(TONES["a2"], 2))
    c.do("consult", {"agent": "a2"})
    c.leg2 = c.last(c.p2, 2)
    t.check(c.leg2.wait("up"), "a2 answers")
    time.sleep(0.2)
    c.leg2.bye()
    c.hears(caller={"a1"}, a1={"caller"})
    c.do("consult", {"queue": "other"})
    c.leg2 = c.last(c.p3)
    t.check(c.leg2.wait("up"), "who idles in the other queue answers")
    time.sleep(0.2)
    c.leg1.bye()  # hands over, as a phone's user expects
    c.hears(caller={"a2"}, a2={"caller"})
    c.end(["ring", "talk", "talk"], agent="a3")


@scenario(40)
def transfer_attended_outside(t):
    """The agent asks a number, then lets caller and number talk."""
    c = Talk(t)
    c.do("consult", {"number": NUMBER})
    c.leg3 = c.last(c.carrier)
    t.check(c.leg3.wait("up"), "the number answers")
    c.hears(caller=set(), a1={"outside"}, outside={"a1"})
    c.do("consult/complete")
    t.check(c.leg1.wait("ended", timeout=5), "a1 is let go")
    c.hears(caller={"outside"}, outside={"caller"})
    c.end(["ring", "talk", "outside"], agent="a1")


@scenario(60)
def transfer_hang_ups(t):
    """The caller hangs up while a colleague rings, talks, and while a number rings: everybody is let go, nobody stays reserved."""
    for step in ("ringing", "up", "outside"):
        c = Talk(t, a2=None if step != "ringing" else (lambda call: call.answer(180)), out=lambda call: call.answer(180))
        if step == "outside":
            c.do("transfer", {"number": NUMBER})
            c.last(c.carrier)
        else:
            c.do("consult", {"agent": "a2"})
            c.leg2 = c.last(c.p2)
            t.check(step == "ringing" or c.leg2.wait("up"), "a2 answers")
        time.sleep(0.2)
        c.call.bye()
        t.check(c.leg1.wait("ended", timeout=5), "a1 is let go")
        if step == "outside":
            t.eventually(lambda: "CANCEL" in c.last(c.carrier).requests, "the number's call is cancelled", 5)
        else:
            t.check(c.leg2.wait("ended", timeout=5), "a2 is let go")
        t.check(c.d2.wait_state("ready"), "a2 is free")
        c.end(["ring", "talk"], agent="a1")


def second_call(t, c, to):
    """a1's phone holds the caller and dials `to`, as a phone's user does before an attended transfer."""
    c.leg1.reinvite("sendonly")
    t.check(c.leg1.until(lambda x: ("INVITE", 200) in x.statuses, 4), "the caller is held by the phone")
    return c.p1.call(to, say=audio.tone(TONES["a1"], 2))


def replaces(first, second):
    """The Refer-To of first that names second (RFC 3891, as the engine's side sees that dialog)."""
    return (f"Refer-To: <sip:x@{DOMAIN}?Replaces={second.call_id.replace('@', '%40')}%3Bto-tag%3D{second.remote_tag}"
            f"%3Bfrom-tag%3D{second.local_tag}>")


@scenario(60)
def transfer_attended_phone(t):
    """The agent's phone makes the second call itself and sends REFER with Replaces: one interaction, handed over."""
    c = Talk(t)
    mine = second_call(t, c, "a2")
    c.leg2 = c.last(c.p2)
    t.check(c.leg2.wait("up"), "a2 answers")
    t.check(mine.wait("up"), f"the second call is answered: {mine.statuses}")
    first, c.leg1 = c.leg1, mine
    c.hears(caller=set(), a1={"a2"}, a2={"a1"})
    t.equal(len(c.e.admin.get("/api/v1/interactions?open=1")["interactions"]), 1, "one interaction")
    first.request("REFER", extra=[replaces(first, mine)])
    t.check(first.until(lambda x: any("SIP/2.0 200" in m.body for m in x.messages if m.method == "NOTIFY"), 4), "NOTIFY: 200")
    t.check(first.wait("ended", timeout=5) and mine.wait("ended", timeout=5), "both dialogs of a1 get a BYE")
    c.hears(caller={"a2"}, a2={"caller"})
    c.end(["ring", "talk", "talk"], agent="a2")


@scenario(60)
def transfer_attended_phone_back(t):
    """The second call ends, or is refused: the first dialog takes the caller again; to a number; and the colleague's queue."""
    c = Talk(t)
    mine = second_call(t, c, "a2")
    c.leg2 = c.last(c.p2)
    t.check(c.leg2.wait("up") and mine.wait("up"), "a2 answers")
    time.sleep(0.2)
    mine.bye()
    t.check(c.leg2.wait("ended", timeout=5), "a2 is let go")
    c.leg1.reinvite("sendrecv")
    c.hears(caller={"a1"}, a1={"caller"})
    c.p3.on_invite = refuse_all(486)
    mine = second_call(t, c, "a3")
    t.check(mine.wait("ended", timeout=5), "a3 refuses")
    t.check(any(s == ("INVITE", 486) for s in mine.statuses), f"the phone hears it: {mine.statuses}")
    c.leg1.reinvite("sendrecv")
    c.hears(caller={"a1"}, a1={"caller"})
    mine = second_call(t, c, "+1900")
    t.check(mine.wait("ended", timeout=5) and ("INVITE", 403) in mine.statuses, "not every number may be asked")
    mine = second_call(t, c, NUMBER)
    c.leg3 = c.last(c.carrier)
    t.check(c.leg3.wait("up") and mine.wait("up"), "the number answers")
    first, c.leg1 = c.leg1, mine
    c.hears(caller=set(), a1={"outside"}, outside={"a1"})
    first.request("REFER", extra=[replaces(first, mine)])
    t.check(first.wait("ended", timeout=5) and mine.wait("ended", timeout=5), "a1 is let go")
    c.hears(caller={"outside"}, outside={"caller"})
    c.end(["ring", "talk", "outside"], agent="a1")


@scenario(60)
def transfer_two_workers(t):
    """The same with every leg on another worker than its caller: a consult, a handover, then blind to a number."""
    c = Talk(t, engine={"workers": 2, "machine": {"workers.spread_legs": True}})
    c.do("consult", {"agent": "a2"})
    c.leg2 = c.last(c.p2)
    t.check(c.leg2.wait("up"), "a2 answers")
    c.hears(caller=set(), a1={"a2"}, a2={"a1"})
    c.do("consult/complete")
    c.hears(caller={"a2"}, a2={"caller"})
    t.equal(c.e.admin.request("POST", f"/api/v1/calls/{c.ix}/transfer", {"number": NUMBER})[0], 403, "a2 may not call out")
    t.equal(c.e.admin.request("POST", f"/api/v1/calls/{c.ix}/transfer", {"queue": "other"})[0], 200, "an administrator moves it")
    c.leg2 = c.last(c.p3)
    t.check(c.leg2.wait("up"), "a3 answers")
    c.hears(caller={"a2"}, a2={"caller"})
    c.end(["ring", "talk", "talk", "ring", "talk"], agent="a3")


@scenario(60)
def transfer_crash(t):
    """kill -9 while an agent consults: after the restart every phone gets a BYE, the call is lost, nobody stays reserved."""
    c = Talk(t)
    c.do("consult", {"agent": "a2"})
    c.leg2 = c.last(c.p2)
    t.check(c.leg2.wait("up"), "a2 answers")
    time.sleep(1.0)
    c.e.kill()
    c.e.start()
    for who, leg in (("the caller", c.call), ("a1", c.leg1), ("a2", c.leg2)):
        t.check(leg.wait("ended", timeout=8), f"{who} gets a BYE")
    row = c.row()
    t.equal((row["outcome"], row["why"]), ("lost", "crash"), "the record")
    s = c.segments()
    t.check(s and all(k["ended_us"] for k in s), "its segments are closed")
    for d in (c.d1, c.d2):
        state = next(a for a in c.e.live()["agents"] if a["name"] == d.name)
        t.equal(state["load"]["voice"], 0, f"{d.name} has nothing in hand")
    t.idle(c.e)


@scenario(60)
def transfer_baresip(t):
    """Baresip as the agent's phone transfers blind: to a colleague, and the next caller to a number."""
    out = carrier(t, answer_all(say=audio.tone(TONES["outside"], 2)))
    e = t.engine(the_centre(out.port))
    out.engine = e.address
    wav = os.path.join(t.folder, "a1.wav")
    audio.write_wav(wav, audio.tone(TONES["a1"], 50))
    a1 = t.baresip("a1", "a1", DOMAIN, e.address, SIP_SECRET, wav=wav, seconds=60)
    t.check(a1.wait_registered(8), "baresip registers")
    d1 = t.desk(e, "a1")
    alice = Ua(e.address, "alice", ip="127.0.0.10")
    t.closing.append(alice)
    c = alice.call("100", say=audio.tone(TONES["caller"], 2))
    t.check(d1.wait("connect") is not None, "joined")
    d2, p2 = t.agent(e, "a2", say=audio.tone(TONES["a2"], 2))
    a1.command("transfer", f"sip:a2@{DOMAIN}")
    t.check(d2.wait("connect", timeout=8) is not None, "a2 has the caller")
    leg = list(p2.calls.values())[0]
    begin = time.monotonic() + 0.3
    time.sleep(1.0)
    t.check(audio.goertzel(c.rtp.heard(begin), TONES["a2"]) > HEARD, "the caller hears a2")
    t.check(audio.goertzel(leg.rtp.heard(begin), TONES["caller"]) > HEARD, "a2 hears the caller")
    c.bye()
    t.check(c.wait("ended"), "over")
    d2.api.post("/api/v1/agents/me/not-ready", {"reason": "pause"})
    t.eventually(lambda: d1.state()["load"]["voice"] == 0, "a1 is free", 8)
    time.sleep(3.2)  # its back-off
    d1.events.clear()
    c = alice.call("100", say=audio.tone(TONES["caller"], 2))
    t.check(d1.wait("connect", timeout=8) is not None, "a1 has the next caller")
    time.sleep(0.3)
    a1.command("transfer", f"sip:{NUMBER}@{DOMAIN}")
    t.eventually(lambda: out.calls, "the number is called", 5)
    number = list(out.calls.values())[0]
    t.check(number.wait("up"), "it answers")
    begin = time.monotonic() + 0.4
    time.sleep(1.0)
    t.check(audio.goertzel(c.rtp.heard(begin), TONES["outside"]) > HEARD, "the caller hears the number")
    c.bye()
    t.check(number.wait("ended", timeout=5), "the number gets a BYE")
    t.idle(e)
