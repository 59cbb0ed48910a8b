/* Turns: a two-party call becomes a mix when a third comes and a relay again when it leaves, and nobody hears it
 * happen. Everything that a phone receives is put together by sequence and timestamps, as the phone would, and looked
 * at. */
#include "media/stream/state.h"
#include "rig.h"
#include <math.h>

TestSuite(turn, .timeout = 60);

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

static struct world *world(unsigned n)
{
    struct world *w = calloc(1, sizeof *w);
    w->n = n;
    for (unsigned i = 0; i < n; i++)
        w->r[i] = rig_open_at((uint8_t)i, 1024, 4096);
    for (unsigned i = 0; n == 2 && i < n; i++)
        cr_assert_eq(jn_mailbox_init(&w->ring[i], 256, (uint32_t)jn_plane_link_bytes(), NULL), 0);
    if (n == 2) {
        jn_plane_link(w->r[0]->p, 1, &w->ring[0], &w->ring[1]);
        jn_plane_link(w->r[1]->p, 0, &w->ring[1], &w->ring[0]);
    }
    rig_room(w->r[0], 50);
    return w;
}

static void pass(struct world *w, unsigned ms)
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

static void order(struct world *w, uint8_t kind, const struct talker *t, uint8_t arg)
{
    struct jn_order o = {.kind = kind, .leg = t->who.leg, .room = 50, .leg_worker = t->r == w->r[0] ? 0 : 1};
    if (kind == JN_ORDER_ROOM_JOIN)
        o.join.track = arg;
    if (kind == JN_ORDER_HEAR)
        o.hear.tracks = arg;
    rig_order(w->r[0], &o);
    if (t->r != w->r[0] && kind != JN_ORDER_HEAR)
        rig_order(t->r, &o);
}

static struct talker *talker(struct world *w, uint64_t leg, unsigned at, uint8_t codec, bool srtp, double hz)
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
        t->out = jn_srtp_libsrtp.open_context(JN_SUITE_AES128_SHA80, t->who.remote.key_in, false);
        t->in = jn_srtp_libsrtp.open_context(JN_SUITE_AES128_SHA80, t->who.remote.key_out, true);
    }
    rig_remote(r, &t->who);
    return t;
}

static void done(struct talker *t)
{
    if (t->in) {
        jn_srtp_libsrtp.close_context(t->in);
        jn_srtp_libsrtp.close_context(t->out);
    }
    free(t->line);
    free(t);
}

static void world_end(struct world *w)
{
    for (unsigned i = 0; i < w->n; i++)
        rig_close(w->r[i]);
    for (unsigned i = 0; w->n == 2 && i < 2; i++)
        jn_mailbox_free(&w->ring[i]);
    free(w);
}

/* A voice-like sound: a pulse train of slowly changing pitch through two resonances, in syllables. */
static int16_t voice_like(uint64_t i)
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

static void say(struct talker *t)
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
        cr_assert_eq(jn_srtp_libsrtp.seal(t->out, burst, 1, false), 1);
        len = pk.len;
    }
    rig_inject(t->r, &t->who, &t->who.addr, data, len, t->who.local);
}

/* Takes what was sent to t: one stream, every number used once, nothing missing and nothing twice in time. */
static void listen(struct talker *t)
{
    for (; t->taken < t->r->sent_n; t->taken++) {
        struct sent *s = &t->r->sent[t->taken];
        if (s->rtcp || s->local != t->who.local || s->h.pt == RIG_PT_DTMF)
            continue;
        struct jn_pkt pk = {.data = s->data, .len = s->len, .cap = sizeof s->data}, *burst[1] = {&pk};
        if (t->in) {
            cr_assert_eq(jn_srtp_libsrtp.open(t->in, burst, 1, false), 1);
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
static double outside_db(const int16_t *x, double hz, double hz2)
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

static double worst_db(const struct talker *t, double hz, double hz2, unsigned from, unsigned to)
{
    double worst = -200;
    for (unsigned at = from; at + 256 <= to; at += 64) {
        double db = outside_db(t->line + at, hz, hz2);
        worst = db > worst ? db : worst;
    }
    return worst;
}

/* The steepest step between neighbours: a tone's own slope is amp * 2 pi hz / 8000. */
static int steepest(const int16_t *x, unsigned from, unsigned to)
{
    int most = 0;
    for (unsigned i = from + 1; i < to; i++) {
        int d = abs(x[i] - x[i - 1]);
        most = d > most ? d : most;
    }
    return most;
}

/* Energy of hz within x[from, to), as an amplitude. */
static double tone(const int16_t *x, unsigned from, unsigned to, double hz)
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
static double weakest(const struct talker *t, double hz, unsigned from, unsigned to)
{
    double least = 1e9;
    for (unsigned at = from; at + 64 <= to; at += 16) {
        double amp = tone(t->line, at, at + 64, hz);
        least = amp < least ? amp : least;
    }
    return least;
}

static void dump(const struct talker *t, const char *name)
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
static unsigned when(struct call *k, unsigned at)
{
    k->dice = k->dice * 1664525u + 1013904223u;
    return at + (k->dice >> 16) % (k->jitter + 1);
}

static struct call begin(unsigned workers, uint8_t codec_b, bool srtp, double hz_a, double hz_b)
{
    struct call k = {.w = world(workers)};
    k.a = talker(k.w, 1, 0, JN_CODEC_PCMU, srtp, hz_a);
    k.b = talker(k.w, 2, 1, codec_b, srtp, hz_b);
    k.c = talker(k.w, 3, 1, JN_CODEC_PCMA, srtp, HZ_C);
    order(k.w, JN_ORDER_ROOM_JOIN, k.a, JN_TRACK_CALLER);
    order(k.w, JN_ORDER_ROOM_JOIN, k.b, JN_TRACK_AGENT);
    return k;
}

static void go(struct call *k, unsigned frames)
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
enum { CALLER = 1 << JN_TRACK_CALLER, AGENT = 1 << JN_TRACK_AGENT, OTHER = 1 << JN_TRACK_OTHER };

/* As the engine does it: who hears whom is said before the third comes, so that nobody hears what is not for him. */
static void enter(struct call *k, enum mode m)
{
    order(k->w, JN_ORDER_HEAR, k->a, m == BARGE ? AGENT | OTHER : AGENT);
    order(k->w, JN_ORDER_HEAR, k->b, m == LISTEN ? CALLER : CALLER | OTHER);
    order(k->w, JN_ORDER_ROOM_JOIN, k->c, JN_TRACK_OTHER);
}

static void change(struct call *k, enum mode m)
{
    order(k->w, JN_ORDER_HEAR, k->a, m == BARGE ? AGENT | OTHER : AGENT);
    order(k->w, JN_ORDER_HEAR, k->b, m == LISTEN ? CALLER : CALLER | OTHER);
}

static void leave(struct call *k)
{
    order(k->w, JN_ORDER_ROOM_LEAVE, k->c, 0);
}

static void end(struct call *k)
{
    done(k->a);
    done(k->b);
    done(k->c);
    world_end(k->w);
}

/* Frames of the leg that were passed over, refused or still wait: none when each was heard. */
static uint64_t unheard(struct call *k, const struct talker *t)
{
    const struct jn_voice *v = jn_voice_find(k->w->r[0]->p, t->who.leg);
    const struct jn_jbuf_counts *c = jn_jbuf_counts(v->jb);
    return c->in - c->played + c->skipped + c->late + c->full + c->bad;
}

static uint64_t relayed(const struct call *k)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < k->w->n; i++)
        n += jn_plane_counts(k->w->r[i]->p)->relayed;
    return n;
}

/* One stream without a gap from `from` on: the first packets may follow a mix of silence by real time. */
static void in_one_piece(const struct talker *t, const char *name)
{
    cr_expect_leq(t->gaps, 1, "%s: %d gaps in time", name, t->gaps);
    cr_expect_eq(t->overlaps, 0, "%s: %d packets overlap", name, t->overlaps);
    cr_expect(t->off_min > -320 && t->off_max < 480, "%s: timestamps %ld to %ld off real time", name, (long)t->off_min,
              (long)t->off_max);
}

static void five_times(unsigned workers, bool srtp)
{
    struct call k = begin(workers, JN_CODEC_PCMU, srtp, HZ_A, HZ_B);
    int64_t first_max = 0;
    go(&k, 50);
    for (int i = 0; i < 5; i++) {
        uint64_t before = relayed(&k);
        enter(&k, (enum mode)(i % 3));
        go(&k, 40);
        cr_expect_leq(relayed(&k), before + 2 * 4, "it mixes after a few frames");
        leave(&k);
        before = relayed(&k);
        go(&k, 60);
        cr_expect_geq(relayed(&k), before + 2 * 25, "it relays again");
        if (i == 0)
            first_max = k.a->off_max > k.b->off_max ? k.a->off_max : k.b->off_max;
        if (i == 3) { /* of the last times only */
            k.a->off_max = k.b->off_max = INT64_MIN;
        }
    }
    cr_expect(k.a->off_max < first_max + 120 && k.b->off_max < first_max + 120,
              "delay that stays from turn to turn: %ld %ld after %ld", (long)k.a->off_max, (long)k.b->off_max,
              (long)first_max);
    in_one_piece(k.a, "caller");
    in_one_piece(k.b, "agent");
    dump(k.a, "a");
    dump(k.b, "b");
    double clean_a = worst_db(k.a, HZ_B, HZ_B, 4000, 7000), clean_b = worst_db(k.b, HZ_A, HZ_A, 4000, 7000);
    double all_a = worst_db(k.a, HZ_B, HZ_B, 4000, k.a->n), all_b = worst_db(k.b, HZ_A, HZ_A, 4000, k.b->n);
    cr_expect_lt(clean_a, -38, "mu-law itself: %f dB", clean_a);
    cr_expect(all_a < -34 && all_b < -34, "outside the tone: caller %f dB, agent %f dB (alone %f, %f)", all_a, all_b,
              clean_a, clean_b);
    double hole_a = weakest(k.a, HZ_B, 4000, k.a->n), hole_b = weakest(k.b, HZ_A, 4000, k.b->n);
    cr_expect(hole_a > 5000 && hole_b > 5000, "of 8000 there are at least %f and %f", hole_a, hole_b);
    int own_a = (int)(8000 * 2 * M_PI * HZ_B / 8000), own_b = (int)(8000 * 2 * M_PI * HZ_A / 8000);
    cr_expect_leq(steepest(k.a->line, 4000, k.a->n), own_a + 300);
    cr_expect_leq(steepest(k.b->line, 4000, k.b->n), own_b + 300);
    cr_expect_eq(unheard(&k, k.a), 0, "caller: %lu frames", (unsigned long)unheard(&k, k.a));
    cr_expect_eq(unheard(&k, k.b), 0, "agent: %lu frames", (unsigned long)unheard(&k, k.b));
    end(&k);
}

Test(turn, five_times_a_third_comes_and_goes_and_the_tones_stay_clean)
{
    five_times(1, false);
}

Test(turn, the_same_over_two_workers)
{
    five_times(2, false);
}

Test(turn, the_same_over_two_workers_with_srtp)
{
    five_times(2, true);
}

Test(turn, a_voice_has_no_click_where_it_turns)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct call k = begin(workers, JN_CODEC_PCMU, false, 0, HZ_B);
        go(&k, 60);
        int own = 0;
        for (int i = 0; i < 5; i++) {
            enter(&k, LISTEN);
            go(&k, 40);
            leave(&k);
            go(&k, 60);
        }
        in_one_piece(k.b, "agent");
        dump(k.b, "voice");
        static int16_t clean[FRAMES * 160];
        for (unsigned i = 0; i < FRAMES * 160; i++)
            clean[i] = voice_like(i);
        own = steepest(clean, 0, FRAMES * 160);
        int got = steepest(k.b->line, 8000, k.b->n);
        cr_expect_leq(got, own * 11 / 10, "steepest step %d, the voice's own %d", got, own);
        cr_expect_eq(unheard(&k, k.a), 0);
        end(&k);
    }
}

static void with_jitter(unsigned ms, double bound_db)
{
    struct call k = begin(2, JN_CODEC_PCMU, false, HZ_A, HZ_B);
    k.jitter = ms;
    go(&k, 50);
    for (int i = 0; i < 5; i++) {
        enter(&k, LISTEN);
        go(&k, 40);
        leave(&k);
        go(&k, 60);
    }
    in_one_piece(k.a, "caller");
    in_one_piece(k.b, "agent");
    double all_a = worst_db(k.a, HZ_B, HZ_B, 4000, k.a->n), all_b = worst_db(k.b, HZ_A, HZ_A, 4000, k.b->n);
    cr_expect(all_a < bound_db && all_b < bound_db, "outside the tone: caller %f dB, agent %f dB", all_a, all_b);
    cr_expect_eq(unheard(&k, k.a), 0);
    cr_expect_eq(unheard(&k, k.b), 0);
    end(&k);
}

Test(turn, arrival_that_jitters_by_6_ms_costs_no_frame_and_no_click)
{
    with_jitter(6, -32);
}

Test(turn, arrival_that_jitters_by_16_ms_costs_no_frame_and_no_gap)
{
    with_jitter(16, -20);
}

Test(turn, who_comes_into_a_mix_in_the_middle_of_a_word_and_goes_so_does_it_softly)
{
    struct call k = begin(1, JN_CODEC_PCMU, false, HZ_A, HZ_B);
    k.c_talks = true;
    go(&k, 50);
    for (int i = 0; i < 5; i++) {
        enter(&k, i % 2 ? BARGE : LISTEN);
        go(&k, 20);
        change(&k, BARGE);
        go(&k, 20);
        change(&k, LISTEN);
        go(&k, 20);
        change(&k, BARGE);
        go(&k, 20);
        leave(&k);
        go(&k, 40);
    }
    double all = worst_db(k.a, HZ_B, HZ_C, 4000, k.a->n);
    cr_expect(all < -33, "outside the two tones: %f dB", all);
    end(&k);
}

/* Amplitudes of the three tones in the last 100 ms that t heard. */
static void loud(const struct talker *t, double *caller, double *agent, double *third)
{
    *caller = tone(t->line, t->n - 800, t->n, HZ_A);
    *agent = tone(t->line, t->n - 800, t->n, HZ_B);
    *third = tone(t->line, t->n - 800, t->n, HZ_C);
}

static void expect_loud(const struct talker *t, bool caller, bool agent, bool third, const char *name)
{
    double c, a, o;
    loud(t, &c, &a, &o);
    cr_expect((c > 7000) == caller && (caller || c < 80), "%s hears the caller: %f", name, c);
    cr_expect((a > 7000) == agent && (agent || a < 80), "%s hears the agent: %f", name, a);
    cr_expect((o > 7000) == third && (third || o < 80), "%s hears the third: %f", name, o);
}

static void modes(unsigned workers, uint8_t codec_b, bool srtp)
{
    struct call k = begin(workers, codec_b, srtp, HZ_A, HZ_B);
    k.c_talks = true;
    go(&k, 30);
    enter(&k, LISTEN);
    static const enum mode then[] = {LISTEN, WHISPER, BARGE, WHISPER, LISTEN, BARGE, LISTEN};
    for (unsigned i = 0; i < sizeof then / sizeof then[0]; i++) {
        change(&k, then[i]);
        go(&k, 25);
        expect_loud(k.a, false, true, then[i] == BARGE, "caller");
        expect_loud(k.b, true, false, then[i] != LISTEN, "agent");
        expect_loud(k.c, true, true, false, "third");
    }
    change(&k, BARGE);
    go(&k, 25);
    leave(&k); /* in the middle of a word */
    go(&k, 60);
    expect_loud(k.a, false, true, false, "caller");
    expect_loud(k.b, true, false, false, "agent");
    in_one_piece(k.a, "caller");
    in_one_piece(k.b, "agent");
    end(&k);
}

Test(turn, each_mode_lets_each_party_hear_whom_it_may)
{
    modes(1, JN_CODEC_PCMU, false);
}

Test(turn, modes_over_two_workers_and_two_codecs)
{
    modes(2, JN_CODEC_PCMA, false);
}

Test(turn, modes_with_srtp)
{
    modes(2, JN_CODEC_PCMA, true);
}

Test(turn, the_caller_never_hears_a_whisper)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct call k = begin(workers, JN_CODEC_PCMU, false, HZ_A, HZ_B);
        k.c_talks = true;
        go(&k, 30);
        for (int i = 0; i < 5; i++) {
            enter(&k, WHISPER);
            go(&k, 30);
            change(&k, LISTEN);
            go(&k, 10);
            change(&k, WHISPER);
            go(&k, 20);
            leave(&k);
            go(&k, 35);
        }
        for (unsigned at = 4000; at + 400 <= k.a->n; at += 200) {
            double third = tone(k.a->line, at, at + 400, HZ_C);
            cr_assert_lt(third, 80, "at %u: %f", at, third);
        }
        end(&k);
    }
}

/* One event packet of the caller. */
static void press(struct call *k, int i, bool last)
{
    uint8_t data[600], event[4] = {3, (uint8_t)(last ? 0x8a : 0x0a), 0, (uint8_t)(i * 40)};
    struct party *a = &k->a->who;
    uint32_t ts = a->ts;
    a->ts = 4711; /* the event's own begin */
    uint16_t len = rig_packet(a, data, RIG_PT_DTMF, i == 1, event, 4);
    a->ts = ts;
    rig_inject(k->a->r, a, &a->addr, data, len, a->local);
}

/* The agent's phone counts presses by timestamps (RFC 4733 2.5.1.2): a turn in the middle of one makes no second. */
static void press_over(bool entering, bool leaving)
{
    struct call k = begin(2, JN_CODEC_PCMU, false, HZ_A, HZ_B);
    go(&k, 40);
    if (!entering) {
        enter(&k, LISTEN);
        go(&k, 40);
    }
    unsigned from = k.b->r->sent_n, n = 0;
    for (int i = 1; i <= 20; i++) {
        press(&k, i, i >= 18);
        if (i == 5 && entering)
            enter(&k, LISTEN);
        if (i == 5 && leaving)
            leave(&k);
        say(k.a);
        pass(k.w, 20);
    }
    uint32_t ts = 0;
    for (unsigned i = from; i < k.b->r->sent_n; i++) {
        struct sent *s = &k.b->r->sent[i];
        if (s->rtcp || s->local != k.b->who.local || s->h.pt != RIG_PT_DTMF)
            continue;
        cr_assert(n == 0 || s->h.ts == ts, "packet %u begins another press", n);
        ts = s->h.ts;
        n++;
    }
    cr_assert_eq(n, 20, "%u of 20 event packets came", n);
    end(&k);
}

Test(turn, a_digit_pressed_in_a_mix_reaches_the_other_party)
{
    press_over(false, false);
}

Test(turn, a_digit_pressed_while_a_third_comes_is_one_digit)
{
    press_over(true, false);
}

Test(turn, a_digit_pressed_while_a_third_goes_is_one_digit)
{
    press_over(false, true);
}
