/* Codec: one event as bytes. A head of 36 bytes (format, kind, why, maker, time, sequence, tenant, token), then the
 * fields of its kind. Decode takes exactly what encode writes: encoding again gives the same bytes. */
#include "router/journal/codec.h"
#include "router/core/valid.h"

#include <errno.h>
#include <string.h>

/* Both directions walk the same fields, so that they cannot drift apart. */
struct cursor {
    uint8_t *out;      /* encode */
    const uint8_t *in; /* decode */
    size_t at, size;
    bool bad;
};

static void number(struct cursor *c, void *field, unsigned bytes)
{
    if (c->bad || c->size - c->at < bytes) {
        c->bad = true;
        return;
    }
    uint64_t v = 0;
    if (c->out) {
        v = bytes == 1   ? *(uint8_t *)field
            : bytes == 2 ? *(uint16_t *)field
            : bytes == 4 ? *(uint32_t *)field
                         : *(uint64_t *)field;
        for (unsigned i = 0; i < bytes; i++)
            c->out[c->at + i] = (uint8_t)(v >> 8 * i);
    } else {
        for (unsigned i = 0; i < bytes; i++)
            v |= (uint64_t)c->in[c->at + i] << 8 * i;
        if (bytes == 1)
            *(uint8_t *)field = (uint8_t)v;
        else if (bytes == 2)
            *(uint16_t *)field = (uint16_t)v;
        else if (bytes == 4)
            *(uint32_t *)field = (uint32_t)v;
        else
            *(uint64_t *)field = v;
    }
    c->at += bytes;
}

static void u8(struct cursor *c, uint8_t *field)
{
    number(c, field, 1);
}

static void u16(struct cursor *c, uint16_t *field)
{
    number(c, field, 2);
}

static void u32(struct cursor *c, uint32_t *field)
{
    number(c, field, 4);
}

static void u64(struct cursor *c, uint64_t *field)
{
    number(c, field, 8);
}

static void skills(struct cursor *c, struct jn_skill *skill, uint8_t *n, uint8_t max)
{
    u8(c, n);
    if (c->bad || *n > max) {
        c->bad = true;
        return;
    }
    for (unsigned i = 0; i < *n; i++) {
        u64(c, &skill[i].id);
        u8(c, &skill[i].level);
    }
}

static void queue(struct cursor *c, struct jn_ev_queue *q)
{
    u64(c, &q->id);
    skills(c, q->skill, &q->skills, JN_SKILLS_MAX);
    u32(c, &q->target_ms);
    u32(c, &q->offer_timeout_ms);
    u32(c, &q->wrap_up_ms);
    u32(c, &q->max_wait_ms);
    u32(c, &q->max_waiting);
    u32(c, &q->prefer_ms);
    u32(c, &q->announce_ms);
    u16(c, &q->weight);
    u8(c, &q->priority);
    u8(c, &q->policy);
    u8(c, &q->channel_mask);
}

static void agent(struct cursor *c, struct jn_ev_agent *a)
{
    u64(c, &a->id);
    skills(c, a->skill, &a->skills, JN_SKILLS_MAX);
    for (unsigned ch = 0; ch < JN_CH_N; ch++)
        u8(c, &a->capacity[ch]);
    u8(c, &a->max_no_answer);
    /* Written where there are some: the bytes of those who serve nobody else are the old ones. */
    if (c->out ? a->n_serves == 0 : c->at == c->size)
        return;
    u8(c, &a->n_serves);
    c->bad |= a->n_serves == 0 || a->n_serves > JN_SERVES_MAX;
    for (unsigned i = 0; i < a->n_serves && !c->bad; i++)
        u64(c, &a->serves[i]);
}

static void arrive(struct cursor *c, struct jn_ev_arrive *a)
{
    u64(c, &a->ix);
    u64(c, &a->queue);
    u64(c, &a->preferred);
    skills(c, a->skill, &a->skills, sizeof a->skill / sizeof a->skill[0]);
    u8(c, &a->channel);
    u8(c, &a->priority);
}

/* Length, then the text without its end. */
static void text(struct cursor *c, char reason[JN_REASON_MAX])
{
    uint8_t n = c->out ? (uint8_t)strlen(reason) : 0;

    u8(c, &n);
    if (n >= JN_REASON_MAX)
        c->bad = true;
    for (unsigned i = 0; i < n && !c->bad; i++) {
        u8(c, (uint8_t *)&reason[i]);
        if (!reason[i])
            c->bad = true;
    }
}

static void on(struct cursor *c, bool *field)
{
    uint8_t v = c->out ? *field : 0;

    u8(c, &v);
    if (v > 1)
        c->bad = true;
    *field = v == 1;
}

static void body(struct cursor *c, struct jn_event *ev)
{
    switch ((enum jn_event_kind)ev->kind) {
    case JN_EV_NONE:
    case JN_EV_START:
    case JN_EV_TICK:
    case JN_EV_TENANT_DEL:
    case JN_EV_KIND_N:
        return;
    case JN_EV_DRAIN:
        on(c, &ev->drain.on);
        return;
    case JN_EV_TENANT_PUT:
        u32(c, &ev->tenant_put.weight);
        return;
    case JN_EV_QUEUE_PUT:
        queue(c, &ev->queue);
        return;
    case JN_EV_AGENT_PUT:
        agent(c, &ev->agent);
        return;
    case JN_EV_AGENT_DEL:
    case JN_EV_LOGIN:
    case JN_EV_LOGOUT:
    case JN_EV_READY:
    case JN_EV_NOT_READY:
        u64(c, &ev->who.agent);
        text(c, ev->who.reason);
        return;
    case JN_EV_ARRIVE:
        arrive(c, &ev->arrive);
        return;
    default:
        u64(c, &ev->ix.ix);
        u64(c, &ev->ix.agent);
        u64(c, &ev->ix.queue);
        if (ev->kind >= JN_EV_CALL_OUT)
            u64(c, &ev->ix.to);
        return;
    }
}

static void walk(struct cursor *c, struct jn_event *ev)
{
    uint8_t format = JN_JOURNAL_FORMAT;

    u8(c, &format);
    if (format != JN_JOURNAL_FORMAT)
        c->bad = true;
    u8(c, &ev->kind);
    u8(c, &ev->why);
    u8(c, &ev->maker);
    u64(c, &ev->time_us);
    u64(c, &ev->seq);
    u64(c, &ev->tenant);
    u64(c, &ev->token);
    if (!c->bad)
        body(c, ev);
}

size_t jn_event_encode(uint8_t *out, const struct jn_event *ev)
{
    struct cursor c = {.out = out, .size = JN_EVENT_BYTES_MAX};
    struct jn_event copy;

    if (jn_event_valid(ev))
        copy = *ev;
    else
        jn_event_refused(&copy, ev);
    walk(&c, &copy);
    return c.at;
}

int jn_event_decode(struct jn_event *ev, const uint8_t *bytes, size_t n)
{
    struct cursor c = {.in = bytes, .size = n};

    memset(ev, 0, sizeof *ev);
    walk(&c, ev);
    return c.bad || c.at != n || !jn_event_valid(ev) ? -EBADMSG : 0;
}
