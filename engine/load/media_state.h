/* Media state: what media.c (talkers and the way in) and media_tx.c (the way out) share. */
#ifndef JN_LOAD_MEDIA_STATE_H
#define JN_LOAD_MEDIA_STATE_H

#include "engine/load/media.h"
#include "media/srtp/srtp.h"

enum { JN_LOAD_PACKET = JN_RTP_HEADER + JN_EAR_PAYLOAD_MAX + JN_SRTP_TRAILER_MAX + 4 };
#define JN_LOAD_NOBODY UINT32_MAX

struct jn_talker {
    struct jn_addr to;
    uint32_t local, ssrc, ts, sent, limit, place, ticks; /* ticks: RTP time of a packet */
    uint16_t seq, moment;
    uint8_t pt, codec;
    bool on, sends, answers;
    struct jn_srtp *in, *out;
    uint8_t suite, key_in[JN_SRTP_KEY_MAX], key_out[JN_SRTP_KEY_MAX];
    struct jn_impair impair;
    struct jn_ear ear;
};
struct jn_moment {
    uint32_t *who, n, cap;
};
struct jn_load_media {
    struct jn_load_media_config c;
    struct jn_port *port;
    uint32_t ports;
    struct jn_talker *talker;
    struct jn_map by_peer;
    uint32_t *on_port, *alone; /* by local port: how many talkers, and one of them */
    uint32_t moments;          /* of one packet's time */
    struct jn_moment moment[JN_LOAD_PTIME_MAX * JN_LOAD_MOMENTS_MS];
    uint64_t slot;      /* the next of 125 us on the time line that is to be sent */
    uint64_t search_ns; /* not before then */
    const struct jn_srtp_ops *srtp;
    struct jn_srtp_bank *bank;
    struct jn_impair_hold *hold;
    struct jn_ear_room room, deaf; /* deaf: of those who only count packets */
    struct jn_load_media_counts counts;
    /* the burst that is being made */
    unsigned n;
    struct jn_pkt pkt[JN_PKT_BURST], *list[JN_PKT_BURST];
    struct jn_srtp *ctx[JN_PKT_BURST];
    uint8_t bytes[JN_PKT_BURST][JN_LOAD_PACKET];
};
static inline uint64_t jn_load_line(const struct jn_load_media *m, uint64_t mono_ns)
{
    return (uint64_t)((int64_t)mono_ns + m->c.line_ns);
}
/* media_tx.c */
int jn_load_media_join(struct jn_load_media *m, uint32_t i);
void jn_load_media_leave(struct jn_load_media *m, uint32_t i);
void jn_load_media_send(struct jn_load_media *m, uint64_t now_ns);

#endif
