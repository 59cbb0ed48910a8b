"""Sound for test parties: WAV and mu-law, speech from the installed announcements, tones, and the measures that tell
what was heard from what was said. 8 kHz mono, lists of signed 16-bit samples."""
import array
import glob
import math
import os
import random
import sys
import wave

RATE = 8000
FRAME = 160
SOUND_DIRS = ("/usr/share/asterisk/sounds/en_US_f_Allison", "/usr/share/asterisk/sounds/en",
              "/usr/share/asterisk/sounds")


def _encode_one(x):
    """ITU-T G.711 mu-law of one sample."""
    sign = 0x80 if x < 0 else 0
    x = min(abs(x), 32635) + 132
    exponent = max(0, x.bit_length() - 8)
    return ~(sign | exponent << 4 | (x >> (exponent + 3)) & 0x0f) & 0xff


def _decode_one(u):
    u = ~u & 0xff
    x = (((u & 0x0f) << 3) + 132 << (u >> 4 & 7)) - 132
    return -x if u & 0x80 else x


_TO_ULAW = bytes(_encode_one(x - 65536 if x >= 32768 else x) for x in range(65536))
_FROM_ULAW = [_decode_one(u) for u in range(256)]


def ulaw(pcm):
    table = _TO_ULAW
    return bytes(table[x & 0xffff] for x in pcm)


def linear(data):
    table = _FROM_ULAW
    return [table[b] for b in data]


def read_wav(path):
    """(rate, [channel, ...]); a header cut short by a killed writer is read as far as the samples go."""
    with wave.open(path, "rb") as w:
        rate, channels = w.getframerate(), w.getnchannels()
        raw = w.readframes(w.getnframes())
    a = array.array("h")
    a.frombytes(raw[:len(raw) // (2 * channels) * 2 * channels])
    if sys.byteorder == "big":
        a.byteswap()
    return rate, [a[c::channels].tolist() for c in range(channels)]


def write_wav(path, pcm, rate=RATE):
    a = array.array("h", pcm)
    if sys.byteorder == "big":
        a.byteswap()
    with wave.open(path, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes(a.tobytes())


def tone(hz, seconds, dbfs=-12.0):
    peak = 32767 * 10 ** (dbfs / 20)
    return [round(peak * math.sin(2 * math.pi * hz * i / RATE)) for i in range(round(seconds * RATE))]


def silence(seconds):
    return [0] * round(seconds * RATE)


def speech(seconds, seed=0):
    """Announcements spoken one after the other, about that long, another choice for each seed. Falls back to a warble
    where the sound package is not installed, and says so by its second value: (pcm, real)."""
    files = []
    for folder in SOUND_DIRS:
        files = sorted(f for f in glob.glob(os.path.join(folder, "*.wav")) if os.path.getsize(f) > 24000)
        if files:
            break
    rng = random.Random(seed)
    out = []
    while len(out) < seconds * RATE:
        if files:
            rate, channels = read_wav(rng.choice(files))
            if rate == RATE:
                out += channels[0] + silence(0.25)
        else:
            out += tone(rng.randrange(300, 900), 0.2) + silence(0.05)
    return out[:round(seconds * RATE)], bool(files)


def rms(pcm):
    return math.sqrt(sum(x * x for x in pcm) / len(pcm)) if pcm else 0.0


def dbfs(pcm):
    return 20 * math.log10(max(rms(pcm), 0.5) / 32767)


def goertzel(pcm, hz, rate=RATE):
    """Power of one frequency, as the share of all power (0..1)."""
    if not pcm:
        return 0.0
    k = 2 * math.cos(2 * math.pi * hz / rate)
    s1 = s2 = 0.0
    for x in pcm:
        s1, s2 = x + k * s1 - s2, s1
    total = sum(x * x for x in pcm)
    return min(1.0, 2 * (s1 * s1 + s2 * s2 - k * s1 * s2) / (len(pcm) * total)) if total else 0.0


def envelope(pcm, step=80):
    return [rms(pcm[i:i + step]) for i in range(0, len(pcm) - step + 1, step)]


def _correlation(a, b):
    n = min(len(a), len(b))
    if n < 2:
        return 0.0
    ma, mb = sum(a[:n]) / n, sum(b[:n]) / n
    num = sum((a[i] - ma) * (b[i] - mb) for i in range(n))
    den = math.sqrt(sum((a[i] - ma) ** 2 for i in range(n)) * sum((b[i] - mb) ** 2 for i in range(n)))
    return num / den if den else 0.0


def find(needle, hay, max_lag_s=30.0):
    """Where needle stands in hay: (lag in samples, correlation of the wave forms there). Rough by 10 ms envelopes,
    then to the sample."""
    step = 80
    a, b = envelope(needle, step), envelope(hay, step)
    best, at = -2.0, 0
    for lag in range(0, max(1, min(len(b) - len(a) // 2, int(max_lag_s * RATE / step)))):
        c = _correlation(a, b[lag:lag + len(a)])
        if c > best:
            best, at = c, lag
    # The loudest half second decides the fine place.
    size = min(RATE // 2, len(needle))
    begin = max(range(0, len(needle) - size + 1, step), key=lambda i: sum(a[i // step:(i + size) // step]), default=0)
    piece = needle[begin:begin + size]
    fine, lag = -2.0, at * step
    for shift in range(at * step - 2 * step, at * step + 2 * step + 1):
        if shift + begin < 0:
            continue
        c = _correlation(piece[::2], hay[shift + begin:shift + begin + size:2])
        if c > fine:
            fine, lag = c, shift
    return lag, fine


def compare(said, heard, max_lag_s=30.0):
    """What became of a piece of speech: dict of lag_s, correlation, level_db (heard over said) and gap_s (the longest
    stretch where the speaker spoke and the listener had silence)."""
    lag, fit = find(said, heard, max_lag_s)
    part = heard[max(0, lag):max(0, lag) + len(said)]
    a, b = envelope(said), envelope(part)
    floor = 0.1 * max(a, default=0.0)
    run = worst = 0
    for x, y in zip(a, b + [0.0] * (len(a) - len(b))):
        run = run + 1 if x > floor and y < 0.1 * x else 0
        worst = max(worst, run)
    loud = [i for i, x in enumerate(a) if x > floor and i < len(b)]
    said_power = sum(a[i] ** 2 for i in loud)
    heard_power = sum(b[i] ** 2 for i in loud)
    level = 10 * math.log10(heard_power / said_power) if said_power and heard_power else -99.0
    return {"lag_s": lag / RATE, "correlation": fit, "level_db": level, "gap_s": worst * 0.01}
