/* Events as bytes and back. */
#include "router/core/valid.h"
#include "router/journal/codec.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct jn_event sample(uint8_t kind)
{
    struct jn_event ev;
    memset(&ev, 0, sizeof ev);
    ev.kind = kind;
    ev.time_us = 0x0102030405060708;
    ev.seq = 77;
    ev.tenant = UINT64_MAX;
    ev.token = 5;
    ev.maker = JN_MAKER_API;
    ev.why = JN_WHY_TRANSFER;
    if (kind == JN_EV_QUEUE_PUT) {
        ev.queue = (struct jn_ev_queue){.id = 9,
                                        .target_ms = 1,
                                        .offer_timeout_ms = 2,
                                        .wrap_up_ms = 3,
                                        .max_wait_ms = 4,
                                        .max_waiting = 5,
                                        .prefer_ms = 6,
                                        .announce_ms = UINT32_MAX,
                                        .weight = 1000,
                                        .skills = JN_SKILLS_MAX,
                                        .priority = 9,
                                        .policy = 1,
                                        .channel_mask = 3};
        for (unsigned i = 0; i < JN_SKILLS_MAX; i++)
            ev.queue.skill[i] = (struct jn_skill){i + 1, (uint8_t)(1 + i % 10)};
    } else if (kind == JN_EV_AGENT_PUT) {
        ev.agent =
            (struct jn_ev_agent){.id = 8, .skills = 1, .skill = {{4, 10}}, .capacity = {1, 255}, .max_no_answer = 3};
    } else if (kind == JN_EV_ARRIVE) {
        ev.arrive = (struct jn_ev_arrive){.ix = 1,
                                          .queue = 2,
                                          .preferred = 3,
                                          .skills = 2,
                                          .skill = {{4, 1}, {5, 10}},
                                          .channel = 1,
                                          .priority = 255};
    } else if ((kind >= JN_EV_LOGIN && kind <= JN_EV_NOT_READY) || kind == JN_EV_AGENT_DEL) {
        ev.who.agent = 6;
        strcpy(ev.who.reason, "a reason of 23 letters.");
    } else if (kind >= JN_EV_ACCEPT || kind == JN_EV_QUEUE_DEL) {
        ev.ix.ix = 10;
        ev.ix.agent = 11;
        ev.ix.queue = 12;
    } else if (kind == JN_EV_DRAIN) {
        ev.drain.on = true;
    } else if (kind == JN_EV_TENANT_PUT) {
        ev.tenant_put.weight = 13;
    }
    return ev;
}

TestSuite(codec, .timeout = 60);

Test(codec, every_kind_comes_back_as_it_was)
{
    for (uint8_t kind = JN_EV_NONE; kind < JN_EV_KIND_N; kind++) {
        struct jn_event ev = sample(kind), back;
        uint8_t bytes[JN_EVENT_BYTES_MAX], again[JN_EVENT_BYTES_MAX];
        cr_assert(jn_event_valid(&ev), "kind %u", kind);
        size_t n = jn_event_encode(bytes, &ev);
        cr_assert_eq(jn_event_decode(&back, bytes, n), 0, "kind %u", kind);
        cr_assert(memcmp(&back, &ev, sizeof ev) == 0, "kind %u", kind);
        cr_assert(jn_event_encode(again, &back) == n && memcmp(bytes, again, n) == 0);
        for (size_t cut = 0; cut < n; cut++)
            cr_assert_eq(jn_event_decode(&back, bytes, cut), -EBADMSG, "kind %u cut at %zu", kind, cut);
        bytes[n] = 0;
        cr_assert_eq(jn_event_decode(&back, bytes, n + 1), -EBADMSG, "kind %u and a byte more", kind);
    }
}

Test(codec, bytes_lie_as_the_format_says)
{
    struct jn_event ev = sample(JN_EV_TICK);
    uint8_t bytes[JN_EVENT_BYTES_MAX];
    static const uint8_t head[] = {1, JN_EV_TICK, JN_WHY_TRANSFER, JN_MAKER_API, 8, 7, 6, 5, 4, 3, 2, 1, 77, 0};
    cr_assert_eq(jn_event_encode(bytes, &ev), 36);
    cr_assert_arr_eq(bytes, head, sizeof head);
}

Test(codec, another_format_is_refused)
{
    struct jn_event ev = sample(JN_EV_TICK);
    uint8_t bytes[JN_EVENT_BYTES_MAX];
    size_t n = jn_event_encode(bytes, &ev);
    bytes[0] = JN_JOURNAL_FORMAT + 1;
    cr_assert_eq(jn_event_decode(&ev, bytes, n), -EBADMSG);
}

Test(codec, an_event_out_of_range_is_written_as_one_that_is_refused)
{
    struct jn_event ev = sample(JN_EV_ARRIVE), back;
    uint8_t bytes[JN_EVENT_BYTES_MAX];
    ev.arrive.priority = 10;
    size_t n = jn_event_encode(bytes, &ev);
    cr_assert_eq(jn_event_decode(&back, bytes, n), 0);
    cr_assert_eq(back.kind, JN_EV_NONE);
    cr_assert_eq(back.token, ev.token);
    cr_assert_eq(back.seq, ev.seq);
}
