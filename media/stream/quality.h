/* Quality: what is known of a leg's losses and of trouble with it. Part of state.h. */
#ifndef JN_MEDIA_STREAM_QUALITY_H
#define JN_MEDIA_STREAM_QUALITY_H

#include "media/rtcp/burst.h"
#include "media/rtcp/rtcp.h"
#include "media/stream/order.h"

/* What is known of a leg's quality beside its counters; quality.c. judged: every packet before that came or was lost,
 * good of them came, lost_told were lost before this source. lost, restarts: of the sources before this one. heard_ns:
 * sound came last; reported_ns: the peer reported last that ours comes; deaf: reports since then that it does not.
 * listen_ns: a frame is looked at next. rrt, rrt_at_ns: the peer's reference time (RFC 3611 4.4). peer_*: of its report
 * blocks, summed up. */
struct jn_quality {
    struct jn_burst burst;
    uint64_t judged, good, next_ns, listen_ns, heard_ns, reported_ns, rrt_at_ns;
    uint32_t lost, lost_now, lost_told, rrt, peer_ext, peer_lost, peer_expected, peer_missed, sent_then;
    uint8_t restarts, deaf;
    bool started, peer_known;
};

/* What is counted or told of a leg one by one; the rest of its figures is worked out when they are asked for. */
struct jn_leg_seen {
    uint32_t late, duplicate, concealed, dropped_source, dropped_auth, dropped_replay;
    uint32_t rtt_us, remote_lost;
    uint8_t remote_discard, remote_r, trouble, troubles;
};

struct jn_plane;
struct jn_leg;
struct jn_in;
/* quality.c: losses in their order, scores, what is wrong. begin: the peer was described (again). due: on the walk. */
void jn_quality_begin(struct jn_leg *l, uint64_t now_ns);
void jn_quality_due(struct jn_plane *p, struct jn_leg *l, uint64_t now_ns);
void jn_quality_frame(struct jn_leg *l, const struct jn_in *in);
void jn_quality_late(struct jn_leg *l, uint32_t n);
void jn_quality_reported(struct jn_plane *p, struct jn_leg *l, const struct jn_rtcp_news *n, uint64_t now_ns);
/* What our VoIP metrics block says. */
void jn_quality_voip(const struct jn_plane *p, struct jn_leg *l, struct jn_xr_voip *v);
/* end: nothing more will come, so what is missing now is lost. */
void jn_quality_figures(struct jn_leg *l, struct jn_leg_stats *s, bool end);

#endif
