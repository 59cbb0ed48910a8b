/* View: see view.h. */
#include "engine/api/view.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int jn_view_init(struct jn_view *v)
{
    memset(v, 0, sizeof *v);
    if (jn_map_init(&v->agent_by, 64) || jn_map_init(&v->queue_by, 64) || jn_map_init(&v->ix_by, 256)) {
        jn_view_free(v);
        return -ENOMEM;
    }
    return 0;
}

void jn_view_free(struct jn_view *v)
{
    free(v->agents);
    free(v->queues);
    free(v->ixs);
    jn_map_free(&v->agent_by);
    jn_map_free(&v->queue_by);
    jn_map_free(&v->ix_by);
    memset(v, 0, sizeof *v);
}

/* The row of id in an array that grows by doubling; zeroed when new; NULL when memory ends. */
static void *slot_of(struct jn_map *map, void **rows, size_t size, uint32_t *n, uint32_t *cap, uint64_t id)
{
    uint32_t i = jn_map_get(map, id);
    if (i == JN_MAP_NONE) {
        if (*n == *cap) {
            uint32_t want = *cap ? *cap * 2 : 64;
            void *more = realloc(*rows, want * size);
            if (!more)
                return NULL;
            *rows = more;
            *cap = want;
        }
        if (jn_map_set(map, id, *n))
            return NULL;
        i = (*n)++;
        memset((char *)*rows + i * size, 0, size);
    }
    return (char *)*rows + i * size;
}

/* The last row takes the place of the removed one; id_at: where a row has its id. */
static void remove_row(struct jn_map *map, void *rows, size_t size, uint32_t *n, size_t id_at, uint64_t id)
{
    uint32_t i = jn_map_get(map, id);
    if (i == JN_MAP_NONE)
        return;
    jn_map_del(map, id);
    char *gap = (char *)rows + i * size, *last = (char *)rows + (*n - 1) * size;
    if (gap != last) {
        uint64_t moved;
        memcpy(gap, last, size);
        memcpy(&moved, gap + id_at, sizeof moved);
        jn_map_set(map, moved, i); /* replaces: needs no memory */
    }
    (*n)--;
}

struct jn_view_agent *jn_view_agent_make(struct jn_view *v, uint64_t id)
{
    void *rows = v->agents;
    struct jn_view_agent *a = slot_of(&v->agent_by, &rows, sizeof *v->agents, &v->n_agents, &v->cap_agents, id);
    v->agents = rows;
    if (a)
        a->row.id = id;
    else
        v->lost++;
    return a;
}

static void take_queue(struct jn_view *v, const struct jn_queue_row *row)
{
    void *rows = v->queues;
    struct jn_queue_row *q = slot_of(&v->queue_by, &rows, sizeof *q, &v->n_queues, &v->cap_queues, row->id);
    v->queues = rows;
    if (q)
        *q = *row;
    else
        v->lost++;
}

static void take_ix(struct jn_view *v, const struct jn_ix_row *row)
{
    if (row->state == JN_IX_DONE) {
        remove_row(&v->ix_by, v->ixs, sizeof *v->ixs, &v->n_ixs, offsetof(struct jn_ix_row, id), row->id);
        return;
    }
    void *rows = v->ixs;
    struct jn_ix_row *x = slot_of(&v->ix_by, &rows, sizeof *x, &v->n_ixs, &v->cap_ixs, row->id);
    v->ixs = rows;
    if (x)
        *x = *row;
    else
        v->lost++;
}

void jn_view_take(struct jn_view *v, const struct jn_command *c)
{
    switch (c->kind) {
    case JN_CMD_AGENT: {
        struct jn_view_agent *a = jn_view_agent_make(v, c->agent_row.id);
        if (a)
            a->row = c->agent_row;
        break;
    }
    case JN_CMD_QUEUE:
        take_queue(v, &c->queue_row);
        break;
    case JN_CMD_GONE:
        /* Agents and queues have different ids (jn_name_id), so the one that is not meant is not found. */
        if (c->agent_row.id)
            remove_row(&v->agent_by, v->agents, sizeof *v->agents, &v->n_agents, offsetof(struct jn_view_agent, row.id),
                       c->agent_row.id);
        if (c->queue_row.id)
            remove_row(&v->queue_by, v->queues, sizeof *v->queues, &v->n_queues, offsetof(struct jn_queue_row, id),
                       c->queue_row.id);
        break;
    case JN_CMD_QUEUED:
    case JN_CMD_POSITION:
    case JN_CMD_OFFER:
    case JN_CMD_OFFER_CANCEL:
    case JN_CMD_CONNECT:
    case JN_CMD_HOLD:
    case JN_CMD_RESUME:
    case JN_CMD_CLOSED:
    case JN_CMD_RECORD:
    case JN_CMD_CALL:
    case JN_CMD_CONSULT:
    case JN_CMD_CONSULT_END:
        if (c->row.id)
            take_ix(v, &c->row);
        break;
    default:
        break;
    }
}

struct jn_view_agent *jn_view_agent(const struct jn_view *v, uint64_t id)
{
    uint32_t i = jn_map_get(&v->agent_by, id);
    return i == JN_MAP_NONE ? NULL : &v->agents[i];
}

const struct jn_queue_row *jn_view_queue(const struct jn_view *v, uint64_t id)
{
    uint32_t i = jn_map_get(&v->queue_by, id);
    return i == JN_MAP_NONE ? NULL : &v->queues[i];
}

const struct jn_ix_row *jn_view_ix(const struct jn_view *v, uint64_t id)
{
    uint32_t i = jn_map_get(&v->ix_by, id);
    return i == JN_MAP_NONE ? NULL : &v->ixs[i];
}
