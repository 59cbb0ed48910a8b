/* Lite: one leg's side of ICE as a lite agent (RFC 8445 2.5): it answers checks and never sends any; who knows the
 * leg's name and password has proven by it where it can be reached, and which of its addresses it wants. */
#ifndef JN_MEDIA_ICE_LITE_H
#define JN_MEDIA_ICE_LITE_H

#include "media/ice/stun.h"
#include "media/stream/order.h"

enum { JN_ICE_PAIRS = 8, JN_ICE_NO_PAIR = 255 };

/* One name and password, the key made ready. ufrag empty: none. */
struct jn_ice_name {
    char ufrag[JN_ICE_UFRAG + 1];
    struct jn_hmac_sha1 key;
};
/* Where the peer has shown that it is: its address, and the local port (jn_pkt.local) that it came to. */
struct jn_ice_pair {
    struct jn_addr peer;
    uint32_t local;
};
/* now, was: after an ICE restart (RFC 8445 9) the former name holds until the new one is used, so that nothing is lost.
 * nominated: index of a pair, JN_ICE_NO_PAIR before. next: the place that a further pair takes. */
struct jn_ice_lite {
    struct jn_ice_name now, was;
    struct jn_ice_pair pair[JN_ICE_PAIRS];
    uint8_t pairs, nominated, next;
};

void jn_ice_init(struct jn_ice_lite *ice, const struct jn_ice_own *own);
/* Another name is a restart, which changes nothing until the peer uses it; the same one again is nothing. True when it
 * is another. */
bool jn_ice_rename(struct jn_ice_lite *ice, const struct jn_ice_own *own);
/* Ours of "ours:theirs", JN_ICE_UFRAG bytes that are not terminated; NULL when it cannot be one of ours. */
const char *jn_ice_username(const struct jn_stun *s);

/* What became of a check. Each but DROP, that was not answered, has an answer in out. */
enum jn_ice_result {
    JN_ICE_DROP,
    JN_ICE_REFUSED,  /* 400, 401 or 420 */
    JN_ICE_CONFLICT, /* 487: the peer thinks that it is controlled, as a lite agent always is (RFC 8445 6.1.1) */
    JN_ICE_VALID,    /* the pair is known now */
    JN_ICE_NOMINATED /* and it is another one than before that media goes by */
};
/* Judges a request to this leg (jn_ice_username is its) and writes its answer. *replaced: a pair of former times that
 * lost its place, family NONE: none. An answer is never longer than the request when that is not authentic: nobody is
 * amplified against. Of several nominations the last one counts (RFC 8445 lets the controlling side choose). */
enum jn_ice_result jn_ice_check(struct jn_ice_lite *ice, const struct jn_stun *s, const uint8_t *bytes, size_t n,
                                const struct jn_ice_pair *by, uint8_t out[static JN_STUN_ANSWER_MAX], size_t *out_len,
                                struct jn_ice_pair *replaced);
/* The answer to a request that is nobody's: 400 or 401, empty when it would be longer than the request. Its length. */
size_t jn_ice_refuse(const struct jn_stun *s, size_t n, uint8_t out[static JN_STUN_ANSWER_MAX]);

#endif
