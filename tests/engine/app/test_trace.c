#include "engine/app/engine.h"
#include "engine/app/trace.h"
#include "engine/base/clock.h"
#include "engine/net/pcap.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(trace, .timeout = 60);

static struct jn_trace_record message(uint64_t at_us, bool sent, const char *peer, uint16_t port, const char *text)
{
    struct jn_trace_record r = {
        .kind = JN_TRACE_MESSAGE, .at_us = at_us, .sent = sent, .text = text, .text_len = (uint32_t)strlen(text)};
    cr_assert_eq(jn_addr_parse(&r.local, "192.0.2.1", 5060), 0);
    cr_assert_eq(jn_addr_parse(&r.peer, peer, port), 0);
    return r;
}

#define INVITE "INVITE sip:100@x SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\n"
#define OK     "SIP/2.0 200 OK\r\nCSeq: 12 INVITE\r\n\r\n"
#define CALLER "198.51.100.7", 5060
#define PHONE  "203.0.113.9", 5062

static void draw(struct jn_buf *out, struct jn_trace_record *at, size_t n)
{
    struct jn_trace t = {.ix = 1, .tenant = 2, .at = at, .n = n};
    jn_trace_text(out, &t, NULL);
    cr_assert_not(out->failed);
}

Test(trace, the_ladder_shows_who_sent_what_to_whom)
{
    struct jn_trace_record at[] = {
        message(1700000000000001, false, CALLER, INVITE), message(1700000000000002, true, PHONE, INVITE),
        message(1700000000500002, true, PHONE, INVITE), message(1700000001000003, false, PHONE, OK),
        message(1700000001000004, true, CALLER, OK)};
    struct jn_buf out = {0};
    draw(&out, at, 5);
    static const char want[] = "call 0000000000001, 2023-11-14 UTC, 5 messages\n"
                               "\n"
                               "          198.51.100.7:5060              Junctor              203.0.113.9:5062\n"
                               "22:13:20.000001   |----- INVITE (SDP) ----->|                         |\n"
                               "22:13:20.000002   |                         |----- INVITE (SDP) ----->|\n"
                               "22:13:20.500002   |                         |-- INVITE (SDP) again -->|\n"
                               "22:13:21.000003   |                         |<--- 200 OK (INVITE) ----|\n"
                               "22:13:21.000004   |<--- 200 OK (INVITE) ----|                         |\n"
                               "\n";
    cr_assert_eq(strcmp(out.data, want), 0, "%s", out.data);
    jn_buf_free(&out);
}

Test(trace, more_peers_than_columns_share_the_last_one)
{
    struct jn_trace_record at[20];
    struct jn_buf out = {0};
    char ip[64];
    for (unsigned i = 0; i < 20; i++) {
        snprintf(ip, sizeof ip, "2001:db8:aaaa:bbbb:cccc:dddd:eeee:%x", i + 1);
        at[i] = message(i, i & 1, ip, 5060, OK);
    }
    draw(&out, at, 20);
    cr_assert_neq(strstr(out.data, "others"), NULL);
    jn_buf_free(&out);
}

Test(trace, any_bytes_can_be_drawn)
{
    struct jn_buf out = {0};
    uint64_t seed = 3;
    static char text[300];
    for (unsigned round = 0; round < 2000; round++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        unsigned n = (unsigned)(seed >> 33) % sizeof text;
        for (unsigned i = 0; i < n; i++)
            text[i] = "SIP/2.0 INVTEOK\r\n:v=0CSeq  1"[(seed >> (i % 50)) % 28];
        char *exact = malloc(n ? n : 1); /* so that a sanitizer sees a byte too many */
        memcpy(exact, text, n);
        struct jn_trace_record r = message(seed, round & 1, CALLER, "");
        r.text = exact;
        r.text_len = n;
        jn_buf_clear(&out);
        draw(&out, &r, 1);
        free(exact);
    }
    jn_buf_free(&out);
}

Test(trace, the_capture_has_true_addresses_and_times)
{
    struct jn_trace_record at[] = {message(1700000000000001, false, CALLER, INVITE),
                                   message(1700000000000002, true, PHONE, OK)};
    struct jn_trace t = {.at = at, .n = 2};
    struct jn_buf out = {0};
    struct jn_pcap p;
    struct jn_pcap_udp u;
    jn_trace_pcap(&out, &t);
    cr_assert_eq(jn_pcap_open(&p, out.data, out.len, NULL), 0);
    cr_assert_eq(jn_pcap_next(&p, &u, NULL), 1);
    cr_assert(jn_addr_equal(&u.from, &at[0].peer));
    cr_assert(jn_addr_equal(&u.to, &at[0].local));
    cr_assert_eq(u.at_ns, 1700000000000001000);
    cr_assert_eq(u.len, at[0].text_len);
    cr_assert_eq(jn_pcap_next(&p, &u, NULL), 1);
    cr_assert(jn_addr_equal(&u.from, &at[1].local));
    cr_assert(jn_addr_equal(&u.to, &at[1].peer));
    cr_assert_eq(jn_pcap_next(&p, &u, NULL), 0);
    jn_buf_free(&out);
}

/* Far faster than a disk: what found no room is counted, all else is there, whole and in order. */
Test(trace, a_flood_is_kept_or_counted_and_never_waited_for)
{
    enum { FLOOD = 30000 };
    struct jn_engine *e = calloc(1, sizeof *e);
    struct jn_trace t;
    struct jn_err err = {{0}};
    struct jn_buf metrics = {0};
    char dir[] = "/tmp/jn_trace_XXXXXX", path[64], command[64];
    static char text[3000];
    cr_assert_neq(mkdtemp(dir), NULL);
    jn_copy(e->config.data_dir, sizeof e->config.data_dir, dir);
    e->config.trace_messages = true;
    e->config.trace_size_mb = 256;
    e->config.trace_keep_s = 3600;
    jn_time_start(0);
    cr_assert_eq(jn_engine_trace_open(e, &err), 0, "%s", err.text);
    for (unsigned i = 0; i < FLOOD; i++) {
        snprintf(text, sizeof text, "%u", i);
        struct jn_sip_seen m = {
            .at_us = i, .call_id = "flood", .call_id_len = 5, .text = text, .len = (uint32_t)(sizeof text - i % 2000)};
        jn_engine_trace_seen(e, &m);
    }
    jn_engine_trace_metrics(e, &metrics);
    unsigned long long taken, dropped;
    cr_assert_eq(sscanf(strstr(metrics.data, "taken\"} "), "taken\"} %llu", &taken), 1);
    cr_assert_eq(sscanf(strstr(metrics.data, "dropped\"} "), "dropped\"} %llu", &dropped), 1);
    cr_assert_eq(taken + dropped, FLOOD);
    cr_assert_gt(taken, 2000);
    jn_engine_trace_close(e);
    struct jn_trace_record leg = {.kind = JN_TRACE_LEG, .ix = 1, .tenant = 2, .call_id = "flood", .call_id_len = 5};
    static uint8_t bytes[JN_TRACE_BYTES_MAX];
    struct jn_trace_writer *w;
    snprintf(path, sizeof path, "%s/trace", dir);
    cr_assert_eq(jn_trace_open(&w, path, 256 << 20, 3600, &err), 0);
    jn_trace_put(w, bytes, jn_trace_encode(bytes, &leg));
    jn_trace_flush(w, jn_time_us());
    jn_trace_close(w);
    cr_assert_eq(jn_trace_load(&t, path, 1, 2, &err), 0, "%s", err.text);
    cr_assert_eq(t.n + t.left_out, taken + 1, "%zu and %llu of %llu", t.n, (unsigned long long)t.left_out, taken);
    for (size_t i = 0; i + 1 < t.n; i++) {
        cr_assert(t.at[i].kind == JN_TRACE_LEG || atoll(t.at[i].text) == (long long)t.at[i].at_us);
        cr_assert(i == 0 || t.at[i].kind == JN_TRACE_LEG || t.at[i].at_us > t.at[i - 1].at_us);
    }
    jn_trace_free(&t);
    jn_buf_free(&metrics);
    free(e);
    snprintf(command, sizeof command, "rm -r %s", dir);
    cr_assert_eq(system(command), 0);
}
