/* Act voice, media: legs and rooms on workers. Every order that ends something has a place kept for it when the thing
 * was begun: used once, or given back once. */
#include "engine/act/act_voice_call.h"
#include "engine/base/log.h"
#include "engine/base/rand.h"
#include "media/record/item.h"
#include <errno.h>
#include <string.h>

static int give_order(struct jn_act_voice *v, unsigned worker, const struct jn_order *o)
{
    int rc = v->ports.order(v->ports.arg, worker, o);
    if (rc)
        v->counts.orders_refused++;
    return rc;
}

static struct jn_order order_for(const struct call *c, const struct leg *l, enum jn_order_kind kind)
{
    return (struct jn_order){.kind = (uint8_t)kind,
                             .leg_worker = l ? l->worker : c->home,
                             .room_worker = c->home,
                             .token = l ? l->id : c->ix,
                             .leg = l ? l->id : 0,
                             .room = c->ix};
}

int voice_room_order(struct jn_act_voice *v, const struct call *c, struct jn_order *o)
{
    o->room = c->ix;
    o->room_worker = c->home;
    return give_order(v, c->home, o);
}

static bool has_time(const struct jn_act_voice *v, unsigned worker)
{
    return !v->ports.load || v->c.admit_load == 0 || v->ports.load(v->ports.arg, worker) < v->c.admit_load;
}

unsigned voice_pick_worker(const struct jn_act_voice *v)
{
    unsigned best = 0;
    bool idle = has_time(v, 0);

    for (unsigned w = 1; w < v->c.workers; w++) {
        bool now = has_time(v, w);
        if (now == idle ? v->worker_legs[w] < v->worker_legs[best] : now) {
            best = w;
            idle = now;
        }
    }
    return best;
}

int voice_admit(struct jn_act_voice *v)
{
    if (has_time(v, voice_pick_worker(v)))
        return v->ports.admit(v->ports.arg);
    v->counts.overloaded++;
    return -EBUSY;
}

/* A leg's own worker: LEG_CLOSE and ROOM_LEAVE, the caller's also ROOM_CLOSE. An agent elsewhere: ROOM_LEAVE at home.
 */
static int keep_places(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    bool first = !c->kept_room && !c->room;
    unsigned own = first ? 3 : 2, home = l->worker == c->home ? 0 : 1;
    if (v->ports.admit_leg(v->ports.arg, l->worker, own))
        return -EAGAIN;
    if (home && v->ports.admit_leg(v->ports.arg, c->home, home)) {
        v->ports.release_leg(v->ports.arg, l->worker, own);
        return -EAGAIN;
    }
    l->kept = 2;
    l->kept_home = (uint8_t)home;
    if (first)
        c->kept_room = true;
    return 0;
}

static void give_back(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    if (l->kept)
        v->ports.release_leg(v->ports.arg, l->worker, l->kept);
    if (l->kept_home)
        v->ports.release_leg(v->ports.arg, c->home, l->kept_home);
    l->kept = l->kept_home = 0;
}

void voice_room_close(struct jn_act_voice *v, struct call *c)
{
    if (!c->kept_room)
        return;
    c->kept_room = false;
    if (c->room) {
        struct jn_order o = order_for(c, NULL, JN_ORDER_ROOM_CLOSE);
        v->ports.order(v->ports.arg, c->home, &o);
        c->room = false;
    } else {
        v->ports.release_leg(v->ports.arg, c->home, 1);
    }
}

/* By what the peer said in its description, or by where its phone registered from. */
static void choose_place(struct jn_act_voice *v, const struct leg *l, const struct leg *as, struct jn_order *o)
{
    struct jn_addr phone;
    const struct jn_addr *peer = as && as->remote.rtp.family != JN_ADDR_NONE ? &as->remote.rtp : NULL;

    if (!v->ports.media_place)
        return;
    if (!peer && l->agent && jn_sip_phone_address(v->sip, l->agent, &phone))
        peer = &phone;
    v->ports.media_place(v->ports.arg, peer, &o->open.interface, &o->open.family);
}

struct leg *voice_leg_open(struct jn_act_voice *v, struct call *c, enum side side, uint64_t agent, unsigned worker,
                           const struct leg *as)
{
    if (!v->n_free_legs)
        return NULL;
    uint32_t i = v->free_legs[v->n_free_legs - 1];
    struct leg *l = &v->legs[i];
    uint64_t id = v->next_leg + 1;
    bool had_room = c->kept_room;
    *l = (struct leg){.id = id,
                      .call = c->index,
                      .index = i,
                      .agent = agent,
                      .side = (uint8_t)side,
                      .worker = (uint8_t)worker,
                      .media = MEDIA_OPENING,
                      .local.allowed = &v->c.codecs};
    if (as) {
        l->local = as->local;
        l->remote = as->remote;
        l->offer = as->offer;
        l->has_offer = as->has_offer;
    }
    struct jn_order o = order_for(c, l, JN_ORDER_LEG_OPEN);
    jn_random(&o.open.cname, sizeof o.open.cname);
    choose_place(v, l, as, &o);
    if (!voice_browser_open(v, c, l, as, &o))
        goto no_map;
    if (jn_map_set(&v->by_media, id, i))
        goto no_map;
    if (keep_places(v, c, l))
        goto no_place;
    if (give_order(v, worker, &o))
        goto no_order;
    v->n_free_legs--;
    v->next_leg = id;
    v->worker_legs[worker]++;
    jn_random(&l->local.session_id, sizeof l->local.session_id);
    l->local.session_id >>= 2; /* a decimal number that every parser can hold */
    l->local.version = 1;
    c->legs++;
    c->open_media++;
    *(side == SIDE_CALLER  ? &c->caller
      : side == SIDE_WATCH ? &c->watch
      : side == SIDE_THIRD ? &c->third
      : side == SIDE_ASIDE ? &c->aside
                           : &c->agent) = l;
    return l;
no_order:
    give_back(v, c, l);
    if (!had_room)
        voice_room_close(v, c);
no_place:
    jn_map_del(&v->by_media, id);
no_map:
    l->id = 0;
    return NULL;
}

void voice_leg_seen(struct jn_act_voice *v, const struct call *c, const struct leg *l, const struct jn_leg_stats *s)
{
    struct jn_voice_leg_seen seen = {.ix = c->ix,
                                     .tenant = c->tenant,
                                     .agent = l->agent,
                                     .leg = l->id,
                                     .sip = l->sip,
                                     .side = l->side,
                                     .worker = l->worker,
                                     .codec = l->remote.codec,
                                     .suite = l->remote.suite,
                                     .local = l->local.rtp,
                                     .peer = l->remote.rtp,
                                     .stats = s};

    if (v->ports.leg_seen && c->ix)
        v->ports.leg_seen(v->ports.arg, &seen);
}

void voice_leg_sip(struct jn_act_voice *v, struct leg *l, uint64_t sip)
{
    if (jn_map_set(&v->by_sip, sip, l->index)) { /* its news would find nobody: end it here and now */
        jn_error("voice", "no memory for a dialog");
        jn_sip_hangup(v->sip, sip);
        return;
    }
    l->sip = sip;
    voice_leg_seen(v, voice_call_of(v, l), l, NULL);
}

void voice_leg_hangup(struct jn_act_voice *v, struct leg *l)
{
    if (l->nailed) /* it stays on the line */
        return;
    if (l->sip && !l->hung_up)
        jn_sip_hangup(v->sip, l->sip);
    l->hung_up = true;
}

int voice_leg_remote(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    struct jn_order o = order_for(c, l, JN_ORDER_LEG_REMOTE);
    o.remote = l->remote;
    o.remote.via = l->via;
    if (l->via.family == JN_ADDR_NONE && l->agent)
        jn_sip_phone_address(v->sip, l->agent, &o.remote.via);
    return give_order(v, l->worker, &o);
}

void voice_room_leave(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    if (!l->joined)
        return;
    struct jn_order o = order_for(c, l, JN_ORDER_ROOM_LEAVE);
    v->ports.order(v->ports.arg, l->worker, &o);
    l->kept--;
    if (l->kept_home) {
        v->ports.order(v->ports.arg, c->home, &o);
        l->kept_home--;
    }
    l->joined = false;
}

void voice_leg_close(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    if (l->nailed) {
        voice_line_return(v, c, l);
        return;
    }
    voice_room_leave(v, c, l);
    if (l->media == MEDIA_OPENING) {
        l->close_wanted = true; /* its answer comes first: then it is known whether there is anything to close */
        return;
    }
    if (l->media != MEDIA_OPEN)
        return;
    struct jn_order o = order_for(c, l, JN_ORDER_LEG_CLOSE);
    v->ports.order(v->ports.arg, l->worker, &o);
    l->kept--;
    l->media = MEDIA_CLOSING;
    give_back(v, c, l);
}

void voice_media_over(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    l->media = MEDIA_CLOSED;
    give_back(v, c, l);
    v->worker_legs[l->worker]--;
    c->open_media--;
}

void voice_leg_settle(struct jn_act_voice *v, struct leg *l)
{
    if (!l->id || l->sip || (l->media != MEDIA_CLOSED && l->media != MEDIA_NONE))
        return;
    struct call *c = voice_call_of(v, l);
    if (c->state != CALL_CLOSING &&
        (l == c->caller || l == c->agent || l == c->third || l == c->aside || l == c->parked))
        return; /* still the call's own */
    jn_map_del(&v->by_media, l->id);
    l->id = 0;
    explicit_bzero(&l->local, sizeof l->local); /* keys */
    explicit_bzero(&l->remote, sizeof l->remote);
    v->free_legs[v->n_free_legs++] = l->index;
    if (c->caller == l)
        c->caller = NULL;
    if (c->agent == l)
        c->agent = NULL;
    if (c->third == l)
        c->third = NULL;
    if (c->aside == l)
        c->aside = NULL;
    if (c->parked == l)
        c->parked = NULL;
    c->legs--;
    voice_call_settle(v, c);
}

int voice_room_open(struct jn_act_voice *v, struct call *c)
{
    struct jn_order o = order_for(c, NULL, JN_ORDER_ROOM_OPEN);
    if (give_order(v, c->home, &o))
        return -EAGAIN;
    c->room = true;
    const struct jn_dir_queue *q = voice_queue(v, c);
    return q && q->record ? voice_record(v, c, true) : 0; /* what must be recorded is not taken unrecorded */
}

static int record_order(struct jn_act_voice *v, struct call *c, uint8_t state)
{
    struct jn_order o = order_for(c, NULL, JN_ORDER_RECORD);
    o.record.call = c->ix;
    o.record.tenant = c->tenant;
    o.record.on = state;
    return give_order(v, c->home, &o) ? -EAGAIN : 0;
}

int voice_record(struct jn_act_voice *v, struct call *c, bool on)
{
    if (c->recording != on) {
        if (record_order(v, c, on))
            return -EAGAIN;
        c->recording = on;
        c->recorded |= on;
    }
    if (on && c->queue) /* by which it is found */
        voice_mark_arg(v, c, JN_RECEV_QUEUE, c->queue);
    return 0;
}

int voice_record_state(struct jn_act_voice *v, struct call *c, uint8_t state)
{
    return c->recording ? record_order(v, c, state) : -ENODATA;
}

int voice_room_join(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    if (l->nailed && c->state != CALL_LINE && voice_line_lend(v, c, l))
        return -EAGAIN;
    struct jn_order o = order_for(c, l, JN_ORDER_ROOM_JOIN);
    o.join.track = voice_track(l);
    if (give_order(v, l->worker, &o))
        return -EAGAIN;
    l->joined = true;
    if (l->worker != c->home && give_order(v, c->home, &o))
        return -EAGAIN; /* the leave that follows goes to both */
    return 0;
}

int voice_room_place(struct jn_act_voice *v, const struct call *c, struct leg *l)
{
    bool elsewhere = l->worker != c->home;
    if (v->ports.admit_leg(v->ports.arg, l->worker, 1))
        return -EAGAIN;
    if (elsewhere && v->ports.admit_leg(v->ports.arg, c->home, 1)) {
        v->ports.release_leg(v->ports.arg, l->worker, 1);
        return -EAGAIN;
    }
    l->kept++;
    l->kept_home = (uint8_t)(l->kept_home + elsewhere);
    return 0;
}

int voice_hear(struct jn_act_voice *v, const struct call *c, const struct leg *l, uint8_t tracks)
{
    struct jn_order o = order_for(c, l, JN_ORDER_HEAR);
    o.hear.tracks = tracks;
    return voice_room_order(v, c, &o);
}

int voice_mark_arg(struct jn_act_voice *v, struct call *c, uint8_t event, uint64_t arg)
{
    if (!c->recording)
        return -ENOENT;
    struct jn_order o = order_for(c, NULL, JN_ORDER_MARK);
    o.mark.event = event;
    o.mark.arg = arg;
    return voice_room_order(v, c, &o);
}

void voice_mark(struct jn_act_voice *v, struct call *c, uint8_t event)
{
    voice_mark_arg(v, c, event, 0);
}

void voice_dialog_keep(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    struct jn_sip_dialog d;
    if (l->dialog_kept || jn_sip_dialog(v->sip, l->sip, &d))
        return;
    d.ix = c->ix;
    l->dialog_kept = true;
    v->ports.dialog_put(v->ports.arg, &d);
}
