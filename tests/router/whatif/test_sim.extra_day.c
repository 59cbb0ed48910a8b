/* Recorded days: patience, files of calls, policies; and a real day against what really happened. */
#include "router/whatif/compare.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(day, .timeout = 60);

static const struct jn_day_how how = {.break_s = 900, .wrap_up_s = 6, .target_s = 20};

Test(day, patience_by_kaplan_meier)
{
    /* Of five: one leaves at 1, one is answered at 2, two leave at 3, one is answered at 4. */
    struct jn_patience_seen seen[] = {{4, false}, {3, true}, {1, true}, {2, false}, {3, true}};
    struct jn_patience p;
    uint64_t seed = 1;
    unsigned one = 0, three = 0, longer = 0;

    cr_assert_eq(jn_patience_fit(&p, seen, 5), 0);
    cr_assert_eq(p.n, 2);
    cr_expect(fabs(p.step[0].still - 0.8) < 1e-12);
    cr_expect(fabs(p.step[1].still - 0.8 / 3) < 1e-12, "of the three who were still there, two left");
    cr_expect(fabs(p.tail_us - 13.0 / 3) < 1e-12);
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t us = jn_patience_draw(&p, &seed);
        one += us == 1;
        three += us == 3;
        longer += us > 3;
        cr_expect(us == 1 || us >= 3);
    }
    cr_expect(one > 1850 && one < 2150, "%u at 1", one);
    cr_expect(three + longer + one >= 10000);
    cr_expect(longer > 1400 && longer < 2750, "%u behind the last who left", longer);
    jn_patience_free(&p);
    cr_assert_eq(jn_patience_fit(&p, seen, 0), 0);
    cr_expect_eq(jn_patience_draw(&p, &seed), UINT64_MAX, "nobody ever left");
    jn_patience_free(&p);
}

static const char calls[] = "arrival_s,queue,answered,wait_s,service_s,agent,transferred\n"
                            "100,sales,1,0,60,ann,0\n"
                            "110,help,1,5,30,bob,0\n"
                            "115,sales,0,8,,,0\n"
                            "200,help,1,0,10,ann,0\n"
                            "5000,sales,1,0,60,ann,0\n";

Test(day, a_file_of_calls_gives_shifts_skills_and_figures)
{
    struct jn_day d;
    struct jn_err err = {{0}};
    struct jn_sim_figures all, queue[2];

    cr_assert_eq(jn_day_read(&d, calls, "agent,queues_month(queue:calls)\nbob,sales:10 help:300 sales:2\n", &how, &err),
                 0, "%s", err.text);
    cr_assert_eq(d.calls, 5);
    cr_assert_eq(d.queues, 2);
    cr_assert_eq(d.agents, 2);
    cr_assert_eq(d.shifts, 3, "ann was away for long");
    cr_expect_eq(d.shift[0].from_us, 100000000);
    cr_expect_eq(d.shift[0].to_us, 210000000);
    cr_expect_eq(d.agent[1].set.skills, 2, "bob took sales calls in that month");
    cr_expect_eq(d.agent[1].set.skill[0].level, 10);
    cr_expect_eq(d.agent[1].set.skill[1].level, 1);
    cr_assert_eq(jn_day_recorded(&d, &all, queue), 0);
    cr_expect_eq(all.offered, 5);
    cr_expect_eq(all.abandoned, 1);
    cr_expect_eq(all.wait_us, 5000000);
    cr_expect_eq(all.in_target, 4);
    cr_expect_eq(queue[0].offered, 3);
    jn_day_free(&d);
}

Test(day, mistakes_in_a_file_are_told_by_line)
{
    static const struct {
        const char *calls, *agents, *says;
    } wrong[] = {
        {"", NULL, "none"},
        {"a,b,c,d,e,f\n", NULL, "arrival_s"},
        {"arrival_s,queue,answered,wait_s,service_s,agent\n1,2\n", NULL, "line 2"},
        {"arrival_s,queue,answered,wait_s,service_s,agent\n-1,2,1,1,1,a\n", NULL, "line 2"},
        {"arrival_s,queue,answered,wait_s,service_s,agent\n1,2,1,1,1,\n", NULL, "nobody"},
        {"arrival_s,queue,answered,wait_s,service_s,agent\n1,,1,1,1,a\n", NULL, "queue"},
        {calls, "agent,queues_month(queue:calls)\nann,sales\n", "line 2"},
    };

    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct jn_day d;
        struct jn_err err = {{0}};
        cr_expect_lt(jn_day_read(&d, wrong[i].calls, wrong[i].agents, &how, &err), 0, "case %u", i);
        cr_expect_not_null(strstr(err.text, wrong[i].says), "case %u: %s", i, err.text);
    }
}

Test(day, policies_by_name_and_by_lines)
{
    struct jn_day d;
    struct jn_err err = {{0}};
    struct jn_sim_queue q[2];

    cr_assert_eq(jn_day_read(&d, calls, NULL, &how, &err), 0, "%s", err.text);
    memcpy(q, d.queue, sizeof q);
    cr_assert_eq(jn_day_policy(&d, q, "best-skill", &err), 0);
    cr_expect_eq(q[0].set.policy, JN_POLICY_BEST_SKILL);
    cr_assert_eq(jn_day_policy(&d, q, "# all\n* longest-idle\nhelp best-skill weight=7 priority=3\n", &err), 0, "%s",
                 err.text);
    cr_expect_eq(q[0].set.policy, JN_POLICY_LONGEST_IDLE);
    cr_expect_eq(q[1].set.policy, JN_POLICY_BEST_SKILL);
    cr_expect_eq(q[1].set.weight, 7);
    cr_expect_eq(q[1].set.priority, 3);
    cr_expect_lt(jn_day_policy(&d, q, "* fastest\n", &err), 0);
    cr_expect_lt(jn_day_policy(&d, q, "\nnowhere best-skill\n", &err), 0);
    cr_expect_not_null(strstr(err.text, "line 2"), "%s", err.text);
    cr_expect_lt(jn_day_policy(&d, q, "* best-skill weight=0\n", &err), 0);
    jn_day_free(&d);
}

static char *whole(const char *folder, const char *name)
{
    char path[1024], *text = calloc(1, 4 << 20);

    snprintf(path, sizeof path, "%s/vanad-2014-10-27/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f || !text || fread(text, 1, (4 << 20) - 1, f) == 0) {
        free(text);
        text = NULL;
    }
    if (f)
        fclose(f);
    return text;
}

Test(day, a_real_day_comes_near_what_really_happened)
{
    const char *folder = getenv("JUNCTOR_DATA");
    struct jn_day d;
    struct jn_err err = {{0}};
    struct jn_sim_figures all, queue[64];
    struct jn_compare c, best;

    if (!folder) {
        fprintf(stderr, "skipped: JUNCTOR_DATA is not set (the folder with vanad-2014-10-27)\n");
        return;
    }
    char *text = whole(folder, "calls.csv"), *agents = whole(folder, "agents.csv");
    cr_assert(text && agents, "%s/vanad-2014-10-27 has no calls.csv and agents.csv", folder);
    cr_assert_eq(jn_day_read(&d, text, agents, &how, &err), 0, "%s", err.text);
    cr_assert_eq(d.calls, 7359);
    cr_assert_eq(d.agents, 112);
    cr_assert_leq(d.queues, 64);
    cr_assert_eq(jn_day_recorded(&d, &all, queue), 0);
    cr_expect_eq(all.abandoned, 184, "2.5 %%");
    cr_expect(fabs((double)all.wait_us / (double)all.answered / 1e6 - 22.9) < 0.05);
    cr_assert_eq(jn_compare_run(&c, &d, d.queue, 3, NULL, &err), 0, "%s", err.text);
    for (uint32_t q = 0; q < d.queues; q++)
        d.queue[q].set.policy = JN_POLICY_BEST_SKILL;
    cr_assert_eq(jn_compare_run(&best, &d, d.queue, 3, &c, &err), 0, "%s", err.text);
    const struct jn_compare *const run[] = {&c, &best};
    for (unsigned i = 0; i < 2; i++) {
        const struct jn_compare_value *v = run[i]->all;
        fprintf(stderr,
                "%s: abandoned %.2f %% (really 2.50), mean wait %.1f +- %.1f s (really 22.9), within 20 s %.1f %% "
                "(really %.1f), occupancy %.3f, fairness %.4f\n",
                i ? "best-skill" : "longest-idle", 100 * v[JN_CMP_ABANDONED].mean, v[JN_CMP_WAIT_S].mean,
                v[JN_CMP_WAIT_S].half, 100 * v[JN_CMP_SERVICE_LEVEL].mean, 100 * jn_sim_service_level(&all),
                v[JN_CMP_OCCUPANCY].mean, v[JN_CMP_FAIRNESS].mean);
        cr_expect_eq(run[i]->refused, 0);
        cr_expect_eq(run[i]->rejected, 0);
        cr_expect(v[JN_CMP_ABANDONED].mean > 0.005 && v[JN_CMP_ABANDONED].mean < 0.05);
        cr_expect(v[JN_CMP_WAIT_S].mean > 5 && v[JN_CMP_WAIT_S].mean < 50);
        cr_expect(v[JN_CMP_OCCUPANCY].mean > 0.7 && v[JN_CMP_OCCUPANCY].mean < 0.95);
    }
    jn_compare_free(&c);
    jn_compare_free(&best);
    jn_day_free(&d);
    free(text);
    free(agents);
}
