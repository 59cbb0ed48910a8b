/* Stations by address: asked, known, used on while asked again, given up; nothing that waits is forgotten. */
#include "engine/net/neigh.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(neigh, .timeout = 60);

#define S UINT64_C(1000000000)
static const uint8_t A[6] = {2, 0, 0, 0, 0, 0xa}, B[6] = {2, 0, 0, 0, 0, 0xb};
static int packets[3000];

static struct jn_neigh_ip V(uint32_t ip) {
    return jn_neigh_v4(ip, 0);
}

/* A second passes, in ten ticks; returns how often ip was asked for. */
static unsigned
second(struct jn_neigh *n, uint32_t ip, uint64_t *now)
{
    struct jn_neigh_ip ask[64];
    unsigned asked = 0;
    for (unsigned t = 0; t < 10; t++) {
        *now += S / 10;
        unsigned some = jn_neigh_tick(n, ask, 64, *now);
        for (unsigned i = 0; i < some; i++)
            asked += ask[i].lo == ip;
    }
    return asked;
}

static void end(struct jn_neigh *n)
{
    void *p[64];
    jn_neigh_flush(n);
    while (jn_neigh_lost(n, p, 64) > 0)
        continue;
    jn_neigh_close(n);
}

Test(neigh, what_waits_comes_back_in_order_when_the_station_answers)
{
    struct jn_neigh *n = jn_neigh_open(1);
    uint8_t mac[6];
    void *out[JN_NEIGH_WAIT];
    bool ask;
    cr_assert(!jn_neigh_find(n, V(7), mac, S));
    for (unsigned i = 0; i < JN_NEIGH_WAIT; i++) {
        cr_assert_eq(jn_neigh_wait(n, V(7), &packets[i], S, &ask), 0);
        cr_assert_eq(ask, i == 0, "asked for once");
    }
    cr_assert_eq(jn_neigh_wait(n, V(7), &packets[9], S, &ask), -ENOBUFS);
    cr_assert_eq(jn_neigh_learn(n, V(8), B, false, S, out), 0, "nobody asked for that one");
    cr_assert(!jn_neigh_find(n, V(8), mac, S));
    cr_assert_eq(jn_neigh_learn(n, V(7), A, false, S, out), JN_NEIGH_WAIT);
    for (unsigned i = 0; i < JN_NEIGH_WAIT; i++)
        cr_assert_eq(out[i], &packets[i]);
    cr_assert(jn_neigh_find(n, V(7), mac, S) && memcmp(mac, A, 6) == 0);
    cr_assert_eq(jn_neigh_learn(n, V(7), B, false, S, out), 0);
    cr_assert(jn_neigh_find(n, V(7), mac, S) && memcmp(mac, B, 6) == 0, "it has moved");
    end(n);
}

Test(neigh, nobody_answers_and_what_waited_is_given_back)
{
    struct jn_neigh *n = jn_neigh_open(2);
    uint64_t now = S;
    void *out[8];
    bool ask;
    jn_neigh_wait(n, V(7), &packets[0], now, &ask);
    jn_neigh_wait(n, V(7), &packets[1], now, &ask);
    unsigned asked = ask ? 0 : 1; /* the first question was the caller's */
    for (unsigned s = 0; s < 8; s++)
        asked += second(n, 7, &now);
    cr_assert_eq(asked, JN_NEIGH_TRIES);
    cr_assert_eq(jn_neigh_lost(n, out, 8), 2);
    cr_assert((out[0] == &packets[0] && out[1] == &packets[1]) || (out[1] == &packets[0] && out[0] == &packets[1]));
    cr_assert_eq(jn_neigh_lost(n, out, 8), 0);
    jn_neigh_wait(n, V(7), &packets[0], now, &ask);
    cr_assert(ask, "a later packet asks anew");
    end(n);
}

Test(neigh, a_used_station_is_asked_again_and_used_meanwhile_an_unused_one_is_left_alone)
{
    struct jn_neigh *n = jn_neigh_open(3);
    uint64_t now = S;
    uint8_t mac[6];
    void *out[JN_NEIGH_WAIT];
    bool ask;
    jn_neigh_wait(n, V(7), &packets[0], now, &ask);
    jn_neigh_learn(n, V(7), A, false, now, out);
    unsigned asked = 0;
    for (unsigned s = 0; s < JN_NEIGH_ASK_S - 1; s++) {
        cr_assert(jn_neigh_find(n, V(7), mac, now));
        asked += second(n, 7, &now);
    }
    cr_assert_eq(asked, 0, "fresh enough");
    for (unsigned s = 0; s < 3; s++) {
        cr_assert(jn_neigh_find(n, V(7), mac, now), "used while it is asked for");
        asked += second(n, 7, &now);
    }
    cr_assert_geq(asked, 1);
    jn_neigh_learn(n, V(7), A, false, now, out);
    asked = 0;
    for (unsigned s = 0; s < JN_NEIGH_KEEP_S - 1; s++)
        asked += second(n, 7, &now);
    cr_assert_eq(asked, 0, "nobody used it");
    cr_assert_eq(jn_neigh_learn(n, V(7), A, false, now, out), 0);
    cr_assert(jn_neigh_find(n, V(7), mac, now), "still known");
    for (unsigned s = 0; s < JN_NEIGH_ASK_S + 8; s++) {
        jn_neigh_find(n, V(7), mac, now);
        second(n, 7, &now);
    }
    cr_assert(!jn_neigh_find(n, V(7), mac, now), "it does not answer any more");
    end(n);
}

Test(neigh, strangers_make_entries_only_where_there_is_room_and_push_nobody_out)
{
    struct jn_neigh *n = jn_neigh_open(4);
    uint8_t mac[6];
    void *out[JN_NEIGH_WAIT];
    bool ask;
    jn_neigh_wait(n, V(7), &packets[0], S, &ask);
    jn_neigh_learn(n, V(7), A, false, S, out);
    for (uint32_t ip = 100; ip < 100000; ip++)
        jn_neigh_learn(n, V(ip), B, true, 2 * S, out);
    cr_assert(jn_neigh_find(n, V(7), mac, 3 * S) && memcmp(mac, A, 6) == 0);
    unsigned known = 0;
    for (uint32_t ip = 100; ip < 100000; ip++)
        known += jn_neigh_find(n, V(ip), mac, 3 * S);
    cr_assert_leq(known, JN_NEIGH_SETS * JN_NEIGH_WAYS);
    cr_assert_geq(known, 4000);
    static const uint8_t group[6] = {1, 0, 0, 0, 0, 1};
    jn_neigh_wait(n, V(9), &packets[0], 3 * S, &ask);
    cr_assert_eq(jn_neigh_learn(n, V(9), group, true, 3 * S, out), 0);
    cr_assert(!jn_neigh_find(n, V(9), mac, 3 * S), "a group's address is nobody's");
    end(n);
}

Test(neigh, all_that_waits_is_bounded_and_every_packet_comes_back_once)
{
    struct jn_neigh *n = jn_neigh_open(5);
    static unsigned seen[3000];
    void *out[64];
    unsigned kept = 0, refused = 0, back = 0, some;
    bool ask;
    for (uint32_t i = 0; i < 3000; i++) {
        if (jn_neigh_wait(n, V(1000 + i), &packets[i], S + i, &ask) == 0)
            kept++;
        else
            refused++;
        cr_assert(ask);
        if (i % 500 == 499)
            while ((some = jn_neigh_lost(n, out, 64)) > 0)
                for (unsigned k = 0; k < some; k++, back++)
                    seen[(int *)out[k] - packets]++;
    }
    cr_assert_geq(kept, JN_NEIGH_WAIT_ALL);
    cr_assert_gt(refused, 0);
    jn_neigh_flush(n);
    while ((some = jn_neigh_lost(n, out, 64)) > 0)
        for (unsigned k = 0; k < some; k++, back++)
            seen[(int *)out[k] - packets]++;
    cr_assert_eq(back, kept);
    for (unsigned i = 0; i < 3000; i++)
        cr_assert_leq(seen[i], 1);
    jn_neigh_close(n);
}

Test(neigh, the_same_address_in_another_vlan_and_an_ipv6_address_are_other_stations)
{
    struct jn_neigh *n = jn_neigh_open(6);
    static const uint8_t ip6[16] = {0x20, 1, 0xd, 0xb8, [8] = 7}, other6[16] = {0x20, 1, 0xd, 0xb9, [8] = 7};
    uint8_t mac[6];
    void *out[JN_NEIGH_WAIT];
    jn_neigh_learn(n, V(7), A, true, S, out);
    jn_neigh_learn(n, jn_neigh_v4(7, 12), B, true, S, out);
    cr_assert(jn_neigh_find(n, V(7), mac, S) && memcmp(mac, A, 6) == 0);
    cr_assert(jn_neigh_find(n, jn_neigh_v4(7, 12), mac, S) && memcmp(mac, B, 6) == 0);
    cr_assert(!jn_neigh_find(n, jn_neigh_v6(ip6, 0), mac, S), "its lower half alone is not it");
    jn_neigh_learn(n, jn_neigh_v6(ip6, 0), B, true, S, out);
    cr_assert(jn_neigh_find(n, jn_neigh_v6(ip6, 0), mac, S) && memcmp(mac, B, 6) == 0);
    cr_assert(!jn_neigh_find(n, jn_neigh_v6(other6, 0), mac, S));
    cr_assert(jn_neigh_find(n, V(7), mac, S) && memcmp(mac, A, 6) == 0);
    end(n);
}
