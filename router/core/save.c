/* Save: the state as bytes, in order of making, everything that cannot be worked out from the rest. Trees, lines, links
 * and idle sets are not in it: load makes them anew. router/core/load.c reads it; the two are one format. */
#include "router/core/digest.h"
#include "router/core/state.h"

#include <errno.h>
#include <string.h>

/* Bytes go to a buffer, a chunk at a time, or only into a digest. */
struct sink {
    struct jn_buf *buf;
    uint64_t digest;
    size_t n;
    uint8_t chunk[4096];
};

static void flush(struct sink *s)
{
    if (s->buf)
        jn_buf_add(s->buf, s->chunk, s->n);
    s->n = 0;
}

static void number(struct sink *s, uint64_t v, unsigned bytes)
{
    if (!s->buf) {
        jn_digest(&s->digest, v);
        return;
    }
    if (s->n + bytes > sizeof s->chunk)
        flush(s);
    for (unsigned i = 0; i < bytes; i++)
        s->chunk[s->n++] = (uint8_t)(v >> 8 * i);
}

static void u8(struct sink *s, uint8_t v)
{
    number(s, v, 1);
}

static void u16(struct sink *s, uint16_t v)
{
    number(s, v, 2);
}

static void u32(struct sink *s, uint32_t v)
{
    number(s, v, 4);
}

static void u64(struct sink *s, uint64_t v)
{
    number(s, v, 8);
}

static void skills(struct sink *s, const struct jn_skill *skill, uint8_t n)
{
    u8(s, n);
    for (unsigned i = 0; i < n; i++) {
        u64(s, skill[i].id);
        u8(s, skill[i].level);
    }
}

/* Deadline, or all ones when it does not run. */
static void timer(struct sink *s, const struct jn_timer *t)
{
    u64(s, t->slot == JN_TIMER_IDLE ? UINT64_MAX : t->deadline);
}

static void save_queue(struct sink *s, const struct jn_queue *q)
{
    const struct jn_ev_queue *set = &q->set;
    const struct jn_queue_row *t = &q->total;

    u64(s, set->id);
    u64(s, q->tenant);
    u64(s, q->serial);
    skills(s, set->skill, set->skills);
    const uint32_t word[] = {set->target_ms,   set->offer_timeout_ms, set->wrap_up_ms, set->max_wait_ms,
                             set->max_waiting, set->prefer_ms,        set->announce_ms};
    for (unsigned i = 0; i < sizeof word / sizeof word[0]; i++)
        u32(s, word[i]);
    u16(s, set->weight);
    u8(s, set->priority);
    u8(s, set->policy);
    u8(s, set->channel_mask);
    const uint64_t total[] = {t->offered,   t->answered,    t->abandoned,   t->rejected,    t->lost,
                              t->in_target, t->wait_sum_us, t->talk_sum_us, t->wrap_sum_us, t->wait_max_us};
    for (unsigned i = 0; i < sizeof total / sizeof total[0]; i++)
        u64(s, total[i]);
    u64(s, t->transferred);
    u64(s, t->out);
    u64(s, t->out_answered);
    u64(s, t->out_talk_sum_us);
    u64(s, q->told_us);
    timer(s, &q->row_timer);
}

static void save_agent(struct sink *s, const struct jn_agent *a)
{
    u64(s, a->set.id);
    u64(s, a->tenant);
    u64(s, a->serial);
    skills(s, a->set.skill, a->set.skills);
    for (unsigned ch = 0; ch < JN_CH_N; ch++)
        u8(s, a->set.capacity[ch]);
    u8(s, a->set.max_no_answer);
    u8(s, a->set.n_serves);
    for (unsigned i = 0; i < a->set.n_serves; i++)
        u64(s, a->set.serves[i]);
    u64(s, a->mark);
    u64(s, a->since_us);
    for (unsigned i = 0; i < JN_REASON_MAX; i++)
        u8(s, (uint8_t)a->reason[i]);
    u8(s, a->presence);
    u8(s, a->no_answers);
    u8(s, a->after);
    timer(s, &a->back_off);
}

static void save_ix(struct sink *s, const struct jn_ix *ix)
{
    const struct jn_ix_row *row = &ix->row;
    const uint64_t word[] = {row->id,        row->tenant,     row->queue,       row->agent,    row->arrived_us,
                             row->queued_us, row->offered_us, row->answered_us, row->ended_us, row->wait_us,
                             row->talk_us,   row->order,      ix->serial,       ix->had,       ix->since_us,
                             ix->wrap_us,    ix->preferred};

    for (unsigned i = 0; i < sizeof word / sizeof word[0]; i++)
        u64(s, word[i]);
    u16(s, row->offers);
    u8(s, row->channel);
    u8(s, row->state);
    u8(s, row->outcome);
    u8(s, row->why);
    u8(s, row->priority);
    u8(s, row->in_target);
    u8(s, ix->patience);
    u8(s, row->direction);
    u8(s, row->outside);
    u16(s, row->transfers);
    u64(s, row->consult);
    u64(s, ix->wait_from_us);
    skills(s, ix->skill, ix->skills);
    for (unsigned t = 0; t < JN_IX_TIMER_N; t++)
        timer(s, &ix->timer[t]);
}

static void save(struct sink *s, const struct jn_router *r)
{
    u32(s, JN_SNAPSHOT_MAGIC);
    u32(s, JN_SNAPSHOT_FORMAT);
    u64(s, r->now_us);
    u64(s, r->seq);
    u64(s, r->serial);
    u64(s, r->order);
    u64(s, r->mark);
    u8(s, r->draining);
    u32(s, r->tenants.count);
    u32(s, r->queues.count);
    u32(s, r->agents.count);
    u32(s, r->ixs.count);
    u32(s, r->closed_count);
    for (uint32_t t = r->tenants.head; t != JN_NONE; t = r->tenants.next[t]) {
        u64(s, r->tenant[t].id);
        u32(s, r->tenant[t].weight);
    }
    for (uint32_t q = r->queues.head; q != JN_NONE; q = r->queues.next[q])
        save_queue(s, &r->queue[q]);
    for (uint32_t a = r->agents.head; a != JN_NONE; a = r->agents.next[a])
        save_agent(s, &r->agent[a]);
    for (uint32_t i = r->ixs.head; i != JN_NONE; i = r->ixs.next[i])
        save_ix(s, &r->ix[i]);
    for (uint32_t i = 0; i < r->closed_count; i++) {
        const struct jn_closed *c = &r->closed[(r->closed_first + i) % r->closed_cap];
        u64(s, c->id);
        u64(s, c->tenant);
    }
    flush(s);
}

int jn_router_save(const struct jn_router *r, struct jn_buf *out)
{
    struct sink s;

    s.buf = out;
    s.digest = s.n = 0;
    save(&s, r);
    return out->failed ? -ENOMEM : 0;
}

uint64_t jn_router_state_hash(const struct jn_router *r)
{
    struct sink s;

    s.buf = NULL;
    s.digest = s.n = 0;
    save(&s, r);
    return s.digest;
}
