/* Tape: the recording tap of a room: its state, and the orders and frames that reach it. Part of state.h. */
#ifndef JN_MEDIA_STREAM_TAPE_H
#define JN_MEDIA_STREAM_TAPE_H

#include "media/record/ring.h"
#include "media/stream/order.h"
#include <stddef.h>

struct jn_in;
struct jn_plane;
struct jn_room;
struct jn_voice;

/* As in JN_ORDER_RECORD. */
enum jn_tape_state { JN_TAPE_OFF, JN_TAPE_ON, JN_TAPE_PAUSED, JN_TAPE_MASKED, JN_TAPE_STATES };

/* The earliest that sound of a track ever came: what ends at ref_ts came at ref_ns. end_ts: where what was withheld
 * ends on its clock. */
struct jn_tape_line {
    uint64_t ref_ns;
    uint32_t ref_ts, ssrc, end_ts;
    bool known;
};
/* What a frame needs lies in one cache line. chunk: the one being filled, begun at begin_ns (begin_us on the engine's
 * clock), `used` of its body taken; its head is written when it goes; NULL: the one that is ours is kept in the ring.
 * frames: of the recording; before: those of earlier chunks. older, newer: rooms (counted from 1) in the order in which
 * their chunks were begun. from_ns, to_ns: since when, until when sound is withheld; ending: after to_ns frames are
 * looked at for a while, for some of them were spoken before. */
struct jn_tape {
    struct jn_rec_chunk *chunk;
    uint64_t begin_ns, frames, before, missed;
    uint32_t used, events, older, newer;
    uint8_t state, why;
    bool ending;
    uint64_t call, tenant, begin_us, missed_total;
    uint64_t from_ns, to_ns;
    struct jn_tape_line line[JN_TRACK_N];
};
static_assert(offsetof(struct jn_tape, call) <= 64, "one cache line");

bool jn_tape_order(struct jn_plane *p, struct jn_room *r, const struct jn_order *o, uint64_t now_ns);
/* One received frame of a room that is recorded. */
void jn_tape_frame(struct jn_plane *p, struct jn_room *r, const struct jn_voice *v, const struct jn_in *in);
void jn_tape_event(struct jn_plane *p, struct jn_room *r, uint8_t event, uint8_t track, uint64_t arg, uint64_t now_ns);
void jn_tape_stop(struct jn_plane *p, struct jn_room *r, uint64_t now_ns);
/* Hands over what was begun before the given time. */
void jn_tape_due(struct jn_plane *p, uint64_t before_ns);

/* withhold.c, for tape.c: how the frame is to be written: *clear_from .. *clear_to of its n units are kept. True: all
 * of it. */
bool jn_tape_clear(struct jn_tape *t, unsigned track, const struct jn_in *in, uint32_t n, uint32_t clock,
                   uint32_t *clear_from, uint32_t *clear_to);
/* Overwrites n coded samples of G.711. */
void jn_tape_cover(uint8_t *g711, uint32_t n, uint8_t codec, uint8_t why, uint64_t seed);
/* What is withheld begins: what the clocks of the tracks show is learnt from the chunk. */
void jn_tape_withhold(struct jn_tape *t, uint8_t why, uint64_t now_ns);
void jn_tape_withhold_end(struct jn_tape *t, uint64_t now_ns);

#endif
