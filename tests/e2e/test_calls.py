"""Calls: answered, abandoned, refused, not answered, held; what each side hears against what the other said."""
import os
import time

import audio
from lib import GREETING_HZ, MUSIC_HZ, DOMAIN, SIP_SECRET, agent, centre, queue, scenario
from rtp import first_sound
from ua import answer_all, refuse_all


def talk(t, engine, seconds=4.0, **caller):
    """One call through the queue to agent a1: (caller's call, agent's call, what each says)."""
    caller_says, agent_says = audio.speech(12, 11)[0], audio.speech(12, 22)[0]
    desk, phone = t.agent(engine, "a1", say=agent_says)
    call = t.caller(engine, **caller).call("100", say=caller_says)
    t.check(call.wait("up"), f"the caller is answered, got {call.statuses}")
    t.check(desk.wait("connect") is not None, "caller and agent are joined")
    at = time.monotonic()
    other = next(iter(phone.calls.values()))
    time.sleep(seconds)
    return desk, phone, call, other, caller_says, agent_says, at


def same_sound(t, said, heard, what, level=1.0, gap=0.03):
    found = audio.compare(said, heard)
    t.check(found["correlation"] > 0.9, f"{what}: what is heard is what was said (correlation {found['correlation']:.3f})")
    t.check(abs(found["level_db"]) < level, f"{what}: level within {level} dB, {found['level_db']:.2f}")
    t.check(found["gap_s"] <= gap, f"{what}: no gap, {found['gap_s'] * 1000:.0f} ms")
    return found


def window(party, since, until=float("inf")):
    """The looped speech of a party, as it left in that time."""
    return [x for s in party.rtp.sent if since <= s[0] <= until for x in audio.linear(s[2])]


@scenario(60, alone=True)
def call_answered_sound_both_ways(t):
    """A call is greeted, joined and ended; level, delay and gaps on both sides."""
    e = t.engine()
    desk, phone, call, other, _, _, at = talk(t, e, 5.0)
    begin, end = at + 1.0, at + 4.0
    for who, a, b in (("agent hears caller", call, other), ("caller hears agent", other, call)):
        same_sound(t, window(a, begin, end), b.rtp.heard(begin - 0.1, end + 0.4), who)
        seqs, stamps, longest = b.rtp.breaks(begin, end)
        t.equal((seqs, stamps), (0, 0), f"{who}: jumps of sequence and time")
        t.check(longest < 0.08, f"{who}: packets come evenly, longest pause {longest * 1000:.0f} ms")
        delays = delay_of(a, b, begin, end)
        t.check(delays and sorted(delays)[len(delays) // 2] < 0.09, f"{who}: median delay under 90 ms, {delays and round(sorted(delays)[len(delays) // 2] * 1000)} ms")
    call.bye()
    t.check(other.wait("ended"), "the agent's phone gets a BYE")
    t.equal(other.ended_by, "them", "who ended the agent's leg")
    closed = desk.wait("closed")
    t.check(closed and closed["outcome"] == "answered" and closed["why"] == "customer", f"record says answered, by the customer: {closed}")
    t.idle(e)
    t.totals(e, "main", {"offered": 1, "answered": 1, "abandoned": 0, "open": 0}, "totals")


def delay_of(a, b, begin, end):
    """Seconds from sending a frame to hearing it, by frames whose bytes are found again."""
    heard = {}
    for g in b.rtp.voice(begin, end + 0.5):
        heard.setdefault(g[5], g[0])
    return [heard[s[2]] - s[0] for s in a.rtp.sent if begin <= s[0] <= end and s[2] in heard and s[2] != b"\xff" * 160]


@scenario(60)
def call_greeting_and_music(t):
    """Without a free agent the caller hears the greeting, then music, and is told that it waits."""
    e = t.engine()
    call = t.caller(e).call("100")
    t.check(call.wait("up"), f"answered, got {call.statuses}")
    t.eventually(lambda: e.totals("main")["waiting"] == 1, "one waits")
    time.sleep(3.0)
    heard = call.rtp.heard()
    t.check(any(audio.goertzel(heard[i:i + 1600], GREETING_HZ) > 0.5 for i in range(0, min(len(heard), 8000), 400)), "the greeting is heard first")
    t.check(audio.goertzel(heard[-8000:], MUSIC_HZ) > 0.5, "then music")
    call.bye()
    t.check(call.wait("ended"), "BYE is answered")
    t.idle(e)
    t.totals(e, "main", {"offered": 1, "abandoned": 1}, "offered and abandoned")


@scenario(60)
def call_abandoned_while_ringing(t):
    """The caller hangs up while the agent's phone rings: CANCEL there, the agent is ready again."""
    e = t.engine()
    desk, phone = t.agent(e, "a1", on_invite=lambda c: (c.answer(180), c.set("ringing")))
    call = t.caller(e).call("100")
    t.check(call.wait("up"), "the caller is answered")
    t.eventually(lambda: phone.calls, "the phone rings")
    other = next(iter(phone.calls.values()))
    other.wait("ringing")
    call.bye()
    t.check(other.wait("ended", timeout=5), "the phone stops ringing")
    t.check("CANCEL" in other.requests, f"by CANCEL, got {other.requests}")
    t.check(desk.wait_state("ready", 5), "the agent is ready again")
    t.idle(e)
    t.totals(e, "main", {"abandoned": 1}, "abandoned")


@scenario(30)
def call_unknown_number(t):
    """A number that nobody has: 404, and a record that says rejected or nothing at all, never open."""
    e = t.engine()
    call = t.caller(e).call("999")
    t.check(call.wait("ended", timeout=5), "refused")
    t.equal(call.statuses[-1], ("INVITE", 404), "answer")
    t.idle(e)


@scenario(60)
def call_queue_full(t):
    """max_waiting 1: the second caller is refused and counted as rejected; the first one keeps waiting."""
    e = t.engine(centre(queues=[queue("main", "100", max_waiting=1), queue("chat", channels=["chat"])]))
    first = t.caller(e).call("100")
    t.check(first.wait("up"), "the first is answered")
    t.eventually(lambda: e.totals("main")["waiting"] == 1, "it waits")
    second = t.caller(e, "bob").call("100")
    t.check(second.wait("ended", timeout=10), f"the second is refused or hung up, {second.statuses}")
    t.eventually(lambda: e.totals("main")["rejected"] == 1, "rejected 1")
    t.equal(first.state, "up", "the first call")
    first.bye()
    t.idle(e)


@scenario(90)
def call_no_answer_redirect(t):
    """a1 lets it ring: the caller goes back to its place, a2 takes it; after two in a row a1 is not ready, no_answer."""
    e = t.engine(centre(queues=[queue("main", "100", offer_timeout="1s"), queue("chat", channels=["chat"])]))
    d1, p1 = t.agent(e, "a1", on_invite=lambda c: (c.answer(180), c.set("ringing")))
    call = t.caller(e).call("100")
    t.check(call.wait("up"), "answered")
    t.check(d1.wait("offer_cancel", lambda d: d["why"] == "no_answer" or True, 5), "the offer times out")
    state = d1.wait_state("not_ready", 8)
    t.check(state and state["reason"] == "no_answer", f"a1 is set not ready with the reason, {state}")
    t.check(all("CANCEL" in c.requests for c in p1.calls.values()), "each ringing was cancelled")
    d2, p2 = t.agent(e, "a2")
    joined = d2.wait("connect", timeout=5)
    t.check(joined and joined["offers"] >= 3, f"a2 gets the same call after two refusals, {joined}")
    call.bye()
    t.idle(e)
    t.totals(e, "main", {"answered": 1}, "answered")


@scenario(60)
def call_phone_busy_goes_back_in_place(t):
    """The agent's phone says 486 to the older call: it is still served before the younger one."""
    e = t.engine()
    busy = refuse_all(486)
    d1, p1 = t.agent(e, "a1", on_invite=busy)
    old = t.caller(e, "old").call("100")
    t.check(old.wait("up"), "the older is answered")
    t.check(d1.wait("offer_cancel", timeout=5), "offer ends with busy")
    young = t.caller(e, "young").call("100")
    t.check(young.wait("up"), "the younger is answered")
    d1.wait_state("not_ready", 5)
    d2, p2 = t.agent(e, "a2")
    first = d2.wait("connect", timeout=5)
    t.check(first is not None, "a2 gets one")
    records = sorted(e.admin.get("/api/v1/interactions?open=1&channel=voice")["interactions"], key=lambda x: x["arrived_us"])
    t.equal(first["id"], records[0]["id"], "who is served first: the older")
    old.bye()
    young.bye()
    t.idle(e)


@scenario(60)
def call_unreachable_phone(t):
    """A phone that is registered and dead: the call goes to the next agent, nothing waits for SIP's long timers."""
    e = t.engine(centre(queues=[queue("main", "100", offer_timeout="1s"), queue("chat", channels=["chat"])]))
    d1, p1 = t.agent(e, "a1", on_invite=lambda c: None)
    p1.stopped = True
    p1.s.close()
    call = t.caller(e).call("100")
    t.check(call.wait("up"), "answered")
    t.check(d1.wait("offer_cancel", timeout=6), "the offer to the dead phone ends")
    d2, p2 = t.agent(e, "a2")
    t.check(d2.wait("connect", timeout=6), "a2 takes the call")
    call.bye()
    t.idle(e, 40)


@scenario(60)
def call_held_by_phone(t):
    """The agent's phone holds (re-INVITE sendonly): the caller hears music, not the agent; resume brings both back."""
    e = t.engine()
    desk, phone, call, other, _, _, _ = talk(t, e, 1.0)
    other.reinvite("sendonly")
    t.check(other.until(lambda c: ("INVITE", 200) in c.statuses, 5), f"re-INVITE is answered 200, {other.statuses}")
    t.check(desk.wait("hold", timeout=5), "the record says held")
    at = time.monotonic()
    time.sleep(2.0)
    heard = call.rtp.heard(at + 0.7)
    t.check(audio.goertzel(heard[-8000:], MUSIC_HZ) > 0.3, "the caller hears music while held")
    other.reinvite("sendrecv")
    t.check(desk.wait("resume", timeout=5), "the record says resumed")
    back = time.monotonic()
    time.sleep(2.5)
    same_sound(t, window(other, back + 0.8, back + 2.0), call.rtp.heard(back + 0.7), "caller hears agent again")
    call.bye()
    t.idle(e)


@scenario(60)
def call_control_by_api(t):
    """Hold, resume and hang up by the API; the desk of another agent cannot (404)."""
    e = t.engine()
    desk, phone, call, other, _, _, _ = talk(t, e, 0.5)
    ix = desk.seen("connect")[0]["id"]
    stranger = t.desk(e, "a2", ready=False)
    status, _, _ = stranger.api.request("POST", f"/api/v1/calls/{ix}/hangup")
    t.equal(status, 404, "another agent's hang-up")
    desk.api.post(f"/api/v1/calls/{ix}/hold")
    t.check(desk.wait("hold", timeout=5), "held")
    desk.api.post(f"/api/v1/calls/{ix}/resume")
    t.check(desk.wait("resume", timeout=5), "resumed")
    desk.api.post(f"/api/v1/calls/{ix}/hangup")
    t.check(call.wait("ended", timeout=5), "the caller gets a BYE")
    closed = desk.wait("closed")
    t.check(closed and closed["why"] == "agent", f"ended by the agent, {closed}")
    t.idle(e)


@scenario(60, alone=True)
def call_two_workers(t):
    """Caller and agent on different workers: the same sound, no gaps."""
    e = t.engine(workers=2, machine={"workers.spread_legs": True})
    desk, phone, call, other, _, _, at = talk(t, e, 5.0)
    begin, end = at + 1.5, at + 4.0
    for who, a, b in (("agent hears caller", call, other), ("caller hears agent", other, call)):
        same_sound(t, window(a, begin, end), b.rtp.heard(begin - 0.1, end + 0.5), who, gap=0.05)
    m = e.admin.metrics()
    links = sum(v for k, v in m.items() if k.startswith("junctor_media_link_frames_total"))
    t.check(links > 100, f"frames went from worker to worker, {links:.0f}")
    call.bye()
    t.idle(e)


@scenario(60)
def call_pcma(t):
    """A caller who speaks A-law only reaches a mu-law phone."""
    e = t.engine()
    desk, phone = t.agent(e, "a1")
    call = t.caller(e, codecs=(8, 101)).call("100")
    call.rtp.pt = 8
    t.check(call.wait("up"), "answered")
    t.check(desk.wait("connect"), "joined")
    time.sleep(1.0)
    t.check(any(g[1] == 8 for g in call.rtp.got), "the caller gets A-law")
    other = next(iter(phone.calls.values()))
    t.check(len(other.rtp.voice()) > 20, "the phone gets sound")
    call.bye()
    t.idle(e)


@scenario(60)
def call_digits(t):
    """RFC 4733 digits are taken once each and do not reach the recording as noise."""
    e = t.engine()
    desk, phone, call, other, _, _, _ = talk(t, e, 0.5)
    for d in "159#":
        call.rtp.digit(d)
        time.sleep(0.4)
    other_events = [g for g in other.rtp.got if g[1] == 101]
    text = e.log_text()
    taken = [d for d in "159#" if f"digit={d}" in text or f"digit '{d}'" in text]
    t.check(len(taken) == 4 or len({g[3] for g in other_events}) == 4, f"four digits are taken, the log tells {taken}, the phone got {len(other_events)} events")
    t.equal(call.state, "up", "the call")
    call.bye()
    t.idle(e)


@scenario(90)
def call_baresip_both_sides(t):
    """Two baresip phones through the engine: what each heard is what the other said."""
    e = t.engine()
    wav = {}
    for i, who in enumerate(("caller", "callee")):
        wav[who] = os.path.join(t.folder, who + ".wav")
        audio.write_wav(wav[who], audio.silence(1.0) + audio.speech(8, 40 + i)[0] + audio.silence(60))
    a1 = t.baresip("a1", "a1", DOMAIN, e.address, SIP_SECRET, wav=wav["callee"], record=True, seconds=60)
    t.check(a1.wait_registered(8), "baresip registers with digest")
    desk = t.desk(e, "a1")
    c = t.baresip("c", "carol", "127.0.0.1", e.address, wav=wav["caller"], record=True, seconds=60)
    c.command("dial", f"sip:100@127.0.0.1:{e.sip_port}")
    t.check(c.wait_event("CALL_ESTABLISHED", 8), "the call is up")
    t.check(desk.wait("connect", timeout=8), "joined")
    time.sleep(9)
    c.command("hangup")
    t.check(a1.wait_event("CALL_CLOSED", 5), "the agent's phone is hung up")
    t.idle(e)
    for b in (a1, c):
        b.stop()
    said = {b: audio.read_wav(b.dumps()[0])[1][0] for b in (a1, c)}
    heard = {b: audio.read_wav(b.dumps()[1])[1][0] for b in (a1, c)}
    for who, speaker, listener in (("agent hears caller", c, a1), ("caller hears agent", a1, c)):
        same_sound(t, said[speaker][3 * 8000:7 * 8000], heard[listener], who, level=1.5, gap=0.06)


__all__ = [n for n in dir() if n.startswith("call_")]
_ = (first_sound, answer_all, agent)
