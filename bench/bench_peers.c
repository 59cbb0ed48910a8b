/* Peers: what a packet relayed and a participant mixed cost this engine over DPDK, against rtpengine and Janus
 * AudioBridge, both Debian's, over the kernel's sockets. That is kernel bypass on virtual devices (net_ring, memory)
 * against kernel sockets on loopback, and no claim about what either does on the other's ground; `bench/run udp` has
 * both on the kernel's. Ours is measured by bench_relay and bench_mix themselves, on the generator's core, in turns
 * with the peers, whose processor time is taken over a run at real pace. A side that loses packets is refused. */
#include "bench/peers/janus.h"
#include "bench/peers/paced.h"
#include <sys/resource.h>

enum { ROUNDS = 3, RELAY_S = 4, MIX_S = 6, WARM = 100 };

static struct janus janus;
static struct paced rtpengine, mixer;
static pid_t self;

/* However this ends, nothing of ours stays. */
static void clean(void)
{
    if (getpid() != self)
        return;
    if (rtpengine.pid > 0)
        paced_end(&rtpengine);
    if (mixer.pid > 0)
        janus_close(&janus);
}

/* The output of a benchmark beside this one. */
static void run(const char *name, const char *arguments, char *out, size_t room)
{
    char path[512], command[700];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    if (n < 0)
        plane_die("readlink");
    path[n] = 0;
    *strrchr(path, '/') = 0;
    snprintf(command, sizeof command, "exec '%s/%s' %s", path, name, arguments);
    FILE *f = popen(command, "r");
    size_t got = f ? fread(out, 1, room - 1, f) : 0;
    out[got] = 0;
    if (!f || pclose(f) != 0) {
        fprintf(stderr, "%s", out);
        plane_die("one of our own benchmarks failed");
    }
}

static double our_relay(void)
{
    char text[4096];

    run("bench_relay", "", text, sizeof text);
    const char *at = strstr(text, "FIGURE relay_packet_ns ");
    double ns = at ? strtod(at + strlen("FIGURE relay_packet_ns "), NULL) : 0;
    if (ns <= 0)
        plane_die("bench_relay gave no figure");
    return ns;
}

static double our_mix(void)
{
    char text[256];
    double ns = 0;

    run("bench_mix", "--one 3", text, sizeof text);
    if (sscanf(text, "%lf", &ns) != 1 || ns <= 0)
        plane_die("bench_mix gave no figure");
    return ns;
}

/* A new Janus each time: one that is idle mixes too, and would not leave its core to others. */
static void their_mix(const struct paced_far *far)
{
    janus_open(&janus, &mixer, far);
    paced_play(far, &mixer, WARM);
    paced_round(far, &mixer, MIX_S * 50);
    janus_close(&janus);
    mixer.pid = 0;
}

static void line(const char *what, double v[], const char *unit)
{
    double median = paced_median(v, ROUNDS);

    printf("%-56s %10.0f  (%.0f to %.0f) %s\n", what, median, v[0], v[ROUNDS - 1], unit);
}

int main(void)
{
    static struct paced_far far;
    struct rlimit files = {16384, 16384};
    double relay[ROUNDS], mix[ROUNDS];

    self = getpid();
    atexit(clean);
    setrlimit(RLIMIT_NOFILE, &files);
    paced_open(&far);
    paced_rtpengine(&far, &rtpengine);
    paced_pin(1);
    paced_play(&far, &rtpengine, WARM);
    for (unsigned i = 0; i < ROUNDS; i++) {
        paced_round(&far, &rtpengine, RELAY_S * 50);
        relay[i] = our_relay();
        their_mix(&far);
        mix[i] = our_mix();
        printf("round %u: relayed packet %.0f against %.1f ns, mixed participant's 20 ms %.0f against %.0f ns\n", i + 1,
               rtpengine.ns[i], relay[i], mixer.ns[i], mix[i]);
        fflush(stdout);
    }
    printf("kernel bypass on virtual devices against kernel sockets; median (least to most) of %u rounds\n", ROUNDS);
    printf("AF_XDP against rtpengine on one veth is not part of this run\n");
    line("rtpengine, a relayed packet, sockets on loopback", rtpengine.ns, "ns");
    line("this engine, a relayed packet, net_ring", relay, "ns");
    line("Janus AudioBridge, 300 in rooms of three, sockets", mixer.ns, "ns");
    line("this engine, a participant's 20 ms, recorded, no sockets", mix, "ns");
    printf("FIGURE peers_relay_ratio %.0f times\n", rtpengine.ns[ROUNDS / 2] / relay[ROUNDS / 2]);
    printf("FIGURE peers_mix_ratio %.0f times\n", mixer.ns[ROUNDS / 2] / mix[ROUNDS / 2]);
    printf("FIGURE peers_rtpengine_packet_ns %.0f ns\n", rtpengine.ns[ROUNDS / 2]);
    printf("FIGURE peers_relay_packet_ns %.1f ns\n", relay[ROUNDS / 2]);
    printf("FIGURE peers_janus_participant_tick_ns %.0f ns\n", mixer.ns[ROUNDS / 2]);
    printf("FIGURE peers_mix_participant_tick_ns %.0f ns\n", mix[ROUNDS / 2]);
    return 0;
}
