#include "engine/net/pcap.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

TestSuite(pcap, .timeout = 60);

static struct jn_pcap_udp datagram(const char *from, const char *to, const void *data, uint32_t len)
{
    struct jn_pcap_udp u = {.at_ns = 1700000000123456789u, .data = data, .len = len};
    cr_assert_eq(jn_addr_parse(&u.from, from, 5060), 0);
    cr_assert_eq(jn_addr_parse(&u.to, to, 4000), 0);
    return u;
}

static void same(const struct jn_pcap_udp *a, const struct jn_pcap_udp *b)
{
    cr_assert_eq(a->at_ns, b->at_ns);
    cr_assert(jn_addr_equal(&a->from, &b->from));
    cr_assert(jn_addr_equal(&a->to, &b->to));
    cr_assert_eq(a->len, b->len);
    cr_assert_eq(memcmp(a->data, b->data, a->len), 0);
}

Test(pcap, what_is_written_is_read_back)
{
    struct jn_buf b = {0};
    struct jn_pcap p;
    struct jn_pcap_udp in[3] = {datagram("192.0.2.1", "198.51.100.7", "odd", 3),
                                datagram("2001:db8::1", "2001:db8::2", "even", 4),
                                datagram("10.0.0.1", "10.0.0.2", "", 0)},
                       out;
    jn_pcap_head(&b);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(jn_pcap_add(&b, &in[i]), 0);
    cr_assert_eq(jn_pcap_open(&p, b.data, b.len, NULL), 0);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(jn_pcap_next(&p, &out, NULL), 1);
        same(&in[i], &out);
    }
    cr_assert_eq(jn_pcap_next(&p, &out, NULL), 0);
    cr_assert_eq(p.counts.datagrams, 3);
    jn_buf_free(&b);
}

/* Ones' complement sum over the words of n bytes: 0xffff over a header whose checksum is right (RFC 1071). */
static unsigned sum(uint32_t s, const uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i += 2)
        s += (uint32_t)b[i] << 8 | (i + 1 < n ? b[i + 1] : 0u);
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return s;
}

Test(pcap, checksums_are_right)
{
    struct jn_buf b = {0};
    struct jn_pcap_udp u = datagram("192.0.2.1", "198.51.100.7", "seven b", 7);
    cr_assert_eq(jn_pcap_add(&b, &u), 0);
    const uint8_t *ip = (const uint8_t *)b.data + 16 + 14;
    cr_assert_eq(sum(0, ip, 20), 0xffff);
    cr_assert_eq(sum(17 + 8 + 7 + sum(0, ip + 12, 8), ip + 20, 8 + 7), 0xffff);
    jn_buf_clear(&b);
    u = datagram("2001:db8::1", "2001:db8::2", "seven b", 7);
    cr_assert_eq(jn_pcap_add(&b, &u), 0);
    ip = (const uint8_t *)b.data + 16 + 14;
    cr_assert_eq(sum(17 + 8 + 7 + sum(0, ip + 8, 32), ip + 40, 8 + 7), 0xffff);
    jn_buf_free(&b);
}

Test(pcap, what_does_not_fit_a_datagram_is_refused)
{
    static uint8_t big[70000];
    struct jn_buf b = {0};
    struct jn_pcap_udp u = datagram("192.0.2.1", "2001:db8::2", "x", 1);
    cr_assert_eq(jn_pcap_add(&b, &u), -EINVAL);
    u = datagram("192.0.2.1", "192.0.2.2", big, sizeof big);
    cr_assert_eq(jn_pcap_add(&b, &u), -EMSGSIZE);
    cr_assert_eq(b.len, 0);
}

static void put(struct jn_buf *b, uint32_t v, unsigned bytes, bool big)
{
    for (unsigned i = 0; i < bytes; i++) {
        uint8_t c = (uint8_t)(v >> 8 * (big ? bytes - 1 - i : i));
        jn_buf_add(b, &c, 1);
    }
}

/* An IPv4 datagram "hi" from 10.0.0.1:7 to 10.0.0.2:9 */
static const uint8_t ip[] = {0x45, 0,  0, 30, 0, 0, 0, 0, 64, 17, 0,  0, 10, 0,   0,
                             1,    10, 0, 0,  2, 0, 7, 0, 9,  0,  10, 0, 0,  'h', 'i'};

static void one_of_link(uint32_t link, const void *head, size_t head_len, bool big, bool nano)
{
    struct jn_buf b = {0};
    struct jn_pcap p;
    struct jn_pcap_udp u;
    put(&b, nano ? 0xa1b23c4d : 0xa1b2c3d4, 4, big);
    for (unsigned i = 0; i < 4; i++)
        put(&b, 0, 4, big);
    put(&b, link, 4, big);
    put(&b, 100, 4, big);
    put(&b, 5, 4, big);
    put(&b, (uint32_t)(head_len + sizeof ip), 4, big);
    put(&b, (uint32_t)(head_len + sizeof ip), 4, big);
    jn_buf_add(&b, head, head_len);
    jn_buf_add(&b, ip, sizeof ip);
    cr_assert_eq(jn_pcap_open(&p, b.data, b.len, NULL), 0);
    cr_assert_eq(jn_pcap_next(&p, &u, NULL), 1, "link type %u", link);
    cr_assert_eq(u.at_ns, 100000000000u + (nano ? 5 : 5000));
    cr_assert_eq(u.from.port, 7);
    cr_assert_eq(u.to.port, 9);
    cr_assert_eq(u.len, 2);
    cr_assert_eq(memcmp(u.data, "hi", 2), 0);
    for (size_t n = 0; n < b.len; n++) { /* cut anywhere: an error or an end, never a datagram */
        uint8_t *cut = malloc(n ? n : 1);
        memcpy(cut, b.data, n);
        if (jn_pcap_open(&p, cut, n, NULL) == 0)
            cr_assert_leq(jn_pcap_next(&p, &u, NULL), 0, "cut at %zu", n);
        free(cut);
    }
    jn_buf_free(&b);
}

Test(pcap, byte_orders_times_and_link_types)
{
    static const uint8_t ethernet[14] = {[12] = 8}, vlan[22] = {[12] = 0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0};
    static const uint8_t sll[16] = {[14] = 8}, sll2[20] = {8}, null[4] = {2};
    for (unsigned k = 0; k < 4; k++) {
        bool big = k & 1, nano = k & 2;
        one_of_link(1, ethernet, sizeof ethernet, big, nano);
        one_of_link(1, vlan, sizeof vlan, big, nano);
        one_of_link(113, sll, sizeof sll, big, nano);
        one_of_link(276, sll2, sizeof sll2, big, nano);
        one_of_link(0, null, sizeof null, big, nano);
        one_of_link(101, NULL, 0, big, nano);
        one_of_link(228, NULL, 0, big, nano);
    }
}

static void ng_block(struct jn_buf *b, bool big, uint32_t type, const struct jn_buf *body)
{
    uint32_t padded = (uint32_t)((body->len + 3) & ~(size_t)3);
    put(b, type, 4, big);
    put(b, padded + 12, 4, big);
    jn_buf_add(b, body->data, body->len);
    put(b, 0, padded - (uint32_t)body->len, big);
    put(b, padded + 12, 4, big);
}

/* A section with one interface of that resolution and one packet at `ticks`. */
static int ng(bool big, uint8_t resolution, uint64_t ticks, uint64_t *at_ns)
{
    struct jn_buf b = {0}, body = {0};
    struct jn_pcap p;
    struct jn_pcap_udp u;
    put(&body, 0x1a2b3c4d, 4, big);
    put(&body, 1, 2, big);
    put(&body, 0, 2, big);
    put(&body, UINT32_MAX, 4, big);
    put(&body, UINT32_MAX, 4, big);
    ng_block(&b, big, 0x0a0d0d0a, &body);
    jn_buf_clear(&body);
    put(&body, 101, 2, big);
    put(&body, 0, 2, big);
    put(&body, 0, 4, big);
    put(&body, 9, 2, big);
    put(&body, 1, 2, big);
    put(&body, resolution, 4, false);
    ng_block(&b, big, 1, &body);
    jn_buf_clear(&body);
    put(&body, 0, 4, big);
    put(&body, (uint32_t)(ticks >> 32), 4, big);
    put(&body, (uint32_t)ticks, 4, big);
    put(&body, sizeof ip, 4, big);
    put(&body, sizeof ip, 4, big);
    jn_buf_add(&body, ip, sizeof ip);
    ng_block(&b, big, 6, &body);
    cr_assert_eq(jn_pcap_open(&p, b.data, b.len, NULL), 0);
    int rc = jn_pcap_next(&p, &u, NULL);
    *at_ns = u.at_ns;
    cr_assert_eq(p.counts.datagrams + p.counts.malformed, 1);
    jn_buf_free(&b);
    jn_buf_free(&body);
    return rc;
}

Test(pcap, pcapng_in_both_byte_orders_and_any_resolution)
{
    uint64_t at;
    for (unsigned big = 0; big < 2; big++) {
        cr_assert_eq(ng(big, 6, 1700000000123456u, &at), 1);
        cr_assert_eq(at, 1700000000123456000u);
        cr_assert_eq(ng(big, 9, 1700000000123456789u, &at), 1);
        cr_assert_eq(at, 1700000000123456789u);
        cr_assert_eq(ng(big, 0x80 | 10, 5 * 1024 + 512, &at), 1);
        cr_assert_eq(at, 5500000000u);
        cr_assert_eq(ng(big, 0, UINT64_MAX / 2, &at), 0, "a time that does not fit is no packet");
        cr_assert_eq(ng(big, 0x80 | 60, 1, &at), 0);
    }
}

Test(pcap, what_is_no_datagram_is_counted)
{
    struct jn_pcap_udp u;
    uint8_t f[sizeof ip];
    memcpy(f, ip, sizeof ip);
    f[9] = 6;
    cr_assert_eq(jn_pcap_frame(&u, 101, f, sizeof f), -EPROTONOSUPPORT);
    memcpy(f, ip, sizeof ip);
    f[6] = 0x20;
    cr_assert_eq(jn_pcap_frame(&u, 101, f, sizeof f), -EMSGSIZE);
    memcpy(f, ip, sizeof ip);
    f[25] = 200;
    cr_assert_eq(jn_pcap_frame(&u, 101, f, sizeof f), -ENODATA);
    f[25] = 7;
    cr_assert_eq(jn_pcap_frame(&u, 101, f, sizeof f), -EBADMSG);
    cr_assert_eq(jn_pcap_frame(&u, 4711, f, sizeof f), -EPROTONOSUPPORT);
}
