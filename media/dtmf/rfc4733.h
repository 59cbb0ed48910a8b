/* Rfc4733: telephone-event packets in and out (RFC 4733 2.3): one digit for each press, however many packets carry it.
 */
#ifndef JN_MEDIA_RFC4733_H
#define JN_MEDIA_RFC4733_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jn_dtmf_in {
    uint32_t ts; /* of the event in progress */
    uint8_t event;
    bool active, ended;
};
/* Feeds one telephone-event payload with its RTP timestamp. Returns the digit ('0'..'9' '*' '#' 'A'..'D') the first
 * time its event is seen, else 0; *duration in timestamp units so far. Payloads that are too short or events above 15
 * give 0. */
char jn_dtmf_take(struct jn_dtmf_in *d, uint32_t rtp_ts, const uint8_t *payload, size_t len, uint16_t *duration);
/* Writes a 4-byte payload; 0 or -EINVAL for a character that is no digit. volume: 0..63 dBm0 below zero. */
int jn_dtmf_build(uint8_t out[static 4], char digit, bool end, uint8_t volume, uint16_t duration);

#endif
