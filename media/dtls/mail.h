/* Mail: what goes between a media worker and the thread that does DTLS handshakes. Fixed size, by mailbox, one ring
 * each way for each worker. */
#ifndef JN_MEDIA_DTLS_MAIL_H
#define JN_MEDIA_DTLS_MAIL_H

#include "media/stream/order.h"

enum { JN_DTLS_DATAGRAM_MAX = 1500 };

enum jn_dtls_mail_kind {
    JN_DTLS_BEGIN,    /* to the slow thread: an association; its END has a place kept */
    JN_DTLS_START,    /* to: the peer can be reached; who is active sends its ClientHello */
    JN_DTLS_DATAGRAM, /* both ways */
    JN_DTLS_END,      /* to: it is over; nothing of it comes any more but what is under way */
    JN_DTLS_KEYS      /* from: how it ended, and with UP what it gave */
};
/* leg, session: which association; a leg has another session when its peer's certificate changes. */
struct jn_dtls_mail {
    uint8_t kind, how; /* how: enum jn_keys */
    uint16_t len;
    uint32_t session;
    uint64_t leg;
    union {
        uint8_t bytes[JN_DTLS_DATAGRAM_MAX];
        struct {
            uint8_t fingerprint[JN_FINGERPRINT], certificate;
            bool active;
        } begin;
        struct {
            uint8_t suite, in[JN_SRTP_KEY_MAX], out[JN_SRTP_KEY_MAX];
        } keys;
    };
};

#endif
