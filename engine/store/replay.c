/* Replay. The command hash of a check runs from where its process loaded its router. So one router goes through all
 * events for the state, and for every such beginning another is loaded from the first one's saved state, runs along
 * until its last check, and answers for the commands. */
#include "engine/store/replay.h"

#include "engine/store/file.h"
#include "engine/store/journal_check.h"
#include "router/core/router.h"
#include "router/journal/codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRESS_EVERY = 65536 };

struct track {
    uint64_t start, end; /* loaded after `start`, needed up to the check at `end` */
    struct jn_router *router;
};
struct run {
    struct jn_replay *out;
    struct jn_err *err;
    void (*progress)(void *arg, uint64_t seq, uint64_t last);
    void *arg;
    struct jn_journal_check *check; /* in order of seq */
    size_t n_check, check_cap, next_check;
    struct jn_journal_bounds *bounds;
    size_t n_bounds, bounds_cap, next_bounds;
    struct track *track;
    size_t n_track;
    struct jn_router *state;
    struct jn_router_limits limits;
    const char *dir;
    uint64_t next_snapshot;
    void (*watch)(void *arg, const struct jn_explanation *e); /* NULL: to compare */
    void *watch_arg;
    uint64_t from_us, to_us; /* of what is watched; a comparison begins as early as it can */
};

static void nothing(void *arg, const struct jn_command *c)
{
    (void)arg;
    (void)c;
}

static bool grow(void **at, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return true;
    size_t want = *cap ? *cap * 2 : 64;
    void *grown = realloc(*at, want * size);
    if (!grown)
        return false;
    *at = grown;
    *cap = want;
    return true;
}

static int note_check(void *arg, const struct jn_journal_check *c)
{
    struct run *r = arg;
    void *at = r->check;

    if (!grow(&at, r->n_check, &r->check_cap, sizeof *c))
        return -ENOMEM;
    r->check = at;
    r->check[r->n_check++] = *c;
    return 0;
}

static int note_bounds(void *arg, const struct jn_journal_bounds *b)
{
    struct run *r = arg;
    void *at = r->bounds;

    if (!grow(&at, r->n_bounds, &r->bounds_cap, sizeof *b))
        return -ENOMEM;
    r->bounds = at;
    r->bounds[r->n_bounds++] = *b;
    return 0;
}

static int by_seq(const void *a, const void *b)
{
    const struct jn_journal_check *x = a, *y = b;

    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static struct jn_router_limits limits_of(const struct jn_journal_bounds *b)
{
    return (struct jn_router_limits){b->agents, b->queues, b->tenants, b->interactions};
}

/* A router with these bytes in it. NULL, having said why. */
static struct jn_router *loaded(struct run *r, const void *bytes, size_t n, int *rc)
{
    struct jn_router *x = jn_router_new(&r->limits, nothing, NULL);

    *rc = x ? jn_router_load(x, bytes, n, r->err) : jn_fail(r->err, -ENOMEM, "no memory");
    if (*rc < 0) {
        jn_router_free(x);
        x = NULL;
    }
    return x;
}

/* Another router that goes on exactly as this one would. */
static struct jn_router *copy(struct run *r, const struct jn_router *from, int *rc)
{
    struct jn_buf b = {0};
    struct jn_router *x = NULL;

    *rc = jn_router_save(from, &b);
    if (*rc == 0)
        x = loaded(r, b.data, b.len, rc);
    else
        jn_fail(r->err, *rc, "cannot save the state");
    jn_buf_free(&b);
    return x;
}

static int plan_tracks(struct run *r)
{
    r->track = calloc(r->n_check + 1, sizeof *r->track);
    if (!r->track)
        return jn_fail(r->err, -ENOMEM, "no memory");
    for (size_t i = 0; i < r->n_check; i++) {
        const struct jn_journal_check *c = &r->check[i];
        size_t k = 0;
        if (c->start_seq < r->out->began_seq)
            continue;
        while (k < r->n_track && r->track[k].start != c->start_seq)
            k++;
        if (k == r->n_track)
            r->track[r->n_track++].start = c->start_seq;
        if (c->seq > r->track[k].end)
            r->track[k].end = c->seq;
    }
    return 0;
}

/* The bounds that were in force after seq: routers that were made with others are made again. */
static int follow_bounds(struct run *r, uint64_t seq)
{
    bool changed = false;
    int rc = 0;

    for (; r->next_bounds < r->n_bounds && r->bounds[r->next_bounds].seq <= seq; r->next_bounds++) {
        struct jn_router_limits l = limits_of(&r->bounds[r->next_bounds]);
        changed |= memcmp(&l, &r->limits, sizeof l) != 0;
        r->limits = l;
    }
    if (!changed || !r->state)
        return 0;
    struct jn_router *again = copy(r, r->state, &rc);
    if (again) {
        jn_router_free(r->state);
        r->state = again;
        jn_router_watch(again, r->watch, r->watch_arg);
    }
    return rc;
}

static int begin_tracks(struct run *r, uint64_t seq)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < r->n_track; i++)
        if (r->track[i].start == seq && r->track[i].end >= seq)
            r->track[i].router = copy(r, r->state, &rc);
    return rc;
}

static int differs(struct run *r, uint64_t seq, const char *what)
{
    r->out->differs_at = seq;
    return jn_fail(r->err, -EILSEQ, "%s differ after event %llu", what, (unsigned long long)seq);
}

static int compare_checks(struct run *r, uint64_t seq)
{
    for (; r->next_check < r->n_check && r->check[r->next_check].seq <= seq; r->next_check++) {
        const struct jn_journal_check *c = &r->check[r->next_check];
        const struct track *t = NULL;
        if (c->seq < seq || seq == r->out->began_seq || c->logic != JN_LOGIC_VERSION)
            continue;
        if (jn_router_state_hash(r->state) != c->state_hash)
            return differs(r, seq, "states");
        r->out->state_checks++;
        for (size_t i = 0; i < r->n_track; i++)
            if (r->track[i].start == c->start_seq)
                t = &r->track[i];
        if (!t || !t->router) {
            r->out->commands_unknown++;
            continue;
        }
        if (jn_router_command_hash(t->router) != c->command_hash)
            return differs(r, seq, "commands");
        r->out->command_checks++;
    }
    for (size_t i = 0; i < r->n_track; i++)
        if (r->track[i].router && r->track[i].end <= seq) {
            jn_router_free(r->track[i].router);
            r->track[i].router = NULL;
        }
    return 0;
}

/* A snapshot that stands on the way must be the state that the events lead to. */
static int compare_snapshot(struct run *r, uint64_t seq)
{
    struct jn_buf b = {0};
    struct jn_err ignored;
    uint64_t found, time_us;
    int rc = 0;

    if (seq != r->next_snapshot)
        return 0;
    if (jn_snapshot_read(r->dir, seq, &found, &time_us, &b, &ignored) == 0 && found == seq &&
        jn_router_saved_now(b.data, b.len)) {
        struct jn_router *x = loaded(r, b.data, b.len, &rc);
        if (x && jn_router_state_hash(x) != jn_router_state_hash(r->state))
            rc = differs(r, seq, "the snapshot's state and the events' state");
        else if (x)
            r->out->snapshots++;
        jn_router_free(x);
    }
    jn_buf_free(&b);
    return rc;
}

/* The first snapshot behind seq, UINT64_MAX when there is none. */
static uint64_t snapshot_after(const char *dir, uint64_t seq)
{
    struct jn_names names;
    uint64_t best = UINT64_MAX;

    if (jn_names_list(&names, dir, ".snapshot") < 0)
        return best;
    for (size_t i = 0; i < names.count; i++) {
        uint64_t at = strtoull(names.at[i], NULL, 16);
        if (at > seq && at < best)
            best = at;
    }
    jn_names_free(&names);
    return best;
}

static int apply(void *arg, uint64_t seq, uint64_t time_us, const void *bytes, uint32_t n)
{
    struct run *r = arg;
    struct jn_event ev;

    (void)time_us;
    if (jn_event_decode(&ev, bytes, n) < 0 || ev.seq != seq)
        return jn_fail(r->err, -EBADMSG, "event %llu does not decode", (unsigned long long)seq);
    jn_router_apply(r->state, &ev);
    for (size_t i = 0; i < r->n_track; i++)
        if (r->track[i].router)
            jn_router_apply(r->track[i].router, &ev);
    r->out->events++;
    int rc = compare_checks(r, seq);
    if (rc == 0)
        rc = compare_snapshot(r, seq);
    if (rc == 0 && seq == r->next_snapshot)
        r->next_snapshot = snapshot_after(r->dir, seq);
    if (rc == 0)
        rc = follow_bounds(r, seq);
    if (rc == 0)
        rc = begin_tracks(r, seq);
    if (r->progress && seq % PROGRESS_EVERY == 0)
        r->progress(r->arg, seq, r->out->last_seq);
    return rc;
}

/* The oldest usable snapshot's state, or nothing. */
static int begin_state(struct run *r, bool from_start, uint64_t first_seq)
{
    struct jn_buf b = {0}, older = {0};
    struct jn_err none;
    uint64_t seq = 0, time_us, at = UINT64_MAX;
    int rc = 0;

    while (!from_start && at > 0 && jn_snapshot_read(r->dir, at, &at, &time_us, &older, &none) == 0) {
        if (r->watch && time_us > r->from_us) { /* too late: what is asked for lies before it */
            jn_buf_clear(&older);
            at--;
            continue;
        }
        jn_buf_free(&b);
        b = older;
        older = (struct jn_buf){0};
        seq = at--;
        if (r->watch)
            break;
    }
    jn_buf_free(&older);
    r->out->began_seq = seq;
    if (seq == 0 && first_seq > 1)
        rc = jn_fail(r->err, -ENODATA, "%s: begins at event %llu%s", r->dir, (unsigned long long)first_seq,
                     from_start ? "; replay from a snapshot instead" : " and there is no usable snapshot");
    if (rc == 0)
        rc = follow_bounds(r, seq);
    if (rc == 0) {
        r->state = seq ? loaded(r, b.data, b.len, &rc) : jn_router_new(&r->limits, nothing, NULL);
        if (rc == 0 && !r->state)
            rc = jn_fail(r->err, -ENOMEM, "no memory");
    }
    jn_buf_free(&b);
    return rc;
}

static int run_all(struct run *r, struct jn_journal *j, const struct jn_journal_found *found, bool from_start)
{
    struct jn_journal_reader notes = {.check = note_check, .bounds = note_bounds, .arg = r};
    struct jn_journal_reader events = {.each = apply, .arg = r};
    int rc = jn_journal_read_checked(j, found->first_seq ? found->first_seq - 1 : 0, &notes, r->err);

    if (rc < 0)
        return rc;
    if (r->n_check > 1)
        qsort(r->check, r->n_check, sizeof *r->check, by_seq);
    r->out->bounds_known = r->n_bounds > 0;
    if (r->n_bounds > 0)
        r->limits = limits_of(&r->bounds[0]);
    r->out->last_seq = found->last_seq;
    r->out->torn_bytes = found->torn_bytes;
    rc = begin_state(r, from_start, found->first_seq);
    if (rc == 0)
        rc = plan_tracks(r);
    if (rc == 0)
        rc = begin_tracks(r, r->out->began_seq);
    r->next_snapshot = snapshot_after(r->dir, r->out->began_seq);
    return rc == 0 ? jn_journal_read_checked(j, r->out->began_seq, &events, r->err) : rc;
}

enum { SEEN_ENOUGH = 1 };

/* The events alone: nothing is compared. */
static int apply_watched(void *arg, uint64_t seq, uint64_t time_us, const void *bytes, uint32_t n)
{
    struct run *r = arg;
    struct jn_event ev;

    if (time_us > r->to_us)
        return SEEN_ENOUGH;
    if (jn_event_decode(&ev, bytes, n) < 0 || ev.seq != seq)
        return jn_fail(r->err, -EBADMSG, "event %llu does not decode", (unsigned long long)seq);
    jn_router_apply(r->state, &ev);
    return follow_bounds(r, seq);
}

static int watch_all(struct run *r, struct jn_journal *j, const struct jn_journal_found *found)
{
    struct jn_journal_reader notes = {.bounds = note_bounds, .arg = r};
    struct jn_journal_reader events = {.each = apply_watched, .arg = r};
    int rc = jn_journal_read_checked(j, found->first_seq ? found->first_seq - 1 : 0, &notes, r->err);

    if (rc == 0 && r->n_bounds > 0)
        r->limits = limits_of(&r->bounds[0]);
    if (rc == 0)
        rc = begin_state(r, false, found->first_seq);
    if (rc < 0)
        return rc;
    jn_router_watch(r->state, r->watch, r->watch_arg);
    rc = jn_journal_read_checked(j, r->out->began_seq, &events, r->err);
    return rc == SEEN_ENOUGH ? 0 : rc;
}

/* Opens the journal, goes through it as r says, and frees what that took. */
static int go(struct run *r, bool from_start, struct jn_err *err)
{
    struct jn_err unused;
    struct jn_journal_found found;
    struct jn_journal *j;

    r->err = err ? err : &unused;
    r->limits = (struct jn_router_limits){.agents = 20000, .queues = 1000, .tenants = 100, .interactions = 100000};
    int rc = jn_journal_open(&j, r->dir, true, &found, r->err);
    if (rc < 0)
        return rc;
    rc = r->watch ? watch_all(r, j, &found) : run_all(r, j, &found, from_start);
    for (size_t i = 0; i < r->n_track; i++)
        jn_router_free(r->track[i].router);
    jn_router_free(r->state);
    free(r->track);
    free(r->check);
    free(r->bounds);
    jn_journal_close(j);
    return rc;
}

int jn_replay_watch(const char *dir, uint64_t from_us, uint64_t to_us,
                    void (*watch)(void *arg, const struct jn_explanation *e), void *arg, struct jn_err *err)
{
    struct jn_replay out = {0};
    struct run r = {.out = &out, .dir = dir, .watch = watch, .watch_arg = arg, .from_us = from_us, .to_us = to_us};

    return go(&r, false, err);
}

int jn_replay(const char *dir, bool from_start, struct jn_replay *out,
              void (*progress)(void *arg, uint64_t seq, uint64_t last), void *arg, struct jn_err *err)
{
    struct run r = {.out = out, .progress = progress, .arg = arg, .dir = dir};

    *out = (struct jn_replay){0};
    return go(&r, from_start, err);
}
