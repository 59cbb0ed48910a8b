/* Judge: figures over repetitions, and the limits. */
#include "engine/load/report.h"
#include <math.h>
#include <stdarg.h>
#include <string.h>

/* Student's t for 95 %, two-sided, by degrees of freedom. */
static double student(unsigned freedom)
{
    static const double t[] = {0,     12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                               2.201, 2.179,  2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086};
    return freedom < sizeof t / sizeof *t ? t[freedom] : 1.96 + 2.5 / freedom;
}

struct jn_load_figure jn_load_figure(const double *v, unsigned n)
{
    struct jn_load_figure f = {.n = n};
    double sum = 0, square = 0;
    for (unsigned i = 0; i < n; i++)
        sum += v[i];
    f.mean = n ? sum / n : 0;
    for (unsigned i = 0; i < n; i++)
        square += (v[i] - f.mean) * (v[i] - f.mean);
    if (n > 1)
        f.half = student(n - 1) * sqrt(square / (n - 1) / n);
    return f;
}

double jn_load_loss_percent(const struct jn_load_heard *h)
{
    uint64_t lost = h->missing, all = h->heard + h->missing;
    if (!all) {
        lost = h->rtp_lost;
        all = h->rtp_lost + h->rtp_received;
    }
    return all ? 100.0 * (double)lost / (double)all : 0;
}

double jn_load_mos(const struct jn_load_heard *h)
{
    return h->mos.count ? 5.0 - (double)h->mos.sum / (double)h->mos.count / 100 : 0;
}

static void object(struct jn_load_verdict *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void object(struct jn_load_verdict *v, const char *fmt, ...)
{
    va_list args;
    v->pass = false;
    if (v->reasons == JN_LOAD_REASONS)
        return;
    va_start(args, fmt);
    vsnprintf(v->reason[v->reasons++], JN_LOAD_REASON, fmt, args);
    va_end(args);
}

static void judge_sound(struct jn_load_verdict *v, const struct jn_load_limits *l, const struct jn_load_heard *h,
                        const char *where)
{
    if (!h->legs)
        return;
    if (l->max_loss >= 0 && jn_load_loss_percent(h) > l->max_loss)
        object(v, "loss at %s is %.3f %%, more than %.3f %%", where, jn_load_loss_percent(h), l->max_loss);
    if (l->min_mos >= 0 && !h->mos.count)
        object(v, "no MOS at %s: nothing was heard there", where);
    else if (l->min_mos >= 0 && jn_load_mos(h) < l->min_mos)
        object(v, "MOS at %s is %.2f, less than %.2f", where, jn_load_mos(h), l->min_mos);
    double delay = (double)jn_histo_at(&h->delay_us, 990) / 1000;
    if (l->max_delay_ms >= 0 && delay > l->max_delay_ms)
        object(v, "the delay to %s is %.1f ms (99 %%), more than %.1f ms", where, delay, l->max_delay_ms);
}

/* Its own lateness, its own losses: then it has measured itself. */
static void judge_generator(struct jn_load_verdict *v, const struct jn_load_limits *l, const struct jn_load_result *r)
{
    double late = (double)jn_histo_at(&r->media.late_us, 990) / 1000;
    unsigned before = v->reasons;
    if (l->max_late_ms >= 0 && late > l->max_late_ms)
        object(v, "the generator was late: 1 %% of its packets by more than %.1f ms: nothing here is valid", late);
    if (l->max_late_ms >= 0 && r->media.dropped)
        object(v, "the generator lost %llu packets in its own buffers: nothing here is valid",
               (unsigned long long)r->media.dropped);
    if (r->not_begun)
        object(v, "the generator had no caller free for %llu calls: raise --at-once", (unsigned long long)r->not_begun);
    if (r->media.refused)
        object(v, "the impairment had no room for %llu packets", (unsigned long long)r->media.refused);
    if (v->reasons != before)
        v->valid = false;
}

void jn_load_judge(struct jn_load_verdict *v, const struct jn_load_plan *plan, const struct jn_load_limits *l,
                   const struct jn_load_result *r, unsigned n)
{
    *v = (struct jn_load_verdict){.valid = true, .pass = true};
    for (unsigned k = 0; k < n; k++) {
        const struct jn_load_counts *c = &r[k].counts;
        uint64_t failed = c->failed + r[k].chat.failed;
        judge_generator(v, l, &r[k]);
        if (l->max_failed >= 0 && (double)failed > l->max_failed)
            object(v, "%llu failed, more than %.0f; the first: %.100s", (unsigned long long)failed, l->max_failed,
                   c->why[0] ? c->why : r[k].chat.why);
        if (c->not_registered)
            object(v, "%llu phones could not be registered", (unsigned long long)c->not_registered);
        if (plan->calls && !c->begun)
            object(v, "no call was begun");
        if (plan->chat.chats && !r[k].chat.acknowledged)
            object(v, "no message was acknowledged");
        judge_sound(v, l, &c->heard[JN_LOAD_AT_CALLER], "the callers");
        judge_sound(v, l, &c->heard[JN_LOAD_AT_PHONE], "the phones");
    }
    if (!n)
        object(v, "nothing was measured");
}
