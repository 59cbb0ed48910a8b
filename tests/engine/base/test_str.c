/* Text: copies end, numbers keep their bounds, encodings come back, JSON strings never break out of their quotes. */
#include "engine/base/rand.h"
#include "engine/base/str.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(str, .timeout = 5.0);

Test(str, a_copy_that_does_not_fit_is_cut_and_terminated)
{
    char out[4];

    cr_assert(jn_copy(out, sizeof out, "abc"));
    cr_assert_str_eq(out, "abc");
    cr_assert(!jn_copy(out, sizeof out, "abcd"));
    cr_assert_str_eq(out, "abc");
}

Test(str, numbers_keep_their_bounds)
{
    uint64_t v = 7;

    cr_assert_eq(jn_parse_u64("65535", 65535, &v), 0);
    cr_assert_eq(v, 65535);
    cr_assert_eq(jn_parse_u64("65536", 65535, &v), -ERANGE);
    cr_assert_eq(jn_parse_u64("18446744073709551615", UINT64_MAX, &v), 0);
    cr_assert_eq(v, UINT64_MAX);
    cr_assert_eq(jn_parse_u64("18446744073709551616", UINT64_MAX, &v), -ERANGE);
    cr_assert_eq(jn_parse_u64("9", 5, &v), -ERANGE);
    const char *const bad[] = {"", "+1", "-1", " 1", "1 ", "0x1", "1e3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(jn_parse_u64(bad[i], 100, &v), -EINVAL, "%s", bad[i]);
}

Test(str, hex_and_base64_come_back_for_every_length)
{
    uint8_t bytes[100], back[100];
    char text[300];

    for (size_t n = 0; n <= sizeof bytes; n++) {
        jn_random(bytes, n);
        jn_hex(text, bytes, n);
        cr_assert_eq(strlen(text), 2 * n);
        cr_assert_eq(jn_unhex(back, n, text), 0);
        cr_assert_eq(memcmp(bytes, back, n), 0);
        size_t len = jn_base64(text, bytes, n);
        cr_assert_eq(len, strlen(text));
        cr_assert_eq(jn_unbase64(back, sizeof back, text, len), (int)n);
        cr_assert_eq(memcmp(bytes, back, n), 0);
    }
}

Test(str, base64_knows_the_vectors_of_rfc_4648)
{
    static const char *const in[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    static const char *const out[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    char text[16];

    for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
        jn_base64(text, in[i], strlen(in[i]));
        cr_assert_str_eq(text, out[i]);
    }
    uint8_t b[8];
    cr_assert_eq(jn_unbase64(b, sizeof b, "Zg=", 3), -EINVAL);
    cr_assert_eq(jn_unbase64(b, sizeof b, "Z===", 4), -EINVAL);
    cr_assert_eq(jn_unbase64(b, sizeof b, "Zg==Zg==", 8), -EINVAL);
    cr_assert_eq(jn_unbase64(b, 2, "Zm9v", 4), -EINVAL);
}

Test(str, a_json_string_stays_inside_its_quotes)
{
    struct jn_buf b = {0};
    const char text[] = "a\"b\\c\n\x01\x7f\xc3\xa9\xff\xed\xa0\x80";

    jn_buf_json(&b, text, sizeof text - 1);
    cr_assert_str_eq(b.data,
                     "\"a\\\"b\\\\c\\u000a\\u0001\\u007f\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    jn_buf_free(&b);
}

Test(str, a_buffer_at_its_bound_fails_and_stays_so)
{
    struct jn_buf b = {.max = 10};

    jn_buf_text(&b, "0123456789");
    cr_assert(!b.failed);
    jn_buf_text(&b, "x");
    cr_assert(b.failed);
    cr_assert_eq(b.len, 10);
    jn_buf_clear(&b);
    jn_buf_printf(&b, "%s", "ok");
    cr_assert_str_eq(b.data, "ok");
    jn_buf_free(&b);
}

Test(str, utf8_is_checked_strictly)
{
    cr_assert(jn_utf8_valid("\xf0\x9f\x98\x80", 4));
    cr_assert(!jn_utf8_valid("\xf0\x9f\x98", 3), "cut");
    cr_assert(!jn_utf8_valid("\xc0\x80", 2), "overlong");
    cr_assert(!jn_utf8_valid("\xed\xa0\x80", 3), "surrogate");
    cr_assert(!jn_utf8_valid("\xf4\x90\x80\x80", 4), "beyond Unicode");
}

Test(str, the_nearest_name_is_found_only_when_near)
{
    static const char *const names[] = {"billing", "sales", "support"};

    cr_assert_str_eq(jn_nearest("bilingg", names, 3), "billing");
    cr_assert_str_eq(jn_nearest("suport", names, 3), "support");
    cr_assert_str_eq(jn_nearest("salse", names, 3), "sales");
    cr_assert_null(jn_nearest("zebra", names, 3));
}

Test(str, compare_in_constant_time_compares)
{
    cr_assert(jn_equal_ct("abc", "abc", 3));
    cr_assert(!jn_equal_ct("abc", "abd", 3));
    cr_assert(!jn_equal_ct("xbc", "abc", 3));
}
