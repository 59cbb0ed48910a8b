/* Loop: packets, frames of other workers, orders, phases; then one flush, and sleep until one of them comes. */
#include "engine/worker/state.h"
#include <pthread.h>
#include <stdio.h>
#include <time.h>

enum { LINK_ROUNDS = 8, ORDERS = 32, WINDOW_NS = 250000000, RECEIVE_NS = 1000000, STALE_NS = 100000000 };
enum { FULL_TURNS = 8, SHED_NS = 20000000 };

static uint64_t now_of(const struct jn_worker *w)
{
    return w->clock.mono_ns();
}

/* More comes in than there is time for. What waits is older than anybody wants to hear by now, and keeps what is fresh
 * waiting: all of it goes at once, which costs little, and what comes next is on time. */
static unsigned shed(struct jn_worker *w)
{
    struct jn_pkt *pk[JN_PKT_BURST];
    uint64_t now = now_of(w), until = now + SHED_NS;
    unsigned total = 0, n;

    while (now < until && (n = w->net->rx(w->port, pk, JN_PKT_BURST, now)) > 0) {
        jn_plane_shed(w->plane, pk, n);
        total += n;
        now = now_of(w);
    }
    w->empty_ns = now;
    w->full_turns = 0;
    return total;
}

/* Until nothing waits; but no longer than everything else took in the last turn, so that under load neither packets nor
 * what is due starve. */
static unsigned packets(struct jn_worker *w)
{
    struct jn_pkt *pk[JN_PKT_BURST];
    uint64_t now = now_of(w), until = now + (w->rest_ns > RECEIVE_NS ? w->rest_ns : RECEIVE_NS);
    unsigned total = 0;

    while (now < until) {
        unsigned n = w->net->rx(w->port, pk, JN_PKT_BURST, now);
        if (n == 0) {
            w->empty_ns = now;
            w->full_turns = 0;
            return total;
        }
        jn_plane_rx(w->plane, pk, n, now);
        total += n;
        now = now_of(w);
    }
    if (++w->full_turns >= FULL_TURNS && now > w->empty_ns + STALE_NS)
        total += shed(w);
    return total;
}

static unsigned links(struct jn_worker *w)
{
    unsigned total = 0, n;

    for (unsigned i = 0; i < LINK_ROUNDS && (n = jn_plane_links(w->plane, now_of(w))) > 0; i++)
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
        w->holding = !jn_plane_order(w->plane, &w->held, now_of(w));
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
    PUT(unseated);
    PUT(no_encoder);
    PUT(stretched);
    PUT(shrunk);
    PUT(resynced);
    PUT(skipped);
    PUT(undecoded);
    PUT(rec_items);
    PUT(rec_overflow);
    PUT(facts_refused);
    PUT(late_ticks);
    PUT(left_out);
    PUT(late_ns);
    PUT(legs_without_rtcp);
    PUT(rtcp_in);
    PUT(rtcp_out);
    PUT(xr_in);
    PUT(xr_out);
    PUT(quality_missed);
    PUT(link_frames);
    PUT(refused_orders);
    PUT(browsers);
    PUT(ice_checks);
    PUT(ice_strangers);
    PUT(ice_malformed);
    PUT(ice_refused);
    PUT(ice_conflicts);
    PUT(ice_nominated);
    PUT(dtls_strangers);
    PUT(dtls_malformed);
    PUT(dtls_throttled);
    PUT(dtls_full);
    for (unsigned i = 0; i < JN_KEYS_N; i++)
        PUT(dtls_ended[i]);
    for (unsigned i = 0; i < JN_DROP_N; i++)
        PUT(drops[i]);
    for (unsigned i = 0; i < JN_LATE_N; i++)
        PUT(late[i]);
#undef PUT
    atomic_store_explicit(&to->busy_ns, w->load.busy_ns, memory_order_relaxed);
    atomic_store_explicit(&to->load_permille, w->load.smooth / 16, memory_order_relaxed);
}

uint64_t jn_worker_thread_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* What the last window needed of the core, smoothed. A port that is polled takes the whole core, a core that is shared
 * makes work seem long: so the smaller of processor time and working time counts. But where periods are left out or
 * packets shed, whatever the reason, there is no time for anybody else. */
static void weigh(struct jn_worker *w, uint64_t now)
{
    const struct jn_plane_counts *c = jn_plane_counts(w->plane);
    struct jn_worker_load *l = &w->load;
    uint64_t wall = now - l->wall_ns;

    if (l->wall_ns != 0 && wall < WINDOW_NS)
        return;
    uint64_t cpu = w->clock.thread_ns(), used = cpu - l->cpu_ns, busy = l->busy_ns - l->busy_at;
    uint64_t lost = c->left_out + c->drops[JN_DROP_STALE];
    used = used < busy ? used : busy;
    if (lost > l->lost_at || used > wall)
        used = wall;
    if (l->wall_ns != 0)
        l->smooth += used * 1000 / wall * 4 - l->smooth / 4;
    l->wall_ns = now;
    l->cpu_ns = cpu;
    l->busy_at = l->busy_ns;
    l->lost_at = lost;
}

static bool mail_waits(struct jn_worker *w)
{
    if (w->orders && !w->holding && !jn_mailbox_empty(w->orders))
        return true;
    if (w->keys && !jn_mailbox_empty(w->keys))
        return true;
    for (unsigned i = 0; i < JN_WORKERS_MAX; i++)
        if (w->link_in[i] && !jn_mailbox_empty(w->link_in[i]))
            return true;
    return false;
}

static void sleep_until(struct jn_worker *w, uint64_t next_ns)
{
    jn_waker_about_to_sleep(&w->waker);
    uint64_t now = now_of(w);
    bool stop = atomic_load_explicit(&w->stop, memory_order_acquire);
    if (!stop && !mail_waits(w) && next_ns > now)
        w->net->wait(w->port, next_ns == UINT64_MAX ? UINT64_MAX : next_ns - now);
    jn_waker_awake(&w->waker);
}

/* A load that was heavy is told to be gone, too. */
static uint64_t wake_at(const struct jn_worker *w)
{
    uint64_t next = jn_plane_next_ns(w->plane), window = w->load.wall_ns + WINDOW_NS;
    return w->load.smooth / 16 == 0 || next < window ? next : window;
}

static void finish(struct jn_worker *w)
{
    while (links(w) > 0)
        continue;
    jn_plane_end_all(w->plane, now_of(w));
    ring_peers(w);
    publish(w);
}

void jn_worker_turn(struct jn_worker *w)
{
    uint64_t begin = now_of(w);
    bool due = jn_plane_next_ns(w->plane) <= begin;
    unsigned work = packets(w);
    uint64_t received = now_of(w);

    work += links(w) + jn_plane_keys(w->plane, received) + orders(w);
    jn_plane_tick(w->plane, now_of(w));
    jn_plane_flush(w->plane);
    ring_peers(w);
    publish(w);
    uint64_t end = now_of(w);
    w->rest_ns = end - received;
    if (work > 0 || due)
        w->load.busy_ns += end - begin;
    weigh(w, end);
    if (work == 0)
        sleep_until(w, wake_at(w));
}

void *jn_worker_run(void *arg)
{
    struct jn_worker *w = arg;
    char name[16];

    snprintf(name, sizeof name, "jn-worker-%u", w->c.index);
    pthread_setname_np(pthread_self(), name);
    /* Pairs with the release in jn_worker_stop. */
    while (!atomic_load_explicit(&w->stop, memory_order_acquire))
        jn_worker_turn(w);
    finish(w);
    return NULL;
}
