/* Coded: a sound's bytes in a codec that has more than a table: made once, when somebody first hears the sound in that
 * codec, so that nobody pays for what is never played, and published to every worker. */
#ifndef JN_MEDIA_CODED_H
#define JN_MEDIA_CODED_H

#include "media/stream/order.h"
#include "media/tone/sounds.h"

/* The bytes of the 20 ms that begin at sample `off` (whole periods of 8 kHz) in any codec; *len of them, valid as long
 * as the sound is. NULL where they are not made yet: the caller encodes the samples, and that it asked has them made.
 * Any thread. */
const uint8_t *jn_sound_coded(const struct jn_sound *s, uint8_t codec, uint32_t off, unsigned *len);
/* Makes one sound's bytes that were asked for; false where nothing was. One thread, which may take seconds. */
bool jn_sounds_code(const struct jn_sounds *s);

/* sounds.c: frames of a new sound, none yet, or NULL; and their end. */
struct jn_sound_frames *jn_sound_frames_new(void);
void jn_sound_frames_free(struct jn_sound_frames *f);

#endif
