/* Route: calls out through trunks: which way a number may go, in which order, and on to the next way when one refuses,
 * is full or says nothing. */
#include "engine/sip/number.h"
#include "engine/sip/trunk.h"
#include <errno.h>
#include <stdlib.h>

static bool listed(const struct jn_dir_trunk *t, int status)
{
    /* Busy here and everywhere, and cancelled: another way would ring the same telephone (RFC 3261 21.4.24, 21.6). */
    if (status == 486 || status == 487 || status >= 600)
        return false;
    for (unsigned i = 0; i < t->next_ons; i++)
        if (status >= t->next_on[i].low && status <= t->next_on[i].high)
            return true;
    return false;
}

static void add_trunk(struct jn_sip_attempt *a, const struct jn_dir_trunk *t)
{
    for (uint8_t i = 0; i < t->tos; i++) {
        a->way[a->ways].trunk = t->id;
        a->way[a->ways++].target = i;
    }
}

/* The route's trunks in order; those of one order drawn by weight. */
static void add_route(struct jn_sip *s, struct jn_sip_attempt *a, const struct jn_dir_route *r, uint8_t srtp)
{
    bool used[JN_DIR_ROUTE_TRUNKS] = {false};
    for (unsigned n = 0; n < r->vias; n++) {
        unsigned lowest = UINT8_MAX + 1u, sum = 0, best = 0;
        for (unsigned i = 0; i < r->vias; i++)
            if (!used[i] && r->via[i].order < lowest)
                lowest = r->via[i].order;
        for (unsigned i = 0; i < r->vias; i++)
            sum += !used[i] && r->via[i].order == lowest ? r->via[i].weight : 0u;
        uint32_t at = jn_sip_random(s, sum);
        for (unsigned i = 0; i < r->vias; i++) {
            if (used[i] || r->via[i].order != lowest)
                continue;
            best = i;
            if (at < r->via[i].weight)
                break;
            at -= r->via[i].weight;
        }
        used[best] = true;
        const struct jn_dir_trunk *t = jn_dir_trunk(s->dir, r->via[best].trunk);
        if (t && t->tenant == r->tenant && t->srtp == srtp) /* the offer is made for one mode */
            add_trunk(a, t);
    }
}

/* The first trunk in the order written: it says what the offer must be. */
static const struct jn_dir_trunk *leading(const struct jn_sip *s, uint64_t tenant, uint64_t trunk, const char *to)
{
    const struct jn_dir_route *r = trunk ? NULL : jn_dir_route(s->dir, tenant, to);
    const struct jn_dir_trunk *t = trunk ? jn_dir_trunk(s->dir, trunk) : NULL;
    for (unsigned i = 0; r && !t && i < r->vias; i++)
        t = jn_dir_trunk(s->dir, r->via[i].trunk);
    return t && t->tenant == tenant && t->tos ? t : NULL;
}

int jn_sip_trunk_srtp(const struct jn_sip *s, uint64_t tenant, uint64_t trunk, const char *to)
{
    const struct jn_dir_trunk *t = to && jn_number_plain(to) ? leading(s, tenant, trunk, to) : NULL;
    return t ? t->srtp : -ENOENT;
}

/* From, and what the trunk is told besides about who calls. */
struct caller {
    char from[320], asserted[320];
    bool private;
};

static void caller(const struct jn_sip *s, const struct jn_sip_attempt *a, const struct jn_dir_trunk *t,
                   struct caller *out)
{
    char host[JN_HOST_MAX + 2], number[JN_NUMBER_MAX], display[200] = "";
    const char *shown = a->from[0] ? a->from : t->caller_id, *asserted = a->asserted[0] ? a->asserted : shown;
    if (t->domain[0])
        jn_copy(host, sizeof host, t->domain);
    else
        jn_sip_our_host(s, host, sizeof host);
    out->asserted[0] = 0;
    out->private = !shown[0];
    if (a->display[0] && shown[0])
        snprintf(display, sizeof display, "\"%s\" ", a->display);
    if (shown[0] && jn_number_dial(number, shown, t))
        snprintf(out->from, sizeof out->from, "%s<sip:%s@%s>", display, number, host);
    else
        snprintf(out->from, sizeof out->from, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
    if (t->asserts && asserted[0] && jn_number_dial(number, asserted, t))
        snprintf(out->asserted, sizeof out->asserted, "P-Asserted-Identity: <sip:%s@%s>", number, host);
}

/* Sends the INVITE on the way that a is at. uri: where a 3xx points, NULL: the number at the target. */
static int invite(struct jn_sip *s, struct jn_sip_attempt *a, const struct jn_dir_trunk *t, const char *uri)
{
    const struct jn_dir_target *g = &t->to[a->way[a->way_at].target];
    char number[JN_NUMBER_MAX], request[JN_SIP_URI_MAX], hop[JN_SIP_URI_MAX], to[JN_SIP_URI_MAX + 2];
    struct caller c;
    if (!jn_number_dial(number, a->to, t))
        return -EINVAL;
    jn_sip_target_uri(hop, sizeof hop, NULL, g);
    if (uri)
        jn_copy(request, sizeof request, uri);
    else if (t->domain[0])
        snprintf(request, sizeof request, "sip:%s@%s", number, t->domain);
    else
        jn_sip_target_uri(request, sizeof request, number, g);
    if (t->domain[0])
        snprintf(to, sizeof to, "<sip:%s@%s>", number, t->domain);
    else
        snprintf(to, sizeof to, "<sip:%s@%s%s%s>", number, strchr(g->host, ':') ? "[" : "", g->host,
                 strchr(g->host, ':') ? "]" : "");
    caller(s, a, t, &c);
    nua_handle_t *nh =
        nua_handle(s->nua, NULL, SIPTAG_FROM_STR(c.from), SIPTAG_TO_STR(to), NUTAG_URL(request), TAG_END());
    if (!nh)
        return -ENOMEM;
    nua_handle_bind(nh, a->leg);
    a->leg->nh = nh;
    a->leg->dialog.tcp = g->transport == JN_TRANSPORT_TLS   ? OVER_TLS
                         : g->transport == JN_TRANSPORT_TCP ? OVER_TCP
                                                            : OVER_UDP;
    a->leg->early = a->leg->rang = false;
    a->tried = a->progressed = false;
    a->sent_ns = jn_mono_ns();
    char contact[JN_SIP_URI_MAX];
    nua_invite(nh, TAG_IF(t->domain[0] || uri, NUTAG_PROXY(hop)),
               SIPTAG_CONTACT_STR(jn_sip_contact(s, a->leg, contact)), SIPTAG_CALL_ID_STR(jn_sip_call_id_out(a->leg)),
               SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(a->leg->sdp),
               TAG_IF(c.asserted[0], SIPTAG_HEADER_STR(c.asserted)), TAG_IF(c.private, SIPTAG_PRIVACY_STR("id")),
               TAG_END());
    return 0;
}

/* Takes the way that a is at, or the next that is open. 0, or -EBUSY: none is. */
static int go(struct jn_sip *s, struct jn_sip_attempt *a)
{
    uint64_t full = 0; /* each trunk that is full is counted once */
    for (; a->way_at < a->ways; a->way_at++) {
        const struct jn_dir_trunk *t = jn_dir_trunk(s->dir, a->way[a->way_at].trunk);
        unsigned target = a->way[a->way_at].target;
        if (!t || t->id == full || !jn_sip_trunk_usable(s, t, target))
            continue;
        struct trunk *k = jn_sip_trunk_get(s, t->id);
        if (a->leg->trunk != t->id) {
            jn_sip_trunk_give(s, a->leg);
            if (!jn_sip_trunk_take(s, a->leg, t)) {
                full = t->id;
                continue;
            }
        }
        if (!jn_sip_bucket_take(&k->bucket, t->max_calls_per_s, jn_mono_ns())) {
            count(&k->status->capped);
            full = t->id;
            continue;
        }
        if (!invite(s, a, t, NULL)) {
            count(&k->status->calls_out);
            return 0;
        }
    }
    jn_sip_trunk_give(s, a->leg);
    return -EBUSY;
}

static void quiet(char *out, size_t size, const char *text)
{
    size_t n = 0;
    for (; text && *text && n + 1 < size; text++)
        if ((unsigned char)*text >= 32 && *text != 127 && *text != '"' && *text != '\\')
            out[n++] = *text;
    out[n] = 0;
}

static struct jn_sip_attempt *attempt_new(struct jn_sip *s, const struct jn_sip_trunk_call *c)
{
    struct jn_sip_attempt *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    jn_copy(a->to, sizeof a->to, c->to);
    if (c->from && jn_number_plain(c->from))
        jn_copy(a->from, sizeof a->from, c->from);
    if (c->asserted && jn_number_plain(c->asserted))
        jn_copy(a->asserted, sizeof a->asserted, c->asserted);
    quiet(a->display, sizeof a->display, c->display);
    a->next = s->trunks->attempts;
    a->at = &s->trunks->attempts;
    if (a->next)
        a->next->at = &a->next;
    s->trunks->attempts = a;
    return a;
}

int jn_sip_call_trunk(struct jn_sip *s, uint64_t *leg, const struct jn_sip_trunk_call *c)
{
    if (!c->to || !jn_number_plain(c->to) || strlen(c->to) >= JN_NUMBER_MAX || !c->sdp)
        return -EINVAL;
    const struct jn_dir_trunk *first = leading(s, c->tenant, c->trunk, c->to);
    if (!first)
        return -ENOENT;
    struct jn_sip_leg *l = jn_sip_leg_new(s, NULL, LEG_OUT);
    if (!l)
        return -EMFILE;
    l->tenant = c->tenant;
    l->outgoing = true;
    l->sdp = strdup(c->sdp);
    l->attempt = l->sdp ? attempt_new(s, c) : NULL;
    int rc = l->attempt ? 0 : -ENOMEM;
    if (!rc) {
        l->attempt->leg = l;
        if (c->trunk)
            add_trunk(l->attempt, first);
        else
            add_route(s, l->attempt, jn_dir_route(s->dir, c->tenant, c->to), first->srtp);
        rc = go(s, l->attempt);
    }
    if (rc) {
        jn_sip_leg_drop(s, l);
        return rc;
    }
    *leg = l->id;
    return 0;
}

/* On to the next way after status. False: there is none, and the leg ends with that status. */
static bool on(struct jn_sip *s, struct jn_sip_leg *l, int status)
{
    struct jn_sip_attempt *a = l->attempt;
    uint64_t trunk = a->way[a->way_at].trunk;
    struct trunk *k = jn_sip_trunk_get(s, trunk);
    nua_handle_t *was = l->nh;
    const struct jn_dir_trunk *t = jn_dir_trunk(s->dir, trunk);
    if (k) {
        count(&k->status->failed);
        atomic_store_explicit(&k->status->last, (uint32_t)status, memory_order_relaxed);
    }
    uint8_t here = a->way_at;
    bool more = t && listed(t, status) && !l->hangup;
    if (more) {
        a->way_at++;
        more = !go(s, a);
    }
    if (!more)
        a->way_at = here;
    jn_info("sip", "trunk did not take the call leg=%llu trunk=%s status=%d then=%s", (unsigned long long)l->id,
            t ? t->name : "", status, more ? "next" : "end");
    if (!more)
        return false;
    if (k)
        count(&k->status->next);
    l->rang = false;
    nua_handle_bind(was, NULL);
    return true;
}

static bool ours(const struct jn_dir_trunk *t, const char *host)
{
    struct jn_addr a;
    if (!strcasecmp(host, t->domain))
        return true;
    for (unsigned i = 0; i < t->tos; i++)
        if (!strcasecmp(host, t->to[i].host))
            return true;
    for (unsigned i = 0; i < t->froms; i++)
        if (!jn_addr_parse(&a, host, 0) && jn_cidr_has(&t->from[i], &a))
            return true;
    return false;
}

/* A 3xx is followed to hosts of the same carrier alone: whoever answers for it must not send calls anywhere else. */
static bool redirected(struct jn_sip *s, struct jn_sip_leg *l, const sip_t *sip)
{
    struct jn_sip_attempt *a = l->attempt;
    const struct jn_dir_trunk *t = jn_dir_trunk(s->dir, a->way[a->way_at].trunk);
    char uri[JN_SIP_URI_MAX];
    if (!t || !t->follow || l->hangup || a->redirects == JN_TRUNK_REDIRECTS)
        return false;
    for (const sip_contact_t *m = sip->sip_contact; m; m = m->m_next) {
        const url_t *u = m->m_url;
        if (u->url_type != url_sip || !u->url_host || u->url_headers || !ours(t, u->url_host) ||
            !jn_sip_uri(uri, sizeof uri, u))
            continue;
        nua_handle_t *was = l->nh;
        a->redirects++;
        if (invite(s, a, t, uri))
            return false;
        nua_handle_bind(was, NULL);
        nua_handle_destroy(was);
        return true;
    }
    return false;
}

bool jn_sip_attempt_answered(struct jn_sip *s, struct jn_sip_leg *l, int status, const sip_t *sip)
{
    struct jn_sip_attempt *a = l->attempt;
    nua_handle_t *was = l->nh;
    if (status < 200) {
        a->progressed = true;
        return false;
    }
    if (status < 300) {
        jn_sip_attempt_free(l);
        return false;
    }
    if (l->state != LEG_OUT)
        return false;
    const struct jn_dir_trunk *t = jn_dir_trunk(s->dir, a->way[a->way_at].trunk);
    if ((status == 401 || status == 407) && t && !a->tried && jn_sip_authenticate(l->nh, t, sip, status)) {
        a->tried = true;
        return true;
    }
    if (status < 400 && sip && redirected(s, l, sip))
        return true;
    if (!on(s, l, status))
        return false;
    nua_handle_destroy(was);
    return true;
}

void jn_sip_attempts_tick(struct jn_sip *s, uint64_t now_ns)
{
    struct jn_sip_attempt *next;
    for (struct jn_sip_attempt *a = s->trunks->attempts; a; a = next) {
        next = a->next;
        nua_handle_t *was = a->leg->nh;
        if (a->progressed || a->leg->state != LEG_OUT || a->way_at + 1 >= a->ways ||
            now_ns - a->sent_ns < jn_sip_silent_ns(s))
            continue;
        if (!on(s, a->leg, 408)) {
            a->progressed = true; /* nowhere else to go: its time is the stack's */
            continue;
        }
        if (jn_map_set(&s->trunks->by_handle, jn_sip_key(was), 0))
            nua_handle_destroy(was);
        else
            nua_cancel(was, TAG_END());
    }
}
