#include "engine/net/port_pcap.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(port_pcap, .timeout = 60);

enum { FIRST = 16384 };

static struct jn_addr at(const char *ip, uint16_t port)
{
    struct jn_addr a;
    cr_assert_eq(jn_addr_parse(&a, ip, port), 0);
    return a;
}

static void add(struct jn_buf *b, uint64_t ns, uint16_t from, const char *text)
{
    struct jn_pcap_udp u = {.at_ns = ns,
                            .from = at("10.0.0.1", from),
                            .to = at("10.0.0.2", 4000),
                            .data = (const uint8_t *)text,
                            .len = (uint32_t)strlen(text)};
    cr_assert_eq(jn_pcap_add(b, &u), 0);
}

Test(port_pcap, packets_come_at_their_time_where_they_are_routed)
{
    struct jn_buf in = {0}, out = {0};
    struct jn_port *p;
    struct jn_pkt *pk[JN_PKT_BURST];
    jn_pcap_head(&in);
    add(&in, 1000, 1, "one");
    add(&in, 2000, 9, "of nobody");
    add(&in, 3000, 1, "two");
    add(&in, 2500, 1, "back in time");
    add(&in, 4000, 1, "closed");
    struct jn_port_pcap_files files = {.bytes = in.data, .n = in.len, .out = &out};
    struct jn_port_config c = {
        .local = at("192.0.2.1", 0), .port_min = FIRST, .port_max = FIRST + 9, .wake_fd = -1, .back_end = &files};
    cr_assert_eq(jn_port_pcap.open(&p, &c, NULL), 0);
    struct jn_addr from = at("10.0.0.1", 1), to = at("10.0.0.2", 4000);
    cr_assert_eq(jn_port_pcap_route(p, &from, &to, 6), 0);
    cr_assert_eq(jn_port_pcap.take(p, 6), 0);
    cr_assert_eq(jn_port_pcap.take(p, 6), -EINVAL);
    cr_assert_eq(jn_port_pcap_next_ns(p), 1000);
    cr_assert_eq(jn_port_pcap.rx(p, pk, JN_PKT_BURST, 999), 0);
    cr_assert_eq(jn_port_pcap.rx(p, pk, JN_PKT_BURST, 1000), 1);
    cr_assert_eq(pk[0]->local, 6);
    cr_assert_eq(pk[0]->at_ns, 1000);
    cr_assert(jn_addr_equal(&pk[0]->from, &from));
    cr_assert_eq(jn_port_pcap_next_ns(p), 3000);
    cr_assert_eq(jn_port_pcap.rx(p, pk, 1, 3000), 1);
    cr_assert_eq(jn_port_pcap_next_ns(p), 3000, "time never runs back");
    cr_assert_eq(jn_port_pcap.rx(p, pk, JN_PKT_BURST, 3000), 1, "the one with an earlier time comes with it");
    cr_assert_eq(memcmp(pk[0]->data, "back", 4), 0);

    struct jn_pkt reply = {.data = (uint8_t *)"reply", .len = 5, .local = 6, .from = from}, *list[] = {&reply};
    jn_port_pcap.tx(p, list, 1);
    cr_assert_eq(reply.drop, JN_DROP_NONE);
    jn_port_pcap.give(p, 6);
    jn_port_pcap.tx(p, list, 1);
    cr_assert_eq(reply.drop, JN_DROP_TX, "a closed port does not send");
    cr_assert_eq(jn_port_pcap.rx(p, pk, JN_PKT_BURST, 5000), 0);
    cr_assert_eq(jn_port_pcap_next_ns(p), UINT64_MAX);
    const struct jn_port_pcap_counts *n = jn_port_pcap_counts(p);
    cr_assert_eq(n->delivered, 3);
    cr_assert_eq(n->unrouted, 1);
    cr_assert_eq(n->backwards, 1);
    cr_assert_eq(n->closed, 1);

    struct jn_pcap sent;
    struct jn_pcap_udp u;
    cr_assert_eq(jn_pcap_open(&sent, out.data, out.len, NULL), 0);
    cr_assert_eq(jn_pcap_next(&sent, &u, NULL), 1);
    cr_assert_eq(u.at_ns, 3000);
    cr_assert_eq(u.from.port, FIRST + 6);
    cr_assert(jn_addr_equal(&u.to, &from));
    cr_assert_eq(jn_pcap_next(&sent, &u, NULL), 0);
    jn_port_pcap.close(p);
    jn_buf_free(&in);
    jn_buf_free(&out);
}
