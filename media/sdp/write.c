/* Write: our own session description, as an offer or as an answer that follows one. */
#include "engine/base/str.h"
#include "media/codec/codec.h"
#include "media/sdp/text.h"
#include "media/srtp/srtp.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct out {
    char *p;
    size_t size, len;
    bool full;
};

static void put(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct out *o, const char *fmt, ...)
{
    va_list args;
    if (o->full)
        return;
    va_start(args, fmt);
    int n = vsnprintf(o->p + o->len, o->size - o->len, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= o->size - o->len)
        o->full = true;
    else
        o->len += (size_t)n;
}

static void crypto_line(struct out *o, uint32_t tag, uint8_t suite, const uint8_t *bytes)
{
    char key[4 * ((JN_SRTP_KEY_MAX + 2) / 3) + 1];
    jn_base64(key, bytes, jn_srtp_key_bytes((enum jn_srtp_suite)suite));
    put(o, "a=crypto:%u %s inline:%s\r\n", tag, jn_srtp_suite_name((enum jn_srtp_suite)suite), key);
    explicit_bzero(key, sizeof key);
}

static void crypto(struct out *o, const struct jn_sdp_local *l)
{
    uint8_t key[JN_SRTP_KEY_MAX];
    if (l->offers == 0)
        crypto_line(o, l->crypto_tag, l->suite, l->key);
    for (unsigned i = 0; i < l->offers; i++) {
        jn_sdp_offered_key(key, l, i);
        crypto_line(o, i + 1, l->offered[i], key);
    }
    explicit_bzero(key, sizeof key);
}

/* RFC 7587 6.1. Our decoder uses redundancy where it is sent; the rate is bounded so that 60 ms fit into a frame. */
static void opus_format(struct out *o, const struct jn_sdp_local *l, unsigned pt)
{
    const struct jn_codec_profile *p = &(l->allowed != NULL ? l->allowed : &jn_sdp_codecs_all)->opus;
    put(o, "a=fmtp:%u minptime=10;useinbandfec=1", pt);
    if (p->dtx)
        put(o, ";usedtx=1");
    put(o, ";maxaveragebitrate=%u\r\n", p->bitrate);
}

static void formats(struct out *o, const struct jn_sdp_local *l)
{
    for (unsigned i = 0; i < l->codecs; i++) {
        const struct jn_codec_ops *c = jn_codec(l->codec[i]);
        put(o, "a=rtpmap:%u %s/%u%s\r\n", l->pt[i], c->name, c->clock, l->codec[i] == JN_CODEC_OPUS ? "/2" : "");
        if (l->codec[i] == JN_CODEC_OPUS)
            opus_format(o, l, l->pt[i]);
    }
    if (l->cn_pt != 0)
        put(o, "a=rtpmap:%u CN/8000\r\n", l->cn_pt);
    if (l->dtmf_pt != 255)
        put(o, "a=rtpmap:%u telephone-event/8000\r\na=fmtp:%u 0-15\r\n", l->dtmf_pt, l->dtmf_pt);
    if (l->dtmf48_pt != 0)
        put(o, "a=rtpmap:%u telephone-event/48000\r\na=fmtp:%u 0-15\r\n", l->dtmf48_pt, l->dtmf48_pt);
}

static void lines(struct out *o, int (*of)(char *, size_t, const struct jn_sdp_local *), const struct jn_sdp_local *l)
{
    int n = o->full ? -ENOSPC : of(o->p + o->len, o->size - o->len, l);
    o->full = n < 0;
    o->len += n < 0 ? 0 : (size_t)n;
}

static void audio(struct out *o, const struct jn_sdp_local *l, bool rtcp_mux)
{
    static const char *const modes[] = {[JN_MODE_SENDRECV] = "sendrecv",
                                        [JN_MODE_SENDONLY] = "sendonly",
                                        [JN_MODE_RECVONLY] = "recvonly",
                                        [JN_MODE_INACTIVE] = "inactive"};
    put(o, "m=audio %u %s", l->rtp.port,
        l->dtls                     ? l->feedback ? "UDP/TLS/RTP/SAVPF" : "UDP/TLS/RTP/SAVP"
        : l->suite != JN_SUITE_NONE ? "RTP/SAVP"
                                    : "RTP/AVP");
    for (unsigned i = 0; i < l->codecs; i++)
        put(o, " %u", l->pt[i]);
    if (l->cn_pt != 0)
        put(o, " %u", l->cn_pt);
    if (l->dtmf_pt != 255)
        put(o, " %u", l->dtmf_pt);
    if (l->dtmf48_pt != 0)
        put(o, " %u", l->dtmf48_pt);
    put(o, "\r\n");
    formats(o, l);
    if (l->dtls)
        lines(o, jn_sdp_dtls_stream_lines, l);
    else if (l->suite != JN_SUITE_NONE)
        crypto(o, l);
    if (rtcp_mux || l->dtls)
        put(o, "a=rtcp-mux\r\n");
    if (l->xr)
        put(o, "a=rtcp-xr:%s%s%s\r\n", l->xr & JN_XR_WANTS_RTT ? "rcvr-rtt=all" : "",
            l->xr == (JN_XR_WANTS_RTT | JN_XR_WANTS_VOIP) ? " " : "", l->xr & JN_XR_WANTS_VOIP ? "voip-metrics" : "");
    if (l->level_id) /* ours are not sent */
        put(o, "a=extmap:%u/recvonly urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n", l->level_id);
    put(o, "a=ptime:%u\r\na=maxptime:60\r\na=%s\r\n", l->ptime_ms, modes[l->mode & 3]);
}

int jn_sdp_write(char *out, size_t size, const struct jn_sdp_local *l, const struct jn_sdp *to)
{
    struct out o = {.p = out, .size = size};
    char ip[JN_ADDR_TEXT_MAX];
    int family = l->rtp.family == JN_ADDR_V6 ? 6 : 4;
    jn_addr_ip_text(&l->rtp, ip);
    put(&o, "v=0\r\no=junctor %llu %llu IN IP%d %s\r\ns=-\r\nc=IN IP%d %s\r\nt=0 0\r\n",
        (unsigned long long)l->session_id, (unsigned long long)l->version, family, ip, family, ip);
    if (l->dtls)
        lines(&o, jn_sdp_dtls_session_lines, l);
    if (to == NULL)
        audio(&o, l, false);
    for (unsigned i = 0; to != NULL && i < to->media_count; i++) {
        const struct jn_sdp_stream *s = i == to->audio.at ? &to->audio : &to->alternative;
        if (i == l->media_at)
            audio(&o, l, s->rtcp_mux);
        else
            put(&o, "%s\r\n", to->other_media[i]);
    }
    return o.full ? -ENOSPC : (int)o.len;
}
