/* Render: the items of one call become stereo sound, on one time line. Each track's clock is fitted to its arrivals, so
 * that 200 ppm of drift, loss and reordering leave both sides within one frame (20 ms). */
#ifndef JN_MEDIA_RECORD_RENDER_H
#define JN_MEDIA_RECORD_RENDER_H

#include "engine/base/err.h"
#include "engine/base/str.h"
#include "media/record/item.h"
#include "media/stream/order.h"
#include <stddef.h>

/* What a call's items prove, by track. complete: the STOP event is there and every frame handed over is here: overflow
 * == 0 and the frames are as many as STOP says. What the network lost before it came to us is in `missing` and is no
 * fault of the recording. Zero it to start. */
struct jn_rec_ledger {
    uint64_t call, tenant, first_us, last_us;
    uint64_t frames[JN_TRACK_N] /* all that are here, duplicates too */,
        missing[JN_TRACK_N] /* gaps in received sequence numbers, i.e. lost on the network */, duplicates[JN_TRACK_N],
        withheld[JN_TRACK_N]; /* withheld: its sound was paused or masked, all or part of it */
    uint64_t handed_over;     /* as JN_RECEV_STOP says (added up when there are several); 0 when there is none */
    uint64_t overflow;
    uint32_t events;
    uint8_t stopped, complete;
    struct { /* seen: bit n: high - n is here */
        uint64_t base, high, seen;
        uint32_t ssrc;
        uint8_t any;
    } run[JN_TRACK_N];
};
/* Frames of a track come in order of arrival. Items of unknown tracks count as events only. */
void jn_rec_ledger_add(struct jn_rec_ledger *l, const struct jn_rec_item *it);
/* The same for all of a chunk. */
struct jn_rec_chunk;
void jn_rec_ledger_chunk(struct jn_rec_ledger *l, const struct jn_rec_chunk *c);
/* Ranges of sequence numbers of each track and source as JSON objects with commas between them, the first 1,000;
 * returns how many there are. */
enum jn_rec_range { JN_REC_RANGE_MISSING, JN_REC_RANGE_WITHHELD };
unsigned jn_rec_ranges(struct jn_buf *out, const struct jn_rec_item *items, size_t count, enum jn_rec_range what);
/* What is heard: party 0: left the caller, right everybody who is with the agent (agent, consulted, transferred to), or
 * the tracks (bits) that left and right name; else 1 + a track: left what it heard of the others, by the HEAR rows at
 * that time, right what it said. rate: 8000, 16000 or 48000; 0: the highest that one of the codecs has. */
struct jn_rec_render_options {
    uint8_t party, left, right;
    uint32_t rate;
};
/* items: all of one call, those of a track in order of arrival. Silence where frames are missing or recording paused,
 * noise where it was masked; a frame of an unknown codec is silence too. Gives *pcm: interleaved stereo at *rate, *n
 * sample pairs, malloc'ed, the caller frees. o NULL: two sides. 0, -ENOENT (no frame), -E2BIG (over 12 h), -ENOMEM. */
int jn_rec_render(int16_t **pcm, size_t *n, uint32_t *rate, const struct jn_rec_item *items, size_t count,
                  const struct jn_rec_render_options *o, struct jn_err *err);
/* A 44-byte header for n sample pairs, 16 bit, stereo. */
void jn_wav_header(uint8_t out[static 44], uint32_t n, uint32_t rate);
/* An Ogg Opus file (RFC 7845) of n sample pairs at 8, 16 or 48 kHz: two mono streams in the manner of mapping family 1,
 * left and right. serial: of its logical stream. 0, -EINVAL, -ENOMEM. */
int jn_ogg_opus(struct jn_buf *out, const int16_t *pcm, size_t n, uint32_t rate, uint32_t serial);

#endif
