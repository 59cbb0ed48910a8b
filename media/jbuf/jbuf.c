/* Jbuf: the frames that wait, in order of time. Taking them in is here; playing them out is in playout.c, what the
 * depth should be in delay.c, invented sound in plc.c. */
#include "media/jbuf/state.h"
#include <errno.h>
#include <string.h>

enum { SEQ_JUMP = 100 };
static const int64_t ahead_ns = 1000000000;

size_t jn_jbuf_size(void)
{
    return sizeof(struct jn_jbuf);
}

void jn_jbuf_forget(struct jn_jbuf *j)
{
    for (unsigned i = 0; i < j->waiting; i++)
        if (!jn_slot_at(j, i)->touched)
            j->counts.skipped++;
    j->waiting = 0;
    for (unsigned i = 0; i < JN_JBUF_FRAMES; i++)
        j->order[i] = (uint8_t)i;
    j->playing = j->played = j->known = j->noise_on = j->suspect = false;
    j->seen = 0;
    j->held = j->settling = 0;
    j->gain_ns = 0;
    j->following = j->hasty = j->ending = j->align = false;
    jn_delay_reset(&j->delay);
}

struct jn_jbuf *jn_jbuf_init(void *memory, const struct jn_jbuf_config *c)
{
    struct jn_jbuf *j = memory;
    memset(j, 0, sizeof *j);
    j->min_ns = c->min_ms * NS_PER_MS;
    j->max_ns = (c->max_ms < c->min_ms ? c->min_ms : c->max_ms) * NS_PER_MS;
    j->start_ns = c->start_ms * NS_PER_MS;
    j->start_ns = j->start_ns < j->min_ns ? j->min_ns : j->start_ns > j->max_ns ? j->max_ns : j->start_ns;
    jn_jbuf_forget(j);
    jn_plc_reset(&j->plc);
    return j;
}

void jn_jbuf_reset(struct jn_jbuf *j)
{
    jn_jbuf_forget(j);
    j->heard = false;
    jn_plc_reset(&j->plc);
    jn_plc_break(&j->plc);
}

const struct jn_jbuf_counts *jn_jbuf_counts(const struct jn_jbuf *j)
{
    return &j->counts;
}

unsigned jn_jbuf_depth_ms(const struct jn_jbuf *j)
{
    if (j->waiting == 0)
        return 0;
    int64_t from = jn_slot_at(j, 0)->ts;
    if (j->playing && j->play > from)
        from = j->play;
    int64_t n = j->end - from;
    return n > 0 ? (unsigned)(n / 8) : 0;
}

/* Gives up the time line: the source moved its clock or sequence. */
static void resync(struct jn_jbuf *j)
{
    j->counts.resync++;
    jn_jbuf_forget(j);
    jn_plc_break(&j->plc);
}

/* Says whether f belongs to another time line than what came before. One frame that lies far in the future may be
 * damage; a second one, or a marker, is believed. */
static bool another_line(struct jn_jbuf *j, const struct jn_frame *f, int64_t ts, bool *refuse)
{
    bool newer = f->ext_seq > j->newest_seq;
    uint64_t jump = newer ? f->ext_seq - j->newest_seq : j->newest_seq - f->ext_seq;
    *refuse = false;
    if (!newer && jump > SEQ_JUMP)
        return true;
    if (newer && ts < j->newest_ts)
        return true; /* sequence went on, time went back */
    int64_t transit = (int64_t)f->at_ns - ts * NS_PER_SAMPLE;
    if (!newer || transit > j->delay.base_ns - ahead_ns) {
        j->suspect = false;
        return false;
    }
    *refuse = !f->marker && jump <= SEQ_JUMP && !j->suspect;
    j->suspect = true;
    return true;
}

/* True if that frame was here before; notes it otherwise. */
static bool seen_before(struct jn_jbuf *j, uint64_t seq)
{
    if (seq > j->newest_seq) {
        uint64_t step = seq - j->newest_seq;
        j->seen = step < 64 ? j->seen << step | 1 : 1;
        return false;
    }
    uint64_t back = j->newest_seq - seq;
    if (back >= 64)
        return false; /* too old to know; late anyway */
    uint64_t bit = UINT64_C(1) << back;
    bool before = j->seen & bit;
    j->seen |= bit;
    return before;
}

static void insert(struct jn_jbuf *j, const struct jn_frame *f, int64_t ts)
{
    unsigned at = j->waiting;
    uint8_t slot = j->order[at];
    for (; at > 0 && jn_slot_at(j, at - 1)->ts > ts; at--)
        j->order[at] = j->order[at - 1];
    j->order[at] = slot;
    struct jn_slot *s = &j->slot[slot];
    s->ts = ts;
    s->seq = f->ext_seq;
    s->codec = f->codec;
    s->cn = f->cn;
    s->len = f->cn ? 0 : f->len;
    s->level = f->cn ? f->payload[0] & 0x7f : 0;
    s->touched = false;
    if (!f->cn)
        memcpy(s->payload, f->payload, f->len);
    if (j->waiting == 0 || ts + s->len > j->end)
        j->end = ts + s->len;
    j->waiting++;
    j->counts.in++;
}

int jn_jbuf_put(struct jn_jbuf *j, const struct jn_frame *f)
{
    if (f->len == 0 || f->len > JN_FRAME_MAX || f->codec >= JN_CODEC_N) {
        j->counts.bad++;
        return -EINVAL;
    }
    int64_t ts = f->ts;
    if (j->known) {
        ts = j->newest_ts + (int32_t)(f->ts - (uint32_t)j->newest_ts);
        bool refuse;
        if (another_line(j, f, ts, &refuse)) {
            if (refuse) {
                j->counts.bad++;
                return -EINVAL;
            }
            resync(j);
            ts = f->ts;
        }
    }
    if (!j->known) {
        j->known = true;
        j->play = ts;
        j->newest_seq = f->ext_seq;
        j->newest_ts = ts;
        j->seen = 1;
    } else if (seen_before(j, f->ext_seq)) {
        j->counts.duplicate++;
        return -EEXIST;
    }
    if (f->ext_seq >= j->newest_seq) {
        j->newest_seq = f->ext_seq;
        j->newest_ts = ts;
    }
    jn_delay_take(&j->delay, (int64_t)f->at_ns, ts * NS_PER_SAMPLE);
    if (j->played && ts + (f->cn ? 1 : f->len) <= j->play) {
        j->counts.late++;
        return -ETIME;
    }
    if (j->waiting == JN_JBUF_FRAMES) {
        j->counts.full++;
        return -ENOSPC;
    }
    insert(j, f, ts);
    return 0;
}
