#include "engine/base/clock.h"
#include "engine/net/port_udp.h"
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(port_udp, .timeout = 60);

enum { FIRST = 24100, COUNT = 8 };

static struct jn_port_udp_options options; /* of the ports that port_at opens */

static struct jn_port *port_at(const char *ip, uint16_t first)
{
    struct jn_port_config c = {
        .port_min = first, .port_max = (uint16_t)(first + COUNT - 1), .wake_fd = -1, .back_end = &options};
    struct jn_port *p;
    struct jn_err err;
    cr_assert_eq(jn_addr_parse(&c.local, ip, 0), 0);
    cr_assert_eq(jn_port_udp.open(&p, &c, &err), 0, "%s", err.text);
    return p;
}

static unsigned receive(struct jn_port *p, struct jn_pkt *pk[], unsigned want)
{
    unsigned n = 0;
    for (int i = 0; i < 100 && n == 0; i++) {
        jn_port_udp.wait(p, 10000000);
        n = jn_port_udp.rx(p, pk, want, 77);
    }
    return n;
}

static void carries(const char *ip, uint16_t first)
{
    struct jn_port *p = port_at(ip, first);
    struct jn_pkt *pk[JN_PKT_BURST];
    uint8_t data[5][100];
    struct jn_pkt out[5], *list[5];
    for (uint16_t i = 0; i < 4; i++)
        cr_assert_eq(jn_port_udp.take(p, i), 0);
    for (unsigned i = 0; i < 5; i++) {
        memset(data[i], (int)i, 100);
        out[i] = (struct jn_pkt){.data = data[i], .len = (uint16_t)(50 + i), .local = (uint16_t)(i % 2)};
        jn_addr_parse(&out[i].from, ip, (uint16_t)(first + 2 + i % 2));
        list[i] = &out[i];
    }
    jn_port_udp.tx(p, list, 5);
    bool seen[5] = {0};
    for (unsigned got = 0; got < 5;) {
        unsigned n = receive(p, pk, JN_PKT_BURST);
        cr_assert_gt(n, 0);
        for (unsigned i = 0; i < n; i++) {
            unsigned k = pk[i]->data[0];
            cr_assert_lt(k, 5);
            cr_assert(!seen[k]);
            seen[k] = true;
            cr_assert_eq(pk[i]->len, 50 + k);
            cr_assert_eq(pk[i]->local, 2 + k % 2, "local %u", pk[i]->local);
            cr_assert_eq(pk[i]->from.port, first + k % 2);
            cr_assert_eq(pk[i]->at_ns, 77);
        }
        got += n;
    }
    jn_port_udp.close(p);
}

/* As the kernel allows; then forced to each of the ways that a smaller kernel or a guarded process leaves. */
static void carries_each_way(const char *ip, uint16_t first)
{
    for (unsigned way = 0; way < 4; way++) {
        options = (struct jn_port_udp_options){.no_shared_receive = way & 1, .no_ring = way & 2};
        carries(ip, first);
    }
    options = (struct jn_port_udp_options){0};
}

Test(port_udp, packets_arrive_on_the_port_they_were_sent_to_ipv4)
{
    carries_each_way("127.0.0.1", FIRST);
}

Test(port_udp, packets_arrive_on_the_port_they_were_sent_to_ipv6)
{
    carries_each_way("::1", FIRST + 20);
}

Test(port_udp, root_receives_by_one_socket_and_sends_by_a_ring_and_what_is_forced_off_is_off)
{
    struct jn_port *p = port_at("127.0.0.1", FIRST + 100);
    struct jn_pkt out = {.data = (uint8_t *)"x", .len = 1}, *list[1] = {&out};
    jn_addr_parse(&out.from, "127.0.0.1", FIRST + 101);
    cr_assert_eq(jn_port_udp.take(p, 0), 0);
    jn_port_udp.tx(p, list, 1);
    bool shared = jn_port_udp_shared(p), ring = jn_port_udp_ring(p);
    jn_port_udp.close(p);
    if (geteuid() != 0)
        cr_log_info("not root: shared %d, ring %d", shared, ring);
    else
        cr_expect(shared, "root may have a program at the socket lookup");
    options = (struct jn_port_udp_options){.no_shared_receive = true, .no_ring = true};
    p = port_at("127.0.0.1", FIRST + 100);
    cr_assert_eq(jn_port_udp.take(p, 0), 0);
    jn_port_udp.tx(p, list, 1);
    cr_assert(!jn_port_udp_shared(p) && !jn_port_udp_ring(p));
    jn_port_udp.close(p);
    options = (struct jn_port_udp_options){0};
}

Test(port_udp, several_addresses_have_one_index_and_each_sends_from_its_own)
{
    struct jn_port_config c = {.port_min = FIRST + 120, .port_max = FIRST + 123, .wake_fd = -1, .more_n = 2};
    struct jn_port *p;
    struct jn_err err;
    struct jn_pkt *pk[JN_PKT_BURST], out = {.data = (uint8_t *)"hello", .len = 5}, *list[1] = {&out};
    cr_assert_eq(jn_addr_parse(&c.local, "127.0.0.1", 0), 0);
    c.more[0] = (struct jn_port_place){.port_min = FIRST + 120, .port_max = FIRST + 123, .dscp = 24};
    cr_assert_eq(jn_addr_parse(&c.more[0].local, "127.0.0.2", 0), 0);
    c.more[1] = (struct jn_port_place){.port_min = FIRST + 200, .port_max = FIRST + 203};
    cr_assert_eq(jn_addr_parse(&c.more[1].local, "::1", 0), 0);
    cr_assert_eq(jn_port_udp.open(&p, &c, &err), 0, "%s", err.text);
    for (uint32_t i = 0; i < 12; i++)
        cr_assert_eq(jn_port_udp.take(p, i), 0, "port %u", i);
    cr_assert_eq(jn_port_udp.take(p, 12), -EINVAL);
    static const struct {
        uint32_t from, to;
        const char *from_ip, *to_ip;
        uint16_t from_port, to_port;
    } hop[] = {{0, 5, "127.0.0.1", "127.0.0.2", FIRST + 120, FIRST + 121},
               {7, 2, "127.0.0.2", "127.0.0.1", FIRST + 123, FIRST + 122},
               {8, 11, "::1", "::1", FIRST + 200, FIRST + 203}};
    for (unsigned i = 0; i < 3; i++) {
        struct jn_addr want;
        out.local = hop[i].from;
        jn_addr_parse(&out.from, hop[i].to_ip, hop[i].to_port);
        jn_port_udp.tx(p, list, 1);
        cr_assert_eq(out.drop, JN_DROP_NONE);
        cr_assert_eq(receive(p, pk, 8), 1);
        jn_addr_parse(&want, hop[i].from_ip, hop[i].from_port);
        cr_assert_eq(pk[0]->local, hop[i].to, "hop %u: index %u", i, pk[0]->local);
        cr_assert(jn_addr_equal(&pk[0]->from, &want), "hop %u", i);
    }
    out.local = 0;
    jn_addr_parse(&out.from, "::1", FIRST + 200);
    jn_port_udp.tx(p, list, 1);
    cr_assert_eq(out.drop, JN_DROP_TX, "an IPv4 address cannot send to IPv6");
    jn_port_udp.close(p);
}

Test(port_udp, a_port_of_the_range_that_no_leg_has_is_left_to_others)
{
    struct jn_port *p = port_at("127.0.0.1", FIRST + 140);
    struct jn_pkt *pk[JN_PKT_BURST], out = {.data = (uint8_t *)"x", .len = 1}, *list[1] = {&out};
    struct sockaddr_in other = {
        .sin_family = AF_INET, .sin_port = htons(FIRST + 142), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    char got;
    cr_assert_eq(bind(fd, (struct sockaddr *)&other, sizeof other), 0);
    cr_assert_eq(jn_port_udp.take(p, 0), 0);
    cr_assert_eq(jn_port_udp.take(p, 1), 0);
    for (unsigned i = 0; i < 3; i++) {
        jn_addr_parse(&out.from, "127.0.0.1", (uint16_t)(FIRST + 141 + (i == 1)));
        jn_port_udp.tx(p, list, 1);
    }
    cr_assert_eq(receive(p, pk, 8), 2);
    cr_assert_eq(recv(fd, &got, 1, 0), 1, "who has the port hears what is sent there");
    jn_port_udp.give(p, 1);
    out.from.port = FIRST + 141;
    jn_port_udp.tx(p, list, 1);
    cr_assert_eq(receive(p, pk, 8), 0, "a port given back is nobody's");
    close(fd);
    jn_port_udp.close(p);
}

Test(port_udp, a_port_of_somebody_else_is_told_and_a_given_one_can_be_taken_again)
{
    struct jn_port *p = port_at("127.0.0.1", FIRST + 40), *q = port_at("127.0.0.1", FIRST + 40);
    cr_assert_eq(jn_port_udp.take(p, 3), 0);
    cr_assert_eq(jn_port_udp.take(q, 3), -EADDRINUSE);
    jn_port_udp.give(p, 3);
    cr_assert_eq(jn_port_udp.take(q, 3), 0);
    cr_assert_eq(jn_port_udp.take(q, COUNT), -EINVAL);
    jn_port_udp.close(p);
    jn_port_udp.close(q);
}

Test(port_udp, more_than_one_burst_is_taken_in_turns_and_nothing_is_lost)
{
    struct jn_port *p = port_at("127.0.0.1", FIRST + 60);
    struct jn_pkt *pk[JN_PKT_BURST], out, *list[1] = {&out};
    uint8_t data[100] = {0};
    for (uint16_t i = 0; i < COUNT; i++)
        cr_assert_eq(jn_port_udp.take(p, i), 0);
    for (unsigned i = 0; i < 200; i++) {
        out = (struct jn_pkt){.data = data, .len = 100, .local = 0};
        jn_addr_parse(&out.from, "127.0.0.1", (uint16_t)(FIRST + 60 + 1 + i % (COUNT - 1)));
        jn_port_udp.tx(p, list, 1);
        cr_assert_eq(out.drop, JN_DROP_NONE);
    }
    unsigned got = 0, n;
    while ((n = receive(p, pk, 10)) > 0) {
        cr_assert_leq(n, 10);
        got += n;
    }
    cr_assert_eq(got, 200);
    jn_port_udp.close(p);
}

Test(port_udp, what_cannot_be_sent_is_marked_and_the_rest_goes)
{
    struct jn_port *p = port_at("127.0.0.1", FIRST + 80);
    uint8_t data[100] = {0};
    struct jn_pkt out[3], *list[3] = {&out[0], &out[1], &out[2]}, *pk[JN_PKT_BURST];
    cr_assert_eq(jn_port_udp.take(p, 0), 0);
    cr_assert_eq(jn_port_udp.take(p, 1), 0);
    for (unsigned i = 0; i < 3; i++) {
        out[i] = (struct jn_pkt){.data = data, .len = 100, .local = 0};
        jn_addr_parse(&out[i].from, "127.0.0.1", FIRST + 81);
    }
    out[1].from.port = 0;
    jn_port_udp.tx(p, list, 3);
    cr_assert_eq(out[0].drop, JN_DROP_NONE);
    cr_assert_eq(out[1].drop, JN_DROP_TX);
    cr_assert_eq(out[2].drop, JN_DROP_NONE);
    unsigned n = receive(p, pk, 8);
    cr_assert_eq(n, 2);
    out[0].local = 5;
    jn_port_udp.tx(p, list, 1);
    cr_assert_eq(out[0].drop, JN_DROP_TX, "from a port that is not taken");
    jn_port_udp.close(p);
}
