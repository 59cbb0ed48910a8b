/* A worker with more work than time, in simulated time: a port that only this test knows takes some of it for each
 * packet, and some more for each one that was lost, as concealment does. */
#include "engine/worker/worker.h"
#include "media/record/ring.h"
#include "media/rtp/rtp.h"
#include <criterion/criterion.h>
#include <string.h>

/* Costs in ns. With these the normal load is 0.6 of a core; where every packet is lost it would be 1.2. */
enum { LEGS = 300, ROOMS = LEGS / 3, QUEUE = 1024, PACKET = 20000, LOST = 60000, SETTLE_S = 1, OVERLOAD_S = 3 };

struct jn_port {
    int unused;
};
static struct {
    struct jn_port port;
    uint64_t now, used, arrived_ms, sent, lost, unsaid, out;
    unsigned in_factor, out_factor, head, n, given;
    bool talks;
    struct {
        uint16_t len;
        uint32_t leg;
        uint8_t data[172];
    } queue[QUEUE];
    uint16_t seq[LEGS];
    struct jn_pkt pk[JN_PKT_BURST];
    struct jn_worker *w;
    struct jn_mailbox orders, facts;
} sim;

static void work(uint64_t ns)
{
    sim.now += ns;
    sim.used += ns;
}

/* A received packet costs a quarter for being read, the rest for what is done with it. */
static void take_given(void)
{
    for (; sim.given > 0; sim.given--)
        if (sim.pk[sim.given - 1].drop != JN_DROP_STALE)
            work(PACKET * sim.in_factor * 3 / 8);
}

static uint64_t sim_now(void)
{
    take_given();
    return sim.now;
}

static uint64_t sim_used(void)
{
    return sim.used;
}

/* What was said until now: each leg 20 ms every 20 ms. */
static void arrive(void)
{
    for (; sim.arrived_ms < sim.now / 1000000; sim.arrived_ms++) {
        for (uint32_t leg = (uint32_t)(sim.arrived_ms % 20); sim.talks && leg < LEGS; leg += 20) {
            struct jn_rtp h = {.seq = sim.seq[leg], .ts = 160u * sim.seq[leg], .ssrc = leg + 1};
            sim.seq[leg]++;
            sim.sent++;
            if (sim.n == QUEUE) {
                sim.lost++;
                sim.unsaid++;
                continue;
            }
            unsigned at = (sim.head + sim.n++) % QUEUE;
            sim.queue[at].leg = leg;
            jn_rtp_build(sim.queue[at].data, &h);
            memset(sim.queue[at].data + 12, 0x90, 160);
        }
    }
}

static int sim_open(struct jn_port **out, const struct jn_port_config *c, struct jn_err *err)
{
    (void)c;
    (void)err;
    *out = &sim.port;
    return 0;
}

static int sim_take(struct jn_port *p, uint32_t local)
{
    (void)p;
    (void)local;
    return 0;
}

static void sim_give(struct jn_port *p, uint32_t local)
{
    (void)p;
    (void)local;
}

static struct jn_addr party(uint32_t leg)
{
    struct jn_addr a;
    jn_addr_parse(&a, "198.51.100.1", (uint16_t)(4000 + 2 * leg));
    return a;
}

static unsigned sim_rx(struct jn_port *p, struct jn_pkt *pk[], unsigned max, uint64_t now_ns)
{
    unsigned n = 0;

    (void)p;
    take_given();
    arrive();
    for (; n < max && sim.n > 0; n++, sim.n--, sim.head = (sim.head + 1) % QUEUE) {
        uint32_t leg = sim.queue[sim.head].leg;
        sim.pk[n] = (struct jn_pkt){.data = sim.queue[sim.head].data,
                                    .len = 172,
                                    .cap = 172,
                                    .local = 2 * leg,
                                    .stream = JN_PKT_NO_STREAM,
                                    .at_ns = now_ns,
                                    .from = party(leg)};
        pk[n] = &sim.pk[n];
    }
    sim.given = n;
    work((uint64_t)n * PACKET * sim.in_factor / 8);
    return n;
}

static void sim_tx(struct jn_port *p, struct jn_pkt *pk[], unsigned n)
{
    uint64_t conceal = sim.unsaid < n ? sim.unsaid : n;

    (void)p;
    (void)pk;
    sim.out += n;
    sim.unsaid -= conceal;
    work((uint64_t)n * PACKET * sim.out_factor * 3 / 2 + conceal * LOST);
}

static bool sim_wait(struct jn_port *p, uint64_t timeout_ns)
{
    uint64_t next = 1000000 - sim.now % 1000000;

    (void)p;
    sim.now += timeout_ns < next ? timeout_ns : next;
    return true;
}

static void sim_close(struct jn_port *p)
{
    (void)p;
}

static const struct jn_port_ops sim_port = {.open = sim_open,
                                            .take = sim_take,
                                            .give = sim_give,
                                            .rx = sim_rx,
                                            .tx = sim_tx,
                                            .wait = sim_wait,
                                            .close = sim_close};

static void order(const struct jn_order *o)
{
    struct jn_fact f;

    while (jn_mailbox_send(&sim.orders, o) < 0)
        jn_worker_turn(sim.w);
    while (jn_mailbox_recv(&sim.facts, &f, 1) == 1)
        cr_assert_neq(f.kind, JN_FACT_REFUSED);
}

static void open_calls(void)
{
    for (uint32_t i = 0; i < LEGS; i++) {
        struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = i + 1};
        order(&o);
        o = (struct jn_order){.kind = JN_ORDER_LEG_REMOTE, .leg = i + 1};
        o.remote =
            (struct jn_leg_remote){.rtp = party(i), .rtcp = party(i), .dtmf_pt = 101, .cn_pt = 13, .ptime_ms = 20};
        order(&o);
        if (i % 3 == 0) {
            o = (struct jn_order){.kind = JN_ORDER_ROOM_OPEN, .room = i / 3 + 1};
            order(&o);
        }
        o = (struct jn_order){.kind = JN_ORDER_ROOM_JOIN, .leg = i + 1, .room = i / 3 + 1};
        o.join.track = i % 3 == 0 ? JN_TRACK_CALLER : i % 3 == 1 ? JN_TRACK_AGENT : JN_TRACK_OTHER;
        order(&o);
    }
}

static void open_worker(void)
{
    static const struct jn_worker_clock clock = {sim_now, sim_used};
    struct jn_worker_config c = {.cpu = -1,
                                 .port_min = 20000,
                                 .port_max = 20000 + 2 * LEGS - 1,
                                 .max_legs = LEGS,
                                 .max_rooms = ROOMS,
                                 .net = &sim_port,
                                 .clock = &clock};
    struct jn_err err;

    memset(&sim, 0, sizeof sim);
    sim.now = UINT64_C(1000000000000);
    sim.arrived_ms = sim.now / 1000000;
    sim.in_factor = sim.out_factor = 1;
    jn_addr_parse(&c.local, "127.0.0.1", 0);
    cr_assert_eq(jn_worker_open(&sim.w, &c, &err), 0, "%s", err.text);
    cr_assert_eq(jn_mailbox_init(&sim.orders, 64, sizeof(struct jn_order), jn_worker_waker(sim.w)), 0);
    cr_assert_eq(jn_mailbox_init(&sim.facts, 4 * LEGS, sizeof(struct jn_fact), NULL), 0);
    jn_worker_mail(sim.w, &sim.orders, &sim.facts, NULL);
    open_calls();
    sim.talks = true;
}

static void run(unsigned seconds)
{
    uint64_t end = sim.now + seconds * UINT64_C(1000000000);
    while (sim.now < end)
        jn_worker_turn(sim.w);
}

struct seen {
    uint64_t now, rx, stale, left_out, late_ticks, mixed, lost, load;
};

static struct seen see(void)
{
    const struct jn_worker_counts *c = jn_worker_counts(sim.w);
    return (struct seen){.now = sim.now,
                         .rx = atomic_load(&c->rx_packets),
                         .stale = atomic_load(&c->drops[JN_DROP_STALE]),
                         .left_out = atomic_load(&c->left_out),
                         .late_ticks = atomic_load(&c->late_ticks),
                         .mixed = atomic_load(&c->mixed),
                         .lost = sim.lost,
                         .load = atomic_load(&c->load_permille)};
}

/* Every packet was taken or waits, every period was mixed or left out. */
static void adds_up(const struct seen *a, const struct seen *b)
{
    uint64_t periods = (b->now - a->now) / 20000000 * ROOMS,
             done = (b->mixed - a->mixed) / 3 + b->left_out - a->left_out;

    cr_assert_eq(sim.sent, b->rx + b->lost + sim.n);
    /* At both ends there may be some that are due or just done. */
    cr_assert(done + 7 * ROOMS >= periods && done <= periods + 7 * ROOMS, "%lu periods of %lu", done, periods);
}

static void close_worker(void)
{
    jn_worker_close(sim.w);
    jn_mailbox_free(&sim.orders);
    jn_mailbox_free(&sim.facts);
}

/* Normal load, then dearer packets, then normal load again. Gives what overload cost. */
static struct seen rush(unsigned in_factor, unsigned out_factor)
{
    open_worker();
    run(SETTLE_S);
    struct seen a = see();
    run(2);
    struct seen b = see();
    adds_up(&a, &b);
    cr_assert_eq(b.stale + b.left_out + b.lost, 0, "normal load: everything in time");
    cr_assert(b.load > 450 && b.load < 750, "load %lu", b.load);
    sim.in_factor = in_factor;
    sim.out_factor = out_factor;
    run(OVERLOAD_S);
    struct seen c = see();
    adds_up(&b, &c);
    cr_assert_gt(c.mixed - b.mixed, LEGS * 50 * OVERLOAD_S / 4, "it still speaks");
    cr_assert_gt(c.rx - b.rx - (c.stale - b.stale), LEGS * 50 * OVERLOAD_S / 4, "and hears");
    cr_assert_gt(c.load, 850, "new calls are refused");
    sim.in_factor = sim.out_factor = 1;
    run(1);
    struct seen d = see();
    run(2);
    struct seen e = see();
    adds_up(&d, &e);
    cr_assert_eq(e.left_out, d.left_out);
    cr_assert_eq(e.stale, d.stale);
    cr_assert_eq(e.late_ticks, d.late_ticks);
    cr_assert_eq(e.lost, d.lost);
    cr_assert_lt(e.load, 850, "new calls are taken again");
    return c;
}

Test(worker, too_much_to_mix_leaves_periods_out_and_is_over_within_a_second_of_the_load_s_end)
{
    struct seen s = rush(1, 4);
    cr_assert_gt(s.left_out, 0);
    cr_assert_eq(s.stale + s.lost, 0, "whatever comes is taken");
    close_worker();
}

Test(worker, too_many_packets_are_shed_while_periods_go_on_and_that_is_over_within_a_second)
{
    struct seen s = rush(8, 1);
    cr_assert_gt(s.stale, 0);
    close_worker();
}
