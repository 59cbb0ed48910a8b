/* Write: our own session description, as an offer or as an answer that follows one. */
#include "engine/base/str.h"
#include "media/codec/codec.h"
#include "media/sdp/sdp.h"
#include "media/srtp/srtp.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

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

static void crypto(struct out *o, const struct jn_sdp_local *l)
{
    char key[4 * ((JN_SRTP_KEY_MAX + 2) / 3) + 1];
    jn_base64(key, l->key, jn_srtp_key_bytes((enum jn_srtp_suite)l->suite));
    put(o, "a=crypto:%u %s inline:%s\r\n", l->crypto_tag, jn_srtp_suite_name((enum jn_srtp_suite)l->suite), key);
}

static void audio(struct out *o, const struct jn_sdp_local *l, bool rtcp_mux)
{
    static const char *const modes[] = {[JN_MODE_SENDRECV] = "sendrecv",
                                        [JN_MODE_SENDONLY] = "sendonly",
                                        [JN_MODE_RECVONLY] = "recvonly",
                                        [JN_MODE_INACTIVE] = "inactive"};
    put(o, "m=audio %u %s", l->rtp.port, l->suite != JN_SUITE_NONE ? "RTP/SAVP" : "RTP/AVP");
    for (unsigned i = 0; i < l->codecs; i++)
        put(o, " %u", l->pt[i]);
    if (l->dtmf_pt != 255)
        put(o, " %u", l->dtmf_pt);
    put(o, "\r\n");
    for (unsigned i = 0; i < l->codecs; i++)
        put(o, "a=rtpmap:%u %s/8000\r\n", l->pt[i], jn_codec(l->codec[i] < JN_CODEC_N ? l->codec[i] : 0)->name);
    if (l->dtmf_pt != 255)
        put(o, "a=rtpmap:%u telephone-event/8000\r\na=fmtp:%u 0-15\r\n", l->dtmf_pt, l->dtmf_pt);
    if (l->suite != JN_SUITE_NONE)
        crypto(o, l);
    if (rtcp_mux)
        put(o, "a=rtcp-mux\r\n");
    put(o, "a=ptime:%u\r\na=%s\r\n", l->ptime_ms, modes[l->mode & 3]);
}

int jn_sdp_write(char *out, size_t size, const struct jn_sdp_local *l, const struct jn_sdp *to)
{
    struct out o = {.p = out, .size = size};
    char ip[JN_ADDR_TEXT_MAX];
    int family = l->rtp.family == JN_ADDR_V6 ? 6 : 4;
    jn_addr_ip_text(&l->rtp, ip);
    put(&o, "v=0\r\no=junctor %llu %llu IN IP%d %s\r\ns=-\r\nc=IN IP%d %s\r\nt=0 0\r\n",
        (unsigned long long)l->session_id, (unsigned long long)l->version, family, ip, family, ip);
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
