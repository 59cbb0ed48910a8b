/* Media: many parties' RTP over one port (engine/net/port.h), sent at real pace and measured at arrival, by one thread
 * that turns it. No signalling: who knows two addresses can use it alone.
 *
 * Holding N participants at real pace, for a benchmark of a media plane: open it over the generator's end of the device
 * with `talkers` N and no voice (then packets are counted and not listened to), begin each talker with the address that
 * its leg has at the plane (jn_leg_remote.rtp; the plane's legs are told jn_load_media_address of the same index), and
 * call jn_load_media_turn from a loop pinned to its core, without sleeping, for as long as it shall be held. A
 * packet's 20 ms are cut into 160 moments of 125 us (those of ptime_ms into 8 a ms), talkers are spread over them by
 * their index: those of one room (3k, 3k + 1, 3k + 2) speak at different moments. jn_load_media_end gives back what
 * each one lost; late_us says whether the generator itself kept the pace. A voice for some of them only: `heard`. */
#ifndef JN_LOAD_MEDIA_H
#define JN_LOAD_MEDIA_H

#include "engine/load/ear.h"
#include "engine/net/port.h"
#include "media/impair/impair.h"
#include "media/stream/order.h"

enum { JN_LOAD_MOMENTS_MS = 8, JN_LOAD_MOMENT_NS = 125000, JN_LOAD_PTIME_MAX = 60, JN_LOAD_UNDER_WAY = 50 };

/* port: its range says how many local ports talkers share: several of one port are told apart by whom they talk to.
 * Only every second number of the range is used (RFC 3550 11). askew: talkers from that
 * one on (those who answer) share the ports in another order. ptime_ms: how much sound a packet has, 10 to 60, 0: 20.
 * dense: the first so many packets of a talker all come, after them one in `sparse`; 0: all of them. heard: every so
 * manieth talker listens, 0 and 1: all. line_ns: added to the monotonic clock it gives the time line that voices speak
 * by, the same in all processes that shall understand each other. impair: what becomes of packets before they leave,
 * NULL nothing. Borrows voice and impair. */
struct jn_load_media_config {
    const struct jn_port_ops *ops;
    struct jn_port_config port;
    uint32_t talkers, askew, dense, sparse, heard, ptime_ms;
    const struct jn_voice *voice;
    const struct jn_impair_config *impair;
    bool srtp;
    int64_t line_ns;
    uint64_t seed;
};
/* late_us: from when a packet should have left to when it did. strangers: from nobody whom a talker talks to.
 * after_end: from whom a talker talked to whose call is over. dropped: by our own end's buffers. */
struct jn_load_media_counts {
    uint64_t sent, received, strangers, after_end, not_rtp, not_sent, refused, dropped;
    struct jn_impair_counts impair;
    struct jn_histo late_us;
};
struct jn_load_media;
int jn_load_media_open(struct jn_load_media **out, const struct jn_load_media_config *c, struct jn_err *err);
void jn_load_media_close(struct jn_load_media *m);
/* Where talker i receives. */
struct jn_addr jn_load_media_address(const struct jn_load_media *m, uint32_t i);
/* Talker i begins; or it goes on with another description (a re-INVITE). answers: which part of the voice it speaks.
 * 0; -EADDRINUSE: another one on the same local port talks to the same address; -ENOTSUP, -ENOMEM. */
int jn_load_media_begin(struct jn_load_media *m, uint32_t i, const struct jn_leg_remote *r, bool answers,
                        uint64_t now_ns);
/* Talker i is over. by_us: it ended itself; what the other one should have said until now_ns is then missing. What was
 * heard is good until it begins again. */
const struct jn_ear *jn_load_media_end(struct jn_load_media *m, uint32_t i, bool by_us, uint64_t now_ns);
const struct jn_ear *jn_load_media_ear(const struct jn_load_media *m, uint32_t i);
/* Talker i sends no more than so many packets in all; without a limit at its begin. */
void jn_load_media_limit(struct jn_load_media *m, uint32_t i, uint32_t packets);
/* Packets that talker i has sent. */
uint32_t jn_load_media_sent(const struct jn_load_media *m, uint32_t i);
/* Takes in what has arrived, sends what is due. */
void jn_load_media_turn(struct jn_load_media *m, uint64_t now_ns);
/* When something is due next. */
uint64_t jn_load_media_next_ns(const struct jn_load_media *m);
const struct jn_load_media_counts *jn_load_media_counts(struct jn_load_media *m);

#endif
