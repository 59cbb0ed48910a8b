/* Playout: 20 ms of sound out of what waits. `play` walks along the sender's clock; lag is how far it walks behind the
 * fastest frames' arrival, that is the real depth, free of packet sizes and of single late frames. */
#include "media/jbuf/state.h"
#include <string.h>

enum {
    GIVE_UP_MS = 120, /* invented with nothing waiting until it is a silence and no loss */
    COOLDOWN = 5,     /* periods between two changes of speed: at most 6 to 15 % */
    HASTY = 1,        /* the same where a relay has just become a mix or is about to come back */
    PUT_OFF = 25,     /* periods that a change waits for a place where it is not heard ... */
    PUT_OFF_HASTY = 3,
    BRIDGE_MAX = 480,   /* samples of the longest gap that is concealed from both sides, ... */
    BRIDGE_AHEAD = 320, /* ... and of what is looked at behind it */
    OVER_MS = 30,       /* how far above the wanted depth nothing is done ... */
    UNDER_MS = 2,       /* ... and how far below */
    TOO_DEEP_MS = 40    /* above the maximum: no more shrinking, the rest is passed over */
};

static int64_t limit(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* No deeper than the window holds with the frame that is just coming. */
static int64_t wanted_ns(const struct jn_jbuf *j)
{
    if (j->ending)
        return 0;
    int64_t want = j->fixed ? 0 : jn_delay_want_ms(&j->delay);
    return jn_ms_ns(limit(want != 0 ? want : j->start_ms, j->min_ms, j->most_ms));
}

int64_t jn_playout_lag(const struct jn_jbuf *j, int64_t play, uint64_t now_ns)
{
    return (int64_t)now_ns - j->delay.base_ns - jn_ns(j, play);
}

void jn_playout_jump(struct jn_jbuf *j, int64_t to)
{
    if (to != j->play)
        j->from = to;
    j->play = to;
}

void jn_playout_drop_passed(struct jn_jbuf *j)
{
    while (j->waiting != 0) {
        const struct jn_slot *s = jn_slot_at(j, 0);
        if (jn_slot_t(j, s) + jn_slot_len(s) > j->play)
            return;
        if ((s->len & SLOT_CN) != 0) {
            j->noise_on = j->heard = true;
            j->noise_level = (uint8_t)(s->len & 0x7f);
            j->last_seq = s->seq;
            j->counts.played++;
        } else if ((s->len & SLOT_TOUCHED) == 0) {
            j->counts.skipped++;
        }
        j->head = (uint8_t)((j->head + 1) % JN_SLOTS);
        j->waiting--;
    }
}

void jn_playout_use(struct jn_jbuf *j, unsigned n)
{
    int64_t to = j->play + n;
    for (unsigned i = 0; i < j->waiting; i++) {
        struct jn_slot *s = jn_slot_at(j, i);
        if (jn_slot_t(j, s) >= to)
            break;
        if ((s->len & (SLOT_TOUCHED | SLOT_CN)) != 0)
            continue;
        s->len |= SLOT_TOUCHED;
        j->counts.played++;
        j->last_seq = s->seq;
        j->noise_on = false;
        j->heard = true;
    }
    j->play = to;
    jn_playout_drop_passed(j);
}

static void history(const struct jn_jbuf *j, int16_t *out)
{
    unsigned n = JN_PLC_HISTORY * (unsigned)j->scale;

    jn_store_load(j, out, j->loss - n, n);
}

void jn_playout_break(struct jn_jbuf *j)
{
    if (!jn_plc_busy(&j->plc))
        j->loss = j->play + j->held;
    jn_plc_break(&j->plc);
    j->busy = true;
}

void jn_playout_good(struct jn_jbuf *j, int16_t *pcm, unsigned n)
{
    int16_t hist[JN_PLC_HISTORY * JN_SCALE_MAX];

    if (!j->busy)
        return;
    history(j, hist);
    jn_plc_good(&j->plc, hist + JN_PLC_HISTORY * j->scale, pcm, n);
    j->busy = jn_plc_busy(&j->plc);
}

/* A gap of G.711 that what waits ends: all of it is invented at once, to lie where what is missing would. False: it
 * cannot be, too little waits. */
static bool bridge(struct jn_jbuf *j, unsigned gap)
{
    int16_t hist[JN_PLC_HISTORY], next[BRIDGE_AHEAD], pcm[BRIDGE_MAX];

    if (j->framed || gap > BRIDGE_MAX)
        return false;
    int64_t play = j->play;
    j->play += gap;
    unsigned have = jn_store_peek(j, next, BRIDGE_AHEAD);
    j->play = play;
    if (have < JN_SAMPLES_20MS)
        return false;
    if (!j->busy)
        j->loss = j->play;
    history(j, hist);
    jn_plc_bridge(&j->plc, hist + JN_PLC_HISTORY, next, have, pcm, gap);
    jn_store_save(j, j->play, pcm, gap);
    j->bridged = j->play + gap;
    j->busy = false;
    return true;
}

/* n samples of noise, invented sound or silence. gap: they stand in front of what waits, that many are missing there;
 * 0: nobody knows how many. Returns how many were written. */
static unsigned fill(struct jn_jbuf *j, int16_t *out, unsigned n, unsigned gap)
{
    if (gap != 0 && gap < n)
        n = gap;
    if (j->noise_on) {
        jn_plc_noise(&j->plc, out, n, j->noise_level);
        j->busy = false;
    } else if (!j->heard) {
        memset(out, 0, n * sizeof out[0]);
    } else {
        unsigned own = jn_store_conceal(j, out, n, gap);
        if (own > 0)
            return own;
        if (gap != 0 && (j->bridged > j->play || bridge(j, gap))) {
            jn_store_ring(j, out, n);
            return n;
        }
        int16_t hist[JN_PLC_HISTORY * JN_SCALE_MAX];
        if (!j->busy)
            j->loss = j->play + j->held;
        history(j, hist);
        jn_plc_conceal(&j->plc, hist + JN_PLC_HISTORY * j->scale, out, n);
        j->busy = jn_plc_busy(&j->plc);
    }
    return n;
}

/* Sound that was only late goes on where the invented sound repeats itself: no jump of phase. Returns how many samples
 * that took. */
static unsigned lead_in(struct jn_jbuf *j, int16_t *out, unsigned n)
{
    unsigned rest = jn_store_rest(j, out, n);

    if (rest > 0)
        return rest;
    rest = jn_plc_rest(&j->plc);
    rest = rest < n ? rest : n;
    return rest > 0 && j->heard && !j->noise_on ? fill(j, out, rest, 0) : 0;
}

/* Writes some of the n samples that are still needed; returns how many. *invented: a loss was covered. */
static unsigned step(struct jn_jbuf *j, int16_t *out, unsigned n, bool *invented)
{
    jn_playout_drop_passed(j);
    if (j->waiting == 0) { /* late or lost or silent: `play` stands still, so what is only late is still played */
        *invented = !j->noise_on;
        n = fill(j, out, n, 0);
        jn_store_save(j, j->play + j->held, out, n);
        j->held = (uint16_t)(j->held + n);
        j->align = true;
        if (j->noise_on || j->held >= GIVE_UP_MS * 8 * j->scale)
            j->playing = false;
        return n;
    }
    const struct jn_slot *s = jn_slot_at(j, 0);
    int64_t gap = jn_slot_t(j, s) - j->play;
    if (gap > 0) {
        /* nothing missing in the sequence: the sender was silent */
        *invented = *invented || (!j->noise_on && s->seq != (uint16_t)(j->last_seq + 1));
        n = fill(j, out, n, (unsigned)gap);
        jn_store_save(j, j->play, out, n);
        j->play += n;
        return n;
    }
    if (j->align) {
        unsigned rest = lead_in(j, out, n);
        if (rest > 0)
            return rest;
        j->align = false;
    }
    unsigned got = jn_store_peek(j, out, n);
    jn_playout_good(j, out, got);
    jn_playout_use(j, got);
    return got;
}

void jn_playout_settle(struct jn_jbuf *j, uint64_t now_ns)
{
    if (j->held == 0 || j->waiting == 0)
        return;
    int64_t gap = jn_slot_t(j, jn_slot_at(j, 0)) - j->play;
    if (gap > 0) {
        j->play += gap < j->held ? gap : j->held;
        j->align = false;
    }
    j->held = 0;
    j->lag_ns = jn_playout_lag(j, j->play, now_ns);
}

/* Begins, or begins again after silence, when the first frame has waited for the wanted depth. */
static bool start(struct jn_jbuf *j, uint64_t now_ns)
{
    while (j->waiting != 0 && (jn_slot_at(j, 0)->len & SLOT_CN) != 0) {
        jn_playout_jump(j, jn_slot_t(j, jn_slot_at(j, 0)));
        j->played = true;
        jn_playout_drop_passed(j);
    }
    if (j->waiting == 0)
        return false;
    int64_t from = jn_slot_t(j, jn_slot_at(j, 0));
    if (j->played && j->play > from)
        from = j->play;
    int64_t lag = jn_playout_lag(j, from, now_ns);
    if (lag < wanted_ns(j))
        return false;
    j->held = 0;
    jn_playout_jump(j, from);
    j->playing = j->played = true;
    j->wanted = 0;
    j->lag_ns = lag;
    return true;
}

bool jn_playout_put_off(struct jn_jbuf *j, bool fits)
{
    if (!fits && ++j->wanted < (j->hasty ? PUT_OFF_HASTY : PUT_OFF))
        return true;
    j->wanted = 0;
    j->cooldown = j->hasty ? HASTY : COOLDOWN;
    return false;
}

static bool stretch(struct jn_jbuf *j, int16_t *out)
{
    int16_t line[(JN_PITCH_MAX + JN_SAMPLES_20MS) * JN_SCALE_MAX];
    unsigned period = jn_period(j), back = JN_PITCH_MAX * j->scale;
    bool fits;

    if (jn_store_peek(j, line + back, period) < period)
        return false;
    jn_store_load(j, line, j->play - back, back);
    unsigned pitch = jn_pitch_back(line + back, j->scale, &fits);
    if (jn_playout_put_off(j, fits))
        return false;
    jn_stretch(out, line + back, pitch, j->scale);
    jn_playout_use(j, period - pitch);
    j->lag_ns += jn_ns(j, pitch);
    j->counts.stretched++;
    return true;
}

static bool shrink(struct jn_jbuf *j, int16_t *out)
{
    int16_t x[(JN_PITCH_MAX + JN_SAMPLES_20MS) * JN_SCALE_MAX];
    unsigned period = jn_period(j), whole = period + JN_PITCH_MAX * j->scale;
    bool fits;

    if (jn_store_peek(j, x, whole) < whole)
        return false;
    unsigned pitch = jn_pitch_ahead(x, j->scale, &fits);
    if (jn_playout_put_off(j, fits))
        return false;
    jn_shrink(out, x, pitch, j->scale);
    jn_playout_use(j, period + pitch);
    j->lag_ns -= jn_ns(j, pitch);
    j->counts.shrunk++;
    return true;
}

/* Far too much waits, after a stall: what is above the wanted depth is passed over. */
static void catch_up(struct jn_jbuf *j, int64_t lag, int64_t want)
{
    int64_t skip = limit(jn_samples(j, lag - want), 0, j->end - j->play - jn_samples(j, want));

    j->overrun = false;
    if (skip < jn_period(j))
        return;
    jn_playout_break(j);
    jn_playout_jump(j, j->play + skip);
    j->lag_ns -= jn_ns(j, skip);
    j->counts.resync++;
    jn_playout_drop_passed(j);
}

/* Follows the wanted depth and the sender's clock. True when it wrote the whole period itself. Depth is never shrunk
 * below what playout began with, so that a clean stream is played bit for bit; a new talkspurt begins with less. */
static bool change_speed(struct jn_jbuf *j, int16_t *out, uint64_t now_ns)
{
    int64_t lag = jn_playout_lag(j, j->play, now_ns), want = wanted_ns(j);

    j->lag_ns += (lag - j->lag_ns) / 8;
    if (j->hasty)
        j->lag_ns = lag;
    if (j->hasty || j->ending)
        j->hasty = j->plc.late = j->ending || lag < want - UNDER_MS * NS_PER_MS;
    if (lag > jn_ms_ns(j->max_ms + TOO_DEEP_MS) || j->overrun)
        catch_up(j, lag, want);
    if (j->cooldown != 0) {
        j->cooldown--;
        return false;
    }
    if (j->busy)
        return false;
    int64_t start = jn_ms_ns(j->start_ms), upper = j->ending ? 0 : (want > start ? want : start) + jn_ms_ns(OVER_MS);
    if (j->lag_ns > upper && j->end - j->play >= jn_samples(j, want) + jn_period(j))
        return shrink(j, out);
    if (j->lag_ns < want - UNDER_MS * NS_PER_MS)
        return stretch(j, out);
    j->wanted = 0;
    return false;
}

/* A frame's part of a period: it is played from here on. */
static void play_part(struct jn_jbuf *j, struct jn_slot *s, unsigned n, bool over)
{
    if ((s->len & SLOT_TOUCHED) == 0) {
        s->len |= SLOT_TOUCHED;
        j->counts.played++;
        j->last_seq = s->seq;
    }
    j->play += n;
    if (over) {
        j->head = (uint8_t)((j->head + 1) % JN_SLOTS);
        j->waiting--;
    }
}

/* The way of nearly every period: nothing was missing before, and one or two frames of G.711 hold all of it. False: it
 * is not so, and nothing was done. */
static bool straight(struct jn_jbuf *j, int16_t *out, unsigned period)
{
    if (j->busy || j->align || j->framed || j->waiting == 0)
        return false;
    struct jn_slot *s = jn_slot_at(j, 0), *next = jn_slot_at(j, 1);
    unsigned off = (uint32_t)j->play - s->t, len = s->len & SLOT_LEN;
    if ((s->len & SLOT_CN) != 0 || off >= len)
        return false;
    unsigned first = len - off < period ? len - off : period, rest = period - first;
    if (rest != 0 &&
        (j->waiting < 2 || next->t != s->t + len || (next->len & SLOT_CN) != 0 || (next->len & SLOT_LEN) < rest))
        return false;
    jn_store_ring(j, out, period);
    j->heard = true;
    j->noise_on = false;
    play_part(j, s, first, first == len - off);
    if (rest != 0)
        play_part(j, next, rest, rest == (next->len & SLOT_LEN));
    return true;
}

void jn_jbuf_get(struct jn_jbuf *j, int16_t *out, uint64_t now_ns)
{
    unsigned period = jn_period(j);

    if (j->following)
        jn_turn_begin(j, now_ns);
    if (j->settling != 0)
        jn_turn_refine(j);
    if (!j->playing && !start(j, now_ns)) {
        for (unsigned n = 0; n < period;)
            n += fill(j, out + n, period - n, 0);
        return;
    }
    jn_playout_settle(j, now_ns);
    if (j->waiting != 0 && change_speed(j, out, now_ns)) {
        jn_playout_good(j, out, period);
        return;
    }
    if (straight(j, out, period))
        return;
    bool invented = false;
    for (unsigned n = 0; n < period;)
        n += step(j, out + n, period - n, &invented);
    j->counts.concealed += invented;
}
