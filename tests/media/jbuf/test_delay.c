#include "engine/base/rand.h"
#include "media/jbuf/delay.h"
#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(delay, .timeout = 5);

static const int64_t ms = 1000000;

static void feed(struct jn_delay *d, struct jn_delay_past *past, int64_t from, unsigned n, int64_t base, int64_t jitter,
                 uint64_t *rnd)
{
    for (unsigned i = 0; i < n; i++) {
        int64_t ts = from + i * 20 * ms;
        jn_delay_take(d, past, ts + base + (jitter ? (int64_t)(jn_splitmix(rnd) % (uint64_t)jitter) : 0), ts);
    }
}

Test(delay, a_clean_stream_wants_one_period_and_little_more)
{
    struct jn_delay d;
    struct jn_delay_past past;
    uint64_t rnd = 1;
    jn_delay_reset(&d, &past);
    feed(&d, &past, 0, 40, 7 * ms, 0, &rnd);
    cr_assert_eq(jn_delay_want_ms(&d), 0, "too early to say");
    feed(&d, &past, 800 * ms, 200, 7 * ms, 0, &rnd);
    cr_assert_eq(d.base_ns, 7 * ms);
    cr_assert_eq(jn_delay_want_ms(&d), 25);
}

Test(delay, jitter_is_covered_and_forgotten_when_it_ends)
{
    struct jn_delay d;
    struct jn_delay_past past;
    uint64_t rnd = 1;
    jn_delay_reset(&d, &past);
    feed(&d, &past, 0, 1000, 0, 60 * ms, &rnd);
    cr_assert(jn_delay_want_ms(&d) >= 75 && jn_delay_want_ms(&d) <= 85, "%u", jn_delay_want_ms(&d));
    feed(&d, &past, 20000 * ms, 4000, 0, 0, &rnd);
    cr_assert_leq(jn_delay_want_ms(&d), 30, "%u", jn_delay_want_ms(&d));
}

Test(delay, one_late_frame_in_a_thousand_does_not_matter)
{
    struct jn_delay d;
    struct jn_delay_past past;
    uint64_t rnd = 1;
    jn_delay_reset(&d, &past);
    for (unsigned i = 0; i < 10; i++) {
        feed(&d, &past, i * 20000 * ms, 999, 0, 0, &rnd);
        feed(&d, &past, i * 20000 * ms + 19980 * ms, 1, 150 * ms, 0, &rnd);
    }
    cr_assert_eq(jn_delay_want_ms(&d), 25);
}

Test(delay, the_base_follows_a_longer_way_and_a_clock_that_stood_still)
{
    struct jn_delay d;
    struct jn_delay_past past;
    uint64_t rnd = 1;
    jn_delay_reset(&d, &past);
    feed(&d, &past, 0, 500, 10 * ms, 0, &rnd);
    feed(&d, &past, 10000 * ms, 300, 90 * ms, 0, &rnd);
    cr_assert_eq(d.base_ns, 10 * ms, "for 7 s the shorter way may come back");
    feed(&d, &past, 16000 * ms, 200, 90 * ms, 0, &rnd);
    cr_assert_eq(d.base_ns, 90 * ms);
    feed(&d, &past, 20000 * ms, 50, 50 * ms, 0, &rnd);
    cr_assert_eq(d.base_ns, 50 * ms, "a shorter way counts at once");
    feed(&d, &past, 21000 * ms, 1, 5000 * ms, 0, &rnd);
    cr_assert_eq(d.base_ns, 5000 * ms);
}
