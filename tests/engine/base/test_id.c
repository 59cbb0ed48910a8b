/* Ids, addresses, checksums, histogram: small things that everything stands on. */
#include "engine/base/addr.h"
#include "engine/base/crc.h"
#include "engine/base/histo.h"
#include "engine/base/id.h"
#include "engine/base/rand.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(id, .timeout = 5.0);

Test(id, text_comes_back_and_sorts_like_the_number)
{
    uint64_t seed = 3, last = 0;
    char a[JN_ID_TEXT_MAX], b[JN_ID_TEXT_MAX];

    jn_id_text(0, b);
    for (int i = 0; i < 10000; i++) {
        uint64_t id = last + (jn_splitmix(&seed) >> 15), back;
        cr_assert_eq(jn_id_parse(&back, jn_id_text(id, a)), 0);
        cr_assert_eq(back, id);
        cr_assert(strcmp(b, a) <= 0);
        memcpy(b, a, sizeof a);
        last = id;
    }
    uint64_t v;
    cr_assert_eq(jn_id_parse(&v, "0000000000001"), 0);
    cr_assert_eq(jn_id_parse(&v, "000000000000"), -EINVAL);
    cr_assert_eq(jn_id_parse(&v, "00000000000011"), -EINVAL);
    cr_assert_eq(jn_id_parse(&v, "000000000000u"), -EINVAL);
    cr_assert_eq(jn_id_parse(&v, "zzzzzzzzzzzzz"), -EINVAL, "more than 64 bits");
}

Test(id, makers_and_boots_never_meet)
{
    struct jn_id_maker a, b, c;

    jn_id_maker_init(&a, 1, 1);
    jn_id_maker_init(&b, 1, 2);
    jn_id_maker_init(&c, 2, 1);
    uint64_t x = jn_id_make(&a), y = jn_id_make(&a), z = jn_id_make(&b), w = jn_id_make(&c);
    cr_assert(x != 0 && x < y && y < z && z < w);
}

Test(id, names_differ_by_tenant_and_kind)
{
    cr_assert_eq(jn_name_id(1, "queue", "sales"), jn_name_id(1, "queue", "sales"));
    cr_assert_neq(jn_name_id(1, "queue", "sales"), jn_name_id(2, "queue", "sales"));
    cr_assert_neq(jn_name_id(1, "queue", "sales"), jn_name_id(1, "agent", "sales"));
    cr_assert_neq(jn_name_id(1, "queue", "sales"), 0);
}

Test(id, addresses_and_blocks)
{
    struct jn_addr a, b;
    struct jn_cidr c;
    char text[JN_ADDR_TEXT_MAX];

    cr_assert_eq(jn_addr_parse(&a, "192.0.2.7", 5060), 0);
    cr_assert_str_eq(jn_addr_text(&a, text), "192.0.2.7:5060");
    cr_assert_eq(jn_addr_parse(&b, "2001:db8::1", 1), 0);
    cr_assert_str_eq(jn_addr_text(&b, text), "[2001:db8::1]:1");
    cr_assert_eq(jn_addr_parse(&a, "localhost", 1), -EINVAL);
    cr_assert_eq(jn_cidr_parse(&c, "192.0.0.0/21"), 0);
    cr_assert(jn_cidr_has(&c, &a));
    cr_assert(!jn_cidr_has(&c, &b));
    jn_addr_parse(&a, "192.0.8.0", 1);
    cr_assert(!jn_cidr_has(&c, &a));
    cr_assert_eq(jn_cidr_parse(&c, "192.0.0.0/33"), -EINVAL);
    cr_assert_eq(jn_cidr_parse(&c, "192.0.0.0/"), -EINVAL);
}

Test(id, crc32c_knows_the_check_value_and_both_twins_agree)
{
    static uint8_t bytes[4000], copy[sizeof bytes + 1];

    cr_assert_eq(jn_crc32c(0, "123456789", 9), 0xe3069283u);
    cr_assert_eq(jn_crc32c_plain(0, "123456789", 9), 0xe3069283u);
    for (size_t n = 0; n < sizeof bytes; n += n < 2000 ? 1 : 61) {
        jn_random(bytes, n);
        memset(copy, 0xa5, sizeof copy);
        uint32_t whole = jn_crc32c(0, bytes, n);
        cr_assert_eq(whole, jn_crc32c_plain(0, bytes, n));
        cr_assert_eq(whole, jn_crc32c_copy(0, copy, bytes, n));
        cr_assert(memcmp(copy, bytes, n) == 0 && copy[n] == 0xa5, "%zu bytes are copied, and no more", n);
        cr_assert_eq(whole, jn_crc32c(jn_crc32c(0, bytes, n / 3), bytes + n / 3, n - n / 3));
    }
}

Test(id, a_histogram_bounds_its_quantiles_within_a_sixteenth)
{
    static struct jn_histo h;

    for (uint64_t v = 1; v <= 100000; v++)
        jn_histo_add(&h, v);
    for (unsigned p = 100; p <= 1000; p += 100) {
        double exact = 100.0 * p, got = (double)jn_histo_at(&h, p);
        cr_assert(got >= exact && got <= exact * 17 / 16, "%u: %f", p, got);
    }
    cr_assert_eq(h.max, 100000);
}
