#include "engine/store/trace_log.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static void names(void (*each)(const char *path))
{
    char path[400];
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
            each(path);
        }
    if (d)
        closedir(d);
}

static void gone(const char *path)
{
    unlink(path);
}

static void setup(void)
{
    strcpy(dir, "/tmp/jn_trace_XXXXXX");
    cr_assert_neq(mkdtemp(dir), NULL);
}

static void teardown(void)
{
    names(gone);
    rmdir(dir);
}

TestSuite(trace_log, .init = setup, .fini = teardown, .timeout = 60);

static struct jn_trace_record message(uint64_t at, const char *call_id, const char *text)
{
    struct jn_trace_record r = {.kind = JN_TRACE_MESSAGE,
                                .at_us = at,
                                .sent = at & 1,
                                .transport = 1,
                                .call_id = call_id,
                                .call_id_len = (uint16_t)strlen(call_id),
                                .text = text,
                                .text_len = (uint32_t)strlen(text)};
    cr_assert_eq(jn_addr_parse(&r.local, "127.0.0.1", 5060), 0);
    cr_assert_eq(jn_addr_parse(&r.peer, "2001:db8::7", 5061), 0);
    return r;
}

static struct jn_trace_record leg(uint64_t at, uint64_t ix, uint64_t tenant, const char *call_id)
{
    return (struct jn_trace_record){.kind = JN_TRACE_LEG,
                                    .at_us = at,
                                    .ix = ix,
                                    .tenant = tenant,
                                    .leg = at,
                                    .call_id = call_id,
                                    .call_id_len = (uint16_t)strlen(call_id)};
}

static void put(struct jn_trace_writer *w, struct jn_trace_record r)
{
    static uint8_t bytes[JN_TRACE_BYTES_MAX];
    size_t n = jn_trace_encode(bytes, &r);
    cr_assert_gt(n, 0);
    cr_assert_eq(jn_trace_put(w, bytes, n), 0);
}

static struct jn_trace_writer *writer(uint64_t size, uint64_t keep_s)
{
    struct jn_trace_writer *w;
    struct jn_err err;
    cr_assert_eq(jn_trace_open(&w, dir, size, keep_s, &err), 0, "%s", err.text);
    return w;
}

Test(trace_log, every_field_comes_back)
{
    static uint8_t bytes[JN_TRACE_BYTES_MAX];
    struct jn_trace_record a = message(77, "id@host", "INVITE"), b;
    size_t n = jn_trace_encode(bytes, &a);
    cr_assert_eq(jn_trace_decode(&b, bytes, n), 0);
    cr_assert_eq(b.at_us, 77);
    cr_assert(b.sent);
    cr_assert_eq(b.transport, 1);
    cr_assert(jn_addr_equal(&a.local, &b.local));
    cr_assert(jn_addr_equal(&a.peer, &b.peer));
    cr_assert_eq(b.call_id_len, 7);
    cr_assert_eq(b.text_len, 6);
    cr_assert_eq(memcmp(b.text, "INVITE", 6), 0);
    for (size_t k = 0; k < n; k++)
        cr_assert_eq(jn_trace_decode(&b, bytes, k), -EBADMSG, "%zu bytes", k);

    struct jn_trace_record m = {
        .kind = JN_TRACE_MEDIA, .at_us = 5, .ix = 1, .tenant = 2, .agent = 3, .leg = 4, .side = 1};
    m.worker = 6;
    m.codec = 1;
    m.suite = 2;
    m.stats = (struct jn_leg_stats){.rx_packets = 10,
                                    .rx_bytes = 11,
                                    .tx_packets = 12,
                                    .tx_bytes = 13,
                                    .lost = 14,
                                    .late = 15,
                                    .duplicate = 16,
                                    .concealed = 17,
                                    .dropped_source = 18,
                                    .dropped_auth = 19,
                                    .dropped_replay = 20,
                                    .jitter_us = 21,
                                    .rtt_us = 22,
                                    .remote_lost = 23,
                                    .mos_x100 = 438,
                                    .remote_mos_x100 = 350,
                                    .burst_ms = 24,
                                    .gap_ms = 25,
                                    .burst_density = 26,
                                    .gap_density = 27,
                                    .remote_discard = 28,
                                    .remote_r = 29,
                                    .trouble = 2,
                                    .troubles = 3};
    n = jn_trace_encode(bytes, &m);
    cr_assert_eq(jn_trace_decode(&b, bytes, n), 0);
    cr_assert_eq(memcmp(&m, &b, sizeof m), 0);
}

Test(trace_log, media_of_an_older_version_are_read_and_say_nothing_of_what_they_did_not_know)
{
    enum { ADDED = 12 };
    static uint8_t bytes[JN_TRACE_BYTES_MAX];
    struct jn_trace_record b, m = {.kind = JN_TRACE_MEDIA, .ix = 1, .stats = {.lost = 14, .mos_x100 = 438}};
    m.stats.remote_mos_x100 = 350;
    m.stats.troubles = 3;
    size_t n = jn_trace_encode(bytes, &m);
    cr_assert_eq(jn_trace_decode(&b, bytes, n - ADDED), 0);
    cr_assert_eq(b.stats.lost, 14);
    cr_assert_eq(b.stats.mos_x100, 438);
    cr_assert_eq(b.stats.remote_mos_x100, 0);
    cr_assert_eq(b.stats.troubles, 0);
    cr_assert_eq(b.stats.remote_r, 127);
    for (size_t k = n - ADDED + 1; k < n; k++)
        cr_assert_eq(jn_trace_decode(&b, bytes, k), -EBADMSG, "%zu bytes", k);
}

Test(trace_log, trouble_with_media_comes_back)
{
    static uint8_t bytes[JN_TRACE_BYTES_MAX];
    struct jn_trace_record b, t = {.kind = JN_TRACE_TROUBLE, .at_us = 5, .ix = 1, .tenant = 2, .leg = 4};
    t.what = JN_TROUBLE_SILENCE;
    t.on = true;
    size_t n = jn_trace_encode(bytes, &t);
    cr_assert_eq(jn_trace_decode(&b, bytes, n), 0);
    cr_assert_eq(memcmp(&t, &b, sizeof t), 0);
    cr_assert_eq(jn_trace_decode(&b, bytes, n - 1), -EBADMSG);
}

Test(trace_log, a_call_is_found_with_all_its_legs_and_nobody_elses)
{
    struct jn_trace_writer *w = writer(64 << 20, 3600);
    struct jn_trace t;
    put(w, message(1, "a", "INVITE a"));
    put(w, leg(2, 100, 9, "a"));
    put(w, message(3, "z", "INVITE z"));
    put(w, leg(4, 200, 9, "z"));
    cr_assert_eq(jn_trace_flush(w, 1000), 0);
    jn_trace_close(w);
    w = writer(64 << 20, 3600); /* after a restart */
    put(w, message(5, "b", "INVITE b"));
    put(w, leg(6, 100, 9, "b"));
    put(w, message(7, "a", "BYE a"));
    cr_assert_eq(jn_trace_flush(w, 2000), 0);
    cr_assert_eq(jn_trace_load(&t, dir, 100, 9, NULL), 0);
    static const uint64_t times[] = {1, 2, 5, 6, 7};
    cr_assert_eq(t.n, 5);
    for (unsigned i = 0; i < 5; i++)
        cr_assert_eq(t.at[i].at_us, times[i]);
    cr_assert_eq(memcmp(t.at[4].text, "BYE a", 5), 0);
    jn_trace_free(&t);
    cr_assert_eq(jn_trace_load(&t, dir, 100, 8, NULL), -ENOENT, "another tenant's call is not there");
    jn_trace_free(&t);
    cr_assert_eq(jn_trace_load(&t, dir, 100, 0, NULL), 0);
    jn_trace_free(&t);
    cr_assert_eq(jn_trace_load(&t, dir, 300, 9, NULL), -ENOENT);
    jn_trace_free(&t);
    jn_trace_close(w);
}

static unsigned files;
static uint64_t bytes_there;
static void look(const char *path)
{
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    files++;
    bytes_there += (uint64_t)st.st_size;
}

Test(trace_log, size_and_age_are_bounds)
{
    static char text[8000];
    memset(text, 'x', sizeof text - 1);
    struct jn_trace_writer *w = writer(8 << 20, 1000);
    struct jn_trace t;
    put(w, leg(1, 1, 9, "first"));
    for (uint64_t i = 0; i < 3000; i++) { /* 24 MB */
        put(w, message(i, "many", text));
        jn_trace_flush(w, 1000000 + i);
    }
    put(w, leg(1, 2, 9, "last"));
    jn_trace_flush(w, 2000000);
    names(look);
    cr_assert_leq(bytes_there, 8 << 20);
    cr_assert_gt(bytes_there, 6 << 20, "no more is thrown away than has to be");
    cr_assert_eq(jn_trace_load(&t, dir, 1, 9, NULL), -ENOENT, "the oldest went");
    jn_trace_free(&t);
    cr_assert_eq(jn_trace_load(&t, dir, 2, 9, NULL), 0);
    jn_trace_free(&t);
    put(w, leg(1, 3, 9, "young"));
    jn_trace_flush(w, 5000 * UINT64_C(1000000));
    put(w, leg(1, 4, 9, "younger"));
    jn_trace_flush(w, 6500 * UINT64_C(1000000));
    cr_assert_eq(jn_trace_load(&t, dir, 2, 9, NULL), -ENOENT, "the old went");
    jn_trace_free(&t);
    cr_assert_eq(jn_trace_load(&t, dir, 4, 9, NULL), 0);
    jn_trace_free(&t);
    jn_trace_close(w);
}

static char damaged[400];
static void damage(const char *path)
{
    strcpy(damaged, path);
}

Test(trace_log, damage_loses_what_it_hit_and_no_more)
{
    struct jn_trace_writer *w = writer(8 << 20, 1000);
    struct jn_trace t;
    put(w, leg(1, 1, 9, "id"));
    put(w, message(2, "id", "AAAAAAAA"));
    put(w, message(3, "id", "BBBBBBBB"));
    put(w, message(4, "id", "CCCCCCCC"));
    jn_trace_flush(w, 1000000);
    jn_trace_close(w);
    names(damage);
    FILE *f = fopen(damaged, "r+b");
    static char all[4096];
    size_t n = fread(all, 1, sizeof all, f);
    char *hit = memmem(all, n, "BBBB", 4);
    fseek(f, hit - all, SEEK_SET);
    fputc('X', f);
    fclose(f);
    cr_assert_eq(truncate(damaged, (off_t)(n - 3)), 0);
    cr_assert_eq(jn_trace_load(&t, dir, 1, 9, NULL), 0);
    cr_assert_eq(t.n, 2);
    cr_assert_eq(t.at[1].at_us, 2);
    jn_trace_free(&t);
}
