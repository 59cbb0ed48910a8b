/* Answer: what we take of an offer (RFC 3264 6), and whether an answer fits our offer (7). */
#include "media/sdp/sdp.h"
#include <errno.h>
#include <string.h>

/* From the peer's side to ours. */
static uint8_t seen_from_us(uint8_t mode)
{
    return mode == JN_MODE_SENDONLY ? JN_MODE_RECVONLY : mode == JN_MODE_RECVONLY ? JN_MODE_SENDONLY : mode;
}

static bool may_send(uint8_t mode)
{
    return mode == JN_MODE_SENDRECV || mode == JN_MODE_SENDONLY;
}

static bool may_receive(uint8_t mode)
{
    return mode == JN_MODE_SENDRECV || mode == JN_MODE_RECVONLY;
}

/* What both allow. */
static uint8_t both(uint8_t a, uint8_t b)
{
    bool send = may_send(a) && may_send(b), receive = may_receive(a) && may_receive(b);
    return send ? (receive ? JN_MODE_SENDRECV : JN_MODE_SENDONLY) : receive ? JN_MODE_RECVONLY : JN_MODE_INACTIVE;
}

static void fill_remote(struct jn_leg_remote *r, const struct jn_sdp_stream *s, unsigned codec)
{
    struct jn_leg_remote made = {.rtp = s->rtp,
                                 .rtcp = s->rtcp,
                                 .codec = s->codec[codec],
                                 .rtp_pt = s->pt[codec],
                                 .dtmf_pt = s->dtmf_pt,
                                 .cn_pt = s->cn_pt,
                                 .ptime_ms = s->ptime_ms,
                                 .mode = seen_from_us(s->mode)};
    memcpy(made.key_out, r->key_out, sizeof made.key_out);
    *r = made;
}

/* A stream with a usable key, NULL if there is none. */
static const struct jn_sdp_stream *secure_stream(const struct jn_sdp *o)
{
    if (o->audio.savp && o->audio.cryptos != 0)
        return &o->audio;
    return o->has_alternative && o->alternative.savp && o->alternative.cryptos != 0 ? &o->alternative : NULL;
}

static const struct jn_sdp_stream *plain_stream(const struct jn_sdp *o)
{
    if (!o->audio.savp)
        return &o->audio;
    return o->has_alternative && !o->alternative.savp ? &o->alternative : NULL;
}

int jn_sdp_answer_to(struct jn_sdp_local *l, struct jn_leg_remote *r, const struct jn_sdp *offer, int srtp_mode,
                     struct jn_err *err)
{
    const struct jn_sdp_stream *secure = secure_stream(offer), *plain = plain_stream(offer), *s;
    if (srtp_mode == JN_SDP_SRTP_REQUIRED)
        s = secure;
    else if (srtp_mode == JN_SDP_SRTP_OFF)
        s = plain;
    else
        s = secure != NULL ? secure : plain;
    if (s == NULL && srtp_mode == JN_SDP_SRTP_REQUIRED)
        return jn_fail(err, -ENOTSUP, "SRTP is required here: the offer has no RTP/SAVP with a key that we can use");
    if (s == NULL)
        return jn_fail(err, -ENOTSUP,
                       srtp_mode == JN_SDP_SRTP_OFF ? "SRTP is off here: the offer has no RTP/AVP"
                                                    : "the offer's RTP/SAVP has no key that we can use");
    fill_remote(r, s, 0);
    l->codec[0] = s->codec[0];
    l->pt[0] = s->pt[0];
    l->codecs = 1;
    l->dtmf_pt = s->dtmf_pt;
    l->mode = r->mode;
    l->ptime_ms = s->ptime_ms;
    l->media_at = s->at;
    l->suite = JN_SUITE_NONE;
    l->crypto_tag = 0;
    if (s->savp) { /* the first that we know: the offerer ordered them (RFC 4568 5.1.2) */
        r->suite = l->suite = s->crypto[0].suite;
        l->crypto_tag = s->crypto[0].tag;
        memcpy(r->key_in, s->crypto[0].key, sizeof r->key_in);
    }
    return 0;
}

/* The answer's first codec that we offered, -1 if none. */
static int offered_codec(const struct jn_sdp_local *l, const struct jn_sdp_stream *s)
{
    for (unsigned i = 0; i < s->codecs; i++)
        for (unsigned k = 0; k < l->codecs; k++)
            if (s->codec[i] == l->codec[k])
                return (int)i;
    return -1;
}

int jn_sdp_accept(struct jn_leg_remote *r, const struct jn_sdp_local *l, const struct jn_sdp *answer,
                  struct jn_err *err)
{
    const struct jn_sdp_stream *s = &answer->audio;
    struct jn_leg_remote made = {0};
    if (s->at != 0)
        return jn_fail(err, -ENOTSUP, "the answer refuses our stream and adds another");
    if (s->savp != (l->suite != JN_SUITE_NONE))
        return jn_fail(err, -ENOTSUP, "the answer says %s, we offered %s", s->savp ? "RTP/SAVP" : "RTP/AVP",
                       s->savp ? "RTP/AVP" : "RTP/SAVP");
    int codec = offered_codec(l, s);
    if (codec < 0)
        return jn_fail(err, -ENOTSUP, "the answer has no codec that we offered");
    fill_remote(&made, s, (unsigned)codec);
    made.mode = both(made.mode, l->mode);
    if (l->dtmf_pt == 255)
        made.dtmf_pt = 255;
    if (s->savp) { /* exactly one, with our tag and suite (RFC 4568 5.1.3) */
        if (s->cryptos != 1 || s->crypto[0].tag != l->crypto_tag || s->crypto[0].suite != l->suite)
            return jn_fail(err, -ENOTSUP, "the answer does not take the key that we offered");
        made.suite = l->suite;
        memcpy(made.key_in, s->crypto[0].key, sizeof made.key_in);
        memcpy(made.key_out, l->key, sizeof made.key_out);
    }
    *r = made;
    return 0;
}
