/* Mailbox: nothing lost, doubled or overtaken between two real threads; a kept place is always there. */
#include "engine/base/mailbox.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>

TestSuite(mailbox, .timeout = 60);

Test(mailbox, what_is_sent_comes_in_order_and_full_is_refused)
{
    struct jn_mailbox m;
    uint64_t v, out[8];

    cr_assert_eq(jn_mailbox_init(&m, 4, sizeof v, NULL), 0);
    for (v = 1; v <= 4; v++)
        cr_assert_eq(jn_mailbox_send(&m, &v), 0);
    cr_assert_eq(jn_mailbox_send(&m, &v), -EAGAIN);
    cr_assert_eq(m.refused, 1);
    cr_assert_eq(jn_mailbox_recv(&m, out, 8), 4);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(out[i], (uint64_t)i + 1);
    cr_assert(jn_mailbox_empty(&m));
    jn_mailbox_free(&m);
}

Test(mailbox, a_kept_place_survives_any_load_and_is_used_once)
{
    struct jn_mailbox m;
    uint64_t v = 1, out[4];

    cr_assert_eq(jn_mailbox_init(&m, 4, sizeof v, NULL), 0);
    cr_assert_eq(jn_mailbox_reserve(&m), 0);
    int sent = 0;
    while (jn_mailbox_send(&m, &v) == 0)
        sent++;
    cr_assert_eq(sent, 3, "one place is kept");
    cr_assert_eq(jn_mailbox_reserve(&m), -EAGAIN, "what is full cannot be promised");
    v = 99;
    jn_mailbox_send_reserved(&m, &v);
    cr_assert_eq(jn_mailbox_recv(&m, out, 4), 4);
    cr_assert_eq(out[3], 99);
    cr_assert_eq(jn_mailbox_reserve(&m), 0);
    jn_mailbox_unreserve(&m);
    for (sent = 0; jn_mailbox_send(&m, &v) == 0;)
        sent++;
    cr_assert_eq(sent, 4, "a place given back is free again");
    jn_mailbox_free(&m);
}

enum { COUNT = 200000 };
struct pair {
    struct jn_mailbox box;
    struct jn_waker waker;
};

static void *produce(void *arg)
{
    struct pair *p = arg;

    for (uint64_t v = 1; v <= COUNT;) {
        if (v % 7 == 0 && jn_mailbox_reserve(&p->box) == 0)
            jn_mailbox_send_reserved(&p->box, &v), v++;
        else if (jn_mailbox_send(&p->box, &v) == 0)
            v++;
        else
            sched_yield();
    }
    return NULL;
}

Test(mailbox, two_threads_lose_nothing_and_a_sleeper_is_always_woken)
{
    struct pair p;
    pthread_t t;
    uint64_t out[16], next = 1;

    cr_assert_eq(jn_waker_open(&p.waker), 0);
    cr_assert_eq(jn_mailbox_init(&p.box, 64, sizeof *out, &p.waker), 0);
    cr_assert_eq(pthread_create(&t, NULL, produce, &p), 0);
    while (next <= COUNT) {
        unsigned n = jn_mailbox_recv(&p.box, out, 16);
        for (unsigned i = 0; i < n; i++, next++)
            cr_assert_eq(out[i], next);
        if (n > 0)
            continue;
        jn_waker_about_to_sleep(&p.waker);
        if (jn_mailbox_empty(&p.box))
            jn_waker_sleep(&p.waker, UINT64_MAX); /* a lost wake-up hangs here, and the suite's time-out tells */
        jn_waker_awake(&p.waker);
    }
    pthread_join(t, NULL);
    jn_mailbox_free(&p.box);
    jn_waker_close(&p.waker);
}

static bool rings(const struct jn_waker *w)
{
    struct pollfd p = {.fd = w->fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

Test(mailbox, a_bell_is_silent_after_awake_however_often_sleep_was_announced)
{
    struct jn_waker w;

    cr_assert_eq(jn_waker_open(&w), 0);
    jn_waker_wake(&w);
    cr_expect(!rings(&w), "nobody sleeps: no bell");
    jn_waker_about_to_sleep(&w);
    jn_waker_awake(&w);
    jn_waker_wake(&w);
    cr_expect(!rings(&w), "awake again: no bell");
    jn_waker_about_to_sleep(&w);
    jn_waker_wake(&w);
    cr_expect(rings(&w), "woken");
    jn_waker_about_to_sleep(&w);
    jn_waker_wake(&w);
    jn_waker_awake(&w);
    cr_expect(!rings(&w), "both rings are read");
    jn_waker_about_to_sleep(&w);
    jn_waker_wake(&w);
    jn_waker_awake(&w);
    jn_waker_awake(&w);
    cr_expect(!rings(&w), "one ring, read once");
    jn_waker_about_to_sleep(&w);
    jn_waker_wake(&w);
    cr_expect(rings(&w), "and woken once more");
    jn_waker_close(&w);
}
