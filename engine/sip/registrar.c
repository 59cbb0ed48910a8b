/* Registrar: agents' phones: REGISTER (RFC 3261 10), where each phone is, when it is gone. The newest contact wins; a
 * phone is called where its packets come from, so that NAT does not matter. */
#include "engine/sip/ua.h"
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

struct phone *jn_sip_phone(const struct jn_sip *s, uint64_t agent)
{
    uint32_t i = agent ? jn_map_get(&s->by_agent, agent) : JN_MAP_NONE;
    return i == JN_MAP_NONE ? NULL : &s->phones[i];
}

struct phone *jn_sip_phone_make(struct jn_sip *s, const struct jn_dir_agent *a)
{
    struct phone *p = jn_sip_phone(s, a->set.id);
    if (p)
        return p;
    if (s->n_phones == s->cap_phones) {
        uint32_t cap = s->cap_phones ? s->cap_phones * 2 : 64;
        p = realloc(s->phones, cap * sizeof *p);
        if (!p)
            return NULL;
        s->phones = p;
        s->cap_phones = cap;
    }
    if (jn_map_set(&s->by_agent, a->set.id, s->n_phones))
        return NULL;
    p = &s->phones[s->n_phones++];
    *p = (struct phone){.agent = a->set.id, .tenant = a->tenant};
    return p;
}

static void gone(struct jn_sip *s, struct phone *p)
{
    if (!p->registered)
        return;
    p->registered = false;
    atomic_fetch_sub_explicit(&s->counts.phones, 1, memory_order_relaxed);
    s->sink.phone(s->sink.arg, p->agent, false);
    if (s->sink.registration)
        s->sink.registration(s->sink.arg, p->agent);
}

void jn_sip_phones_expire(struct jn_sip *s, uint64_t now_ns)
{
    for (uint32_t i = 0; i < s->n_phones; i++)
        if (s->phones[i].registered && s->phones[i].expires_ns <= now_ns)
            gone(s, &s->phones[i]);
}

void jn_sip_phones_follow(struct jn_sip *s)
{
    for (uint32_t i = 0; i < s->n_phones; i++) {
        const struct jn_dir_agent *a = jn_dir_agent(s->dir, s->phones[i].agent);
        if (!a || !a->sip_user[0])
            gone(s, &s->phones[i]);
    }
}

static void answer(nua_handle_t *nh, struct jn_sip *s, int status, const struct phone *p, uint64_t now_ns)
{
    char contact[JN_SIP_URI_MAX + 40], *at = NULL;
    if (p && p->registered) {
        unsigned left = (unsigned)((p->expires_ns - now_ns + UINT64_C(999999999)) / UINT64_C(1000000000));
        snprintf(contact, sizeof contact, "<%s>;expires=%u", p->contact, left);
        at = contact;
    }
    nua_respond(nh, status, sip_status_phrase(status), NUTAG_WITH_THIS(s->nua), TAG_IF(at, SIPTAG_CONTACT_STR(at)),
                TAG_IF(status == 423, SIPTAG_MIN_EXPIRES_STR("5")), TAG_END());
}

/* Seconds that the request wants for contact m (NULL: "*"), clamped; -1: too short. */
static long wanted(const sip_t *sip, const sip_contact_t *m)
{
    uint64_t e = 3600;
    if (m && m->m_expires) {
        if (jn_parse_u64(m->m_expires, UINT32_MAX, &e))
            e = 3600; /* RFC 3261 10.3: a malformed value counts as 3600 */
    } else if (sip->sip_expires) {
        e = sip->sip_expires->ex_delta;
    }
    if (e > 0 && e < JN_SIP_EXPIRES_MIN)
        return -1;
    return e > JN_SIP_EXPIRES_MAX ? JN_SIP_EXPIRES_MAX : (long)e;
}

static void store(struct jn_sip *s, struct phone *p, const sip_t *sip, const char *contact, long expires,
                  const struct jn_addr *source, uint64_t now_ns)
{
    jn_copy(p->contact, sizeof p->contact, contact);
    jn_sip_next_hop(p->next, sizeof p->next, source, jn_sip_transport(sip));
    jn_copy(p->realm, sizeof p->realm, sip->sip_to->a_url->url_host);
    p->expires_ns = now_ns + (uint64_t)expires * UINT64_C(1000000000);
    if (!p->registered) {
        p->registered = true;
        count(&s->counts.phones);
        s->sink.phone(s->sink.arg, p->agent, true);
    }
    if (s->sink.registration)
        s->sink.registration(s->sink.arg, p->agent);
}

/* A REGISTER whose sender is proven to be agent a. Returns the status. */
static int bind_phone(struct jn_sip *s, const struct jn_dir_agent *a, const sip_t *sip, const struct jn_addr *source,
                      uint64_t now_ns)
{
    struct phone *p = jn_sip_phone_make(s, a);
    if (!p)
        return 503;
    const char *call_id = sip->sip_call_id->i_id;
    uint32_t cseq = sip->sip_cseq->cs_seq;
    if (p->registered && !strcmp(p->call_id, call_id) && cseq <= p->cseq && sip->sip_contact)
        return 500; /* out of order (RFC 3261 10.3 step 7) */
    const sip_contact_t *newest = NULL, *m = sip->sip_contact;
    bool remove = false;
    for (; m; m = m->m_next) {
        long e = m->m_url->url_type == url_any ? 0 : wanted(sip, m);
        char uri[JN_SIP_URI_MAX];
        if (m->m_url->url_type == url_any && (sip->sip_contact->m_next || !sip->sip_expires || wanted(sip, NULL)))
            return 400; /* "*" stands alone and with Expires: 0 */
        if (e < 0)
            return 423;
        bool sips = m->m_url->url_type == url_sips;
        if (m->m_url->url_type != url_any &&
            ((m->m_url->url_type != url_sip && !sips) || !jn_sip_uri(uri, sizeof uri, m->m_url)))
            return 400;
        if (e > 0)
            newest = m;
        else if (m->m_url->url_type == url_any || !strcmp(uri, p->contact))
            remove = true;
    }
    if (newest || remove) {
        jn_copy(p->call_id, sizeof p->call_id, call_id);
        p->cseq = cseq;
    }
    if (newest) {
        char uri[JN_SIP_URI_MAX];
        jn_sip_uri(uri, sizeof uri, newest->m_url);
        store(s, p, sip, uri, wanted(sip, newest), source, now_ns);
    } else if (remove) {
        gone(s, p);
    }
    return 200;
}

void jn_sip_register_event(struct jn_sip *s, nua_handle_t *nh, const sip_t *sip)
{
    const char *realm = sip->sip_to->a_url->url_host, *user = sip->sip_to->a_url->url_user;
    const struct jn_dir_agent *a = NULL;
    struct jn_addr source;
    count(&s->counts.registers);
    if (!jn_sip_source(s, &source) || !jn_sip_realm_ok(realm)) {
        nua_respond(nh, SIP_400_BAD_REQUEST, NUTAG_WITH_THIS(s->nua), TAG_END());
        return;
    }
    enum auth proof = jn_sip_auth(s, sip->sip_authorization, sip->sip_request->rq_method_name, realm, &a);
    if (proof == AUTH_MISSING || proof == AUTH_STALE) {
        char challenge[256];
        jn_sip_challenge(s, challenge, sizeof challenge, realm, proof == AUTH_STALE);
        nua_respond(nh, SIP_401_UNAUTHORIZED, NUTAG_WITH_THIS(s->nua), SIPTAG_WWW_AUTHENTICATE_STR(challenge),
                    TAG_END());
        return;
    }
    /* Whoever proves to be one agent may not register another. */
    if (proof != AUTH_OK || !user || strcasecmp(user, a->sip_user)) {
        count(&s->counts.unauthorised);
        jn_sip_log_refused(s, "registration refused", user, &source);
        nua_respond(nh, SIP_403_FORBIDDEN, NUTAG_WITH_THIS(s->nua), TAG_END());
        return;
    }
    uint64_t now = jn_mono_ns();
    int status = bind_phone(s, a, sip, &source, now);
    answer(nh, s, status, jn_sip_phone(s, a->set.id), now);
}

bool jn_sip_phone_registered(const struct jn_sip *s, uint64_t agent)
{
    const struct phone *p = jn_sip_phone(s, agent);
    return p && p->registered;
}

int jn_sip_registration(const struct jn_sip *s, uint64_t agent, struct jn_sip_registration *out)
{
    const struct phone *p = jn_sip_phone(s, agent);
    if (!p || !p->registered || !strstr(p->next, "transport=udp"))
        return -ENOENT;
    *out = (struct jn_sip_registration){.agent = agent, .until_us = jn_time_of_mono(p->expires_ns), .cseq = p->cseq};
    if (!jn_copy(out->contact, sizeof out->contact, p->contact))
        return -ENOENT;
    jn_copy(out->next, sizeof out->next, p->next);
    jn_copy(out->call_id, sizeof out->call_id, p->call_id);
    jn_copy(out->realm, sizeof out->realm, p->realm);
    return 0;
}

int jn_sip_register_again(struct jn_sip *s, const struct jn_sip_registration *r)
{
    const struct jn_dir_agent *a = jn_dir_agent(s->dir, r->agent);
    uint64_t now_us = jn_time_us();
    if (!a || !a->sip_user[0] || r->until_us <= now_us || !r->contact[0] || jn_sip_phone_registered(s, r->agent))
        return -ENOENT;
    struct phone *p = jn_sip_phone_make(s, a);
    if (!p)
        return -ENOMEM;
    jn_copy(p->contact, sizeof p->contact, r->contact);
    jn_copy(p->next, sizeof p->next, r->next);
    jn_copy(p->call_id, sizeof p->call_id, r->call_id);
    jn_copy(p->realm, sizeof p->realm, r->realm);
    p->cseq = r->cseq;
    p->expires_ns = jn_mono_ns() + (r->until_us - now_us) * 1000;
    p->registered = true;
    count(&s->counts.phones);
    s->sink.phone(s->sink.arg, p->agent, true);
    return 0;
}
