/* Load: the bytes of save.c back into a fresh router. Every field is looked at; what no router can have saved is
 * refused, and at the end the whole is checked like a running one. */
#include "router/core/state.h"
#include "router/core/valid.h"
#include "router/match/match.h"

#include <errno.h>
#include <string.h>

struct source {
    const uint8_t *at;
    size_t left;
    uint32_t format;
    bool bad; /* ran out of bytes, or a field was wrong */
};

static uint64_t number(struct source *s, unsigned bytes)
{
    uint64_t v = 0;

    if (s->left < bytes) {
        s->bad = true;
        s->left = 0;
        return 0;
    }
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint64_t)s->at[i] << 8 * i;
    s->at += bytes;
    s->left -= bytes;
    return v;
}

/* At most max; otherwise the bytes are bad. */
static uint64_t bounded(struct source *s, unsigned bytes, uint64_t max)
{
    uint64_t v = number(s, bytes);

    if (v > max)
        s->bad = true;
    return s->bad ? 0 : v;
}

static uint8_t u8(struct source *s, uint8_t max)
{
    return (uint8_t)bounded(s, 1, max);
}

static uint32_t u32(struct source *s)
{
    return (uint32_t)number(s, 4);
}

static uint64_t u64(struct source *s)
{
    return number(s, 8);
}

static uint8_t skills(struct source *s, struct jn_skill *skill, uint8_t max)
{
    uint8_t n = u8(s, max);

    for (unsigned i = 0; i < n; i++) {
        skill[i].id = u64(s);
        skill[i].level = u8(s, JN_LEVEL_MAX);
    }
    if (!jn_skills_valid(skill, n, max))
        s->bad = true;
    return s->bad ? 0 : n;
}

static void timer(struct source *s, struct jn_router *r, struct jn_timer *t)
{
    uint64_t deadline = u64(s);

    if (deadline == UINT64_MAX || s->bad)
        return;
    if (deadline > 2 * JN_TIME_MAX_US)
        s->bad = true;
    else
        jn_heap_arm(&r->timers, t, deadline);
}

static void load_tenant(struct source *s, struct jn_router *r)
{
    uint64_t id = u64(s);
    uint32_t weight = u32(s);

    if (s->bad || !id || jn_find_tenant(r, id) != JN_NONE) {
        s->bad = true;
        return;
    }
    r->tenant[jn_add_tenant(r, id)].weight = weight;
}

/* id, tenant and serial of a queue or agent: new, known, growing. */
static bool load_head(struct source *s, const struct jn_router *r, const struct jn_map *ids, uint64_t head[3],
                      uint64_t last_serial)
{
    for (unsigned i = 0; i < 3; i++)
        head[i] = u64(s);
    if (s->bad || !head[0] || jn_map_get(ids, head[0]) != JN_NONE || jn_find_tenant(r, head[1]) == JN_NONE ||
        head[2] <= last_serial || head[2] > r->serial)
        s->bad = true;
    return !s->bad;
}

static void load_queue(struct source *s, struct jn_router *r)
{
    uint64_t head[3], last = r->queues.tail == JN_NONE ? 0 : r->queue[r->queues.tail].serial;

    if (!load_head(s, r, &r->queue_by_id, head, last))
        return;
    struct jn_queue *q = &r->queue[jn_add_queue(r, head[1], head[0], head[2])];
    struct jn_ev_queue *set = &q->set;
    struct jn_queue_row *t = &q->total;
    set->skills = skills(s, set->skill, JN_SKILLS_MAX);
    uint32_t *const word[] = {&set->target_ms,   &set->offer_timeout_ms, &set->wrap_up_ms, &set->max_wait_ms,
                              &set->max_waiting, &set->prefer_ms,        &set->announce_ms};
    for (unsigned i = 0; i < sizeof word / sizeof word[0]; i++)
        *word[i] = u32(s);
    set->weight = (uint16_t)bounded(s, 2, 1000);
    set->priority = u8(s, 9);
    set->policy = u8(s, JN_POLICY_N - 1);
    set->channel_mask = u8(s, (1u << JN_CH_N) - 1);
    uint64_t *const total[] = {&t->offered,   &t->answered,    &t->abandoned,   &t->rejected,    &t->lost,
                               &t->in_target, &t->wait_sum_us, &t->talk_sum_us, &t->wrap_sum_us, &t->wait_max_us};
    for (unsigned i = 0; i < sizeof total / sizeof total[0]; i++)
        *total[i] = u64(s);
    uint64_t *const moved[] = {&t->transferred, &t->out, &t->out_answered, &t->out_talk_sum_us};
    for (unsigned i = 0; i < sizeof moved / sizeof moved[0] && s->format >= 2; i++)
        *moved[i] = u64(s);
    q->told = true;
    q->told_us = bounded(s, 8, r->now_us);
    timer(s, r, &q->row_timer);
    if (!jn_queue_valid(set))
        s->bad = true;
}

static void load_agent(struct source *s, struct jn_router *r)
{
    uint64_t head[3], last = r->agents.tail == JN_NONE ? 0 : r->agent[r->agents.tail].serial;

    if (!load_head(s, r, &r->agent_by_id, head, last))
        return;
    struct jn_agent *a = &r->agent[jn_add_agent(r, head[1], head[0], head[2])];
    a->set.skills = skills(s, a->set.skill, JN_SKILLS_MAX);
    for (unsigned ch = 0; ch < JN_CH_N; ch++)
        a->bound[ch] = a->set.capacity[ch] = u8(s, UINT8_MAX);
    a->set.max_no_answer = u8(s, UINT8_MAX);
    a->set.n_serves = s->format >= 2 ? u8(s, JN_SERVES_MAX) : 0;
    for (unsigned i = 0; i < a->set.n_serves && !s->bad; i++)
        a->set.serves[i] = u64(s);
    a->mark = bounded(s, 8, r->mark);
    a->since_us = bounded(s, 8, r->now_us);
    for (unsigned i = 0; i < JN_REASON_MAX; i++) {
        a->reason[i] = (char)u8(s, UINT8_MAX);
        if (i > 0 && a->reason[i] && !a->reason[i - 1])
            s->bad = true; /* something after the text's end */
    }
    if (a->reason[JN_REASON_MAX - 1])
        s->bad = true;
    a->presence = u8(s, JN_AGENT_NOT_READY);
    a->no_answers = u8(s, UINT8_MAX);
    a->after = s->format >= 2 && u8(s, 1);
    timer(s, r, &a->back_off);
    a->told = true;
    if (!jn_agent_valid(&a->set))
        s->bad = true;
}

/* What the state says about the other fields. */
static bool ix_fits(const struct jn_router *r, const struct jn_ix *ix)
{
    const struct jn_ix_row *row = &ix->row;
    bool held = jn_ix_held_by_agent(row->state) && !row->outside, waiting = row->state == JN_IX_QUEUED;
    const bool answered = row->answered_us != 0;
    uint32_t a = held ? jn_find_anybody(r, row->agent) : JN_NONE;

    if (held ? a == JN_NONE || r->agent[a].load[row->channel] == UINT8_MAX : row->agent != (row->outside ? 0 : ix->had))
        return false;
    if (row->outside && (!jn_ix_joined(row->state) || row->channel != JN_CH_VOICE))
        return false;
    if (row->consult && (!held || !jn_ix_joined(row->state) || row->consult == row->agent))
        return false;
    if (row->direction == JN_DIR_OUT && (row->channel != JN_CH_VOICE || row->in_target))
        return false;
    if (row->state == JN_IX_WRAP_UP ? row->outcome != JN_OUT_ANSWERED && row->outcome != JN_OUT_LOST
                                    : row->outcome != (answered ? JN_OUT_ANSWERED : JN_OUT_OPEN))
        return false;
    if ((jn_ix_joined(row->state) || row->state == JN_IX_WRAP_UP) && (!answered || (held && ix->had != row->agent)))
        return false;
    if (ix->patience && (!waiting || !ix->preferred || jn_find_worker(r, row->tenant, ix->preferred) == JN_NONE))
        return false;
    for (unsigned t = 0; t < JN_IX_TIMER_N; t++)
        if (ix->timer[t].slot != JN_TIMER_IDLE && (jn_ix_joined(row->state) || (t != JN_IX_TERM && !waiting)))
            return false;
    return (row->state == JN_IX_WRAP_UP) == (row->ended_us != 0) && row->queued_us >= row->arrived_us;
}

static void load_ix(struct source *s, struct jn_router *r)
{
    uint64_t w[17], last = r->ixs.tail == JN_NONE ? 0 : r->ix[r->ixs.tail].serial;

    for (unsigned i = 0; i < sizeof w / sizeof w[0]; i++)
        w[i] = u64(s);
    uint32_t q = jn_find_queue(r, w[1], w[2]);
    if (s->bad || !w[0] || q == JN_NONE || jn_map_get(&r->ix_by_id, w[0]) != JN_NONE || w[12] <= last ||
        w[12] > r->serial || w[11] > r->order) {
        s->bad = true;
        return;
    }
    uint32_t i = jn_add_ix(r, w[1], w[0], w[12]);
    struct jn_ix *ix = &r->ix[i];
    struct jn_ix_row *row = &ix->row;
    uint64_t *const at[] = {&row->queue,       &row->agent,    &row->arrived_us, &row->queued_us, &row->offered_us,
                            &row->answered_us, &row->ended_us, &row->wait_us,    &row->talk_us,   &row->order};
    for (unsigned k = 0; k < sizeof at / sizeof at[0]; k++)
        *at[k] = w[k + 2];
    for (unsigned k = 4; k <= 10; k++)
        if (w[k] > r->now_us)
            s->bad = true;
    ix->had = w[13];
    ix->since_us = w[14];
    ix->wrap_us = w[15];
    ix->preferred = w[16];
    row->offers = (uint16_t)bounded(s, 2, UINT16_MAX);
    row->channel = u8(s, JN_CH_N - 1);
    row->state = u8(s, JN_IX_WRAP_UP);
    row->outcome = u8(s, JN_OUT_N - 1);
    row->why = u8(s, JN_WHY_N - 1);
    row->priority = u8(s, 9);
    row->in_target = u8(s, 1);
    ix->patience = u8(s, 1);
    ix->wait_from_us = row->queued_us;
    if (s->format >= 2) {
        row->direction = u8(s, JN_DIR_N - 1);
        row->outside = u8(s, 1);
        row->transfers = (uint16_t)bounded(s, 2, UINT16_MAX);
        row->consult = u64(s);
        ix->wait_from_us = bounded(s, 8, r->now_us);
    }
    ix->skills = skills(s, ix->skill, sizeof ix->skill / sizeof ix->skill[0]);
    ix->queue = q;
    for (unsigned t = 0; t < JN_IX_TIMER_N; t++)
        timer(s, r, &ix->timer[t]);
    if (s->bad || ix->since_us > r->now_us || !ix_fits(r, ix)) {
        s->bad = true;
        return;
    }
    uint32_t asked = row->consult ? jn_find_anybody(r, row->consult) : JN_NONE;
    if (row->consult &&
        (asked == JN_NONE || r->agent[asked].consult != JN_NONE || r->agent[asked].load[JN_CH_VOICE] == UINT8_MAX)) {
        s->bad = true;
        return;
    }
    r->queue[q].total.offered_now += row->state == JN_IX_OFFERED && !jn_ix_dials(row);
    r->queue[q].total.talking += jn_ix_joined(row->state);
    if (row->state == JN_IX_QUEUED)
        jn_wait_place(r, i);
    else if (!row->outside)
        jn_work_take(r, i, jn_find_anybody(r, row->agent));
    if (asked != JN_NONE)
        jn_work_ask(r, i, asked);
}

static void load_closed(struct source *s, struct jn_router *r)
{
    uint64_t id = u64(s), tenant = u64(s);

    if (s->bad || !id || jn_map_get(&r->closed_by_id, id) != JN_NONE || jn_map_get(&r->ix_by_id, id) != JN_NONE)
        s->bad = true;
    else
        jn_closed_remember(r, id, tenant);
}

/* What the outside was told last is what is true now, and nothing is under way. */
static int settle(struct jn_router *r)
{
    for (uint32_t q = r->queues.head; q != JN_NONE; q = r->queues.next[q]) {
        if (jn_links_queue(r, q) < 0)
            return -ENOMEM;
        jn_queue_row(&r->queue[q].seen, &r->queue[q], r->wait_node);
    }
    for (uint32_t i = r->agents.head; i != JN_NONE; i = r->agents.next[i]) {
        struct jn_agent *a = &r->agent[i];
        a->shown = jn_agent_shown(a);
        jn_idle_update(r, i);
        jn_agent_row(&a->seen, a);
        a->fresh = false;
    }
    r->n_fresh_agents = 0;
    return 0;
}

bool jn_router_saved_now(const void *bytes, size_t n)
{
    struct source s = {.at = bytes, .left = n};

    return u32(&s) == JN_SNAPSHOT_MAGIC && u32(&s) == JN_SNAPSHOT_FORMAT && !s.bad;
}

int jn_router_load(struct jn_router *r, const void *bytes, size_t n, struct jn_err *err)
{
    struct source s = {.at = bytes, .left = n};
    uint32_t count[5];
    static void (*const load[5])(struct source *, struct jn_router *) = {load_tenant, load_queue, load_agent, load_ix,
                                                                         load_closed};
    static const char *const name[5] = {"tenant", "queue", "agent", "interaction", "closed id"};

    if (u32(&s) != JN_SNAPSHOT_MAGIC)
        return jn_fail(err, -EBADMSG, "no router snapshot");
    s.format = u32(&s);
    if (s.format < JN_SNAPSHOT_FORMAT - 1 || s.format > JN_SNAPSHOT_FORMAT)
        return jn_fail(err, -EBADMSG, "snapshot format %u, this one reads %u and %u", s.format, JN_SNAPSHOT_FORMAT - 1,
                       JN_SNAPSHOT_FORMAT);
    r->now_us = r->until_us = bounded(&s, 8, JN_TIME_MAX_US);
    r->seq = u64(&s);
    uint64_t *const counter[] = {&r->serial, &r->order, &r->mark};
    for (unsigned i = 0; i < 3; i++)
        *counter[i] = bounded(&s, 8, UINT64_MAX >> 2);
    r->draining = u8(&s, 1);
    const uint32_t most[5] = {r->limits.tenants, r->limits.queues, r->limits.agents, r->limits.interactions,
                              r->closed_cap};
    for (unsigned i = 0; i < 5; i++) {
        count[i] = u32(&s);
        if (!s.bad && count[i] > most[i])
            return jn_fail(err, -EBADMSG, "%u of kind %s, room for %u", count[i], name[i], most[i]);
    }
    for (unsigned i = 0; i < 5; i++)
        for (uint32_t k = 0; k < count[i]; k++) {
            if (!s.bad)
                load[i](&s, r);
            if (s.bad)
                return jn_fail(err, -EBADMSG, "%s %u of %u is damaged", name[i], k + 1, count[i]);
        }
    if (s.bad || s.left)
        return jn_fail(err, -EBADMSG, "%s", s.bad ? "cut short" : "more bytes than expected");
    if (settle(r) < 0)
        return jn_fail(err, -ENOMEM, "no memory for who serves what");
    return jn_router_check(r, err) < 0 ? -EBADMSG : 0;
}
