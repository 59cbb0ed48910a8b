/* A large room whose listeners are all on another worker: two threads, ports that only count. */
#include "engine/worker/worker.h"
#include "media/rtcp/rtcp.h"
#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <time.h>

enum { LISTENERS = 1000, PERIODS = 10, ROOM = 7 };

struct jn_port {
    int wake_fd;
    _Atomic uint32_t heard, out_of_order; /* listeners who got PERIODS packets or more; packets that are not the next */
    uint32_t n[LISTENERS];
    uint16_t seq[LISTENERS];
};
static struct large {
    struct jn_port port[2];
    struct jn_worker *w[2];
    struct jn_mailbox orders[2], facts[2];
    struct jn_sounds sounds;
} large;

static int count_open(struct jn_port **out, const struct jn_port_config *c, struct jn_err *err)
{
    (void)err;
    *out = &large.port[c->index];
    (*out)->wake_fd = c->wake_fd;
    return 0;
}

static int count_take(struct jn_port *p, uint32_t local)
{
    (void)p;
    (void)local;
    return 0;
}

static void count_give(struct jn_port *p, uint32_t local)
{
    (void)p;
    (void)local;
}

static unsigned count_rx(struct jn_port *p, struct jn_pkt *pk[], unsigned max, uint64_t now_ns)
{
    (void)p;
    (void)pk;
    (void)max;
    (void)now_ns;
    return 0;
}

static void count_tx(struct jn_port *p, struct jn_pkt *pk[], unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct jn_rtp h;
        uint32_t leg = pk[i]->local / 2;
        if (jn_is_rtcp(pk[i]->data, pk[i]->len) || jn_rtp_parse(&h, pk[i]->data, pk[i]->len) < 0)
            continue;
        if (p->n[leg] > 0 && h.seq != (uint16_t)(p->seq[leg] + 1))
            p->out_of_order++;
        p->seq[leg] = h.seq;
        if (++p->n[leg] == PERIODS)
            p->heard++;
    }
}

static bool count_wait(struct jn_port *p, uint64_t timeout_ns)
{
    struct pollfd fd = {.fd = p->wake_fd, .events = POLLIN};
    struct timespec t = {.tv_nsec = (long)(timeout_ns < 5000000 ? timeout_ns : 5000000)};
    ppoll(&fd, 1, &t, NULL);
    return true;
}

static void count_close(struct jn_port *p)
{
    (void)p;
}

static const struct jn_port_ops count_port = {.open = count_open,
                                              .take = count_take,
                                              .give = count_give,
                                              .rx = count_rx,
                                              .tx = count_tx,
                                              .wait = count_wait,
                                              .close = count_close};

static void large_open(void)
{
    int16_t tone[1600];

    memset(&large, 0, sizeof large);
    for (int i = 0; i < 1600; i++)
        tone[i] = (int16_t)(i % 40 < 20 ? 3000 : -3000);
    cr_assert_eq(jn_sounds_add(&large.sounds, "tone", tone, 1600), 0);
    for (unsigned i = 0; i < 2; i++) {
        struct jn_worker_config c = {.index = (uint8_t)i,
                                     .cpu = -1,
                                     .port_min = 20000,
                                     .port_max = 20000 + 2 * LISTENERS - 1,
                                     .max_legs = LISTENERS,
                                     .max_rooms = 2,
                                     .net = &count_port,
                                     .sounds = &large.sounds};
        struct jn_err err;
        jn_addr_parse(&c.local, "127.0.0.1", 0);
        cr_assert_eq(jn_worker_open(&large.w[i], &c, &err), 0, "%s", err.text);
        cr_assert_eq(
            jn_mailbox_init(&large.orders[i], 8 * LISTENERS, sizeof(struct jn_order), jn_worker_waker(large.w[i])), 0);
        cr_assert_eq(jn_mailbox_init(&large.facts[i], 8 * LISTENERS, sizeof(struct jn_fact), NULL), 0);
        jn_worker_mail(large.w[i], &large.orders[i], &large.facts[i], NULL);
    }
    cr_assert_eq(jn_workers_link(large.w, 2), 0);
}

static void large_order(unsigned worker, const struct jn_order *o)
{
    cr_assert_eq(jn_mailbox_send(&large.orders[worker], o), 0);
}

static void listeners_join(void)
{
    struct jn_addr to;

    large_order(0, &(struct jn_order){.kind = JN_ORDER_ROOM_OPEN, .room = ROOM});
    for (uint64_t leg = 1; leg <= LISTENERS; leg++) {
        struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = leg};
        large_order(1, &o);
        jn_addr_parse(&to, "198.51.100.1", (uint16_t)(4000 + 2 * leg));
        o = (struct jn_order){.kind = JN_ORDER_LEG_REMOTE, .leg = leg};
        o.remote = (struct jn_leg_remote){.rtp = to, .rtcp = to, .dtmf_pt = 101, .cn_pt = 13, .ptime_ms = 20};
        large_order(1, &o);
        o = (struct jn_order){.kind = JN_ORDER_ROOM_JOIN, .leg = leg, .room = ROOM, .leg_worker = 1};
        o.join.track = JN_TRACK_CALLER;
        large_order(1, &o);
        large_order(0, &o);
    }
    struct jn_order o = {.kind = JN_ORDER_PLAY, .room = ROOM, .play = {.n = 1, .loop = true}};
    large_order(0, &o);
}

static uint64_t count_of(unsigned worker, enum jn_drop why)
{
    return atomic_load(&jn_worker_counts(large.w[worker])->drops[why]);
}

Test(worker, a_thousand_listeners_on_another_worker_all_hear_every_period)
{
    large_open();
    listeners_join();
    for (unsigned i = 0; i < 2; i++)
        cr_assert_eq(jn_worker_start(large.w[i]), 0);
    for (unsigned i = 0; i < 3000 && large.port[1].heard < LISTENERS; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    for (unsigned i = 0; i < 2; i++)
        jn_worker_stop(large.w[i]);
    cr_expect_eq(large.port[1].heard, LISTENERS);
    cr_expect_eq(large.port[1].out_of_order, 0);
    cr_expect_eq(count_of(0, JN_DROP_FULL) + count_of(1, JN_DROP_FULL), 0, "%lu and %lu frames lost at the link",
                 count_of(0, JN_DROP_FULL), count_of(1, JN_DROP_FULL));
    cr_expect_geq(atomic_load(&jn_worker_counts(large.w[1])->link_frames), (uint64_t)LISTENERS * PERIODS);
    for (unsigned i = 0; i < 2; i++) {
        jn_worker_close(large.w[i]);
        jn_mailbox_free(&large.orders[i]);
        jn_mailbox_free(&large.facts[i]);
    }
    jn_sounds_free(&large.sounds);
}
