/* Trunk register: our registration at a carrier (RFC 3261 10.2): refreshed before it ends, retried with growing pauses
 * when it is refused. */
#include "engine/sip/trunk.h"

enum { FIRST_PAUSE_S = 2, LONGEST_PAUSE_S = 300, SHORTEST_S = 30 };

static void state(struct trunk *k, enum jn_sip_reg_state to, int status)
{
    atomic_store_explicit(&k->status->registered, to, memory_order_relaxed);
    atomic_store_explicit(&k->status->last, (uint32_t)status, memory_order_relaxed);
}

static void forget(struct jn_sip *s, struct trunk *k)
{
    k->reg.waits = k->reg.tried = false;
    if (!k->reg.nh)
        return;
    jn_map_del(&s->trunks->by_handle, jn_sip_key(k->reg.nh));
    nua_handle_destroy(k->reg.nh);
    k->reg.nh = NULL;
}

void jn_sip_register_stop(struct jn_sip *s, struct trunk *k)
{
    forget(s, k);
}

static void failed(struct jn_sip *s, struct trunk *k, const struct jn_dir_trunk *t, int status, uint64_t now_ns)
{
    struct trunk_register *r = &k->reg;
    unsigned pause = r->failures < 8 ? (unsigned)FIRST_PAUSE_S << r->failures : (unsigned)LONGEST_PAUSE_S;
    if (pause > LONGEST_PAUSE_S)
        pause = LONGEST_PAUSE_S;
    forget(s, k);
    r->failures++;
    r->target = (uint8_t)((r->target + 1u) % t->tos);
    /* Half of it by chance, so that many do not come back as one. */
    r->next_ns = now_ns + (pause * 500 + jn_sip_random(s, pause * 500)) * UINT64_C(1000000);
    state(k, r->until_ns > now_ns ? JN_SIP_REG_ON : JN_SIP_REG_FAILED, status);
    jn_warn("sip", "trunk not registered trunk=%s status=%d failures=%u retry_s=%u", t->name, status, r->failures,
            (unsigned)((r->next_ns - now_ns) / UINT64_C(1000000000)));
}

static void ask(struct jn_sip *s, struct trunk *k, const struct jn_dir_trunk *t, uint64_t now_ns)
{
    static const char *const transports[JN_TRANSPORT_N] = {"udp", "tcp", "tls"};
    struct trunk_register *r = &k->reg;
    const struct jn_dir_target *to = &t->to[r->target % t->tos];
    const char *domain = t->domain[0] ? t->domain : to->host, *user = t->reg_user[0] ? t->reg_user : t->user;
    const char *o = strchr(domain, ':') ? "[" : "", *c = o[0] ? "]" : "";
    char aor[JN_SIP_URI_MAX], registrar[JN_SIP_URI_MAX], contact[JN_SIP_URI_MAX], hop[JN_SIP_URI_MAX];
    char host[JN_HOST_MAX + 2], expires[16];
    jn_sip_our_host(s, host, sizeof host);
    snprintf(aor, sizeof aor, "<sip:%s@%s%s%s>", user, o, domain, c);
    snprintf(registrar, sizeof registrar, "sip:%s%s%s", o, domain, c);
    snprintf(contact, sizeof contact, "<sip:%s@%s:%u;transport=%s>", r->token, host, s->c.port,
             transports[to->transport % JN_TRANSPORT_N]);
    jn_sip_target_uri(hop, sizeof hop, NULL, to);
    snprintf(expires, sizeof expires, "%u", r->expires_s ? r->expires_s : t->reg_expires_s);
    if (!r->nh) {
        r->nh = nua_handle(s->nua, NULL, SIPTAG_FROM_STR(aor), SIPTAG_TO_STR(aor), TAG_END());
        if (r->nh && jn_map_set(&s->trunks->by_handle, jn_sip_key(r->nh), (uint32_t)(k - s->trunks->at) + 1)) {
            nua_handle_destroy(r->nh);
            r->nh = NULL;
        }
    }
    r->next_ns = now_ns + jn_sip_silent_ns(s);
    if (!r->nh)
        return;
    r->waits = true;
    r->tried = false;
    nua_method(r->nh, NUTAG_METHOD("REGISTER"), NUTAG_URL(registrar), NUTAG_PROXY(hop), SIPTAG_CONTACT_STR(contact),
               SIPTAG_EXPIRES_STR(expires), TAG_END());
}

void jn_sip_register_tick(struct jn_sip *s, struct trunk *k, const struct jn_dir_trunk *t, uint64_t now_ns)
{
    struct trunk_register *r = &k->reg;
    if (!t->reg_expires_s || !t->tos)
        return;
    if (r->until_ns && r->until_ns <= now_ns) {
        r->until_ns = 0;
        state(k, JN_SIP_REG_FAILED, (int)atomic_load_explicit(&k->status->last, memory_order_relaxed));
        jn_warn("sip", "trunk registration has ended trunk=%s", t->name);
    }
    if (now_ns < r->next_ns)
        return;
    if (r->waits)
        failed(s, k, t, 408, now_ns);
    else
        ask(s, k, t, now_ns);
}

/* Seconds that the carrier granted our contact. */
static uint32_t granted(const struct trunk_register *r, const struct jn_dir_trunk *t, const sip_t *sip)
{
    uint64_t e = sip->sip_expires ? sip->sip_expires->ex_delta : t->reg_expires_s;
    for (const sip_contact_t *m = sip->sip_contact; m; m = m->m_next)
        if (m->m_url->url_user && !strcmp(m->m_url->url_user, r->token) && m->m_expires)
            if (jn_parse_u64(m->m_expires, UINT32_MAX, &e))
                e = t->reg_expires_s;
    return e > 86400 ? 86400 : (uint32_t)e;
}

void jn_sip_register_answered(struct jn_sip *s, struct trunk *k, int status, const sip_t *sip)
{
    const struct jn_dir_trunk *t = jn_dir_trunk(s->dir, k->id);
    struct trunk_register *r = &k->reg;
    uint64_t now = jn_mono_ns();
    if (!t || !r->waits)
        return;
    if ((status == 401 || status == 407) && !r->tried && jn_sip_authenticate(r->nh, t, sip, status)) {
        r->tried = true;
        r->next_ns = now + jn_sip_silent_ns(s);
        return;
    }
    if (status == 423 && sip && sip->sip_min_expires && sip->sip_min_expires->me_delta <= 86400 &&
        sip->sip_min_expires->me_delta > t->reg_expires_s && !r->expires_s) {
        r->expires_s = (uint32_t)sip->sip_min_expires->me_delta;
        r->waits = false;
        r->next_ns = now;
        return;
    }
    uint32_t e = status < 300 && sip ? granted(r, t, sip) : 0;
    if (!e) {
        failed(s, k, t, status, now);
        return;
    }
    bool news = r->until_ns == 0;
    r->waits = false;
    r->failures = 0;
    r->until_ns = now + e * UINT64_C(1000000000);
    r->next_ns = now + (e > 2 * SHORTEST_S ? e - SHORTEST_S : (e + 1) / 2) * UINT64_C(1000000000);
    state(k, JN_SIP_REG_ON, status);
    if (news)
        jn_info("sip", "trunk registered trunk=%s expires_s=%u", t->name, e);
}
