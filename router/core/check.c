/* Check: looks at every invariant from scratch, with plain loops. For tests, load and the sweeper. */
#include "router/core/state.h"
#include "router/match/match.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* Recounted from the interactions. */
struct recount {
    uint32_t (*load)[JN_CH_N]; /* by agent */
    uint32_t *working;
    uint32_t *waiting, *offered, *talking, *open; /* by queue */
    uint32_t *answered, *in_target, *lost, *out;  /* of those that are not closed yet, by queue */
};

static int check_ix(const struct jn_router *r, uint32_t i, struct recount *n, struct jn_err *err)
{
    const struct jn_ix *ix = &r->ix[i];
    uint8_t state = ix->row.state;
    bool held = jn_ix_held_by_agent(state) && !ix->row.outside, in = ix->row.direction == JN_DIR_IN;

    if (state >= JN_IX_DONE || jn_map_get(&r->ix_by_id, ix->row.id) != i || r->queue[ix->queue].set.id != ix->row.queue)
        return jn_fail(err, -EFAULT, "interaction %" PRIx64 " is not where it says", ix->row.id);
    if (held != (ix->agent != JN_NONE) || (held && r->agent[ix->agent].set.id != ix->row.agent))
        return jn_fail(err, -EFAULT, "interaction %" PRIx64 " and its agent disagree", ix->row.id);
    if ((state == JN_IX_QUEUED) != (ix->line != JN_NONE) || (ix->patience && state != JN_IX_QUEUED))
        return jn_fail(err, -EFAULT, "interaction %" PRIx64 " waits in no line", ix->row.id);
    if (ix->patience != (ix->timer[JN_IX_PATIENCE].slot != JN_TIMER_IDLE) ||
        (state == JN_IX_WRAP_UP && ix->timer[JN_IX_TERM].slot == JN_TIMER_IDLE))
        return jn_fail(err, -EFAULT, "interaction %" PRIx64 " lacks a timer", ix->row.id);
    n->waiting[ix->queue] += state == JN_IX_QUEUED;
    n->offered[ix->queue] += state == JN_IX_OFFERED && !jn_ix_dials(&ix->row);
    n->talking[ix->queue] += jn_ix_joined(state);
    n->open[ix->queue] += in && ix->row.outcome == JN_OUT_OPEN;
    n->answered[ix->queue] += in && ix->row.outcome == JN_OUT_ANSWERED;
    n->in_target[ix->queue] += ix->row.outcome == JN_OUT_ANSWERED && ix->row.in_target;
    n->lost[ix->queue] += in && ix->row.outcome == JN_OUT_LOST;
    n->out[ix->queue] += !in;
    if (ix->row.outside && (!jn_ix_joined(state) || ix->row.agent || ix->row.consult))
        return jn_fail(err, -EFAULT, "interaction %" PRIx64 " is outside and is not", ix->row.id);
    if (!held)
        return ix->row.consult || ix->consult != JN_NONE
                   ? jn_fail(err, -EFAULT, "interaction %" PRIx64 " asks somebody for nobody", ix->row.id)
                   : 0;
    if ((ix->consult != JN_NONE) != (ix->row.consult != 0) ||
        (ix->consult != JN_NONE && (!jn_ix_joined(state) || r->agent[ix->consult].consult != i ||
                                    r->agent[ix->consult].set.id != ix->row.consult || ix->consult == ix->agent)))
        return jn_fail(err, -EFAULT, "interaction %" PRIx64 " and whom it asks disagree", ix->row.id);
    if (ix->consult != JN_NONE) {
        n->load[ix->consult][JN_CH_VOICE]++;
        n->working[ix->consult]++;
    }
    n->load[ix->agent][ix->row.channel]++;
    n->working[ix->agent] += state != JN_IX_WRAP_UP;
    if (state == JN_IX_OFFERED && !jn_ix_dials(&ix->row) && r->agent[ix->agent].presence != JN_AGENT_READY)
        return jn_fail(err, -EFAULT, "interaction %" PRIx64 " is offered to an agent who is not ready", ix->row.id);
    return 0;
}

static int check_agent(const struct jn_router *r, uint32_t i, const struct recount *n, struct jn_err *err)
{
    const struct jn_agent *a = &r->agent[i];

    for (unsigned ch = 0; ch < JN_CH_N; ch++) {
        if (a->load[ch] != n->load[i][ch] || a->load[ch] > a->bound[ch])
            return jn_fail(err, -EFAULT, "agent %" PRIx64 " has %u, counts %u, may %u", a->set.id, n->load[i][ch],
                           a->load[ch], a->bound[ch]);
        if (a->idle[ch] != jn_agent_available(a, ch) ||
            (a->idle[ch] && (a->idle_load[ch] != a->load[ch] || a->idle_mark != a->mark)))
            return jn_fail(err, -EFAULT, "agent %" PRIx64 " idles in the wrong place", a->set.id);
    }
    if (a->working != n->working[i] || (a->load[JN_CH_VOICE] && a->load[JN_CH_CHAT]))
        return jn_fail(err, -EFAULT, "agent %" PRIx64 " has a call and chats at once", a->set.id);
    if ((a->consult != JN_NONE && r->ix[a->consult].consult != i) || (a->after && a->back_off.slot == JN_TIMER_IDLE))
        return jn_fail(err, -EFAULT, "agent %" PRIx64 " is asked by nobody, or wraps up for ever", a->set.id);
    if (jn_map_get(&r->agent_by_id, a->set.id) != i || a->fresh || a->changed)
        return jn_fail(err, -EFAULT, "agent %" PRIx64 " is not where it says", a->set.id);
    return 0;
}

/* The line's first stands for all: nobody who is available may take it. */
static int check_lines(const struct jn_router *r, uint32_t l, uint32_t *members, struct jn_err *err)
{
    for (; l != JN_NONE; l = r->line[l].next) {
        const struct jn_line *line = &r->line[l];
        if (line->tree.root == JN_NONE || !jn_tree_sound(&line->tree, r->line_node))
            return jn_fail(err, -EFAULT, "a line is out of order");
        *members += jn_tree_count(&line->tree, r->line_node);
        uint32_t i = line->tree.first, a = jn_rule_agent(r, i);
        if (a != JN_NONE)
            return jn_fail(err, -EFAULT, "agent %" PRIx64 " idles while interaction %" PRIx64 " waits",
                           r->agent[a].set.id, r->ix[i].row.id);
        for (; i != JN_NONE; i = jn_tree_next(r->line_node, i))
            if (r->ix[i].line != l || r->ix[i].patience != (line->agent != JN_NONE) || r->ix[i].queue != line->queue)
                return jn_fail(err, -EFAULT, "interaction %" PRIx64 " stands in the wrong line", r->ix[i].row.id);
    }
    return 0;
}

static int check_queue(const struct jn_router *r, uint32_t i, const struct recount *n, uint32_t *members,
                       struct jn_err *err)
{
    const struct jn_queue *q = &r->queue[i];
    const struct jn_queue_row *t = &q->total;

    if (t->offered != t->answered + t->abandoned + t->rejected + t->lost + n->open[i])
        return jn_fail(err, -EFAULT,
                       "queue %" PRIx64 ": offered %" PRIu64 " is not answered %" PRIu64 " + abandoned %" PRIu64
                       " + rejected %" PRIu64 " + lost %" PRIu64 " + open %u",
                       q->set.id, t->offered, t->answered, t->abandoned, t->rejected, t->lost, n->open[i]);
    if (t->offered_now != n->offered[i] || t->talking != n->talking[i] || t->answered < n->answered[i] ||
        t->lost < n->lost[i] || t->out < n->out[i] || t->out_answered > t->out || t->in_target < n->in_target[i] ||
        t->in_target - n->in_target[i] > t->answered - n->answered[i])
        return jn_fail(err, -EFAULT, "queue %" PRIx64 ": counts of the moment are wrong", q->set.id);
    if (!jn_tree_sound(&q->waiting, r->wait_node) || jn_tree_count(&q->waiting, r->wait_node) != n->waiting[i])
        return jn_fail(err, -EFAULT, "queue %" PRIx64 ": the waiting are out of order", q->set.id);
    for (unsigned ch = 0; ch < JN_CH_N; ch++)
        if (!jn_tree_sound(&q->idle[ch], r->idle_node))
            return jn_fail(err, -EFAULT, "queue %" PRIx64 ": the idle are out of order", q->set.id);
    if (jn_map_get(&r->queue_by_id, q->set.id) != i || q->changed)
        return jn_fail(err, -EFAULT, "queue %" PRIx64 " is not where it says", q->set.id);
    return check_lines(r, q->lines, members, err);
}

static int check_all(const struct jn_router *r, struct recount *n, struct jn_err *err)
{
    uint32_t members = 0, waiting = 0;
    int rc = 0;

    for (uint32_t i = r->ixs.head; i != JN_NONE && rc == 0; i = r->ixs.next[i])
        rc = check_ix(r, i, n, err);
    for (uint32_t a = r->agents.head; a != JN_NONE && rc == 0; a = r->agents.next[a])
        if ((rc = check_agent(r, a, n, err)) == 0)
            rc = check_lines(r, r->agent[a].lines, &members, err);
    for (uint32_t q = r->queues.head; q != JN_NONE && rc == 0; q = r->queues.next[q]) {
        rc = check_queue(r, q, n, &members, err);
        waiting += n->waiting[q];
    }
    if (rc == 0 && (members != waiting || r->n_fresh_agents || r->n_fresh_ixs))
        rc = jn_fail(err, -EFAULT, "%u wait, %u stand in lines", waiting, members);
    return rc;
}

int jn_router_check(const struct jn_router *r, struct jn_err *err)
{
    const size_t queues = r->limits.queues, agents = r->limits.agents;
    uint32_t *by_queue = calloc(8 * queues, sizeof *by_queue), *working = calloc(agents, sizeof *working);
    uint32_t(*load)[JN_CH_N] = calloc(agents, sizeof *load);
    struct recount n = {load, working, .waiting = by_queue};

    n.offered = by_queue + queues;
    n.talking = by_queue + 2 * queues;
    n.open = by_queue + 3 * queues;
    n.answered = by_queue + 4 * queues;
    n.in_target = by_queue + 5 * queues;
    n.lost = by_queue + 6 * queues;
    n.out = by_queue + 7 * queues;
    int rc = by_queue && working && load ? check_all(r, &n, err) : jn_fail(err, -ENOMEM, "no memory to check");

    free(by_queue);
    free(working);
    free(load);
    return rc;
}
