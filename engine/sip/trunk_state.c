/* Trunk state: each trunk while the engine runs: channels in use, which of its targets answer, whether we are
 * registered there. Follows the directory; a trunk that is gone ends with its last call. */
#include "engine/base/rand.h"
#include "engine/sip/trunk.h"
#include <errno.h>
#include <sofia-sip/auth_common.h>
#include <sofia-sip/su_tag.h>
#include <stdlib.h>

uint64_t jn_sip_key(const nua_handle_t *nh)
{
    return (uint64_t)(uintptr_t)nh;
}

uint64_t jn_sip_silent_ns(const struct jn_sip *s)
{
    return (s->c.t1x64_ms ? s->c.t1x64_ms : 32000) / 8 * UINT64_C(1000000);
}

uint32_t jn_sip_random(struct jn_sip *s, uint32_t below)
{
    return below ? (uint32_t)(jn_splitmix(&s->trunks->random) % below) : 0;
}

struct trunk *jn_sip_trunk_get(const struct jn_sip *s, uint64_t id)
{
    uint32_t i = id ? jn_map_get(&s->trunks->by_id, id) : JN_MAP_NONE;
    return i < s->trunks->n ? &s->trunks->at[i] : NULL;
}

const struct jn_sip_trunk_status *jn_sip_trunk_status(const struct jn_sip *s, unsigned i)
{
    /* Pairs with the release in make: names are written before the slot is shown. */
    return i < atomic_load_explicit(&s->trunks->statuses, memory_order_acquire) ? &s->trunks->status[i] : NULL;
}

static void make(struct jn_sip *s, const struct jn_dir_trunk *t)
{
    struct jn_sip_trunks *all = s->trunks;
    if (all->n == JN_SIP_TRUNKS_MAX || jn_map_set(&all->by_id, t->id, all->n)) {
        jn_error("sip", "trunk \"%s\" cannot be used: %u trunks since the start are all that fit", t->name, all->n);
        return;
    }
    struct trunk *k = &all->at[all->n];
    uint8_t raw[JN_TRUNK_TOKEN / 2];
    k->id = t->id;
    k->status = &all->status[all->n];
    k->status->id = t->id;
    k->status->tenant = t->tenant;
    jn_copy(k->status->name, sizeof k->status->name, t->name);
    const struct jn_dir_tenant *tenant = jn_dir_tenant(s->dir, t->tenant);
    jn_copy(k->status->tenant_name, sizeof k->status->tenant_name, tenant ? tenant->name : "");
    jn_random(raw, sizeof raw);
    jn_hex(k->reg.token, raw, sizeof raw);
    all->n++;
    /* Pairs with the acquire in jn_sip_trunk_status. */
    atomic_store_explicit(&all->statuses, all->n, memory_order_release);
}

int jn_sip_trunks_init(struct jn_sip *s)
{
    s->trunks = calloc(1, sizeof *s->trunks);
    if (!s->trunks || jn_map_init(&s->trunks->by_id, 64) || jn_map_init(&s->trunks->by_handle, 64))
        return -ENOMEM;
    jn_random(&s->trunks->random, sizeof s->trunks->random);
    jn_sip_trunks_follow(s);
    return 0;
}

static void stop(struct jn_sip *s, struct trunk *k)
{
    jn_sip_probe_stop(s, k);
    jn_sip_register_stop(s, k);
}

void jn_sip_trunks_stop(struct jn_sip *s)
{
    for (uint32_t i = 0; s->trunks && i < s->trunks->n; i++)
        stop(s, &s->trunks->at[i]);
}

void jn_sip_trunks_free(struct jn_sip *s)
{
    if (!s->trunks)
        return;
    while (s->trunks->attempts) {
        struct jn_sip_attempt *a = s->trunks->attempts;
        s->trunks->attempts = a->next;
        free(a->sdp);
        free(a);
    }
    jn_map_free(&s->trunks->by_id);
    jn_map_free(&s->trunks->by_handle);
    free(s->trunks);
    s->trunks = NULL;
}

/* Targets are new ones: what was known of the old says nothing. */
static void begin(struct jn_sip *s, struct trunk *k, const struct jn_dir_trunk *t)
{
    uint64_t now = jn_mono_ns();
    stop(s, k);
    for (unsigned i = 0; i < JN_DIR_TARGETS; i++)
        k->target[i] = (struct trunk_target){.next_ns = now + jn_sip_random(s, 500) * UINT64_C(1000000)};
    k->reg.next_ns = now;
    k->reg.until_ns = 0;
    k->reg.failures = k->reg.target = 0;
    atomic_store_explicit(&k->status->up, t->tos, memory_order_relaxed);
    atomic_store_explicit(&k->status->down, 0, memory_order_relaxed);
    atomic_store_explicit(&k->status->registered, t->reg_expires_s ? JN_SIP_REG_TRYING : JN_SIP_REG_OFF,
                          memory_order_relaxed);
}

static uint64_t shape(const struct jn_dir_trunk *t)
{
    char text[1024] = "";
    size_t n = 0;
    for (unsigned i = 0; i < t->tos && n < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s:%u;%u ", t->to[i].host, t->to[i].port, t->to[i].transport);
    if (n < sizeof text)
        snprintf(text + n, sizeof text - n, "%s %s %s %s %u %u", t->domain, t->user, t->secret, t->reg_user,
                 t->reg_expires_s, t->probe_s);
    uint64_t h = jn_name_id(t->id, "trunk shape", text);
    explicit_bzero(text, sizeof text);
    return h;
}

void jn_sip_trunks_follow(struct jn_sip *s)
{
    for (uint32_t i = 0; i < s->dir->n_trunks; i++)
        if (s->dir->trunks[i].id && !jn_sip_trunk_get(s, s->dir->trunks[i].id))
            make(s, &s->dir->trunks[i]);
    for (uint32_t i = 0; i < s->trunks->n; i++) {
        struct trunk *k = &s->trunks->at[i];
        const struct jn_dir_trunk *t = jn_dir_trunk(s->dir, k->id);
        uint64_t now = t ? shape(t) : 0;
        if (now == k->shape)
            continue;
        k->shape = now;
        atomic_store_explicit(&k->status->there, t != NULL, memory_order_relaxed);
        if (t)
            begin(s, k, t);
        else
            stop(s, k);
    }
}

void jn_sip_trunks_tick(struct jn_sip *s, uint64_t now_ns)
{
    for (uint32_t i = 0; i < s->trunks->n; i++) {
        struct trunk *k = &s->trunks->at[i];
        const struct jn_dir_trunk *t = k->shape ? jn_dir_trunk(s->dir, k->id) : NULL;
        if (!t)
            continue;
        jn_sip_probe_tick(s, k, t, now_ns);
        jn_sip_register_tick(s, k, t, now_ns);
    }
    jn_sip_attempts_tick(s, now_ns);
}

/* An INVITE that was given up and cancelled: its leg has gone on. Should it be answered all the same, it is ended. */
static void abandoned(struct jn_sip *s, nua_handle_t *nh, nua_event_t e, int status, tagi_t *tags)
{
    int state = nua_callstate_init;
    if (e == nua_r_invite && status >= 200 && status < 300)
        nua_bye(nh, TAG_END());
    else if (e == nua_i_state)
        tl_gets(tags, NUTAG_CALLSTATE_REF(state), TAG_END());
    if (state != nua_callstate_terminated && e != nua_i_terminated)
        return;
    jn_map_del(&s->trunks->by_handle, jn_sip_key(nh));
    nua_handle_destroy(nh);
}

void jn_sip_trunk_event(struct jn_sip *s, nua_handle_t *nh, nua_event_t e, int status, const sip_t *sip, tagi_t *tags)
{
    uint32_t i = s->trunks && nh ? jn_map_get(&s->trunks->by_handle, jn_sip_key(nh)) : JN_MAP_NONE;
    if (i == JN_MAP_NONE)
        return;
    if (i == 0) {
        abandoned(s, nh, e, status, tags);
        return;
    }
    struct trunk *k = &s->trunks->at[i - 1];
    if (e == nua_r_options && status >= 200)
        jn_sip_probe_answered(s, k, nh, status, sip);
    else if (e == nua_r_method && status >= 200)
        jn_sip_register_answered(s, k, status, sip);
}

bool jn_sip_trunk_usable(const struct jn_sip *s, const struct jn_dir_trunk *t, unsigned target)
{
    const struct trunk *k = jn_sip_trunk_get(s, t->id);
    bool registered = k && (!t->reg_expires_s || k->reg.until_ns > jn_mono_ns());
    return registered && target < t->tos && !k->target[target].down;
}

bool jn_sip_trunk_take(struct jn_sip *s, struct jn_sip_leg *l, const struct jn_dir_trunk *t)
{
    struct trunk *k = jn_sip_trunk_get(s, t->id);
    if (!k)
        return t->id == 0;
    uint32_t in_use = atomic_load_explicit(&k->status->channels, memory_order_relaxed);
    if (t->max_channels && in_use >= t->max_channels) {
        count(&k->status->capped);
        return false;
    }
    atomic_store_explicit(&k->status->channels, in_use + 1, memory_order_relaxed); /* one writer: this thread */
    l->trunk = t->id;
    return true;
}

void jn_sip_trunk_give(struct jn_sip *s, struct jn_sip_leg *l)
{
    struct trunk *k = jn_sip_trunk_get(s, l->trunk);
    l->trunk = 0;
    if (k)
        atomic_fetch_sub_explicit(&k->status->channels, 1, memory_order_relaxed);
}

void jn_sip_attempt_free(struct jn_sip_leg *l)
{
    struct jn_sip_attempt *a = l->attempt;
    if (!a)
        return;
    *a->at = a->next;
    if (a->next)
        a->next->at = a->at;
    l->attempt = NULL;
    free(a);
}

void jn_sip_trunk_came(struct jn_sip *s, const struct jn_sip_leg *l)
{
    struct trunk *k = jn_sip_trunk_get(s, l->trunk);
    if (k)
        count(&k->status->calls_in);
}

void jn_sip_trunk_left(struct jn_sip *s, struct jn_sip_leg *l)
{
    jn_sip_attempt_free(l);
    jn_sip_trunk_give(s, l);
}

const struct jn_dir_trunk *jn_sip_trunk_of(const struct jn_sip *s, const sip_t *sip, const struct jn_addr *source,
                                           bool *registered)
{
    const char *user = sip->sip_request->rq_url->url_user;
    *registered = false;
    /* What a carrier was told in REGISTER's Contact is known to it alone: 64 random bits. */
    for (uint32_t i = 0; user && strlen(user) == JN_TRUNK_TOKEN && i < s->trunks->n; i++) {
        const struct trunk *k = &s->trunks->at[i];
        const struct jn_dir_trunk *t = jn_dir_trunk(s->dir, k->id);
        if (t && t->reg_expires_s && k->reg.until_ns > jn_mono_ns() &&
            jn_equal_ct(user, k->reg.token, JN_TRUNK_TOKEN)) {
            *registered = true;
            return t;
        }
    }
    return jn_dir_trunk_from(s->dir, source);
}

void jn_sip_target_uri(char *out, size_t size, const char *user, const struct jn_dir_target *to)
{
    static const char *const names[JN_TRANSPORT_N] = {"udp", "tcp", "tls"};
    bool six = strchr(to->host, ':') != NULL;
    snprintf(out, size, "sip:%s%s%s%s%s:%u;transport=%s", user ? user : "", user ? "@" : "", six ? "[" : "", to->host,
             six ? "]" : "", to->port, names[to->transport % JN_TRANSPORT_N]);
}

void jn_sip_our_host(const struct jn_sip *s, char *out, size_t size)
{
    const char *host = s->c.advertise[0] ? s->c.advertise : s->c.host;
    bool six = strchr(host, ':') != NULL;
    snprintf(out, size, "%s%s%s", six ? "[" : "", host, six ? "]" : "");
}

bool jn_sip_authenticate(nua_handle_t *nh, const struct jn_dir_trunk *t, const sip_t *sip, int status)
{
    const msg_auth_t *au = !sip ? NULL : status == 401 ? sip->sip_www_authenticate : sip->sip_proxy_authenticate;
    const char *realm = NULL;
    for (; au && !realm; au = au->au_next)
        if (au->au_scheme && !strcasecmp(au->au_scheme, "Digest"))
            realm = msg_params_find(au->au_params, "realm=");
    if (!realm || !t->user[0] || strlen(realm) > 128)
        return false;
    char text[512];
    /* The realm comes with its quotes. */
    int n = snprintf(text, sizeof text, "Digest:%s%s%s:%s:%s", realm[0] == '"' ? "" : "\"", realm,
                     realm[0] == '"' ? "" : "\"", t->user, t->secret);
    bool fits = n > 0 && (size_t)n < sizeof text;
    if (fits)
        nua_authenticate(nh, NUTAG_AUTH(text), TAG_END());
    explicit_bzero(text, sizeof text);
    return fits;
}
