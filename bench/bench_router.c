/* Router: complete lives a second (arrive, accept, end, wrap-up done; the offer is a command), journal encoding
 * included, in three shapes, with the journal on disk, and what an agent and a waiting interaction cost in memory. The
 * driver and its model are inside the measured time; the checks are not. bench_router [seconds of lives per shape] */
#include "bench/router_world.h"
#include "engine/store/journal_file.h"

#include <malloc.h>
#include <unistd.h>

enum { SLICE = 200, LIVES = 4000000, FILL_S = 12, COMMIT_BYTES = 1 << 20 };

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

    if (world_open(&w, s, LIVES, t + FILL_S * UINT64_C(1000000000)) < 0)
        return -1;
    printf("%-8s %u tenants, %u queues, %u agents: %" PRIu64 " with agents, %" PRIu64 " wait; filled in %.1f s\n",
           s->name, s->tenants, s->queues, s->agents, w.n_offered, world_waiting(&w), (double)(jn_mono_ns() - t) / 1e9);
    if (s->waiting && world_waiting(&w) < s->waiting)
        printf("         NOT %u: an arrival takes %.1f us on the mean, and %d s were over\n", s->waiting,
               (double)(jn_mono_ns() - t) / 1e3 / (double)w.next_ix, FILL_S);
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
    printf("FIGURE router_lives_per_s_%s %.0f 1/s\n", s->name, rate);
    if (s == shapes) {
        printf("FIGURE router_lives_per_s %.0f 1/s\n", rate);
        printf("FIGURE router_lives_journaled_per_s %.0f 1/s\n", journaled(&w, seconds));
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
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 5;
    int rc = 0;

    for (unsigned i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        rc |= run(&shapes[i], seconds);
    return rc ? 1 : 0;
}
