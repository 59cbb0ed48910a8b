/* Replay of media: the driver. It plays worker: packets, orders and phases one after the other, but time is whichever
 * comes next: a packet of the capture, a phase of the plane, a call's beginning or end. */
#include "engine/app/replay_media.h"
#include "engine/base/rand.h"
#include "engine/store/recording_log.h"
#include "media/record/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEGS = 3, /* of a call: two parties, and one who listens when it is to be mixed */
    PORT_MIN = 16384,
    PORT_MAX = 65533,
    ROOMS_MAX = 4096,
    LEAD_MS = 20,       /* a call is set up before its first packet */
    IMPAIRED_MS = 3000, /* the same where packets may be held up */
    LINGER_MS = 500,    /* and ends when nothing can be on its way any more */
    FACTS = 1024,
    CHUNKS = 1024,
    SEGMENT = 256 << 20,
};
static const uint64_t hour_ns = UINT64_C(3600000000000);

struct replay {
    const struct jn_replay_media *m;
    struct jn_replay_result *r;
    struct jn_port *port;
    struct jn_plane *plane;
    struct jn_replay_impair *impair; /* NULL: nothing is */
    struct jn_mailbox facts;
    struct jn_rec_ring rec;
    struct jn_rec_writer *recorder;
    uint64_t now_ns, seed;
    int rc;
};

static int take_port(void *arg, uint32_t local)
{
    return jn_port_pcap.take(((struct replay *)arg)->port, local);
}

static void give_port(void *arg, uint32_t local)
{
    jn_port_pcap.give(((struct replay *)arg)->port, local);
}

static void send(void *arg, struct jn_pkt *pk[], unsigned n)
{
    jn_port_pcap.tx(((struct replay *)arg)->port, pk, n);
}

/* Leg ids: 4 for each call, the third is who listens. */
static uint64_t leg_id(unsigned call, unsigned leg)
{
    return call * 4u + leg + 1;
}

static void order(struct replay *x, struct jn_order *o)
{
    jn_plane_order(x->plane, o, x->now_ns);
}

static void route(struct replay *x, int flow, uint16_t local)
{
    const struct jn_flow *f = &x->m->flows->at[flow];
    struct jn_addr from = f->from, to = f->to;
    bool closed = local == JN_PORT_PCAP_CLOSED;

    int rc = jn_port_pcap_route(x->port, &from, &to, local);
    from.port++; /* its reports, where they are not on the same port (RFC 3550 11) */
    to.port++;
    if (rc == 0)
        rc = jn_port_pcap_route(x->port, &from, &to, closed ? local : (uint16_t)(local + 1));
    if (rc < 0)
        x->rc = rc;
}

static const uint8_t *key_of(const struct replay *x, int flow)
{
    for (unsigned i = 0; i < x->m->keys_n; i++)
        if ((int)x->m->keys[i].flow == flow)
            return x->m->keys[i].key;
    return NULL;
}

/* What the peer of that leg "said in its SDP": as its flow, or as the other's where it only listens. */
static void remote(struct replay *x, unsigned call, unsigned leg)
{
    struct jn_replay_call *c = &x->r->call[call];
    struct jn_replay_leg *l = &c->leg[leg];
    const struct jn_flow *f = &x->m->flows->at[l->flow != JN_FLOW_NONE ? l->flow : c->leg[0].flow];
    const struct jn_flow *other = c->leg[!leg].flow != JN_FLOW_NONE ? &x->m->flows->at[c->leg[!leg].flow] : f;
    struct jn_order o = {.kind = JN_ORDER_LEG_REMOTE, .leg = leg_id(call, leg)};
    const uint8_t *key = key_of(x, l->flow);

    o.remote = (struct jn_leg_remote){.rtp = l->peer,
                                      .rtcp = l->peer,
                                      .codec = f->codec,
                                      .rtp_pt = f->pt,
                                      .dtmf_pt = f->dtmf_pt != 255 ? f->dtmf_pt : other->dtmf_pt,
                                      .cn_pt = 13,
                                      .ptime_ms = f->ptime_ms,
                                      .mode = JN_MODE_SENDRECV};
    o.remote.rtcp.port++;
    if (key) {
        o.remote.suite = JN_SUITE_AES128_SHA80;
        memcpy(o.remote.key_in, key, jn_srtp_key_bytes(JN_SUITE_AES128_SHA80));
        for (unsigned i = 0; i < JN_SRTP_KEY_MAX; i++)
            o.remote.key_out[i] = (uint8_t)jn_splitmix(&x->seed);
    }
    order(x, &o);
    explicit_bzero(&o, sizeof o);
}

static void join(struct replay *x, unsigned call, unsigned leg)
{
    static const uint8_t track[LEGS] = {JN_TRACK_CALLER, JN_TRACK_AGENT, JN_TRACK_OTHER};
    struct jn_order o = {
        .kind = JN_ORDER_ROOM_JOIN, .leg = leg_id(call, leg), .room = call + 1, .join.track = track[leg]};
    order(x, &o);
}

static void facts(struct replay *x)
{
    struct jn_fact f;

    while (jn_mailbox_recv(&x->facts, &f, 1)) {
        unsigned call = f.leg ? (unsigned)((f.leg - 1) / 4) : 0, leg = f.leg ? (unsigned)((f.leg - 1) % 4) : LEGS;
        struct jn_replay_leg *l = leg < 2 && call < x->r->n ? &x->r->call[call].leg[leg] : NULL;
        if (f.kind == JN_FACT_LEG_OPENED && l) {
            l->opened = true;
            l->local = (uint16_t)(f.opened.rtp.port - PORT_MIN);
        } else if (f.kind == JN_FACT_LEG_CLOSED && l) {
            l->closed = true;
            l->stats = f.stats;
        } else if (f.kind == JN_FACT_REFUSED || f.kind == JN_FACT_LEG_REFUSED) {
            x->r->refused++;
        } else if (f.kind == JN_FACT_DIGIT) {
            x->r->digits++;
        }
    }
}

static void leg_in(struct replay *x, const struct jn_replay_leg *l)
{
    route(x, l->flow, l->local);
    if (x->impair)
        jn_replay_impair_begin(x->impair, l->local, (unsigned)l->flow);
}

static void call_open(struct replay *x, unsigned at)
{
    struct jn_replay_call *c = &x->r->call[at];
    struct jn_order room = {.kind = JN_ORDER_ROOM_OPEN, .room = at + 1};

    order(x, &room);
    for (unsigned i = 0; i < (x->m->mix ? LEGS : 2); i++) {
        struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = leg_id(at, i), .open.cname = leg_id(at, i)};
        order(x, &o);
    }
    facts(x);
    if (x->recorder) {
        struct jn_order o = {.kind = JN_ORDER_RECORD, .room = at + 1, .record = {.call = c->id, .tenant = 1, .on = 1}};
        order(x, &o);
    }
    for (unsigned i = 0; i < 2; i++) {
        remote(x, at, i);
        join(x, at, i);
        if (c->leg[i].flow != JN_FLOW_NONE && c->leg[i].opened)
            leg_in(x, &c->leg[i]);
    }
    if (x->m->mix)
        join(x, at, 2);
    c->open = true;
}

static void call_close(struct replay *x, unsigned at)
{
    struct jn_replay_call *c = &x->r->call[at];

    struct jn_order room = {.kind = JN_ORDER_ROOM_CLOSE, .room = at + 1};
    order(x, &room);
    for (unsigned i = 0; i < (x->m->mix ? LEGS : 2); i++) {
        struct jn_order o = {.kind = JN_ORDER_LEG_CLOSE, .leg = leg_id(at, i)};
        order(x, &o);
        if (i < 2 && c->leg[i].flow != JN_FLOW_NONE)
            route(x, c->leg[i].flow, JN_PORT_PCAP_CLOSED);
    }
    facts(x);
    c->open = false;
}

/* Calls that begin or end now; returns when the next one does. Calls are in order of beginning. */
static uint64_t calls(struct replay *x, unsigned *next, unsigned *oldest)
{
    uint64_t soonest = UINT64_MAX;

    for (; *next < x->r->n && x->r->call[*next].from_ns <= x->now_ns; ++*next)
        call_open(x, *next);
    for (unsigned i = *oldest; i < *next; i++) {
        struct jn_replay_call *c = &x->r->call[i];
        if (c->open && c->to_ns <= x->now_ns)
            call_close(x, i);
        if (c->open && c->to_ns < soonest)
            soonest = c->to_ns;
    }
    while (*oldest < *next && !x->r->call[*oldest].open)
        ++*oldest;
    if (*next < x->r->n && x->r->call[*next].from_ns < soonest)
        soonest = x->r->call[*next].from_ns;
    return soonest;
}

static void record(struct replay *x)
{
    struct jn_rec_chunk *chunk;

    while (jn_rec_ring_get(&x->rec, &chunk, 1)) {
        const struct jn_rec_chunk *one = chunk;
        int rc = 0;
        if (x->recorder)
            jn_rec_writer_put(x->recorder, &one, 1, &rc);
        if (rc < 0 && x->rc == 0)
            x->rc = rc;
        jn_rec_ring_back(&x->rec, &chunk, 1);
    }
}

static void run(struct replay *x)
{
    unsigned next = 0, oldest = 0, n;
    struct jn_pkt *pk[JN_PKT_BURST];

    while (x->rc == 0) {
        while ((n = jn_port_pcap.rx(x->port, pk, JN_PKT_BURST, x->now_ns)) > 0) {
            if (x->impair)
                n = jn_replay_impair_put(x->impair, pk, n, x->now_ns);
            jn_plane_rx(x->plane, pk, n, x->now_ns);
        }
        while (x->impair && (pk[0] = jn_replay_impair_take(x->impair, x->now_ns)) != NULL)
            jn_plane_rx(x->plane, pk, 1, x->now_ns);
        uint64_t due = calls(x, &next, &oldest);
        jn_plane_tick(x->plane, x->now_ns);
        jn_plane_flush(x->plane);
        facts(x);
        record(x);
        x->r->steps++;
        uint64_t packet = jn_port_pcap_next_ns(x->port), phase = jn_plane_next_ns(x->plane);
        if (due == UINT64_MAX && packet == UINT64_MAX) /* every call has begun and ended */
            break;
        uint64_t to = phase < packet ? phase : packet, held = x->impair ? jn_replay_impair_next_ns(x->impair) : to;
        to = held < to ? held : to;
        if (due < to)
            to = due;
        x->now_ns = to > x->now_ns ? to : x->now_ns;
    }
}

static int by_beginning(const void *a, const void *b)
{
    const struct jn_replay_call *x = a, *y = b;

    if (x->from_ns != y->from_ns)
        return x->from_ns < y->from_ns ? -1 : 1;
    return x->leg[0].flow - y->leg[0].flow;
}

static int make_calls(struct replay *x, struct jn_err *err)
{
    const struct jn_flows *fs = x->m->flows;

    x->r->call = calloc(fs->n ? fs->n : 1, sizeof *x->r->call);
    if (!x->r->call)
        return jn_fail(err, -ENOMEM, "no memory for calls");
    for (unsigned i = 0; i < fs->n; i++) {
        const struct jn_flow *f = &fs->at[i], *back = f->pair >= 0 ? &fs->at[f->pair] : NULL;
        if (!f->known || (back && back->known && f->pair < (int)i))
            continue;
        if (back && !back->known)
            back = NULL;
        struct jn_replay_call *c = &x->r->call[x->r->n++];
        uint64_t from = back && back->first_ns < f->first_ns ? back->first_ns : f->first_ns;
        uint64_t to = back && back->last_ns > f->last_ns ? back->last_ns : f->last_ns;
        if (to - from > 24 * hour_ns)
            return jn_fail(err, -E2BIG, "flow %u lasts longer than a day", i + 1);
        c->from_ns = from > LEAD_MS * 1000000u ? from - LEAD_MS * 1000000u : 0;
        c->to_ns = to + (x->m->impair ? IMPAIRED_MS : LINGER_MS) * UINT64_C(1000000);
        c->leg[0] = (struct jn_replay_leg){.flow = (int)i, .peer = f->from};
        c->leg[1] = (struct jn_replay_leg){.flow = back ? f->pair : JN_FLOW_NONE, .peer = back ? back->from : f->to};
    }
    if (x->r->n == 0)
        return jn_fail(err, -ENOENT,
                       "no RTP flow with a codec that is known (PCMU, PCMA, G722, opus) is in the capture");
    qsort(x->r->call, x->r->n, sizeof *x->r->call, by_beginning);
    for (unsigned i = 0; i < x->r->n; i++)
        x->r->call[i].id = i + 1;
    return 0;
}

static int open_all(struct replay *x, struct jn_err *err)
{
    struct jn_port_pcap_files files = {.bytes = x->m->bytes, .n = x->m->n, .out = x->m->out};
    struct jn_port_config port = {.port_min = PORT_MIN, .port_max = PORT_MAX, .wake_fd = -1, .back_end = &files};
    uint32_t at_once = x->r->n < ROOMS_MAX ? x->r->n : ROOMS_MAX;
    bool v6 = x->r->call[0].leg[0].peer.family == JN_ADDR_V6;
    struct jn_plane_config plane = {
        .ports = PORT_MAX - PORT_MIN + 1,
        .max_legs = LEGS * at_once,
        .max_rooms = at_once,
        .srtp = jn_srtp(),
        .seed = x->m->seed,
        .port = {.take = take_port, .give = give_port, .tx = send, .arg = x},
    };

    /* Documentation's addresses (RFC 5737, RFC 3849): nothing of the capture can be taken for the engine. */
    jn_addr_parse(&port.local, v6 ? "2001:db8::1" : "192.0.2.1", 0);
    plane.advertise = port.local;
    plane.advertise.port = PORT_MIN;
    int rc = jn_port_pcap.open(&x->port, &port, err);
    if (rc == 0 && (jn_mailbox_init(&x->facts, FACTS + 16 * at_once, sizeof(struct jn_fact), NULL) < 0 ||
                    jn_rec_ring_init(&x->rec, CHUNKS + 2 * at_once) < 0))
        rc = jn_fail(err, -ENOMEM, "no memory for mailboxes");
    if (rc == 0 && (rc = jn_plane_open(&x->plane, &plane)) < 0)
        jn_fail(err, rc, "the plane does not open: %s", strerror(-rc));
    if (rc == 0 && x->m->impair && (rc = jn_replay_impair_open(&x->impair, x->m->impair, plane.ports)) < 0)
        jn_fail(err, rc, "no memory for packets under way");
    if (rc == 0 && x->m->record)
        rc = jn_rec_writer_open(&x->recorder, x->m->record, &(struct jn_rec_writer_config){.segment_bytes = SEGMENT},
                                err);
    if (rc < 0)
        return rc;
    jn_plane_mail(x->plane, &x->facts, &x->rec);
    for (unsigned i = 0; i < x->r->n; i++)
        for (unsigned k = 0; k < 2; k++)
            if (x->r->call[i].leg[k].flow != JN_FLOW_NONE)
                route(x, x->r->call[i].leg[k].flow, JN_PORT_PCAP_CLOSED);
    return x->rc < 0 ? jn_fail(err, x->rc, "no memory for routes") : 0;
}

int jn_replay_media(struct jn_replay_result *r, const struct jn_replay_media *m, struct jn_err *err)
{
    struct replay x = {.m = m, .r = r, .seed = m->seed};

    *r = (struct jn_replay_result){0};
    int rc = make_calls(&x, err);
    if (rc == 0)
        rc = open_all(&x, err);
    if (rc == 0) {
        x.now_ns = r->call[0].from_ns;
        run(&x);
        r->plane = *jn_plane_counts(x.plane);
        r->port = *jn_port_pcap_counts(x.port);
        if (x.impair)
            jn_replay_impair_counts(x.impair, &r->impair, &r->impair_refused);
        rc = x.rc < 0 ? jn_fail(err, x.rc, "the recording cannot be written: %s", strerror(-x.rc)) : 0;
    }
    if (x.plane && x.recorder) {
        jn_plane_record_flush(x.plane);
        record(&x);
    }
    if (rc == 0 && x.recorder && (rc = jn_rec_writer_flush(x.recorder)) < 0)
        jn_fail(err, rc, "the recording cannot be written: %s", strerror(-rc));
    if (x.recorder)
        jn_rec_writer_close(x.recorder);
    jn_plane_close(x.plane);
    jn_replay_impair_close(x.impair);
    jn_mailbox_free(&x.facts);
    jn_rec_ring_free(&x.rec);
    jn_port_pcap.close(x.port);
    return rc;
}

void jn_replay_result_free(struct jn_replay_result *r)
{
    free(r->call);
    *r = (struct jn_replay_result){0};
}
