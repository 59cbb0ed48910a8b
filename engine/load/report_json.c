/* Report, JSON: everything, for machines. */
#include "engine/base/clock.h"
#include "engine/load/report.h"
#include <string.h>
#include <time.h>

/* unit: what a value is divided by. from: values are told as that less themselves (MOS). */
static void histo(struct jn_buf *o, const char *name, const struct jn_histo *h, double unit, double from)
{
    static const struct {
        const char *name;
        unsigned permille;
    } at[] = {{"p50", 500}, {"p90", 900}, {"p99", 990}, {"p999", 999}};
    double sign = from > 0 ? -1 : 1;
    jn_buf_printf(o, "\"%s\":{\"count\":%llu", name, (unsigned long long)h->count);
    if (h->count) {
        jn_buf_printf(o, ",\"mean\":%.6g,\"worst\":%.6g", from + sign * (double)h->sum / (double)h->count / unit,
                      from + sign * (double)h->max / unit);
        for (unsigned i = 0; i < sizeof at / sizeof *at; i++)
            jn_buf_printf(o, ",\"%s\":%.6g", at[i].name, from + sign * (double)jn_histo_at(h, at[i].permille) / unit);
        jn_buf_text(o, ",\"buckets\":[");
        const char *comma = "";
        for (unsigned i = 0; i < JN_HISTO_SLOTS; i++)
            if (h->slot[i]) {
                jn_buf_printf(o, "%s[%.6g,%llu]", comma, from + sign * (double)jn_histo_bound(i) / unit,
                              (unsigned long long)h->slot[i]);
                comma = ",";
            }
        jn_buf_text(o, "]");
    }
    jn_buf_text(o, "}");
}

static void sound(struct jn_buf *o, const char *name, const struct jn_load_heard *h)
{
    jn_buf_printf(o,
                  "\"%s\":{\"legs\":%llu,\"unheard\":%llu,\"echoes\":%llu,\"loss_percent\":%.6f,\"mos\":%.4f,"
                  "\"heard_ms\":%llu,\"missing_ms\":%llu,\"bent_ms\":%llu,\"rtp_received\":%llu,\"rtp_lost\":%llu,"
                  "\"duplicates\":%llu,"
                  "\"late\":%llu,\"delay_changes\":%llu,",
                  name, (unsigned long long)h->legs, (unsigned long long)h->unheard, (unsigned long long)h->echoes,
                  jn_load_loss_percent(h), jn_load_mos(h), (unsigned long long)h->heard / 8,
                  (unsigned long long)h->missing / 8, (unsigned long long)h->bent / 8,
                  (unsigned long long)h->rtp_received, (unsigned long long)h->rtp_lost,
                  (unsigned long long)h->duplicates, (unsigned long long)h->late, (unsigned long long)h->shifts);
    histo(o, "leg_loss_percent", &h->loss_ppm, 10000, 0);
    jn_buf_text(o, ",");
    histo(o, "leg_mos", &h->mos, 100, 5);
    jn_buf_text(o, ",");
    histo(o, "mouth_to_ear_ms", &h->delay_us, 1000, 0);
    jn_buf_text(o, ",");
    histo(o, "jitter_ms", &h->jitter_us, 1000, 0);
    jn_buf_text(o, ",");
    histo(o, "longest_gap_ms", &h->gap_ms, 1, 0);
    jn_buf_text(o, ",");
    histo(o, "longest_pause_ms", &h->pause_ms, 1, 0);
    jn_buf_text(o, "}");
}

static void calls(struct jn_buf *o, const struct jn_load_counts *c)
{
    jn_buf_printf(o,
                  "\"calls\":{\"begun\":%llu,\"answered\":%llu,\"done\":%llu,\"failed\":%llu,\"refused\":%llu,"
                  "\"unanswered\":%llu,\"ended_by_other\":%llu,\"taken_by_phones\":%llu,\"first_failure\":",
                  (unsigned long long)c->begun, (unsigned long long)c->answered, (unsigned long long)c->done,
                  (unsigned long long)c->failed, (unsigned long long)c->refused, (unsigned long long)c->unanswered,
                  (unsigned long long)c->ended_early, (unsigned long long)c->phone_calls);
    jn_buf_json(o, c->why, strlen(c->why));
    jn_buf_text(o, ",\"invite_answers\":{");
    for (unsigned i = 1; i < JN_LOAD_STATUSES; i++)
        jn_buf_printf(o, "%s\"%uxx\":%llu", i > 1 ? "," : "", i, (unsigned long long)c->statuses[i]);
    jn_buf_text(o, "},");
    histo(o, "answered_ms", &c->answer_us, 1000, 0);
    jn_buf_text(o, ",");
    histo(o, "connected_ms", &c->setup_us, 1000, 0);
    jn_buf_text(o, ",");
    histo(o, "heard_ms", &c->joined_us, 1000, 0);
    jn_buf_printf(o, "},\"phones\":{\"registrations\":%llu,\"not_registered\":%llu,", (unsigned long long)c->registered,
                  (unsigned long long)c->not_registered);
    histo(o, "registered_ms", &c->register_us, 1000, 0);
    jn_buf_text(o, "},");
    sound(o, "at_callers", &c->heard[JN_LOAD_AT_CALLER]);
    jn_buf_text(o, ",");
    sound(o, "at_phones", &c->heard[JN_LOAD_AT_PHONE]);
}

static void chats(struct jn_buf *o, const struct jn_chat_counts *c)
{
    jn_buf_printf(o,
                  ",\"chats\":{\"opened\":%llu,\"ended\":%llu,\"sent\":%llu,\"acknowledged\":%llu,\"delivered\":%llu,"
                  "\"failed\":%llu,",
                  (unsigned long long)c->opened, (unsigned long long)c->ended, (unsigned long long)c->sent,
                  (unsigned long long)c->acknowledged, (unsigned long long)c->delivered, (unsigned long long)c->failed);
    histo(o, "open_ms", &c->open_us, 1000, 0);
    jn_buf_text(o, ",");
    histo(o, "acknowledged_ms", &c->acknowledge_us, 1000, 0);
    jn_buf_text(o, ",");
    histo(o, "delivered_ms", &c->deliver_us, 1000, 0);
    jn_buf_text(o, "}");
}

static void generator(struct jn_buf *o, const struct jn_load_result *r)
{
    const struct jn_load_media_counts *m = &r->media;
    jn_buf_printf(
        o,
        ",\"generator\":{\"packets_sent\":%llu,\"packets_received\":%llu,\"not_sent\":%llu,\"dropped\":%llu,"
        "\"strangers\":%llu,\"after_end\":%llu,\"not_rtp\":%llu,\"sip_repeated\":%llu,\"bad_messages\":%llu,\"not_"
        "begun\":%llu,"
        "\"cpu_s\":%.3f,\"impaired\":{\"sent\":%llu,\"lost\":%llu,\"lost_in_burst\":%llu,\"duplicated\":%llu},",
        (unsigned long long)m->sent, (unsigned long long)m->received, (unsigned long long)m->not_sent,
        (unsigned long long)m->dropped, (unsigned long long)m->strangers, (unsigned long long)m->after_end,
        (unsigned long long)m->not_rtp, (unsigned long long)r->counts.again, (unsigned long long)r->counts.bad_messages,
        (unsigned long long)r->not_begun, r->cpu_s, (unsigned long long)m->impair.sent,
        (unsigned long long)m->impair.lost, (unsigned long long)m->impair.lost_in_burst,
        (unsigned long long)m->impair.duplicated);
    histo(o, "lateness_ms", &m->late_us, 1000, 0);
    jn_buf_text(o, "}");
}

static void figure(struct jn_buf *o, const char *name, const struct jn_load_result *r, unsigned n,
                   double (*of)(const struct jn_load_result *))
{
    double v[JN_LOAD_REPEATS];
    for (unsigned k = 0; k < n; k++)
        v[k] = of(&r[k]);
    struct jn_load_figure f = jn_load_figure(v, n);
    jn_buf_printf(o, "\"%s\":{\"mean\":%.6g,\"ci95\":%.6g,\"n\":%u}", name, f.mean, f.half, n);
}

static double mean_ms(const struct jn_histo *h)
{
    return h->count ? (double)h->sum / (double)h->count / 1000 : 0;
}
static double caller_loss(const struct jn_load_result *r)
{
    return jn_load_loss_percent(&r->counts.heard[JN_LOAD_AT_CALLER]);
}
static double phone_loss(const struct jn_load_result *r)
{
    return jn_load_loss_percent(&r->counts.heard[JN_LOAD_AT_PHONE]);
}
static double caller_mos(const struct jn_load_result *r)
{
    return jn_load_mos(&r->counts.heard[JN_LOAD_AT_CALLER]);
}
static double phone_mos(const struct jn_load_result *r)
{
    return jn_load_mos(&r->counts.heard[JN_LOAD_AT_PHONE]);
}
static double caller_delay(const struct jn_load_result *r)
{
    return mean_ms(&r->counts.heard[JN_LOAD_AT_CALLER].delay_us);
}
static double phone_delay(const struct jn_load_result *r)
{
    return mean_ms(&r->counts.heard[JN_LOAD_AT_PHONE].delay_us);
}
static double answer_time(const struct jn_load_result *r)
{
    return mean_ms(&r->counts.answer_us);
}
static double acknowledge_time(const struct jn_load_result *r)
{
    return mean_ms(&r->chat.acknowledge_us);
}

static void summary(struct jn_buf *o, const struct jn_load_result *r, unsigned n)
{
    static const struct {
        const char *name;
        double (*of)(const struct jn_load_result *);
    } all[] = {{"loss_percent_at_callers", caller_loss},
               {"loss_percent_at_phones", phone_loss},
               {"mos_at_callers", caller_mos},
               {"mos_at_phones", phone_mos},
               {"mouth_to_ear_ms_at_callers", caller_delay},
               {"mouth_to_ear_ms_at_phones", phone_delay},
               {"answered_ms", answer_time},
               {"message_acknowledged_ms", acknowledge_time}};
    jn_buf_text(o, ",\"summary\":{");
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        jn_buf_text(o, i ? "," : "");
        figure(o, all[i].name, r, n, all[i].of);
    }
    jn_buf_text(o, "}");
}

static void machine(struct jn_buf *o)
{
    struct jn_load_machine m;
    jn_load_machine(&m);
    jn_buf_text(o, ",\"machine\":{\"cpu\":");
    jn_buf_json(o, m.cpu, strlen(m.cpu));
    jn_buf_printf(o, ",\"cores\":%u,\"governor\":", m.cores);
    jn_buf_json(o, m.governor, strlen(m.governor));
    jn_buf_text(o, ",\"kernel\":");
    jn_buf_json(o, m.kernel, strlen(m.kernel));
    jn_buf_text(o, ",\"build\":");
    jn_buf_json(o, m.build, strlen(m.build));
    jn_buf_text(o, "}");
}

void jn_load_json(struct jn_buf *o, const struct jn_load_plan *plan, const char *configuration,
                  const struct jn_load_limits *l, const struct jn_load_result *r, unsigned n,
                  const struct jn_load_verdict *v)
{
    char when[32];
    time_t now = (time_t)(jn_wall_us() / 1000000);
    struct tm t;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &t));
    jn_buf_printf(o, "{\"format\":\"junctor load 1\",\"time\":\"%s\",\"seed\":%llu,\"configuration\":%s", when,
                  (unsigned long long)plan->load.media.seed, configuration);
    machine(o);
    jn_buf_printf(o,
                  ",\"limits\":{\"max_loss\":%.6g,\"min_mos\":%.6g,\"max_failed\":%.6g,\"max_delay_ms\":%.6g,"
                  "\"max_late_ms\":%.6g},\"valid\":%s,\"pass\":%s,\"reasons\":[",
                  l->max_loss, l->min_mos, l->max_failed, l->max_delay_ms, l->max_late_ms, v->valid ? "true" : "false",
                  v->pass ? "true" : "false");
    for (unsigned i = 0; i < v->reasons; i++) {
        jn_buf_text(o, i ? "," : "");
        jn_buf_json(o, v->reason[i], strlen(v->reason[i]));
    }
    jn_buf_text(o, "]");
    summary(o, r, n);
    jn_buf_text(o, ",\"repetitions\":[");
    for (unsigned k = 0; k < n; k++) {
        jn_buf_printf(o, "%s{\"seconds\":%.3f,\"stopped\":%s,", k ? "," : "", r[k].seconds,
                      r[k].stopped ? "true" : "false");
        calls(o, &r[k].counts);
        if (plan->chat.chats)
            chats(o, &r[k].chat);
        generator(o, &r[k]);
        jn_buf_text(o, "}");
    }
    jn_buf_text(o, "]}\n");
}
