/* Registrar: agents' phones: REGISTER (RFC 3261 10), where each phone is, when it is gone. The newest contact is
 * called; an older one of the same user waits and takes over when the newest leaves. A phone is called where its
 * packets come from, so that NAT does not matter. */
#include "engine/sip/ban.h"
#include "engine/sip/trunk.h"
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

enum { CHUNK = 256 };

struct phone *jn_sip_phone(const struct jn_sip *s, uint64_t agent)
{
    uint32_t i = agent ? jn_map_get(&s->by_agent, agent) : JN_MAP_NONE;
    return i == JN_MAP_NONE ? NULL : &s->phones[i / CHUNK][i % CHUNK];
}

struct phone *jn_sip_phone_make(struct jn_sip *s, const struct jn_dir_agent *a)
{
    struct phone *p = jn_sip_phone(s, a->set.id);
    uint32_t i = s->n_phones;
    if (p)
        return p;
    if (i == s->cap_phones) { /* in chunks: timers of phones must stay where they are */
        struct phone **more = realloc(s->phones, (i / CHUNK + 1) * sizeof *more);
        if (!more)
            return NULL;
        s->phones = more;
        more[i / CHUNK] = calloc(CHUNK, sizeof **more);
        if (!more[i / CHUNK])
            return NULL;
        s->cap_phones += CHUNK;
    }
    if (jn_map_set(&s->by_agent, a->set.id, i))
        return NULL;
    p = &s->phones[i / CHUNK][i % CHUNK];
    *p = (struct phone){.agent = a->set.id, .tenant = a->tenant};
    p->expiry = (struct jn_timer){.id = a->set.id, .arg = a->set.id, .slot = JN_TIMER_IDLE};
    s->n_phones++;
    return p;
}

void jn_sip_phones_free(struct jn_sip *s)
{
    for (uint32_t i = 0; i < s->n_phones; i++)
        free(s->phones[i / CHUNK][i % CHUNK].other);
    for (uint32_t i = 0; i < s->cap_phones / CHUNK; i++)
        free(s->phones[i]);
    free(s->phones);
    jn_heap_free(&s->expiries);
    jn_map_free(&s->by_agent);
    jn_map_free(&s->by_address);
}

static uint64_t address_key(const struct jn_addr *a)
{
    char hex[33];
    jn_hex(hex, a->ip, 16);
    return jn_name_id(a->family, "address", hex);
}

/* How many contacts are registered from an address. */
static void address_count(struct jn_sip *s, uint64_t key, int by)
{
    uint32_t n = key ? jn_map_get(&s->by_address, key) : JN_MAP_NONE;
    n = (n == JN_MAP_NONE ? 0 : n) + (uint32_t)by;
    if (!key)
        return;
    if (!n)
        jn_map_del(&s->by_address, key);
    else if (jn_map_set(&s->by_address, key, n))
        jn_error("sip", "no memory to count a phone's address");
}

bool jn_sip_phone_at(const struct jn_sip *s, const struct jn_addr *a)
{
    return jn_map_get(&s->by_address, address_key(a)) != JN_MAP_NONE;
}

static void changed(struct jn_sip *s, const struct phone *p)
{
    if (s->sink.registration)
        s->sink.registration(s->sink.arg, p->agent);
}

static void arm(struct jn_sip *s, struct phone *p)
{
    if (jn_heap_arm(&s->expiries, &p->expiry, p->expires_ns))
        jn_error("sip", "no memory for the end of a registration");
}

static void drop_other(struct jn_sip *s, struct phone *p)
{
    if (p->other)
        address_count(s, p->other->address, -1);
    free(p->other);
    p->other = NULL;
}

static void gone(struct jn_sip *s, struct phone *p)
{
    drop_other(s, p);
    if (!p->registered)
        return;
    address_count(s, p->address, -1);
    jn_heap_disarm(&s->expiries, &p->expiry);
    p->registered = false;
    atomic_fetch_sub_explicit(&s->counts.phones, 1, memory_order_relaxed);
    s->sink.phone(s->sink.arg, p->agent, false);
    changed(s, p);
}

/* The contact that was called has left: the other takes over, if there is one. */
static void first_gone(struct jn_sip *s, struct phone *p, uint64_t now_ns)
{
    struct binding *o = p->other;
    if (!o || o->expires_ns <= now_ns) {
        gone(s, p);
        return;
    }
    address_count(s, p->address, -1);
    p->expires_ns = o->expires_ns;
    p->address = o->address;
    p->cseq = o->cseq;
    jn_copy(p->contact, sizeof p->contact, o->contact);
    jn_copy(p->next, sizeof p->next, o->next);
    jn_copy(p->call_id, sizeof p->call_id, o->call_id);
    p->other = NULL;
    free(o);
    arm(s, p);
    changed(s, p);
}

void jn_sip_phones_expire(struct jn_sip *s, uint64_t now_ns)
{
    struct jn_timer *t;
    while ((t = jn_heap_due(&s->expiries, now_ns))) {
        struct phone *p = jn_sip_phone(s, t->arg);
        if (p && p->registered)
            first_gone(s, p, now_ns);
    }
}

void jn_sip_phones_follow(struct jn_sip *s)
{
    for (uint32_t i = 0; i < s->n_phones; i++) {
        struct phone *p = &s->phones[i / CHUNK][i % CHUNK];
        const struct jn_dir_agent *a = jn_dir_agent(s->dir, p->agent);
        if (!a || !a->sip_user[0])
            gone(s, p);
    }
}

static unsigned left(uint64_t expires_ns, uint64_t now_ns)
{
    return (unsigned)((expires_ns - now_ns + UINT64_C(999999999)) / UINT64_C(1000000000));
}

static void answer(nua_handle_t *nh, struct jn_sip *s, int status, const struct phone *p, uint64_t now_ns)
{
    char contact[2 * JN_SIP_URI_MAX + 80], *at = NULL;
    if (p && p->registered) {
        int n = snprintf(contact, sizeof contact, "<%s>;expires=%u", p->contact, left(p->expires_ns, now_ns));
        if (p->other && p->other->expires_ns > now_ns)
            snprintf(contact + n, sizeof contact - (size_t)n, ", <%s>;expires=%u", p->other->contact,
                     left(p->other->expires_ns, now_ns));
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

/* The contact that is called so far steps back for a new one. */
static void step_back(struct jn_sip *s, struct phone *p, uint64_t now_ns)
{
    struct binding *o = p->other ? p->other : malloc(sizeof *o);
    if (!o)
        return; /* then the newest is the only one */
    if (p->other)
        address_count(s, o->address, -1);
    p->other = p->expires_ns > now_ns ? o : NULL;
    if (!p->other) {
        free(o);
        return;
    }
    *o = (struct binding){.expires_ns = p->expires_ns, .address = p->address, .cseq = p->cseq};
    jn_copy(o->contact, sizeof o->contact, p->contact);
    jn_copy(o->next, sizeof o->next, p->next);
    jn_copy(o->call_id, sizeof o->call_id, p->call_id);
    address_count(s, o->address, 1);
}

static void store(struct jn_sip *s, struct phone *p, const sip_t *sip, const char *contact, long expires,
                  const struct jn_addr *source, uint64_t now_ns)
{
    const char *call_id = sip->sip_call_id->i_id;
    uint64_t address = address_key(source);
    /* The same device says so by its contact, or after a new start from another port by its Call-ID. */
    if (p->registered && strcmp(p->contact, contact) != 0 && strcmp(p->call_id, call_id) != 0) {
        if (p->other && (!strcmp(p->other->contact, contact) || !strcmp(p->other->call_id, call_id)))
            drop_other(s, p);
        step_back(s, p, now_ns);
    }
    if (p->registered)
        address_count(s, p->address, -1);
    address_count(s, address, 1);
    p->address = address;
    p->cseq = sip->sip_cseq->cs_seq;
    jn_copy(p->call_id, sizeof p->call_id, call_id);
    jn_copy(p->contact, sizeof p->contact, contact);
    jn_sip_next_hop(p->next, sizeof p->next, source, jn_sip_transport(sip));
    jn_copy(p->realm, sizeof p->realm, sip->sip_to->a_url->url_host);
    p->expires_ns = now_ns + (uint64_t)expires * UINT64_C(1000000000);
    arm(s, p);
    count(&s->counts.registered);
    if (!p->registered) {
        p->registered = true;
        count(&s->counts.phones);
        s->sink.phone(s->sink.arg, p->agent, true);
    }
    changed(s, p);
}

/* Takes away what a REGISTER with Expires: 0 names; uri NULL: everything. */
static void take_away(struct jn_sip *s, struct phone *p, const char *uri, uint64_t now_ns)
{
    if (!uri)
        gone(s, p);
    else if (p->other && !strcmp(uri, p->other->contact))
        drop_other(s, p);
    else if (p->registered && !strcmp(uri, p->contact))
        first_gone(s, p, now_ns);
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
    bool first = p->registered && !strcmp(p->call_id, call_id), other = p->other && !strcmp(p->other->call_id, call_id);
    if (sip->sip_contact && ((first && cseq <= p->cseq) || (other && cseq <= p->other->cseq)))
        return 500; /* out of order (RFC 3261 10.3 step 7) */
    const sip_contact_t *newest = NULL, *m;
    char uri[JN_SIP_URI_MAX];
    for (m = sip->sip_contact; m; m = m->m_next) { /* all is looked at before anything is done */
        bool any = m->m_url->url_type == url_any, sips = m->m_url->url_type == url_sips;
        long e = any ? 0 : wanted(sip, m);
        if (any && (sip->sip_contact->m_next || !sip->sip_expires || wanted(sip, NULL)))
            return 400; /* "*" stands alone and with Expires: 0 */
        if (e < 0)
            return 423;
        if (!any && ((m->m_url->url_type != url_sip && !sips) || !jn_sip_uri(uri, sizeof uri, m->m_url)))
            return 400;
        newest = e > 0 ? m : newest;
    }
    for (m = sip->sip_contact; m; m = m->m_next) {
        bool any = m->m_url->url_type == url_any;
        if (!any && wanted(sip, m))
            continue;
        if (first)
            p->cseq = cseq;
        if (!any)
            jn_sip_uri(uri, sizeof uri, m->m_url);
        take_away(s, p, any ? NULL : uri, now_ns);
    }
    if (newest) {
        jn_sip_uri(uri, sizeof uri, newest->m_url);
        store(s, p, sip, uri, wanted(sip, newest), source, now_ns);
    }
    return 200;
}

/* A storm, as after a restart, is answered as fast as we can; the rest is asked to come back, not all at once. */
static bool throttled(struct jn_sip *s, nua_handle_t *nh, bool proof, uint64_t now_ns)
{
    char after[8];
    if (jn_sip_bucket_take(proof ? &s->proofs : &s->registers, s->c.max_registers_per_s, now_ns))
        return false;
    count(&s->counts.registers_throttled);
    snprintf(after, sizeof after, "%u", 2 + jn_sip_random(s, 20));
    nua_respond(nh, SIP_503_SERVICE_UNAVAILABLE, NUTAG_WITH_THIS(s->nua), SIPTAG_RETRY_AFTER_STR(after), TAG_END());
    return true;
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
    uint64_t now = jn_mono_ns();
    if (throttled(s, nh, sip->sip_authorization != NULL, now))
        return;
    enum auth proof = jn_sip_auth(s, sip->sip_authorization, sip->sip_request->rq_method_name, realm, &source, &a);
    if (proof == AUTH_MISSING || proof == AUTH_STALE) {
        char challenge[256];
        jn_sip_challenge(s, challenge, sizeof challenge, realm, &source, proof == AUTH_STALE);
        nua_respond(nh, SIP_401_UNAUTHORIZED, NUTAG_WITH_THIS(s->nua), SIPTAG_WWW_AUTHENTICATE_STR(challenge),
                    TAG_END());
        return;
    }
    /* Whoever proves to be one agent may not register another. */
    if (proof != AUTH_OK || !user || strcasecmp(user, a->sip_user)) {
        count(&s->counts.unauthorised);
        jn_sip_suspect(s, &source, s->proven || jn_sip_connected(s), false);
        jn_sip_log_refused(s, "registration refused", user, &source);
        nua_respond(nh, SIP_403_FORBIDDEN, NUTAG_WITH_THIS(s->nua), TAG_END());
        return;
    }
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

/* The address in "sip:192.0.2.1:5060;transport=udp". */
static bool hop_address(const char *hop, struct jn_addr *out)
{
    char host[JN_HOST_MAX];
    const char *at = strncmp(hop, "sip:", 4) ? hop : hop + 4;
    bool six = *at == '[';
    at += six;
    return jn_copy_n(host, sizeof host, at, strcspn(at, six ? "]" : ":;")) && jn_addr_parse(out, host, 0) == 0;
}

static uint64_t address_of_hop(const char *hop)
{
    struct jn_addr a;
    return hop_address(hop, &a) ? address_key(&a) : 0;
}

bool jn_sip_phone_address(const struct jn_sip *s, uint64_t agent, struct jn_addr *out)
{
    const struct phone *p = jn_sip_phone(s, agent);
    return p && p->registered && hop_address(p->next, out);
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
    p->address = address_of_hop(r->next);
    address_count(s, p->address, 1);
    arm(s, p);
    p->registered = true;
    count(&s->counts.phones);
    s->sink.phone(s->sink.arg, p->agent, true);
    return 0;
}
