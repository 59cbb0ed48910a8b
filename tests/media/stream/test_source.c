#include "media/stream/source.h"
#include <criterion/criterion.h>

TestSuite(source, .timeout = 60);

static struct jn_addr at(const char *ip, uint16_t port)
{
    struct jn_addr a;
    cr_assert_eq(jn_addr_parse(&a, ip, port), 0);
    return a;
}

static bool packet(struct jn_source *s, const struct jn_addr *from, uint32_t ssrc, uint16_t seq, uint64_t now)
{
    struct jn_rtp h = {.ssrc = ssrc, .seq = seq};
    bool moved;
    return jn_source_accept(s, from, &h, now, &moved);
}

Test(source, without_a_window_only_the_signalled_address_is_heard)
{
    struct jn_source s = {0};
    struct jn_addr peer = at("198.51.100.1", 4000), other = at("198.51.100.1", 4002);
    jn_source_set(&s, &peer, 0);
    for (uint16_t i = 0; i < 50; i++)
        cr_assert(!packet(&s, &other, 1, i, i));
    cr_assert(packet(&s, &peer, 1, 1, 100));
}

Test(source, three_packets_that_follow_each_other_are_learnt_inside_the_window)
{
    struct jn_source s = {0};
    struct jn_addr peer = at("198.51.100.1", 4000), nat = at("203.0.113.7", 9000), thief = at("203.0.113.8", 9000);
    jn_source_set(&s, &peer, 1000);
    cr_assert(!packet(&s, &nat, 1, 10, 1));
    cr_assert(!packet(&s, &nat, 1, 11, 2));
    cr_assert(packet(&s, &nat, 1, 12, 3));
    cr_assert(s.latched);
    for (uint16_t i = 0; i < 50; i++)
        cr_assert(!packet(&s, &thief, 2, i, 4), "the first one learnt stays");
    cr_assert(packet(&s, &nat, 1, 13, 5000));
}

Test(source, packets_that_do_not_follow_each_other_are_not_learnt)
{
    struct jn_source s = {0};
    struct jn_addr peer = at("198.51.100.1", 4000), a = at("203.0.113.7", 9000), b = at("203.0.113.8", 9000);
    jn_source_set(&s, &peer, 1000);
    for (uint16_t i = 0; i < 40; i++)
        cr_assert(!packet(&s, &a, 1, (uint16_t)(i * 2), 1), "gaps");
    for (uint16_t i = 0; i < 40; i++)
        cr_assert(!packet(&s, &a, i, i, 1), "another SSRC each time");
    for (uint16_t i = 0; i < 40; i++)
        cr_assert(!packet(&s, i & 1 ? &a : &b, 1, i, 1), "two senders in turn");
}

Test(source, the_signalled_address_comes_first)
{
    struct jn_source s = {0};
    struct jn_addr peer = at("198.51.100.1", 4000), nat = at("203.0.113.7", 9000);
    jn_source_set(&s, &peer, 1000);
    cr_assert(packet(&s, &peer, 1, 10, 1));
    for (uint16_t i = 0; i < 40; i++)
        cr_assert(!packet(&s, &nat, 2, i, 2), "it was heard: nobody else is learnt");
    struct jn_addr elsewhere = at("198.51.100.2", 1);
    jn_source_set(&s, &elsewhere, 1000);
    jn_source_set(&s, &peer, 1000);
    for (uint16_t i = 0; i < 3; i++)
        packet(&s, &nat, 2, i, 2);
    cr_assert(s.latched);
    cr_assert(packet(&s, &peer, 1, 11, 3), "inside the window it still wins");
    cr_assert(!packet(&s, &nat, 2, 4, 3));
}

Test(source, nothing_is_learnt_after_the_window_until_a_new_description)
{
    struct jn_source s = {0};
    struct jn_addr peer = at("198.51.100.1", 4000), nat = at("203.0.113.7", 9000), other = at("203.0.113.9", 1);
    jn_source_set(&s, &peer, 1000);
    for (uint16_t i = 0; i < 40; i++)
        cr_assert(!packet(&s, &nat, 1, i, 1000));
    jn_source_set(&s, &peer, 3000);
    for (uint16_t i = 0; i < 3; i++)
        packet(&s, &nat, 1, i, 2000);
    cr_assert(s.latched);
    cr_assert(!packet(&s, &peer, 1, 11, 4000), "what was learnt stays after the window");
    jn_source_set(&s, &peer, 6000); /* re-INVITE with the same address: no gap for the one that was learnt */
    cr_assert(packet(&s, &nat, 1, 5, 5000));
    jn_source_set(&s, &other, 0);
    cr_assert(!packet(&s, &nat, 1, 6, 5000));
}

Test(source, authenticated_packets_move_it_only_when_they_are_the_newest)
{
    struct jn_source s = {0};
    struct jn_addr peer = at("198.51.100.1", 4000), moved = at("198.51.100.1", 5000);
    jn_source_set(&s, &peer, 0);
    cr_assert(!jn_source_accept_authentic(&s, &moved, false));
    cr_assert(jn_addr_equal(&s.have, &peer));
    cr_assert(jn_source_accept_authentic(&s, &moved, true));
    cr_assert(jn_addr_equal(&s.have, &moved));
    cr_assert(!jn_source_accept_authentic(&s, &moved, true), "told once");
}
