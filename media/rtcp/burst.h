/* Burst: how a stream's losses lie: one by one in gaps, or together in bursts (RFC 3611 4.7.2, appendix A.2). Fed at
 * losses only, so that a packet that arrives costs nothing. */
#ifndef JN_MEDIA_BURST_H
#define JN_MEDIA_BURST_H

#include <stdint.h>

/* Good packets between two losses that end a burst (RFC 3611 4.7.2 recommends 16). */
enum { JN_BURST_GMIN = 16 };

/* cXY: transitions between received in a gap 1, received in a burst 2, lost in a burst 3 and lost alone in a gap 4.
 * run: losses since the last long run of good packets. at: good packets seen when the last loss came. Zeroed to start.
 */
struct jn_burst {
    uint64_t at;
    uint32_t c11, c13, c14, c22, c23, c33, run, lost, discarded;
};
/* n packets in a row that did not come, or came and were thrown away (too late); received: good packets until then, of
 * all. */
void jn_burst_lost(struct jn_burst *b, uint64_t received, unsigned n);
void jn_burst_discarded(struct jn_burst *b, uint64_t received, unsigned n);

/* Shares of 256; durations in ms; ratio_q8: burst ratio x 256 (ITU-T G.107 7.2: mean length of runs of losses against
 * that of random loss), 256 is random. No loss: zeros, 256 and the whole time as gap. */
struct jn_burst_report {
    uint8_t loss_rate, discard_rate, burst_density, gap_density;
    uint16_t burst_ms, gap_ms, ratio_q8;
};
/* received: good packets until now; packet_ms: sound in each. */
void jn_burst_say(struct jn_burst_report *out, const struct jn_burst *b, uint64_t received, unsigned packet_ms);

#endif
