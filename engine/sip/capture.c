/* Capture: every SIP message as it was received or sent, for traces. The stack writes what passes its sockets, each
 * retransmission too, to a dump file when it was told of one, through a function of the library that programs may put
 * another in place of: ours takes the bytes, and the file is /dev/null. So nothing is parsed, printed or written twice.
 * (Its TPTAG_LOG skips a retransmission that follows the first and copies every header while parsing; its dump file
 * would cost a formatted line and a write for each message on this thread.) */
#include "engine/sip/capture.h"
#include "engine/base/rand.h"
#include "engine/sip/ua.h"

#include <errno.h>
#include <netinet/in.h>
#include <sofia-sip/tport.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { STREAMS = 64, STREAM_BYTES = 2 * 65536, STREAM_STALE_US = 5000000 };

/* Bytes of a connection that are no whole message yet. */
struct stream {
    const tport_t *of;
    uint64_t at_us;
    struct jn_buf part;
};
struct jn_sip_capture {
    struct jn_sip *s;
    const tport_t *local_of; /* newest transport asked for its address */
    struct jn_addr local;
    struct stream stream[STREAMS];
    char text[JN_SIP_SEEN_MAX];
};

/* The stack gives no argument of ours: one signalling thread, one capture. */
static _Thread_local struct jn_sip_capture *capturing;

struct jn_sip_capture *jn_sip_capture_open(struct jn_sip *s)
{
    struct jn_sip_capture *c = s->sink.seen ? calloc(1, sizeof *c) : NULL;

    if (c) {
        c->s = s;
        capturing = c;
    }
    return c;
}

void jn_sip_capture_close(struct jn_sip_capture *c)
{
    if (!c)
        return;
    if (capturing == c)
        capturing = NULL;
    for (unsigned i = 0; i < STREAMS; i++)
        jn_buf_free(&c->stream[i].part);
    explicit_bzero(c->text, sizeof c->text);
    free(c);
}

static void address(struct jn_addr *out, const su_sockaddr_t *su)
{
    *out = (struct jn_addr){0};
    if (su->su_family == AF_INET) {
        memcpy(out->ip, &su->su_sin.sin_addr, 4);
        out->family = JN_ADDR_V4;
        out->port = ntohs(su->su_port);
    } else if (su->su_family == AF_INET6) {
        memcpy(out->ip, &su->su_sin6.sin6_addr, 16);
        out->family = JN_ADDR_V6;
        out->port = ntohs(su->su_port);
    }
}

/* The address that the transport listens on: connections have it from their listener. */
static const struct jn_addr *local_of(struct jn_sip_capture *c, const tport_t *tp)
{
    const tport_t *parent = tport_parent(tp);

    if (parent != c->local_of) {
        const su_addrinfo_t *ai = tport_get_address(parent);
        c->local = (struct jn_addr){0};
        if (ai && ai->ai_addr)
            address(&c->local, (const su_sockaddr_t *)(const void *)ai->ai_addr);
        c->local_of = parent;
    }
    return &c->local;
}

/* Registrations, probes and subscriptions are nobody's call. */
static bool of_a_call(const struct jn_sip_text *t)
{
    static const char *const none[] = {"REGISTER", "OPTIONS", "SUBSCRIBE", "PUBLISH"};

    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (strlen(none[i]) == t->method_len && memcmp(none[i], t->method, t->method_len) == 0)
            return false;
    return true;
}

static void tell(struct jn_sip_capture *c, struct jn_sip_seen *m, const struct jn_sip_text *t, const char *bytes,
                 size_t n)
{
    if (!of_a_call(t))
        return;
    if (n > sizeof c->text)
        n = sizeof c->text;
    memmove(c->text, bytes, n);
    jn_sip_text_mask(c->text, n);
    m->text = c->text;
    m->len = (uint32_t)n;
    m->call_id = t->call_id;
    m->call_id_len = (uint16_t)(t->call_id_len > UINT16_MAX ? 0 : t->call_id_len);
    c->s->sink.seen(c->s->sink.arg, m);
}

static struct stream *stream_of(struct jn_sip_capture *c, const tport_t *tp, uint64_t now_us)
{
    struct stream *oldest = &c->stream[0];

    for (unsigned i = 0; i < STREAMS; i++) {
        struct stream *x = &c->stream[i];
        if (x->of == tp) {
            if (now_us - x->at_us > STREAM_STALE_US)
                jn_buf_clear(&x->part);
            return x;
        }
        if (x->at_us < oldest->at_us)
            oldest = x;
    }
    jn_buf_clear(&oldest->part);
    oldest->of = tp;
    return oldest;
}

/* A connection's bytes come in any pieces (RFC 3261 18.3). */
static void from_stream(struct jn_sip_capture *c, const tport_t *tp, struct jn_sip_seen *m)
{
    struct stream *x = stream_of(c, tp, m->at_us);
    struct jn_sip_text t;
    size_t at = 0;

    x->at_us = m->at_us;
    x->part.max = STREAM_BYTES;
    jn_buf_add(&x->part, c->text, m->len);
    if (x->part.failed) {
        jn_buf_clear(&x->part);
        return;
    }
    for (;;) {
        while (at < x->part.len && (x->part.data[at] == '\r' || x->part.data[at] == '\n'))
            at++;
        if (at == x->part.len || !jn_sip_text_read(&t, x->part.data + at, x->part.len - at))
            break;
        if (!t.has_length)
            t.body = 0;
        if (x->part.len - at < t.head + t.body)
            break;
        struct jn_sip_seen whole = *m;
        tell(c, &whole, &t, x->part.data + at, t.head + t.body);
        at += t.head + t.body;
    }
    if (at > 0) {
        memmove(x->part.data, x->part.data + at, x->part.len - at);
        x->part.len -= at;
    }
}

void tport_dump_iovec(tport_t const *self, msg_t *msg, size_t n, su_iovec_t const iov[], size_t iovused,
                      char const *what, char const *how);

/* In place of the library's own. */
void tport_dump_iovec(tport_t const *self, msg_t *msg, size_t n, su_iovec_t const iov[], size_t iovused,
                      char const *what, char const *how)
{
    struct jn_sip_capture *c = capturing;
    struct jn_sip_text t;
    size_t len = 0;
    bool sent = what[0] == 's';

    (void)how;
    if (!c || n == 0)
        return;
    /* Of a message that a connection takes in parts the first one shows all of it. */
    for (size_t i = 0; i < iovused && len < sizeof c->text && (sent || len < n); i++) {
        size_t some = iov[i].mv_len;
        if (!sent && some > n - len)
            some = n - len;
        if (some > sizeof c->text - len)
            some = sizeof c->text - len;
        memcpy(c->text + len, iov[i].mv_base, some);
        len += some;
    }
    const tp_name_t *name = tport_name(self);
    bool udp = tport_is_dgram(self);
    struct jn_sip_seen m = {.at_us = jn_time_us(),
                            .sent = sent,
                            .transport = udp                                   ? OVER_UDP
                                         : strcmp(name->tpn_proto, "tcp") == 0 ? OVER_TCP
                                                                               : OVER_TLS,
                            .local = *local_of(c, self),
                            .len = (uint32_t)len};
    address(&m.peer, msg_addr(msg));
    if (!udp && !sent) {
        from_stream(c, self, &m);
        return;
    }
    if (jn_sip_text_read(&t, c->text, len))
        tell(c, &m, &t, c->text, len);
}

const char *jn_sip_call_id_out(struct jn_sip_leg *l)
{
    uint8_t random[16];
    char hex[2 * sizeof random + 1];

    if (!l->call_id[0]) {
        jn_random(random, sizeof random);
        jn_hex(hex, random, sizeof random);
        jn_copy(l->call_id, sizeof l->call_id, hex);
    }
    return l->call_id;
}

int jn_sip_call_id(const struct jn_sip *s, uint64_t leg, char *out, size_t size)
{
    const struct jn_sip_leg *l = jn_sip_leg_get(s, leg);

    return l && l->call_id[0] && jn_copy(out, size, l->call_id) ? 0 : -ENOENT;
}
