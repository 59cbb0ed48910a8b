/* Ice: what descriptions say of DTLS and ICE (RFC 8122, 8839, 8842, 8843): the peer's lines read, ours written. Our
 * side is ICE lite: its candidates are its own addresses, and those of the peer are not looked at, for it comes to us.
 */
#include "engine/base/str.h"
#include "media/sdp/text.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const setups[] = {[JN_SETUP_ACTPASS] = "actpass",
                                     [JN_SETUP_ACTIVE] = "active",
                                     [JN_SETUP_PASSIVE] = "passive",
                                     [JN_SETUP_HOLDCONN] = "holdconn"};

static int nibble(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* RFC 8122 5: <hash> <HH:HH:...>. Hashes other than SHA-256 are skipped: a peer may give several. */
static int fingerprint(struct jn_sdp_dtls *d, struct span line)
{
    if (!jn_span_is_nocase(jn_span_cut(&line, ' '), "sha-256"))
        return 0;
    if (line.n != 3 * JN_FINGERPRINT - 1)
        return -EBADMSG;
    for (unsigned i = 0; i < JN_FINGERPRINT; i++) {
        int high = nibble(line.p[3 * i]), low = nibble(line.p[3 * i + 1]);
        if (high < 0 || low < 0 || (i + 1 < JN_FINGERPRINT && line.p[3 * i + 2] != ':'))
            return -EBADMSG;
        d->fingerprint[i] = (uint8_t)(high << 4 | low);
    }
    d->has_fingerprint = true;
    return 0;
}

/* ice-char (RFC 8839 5.4); also what a token (RFC 8866 9) of a mid may have. */
static bool word(char *out, size_t max, struct span s, bool token)
{
    if (s.n == 0 || s.n > max)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!plain && !(token ? strchr("!#$%&'*+-.^_`{|}~", c) && c : c == '+' || c == '/'))
            return false;
    }
    memcpy(out, s.p, s.n);
    out[s.n] = 0;
    return true;
}

bool jn_sdp_dtls_attribute(struct jn_sdp_dtls *d, struct span line, int *rc)
{
    *rc = 0;
    if (jn_span_skip(&line, "fingerprint:")) {
        *rc = fingerprint(d, line);
    } else if (jn_span_skip(&line, "setup:")) {
        for (uint8_t i = JN_SETUP_ACTPASS; i <= JN_SETUP_HOLDCONN; i++)
            if (jn_span_is(line, setups[i]))
                d->setup = i;
    } else if (jn_span_skip(&line, "ice-ufrag:")) { /* one that is too long for us is none: it is said so later */
        if (!word(d->ufrag, JN_SDP_UFRAG_MAX, line, false))
            d->ufrag[0] = 0;
    } else if (jn_span_skip(&line, "ice-pwd:")) { /* only its presence: we check nobody */
        d->has_pwd = line.n >= 22 && line.n <= 256;
    } else if (jn_span_skip(&line, "mid:")) {
        if (!word(d->mid, JN_SDP_MID_MAX, line, true))
            d->mid[0] = 0;
    } else {
        return false;
    }
    return true;
}

void jn_sdp_dtls_inherit(struct jn_sdp_dtls *d, const struct jn_sdp_dtls *session, struct span group)
{
    if (!d->ufrag[0] && session->ufrag[0]) {
        memcpy(d->ufrag, session->ufrag, sizeof d->ufrag);
        d->has_pwd = session->has_pwd;
    }
    if (!d->has_fingerprint && session->has_fingerprint) {
        memcpy(d->fingerprint, session->fingerprint, sizeof d->fingerprint);
        d->has_fingerprint = true;
    }
    if (d->setup == JN_SETUP_NONE)
        d->setup = session->setup;
    while (group.n != 0 && d->mid[0])
        d->bundled |= jn_span_is(jn_span_cut(&group, ' '), d->mid);
}

const char *jn_sdp_dtls_unfit(const struct jn_sdp_local *l, const struct jn_sdp_stream *s)
{
    if (!l->can_dtls)
        return "browsers are not taken here (media.browser)";
    if (!s->by.has_fingerprint)
        return "no a=fingerprint with SHA-256";
    if (!s->by.ufrag[0] || !s->by.has_pwd)
        return "no a=ice-ufrag and a=ice-pwd, or longer than 32 and 256 characters";
    if (!s->rtcp_mux)
        return "no a=rtcp-mux";
    return s->by.setup == JN_SETUP_HOLDCONN ? "a=setup:holdconn" : NULL;
}

static void fill(struct jn_leg_remote *r, const struct jn_sdp_local *l, const struct jn_sdp_stream *s, bool active)
{
    r->suite = JN_SUITE_NONE;
    r->latch = false;
    r->dtls = true;
    memset(&r->by, 0, sizeof r->by);
    r->by.own = l->own;
    memcpy(r->by.fingerprint, s->by.fingerprint, sizeof r->by.fingerprint);
    r->by.active = active;
    r->by.certificate = l->certificate;
}

void jn_sdp_dtls_answer(struct jn_sdp_local *l, struct jn_leg_remote *r, const struct jn_sdp_stream *offer)
{
    l->setup = offer->by.setup == JN_SETUP_PASSIVE ? JN_SETUP_ACTIVE : JN_SETUP_PASSIVE;
    l->feedback = offer->feedback;
    l->bundled = offer->by.bundled;
    memcpy(l->mid, offer->by.mid, sizeof l->mid);
    fill(r, l, offer, l->setup == JN_SETUP_ACTIVE);
}

const char *jn_sdp_dtls_accept(struct jn_leg_remote *r, const struct jn_sdp_local *l, const struct jn_sdp_stream *s)
{
    const char *unfit = jn_sdp_dtls_unfit(l, s);
    if (unfit)
        return unfit;
    if (s->by.setup != JN_SETUP_ACTIVE && s->by.setup != JN_SETUP_PASSIVE)
        return "a=setup is neither active nor passive";
    fill(r, l, s, s->by.setup == JN_SETUP_PASSIVE);
    return NULL;
}

int jn_sdp_dtls_session_lines(char *out, size_t size, const struct jn_sdp_local *l)
{
    int n = snprintf(out, size, "a=ice-lite\r\n%s%s%s", l->bundled ? "a=group:BUNDLE " : "", l->bundled ? l->mid : "",
                     l->bundled ? "\r\n" : "");
    return n < 0 || (size_t)n >= size ? -ENOSPC : n;
}

static int candidate(char *out, size_t size, const struct jn_addr *a, unsigned at)
{
    char ip[JN_ADDR_TEXT_MAX];
    unsigned priority = 126u << 24 | (65535u - at) << 8 | 255u; /* RFC 8445 5.1.2.1: host, component 1 */
    int n = snprintf(out, size, "a=candidate:%u 1 udp %u %s %u typ host\r\n", at + 1, priority, jn_addr_ip_text(a, ip),
                     a->port);
    return n < 0 || (size_t)n >= size ? -ENOSPC : n;
}

int jn_sdp_dtls_stream_lines(char *out, size_t size, const struct jn_sdp_local *l)
{
    char print[3 * JN_FINGERPRINT + 1];
    for (unsigned i = 0; i < JN_FINGERPRINT; i++)
        snprintf(print + 3 * i, 4, "%02X%s", l->fingerprint[i], i + 1 < JN_FINGERPRINT ? ":" : "");
    int n =
        snprintf(out, size, "%s%s%sa=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 %s\r\na=setup:%s\r\n",
                 l->mid[0] ? "a=mid:" : "", l->mid, l->mid[0] ? "\r\n" : "", l->own.ufrag, l->own.pwd, print,
                 setups[l->setup >= JN_SETUP_ACTPASS && l->setup <= JN_SETUP_HOLDCONN ? l->setup : JN_SETUP_ACTPASS]);
    if (n < 0 || (size_t)n >= size)
        return -ENOSPC;
    for (unsigned i = 0; i <= l->more_n && i <= JN_SHARED_MORE; i++) {
        int more = candidate(out + n, size - (size_t)n, i == 0 ? &l->rtp : &l->more[i - 1], i);
        if (more < 0)
            return more;
        n += more;
    }
    int last = snprintf(out + n, size - (size_t)n, "a=end-of-candidates\r\n");
    return last < 0 || (size_t)last >= size - (size_t)n ? -ENOSPC : n + last;
}
