/* Emodel: what a listener would say of a call, from what was measured: transmission rating R and mean opinion score
 * (ITU-T G.107). Echo, noise and loudness stand at the recommendation's defaults: only what a network shows is judged.
 */
#ifndef JN_MEDIA_EMODEL_H
#define JN_MEDIA_EMODEL_H

#include <stdint.h>

/* codec: enum jn_codec_id. loss_ppm: lost and too late, of a million. burst_ratio_q8: 256 is random loss (burst.h).
 * delay_ms: mouth to ear, one way. */
struct jn_emodel {
    uint8_t codec;
    uint16_t burst_ratio_q8;
    uint32_t loss_ppm, delay_ms;
};
/* R x 100, 0..9320. */
unsigned jn_emodel_r_x100(const struct jn_emodel *e);
/* MOS x 100, 100..450, of an R x 100 (G.107 annex B). */
unsigned jn_emodel_mos_x100(unsigned r_x100);

#endif
