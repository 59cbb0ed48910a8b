/* Replay and snapshots: the same events give the same commands, whole or from the middle, in memory or as bytes. */
#include "engine/base/rand.h"
#include "router/journal/codec.h"
#include "tests/router/core/world.h"

#include <errno.h>

enum { EVENTS = 4000 };

static void make(struct jn_event *ev, uint64_t *seed, uint64_t k)
{
    static const uint8_t kinds[] = {JN_EV_ACCEPT,   JN_EV_ACCEPT,  JN_EV_REFUSE,        JN_EV_END,       JN_EV_HOLD,
                                    JN_EV_RESUME,   JN_EV_REQUEUE, JN_EV_CUSTOMER_LEFT, JN_EV_WRAP_DONE, JN_EV_CALL_OUT,
                                    JN_EV_TRANSFER, JN_EV_CONSULT, JN_EV_CONSULT,       JN_EV_HANDOVER,  JN_EV_LEAVE};
    uint64_t x = jn_splitmix(seed);
    memset(ev, 0, sizeof *ev);
    ev->tenant = 1;
    ev->time_us = 1000000 + k * 400000;
    ev->seq = k + 1;
    ev->token = k;
    ev->why = (uint8_t)(x >> 40) % JN_WHY_N;
    if (k == 0) {
        ev->kind = JN_EV_TENANT_PUT;
    } else if (k < 4) {
        ev->kind = JN_EV_QUEUE_PUT;
        ev->queue = (struct jn_ev_queue){.id = 9 + k,
                                         .target_ms = 1000 * (uint32_t)k,
                                         .offer_timeout_ms = 6000,
                                         .wrap_up_ms = 3000,
                                         .max_wait_ms = 60000,
                                         .prefer_ms = 5000,
                                         .announce_ms = 7000,
                                         .weight = 1,
                                         .channel_mask = 3,
                                         .policy = k % 2,
                                         .skills = 1,
                                         .skill = {{300, (uint8_t)k}}};
    } else if (k < 12) {
        ev->kind = JN_EV_AGENT_PUT;
        ev->agent = (struct jn_ev_agent){
            .id = 16 + k, .capacity = {1, 3}, .max_no_answer = 2, .skills = 1, .skill = {{300, (uint8_t)(1 + k % 3)}}};
    } else if (x % 3 == 0) {
        ev->kind = JN_EV_ARRIVE;
        ev->arrive = (struct jn_ev_arrive){.ix = 1000 + k,
                                           .queue = 10 + (x >> 8) % 3,
                                           .preferred = (x >> 12) % 28,
                                           .channel = (x >> 20) & 1,
                                           .priority = 255};
    } else if (x % 3 == 1) {
        ev->kind = kinds[(x >> 8) % sizeof kinds];
        ev->ix.ix = 1000 + k - (x >> 16) % 20;
        bool by_agent = ev->kind == JN_EV_ACCEPT || ev->kind >= JN_EV_CALL_OUT;
        ev->ix.agent = by_agent ? 20 + (x >> 24) % 8 : 0;
        if (ev->kind > JN_EV_CALL_OUT)
            ev->ix.to = 20 + (x >> 36) % 8;
        ev->ix.queue = 10 + (x >> 32) % 3;
    } else {
        ev->kind = (uint8_t)(JN_EV_LOGIN + ((x >> 8) % 16 > 3 ? 2 : (x >> 8) % 4));
        ev->who.agent = 20 + (x >> 24) % 8;
    }
}

static void apply_range(struct jn_router *r, uint64_t from, uint64_t to)
{
    uint64_t seed = 7;
    for (uint64_t k = 0; k < to; k++) {
        struct jn_event ev, again;
        uint8_t bytes[JN_EVENT_BYTES_MAX];
        make(&ev, &seed, k);
        if (k < from)
            continue;
        size_t n = jn_event_encode(bytes, &ev); /* as the journal has it */
        cr_assert_eq(jn_event_decode(&again, bytes, n), 0);
        n_heard = 0;
        jn_router_apply(r, &again);
    }
}

TestSuite(save, .timeout = 60);

Test(save, the_same_events_give_the_same_commands_and_state)
{
    struct jn_router *a = world_new(), *b = world_new();
    apply_range(a, 0, EVENTS);
    apply_range(b, 0, EVENTS);
    cr_assert_eq(jn_router_command_hash(a), jn_router_command_hash(b));
    cr_assert_eq(jn_router_state_hash(a), jn_router_state_hash(b));
    jn_router_free(a);
    jn_router_free(b);
}

Test(save, a_loaded_router_goes_on_as_the_saved_one_would)
{
    for (uint64_t cut = 1; cut < EVENTS; cut += 371) {
        struct jn_router *a = world_new(), *b = world_new();
        struct jn_buf bytes = {0}, again = {0};
        struct jn_err err;
        apply_range(a, 0, cut);
        cr_assert_eq(jn_router_save(a, &bytes), 0);
        cr_assert_eq(jn_router_load(b, bytes.data, bytes.len, &err), 0, "cut %lu: %s", cut, err.text);
        cr_assert_eq(jn_router_state_hash(a), jn_router_state_hash(b));
        cr_assert_eq(jn_router_save(b, &again), 0);
        cr_assert(again.len == bytes.len && memcmp(again.data, bytes.data, bytes.len) == 0);
        uint64_t ha = jn_router_command_hash(a);
        struct jn_router *whole = world_new();
        apply_range(whole, 0, cut);
        cr_assert_eq(jn_router_command_hash(whole), ha);
        jn_router_free(whole);
        /* from here on both say the same: compare what they say, event by event */
        for (uint64_t k = cut; k < cut + 300 && k < EVENTS; k++) {
            apply_range(a, k, k + 1);
            static struct jn_command first[HEARD_MAX];
            unsigned n = n_heard;
            memcpy(first, heard, n * sizeof *first);
            apply_range(b, k, k + 1);
            cr_assert_eq(n, n_heard, "cut %lu event %lu", cut, k);
            cr_assert(memcmp(first, heard, n * sizeof *first) == 0, "cut %lu event %lu", cut, k);
        }
        cr_assert_eq(jn_router_state_hash(a), jn_router_state_hash(b));
        jn_buf_free(&bytes);
        jn_buf_free(&again);
        jn_router_free(a);
        jn_router_free(b);
    }
}

Test(save, bytes_that_end_early_or_go_on_are_refused)
{
    struct jn_router *a = world_new();
    struct jn_buf bytes = {0};
    struct jn_err err;
    apply_range(a, 0, 200);
    cr_assert_eq(jn_router_save(a, &bytes), 0);
    jn_buf_add(&bytes, "", 1);
    for (size_t n = 0; n <= bytes.len; n += 1 + n / 16) {
        if (n + 1 == bytes.len)
            continue;
        struct jn_router *b = world_new();
        cr_assert_eq(jn_router_load(b, bytes.data, n, &err), -EBADMSG, "%zu of %zu bytes", n, bytes.len);
        jn_router_free(b);
    }
    struct jn_router *b = world_new();
    cr_assert_eq(jn_router_load(b, bytes.data, bytes.len, &err), -EBADMSG);
    jn_router_free(b);
    jn_router_free(a);
    jn_buf_free(&bytes);
}

static size_t put(uint8_t *out, size_t at, unsigned bytes, uint64_t v)
{
    for (unsigned i = 0; i < bytes; i++)
        out[at + i] = i < 8 ? (uint8_t)(v >> 8 * i) : 0;
    return at + bytes;
}

/* Snapshot format 1, written here word for word: a tenant, a queue, an agent who is ready, a caller who talks to it and
 * one who waits since 2 s of 10 s. */
Test(save, a_snapshot_of_the_format_before_is_read)
{
    static uint8_t b[2048];
    size_t n = 0;
    n = put(b, n, 4, 0x53524e4a);
    n = put(b, n, 4, 1);
    const uint64_t head[] = {9000000, 50, 10, 2, 5}; /* now, seq, serial, order, mark */
    for (unsigned i = 0; i < 5; i++)
        n = put(b, n, 8, head[i]);
    n = put(b, n, 1, 0);
    const uint32_t counts[] = {1, 1, 1, 2, 0};
    for (unsigned i = 0; i < 5; i++)
        n = put(b, n, 4, counts[i]);
    n = put(b, n, 8, 1); /* tenant */
    n = put(b, n, 4, 1);
    n = put(b, n, 8, 10); /* queue: id, tenant, serial, no skills */
    n = put(b, n, 8, 1);
    n = put(b, n, 8, 1);
    n = put(b, n, 1, 0);
    const uint32_t words[] = {20000, 10000, 5000, 10000, 0, 0, 0};
    for (unsigned i = 0; i < 7; i++)
        n = put(b, n, 4, words[i]);
    n = put(b, n, 2, 1);
    n = put(b, n, 3, 0 | 0 << 8 | 3 << 16); /* priority, policy, channels */
    const uint64_t totals[] = {2, 1, 0, 0, 0, 1, 1000000, 0, 0, 1000000};
    for (unsigned i = 0; i < 10; i++)
        n = put(b, n, 8, totals[i]);
    n = put(b, n, 8, 8000000);
    n = put(b, n, 8, UINT64_MAX);
    n = put(b, n, 8, 20); /* agent: id, tenant, serial, no skills, capacity, max_no_answer */
    n = put(b, n, 8, 1);
    n = put(b, n, 8, 2);
    n = put(b, n, 4, 0 | 1 << 8 | 2 << 16);
    n = put(b, n, 8, 5);
    n = put(b, n, 8, 1000000);
    n = put(b, n, 24, 0);
    n = put(b, n, 2, JN_AGENT_READY);
    n = put(b, n, 8, UINT64_MAX);
    const uint64_t talks[] = {900,     1, 10, 20, 1000000, 1000000, 1500000, 2000000, 0,
                              1000000, 0, 1,  3,  20,      2000000, 0,       0};
    const uint64_t waits[] = {901, 1, 10, 0, 7000000, 7000000, 0, 0, 0, 0, 0, 2, 4, 0, 0, 0, 0};
    for (unsigned k = 0; k < 2; k++) {
        for (unsigned i = 0; i < 17; i++)
            n = put(b, n, 8, k ? waits[i] : talks[i]);
        n = put(b, n, 2, k ? 0 : 1);
        n = put(b, n, 1, JN_CH_VOICE);
        n = put(b, n, 1, k ? JN_IX_QUEUED : JN_IX_CONNECTED);
        n = put(b, n, 1, k ? JN_OUT_OPEN : JN_OUT_ANSWERED);
        n = put(b, n, 2, 0);
        n = put(b, n, 1, !k);
        n = put(b, n, 2, 0); /* patience, skills */
        n = put(b, n, 8, k ? 17000000 : UINT64_MAX);
        n = put(b, n, 16, 0);
        memset(b + n - 16, 0xff, 16);
    }
    struct jn_router *r = world_new();
    struct jn_err err = {{0}};
    cr_assert_not(jn_router_saved_now(b, n));
    cr_assert_eq(jn_router_load(r, b, n, &err), 0, "%s", err.text);
    world_now = 9000000;
    world_seq = 50;
    tick(r, 7999);
    cr_assert_null(said(JN_CMD_CLOSED));
    tick(r, 1); /* ten seconds since it came: the waiting one is turned away as before */
    cr_assert_not_null(said(JN_CMD_CLOSED));
    cr_assert_eq(said(JN_CMD_CLOSED)->row.id, 901);
    jn_router_free(r);
}
