"""`junctor replay --pcap`: captures through the media plane: the same bytes each time, and the right ones."""
import json
import os
import random
import struct
import subprocess

import audio
from lib import scenario

SIPP = "/usr/share/sip-tester"
A, B = ("10.0.0.1", 4000), ("10.0.0.2", 5000)


def udp_frame(src, dst, data):
    ip = lambda a: bytes(int(x) for x in a.split("."))  # noqa: E731
    u = struct.pack(">HHHH", src[1], dst[1], 8 + len(data), 0) + data
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(u), 0, 0, 64, 17, 0) + ip(src[0]) + ip(dst[0])
    return bytes(12) + b"\x08\x00" + head + u


def write_pcap(path, frames, order="<"):
    """frames: (ns, bytes)."""
    with open(path, "wb") as f:
        f.write(struct.pack(order + "IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
        for ns, b in frames:
            f.write(struct.pack(order + "IIII", ns // 10**9, ns % 10**9, len(b), len(b)) + b)


def write_pcapng(path, frames):
    def block(kind, body):
        body += bytes(-len(body) % 4)
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
    with open(path, "wb") as f:
        f.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHIHHI", 1, 0, 0, 9, 1, 9)))
        for ns, b in frames:
            f.write(block(6, struct.pack("<IIIII", 0, ns >> 32, ns & 0xFFFFFFFF, len(b), len(b)) + b))


def read_pcap(path):
    """[(ns, (ip, port), (ip, port), payload)] of what junctor wrote."""
    with open(path, "rb") as f:
        d = f.read()
    out, at = [], 24
    while at < len(d):
        s, ns, n, _ = struct.unpack_from("<IIII", d, at)
        p = d[at + 16:at + 16 + n]
        ip = lambda b: ".".join(map(str, b))  # noqa: E731
        sport, dport = struct.unpack_from(">HH", p, 34)
        out.append((s * 10**9 + ns, (ip(p[26:30]), sport), (ip(p[30:34]), dport), p[42:]))
        at += 16 + n
    return out


def rtp(seq, ts, ssrc, payload, pt=0, marker=0):
    return struct.pack(">BBHII", 0x80, marker << 7 | pt, seq & 0xFFFF, ts & 0xFFFFFFFF, ssrc) + payload


def conversation():
    """Two parties, three seconds: jitter, a lost, a doubled and two swapped packets, a digit; noise beside."""
    r, frames, t0 = random.Random(7), [], 1_700_000_000 * 10**9
    for who, (src, dst, ssrc) in enumerate(((A, B, 0xAAAA0001), (B, A, 0xBBBB0002))):
        for i in range(150):
            at = t0 + i * 20_000_000 + who * 7_000_000 + r.randrange(4_000_000)
            if who == 0 and i == 50:
                continue
            if who == 0 and i in (60, 61):  # 61 goes ahead of 60
                at += 22_000_000 if i == 60 else -12_000_000
            p = rtp(65500 + i, 160 * i, ssrc, bytes(r.randrange(256) for _ in range(160)))
            if who == 1 and 100 <= i < 106:
                p = rtp(65500 + i, 16000, ssrc, struct.pack(">BBH", 5, 0x8A if i > 103 else 10, 160 * (i - 99)), pt=101, marker=int(i == 100))
            frames.append((at, udp_frame(src, dst, p)))
            if who == 1 and i == 70:
                frames.append((at + 1000, udp_frame(src, dst, p)))
    frames.append((t0 + 5, udp_frame(("10.0.0.9", 53), ("10.0.0.1", 999), b"no media at all")))
    frames.sort(key=lambda f: f[0])
    return frames


def replay(t, *args, env=None, code=0):
    p = subprocess.run([t.binary, "replay", "--pcap", *args], capture_output=True, timeout=20, env={**os.environ, **(env or {})})
    t.equal(p.returncode, code, f"exit code of replay {args}: {p.stderr.decode()}")
    return p.stdout if code == 0 else p.stderr


def twice(t, name, capture, *args):
    """Replays three times, one of them without vector instructions; returns figures and what was sent."""
    path = lambda k: os.path.join(t.folder, f"{name}{k}.pcap")  # noqa: E731
    first = replay(t, capture, "--out", path(1), "--json", *args)
    t.equal(replay(t, capture, "--out", path(2), "--json", *args), first, f"{name}: the same figures")
    t.equal(replay(t, capture, "--out", path(3), "--json", *args, env={"JUNCTOR_ISA": "plain"}), first, f"{name}: the same figures in plain C")
    data = [open(path(k), "rb").read() for k in (1, 2, 3)]
    t.check(data[0] == data[1], f"{name}: the same bytes twice")
    t.check(data[0] == data[2], f"{name}: the same bytes in plain C")
    return json.loads(first), read_pcap(path(1))


def payloads(packets, to, pt=0):
    return [p[12:] for _, _, dst, p in packets if dst == to and p[1] & 0x7F == pt]


@scenario(40)
def replay_pcap_relay(t):
    """A capture relayed: each party is sent what the other sent, under new SSRCs; figures say what the capture lost."""
    frames, capture = conversation(), os.path.join(t.folder, "in.pcap")
    write_pcap(capture, frames)
    flows = json.loads(replay(t, capture, "--list", "--json"))
    t.equal([(f["pair"], f["codec"], f["packets"]) for f in flows["flows"]], [(2, "PCMU", 149), (1, "PCMU", 151)], "flows")
    t.equal(flows["other"], 1, "datagrams that are no media")
    t.equal([flows[k] for k in ("beyond_room", "not_udp", "fragments", "cut", "malformed")], [0] * 5, "what was passed over")
    figures, sent = twice(t, "relay", capture)
    a, b = figures["legs"]
    t.equal((a["received"], a["lost"], b["received"], b["lost"], b["duplicate"]), (149, 1, 150, 0, 1), "received and lost")
    t.equal(figures["digits"], 1, "digits")
    t.check(a["jitter_us"] > 300 and a["mos"] > 4, f"jitter and MOS: {a}")
    said = [f[1][42:] for f in frames]
    of_b = [p[12:] for p in said if len(p) > 40 and p[8:12] == b"\xBB\xBB\0\2" and p[1] & 0x7F == 0]
    heard = payloads(sent, A)
    whole = [p for k, p in enumerate(of_b) if p not in of_b[:k]]
    t.check(len(heard) >= 100 and heard[-100:] == whole[-100:], "what B said came to A byte for byte, once each")
    t.check(len(payloads(sent, A, 101)) == 6, "the digit's packets were relayed")
    t.check(not any(p[8:12] in (b"\xAA\xAA\0\1", b"\xBB\xBB\0\2") for _, _, _, p in sent), "under SSRCs of our own")
    t.check({src[0] for _, src, _, _ in sent} == {"192.0.2.1"}, "from the engine's address")
    seeded = os.path.join(t.folder, "seed.pcap")
    replay(t, capture, "--out", seeded, "--seed", "2")
    t.check(read_pcap(seeded)[0][3][8:12] != sent[0][3][8:12], "another seed draws another SSRC")
    for name, write in (("big", lambda p: write_pcap(p, frames, ">")), ("ng", lambda p: write_pcapng(p, frames))):
        other = os.path.join(t.folder, name)
        write(other)
        replay(t, other, "--out", other + ".out")
        t.check(open(other + ".out", "rb").read() == open(os.path.join(t.folder, "relay1.pcap"), "rb").read(), f"{name}: the same from another format")


@scenario(40)
def replay_pcap_mix_and_record(t):
    """A capture mixed and recorded: a steady 20 ms stream comes out, the recording is complete and the same each time."""
    capture = os.path.join(t.folder, "in.pcap")
    write_pcap(capture, conversation())
    figures, sent = twice(t, "mix", capture, "--mix")
    to_b = [(ns, p) for ns, _, dst, p in sent if dst == B and p[1] & 0x7F == 0]
    t.check(150 <= len(to_b) <= 190, f"a frame each 20 ms: {len(to_b)}")
    t.check(all(b[0] - a[0] == 20_000_000 for a, b in zip(to_b, to_b[1:])), "in step, whatever jitter came in")
    wav = []
    for k in (1, 2):
        data = os.path.join(t.folder, f"data{k}")
        replay(t, capture, "--out", os.path.join(t.folder, f"rec{k}.pcap"), "--mix", "--record", data)
        verify = subprocess.run([t.binary, "rec", "verify", "--data", data, "--json"], capture_output=True, timeout=20)
        t.equal(verify.returncode, 0, "the recording is complete")
        one = json.loads(verify.stdout)["recordings"][0]
        t.equal(one["frames"][:2], [149, 150], "frames on each side")
        wav.append(os.path.join(t.folder, f"{k}.wav"))
        subprocess.run([t.binary, "rec", "export", "--data", data, one["call"], "-o", wav[-1]], check=True, capture_output=True, timeout=20)
    t.check(open(wav[0], "rb").read() == open(wav[1], "rb").read(), "the same recording twice")
    t.check(min(audio.rms(side) for side in audio.read_wav(wav[0])[1]) > 1000, "both sides are heard in it")


@scenario(40)
def replay_pcap_real_captures(t):
    """Captures of sip-tester; captures that are damaged or none; pairs by hand."""
    if not os.path.exists(SIPP + "/g711a.pcap"):
        t.skip("sip-tester's captures are not installed")
    figures, sent = twice(t, "g711a", SIPP + "/g711a.pcap")
    t.equal(figures["legs"][0]["received"], 236, "packets of the capture")
    figures, _ = twice(t, "dtmf", SIPP + "/dtmf_2833_pound.pcap")
    t.equal(figures["digits"], 1, "digits")
    out = os.path.join(t.folder, "out.pcap")
    cut = os.path.join(t.folder, "cut.pcap")
    with open(SIPP + "/g711a.pcap", "rb") as f, open(cut, "wb") as g:
        g.write(f.read()[:30000])
    figures = json.loads(replay(t, cut, "--out", out, "--json"))
    t.check(figures["torn"] and 50 < figures["legs"][0]["received"] < 236, f"what was there before the damage: {figures}")
    t.check(b"no capture" in replay(t, __file__, "--out", out, code=1), "a file that is no capture is refused")
    t.check(b"flows 1 to 1" in replay(t, SIPP + "/g711a.pcap", "--out", out, "--pair", "1,2", code=1), "a pair that is not there is refused")
    replay(t, SIPP + "/g711a.pcap", "--out", out, "--pair", "x", code=2)
    asymmetric = os.path.join(t.folder, "asymmetric.pcap")
    frames = [(10**18 + i * 20_000_000 + w, udp_frame(s, d, rtp(i, 160 * i, w, bytes([w]) * 160))) for i in range(100)
              for w, s, d in ((1, A, ("10.0.0.2", 5008)), (2, B, ("10.0.0.1", 4008)))]
    write_pcap(asymmetric, frames)
    t.equal(len(json.loads(replay(t, asymmetric, "--out", out, "--json"))["legs"]), 4, "flows between four addresses are two calls")
    legs = json.loads(replay(t, asymmetric, "--out", out, "--json", "--pair", "1,2"))["legs"]
    t.equal([leg["received"] for leg in legs], [100, 100], "one call when paired by hand")
    t.check(payloads(read_pcap(out), A)[-1] == b"\2" * 160, "the one hears the other")


@scenario(30)
def replay_pcap_impaired(t):
    """The same capture through a worse network: the same bytes each time, by relay and by mix, and every packet told."""
    capture = os.path.join(t.folder, "in.pcap")
    write_pcap(capture, conversation())
    how = ("--impair", "multipath,loss=5%,burst=4%:3,seed=5")
    for name, more in (("relay", ()), ("mix", ("--mix",))):
        figures, _ = twice(t, name, capture, *how, *more)
        i = figures["impaired"]
        t.check(i["sent"] == 300 and 10 < i["lost"] + i["lost_in_burst"] < 60 and i["duplicated"] > 0 and i["no_room"] == 0, f"impaired: {i}")
        lost = sum(leg["lost"] for leg in figures["legs"])
        t.check(abs(lost - i["lost"] - i["lost_in_burst"]) <= 4, f"{name}: the legs miss {lost}, the network took {i}")
        if name == "mix":
            t.check(sum(leg["concealed"] for leg in figures["legs"]) >= 5, f"concealed: {figures['legs']}")
    other = os.path.join(t.folder, "other.pcap")
    replay(t, capture, "--out", other, "--impair", "multipath,loss=5%,burst=4%:3,seed=6")
    t.check(open(other, "rb").read() != open(os.path.join(t.folder, "relay1.pcap"), "rb").read(), "another seed, other fates")
    t.check(b"loss=5" in replay(t, capture, "--out", other, "--impair", "loss=5", code=2), "what is not understood is named")
