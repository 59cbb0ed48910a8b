/* Vad: whether a period holds speech, and how loud the noise is when it does not: energy against a noise floor that
 * follows the line, with a hang-over, so that soft endings are kept. What a sender of comfort noise (RFC 3389) asks. */
#ifndef JN_MEDIA_VAD_H
#define JN_MEDIA_VAD_H

#include <stdbool.h>
#include <stdint.h>

/* Levels in dBov, times 16, 0 is the loudest. floor: of the noise, 0 before the first period. told: what the listener
 * was told, in dBov. hang: periods that still count as speech. */
struct jn_vad {
    int16_t floor;
    uint8_t hang, told;
    bool quiet;
};
enum jn_vad_says {
    JN_VAD_SPEECH,
    JN_VAD_BEGINS, /* the first of speech after silence */
    JN_VAD_NOISE,  /* tell the listener noise of v->told */
    JN_VAD_NOTHING /* it knows already */
};
/* Of 20 ms, dBov times 16: how loud it is, and its loudest 5 ms. */
struct jn_vad_level {
    int16_t all, loudest;
};
/* 20 ms of n samples: 160 or 320. */
struct jn_vad_level jn_vad_measure(const int16_t *pcm, unsigned n);
/* Takes the next 20 ms. Zero v to start: that is speech. */
enum jn_vad_says jn_vad_take(struct jn_vad *v, struct jn_vad_level now);

#endif
