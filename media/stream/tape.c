/* Tape: the recording tap of a room: each frame as it was received, and the events that export needs. A full mailbox
 * costs frames, counted and told by an OVERFLOW event; events have places of their own. */
#include "media/stream/state.h"
#include <string.h>

enum { OFF, ON, PAUSED };

void jn_tape_keep_places(struct jn_plane *p)
{
    if (!p->items)
        return;
    uint64_t most = (p->items->mask + 1) / 8; /* a small mailbox keeps most of its places for sound */
    most = most < JN_ITEM_POOL ? most : JN_ITEM_POOL;
    while (p->item_pool < most && jn_mailbox_reserve(p->items) == 0)
        p->item_pool++;
}

static struct jn_rec_item event_item(const struct jn_plane *p, const struct jn_room *r, uint8_t event, uint8_t track,
                                     uint64_t arg, uint64_t now_ns)
{
    struct jn_rec_item it;

    memset(&it, 0, sizeof it);
    it.call = r->tape.call;
    it.tenant = r->tape.tenant;
    it.at_us = jn_time_at(p, now_ns);
    it.arg = arg;
    it.kind = JN_REC_EVENT;
    it.event = event;
    it.track = track;
    it.worker = p->c.index;
    return it;
}

void jn_tape_event(struct jn_plane *p, struct jn_room *r, uint8_t event, uint8_t track, uint64_t arg, uint64_t now_ns)
{
    if (r->tape.state == OFF)
        return;
    struct jn_rec_item it = event_item(p, r, event, track, arg, now_ns);
    if (jn_mailbox_send(p->items, &it) < 0) {
        if (p->item_pool == 0) {
            r->tape.missed++;
            r->tape.missed_total++;
            p->counts.rec_overflow++;
            return;
        }
        p->item_pool--;
        jn_mailbox_send_reserved(p->items, &it);
    }
    p->counts.rec_items++;
}

/* After an overflow: says how much is missing before anything else is written. False while there is no room even for
 * that. */
static bool confess(struct jn_plane *p, struct jn_room *r, uint64_t now_ns)
{
    if (r->tape.missed == 0)
        return true;
    struct jn_rec_item it = event_item(p, r, JN_RECEV_OVERFLOW, 0, r->tape.missed, now_ns);
    if (jn_mailbox_send(p->items, &it) < 0)
        return false;
    r->tape.missed = 0;
    p->counts.rec_items++;
    return true;
}

void jn_tape_frame(struct jn_plane *p, struct jn_room *r, const struct jn_voice *v, const struct jn_in *in)
{
    struct jn_tape *t = &r->tape;
    struct jn_rec_item it;

    /* Every packet stands in the track, so that its sequence shows what the network lost; what is no sound (telephone
     * events, comfort noise) has its class in `event` and no payload. */
    it.call = t->call;
    it.tenant = t->tenant;
    it.at_us = jn_time_at(p, in->at_ns);
    it.arg = v->leg;
    it.rtp_ts = in->ts;
    it.ssrc = in->ssrc;
    it.seq = in->ext_seq;
    it.len = in->cls == JN_CLASS_AUDIO ? in->len : 0;
    it.kind = JN_REC_FRAME;
    it.track = v->track;
    it.codec = in->codec;
    it.event = in->cls;
    it.worker = p->c.index;
    it.marker = in->marker;
    memcpy(it.payload, in->payload, it.len);
    memset(it.payload + it.len, 0, sizeof it.payload - it.len);
    if (!confess(p, r, in->at_ns) || jn_mailbox_send(p->items, &it) < 0) {
        t->missed++;
        t->missed_total++;
        p->counts.rec_overflow++;
        return;
    }
    t->frames++;
    p->counts.rec_items++;
}

static bool start(struct jn_plane *p, struct jn_room *r, const struct jn_order *o, uint64_t now_ns)
{
    if (!p->items || jn_mailbox_reserve(p->items) < 0)
        return false;
    if (jn_mailbox_reserve(p->items) < 0) {
        jn_mailbox_unreserve(p->items);
        return false;
    }
    r->tape = (struct jn_tape){.call = o->record.call, .tenant = o->record.tenant, .state = ON};
    jn_tape_event(p, r, JN_RECEV_START, 0, 0, now_ns);
    for (unsigned i = 0; i < r->n; i++) {
        const struct jn_voice *v = &p->voice[r->member[i]];
        const struct jn_play *play = jn_play_of(r, v);
        jn_tape_event(p, r, JN_RECEV_JOIN, v->track, v->leg, now_ns);
        jn_tape_event(p, r, JN_RECEV_HEAR, v->track, jn_room_hears(p, r, v), now_ns);
        if (play)
            jn_tape_event(p, r, JN_RECEV_PROMPT, v->track, (uint64_t)play->sound[play->at] << 32 | play->off, now_ns);
    }
    return true;
}

void jn_tape_stop(struct jn_plane *p, struct jn_room *r, uint64_t now_ns)
{
    struct jn_rec_item it;

    if (r->tape.state == OFF)
        return;
    if (r->tape.missed > 0) {
        it = event_item(p, r, JN_RECEV_OVERFLOW, 0, r->tape.missed, now_ns);
        jn_mailbox_send_reserved(p->items, &it);
        p->counts.rec_items++;
    } else {
        jn_mailbox_unreserve(p->items);
    }
    it = event_item(p, r, JN_RECEV_STOP, 0, r->tape.frames, now_ns);
    jn_mailbox_send_reserved(p->items, &it);
    p->counts.rec_items++;
    r->tape.state = OFF;
}

bool jn_tape_order(struct jn_plane *p, struct jn_room *r, const struct jn_order *o, uint64_t now_ns)
{
    switch (o->record.on) {
    case OFF:
        jn_tape_stop(p, r, now_ns);
        return true;
    case ON:
        if (r->tape.state == OFF)
            return start(p, r, o, now_ns);
        if (r->tape.state == PAUSED) {
            jn_tape_event(p, r, JN_RECEV_UNPAUSE, 0, 0, now_ns);
            r->tape.state = ON;
        }
        return true;
    case PAUSED:
        if (r->tape.state == ON) {
            jn_tape_event(p, r, JN_RECEV_PAUSE, 0, 0, now_ns);
            r->tape.state = PAUSED;
        }
        return r->tape.state == PAUSED;
    default:
        return false;
    }
}
