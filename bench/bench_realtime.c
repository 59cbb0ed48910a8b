/* Realtime: how many participants one core holds at real pace: three-party G.711 calls, everybody speaks, hears the
 * others and is recorded; a worker's thread as the engine has it, on core 1, over net_ring (a virtual device of DPDK:
 * memory, no card); the far ends on core 0. Held means: every packet that was sent was received, recorded, heard by the
 * others in the right 20 ms and sent to them, as the engine's counters and the far ends' own judgement say, and 99.99 %
 * of the mixer's ticks began no later than the witness saw 99.99 % of the same ticks, plus 500 us.
 *
 * The witness is a thread that spins on the clock on the worker's core and does nothing else: it shows how often this
 * machine takes the core away. It has the core in alternation with the worker, whose thread is on core 0 meanwhile.
 *
 * `--seconds N` under load (120), `--long` 600; `--participants N` that many only, without a search. */
#include "bench/daemon.h"
#include "bench/far.h"
#include "engine/worker/worker.h"
#include "media/record/ring.h"
#include <pthread.h>
#include <sys/prctl.h>

enum {
    STRETCH_S = 12,
    WITNESS_S = 3,
    TRY_S = 4,
    STEP = 3600,
    START = 22500,
    MOST = 42000,
    GOAL = 20000,
    FIRST = 2000,
    SETTLE = 75, /* periods, before anything is judged */
    RING = 65536,
    BUFFERS = 131071,
    ENGINE_BUFFERS = 32768,
    MARGIN_US = 500,
    LATE_US = 3000, /* the far ends': more than that late at p99.9, and nothing was measured */
    CORE = 1
};

struct result {
    uint32_t legs;
    bool done, held, valid;
    unsigned late_us, witness_us, far_p999_us, load_permille;
    uint64_t packets, ticks, late[JN_LATE_N];
    char why[160];
};

struct bench {
    struct wire wire;
    struct jn_worker *w;
    struct jn_mailbox orders, facts;
    struct jn_rec_ring rec;
    struct far far;
    struct far_late witness;
    struct jn_addr *local;
    uint32_t legs, opened;
    uint64_t recorded, overflow, sum, rx_media;
    unsigned witness_s;
    struct result *r;
};

static const uint32_t bounds_us[JN_LATE_N - 1] = JN_LATE_BOUNDS_US;

/* Facts, and what was recorded: each byte is looked at, as a writer would. */
static void meanwhile(void *arg)
{
    struct bench *b = arg;
    struct jn_rec_chunk *c[4];
    struct jn_fact f;

    while (jn_mailbox_recv(&b->facts, &f, 1) == 1) {
        if (f.kind == JN_FACT_LEG_OPENED) {
            b->local[f.leg - 1] = f.opened.rtp;
            b->opened++;
        } else if (f.kind == JN_FACT_REFUSED || f.kind == JN_FACT_LEG_REFUSED) {
            plane_die("an order was refused");
        }
    }
    unsigned n = jn_rec_ring_get(&b->rec, c, 4);
    for (unsigned i = 0; i < n; i++) {
        b->recorded += c[i]->frames;
        for (uint32_t at = 0; at < c[i]->used; at += 8)
            b->sum += *(const uint64_t *)(const void *)(c[i]->body + at);
    }
    if (n > 0)
        jn_rec_ring_back(&b->rec, c, n);
}

static void order(struct bench *b, const struct jn_order *o)
{
    while (jn_mailbox_send(&b->orders, o) < 0)
        meanwhile(b);
}

static void open_leg(struct bench *b, uint32_t i)
{
    struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = i + 1};

    order(b, &o);
    o.kind = JN_ORDER_LEG_REMOTE;
    o.remote = (struct jn_leg_remote){.rtp = wire_peer(i),
                                      .rtcp = wire_peer(i),
                                      .codec = far_alaw(i) ? JN_CODEC_PCMA : JN_CODEC_PCMU,
                                      .rtp_pt = far_alaw(i) ? 8 : 0,
                                      .dtmf_pt = 101,
                                      .cn_pt = 13,
                                      .ptime_ms = 20};
    order(b, &o);
    o = (struct jn_order){.kind = JN_ORDER_ROOM_JOIN, .leg = i + 1, .room = i / 3 + 1};
    o.join.track = i % 3 == 0 ? JN_TRACK_CALLER : i % 3 == 1 ? JN_TRACK_AGENT : JN_TRACK_OTHER;
    order(b, &o);
}

static void open_calls(struct bench *b)
{
    for (uint32_t i = 0; i < b->legs; i += 3) {
        uint32_t room = i / 3 + 1;
        order(b, &(struct jn_order){.kind = JN_ORDER_ROOM_OPEN, .room = room});
        for (uint32_t k = i; k < i + 3; k++)
            open_leg(b, k);
        order(b, &(struct jn_order){
                     .kind = JN_ORDER_RECORD, .room = room, .record = {.call = room, .tenant = 1, .on = 1}});
        far_receive(&b->far, false);
    }
    for (unsigned i = 0; i < 10000 && b->opened < b->legs; i++) {
        meanwhile(b);
        far_receive(&b->far, false);
        usleep(1000);
    }
    if (b->opened < b->legs)
        plane_die("not every leg was opened");
}

static void open_worker(struct bench *b)
{
    struct jn_worker_config c = {.cpu = CORE,
                                 .local = b->wire.place[0],
                                 .port_min = FIRST,
                                 .port_max = (uint16_t)(FIRST + b->legs + 1),
                                 .max_legs = b->legs,
                                 .max_rooms = b->legs / 3,
                                 .quarantine_ms = 5000,
                                 .net = &jn_port_dpdk,
                                 .net_back_end = b->wire.d,
                                 .dscp = 46,
                                 .more_n = 1};
    struct jn_err err = {{0}};

    c.more[0] =
        (struct jn_worker_place){.local = b->wire.place[1], .port_min = c.port_min, .port_max = c.port_max, .dscp = 46};
    if (jn_worker_open(&b->w, &c, &err) < 0)
        plane_die(err.text);
    if (jn_mailbox_init(&b->orders, 4096, sizeof(struct jn_order), jn_worker_waker(b->w)) < 0 ||
        jn_mailbox_init(&b->facts, 4 * b->legs + 64, sizeof(struct jn_fact), NULL) < 0 ||
        jn_rec_ring_init(&b->rec, 4 * (b->legs / 3)) < 0)
        plane_die("no memory");
    jn_worker_mail(b->w, &b->orders, &b->facts, &b->rec);
    if (jn_worker_start(b->w) < 0)
        plane_die("no thread on core 1");
}

/* The worker's thread goes to another core: it goes on, and this one is free. */
static void move_worker(int core)
{
    struct daemon_thread t[32];
    unsigned n = daemon_threads(getpid(), t, 32), moved = 0;
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    for (unsigned i = 0; i < n; i++)
        if (strcmp(t[i].name, "jn-worker-0") == 0)
            moved += sched_setaffinity(t[i].tid, sizeof set, &set) == 0;
    if (moved != 1)
        plane_die("the worker's thread is not found");
}

/* The mixer's ticks, one each millisecond, as somebody sees them who has nothing else to do. */
static void *spin(void *arg)
{
    struct bench *b = arg;
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(CORE, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    sched_yield();
    uint64_t now = jn_mono_ns(), tick = now / 1000000 + 1, end = tick + b->witness_s * UINT64_C(1000);
    while (tick < end) {
        now = jn_mono_ns();
        for (; tick <= now / 1000000 && tick < end; tick++)
            far_late_add(&b->witness, now - tick * 1000000, 1);
    }
    return NULL;
}

static void let_witness(struct bench *b)
{
    pthread_t t;

    move_worker(0);
    if (pthread_create(&t, NULL, spin, b) != 0)
        plane_die("no thread");
    far_listen(&b->far, b->witness_s * UINT64_C(1000000000), false);
    pthread_join(t, NULL);
    move_worker(CORE);
}

/* What the engine says of itself at one moment. */
struct seen {
    uint64_t rx, lost, late[JN_LATE_N];
};

static uint64_t get(const _Atomic uint64_t *at)
{
    return atomic_load_explicit(at, memory_order_relaxed);
}

static struct seen see(const struct bench *b)
{
    static const uint8_t lost[] = {JN_PORT_SHORT,    JN_PORT_BAD_IP,    JN_PORT_BAD_SUM,
                                   JN_PORT_CLOSED,   JN_PORT_NO_BUFFER, JN_PORT_TX_FULL,
                                   JN_PORT_NO_ROUTE, JN_PORT_WAIT_FULL, JN_PORT_WAIT_LOST};
    const struct jn_worker_counts *c = jn_worker_counts(b->w);
    const _Atomic uint64_t *port = jn_worker_port_counts(b->w);
    struct seen s = {.rx = get(&c->rx_packets),
                     .lost = get(&c->rec_overflow) + get(&c->late_ticks) + get(&c->left_out) + get(&c->facts_refused)};

    for (unsigned i = 0; i < JN_DROP_N; i++)
        s.lost += get(&c->drops[i]);
    for (unsigned i = 0; i < sizeof lost; i++)
        s.lost += get(&port[lost[i]]);
    for (unsigned i = 0; i < JN_LATE_N; i++)
        s.late[i] = get(&c->late[i]);
    return s;
}

static bool fails(struct bench *b, const char *why, uint64_t n)
{
    if (n > 0 && !b->r->why[0])
        snprintf(b->r->why, sizeof b->r->why, "%s: %lu", why, n);
    return n > 0;
}

/* Everybody speaks for so many seconds. False: something was lost. */
static bool stretch(struct bench *b, unsigned seconds)
{
    struct far *f = &b->far;
    uint64_t offered = f->offered, few = 0;
    uint32_t periods = seconds * 50;

    far_speak(f, SETTLE, false);
    struct seen from = see(b);
    uint64_t settled = f->offered;
    for (uint32_t i = 0; i < f->legs; i++) {
        f->leg[i].known = false;
        f->leg[i].got = 0;
    }
    far_speak(f, periods, true);
    struct seen to = see(b);
    b->r->load_permille = (unsigned)get(&jn_worker_counts(b->w)->load_permille);
    for (uint32_t i = 0; i < f->legs; i++)
        few += f->leg[i].got < periods - 1;
    far_listen(f, 200000000, false);
    uint64_t all = see(b).rx;
    b->rx_media += f->offered - offered;
    b->r->packets += f->offered - settled;
    for (unsigned i = 0; i < JN_LATE_N; i++) {
        b->r->late[i] += to.late[i] - from.late[i];
        b->r->ticks += to.late[i] - from.late[i];
    }
    bool bad = fails(b, "the engine's ring was full, packets", f->ring_full);
    bad |= fails(b, "no buffers left, packets", f->no_buffer);
    bad |= fails(b, "not received, packets", all == b->rx_media ? 0 : b->rx_media > all ? b->rx_media - all : 1);
    bad |= fails(b, "the engine counted drops", to.lost - from.lost);
    bad |= fails(b, "packets missing or out of time at the far ends", f->missing);
    bad |= fails(b, "participants who got too few packets", few);
    bad |= fails(b, "packets without what the others said", f->wrong);
    return !bad;
}

static unsigned engine_late_us(const struct result *r)
{
    uint64_t sum = 0, want = (uint64_t)((double)r->ticks * 0.9999);

    for (unsigned i = 0; i < JN_LATE_N - 1; i++)
        if ((sum += r->late[i]) >= want)
            return bounds_us[i];
    return 1000000;
}

/* The engine's counters know bounds only: the witness is read by the same ones, or it would seem better than it was. */
static unsigned bound_over(unsigned us)
{
    unsigned i = 0;

    while (i < JN_LATE_N - 1 && us > bounds_us[i])
        i++;
    return i < JN_LATE_N - 1 ? bounds_us[i] : 1000000;
}

static void judge(struct bench *b, bool complete)
{
    struct result *r = b->r;

    r->late_us = engine_late_us(r);
    r->witness_us = b->witness.n > 0 ? bound_over(far_late_at(&b->witness, 0.9999)) : 0;
    r->far_p999_us = far_late_at(&b->far.late, 0.999);
    r->valid = r->far_p999_us <= LATE_US;
    r->held = complete;
    r->done = true;
}

/* One number of participants, in a process of its own. */
static void hold(struct result *r, unsigned seconds, unsigned each_s, unsigned witness_s)
{
    static struct bench b;
    struct wire_size size = {.ring = RING,
                             .buffers = BUFFERS,
                             .engine_spare = ENGINE_BUFFERS,
                             .room = RTE_PKTMBUF_HEADROOM + 256,
                             .memory_mb = 512};
    bool good = true;

    b = (struct bench){.legs = r->legs, .witness_s = witness_s, .r = r};
    daemon_pin(0);
    jn_time_start(0);
    b.local = calloc(b.legs, sizeof *b.local);
    wire_open(&b.wire, &size);
    daemon_pin(0);
    b.far = (struct far){.w = &b.wire, .meanwhile = meanwhile, .arg = &b};
    open_worker(&b);
    wire_tell_address(&b.wire);
    open_calls(&b);
    far_init(&b.far, &b.wire, b.local, b.legs);
    for (unsigned done = 0; done < seconds && good; done += each_s) {
        unsigned now = seconds - done < each_s ? seconds - done : each_s;
        good = stretch(&b, now);
        if (good && witness_s > 0)
            let_witness(&b);
    }
    judge(&b, good);
    jn_worker_stop(b.w);
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t was = b.recorded;
        meanwhile(&b);
        if (i > 100 && was == b.recorded)
            break;
    }
    if (good && fails(&b, "packets not recorded", b.rx_media == b.recorded ? 0 : b.rx_media - b.recorded))
        r->held = false;
}

static struct result by_process(uint32_t legs, unsigned seconds, unsigned each_s, unsigned witness_s)
{
    struct result r = {.legs = legs};
    int fd[2];

    if (pipe(fd) < 0)
        plane_die("no pipe");
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        hold(&r, seconds, each_s, witness_s);
        _exit(write(fd[1], &r, sizeof r) == (ssize_t)sizeof r ? 0 : 1);
    }
    close(fd[1]);
    if (pid < 0 || read(fd[0], &r, sizeof r) != (ssize_t)sizeof r || !r.done)
        plane_die("a step did not come to its end");
    close(fd[0]);
    waitpid(pid, NULL, 0);
    return r;
}

/* A step that counts: one in which the far ends were not late themselves is tried for, three times. */
static struct result step(uint32_t legs, unsigned seconds, unsigned each_s, unsigned witness_s)
{
    struct result r;

    for (unsigned i = 0; i < 3; i++) {
        r = by_process(legs, seconds, each_s, witness_s);
        printf("%8u  %5u s  %10lu  %5.1f %%  %8u  %8u  %8u  %s%s\n", legs, seconds, r.packets, r.load_permille / 10.0,
               r.late_us, r.witness_us, r.far_p999_us,
               !r.valid ? "not counted: the far ends were late themselves; "
               : r.held ? "nothing lost"
                        : "",
               r.why);
        fflush(stdout);
        if (r.valid)
            return r;
    }
    return r;
}

static void heading(void)
{
    printf("three-party G.711 calls, everybody speaks and is recorded, over net_ring (a virtual device, rings of %u "
           "packets), ordinary pages\n",
           RING);
    printf("%8s  %7s  %10s  %7s  %8s  %8s  %8s\n", "", "", "packets", "worker", "ticks", "witness", "far ends");
    printf("%8s  %7s  %10s  %7s  %8s  %8s  %8s\n", "people", "load", "in", "busy", "p99.99us", "p99.99us", "p99.9us");
}

/* The most that short tries hold. */
static uint32_t search(void)
{
    uint32_t best = 0;

    for (uint32_t n = START; n <= MOST; n += STEP) {
        struct result r = step(n, TRY_S, TRY_S, 0);
        if (!r.valid || !r.held)
            break;
        best = n;
    }
    for (uint32_t n = START - STEP; best == 0 && n >= STEP; n -= STEP) {
        struct result r = step(n, TRY_S, TRY_S, 0);
        if (!r.valid)
            return 0;
        best = r.held ? n : 0;
    }
    return best;
}

static bool passes(const struct result *r)
{
    return r->valid && r->held && r->late_us <= r->witness_us + MARGIN_US;
}

int main(int argc, char *argv[])
{
    unsigned seconds = 120;
    uint32_t legs = 0;
    struct result r = {0};

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--long") == 0)
            seconds = 600;
        else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
            seconds = (unsigned)atoi(argv[++i]);
        else if (strcmp(argv[i], "--participants") == 0 && i + 1 < argc)
            legs = (uint32_t)atoi(argv[++i]) / 3 * 3;
        else
            plane_die("arguments: --long, --seconds N, --participants N");
    }
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
        plane_die("two cores are needed: one for the worker, one for the far ends");
    if (seconds == 0 || legs > MOST)
        plane_die("at least one second, at most 42,000 participants");
    heading();
    uint32_t most = legs ? legs : search();
    /* What a short try held may be too much for long; the second time with more room. */
    for (unsigned i = 0; i < 2 && most > 0; i++) {
        uint32_t n = legs ? legs : most * (9 - 2 * i) / 10 / 3 * 3;
        r = step(n, seconds, STRETCH_S, WITNESS_S);
        if (passes(&r) || legs)
            break;
    }
    if (!passes(&r)) {
        fprintf(stderr,
                "no number of participants was held for %u s with ticks at most %u us later than the witness's; "
                "no figure\n",
                seconds, MARGIN_US);
        return 1;
    }
    printf("goal: %u participants, p99.99 at most the witness's + %u us\n", GOAL, MARGIN_US);
    printf("FIGURE realtime_participants %u participants\n", r.legs);
    printf("FIGURE realtime_p9999_late_us %u us\n", r.late_us);
    printf("FIGURE realtime_witness_p9999_us %u us\n", r.witness_us);
    printf("FIGURE realtime_seconds %u s\n", seconds);
    printf("FIGURE realtime_packets_each_way %lu packets\n", r.packets);
    printf("FIGURE realtime_worker_busy_percent %.1f %%\n", r.load_permille / 10.0);
    return 0;
}
