/* Udp: what one relayed packet costs in processor time when everything goes through the kernel's sockets: this engine
 * against rtpengine (Debian's, user space), same calls, same generator, same run, in turns. The relays stand on one
 * core and the generator on another; the packets that come out at the far end are counted, and a side that lost any is
 * refused. The engine is measured twice: as it runs with the rights that the benchmark has, and as an ordinary user's
 * (one socket a port, recvmmsg and sendmmsg). `bench/run udp SECONDS` makes the rounds longer. */
#include "bench/peers/ng.h"
#include "bench/plane.h"
#include "engine/base/clock.h"
#include "engine/net/port_udp.h"
#include "engine/worker/worker.h"
#include "media/rtp/rtp.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

enum { CALLS = 500, LEGS = 2 * CALLS, ROUNDS = 5, SIDES = 3, PERIOD_MS = 20, BATCH = LEGS / PERIOD_MS, SIZE = 172 };
enum { NG_PORT = 2223, FIRST = 5600, SECOND = 10600, THEIRS = 20000 };

struct side {
    const char *name;
    pid_t pid;
    uint16_t port[LEGS]; /* where the far end of each leg sends to */
    double ns[ROUNDS];
    uint64_t packets;
};

static struct side side[SIDES] = {{.name = "rtpengine"}, {.name = "engine"}, {.name = "engine, no privileges"}};
static int far_fd; /* every leg's far end */
static struct jn_addr far_addr;

static void pin(int core)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)core % (size_t)sysconf(_SC_NPROCESSORS_ONLN), &set);
    sched_setaffinity(0, sizeof set, &set);
}

static void open_far(void)
{
    struct sockaddr_in s = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof s;
    int size = 16 << 20;

    far_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (far_fd < 0 || bind(far_fd, (struct sockaddr *)&s, sizeof s) < 0 ||
        getsockname(far_fd, (struct sockaddr *)&s, &len) < 0)
        plane_die("no socket for the far end");
    if (setsockopt(far_fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
        setsockopt(far_fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    jn_addr_parse(&far_addr, "127.0.0.1", ntohs(s.sin_port));
}

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
                                 .port_max = (uint16_t)(first + 2 * LEGS - 1),
                                 .max_legs = LEGS,
                                 .max_rooms = CALLS,
                                 .quarantine_ms = 5000,
                                 .net_back_end = options,
                                 .dscp = 46};
    struct jn_worker *w;
    struct jn_err err = {{0}};
    struct jn_mailbox orders, facts;
    uint16_t port[LEGS];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(0);
    jn_time_start(0);
    jn_addr_parse(&c.local, "127.0.0.1", 0);
    if (jn_worker_open(&w, &c, &err) < 0)
        plane_die(err.text);
    if (jn_mailbox_init(&orders, 1024, sizeof(struct jn_order), jn_worker_waker(w)) < 0 ||
        jn_mailbox_init(&facts, 4 * LEGS, sizeof(struct jn_fact), NULL) < 0)
        plane_die("no memory");
    jn_worker_mail(w, &orders, &facts, NULL);
    if (jn_worker_start(w) < 0)
        plane_die("no thread");
    for (uint32_t i = 0; i < LEGS; i++) {
        struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = i + 1, .room = i / 2 + 1};
        give_order(&orders, &o);
        struct jn_fact f = next_fact(&facts);
        if (f.kind != JN_FACT_LEG_OPENED)
            plane_die("a leg was refused");
        port[i] = f.opened.rtp.port;
        o.kind = JN_ORDER_LEG_REMOTE;
        o.remote = (struct jn_leg_remote){
            .rtp = far_addr, .rtcp = far_addr, .dtmf_pt = 101, .cn_pt = 13, .ptime_ms = 20};
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

static void start_engine(struct side *s, uint16_t first, const struct jn_port_udp_options *options)
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

static void start_rtpengine(struct side *s)
{
    struct ng ng;

    s->pid = fork();
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pin(0);
        execlp("rtpengine", "rtpengine", "--foreground", "--log-stderr", "--log-level=3", "--interface=127.0.0.1",
               "--listen-ng=127.0.0.1:2223", "--table=-1", "--num-threads=2", "--port-min=20000", "--port-max=60000",
               (char *)NULL);
        fprintf(stderr, "bench_udp: rtpengine is missing: engine/install bench\n");
        _exit(1);
    }
    if (s->pid < 0 || ng_open(&ng, NG_PORT) < 0)
        plane_die("rtpengine does not start");
    int ready = -1;
    for (unsigned i = 0; i < 50 && ready < 0; i++) {
        usleep(100000);
        ready = ng_ping(&ng);
        if (waitpid(s->pid, NULL, WNOHANG) == s->pid)
            exit(1);
    }
    for (unsigned call = 0; call < CALLS; call++) {
        s->port[2 * call + 1] = ng_side(&ng, call, 0, far_addr.port);
        s->port[2 * call] = ng_side(&ng, call, 1, far_addr.port);
        if (!s->port[2 * call] || !s->port[2 * call + 1])
            plane_die("rtpengine refused a call");
    }
    close(ng.fd);
}

/* Processor time of a whole process, kernel's part included. */
static uint64_t cpu_ns(pid_t pid)
{
    struct timespec t;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
        plane_die("one side has ended");
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* What came out at the far end so far and was not counted yet. */
static uint64_t drain(void)
{
    static uint8_t bytes[64][256];
    struct mmsghdr m[64];
    struct iovec v[64];
    uint64_t all = 0;
    int n = 64;

    for (unsigned i = 0; i < 64; i++) {
        v[i] = (struct iovec){bytes[i], sizeof bytes[i]};
        m[i].msg_hdr = (struct msghdr){.msg_iov = &v[i], .msg_iovlen = 1};
    }
    while (n == 64) {
        n = recvmmsg(far_fd, m, 64, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++)
            all += m[i].msg_len == SIZE;
    }
    return all;
}

/* One millisecond's share of the legs. */
static void send_batch(const struct side *s, unsigned from, uint16_t seq)
{
    static uint8_t data[BATCH][SIZE];
    struct mmsghdr m[BATCH];
    struct iovec v[BATCH];
    struct sockaddr_in to[BATCH];
    unsigned done = 0;

    for (unsigned i = 0; i < BATCH; i++) {
        struct jn_rtp h = {.seq = seq, .ts = seq * 160u, .ssrc = from + i + 1};
        jn_rtp_build(data[i], &h);
        v[i] = (struct iovec){data[i], SIZE};
        to[i] = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(s->port[from + i]), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        m[i].msg_hdr =
            (struct msghdr){.msg_name = &to[i], .msg_namelen = sizeof to[i], .msg_iov = &v[i], .msg_iovlen = 1};
    }
    while (done < BATCH) {
        int n = sendmmsg(far_fd, m + done, BATCH - done, 0);
        done += n > 0 ? (unsigned)n : 0;
    }
}

/* So many periods of 20 ms at real pace; every leg sends one packet in each. Returns how many came out. */
static uint64_t play(const struct side *s, unsigned periods, uint16_t *seq)
{
    uint64_t out = 0, next = jn_mono_ns();

    for (unsigned i = 0; i < periods * PERIOD_MS; i++) {
        send_batch(s, i % PERIOD_MS * BATCH, (uint16_t)(*seq + i / PERIOD_MS));
        next += 1000000;
        do
            out += drain();
        while (jn_mono_ns() < next);
    }
    *seq = (uint16_t)(*seq + periods);
    for (unsigned i = 0; i < 50; i++, usleep(1000)) /* what is still inside */
        out += drain();
    return out;
}

static void round_of(struct side *s, unsigned round, unsigned periods, uint16_t *seq)
{
    drain();
    uint64_t cpu = cpu_ns(s->pid);
    uint64_t out = play(s, periods, seq), offered = (uint64_t)periods * LEGS;

    cpu = cpu_ns(s->pid) - cpu;
    if (out < offered - offered / 500) {
        fprintf(stderr, "%s relayed %lu of %lu packets\n", s->name, out, offered);
        plane_die("a side that loses packets is not measured");
    }
    s->packets += out;
    s->ns[round] = (double)cpu / (double)out;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(struct side *s)
{
    qsort(s->ns, ROUNDS, sizeof *s->ns, by_value);
    return s->ns[ROUNDS / 2];
}

int main(int argc, char *argv[])
{
    static const struct jn_port_udp_options plain = {.no_shared_receive = true, .no_ring = true};
    static const struct jn_port_udp_options all = {0};
    unsigned periods = 50 * (argc > 1 ? (unsigned)atoi(argv[1]) : 3);
    struct rlimit files = {16384, 16384};
    uint16_t seq[SIDES] = {1, 1, 1};

    setrlimit(RLIMIT_NOFILE, &files);
    open_far();
    start_rtpengine(&side[0]);
    start_engine(&side[1], FIRST, &all);
    start_engine(&side[2], SECOND, &plain);
    pin(1);
    for (unsigned i = 0; i < SIDES; i++) /* addresses are learnt, rooms become relays */
        play(&side[i], 100, &seq[i]);
    for (unsigned r = 0; r < ROUNDS; r++)
        for (unsigned i = 0; i < SIDES; i++)
            round_of(&side[i], r, periods, &seq[i]);
    printf("%-24s %14s %12s\n", "relay through sockets", "ns a packet", "packets");
    double ns[SIDES];
    for (unsigned i = 0; i < SIDES; i++) {
        ns[i] = median(&side[i]);
        printf("%-24s %14.0f %12lu   (rounds %.0f to %.0f)\n", side[i].name, ns[i], side[i].packets, side[i].ns[0],
               side[i].ns[ROUNDS - 1]);
        kill(side[i].pid, SIGTERM);
    }
    for (unsigned i = 0; i < SIDES; i++)
        waitpid(side[i].pid, NULL, 0);
    printf("FIGURE udp_rtpengine_cpu_ratio %.2f times\n", ns[0] / ns[1]);
    printf("FIGURE udp_rtpengine_cpu_ratio_unprivileged %.2f times\n", ns[0] / ns[2]);
    printf("FIGURE udp_packet_ns %.0f ns\n", ns[1]);
    printf("FIGURE udp_packet_ns_unprivileged %.0f ns\n", ns[2]);
    printf("FIGURE udp_rtpengine_packet_ns %.0f ns\n", ns[0]);
    return 0;
}
