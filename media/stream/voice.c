/* Voice: frames into a room (recorded, straight on, or into the jitter buffer) and out of it to the port half. */
#include "media/stream/state.h"
#include <errno.h>
#include <string.h>

void jn_voice_out(struct jn_plane *p, struct jn_voice *v, const struct jn_out *o, uint64_t now_ns)
{
    if (v->leg_at != JN_NONE) {
        jn_leg_out(p, &p->leg[v->leg_at], o, now_ns);
        return;
    }
    jn_link_out(p, v, o);
}

/* An event's duration in another clock (RFC 4733 2.3): as long as can be said. */
static void rescale(uint8_t out[4], const uint8_t in[4], unsigned from, unsigned to)
{
    uint32_t duration = ((uint32_t)in[2] << 8 | in[3]) * to / from;

    duration = duration < UINT16_MAX ? duration : UINT16_MAX;
    memcpy(out, in, 2);
    out[2] = (uint8_t)(duration >> 8);
    out[3] = (uint8_t)duration;
}

/* Into a mix a digit goes as what it is, to everybody who hears who pressed it. */
static void digits(struct jn_plane *p, struct jn_room *r, struct jn_voice *v, const struct jn_in *in, uint64_t now_ns)
{
    struct jn_out o = {.ts = in->ts, .len = in->len, .cls = JN_CLASS_DTMF, .payload = in->payload};
    uint8_t event[4];

    for (unsigned i = 0; i < r->n; i++) {
        struct jn_voice *to = &p->voice[r->member[i]];
        if (!jn_seat_reaches(v, to))
            continue;
        o.payload = in->payload;
        if (to->scale != v->scale && in->len == sizeof event) {
            rescale(event, in->payload, v->scale, to->scale);
            o.payload = event;
        }
        jn_voice_out(p, to, &o, now_ns);
    }
}

static enum jn_drop why(int rc)
{
    switch (rc) {
    case -ETIME:
        return JN_DROP_LATE;
    case -EEXIST:
        return JN_DROP_DUPLICATE;
    case -ENOSPC:
        return JN_DROP_FULL;
    default:
        return JN_DROP_SHORT;
    }
}

struct jn_frame jn_frame_of(const struct jn_in *in)
{
    return (struct jn_frame){.ext_seq = in->ext_seq,
                             .at_ns = in->at_ns,
                             .ts = in->ts,
                             .len = in->len,
                             .codec = in->codec,
                             .marker = in->marker,
                             .cn = in->cls == JN_CLASS_CN,
                             .payload = in->payload};
}

void jn_voice_in(struct jn_plane *p, struct jn_voice *v, const struct jn_in *in, uint64_t now_ns)
{
    struct jn_room *r = &p->room[v->room];

    if (r->tape.state != JN_TAPE_OFF)
        jn_tape_frame(p, r, v, in);
    if (jn_flow_in(p, v, in, now_ns))
        return;
    if (in->cls == JN_CLASS_DTMF) {
        digits(p, r, v, in, now_ns);
        return;
    }
    if (!v->audible || !jn_seat_take(p, r, v, in)) /* nobody hears it: nothing waits, nothing is decoded */
        return;
    if (in->restarts != v->restarts) {
        jn_jbuf_reset(v->jb);
        v->restarts = in->restarts;
    }
    struct jn_frame f = jn_frame_of(in);
    int rc = jn_jbuf_put(v->jb, &f);
    if (rc < 0)
        p->counts.drops[why(rc)]++;
    else if (in->level != JN_LEVEL_UNKNOWN)
        jn_seat_claim(v, in);
}

/* The plane counts what its own jitter buffers did. */
static void count(struct jn_plane *p, const struct jn_link_stats *s)
{
    p->counts.stretched += s->stretched;
    p->counts.shrunk += s->shrunk;
    p->counts.resynced += s->resynced;
    p->counts.skipped += s->skipped;
    p->counts.undecoded += s->undecoded;
}

void jn_voice_tell(struct jn_plane *p, struct jn_voice *v)
{
    const struct jn_jbuf_counts *c = jn_jbuf_counts(v->jb);
    const struct jn_link_stats *told = &v->told, now = {.late = c->late,
                                                        .duplicate = c->duplicate,
                                                        .concealed = c->concealed,
                                                        .stretched = c->stretched,
                                                        .shrunk = c->shrunk,
                                                        .resynced = c->resync,
                                                        .skipped = c->skipped,
                                                        .undecoded = c->broken};
    struct jn_link_stats s = {.late = now.late - told->late,
                              .duplicate = now.duplicate - told->duplicate,
                              .concealed = now.concealed - told->concealed,
                              .stretched = now.stretched - told->stretched,
                              .shrunk = now.shrunk - told->shrunk,
                              .resynced = now.resynced - told->resynced,
                              .skipped = now.skipped - told->skipped,
                              .undecoded = now.undecoded - told->undecoded};

    if ((s.late | s.duplicate | s.concealed) == 0) { /* nothing for the port half */
        count(p, &s);
        v->told = now;
        return;
    }
    if (v->leg_at != JN_NONE) {
        jn_leg_add_stats(&p->leg[v->leg_at], &s);
        count(p, &s);
        v->told = now;
        return;
    }
    struct jn_link_msg *m = &p->scratch;
    m->kind = JN_LINK_STATS;
    m->leg = v->leg;
    m->room = p->room[v->room].id;
    m->stats = s;
    if (jn_link_send(p, v->leg_worker, m)) {
        count(p, &s);
        v->told = now;
    }
}
