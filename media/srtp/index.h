/* Index: extended packet indexes and the window against replay (RFC 3711 3.3.1, 3.3.2, appendix A). Numbers only: no
 * key, no packet. */
#ifndef JN_MEDIA_SRTP_INDEX_H
#define JN_MEDIA_SRTP_INDEX_H

#include <stdbool.h>
#include <stdint.h>

enum { JN_SRTP_WINDOW = 128 };

/* highest: the highest index that was authentic, ROC << 16 | sequence. window: bit n of the 128 stands for highest - n.
 * All zero: nothing was seen. */
struct jn_srtp_seen {
    uint64_t highest, window[2];
};

/* The index that is nearest to highest among those that end in seq. Where highest is below 0x8001 the ROC is 0, so that
 * nothing comes before the first (as libsrtp does it). */
static inline uint64_t jn_srtp_estimate(uint64_t highest, uint16_t seq)
{
    uint32_t roc = (uint32_t)(highest >> 16);
    int last = (uint16_t)highest;

    if (highest <= 0x8000)
        return seq;
    if (last < 0x8000)
        roc -= seq - last > 0x8000;
    else
        roc += last - 0x8000 > seq;
    return (uint64_t)roc << 16 | seq;
}

/* Seen already, or too old to say. */
static inline bool jn_srtp_replayed(const struct jn_srtp_seen *s, uint64_t index)
{
    uint64_t behind = s->highest - index;

    if (index > s->highest)
        return false;
    return behind >= JN_SRTP_WINDOW || (s->window[behind >> 6] >> (behind & 63) & 1) != 0;
}

/* After the packet was authentic, and for one that is sealed. index: not replayed. */
void jn_srtp_see(struct jn_srtp_seen *s, uint64_t index);

#endif
