/* Rtp: reading and writing RTP headers (RFC 3550 5.1), the level in their extension, and the extended sequence number
 * with its statistics (A.1, A.3, A.8). */
#ifndef JN_MEDIA_RTP_H
#define JN_MEDIA_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JN_RTP_HEADER = 12, JN_RTP_NO_LEVEL = 255 };

/* payload_off and payload_len: after CSRCs and extension, without padding. */
struct jn_rtp {
    uint32_t ts, ssrc;
    uint16_t seq, payload_off, payload_len;
    uint8_t pt;
    bool marker;
};
/* True for an RTCP packet on a port that carries both (RFC 5761 4): version 2 and second byte 192..223. */
bool jn_is_rtcp(const uint8_t *data, size_t len);
/* 0, or -EBADMSG: version, CSRC count, extension or padding do not fit the length. */
int jn_rtp_parse(struct jn_rtp *h, const uint8_t *data, size_t len);
/* Writes the 12 bytes of a header without CSRC and extension. */
void jn_rtp_build(uint8_t out[static JN_RTP_HEADER], const struct jn_rtp *h);

/* How loud the sender says the packet's sound is (RFC 6464), 0..127 -dBov, from the header extension's element `id`,
 * with one-byte or two-byte headers (RFC 8285); JN_RTP_NO_LEVEL: no such element, or one that breaks its form. data,
 * len: a packet that jn_rtp_parse took. */
uint8_t jn_rtp_level(const uint8_t *data, size_t len, uint8_t id);

/* Receiver state of one source. Zero it, then the first packet initialises it. received is without duplicates. */
struct jn_rtp_source {
    uint64_t ext_seq; /* highest seen: cycles << 16 | seq */
    uint64_t seen;    /* bit n: ext_seq - n was received */
    uint64_t received, duplicate, base_ext;
    uint32_t ssrc, jitter_q4, last_transit;
    uint32_t bad_seq;
    bool started; /* up to here: one cache line, what each packet changes */
    uint64_t expected_prior, received_prior;
};
enum jn_seq_verdict {
    JN_SEQ_OK,
    JN_SEQ_OLD /* reordered, still fine */,
    JN_SEQ_DUPLICATE,
    JN_SEQ_RESTART, /* SSRC or sequence jumped: state was made new */
    JN_SEQ_STRAY    /* far from all others and alone so far: drop it. Not counted; if the next one follows it, that one
                       is a RESTART (A.1) */
};
/* Takes one packet into account; *ext is its extended sequence. now_ts: arrival in the payload's clock units. */
enum jn_seq_verdict jn_rtp_source_take(struct jn_rtp_source *s, const struct jn_rtp *h, uint32_t now_ts, uint64_t *ext);
/* Packets expected so far minus received (never below 0). */
uint64_t jn_rtp_source_lost(const struct jn_rtp_source *s);

#endif
