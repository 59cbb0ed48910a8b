/* Attribute: the a= lines that one audio stream needs. */
#include "engine/base/str.h"
#include "media/sdp/text.h"
#include "media/srtp/srtp.h"
#include <errno.h>
#include <string.h>

bool jn_sdp_direction(struct span line, uint8_t *mode)
{
    static const char *const names[] = {[JN_MODE_SENDRECV] = "sendrecv",
                                        [JN_MODE_SENDONLY] = "sendonly",
                                        [JN_MODE_RECVONLY] = "recvonly",
                                        [JN_MODE_INACTIVE] = "inactive"};
    for (uint8_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (jn_span_is(line, names[i])) {
            *mode = i;
            return true;
        }
    return false;
}

/* Opus always says two channels (RFC 7587 7). G.722 says 8000 though it has 16,000 samples a second. */
static const struct {
    const char *name;
    uint32_t clock;
    uint8_t channels, means;
} encodings[] = {{"PCMU", 8000, 1, JN_CODEC_PCMU},
                 {"PCMA", 8000, 1, JN_CODEC_PCMA},
                 {"G722", 8000, 1, JN_CODEC_G722},
                 {"opus", 48000, 2, JN_CODEC_OPUS},
                 {"telephone-event", 8000, 1, JN_MEANS_DTMF},
                 {"telephone-event", 48000, 1, JN_MEANS_DTMF48},
                 {"CN", 8000, 1, JN_MEANS_CN}};

/* RFC 8866 6.6: <payload type> <encoding>/<clock rate>[/<channels>] */
static int rtpmap(struct jn_sdp_section *m, struct span line)
{
    uint64_t pt, rate, channels = 1;
    if (!jn_span_number(jn_span_cut(&line, ' '), 127, &pt))
        return -EBADMSG;
    struct span name = jn_span_cut(&line, '/'), clock = jn_span_cut(&line, '/');
    if (name.n == 0 || !jn_span_number(clock, UINT32_MAX, &rate))
        return -EBADMSG;
    if (line.n != 0 && !jn_span_number(line, 255, &channels))
        channels = 0;
    m->meaning[pt] = JN_MEANS_NOTHING;
    for (size_t i = 0; i < sizeof encodings / sizeof encodings[0]; i++)
        if (rate == encodings[i].clock && channels == encodings[i].channels &&
            jn_span_is_nocase(name, encodings[i].name))
            m->meaning[pt] = encodings[i].means;
    return 0;
}

/* RFC 7587 6.1: what the peer wants of our encoder: <payload type> <name>=<value>;... Other formats' parameters have
 * other names and say nothing here; what is no number is as good as not said. */
static int fmtp(struct jn_sdp_section *m, struct span line)
{
    uint64_t pt, v;
    if (!jn_span_number(jn_span_cut(&line, ' '), 127, &pt))
        return -EBADMSG;
    while (line.n != 0) {
        struct span value = jn_span_cut(&line, ';');
        while (value.n != 0 && value.p[0] == ' ')
            jn_span_cut(&value, ' ');
        struct span name = jn_span_cut(&value, '=');
        if (!jn_span_number(value, 510000, &v))
            continue;
        if (jn_span_is_nocase(name, "useinbandfec"))
            m->format[pt].fec = v == 1;
        else if (jn_span_is_nocase(name, "usedtx"))
            m->format[pt].dtx = v == 1;
        else if (jn_span_is_nocase(name, "maxaveragebitrate") && v >= 6000)
            m->format[pt].bitrate = (uint32_t)v;
    }
    return 0;
}

/* RFC 3605 2.1: <port> [IN IP4 <address>] */
static int rtcp(struct jn_sdp_section *m, struct span line)
{
    uint64_t port;
    if (!jn_span_number(jn_span_cut(&line, ' '), 65535, &port))
        return -EBADMSG;
    m->rtcp_port = (uint16_t)port;
    if (line.n != 0)
        jn_span_address(line, &m->rtcp_address);
    return 0;
}

/* "20" or "20.5": whole milliseconds. */
static bool milliseconds(struct span s, uint64_t *ms)
{
    return jn_span_number(jn_span_cut(&s, '.'), 10000, ms);
}

/* RFC 4568 6.3: we understand WSH (a hint); others change what is protected, unless marked with '-' as optional. */
static bool session_parameters_fit(struct span rest)
{
    while (rest.n != 0) {
        struct span p = jn_span_cut(&rest, ' ');
        if (p.n != 0 && p.p[0] != '-' && !jn_span_skip(&p, "WSH="))
            return false;
    }
    return true;
}

/* inline:<key and salt>["|" lifetime]["|" MKI ":" length]. A lifetime needs nothing from us (we never send 2^48
 * packets on a key, and a re-INVITE brings another); with an MKI every packet would carry one: not taken. */
static bool inline_key(struct span method, unsigned bytes, uint8_t *key)
{
    if (!jn_span_skip(&method, "inline:") || memchr(method.p, ';', method.n) != NULL)
        return false;
    struct span text = jn_span_cut(&method, '|');
    if (memchr(method.p, ':', method.n) != NULL)
        return false;
    return text.n == (bytes + 2) / 3 * 4 && jn_unbase64(key, bytes, text.p, text.n) == (int)bytes;
}

/* RFC 4568 9.1: <tag> <suite> <key method>:<key info> [<session parameters>]. What we cannot do is skipped: the offerer
 * listed it as one choice of several. */
static int crypto(struct jn_sdp_section *m, struct span line)
{
    struct jn_sdp_stream *s = &m->stream;
    uint64_t tag;
    if (!jn_span_number(jn_span_cut(&line, ' '), 999999999, &tag))
        return -EBADMSG;
    struct span name = jn_span_cut(&line, ' '), method = jn_span_cut(&line, ' ');
    if (name.n == 0 || method.n == 0)
        return -EBADMSG;
    if (s->cryptos == JN_SDP_CRYPTOS || !session_parameters_fit(line))
        return 0;
    struct jn_sdp_crypto *c = &s->crypto[s->cryptos];
    for (uint8_t suite = JN_SUITE_NONE + 1; suite < JN_SUITE_N; suite++) {
        if (!jn_span_is(name, jn_srtp_suite_name(suite)) || !inline_key(method, jn_srtp_key_bytes(suite), c->key))
            continue;
        c->suite = suite;
        c->tag = (uint32_t)tag;
        s->cryptos++;
        break;
    }
    return 0;
}

/* RFC 3611 5.1: formats between spaces; the others are not ours to send. rcvr-rtt: a mode and perhaps a size, which our
 * one block always fits. */
bool jn_sdp_extended(struct span line, uint8_t *xr)
{
    if (!jn_span_skip(&line, "rtcp-xr:"))
        return false;
    while (line.n != 0) {
        struct span f = jn_span_cut(&line, ' ');
        if (jn_span_is(f, "rcvr-rtt") || jn_span_skip(&f, "rcvr-rtt="))
            *xr |= JN_XR_WANTS_RTT;
        else if (jn_span_is(f, "voip-metrics"))
            *xr |= JN_XR_WANTS_VOIP;
    }
    return true;
}

/* RFC 8285 8: <id>["/"<direction>] <URI> [<attributes>]. Ids of one byte end at 14; 15 is nobody's, and what is above
 * 255 is a choice that we do not take. Encrypted ones (RFC 6904) have another URI in this place and are left alone. */
bool jn_sdp_extmap(struct span line, uint8_t *level_id)
{
    uint64_t id;
    if (!jn_span_skip(&line, "extmap:"))
        return false;
    struct span direction = jn_span_cut(&line, ' '), number = jn_span_cut(&direction, '/'),
                uri = jn_span_cut(&line, ' ');
    if (!jn_span_number(number, 255, &id) || id == 0 || id == 15 ||
        !jn_span_is(uri, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"))
        return true;
    *level_id =
        direction.n == 0 || jn_span_is(direction, "sendrecv") || jn_span_is(direction, "sendonly") ? (uint8_t)id : 0;
    return true;
}

int jn_sdp_attribute(struct jn_sdp_section *m, struct span line)
{
    uint64_t ms;
    int rc = 0;
    if (jn_sdp_direction(line, &m->stream.mode) || jn_sdp_extended(line, &m->stream.xr) ||
        jn_sdp_extmap(line, &m->stream.level_id) || jn_sdp_dtls_attribute(&m->stream.by, line, &rc))
        return rc;
    if (jn_span_skip(&line, "rtpmap:"))
        return rtpmap(m, line);
    if (jn_span_skip(&line, "fmtp:"))
        return fmtp(m, line);
    if (jn_span_skip(&line, "crypto:"))
        return crypto(m, line);
    if (jn_span_is(line, "rtcp-mux"))
        m->stream.rtcp_mux = true;
    else if (jn_span_skip(&line, "rtcp:"))
        return rtcp(m, line);
    else if (jn_span_skip(&line, "ptime:") && milliseconds(line, &ms))
        m->stream.ptime_ms = ms >= 10 && ms <= 60 ? (uint8_t)(ms / 10 * 10) : 20;
    else if (jn_span_skip(&line, "maxptime:") && milliseconds(line, &ms))
        m->max_ptime_ms = (uint16_t)ms;
    return 0;
}
