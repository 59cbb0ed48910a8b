/* Playout: 20 ms of sound out of what waits. `play` walks along the sender's clock; lag is how far it walks behind the
 * fastest frames' arrival, that is the real depth, free of packet sizes and of single late frames. */
#include "media/codec/g711.h"
#include "media/jbuf/state.h"
#include <string.h>

enum {
    PERIOD = JN_SAMPLES_20MS,
    PEEK = PERIOD + JN_PITCH_MAX,
    GIVE_UP = 960, /* samples invented with nothing waiting until it is a silence and no loss: 120 ms */
    COOLDOWN = 5,  /* periods between two changes of speed: at most 6 to 15 % */
    HASTY = 1,     /* the same where a relay has just become a mix or is about to come back */
    PUT_OFF = 25,  /* periods that a change waits for a place where it is not heard ... */
    PUT_OFF_HASTY = 3,
    OVER_MS = 30,    /* how far above the wanted depth nothing is done ... */
    UNDER_MS = 2,    /* ... and how far below */
    TOO_DEEP_MS = 40 /* above the maximum: no more shrinking, the rest is passed over */
};

static int64_t limit(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

static int64_t wanted_ns(const struct jn_jbuf *j)
{
    if (j->ending)
        return 0;
    int64_t want = jn_delay_want_ns(&j->delay);
    return limit(want != 0 ? want : j->start_ns, j->min_ns, j->max_ns);
}

int64_t jn_playout_lag(const struct jn_jbuf *j, int64_t play, uint64_t now_ns)
{
    return (int64_t)now_ns - j->delay.base_ns - play * NS_PER_SAMPLE;
}

static void pop(struct jn_jbuf *j)
{
    uint8_t slot = j->order[0];
    j->waiting--;
    memmove(j->order, j->order + 1, j->waiting);
    j->order[j->waiting] = slot;
}

void jn_playout_drop_passed(struct jn_jbuf *j)
{
    while (j->waiting != 0) {
        const struct jn_slot *s = jn_slot_at(j, 0);
        if (s->ts + s->len > j->play)
            return;
        if (s->cn) {
            j->noise_on = j->heard = true;
            j->noise_level = s->level;
            j->last_seq = s->seq;
            j->counts.played++;
        } else if (!s->touched) {
            j->counts.skipped++;
        }
        pop(j);
    }
}

void jn_playout_use(struct jn_jbuf *j, unsigned n)
{
    int64_t to = j->play + n;
    for (unsigned i = 0; i < j->waiting; i++) {
        struct jn_slot *s = &j->slot[j->order[i]];
        if (s->ts >= to)
            break;
        if (s->touched || s->cn)
            continue;
        s->touched = true;
        j->counts.played++;
        j->last_seq = s->seq;
        j->noise_on = false;
        j->heard = true;
    }
    j->play = to;
    jn_playout_drop_passed(j);
}

unsigned jn_playout_peek(const struct jn_jbuf *j, int16_t *out, unsigned max)
{
    unsigned n = 0;
    for (unsigned i = 0; i < j->waiting && n < max; i++) {
        const struct jn_slot *s = jn_slot_at(j, i);
        int64_t off = j->play + n - s->ts;
        if (off < 0 || s->cn)
            break;
        if (off >= s->len)
            continue;
        unsigned part = s->len - (unsigned)off;
        part = part < max - n ? part : max - n;
        jn_codec_decode((enum jn_codec_id)s->codec, out + n, s->payload + off, part);
        n += part;
    }
    return n;
}

static void fill(struct jn_jbuf *j, int16_t *out, unsigned n)
{
    if (j->noise_on)
        jn_plc_noise(&j->plc, out, n, j->noise_level);
    else if (j->heard)
        jn_plc_conceal(&j->plc, out, n);
    else
        memset(out, 0, n * sizeof out[0]);
}

/* Writes some of the n samples that are still needed; returns how many. *invented: a loss was covered. */
static unsigned step(struct jn_jbuf *j, int16_t *out, unsigned n, bool *invented)
{
    jn_playout_drop_passed(j);
    if (j->waiting == 0) { /* late or lost or silent: `play` stands still, so what is only late is still played */
        *invented = !j->noise_on;
        fill(j, out, n);
        j->held += n;
        j->align = true;
        if (j->noise_on || j->held >= GIVE_UP)
            j->playing = false;
        return n;
    }
    const struct jn_slot *s = jn_slot_at(j, 0);
    if (s->ts > j->play) {
        unsigned gap = s->ts - j->play < n ? (unsigned)(s->ts - j->play) : n;
        /* nothing missing in the sequence: the sender was silent */
        *invented = *invented || (!j->noise_on && s->seq != j->last_seq + 1);
        fill(j, out, gap);
        j->play += gap;
        return gap;
    }
    if (j->align) { /* sound that was only late goes on where the invented sound repeats itself: no jump of phase */
        unsigned rest = jn_plc_rest(&j->plc);
        rest = rest < n ? rest : n;
        fill(j, out, rest);
        if (rest > 0)
            return rest;
        j->align = false;
    }
    unsigned got = jn_playout_peek(j, out, n);
    jn_plc_good(&j->plc, out, got);
    jn_playout_use(j, got);
    return got;
}

void jn_playout_settle(struct jn_jbuf *j, uint64_t now_ns)
{
    if (j->held == 0 || j->waiting == 0)
        return;
    int64_t gap = jn_slot_at(j, 0)->ts - j->play;
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
    while (j->waiting != 0 && jn_slot_at(j, 0)->cn) {
        j->play = jn_slot_at(j, 0)->ts;
        j->played = true;
        jn_playout_drop_passed(j);
    }
    if (j->waiting == 0)
        return false;
    int64_t from = jn_slot_at(j, 0)->ts;
    if (j->played && j->play > from)
        from = j->play;
    int64_t lag = jn_playout_lag(j, from, now_ns);
    if (lag < wanted_ns(j))
        return false;
    j->play = from;
    j->playing = j->played = true;
    j->held = j->wanted = 0;
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
    int16_t x[PERIOD];
    bool fits;
    if (jn_playout_peek(j, x, PERIOD) < PERIOD)
        return false;
    unsigned pitch = jn_pitch_back(&j->plc, x, &fits);
    if (jn_playout_put_off(j, fits))
        return false;
    jn_stretch(&j->plc, out, x, pitch);
    jn_playout_use(j, PERIOD - pitch);
    j->lag_ns += pitch * NS_PER_SAMPLE;
    j->counts.stretched++;
    return true;
}

static bool shrink(struct jn_jbuf *j, int16_t *out)
{
    int16_t x[PEEK];
    bool fits;
    if (jn_playout_peek(j, x, PEEK) < PEEK)
        return false;
    unsigned pitch = jn_pitch_ahead(x, &fits);
    if (jn_playout_put_off(j, fits))
        return false;
    jn_shrink(out, x, pitch);
    jn_playout_use(j, PERIOD + pitch);
    j->lag_ns -= pitch * NS_PER_SAMPLE;
    j->counts.shrunk++;
    return true;
}

/* Far too much waits, after a stall: what is above the wanted depth is passed over. */
static void catch_up(struct jn_jbuf *j, int64_t lag, int64_t want)
{
    int64_t skip = limit((lag - want) / NS_PER_SAMPLE, 0, j->end - j->play - want / NS_PER_SAMPLE);
    if (skip < PERIOD)
        return;
    j->play += skip;
    j->lag_ns -= skip * NS_PER_SAMPLE;
    j->counts.resync++;
    jn_playout_drop_passed(j);
    jn_plc_break(&j->plc);
}

/* Follows the wanted depth and the sender's clock. True when it wrote the whole period itself. Depth is never shrunk
 * below what playout began with, so that a clean stream is played bit for bit; a new talkspurt begins with less. */
static bool change_speed(struct jn_jbuf *j, int16_t *out, uint64_t now_ns)
{
    int64_t lag = jn_playout_lag(j, j->play, now_ns), want = wanted_ns(j);
    j->lag_ns += (lag - j->lag_ns) / 8;
    if (j->hasty)
        j->lag_ns = lag;
    j->hasty = j->plc.late = j->ending || (j->hasty && lag < want - UNDER_MS * NS_PER_MS);
    if (lag > j->max_ns + TOO_DEEP_MS * NS_PER_MS)
        catch_up(j, lag, want);
    if (j->cooldown != 0) {
        j->cooldown--;
        return false;
    }
    if (j->plc.fade_in != 0)
        return false;
    int64_t upper = j->ending ? 0 : (want > j->start_ns ? want : j->start_ns) + OVER_MS * NS_PER_MS;
    if (j->lag_ns > upper && j->end - j->play >= want / NS_PER_SAMPLE + PERIOD)
        return shrink(j, out);
    if (j->lag_ns < want - UNDER_MS * NS_PER_MS)
        return stretch(j, out);
    j->wanted = 0;
    return false;
}

void jn_jbuf_get(struct jn_jbuf *j, int16_t out[static JN_SAMPLES_20MS], uint64_t now_ns)
{
    if (j->following)
        jn_turn_begin(j, now_ns);
    if (j->settling != 0)
        jn_turn_refine(j);
    if (!j->playing && !start(j, now_ns)) {
        fill(j, out, PERIOD);
        return;
    }
    jn_playout_settle(j, now_ns);
    if (j->waiting != 0 && change_speed(j, out, now_ns)) {
        jn_plc_good(&j->plc, out, PERIOD);
        return;
    }
    bool invented = false;
    for (unsigned n = 0; n < PERIOD;)
        n += step(j, out + n, PERIOD - n, &invented);
    j->counts.concealed += invented;
}
