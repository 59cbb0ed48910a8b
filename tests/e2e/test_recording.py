"""Recordings: complete, aligned, exported as stereo; also of calls cut short."""
import io
import os
import time
import wave

import audio
from lib import Api, Desk, scenario
from test_calls import talk


def export(t, e, ix):
    """(left, right) by the API."""
    status, headers, data = e.admin.request("GET", f"/api/v1/recordings/{ix}/audio")
    t.equal(status, 200, f"audio of {ix}")
    with wave.open(io.BytesIO(data)) as w:
        t.equal((w.getnchannels(), w.getframerate(), w.getsampwidth()), (2, 8000, 2), "stereo, 8 kHz, 16 bit")
    path = os.path.join(t.folder, f"{ix}.wav")
    with open(path, "wb") as f:
        f.write(data)
    return audio.read_wav(path)[1]


@scenario(60)
def recording_two_sides(t):
    """Caller left, agent right, within one frame of each other; the ledger says complete."""
    e = t.engine()
    desk, phone, call, other, _, _, at = talk(t, e, 0.5)
    mark = time.monotonic()
    beep = audio.tone(1000, 0.2, -6)
    call.rtp.say(beep)  # both say the same beep in the same tick
    other.rtp.say(beep)
    time.sleep(2.5)
    ix = desk.seen("connect")[0]["id"]
    call.bye()
    t.idle(e)
    verify = t.eventually(lambda: (lambda v: v if v.get("stopped") else None)(e.admin.get(f"/api/v1/recordings/{ix}")), "the ledger is closed")
    t.check(verify["complete"], f"complete: {verify}")
    t.equal(verify["overflow"], 0, "overflow")
    left, right = export(t, e, ix)
    a, b = onset(left), onset(right)
    t.check(a is not None and b is not None, "both beeps are in the recording")
    t.check(abs(a - b) <= 160, f"both sides within one frame: {abs(a - b) / 8:.1f} ms apart")
    sent = first_beep(call, mark) - first_beep(other, mark)
    print(f"sent {sent * 1000:.1f} ms apart, recorded {(a - b) / 8:.1f} ms apart")


def onset(pcm):
    """Where the last long 1000 Hz beep begins, in samples."""
    found, run = None, 0
    for i in range(len(pcm) - 160, -1, -80):
        if audio.goertzel(pcm[i:i + 160], 1000) > 0.8 and audio.rms(pcm[i:i + 160]) > 2000:
            found, run = i, run + 1
        elif run >= 10:
            break
        else:
            found, run = None, 0
    return found


def first_beep(party, since):
    for at, _, payload in party.rtp.sent:
        if at >= since and audio.goertzel(audio.linear(payload), 1000) > 0.8:
            return at
    return 0.0


@scenario(60)
def recording_has_the_waiting_caller(t):
    """A caller who gives up in the queue is recorded too, and the recording is whole."""
    e = t.engine()
    call = t.caller(e).call("100", say=audio.speech(5, 1)[0])
    t.check(call.wait("up"), "answered")
    time.sleep(2.5)
    call.bye()
    t.idle(e)
    listed = t.eventually(lambda: [r for r in e.admin.get("/api/v1/recordings")["recordings"] if r["stopped"]], "one recording")
    t.check(listed[0]["complete"], f"complete: {listed[0]}")


@scenario(60)
def recording_roles(t):
    """Agents may not listen (403); another tenant's supervisor does not find it (404); the own supervisor may."""
    e = t.engine()
    desk, phone, call, other, _, _, _ = talk(t, e, 1.0)
    ix = desk.seen("connect")[0]["id"]
    call.bye()
    t.idle(e)
    boss, spy = Desk(e, "boss", events=False), Desk(e, "spy", tenant="rival", events=False)
    t.eventually(lambda: boss.api.request("GET", f"/api/v1/recordings/{ix}/audio")[0] == 200, "the supervisor may listen")
    t.equal(desk.api.request("GET", f"/api/v1/recordings/{ix}/audio")[0], 403, "an agent")
    t.equal(spy.api.request("GET", f"/api/v1/recordings/{ix}/audio")[0], 404, "another tenant")
    t.equal(spy.api.get("/api/v1/recordings")["recordings"], [], "another tenant's list")
    t.equal(Api("127.0.0.1", e.api_port).request("GET", f"/api/v1/recordings/{ix}/audio")[0], 401, "nobody")


@scenario(60)
def recording_cli(t):
    """junctor rec list, verify and export give what the API gives, also while the engine runs."""
    e = t.engine()
    desk, phone, call, other, _, _, _ = talk(t, e, 2.0)
    ix = desk.seen("connect")[0]["id"]
    call.bye()
    t.idle(e)
    t.eventually(lambda: e.admin.get(f"/api/v1/recordings/{ix}").get("stopped"), "closed")
    code, out, err = e.cli("rec", "list", "--data", e.data)
    t.check(code == 0 and ix in out, f"rec list names it: {code} {out} {err}")
    code, out, err = e.cli("rec", "verify", "--data", e.data)
    t.equal(code, 0, f"rec verify: {out} {err}")
    wav = os.path.join(t.folder, "x.wav")
    code, out, err = e.cli("rec", "export", "--data", e.data, ix, "-o", wav)
    t.equal(code, 0, f"rec export: {out} {err}")
    t.check(len(audio.read_wav(wav)[1]) == 2, "stereo")
