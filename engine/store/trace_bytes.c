/* Trace log, bytes: one record, and records behind each other in a segment. Little-endian, each with a magic, its
 * length and a CRC-32C, so that reading goes on behind damage. */
#include "engine/base/crc.h"
#include "engine/store/trace_log.h"
#include "engine/store/trace_private.h"

#include <errno.h>
#include <string.h>

static void put(uint8_t **at, uint64_t v, unsigned bytes)
{
    for (; bytes > 0; bytes--, v >>= 8)
        *(*at)++ = (uint8_t)v;
}

static void put_address(uint8_t **at, const struct jn_addr *a)
{
    put(at, a->family, 1);
    put(at, a->port, 2);
    memcpy(*at, a->ip, 16);
    *at += 16;
}

static void put_text(uint8_t **at, const char *text, uint32_t n, unsigned length_bytes)
{
    put(at, n, length_bytes);
    if (n)
        memcpy(*at, text, n);
    *at += n;
}

/* Reads on from at, never beyond end; sets bad instead. */
struct in {
    const uint8_t *at, *end;
    bool bad;
};

static uint64_t get(struct in *i, unsigned bytes)
{
    uint64_t v = 0;

    if (i->bad || (size_t)(i->end - i->at) < bytes) {
        i->bad = true;
        return 0;
    }
    for (unsigned k = 0; k < bytes; k++)
        v |= (uint64_t)i->at[k] << 8 * k;
    i->at += bytes;
    return v;
}

static void get_address(struct in *i, struct jn_addr *a)
{
    *a = (struct jn_addr){0};
    a->family = (uint8_t)get(i, 1);
    a->port = (uint16_t)get(i, 2);
    for (unsigned k = 0; k < 16; k++)
        a->ip[k] = (uint8_t)get(i, 1);
    if (a->family != JN_ADDR_NONE && a->family != JN_ADDR_V4 && a->family != JN_ADDR_V6)
        i->bad = true;
}

static const char *get_text(struct in *i, uint32_t n)
{
    const char *text = (const char *)i->at;

    if (i->bad || (size_t)(i->end - i->at) < n) {
        i->bad = true;
        return NULL;
    }
    i->at += n;
    return text;
}

enum { R_UNKNOWN = 127 }; /* as in struct jn_leg_stats */

/* The members of the figures in the order of the bytes. */
#define WIDE(s)                                                                                                        \
    {                                                                                                                  \
        &(s)->rx_packets, &(s)->rx_bytes, &(s)->tx_packets, &(s)->tx_bytes, &(s)->lost, &(s)->late, &(s)->duplicate,   \
            &(s)->concealed, &(s)->dropped_source, &(s)->dropped_auth, &(s)->dropped_replay                            \
    }

static void put_media(uint8_t **at, const struct jn_trace_record *r)
{
    const uint64_t *wide[] = WIDE(&r->stats);

    put(at, r->worker, 1);
    put(at, r->codec, 1);
    put(at, r->suite, 1);
    for (unsigned i = 0; i < sizeof wide / sizeof *wide; i++)
        put(at, *wide[i], 8);
    put(at, r->stats.jitter_us, 4);
    put(at, r->stats.rtt_us, 4);
    put(at, r->stats.remote_lost, 4);
    put(at, r->stats.mos_x100, 2);
    put_address(at, &r->local);
    put_address(at, &r->peer);
    put(at, r->stats.remote_mos_x100, 2);
    put(at, r->stats.burst_ms, 2);
    put(at, r->stats.gap_ms, 2);
    put(at, r->stats.burst_density, 1);
    put(at, r->stats.gap_density, 1);
    put(at, r->stats.remote_discard, 1);
    put(at, r->stats.remote_r, 1);
    put(at, r->stats.trouble, 1);
    put(at, r->stats.troubles, 1);
}

static void get_media(struct in *i, struct jn_trace_record *r)
{
    uint64_t *wide[] = WIDE(&r->stats);

    r->worker = (uint8_t)get(i, 1);
    r->codec = (uint8_t)get(i, 1);
    r->suite = (uint8_t)get(i, 1);
    for (unsigned k = 0; k < sizeof wide / sizeof *wide; k++)
        *wide[k] = get(i, 8);
    r->stats.jitter_us = (uint32_t)get(i, 4);
    r->stats.rtt_us = (uint32_t)get(i, 4);
    r->stats.remote_lost = (uint32_t)get(i, 4);
    r->stats.mos_x100 = (uint16_t)get(i, 2);
    get_address(i, &r->local);
    get_address(i, &r->peer);
    r->stats.remote_r = R_UNKNOWN;
    if (i->at == i->end) /* older ones end here */
        return;
    r->stats.remote_mos_x100 = (uint16_t)get(i, 2);
    r->stats.burst_ms = (uint16_t)get(i, 2);
    r->stats.gap_ms = (uint16_t)get(i, 2);
    r->stats.burst_density = (uint8_t)get(i, 1);
    r->stats.gap_density = (uint8_t)get(i, 1);
    r->stats.remote_discard = (uint8_t)get(i, 1);
    r->stats.remote_r = (uint8_t)get(i, 1);
    r->stats.trouble = (uint8_t)get(i, 1);
    r->stats.troubles = (uint8_t)get(i, 1);
}

size_t jn_trace_encode(uint8_t *out, const struct jn_trace_record *r)
{
    uint8_t *at = out;

    if (r->text_len > JN_TRACE_TEXT_MAX || r->call_id_len > JN_TRACE_CALL_ID_MAX)
        return 0;
    put(&at, r->kind, 1);
    put(&at, r->at_us, 8);
    if (r->kind == JN_TRACE_MESSAGE) {
        put_text(&at, r->call_id, r->call_id_len, 1);
        put(&at, r->sent, 1);
        put(&at, r->transport, 1);
        put_address(&at, &r->local);
        put_address(&at, &r->peer);
        put_text(&at, r->text, r->text_len, 4);
        return (size_t)(at - out);
    }
    put(&at, r->ix, 8);
    put(&at, r->tenant, 8);
    put(&at, r->agent, 8);
    put(&at, r->leg, 8);
    put(&at, r->side, 1);
    if (r->kind == JN_TRACE_LEG)
        put_text(&at, r->call_id, r->call_id_len, 1);
    else if (r->kind == JN_TRACE_MEDIA)
        put_media(&at, r);
    if (r->kind == JN_TRACE_TROUBLE) {
        put(&at, r->what, 1);
        put(&at, r->on, 1);
    }
    return (size_t)(at - out);
}

int jn_trace_decode(struct jn_trace_record *r, const uint8_t *bytes, size_t n)
{
    struct in i = {.at = bytes, .end = bytes + n};

    *r = (struct jn_trace_record){.kind = (uint8_t)get(&i, 1)};
    r->at_us = get(&i, 8);
    if (r->kind == JN_TRACE_MESSAGE) {
        r->call_id_len = (uint16_t)get(&i, 1);
        r->call_id = get_text(&i, r->call_id_len);
        r->sent = get(&i, 1) != 0;
        r->transport = (uint8_t)get(&i, 1);
        get_address(&i, &r->local);
        get_address(&i, &r->peer);
        r->text_len = (uint32_t)get(&i, 4);
        r->text = get_text(&i, r->text_len);
        return i.bad || i.at != i.end || r->text_len > JN_TRACE_TEXT_MAX ? -EBADMSG : 0;
    }
    r->ix = get(&i, 8);
    r->tenant = get(&i, 8);
    r->agent = get(&i, 8);
    r->leg = get(&i, 8);
    r->side = (uint8_t)get(&i, 1);
    if (r->kind == JN_TRACE_LEG) {
        r->call_id_len = (uint16_t)get(&i, 1);
        r->call_id = get_text(&i, r->call_id_len);
    } else if (r->kind == JN_TRACE_MEDIA) {
        get_media(&i, r);
    } else if (r->kind == JN_TRACE_TROUBLE) {
        r->what = (uint8_t)get(&i, 1);
        r->on = get(&i, 1) != 0;
    } else {
        return -EBADMSG;
    }
    return i.bad || i.at != i.end ? -EBADMSG : 0;
}

void jn_trace_frame(uint8_t head[static JN_TRACE_HEAD], const uint8_t *bytes, size_t n)
{
    uint8_t *at = head;

    put(&at, JN_TRACE_MAGIC, 4);
    put(&at, n, 4);
    put(&at, jn_crc32c(0, bytes, n), 4);
}

int jn_trace_scan(const uint8_t *bytes, size_t n, int (*each)(void *arg, const uint8_t *record, size_t len), void *arg)
{
    for (size_t off = 0; off + JN_TRACE_HEAD <= n;) {
        struct in i = {.at = bytes + off, .end = bytes + n};
        uint64_t magic = get(&i, 4), len = get(&i, 4), crc = get(&i, 4);
        bool good = magic == JN_TRACE_MAGIC && len <= JN_TRACE_BYTES_MAX && len <= n - off - JN_TRACE_HEAD &&
                    jn_crc32c(0, i.at, len) == crc;
        if (!good) {
            off++;
            continue;
        }
        int rc = each(arg, i.at, len);
        if (rc != 0)
            return rc;
        off += JN_TRACE_HEAD + len;
    }
    return 0;
}
