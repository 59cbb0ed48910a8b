#include "media/impair/impair.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

TestSuite(impair, .timeout = 60);

enum { N = 200000 };
static const uint64_t period = 20000000;

struct seen {
    unsigned lost, runs, longest, late_by_order, copies;
    double mean_us, sd_us, max_us;
};

static struct seen watch(const struct jn_impair_config *c, uint64_t stream, uint64_t *print)
{
    struct jn_impair m;
    struct seen s = {0};
    unsigned run = 0, n = 0;
    double sum = 0, squares = 0;
    uint64_t last = 0;

    *print = 14695981039346656037u;
    jn_impair_begin(&m, c, stream);
    for (uint64_t i = 0; i < N; i++) {
        uint64_t sent = 1000000000 + i * period, due[2] = {0};
        unsigned k = jn_impair_fate(&m, sent, due);
        *print = (*print ^ k ^ due[0] ^ due[1] << 1) * 1099511628211u;
        s.copies += k;
        if (k == 0) {
            s.lost++;
            s.runs += run++ == 0;
            s.longest = run > s.longest ? run : s.longest;
            continue;
        }
        run = 0;
        double us = ((double)due[0] - (double)sent) / 1000;
        sum += us;
        squares += us * us;
        s.max_us = us > s.max_us ? us : s.max_us;
        s.late_by_order += due[0] < last;
        last = due[0] > last ? due[0] : last;
        n++;
    }
    s.mean_us = sum / n;
    s.sd_us = sqrt(squares / n - s.mean_us * s.mean_us);
    cr_assert_eq(m.counts.sent, N);
    cr_assert_eq(m.counts.passed + m.counts.lost + m.counts.lost_in_burst, N);
    cr_assert_eq(m.counts.passed + m.counts.duplicated, s.copies);
    return s;
}

static struct jn_impair_config spec(const char *text)
{
    struct jn_impair_config c = {.seed = 3};
    char why[120];
    cr_assert_eq(jn_impair_parse(&c, text, why, sizeof why), 0, "%s", why);
    return c;
}

#define NEAR(got, want, percent)                                                                                       \
    cr_assert(fabs((double)(got) - (want)) <= (want) * (percent) / 100.0, "%f, not %f", (double)(got), (double)(want))

Test(impair, loss_and_bursts_have_their_share_and_length)
{
    uint64_t print;
    struct jn_impair_config c = spec("loss=5%");
    struct seen s = watch(&c, 0, &print);
    NEAR(s.lost, N * 0.05, 3);
    NEAR((double)s.lost / s.runs, 1 / 0.95, 2);
    c = spec("burst=5%:8");
    s = watch(&c, 0, &print);
    NEAR(s.lost, N * 0.05, 10);
    NEAR((double)s.lost / s.runs, 8, 10);
    c = spec("burst=10%:20:50%");
    s = watch(&c, 0, &print);
    NEAR(s.lost, N * 0.05, 15);
    c = spec("burst=100%:3");
    s = watch(&c, 0, &print);
    cr_assert_eq(s.lost, N);
}

Test(impair, jitter_is_spread_as_it_says)
{
    uint64_t print;
    struct jn_impair_config c = spec("delay=40ms,jitter=30ms,overtake");
    struct seen s = watch(&c, 0, &print);
    NEAR(s.mean_us, 55000, 1);
    NEAR(s.sd_us, 30000 / sqrt(12), 2);
    cr_assert_leq(s.max_us, 70000);
    c = spec("jitter=60ms:normal,overtake");
    s = watch(&c, 0, &print);
    NEAR(s.mean_us, 30000, 1);
    NEAR(s.sd_us, 10000, 2);
    cr_assert_leq(s.max_us, 60000);
    c = spec("jitter=10ms:exponential,overtake");
    s = watch(&c, 0, &print);
    NEAR(s.mean_us, 10000, 2);
    NEAR(s.sd_us, 10000, 3);
    c = spec("jitter=10ms:pareto,overtake");
    s = watch(&c, 0, &print);
    NEAR(s.mean_us, 9700, 5); /* the tail is cut */
    cr_assert_gt(s.max_us, 300000);
}

Test(impair, order_is_kept_unless_told_otherwise)
{
    uint64_t print;
    struct jn_impair_config c = spec("jitter=100ms");
    cr_assert_eq(watch(&c, 0, &print).late_by_order, 0);
    c = spec("jitter=100ms,overtake");
    cr_assert_gt(watch(&c, 0, &print).late_by_order, N / 10);
    c = spec("reorder=2%:50ms,duplicate=1%:5ms");
    struct seen s = watch(&c, 0, &print);
    NEAR(s.late_by_order, N * 0.04, 4); /* two pass each of them */
    NEAR(s.copies, N * 1.01, 1);
}

Test(impair, drift_and_standstills_move_time)
{
    struct jn_impair m;
    uint64_t due[2];
    for (int ppm = -200; ppm <= 200; ppm += 400) {
        struct jn_impair_config c = {.drift_ppm = ppm};
        jn_impair_begin(&m, &c, 0);
        jn_impair_fate(&m, period, due);
        jn_impair_fate(&m, period + UINT64_C(7200000000000), due);
        cr_assert_eq((int64_t)(due[0] - period - UINT64_C(7200000000000)), ppm * INT64_C(7200000));
    }
    struct jn_impair_config c = spec("spike=200ms:10s");
    jn_impair_begin(&m, &c, 0);
    unsigned together = 0;
    for (uint64_t i = 0; i < 600; i++) {
        uint64_t sent = i * period;
        jn_impair_fate(&m, sent, due);
        together += due[0] == UINT64_C(10200000000);
    }
    cr_assert_eq(together, 11, "10.00 to 10.20: %u", together);
}

Test(impair, the_same_seed_gives_the_same_fates_and_parameters_stand_alone)
{
    uint64_t a, b, other;
    struct jn_impair_config c = spec("mobile"), d = c;
    watch(&c, 1, &a);
    watch(&c, 1, &b);
    watch(&c, 2, &other);
    cr_assert_eq(a, b);
    cr_assert_neq(a, other, "streams differ");
    cr_assert_eq(a, UINT64_C(342113293012139638), "on every processor: %lu", a);
    d.duplicate_ppm = 500000; /* who is lost stays who is lost */
    struct jn_impair x, y;
    jn_impair_begin(&x, &c, 1);
    jn_impair_begin(&y, &d, 1);
    for (uint64_t i = 0; i < 10000; i++) {
        uint64_t due[2], due2[2];
        unsigned n = jn_impair_fate(&x, i * period, due), k = jn_impair_fate(&y, i * period, due2);
        cr_assert_eq(n == 0, k == 0);
        cr_assert(n == 0 || due[0] == due2[0]);
    }
}

Test(impair, held_packets_come_out_whole_and_by_due_time)
{
    enum { ROOM = 64, BYTES = 172 };
    struct jn_impair_config c = spec("jitter=200ms,overtake,duplicate=20%:30ms,loss=5%");
    struct jn_impair m;
    struct jn_impair_hold *h = jn_impair_hold_init(aligned_alloc(64, jn_impair_hold_bytes(ROOM, BYTES)), ROOM, BYTES);
    uint64_t took = 0, last = 0;
    jn_impair_begin(&m, &c, 0);
    for (uint64_t i = 0; i < 5000; i++) {
        uint8_t data[BYTES];
        memset(data, (int)i, sizeof data);
        memcpy(data, &i, sizeof i);
        cr_assert_eq(jn_impair_put(h, &m, i * 7, data, (uint16_t)(8 + i % (BYTES - 7)), i * period), 0);
        struct jn_impair_packet p;
        for (; jn_impair_take(h, &p, i < 4999 ? (i + 1) * period : UINT64_MAX); took++) {
            uint64_t n;
            memcpy(&n, p.data, sizeof n);
            cr_assert(p.due_ns >= last && p.stream == n * 7 && p.len == 8 + n % (BYTES - 7));
            for (unsigned k = 8; k < p.len; k++)
                cr_assert_eq(p.data[k], (uint8_t)n);
            last = p.due_ns;
        }
    }
    cr_assert_eq(took, m.counts.passed + m.counts.duplicated);
    cr_assert_eq(jn_impair_next_ns(h), UINT64_MAX);
    uint8_t data[BYTES] = {0};
    c = (struct jn_impair_config){0};
    for (unsigned i = 0; i < ROOM; i++)
        cr_assert_eq(jn_impair_put(h, &m, 0, data, 8, 0), 0);
    cr_assert_eq(jn_impair_put(h, &m, 0, data, 8, 0), -ENOSPC);
    cr_assert_eq(jn_impair_put(h, &m, 0, data, BYTES + 1, 0), -EMSGSIZE);
    cr_assert_eq(jn_impair_refused(h), 2);
    free(h);
}

Test(impair, descriptions_are_read_or_refused_by_name)
{
    static const char *const bad[] = {
        "",
        ",",
        "loss",
        "loss=",
        "loss=5",
        "loss=101%",
        "loss=5%x",
        "jitter=20",
        "jitter=20ms:gauss",
        "jitter=-1ms",
        "burst=5%",
        "burst=5%:0.5",
        "burst=5%:3:200%",
        "loss=1%,",
        "loss=1%,,delay=1ms",
        "loss=1%,wifi",
        "wlan",
        "drift=20000ppm",
        "drift=1%",
        "spike=2s:1s",
        "delay=99999999999999999999s",
        "reorder=1%",
        "seed=x",
        "loss=1.23456789123456789123456789123456789123456789123456789123456789123456789%"};
    struct jn_impair_config c = {.loss_ppm = 77};
    char why[120];
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        why[0] = '\0';
        cr_assert_eq(jn_impair_parse(&c, bad[i], why, sizeof why), -EINVAL, "%s", bad[i]);
        cr_assert(why[0] != '\0' && c.loss_ppm == 77, "%s", bad[i]);
    }
    c = spec("loss=2.5%,burst=3%:8:80%,delay=40ms,jitter=30ms:exponential,reorder=1%:30ms,duplicate=5000ppm:500us,"
             "spike=0.2s:10s,drift=-200ppm,seed=9,overtake");
    struct jn_impair_config want = {.loss_ppm = 25000,
                                    .burst_ppm = 30000,
                                    .burst_len_x100 = 800,
                                    .burst_loss_ppm = 800000,
                                    .delay_us = 40000,
                                    .jitter_us = 30000,
                                    .spread = JN_IMPAIR_EXPONENTIAL,
                                    .reorder_ppm = 10000,
                                    .reorder_us = 30000,
                                    .duplicate_ppm = 5000,
                                    .duplicate_us = 500,
                                    .spike_ms = 200,
                                    .spike_every_ms = 10000,
                                    .drift_ppm = -200,
                                    .seed = 9,
                                    .overtake = true};
    cr_assert(memcmp(&c, &want, sizeof c) == 0);
    for (unsigned i = 0; jn_impair_profile(i, NULL); i++)
        spec(jn_impair_profile(i, NULL));
    c = spec("satellite,jitter=3ms");
    cr_assert(c.delay_us == 280000 && c.jitter_us == 3000 && c.seed == 3);
}
