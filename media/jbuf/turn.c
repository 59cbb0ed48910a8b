/* Turn: playout that begins where frames went straight on to the listener, and ends where they will again. Content is
 * neither lost nor jumped over: what the depth needs is put in by playout.c, and here it is taken out to the last pitch
 * period, so that the listener's own jitter buffer holds afterwards what it held before. */
#include "media/jbuf/state.h"
#include <string.h>

enum {
    SETTLE = 50,            /* periods until the fastest frame is believed to be known */
    NEAR = JN_PITCH_MAX / 2 /* samples of gain at 8 kHz that are left: half the longest pitch period */
};

void jn_jbuf_follow_begin(struct jn_jbuf *j)
{
    int64_t gain_ns = j->gain_ns;

    jn_jbuf_forget(j);
    jn_plc_reset(&j->plc, j->scale);
    j->busy = false;
    j->from = j->play;
    j->gain_ns = gain_ns;
    j->heard = false;
}

void jn_jbuf_follow(struct jn_jbuf *j, const struct jn_frame *f)
{
    if (jn_jbuf_put(j, f) < 0)
        return;
    while (j->waiting != 0) {
        int64_t t = jn_slot_t(j, jn_slot_at(j, 0));
        if (t > j->play)
            jn_playout_jump(j, t);
        jn_playout_drop_passed(j);
        jn_playout_use(j, jn_store_pass(j));
    }
    j->playing = j->played = j->following = true;
    j->held = 0;
}

/* The period at now_ns holds what would have gone past when its frame came: that is what the listener gains. */
void jn_turn_begin(struct jn_jbuf *j, uint64_t now_ns)
{
    j->following = false;
    j->hasty = j->plc.late = true;
    j->wanted = j->cooldown = 0;
    j->lag_ns = jn_playout_lag(j, j->play, now_ns);
    j->gain_ns -= j->lag_ns;
    j->gain_base_ns = j->delay.base_ns;
    j->settling = SETTLE;
}

void jn_turn_refine(struct jn_jbuf *j)
{
    j->settling--;
    j->gain_ns += j->delay.base_ns - j->gain_base_ns;
    j->gain_base_ns = j->delay.base_ns;
}

void jn_jbuf_go_on(struct jn_jbuf *j)
{
    j->ending = false;
    j->hasty = true;
}

/* One pitch period less of the n samples that wait; writes how many are left. */
static unsigned squeeze(struct jn_jbuf *j, int16_t *out, const int16_t *x, unsigned n, int64_t gain)
{
    bool fits;
    unsigned pitch = n >= jn_period(j) ? jn_pitch_within(x, n, j->scale, &fits) : 0;

    if (pitch == 0 || gain < pitch / 2 || jn_playout_put_off(j, fits)) {
        memcpy(out, x, n * sizeof out[0]);
        return n;
    }
    j->cooldown = 0;
    jn_squeeze(out, x, n, pitch, j->scale);
    j->counts.shrunk++;
    return n - pitch;
}

/* What waits is said at once, without what is missing or silent between. True: nothing waits any more. */
static bool hurried(struct jn_jbuf *j, int16_t *out, unsigned *n)
{
    *n = 0;
    jn_playout_drop_passed(j);
    while (j->waiting != 0) {
        int64_t gap = jn_slot_t(j, jn_slot_at(j, 0)) - j->play;
        if (gap > 0) {
            jn_playout_break(j);
            jn_playout_jump(j, j->play + gap);
        }
        unsigned got = jn_store_peek(j, out + *n, JN_JBUF_END_MAX * j->scale - *n);
        if (got == 0)
            break;
        jn_playout_good(j, out + *n, got);
        jn_playout_use(j, got);
        *n += got;
    }
    return j->waiting == 0;
}

/* What waits is said, one pitch period less of it while the listener would gain. gain: samples by which it would, were
 * all of it said as it is. */
static bool last_words(struct jn_jbuf *j, int16_t *out, unsigned *n, bool hurry, uint64_t now_ns)
{
    int16_t x[JN_JBUF_END_MAX * JN_SCALE_MAX];
    unsigned period = jn_period(j);
    int64_t gain = jn_samples(j, j->gain_ns + jn_playout_lag(j, j->play, now_ns)), near = NEAR * j->scale;

    if (hurry) {
        bool over = hurried(j, out, n);
        j->gain_ns = jn_ns(j, gain);
        return over;
    }
    unsigned wait = jn_store_peek(j, x, JN_JBUF_END_MAX * j->scale);
    bool gap = j->waiting != 0 && j->play + wait != j->end, much = wait >= period + JN_PITCH_MAX * j->scale,
         late = wait == 0 && j->gain_ns < jn_ns(j, period);

    if (gap || (gain > near && (much || late))) {
        jn_jbuf_get(j, out, now_ns);
        *n = period;
        return false;
    }
    *n = squeeze(j, out, x, wait, gain);
    jn_playout_good(j, out, *n);
    jn_playout_use(j, wait);
    gain -= wait - *n;
    if (gain > near) {
        j->gain_ns -= jn_ns(j, (int64_t)period - *n);
        return false;
    }
    j->gain_ns = jn_ns(j, gain);
    return true;
}

bool jn_jbuf_end(struct jn_jbuf *j, int16_t *out, unsigned *n, struct jn_jbuf_line *line, bool hurry, uint64_t now_ns)
{
    j->ending = true;
    *n = 0;
    *line = (struct jn_jbuf_line){.known = false};
    if (j->following) /* nothing was played since: the listener's line is still the sender's */
        return true;
    if (!j->playing) {
        if (j->waiting == 0) {
            j->gain_ns = 0;
            return true;
        }
        jn_jbuf_get(j, out, now_ns); /* it begins at once: nothing is waited for any more */
        *n = jn_period(j);
        return false;
    }
    if (j->settling != 0)
        jn_turn_refine(j);
    jn_playout_settle(j, now_ns);
    if (!last_words(j, out, n, hurry, now_ns))
        return false;
    *line = (struct jn_jbuf_line){.ext_seq = j->newest_seq + 1};
    line->known = jn_jbuf_at(j, &line->ts);
    j->playing = j->ending = false;
    return true;
}
