/* Sim: the router under random traffic meets what queueing theory says about it. Seeds are fixed, so each run is the
 * same; the bounds are confidence intervals of 99 % over the seeds. */
#include "engine/base/rand.h"
#include "router/whatif/sim.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

TestSuite(sim, .timeout = 60);

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CALLS = 2500 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { CALLS = 2500 };
#else
enum { CALLS = 8000 };
#endif
#else
enum { CALLS = 8000 };
#endif
enum { SEEDS = 8, WARM = 500, AGENTS_MAX = 16 };
static const double T99 = 3.499; /* Student's t, 7 degrees of freedom, 99 % both sides */

static double uniform(uint64_t *s)
{
    return ((double)(jn_splitmix(s) >> 11) + 0.5) / 9007199254740992.0;
}

static uint64_t exponential(uint64_t *s, double mean_us)
{
    return (uint64_t)(-log(uniform(s)) * mean_us);
}

struct shop {
    double rate[2]; /* arrivals a second by queue */
    double work_s, patience_s /* 0: endless */;
    uint32_t queues, agents;
    bool second_only_for_last; /* N-model: agent 0 serves queue 0 alone, agent 1 both */
};

/* One seed's day. Times are drawn call by call, so that the run's length decides nothing else. */
static void run(const struct shop *shop, unsigned seed, struct jn_sim_result *out)
{
    struct jn_sim_queue queue[2] = {0};
    struct jn_sim_agent agent[AGENTS_MAX] = {0};
    struct jn_sim_shift shift[AGENTS_MAX];
    struct jn_sim_call *call = calloc(CALLS, sizeof *call);
    uint64_t s = seed * 7919u + 1, at = 1000000;
    double rate = shop->rate[0] + shop->rate[1];
    struct jn_err err = {{0}};

    cr_assert_not_null(call);
    for (uint32_t q = 0; q < shop->queues; q++) {
        queue[q].tenant = 1;
        queue[q].set = (struct jn_ev_queue){
            .id = 10 + q, .target_ms = 20000, .weight = 1, .channel_mask = 1, .skills = 1, .skill = {{100 + q, 1}}};
    }
    for (uint32_t a = 0; a < shop->agents; a++) {
        agent[a].tenant = 1;
        agent[a].set =
            (struct jn_ev_agent){.id = 1000 + a, .skills = 1, .skill = {{100, 1}, {101, 1}}, .capacity = {1}};
        if (shop->queues == 2 && !(shop->second_only_for_last && a == 0))
            agent[a].set.skills = 2;
        shift[a] = (struct jn_sim_shift){.from_us = 1000, .to_us = JN_SIM_FOREVER, .agent = a};
    }
    for (uint32_t i = 0; i < CALLS; i++) {
        at += exponential(&s, 1e6 / rate);
        call[i] = (struct jn_sim_call){.at_us = at, .patience_us = JN_SIM_FOREVER, .priority = 255};
        call[i].talk_us = exponential(&s, shop->work_s * 1e6);
        call[i].queue = uniform(&s) * rate >= shop->rate[0];
        if (shop->patience_s > 0)
            call[i].patience_us = exponential(&s, shop->patience_s * 1e6);
    }
    struct jn_sim_day day = {.queue = queue,
                             .agent = agent,
                             .shift = shift,
                             .call = call,
                             .queues = shop->queues,
                             .agents = shop->agents,
                             .shifts = shop->agents,
                             .calls = CALLS,
                             .count_from_us = call[WARM].at_us};
    cr_assert_eq(jn_sim_run(out, &day, &err), 0, "%s", err.text);
    cr_assert_eq(out->refused, 0, "%llu events refused", (unsigned long long)out->refused);
    cr_assert_eq(out->all.offered, (uint64_t)CALLS - WARM);
    cr_assert_eq(out->all.offered, out->all.answered + out->all.abandoned);
    free(call);
}

/* The mean over seeds is what theory says, within its interval, and the interval is narrow enough to say something. */
static void meets(const char *what, const double x[SEEDS], double theory, double narrow)
{
    double mean = 0, var = 0;

    for (unsigned i = 0; i < SEEDS; i++)
        mean += x[i] / SEEDS;
    for (unsigned i = 0; i < SEEDS; i++)
        var += (x[i] - mean) * (x[i] - mean) / (SEEDS - 1);
    double half = T99 * sqrt(var / SEEDS);
    cr_expect(fabs(mean - theory) <= half, "%s: simulated %g +- %g, theory %g", what, mean, half, theory);
    cr_expect(half <= narrow * theory, "%s: %g +- %g says little", what, mean, half);
}

static double waited(const struct jn_sim_figures *f)
{
    return (double)f->waited / (double)f->offered;
}

static double mean_wait_s(const struct jn_sim_figures *f)
{
    return (double)(f->wait_us + f->abandon_us) / (double)f->offered / 1e6;
}

Test(sim, one_queue_meets_erlang_c)
{
    struct shop shop = {.rate = {0.08}, .work_s = 100, .queues = 1, .agents = 10};
    double a = shop.rate[0] * shop.work_s, n = shop.agents, b = 1, wait[SEEDS], mean[SEEDS], busy[SEEDS];

    for (double k = 1; k <= n; k++)
        b = a * b / (k + a * b); /* Erlang-B */
    double c = n * b / (n - a * (1 - b));
    for (unsigned i = 0; i < SEEDS; i++) {
        struct jn_sim_result r;
        run(&shop, i + 1, &r);
        wait[i] = waited(&r.all);
        mean[i] = mean_wait_s(&r.all);
        busy[i] = r.occupancy;
        cr_expect_eq(r.all.abandoned, 0);
        jn_sim_result_free(&r);
    }
    meets("probability of wait", wait, c, 0.4);
    meets("mean wait", mean, c * shop.work_s / (n - a), 0.6);
    meets("occupancy", busy, a / n, 0.08);
}

Test(sim, impatient_callers_meet_erlang_a)
{
    struct shop shop = {.rate = {0.105}, .work_s = 100, .patience_s = 150, .queues = 1, .agents = 10};
    double p[400], sum = 0, wait = 0, line = 0, x[3][SEEDS];

    p[0] = 1;
    for (unsigned k = 1; k < 400; k++) {
        double out = fmin(k, shop.agents) / shop.work_s + fmax(0, (double)k - shop.agents) / shop.patience_s;
        p[k] = p[k - 1] * shop.rate[0] / out;
    }
    for (unsigned k = 0; k < 400; k++) {
        sum += p[k];
        wait += k >= shop.agents ? p[k] : 0;
        line += k > shop.agents ? p[k] * (k - shop.agents) : 0;
    }
    for (unsigned i = 0; i < SEEDS; i++) {
        struct jn_sim_result r;
        run(&shop, i + 1, &r);
        x[0][i] = waited(&r.all);
        x[1][i] = mean_wait_s(&r.all);
        x[2][i] = (double)r.all.abandoned / (double)r.all.offered;
        jn_sim_result_free(&r);
    }
    meets("probability of wait", x[0], wait / sum, 0.15);
    meets("mean wait", x[1], line / sum / shop.rate[0], 0.25);
    meets("abandonment", x[2], line / sum / shop.patience_s / shop.rate[0], 0.25);
}

/* Two agents, the first for queue A alone, the second for both (the N-model), exponential work: the states "who is
 * busy, in the order of the callers' arrival; who is idle, in the order of idleness; how many wait between" have the
 * product form of Adan and Weiss (2014). a, b: arrivals, m: ends a second. both idle:        1/(a (a+b)) + 1/(a+b)^2
 * the first: agent 1 is idle for longest agent 1 busy:     1/(m (a+b)) agent 2 busy:     1/(a (m-b)) callers of B wait,
 * geometrically both, 1 earlier:  1/(m (2m-a-b)) both, 2 earlier:  1/((m-b) (2m-a-b)) */
Test(sim, first_come_longest_idle_meets_its_product_form)
{
    struct shop shop = {.rate = {0.008, 0.005}, .work_s = 100, .queues = 2, .agents = 2, .second_only_for_last = true};
    double a = shop.rate[0], b = shop.rate[1], m = 1 / shop.work_s, x[6][SEEDS];
    double idle = 1 / (a * (a + b)) + 1 / ((a + b) * (a + b)), one = 1 / (m * (a + b)), two = 1 / (a * (m - b));
    double both12 = 1 / (m * (2 * m - a - b)), both21 = 1 / ((m - b) * (2 * m - a - b)), both = both12 + both21;
    double sum = idle + one + two + both, r = (a + b) / (2 * m), s = b / m;
    double mixed = both * r / (1 - r); /* waiting behind both */
    double only_b = (two + both21) * s / (1 - s);

    for (unsigned i = 0; i < SEEDS; i++) {
        struct jn_sim_result out;
        run(&shop, i + 1, &out);
        x[0][i] = waited(&out.queue[0]);
        x[1][i] = waited(&out.queue[1]);
        x[2][i] = mean_wait_s(&out.queue[0]);
        x[3][i] = mean_wait_s(&out.queue[1]);
        x[4][i] = (double)out.worker[0].busy_us / (double)out.worker[0].staffed_us;
        x[5][i] = (double)out.worker[1].busy_us / (double)out.worker[1].staffed_us;
        jn_sim_result_free(&out);
    }
    meets("A waits", x[0], both / sum, 0.2);
    meets("B waits", x[1], (both + two) / sum, 0.2);
    meets("mean wait of A", x[2], mixed / sum / (a + b), 0.5);
    meets("mean wait of B", x[3], (mixed / (a + b) + only_b / b) / sum, 0.5);
    meets("agent 1 busy", x[4], (one + both) / sum, 0.1);
    meets("agent 2 busy", x[5], (two + both) / sum, 0.1);
}
