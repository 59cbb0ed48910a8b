/* Replay and snapshots: the same events give the same commands, whole or from the middle, in memory or as bytes. */
#include "engine/base/rand.h"
#include "router/journal/codec.h"
#include "tests/router/core/world.h"

#include <errno.h>

enum { EVENTS = 4000 };

static void make(struct jn_event *ev, uint64_t *seed, uint64_t k)
{
    static const uint8_t kinds[] = {JN_EV_ACCEPT, JN_EV_ACCEPT,  JN_EV_REFUSE,        JN_EV_END,      JN_EV_HOLD,
                                    JN_EV_RESUME, JN_EV_REQUEUE, JN_EV_CUSTOMER_LEFT, JN_EV_WRAP_DONE};
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
        ev->ix.agent = ev->kind == JN_EV_ACCEPT ? 20 + (x >> 24) % 8 : 0;
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

TestSuite(save, .timeout = 20);

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
