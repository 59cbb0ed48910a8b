"""RTP of test parties: every packet sent and received is kept with its time, so that delay, gaps and level are
measured and not guessed. One thread sends for all parties each 20 ms, another receives."""
import os
import select
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "engine", "demo"))
import audio  # noqa: E402


class Rtp:
    """One party's socket pair. sent: (time, sequence, payload); got: (time, pt, sequence, timestamp, ssrc, payload)."""
    all = set()
    lock = threading.Lock()
    threads = []

    def __init__(self, ip="127.0.0.1"):
        for _ in range(200):
            self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.s.bind((ip, 0))
            self.port = self.s.getsockname()[1]
            self.c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            if self.port % 2 == 0 and self.port < 65000:
                try:
                    self.c.bind((ip, self.port + 1))
                    break
                except OSError:
                    pass
            self.s.close()
            self.c.close()
        self.ip, self.remote = ip, None
        self.ssrc = int.from_bytes(os.urandom(4), "big")
        self.seq = int.from_bytes(os.urandom(2), "big")
        self.ts = int.from_bytes(os.urandom(4), "big")
        self.pt, self.frames, self.at, self.loop = 0, [], 0, False
        self.sent, self.got, self.rtcp = [], [], []
        self.pending, self.sending, self.closed, self.source = [], False, False, None
        with Rtp.lock:
            Rtp.all.add(self)
            if not Rtp.threads:
                Rtp.threads = [threading.Thread(target=f, daemon=True) for f in (_sender, _receiver)]
                for t in Rtp.threads:
                    t.start()

    def say(self, pcm, loop=False):
        """From the next tick on; after it (unless looped) silence is sent."""
        data = audio.ulaw(pcm)
        self.frames = [data[i:i + 160] for i in range(0, len(data) - 159, 160)]
        self.at, self.loop = 0, loop

    def start(self, remote):
        self.remote, self.sending = remote, True

    def digit(self, d, frames=5, pt=101):
        """Queues one RFC 4733 event: `frames` updates and the end three times."""
        event = "0123456789*#ABCD".index(d)
        for i in range(frames + 3):
            last = i >= frames
            self.pending.append((pt, struct.pack(">BBH", event, (0x80 if last else 0) | 10, min(i + 1, frames) * 160), i == 0, i))

    def tick(self, now):
        if not self.sending or self.closed:
            return
        if self.pending:
            pt, payload, marker, i = self.pending.pop(0)
            ts = self.ts - 160 * i  # all packets of an event carry the time of its beginning
        else:
            pt, marker, ts = self.pt, False, self.ts
            if self.frames and (self.at < len(self.frames) or self.loop):
                payload = self.frames[self.at % len(self.frames)]
                self.at += 1
            else:
                payload = b"\xff" * 160
        head = struct.pack(">BBHII", 0x80, (0x80 if marker else 0) | pt, self.seq, ts & 0xffffffff, self.ssrc)
        self.sent.append((time.monotonic(), self.seq, payload))
        self.seq = (self.seq + 1) & 0xffff
        self.ts = (self.ts + 160) & 0xffffffff
        try:
            self.s.sendto(head + payload, self.remote)
        except OSError:
            pass

    def take(self, sock, now):
        try:
            data, self.source = sock.recvfrom(2048)
        except OSError:
            return
        if sock is self.c:
            self.rtcp.append((now, data))
        elif len(data) >= 12 and data[0] >> 6 == 2:
            _, pt, seq, ts, ssrc = struct.unpack(">BBHII", data[:12])
            self.got.append((now, pt & 0x7f, seq, ts, ssrc, data[12 + 4 * (data[0] & 15):]))

    def close(self):
        with Rtp.lock:
            self.closed = True
            Rtp.all.discard(self)
            self.s.close()
            self.c.close()

    # What was heard.
    def voice(self, since=0.0, until=float("inf")):
        return [g for g in self.got if g[1] in (0, 8) and since <= g[0] <= until]

    def heard(self, since=0.0, until=float("inf")):
        """Samples in order of their RTP timestamps, holes as silence."""
        packets = self.voice(since, until)
        if not packets:
            return []
        base = packets[0][3]
        out = []
        for p in packets:
            at = (p[3] - base + 2 ** 31) % 2 ** 32 - 2 ** 31
            if 0 <= at < 8000 * 3600:
                if at > len(out):
                    out += [0] * (at - len(out))
                pcm = audio.linear(p[5])
                out[at:at + len(pcm)] = pcm
        return out

    def breaks(self, since=0.0, until=float("inf")):
        """What a listener would stumble over: (sequence jumps, timestamp jumps, longest time without a packet)."""
        packets = self.voice(since, until)
        seqs = stamps = 0
        longest = 0.0
        for a, b in zip(packets, packets[1:]):
            if b[4] != a[4] or (b[2] - a[2]) & 0xffff != 1:
                seqs += 1
            if (b[3] - a[3]) & 0xffffffff != len(a[5]):
                stamps += 1
            longest = max(longest, b[0] - a[0])
        return seqs, stamps, longest


def first_sound(packets, level=1000, payload=5, when=0):
    """Time of the first packet that holds real sound."""
    for p in packets:
        if audio.rms(audio.linear(p[payload])) > level:
            return p[when]
    return None


def _sender():
    due = time.monotonic()
    while True:
        due += 0.02
        now = time.monotonic()
        if due > now:
            time.sleep(due - now)
        elif now - due > 0.2:
            due = now
        with Rtp.lock:
            for r in list(Rtp.all):
                r.tick(now)


def _receiver():
    while True:
        with Rtp.lock:
            owner = {s: r for r in Rtp.all for s in (r.s, r.c)}
        if not owner:
            time.sleep(0.02)
            continue
        try:
            ready, _, _ = select.select(list(owner), [], [], 0.05)
        except (OSError, ValueError):
            continue
        now = time.monotonic()
        for s in ready:
            owner[s].take(s, now)
