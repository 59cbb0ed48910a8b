/* Tape: each frame as it was received, and the events that export needs, gathered in the room's chunk. A chunk that is
 * full, or old enough, goes to the recorder; where there is no other, frames are missing, counted and told by an
 * OVERFLOW event. Events have room of their own in each chunk.
 *
 * The worker reads nothing of what it writes here, and all chunks together are more than its caches hold: whole lines
 * go past them. */
#include "media/codec/codec.h"
#include "media/stream/state.h"
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* A chunk goes when it is so old: what kill -9 loses is at most this, the recorder's look and its flush. */
static const uint64_t age_ns = 300 * NS_PER_MS;
#define SIX_BYTES UINT64_C(0xffffffffffff)

static void unlink_room(struct jn_plane *p, struct jn_tape *t)
{
    if (t->older)
        p->room[t->older - 1].tape.newer = t->newer;
    else
        p->tape_oldest = t->newer;
    if (t->newer)
        p->room[t->newer - 1].tape.older = t->older;
    else
        p->tape_newest = t->older;
}

/* n bytes, filled with zeros to `size`, a multiple of 16; to: aligned to that. past: not into the cache. */
static inline void write_out(uint8_t *to, const uint8_t *from, uint32_t n, uint32_t size, bool past)
{
#if defined(__SSE2__)
    if (past) {
        uint32_t i = 0;
        for (; i + 16 <= n; i += 16)
            _mm_stream_si128((__m128i *)(void *)(to + i), _mm_loadu_si128((const __m128i *)(const void *)(from + i)));
        for (; i < size; i += 16) {
            uint8_t rest[16] = {0};
            memcpy(rest, from + i, i < n ? n - i : 0);
            _mm_stream_si128((__m128i *)(void *)(to + i), _mm_loadu_si128((const __m128i *)(const void *)rest));
        }
        return;
    }
#endif
    (void)past;
    memcpy(to, from, n);
    memset(to + n, 0, size - n);
}

/* Word by word: two words read as one just after would be waited for. */
static inline void write_words(uint8_t *to, const uint64_t w[static 4], bool past)
{
#if defined(__SSE2__) && defined(__x86_64__)
    if (past) {
        for (unsigned i = 0; i < 4; i++)
            _mm_stream_si64((long long *)(void *)to + i, (long long)w[i]);
        return;
    }
#endif
    (void)past;
    memcpy(to, w, JN_REC_STEP);
}

/* What went past the caches is seen before what follows. */
static inline void written_out(void)
{
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

/* struct jn_rec_record, whose tail begins in the middle of a word, in words: written bytewise and read as a whole it
 * would be waited for. */
static inline void record_words(uint64_t w[static 4], const struct jn_rec_record *r, uint64_t tail, uint32_t tail_end)
{
    w[0] = r->kind | (uint64_t)r->track << 8 | (uint64_t)r->codec << 16 | (uint64_t)r->event << 24 |
           (uint64_t)r->flags << 32 | (uint64_t)r->len << 48;
    w[1] = (uint32_t)r->at_us | (uint64_t)r->rtp_ts << 32;
    w[2] = r->ssrc | tail << 32;
    w[3] = tail >> 32 | (uint64_t)tail_end << 32;
}

static void begin(struct jn_plane *p, struct jn_room *r, struct jn_rec_chunk *c, uint64_t now_ns)
{
    struct jn_tape *t = &r->tape;
    uint32_t me = (uint32_t)(r - p->room) + 1;

    t->chunk = c;
    t->begin_ns = now_ns;
    t->begin_us = jn_time_at(p, now_ns);
    t->before = t->frames;
    t->used = t->events = 0;
    t->older = p->tape_newest;
    t->newer = 0;
    if (t->older)
        p->room[t->older - 1].tape.newer = me;
    else
        p->tape_oldest = me;
    p->tape_newest = me;
}

static void hand_over(struct jn_plane *p, struct jn_tape *t)
{
    struct jn_rec_chunk *c = t->chunk;

    unlink_room(p, t);
    c->call = t->call;
    c->tenant = t->tenant;
    c->begin_us = t->begin_us;
    c->begin_ns = t->begin_ns;
    c->used = t->used;
    c->frames = (uint32_t)(t->frames - t->before);
    c->events = t->events;
    c->worker = p->c.index;
    written_out();
    jn_rec_ring_give(p->rec, c);
    t->chunk = NULL;
}

/* Where `size` bytes go, so that `kept` stay free behind them; NULL: nowhere. */
static uint8_t *room_for(struct jn_plane *p, struct jn_room *r, uint32_t size, uint32_t kept, uint64_t now_ns)
{
    struct jn_tape *t = &r->tape;

    if (!t->chunk) {
        begin(p, r, jn_rec_ring_take_kept(p->rec), now_ns);
    } else if (t->used + size + kept > JN_CHUNK_ROOM) {
        struct jn_rec_chunk *next = jn_rec_ring_take(p->rec);
        if (!next)
            return NULL;
        hand_over(p, t);
        begin(p, r, next, now_ns);
    }
    uint8_t *at = t->chunk->body + t->used;
    t->used += size;
    return at;
}

static bool put_event(struct jn_plane *p, struct jn_room *r, uint8_t event, uint8_t track, uint64_t arg, uint32_t kept,
                      uint64_t now_ns)
{
    uint8_t *at = room_for(p, r, JN_REC_STEP, kept, now_ns);

    if (!at)
        return false;
    uint64_t w[JN_REC_STEP / 8];
    struct jn_rec_record rec = {.kind = JN_REC_EVENT, .event = event, .track = track};
    rec.at_us = (int32_t)((int64_t)(now_ns - r->tape.begin_ns) / 1000);
    record_words(w, &rec, arg, 0);
    write_words(at, w, false);
    r->tape.events++;
    p->counts.rec_items++;
    return true;
}

static void missed(struct jn_plane *p, struct jn_tape *t)
{
    t->missed++;
    t->missed_total++;
    p->counts.rec_overflow++;
}

void jn_tape_event(struct jn_plane *p, struct jn_room *r, uint8_t event, uint8_t track, uint64_t arg, uint64_t now_ns)
{
    if (r->tape.state != JN_TAPE_OFF && !put_event(p, r, event, track, arg, JN_CHUNK_LAST, now_ns))
        missed(p, &r->tape);
}

/* The payload as it may be kept, its length behind it; what is withheld as a whole is told by its duration. */
static uint16_t withheld(struct jn_tape *t, const struct jn_voice *v, const struct jn_in *in, uint8_t *kept,
                         uint8_t *flags)
{
    const struct jn_codec_ops *ops = jn_codec(in->codec);
    int units = ops && in->cls == JN_CLASS_AUDIO ? ops->duration(in->payload, in->len) : 0;
    uint16_t n = units > 0 ? (uint16_t)units : 0;
    bool g711 = in->codec == JN_CODEC_PCMU || in->codec == JN_CODEC_PCMA;
    uint32_t from, to;

    if (in->cls == JN_CLASS_DTMF && t->state != JN_TAPE_ON) /* digits are what is to be kept away first of all */
        *flags |= t->why;
    if (n == 0 || jn_tape_clear(t, v->track, in, n, ops->clock, &from, &to)) {
        memcpy(kept, in->payload, in->cls == JN_CLASS_AUDIO ? in->len : 0);
        return in->cls == JN_CLASS_AUDIO ? in->len : 0;
    }
    *flags |= t->why;
    if (!g711 || from == to) {
        memcpy(kept, &n, sizeof n);
        return sizeof n;
    }
    memcpy(kept, in->payload, in->len);
    jn_tape_cover(kept, from, in->codec, t->why, in->ext_seq * 2654435761u + in->ssrc);
    jn_tape_cover(kept + to, n - to, in->codec, t->why, in->ext_seq * 40503u + in->ssrc);
    return in->len;
}

void jn_tape_frame(struct jn_plane *p, struct jn_room *r, const struct jn_voice *v, const struct jn_in *in)
{
    struct jn_tape *t = &r->tape;
    uint8_t kept[JN_REC_PAYLOAD_MAX], flags = in->marker ? JN_RECF_MARKER : 0;
    const uint8_t *payload = in->payload;
    /* Every packet stands in the track, so that its sequence shows what the network lost; what is no sound (telephone
     * events, comfort noise) has its class in `event` and no payload. */
    uint16_t len = in->cls == JN_CLASS_AUDIO ? in->len : 0;

    if (t->state != JN_TAPE_ON || t->ending) {
        len = withheld(t, v, in, kept, &flags);
        payload = kept;
    }
    uint32_t size = jn_rec_bytes(len), first = t->missed ? JN_REC_STEP : 0;
    /* After an overflow: says how much is missing before anything else is written. */
    uint8_t *at = room_for(p, r, size + first, JN_CHUNK_KEPT, in->at_ns);
    if (!at) {
        missed(p, t);
        return;
    }
    if (first) {
        t->used -= size + first;
        put_event(p, r, JN_RECEV_OVERFLOW, 0, t->missed, 0, in->at_ns);
        t->used += size;
        t->missed = 0;
        at += first;
    }
    struct jn_rec_record rec = {.kind = JN_REC_FRAME,
                                .track = v->track,
                                .codec = in->codec,
                                .event = in->cls,
                                .flags = flags,
                                .len = len,
                                .at_us = (int32_t)((int64_t)(in->at_ns - t->begin_ns) / 1000),
                                .rtp_ts = in->ts,
                                .ssrc = in->ssrc};
    uint64_t w[JN_REC_STEP / 8];
    bool lines = (((uintptr_t)at | size) & 63) == 0; /* part of one would cost more than the cache */
    record_words(w, &rec, (in->ext_seq & SIX_BYTES) | v->leg << 48, (uint32_t)(v->leg >> 16));
    write_words(at, w, lines);
    write_out(at + sizeof w, payload, len, size - (uint32_t)sizeof w, lines);
    t->frames++;
    p->counts.rec_items++;
}

void jn_tape_due(struct jn_plane *p, uint64_t before_ns)
{
    while (p->tape_oldest) {
        struct jn_tape *t = &p->room[p->tape_oldest - 1].tape;
        if (t->begin_ns > before_ns || !jn_rec_ring_keep(p->rec))
            break; /* without another chunk to keep it stays: there would be no place for the recording's end */
        hand_over(p, t);
    }
}

void jn_tape_tick(struct jn_plane *p, uint64_t now_ns)
{
    if (p->tape_oldest && now_ns > age_ns)
        jn_tape_due(p, now_ns - age_ns);
}

static bool start(struct jn_plane *p, struct jn_room *r, const struct jn_order *o, uint64_t now_ns)
{
    if (!p->rec || !jn_rec_ring_keep(p->rec))
        return false;
    r->tape = (struct jn_tape){.call = o->record.call, .tenant = o->record.tenant, .state = JN_TAPE_ON};
    jn_tape_event(p, r, JN_RECEV_START, 0, 0, now_ns);
    for (unsigned i = 0; i < r->n; i++) {
        struct jn_voice *v = &p->voice[r->member[i]];
        const struct jn_play *play = jn_play_of(r, v);
        jn_tape_event(p, r, JN_RECEV_JOIN, v->track, v->leg, now_ns);
        v->hears_told = jn_room_hears(p, r, v);
        jn_tape_event(p, r, JN_RECEV_HEAR, v->track, v->hears_told, now_ns);
        if (play)
            jn_tape_event(p, r, JN_RECEV_PROMPT, v->track, (uint64_t)play->sound[play->at] << 32 | play->off, now_ns);
    }
    return true;
}

void jn_tape_stop(struct jn_plane *p, struct jn_room *r, uint64_t now_ns)
{
    struct jn_tape *t = &r->tape;

    if (t->state == JN_TAPE_OFF)
        return;
    if (t->missed > 0)
        put_event(p, r, JN_RECEV_OVERFLOW, 0, t->missed, JN_REC_STEP, now_ns);
    put_event(p, r, JN_RECEV_STOP, 0, t->frames, 0, now_ns);
    hand_over(p, t);
    t->state = JN_TAPE_OFF;
}

/* From one state of a running recording to another. */
static void change(struct jn_plane *p, struct jn_room *r, uint8_t to, uint64_t now_ns)
{
    static const struct {
        uint8_t begins, ends, why;
    } told[JN_TAPE_STATES] = {[JN_TAPE_PAUSED] = {JN_RECEV_PAUSE, JN_RECEV_UNPAUSE, JN_RECF_PAUSED},
                              [JN_TAPE_MASKED] = {JN_RECEV_MASK, JN_RECEV_UNMASK, JN_RECF_MASKED}};
    struct jn_tape *t = &r->tape;

    if (t->state != JN_TAPE_ON)
        jn_tape_event(p, r, told[t->state].ends, 0, 0, now_ns);
    if (to == JN_TAPE_ON) {
        jn_tape_withhold_end(t, now_ns);
    } else {
        jn_tape_event(p, r, told[to].begins, 0, 0, now_ns);
        if (t->state == JN_TAPE_ON)
            jn_tape_withhold(t, told[to].why, now_ns);
        t->why = told[to].why;
    }
    t->state = to;
}

bool jn_tape_order(struct jn_plane *p, struct jn_room *r, const struct jn_order *o, uint64_t now_ns)
{
    if (o->record.on >= JN_TAPE_STATES)
        return false;
    if (o->record.on == JN_TAPE_OFF) {
        jn_tape_stop(p, r, now_ns);
        return true;
    }
    if (r->tape.state == JN_TAPE_OFF)
        return o->record.on == JN_TAPE_ON && start(p, r, o, now_ns);
    if (o->record.on != r->tape.state)
        change(p, r, o->record.on, now_ns);
    return true;
}
