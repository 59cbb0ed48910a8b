/* Auth: tokens say exactly what was signed, for one kind, one secret and their time; passwords are checked by hash. */
#include "engine/api/api.h"
#include "engine/api/auth.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(auth, .timeout = 60);
static const uint8_t secret[32] = "0123456789abcdef0123456789abcde", other[32] = "0123456789abcdef0123456789abcdX";

Test(auth, a_token_gives_back_its_claims)
{
    const struct jn_claims in = {.kind = JN_TOKEN_AGENT,
                                 .role = 3,
                                 .tenant = UINT64_MAX,
                                 .subject = 0x0102030405060708,
                                 .expires_s = 1000,
                                 .nonce = 42};
    struct jn_claims out;
    char text[JN_TOKEN_MAX];
    jn_token_sign(text, secret, &in);
    cr_assert_eq(strlen(text), 88);
    cr_assert_null(strpbrk(text, "+/= "), "fit for a URL");
    cr_assert_eq(jn_token_verify(&out, secret, JN_TOKEN_AGENT, text, 999), 0);
    cr_assert(out.tenant == in.tenant && out.subject == in.subject && out.expires_s == 1000 && out.nonce == 42 &&
              out.role == 3);
    cr_assert_eq(jn_token_verify(&out, secret, JN_TOKEN_AGENT, text, 1000), -EACCES, "expired");
    cr_assert_eq(jn_token_verify(&out, secret, JN_TOKEN_CHAT, text, 1), -EACCES, "another kind");
    cr_assert_eq(jn_token_verify(&out, other, JN_TOKEN_AGENT, text, 1), -EACCES, "another secret");
    cr_assert_eq(jn_token_verify(&out, secret, JN_TOKEN_AGENT, "", 1), -EACCES);
}

Test(auth, every_changed_bit_is_noticed)
{
    struct jn_claims c = {.kind = JN_TOKEN_CHAT, .tenant = 5, .subject = 6}, out;
    char text[JN_TOKEN_MAX], changed[JN_TOKEN_MAX + 1];
    jn_token_sign(text, secret, &c);
    for (int i = 0; i < 88; i++)
        for (int bit = 0; bit < 7; bit++) {
            strcpy(changed, text);
            changed[i] = (char)(changed[i] ^ 1 << bit);
            cr_assert_neq(jn_token_verify(&out, secret, JN_TOKEN_CHAT, changed, 1), 0, "%d.%d", i, bit);
        }
    snprintf(changed, sizeof changed, "%sA", text);
    cr_assert_neq(jn_token_verify(&out, secret, JN_TOKEN_CHAT, changed, 1), 0);
    text[87] = 0;
    cr_assert_neq(jn_token_verify(&out, secret, JN_TOKEN_CHAT, text, 1), 0);
}

Test(auth, only_the_right_password_fits_its_hash)
{
    char hash[JN_SECRET_MAX], again[JN_SECRET_MAX];
    cr_assert_eq(jn_password_hash(hash, "correct horse"), 0);
    cr_assert_eq(jn_password_hash(again, "correct horse"), 0);
    cr_assert_neq(strcmp(hash, again), 0, "salted");
    cr_assert_eq(jn_password_check(hash, "correct horse"), 0);
    cr_assert_eq(jn_password_check(hash, "correct horsf"), -EACCES);
    cr_assert_eq(jn_password_check(hash, ""), -EACCES);
}

Test(auth, a_known_hash_from_elsewhere_fits)
{
    /* python3: hashlib.pbkdf2_hmac("sha256", b"password", bytes(range(16)), 1000).hex() */
    const char *hash = "pbkdf2-sha256$1000$000102030405060708090a0b0c0d0e0f$"
                       "25eb86acc76e43018f18b9a8f90c2fed462d1c799e83d48ae3d7c69046a60b67";
    cr_assert_eq(jn_password_check(hash, "password"), 0);
}

Test(auth, hashes_that_are_none_are_refused)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "pbkdf2-sha256$",
                                      "pbkdf2-sha256$1000$00$00",
                                      "pbkdf2-sha256$99999999$000102030405060708090a0b0c0d0e0f$00",
                                      "pbkdf2-sha256$1$000102030405060708090a0b0c0d0e0f$"
                                      "25eb86acc76e43018f18b9a8f90c2fed462d1c799e83d48ae3d7c69046a60b67",
                                      "pbkdf2-sha256$1000$000102030405060708090a0b0c0d0e0f$"
                                      "25eb86acc76e43018f18b9a8f90c2fed462d1c799e83d48ae3d7c69046a60b67$x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)

        cr_assert_eq(jn_password_check(bad[i], "password"), -EINVAL, "%s", bad[i]);
}
