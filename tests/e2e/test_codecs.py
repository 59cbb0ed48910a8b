"""Codecs: any with any, real peers with Opus and G.722, packet times, digits as tones."""
import os
import struct
import time

import audio
from lib import scenario
from test_welcome import MENU, PROMPT, engine, wait_tone


def purity(samples, rate, hz):
    """Share of all power (0..1) of that tone in half a second."""
    return audio.goertzel(samples[:rate // 2], hz, rate)


def heard_wav(path):
    """(rate, first channel) of what a baresip wrote: the length in the header may be missing."""
    with open(path, "rb") as f:
        data = f.read()
    channels, rate = struct.unpack("<HI", data[22:28])
    pcm = struct.unpack(f"<{(len(data) - 44) // 2}h", data[44:44 + (len(data) - 44) // 2 * 2])
    return rate, pcm[::channels]


def best_purity(samples, rate, hz):
    """The best half second: what comes before and after the talk is not asked for."""
    step = rate // 4
    return max((purity(samples[i:i + rate // 2], rate, hz) for i in range(0, max(1, len(samples) - rate // 2), step)), default=0.0)


def wide_caller(t, codec, agent_codecs, least, **more):
    """A baresip that has only `codec` calls the queue; the agent's phone has G.711 alone. Each hears the other's tone."""
    e = t.engine()
    desk, phone = t.agent(e, "a1", say=audio.tone(1000, 2, -10), codecs=agent_codecs)
    wav = os.path.join(t.folder, "said.wav")
    audio.write_wav(wav, audio.tone(700, 40, -10))
    c = t.baresip("c", "carol", e.host, e.address, wav=wav, record=True, seconds=40, codecs=codec, **more)
    c.command("dial", f"sip:100@{e.host}:{e.sip_port}")
    t.check(c.wait_event("CALL_ESTABLISHED", 8), "the call is up")
    t.check(desk.wait("connect", timeout=8), "joined")
    joined = time.monotonic()
    time.sleep(3.5)
    call = next(iter(phone.calls.values()))
    at_agent = purity(call.rtp.heard(joined + 1.5), 8000, 700)
    seqs, stamps, longest = call.rtp.breaks(joined + 1.5, joined + 3.3)
    c.command("hangup")
    t.check(call.wait("ended", 5), "the agent's phone is hung up")
    t.idle(e)
    c.stop()
    rate, pcm = heard_wav(c.dumps()[1])
    at_caller = best_purity(pcm[-4 * rate:], rate, 1000)
    t.check(at_agent > least, f"the agent hears 700 Hz, {at_agent:.4f} of the power")
    t.check(at_caller > least, f"the caller hears 1000 Hz, {at_caller:.4f} of the power")
    t.equal((seqs, stamps), (0, 0), "jumps of sequence and time at the agent's phone")
    t.check(longest < 0.2, f"packets come evenly, longest pause {longest * 1000:.0f} ms")


@scenario(60)
def codecs_opus_caller_meets_pcmu_agent(t):
    """Packets of 60 ms come in. Opus codes by what is heard and not by wave form, so 15 dB of a tone are good."""
    wide_caller(t, "opus/48000/2", (0, 101), 0.97, ptime=60)


@scenario(60)
def codecs_g722_caller_meets_pcmu_agent(t):
    """The same with G.722, in packets of 40 ms."""
    wide_caller(t, "g722", (0, 101), 0.99, ptime=40)


@scenario(60)
def codecs_packet_times_of_either_side(t):
    """Packets to a peer have the length that it asked for, and what comes in other lengths is heard whole."""
    e = t.engine()
    desk, phone = t.agent(e, "a1", say=audio.tone(1000, 2, -10))
    for ms in (10, 30, 40, 60):
        call = t.caller(e, f"c{ms}", ptime=ms).call("100", say=audio.tone(700, 2, -10))
        t.check(call.wait("up"), f"{ms} ms: answered, got {call.statuses}")
        t.check(desk.wait("connect"), f"{ms} ms: joined")
        since = time.monotonic() + 0.3
        time.sleep(1.8)
        got = call.rtp.voice(since)
        sizes = {len(g[5]) for g in got}
        t.equal(sizes, {ms * 8}, f"{ms} ms: bytes a packet")
        share = purity(call.rtp.heard(since)[-4000:], 8000, 1000)
        t.check(share > 0.99, f"{ms} ms: the caller hears the agent, {share:.4f} of the power")
        call.bye()
        t.idle(e)


ROWS, COLUMNS, KEYS = (697, 770, 852, 941), (1209, 1336, 1477, 1633), "123A456B789C*0#D"


def tones_of(digits, on=0.08, off=0.08):
    pcm = []
    for d in digits:
        at = KEYS.index(d)
        pair = zip(audio.tone(ROWS[at // 4], on, -10), audio.tone(COLUMNS[at % 4], on, -10))
        pcm += [a + b for a, b in pair] + audio.silence(off)
    return pcm


@scenario(60)
def codecs_digits_as_tones(t):
    """A caller whose phone has no telephone events presses 1 in a menu: the tones in its sound choose."""
    e = engine(t, [{"name": "welcome", "number": "200", "hours": "always", "menu": MENU}])
    desk, _ = t.agent(e, "a1")
    call = t.caller(e, codecs=(0,)).call("200")
    t.check(call.wait("up"), f"answered: {call.statuses}")
    wait_tone(t, call, PROMPT)
    call.rtp.say(tones_of("1"))
    offer = desk.wait("connect")
    t.check(offer and offer["queue"] == "main" and offer["priority"] == 8, f"queue main with priority 8: {offer}")
    call.bye()
    t.idle(e)


__all__ = [n for n in dir() if n.startswith("codecs_")]
