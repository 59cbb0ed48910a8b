/* Router: complete lives a second (arrive, accept, end, wrap-up done; the offer is a command), journal encoding
 * included, in three shapes, with the journal on disk, and what an agent and a waiting interaction cost in memory. The
 * driver and its model are inside the measured time; the checks are not. A shape that
 * is not reached in its time gives no figure. bench_router [seconds of lives per shape] [shape]; without a name the
 * first two, since the links of the third take minutes. */
#include "bench/router_world.h"
#include "engine/store/journal_file.h"

#include <malloc.h>
#include <unistd.h>

enum { SLICE = 50, LIVES = 4000000, FILL_S = 15, COMMIT_BYTES = 1 << 20 };

static const struct shape shapes[] = {{"idle", 1, 1000, 100000, 50000, 0, false},
                                      {"waiting", 1, 1000, 100000, 0, 1000000, true},
                                      {"tenants", 1000, 20000, 200000, 100000, 0, false}};

static size_t in_use(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

static size_t tables(uint32_t agents, uint32_t interactions)
{
    struct jn_router_limits limits = {agents, 1000, 1, interactions};
    size_t before = in_use();
    struct jn_router *r = jn_router_new(&limits, NULL, NULL);
    size_t bytes = in_use() - before;

    jn_router_free(r);
    return r ? bytes : 0;
}

static void to_disk(struct world *w, const struct jn_event *ev, const uint8_t *bytes, size_t n)
{
    static uint64_t since;

    since += n;
    if (jn_journal_append(w->arg, ev->seq, ev->time_us, bytes, (uint32_t)n) < 0)
        abort();
    if (since >= COMMIT_BYTES && jn_journal_commit(w->arg) < 0)
        abort();
    since %= COMMIT_BYTES;
}

/* Lives a second over that time, 0 when the work was not done as it should. */
static double lives(struct world *w, double seconds)
{
    uint64_t start = jn_mono_ns(), end = start + (uint64_t)(seconds * 1e9), from = w->closed, check = w->check_ns;

    while (jn_mono_ns() < end + (w->check_ns - check) && w->next_ix + SLICE < w->ix_cap)
        for (int i = 0; i < SLICE; i++)
            world_turn(w);
    if (w->log && jn_journal_commit(w->arg) < 0)
        return 0;
    double ns = (double)(jn_mono_ns() - start - (w->check_ns - check));
    return w->wrong || w->refused ? 0 : (double)(w->closed - from) * 1e9 / ns;
}

static double journaled(struct world *w, double seconds)
{
    char dir[] = "/var/tmp/junctor-bench-router-XXXXXX", command[sizeof dir + 16];
    struct jn_journal_found found;
    struct jn_journal *j = NULL;
    struct jn_err err;
    double rate = 0;

    if (!mkdtemp(dir))
        return 0;
    if (jn_journal_open(&j, dir, false, &found, &err) == 0) {
        struct jn_event tick = {.kind = JN_EV_TICK};
        w->seq = 0; /* the file begins with this part of the run */
        w->arg = j;
        w->log = to_disk;
        world_apply(w, &tick, 0);
        rate = lives(w, seconds);
        w->log = NULL;
        jn_journal_close(j);
    }
    snprintf(command, sizeof command, "rm -r %s", dir);
    if (system(command) != 0)
        fprintf(stderr, "%s was left\n", dir);
    return rate;
}

static int run(const struct shape *s, double seconds)
{
    struct world w;
    struct jn_err err;
    uint64_t t = jn_mono_ns();
    size_t before = in_use();

    if (world_open(&w, s, LIVES, FILL_S * UINT64_C(1000000000)) < 0)
        return -1;
    printf("%-8s %u tenants, %u queues, %u agents: %" PRIu64 " with agents, %" PRIu64 " wait; filled in %.1f s\n",
           s->name, s->tenants, s->queues, s->agents, w.n_offered, world_waiting(&w), (double)(jn_mono_ns() - t) / 1e9);
    bool reached = s->idle ? w.n_offered + s->idle >= s->agents : world_waiting(&w) >= s->waiting;
    if (!reached)
        printf("         NOT REACHED: %u s of arrivals were over; this shape gives no figure\n", (unsigned)FILL_S);
    memset(&w.service, 0, sizeof w.service);
    uint64_t bytes = w.bytes, events = w.seq, lived = w.closed;
    double rate = lives(&w, seconds);
    printf("         %" PRIu64 " lives, %.1f B an input, %" PRIu64 " decisions checked, %" PRIu64 " wrong, %" PRIu64
           " refused; %" PRIu64 " wait now\n",
           w.closed - lived, (double)(w.bytes - bytes) / (double)(w.seq - events), w.checked, w.wrong, w.refused,
           world_waiting(&w));
    if (w.wrong || w.refused || jn_router_check(w.r, &err) < 0) {
        fprintf(stderr, "%s: decisions differ from the plain model, or an invariant is broken\n", s->name);
        return -1;
    }
    printf("         %.0f lives/s; events that led to an offer, service alone: p50 %.1f us, p99.9 %.1f us\n", rate,
           (double)jn_histo_at(&w.service, 500) / 1e3, (double)jn_histo_at(&w.service, 999) / 1e3);
    if (reached)
        printf("FIGURE router_lives_per_s_%s %.0f 1/s\n", s->name, rate);
    if (s == shapes && reached)
        printf("FIGURE router_lives_per_s %.0f 1/s\nFIGURE router_lives_journaled_per_s %.0f 1/s\n", rate,
               journaled(&w, seconds));
    if (s == shapes) {
        /* links and maps grow as agents come; the model's own arrays are taken off */
        size_t model = s->agents * sizeof *w.agent + w.ix_cap * sizeof *w.ix + 2 * w.cap * sizeof *w.hands;
        size_t all = in_use() - before - model, interactions = tables(1, 5 * s->agents + 1000);
        printf("FIGURE router_bytes_per_agent %.0f B\n", (double)(all - interactions) / s->agents);
        printf("FIGURE router_bytes_per_waiting %.0f B\n", (double)(tables(1, 1000001) - tables(1, 1)) / 1e6);
    }
    fflush(stdout);
    world_close(&w);
    return 0;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 3;
    unsigned ran = 0;

    for (unsigned i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        if (argc > 2 ? strcmp(argv[2], shapes[i].name) != 0 : i == 2)
            continue;
        ran++;
        if (run(&shapes[i], seconds) < 0)
            return 1;
    }
    return ran ? 0 : 2;
}
