/* Mix: what one participant's 20 ms cost a worker, all of it: a packet received (look-up, source check, sequence,
 * jitter buffer, recorded), a period decoded, mixed, encoded and built into a packet to send. Three-party G.711 calls,
 * everybody speaks and is recorded, 21,000 participants, packets in random order all over the 20 ms. No sockets:
 * packets come from memory, and the port only counts them. Recording goes through the ring to a recorder's thread, as
 * in the engine; that thread looks at every byte (a checksum, no disk) and its time is told apart: the participant's
 * figure is the worker's.
 *
 * AVX2 and AVX-512 are measured by processes of their own, in turns. With --one [3|30] a process measures alone. */
#include "bench/plane.h"
#include "engine/base/clock.h"
#include "engine/base/cpu.h"
#include "engine/base/rand.h"
#include "media/mix/mix.h"
#include "media/record/ring.h"
#include "media/rtp/rtp.h"
#include "media/stream/state.h"
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PERIODS = 50, WARM = 25, ROUNDS = 3, TURNS = 3, SLOTS = 20, KERNEL_ROUNDS = 200, BLOCKS = 1000 };

struct bench {
    struct jn_plane *p;
    struct jn_mailbox facts;
    struct jn_rec_ring rec;
    uint32_t legs, members, rooms;
    uint16_t *local;
    uint32_t *order; /* legs by the millisecond in which their packet comes: part of SLOTS, random inside */
    uint64_t now, sent, worker_ns, spent_ns;
    uint8_t (*bytes)[192];
    struct jn_pkt *pkt;
    pthread_t recorder;
    _Atomic bool over;
    uint64_t recorder_ns, recorded, sum;
};

static void order(struct bench *b, const struct jn_order *o)
{
    plane_order(b->p, &b->facts, b->local, o, b->now);
}

/* Two in a call speak one law, so that they are relayed. */
static bool alaw(const struct bench *b, uint32_t i)
{
    return b->members > 2 && i % b->members % 2 != 0;
}

static void leg(struct bench *b, uint32_t i)
{
    uint32_t m = i % b->members;
    struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = i + 1};

    order(b, &o);
    o.kind = JN_ORDER_LEG_REMOTE;
    o.remote = (struct jn_leg_remote){.rtp = plane_peer(i),
                                      .rtcp = plane_peer(i),
                                      .codec = alaw(b, i) ? JN_CODEC_PCMA : JN_CODEC_PCMU,
                                      .rtp_pt = alaw(b, i) ? 8 : 0,
                                      .dtmf_pt = 101,
                                      .cn_pt = 13,
                                      .ptime_ms = 20};
    order(b, &o);
    o = (struct jn_order){.kind = JN_ORDER_ROOM_JOIN, .leg = i + 1, .room = i / b->members + 1};
    o.join.track = m == 0 ? JN_TRACK_CALLER : m == 1 ? JN_TRACK_AGENT : JN_TRACK_OTHER;
    order(b, &o);
}

/* Calls begin in any order, so that a room's members do not lie side by side. */
static void fill(struct bench *b, bool record)
{
    uint64_t seed = 1;

    for (uint32_t i = 0; i < b->legs; i++)
        b->order[i] = i;
    for (uint32_t i = b->legs - 1; i > 0; i--) {
        uint32_t k = (uint32_t)(jn_splitmix(&seed) % (i + 1)), was = b->order[i];
        b->order[i] = b->order[k];
        b->order[k] = was;
    }
    for (uint32_t i = 0; i < b->rooms; i++)
        order(b, &(struct jn_order){.kind = JN_ORDER_ROOM_OPEN, .room = i + 1});
    for (uint32_t i = 0; i < b->legs; i++)
        leg(b, b->order[i]);
    for (uint32_t i = 0; record && i < b->rooms; i++)
        order(b, &(struct jn_order){
                     .kind = JN_ORDER_RECORD, .room = i + 1, .record = {.call = i + 1, .tenant = 1, .on = 1}});
}

/* The packets of one millisecond: not the worker's work, and not measured. Something that is no silence. */
static unsigned packets(struct bench *b, uint32_t tick, unsigned slot)
{
    uint32_t from = (uint32_t)((uint64_t)b->legs * slot / SLOTS),
             to = (uint32_t)((uint64_t)b->legs * (slot + 1) / SLOTS);

    for (uint32_t k = from; k < to; k++) {
        uint32_t i = b->order[k];
        uint8_t *bytes = b->bytes[k - from];
        struct jn_rtp h = {.seq = (uint16_t)tick, .ts = tick * 160, .ssrc = i, .pt = alaw(b, i) ? 8 : 0};
        jn_rtp_build(bytes, &h);
        memset(bytes + 12, (int)(0x20 + (i * 7 + tick) % 64), 160);
        b->pkt[k - from] = (struct jn_pkt){.data = bytes,
                                           .len = 172,
                                           .cap = sizeof b->bytes[0],
                                           .local = b->local[i],
                                           .from = plane_peer(i),
                                           .at_ns = b->now};
    }
    return to - from;
}

/* Of this thread: the other processes of the machine take none of it. */
static uint64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static void period(struct bench *b, uint32_t tick)
{
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        struct jn_pkt *pk[JN_PKT_BURST];
        b->now += 1000000;
        unsigned n = packets(b, tick, slot);
        uint64_t begin = cpu_ns();
        for (unsigned i = 0; i < n;) {
            unsigned k = 0;
            for (; k < JN_PKT_BURST && i < n; i++)
                pk[k++] = &b->pkt[i];
            jn_plane_rx(b->p, pk, k, b->now);
        }
        jn_plane_tick(b->p, b->now);
        jn_plane_flush(b->p);
        b->spent_ns += cpu_ns() - begin;
    }
}

static void *recorder(void *arg)
{
    struct bench *b = arg;
    struct jn_rec_chunk *c[64];
    struct timespec nap = {.tv_nsec = 1000000};

    for (;;) {
        bool over = atomic_load_explicit(&b->over, memory_order_acquire);
        unsigned n = jn_rec_ring_get(&b->rec, c, 64);
        for (unsigned i = 0; i < n; i++) {
            b->recorded += c[i]->frames;
            for (uint32_t at = 0; at < c[i]->used; at += 8)
                b->sum += *(const uint64_t *)(const void *)(c[i]->body + at);
        }
        jn_rec_ring_back(&b->rec, c, n);
        if (n == 0 && over)
            break;
        if (n == 0)
            nanosleep(&nap, NULL);
    }
    b->recorder_ns = cpu_ns();
    return NULL;
}

static long resident_kib(void)
{
    long total = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (!f || fscanf(f, "%ld %ld", &total, &resident) != 2)
        plane_die("no /proc/self/statm");
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static struct bench *begin(uint32_t rooms, uint32_t members, bool record)
{
    struct bench *b = calloc(1, sizeof *b);

    if (!b)
        plane_die("no memory");
    *b = (struct bench){.legs = rooms * members, .members = members, .rooms = rooms, .now = UINT64_C(1000000000000)};
    uint32_t burst = b->legs / SLOTS + 1;
    b->local = calloc(b->legs, sizeof *b->local);
    b->order = calloc(b->legs, sizeof *b->order);
    b->bytes = calloc(burst, sizeof *b->bytes);
    b->pkt = calloc(burst, sizeof *b->pkt);
    struct jn_plane_config c = {.ports = 2 * b->legs,
                                .max_legs = b->legs,
                                .max_rooms = rooms,
                                .quarantine_ms = 5000,
                                .srtp = jn_srtp(),
                                .port = {.take = plane_take, .give = plane_give, .tx = plane_tx, .arg = &b->sent}};
    if (!b->local || !b->order || !b->bytes || !b->pkt || jn_plane_open(&b->p, &c) < 0 ||
        jn_mailbox_init(&b->facts, 4 * b->legs + 64, sizeof(struct jn_fact), NULL) < 0 ||
        (record && jn_rec_ring_init(&b->rec, 4 * rooms) < 0))
        plane_die("no memory");
    jn_plane_mail(b->p, &b->facts, record ? &b->rec : NULL);
    if (record && pthread_create(&b->recorder, NULL, recorder, b) != 0)
        plane_die("no thread");
    fill(b, record);
    return b;
}

static void end(struct bench *b, bool record)
{
    if (record) {
        jn_plane_record_flush(b->p);
        atomic_store_explicit(&b->over, true, memory_order_release);
        pthread_join(b->recorder, NULL);
    }
    jn_plane_close(b->p);
    if (record)
        jn_rec_ring_free(&b->rec);
    jn_mailbox_free(&b->facts);
    free(b->local);
    free(b->order);
    free(b->bytes);
    free(b->pkt);
    free(b);
}

/* ns of one participant and one period of 20 ms, the best of ROUNDS; and the recorder's. */
static double measure(uint32_t rooms, uint32_t members, double *recorder_ns)
{
    struct bench *b = begin(rooms, members, recorder_ns != NULL);
    double best = 1e18;
    uint32_t tick = 0;

    for (; tick < WARM; tick++)
        period(b, tick);
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t sent = b->sent;
        b->spent_ns = 0;
        for (unsigned i = 0; i < PERIODS; i++)
            period(b, tick++);
        double ns = (double)b->spent_ns / ((double)PERIODS * b->legs);
        if (b->sent - sent < (uint64_t)PERIODS * b->legs)
            plane_die("not every participant was sent every period");
        best = ns < best ? ns : best;
    }
    const struct jn_plane_counts *n = jn_plane_counts(b->p);
    for (unsigned i = 0; i < JN_DROP_N; i++)
        if (n->drops[i] != 0)
            plane_die("packets were dropped");
    if (n->unseated || n->unheard || n->rec_overflow)
        plane_die("somebody was not heard, or not recorded");
    uint64_t frames = (uint64_t)tick * b->legs;
    if (recorder_ns) {
        jn_plane_record_flush(b->p);
        atomic_store_explicit(&b->over, true, memory_order_release);
        pthread_join(b->recorder, NULL);
        if (b->recorded != frames)
            plane_die("the recorder did not get every frame");
        *recorder_ns = (double)b->recorder_ns / (double)frames;
    }
    end(b, false);
    return best;
}

/* One participant's kernels: decode, add to the sum, all but itself, encode. */
static double kernels(const struct jn_g711_ops *g, const struct jn_mix_ops *m)
{
    static int32_t acc[160];
    int16_t pcm[160], out[160];
    uint8_t coded[160];

    for (unsigned i = 0; i < 160; i++)
        coded[i] = (uint8_t)(i * 37);
    memset(acc, 0, sizeof acc);
    uint64_t begin_ns = jn_mono_ns();
    for (unsigned i = 0; i < BLOCKS; i++) {
        g->decode_ulaw(pcm, coded, 160);
        m->add(acc, pcm, 160);
        m->minus(out, acc, pcm, 160);
        m->sub(acc, pcm, 160);
        g->encode_ulaw(coded, out, 160);
    }
    return (double)(jn_mono_ns() - begin_ns) / BLOCKS;
}

static void kernels_all(void)
{
    double plain = 1e18, avx2 = 1e18, avx512 = 1e18;

    for (unsigned i = 0; i < KERNEL_ROUNDS; i++) {
        double a = kernels(&jn_g711_plain, &jn_mix_plain);
        plain = a < plain ? a : plain;
        if (jn_cpu_isa() >= JN_ISA_AVX2) {
            a = kernels(&jn_g711_avx2, &jn_mix_avx2);
            avx2 = a < avx2 ? a : avx2;
        }
        if (jn_cpu_isa() >= JN_ISA_AVX512) {
            a = kernels(&jn_g711_avx512, &jn_mix_avx512);
            avx512 = a < avx512 ? a : avx512;
        }
    }
    printf("FIGURE mix_kernels_plain_ns %.0f ns\n", plain);
    if (jn_cpu_isa() >= JN_ISA_AVX2)
        printf("FIGURE mix_kernels_avx2_ns %.0f ns\n", avx2);
    if (jn_cpu_isa() >= JN_ISA_AVX512)
        printf("FIGURE mix_kernels_avx512_ns %.0f ns\n", avx512);
}

/* What this process's memory grew by, for each participant: legs, voices, jitter buffers, rooms, tables; without
 * recordings, whose chunks are the ring's. */
static void memory(void)
{
    enum { CALLS = 7000 };
    long before = resident_kib();
    struct bench *b = begin(CALLS, 3, false);
    size_t own = sizeof *b + b->legs * (sizeof *b->local + sizeof *b->order + sizeof(struct jn_fact) * 4);
    for (uint32_t tick = 0; tick < WARM; tick++)
        period(b, tick);
    double mixed = ((double)(resident_kib() - before) * 1024 - (double)own) / b->legs;
    end(b, false);
    before = resident_kib();
    b = begin(CALLS, 2, false);
    for (unsigned ms = 0; ms < 500; ms++) { /* a call's first tenth of a second is mixed; then that memory is others' */
        b->now += 1000000;
        jn_plane_tick(b->p, b->now);
    }
    for (uint32_t tick = 0; tick < WARM; tick++)
        period(b, tick);
    if (jn_plane_counts(b->p)->relayed == 0)
        plane_die("nothing was relayed");
    double relayed = ((double)(resident_kib() - before) * 1024 - (double)own * 2 / 3) / b->legs;
    end(b, false);
    printf("a leg %zu bytes, a voice %zu, a room %zu, a G.711 jitter buffer %zu\n", sizeof(struct jn_leg),
           sizeof(struct jn_voice), sizeof(struct jn_room), jn_jbuf_size(JN_CODEC_PCMU, 0));
    printf("FIGURE mix_participant_bytes %.0f bytes\n", mixed);
    printf("FIGURE mix_plain_stream_bytes %.0f bytes\n", relayed);
}

/* One measurement by a process of its own, under that instruction set: its three figures. */
static void by_process(const char *isa, double out[3])
{
    int fd[2];
    char text[128] = "";

    if (pipe(fd) < 0)
        plane_die("no pipe");
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fd[1], STDOUT_FILENO);
        setenv("JUNCTOR_ISA", isa, 1);
        execl("/proc/self/exe", "bench_mix", "--one", (char *)NULL);
        _exit(127);
    }
    close(fd[1]);
    ssize_t n = read(fd[0], text, sizeof text - 1);
    close(fd[0]);
    int status;
    waitpid(pid, &status, 0);
    if (n <= 0 || sscanf(text, "%lf %lf %lf", &out[0], &out[1], &out[2]) != 3)
        plane_die("a measurement failed");
}

/* which: 3 or 30, for a profiler; NULL: both. */
static int one(const char *which)
{
    double recorder_ns = 0, three = 0, thirty = 0;

    if (!which || strcmp(which, "3") == 0)
        three = measure(7000, 3, &recorder_ns);
    if (!which || strcmp(which, "30") == 0)
        thirty = measure(700, 30, NULL);

    printf("%.1f %.1f %.1f\n", three, recorder_ns, thirty);
    return 0;
}

int main(int argc, char *argv[])
{
    static const char *const name[] = {"plain", "avx2", "avx512"};
    double best[3][3] = {{1e18, 1e18, 1e18}, {1e18, 1e18, 1e18}, {1e18, 1e18, 1e18}};
    unsigned top = (unsigned)jn_cpu_isa();

    if (argc > 1 && strcmp(argv[1], "--one") == 0)
        return one(argc > 2 ? argv[2] : NULL);
    memory();
    kernels_all();
    for (unsigned turn = 0; turn < TURNS; turn++)
        for (unsigned isa = 0; isa <= top; isa++) {
            double got[3];
            by_process(name[isa], got);
            for (unsigned i = 0; i < 3; i++)
                best[isa][i] = got[i] < best[isa][i] ? got[i] : best[isa][i];
        }
    printf("%-8s %28s %24s %28s\n", "", "three in a call, recorded ns", "(recorder's thread ns)",
           "thirty, not recorded ns");
    for (unsigned isa = 0; isa <= top; isa++)
        printf("%-8s %28.0f %24.0f %28.0f\n", name[isa], best[isa][0], best[isa][1], best[isa][2]);
    printf("FIGURE mix_participant_tick_ns %.0f ns\n", best[top][0]);
    for (unsigned isa = 0; isa <= top; isa++)
        printf("FIGURE mix_participant_tick_%s_ns %.0f ns\n", name[isa], best[isa][0]);
    printf("FIGURE mix_recorder_ns %.0f ns\n", best[top][1]);
    printf("FIGURE mix_ns_per_participant_tick_room30 %.0f ns\n", best[top][2]);
    printf("FIGURE mix_participants_per_core %.0f participants\n", 20e6 / best[top][0]);
    return 0;
}
