/* Oracle, end of a step: matching, then what changed is told. */
#include "tests/router/core/oracle_parts.h"

#include <string.h>

static void tell_agents(struct oracle *o)
{
    for (uint64_t after = 0;;) {
        struct oracle_agent *next = NULL;
        EACH(o, agent, a)
        if (a->set.id > after && (!next || a->set.id < next->set.id))
            next = a;
        if (!next)
            return;
        after = next->set.id;
        struct jn_agent_row row;
        oracle_row_of_agent(o, next, &row);
        if (next->was_told &&
            (row.state != next->told.state || memcmp(row.reason, next->told.reason, sizeof row.reason) != 0))
            next->since = row.since_us = o->now;
        if (next->was_told && memcmp(&row, &next->told, sizeof row) == 0)
            continue;
        next->was_told = true;
        memcpy(&next->told, &row, sizeof row);
        oracle_command(o, JN_CMD_AGENT, 0)->agent_row = row;
    }
}

static void tell_queues(struct oracle *o)
{
    for (uint64_t after = 0;;) {
        struct oracle_queue *next = NULL;
        EACH(o, queue, q)
        if (q->set.id > after && (!next || q->set.id < next->set.id))
            next = q;
        if (!next)
            return;
        after = next->set.id;
        struct jn_queue_row row;
        oracle_row_of_queue(o, next, &row);
        if (next->was_told && memcmp(&row, &next->last, sizeof row) == 0)
            continue;
        memcpy(&next->last, &row, sizeof row);
        if (next->timer != ORACLE_NEVER)
            continue;
        if (next->was_told && o->now < next->told_at + 100000) {
            next->timer = next->told_at + 100000;
            continue;
        }
        next->was_told = true;
        next->told_at = o->now;
        oracle_command(o, JN_CMD_QUEUE, 0)->queue_row = row;
    }
}

void oracle_end_step(struct oracle *o)
{
    oracle_review_patience(o);
    oracle_match(o);
    tell_agents(o);
    tell_queues(o);
    o->has_about = false;
}
