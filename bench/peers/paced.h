/* Paced: what is measured against servers of other makers: G.711 packets at real pace to so many ports, from one socket
 * that is every far end, counted when they come out; processor time of the other process, the kernel's part included.
 * The relays stand on core 0, the generator on core 1. */
#ifndef JN_BENCH_PEERS_PACED_H
#define JN_BENCH_PEERS_PACED_H

#include "bench/peers/ng.h"
#include "bench/plane.h"
#include "engine/base/clock.h"
#include "media/rtp/rtp.h"
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

enum { PACED_CALLS = 500, PACED_LEGS = 2 * PACED_CALLS, PACED_MS = 20, PACED_SIZE = 172, PACED_ROUNDS = 9 };
enum { PACED_NG_PORT = 2223 };

/* One server under measurement. legs: a multiple of PACED_MS, at most PACED_LEGS. */
struct paced {
    const char *name;
    pid_t pid;
    unsigned legs;
    uint8_t pt, fill;          /* payload type, and each byte of sound */
    uint16_t port[PACED_LEGS]; /* where the far end of each leg sends to */
    double ns[PACED_ROUNDS];
    unsigned rounds;
    uint16_t seq;
    uint64_t packets;
};

/* Every leg's far end. */
struct paced_far {
    int fd;
    struct jn_addr addr;
};

static inline void paced_pin(int core)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)core % (size_t)sysconf(_SC_NPROCESSORS_ONLN), &set);
    sched_setaffinity(0, sizeof set, &set);
}

static inline void paced_open(struct paced_far *far)
{
    struct sockaddr_in s = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof s;
    int size = 16 << 20;

    far->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (far->fd < 0 || bind(far->fd, (struct sockaddr *)&s, sizeof s) < 0 ||
        getsockname(far->fd, (struct sockaddr *)&s, &len) < 0)
        plane_die("no socket for the far end");
    if (setsockopt(far->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
        setsockopt(far->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    jn_addr_parse(&far->addr, "127.0.0.1", ntohs(s.sin_port));
}

/* rtpengine (Debian's, user space) with PACED_CALLS calls; ends with its parent. */
static inline void paced_rtpengine(const struct paced_far *far, struct paced *s)
{
    struct ng ng;

    s->name = "rtpengine";
    s->legs = PACED_LEGS;
    s->pid = fork();
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        paced_pin(0);
        execlp("rtpengine", "rtpengine", "--foreground", "--log-stderr", "--log-level=3", "--interface=127.0.0.1",
               "--listen-ng=127.0.0.1:2223", "--table=-1", "--num-threads=2", "--port-min=20000", "--port-max=60000",
               (char *)NULL);
        fprintf(stderr, "rtpengine is missing: engine/install bench\n");
        _exit(1);
    }
    if (s->pid < 0 || ng_open(&ng, PACED_NG_PORT) < 0)
        plane_die("rtpengine does not start");
    int ready = -1;
    for (unsigned i = 0; i < 50 && ready < 0; i++) {
        usleep(100000);
        ready = ng_ping(&ng);
        if (waitpid(s->pid, NULL, WNOHANG) == s->pid)
            exit(1);
    }
    for (unsigned call = 0; call < PACED_CALLS; call++) {
        s->port[2 * call + 1] = ng_side(&ng, call, 0, far->addr.port);
        s->port[2 * call] = ng_side(&ng, call, 1, far->addr.port);
        if (!s->port[2 * call] || !s->port[2 * call + 1])
            plane_die("rtpengine refused a call");
    }
    close(ng.fd);
}

/* Processor time of a whole process, kernel's part included. */
static inline uint64_t paced_cpu_ns(pid_t pid)
{
    struct timespec t;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
        plane_die("one side has ended");
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* What came out at the far end so far and was not counted yet. */
static inline uint64_t paced_drain(const struct paced_far *far)
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
        n = recvmmsg(far->fd, m, 64, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++)
            all += m[i].msg_len == PACED_SIZE;
    }
    return all;
}

/* One millisecond's share of the legs. */
static inline void paced_send(const struct paced_far *far, const struct paced *s, unsigned from, uint16_t seq)
{
    static uint8_t data[PACED_LEGS / PACED_MS][PACED_SIZE];
    struct mmsghdr m[PACED_LEGS / PACED_MS];
    struct iovec v[PACED_LEGS / PACED_MS];
    struct sockaddr_in to[PACED_LEGS / PACED_MS];
    unsigned batch = s->legs / PACED_MS, done = 0;

    for (unsigned i = 0; i < batch; i++) {
        struct jn_rtp h = {.seq = seq, .ts = seq * 160u, .ssrc = from + i + 1, .pt = s->pt};
        jn_rtp_build(data[i], &h);
        memset(data[i] + 12, s->fill, PACED_SIZE - 12);
        v[i] = (struct iovec){data[i], PACED_SIZE};
        to[i] = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(s->port[from + i]), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        m[i].msg_hdr =
            (struct msghdr){.msg_name = &to[i], .msg_namelen = sizeof to[i], .msg_iov = &v[i], .msg_iovlen = 1};
    }
    while (done < batch) {
        int n = sendmmsg(far->fd, m + done, batch - done, 0);
        done += n > 0 ? (unsigned)n : 0;
    }
}

/* So many periods of 20 ms at real pace; every leg sends one packet in each. Returns how many came out. */
static inline uint64_t paced_play(const struct paced_far *far, struct paced *s, unsigned periods)
{
    uint64_t out = 0, next = jn_mono_ns();

    for (unsigned i = 0; i < periods * PACED_MS; i++) {
        paced_send(far, s, i % PACED_MS * (s->legs / PACED_MS), (uint16_t)(s->seq + i / PACED_MS));
        next += 1000000;
        do
            out += paced_drain(far);
        while (jn_mono_ns() < next);
    }
    s->seq = (uint16_t)(s->seq + periods);
    for (unsigned i = 0; i < 50; i++, usleep(1000)) /* what is still inside */
        out += paced_drain(far);
    return out;
}

/* Plays, and notes what a packet that came out cost. */
static inline void paced_round(const struct paced_far *far, struct paced *s, unsigned periods)
{
    paced_drain(far);
    uint64_t cpu = paced_cpu_ns(s->pid);
    uint64_t out = paced_play(far, s, periods), offered = (uint64_t)periods * s->legs;

    cpu = paced_cpu_ns(s->pid) - cpu;
    if (out < offered - offered / 500) {
        fprintf(stderr, "%s sent %lu of %lu packets\n", s->name, out, offered);
        plane_die("a side that loses packets is not measured");
    }
    s->packets += out;
    s->ns[s->rounds++ % PACED_ROUNDS] = (double)cpu / (double)out;
}

static inline int paced_by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Of n values, which are put into order. */
static inline double paced_median(double *v, unsigned n)
{
    qsort(v, n, sizeof *v, paced_by_value);
    return v[n / 2];
}

static inline void paced_end(struct paced *s)
{
    kill(s->pid, SIGTERM);
    waitpid(s->pid, NULL, 0);
}

#endif
