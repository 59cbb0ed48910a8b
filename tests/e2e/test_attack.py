"""Attacks on running calls: strangers who send to every media port, forged and foreign streams, forged reports, replay,
the rollover counter, packets of every wrong size. Each call goes on as if nobody had come: both hear each other without
a gap and without a foreign sound, nobody else hears anything, and what was refused is counted by its reason."""
import base64
import ctypes
import ctypes.util
import hashlib
import hmac
import os
import random
import re
import select
import socket
import struct
import threading
import time

import audio
import phones
from lib import agent, centre, queue, scenario
from rtp import Rtp
from ua import sdp, sdp_target

CALLER_IP, PHONE_IP, THIEF_IP = "127.0.0.2", "127.0.0.3", "127.0.0.66"
CALLER_HZ, PHONE_HZ, FOREIGN_HZ = 440, 700, 1700
PORTS = 32
FOREIGN = [audio.ulaw(audio.tone(FOREIGN_HZ, 0.5, -3))[i * 160:i * 160 + 160] for i in range(25)]


def site(srtp="off"):
    return centre(agents=0, more_agents=[agent("a1")], queues=[queue("main", "100"), queue("chat", channels=["chat"])],
                  trunks=[{"name": "carrier", "from": ["127.0.0.0/8"], "srtp": srtp}])


def engine(t, **more):
    return t.engine(site(**more), machine={"media.port_max": 5500 + phones.OFFSET * 2 + PORTS - 1})


def drops(e):
    out = {}
    for name, value in e.admin.metrics().items():
        m = re.match(r'junctor_media_drops_total\{.*reason="(\w+)"', name)
        if m:
            out[m.group(1)] = out.get(m.group(1), 0) + value
    return out


def rss_kb(e):
    with open(f"/proc/{e.p.pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def rtp(seq, ts, ssrc, payload, pt=0, first=0x80):
    return struct.pack(">BBHII", first, pt, seq & 0xffff, ts & 0xffffffff, ssrc) + payload


def reports(ssrc, about):
    """Forged RTCP in one's name: sender report, receiver report with figures of disaster, BYE; and garbage like it."""
    block = struct.pack(">IIIIII", about, 0xff7fffff, 0xffffffff, 0xffffffff, 0, 0)
    sr = struct.pack(">BBHIQIII", 0x81, 200, 12, ssrc, 1 << 63, 0, 1, 1) + block
    rr = struct.pack(">BBHI", 0x81, 201, 7, ssrc) + block
    bye = struct.pack(">BBHI", 0x81, 203, 1, ssrc)
    rest = struct.pack(">BBH", 0x81, 203, 200) + os.urandom(20)
    return [sr, rr, rr + bye, bye, sr + rest, rest, bytes([0x9f, 203, 0xff, 0xff]) + os.urandom(60), rr[:9], b"\x80\xc8" + os.urandom(6)]


class Address:
    """A sender of its own: counts what it sends, and keeps whatever comes back."""

    def __init__(self, ip):
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.bind((ip, 0))
        self.sent = 0

    def send(self, data, to):
        try:
            self.s.sendto(data, to)
            self.sent += 1
        except OSError:
            pass

    def heard(self):
        n = 0
        while select.select([self.s], [], [], 0)[0]:
            self.s.recv(65536)
            n += 1
        return n

    def stop(self):
        self.s.close()


class Bleed:
    """Sends a stream of good RTP to every port of the range each 20 ms, from before the first call to the end."""

    def __init__(self, t, e):
        self.at = [Address(THIEF_IP), Address("127.0.0.67")]
        self.e, self.going = e, True
        t.closing.extend(self.at)
        t.closing.append(self)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        n = 0
        while self.going:
            for i, a in enumerate(self.at):
                for port in range(PORTS):
                    for k in range(n, n + 3):  # as many in a row as make a peer behind NAT known
                        a.send(rtp(k, k * 160, 77 + i, FOREIGN[k % 25]), ("127.0.0.1", self.e.media + port))
            n += 3
            time.sleep(0.02)

    def stop(self):
        self.going = False
        self.thread.join()


class Talk:
    """What two parties hear of each other in a time."""

    def __init__(self, t, e, call, other):
        self.t, self.e, self.call, self.other, self.since = t, e, call, other, time.monotonic()
        self.drops, self.rss = drops(e), rss_kb(e)

    def check(self, what):
        t, until = self.t, time.monotonic()
        for who, party, hz, peer in (("the agent", self.other, CALLER_HZ, self.call), ("the caller", self.call, PHONE_HZ, self.other)):
            pcm, said = party.rtp.heard(self.since, until), sum(1 for s in list(peer.rtp.sent) if self.since <= s[0] <= until)
            t.check(len(pcm) >= 160 * (said - 15), f"{what}: {who} hears all that is said, {len(pcm) // 160} of {said} packets")
            t.equal(party.rtp.breaks(self.since, until)[:2], (0, 0), f"{what}: {who} hears no jump of sequence and time")
            worst = min(audio.goertzel(pcm[i:i + 800], hz) for i in range(0, len(pcm) - 800, 800))
            t.check(worst > 0.97, f"{what}: {who} hears {hz} Hz in each tenth of a second, worst {worst:.3f}")
            foreign = max(audio.goertzel(pcm[i:i + 800], FOREIGN_HZ) for i in range(0, len(pcm) - 800, 800))
            t.check(foreign < 0.005, f"{what}: {who} hears nothing foreign, {foreign:.4f}")
            t.check(party.state == "up", f"{what}: {who} is still in the call, {party.state}")

    def counted(self, **want):
        """Refusals since the beginning are at least so many, less what sockets may have lost, and of no other kind."""
        now = drops(self.e)
        got = {k: v - self.drops.get(k, 0) for k, v in now.items() if v > self.drops.get(k, 0)}
        for reason, n in want.items():
            self.t.check(got.get(reason, 0) >= n * 0.95, f"{n} refused as {reason}, got {got}")
        return got


def joined(t, e, call, desk, phone, after=0.4):
    t.check(call.wait("up"), f"answered, got {call.statuses}")
    t.check(desk.wait("connect", timeout=8), "joined")
    other = next(iter(phone.calls.values()))
    time.sleep(after)  # the greeting is over, both tones have come
    return other


def both_ports(call):
    ip, port = call.rtp.remote
    return (ip, port), (ip, port + 1)


def paced(packets):
    """Few at a time, as fast as a socket of the kernel's usual size can take beside a call."""
    for i, (send, data, to) in enumerate(packets):
        send(data, to)
        if i % 20 == 19:
            time.sleep(0.004)


@scenario(60)
def attack_strangers_hear_and_say_nothing(t):
    """Strangers stream to every media port before, while and after two phones are called and joined (RTP bleed), inject
    packets with the right SSRC, sequence and time from other addresses and ports, and forge reports and ends."""
    e = engine(t)
    bleed = Bleed(t, e)
    begin = Rtp.start  # both phones speak only when the strangers have had their chance
    Rtp.start = lambda self, remote: threading.Timer(0.5, begin, (self, remote)).start()
    time.sleep(0.3)
    desk, phone = t.agent(e, "a1", say=audio.tone(PHONE_HZ, 1), ip=PHONE_IP)
    call = t.caller(e, ip=CALLER_IP).call("100", say=audio.tone(CALLER_HZ, 1))
    other = joined(t, e, call, desk, phone, 0.9)
    talk = Talk(t, e, call, other)
    near, far = Address(CALLER_IP), Address(THIEF_IP)
    t.closing.extend([near, far])
    begin, n = time.monotonic(), 0
    while time.monotonic() - begin < 2.0:
        for party in (call, other):
            r, (media, report) = party.rtp, both_ports(party)
            for a in (near, far):
                for ahead in (1, 2, 40):  # next, and further on
                    a.send(rtp(r.seq + ahead, r.ts + 160 * ahead, r.ssrc, FOREIGN[n % 25]), media)
                ours = party.rtp.got[-1][4]
                for packet in reports(r.ssrc, ours):
                    a.send(packet, report)
                    a.send(packet, media)
        n += 1
        time.sleep(0.02)
    talk.check("strangers")
    got = talk.counted(source=(near.sent + far.sent))
    # 4 ports of the two calls are reached by two strangers each 20 ms as well, three times.
    t.check(got["source"] > near.sent + far.sent + 200, f"the streams to every port are refused: {got}")
    t.check(not near.heard() and not far.heard(), "who injects hears nothing")
    ix = desk.seen("connect")[0]["id"]
    call.bye()
    t.check(other.wait("ended"), "the call ends when a party ends it")
    time.sleep(0.2)
    bleed.stop()
    t.equal([a.heard() for a in bleed.at], [0, 0], "packets that the strangers heard")
    t.idle(e)
    t.equal(e.admin.get(f"/api/v1/interactions/{ix}")["outcome"], "answered", "outcome")


@scenario(60)
def attack_floods_and_bad_sizes(t):
    """From the phones' own addresses, as who forges a source would: thousands of SSRCs, packets cut at every length,
    oversized ones, other protocols, garbage for reports, forged ends."""
    e = engine(t)
    desk, phone = t.agent(e, "a1", say=audio.tone(PHONE_HZ, 1), ip=PHONE_IP)
    call = t.caller(e, ip=CALLER_IP).call("100", say=audio.tone(CALLER_HZ, 1))
    other = joined(t, e, call, desk, phone)
    far = Address(THIEF_IP)
    t.closing.append(far)
    send = lambda s: lambda data, to: s.sendto(data, to)  # noqa: E731
    dice = random.Random(3)
    talk = Talk(t, e, call, other)
    plan, flood = [], 1500
    for party in (call, other):
        media, report = both_ports(party)
        own, own_report = send(party.rtp.s), send(party.rtp.c)
        for i in range(flood):
            plan.append((own, rtp(dice.getrandbits(16), dice.getrandbits(32), dice.getrandbits(32), FOREIGN[i % 25]), media))
            plan.append((far.send, rtp(i, i * 160, dice.getrandbits(32), FOREIGN[i % 25]), media))
        ends = reports(party.rtp.ssrc, party.rtp.got[-1][4])
        for _ in range(20):
            plan += [(own_report, p, report) for p in ends]
    dice.shuffle(plan)
    paced(plan)
    time.sleep(0.1)
    talk.check("SSRC flood and forged ends")
    talk.counted(senders=2 * flood, source=2 * flood, short=2 * 20 * 4)
    first = talk.drops
    talk.drops = drops(e)
    plan = []
    for party in (call, other):
        media, report = both_ports(party)
        own, own_report, ssrc = send(party.rtp.s), send(party.rtp.c), party.rtp.ssrc
        # An extension and 15 sources are announced, so that no cut of 40 bytes is whole.
        whole = rtp(1, 160, ssrc, bytes(400), first=0x9f)
        for _ in range(5):
            for n in range(41):
                plan += [(own, whole[:n], media), (far.send, rtp(1, 160, ssrc, bytes(40))[:n], media), (own_report, whole[:n], report)]
            for n in (481, 1200, 1501, 2100, 9000, 60000):
                plan.append((own, rtp(1, 160, ssrc, FOREIGN[0] * (n // 160 + 1))[:n + 12], media))
        hello = bytes.fromhex("16fefd0000000000000000") + (40).to_bytes(2, "big") + b"\x01" + bytes(39)
        check = bytes.fromhex("000100002112a442") + os.urandom(12)
        for first_byte in [*range(128), *range(192, 256)]:
            plan.append((own, bytes([first_byte]) + os.urandom(100), media))
        for _ in range(50):
            plan += [(own, hello, media), (far.send, hello, media), (own_report, check, report)]
        for pt in range(1, 128):
            if pt not in (13, 101) and not 64 <= pt <= 95:
                plan.append((own, rtp(party.rtp.seq, party.rtp.ts, ssrc, FOREIGN[0], pt), media))
    paced(plan)
    time.sleep(0.1)
    talk.check("bad sizes and other protocols")
    # What is shorter than a header is short whoever sent it; the rest of a stranger's is refused by its source; RTP at the
    # port for reports is not media.
    got = talk.counted(short=2 * 5 * (41 + 12 + 8), source=2 * 5 * 29, not_media=2 * (5 * 33 + 192 + 150), oversize=2 * 5 * 6, payload=2 * 93)
    print("refused:", {k: drops(e)[k] - first.get(k, 0) for k in got}, f"memory +{rss_kb(e) - talk.rss} KB")
    t.check(rss_kb(e) - talk.rss < 2048, f"memory stays, {talk.rss} to {rss_kb(e)} KB")
    call.bye()
    t.check(other.wait("ended"), "the call ends when a party ends it")
    t.idle(e)


class Aes:
    """AES in counter mode, from the library that the engine itself stands on."""
    lib = None

    @staticmethod
    def counter(key, iv, data):
        if not Aes.lib:
            Aes.lib = ctypes.CDLL(ctypes.util.find_library("crypto"))
            for f in ("EVP_CIPHER_CTX_new", "EVP_aes_128_ctr"):
                getattr(Aes.lib, f).restype = ctypes.c_void_p
        at, out, n = ctypes.c_void_p(Aes.lib.EVP_CIPHER_CTX_new()), ctypes.create_string_buffer(len(data) + 16), ctypes.c_int()
        Aes.lib.EVP_EncryptInit_ex(at, ctypes.c_void_p(Aes.lib.EVP_aes_128_ctr()), None, key, iv)
        Aes.lib.EVP_EncryptUpdate(at, out, ctypes.byref(n), data, len(data))
        Aes.lib.EVP_CIPHER_CTX_free(at)
        return out.raw[:len(data)]


class Srtp:
    """AES_CM_128_HMAC_SHA1_80 of one direction (RFC 3711)."""

    def __init__(self, key):
        master, salt = key[:16], int.from_bytes(key[16:30], "big")
        derive = lambda label, n: Aes.counter(master, ((salt ^ label << 48) << 16).to_bytes(16, "big"), bytes(n))  # noqa: E731
        self.key, self.auth, self.salt = derive(0, 16), derive(1, 20), int.from_bytes(derive(2, 14), "big")
        self.roc, self.last = 0, None

    def index(self, seq):
        if self.last is not None and seq < self.last - 0x8000:
            self.roc += 1
        self.last = seq
        return self.roc << 16 | seq

    def crypt(self, data, index):
        iv = (self.salt << 16) ^ (int.from_bytes(data[8:12], "big") << 64) ^ (index << 16)
        return data[:12] + Aes.counter(self.key, iv.to_bytes(16, "big"), data[12:])

    def tag(self, data, index):
        return hmac.new(self.auth, data + (index >> 16).to_bytes(4, "big"), hashlib.sha1).digest()[:10]

    def seal(self, data):
        i = self.index(int.from_bytes(data[2:4], "big"))
        data = self.crypt(data, i)
        return data + self.tag(data, i)

    def open(self, data):
        i = self.index(int.from_bytes(data[2:4], "big"))
        return self.crypt(data[:-10], i) if hmac.compare_digest(self.tag(data[:-10], i), data[-10:]) else b""


class Sealed:
    """A party's socket that seals and opens, and keeps what went over the wire."""

    def __init__(self, s, out, into):
        self.s, self.out, self.into, self.wire, self.bad = s, out, into, [], 0

    def fileno(self):
        return self.s.fileno()

    def close(self):
        self.s.close()

    def sendto(self, data, to):
        self.wire.append(self.out.seal(data))
        self.s.sendto(self.wire[-1], to)

    def recvfrom(self, n):
        data, source = self.s.recvfrom(n)
        data = self.into.open(data)
        self.bad += not data
        return data, source


@scenario(60)
def attack_srtp_call(t):
    """A call whose one side is under SRTP: its own packets again (at once, late, in bursts, from elsewhere), forged ones
    around the wrap of the sequence (rollover counter), plain RTP and plain reports in its name."""
    e = engine(t, srtp="required")
    desk, phone = t.agent(e, "a1", say=audio.tone(PHONE_HZ, 1), ip=PHONE_IP)
    key, r = os.urandom(30), Rtp(CALLER_IP)
    body = sdp(r, profile="RTP/SAVP", extra=["a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + base64.b64encode(key).decode()])
    call = t.caller(e, ip=CALLER_IP).call("100", body=body)
    call.rtp.start = lambda remote: None
    t.check(call.wait("up"), f"answered, got {call.statuses}")
    answer = next(m for m in call.messages if m.status == 200).body
    ours = base64.b64decode(re.search(r"inline:([^|\s]+)", answer).group(1))
    call.rtp.close()
    call.rtp, r.seq = r, 0xffff - 80  # wraps in the middle of the attack
    with Rtp.lock:
        wire = r.s = Sealed(r.s, Srtp(key), Srtp(ours))
    r.say(audio.tone(CALLER_HZ, 1), loop=True)
    r.start(sdp_target(answer))
    other = joined(t, e, call, desk, phone)
    media, report = both_ports(call)
    far = Address(THIEF_IP)
    t.closing.append(far)
    talk = Talk(t, e, call, other)
    start, again, forged, n = time.monotonic(), 0, 0, 0
    wrapped = lambda: r.seq < 0x8000  # noqa: E731
    while time.monotonic() - start < 2.2:
        late = wire.wire[-1:] * 2 + wire.wire[n * 3 % len(wire.wire):][:3] + (wire.wire[:] if n % 40 == 39 else [])
        for packet in late:
            wire.s.sendto(packet, media)
            far.send(packet, media)
            again += 2
        lies = [seq for w in range(-4, 5) for seq in (w, 0x8000 + w, r.seq + w)]
        for seq in lies:
            packet = rtp(seq, r.ts, r.ssrc, FOREIGN[n % 25])
            wire.s.sendto(packet + os.urandom(10), media)
            far.send(packet + os.urandom(10), media)
            wire.s.sendto(packet, media)
            forged += 3
        for packet in reports(r.ssrc, r.got[-1][4])[:4]:
            r.c.sendto(packet, report)
            wire.s.sendto(packet, media)
            forged += 2
        n += 1
        time.sleep(0.02)
    t.check(wrapped(), "the sequence has wrapped")
    time.sleep(0.2)
    talk.check("under SRTP")
    # Forged under a number that was taken already is a replay, whatever its tag; cut short is short.
    got = talk.counted(replay=again, auth=forged * 0.4)
    t.check(sum(got.values()) >= 0.95 * (again + forged), f"{again} again and {forged} forged are refused, got {got}")
    print("refused:", got, f"of {again} again and {forged} forged, memory +{rss_kb(e) - talk.rss} KB")
    t.equal(wire.bad, 0, "packets to the caller that it could not open")
    t.equal(far.heard(), 0, "packets that the stranger heard")
    t.check(rss_kb(e) - talk.rss < 2048, f"memory stays, {talk.rss} to {rss_kb(e)} KB")
    call.bye()
    t.check(other.wait("ended"), "the call ends when a party ends it")
    t.idle(e)
