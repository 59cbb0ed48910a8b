/* Srtp: one direction's context of one leg (RFC 3711), by bursts, behind one ops table so that a faster engine can
 * stand beside libsrtp. */
#ifndef JN_MEDIA_SRTP_H
#define JN_MEDIA_SRTP_H

#include "engine/base/pkt.h"
#include "media/stream/order.h"

enum { JN_SRTP_TRAILER_MAX = 16 + 4 + 4 };

struct jn_srtp; /* layout in ref_libsrtp.c */
struct jn_srtp_ops {
    /* key: master key then salt, of the suite's length. NULL on bad suite or no memory. inbound: opens; otherwise
     * seals. Any SSRC. */
    struct jn_srtp *(*open_context)(enum jn_srtp_suite suite, const uint8_t *key, bool inbound);
    void (*close_context)(struct jn_srtp *s); /* keys are wiped */
    /* RTP or, with rtcp, SRTCP, in place, one burst of one context. Good ones move to the front, in order; returns how
     * many. The rest stay the caller's, reason in pkt->drop (AUTH, REPLAY, SHORT, OVERSIZE). seal needs cap >= len +
     * JN_SRTP_TRAILER_MAX. Borrows pk. */
    unsigned (*open)(struct jn_srtp *s, struct jn_pkt *pk[], unsigned n, bool rtcp);
    unsigned (*seal)(struct jn_srtp *s, struct jn_pkt *pk[], unsigned n, bool rtcp);
};
extern const struct jn_srtp_ops jn_srtp_libsrtp;
/* Bytes of master key and salt together; 0 for JN_SUITE_NONE. */
unsigned jn_srtp_key_bytes(enum jn_srtp_suite suite);
/* "AES_CM_128_HMAC_SHA1_80" and so on (RFC 4568 6.2), NULL for NONE. */
const char *jn_srtp_suite_name(enum jn_srtp_suite suite);

#endif
