"""Browsers as parties of calls: real Chromium with its fake microphone, its descriptions carried by SIP as webphone
gateways do; strangers at the port that browsers share; certificates that are not the described ones."""
import json
import math
import os
import re
import socket
import time

import audio
from browser import Browser
from lib import agent, centre, queue, scenario

MIC_HZ, PHONE_HZ = 700, 440
# What a page does to be a phone. codec: the only one that it offers, or all.
PAGE = """
(() => {
  window.start = async (codec) => {
    const pc = window.pc = new RTCPeerConnection();
    pc.ontrack = (e) => {
      const stream = new MediaStream([e.track]), a = new Audio();
      a.srcObject = stream; a.play(); window.sound = a;
      const x = new AudioContext(), n = window.look = x.createAnalyser();
      n.fftSize = 8192; n.smoothingTimeConstant = 0; window.rate = x.sampleRate; x.resume();
      x.createMediaStreamSource(stream).connect(n);
    };
    const mic = await navigator.mediaDevices.getUserMedia({audio: {echoCancellation: false, noiseSuppression: false, autoGainControl: false}});
    pc.addTrack(mic.getTracks()[0], mic);
    if (codec) pc.getTransceivers()[0].setCodecPreferences(RTCRtpReceiver.getCapabilities("audio").codecs.filter(
      (c) => c.mimeType.toLowerCase() === "audio/" + codec || c.mimeType === "audio/telephone-event"));
  };
  window.gathered = () => new Promise((done) => {
    if (pc.iceGatheringState === "complete") return done();
    pc.onicegatheringstatechange = () => pc.iceGatheringState === "complete" && done(); setTimeout(done, 3000);
  });
  window.offer = async (codec) => {
    if (!window.pc) await start(codec);
    await pc.setLocalDescription(await pc.createOffer()); await gathered(); return pc.localDescription.sdp;
  };
  window.answer = async (sdp, codec) => {
    if (!window.pc) await start(codec);
    await pc.setRemoteDescription({type: "offer", sdp}); 
    await pc.setLocalDescription(await pc.createAnswer()); await gathered(); return pc.localDescription.sdp;
  };
  window.take = async (sdp) => { await pc.setRemoteDescription({type: "answer", sdp}); };
  window.hears = () => {
    if (!window.look) return {hz: 0, rms: 0};
    const f = new Float32Array(look.frequencyBinCount), w = new Float32Array(look.fftSize);
    look.getFloatFrequencyData(f); look.getFloatTimeDomainData(w);
    let best = 0; for (let i = 1; i < f.length; i++) if (f[i] > f[best]) best = i;
    return {hz: best * rate / look.fftSize, rms: Math.sqrt(w.reduce((s, x) => s + x * x, 0) / w.length)};
  };
  window.figures = async () => {
    const out = {}; (await pc.getStats()).forEach((s) => {
      if (s.type === "inbound-rtp") Object.assign(out, {got: s.packetsReceived, lost: s.packetsLost});
      if (s.type === "remote-inbound-rtp") Object.assign(out, {far_lost: s.packetsLost});
      if (s.type === "transport") Object.assign(out, {dtls: s.dtlsState, srtp: s.srtpCipher});
      if (s.type === "codec") out.codec = s.mimeType;
    }); return out;
  };
})()
"""


class Webphone:
    """A page that is one phone."""

    def __init__(self, t, e, browser, name):
        self.t, self.page = t, browser.open(name, f"http://{e.host}:{e.api_port}/healthz")
        self.page.js(PAGE)

    def offer(self, codec=None):
        return self.page.js(f"offer({json.dumps(codec or '')})")

    def take(self, sdp):
        self.page.js(f"take({json.dumps(sdp)})")

    def answer(self, sdp):
        return self.page.js(f"answer({json.dumps(sdp)})")

    def hears(self):
        return self.page.js("hears()")

    def figures(self):
        return self.page.js("figures()")

    def check_hears(self, hz):
        def right():
            h = self.hears()
            return h if abs(h["hz"] - hz) < 12 and h["rms"] > 0.02 else None
        return self.t.eventually(right, f"the browser hears {hz} Hz, now {self.hears()}", 6)


def microphone(t):
    """A browser whose microphone hears one tone for ever."""
    path = os.path.join(t.folder, "mic.wav")
    peak = 32767 * 10 ** (-12 / 20)
    audio.write_wav(path, [round(peak * math.sin(2 * math.pi * MIC_HZ * i / 48000)) for i in range(48000)], 48000)
    return Browser(t, ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--allow-loopback-in-peer-connection",
                       f"--use-file-for-fake-audio-capture={path}"])


def mute(call):
    """The test phone's own RTP stays off: the browser speaks."""
    call.rtp.start = lambda remote: None
    return call


def site(phone=None):
    return centre(agents=0, more_agents=[agent("a1", srtp=phone)], queues=[queue("main", "100"), queue("chat", channels=["chat"])],
                  trunks=[{"name": "carrier", "from": ["127.0.0.1/32"], "srtp": "optional"}])


def body_of(call, status=200):
    return next(m.body for m in call.messages if m.status == status and m.body)


def share(e, name, label=""):
    return sum(v for k, v in e.admin.metrics().items() if k.startswith("junctor_media_" + name) and label in k)


def recorded(t, e, ix):
    """(left, right) at 8 kHz, from whatever rate the recording has."""
    status, _, data = e.admin.request("GET", f"/api/v1/recordings/{ix}/audio")
    t.equal(status, 200, f"audio of {ix}")
    path = os.path.join(t.folder, f"{ix}.wav")
    with open(path, "wb") as f:
        f.write(data)
    rate, channels = audio.read_wav(path)
    return [c[::rate // 8000] for c in channels]


def hears_tone(t, rtp, hz, since):
    def right():
        pcm = rtp.heard(since)[-4000:]
        return len(pcm) == 4000 and audio.goertzel(pcm, hz) > 0.7 and audio.rms(pcm) > 1500
    t.eventually(right, f"the phone hears {hz} Hz", 6)


def stir(port, until):
    """What a stranger may send to the shared port: ClientHellos, checks without a name, RTP, rubbish."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    hello = bytes.fromhex("16fefd0000000000000000") + (40).to_bytes(2, "big") + b"\x01" + bytes(39)
    check = bytes.fromhex("000100002112a442") + os.urandom(12)
    named = bytes.fromhex("000100142112a442") + os.urandom(12) + b"\x00\x06\x00\x10" + b"ABCDEFGHIJKL:abc"
    rtp = b"\x80\x00" + os.urandom(10) + bytes(160)
    sent = 0
    while time.monotonic() < until:
        for packet in (hello, check, named, rtp, os.urandom(200)):
            for _ in range(20):
                s.sendto(packet, ("127.0.0.1", port))
                sent += 1
        time.sleep(0.01)
    s.settimeout(0.2)
    back = 0
    try:
        while True:
            back += len(s.recv(2048))
    except OSError:
        pass
    s.close()
    return sent, back


@scenario(90)
def browser_calls_in(t):
    """Chromium calls a queue and talks with an agent's phone, both ways and recorded, while strangers flood the port
    that browsers share; an ICE restart in the middle is not heard."""
    e = t.engine(site())
    b = microphone(t)
    w = Webphone(t, e, b, "caller")
    desk, phone = t.agent(e, "a1", say=audio.tone(PHONE_HZ, 1))
    u = t.caller(e)
    call = mute(u.call("100", body=w.offer()))
    t.check(call.wait("up"), f"answered, got {call.statuses}")
    sdp = body_of(call)
    for line in ("a=ice-lite", "UDP/TLS/RTP/SAVPF", "a=setup:passive", "a=rtcp-mux", "a=group:BUNDLE 0"):
        t.check(line in sdp, f"{line} in the answer")
    w.take(sdp)
    t.check(desk.wait("connect", timeout=8), "joined")
    other = next(iter(phone.calls.values()))
    since = time.monotonic()
    hears_tone(t, other.rtp, MIC_HZ, since)
    w.check_hears(PHONE_HZ)
    port = int(re.search(r"m=audio (\d+)", sdp).group(1))
    before, got = w.figures(), len(other.rtp.voice())
    since = time.monotonic()
    sent, back = stir(port, since + 1.5)
    time.sleep(0.3)
    seqs, stamps, longest = other.rtp.breaks(since)
    after = w.figures()
    t.check(share(e, "dtls_strangers") > 1000 and share(e, "ice_strangers") > 1000, "strangers are counted")
    t.check(back <= sent * 100, f"no answer to strangers is longer than what they sent: {back} bytes")
    t.equal((seqs, stamps), (0, 0), "nothing was lost from the browser")
    t.check(len(other.rtp.voice()) - got > 60, "its sound went on")
    t.equal(after["lost"], before["lost"], "nothing was lost on the way to the browser")
    t.check(after["got"] - before["got"] > 60, "and went on")
    # ICE begins again: another name of both sides, the same keys.
    call.rtp.start = lambda remote: None
    w.page.js("pc.restartIce()")
    again = w.offer()
    seen = len(call.messages)
    call.request("INVITE", again)
    t.check(call.until(lambda c: any(m.status == 200 and m.method == "INVITE" for m in c.messages[seen:])), "the restart is answered")
    fresh = next(m.body for m in call.messages[seen:] if m.status == 200 and m.method == "INVITE")
    name = lambda text: re.search(r"a=ice-ufrag:(\S+)", text).group(1)  # noqa: E731
    t.check(name(fresh) != name(sdp), "our name is another")
    since = time.monotonic()
    w.take(fresh)
    time.sleep(1.0)
    t.equal(other.rtp.breaks(since)[0], 0, "the restart lost nothing")
    w.check_hears(PHONE_HZ)
    print("browser:", w.figures(), f"flood {sent} packets, answered with {back} bytes, longest gap {longest * 1000:.0f} ms")
    t.equal(share(e, "handshakes_total", 'how="up"'), 1, "one handshake")
    ix = desk.seen("connect")[0]["id"]
    call.bye()
    t.idle(e)
    t.eventually(lambda: e.admin.get(f"/api/v1/recordings/{ix}").get("stopped"), "the ledger is closed")
    left, right = recorded(t, e, ix)
    t.check(max(audio.goertzel(left[i:i + 4000], MIC_HZ) for i in range(0, len(left) - 4000, 4000)) > 0.7, "the browser is in the recording")
    t.check(max(audio.goertzel(right[i:i + 4000], PHONE_HZ) for i in range(0, len(right) - 4000, 4000)) > 0.7, "so is the phone")


@scenario(60)
def browser_is_an_agents_phone(t):
    """An agent's phone is a browser (srtp: dtls) on another worker than the caller's: we offer, it answers, a caller
    with G.711 is heard and hears."""
    e = t.engine(site("dtls"), workers=2, machine={"workers.spread_legs": True})
    b = microphone(t)
    w = Webphone(t, e, b, "agent")

    def take(call):
        call.answer(180)
        mute(call).accept(w.answer(call.invite.body))
    desk, phone = t.agent(e, "a1", on_invite=take)
    call = t.caller(e).call("100", say=audio.tone(PHONE_HZ, 1))
    t.check(call.wait("up"), f"answered, got {call.statuses}")
    t.check(desk.wait("connect", timeout=8), "joined")
    offer = next(iter(phone.calls.values())).invite.body
    t.check("a=setup:actpass" in offer and "a=ice-lite" in offer, "our offer is one for browsers")
    hears_tone(t, call.rtp, MIC_HZ, time.monotonic())
    w.check_hears(PHONE_HZ)
    print("browser:", w.figures())
    ports = {k: v for k, v in e.admin.metrics().items() if k.startswith("junctor_media_link_frames_total")}
    t.check(sum(ports.values()) > 10, f"the two are on different workers: {ports}")
    call.bye()
    t.idle(e)


@scenario(60)
def browser_with_another_certificate(t):
    """The description names another certificate than the browser shows: no keys, no sound, the call ends, and why is
    told."""
    e = t.engine(site())
    w = Webphone(t, e, microphone(t), "caller")
    t.agent(e, "a1")
    offer = w.offer("pcmu")
    print_ = re.search(r"a=fingerprint:sha-256 (\S+)", offer).group(1)
    wrong = print_[:-1] + ("0" if print_[-1] != "0" else "1")
    call = mute(t.caller(e).call("100", body=offer.replace(print_, wrong)))
    t.check(call.wait("up"), f"answered, got {call.statuses}")
    w.take(body_of(call))
    t.check(call.wait("ended", timeout=8), "the call ends")
    t.equal(call.ended_by, "them", "by the engine")
    t.equal(share(e, "handshakes_total", 'how="fingerprint"'), 1, "counted as fingerprint")
    t.equal(share(e, "handshakes_total", 'how="up"'), 0, "no handshake is up")
    t.check("not the one that its description names" in e.log_text(), "the log says why")
    t.idle(e)
