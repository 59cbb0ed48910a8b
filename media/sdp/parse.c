/* Parse: lines of a session description (RFC 8866 5), and which audio stream is ours. Bytes are the peer's: nothing is
 * believed about lengths. */
#include "engine/base/str.h"
#include "media/sdp/text.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { NONE = 255 };

struct parser {
    struct jn_sdp *s;
    struct jn_err *err;
    struct jn_sdp_section media;
    struct jn_addr address; /* of the session */
    uint8_t mode, xr, level_id;
    struct jn_sdp_dtls dtls; /* of the session */
    struct span group;
    unsigned line;
    bool in_media, origin, found;
};

static int malformed(const struct parser *p, const char *what)
{
    return jn_fail(p->err, -EBADMSG, "SDP line %u: %s", p->line, what);
}

static bool has_opus(const struct jn_sdp_stream *s)
{
    return memchr(s->codec, JN_CODEC_OPUS, s->codecs) != NULL;
}

/* The lists that the answer needs, in the order of the m= line. */
static void sort_formats(struct jn_sdp_section *m)
{
    struct jn_sdp_stream *s = &m->stream;
    s->dtmf_pt = s->dtmf48_pt = s->cn_pt = NONE;
    for (unsigned i = 0; i < m->formats; i++) {
        uint8_t pt = m->order[i], means = m->meaning[pt];
        if (means == JN_MEANS_DTMF && s->dtmf_pt == NONE)
            s->dtmf_pt = pt;
        else if (means == JN_MEANS_DTMF48 && s->dtmf48_pt == NONE)
            s->dtmf48_pt = pt;
        else if (means == JN_MEANS_CN && s->cn_pt == NONE)
            s->cn_pt = pt;
        else if (means < JN_CODEC_N && s->codecs < JN_SDP_CODECS) {
            if (means == JN_CODEC_OPUS && !has_opus(s))
                s->opus = m->format[pt];
            s->pt[s->codecs] = pt;
            s->codec[s->codecs++] = means;
        }
    }
}

static void addresses(struct jn_sdp_section *m)
{
    struct jn_sdp_stream *s = &m->stream;
    static const uint8_t zero[16];
    s->rtp = m->address;
    s->rtp.port = m->port;
    s->rtcp = m->rtcp_address.family != JN_ADDR_NONE ? m->rtcp_address : m->address;
    s->rtcp.port = m->rtcp_port != 0 ? m->rtcp_port : (uint16_t)(m->port + 1);
    if (s->rtcp_mux)
        s->rtcp = s->rtp;
    if (s->dtls) { /* ICE finds the address; 0.0.0.0 is no hold */
        s->rtp = s->rtcp = (struct jn_addr){0};
        return;
    }
    /* hold as RFC 2543 wrote it: nowhere to send to */
    if (memcmp(s->rtp.ip, zero, sizeof zero) == 0)
        s->mode = s->mode == JN_MODE_SENDRECV || s->mode == JN_MODE_SENDONLY ? JN_MODE_SENDONLY : JN_MODE_INACTIVE;
}

/* The section is complete: keep it if it is the first, or the first of the other profile. */
static void end_section(struct parser *p)
{
    struct jn_sdp_section *m = &p->media;
    if (!p->in_media || !m->audio || m->port == 0)
        return;
    sort_formats(m);
    if (m->max_ptime_ms >= 10 && m->stream.ptime_ms > m->max_ptime_ms)
        m->stream.ptime_ms = (uint8_t)(m->max_ptime_ms / 10 * 10);
    if (m->address.family == JN_ADDR_NONE)
        m->address = p->address;
    if (m->stream.codecs == 0 || m->address.family == JN_ADDR_NONE)
        return;
    addresses(m);
    jn_sdp_dtls_inherit(&m->stream.by, &p->dtls, p->group);
    if (!p->found) {
        p->s->audio = m->stream;
        p->found = true;
    } else if (!p->s->has_alternative && m->stream.savp != p->s->audio.savp) {
        p->s->alternative = m->stream;
        p->s->has_alternative = true;
    }
}

/* Keeps "m=<kind> 0 <transport> <formats>" for an answer that refuses the stream: at least one format, whole ones. */
static bool keep_refusal(struct parser *p, struct span kind, struct span proto, struct span formats)
{
    char *out = p->s->other_media[p->s->media_count];
    size_t size = sizeof p->s->other_media[0];
    if (kind.n + proto.n + 8 >= size)
        return false;
    int n = snprintf(out, size, "m=%.*s 0 %.*s", (int)kind.n, kind.p, (int)proto.n, proto.p);
    size_t len = (size_t)n;
    bool any = false;
    while (formats.n != 0) {
        struct span f = jn_span_cut(&formats, ' ');
        if (f.n == 0)
            continue;
        if (len + 1 + f.n >= size)
            break;
        out[len++] = ' ';
        memcpy(out + len, f.p, f.n);
        len += f.n;
        any = true;
    }
    out[len] = 0;
    return any;
}

static int audio_formats(struct parser *p, struct span formats)
{
    struct jn_sdp_section *m = &p->media;
    bool listed[128] = {false};
    while (formats.n != 0) {
        struct span f = jn_span_cut(&formats, ' ');
        uint64_t pt;
        if (f.n == 0)
            continue;
        if (!jn_span_number(f, 127, &pt))
            return malformed(p, "a payload type is not a number up to 127");
        if (!listed[pt])
            m->order[m->formats++] = (uint8_t)pt;
        listed[pt] = true;
    }
    return 0;
}

/* m=<kind> <port>[/<count>] <transport> <format> ... */
static int media_line(struct parser *p, struct span line)
{
    end_section(p);
    p->in_media = true;
    struct jn_sdp_section *m = &p->media;
    memset(m, 0, sizeof *m);
    struct span kind = jn_span_cut(&line, ' '), ports = jn_span_cut(&line, ' '), proto = jn_span_cut(&line, ' ');
    uint64_t port;
    if (p->s->media_count == JN_SDP_MEDIA_MAX)
        return jn_fail(p->err, -ENOTSUP, "more than %d m= lines", JN_SDP_MEDIA_MAX);
    if (!jn_span_number(jn_span_cut(&ports, '/'), 65535, &port))
        return malformed(p, "m= has no port");
    if (kind.n == 0 || proto.n == 0 || !keep_refusal(p, kind, proto, line))
        return malformed(p, "m= is incomplete");
    m->stream.at = p->s->media_count++;
    m->stream.feedback = jn_span_is(proto, "UDP/TLS/RTP/SAVPF");
    m->stream.dtls = m->stream.feedback || jn_span_is(proto, "UDP/TLS/RTP/SAVP");
    m->stream.savp = m->stream.dtls || jn_span_is(proto, "RTP/SAVP");
    m->stream.mode = p->mode;
    m->stream.xr = p->xr;
    m->stream.level_id = p->level_id;
    m->stream.ptime_ms = 20;
    m->port = (uint16_t)port;
    m->audio = jn_span_is(kind, "audio") && (m->stream.savp || jn_span_is(proto, "RTP/AVP"));
    memset(m->meaning, JN_MEANS_NOTHING, sizeof m->meaning);
    m->meaning[0] = JN_CODEC_PCMU; /* static types need no rtpmap (RFC 3551 6) */
    m->meaning[8] = JN_CODEC_PCMA;
    m->meaning[9] = JN_CODEC_G722;
    m->meaning[13] = JN_MEANS_CN;
    return m->audio ? audio_formats(p, line) : 0;
}

/* o=<user> <session> <version> IN IP4 <address> */
static int origin_line(struct parser *p, struct span line)
{
    jn_span_cut(&line, ' ');
    struct span session = jn_span_cut(&line, ' '), version = jn_span_cut(&line, ' ');
    if (session.n == 0 || version.n == 0 || line.n == 0)
        return malformed(p, "o= is incomplete");
    if (!jn_span_number(version, UINT64_MAX, &p->s->session_version))
        p->s->session_version = 0; /* some write times with fractions; only a change matters */
    p->origin = true;
    return 0;
}

static int session_attribute(struct parser *p, struct span line)
{
    int rc = 0;
    if (jn_sdp_direction(line, &p->mode) || jn_sdp_extended(line, &p->xr) || jn_sdp_extmap(line, &p->level_id))
        return 0;
    if (jn_span_skip(&line, "group:BUNDLE "))
        p->group = line;
    else if (jn_sdp_dtls_attribute(&p->dtls, line, &rc) && rc < 0)
        return malformed(p, "malformed attribute");
    return 0;
}

static int one_line(struct parser *p, struct span line)
{
    if (line.n != 0 && line.p[line.n - 1] == '\r')
        line.n--;
    if (line.n == 0)
        return 0;
    if (line.n < 2 || line.p[1] != '=' || line.p[0] < 'a' || line.p[0] > 'z' || memchr(line.p, 0, line.n) != NULL)
        return malformed(p, "not of the form x=text");
    char type = line.p[0];
    line.p += 2;
    line.n -= 2;
    if (p->line == 1 && (type != 'v' || !jn_span_is(line, "0")))
        return malformed(p, "v=0 must come first");
    switch (type) {
    case 'o':
        return origin_line(p, line);
    case 'c':
        jn_span_address(line, p->in_media ? &p->media.address : &p->address);
        return 0;
    case 'm':
        return media_line(p, line);
    case 'a':
        if (!p->in_media)
            return session_attribute(p, line);
        if (p->media.audio && jn_sdp_attribute(&p->media, line) != 0)
            return malformed(p, "malformed attribute");
        return 0;
    default:
        return 0;
    }
}

int jn_sdp_parse(struct jn_sdp *s, const char *text, size_t len, struct jn_err *err)
{
    struct parser p = {.s = s, .err = err, .mode = JN_MODE_SENDRECV};
    struct span rest = {text, len};
    memset(s, 0, sizeof *s);
    if (len > JN_SDP_MAX)
        return jn_fail(err, -EBADMSG, "SDP of %zu bytes, more than %d", len, JN_SDP_MAX);
    while (rest.n != 0) {
        p.line++;
        int rc = one_line(&p, jn_span_cut(&rest, '\n'));
        if (rc != 0)
            return rc;
    }
    end_section(&p);
    if (!p.origin)
        return jn_fail(err, -EBADMSG, "SDP without o=");
    if (!p.found)
        return jn_fail(err, -ENOTSUP,
                       "no audio stream over RTP/AVP or RTP/SAVP with a port, an address and a codec of ours");
    return 0;
}
