/* Rfc4733: telephone events (RFC 4733 2.3): event, E bit and volume, duration. Tones in the audio are not looked at. */
#include "media/dtmf/rfc4733.h"
#include <errno.h>
#include <string.h>

static const char digits[] = "0123456789*#ABCD";
enum {
    EVENTS = 16,
    SEGMENT = 0xffff,    /* a press longer than this goes on under a new timestamp (2.5.1.3) */
    REORDERED = 8 * 8000 /* older by less than this is a late packet of an earlier press, not a new clock */
};

char jn_dtmf_take(struct jn_dtmf_in *d, uint32_t rtp_ts, const uint8_t *payload, size_t len, uint16_t *duration)
{
    *duration = 0;
    if (len < 4 || payload[0] >= EVENTS)
        return 0;
    uint8_t event = payload[0];
    bool end = payload[1] & 0x80;
    *duration = (uint16_t)(payload[2] << 8 | payload[3]);
    uint32_t ahead = rtp_ts - d->ts;
    if (d->active && ahead == 0 && event == d->event) { /* updates, and the end repeated three times */
        d->ended |= end;
        return 0;
    }
    if (d->active && (0u - ahead) - 1 < REORDERED)
        return 0;
    bool longer = d->active && !d->ended && event == d->event && ahead == SEGMENT;
    *d = (struct jn_dtmf_in){.ts = rtp_ts, .event = event, .active = true, .ended = end};
    return longer ? 0 : digits[event];
}

int jn_dtmf_build(uint8_t out[static 4], char digit, bool end, uint8_t volume, uint16_t duration)
{
    const char *at = digit != 0 ? strchr(digits, digit) : NULL;
    if (at == NULL)
        return -EINVAL;
    out[0] = (uint8_t)(at - digits);
    out[1] = (uint8_t)((end ? 0x80 : 0) | (volume > 63 ? 63 : volume));
    out[2] = (uint8_t)(duration >> 8);
    out[3] = (uint8_t)duration;
    return 0;
}
