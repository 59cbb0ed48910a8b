/* Peer: a SIP party made of one socket and texts, for what sip-tester cannot do: lie, stay silent, answer late. */
#ifndef JN_TEST_SIP_PEER_H
#define JN_TEST_SIP_PEER_H

#include "tests/engine/sip/fixture.h"
#include <poll.h>
#include <stdarg.h>

struct peer {
    int fd;
    bool tcp;
    uint16_t port; /* ours */
    char in[65536], msg[65536];
    size_t have;
    unsigned branch, nc;
    char nonce[80];
};

static void peer_open(struct peer *p, bool tcp)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(fx.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in me = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof me;
    memset(p, 0, sizeof *p);
    p->tcp = tcp;
    p->fd = socket(AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
    cr_assert_eq(bind(p->fd, (struct sockaddr *)&me, sizeof me), 0);
    if (tcp)
        cr_assert_eq(connect(p->fd, (struct sockaddr *)&to, sizeof to), 0);
    cr_assert_eq(getsockname(p->fd, (struct sockaddr *)&me, &n), 0);
    p->port = ntohs(me.sin_port);
}

static __attribute__((format(printf, 2, 3))) void say(struct peer *p, const char *fmt, ...)
{
    char text[16384];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(fx.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ssize_t sent =
        p->tcp ? send(p->fd, text, (size_t)n, 0) : sendto(p->fd, text, (size_t)n, 0, (struct sockaddr *)&to, sizeof to);
    cr_assert_eq(sent, (ssize_t)n);
}

/* The value of a header in p->msg; "" when it is not there. */
static const char *header(const struct peer *p, const char *name, char *out, size_t size)
{
    char key[64];
    snprintf(key, sizeof key, "\r\n%s:", name);
    const char *at = strcasestr(p->msg, key), *end;
    out[0] = 0;
    if (!at)
        return out;
    at += strlen(key);
    at += strspn(at, " ");
    end = strstr(at, "\r\n");
    jn_copy_n(out, size, at, end ? (size_t)(end - at) : strlen(at));
    return out;
}

static bool next_message(struct peer *p)
{
    char *end = strstr(p->in, "\r\n\r\n");
    if (!p->have || !end)
        return false;
    size_t n = (size_t)(end - p->in) + 4, body = 0;
    memcpy(p->msg, p->in, n);
    p->msg[n] = 0;
    char text[32];
    body = (size_t)atoi(header(p, "Content-Length", text, sizeof text));
    if (p->have < n + body)
        return false;
    memcpy(p->msg, p->in, n + body);
    p->msg[n + body] = 0;
    p->have -= n + body;
    memmove(p->in, p->in + n + body, p->have);
    p->in[p->have] = 0;
    return true;
}

/* Reads until a message that starts with `start` is in p->msg; others are passed over. False after ms. */
static bool hears(struct peer *p, const char *start, unsigned ms)
{
    uint64_t until = jn_mono_ns() + ms * UINT64_C(1000000);
    for (;;) {
        while (next_message(p))
            if (!strncmp(p->msg, start, strlen(start)))
                return true;
        uint64_t now = jn_mono_ns();
        struct pollfd f = {.fd = p->fd, .events = POLLIN};
        if (now >= until || poll(&f, 1, (int)((until - now) / 1000000) + 1) <= 0)
            return false;
        ssize_t n = recv(p->fd, p->in + p->have, sizeof p->in - p->have - 1, 0);
        if (n <= 0)
            return false;
        p->have += (size_t)n;
        p->in[p->have] = 0;
    }
}
#define must_hear(p, start) cr_assert(hears(p, start, 3000), "never heard: %s", start)

/* Via, Max-Forwards and the rest of what every request has. */
static const char *top(struct peer *p, char *out, size_t size)
{
    snprintf(out, size, "Via: SIP/2.0/%s 127.0.0.1:%u;branch=z9hG4bKp%u-%u;rport\r\nMax-Forwards: 70\r\n",
             p->tcp ? "TCP" : "UDP", p->port, p->port, ++p->branch);
    return out;
}

/* Answers the request in p->msg. */
static void reply(struct peer *p, const char *status, const char *tag, const char *contact, const char *sdp)
{
    char from[256], to[256], id[256], cseq[64], via[1024], c[300] = "";
    header(p, "From", from, sizeof from);
    header(p, "To", to, sizeof to);
    header(p, "Call-ID", id, sizeof id);
    header(p, "CSeq", cseq, sizeof cseq);
    header(p, "Via", via, sizeof via);
    if (contact)
        snprintf(c, sizeof c, "Contact: <%s>\r\n", contact);
    bool tagged = strstr(to, ";tag=") != NULL;
    say(p,
        "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s%s\r\nCall-ID: %s\r\nCSeq: %s\r\n%s%sContent-Length: "
        "%zu\r\n\r\n%s",
        status, via, from, to, tagged ? "" : ";tag=", tagged ? "" : tag, id, cseq, c,
        sdp ? "Content-Type: application/sdp\r\n" : "", sdp ? strlen(sdp) : 0, sdp ? sdp : "");
}

static void md5_of(char out[33], const char *text)
{
    su_md5_t md5;
    su_md5_init(&md5);
    su_md5_strupdate(&md5, text);
    su_md5_hexdigest(&md5, out);
}

static void authorization(struct peer *p, const char *user, const char *word, char *out, size_t size)
{
    char text[512], ha1[33], ha2[33], response[33];
    snprintf(text, sizeof text, "%s:acme.test:%s", user, word);
    md5_of(ha1, text);
    md5_of(ha2, "REGISTER:sip:acme.test");
    snprintf(text, sizeof text, "%s:%s:%08x:abc:auth:%s", ha1, p->nonce, p->nc, ha2);
    md5_of(response, text);
    snprintf(out, size,
             "Authorization: Digest username=\"%s\", realm=\"acme.test\", nonce=\"%s\", uri=\"sip:acme.test\", "
             "response=\"%s\", algorithm=MD5, qop=auth, nc=%08x, cnonce=\"abc\"\r\n",
             user, p->nonce, response, p->nc);
}

static void send_register(struct peer *p, const char *user, const char *contact, int expires, unsigned cseq,
                          const char *auth)
{
    char head[256], c[300] = "";
    if (contact)
        snprintf(c, sizeof c, "Contact: %s\r\n", contact);
    say(p,
        "REGISTER sip:acme.test SIP/2.0\r\n%sFrom: <sip:%s@acme.test>;tag=r%u\r\nTo: <sip:%s@acme.test>\r\n"
        "Call-ID: reg-%u\r\nCSeq: %u REGISTER\r\n%sExpires: %d\r\n%sContent-Length: 0\r\n\r\n",
        top(p, head, sizeof head), user, p->port, user, p->port, cseq, c, expires, auth);
}

static void take_nonce(struct peer *p)
{
    const char *n = strstr(p->msg, "nonce=\"");
    cr_assert_not_null(n);
    jn_copy_n(p->nonce, sizeof p->nonce, n + 7, strcspn(n + 7, "\""));
    p->nc = 0;
}

/* Registers for good; contact as header text ("<sip:...>"). */
static __attribute__((unused)) void registers(struct peer *p, const char *user, const char *word, const char *contact,
                                              int expires, unsigned cseq)
{
    char auth[600];
    send_register(p, user, contact, expires, cseq, "");
    must_hear(p, "SIP/2.0 401");
    take_nonce(p);
    p->nc++;
    authorization(p, user, word, auth, sizeof auth);
    send_register(p, user, contact, expires, cseq + 1, auth);
    must_hear(p, "SIP/2.0 200");
}

#endif
