/* Trace: JSON and capture, and the answer to the API's question. The ladder is trace_text.c. */
#include "engine/app/trace.h"
#include "engine/app/engine.h"
#include "engine/net/pcap.h"
#include "media/codec/codec.h"
#include "media/srtp/srtp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const troubles[] = JN_TROUBLE_NAMES;

const char *jn_trace_side(const struct jn_trace_record *r)
{
    static const char *const sides[] = {"caller", "agent", "third", "supervisor"};
    return r->side < sizeof sides / sizeof *sides ? sides[r->side] : "other";
}

static void add_address(struct jn_buf *b, const char *name, const struct jn_addr *a)
{
    char text[JN_ADDR_TEXT_MAX];

    if (a->family == JN_ADDR_NONE)
        jn_buf_printf(b, ",\"%s\":null", name);
    else
        jn_buf_printf(b, ",\"%s\":\"%s\"", name, jn_addr_text(a, text));
}

static void add_agent(struct jn_buf *b, const struct jn_trace_record *r, const struct jn_directory *dir)
{
    const struct jn_dir_agent *a = r->agent && dir ? jn_dir_agent(dir, r->agent) : NULL;

    jn_buf_text(b, ",\"agent\":");
    if (a)
        jn_buf_json(b, a->name, strlen(a->name));
    else
        jn_buf_text(b, "null");
}

static void add_leg(struct jn_buf *b, const struct jn_trace_record *r, const struct jn_directory *dir)
{
    jn_buf_printf(b, "{\"leg\":%llu,\"side\":\"%s\",\"at_us\":%llu", (unsigned long long)r->leg, jn_trace_side(r),
                  (unsigned long long)r->at_us);
    add_agent(b, r, dir);
    jn_buf_text(b, ",\"call_id\":");
    jn_buf_json(b, r->call_id, r->call_id_len);
    jn_buf_text(b, "}");
}

static void add_media(struct jn_buf *b, const struct jn_trace_record *r, const struct jn_directory *dir)
{
    const struct jn_codec_ops *codec = jn_codec(r->codec);
    const char *suite = r->suite < JN_SUITE_N ? jn_srtp_suite_name((enum jn_srtp_suite)r->suite) : NULL;

    jn_buf_printf(b,
                  "{\"leg\":%llu,\"side\":\"%s\",\"worker\":%u,\"codec\":\"%s\",\"srtp\":", (unsigned long long)r->leg,
                  jn_trace_side(r), r->worker, codec ? codec->name : "?");
    jn_buf_printf(b, suite ? "\"%s\"" : "null", suite);
    add_agent(b, r, dir);
    add_address(b, "local", &r->local);
    add_address(b, "peer", &r->peer);
    jn_trace_stats_json(b, &r->stats);
    jn_buf_text(b, "}");
}

static void add_trouble(struct jn_buf *b, const struct jn_trace_record *r, const struct jn_directory *dir)
{
    jn_buf_printf(b, "{\"leg\":%llu,\"side\":\"%s\",\"at_us\":%llu,\"what\":\"%s\",\"on\":%s",
                  (unsigned long long)r->leg, jn_trace_side(r), (unsigned long long)r->at_us,
                  r->what < JN_TROUBLE_N ? troubles[r->what] : "?", r->on ? "true" : "false");
    add_agent(b, r, dir);
    jn_buf_text(b, "}");
}

static void add_mos(struct jn_buf *b, const char *name, unsigned x100)
{
    if (x100)
        jn_buf_printf(b, ",\"%s\":%u.%02u", name, x100 / 100, x100 % 100);
    else
        jn_buf_printf(b, ",\"%s\":null", name);
}

static void add_troubles(struct jn_buf *b, const char *name, uint8_t bits)
{
    bool first = true;

    jn_buf_printf(b, ",\"%s\":[", name);
    for (unsigned k = 0; k < JN_TROUBLE_N; k++)
        if (bits >> k & 1) {
            jn_buf_printf(b, "%s\"%s\"", first ? "" : ",", troubles[k]);
            first = false;
        }
    jn_buf_text(b, "]");
}

void jn_trace_stats_json(struct jn_buf *b, const struct jn_leg_stats *s)
{
    jn_buf_printf(
        b,
        ",\"received\":%llu,\"sent\":%llu,\"lost\":%llu,\"late\":%llu,\"duplicate\":%llu,\"concealed\":%llu,"
        "\"refused_source\":%llu,\"refused_auth\":%llu,\"refused_replay\":%llu,\"jitter_us\":%u,\"rtt_us\":%u,"
        "\"remote_lost\":%u,\"burst_ms\":%u,\"gap_ms\":%u,\"burst_density\":%.3f,\"gap_density\":%.3f",
        (unsigned long long)s->rx_packets, (unsigned long long)s->tx_packets, (unsigned long long)s->lost,
        (unsigned long long)s->late, (unsigned long long)s->duplicate, (unsigned long long)s->concealed,
        (unsigned long long)s->dropped_source, (unsigned long long)s->dropped_auth,
        (unsigned long long)s->dropped_replay, s->jitter_us, s->rtt_us, s->remote_lost, s->burst_ms, s->gap_ms,
        s->burst_density / 256.0, s->gap_density / 256.0);
    add_mos(b, "mos", s->mos_x100);
    add_mos(b, "remote_mos", s->remote_mos_x100);
    if (s->remote_r <= 100)
        jn_buf_printf(b, ",\"remote_r\":%u", s->remote_r);
    else
        jn_buf_text(b, ",\"remote_r\":null");
    jn_buf_printf(b, ",\"remote_discard\":%.3f", s->remote_discard / 256.0);
    add_troubles(b, "trouble", s->trouble);
    add_troubles(b, "troubles", s->troubles);
}

static void add_message(struct jn_buf *b, const struct jn_trace_record *r)
{
    static const char *const transports[] = {"udp", "tcp", "tls"};

    jn_buf_printf(b, "{\"at_us\":%llu,\"sent\":%s,\"transport\":\"%s\"", (unsigned long long)r->at_us,
                  r->sent ? "true" : "false", transports[r->transport < 3 ? r->transport : 0]);
    add_address(b, "local", &r->local);
    add_address(b, "peer", &r->peer);
    jn_buf_text(b, ",\"text\":");
    jn_buf_json(b, r->text, r->text_len);
    jn_buf_text(b, "}");
}

void jn_trace_json(struct jn_buf *b, const struct jn_trace *t, const struct jn_directory *dir)
{
    static const struct {
        const char *name;
        uint8_t kind;
    } lists[] = {{"legs", JN_TRACE_LEG},
                 {"media", JN_TRACE_MEDIA},
                 {"events", JN_TRACE_TROUBLE},
                 {"messages", JN_TRACE_MESSAGE}};
    char id[JN_ID_TEXT_MAX];

    jn_buf_printf(b, "{\"id\":\"%s\"", jn_id_text(t->ix, id));
    for (unsigned k = 0; k < sizeof lists / sizeof *lists; k++) {
        bool first = true;
        jn_buf_printf(b, ",\"%s\":[", lists[k].name);
        for (size_t i = 0; i < t->n; i++) {
            const struct jn_trace_record *r = &t->at[i];
            if (r->kind != lists[k].kind)
                continue;
            if (!first)
                jn_buf_text(b, ",");
            first = false;
            if (r->kind == JN_TRACE_LEG)
                add_leg(b, r, dir);
            else if (r->kind == JN_TRACE_MEDIA)
                add_media(b, r, dir);
            else if (r->kind == JN_TRACE_TROUBLE)
                add_trouble(b, r, dir);
            else
                add_message(b, r);
        }
        jn_buf_text(b, "]");
    }
    jn_buf_printf(b, ",\"left_out\":%llu}", (unsigned long long)t->left_out);
}

void jn_trace_pcap(struct jn_buf *b, const struct jn_trace *t)
{
    jn_pcap_head(b);
    for (size_t i = 0; i < t->n; i++) {
        const struct jn_trace_record *r = &t->at[i];
        struct jn_pcap_udp u = {.at_ns = r->at_us * 1000,
                                .from = r->sent ? r->local : r->peer,
                                .to = r->sent ? r->peer : r->local,
                                .data = (const uint8_t *)r->text,
                                .len = r->text_len};
        if (r->kind == JN_TRACE_MESSAGE)
            jn_pcap_add(b, &u);
    }
}

void jn_engine_trace_answer(struct jn_engine *e, struct jn_ask *a)
{
    struct jn_err err = {{0}};
    struct jn_trace t = {0};
    char dir[JN_PATH_MAX + 32];

    snprintf(dir, sizeof dir, "%s/trace", e->config.data_dir);
    a->status = jn_trace_load(&t, dir, a->id, a->tenant, &err);
    if (a->status < 0)
        jn_buf_text(&a->answer, err.text);
    else if (a->control == JN_TRACE_FORM_PCAP)
        jn_trace_pcap(&a->answer, &t);
    else if (a->control == JN_TRACE_FORM_JSON)
        jn_trace_json(&a->answer, &t, e->directory);
    else
        jn_trace_text(&a->answer, &t, e->directory);
    if (a->status == 0 && a->answer.failed)
        a->status = -ENOMEM;
    jn_trace_free(&t);
}
