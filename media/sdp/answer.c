/* Answer: what we take of an offer (RFC 3264 6), and whether an answer fits our offer (7). */
#include "media/codec/codec.h"
#include "media/sdp/text.h"
#include <errno.h>
#include <limits.h>
#include <string.h>

enum { NONE = 255 };

const struct jn_sdp_codecs jn_sdp_codecs_all = {
    .codec = {JN_CODEC_PCMU, JN_CODEC_PCMA, JN_CODEC_G722, JN_CODEC_OPUS},
    .n = JN_CODEC_N,
    .suite = {JN_SUITE_AES128_SHA80, JN_SUITE_GCM128, JN_SUITE_GCM256, JN_SUITE_AES256_SHA80, JN_SUITE_AES192_SHA80,
              JN_SUITE_AES128_SHA32, JN_SUITE_AES256_SHA32, JN_SUITE_AES192_SHA32},
    .suites = 8,
    .inband = true,
    .opus = {.bitrate = 32000, .complexity = 5, .loss_percent = 5, .fec = true}};

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

/* Events go on the clock of the sound beside them (RFC 4733 2.1); a peer that has only the other clock's is heard all
 * the same. */
static uint8_t events_pt(const struct jn_sdp_stream *s, uint8_t codec)
{
    uint8_t own = codec == JN_CODEC_OPUS ? s->dtmf48_pt : s->dtmf_pt;
    return own != NONE ? own : codec == JN_CODEC_OPUS ? s->dtmf_pt : s->dtmf48_pt;
}

/* Opus has frames of 10, 20, 40 and 60 ms. */
static uint8_t packet_ms(const struct jn_sdp_stream *s, uint8_t codec)
{
    if (codec != JN_CODEC_OPUS)
        return s->ptime_ms;
    return s->ptime_ms < JN_PERIOD_MS ? s->ptime_ms : (uint8_t)(s->ptime_ms / JN_PERIOD_MS * JN_PERIOD_MS);
}

/* Ours, as far as the peer wants it (RFC 7587 6.1): its decoder's use of redundancy and its bound of the rate. */
static struct jn_codec_profile profile(const struct jn_sdp_stream *s, uint8_t codec,
                                       const struct jn_sdp_codecs *allowed)
{
    struct jn_codec_profile p = {0};
    if (codec != JN_CODEC_OPUS)
        return p;
    p = allowed->opus;
    p.fec &= s->opus.fec;
    p.dtx |= s->opus.dtx;
    if (s->opus.bitrate != 0 && s->opus.bitrate < p.bitrate)
        p.bitrate = s->opus.bitrate;
    return p;
}

static void fill_remote(struct jn_leg_remote *r, const struct jn_sdp_stream *s, unsigned codec,
                        const struct jn_sdp_codecs *allowed)
{
    struct jn_leg_remote made = {.rtp = s->rtp,
                                 .rtcp = s->rtcp,
                                 .codec = s->codec[codec],
                                 .rtp_pt = s->pt[codec],
                                 .dtmf_pt = events_pt(s, s->codec[codec]),
                                 .cn_pt = s->cn_pt,
                                 .comfort = allowed->cn && s->cn_pt != NONE,
                                 .ptime_ms = packet_ms(s, s->codec[codec]),
                                 .profile = profile(s, s->codec[codec], allowed),
                                 .xr = s->xr,
                                 .level_id = s->level_id,
                                 .inband = allowed->inband && events_pt(s, s->codec[codec]) == NONE,
                                 .mode = seen_from_us(s->mode)};
    memcpy(made.key_out, r->key_out, sizeof made.key_out);
    *r = made;
}

/* The first key of the offer whose suite is allowed (the offerer ordered them, RFC 4568 5.1.2); NULL if there is none.
 */
static const struct jn_sdp_crypto *choose_crypto(const struct jn_sdp_local *l, const struct jn_sdp_stream *s)
{
    const struct jn_sdp_codecs *allowed = l->allowed != NULL ? l->allowed : &jn_sdp_codecs_all;
    for (unsigned i = 0; i < s->cryptos; i++)
        if (memchr(allowed->suite, s->crypto[i].suite, allowed->suites) != NULL)
            return &s->crypto[i];
    return NULL;
}

/* A stream with a usable key, NULL if there is none. */
static const struct jn_sdp_stream *secure_stream(const struct jn_sdp_local *l, const struct jn_sdp *o, int srtp_mode)
{
    const struct jn_sdp_stream *s = o->audio.savp ? &o->audio : o->has_alternative ? &o->alternative : NULL;
    if (s == NULL || (srtp_mode == JN_SDP_SRTP_DTLS && !s->dtls))
        return NULL;
    return (s->dtls ? jn_sdp_dtls_unfit(l, s) == NULL : choose_crypto(l, s) != NULL) ? s : NULL;
}

static const struct jn_sdp_stream *plain_stream(const struct jn_sdp *o)
{
    if (!o->audio.savp)
        return &o->audio;
    return o->has_alternative && !o->alternative.savp ? &o->alternative : NULL;
}

/* The first of the offer that is allowed, or the first allowed one that it has; -1 if there is none. */
static int choose_codec(const struct jn_sdp_stream *s, const struct jn_sdp_codecs *allowed)
{
    int best = -1;
    unsigned best_rank = UINT_MAX;
    for (unsigned i = 0; i < s->codecs; i++)
        for (unsigned k = 0; k < allowed->n; k++) {
            unsigned rank = allowed->in_order ? k : i;
            if (s->codec[i] == allowed->codec[k] && rank < best_rank) {
                best = (int)i;
                best_rank = rank;
            }
        }
    return best;
}

static void local_events(struct jn_sdp_local *l, const struct jn_leg_remote *r, const struct jn_sdp_stream *s)
{
    bool at48 = r->dtmf_pt != NONE && r->dtmf_pt == s->dtmf48_pt;
    l->dtmf_pt = at48 ? NONE : r->dtmf_pt;
    l->dtmf48_pt = at48 ? r->dtmf_pt : 0;
}

void jn_sdp_offer_codecs(struct jn_sdp_local *l, uint8_t first)
{
    static const uint8_t types[JN_CODEC_N] = {
        [JN_CODEC_PCMU] = 0, [JN_CODEC_PCMA] = 8, [JN_CODEC_G722] = 9, [JN_CODEC_OPUS] = 111};
    const struct jn_sdp_codecs *allowed = l->allowed != NULL ? l->allowed : &jn_sdp_codecs_all;
    bool at8 = false, at48 = false;
    l->offers = allowed->suites < JN_SDP_OFFERS ? allowed->suites : JN_SDP_OFFERS;
    memcpy(l->offered, allowed->suite, sizeof l->offered);
    l->codecs = 0;
    for (int pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < allowed->n; i++) {
            uint8_t codec = allowed->codec[i];
            if ((codec == first) != (pass == 0))
                continue;
            l->codec[l->codecs] = codec;
            l->pt[l->codecs++] = types[codec];
            at48 |= codec == JN_CODEC_OPUS;
            at8 |= codec != JN_CODEC_OPUS;
        }
    l->dtmf_pt = at8 ? 101 : NONE;
    l->dtmf48_pt = at48 ? 110 : 0;
    l->cn_pt = allowed->cn && at8 ? 13 : 0;
    l->xr = JN_XR_WANTS_RTT | JN_XR_WANTS_VOIP;
    l->level_id = 0;
}

int jn_sdp_answer_to(struct jn_sdp_local *l, struct jn_leg_remote *r, const struct jn_sdp *offer, int srtp_mode,
                     struct jn_err *err)
{
    const struct jn_sdp_stream *secure = secure_stream(l, offer, srtp_mode), *plain = plain_stream(offer), *s;
    if (srtp_mode >= JN_SDP_SRTP_REQUIRED)
        s = secure;
    else if (srtp_mode == JN_SDP_SRTP_OFF)
        s = plain;
    else
        s = secure != NULL ? secure : plain;
    if (s == NULL && offer->audio.dtls && srtp_mode != JN_SDP_SRTP_OFF)
        return jn_fail(err, -ENOTSUP, "the offer's UDP/TLS/RTP/SAVPF cannot be used: %s",
                       jn_sdp_dtls_unfit(l, &offer->audio));
    if (s == NULL && srtp_mode == JN_SDP_SRTP_DTLS)
        return jn_fail(err, -ENOTSUP, "DTLS-SRTP is required here: the offer has no UDP/TLS/RTP/SAVPF");
    if (s == NULL && srtp_mode == JN_SDP_SRTP_REQUIRED)
        return jn_fail(err, -ENOTSUP, "SRTP is required here: the offer has no RTP/SAVP with a key that we can use");
    if (s == NULL)
        return jn_fail(err, -ENOTSUP,
                       srtp_mode == JN_SDP_SRTP_OFF ? "SRTP is off here: the offer has no RTP/AVP"
                                                    : "the offer's RTP/SAVP has no key that we can use");
    const struct jn_sdp_codecs *allowed = l->allowed != NULL ? l->allowed : &jn_sdp_codecs_all;
    int codec = choose_codec(s, allowed);
    if (codec < 0)
        return jn_fail(err, -ENOTSUP, "the offer has no codec that is allowed here");
    fill_remote(r, s, (unsigned)codec, allowed);
    l->codec[0] = r->codec;
    l->pt[0] = r->rtp_pt;
    l->codecs = 1;
    local_events(l, r, s);
    l->cn_pt = allowed->cn && r->codec != JN_CODEC_OPUS && s->cn_pt != NONE ? s->cn_pt : 0;
    l->mode = r->mode;
    l->ptime_ms = r->ptime_ms;
    l->xr = r->xr;
    l->level_id = r->level_id;
    l->media_at = s->at;
    l->suite = JN_SUITE_NONE;
    l->crypto_tag = 0;
    l->offers = 0;
    l->dtls = s->dtls;
    if (s->dtls) {
        jn_sdp_dtls_answer(l, r, s);
    } else if (s->savp) {
        const struct jn_sdp_crypto *c = choose_crypto(l, s);
        r->suite = l->suite = c->suite;
        l->crypto_tag = c->tag;
        memcpy(r->key_in, c->key, sizeof r->key_in);
    }
    return 0;
}

void jn_sdp_offered_key(uint8_t out[JN_SRTP_KEY_MAX], const struct jn_sdp_local *l, unsigned i)
{
    for (unsigned k = 0; k < JN_SRTP_KEY_MAX; k++)
        out[k] = l->key[(k + 11 * i) % JN_SRTP_KEY_MAX];
}

/* Exactly one key, with a tag and suite of ours (RFC 4568 5.1.3). */
static bool took_key(struct jn_sdp_local *l, const struct jn_sdp_stream *s)
{
    uint8_t key[JN_SRTP_KEY_MAX];
    const struct jn_sdp_crypto *c = &s->crypto[0];
    if (s->cryptos != 1)
        return false;
    if (l->offers == 0)
        return c->tag == l->crypto_tag && c->suite == l->suite;
    if (c->tag == 0 || c->tag > l->offers || c->suite != l->offered[c->tag - 1])
        return false;
    jn_sdp_offered_key(key, l, c->tag - 1);
    memcpy(l->key, key, sizeof l->key);
    explicit_bzero(key, sizeof key);
    l->suite = c->suite;
    l->crypto_tag = c->tag;
    l->offers = 0;
    return true;
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

int jn_sdp_accept(struct jn_leg_remote *r, struct jn_sdp_local *l, const struct jn_sdp *answer, struct jn_err *err)
{
    const struct jn_sdp_stream *s = &answer->audio;
    struct jn_leg_remote made = {0};
    if (s->at != 0)
        return jn_fail(err, -ENOTSUP, "the answer refuses our stream and adds another");
    if (s->dtls != l->dtls)
        return jn_fail(err, -ENOTSUP, "the answer %s DTLS, our offer %s", s->dtls ? "is of" : "is without",
                       l->dtls ? "was of it" : "was without");
    if (!s->dtls && s->savp != (l->suite != JN_SUITE_NONE))
        return jn_fail(err, -ENOTSUP, "the answer says %s, we offered %s", s->savp ? "RTP/SAVP" : "RTP/AVP",
                       s->savp ? "RTP/AVP" : "RTP/SAVP");
    int codec = offered_codec(l, s);
    if (codec < 0)
        return jn_fail(err, -ENOTSUP, "the answer has no codec that we offered");
    fill_remote(&made, s, (unsigned)codec, l->allowed != NULL ? l->allowed : &jn_sdp_codecs_all);
    made.mode = both(made.mode, l->mode);
    made.xr &= l->xr;
    if (made.level_id != l->level_id)
        made.level_id = 0;
    if (l->dtmf_pt == NONE && l->dtmf48_pt == 0)
        made.dtmf_pt = NONE;
    const char *unfit = s->dtls ? jn_sdp_dtls_accept(&made, l, s) : NULL;
    if (unfit)
        return jn_fail(err, -ENOTSUP, "the answer's UDP/TLS/RTP/SAVPF cannot be used: %s", unfit);
    if (s->savp && !s->dtls) {
        if (!took_key(l, s))
            return jn_fail(err, -ENOTSUP, "the answer does not take the key that we offered");
        made.suite = l->suite;
        memcpy(made.key_in, s->crypto[0].key, sizeof made.key_in);
        memcpy(made.key_out, l->key, sizeof made.key_out);
    }
    *r = made;
    return 0;
}
