/* Slow: the thread that does DTLS handshakes for all media workers, so that none waits for a signature. Datagrams and
 * keys go by mail (media/dtls/mail.h), one ring each way for each worker. */
#ifndef JN_ENGINE_SLOW_H
#define JN_ENGINE_SLOW_H

#include "engine/base/err.h"
#include "engine/worker/worker.h"
#include "media/stream/order.h"

struct jn_slow;
/* browsers: legs of browsers a worker may have. certificate_s: a fresh certificate after so many seconds; the one
 * before holds as long again, for who was told its fingerprint. suites: as in struct jn_dtls_config. */
struct jn_slow_config {
    unsigned workers;
    uint32_t browsers;
    uint32_t certificate_s;
    uint16_t suites;
};
/* Read by anybody at any time (relaxed). begun_again: handshakes that broke off and were begun anew; full: datagrams
 * that found a worker's ring full. */
struct jn_slow_counts {
    _Atomic uint64_t begun, begun_again, full, certificates, going;
};

/* Makes the certificate. 0 or -errno with the reason. */
int jn_slow_open(struct jn_slow **out, const struct jn_slow_config *c, struct jn_err *err);
/* The rings to and from worker `index`, before either starts. 0 or -ENOMEM. */
int jn_slow_join(struct jn_slow *s, unsigned index, struct jn_worker *w);
/* Any thread: the fingerprint for a description, and which certificate that is (jn_leg_dtls.certificate). */
void jn_slow_fingerprint(const struct jn_slow *s, uint8_t out[static JN_FINGERPRINT], uint8_t *certificate);
int jn_slow_start(struct jn_slow *s);
void jn_slow_stop(struct jn_slow *s);
/* After the workers are closed: their last words are in its rings. */
void jn_slow_close(struct jn_slow *s);
const struct jn_slow_counts *jn_slow_counts(const struct jn_slow *s);

#endif
