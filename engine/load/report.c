/* Report: the table for people. */
#include "engine/load/report.h"
#include <string.h>

static void times(FILE *to, const char *name, const struct jn_histo *h, double unit, const char *unit_name)
{
    if (h->count)
        fprintf(to, "  %-34s %9.1f %9.1f %9.1f %9.1f  %s\n", name, (double)h->sum / (double)h->count / unit,
                (double)jn_histo_at(h, 500) / unit, (double)jn_histo_at(h, 990) / unit, (double)h->max / unit,
                unit_name);
}

static void heading(FILE *to, const char *what)
{
    fprintf(to, "  %-34s %9s %9s %9s %9s\n", what, "mean", "50 %", "99 %", "worst");
}

static void sound(FILE *to, const char *where, const struct jn_load_heard *h, unsigned ptime_ms)
{
    char own[48];
    if (!h->legs)
        return;
    fprintf(to, "heard by %s: %llu legs", where, (unsigned long long)h->legs);
    if (h->unheard)
        fprintf(to, ", %llu of them without the other's voice", (unsigned long long)h->unheard);
    if (h->echoes)
        fprintf(to, ", %llu heard themselves (times are there and back)", (unsigned long long)h->echoes);
    fprintf(to,
            "\n  %.4f %% of the sound missing; packets: %llu, lost %llu (%.4f %%), duplicates %llu, too late %llu\n",
            jn_load_loss_percent(h), (unsigned long long)h->rtp_received, (unsigned long long)h->rtp_lost,
            h->rtp_received + h->rtp_lost ? 100.0 * (double)h->rtp_lost / (double)(h->rtp_received + h->rtp_lost) : 0.0,
            (unsigned long long)h->duplicates, (unsigned long long)h->late);
    heading(to, "each leg's");
    if (h->mos.count)
        fprintf(to, "  %-34s %9.2f %9.2f %9.2f %9.2f\n", "MOS (E-model)", jn_load_mos(h),
                5 - (double)jn_histo_at(&h->mos, 500) / 100, 5 - (double)jn_histo_at(&h->mos, 990) / 100,
                5 - (double)h->mos.max / 100);
    snprintf(own, sizeof own, "ms, %u of them the packet's own", ptime_ms);
    times(to, "mouth to ear", &h->delay_us, 1000, own);
    times(to, "jitter (RFC 3550)", &h->jitter_us, 1000, "ms");
    times(to, "longest gap in the sound", &h->gap_ms, 1, "ms");
    times(to, "longest pause between packets", &h->pause_ms, 1, "ms");
}

static void one(FILE *to, const struct jn_load_plan *p, const struct jn_load_result *r)
{
    const struct jn_load_counts *c = &r->counts;
    if (p->calls)
        fprintf(to, "calls: %llu begun, %llu answered, %llu ended as they should, %llu failed%s in %.1f s\n",
                (unsigned long long)c->begun, (unsigned long long)c->answered, (unsigned long long)c->done,
                (unsigned long long)c->failed, r->stopped ? ", the run was stopped," : "", r->seconds);
    if (c->failed)
        fprintf(to, "  refused %llu, unanswered %llu, hung up by the other end %llu; the first: %s\n",
                (unsigned long long)c->refused, (unsigned long long)c->unanswered, (unsigned long long)c->ended_early,
                c->why);
    else if (c->why[0])
        fprintf(to, "  %s\n", c->why);
    if (p->phones)
        fprintf(to, "phones: %llu calls taken\n", (unsigned long long)c->phone_calls);
    if (c->answer_us.count || c->joined_us.count) {
        heading(to, "since the INVITE");
        times(to, "answered", &c->answer_us, 1000, "ms");
        times(to, "the phone connected", &c->setup_us, 1000, "ms");
        times(to, "the other one heard", &c->joined_us, 1000, "ms");
    }
    sound(to, "the callers", &c->heard[JN_LOAD_AT_CALLER], p->load.media.ptime_ms);
    sound(to, "the phones", &c->heard[JN_LOAD_AT_PHONE], p->load.media.ptime_ms);
    if (p->chat.chats) {
        fprintf(to,
                "chats: %llu opened, %llu ended; messages: %llu sent, %llu acknowledged, %llu seen by agents, %llu "
                "failed\n",
                (unsigned long long)r->chat.opened, (unsigned long long)r->chat.ended, (unsigned long long)r->chat.sent,
                (unsigned long long)r->chat.acknowledged, (unsigned long long)r->chat.delivered,
                (unsigned long long)r->chat.failed);
        if (r->chat.why[0])
            fprintf(to, "  %s\n", r->chat.why);
        heading(to, "since the request");
        times(to, "chat open", &r->chat.open_us, 1000, "ms");
        times(to, "message acknowledged", &r->chat.acknowledge_us, 1000, "ms");
        times(to, "message at the agents", &r->chat.deliver_us, 1000, "ms");
    }
    fprintf(
        to,
        "generator: %llu packets sent, %llu heard, %llu lost in its own buffers, %llu of calls that were over, %llu "
        "of strangers; SIP said again %llu; %.0f %% of a core\n",
        (unsigned long long)r->media.sent, (unsigned long long)r->media.received, (unsigned long long)r->media.dropped,
        (unsigned long long)r->media.after_end, (unsigned long long)r->media.strangers, (unsigned long long)c->again,
        r->seconds > 0 ? 100 * r->cpu_s / r->seconds : 0);
    if (r->media.impair.sent)
        fprintf(to, "  impaired on purpose: %llu of %llu packets lost, %llu doubled\n",
                (unsigned long long)(r->media.impair.lost + r->media.impair.lost_in_burst),
                (unsigned long long)r->media.impair.sent, (unsigned long long)r->media.impair.duplicated);
    times(to, "its own lateness", &r->media.late_us, 1000, "ms");
}

void jn_load_table(FILE *to, const struct jn_load_plan *p, const struct jn_load_result *r, unsigned n,
                   const struct jn_load_verdict *v)
{
    for (unsigned k = 0; k < n; k++) {
        if (n > 1)
            fprintf(to, "%s-- repetition %u of %u\n", k ? "\n" : "", k + 1, n);
        one(to, p, &r[k]);
    }
    if (n > 1) {
        static const char *const side[] = {"callers", "phones"};
        fprintf(to, "\n-- over %u repetitions, with 95 %% confidence\n", n);
        for (unsigned s = 0; s < JN_LOAD_SIDES; s++) {
            double loss[JN_LOAD_REPEATS], mos[JN_LOAD_REPEATS], delay[JN_LOAD_REPEATS];
            for (unsigned k = 0; k < n; k++) {
                const struct jn_load_heard *h = &r[k].counts.heard[s];
                loss[k] = jn_load_loss_percent(h);
                mos[k] = jn_load_mos(h);
                delay[k] = h->delay_us.count ? (double)h->delay_us.sum / (double)h->delay_us.count / 1000 : 0;
            }
            struct jn_load_figure a = jn_load_figure(loss, n), b = jn_load_figure(mos, n), c = jn_load_figure(delay, n);
            if (r[0].counts.heard[s].legs)
                fprintf(to, "  %-8s loss %.4f +- %.4f %%, MOS %.3f +- %.3f, mouth to ear %.2f +- %.2f ms\n", side[s],
                        a.mean, a.half, b.mean, b.half, c.mean, c.half);
        }
    }
    for (unsigned i = 0; i < v->reasons; i++)
        fprintf(to, "%s: %s\n", v->valid ? "not as wanted" : "invalid", v->reason[i]);
}
