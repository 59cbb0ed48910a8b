/* Sdp: the part of SDP (RFC 8866) and offer/answer (RFC 3264) that one audio stream needs, with SDES keys (RFC 4568) or
 * with keys by DTLS and addresses by ICE, as browsers have them (RFC 5763, 8839, 8842, 8843). */
#ifndef JN_MEDIA_SDP_H
#define JN_MEDIA_SDP_H

#include "engine/base/err.h"
#include "media/stream/order.h"
#include <stddef.h>

enum { JN_SDP_OFFERS = 2, JN_SDP_CODECS = 16, JN_SDP_CRYPTOS = 8, JN_SDP_MAX = 8192, JN_SDP_MEDIA_MAX = 8 };
enum { JN_SDP_MID_MAX = 16, JN_SDP_UFRAG_MAX = 32 };

struct jn_sdp_crypto {
    uint32_t tag;
    uint8_t suite; /* enum jn_srtp_suite; unknown suites are skipped */
    uint8_t key[JN_SRTP_KEY_MAX];
};
enum jn_sdp_setup { JN_SETUP_NONE, JN_SETUP_ACTPASS, JN_SETUP_ACTIVE, JN_SETUP_PASSIVE, JN_SETUP_HOLDCONN };
/* What a description says of DTLS and ICE, of the stream or of the session. ufrag empty: none. fingerprint: SHA-256,
 * the only hash that we take. bundled: the mid is in the session's BUNDLE group. */
struct jn_sdp_dtls {
    char ufrag[JN_SDP_UFRAG_MAX + 1], mid[JN_SDP_MID_MAX + 1];
    uint8_t fingerprint[JN_FINGERPRINT], setup;
    bool has_fingerprint, has_pwd, bundled;
};
/* One m=audio line over RTP.
 *   rtcp          a=rtcp (RFC 3605) or port + 1; equal to rtp when rtcp_mux
 *   pt, codec     codecs that we know, in the description's order
 *   dtmf_pt,cn_pt 255: none; dtmf48_pt: telephone events on a clock of 48000
 *   opus          what its fmtp asks of our encoder (RFC 7587 6.1): fec, dtx, bitrate (0: nothing said)
 *   mode          enum jn_leg_mode as the peer wrote it, from ITS side
 *   ptime_ms      10..60 in steps of 10; 20 when not given
 *   level_id      header extension in which it sends its level (RFC 6464), 0: it does not
 *   xr            extended reports that it asks for (RFC 3611 5.1), JN_XR_WANTS_*
 *   at            which m= line of the description it is
 *   savp          RTP/SAVP profile, or dtls
 *   dtls          UDP/TLS/RTP/SAVPF (feedback) or /SAVP: `by` says the rest, rtp and rtcp say nothing */
#define JN_SDP_STREAM_FIELDS                                                                                           \
    struct jn_addr rtp, rtcp;                                                                                          \
    uint8_t pt[JN_SDP_CODECS], codec[JN_SDP_CODECS];                                                                   \
    uint8_t codecs, dtmf_pt, dtmf48_pt, cn_pt, mode, ptime_ms, cryptos, at, xr, level_id;                              \
    struct jn_codec_profile opus;                                                                                      \
    struct jn_sdp_crypto crypto[JN_SDP_CRYPTOS];                                                                       \
    bool savp, rtcp_mux, dtls, feedback;                                                                               \
    struct jn_sdp_dtls by;
struct jn_sdp_stream {
    JN_SDP_STREAM_FIELDS
};
/* What a session description says: its first audio stream that has a port and a codec of ours (readable as `audio` and
 * as fields of its own), and, where the peer gives a choice of RTP/AVP and RTP/SAVP as two m= lines, the first one of
 * the other profile. */
struct jn_sdp {
    union {
        struct jn_sdp_stream audio;
        struct {
            JN_SDP_STREAM_FIELDS
        };
    };
    struct jn_sdp_stream alternative;
    bool has_alternative;
    uint64_t session_version;
    uint8_t media_count;                    /* m= lines in all: an answer repeats those that are not ours with port 0 */
    char other_media[JN_SDP_MEDIA_MAX][64]; /* the text of each m= line with port set to 0, formats cut to what fits */
};
/* text need not be terminated. 0; -EBADMSG for malformed text, -ENOTSUP when no audio stream or no codec of ours is in
 * it; reason in err. */
int jn_sdp_parse(struct jn_sdp *s, const char *text, size_t len, struct jn_err *err);

/* The codecs that may be used with a peer. in_order: where we choose, this order counts and not the offer's. cn:
 * comfort noise (RFC 3389) is offered and taken. inband: a peer without telephone events is listened to for tones.
 * opus: bounds for our encoder, and what we tell of ours. suite: the SRTP suites that SDES may choose, enum
 * jn_srtp_suite; an offer of ours names the first JN_SDP_OFFERS, so that an INVITE stays short enough for UDP. */
struct jn_sdp_codecs {
    uint8_t codec[JN_CODEC_N], n;
    uint8_t suite[JN_SUITE_N], suites;
    bool in_order, cn, inband;
    struct jn_codec_profile opus;
};
/* All of them, in the order of the offer, no comfort noise; of the suites all that encrypt. */
extern const struct jn_sdp_codecs jn_sdp_codecs_all;

/* Our own side of one stream. */
struct jn_sdp_local {
    struct jn_addr rtp; /* as the peer shall see it */
    uint64_t session_id, version;
    const struct jn_sdp_codecs *allowed; /* NULL: all */
    uint8_t codec[JN_CODEC_N], codecs;   /* offer: our order. answer: the one chosen first */
    uint8_t pt[JN_CODEC_N], dtmf_pt;     /* dtmf_pt: 255 none */
    uint8_t dtmf48_pt, cn_pt;            /* 0: none */
    uint8_t mode, ptime_ms, xr;          /* xr: what we ask for; in an answer only what the offer asks for too */
    uint8_t level_id;                    /* header extension in which we take the peer's level; 0: none */
    uint8_t suite; /* JN_SUITE_NONE: RTP/AVP. An offer that names several: they stand in `offered`, tags 1.. */
    uint8_t offered[JN_SDP_OFFERS], offers;
    uint8_t media_at; /* answer: the m= line that it takes, by jn_sdp_answer_to */
    uint32_t crypto_tag;
    uint8_t key[JN_SRTP_KEY_MAX];
    /* For DTLS and ICE. can_dtls: own, fingerprint (of certificate number `certificate`) and more (addresses beside
     * rtp) may be used. dtls: they are; setup, mid, bundled and feedback are chosen by jn_sdp_answer_to or with the
     * offer. */
    bool can_dtls, dtls, feedback, bundled;
    uint8_t setup, certificate, more_n;
    struct jn_ice_own own;
    char mid[JN_SDP_MID_MAX + 1];
    uint8_t fingerprint[JN_FINGERPRINT];
    struct jn_addr more[JN_SHARED_MORE];
};
/* Writes an offer, or with `to` an answer that follows it (RFC 3264 6). Length, or -ENOSPC. */
int jn_sdp_write(char *out, size_t size, const struct jn_sdp_local *l, const struct jn_sdp *to);
/* The key that an offer names for its suite number i (0..): all made of l->key, no two alike; one of them is used. */
void jn_sdp_offered_key(uint8_t out[JN_SRTP_KEY_MAX], const struct jn_sdp_local *l, unsigned i);
/* Fills offered, codec, codecs, pt and the payload types of events and comfort noise for an offer of all that
 * l->allowed has, `first` in front if it is one of them (RFC 3551's static types; 111 Opus, 101 and 110 events). */
void jn_sdp_offer_codecs(struct jn_sdp_local *l, uint8_t first);
/* What a leg wants of SRTP; the values are those of the directory's enum jn_srtp_mode. */
enum { JN_SDP_SRTP_OFF, JN_SDP_SRTP_OPTIONAL, JN_SDP_SRTP_REQUIRED, JN_SDP_SRTP_DTLS };
/* Chooses from an offer: codec, digits, suite under the leg's policy (required refuses plain, off refuses SAVP,
 * optional takes SAVP where there is a choice; DTLS is as good as SAVP where l->can_dtls, and dtls takes nothing else).
 * Fills codec, pt, dtmf_pt, suite, crypto_tag, media_at, mode and ptime of `l` and all of `r` but key_out. 0 or
 * -ENOTSUP with the reason. */
int jn_sdp_answer_to(struct jn_sdp_local *l, struct jn_leg_remote *r, const struct jn_sdp *offer, int srtp_mode,
                     struct jn_err *err);
/* Checks the answer to our offer `l`, fills r (key_out from l); of several suites that were offered l keeps the one
 * that was taken, with its tag and key. 0 or -ENOTSUP with the reason. */
int jn_sdp_accept(struct jn_leg_remote *r, struct jn_sdp_local *l, const struct jn_sdp *answer, struct jn_err *err);

#endif
