/* Index: the window moves on. */
#include "media/srtp/index.h"

void jn_srtp_see(struct jn_srtp_seen *s, uint64_t index)
{
    uint64_t on = index - s->highest, *w = s->window;

    if (index <= s->highest) {
        uint64_t behind = s->highest - index;
        w[behind >> 6] |= UINT64_C(1) << (behind & 63);
        return;
    }
    if (on >= JN_SRTP_WINDOW) {
        w[0] = w[1] = 0;
    } else if (on >= 64) {
        w[1] = w[0] << (on - 64);
        w[0] = 0;
    } else {
        w[1] = w[1] << on | w[0] >> (64 - on);
        w[0] <<= on;
    }
    w[0] |= 1;
    s->highest = index;
}
