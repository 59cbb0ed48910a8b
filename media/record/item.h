/* Item: one thing written to a recording: a received frame, or an event, as readers see it. How it is written:
 * media/record/chunk.h; how earlier versions wrote it: media/record/format.h. */
#ifndef JN_MEDIA_RECORD_ITEM_H
#define JN_MEDIA_RECORD_ITEM_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum { JN_REC_PAYLOAD_MAX = 480 };
enum jn_rec_kind { JN_REC_FRAME = 1, JN_REC_EVENT = 2 };
enum jn_rec_event {
    JN_RECEV_START = 1, /* arg: 0 */
    JN_RECEV_JOIN,      /* arg: leg; track says which part */
    JN_RECEV_LEAVE,
    JN_RECEV_HEAR,   /* arg: mask of tracks that `track` hears */
    JN_RECEV_PROMPT, /* arg: sound index << 32 | offset in samples; track says who hears it. sound 0xffff: stopped */
    JN_RECEV_HOLD,
    JN_RECEV_RESUME,
    JN_RECEV_PAUSE,
    JN_RECEV_UNPAUSE,
    JN_RECEV_STOP,     /* arg: frames handed to the recorder for this call, for the ledger */
    JN_RECEV_OVERFLOW, /* arg: frames that found the mailbox full since the last one */
    JN_RECEV_NOTICE,   /* the caller heard the recording notice to its end. arg: eight characters of its sounds' names,
                          the first in the lowest byte; more such events follow until a character is 0 */
    JN_RECEV_MASK,     /* from here on sound is kept away from the disk; export gives noise in its place */
    JN_RECEV_UNMASK,
    JN_RECEV_AGENT, /* arg: the agent (id) who has the call from here on */
    JN_RECEV_QUEUE, /* arg: the queue (id) that the call is in from here on */
};
/* Why a frame stands without (all of) its sound: it was kept away from the disk. Without any, the payload is its
 * duration in units of the RTP clock (16 bit). */
enum { JN_RECF_MARKER = 1, JN_RECF_PAUSED = 2, JN_RECF_MASKED = 4 };
/* call: interaction id. at_us: engine time of arrival. seq: extended RTP sequence. rtp_ts: as received. */
struct jn_rec_item {
    uint64_t call, tenant, at_us, arg;
    uint32_t rtp_ts, ssrc;
    uint64_t seq;
    uint16_t len;
    uint8_t kind, track, codec, event;
    uint8_t worker, marker, withheld; /* withheld: 0 or JN_RECF_PAUSED, JN_RECF_MASKED */
    uint8_t payload[JN_REC_PAYLOAD_MAX];
};
static_assert(sizeof(struct jn_rec_item) <= 544, "small enough to copy");

#endif
