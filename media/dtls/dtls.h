/* Dtls: one DTLS-SRTP association (RFC 5763, 5764, 6347) without sockets: datagrams go in, datagrams and in the end
 * SRTP keys come out. Slow (milliseconds) and allocating: never on the packet path. Sole user of OpenSSL's SSL. */
#ifndef JN_MEDIA_DTLS_H
#define JN_MEDIA_DTLS_H

#include "engine/base/err.h"
#include "media/stream/order.h"
#include <stddef.h>

/* What we show: an ECDSA P-256 key and a certificate over it, signed by itself, whose SHA-256 the SDP names. */
struct jn_dtls_identity;
/* Makes a fresh one, good for so many days. 0, or -errno with the reason. */
int jn_dtls_identity_make(struct jn_dtls_identity **out, unsigned days, struct jn_err *err);
void jn_dtls_identity_free(struct jn_dtls_identity *id);
const uint8_t *jn_dtls_identity_fingerprint(const struct jn_dtls_identity *id); /* JN_FINGERPRINT bytes */

/* suites: a bit for each of enum jn_srtp_suite that may be chosen; DTLS-SRTP knows both AEAD (RFC 7714), which we
 * prefer, and AES128_SHA80. timer_us: first retransmission after that, then twice as long each time; 0: 200,000. */
struct jn_dtls_config {
    const struct jn_dtls_identity *identity;
    uint8_t fingerprint[JN_FINGERPRINT]; /* of the peer */
    bool active;
    uint16_t suites;
    uint32_t timer_us;
    /* A datagram to the peer, each by a call of its own. */
    void (*send)(void *arg, const uint8_t *datagram, size_t n);
    void *arg;
};
struct jn_dtls;
/* NULL: no memory, or no suite that DTLS-SRTP knows. Borrows the identity. */
struct jn_dtls *jn_dtls_open(const struct jn_dtls_config *c);
void jn_dtls_close(struct jn_dtls *d);

enum jn_dtls_state { JN_DTLS_GOING, JN_DTLS_UP, JN_DTLS_FAILED };
/* The active side's first flight. */
enum jn_dtls_state jn_dtls_start(struct jn_dtls *d);
/* One datagram as it came. Once it is UP it stays so, whatever comes: what is taken then is only answered. FAILED is
 * for ever, jn_dtls_how says why. */
enum jn_dtls_state jn_dtls_take(struct jn_dtls *d, const uint8_t *datagram, size_t n);
/* Sends again what is due to be. */
enum jn_dtls_state jn_dtls_tick(struct jn_dtls *d);
/* How long until jn_dtls_tick has something to do, UINT64_MAX: nothing. */
uint64_t jn_dtls_wait_us(const struct jn_dtls *d);
enum jn_keys jn_dtls_how(const struct jn_dtls *d);
/* UP: master key and salt of each direction (RFC 5764 4.2), as our suites have them. 0 or -EPROTO. */
int jn_dtls_keys(const struct jn_dtls *d, uint8_t *suite, uint8_t in[static JN_SRTP_KEY_MAX],
                 uint8_t out[static JN_SRTP_KEY_MAX]);

#endif
