/* Loop: packets, frames of other workers, orders, phases; then one flush, and sleep until one of them comes. */
#include "engine/base/clock.h"
#include "engine/worker/state.h"
#include <pthread.h>
#include <stdio.h>

enum { BURSTS = 8, LINK_ROUNDS = 8, ORDERS = 32 };

static unsigned packets(struct jn_worker *w)
{
    struct jn_pkt *pk[JN_PKT_BURST];
    unsigned total = 0;

    for (unsigned i = 0; i < BURSTS; i++) {
        uint64_t now = jn_mono_ns();
        unsigned n = w->net->rx(w->port, pk, JN_PKT_BURST, now);
        if (n == 0)
            break;
        jn_plane_rx(w->plane, pk, n, now);
        total += n;
    }
    return total;
}

static unsigned links(struct jn_worker *w)
{
    unsigned total = 0, n;

    for (unsigned i = 0; i < LINK_ROUNDS && (n = jn_plane_links(w->plane, jn_mono_ns())) > 0; i++)
        total += n;
    return total;
}

/* At most ORDERS, so that sound never waits for a rush of calls. */
static unsigned orders(struct jn_worker *w)
{
    unsigned n = 0;

    for (; n < ORDERS; n++) {
        if (!w->holding && (!w->orders || jn_mailbox_recv(w->orders, &w->held, 1) == 0))
            break;
        w->holding = !jn_plane_order(w->plane, &w->held, jn_mono_ns());
        if (w->holding)
            break;
    }
    return n;
}

static void ring_peers(struct jn_worker *w)
{
    for (uint64_t set = jn_plane_linked(w->plane); set != 0; set &= set - 1)
        jn_waker_wake(&w->peer[__builtin_ctzll(set)]->waker);
}

static void publish(struct jn_worker *w)
{
    const struct jn_plane_counts *from = jn_plane_counts(w->plane);
    struct jn_worker_counts *to = &w->counts;

    /* Relaxed: each is a figure of its own, nothing is ordered by them. */
#define PUT(name) atomic_store_explicit(&to->name, from->name, memory_order_relaxed)
    PUT(rx_packets);
    PUT(rx_bytes);
    PUT(tx_packets);
    PUT(tx_bytes);
    PUT(legs);
    PUT(rooms);
    PUT(relayed);
    PUT(mixed);
    PUT(turns_to_mix);
    PUT(turns_to_relay);
    PUT(rec_items);
    PUT(rec_overflow);
    PUT(facts_refused);
    PUT(late_ticks);
    PUT(legs_without_rtcp);
    PUT(rtcp_in);
    PUT(rtcp_out);
    PUT(link_frames);
    PUT(refused_orders);
    for (unsigned i = 0; i < JN_DROP_N; i++)
        PUT(drops[i]);
#undef PUT
}

static bool mail_waits(struct jn_worker *w)
{
    if (w->orders && !w->holding && !jn_mailbox_empty(w->orders))
        return true;
    for (unsigned i = 0; i < JN_WORKERS_MAX; i++)
        if (w->link_in[i] && !jn_mailbox_empty(w->link_in[i]))
            return true;
    return false;
}

static void sleep_until(struct jn_worker *w, uint64_t next_ns)
{
    jn_waker_about_to_sleep(&w->waker);
    uint64_t now = jn_mono_ns();
    bool stop = atomic_load_explicit(&w->stop, memory_order_acquire);
    if (!stop && !mail_waits(w) && next_ns > now)
        w->net->wait(w->port, next_ns == UINT64_MAX ? UINT64_MAX : next_ns - now);
    jn_waker_awake(&w->waker);
}

static void finish(struct jn_worker *w)
{
    while (links(w) > 0)
        continue;
    jn_plane_end_all(w->plane, jn_mono_ns());
    ring_peers(w);
    publish(w);
}

void *jn_worker_run(void *arg)
{
    struct jn_worker *w = arg;
    char name[16];

    snprintf(name, sizeof name, "jn-worker-%u", w->c.index);
    pthread_setname_np(pthread_self(), name);
    /* Pairs with the release in jn_worker_stop. */
    while (!atomic_load_explicit(&w->stop, memory_order_acquire)) {
        unsigned work = packets(w) + links(w) + orders(w);
        jn_plane_tick(w->plane, jn_mono_ns());
        jn_plane_flush(w->plane);
        ring_peers(w);
        publish(w);
        if (work == 0)
            sleep_until(w, jn_plane_next_ns(w->plane));
    }
    finish(w);
    return NULL;
}
