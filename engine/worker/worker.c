/* Worker: opening, joining to others, starting and stopping. The loop itself is in loop.c. */
#include "engine/base/clock.h"
#include "engine/worker/state.h"
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

static int take(void *arg, uint32_t local)
{
    struct jn_worker *w = arg;
    return w->net->take(w->port, local);
}

static void give(void *arg, uint32_t local)
{
    struct jn_worker *w = arg;
    w->net->give(w->port, local);
}

static void tx(void *arg, struct jn_pkt *pk[], unsigned n)
{
    struct jn_worker *w = arg;
    w->net->tx(w->port, pk, n);
}

/* A range that begins at an even port and ends at an odd one: pairs of RTP and RTCP. False: there is no pair in it. */
static bool whole_pairs(uint16_t *min, uint16_t *max)
{
    uint32_t first = *min + (*min & 1u);

    if (*max <= first)
        return false;
    *min = (uint16_t)first;
    *max = (uint16_t)(*max | 1) == *max ? *max : (uint16_t)(*max - 1);
    return true;
}

static const struct jn_addr *told(const struct jn_addr *advertise, const struct jn_addr *local)
{
    return advertise->family != JN_ADDR_NONE ? advertise : local;
}

static int open_port(struct jn_worker *w, const struct jn_worker_config *c, struct jn_err *err)
{
    struct jn_port_config nc = {.local = c->local,
                                .port_min = c->port_min,
                                .port_max = c->port_max,
                                .wake_fd = w->waker.fd,
                                .back_end = c->net_back_end,
                                .index = c->index,
                                .dscp = c->dscp,
                                .vlan = c->vlan,
                                .more_n = c->more_n};

    for (unsigned i = 0; i < c->more_n; i++)
        nc.more[i] = (struct jn_port_place){.local = c->more[i].local,
                                            .port_min = c->more[i].port_min,
                                            .port_max = c->more[i].port_max,
                                            .vlan = c->more[i].vlan,
                                            .dscp = c->more[i].dscp};
    return w->net->open(&w->port, &nc, err);
}

static int open_plane(struct jn_worker *w, const struct jn_worker_config *c, struct jn_err *err)
{
    struct jn_plane_config pc = {.index = c->index,
                                 .ports = (uint32_t)(c->port_max - c->port_min) + 1,
                                 .advertise = *told(&c->advertise, &c->local),
                                 .more_n = c->more_n,
                                 .max_legs = c->max_legs,
                                 .max_rooms = c->max_rooms,
                                 .browsers = c->browsers,
                                 .silence_ms = c->silence_ms,
                                 .one_way_ms = c->one_way_ms,
                                 .quiet_ms = c->quiet_ms,
                                 .quality_ms = c->quality_ms,
                                 .latch_ms = c->latch_ms,
                                 .quarantine_ms = c->quarantine_ms,
                                 .sounds = c->sounds,
                                 .srtp = jn_srtp(),
                                 .time_us = jn_time_of_mono,
                                 .port = {.take = take, .give = give, .tx = tx, .arg = w}};

    pc.advertise.port = c->port_min;
    for (unsigned i = 0; i < c->more_n; i++) {
        const struct jn_worker_place *m = &c->more[i];
        pc.more[i] = (struct jn_plane_place){.advertise = *told(&m->advertise, &m->local),
                                             .ports = (uint32_t)(m->port_max - m->port_min) + 1,
                                             .interface = m->interface};
        pc.more[i].advertise.port = m->port_min;
    }
    int rc = jn_plane_open(&w->plane, &pc);
    return rc < 0 ? jn_fail(err, rc, "worker %u: %s", c->index, strerror(-rc)) : 0;
}

static int check_places(struct jn_worker_config *c, struct jn_err *err)
{
    if (!whole_pairs(&c->port_min, &c->port_max))
        return jn_fail(err, -EINVAL, "worker %u: no pair of ports between %u and %u", c->index, c->port_min,
                       c->port_max);
    if (c->more_n >= JN_PORT_PLACES)
        return jn_fail(err, -EINVAL, "worker %u: more than %d local addresses", c->index, JN_PORT_PLACES);
    for (unsigned i = 0; i < c->more_n; i++)
        if (!whole_pairs(&c->more[i].port_min, &c->more[i].port_max))
            return jn_fail(err, -EINVAL, "worker %u: no pair of ports between %u and %u", c->index, c->more[i].port_min,
                           c->more[i].port_max);
    return 0;
}

int jn_worker_open(struct jn_worker **out, const struct jn_worker_config *given, struct jn_err *err)
{
    struct jn_worker_config c = *given;
    int rc = check_places(&c, err);

    if (rc < 0)
        return rc;
    size_t bytes = (sizeof(struct jn_worker) + 63) & ~(size_t)63;
    struct jn_worker *w = aligned_alloc(64, bytes);
    if (!w)
        return jn_fail(err, -ENOMEM, "no memory for worker %u", c.index);
    memset(w, 0, bytes);
    w->c = c;
    w->net = c.net ? c.net : &jn_port_udp;
    w->clock = c.clock ? *c.clock : (struct jn_worker_clock){jn_mono_ns, jn_worker_thread_ns};
    w->waker.fd = -1;
    rc = jn_waker_open(&w->waker);
    if (rc < 0)
        jn_fail(err, rc, "worker %u: %s", c.index, strerror(-rc));
    else
        rc = open_port(w, &c, err);
    if (rc == 0)
        rc = open_plane(w, &c, err);
    if (rc < 0) {
        jn_worker_close(w);
        return rc;
    }
    *out = w;
    return 0;
}

struct jn_waker *jn_worker_waker(struct jn_worker *w)
{
    return &w->waker;
}

void jn_worker_mail(struct jn_worker *w, struct jn_mailbox *orders, struct jn_mailbox *facts, struct jn_rec_ring *rec)
{
    w->orders = orders;
    jn_plane_mail(w->plane, facts, rec);
}

/* The ring from worker a to worker b is b's to free; b is rung by a after each burst, not by each frame. */
int jn_workers_link(struct jn_worker *w[], unsigned n)
{
    if (n > JN_WORKERS_MAX)
        return -E2BIG;
    for (unsigned to = 0; to < n; to++) {
        for (unsigned from = 0; from < n; from++) {
            if (from == to)
                continue;
            struct jn_mailbox *m = aligned_alloc(64, (sizeof *m + 63) & ~(size_t)63);
            int rc = m ? jn_mailbox_init(m, JN_LINK_SLOTS, (uint32_t)jn_plane_link_bytes(), NULL) : -ENOMEM;
            if (rc < 0) {
                free(m);
                return rc;
            }
            w[to]->link_in[from] = m;
            w[from]->peer[to] = w[to];
        }
    }
    for (unsigned a = 0; a < n; a++)
        for (unsigned b = 0; b < n; b++)
            if (a != b)
                jn_plane_link(w[a]->plane, b, w[a]->link_in[b], w[b]->link_in[a]);
    return 0;
}

int jn_worker_start(struct jn_worker *w)
{
    atomic_store_explicit(&w->stop, false, memory_order_relaxed);
    int rc = -pthread_create(&w->thread, NULL, jn_worker_run, w);

    w->started = rc == 0;
    if (rc == 0 && w->c.cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((size_t)w->c.cpu, &set);
        rc = -pthread_setaffinity_np(w->thread, sizeof set, &set);
        if (rc < 0)
            jn_worker_stop(w);
    }
    return rc;
}

void jn_worker_stop(struct jn_worker *w)
{
    if (!w->started)
        return;
    /* Pairs with the acquire in jn_worker_run. */
    atomic_store_explicit(&w->stop, true, memory_order_release);
    jn_waker_wake(&w->waker);
    pthread_join(w->thread, NULL);
    w->started = false;
}

void jn_worker_close(struct jn_worker *w)
{
    if (!w)
        return;
    jn_worker_stop(w);
    jn_plane_close(w->plane);
    if (w->port)
        w->net->close(w->port);
    for (unsigned i = 0; i < JN_WORKERS_MAX; i++) {
        if (w->link_in[i])
            jn_mailbox_free(w->link_in[i]);
        free(w->link_in[i]);
    }
    jn_waker_close(&w->waker);
    free(w);
}

const struct jn_worker_counts *jn_worker_counts(const struct jn_worker *w)
{
    return &w->counts;
}

const _Atomic uint64_t *jn_worker_port_counts(const struct jn_worker *w)
{
    return w->net->counts ? w->net->counts(w->port) : NULL;
}
