/* Udp: what one relayed packet costs in processor time when everything goes through the kernel's sockets: this engine
 * against rtpengine (Debian's, user space), same calls, same generator, same run, in turns. The relays stand on one
 * core and the generator on another; the packets that come out at the far end are counted, and a side that lost any is
 * refused. The engine is measured twice: as it runs with the rights that the benchmark has, and as an ordinary user's
 * (one socket a port, recvmmsg and sendmmsg). `bench/run udp SECONDS` makes the rounds longer. */
#include "bench/peers/paced.h"
#include "engine/net/port_udp.h"
#include "engine/worker/worker.h"
#include <sys/resource.h>

enum { ROUNDS = 5, SIDES = 3, FIRST = 5600, SECOND = 10600 };

static struct paced side[SIDES] = {
    {0}, {.name = "engine", .legs = PACED_LEGS}, {.name = "engine, no privileges", .legs = PACED_LEGS}};
static struct paced_far far_end;

static void give_order(struct jn_mailbox *orders, const struct jn_order *o)
{
    while (jn_mailbox_send(orders, o) < 0)
        usleep(1000);
}

static struct jn_fact next_fact(struct jn_mailbox *facts)
{
    struct jn_fact f;

    for (unsigned i = 0; i < 50000; i++, usleep(100))
        if (jn_mailbox_recv(facts, &f, 1) == 1)
            return f;
    plane_die("no answer from the worker");
    return f;
}

/* The engine's media worker in a process of its own; writes its ports into the pipe, and ends with its parent. */
static void engine(int out, uint16_t first, const struct jn_port_udp_options *options)
{
    struct jn_worker_config c = {.cpu = -1,
                                 .port_min = first,
                                 .port_max = (uint16_t)(first + 2 * PACED_LEGS - 1),
                                 .max_legs = PACED_LEGS,
                                 .max_rooms = PACED_CALLS,
                                 .quarantine_ms = 5000,
                                 .net_back_end = options,
                                 .dscp = 46};
    struct jn_worker *w;
    struct jn_err err = {{0}};
    struct jn_mailbox orders, facts;
    uint16_t port[PACED_LEGS];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    paced_pin(0);
    jn_time_start(0);
    jn_addr_parse(&c.local, "127.0.0.1", 0);
    if (jn_worker_open(&w, &c, &err) < 0)
        plane_die(err.text);
    if (jn_mailbox_init(&orders, 1024, sizeof(struct jn_order), jn_worker_waker(w)) < 0 ||
        jn_mailbox_init(&facts, 4 * PACED_LEGS, sizeof(struct jn_fact), NULL) < 0)
        plane_die("no memory");
    jn_worker_mail(w, &orders, &facts, NULL);
    if (jn_worker_start(w) < 0)
        plane_die("no thread");
    for (uint32_t i = 0; i < PACED_LEGS; i++) {
        struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = i + 1, .room = i / 2 + 1};
        give_order(&orders, &o);
        struct jn_fact f = next_fact(&facts);
        if (f.kind != JN_FACT_LEG_OPENED)
            plane_die("a leg was refused");
        port[i] = f.opened.rtp.port;
        o.kind = JN_ORDER_LEG_REMOTE;
        o.remote = (struct jn_leg_remote){
            .rtp = far_end.addr, .rtcp = far_end.addr, .dtmf_pt = 101, .cn_pt = 13, .ptime_ms = 20};
        give_order(&orders, &o);
        struct jn_order room = {.kind = JN_ORDER_ROOM_OPEN, .room = o.room};
        if (i % 2 == 0)
            give_order(&orders, &room);
        room = (struct jn_order){.kind = JN_ORDER_ROOM_JOIN, .leg = o.leg, .room = o.room};
        room.join.track = i % 2 ? JN_TRACK_AGENT : JN_TRACK_CALLER;
        give_order(&orders, &room);
    }
    if (write(out, port, sizeof port) != (ssize_t)sizeof port)
        plane_die("no pipe");
    for (;;)
        pause();
}

static void start_engine(struct paced *s, uint16_t first, const struct jn_port_udp_options *options)
{
    int p[2];

    if (pipe(p) < 0)
        plane_die("no pipe");
    s->pid = fork();
    if (s->pid == 0)
        engine(p[1], first, options);
    close(p[1]);
    if (s->pid < 0 || read(p[0], s->port, sizeof s->port) != (ssize_t)sizeof s->port)
        plane_die("the engine's side does not start");
    close(p[0]);
}

int main(int argc, char *argv[])
{
    static const struct jn_port_udp_options plain = {.no_shared_receive = true, .no_ring = true};
    static const struct jn_port_udp_options all = {0};
    unsigned periods = 50 * (argc > 1 ? (unsigned)atoi(argv[1]) : 3);
    struct rlimit files = {16384, 16384};

    setrlimit(RLIMIT_NOFILE, &files);
    paced_open(&far_end);
    paced_rtpengine(&far_end, &side[0]);
    start_engine(&side[1], FIRST, &all);
    start_engine(&side[2], SECOND, &plain);
    paced_pin(1);
    for (unsigned i = 0; i < SIDES; i++) /* addresses are learnt, rooms become relays */
        paced_play(&far_end, &side[i], 100);
    for (unsigned r = 0; r < ROUNDS; r++)
        for (unsigned i = 0; i < SIDES; i++)
            paced_round(&far_end, &side[i], periods);
    printf("%-24s %14s %12s\n", "relay through sockets", "ns a packet", "packets");
    double ns[SIDES];
    for (unsigned i = 0; i < SIDES; i++) {
        ns[i] = paced_median(side[i].ns, ROUNDS);
        printf("%-24s %14.0f %12lu   (rounds %.0f to %.0f)\n", side[i].name, ns[i], side[i].packets, side[i].ns[0],
               side[i].ns[ROUNDS - 1]);
        paced_end(&side[i]);
    }
    printf("FIGURE udp_rtpengine_cpu_ratio %.2f times\n", ns[0] / ns[1]);
    printf("FIGURE udp_rtpengine_cpu_ratio_unprivileged %.2f times\n", ns[0] / ns[2]);
    printf("FIGURE udp_packet_ns %.0f ns\n", ns[1]);
    printf("FIGURE udp_packet_ns_unprivileged %.0f ns\n", ns[2]);
    printf("FIGURE udp_rtpengine_packet_ns %.0f ns\n", ns[0]);
    return 0;
}
