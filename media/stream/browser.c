/* Browser: legs on the shared port: opening, finding, connectivity checks, closing. A stranger's packet costs a look-up
 * and a counter; only who has proven its name by a check reaches a leg or a handshake. */
#include "media/stream/browser.h"
#include "engine/base/rand.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Nobody outside chooses keys of the maps but who is authenticated; the secret keeps also those from meeting. */
static uint64_t hash(const struct jn_browsers *b, const void *bytes, size_t n)
{
    const uint8_t *at = bytes;
    uint64_t h = b->secret;

    for (; n > 0; at += 8, n = n > 8 ? n - 8 : 0) {
        uint64_t word = 0;
        memcpy(&word, at, n < 8 ? n : 8);
        h ^= word;
        h = jn_splitmix(&h);
    }
    return h ? h : 1;
}

static uint64_t hash_pair(const struct jn_browsers *b, const struct jn_ice_pair *pair)
{
    uint8_t key[24];

    memcpy(key, pair->peer.ip, 16);
    memcpy(key + 16, &pair->peer.port, 2);
    key[18] = pair->peer.family;
    key[19] = 0;
    memcpy(key + 20, &pair->local, 4);
    return hash(b, key, sizeof key);
}

/* ---- the plane's part ---- */

static void share_ports(struct jn_plane *p)
{
    struct jn_browsers *b = p->browsers;

    for (unsigned i = 0; i < p->places && b->shared_n < JN_SHARED_PORTS; i++) {
        const struct jn_place *at = &p->place[i]; /* the last pair is left to ordinary legs */
        uint32_t pair = at->interface == 0 && at->pairs > 1 ? jn_pair_take(p, 0, at->advertise.family, 0) : JN_NONE;
        if (pair == JN_NONE)
            continue;
        p->pair_leg[pair] = JN_SHARED;
        b->shared[b->shared_n++] = pair;
    }
}

int jn_browsers_open(struct jn_plane *p)
{
    uint32_t n = p->c.browsers;

    if (n == 0)
        return 0;
    struct jn_browsers *b = p->browsers = calloc(1, sizeof *b);
    if (!b)
        return -ENOMEM;
    b->at = calloc(n, sizeof *b->at);
    b->pool.free = malloc(n * sizeof *b->pool.free);
    if (!b->at || !b->pool.free || jn_map_init(&b->by_ufrag, 2 * n) < 0 ||
        jn_map_init(&b->by_source, n * JN_ICE_PAIRS) < 0)
        return -ENOMEM;
    for (b->pool.n = 0; b->pool.n < n; b->pool.n++)
        b->pool.free[b->pool.n] = n - 1 - b->pool.n;
    b->secret = p->seed;
    if (p->c.seed == 0)
        jn_random(&b->secret, sizeof b->secret);
    share_ports(p);
    return 0;
}

void jn_browsers_free(struct jn_plane *p)
{
    struct jn_browsers *b = p->browsers;

    if (!b)
        return;
    free(b->at);
    free(b->pool.free);
    jn_map_free(&b->by_ufrag);
    jn_map_free(&b->by_source);
    free(b);
    p->browsers = NULL;
}

void jn_plane_slow(struct jn_plane *p, struct jn_mailbox *to, struct jn_mailbox *from)
{
    if (!p->browsers)
        return;
    p->browsers->to_slow = to;
    p->browsers->from_slow = from;
}

size_t jn_plane_slow_bytes(void)
{
    return sizeof(struct jn_dtls_mail);
}

/* ---- a leg's life ---- */

uint32_t jn_browser_open(struct jn_plane *p, struct jn_leg *l, const struct jn_order *o, struct jn_fact *f)
{
    struct jn_browsers *b = p->browsers;

    if (!b || b->shared_n == 0 || !b->to_slow || !memchr(o->open.ice.ufrag, 0, sizeof o->open.ice.ufrag) ||
        strlen(o->open.ice.ufrag) != JN_ICE_UFRAG || !memchr(o->open.ice.pwd, 0, sizeof o->open.ice.pwd))
        return JN_NONE;
    uint64_t name = hash(b, o->open.ice.ufrag, JN_ICE_UFRAG);
    if (jn_map_get(&b->by_ufrag, name) != JN_MAP_NONE || !jn_keys_keep(p))
        return JN_NONE;
    uint32_t i = jn_slot_take(&b->pool);
    if (i == JN_NONE) {
        jn_mailbox_unreserve(b->to_slow);
        jn_mailbox_unreserve(b->to_slow);
        return JN_NONE;
    }
    struct jn_browser *x = l->browser = &b->at[i];
    memset(x, 0, sizeof *x);
    x->leg = (uint32_t)(l - p->leg);
    x->names[0] = name;
    x->dtls_pair = JN_ICE_NO_PAIR;
    jn_ice_init(&x->ice, &o->open.ice);
    jn_map_set(&b->by_ufrag, name, i);
    p->counts.browsers++;
    f->opened.more_n = 0;
    for (unsigned k = 1; k < b->shared_n; k++)
        f->opened.more[f->opened.more_n++] = jn_pair_address(p, b->shared[k]);
    return b->shared[0];
}

static void forget_pair(struct jn_browsers *b, const struct jn_ice_pair *pair, uint32_t was)
{
    uint64_t key = hash_pair(b, pair);

    if (jn_map_get(&b->by_source, key) == was) /* not another leg's by now */
        jn_map_del(&b->by_source, key);
}

void jn_browser_close(struct jn_plane *p, struct jn_leg *l)
{
    struct jn_browsers *b = p->browsers;
    struct jn_browser *x = l->browser;
    uint32_t i = (uint32_t)(x - b->at);

    jn_keys_close(p, l);
    for (uint8_t k = 0; k < x->ice.pairs; k++)
        forget_pair(b, &x->ice.pair[k], i * JN_ICE_PAIRS + k);
    for (unsigned k = 0; k < 2; k++)
        if (x->names[k])
            jn_map_del(&b->by_ufrag, x->names[k]);
    explicit_bzero(x, sizeof *x);
    jn_slot_give(&b->pool, i);
    l->browser = NULL;
    p->counts.browsers--;
}

/* A new name of ours (ICE restart). */
static bool rename_leg(struct jn_browsers *b, struct jn_browser *x, const struct jn_ice_own *own)
{
    if (!memchr(own->ufrag, 0, sizeof own->ufrag) || strlen(own->ufrag) != JN_ICE_UFRAG ||
        !memchr(own->pwd, 0, sizeof own->pwd))
        return false;
    uint64_t name = hash(b, own->ufrag, JN_ICE_UFRAG);
    uint32_t i = (uint32_t)(x - b->at), has = jn_map_get(&b->by_ufrag, name);
    if (has != JN_MAP_NONE && has != i)
        return false;
    if (!jn_ice_rename(&x->ice, own))
        return true;
    if (x->names[1])
        jn_map_del(&b->by_ufrag, x->names[1]);
    x->names[1] = x->names[0];
    x->names[0] = name;
    jn_map_set(&b->by_ufrag, name, i);
    return true;
}

bool jn_browser_describe(struct jn_plane *p, struct jn_leg *l, const struct jn_leg_remote *r, uint64_t now_ns)
{
    return rename_leg(p->browsers, l->browser, &r->by.own) && jn_keys_describe(p, l, &r->by, now_ns);
}

/* ---- what goes out beside media ---- */

void jn_browser_flush(struct jn_plane *p)
{
    struct jn_browsers *b = p->browsers;
    struct jn_pkt *out[JN_RAW_BURST];

    if (!b || b->raw_n == 0)
        return;
    for (unsigned i = 0; i < b->raw_n; i++)
        out[i] = &b->raw[i];
    p->c.port.tx(p->c.port.arg, out, b->raw_n);
    for (unsigned i = 0; i < b->raw_n; i++) {
        if (out[i]->drop != JN_DROP_NONE) {
            p->counts.drops[JN_DROP_TX]++;
            continue;
        }
        p->counts.tx_packets++;
        p->counts.tx_bytes += out[i]->len;
    }
    b->raw_n = 0;
}

struct jn_pkt *jn_browser_raw(struct jn_plane *p, const struct jn_ice_pair *to)
{
    struct jn_browsers *b = p->browsers;

    if (b->raw_n == JN_RAW_BURST)
        jn_browser_flush(p);
    struct jn_pkt *pk = &b->raw[b->raw_n];
    *pk = (struct jn_pkt){
        .data = b->bytes[b->raw_n], .cap = JN_DTLS_DATAGRAM_MAX, .stream = JN_PKT_NO_STREAM, .from = to->peer};
    pk->local = (__typeof__(pk->local))to->local;
    b->raw_n++;
    return pk;
}

/* ---- what comes in ---- */

/* The pair is x's from now on; another leg that had it (a browser's next call from the same socket) has lost it. */
static void bind_pair(struct jn_browsers *b, struct jn_browser *x, const struct jn_ice_pair *by,
                      const struct jn_ice_pair *replaced)
{
    uint32_t base = (uint32_t)(x - b->at) * JN_ICE_PAIRS;

    for (uint8_t k = 0; k < x->ice.pairs; k++) {
        if (x->ice.pair[k].local != by->local || !jn_addr_equal(&x->ice.pair[k].peer, &by->peer))
            continue;
        if (replaced->peer.family != JN_ADDR_NONE)
            forget_pair(b, replaced, base + k);
        jn_map_set(&b->by_source, hash_pair(b, by), base + k);
        return;
    }
}

static void nominate(struct jn_plane *p, struct jn_browser *x)
{
    const struct jn_ice_pair *to = &x->ice.pair[x->ice.nominated];
    struct jn_leg *l = &p->leg[x->leg];

    jn_plane_flush(p); /* what is built goes where it was to go */
    l->src.have = to->peer;
    l->src.latched = true;
    l->pair = to->local / 2;
    p->counts.ice_nominated++;
    jn_keys_start(p, x);
}

/* Who errs is told so, but not whoever asks how often: an answer may go to an address that somebody forged. */
static bool may_refuse(struct jn_browsers *b, uint64_t now_ns)
{
    enum { REFUSALS = 50, REFUSAL_MS = 20 };
    uint64_t more = now_ns > b->refusal_at_ns ? (now_ns - b->refusal_at_ns) / (REFUSAL_MS * NS_PER_MS) : 0;

    b->refusal_at_ns += more * REFUSAL_MS * NS_PER_MS;
    b->refusals = (uint16_t)(b->refusals + more < REFUSALS ? b->refusals + more : REFUSALS);
    if (b->refusals == 0)
        return false;
    b->refusals--;
    return true;
}

static void check(struct jn_plane *p, const struct jn_pkt *pk)
{
    struct jn_browsers *b = p->browsers;
    struct jn_stun s;

    p->counts.ice_checks++;
    if (jn_stun_parse(&s, pk->data, pk->len) < 0 || s.fingerprint < 0) {
        p->counts.ice_malformed++;
        return;
    }
    if (s.cls != JN_STUN_REQUEST || s.method != 1) {
        p->counts.ice_malformed += s.cls != JN_STUN_INDICATION; /* those only keep a NAT's door open */
        return;
    }
    struct jn_ice_pair by = {.peer = pk->from, .local = pk->local}, replaced;
    uint8_t answer[JN_STUN_ANSWER_MAX];
    size_t len = 0;
    enum jn_ice_result what = JN_ICE_DROP;
    const char *name = jn_ice_username(&s);
    uint32_t i = name ? jn_map_get(&b->by_ufrag, hash(b, name, JN_ICE_UFRAG)) : JN_MAP_NONE;
    if (i == JN_MAP_NONE) {
        p->counts.ice_strangers++;
        len = jn_ice_refuse(&s, pk->len, answer);
    } else {
        what = jn_ice_check(&b->at[i].ice, &s, pk->data, pk->len, &by, answer, &len, &replaced);
        p->counts.ice_refused += what == JN_ICE_REFUSED || what == JN_ICE_DROP;
        p->counts.ice_conflicts += what == JN_ICE_CONFLICT;
    }
    bool good = what == JN_ICE_VALID || what == JN_ICE_NOMINATED;
    if (good)
        bind_pair(b, &b->at[i], &by, &replaced);
    if (len > 0 && (good || may_refuse(b, pk->at_ns))) {
        struct jn_pkt *out = jn_browser_raw(p, &by);
        memcpy(out->data, answer, len);
        out->len = (uint16_t)len;
    }
    if (what == JN_ICE_NOMINATED)
        nominate(p, &b->at[i]);
}

static uint32_t dropped(struct jn_plane *p, struct jn_pkt *pk, enum jn_drop why)
{
    pk->drop = (uint8_t)why;
    p->counts.drops[why]++;
    return JN_NONE;
}

uint32_t jn_browser_look_up(struct jn_plane *p, struct jn_pkt *pk, bool *rtcp)
{
    struct jn_browsers *b = p->browsers;

    if (pk->len < 8 || (pk->local & 1) != 0)
        return dropped(p, pk, pk->len < 8 ? JN_DROP_SHORT : JN_DROP_NOT_MEDIA);
    if (pk->data[0] < 4) {
        check(p, pk);
        return JN_NONE;
    }
    bool dtls = pk->data[0] >= 20 && pk->data[0] < 64;
    struct jn_ice_pair by = {.peer = pk->from, .local = pk->local};
    uint32_t at = jn_map_get(&b->by_source, hash_pair(b, &by));
    struct jn_browser *x = at == JN_MAP_NONE ? NULL : &b->at[at / JN_ICE_PAIRS];
    const struct jn_ice_pair *pair = x ? &x->ice.pair[at % JN_ICE_PAIRS] : NULL;
    if (!x || pair->local != by.local || !jn_addr_equal(&pair->peer, &by.peer)) {
        p->counts.dtls_strangers += dtls;
        return dropped(p, pk, JN_DROP_SOURCE);
    }
    if (dtls) {
        jn_keys_in(p, x, pk, (uint8_t)(at % JN_ICE_PAIRS));
        return JN_NONE;
    }
    if (pk->data[0] < 128 || pk->data[0] > 191)
        return dropped(p, pk, JN_DROP_NOT_MEDIA);
    *rtcp = jn_is_rtcp(pk->data, pk->len);
    pk->stream = x->leg;
    return x->leg;
}
