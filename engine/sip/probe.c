/* Probe: OPTIONS to each target of a trunk (RFC 3261 11): down after so many without an answer, up again after one. */
#include "engine/sip/trunk.h"

static void tell(struct trunk *k, const struct jn_dir_trunk *t, unsigned i, bool down)
{
    struct trunk_target *g = &k->target[i];
    if (g->down == down)
        return;
    g->down = down;
    atomic_fetch_add_explicit(&k->status->up, down ? UINT32_MAX : 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&k->status->down, down ? 1 : UINT32_MAX, memory_order_relaxed);
    if (down)
        jn_warn("sip", "trunk target down trunk=%s target=%s:%u failures=%u", t->name, t->to[i].host, t->to[i].port,
                g->failures);
    else
        jn_info("sip", "trunk target up trunk=%s target=%s:%u", t->name, t->to[i].host, t->to[i].port);
}

static void forget(struct jn_sip *s, struct trunk_target *g)
{
    if (!g->nh)
        return;
    jn_map_del(&s->trunks->by_handle, jn_sip_key(g->nh));
    nua_handle_destroy(g->nh);
    g->nh = NULL;
}

void jn_sip_probe_stop(struct jn_sip *s, struct trunk *k)
{
    for (unsigned i = 0; i < JN_DIR_TARGETS; i++)
        forget(s, &k->target[i]);
}

static void failed(struct jn_sip *s, struct trunk *k, const struct jn_dir_trunk *t, unsigned i)
{
    forget(s, &k->target[i]);
    if (++k->target[i].failures >= t->probe_failures)
        tell(k, t, i, true);
}

static void ask(struct jn_sip *s, struct trunk *k, const struct jn_dir_trunk *t, unsigned i, uint64_t now_ns)
{
    struct trunk_target *g = &k->target[i];
    char uri[JN_SIP_URI_MAX], from[JN_SIP_URI_MAX], host[JN_HOST_MAX + 2];
    jn_sip_target_uri(uri, sizeof uri, NULL, &t->to[i]);
    jn_sip_our_host(s, host, sizeof host);
    snprintf(from, sizeof from, "<sip:%s>", t->domain[0] ? t->domain : host);
    g->nh = nua_handle(s->nua, NULL, NUTAG_URL(uri), SIPTAG_FROM_STR(from), SIPTAG_TO_STR(uri), TAG_END());
    if (g->nh && jn_map_set(&s->trunks->by_handle, jn_sip_key(g->nh), (uint32_t)(k - s->trunks->at) + 1)) {
        nua_handle_destroy(g->nh);
        g->nh = NULL;
    }
    g->next_ns = now_ns + (g->nh ? jn_sip_silent_ns(s) : UINT64_C(1000000000));
    if (g->nh)
        nua_options(g->nh, TAG_END());
}

void jn_sip_probe_tick(struct jn_sip *s, struct trunk *k, const struct jn_dir_trunk *t, uint64_t now_ns)
{
    for (unsigned i = 0; t->probe_s && i < t->tos; i++) {
        struct trunk_target *g = &k->target[i];
        if (now_ns < g->next_ns)
            continue;
        if (g->nh) { /* asked, and nothing came */
            failed(s, k, t, i);
            g->next_ns = now_ns + t->probe_s * UINT64_C(1000000000);
        } else {
            ask(s, k, t, i, now_ns);
        }
    }
}

void jn_sip_probe_answered(struct jn_sip *s, struct trunk *k, nua_handle_t *nh, int status, const sip_t *sip)
{
    const struct jn_dir_trunk *t = jn_dir_trunk(s->dir, k->id);
    for (unsigned i = 0; t && i < t->tos; i++) {
        struct trunk_target *g = &k->target[i];
        if (g->nh != nh)
            continue;
        g->next_ns = jn_mono_ns() + t->probe_s * UINT64_C(1000000000);
        /* Any answer shows life, 404 and 405 too; 503 asks to be left alone, and 408 is a proxy's or the stack's. */
        if (!sip || status == 408 || status == 503) {
            failed(s, k, t, i);
        } else {
            forget(s, g);
            g->failures = 0;
            tell(k, t, i, false);
        }
        return;
    }
}
