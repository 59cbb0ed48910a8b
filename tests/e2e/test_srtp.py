"""SRTP with SDES keys: on both legs, on one, required and refused, and with keys that do not fit."""
import base64
import os
import time

import audio
from lib import DOMAIN, SIP_SECRET, agent, centre, queue, scenario
from ua import sdp

MAND = "srtp-mand"


def secure_centre(phone, trunk):
    return centre(agents=0, more_agents=[agent("a1", srtp=phone)], queues=[queue("main", "100"), queue("chat", channels=["chat"])],
                  trunks=[{"name": "carrier", "from": ["127.0.0.1/32"], "srtp": trunk}])


def pair(t, e, caller_srtp, agent_srtp, seconds=6):
    """Two baresip phones; returns how well each heard the other."""
    wav = {}
    for i, who in enumerate(("c", "a1")):
        wav[who] = os.path.join(t.folder, who + ".wav")
        audio.write_wav(wav[who], audio.silence(0.5) + audio.speech(20, 60 + i)[0] + audio.silence(60))
    a1 = t.baresip("a1", "a1", DOMAIN, e.address, SIP_SECRET, wav=wav["a1"], record=True, seconds=60, srtp=agent_srtp)
    t.check(a1.wait_registered(8), "the phone registers")
    desk = t.desk(e, "a1")
    c = t.baresip("c", "carol", e.host, e.address, wav=wav["c"], record=True, seconds=60, srtp=caller_srtp)
    c.command("dial", f"sip:100@{e.host}:{e.sip_port}")
    t.check(c.wait_event("CALL_ESTABLISHED", 8), "the caller is answered")
    t.check(desk.wait("connect", timeout=8), "joined")
    time.sleep(seconds)
    c.command("hangup")
    t.idle(e)
    for b in (a1, c):
        b.stop()
    files = {b: [audio.read_wav(p)[1][0] for p in b.dumps()] for b in (a1, c)}
    return [audio.compare(files[x][0][4 * 8000:6 * 8000], files[y][1])["correlation"] for x, y in ((c, a1), (a1, c))]


@scenario(60)
def srtp_both_sides(t):
    """Both phones demand SRTP: each hears the other."""
    e = t.engine(secure_centre("required", "required"))
    for fit in pair(t, e, MAND, MAND):
        t.check(fit > 0.85, f"heard as said, correlation {fit:.3f}")


@scenario(60)
def srtp_one_side(t):
    """The agent's phone demands SRTP, the caller is plain: each hears the other."""
    e = t.engine(secure_centre("required", "off"))
    for fit in pair(t, e, None, MAND):
        t.check(fit > 0.85, f"heard as said, correlation {fit:.3f}")


@scenario(30)
def srtp_required_refuses_plain(t):
    """A trunk that must use SRTP offers plain RTP: refused with 488, nothing stays."""
    e = t.engine(secure_centre("off", "required"))
    call = t.caller(e).call("100")
    t.check(call.wait("ended", timeout=5), f"refused, got {call.statuses}")
    t.equal(call.statuses[-1][1], 488, "answer")
    t.idle(e)


@scenario(40)
def srtp_wrong_keys(t):
    """The caller's packets are sealed with other keys than it signalled: dropped and counted, nobody hears noise."""
    e = t.engine(secure_centre("off", "required"))
    desk, phone = t.agent(e, "a1")
    u = t.caller(e)
    key = base64.b64encode(os.urandom(30)).decode()
    from rtp import Rtp
    probe = Rtp()
    body = sdp(probe, profile="RTP/SAVP", extra=[f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}"])
    call = u.call("100", body=body)
    t.check(call.wait("up"), f"answered, got {call.statuses}")
    answer = next(m for m in call.messages if m.status == 200)
    t.check("AES_CM_128_HMAC_SHA1_80" in answer.body and "RTP/SAVP" in answer.body, "the answer is SAVP with a key of ours")
    t.check(key not in answer.body, "our key is not the caller's")
    # Plain packets, longer by a tag's length of rubbish, as a phone with a wrong key would send.
    probe.say(audio.tone(900, 5))
    probe.frames = [f + os.urandom(10) for f in probe.frames]
    probe.start(call.rtp.remote)
    t.check(desk.wait("connect", timeout=8), "joined")
    time.sleep(2)
    other = next(iter(phone.calls.values()))
    t.check(audio.goertzel(other.rtp.heard()[-8000:], 900) < 0.05, "the agent does not hear it")
    drops = sum(v for k, v in e.admin.metrics().items() if k.startswith("junctor_media_drops_total") and '"auth"' in k)
    t.check(drops > 50, f"drops are counted as auth, {drops:.0f}")
    probe.close()
    call.bye()
    t.idle(e)
