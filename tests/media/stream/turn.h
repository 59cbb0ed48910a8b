/* Turn: parties that talk over one plane or two, a supervisor who comes and goes, and what each phone received, put
 * together by sequence and timestamps as the phone would. */
#ifndef JN_TEST_TURN_H
#define JN_TEST_TURN_H

#include "media/stream/state.h"
#include "rig.h"
#include <math.h>

enum { HZ_A = 1020, HZ_B = 672, HZ_C = 1633, FRAMES = 600, LINE = FRAMES * 160 + 16000, BLOCK = 160 };

/* One plane, or two joined by links; the room is on the first, the caller too, the others on the last. */
struct world {
    unsigned n;
    struct rig *r[2];
    struct jn_mailbox ring[2];
};

/* A party that sends a tone or a recording, and what was sent to it. */
struct talker {
    struct rig *r;
    struct party who;
    struct jn_srtp *in, *out; /* the phone's own */
    double hz, amp;
    uint64_t said; /* samples */
    unsigned taken;
    uint16_t seq;
    uint32_t ts, first_ts, ssrc;
    bool started;
    int gaps, overlaps, odd;  /* in timestamps */
    int64_t off_min, off_max; /* timestamps against real time since the first packet */
    uint64_t first_ns;
    unsigned n;
    int16_t *line;
};

static inline struct world *world(unsigned n)
{
    struct world *w = calloc(1, sizeof *w);
    w->n = n;
    for (unsigned i = 0; i < n; i++)
        w->r[i] = rig_open_at((uint8_t)i, 1024, 64);
    for (unsigned i = 0; n == 2 && i < n; i++)
        cr_assert_eq(jn_mailbox_init(&w->ring[i], 256, (uint32_t)jn_plane_link_bytes(), NULL), 0);
    if (n == 2) {
        jn_plane_link(w->r[0]->p, 1, &w->ring[0], &w->ring[1]);
        jn_plane_link(w->r[1]->p, 0, &w->ring[1], &w->ring[0]);
    }
    rig_room(w->r[0], 50);
    return w;
}

static inline void pass(struct world *w, unsigned ms)
{
    for (; ms > 0; ms--) {
        for (unsigned i = 0; i < w->n; i++)
            rig_run(w->r[i], 1);
        for (bool more = w->n == 2; more;) {
            more = false;
            for (unsigned i = 0; i < w->n; i++) {
                more |= jn_plane_links(w->r[i]->p, w->r[i]->now) > 0;
                jn_plane_flush(w->r[i]->p);
            }
        }
    }
}

static inline void order(struct world *w, uint8_t kind, const struct talker *t, uint8_t arg)
{
    struct jn_order o = {.kind = kind, .leg = t->who.leg, .room = 50, .leg_worker = t->r == w->r[0] ? 0 : 1};
    if (kind == JN_ORDER_ROOM_JOIN) {
        o.join.track = arg & 0xf;
        o.join.unheard = arg >> 4;
    } else if (kind == JN_ORDER_SPEAK) {
        o.hear.tracks = arg;
    }
    rig_order(w->r[0], &o);
    if (t->r != w->r[0] && kind != JN_ORDER_SPEAK)
        rig_order(t->r, &o);
}

static inline struct talker *talker(struct world *w, uint64_t leg, unsigned at, uint8_t codec, bool srtp, double hz)
{
    struct talker *t = calloc(1, sizeof *t);
    struct rig *r = w->r[at < w->n ? at : 0];
    *t = (struct talker){.r = r, .who = rig_leg_open(r, leg), .hz = hz, .amp = 8000};
    t->line = calloc(LINE, sizeof *t->line);
    t->who.remote.codec = codec;
    t->who.remote.rtp_pt = codec == JN_CODEC_PCMA ? 8 : 0;
    if (srtp) {
        t->who.remote.suite = JN_SUITE_AES128_SHA80;
        memset(t->who.remote.key_in, (int)leg, JN_SRTP_KEY_MAX);
        memset(t->who.remote.key_out, (int)leg + 100, JN_SRTP_KEY_MAX);
        t->out = jn_srtp_libsrtp.open_context(NULL, JN_SUITE_AES128_SHA80, t->who.remote.key_in, false);
        t->in = jn_srtp_libsrtp.open_context(NULL, JN_SUITE_AES128_SHA80, t->who.remote.key_out, true);
    }
    rig_remote(r, &t->who);
    return t;
}

static inline void done(struct talker *t)
{
    if (t->in) {
        jn_srtp_libsrtp.close_context(t->in);
        jn_srtp_libsrtp.close_context(t->out);
    }
    free(t->line);
    free(t);
}

static inline void world_end(struct world *w)
{
    for (unsigned i = 0; i < w->n; i++)
        rig_close(w->r[i]);
    for (unsigned i = 0; w->n == 2 && i < 2; i++)
        jn_mailbox_free(&w->ring[i]);
    free(w);
}

/* A voice-like sound: a pulse train of slowly changing pitch through two resonances, in syllables. */
static inline int16_t voice_like(uint64_t i)
{
    static double y1, y2, z1, z2, phase;
    double pitch = 110 + 25 * sin(2 * M_PI * 1.3 * (double)i / 8000);
    if (i == 0)
        y1 = y2 = z1 = z2 = phase = 0;
    phase += pitch / 8000;
    double x = 0;
    if (phase >= 1) {
        phase -= 1;
        x = 9000;
    }
    double y = x + 1.72 * y1 - 0.86 * y2; /* 700 Hz */
    y2 = y1;
    y1 = y;
    double z = y * 0.25 + 1.05 * z1 - 0.80 * z2; /* 1200 Hz */
    z2 = z1;
    z1 = z;
    double syllable = 0.55 - 0.45 * cos(2 * M_PI * 3.1 * (double)i / 8000);
    double v = z * syllable;
    return (int16_t)(v > 20000 ? 20000 : v < -20000 ? -20000 : v);
}

static inline void say(struct talker *t)
{
    int16_t pcm[160];
    uint8_t coded[160], data[600];
    for (int i = 0; i < 160; i++, t->said++)
        pcm[i] =
            t->hz > 0 ? (int16_t)lrint(t->amp * sin(2 * M_PI * t->hz * (double)t->said / 8000)) : voice_like(t->said);
    jn_codec_encode((enum jn_codec_id)t->who.remote.codec, coded, pcm, 160);
    uint16_t len = rig_packet(&t->who, data, t->who.remote.rtp_pt, t->said == 160, coded, 160);
    t->who.ts += 160;
    struct jn_pkt pk = {.data = data, .len = len, .cap = sizeof data}, *burst[1] = {&pk};
    if (t->out) {
        cr_assert_eq(jn_srtp_seal_one(&jn_srtp_libsrtp, t->out, burst, 1, false), 1);
        len = pk.len;
    }
    rig_inject(t->r, &t->who, &t->who.addr, data, len, t->who.local);
}

/* Takes what was sent to t: one stream, every number used once, nothing missing and nothing twice in time. */
static inline void listen(struct talker *t)
{
    for (; t->taken < t->r->sent_n; t->taken++) {
        struct sent *s = &t->r->sent[t->taken];
        if (s->rtcp || s->local != t->who.local || s->h.pt == RIG_PT_DTMF)
            continue;
        struct jn_pkt pk = {.data = s->data, .len = s->len, .cap = sizeof s->data}, *burst[1] = {&pk};
        if (t->in) {
            cr_assert_eq(jn_srtp_open_one(&jn_srtp_libsrtp, t->in, burst, 1, false), 1);
            s->h.payload_len = (uint16_t)(pk.len - s->h.payload_off);
        }
        if (!t->started) {
            t->first_ts = t->ts = s->h.ts;
            t->seq = s->h.seq;
            t->ssrc = s->h.ssrc;
            t->first_ns = s->at_ns;
            t->started = true;
        }
        cr_assert_eq(s->h.ssrc, t->ssrc);
        cr_assert_eq(s->h.seq, t->seq, "sequence %u instead of %u", s->h.seq, t->seq);
        t->seq++;
        int32_t step = (int32_t)(s->h.ts - t->ts);
        t->gaps += step > 0;
        t->overlaps += step < 0;
        t->odd += s->h.payload_len != 160;
        int64_t off = (int64_t)(s->h.ts - t->first_ts) - (int64_t)(s->at_ns - t->first_ns) / 125000;
        t->off_min = off < t->off_min ? off : t->off_min;
        t->off_max = off > t->off_max ? off : t->off_max;
        unsigned at = s->h.ts - t->first_ts;
        cr_assert_leq(at + s->h.payload_len, LINE);
        jn_codec_decode((enum jn_codec_id)t->who.remote.codec, t->line + at, s->data + s->h.payload_off,
                        s->h.payload_len);
        t->ts = s->h.ts + s->h.payload_len;
        t->n = at + s->h.payload_len;
    }
}

/* How much of x[0..256) lies farther than 250 Hz from both tones, in dB of all of it. Blackman-Harris: its side lobes
 * lie below the quantising. */
static inline double outside_db(const int16_t *x, double hz, double hz2)
{
    enum { N = 256 };
    static double wave[N], window[N];
    static bool ready;
    double in = 1e-9, out = 1e-9, w[N];
    for (int i = 0; !ready && i < N; i++) {
        double a = 2 * M_PI * i / (N - 1);
        window[i] = 0.35875 - 0.48829 * cos(a) + 0.14128 * cos(2 * a) - 0.01168 * cos(3 * a);
        wave[i] = sin(2 * M_PI * i / N);
    }
    ready = true;
    for (int i = 0; i < N; i++)
        w[i] = x[i] * window[i];
    for (int k = 1; k < N / 2; k++) {
        double re = 0, im = 0, f = k * 8000.0 / N;
        for (int i = 0; i < N; i++) {
            re += w[i] * wave[(k * i + N / 4) % N];
            im += w[i] * wave[k * i % N];
        }
        *(fabs(f - hz) > 250 && fabs(f - hz2) > 250 ? &out : &in) += re * re + im * im;
    }
    return 10 * log10(out / (in + out));
}

static inline double worst_db(const struct talker *t, double hz, double hz2, unsigned from, unsigned to)
{
    double worst = -200;
    for (unsigned at = from; at + 256 <= to; at += 64) {
        double db = outside_db(t->line + at, hz, hz2);
        worst = db > worst ? db : worst;
    }
    return worst;
}

/* The steepest step between neighbours: a tone's own slope is amp * 2 pi hz / 8000. */
static inline int steepest(const int16_t *x, unsigned from, unsigned to)
{
    int most = 0;
    for (unsigned i = from + 1; i < to; i++) {
        int d = abs(x[i] - x[i - 1]);
        most = d > most ? d : most;
    }
    return most;
}

/* Energy of hz within x[from, to), as an amplitude. */
static inline double tone(const int16_t *x, unsigned from, unsigned to, double hz)
{
    double re = 0, im = 0;
    for (unsigned i = from; i < to; i++) {
        double h = 0.5 - 0.5 * cos(2 * M_PI * (i - from) / (to - from));
        re += h * x[i] * cos(2 * M_PI * hz * i / 8000);
        im += h * x[i] * sin(2 * M_PI * hz * i / 8000);
    }
    return 4 * sqrt(re * re + im * im) / (to - from);
}

/* The least amplitude of the tone within 8 ms: sound that meets itself out of phase makes a hole. */
static inline double weakest(const struct talker *t, double hz, unsigned from, unsigned to)
{
    double least = 1e9;
    for (unsigned at = from; at + 64 <= to; at += 16) {
        double amp = tone(t->line, at, at + 64, hz);
        least = amp < least ? amp : least;
    }
    return least;
}

static inline void dump(const struct talker *t, const char *name)
{
    if (!getenv("TURN_DUMP"))
        return;
    char path[256];
    snprintf(path, sizeof path, "%s/%s.raw", getenv("TURN_DUMP"), name);
    FILE *f = fopen(path, "wb");
    if (f) {
        fwrite(t->line, 2, t->n, f);
        fclose(f);
    }
}

/* What a call is made of, and how it goes on for a while. */
struct call {
    struct world *w;
    struct talker *a, *b, *c; /* caller, agent, supervisor */
    unsigned jitter;          /* ms */
    uint32_t dice;
    bool c_talks;
};

/* When in this period of 20 ms the frame comes: at `at` or up to jitter later. */
static inline unsigned when(struct call *k, unsigned at)
{
    k->dice = k->dice * 1664525u + 1013904223u;
    return at + (k->dice >> 16) % (k->jitter + 1);
}

static inline struct call begin(unsigned workers, uint8_t codec_b, bool srtp, double hz_a, double hz_b)
{
    struct call k = {.w = world(workers)};
    k.a = talker(k.w, 1, 0, JN_CODEC_PCMU, srtp, hz_a);
    k.b = talker(k.w, 2, 1, codec_b, srtp, hz_b);
    k.c = talker(k.w, 3, 1, JN_CODEC_PCMA, srtp, HZ_C);
    order(k.w, JN_ORDER_ROOM_JOIN, k.a, JN_TRACK_CALLER);
    order(k.w, JN_ORDER_ROOM_JOIN, k.b, JN_TRACK_AGENT);
    return k;
}

static inline void go(struct call *k, unsigned frames)
{
    for (; frames > 0; frames--) {
        unsigned a = when(k, 1), b = when(k, 4);
        for (unsigned ms = 1; ms <= 20; ms++) {
            pass(k->w, 1);
            if (ms == a)
                say(k->a);
            if (ms == b)
                say(k->b);
            if (ms == 9 && k->c_talks)
                say(k->c);
        }
        listen(k->a);
        listen(k->b);
        listen(k->c);
    }
}

enum mode { LISTEN, WHISPER, BARGE };
enum { CALLER = 1 << JN_TRACK_CALLER, AGENT = 1 << JN_TRACK_AGENT };

static inline uint8_t spoken_to(enum mode m)
{
    return m == BARGE ? CALLER | AGENT : m == WHISPER ? AGENT : 0;
}

static inline void enter(struct call *k, enum mode m)
{
    order(k->w, JN_ORDER_ROOM_JOIN, k->c, (uint8_t)(JN_TRACK_SUPERVISOR | (0xf & ~spoken_to(m)) << 4));
}

static inline void change(struct call *k, enum mode m)
{
    order(k->w, JN_ORDER_SPEAK, k->c, spoken_to(m));
}

static inline void leave(struct call *k)
{
    order(k->w, JN_ORDER_ROOM_LEAVE, k->c, 0);
}

static inline void end(struct call *k)
{
    done(k->a);
    done(k->b);
    done(k->c);
    world_end(k->w);
}

/* Frames of the leg that were passed over, refused or still wait: none when each was heard. */
static inline uint64_t unheard(struct call *k, const struct talker *t)
{
    struct jn_plane *p = k->w->r[0]->p;
    const struct jn_voice *v = jn_voice_find(p, t->who.leg);
    const struct jn_plane_counts *n = jn_plane_counts(p);
    static const struct jn_jbuf_counts none;
    const struct jn_jbuf_counts *c = v->jb ? jn_jbuf_counts(v->jb) : &none;
    return n->unheard + n->drops[JN_DROP_LATE] + n->drops[JN_DROP_FULL] + n->drops[JN_DROP_SHORT] + c->in - c->played;
}

static inline uint64_t relayed(const struct call *k)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < k->w->n; i++)
        n += jn_plane_counts(k->w->r[i]->p)->relayed;
    return n;
}

/* One stream without a gap from `from` on: the first packets may follow a mix of silence by real time. */
static inline void in_one_piece(const struct talker *t, const char *name)
{
    cr_expect_leq(t->gaps, 1, "%s: %d gaps in time", name, t->gaps);
    cr_expect_eq(t->overlaps, 0, "%s: %d packets overlap", name, t->overlaps);
    cr_expect(t->off_min > -320 && t->off_max < 480, "%s: timestamps %ld to %ld off real time", name, (long)t->off_min,
              (long)t->off_max);
}

/* One event packet of a party that presses 3. */
static inline void press(struct call *k, struct talker *t, int i, bool last)
{
    uint8_t data[600], event[4] = {3, (uint8_t)(last ? 0x8a : 0x0a), 0, (uint8_t)(i * 40)};
    struct party *a = &t->who;
    uint32_t ts = a->ts;
    (void)k;
    a->ts = 4711; /* the event's own begin */
    uint16_t len = rig_packet(a, data, RIG_PT_DTMF, i == 1, event, 4);
    a->ts = ts;
    struct jn_pkt pk = {.data = data, .len = len, .cap = sizeof data}, *burst[1] = {&pk};
    if (t->out) {
        cr_assert_eq(jn_srtp_seal_one(&jn_srtp_libsrtp, t->out, burst, 1, false), 1);
        len = pk.len;
    }
    rig_inject(t->r, a, &a->addr, data, len, a->local);
}

#endif
