/* Xr: extended reports (RFC 3611): the receiver reference time and its answer (4.4, 4.5), so that who only listens
 * knows the round trip too, and the VoIP metrics block (4.7). */
#ifndef JN_MEDIA_XR_H
#define JN_MEDIA_XR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JN_XR_MAX = 8 + 12 + 16 + 36, JN_XR_UNKNOWN = 127 };

/* RFC 3611 4.7, in its units: shares of 256, ms, dBm0; JN_XR_UNKNOWN where a field is not known. r: 0..100;
 * mos: MOS x 10. */
struct jn_xr_voip {
    uint32_t ssrc; /* about whom */
    uint8_t loss_rate, discard_rate, burst_density, gap_density;
    uint16_t burst_ms, gap_ms, round_trip_ms, end_system_ms;
    int8_t signal_dbm0, noise_dbm0;
    uint8_t gmin, r, mos_lq, mos_cq;
    uint16_t jb_nominal_ms, jb_max_ms, jb_abs_max_ms;
    bool jb_adaptive;
};
/* What one packet of type XR holds. rrt: NTP time of the sender, 0 none. lrr, dlrr: about `ours`. */
struct jn_xr {
    uint32_t ssrc; /* of the sender */
    uint64_t rrt;
    uint32_t dlrr_ssrc, lrr, dlrr; /* to write: about whom */
    bool has_dlrr, has_voip;
    struct jn_xr_voip voip;
};
/* Writes one packet (up to JN_XR_MAX bytes), to stand behind a report in a compound packet; returns its length. */
size_t jn_xr_build(uint8_t *out, const struct jn_xr *x);
/* p: one packet of type 207, n bytes, header included, padding taken off. Only blocks about `ours` are kept; unknown
 * blocks are passed over. 0 or -EBADMSG; never reads past n. */
int jn_xr_parse(struct jn_xr *x, const uint8_t *p, size_t n, uint32_t ours);

#endif
