/* Record: what recording adds to mixing. Rooms of three, G.711, everybody speaks: one plane without recording, one that
 * records everybody, one that encrypts too, in turn; the recorder thread writes to the disk under the working folder.
 * CPU of all threads of the process is counted, io_uring's among them; what making the packets costs is measured apart
 * and taken away. --rooms N --ticks N --rounds N --dir DIR. */
#include "bench/plane.h"
#include "engine/base/clock.h"
#include "engine/base/cpu.h"
#include "engine/base/log.h"
#include "engine/store/recording_log.h"
#include "media/record/ring.h"
#include "media/rtp/rtp.h"
#include "media/srtp/srtp.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

enum { MEMBERS = 3, WARM = 25, BUFFER = 16384 /* chunks, 128 MiB */, TMPFS = 0x01021994 };
enum side { GENERATE, MIX, RECORD, ENCRYPT, SIDES };
static const char *const names[SIDES] = {"packets alone", "mix", "mix, recorded", "mix, recorded and encrypted"};

struct side_of {
    struct jn_plane *p;
    struct jn_mailbox facts;
    struct jn_rec_ring ring;
    struct jn_rec_writer *writer;
    uint16_t *local;
    uint64_t now, sent, lost;
    uint32_t tick;
    double own_ns; /* of the worker alone */
    pthread_t thread;
    _Atomic bool stop;
    _Atomic uint64_t taken; /* chunks that the recorder has put */
    char dir[256];
};
struct bench {
    uint32_t rooms, ticks, rounds, legs;
    const char *dir;
    struct side_of side[SIDES];
    uint8_t bytes[JN_PKT_BURST][600];
    struct jn_pkt pkt[JN_PKT_BURST];
};

/* whole: of all threads; else of this one. */
static uint64_t cpu_ns(bool whole)
{
    struct timespec t;
    clock_gettime(whole ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* As engine/app/thread_recorder.c. */
static void *recorder(void *arg)
{
    struct side_of *s = arg;
    struct jn_rec_chunk *c[64];
    uint64_t flushed = jn_mono_ns(), put = 0;

    for (;;) {
        bool stop = atomic_load(&s->stop);
        unsigned n, all = 0;
        while ((n = jn_rec_ring_get(&s->ring, c, 64)) > 0) {
            int why;
            s->lost += jn_rec_writer_put(s->writer, (const struct jn_rec_chunk *const *)c, n, &why);
            jn_rec_ring_back(&s->ring, c, n);
            all += n;
        }
        put += all;
        atomic_store(&s->taken, put);
        if (jn_mono_ns() - flushed >= 300000000u || stop) {
            if (jn_rec_writer_flush(s->writer) < 0)
                plane_die("the disk does not take it");
            flushed = jn_mono_ns();
        }
        if (stop && all == 0)
            return NULL;
        usleep(stop ? 1000 : 50000);
    }
}

static void order(struct side_of *s, const struct jn_order *o)
{
    plane_order(s->p, &s->facts, s->local, o, s->now);
}

static void fill_rooms(struct bench *b, struct side_of *s, bool record)
{
    for (uint32_t r = 0; r < b->rooms; r++) {
        order(s, &(struct jn_order){.kind = JN_ORDER_ROOM_OPEN, .room = r + 1});
        if (record) {
            struct jn_order o = {.kind = JN_ORDER_RECORD, .room = r + 1};
            o.record.call = r + 1;
            o.record.tenant = 1 + r % 3;
            o.record.on = 1;
            order(s, &o);
        }
        for (uint32_t m = 0; m < MEMBERS; m++) {
            struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = r * MEMBERS + m + 1};
            order(s, &o);
            o.kind = JN_ORDER_LEG_REMOTE;
            o.remote = (struct jn_leg_remote){.rtp = plane_peer((uint32_t)o.leg - 1),
                                              .rtcp = plane_peer((uint32_t)o.leg - 1),
                                              .codec = m % 2 ? JN_CODEC_PCMA : JN_CODEC_PCMU,
                                              .rtp_pt = m % 2 ? 8 : 0,
                                              .dtmf_pt = 101,
                                              .cn_pt = 13,
                                              .ptime_ms = 20};
            order(s, &o);
            o = (struct jn_order){.kind = JN_ORDER_ROOM_JOIN, .leg = o.leg, .room = r + 1};
            o.join.track = m == 0 ? JN_TRACK_CALLER : m == 1 ? JN_TRACK_AGENT : JN_TRACK_OTHER;
            order(s, &o);
        }
    }
}

/* Everybody sends one packet of something that is no silence, then 20 ms pass. p NULL: the packets are only made. */
static void period(struct bench *b, struct side_of *s)
{
    struct jn_pkt *pk[JN_PKT_BURST];

    for (uint32_t i = 0; i < b->legs;) {
        unsigned n = 0;
        for (; n < JN_PKT_BURST && i < b->legs; n++, i++) {
            bool alaw = i % MEMBERS % 2;
            struct jn_rtp h = {.seq = (uint16_t)s->tick, .ts = s->tick * 160, .ssrc = i, .pt = alaw ? 8 : 0};
            jn_rtp_build(b->bytes[n], &h);
            memset(b->bytes[n] + 12, (int)(0x20 + (i * 7 + s->tick) % 64), 160);
            b->pkt[n] = (struct jn_pkt){.data = b->bytes[n],
                                        .len = 172,
                                        .cap = sizeof b->bytes[0],
                                        .local = s->local[i],
                                        .from = plane_peer(i),
                                        .at_ns = s->now};
            pk[n] = &b->pkt[n];
        }
        if (s->p)
            jn_plane_rx(s->p, pk, n, s->now);
    }
    for (unsigned ms = 0; ms < 20; ms++) {
        s->now += 1000000;
        if (s->p)
            jn_plane_tick(s->p, s->now);
    }
    if (s->p)
        jn_plane_flush(s->p);
    s->tick++;
}

/* Waits until the recorder has as much room as it needs for one more period: a disk slower than this core is no loss
 * here, at real pace a period comes every 20 ms. */
static void pace(struct side_of *s)
{
    if (!s->writer)
        return;
    /* The tail is ours: this thread is the producer. */
    uint64_t given = atomic_load_explicit(&s->ring.full.tail, memory_order_relaxed);
    while ((int64_t)(given - atomic_load(&s->taken)) > BUFFER / 2)
        usleep(2000);
}

/* CPU of the process for one participant's 20 ms, until everything of it is on disk. */
static double round_of(struct bench *b, struct side_of *s)
{
    uint64_t begin = cpu_ns(true), own = cpu_ns(false), sent = s->sent;

    for (uint32_t i = 0; i < b->ticks; i++) {
        period(b, s);
        pace(s);
    }
    if (s->writer) {
        jn_plane_record_flush(s->p);
        while (!jn_mailbox_empty(&s->ring.full))
            usleep(5000);
        usleep(400000); /* its next flush */
    }
    if (s->p && s->sent - sent < (uint64_t)b->ticks * b->legs)
        plane_die("not every participant was sent every period");
    s->own_ns += (double)(cpu_ns(false) - own) / ((double)b->ticks * b->legs) / b->rounds;
    return (double)(cpu_ns(true) - begin) / ((double)b->ticks * b->legs);
}

static void open_side(struct bench *b, struct side_of *s, enum side which)
{
    char key[300], command[600];
    struct jn_err err = {{0}};

    s->now = UINT64_C(1000000000000);
    s->local = calloc(b->legs, sizeof *s->local);
    if (!s->local)
        plane_die("no memory");
    if (which == GENERATE)
        return;
    struct jn_plane_config c = {.ports = 2 * b->legs,
                                .max_legs = b->legs,
                                .max_rooms = b->rooms,
                                .quarantine_ms = 5000,
                                .srtp = jn_srtp(),
                                .port = {.take = plane_take, .give = plane_give, .tx = plane_tx, .arg = &s->sent}};
    if (jn_plane_open(&s->p, &c) < 0 || jn_mailbox_init(&s->facts, 4 * b->legs + 64, sizeof(struct jn_fact), NULL) < 0)
        plane_die("no memory");
    if (which >= RECORD) {
        snprintf(s->dir, sizeof s->dir, "%s/%d", b->dir, which);
        snprintf(key, sizeof key, "%s/key", s->dir);
        snprintf(command, sizeof command, "mkdir -p '%s'", s->dir);
        if (system(command) != 0 || jn_rec_ring_init(&s->ring, b->rooms + BUFFER) < 0)
            plane_die("no folder or no memory");
        memset(s->ring.chunk, 0, (size_t)s->ring.n * sizeof *s->ring.chunk); /* as after some time */
        struct jn_rec_writer_config w = {.segment_bytes = 256u << 20, .key_file = which == ENCRYPT ? key : NULL};
        if (jn_rec_writer_open(&s->writer, s->dir, &w, &err) < 0)
            plane_die(err.text);
    }
    jn_plane_mail(s->p, &s->facts, which >= RECORD ? &s->ring : NULL);
    fill_rooms(b, s, which >= RECORD);
    if (which >= RECORD && pthread_create(&s->thread, NULL, recorder, s) != 0)
        plane_die("no thread");
}

struct total {
    uint64_t calls, complete, frames, missing;
};

static int add_entry(void *arg, const struct jn_rec_entry *e, uint32_t number)
{
    struct total *t = arg;
    (void)number;
    t->calls++;
    t->complete += e->complete;
    for (unsigned i = 0; i < JN_TRACK_N; i++) {
        t->frames += e->frames[i];
        t->missing += e->missing[i];
    }
    return 0;
}

/* Ends every recording; what the index then says must be every frame. Returns how many are not there. */
static uint64_t close_side(struct bench *b, struct side_of *s)
{
    struct total t = {0};
    struct jn_rec_query q = {.tenant = 0};
    struct jn_err err = {{0}};
    uint64_t want = (uint64_t)s->tick * b->legs;

    if (!s->writer)
        return 0;
    jn_plane_end_all(s->p, s->now);
    while (!jn_mailbox_empty(&s->ring.full))
        usleep(5000);
    atomic_store(&s->stop, true);
    pthread_join(s->thread, NULL);
    jn_rec_writer_close(s->writer);
    if (jn_rec_find(s->dir, &q, add_entry, &t, &err) < 0)
        plane_die(err.text);
    if (t.calls != b->rooms)
        plane_die("not every call has a recording");
    printf("%s: %llu of %llu frames in %llu recordings, %llu complete\n", strrchr(s->dir, '/') + 1,
           (unsigned long long)t.frames, (unsigned long long)want, (unsigned long long)t.calls,
           (unsigned long long)t.complete);
    return want - t.frames + t.missing + s->lost;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, uint32_t n)
{
    qsort(v, n, sizeof *v, by_value);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static void options(struct bench *b, int argc, char *argv[])
{
    for (int i = 1; i + 1 < argc; i += 2) {
        uint32_t v = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        if (!strcmp(argv[i], "--rooms") && v > 0)
            b->rooms = v;
        else if (!strcmp(argv[i], "--ticks") && v > 0)
            b->ticks = v;
        else if (!strcmp(argv[i], "--rounds") && v > 0)
            b->rounds = v;
        else if (!strcmp(argv[i], "--dir"))
            b->dir = argv[i + 1];
        else
            plane_die("--rooms N --ticks N --rounds N --dir DIR");
    }
    b->legs = b->rooms * MEMBERS;
}

int main(int argc, char *argv[])
{
    struct bench *b = calloc(1, sizeof *b);
    double *ns[SIDES], best[SIDES];
    struct statfs fs;
    char command[400];

    if (!b)
        plane_die("no memory");
    *b = (struct bench){.rooms = 7000, .ticks = 50, .rounds = 5, .dir = "build/bench-record"};
    options(b, argc, argv);
    jn_log_level_set(JN_LOG_WARN);
    snprintf(command, sizeof command, "rm -rf '%s' && mkdir -p '%s'", b->dir, b->dir);
    if (system(command) != 0 || statfs(b->dir, &fs) < 0)
        plane_die("no folder to record to");
    if (fs.f_type == TMPFS)
        plane_die("that folder is no disk: say --dir");
    for (unsigned s = 0; s < SIDES; s++) {
        ns[s] = calloc(b->rounds, sizeof **ns);
        open_side(b, &b->side[s], (enum side)s);
        for (unsigned i = 0; i < WARM; i++) {
            period(b, &b->side[s]);
            pace(&b->side[s]);
        }
    }
    for (uint32_t r = 0; r < b->rounds; r++)
        for (unsigned s = 0; s < SIDES; s++)
            ns[s][r] = round_of(b, &b->side[s]);
    uint64_t lost = 0;
    for (unsigned s = 0; s < SIDES; s++)
        lost += close_side(b, &b->side[s]);
    for (unsigned s = 0; s < SIDES; s++) {
        best[s] = median(ns[s], b->rounds);
        printf("%-28s %6.1f ns a participant and 20 ms, median of %u (best %.1f), %.1f of it the worker's\n", names[s],
               best[s], b->rounds, ns[s][0], b->side[s].own_ns);
    }
    double mix = best[MIX] - best[GENERATE];
    printf("%u rooms of %d, %s, file system type %lx\n", b->rooms, MEMBERS,
           jn_cpu_isa() >= JN_ISA_AVX512 ? "AVX-512" : "no AVX-512", (unsigned long)fs.f_type);
    printf("FIGURE record_added_ns %.1f ns\n", best[RECORD] - best[MIX]);
    printf("FIGURE record_encrypted_added_ns %.1f ns\n", best[ENCRYPT] - best[MIX]);
    printf("FIGURE record_added_percent %.1f %%\n", 100 * (best[RECORD] - best[MIX]) / mix);
    printf("FIGURE record_encrypted_added_percent %.1f %%\n", 100 * (best[ENCRYPT] - best[MIX]) / mix);
    printf("FIGURE record_lost_frames %llu frames\n", (unsigned long long)lost);
    snprintf(command, sizeof command, "rm -rf '%s'", b->dir);
    return system(command) != 0;
}
