/* Keys: the packet path's side of DTLS handshakes. They are done on another thread, by mail: datagrams go there as they
 * came, within bounds for each leg; datagrams to send and, in the end, SRTP keys come back. */
#include "media/stream/browser.h"
#include <string.h>

/* How long a handshake may take, from the peer's description. How many handshake packets a leg may send at once, and
 * how soon one more; a handshake with all its repetitions needs few of them. */
enum { DUE_MS = 30000, TOKENS = 128, TOKEN_MS = 20, BURST = 32 };

bool jn_keys_keep(struct jn_plane *p)
{
    struct jn_mailbox *to = p->browsers->to_slow;

    if (jn_mailbox_reserve(to) < 0)
        return false;
    if (jn_mailbox_reserve(to) == 0)
        return true;
    jn_mailbox_unreserve(to);
    return false;
}

static struct jn_dtls_mail *mail(struct jn_plane *p, const struct jn_browser *b, enum jn_dtls_mail_kind kind)
{
    struct jn_dtls_mail *m = &p->browsers->mail;

    m->kind = (uint8_t)kind;
    m->len = 0;
    m->session = b->session;
    m->leg = p->leg[b->leg].id;
    return m;
}

static void begin(struct jn_plane *p, struct jn_browser *b)
{
    struct jn_dtls_mail *m = mail(p, b, JN_DTLS_BEGIN);

    memcpy(m->begin.fingerprint, b->by.fingerprint, sizeof m->begin.fingerprint);
    m->begin.certificate = b->by.certificate;
    m->begin.active = b->by.active;
    jn_mailbox_send_reserved(p->browsers->to_slow, m);
}

bool jn_keys_describe(struct jn_plane *p, struct jn_leg *l, const struct jn_leg_dtls *by, uint64_t now_ns)
{
    struct jn_browser *b = l->browser;
    bool first = b->session == 0;

    if (!first && memcmp(b->by.fingerprint, by->fingerprint, sizeof by->fingerprint) == 0) {
        b->by.own = by->own; /* the association stays (RFC 8842 5.5), whatever became of ICE */
        return true;
    }
    if (!first && !jn_keys_keep(p))
        return false;
    if (!first) /* what was kept for its end is used; what is kept now begins and ends the next */
        jn_mailbox_send_reserved(p->browsers->to_slow, mail(p, b, JN_DTLS_END));
    b->by = *by;
    b->session++;
    b->started = b->keyed = false;
    b->due_ns = now_ns + DUE_MS * NS_PER_MS;
    b->tokens = TOKENS;
    b->tokens_at_ns = now_ns;
    begin(p, b);
    if (b->ice.nominated != JN_ICE_NO_PAIR)
        jn_keys_start(p, b);
    return true;
}

void jn_keys_start(struct jn_plane *p, struct jn_browser *b)
{
    if (b->session == 0 || b->started || !b->by.active)
        return;
    b->started = jn_mailbox_send(p->browsers->to_slow, mail(p, b, JN_DTLS_START)) == 0;
}

void jn_keys_close(struct jn_plane *p, struct jn_leg *l)
{
    struct jn_mailbox *to = p->browsers->to_slow;

    if (l->browser->session != 0) {
        jn_mailbox_send_reserved(to, mail(p, l->browser, JN_DTLS_END));
        return;
    }
    jn_mailbox_unreserve(to);
    jn_mailbox_unreserve(to);
}

/* A record of DTLS 1.0 to 1.2 that fits (RFC 6347 4.1). */
static bool is_record(const struct jn_pkt *pk)
{
    return pk->len >= 13 && pk->len <= JN_DTLS_DATAGRAM_MAX && pk->data[1] == 0xfe &&
           (pk->data[2] == 0xff || pk->data[2] == 0xfd) &&
           13u + (unsigned)(pk->data[11] << 8 | pk->data[12]) <= pk->len;
}

static bool may_ask(struct jn_browser *b, uint64_t now_ns)
{
    uint64_t more = now_ns > b->tokens_at_ns ? (now_ns - b->tokens_at_ns) / (TOKEN_MS * NS_PER_MS) : 0;

    b->tokens_at_ns += more * TOKEN_MS * NS_PER_MS;
    b->tokens = (uint16_t)(b->tokens + more < TOKENS ? b->tokens + more : TOKENS);
    if (b->tokens == 0)
        return false;
    b->tokens--;
    return true;
}

void jn_keys_in(struct jn_plane *p, struct jn_browser *b, const struct jn_pkt *pk, uint8_t pair)
{
    if (!is_record(pk)) {
        p->counts.dtls_malformed++;
        return;
    }
    if (b->session == 0) { /* before the description: nobody knows what its certificate must be; it will ask again */
        p->counts.drops[JN_DROP_NOT_READY]++;
        return;
    }
    if (!may_ask(b, pk->at_ns)) {
        p->counts.dtls_throttled++;
        return;
    }
    struct jn_dtls_mail *m = mail(p, b, JN_DTLS_DATAGRAM);
    m->len = pk->len;
    memcpy(m->bytes, pk->data, pk->len);
    if (jn_mailbox_send(p->browsers->to_slow, m) < 0) {
        p->counts.dtls_full++;
        return;
    }
    b->dtls_pair = pair;
}

/* ---- from the thread that does handshakes ---- */

static void tell(struct jn_plane *p, const struct jn_leg *l, enum jn_keys how, uint8_t suite)
{
    struct jn_fact f = {.kind = JN_FACT_LEG_KEYS, .leg = l->id, .room = l->room};

    f.keys.how = (uint8_t)how;
    f.keys.suite = suite;
    p->counts.dtls_ended[how]++;
    jn_fact_send(p, &f);
}

static void datagram(struct jn_plane *p, struct jn_browser *b, const struct jn_dtls_mail *m)
{
    uint8_t at = b->dtls_pair != JN_ICE_NO_PAIR ? b->dtls_pair : b->ice.nominated;

    if (at >= b->ice.pairs || m->len > JN_DTLS_DATAGRAM_MAX)
        return;
    struct jn_pkt *pk = jn_browser_raw(p, &b->ice.pair[at]);
    memcpy(pk->data, m->bytes, m->len);
    pk->len = m->len;
}

/* Nothing of the leg's goes in or out before this. */
static void keyed(struct jn_plane *p, struct jn_leg *l, const struct jn_dtls_mail *m, uint64_t now_ns)
{
    const struct jn_srtp_ops *srtp = p->c.srtp;
    enum jn_srtp_suite suite = (enum jn_srtp_suite)m->keys.suite;
    struct jn_srtp *in = srtp->open_context(p->srtp, suite, m->keys.in, true),
                   *out = in ? srtp->open_context(p->srtp, suite, m->keys.out, false) : NULL;

    if (!out) {
        if (in)
            srtp->close_context(in);
        tell(p, l, JN_KEYS_PROFILE, JN_SUITE_NONE);
        return;
    }
    jn_plane_flush(p); /* what was built under the keys of a former association is sealed with them */
    if (l->in)
        srtp->close_context(l->in);
    if (l->out)
        srtp->close_context(l->out);
    l->in = in;
    l->out = out; /* both begin at ROC 0, as the peer's do: an association is a new crypto context (RFC 5764 4.1.1) */
    l->last_rx_ns = now_ns;
    l->browser->keyed = true;
    if (!l->ready)
        jn_report_start(p, l, now_ns);
    l->ready = true;
    jn_leg_format(p, l, now_ns);
    tell(p, l, JN_KEYS_UP, m->keys.suite);
}

static void take(struct jn_plane *p, const struct jn_dtls_mail *m, uint64_t now_ns)
{
    struct jn_leg *l = jn_leg_find(p, m->leg);

    if (!l || !l->browser || l->browser->session != m->session)
        return; /* it ended meanwhile */
    if (m->kind == JN_DTLS_DATAGRAM) {
        datagram(p, l->browser, m);
    } else if (m->kind == JN_DTLS_KEYS && m->how == JN_KEYS_UP) {
        keyed(p, l, m, now_ns);
    } else if (m->kind == JN_DTLS_KEYS && m->how < JN_KEYS_N) {
        l->browser->due_ns = 0;
        tell(p, l, (enum jn_keys)m->how, JN_SUITE_NONE);
    }
}

unsigned jn_plane_keys(struct jn_plane *p, uint64_t now_ns)
{
    struct jn_browsers *b = p->browsers;
    unsigned n = 0;

    if (!b || !b->from_slow)
        return 0;
    for (; n < BURST && jn_mailbox_recv(b->from_slow, &b->mail, 1) == 1; n++) {
        bool secret = b->mail.kind == JN_DTLS_KEYS;
        take(p, &b->mail, now_ns);
        if (secret)
            explicit_bzero(&b->mail.keys, sizeof b->mail.keys);
    }
    return n;
}

void jn_browser_due(struct jn_plane *p, struct jn_leg *l, uint64_t now_ns)
{
    struct jn_browser *b = l->browser;

    if (b->ice.nominated != JN_ICE_NO_PAIR)
        jn_keys_start(p, b);
    if (b->keyed || b->due_ns == 0 || now_ns < b->due_ns)
        return;
    b->due_ns = 0;
    tell(p, l, JN_KEYS_TIMEOUT, JN_SUITE_NONE);
}
