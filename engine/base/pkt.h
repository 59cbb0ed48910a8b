/* Pkt: what is known of one media packet while it travels, one cache line. The bytes belong to the port that received
 * it. */
#ifndef JN_BASE_PKT_H
#define JN_BASE_PKT_H

#include "engine/base/addr.h"
#include <assert.h>

/* Why a media packet went no further. JN_DROP_NAMES below gives the metric's label of each. */
enum jn_drop {
    JN_DROP_NONE,
    JN_DROP_NO_STREAM, /* no open leg on that local address and port */
    JN_DROP_SHORT,     /* too short or malformed for RTP or RTCP (RFC 3550 A.1) */
    JN_DROP_NOT_MEDIA, /* first byte is neither RTP nor RTCP (RFC 7983) */
    JN_DROP_SOURCE,    /* from an address that the leg has not accepted */
    JN_DROP_AUTH,      /* SRTP authentication failed */
    JN_DROP_REPLAY,    /* SRTP replay or older than the window */
    JN_DROP_PAYLOAD,   /* payload type that was not negotiated */
    JN_DROP_OVERSIZE,  /* payload larger than a frame can be */
    JN_DROP_LATE,      /* after its playout time */
    JN_DROP_DUPLICATE, /* the jitter buffer has it already */
    JN_DROP_FULL,      /* jitter buffer, link or port queue full */
    JN_DROP_NOT_READY, /* the leg has no remote description yet */
    JN_DROP_TX,        /* the port could not send */
    JN_DROP_SENDERS,   /* SRTP: one sender (SSRC) more than a context keeps apart; RTP: another beside the peer's */
    JN_DROP_STALE,     /* waited too long for an overloaded worker */
    JN_DROP_N
};
#define JN_DROP_NAMES                                                                                                  \
    {                                                                                                                  \
        "none", "no_stream", "short", "not_media", "source", "auth", "replay", "payload", "oversize", "late",          \
            "duplicate", "full", "not_ready", "tx", "senders", "stale"                                                 \
    }

/* data: the packet from the first byte of RTP; len: bytes; local: index of the local port, over all addresses of the
 * port one after the other, that it came in on or goes out of; stream: the leg's index, JN_PKT_NO_STREAM before
 * look-up; from: the peer (source in, destination out); at_ns: arrival on the monotonic clock; cap: bytes that data can
 * hold (room for an SRTP tag); buf: the port's own name of the buffer that the bytes lie in, NULL when they lie
 * elsewhere. A received packet's buf may be handed back in one packet to send, whose data then points into the same
 * buffer: so it goes out without a copy. kept: it lies there as it came, but for its first JN_PKT_HEAD bytes: a port
 * that knows the sum of the rest need not read it again. */
struct jn_pkt {
    uint8_t *data;
    uint16_t len, cap;
    uint32_t stream;
    struct jn_addr from;
    uint32_t local;
    uint64_t at_ns;
    void *buf;
    uint8_t drop;
    bool kept;
};
static_assert(sizeof(struct jn_pkt) <= 64, "one cache line");

#define JN_PKT_NO_STREAM UINT32_MAX
enum { JN_PKT_HEAD = 12, JN_PKT_BURST = 64, JN_PKT_MTU = 1500 };

#endif
