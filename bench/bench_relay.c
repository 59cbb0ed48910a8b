/* Relay: packets that one core relays. Pure: the media path without sockets, plain and with SRTP on both sides
 * (libsrtp). Sockets: a whole worker, real UDP packets on loopback; the load comes from another thread, so the worker's
 * own processor time is what counts, and with it the packets for each second of it. "behind": offered and not (yet)
 * relayed at the end, in socket buffers or lost: not 0 when the machine gave the worker too little time. */
#include "bench/plane.h"
#include "engine/base/clock.h"
#include "engine/worker/worker.h"
#include "media/rtp/rtp.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CALLS = 200,
    LEGS = 2 * CALLS,
    ROUNDS = 5,
    PERIODS = 200,
    SRTP_PERIODS = 40,
    SOCKET_S = 4,
    PORT = 20000 /* below those that phones get */
};

struct bench {
    struct jn_plane *p;
    struct jn_mailbox facts;
    uint16_t local[LEGS];
    struct jn_srtp *seal[LEGS];
    uint64_t now, sent, spent_ns;
    uint16_t seq;
    uint8_t bytes[JN_PKT_BURST][600];
    struct jn_pkt pkt[JN_PKT_BURST];
};

static void order(struct bench *b, const struct jn_order *o)
{
    plane_order(b->p, &b->facts, b->local, o, b->now);
}

static struct jn_leg_remote remote_of(uint32_t leg, bool srtp)
{
    struct jn_leg_remote r = {
        .rtp = plane_peer(leg), .rtcp = plane_peer(leg), .dtmf_pt = 101, .cn_pt = 13, .ptime_ms = 20};

    r.suite = srtp ? JN_SUITE_AES128_SHA80 : JN_SUITE_NONE;
    for (unsigned i = 0; srtp && i < 30; i++) {
        r.key_in[i] = (uint8_t)(leg + i);
        r.key_out[i] = (uint8_t)(leg + 100 + i);
    }
    return r;
}

static struct bench *pure_open(bool srtp)
{
    struct bench *b = calloc(1, sizeof *b);
    struct jn_plane_config c = {.ports = 2 * LEGS,
                                .max_legs = LEGS,
                                .max_rooms = CALLS,
                                .srtp = jn_srtp(),
                                .port = {.take = plane_take, .give = plane_give, .tx = plane_tx, .arg = &b->sent}};

    if (!b || jn_plane_open(&b->p, &c) < 0 || jn_mailbox_init(&b->facts, 4096, sizeof(struct jn_fact), NULL) < 0)
        plane_die("no memory");
    jn_plane_mail(b->p, &b->facts, NULL);
    b->now = UINT64_C(1000000000000);
    for (uint32_t i = 0; i < LEGS; i++) {
        struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = i + 1, .room = i / 2 + 1};
        order(b, &o);
        o.kind = JN_ORDER_LEG_REMOTE;
        o.remote = remote_of(i, srtp);
        order(b, &o);
        if (srtp)
            b->seal[i] = jn_srtp_libsrtp.open_context(NULL, JN_SUITE_AES128_SHA80, o.remote.key_in, false);
        plane_join_call(b->p, &b->facts, b->local, i, b->now);
    }
    for (unsigned ms = 0; ms < 300; ms++)
        jn_plane_tick(b->p, b->now += 1000000);
    jn_plane_flush(b->p);
    return b;
}

/* Each leg sends one packet; only what the plane does with them is timed, not their making. */
static void period(struct bench *b, bool srtp)
{
    struct jn_pkt *pk[JN_PKT_BURST];

    b->seq++;
    for (uint32_t i = 0; i < LEGS;) {
        unsigned n = 0;
        for (; n < JN_PKT_BURST && i < LEGS; n++, i++) {
            struct jn_rtp h = {.seq = b->seq, .ts = b->seq * 160u, .ssrc = i};
            jn_rtp_build(b->bytes[n], &h);
            memset(b->bytes[n] + 12, (int)i, 160);
            b->pkt[n] = (struct jn_pkt){.data = b->bytes[n],
                                        .len = 172,
                                        .cap = sizeof b->bytes[0],
                                        .local = b->local[i],
                                        .from = plane_peer(i),
                                        .at_ns = b->now};
            pk[n] = &b->pkt[n];
            if (srtp && jn_srtp_seal_one(&jn_srtp_libsrtp, b->seal[i], &pk[n], 1, false) != 1)
                plane_die("a packet was not sealed");
        }
        uint64_t begin = jn_mono_ns();
        jn_plane_rx(b->p, pk, n, b->now);
        jn_plane_flush(b->p);
        b->spent_ns += jn_mono_ns() - begin;
    }
    b->now += 20000000;
    uint64_t begin = jn_mono_ns();
    jn_plane_tick(b->p, b->now);
    jn_plane_flush(b->p);
    b->spent_ns += jn_mono_ns() - begin;
}

static double round_of(struct bench *b, bool srtp, unsigned periods)
{
    uint64_t relayed = jn_plane_counts(b->p)->relayed;

    b->spent_ns = 0;
    for (unsigned i = 0; i < periods; i++)
        period(b, srtp);
    if (jn_plane_counts(b->p)->relayed - relayed != (uint64_t)periods * LEGS)
        plane_die("not every packet was relayed");
    return (double)b->spent_ns / ((double)periods * LEGS);
}

static void pure_close(struct bench *b)
{
    for (unsigned i = 0; i < LEGS; i++)
        if (b->seal[i])
            jn_srtp_libsrtp.close_context(b->seal[i]);
    jn_plane_close(b->p);
    jn_mailbox_free(&b->facts);
    free(b);
}

/* The load: CALLS pairs of phones, one socket each, every packet to the worker, answers thrown away by the kernel. */
struct load {
    int fd[LEGS];
    struct sockaddr_in to[LEGS];
    _Atomic bool stop;
    _Atomic uint64_t sent;
};

static void *send_load(void *arg)
{
    struct load *l = arg;
    uint8_t data[172] = {0};
    uint64_t next = jn_mono_ns(), sent = 0;

    for (uint16_t seq = 0; !atomic_load_explicit(&l->stop, memory_order_relaxed); seq++) {
        for (uint32_t i = 0; i < LEGS; i++) {
            struct jn_rtp h = {.seq = seq, .ts = seq * 160u, .ssrc = i};
            jn_rtp_build(data, &h);
            if (sendto(l->fd[i], data, sizeof data, MSG_DONTWAIT, (struct sockaddr *)&l->to[i], sizeof l->to[i]) > 0)
                sent++;
        }
        atomic_store_explicit(&l->sent, sent, memory_order_relaxed);
        next += 2500000; /* eight times real time: up to 160,000 packets a second, or what this thread can */
        struct timespec t = {.tv_sec = (time_t)(next / 1000000000), .tv_nsec = (long)(next % 1000000000)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
    }
    return NULL;
}

static int phone(struct jn_addr *local)
{
    struct sockaddr_in s = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof s;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), small = 2048;

    if (fd < 0 || bind(fd, (struct sockaddr *)&s, sizeof s) < 0 || getsockname(fd, (struct sockaddr *)&s, &len) < 0)
        plane_die("no socket for a phone");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small); /* nobody listens */
    jn_addr_parse(local, "127.0.0.1", ntohs(s.sin_port));
    return fd;
}

static void send_order(struct jn_mailbox *orders, const struct jn_order *o)
{
    struct timespec t = {.tv_nsec = 1000000};
    while (jn_mailbox_send(orders, o) < 0)
        nanosleep(&t, NULL);
}

static struct jn_fact next_fact(struct jn_mailbox *facts)
{
    struct jn_fact f;
    struct timespec t = {.tv_nsec = 100000};

    for (unsigned i = 0; i < 50000; i++, nanosleep(&t, NULL))
        if (jn_mailbox_recv(facts, &f, 1) == 1)
            return f;
    plane_die("no answer from the worker");
    return f;
}

static uint64_t sum_ns(const struct rusage *u)
{
    return (uint64_t)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000000000 +
           (uint64_t)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) * 1000;
}

/* Processor time of the worker's thread: the process's without this thread's and the load's. */
static uint64_t worker_cpu_ns(pthread_t load)
{
    struct rusage all;
    struct timespec mine, other;
    clockid_t clock;

    getrusage(RUSAGE_SELF, &all);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &mine);
    if (pthread_getcpuclockid(load, &clock) != 0)
        plane_die("no clock of the load's thread");
    clock_gettime(clock, &other);
    return sum_ns(&all) - (uint64_t)(mine.tv_sec + other.tv_sec) * 1000000000 - (uint64_t)mine.tv_nsec -
           (uint64_t)other.tv_nsec;
}

static void set_up(struct load *l, struct jn_mailbox *orders, struct jn_mailbox *facts)
{
    for (uint32_t i = 0; i < LEGS; i++) {
        struct jn_addr local;
        l->fd[i] = phone(&local);
        struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = i + 1, .room = i / 2 + 1};
        send_order(orders, &o);
        struct jn_fact f = next_fact(facts);
        if (f.kind != JN_FACT_LEG_OPENED)
            plane_die("a leg was refused");
        l->to[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(f.opened.rtp.port)};
        l->to[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        o.kind = JN_ORDER_LEG_REMOTE;
        o.remote = remote_of(i, false);
        o.remote.rtp = o.remote.rtcp = local;
        send_order(orders, &o);
        struct jn_order room = {.kind = JN_ORDER_ROOM_OPEN, .room = o.room};
        if (i % 2 == 0)
            send_order(orders, &room);
        room = (struct jn_order){.kind = JN_ORDER_ROOM_JOIN, .leg = o.leg, .room = o.room};
        room.join.track = i % 2 ? JN_TRACK_AGENT : JN_TRACK_CALLER;
        send_order(orders, &room);
    }
}

static void sockets(void)
{
    static struct load l;
    struct jn_worker *w;
    struct jn_err err;
    struct jn_mailbox orders, facts;
    struct jn_worker_config c = {.cpu = -1,
                                 .port_min = PORT,
                                 .port_max = PORT + 4 * LEGS - 1,
                                 .max_legs = LEGS,
                                 .max_rooms = CALLS,
                                 .quarantine_ms = 5000};
    struct timespec wait = {.tv_sec = 1}, span = {.tv_sec = SOCKET_S};
    pthread_t thread;

    jn_addr_parse(&c.local, "127.0.0.1", 0);
    jn_time_start(0);
    if (jn_worker_open(&w, &c, &err) < 0)
        plane_die(err.text);
    if (jn_mailbox_init(&orders, 1024, sizeof(struct jn_order), jn_worker_waker(w)) < 0 ||
        jn_mailbox_init(&facts, 1024, sizeof(struct jn_fact), NULL) < 0)
        plane_die("no memory");
    jn_worker_mail(w, &orders, &facts, NULL);
    if (jn_worker_start(w) < 0)
        plane_die("no thread");
    set_up(&l, &orders, &facts);
    nanosleep(&wait, NULL);
    if (pthread_create(&thread, NULL, send_load, &l) != 0)
        plane_die("no thread");
    nanosleep(&wait, NULL);
    const struct jn_worker_counts *n = jn_worker_counts(w);
    uint64_t relayed = atomic_load(&n->relayed), sent = atomic_load(&l.sent), cpu = worker_cpu_ns(thread);
    uint64_t begin = jn_mono_ns();
    nanosleep(&span, NULL);
    relayed = atomic_load(&n->relayed) - relayed;
    sent = atomic_load(&l.sent) - sent;
    cpu = worker_cpu_ns(thread) - cpu;
    double seconds = (double)(jn_mono_ns() - begin) / 1e9;
    atomic_store(&l.stop, true);
    pthread_join(thread, NULL);
    jn_worker_stop(w);
    jn_worker_close(w);
    jn_mailbox_free(&orders);
    jn_mailbox_free(&facts);
    for (unsigned i = 0; i < LEGS; i++)
        close(l.fd[i]);
    printf("FIGURE relay_packets_per_s_sockets %.0f packets/s\n", (double)relayed * 1e9 / (double)cpu);
    printf("FIGURE relay_sockets_offered %.0f packets/s\n", (double)sent / seconds);
    printf("FIGURE relay_sockets_relayed %.0f packets/s\n", (double)relayed / seconds);
    printf("FIGURE relay_sockets_behind %.2f %%\n", 100.0 * (1.0 - (double)relayed / (double)sent));
    printf("FIGURE relay_sockets_worker_busy %.2f cores\n", (double)cpu / 1e9 / seconds);
}

int main(void)
{
    struct bench *plain = pure_open(false), *srtp = pure_open(true);
    double plain_ns = 1e18, srtp_ns = 1e18;

    round_of(plain, false, PERIODS);
    for (unsigned i = 0; i < ROUNDS; i++) { /* both sides of the comparison in turn */
        double ns = round_of(plain, false, PERIODS);
        plain_ns = ns < plain_ns ? ns : plain_ns;
        ns = round_of(srtp, true, SRTP_PERIODS);
        srtp_ns = ns < srtp_ns ? ns : srtp_ns;
    }
    pure_close(plain);
    pure_close(srtp);
    printf("FIGURE relay_ns_per_packet_pure %.0f ns\n", plain_ns);
    printf("FIGURE relay_srtp_ns_per_packet %.0f ns\n", srtp_ns);
    sockets();
    return 0;
}
