/* Media: see media.h. Talkers begin and end, and the way in. */
#include "engine/base/clock.h"
#include "engine/base/rand.h"
#include "engine/load/media_state.h"
#include "engine/load/sock.h"
#include "media/codec/codec.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A long search for a voice takes at most one part in so many of the time; with MANY talkers that time is needed. */
enum { SEARCH_SHARE = 10, MANY = 200, SEARCH_SHARE_MANY = 50 };

static uint64_t peer_key(const struct jn_addr *a, uint32_t local)
{
    uint64_t k = 0, w[2];
    memcpy(w, a->ip, 16);
    k = w[0] * UINT64_C(0x9e3779b97f4a7c15) ^ w[1] * UINT64_C(0xc2b2ae3d27d4eb4f);
    k ^= ((uint64_t)a->port << 32 | local) * UINT64_C(0xff51afd7ed558ccd);
    return k ? k : 1;
}

static int open_ports(struct jn_load_media *m, struct jn_err *err)
{
    struct jn_port_config *p = &m->c.port;
    p->port_min = (uint16_t)(p->port_min + (p->port_min & 1));
    m->ports = p->port_max >= p->port_min ? (uint32_t)(p->port_max - p->port_min) / 2 + 1 : 0;
    if (!m->ports)
        return jn_fail(err, -EINVAL, "no media ports from %u to %u", p->port_min, p->port_max);
    m->ports = m->ports < m->c.talkers ? m->ports : m->c.talkers ? m->c.talkers : 1;
    int rc = m->c.ops->open(&m->port, p, err);
    for (uint32_t i = 0; i < m->ports && rc == 0; i++)
        if ((rc = m->c.ops->take(m->port, 2 * i)) < 0)
            jn_fail(err, rc, "media port %u: %s", p->port_min + 2 * i, strerror(-rc));
    return rc;
}

static int open_room(struct jn_load_media *m, struct jn_err *err)
{
    uint32_t n = m->c.talkers;
    m->talker = aligned_alloc(64, ((size_t)n * sizeof *m->talker + 63) / 64 * 64 + 64);
    m->on_port = calloc(m->ports, sizeof *m->on_port);
    m->alone = calloc(m->ports, sizeof *m->alone);
    if (!m->talker || !m->on_port || !m->alone || jn_map_init(&m->by_peer, n) < 0)
        return jn_fail(err, -ENOMEM, "no memory for %u parties", n);
    memset(m->talker, 0, (size_t)n * sizeof *m->talker);
    if (m->c.impair) {
        uint32_t packets = n * JN_LOAD_UNDER_WAY;
        void *memory = aligned_alloc(64, (jn_impair_hold_bytes(packets, JN_LOAD_PACKET) + 63) / 64 * 64);
        if (!memory)
            return jn_fail(err, -ENOMEM, "no memory for %u packets under way", packets);
        m->hold = jn_impair_hold_init(memory, packets, JN_LOAD_PACKET);
    }
    m->srtp = jn_srtp();
    int rc = m->c.srtp ? m->srtp->open_bank(&m->bank, 2 * n) : 0;
    return rc < 0 ? jn_fail(err, rc, "SRTP: %s", strerror(-rc)) : 0;
}

int jn_load_media_open(struct jn_load_media **out, const struct jn_load_media_config *c, struct jn_err *err)
{
    struct jn_load_media *m = aligned_alloc(64, (sizeof *m + 63) / 64 * 64);
    if (!m)
        return jn_fail(err, -ENOMEM, "no memory for media");
    memset(m, 0, sizeof *m);
    m->c = *c;
    m->c.ptime_ms = c->ptime_ms ? c->ptime_ms : 20;
    m->room.voice = c->voice;
    m->moments = m->c.ptime_ms * JN_LOAD_MOMENTS_MS;
    if (m->c.ptime_ms < 10 || m->c.ptime_ms > JN_LOAD_PTIME_MAX) {
        free(m);
        return jn_fail(err, -EINVAL, "packets of %u ms: 10 to %u", c->ptime_ms, JN_LOAD_PTIME_MAX);
    }
    int rc = open_ports(m, err);
    if (rc == 0)
        rc = open_room(m, err);
    if (rc < 0) {
        jn_load_media_close(m);
        return rc;
    }
    *out = m;
    return 0;
}

static void drop_keys(struct jn_load_media *m, struct jn_talker *t)
{
    if (t->in)
        m->srtp->close_context(t->in);
    if (t->out)
        m->srtp->close_context(t->out);
    t->in = t->out = NULL;
    explicit_bzero(t->key_in, sizeof t->key_in);
    explicit_bzero(t->key_out, sizeof t->key_out);
}

void jn_load_media_close(struct jn_load_media *m)
{
    if (!m)
        return;
    for (uint32_t i = 0; m->talker && i < m->c.talkers; i++)
        if (m->talker[i].on)
            jn_load_media_end(m, i, false, 0);
    if (m->bank)
        m->srtp->close_bank(m->bank);
    if (m->port)
        m->c.ops->close(m->port);
    for (unsigned i = 0; i < m->moments; i++)
        free(m->moment[i].who);
    jn_map_free(&m->by_peer);
    free(m->hold);
    free(m->talker);
    free(m->on_port);
    free(m->alone);
    free(m);
}

/* The local port of talker i. Those from `askew` on are dealt out another way than those before: where two generators
 * with P ports each talk to each other, P * P pairs of ports are there for as many calls. */
static uint32_t place_of(const struct jn_load_media *m, uint32_t i)
{
    uint32_t k = i - m->c.askew;
    return i < m->c.askew ? i % m->ports : (k + k / m->ports) % m->ports;
}

struct jn_addr jn_load_media_address(const struct jn_load_media *m, uint32_t i)
{
    struct jn_addr a = m->c.port.local;
    a.port = (uint16_t)(m->c.port.port_min + 2 * place_of(m, i));
    return a;
}

static int keys(struct jn_load_media *m, struct jn_talker *t, const struct jn_leg_remote *r)
{
    if (t->suite == r->suite && !memcmp(t->key_in, r->key_in, sizeof t->key_in) &&
        !memcmp(t->key_out, r->key_out, sizeof t->key_out))
        return 0;
    drop_keys(m, t);
    t->suite = r->suite;
    if (r->suite == JN_SUITE_NONE)
        return 0;
    if (!m->bank)
        return -ENOTSUP;
    memcpy(t->key_in, r->key_in, sizeof t->key_in);
    memcpy(t->key_out, r->key_out, sizeof t->key_out);
    t->in = m->srtp->open_context(m->bank, (enum jn_srtp_suite)r->suite, r->key_in, true);
    t->out = m->srtp->open_context(m->bank, (enum jn_srtp_suite)r->suite, r->key_out, false);
    return t->in && t->out ? 0 : -ENOMEM;
}

static void forget(struct jn_load_media *m, struct jn_talker *t)
{
    if (t->to.port)
        jn_map_del(&m->by_peer, peer_key(&t->to, t->local));
    t->to.port = 0;
}

static int meet(struct jn_load_media *m, uint32_t i, const struct jn_addr *to)
{
    struct jn_talker *t = &m->talker[i];
    if (t->to.port && jn_addr_equal(&t->to, to))
        return 0;
    uint64_t key = peer_key(to, t->local);
    uint32_t other = jn_map_get(&m->by_peer, key);
    if (other != JN_MAP_NONE && m->talker[other].on)
        return -EADDRINUSE;
    if (other != JN_MAP_NONE) /* his call is over */
        forget(m, &m->talker[other]);
    forget(m, t);
    t->to = *to;
    return jn_map_set(&m->by_peer, key, i);
}

int jn_load_media_begin(struct jn_load_media *m, uint32_t i, const struct jn_leg_remote *r, bool answers,
                        uint64_t now_ns)
{
    struct jn_talker *t = &m->talker[i];
    const struct jn_codec_ops *codec = jn_codec(r->codec);
    if (!codec || !jn_voice_has(m->c.voice, r->codec, m->c.ptime_ms))
        return -ENOTSUP;
    uint64_t seed = m->c.seed ^ (uint64_t)i << 20 ^ now_ns;
    bool fresh = !t->on;
    if (fresh) {
        uint32_t place = place_of(m, i);
        forget(m, t);
        *t = (struct jn_talker){.local = 2 * place, .ssrc = (uint32_t)jn_splitmix(&seed), .limit = UINT32_MAX};
        t->seq = (uint16_t)jn_splitmix(&seed);
        t->ts = (uint32_t)jn_splitmix(&seed);
        t->answers = answers;
        if (m->c.impair)
            jn_impair_begin(&t->impair, m->c.impair, i);
    }
    int rc = meet(m, i, &r->rtp);
    if (rc == 0)
        rc = keys(m, t, r);
    if (rc == 0 && fresh)
        rc = jn_ear_open(&t->ear, r->codec, answers);
    t->codec = r->codec;
    if (rc == 0 && fresh)
        rc = jn_load_media_join(m, i);
    if (rc < 0) {
        if (fresh) {
            forget(m, t);
            drop_keys(m, t);
        }
        return rc;
    }
    t->pt = r->rtp_pt;
    t->ticks = codec->clock / 1000 * m->c.ptime_ms;
    t->sends = r->mode == JN_MODE_SENDRECV || r->mode == JN_MODE_SENDONLY;
    if (fresh) {
        t->on = true;
        m->on_port[place_of(m, i)]++;
        m->alone[place_of(m, i)] = i;
    }
    return 0;
}

const struct jn_ear *jn_load_media_end(struct jn_load_media *m, uint32_t i, bool by_us, uint64_t now_ns)
{
    struct jn_talker *t = &m->talker[i];
    if (!t->on)
        return &t->ear;
    t->on = false;
    jn_load_media_leave(m, i); /* whom it talked to stays known: what comes from there now is no stranger's */
    m->on_port[place_of(m, i)]--;
    drop_keys(m, t);
    jn_ear_end(&t->ear, &m->room, by_us ? jn_load_line(m, now_ns) : 0);
    if (m->c.impair) {
        struct jn_impair_counts *a = &m->counts.impair, *b = &t->impair.counts;
        a->sent += b->sent;
        a->passed += b->passed;
        a->lost += b->lost;
        a->lost_in_burst += b->lost_in_burst;
        a->duplicated += b->duplicated;
        a->delayed_apart += b->delayed_apart;
    }
    return &t->ear;
}

const struct jn_ear *jn_load_media_ear(const struct jn_load_media *m, uint32_t i)
{
    return &m->talker[i].ear;
}

void jn_load_media_limit(struct jn_load_media *m, uint32_t i, uint32_t packets)
{
    m->talker[i].limit = packets;
}

uint32_t jn_load_media_sent(const struct jn_load_media *m, uint32_t i)
{
    return m->talker[i].sent;
}

/* Where a port has one talker only, it is his, whatever address a NAT has given it; else by whom it comes from. */
static uint32_t whose(const struct jn_load_media *m, const struct jn_pkt *pk)
{
    uint32_t place = pk->local / 2;
    uint32_t i = jn_map_get(&m->by_peer, peer_key(&pk->from, pk->local));
    if (i != JN_MAP_NONE && jn_addr_equal(&m->talker[i].to, &pk->from))
        return i;
    if (place < m->ports && m->on_port[place] == 1 && m->talker[m->alone[place]].on)
        return m->alone[place];
    return JN_LOAD_NOBODY;
}

static void hear(struct jn_load_media *m, struct jn_pkt *pk)
{
    struct jn_talker *t = &m->talker[pk->stream];
    struct jn_rtp h;
    if (jn_is_rtcp(pk->data, pk->len))
        return;
    if (jn_rtp_parse(&h, pk->data, pk->len) < 0 || h.pt != t->pt) {
        m->counts.not_rtp++;
        return;
    }
    bool listens = m->c.heard < 2 || pk->stream % m->c.heard == 0;
    m->counts.received++;
    uint64_t begun = m->room.searches ? jn_mono_ns() : 0;
    jn_ear_take(&t->ear, listens ? &m->room : &m->deaf, &h, pk->data + h.payload_off, jn_load_line(m, pk->at_ns));
    if (begun && !m->room.searches) {
        uint64_t now = jn_mono_ns();
        m->search_ns = now + (now - begun) * (m->c.talkers > MANY ? SEARCH_SHARE_MANY : SEARCH_SHARE);
    }
}

/* Puts plain packets and those that could be opened to the front; returns how many. */
static unsigned sort_out(struct jn_load_media *m, struct jn_pkt *pk[], unsigned n)
{
    struct jn_pkt *sealed[JN_PKT_BURST];
    struct jn_srtp *ctx[JN_PKT_BURST];
    unsigned plain = 0, secret = 0;
    for (unsigned i = 0; i < n; i++) {
        uint32_t who = whose(m, pk[i]);
        if (who == JN_LOAD_NOBODY || !m->talker[who].on) {
            (*(who == JN_LOAD_NOBODY ? &m->counts.strangers : &m->counts.after_end))++;
            continue;
        }
        pk[i]->stream = who;
        if (!m->talker[who].in) {
            pk[plain++] = pk[i];
        } else if (!jn_is_rtcp(pk[i]->data, pk[i]->len)) {
            ctx[secret] = m->talker[who].in;
            sealed[secret++] = pk[i];
        }
    }
    unsigned good = secret ? m->srtp->open(ctx, sealed, secret, false) : 0;
    m->counts.not_rtp += secret - good;
    memcpy(pk + plain, sealed, good * sizeof *pk);
    return plain + good;
}

void jn_load_media_turn(struct jn_load_media *m, uint64_t now_ns)
{
    struct jn_pkt *pk[JN_PKT_BURST];
    if (now_ns >= m->search_ns)
        m->room.searches = 1;
    jn_load_media_send(m, now_ns);
    for (unsigned n, rounds = 0; rounds < 256 && (n = m->c.ops->rx(m->port, pk, JN_PKT_BURST, now_ns)); rounds++) {
        n = sort_out(m, pk, n);
        for (unsigned i = 0; i < n; i++)
            hear(m, pk[i]);
    }
}

const struct jn_load_media_counts *jn_load_media_counts(struct jn_load_media *m)
{
    if (m->c.ops == &jn_load_sock && m->port)
        m->counts.dropped = jn_load_sock_dropped(m->port);
    return &m->counts;
}
