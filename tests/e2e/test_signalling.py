"""Signalling: phones, trunks, transports, what is refused and how, races at the end of calls, and load."""
import random
import threading
import time

import audio
from lib import DOMAIN, SIP_SECRET, agent, centre, scenario
from ua import Ua, answer_all, sdp


@scenario(30)
def sip_register(t):
    """Digest: right secret 200, wrong secret and unknown user refused, un-REGISTER takes the phone away."""
    e = t.engine()
    good = t.phone(e, "a1", register=False)
    t.equal(good.register(), 200, "right secret")
    t.eventually(lambda: e.status()["phones"] == 1, "one phone known")
    for user, secret in (("a2", "wrong-secret"), ("ghost", SIP_SECRET)):
        u = Ua(e.address, user, DOMAIN, secret)
        t.closing.append(u)
        status = u.register()
        t.check(status in (401, 403), f"{user} with a wrong secret or name is refused, got {status}")
    t.equal(e.status()["phones"], 1, "phones after refusals")
    t.check(e.admin.metrics()["junctor_sip_unauthorised_total"] >= 1, "refusals are counted")
    t.equal(good.register(expires=0), 200, "un-REGISTER")
    t.eventually(lambda: e.status()["phones"] == 0, "no phone known")


@scenario(30)
def sip_options(t):
    """OPTIONS from a trunk is answered 200 and names what we can."""
    e = t.engine()
    u = t.caller(e)
    m = u.transaction("OPTIONS", f"sip:127.0.0.1:{e.sip_port}")
    t.check(m is not None and m.status == 200, f"200, got {m and m.first}")
    t.check("INVITE" in m.get("allow"), f"Allow names INVITE: {m.get('allow')}")


@scenario(30)
def sip_tcp(t):
    """A call over TCP: answered, joined to a UDP phone, ended."""
    e = t.engine()
    desk, phone = t.agent(e, "a1", say=audio.tone(500, 2))
    call = t.caller(e, tcp=True).call("100")
    t.check(call.wait("up"), f"answered, got {call.statuses}")
    t.check(desk.wait("connect"), "joined")
    time.sleep(1)
    t.check(audio.goertzel(call.rtp.heard()[-4000:], 500) > 0.5, "the agent is heard")
    call.bye()
    t.check(call.wait("ended"), "BYE is answered")
    t.idle(e)


@scenario(30)
def sip_required_extension_420(t):
    """Require of something unknown: 420 with its name in Unsupported; no record of it stays open."""
    e = t.engine()
    call = t.caller(e).call("100", extra=["Require: teleportation"])
    t.check(call.wait("ended", timeout=5), "refused")
    t.equal(call.statuses[-1], ("INVITE", 420), "answer")
    m = next(m for m in call.messages if m.status == 420)
    t.check("teleportation" in m.get("unsupported"), f"Unsupported names it: {m.get('unsupported')!r}")
    t.check(e.admin.metrics()["junctor_sip_bad_extension_total"] >= 1, "counted")
    t.idle(e)


@scenario(30)
def sip_trunk_by_address(t):
    """The access list has 127.0.0.1 only: an INVITE from 127.0.0.2 is refused and counted."""
    e = t.engine()
    call = t.caller(e, ip="127.0.0.2").call("100")
    t.check(call.wait("ended", timeout=5), f"refused, got {call.statuses}")
    t.check(call.statuses[-1][1] in (401, 403, 404), f"by 403 or the like, got {call.statuses[-1]}")
    t.check(e.admin.metrics()["junctor_sip_forbidden_source_total"] >= 1, "counted")
    t.equal(e.status()["interactions_open"], 0, "interactions")


@scenario(80)
def sip_bad_messages(t):
    """Malformed SIP and SDP: refused or dropped, the engine goes on answering, also when the dialogs that a damaged but
    readable INVITE may have begun run into SIP's 32 s."""
    e = t.engine()
    u = t.caller(e)
    rng = random.Random(5)
    good = (f"INVITE sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{u.port};branch=z9hG4bKx\r\nFrom: <sip:x@y>;tag=1\r\n"
            "To: <sip:100@z>\r\nCall-ID: q\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n").encode()
    for i in range(300):
        bad = bytearray(good)
        for _ in range(rng.randrange(1, 12)):
            bad[rng.randrange(len(bad))] = rng.randrange(256)
        u.raw(bytes(bad[:rng.randrange(1, len(bad))]) if i % 3 else bytes(bad))
    for body in ("v=0\r\n", "m=audio 99999999 RTP/AVP 0\r\n", "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 5000 RTP/AVP 96\r\n", "\0" * 40):
        c = u.call("100", body=body)
        t.check(c.wait("ended", timeout=5), f"bad SDP is refused, got {c.statuses}")
        t.check(400 <= c.statuses[-1][1] < 500, f"by a 4xx, got {c.statuses[-1]}")
    ok = t.caller(e, "after").call("100")
    t.check(ok.wait("up"), "a good call after them is answered")
    ok.bye()
    for c in u.calls.values():
        c.bye()
    t.idle(e, 40)


@scenario(90)
def sip_hang_up_races(t):
    """50 calls with CANCEL or BYE at random moments, from both sides, while agents answer: nothing stays behind."""
    e = t.engine(centre(agents=6))
    rng = random.Random(7)

    def moody(call):
        call.answer(180)
        call.set("ringing")
        time.sleep(rng.random() * 0.3)
        if call.state != "ringing":
            return
        if rng.random() < 0.25:
            call.answer(rng.choice((486, 603, 480)))
            call.set("ended")
            return
        call.accept()
        time.sleep(rng.random() * 0.4)
        if rng.random() < 0.5:
            call.bye()

    desks = []
    for i in range(6):
        t.phone(e, f"a{i + 1}", on_invite=moody)
        desks.append(t.desk(e, f"a{i + 1}", events=False))
    calls = []

    def one(i):
        u = t.caller(e, f"c{i}")
        c = u.call("100")
        calls.append(c)
        time.sleep(rng.choice((0.0, 0.001, 0.003, 0.01, 0.05, 0.2, 0.5)) * rng.random() * 2)
        if rng.random() < 0.4:
            c.cancel()
        c.wait("up", "ended", timeout=5)
        time.sleep(rng.random() * 0.3)
        c.bye()
        c.wait("ended", timeout=5)

    threads = []
    for i in range(50):
        threads.append(threading.Thread(target=one, args=(i,)))
        threads[-1].start()
        time.sleep(0.04)
        for d in desks:  # refusals may have set them not ready
            if i % 10 == 9:
                d.ready()
    for x in threads:
        x.join(20)
    for c in calls:
        c.bye()
    t.idle(e, 40)
    def adds_up():
        q = e.totals("main")
        return q["open"] == 0 and q["offered"] == q["answered"] + q["abandoned"] + q["rejected"] + q["lost"] and q["lost"] == 0

    t.eventually(adds_up, "offered = answered + abandoned + rejected, nothing lost or open", 3)
    for d in desks:
        t.check(d.state()["state"] in ("ready", "not_ready"), f"no agent is left reserved: {d.state()}")


@scenario(150, alone=True)
def load_200_calls_at_20_a_second(t):
    """200 calls from SIPp at 20 calls/s, answered by 60 agents, hung up by the callers: zero failures."""
    e = t.engine(centre(agents=60))
    desks = []
    for i in range(60):
        t.phone(e, f"a{i + 1}", on_invite=answer_all(ring=0.01))
        desks.append(t.desk(e, f"a{i + 1}", events=False))
    speech = t.folder + "/speech.ul"
    with open(speech, "wb") as f:
        f.write(audio.ulaw(audio.speech(6, 3)[0]))
    s = t.sipp("load", "leaver.xml", e.address, calls=200, rate=20, service="100", keys={"speech": speech, "caller": "load"}, stay_ms=2000, timeout=60)
    code = s.wait(70)
    t.equal((code, s.figures()), (0, (200, 0)), f"SIPp's exit code and (successful, failed); {s.why()[-300:]}")
    t.idle(e, 20)
    t.totals(e, "main", {"offered": 200, "answered": 200, "abandoned": 0, "lost": 0}, "offered, answered, abandoned, lost")
    late = sum(v for k, v in e.admin.metrics().items() if k.startswith("junctor_media_late_ticks_total"))
    print(f"late ticks: {late:.0f}")


@scenario(40)
def sip_too_many_calls(t):
    """max_calls 3: the fourth INVITE gets 503 at once, the three go on."""
    e = t.engine(machine={"sip.max_calls": 3})
    calls = [t.caller(e, f"c{i}").call("100") for i in range(3)]
    for c in calls:
        t.check(c.wait("up"), "answered")
    more = t.caller(e, "more").call("100")
    t.check(more.wait("ended", timeout=5), f"refused, got {more.statuses}")
    t.equal(more.statuses[-1][1], 503, "answer")
    for c in calls:
        t.equal(c.state, "up", "the others")
        c.bye()
    t.idle(e)


@scenario(60)
def sip_silent_caller(t):
    """A caller who answers nothing more (no RTP, no BYE) is ended after silence_end."""
    e = t.engine(machine={"media.silence": "1s", "media.silence_end": "3s"})
    u = t.caller(e)
    c = u.call("100")
    t.check(c.wait("up"), "answered")
    time.sleep(0.5)
    c.rtp.sending = False
    t.check(c.wait("ended", timeout=15), "the engine hangs up")
    t.idle(e)


_ = (agent, sdp)
