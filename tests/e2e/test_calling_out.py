"""Calling out: an agent, or the API for one, calls a number through a trunk: ringback or the network's own sound, answer,
busy, no answer, giving up; permission and prefixes; caller id; both sides recorded; counted apart from who called us."""
import json
import os
import struct
import time
import wave

import audio
from lib import agent, centre, queue, scenario
from ua import Ua, answer_all, refuse_all, sdp, sdp_target

AGENT_HZ, NUMBER_HZ, EARLY_HZ, RINGBACK_HZ = 672, 1020, 1633, 425
CARRIER, NUMBER = "127.0.0.9", "+493055501"


def the_centre(port, answer="phone"):
    people = [agent("a1"), agent("a2"), agent("chief", role="supervisor")]
    people[0].update({"may_call_out": True, "answer": answer})
    data = centre(agents=0, more_agents=people, queues=[queue("main", "100", caller_id="+4930111"), queue("other", "200")],
                  trunks=[{"name": "carrier", "from": [f"{CARRIER}/32"], "to": [f"{CARRIER}:{port}"], "probe": "0s"}])
    data["tenants"][0].update({"routes": [{"prefix": "+49", "trunks": ["carrier"]}], "caller_id": "+4930100", "call_out": ["+4930", "+33"]})
    return data


class World:
    def __init__(self, t, out, answer="phone", a1=None):
        self.t = t
        self.carrier = Ua(("127.0.0.1", 9), "carrier", ip=CARRIER, on_invite=out)
        t.closing.append(self.carrier)
        self.e = t.engine(the_centre(self.carrier.port, answer))
        self.carrier.engine = self.e.address
        self.d1, self.p1 = t.agent(self.e, "a1", on_invite=a1 or answer_all(say=audio.tone(AGENT_HZ, 2)))

    def call(self, to=NUMBER, status=201, desk=None, **more):
        got, _, body = (desk or self.d1).api.request("POST", "/api/v1/calls", {"to": to, **more})
        self.t.equal(got, status, f"POST /calls {to} {more}: {body!r}")
        return json.loads(body).get("id")

    def leg(self, phone, n=1):
        self.t.eventually(lambda: len(phone.calls) >= n, f"{phone.user} is called", 5)
        return list(phone.calls.values())[n - 1]

    def closed(self, ix, outcome, why):
        row = self.t.eventually(lambda: (lambda r: r if r.get("outcome") not in (None, "open") and r["state"] == "done" else None)(
            self.e.admin.get(f"/api/v1/interactions/{ix}")), f"the call is over: {outcome}", 5)
        self.t.equal((row["direction"], row["outcome"], row["why"], row["agent"]), ("out", outcome, why, "a1"), "the record")
        return row

    def tone(self, leg, hz, since, until=float("inf")):
        pcm = leg.rtp.heard(since, until)
        return audio.goertzel(pcm, hz) if len(pcm) > 1200 else 0.0


def both_ways(t, w, a, b):
    begin = time.monotonic() + 0.3
    time.sleep(1.0)
    t.check(w.tone(a, NUMBER_HZ, begin) > 0.5, "the agent hears the number")
    t.check(w.tone(b, AGENT_HZ, begin) > 0.5, "the number hears the agent")


def recorded_both(t, w, ix):
    out = os.path.join(t.folder, "call.wav")
    t.eventually(lambda: w.e.cli("rec", "export", "--data", w.e.data, ix, "-o", out)[0] == 0, "the recording can be exported", 8)
    with wave.open(out) as f:
        pcm = struct.unpack(f"<{2 * f.getnframes()}h", f.readframes(f.getnframes()))
    left, right = pcm[0::2], pcm[1::2]
    t.check(audio.goertzel(left, NUMBER_HZ) > 0.2, "the number is on the left")
    t.check(audio.goertzel(right, AGENT_HZ) > 0.2, "the agent is on the right")


@scenario(40)
def calling_out_api(t):
    """By API: the agent's phone rings, then the number, with ringback meanwhile; answered, recorded with both; counted apart."""
    def ring(call):
        call.answer(180)
        call.set("ringing")
        time.sleep(1.2)
        call.rtp.say(audio.tone(NUMBER_HZ, 2), loop=True)
        call.accept()
    w = World(t, ring)
    ix = w.call(queue="main")
    a, b = w.leg(w.p1), w.leg(w.carrier)
    t.check(a.wait("up"), "the agent's phone takes it")
    t.check(NUMBER in b.invite.get("to") and "+4930111" in b.invite.get("from"), f"number and the queue's caller id: {b.invite.get('from')}")
    begin = time.monotonic()
    t.check(w.d1.wait_state("on_interaction"), "the agent is busy while it rings")
    w.call(status=409)
    t.check(b.wait("up"), "the number answers")
    t.check(w.tone(a, RINGBACK_HZ, begin, begin + 0.7) > 0.3, "the agent heard ringback")
    both_ways(t, w, a, b)
    row = w.e.admin.get(f"/api/v1/interactions/{ix}")
    t.equal((row["direction"], row["state"]), ("out", "connected"), "the live row")
    b.bye()
    t.check(a.wait("ended", timeout=5), "the agent's phone gets a BYE")
    row = w.closed(ix, "answered", "customer")
    t.equal((row["call"]["called"], row["call"]["caller"], row["call"]["recorded"]), (NUMBER, "+4930111", True), "the record's numbers")
    s = w.e.admin.get(f"/api/v1/interactions/{ix}/segments")["segments"]
    t.equal([k["kind"] for k in s], ["dial", "talk"], "segments")
    recorded_both(t, w, ix)
    t.totals(w.e, "main", {"offered": 0, "answered": 0, "out": 1, "out_answered": 1}, "counted apart")
    g = w.e.admin.get("/api/v1/report")["total"]
    t.equal((g["offered"], g["out"], g["out_answered"], g["service_level"]), (0, 1, 1, None), "the report")
    t.idle(w.e)


@scenario(40)
def calling_out_phone(t):
    """The agent's phone dials: early sound of the network is passed on (183), the answer joins; then a call back in goes the usual way."""
    def early(call):
        call.rtp.say(audio.tone(EARLY_HZ, 2), loop=True)
        body = sdp(call.rtp, codecs=call.ua.codecs)
        call.answer(183, body)
        call.set("ringing")
        call.rtp.start(sdp_target(call.invite.body))
        time.sleep(1.5)
        call.rtp.say(audio.tone(NUMBER_HZ, 2), loop=True)
        call.accept(body)
    w = World(t, early)
    a = w.p1.call(NUMBER, say=audio.tone(AGENT_HZ, 2))
    t.check(a.until(lambda c: any(s == ("INVITE", 183) for s in c.statuses), 5), f"183 with sound: {a.statuses}")
    m = next(m for m in a.messages if m.is_response and m.status == 183)
    a.rtp.start(sdp_target(m.body))
    begin = time.monotonic() + 0.4
    b = w.leg(w.carrier)
    time.sleep(1.1)
    t.check(w.tone(a, EARLY_HZ, begin) > 0.5, "the agent hears the network")
    t.check(a.wait("up"), f"the answer reaches the phone: {a.statuses}")
    both_ways(t, w, a, b)
    t.equal(w.d1.state()["state"], "on_interaction", "the agent is busy")
    a.bye()
    t.check(b.wait("ended", timeout=5), "the number gets a BYE")
    ix = w.e.admin.get("/api/v1/interactions")["interactions"][0]["id"]
    w.closed(ix, "answered", "agent")
    t.idle(w.e)


@scenario(40)
def calling_out_in_vain(t):
    """Busy, declined, unreachable, given up while it rings: the record says which, the dialling phone hears the same, nobody is left."""
    w = World(t, refuse_all(486))
    ix = w.call()
    a = w.leg(w.p1)
    t.check(a.wait("ended", timeout=6), "busy: the agent's phone gets a BYE")
    w.closed(ix, "rejected", "phone_busy")
    for status, why in ((486, "phone_busy"), (603, "phone_reject")):
        w.carrier.on_invite = refuse_all(status)
        c = w.p1.call(NUMBER)
        t.check(c.wait("ended", timeout=6), f"{status} ends the phone's call")
        t.equal([s for m, s in c.statuses if m == "INVITE" and s >= 300 and s != 407], [status], "the phone hears the same")
        ix = w.e.admin.get("/api/v1/interactions")["interactions"][0]["id"]
        w.closed(ix, "rejected", why)
    w.carrier.on_invite = None  # rings for ever
    ix = w.call()
    a, b = w.leg(w.p1, 4), w.leg(w.carrier, 4)
    t.check(a.wait("up"), "the agent's phone is up")
    time.sleep(0.2)
    a.bye()
    t.check(b.until(lambda c: "CANCEL" in c.requests, 5), "given up: the number's call is cancelled")
    w.closed(ix, "abandoned", "agent")
    w.p1.on_invite = refuse_all(603)
    ix = w.call()
    w.closed(ix, "rejected", "phone_reject")
    t.totals(w.e, "main", {"offered": 0, "out": 5, "out_answered": 0}, "counted apart")
    t.idle(w.e)


@scenario(40)
def calling_out_forbidden(t):
    """Toll fraud: without permission, beyond the prefixes, without a route, or logged out nobody calls; each is counted."""
    w = World(t, answer_all())
    d2, p2 = t.agent(w.e, "a2")
    w.call(desk=d2, status=403)
    w.call(to="+49305550", desk=d2, agent="a1", status=403)
    w.call(to="+1900555", status=403)
    w.call(to="+4940", status=403)
    w.call(to="+33123", status=409)
    w.call(to="00493055501", status=403)
    w.call(to="sip:x@evil.test", status=422)
    c = p2.call(NUMBER)
    t.check(c.wait("ended", timeout=5), "a2's phone is refused")
    t.check(("INVITE", 403) in c.statuses, f"with 403: {c.statuses}")
    t.equal(len(w.carrier.calls), 0, "nothing went out")
    w.d1.api.post("/api/v1/agents/me/logout")
    w.call(status=409)
    boss = t.desk(w.e, "chief", ready=False)
    w.d1.login()
    ix = w.call(desk=boss, agent="a1")
    t.check(w.leg(w.carrier).wait("up"), "a supervisor lets a1 call, who is not ready")
    w.leg(w.p1).bye()
    w.closed(ix, "answered", "agent")
    m = w.e.admin.metrics()
    t.check(m["junctor_calls_out_forbidden_total"] >= 5, "refusals are counted")
    t.equal((m["junctor_calls_wrong_steps_total"], m["junctor_media_orders_refused_total"], m["junctor_router_events_refused_total"]), (0, 0, 0), "our own faults and full mailboxes, told too")
    t.idle(w.e)


@scenario(40)
def calling_out_then_transfer(t):
    """A call that went out is held, asked about and handed over like any other; an auto-answering phone is asked to take it."""
    w = World(t, answer_all(say=audio.tone(NUMBER_HZ, 2)), answer="auto")
    d2, p2 = t.agent(w.e, "a2", say=audio.tone(AGENT_HZ, 2))
    ix = w.call()
    a, b = w.leg(w.p1), w.leg(w.carrier)
    t.check("answer-after=0" in a.invite.get("call-info") or a.invite.get("alert-info"), "auto-answer is asked for")
    t.check(b.wait("up"), "the number answers")
    time.sleep(0.3)
    t.equal(w.d1.api.request("POST", f"/api/v1/calls/{ix}/hold")[0], 200, "hold")
    t.equal(w.d1.api.request("POST", f"/api/v1/calls/{ix}/consult", {"agent": "a2"})[0], 200, "ask a2")
    c = w.leg(p2)
    t.check(c.wait("up"), "a2 answers")
    time.sleep(0.3)
    t.equal(w.d1.api.request("POST", f"/api/v1/calls/{ix}/consult/complete")[0], 200, "hand over")
    t.check(a.wait("ended", timeout=5), "a1 is let go")
    both_ways(t, w, c, b)
    c.bye()
    t.check(b.wait("ended", timeout=5), "the number gets a BYE")
    t.idle(w.e)
