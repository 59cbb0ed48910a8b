/* Read: a day out of a file of calls. Shifts follow from the calls: an agent is there from its first answer to its last
 * end, but for gaps that look like breaks. */
#include "engine/base/map.h"
#include "engine/base/str.h"
#include "router/queue/tree.h"
#include "router/whatif/day.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 6, FIELD_MAX = 512, SECONDS_MAX = 10000000, OFTEN = 10, TENANT = 1 };

struct piece {
    uint64_t from_us, to_us;
    uint32_t agent;
};
struct reader {
    struct jn_day *d;
    struct jn_map queue, agent;      /* by id of the name */
    uint32_t (*took)[JN_SKILLS_MAX]; /* by agent and its skill: how many calls */
    struct piece *piece;
    uint32_t pieces, lines;
    const struct jn_day_how *how;
    struct jn_err *err;
    unsigned line;
    const char *file;
};

static int wrong(const struct reader *r, const char *what)
{
    return jn_fail(r->err, -EINVAL, "%s line %u: %s", r->file, r->line, what);
}

/* The column-th field of the line that begins there; false when there is none or it is too long. */
static bool field(const char *line, unsigned column, char out[static FIELD_MAX])
{
    for (; column > 0; column--, line++) {
        line += strcspn(line, ",\r\n");
        if (*line != ',')
            return false;
    }
    return jn_copy_n(out, FIELD_MAX, line, strcspn(line, ",\r\n"));
}

static const char *next_line(const char *p)
{
    p = strchrnul(p, '\n');
    return *p ? p + 1 : p;
}

static int add_queue(struct reader *r, const char *name, uint32_t *out)
{
    uint64_t id = jn_name_id(TENANT, "queue", name);
    struct jn_day *d = r->d;

    if ((*out = jn_map_get(&r->queue, id)) != JN_NONE)
        return 0;
    if (!*name || strlen(name) >= JN_NAME_MAX)
        return wrong(r, "no name of a queue");
    *out = d->queues++;
    jn_copy(d->queue_name[*out].text, JN_NAME_MAX, name);
    d->queue[*out].tenant = TENANT;
    d->queue[*out].set = (struct jn_ev_queue){.id = id,
                                              .skill = {{jn_name_id(TENANT, "skill", name), 1}},
                                              .skills = 1,
                                              .target_ms = r->how->target_s * 1000,
                                              .wrap_up_ms = r->how->wrap_up_s * 1000,
                                              .weight = 1,
                                              .channel_mask = 1u << JN_CH_VOICE};
    jn_map_set(&r->queue, id, *out);
    return 0;
}

static uint32_t add_agent(struct reader *r, const char *name)
{
    uint64_t id = jn_name_id(TENANT, "agent", name);
    uint32_t a = jn_map_get(&r->agent, id);

    if (a != JN_NONE)
        return a;
    a = r->d->agents++;
    r->d->agent[a].tenant = TENANT;
    r->d->agent[a].set = (struct jn_ev_agent){.id = id, .capacity = {[JN_CH_VOICE] = 1}};
    jn_map_set(&r->agent, id, a);
    return a;
}

/* The agent took n calls of that queue; a queue beyond the room for skills is left out. */
static void took(struct reader *r, uint32_t a, uint64_t skill, uint32_t n)
{
    struct jn_ev_agent *set = &r->d->agent[a].set;
    unsigned i = 0;

    while (i < set->skills && set->skill[i].id != skill)
        i++;
    if (i == JN_SKILLS_MAX)
        return;
    if (i == set->skills)
        set->skill[set->skills++] = (struct jn_skill){skill, 1};
    r->took[a][i] += n;
}

static int call(struct reader *r, const char *line)
{
    static const char *const name[COLUMNS] = {"arrival_s", "queue", "answered", "wait_s", "service_s", "agent"};
    char text[COLUMNS][FIELD_MAX];
    uint64_t v[COLUMNS] = {0};
    struct jn_day_call *c = &r->d->call[r->d->calls];

    for (unsigned k = 0; k < COLUMNS; k++) {
        if (!field(line, k, text[k]))
            return wrong(r, "too few columns, or a longer field than fits");
        if (r->line == 1 && strcmp(text[k], name[k]) != 0)
            return jn_fail(r->err, -EINVAL, "%s: column %u must be called %s", r->file, k + 1, name[k]);
        if (r->line > 1 && k != 1 && k != 5 && *text[k] && jn_parse_u64(text[k], SECONDS_MAX, &v[k]) < 0)
            return wrong(r, "not a number of seconds");
    }
    if (r->line == 1)
        return 0;
    *c = (struct jn_day_call){.answered = v[2] == 1, .left = v[2] == 0};
    int rc = add_queue(r, text[1], &c->is.queue);
    if (rc < 0)
        return rc;
    c->is.at_us = v[0] * 1000000;
    c->is.patience_us = v[3] * 1000000;
    c->is.talk_us = v[4] * 1000000;
    c->is.wrap_us = r->how->wrap_up_s * 1000000ull;
    c->is.priority = 255;
    c->in_target = c->answered && v[3] <= r->how->target_s;
    r->d->calls++;
    if (!c->answered)
        return 0;
    if (!*text[5])
        return wrong(r, "answered by nobody");
    uint32_t a = add_agent(r, text[5]);
    took(r, a, r->d->queue[c->is.queue].set.skill[0].id, 1);
    uint64_t from_us = c->is.at_us + c->is.patience_us;
    r->piece[r->pieces++] = (struct piece){from_us, from_us + c->is.talk_us, a};
    return 0;
}

/* "2:426 20:331": queues and calls of a month. Queues that nobody called today are of no use here. */
static int month(struct reader *r, uint32_t a, char *text)
{
    char *rest = NULL;
    uint64_t n;

    for (char *w = strtok_r(text, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
        char *colon = strchr(w, ':');
        if (!colon || jn_parse_u64(colon + 1, UINT32_MAX / 2, &n) < 0)
            return wrong(r, "queues must be written QUEUE:CALLS");
        *colon = 0;
        if (n >= OFTEN && jn_map_get(&r->queue, jn_name_id(TENANT, "queue", w)) != JN_NONE)
            took(r, a, jn_name_id(TENANT, "skill", w), (uint32_t)n);
    }
    return 0;
}

static int agents(struct reader *r, const char *text)
{
    char name[FIELD_MAX];
    unsigned column = 0;
    int rc = 0;

    r->file = "agents:";
    r->line = 1;
    while (field(text, column, name) && strcmp(name, "queues_month(queue:calls)") != 0)
        column++;
    for (const char *p = next_line(text); *p && rc == 0; p = next_line(p)) {
        r->line++;
        if (!field(p, 0, name))
            return wrong(r, "too few columns");
        uint32_t a = jn_map_get(&r->agent, jn_name_id(TENANT, "agent", name));
        if (a != JN_NONE && field(p, column, name))
            rc = month(r, a, name);
    }
    return rc;
}

static void levels(struct reader *r)
{
    for (uint32_t a = 0; a < r->d->agents; a++) {
        struct jn_ev_agent *set = &r->d->agent[a].set;
        uint32_t most = 1;
        for (unsigned i = 0; i < set->skills; i++)
            most = r->took[a][i] > most ? r->took[a][i] : most;
        for (unsigned i = 0; i < set->skills; i++)
            set->skill[i].level = (uint8_t)(1 + 9ull * r->took[a][i] / most);
    }
}

static int by_agent(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;

    if (x->agent != y->agent)
        return x->agent < y->agent ? -1 : 1;
    return x->from_us < y->from_us ? -1 : x->from_us > y->from_us;
}

static void shifts(struct reader *r)
{
    struct jn_day *d = r->d;
    struct jn_sim_shift *s = NULL;

    qsort(r->piece, r->pieces, sizeof *r->piece, by_agent);
    for (uint32_t i = 0; i < r->pieces; i++) {
        const struct piece *p = &r->piece[i];
        if (!s || s->agent != p->agent || p->from_us > s->to_us + r->how->break_s * 1000000ull) {
            s = &d->shift[d->shifts++];
            *s = (struct jn_sim_shift){p->from_us, p->to_us, p->agent};
        }
        s->to_us = p->to_us > s->to_us ? p->to_us : s->to_us;
    }
}

static int make(struct reader *r, const char *calls)
{
    struct jn_day *d = r->d;

    for (const char *p = calls; *p; p = next_line(p))
        r->lines++;
    uint32_t n = r->lines + 1;
    d->queue = calloc(n, sizeof *d->queue);
    d->queue_name = calloc(n, sizeof *d->queue_name);
    d->agent = calloc(n, sizeof *d->agent);
    d->shift = calloc(n, sizeof *d->shift);
    d->call = calloc(n, sizeof *d->call);
    r->took = calloc(n, sizeof *r->took);
    r->piece = calloc(n, sizeof *r->piece);
    if (!d->queue || !d->queue_name || !d->agent || !d->shift || !d->call || !r->took || !r->piece ||
        jn_map_init(&r->queue, n) < 0 || jn_map_init(&r->agent, n) < 0)
        return jn_fail(r->err, -ENOMEM, "no memory");
    return 0;
}

int jn_day_read(struct jn_day *d, const char *calls, const char *agents_text, const struct jn_day_how *how,
                struct jn_err *err)
{
    struct reader r = {.d = d, .how = how, .err = err, .file = "calls:"};

    *d = (struct jn_day){0};
    int rc = make(&r, calls);
    for (const char *p = calls; *p && rc == 0; p = next_line(p)) {
        r.line++;
        rc = call(&r, p);
    }
    if (rc == 0 && agents_text)
        rc = agents(&r, agents_text);
    if (rc == 0 && d->calls == 0)
        rc = jn_fail(err, -EINVAL, "calls: none");
    if (rc == 0) {
        levels(&r);
        shifts(&r);
        rc = jn_day_ready(d) < 0 ? jn_fail(err, -ENOMEM, "no memory") : 0;
    }
    jn_map_free(&r.queue);
    jn_map_free(&r.agent);
    free(r.took);
    free(r.piece);
    if (rc < 0)
        jn_day_free(d);
    return rc;
}
