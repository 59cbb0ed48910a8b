/* Auth: tokens that carry their claims under a signature, and the passwords they are given for. Nothing is kept here:
 * any process that has the install's secret can check any token. */
#ifndef JN_ENGINE_API_AUTH_H
#define JN_ENGINE_API_AUTH_H

#include <stdint.h>

enum { JN_TOKEN_MAX = 96 };
/* Whom a token speaks for. Kinds never stand in for each other. */
enum jn_token_kind { JN_TOKEN_AGENT = 'a', JN_TOKEN_CHAT = 'c' };

/* subject: the agent, or the chat's interaction. tenant 0 with role administrator is the installation itself (the CLI).
 * expires_s: UTC seconds, 0 never. nonce: tells two tokens of one subject apart, for log-out. */
struct jn_claims {
    uint64_t tenant, subject, expires_s, nonce;
    uint8_t kind, role;
};

/* HMAC-SHA256 over the claims, base64url (RFC 4648 5), 88 characters. */
void jn_token_sign(char out[static JN_TOKEN_MAX], const uint8_t secret[static 32], const struct jn_claims *c);
/* 0; -EACCES when the text is not a token, was changed, is of another kind or has expired. The signature's check takes
 * the same time wherever it differs. */
int jn_token_verify(struct jn_claims *c, const uint8_t secret[static 32], enum jn_token_kind kind, const char *text,
                    uint64_t now_s);
/* 64 bits of HMAC-SHA256(secret, label, text): keyed so that nobody outside can aim for a collision. Never 0. */
uint64_t jn_keyed_hash(const uint8_t secret[static 32], uint64_t label, const char *text);

#endif
