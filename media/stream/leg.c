/* Leg: the port half's life: opening, what the peer said, joining and leaving, closing. */
#include "engine/base/rand.h"
#include "engine/base/str.h"
#include "media/codec/codec.h"
#include "media/stream/browser.h"
#include "media/stream/state.h"
#include <string.h>

static void refuse_open(struct jn_plane *p, const struct jn_order *o)
{
    struct jn_fact f = {.kind = JN_FACT_LEG_REFUSED, .token = o->token, .leg = o->leg};

    p->counts.refused_orders++;
    jn_fact_send(p, &f);
}

static void live_add(struct jn_plane *p, struct jn_leg *l)
{
    l->live_at = p->live_n;
    p->live[p->live_n++] = (uint32_t)(l - p->leg);
}

static void live_del(struct jn_plane *p, struct jn_leg *l)
{
    uint32_t last = p->live[--p->live_n];
    p->live[l->live_at] = last;
    p->leg[last].live_at = l->live_at;
}

static void tx_init(struct jn_plane *p, struct jn_leg_tx *tx)
{
    struct {
        uint32_t ssrc, ts;
        uint16_t seq;
    } r;

    if (p->c.seed) {
        uint64_t a = jn_splitmix(&p->seed), b = jn_splitmix(&p->seed);
        r.ssrc = (uint32_t)a;
        r.ts = (uint32_t)(a >> 32);
        r.seq = (uint16_t)b;
    } else {
        jn_random(&r, sizeof r);
    }
    tx->ssrc = r.ssrc;
    tx->last_ts = r.ts;
    tx->seq = 0x10000u + (r.seq & 0x7fffu); /* upper half free: SRTP's first index must not wrap (RFC 3711 3.3.1) */
}

static void pair_back(struct jn_plane *p, struct jn_leg *l, uint64_t now_ns)
{
    if (l->browser)
        jn_browser_close(p, l);
    else
        jn_pair_give(p, l->pair, now_ns);
}

bool jn_leg_open(struct jn_plane *p, const struct jn_order *o, uint64_t now_ns)
{
    uint32_t i = JN_NONE, pair = JN_NONE;

    if (o->leg == 0 || jn_leg_find(p, o->leg) || p->backlog_n > 0 || jn_mailbox_reserve(p->facts) < 0) {
        refuse_open(p, o);
        return true;
    }
    struct jn_fact f = {.kind = JN_FACT_LEG_OPENED, .worker = p->c.index, .token = o->token, .leg = o->leg};
    struct jn_leg *l = NULL;
    i = jn_slot_take(&p->leg_pool);
    if (i != JN_NONE) {
        l = &p->leg[i];
        memset(l, 0, sizeof *l);
        pair =
            o->open.browser ? jn_browser_open(p, l, o, &f) : jn_pair_take(p, o->open.interface, o->open.family, now_ns);
        l->pair = pair;
    }
    if (pair != JN_NONE)
        f.opened.rtp = jn_pair_address(p, pair);
    if (pair == JN_NONE || jn_mailbox_send(p->facts, &f) < 0) {
        if (pair != JN_NONE)
            pair_back(p, l, now_ns);
        if (i != JN_NONE)
            jn_slot_give(&p->leg_pool, i);
        jn_mailbox_unreserve(p->facts);
        refuse_open(p, o);
        return true;
    }
    l->id = o->leg;
    l->cname = o->open.cname;
    l->voice = l->packs = JN_NONE;
    l->mode = JN_MODE_INACTIVE;
    tx_init(p, &l->tx);
    if (!l->browser)
        p->pair_leg[pair] = i;
    jn_map_set(&p->leg_map, l->id, i);
    live_add(p, l);
    p->counts.legs++;
    return true;
}

/* The context for key: the one that is there when suite and key are the same, for one begun again would forget what it
 * has seen (replay) or use a key and index twice; otherwise a new one, whose senders go on where they are. NULL: none
 * could be made. */
static struct jn_srtp *context(struct jn_plane *p, const struct jn_leg *l, struct jn_srtp *now, const uint8_t *old_key,
                               const struct jn_leg_remote *r, const uint8_t *key, bool inbound)
{
    if (now && old_key && l->remote.suite == r->suite &&
        jn_equal_ct(old_key, key, jn_srtp_key_bytes((enum jn_srtp_suite)r->suite)))
        return now;
    enum jn_srtp_suite suite = (enum jn_srtp_suite)r->suite;
    return now ? p->c.srtp->rekey(now, suite, key) : p->c.srtp->open_context(p->srtp, suite, key, inbound);
}

static void replace(struct jn_plane *p, struct jn_srtp **at, struct jn_srtp *with)
{
    if (*at && *at != with)
        p->c.srtp->close_context(*at);
    *at = with;
}

static void forget_keys(struct jn_plane *p, struct jn_leg *l)
{
    if (!l->keys)
        return;
    explicit_bzero(l->keys, sizeof *l->keys);
    jn_slab_give(&p->keys, l->keys);
    l->keys = NULL;
}

/* As described, to tell whether the next description has others; there are pieces for all legs. */
static void keep_keys(struct jn_plane *p, struct jn_leg *l, const struct jn_leg_remote *r)
{
    if (r->suite == JN_SUITE_NONE) {
        forget_keys(p, l);
        return;
    }
    if (!l->keys)
        l->keys = jn_slab_take(&p->keys);
    memcpy(l->keys->in, r->key_in, sizeof l->keys->in);
    memcpy(l->keys->out, r->key_out, sizeof l->keys->out);
}

static bool keys(struct jn_plane *p, struct jn_leg *l, const struct jn_leg_remote *r)
{
    struct jn_srtp *in = NULL, *out = NULL;

    if (r->suite != JN_SUITE_NONE) {
        in = context(p, l, l->in, l->keys ? l->keys->in : NULL, r, r->key_in, true);
        out = context(p, l, l->out, l->keys ? l->keys->out : NULL, r, r->key_out, false);
        if (!in || !out) {
            if (in && in != l->in)
                p->c.srtp->close_context(in);
            if (out && out != l->out)
                p->c.srtp->close_context(out);
            return false;
        }
    }
    jn_plane_flush(p); /* what was built under the old keys is sealed with them */
    replace(p, &l->in, in);
    replace(p, &l->out, out);
    keep_keys(p, l, r);
    return true;
}

void jn_leg_format(struct jn_plane *p, struct jn_leg *l, uint64_t now_ns)
{
    struct jn_format f = {l->codec, l->ptime_ms, l->mode, l->remote.profile};

    if (!l->joined || !l->ready)
        return;
    if (l->voice != JN_NONE)
        jn_room_format(p, &p->voice[l->voice], &f, now_ns);
    else
        jn_link_format(p, l);
}

bool jn_leg_remote(struct jn_plane *p, struct jn_leg *l, const struct jn_order *o, uint64_t now_ns)
{
    const struct jn_leg_remote *r = &o->remote;

    if (!jn_codec(r->codec) || r->rtp_pt > 127 || r->suite >= JN_SUITE_N || r->mode > JN_MODE_INACTIVE ||
        r->ptime_ms < 10 || r->ptime_ms > 60 || r->dtls != (l->browser != NULL) ||
        !(r->dtls ? jn_browser_describe(p, l, r, now_ns) : keys(p, l, r)))
        return false;
    if (l->codec != r->codec || l->ptime_ms != r->ptime_ms || r->ptime_ms == 20)
        jn_packs_give(p, l);
    l->remote = (struct jn_leg_peer){.rtcp = r->rtcp,
                                     .via = r->via,
                                     .profile = r->profile,
                                     .suite = r->suite,
                                     .xr = r->xr,
                                     .level_id = r->level_id,
                                     .muxed = jn_addr_equal(&r->rtcp, &r->rtp)};
    l->comfort = r->comfort;
    l->codec = r->codec;
    l->rtp_pt = r->rtp_pt;
    l->dtmf_pt = r->dtmf_pt;
    l->cn_pt = r->cn_pt;
    l->ptime_ms = r->ptime_ms;
    l->mode = r->mode;
    l->scale = (uint8_t)(jn_codec(r->codec)->clock / 8000);
    jn_digit_listen(p, l, r->inband && r->codec <= JN_CODEC_PCMA);
    bool latch = r->latch && r->suite == JN_SUITE_NONE;
    if (!r->dtls) /* a browser's address is what ICE finds, and without keys it is not ready: keys.c */
        jn_source_set(&l->src, &r->rtp, latch ? now_ns + p->c.latch_ms * NS_PER_MS : 0);
    l->last_rx_ns = now_ns;
    l->silent = false;
    jn_quality_begin(l, now_ns);
    if (!l->ready && !r->dtls)
        jn_report_start(p, l, now_ns);
    l->ready = l->ready || !r->dtls;
    jn_leg_format(p, l, now_ns);
    return true;
}

/* Leaves whatever room it is in; the home of a room elsewhere hears of it by the place that was kept. */
void jn_leg_leave(struct jn_plane *p, struct jn_leg *l, bool tell)
{
    if (!l->joined)
        return;
    bool elsewhere = l->room_worker != p->c.index;
    if (elsewhere && !tell)
        jn_link_unkeep(p, l->room_worker);
    if (elsewhere && tell) {
        struct jn_link_msg *m = &p->scratch;
        m->kind = JN_LINK_LEAVE;
        m->leg = l->id;
        m->room = l->room;
        jn_link_send_kept(p, l->room_worker, m);
    }
    l->joined = l->format_due = false;
    l->voice = JN_NONE;
    l->room = 0;
    l->tx.tag = 0;
    jn_packs_give(p, l);
}

/* Only for a room whose home is elsewhere; jn_room_join does the rest for one that is here. */
bool jn_leg_join(struct jn_plane *p, struct jn_leg *l, const struct jn_order *o, uint64_t now_ns)
{
    if (l->voice != JN_NONE)
        jn_room_leave(p, &p->voice[l->voice], false, now_ns);
    jn_leg_leave(p, l, true);
    if (o->room_worker != p->c.index && !jn_link_keep(p, o->room_worker))
        return false;
    l->joined = true;
    l->room = o->room;
    l->room_worker = o->room_worker;
    if (o->room_worker != p->c.index)
        jn_link_format(p, l);
    return true;
}

void jn_leg_add_stats(struct jn_leg *l, const struct jn_link_stats *s)
{
    l->seen.late += (uint32_t)s->late;
    l->seen.duplicate += (uint32_t)s->duplicate;
    l->seen.concealed += (uint32_t)s->concealed;
    if (s->late)
        jn_quality_late(l, s->late);
}

void jn_leg_close(struct jn_plane *p, struct jn_leg *l, uint64_t token, uint64_t now_ns)
{
    if (l->voice != JN_NONE)
        jn_room_leave(p, &p->voice[l->voice], true, now_ns);
    jn_leg_leave(p, l, true);
    jn_report_send(p, l, true, now_ns);
    jn_plane_flush(p); /* nothing of this leg stays in the burst */
    struct jn_fact f = {.kind = JN_FACT_LEG_CLOSED, .worker = p->c.index, .token = token, .leg = l->id};
    jn_quality_figures(l, &f.stats, true);
    if (l->in)
        p->c.srtp->close_context(l->in);
    if (l->out)
        p->c.srtp->close_context(l->out);
    pair_back(p, l, now_ns);
    jn_packs_give(p, l);
    live_del(p, l);
    jn_map_del(&p->leg_map, l->id);
    forget_keys(p, l);
    jn_slot_give(&p->leg_pool, (uint32_t)(l - p->leg));
    p->counts.legs--;
    jn_mailbox_send_reserved(p->facts, &f);
}
