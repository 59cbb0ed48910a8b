/* Jbuf: the frames that wait, in order of time. Taking them in is here; where their sound lies is in store.c, playing
 * it out in playout.c, what the depth should be in delay.c, invented sound in plc.c. */
#include "media/jbuf/state.h"
#include <errno.h>
#include <string.h>

enum { SEQ_JUMP = 100, DEPTH_MAX_MS = 200 };
static const int64_t ahead_ns = 1000000000;

static uint32_t rate_of(const struct jn_codec_ops *ops, uint32_t rate)
{
    return rate != 0 ? rate : ops->rate;
}

/* The codec can give sound at that rate. */
static bool fits(const struct jn_codec_ops *ops, uint32_t rate)
{
    return ops != NULL && (rate == 8000 || rate == 16000 || rate == 48000) &&
           (rate == ops->rate || ops->decoder_bytes(rate) != 0);
}

size_t jn_jbuf_size(uint8_t codec, uint32_t rate)
{
    const struct jn_codec_ops *ops = jn_codec(codec);

    if (ops == NULL || !fits(ops, rate_of(ops, rate)))
        return 0;
    size_t more = jn_store_bytes(codec, rate_of(ops, rate));
    return more != 0 ? sizeof(struct jn_jbuf) + more : 0;
}

void jn_jbuf_forget(struct jn_jbuf *j)
{
    for (unsigned i = 0; i < j->waiting; i++)
        if ((jn_slot_at(j, i)->len & SLOT_TOUCHED) == 0)
            j->counts.skipped++;
    j->waiting = 0;
    j->playing = j->played = j->known = j->noise_on = j->suspect = j->overrun = false;
    j->seen = 0;
    j->held = j->settling = 0;
    j->gain_ns = 0;
    j->following = j->hasty = j->ending = j->align = false;
    jn_delay_reset(&j->delay, &j->past);
    jn_store_reset(j, false);
}

struct jn_jbuf *jn_jbuf_init(void *memory, const struct jn_jbuf_config *c)
{
    struct jn_jbuf *j = memory;
    const struct jn_codec_ops *ops = jn_codec(c->codec);

    if (jn_jbuf_size(c->codec, c->rate) == 0)
        return NULL;
    memset(j, 0, sizeof *j);
    uint32_t rate = rate_of(ops, c->rate);
    j->max_ms = (uint8_t)(c->max_ms < DEPTH_MAX_MS ? c->max_ms : DEPTH_MAX_MS);
    j->most_ms = j->max_ms;
    j->min_ms = c->min_ms < j->max_ms ? c->min_ms : j->max_ms;
    j->start_ms = c->start_ms < j->min_ms ? j->min_ms : c->start_ms > j->max_ms ? j->max_ms : c->start_ms;
    j->fixed = c->fixed;
    j->scale = (uint8_t)(rate / 8000);
    j->up = (uint8_t)(rate > ops->clock ? rate / ops->clock : 1);
    j->down = (uint8_t)(rate < ops->clock ? ops->clock / rate : 1);
    j->ahead = (uint16_t)(JN_JBUF_WINDOW_MS * 8 * j->scale);
    j->framed = c->codec > JN_CODEC_PCMA;
    j->alaw = c->codec == JN_CODEC_PCMA;
    if (jn_store_init(j, ops, rate) < 0)
        return NULL;
    jn_jbuf_forget(j);
    jn_plc_reset(&j->plc, j->scale);
    return j;
}

void jn_jbuf_reset(struct jn_jbuf *j)
{
    jn_jbuf_forget(j);
    jn_store_reset(j, true);
    j->heard = false;
    j->from = j->play;
    jn_plc_reset(&j->plc, j->scale);
    j->busy = false;
    jn_playout_break(j);
}

const struct jn_jbuf_counts *jn_jbuf_counts(const struct jn_jbuf *j)
{
    return &j->counts;
}

bool jn_jbuf_at(const struct jn_jbuf *j, uint32_t *ts)
{
    *ts = j->newest_ts + (uint32_t)((j->play - j->newest_t) * j->down / j->up);
    return j->playing;
}

unsigned jn_jbuf_depth_ms(const struct jn_jbuf *j)
{
    if (j->waiting == 0)
        return 0;
    int64_t from = jn_slot_t(j, &j->slot[j->head]);
    if (j->playing && j->play > from)
        from = j->play;
    int64_t n = j->end - from;
    return n > 0 ? (unsigned)(n / (8 * j->scale)) : 0;
}

static void prefetch(const uint8_t *ring, unsigned at, int write)
{
    for (unsigned i = 0; i <= JN_SAMPLES_20MS; i += 64)
        if (write)
            __builtin_prefetch(ring + (at + i) % JN_RING, 1);
        else
            __builtin_prefetch(ring + (at + i) % JN_RING, 0);
}

void jn_jbuf_prefetch_put(const struct jn_jbuf *j)
{
    __builtin_prefetch(&j->slot[(j->head + j->waiting) % JN_SLOTS], 1);
    __builtin_prefetch(&j->past.bin[0], 1);
    if (!j->framed)
        prefetch(j->ring, (unsigned)j->end, 1);
}

void jn_jbuf_prefetch_get(const struct jn_jbuf *j)
{
    __builtin_prefetch(&j->slot[j->head], 1);
    if (!j->framed)
        prefetch(j->ring, (unsigned)j->play, 0);
}

/* Gives up the time line: the source moved its clock or sequence. What follows is reckoned on from here. */
static void resync(struct jn_jbuf *j)
{
    int64_t end = j->waiting != 0 && j->end > j->play ? j->end : j->play + j->held;

    j->counts.resync++;
    jn_playout_break(j);
    jn_jbuf_forget(j);
    jn_playout_jump(j, end);
}

/* Says whether f belongs to another time line than what came before. One frame that lies far in the future may be
 * damage; a second one, or a marker, is believed. */
static bool another_line(struct jn_jbuf *j, const struct jn_frame *f, int64_t t, bool *refuse)
{
    bool newer = f->ext_seq > j->newest_seq;
    uint64_t jump = newer ? f->ext_seq - j->newest_seq : j->newest_seq - f->ext_seq;
    *refuse = false;
    if (!newer && jump > SEQ_JUMP)
        return true;
    if (newer && t < j->newest_t)
        return true; /* sequence went on, time went back */
    int64_t transit = (int64_t)f->at_ns - jn_ns(j, t);
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

/* What ends beyond the window pushes out what is oldest. */
static void make_room(struct jn_jbuf *j, int64_t t, unsigned len)
{
    int64_t from = j->waiting != 0 ? jn_slot_t(j, jn_slot_at(j, 0)) : t;

    if (from > t)
        from = t;
    if (j->playing || (j->played && j->play > from))
        from = j->play;
    int64_t to = t + len - j->ahead;
    if (to <= from)
        return;
    jn_playout_break(j);
    jn_playout_jump(j, to);
    j->counts.resync += !j->overrun;
    j->overrun = true;
    jn_playout_drop_passed(j);
}

static int insert(struct jn_jbuf *j, const struct jn_frame *f, int64_t t, unsigned len)
{
    make_room(j, t, len);
    if (j->waiting == JN_SLOTS)
        return -ENOSPC;
    unsigned at = j->waiting, index;
    for (; at > 0 && jn_slot_t(j, jn_slot_at(j, at - 1)) > t; at--)
        jn_store_move(j, (j->head + at) % JN_SLOTS, (j->head + at - 1) % JN_SLOTS);
    index = (j->head + at) % JN_SLOTS;
    int rc = jn_store_frame(j, index, f, t);
    if (rc < 0) {
        for (; at < j->waiting; at++)
            jn_store_move(j, (j->head + at) % JN_SLOTS, (j->head + at + 1) % JN_SLOTS);
        return rc;
    }
    j->slot[index] = (struct jn_slot){.t = (uint32_t)t,
                                      .seq = (uint16_t)f->ext_seq,
                                      .len = (uint16_t)(f->cn ? SLOT_CN | (f->payload[0] & 0x7f) : len)};
    if (j->waiting == 0 || t + len > j->end)
        j->end = t + len;
    j->waiting++;
    j->counts.in++;
    return 0;
}

/* The time of a frame on our own line. */
static int64_t time_of(const struct jn_jbuf *j, const struct jn_frame *f)
{
    int64_t d = (int64_t)(int32_t)(f->ts - j->newest_ts) * j->up;

    return j->newest_t + (j->down == 1 ? d : d / j->down);
}

/* Frames of another length: with one of them in it the window holds that depth. */
static void longer(struct jn_jbuf *j, int len)
{
    int room_ms = (j->ahead - len) / (8 * j->scale);

    j->frame_len = (uint16_t)len;
    j->most_ms = (uint16_t)(j->max_ms < room_ms ? j->max_ms : room_ms);
}

static int refuse(uint32_t *count, int why)
{
    ++*count;
    return why;
}

int jn_jbuf_put(struct jn_jbuf *j, const struct jn_frame *f)
{
    int len = f->len == 0 || f->len > JN_FRAME_MAX ? -EINVAL : f->cn ? 0 : jn_store_duration(j, f);
    bool bad = len < 0;

    if (bad)
        return refuse(&j->counts.bad, -EINVAL);
    int64_t t = 0;
    if (j->known) {
        t = time_of(j, f);
        if (another_line(j, f, t, &bad)) {
            if (bad)
                return refuse(&j->counts.bad, -EINVAL);
            resync(j);
        }
    }
    if (!j->known) {
        j->known = true;
        t = j->play;
        j->newest_seq = f->ext_seq;
        j->newest_ts = f->ts;
        j->newest_t = t;
        j->seen = 1;
    } else if (seen_before(j, f->ext_seq)) {
        return refuse(&j->counts.duplicate, -EEXIST);
    }
    if (f->ext_seq >= j->newest_seq) {
        j->newest_seq = f->ext_seq;
        j->newest_ts = f->ts;
        j->newest_t = t;
    }
    if (len != j->frame_len)
        longer(j, len);
    jn_delay_take(&j->delay, &j->past, (int64_t)f->at_ns, jn_ns(j, t));
    if (j->played && t + (f->cn ? 1 : len) <= j->play)
        return refuse(&j->counts.late, -ETIME);
    int rc = insert(j, f, t, (unsigned)len);
    return rc < 0 ? refuse(&j->counts.full, rc) : 0;
}
