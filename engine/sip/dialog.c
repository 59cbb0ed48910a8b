/* Dialog: what a BYE needs to know of a dialog, kept so that a later process can send it (RFC 3261 12.2.1.1). */
#include "engine/sip/trunk.h"
#include <errno.h>
#include <stdlib.h>

struct jn_sip_old {
    struct jn_sip *sip;
    nta_leg_t *leg;
    nta_outgoing_t *orq;
    struct jn_sip_old *next, **at;
};

/* Requests of ours in a dialog that the peer began: the stack counts from a time-based number below 2^27; a BYE far
 * above it is in order, since gaps are allowed (RFC 3261 12.2.2). */
enum { OLD_CSEQ = 1 << 30, OLDS_MAX = 4096 };

bool jn_sip_uri(char *out, size_t size, const url_t *u)
{
    issize_t n = url_e(out, (isize_t)size, u);
    bool good = n > 0 && (size_t)n < size - 1;
    for (issize_t i = 0; good && i < n; i++)
        good = (unsigned char)out[i] > ' ' && !strchr("<>\"\x7f", out[i]);
    if (!good)
        out[0] = 0;
    return good;
}

/* "<uri>;tag=x"; false when it does not fit. */
static bool party(char *out, size_t size, const sip_addr_t *a)
{
    char uri[JN_SIP_URI_MAX];
    out[0] = 0;
    if (!a || !a->a_tag || !jn_sip_uri(uri, sizeof uri, a->a_url))
        return false;
    int n = snprintf(out, size, "<%s>;tag=%s", uri, a->a_tag);
    if (n < 0 || (size_t)n >= size)
        out[0] = 0;
    return out[0] != 0;
}

/* The route set in the order in which a request of ours names it. */
static bool routes(char *out, size_t size, const sip_record_route_t *rr, bool reversed)
{
    const sip_record_route_t *hop[16];
    unsigned n = 0;
    size_t at = 0;
    for (; rr; rr = rr->r_next) {
        if (n == 16)
            return false;
        hop[n++] = rr;
    }
    out[0] = 0;
    for (unsigned i = 0; i < n; i++) {
        char uri[JN_SIP_URI_MAX];
        if (!jn_sip_uri(uri, sizeof uri, hop[reversed ? n - 1 - i : i]->r_url))
            return false;
        int k = snprintf(out + at, size - at, "%s<%s>", i ? ", " : "", uri);
        if (k < 0 || (size_t)k >= size - at)
            return false;
        at += (size_t)k;
    }
    return true;
}

const char *jn_sip_contact(const struct jn_sip *s, const struct jn_sip_leg *l, char out[JN_SIP_URI_MAX])
{
    static const char *const over[] = {[OVER_UDP] = "", [OVER_TCP] = ";transport=tcp", [OVER_TLS] = ";transport=tls"};
    char host[JN_HOST_MAX + 2];
    unsigned how = l->dialog.tcp <= OVER_TLS ? l->dialog.tcp : OVER_UDP;
    bool sips = l->sips && how == OVER_TLS;
    jn_sip_our_host(s, host, sizeof host);
    snprintf(out, JN_SIP_URI_MAX, "<%s:%s:%u%s>", sips ? "sips" : "sip", host,
             how == OVER_TLS ? s->c.tls.port : s->c.port, sips ? "" : over[how]);
    return out;
}

static void common(struct jn_sip_dialog *d, const sip_t *sip, bool reversed)
{
    if (!jn_copy(d->call_id, sizeof d->call_id, sip->sip_call_id->i_id))
        d->call_id[0] = 0;
    if (sip->sip_contact)
        jn_sip_uri(d->target, sizeof d->target, sip->sip_contact->m_url);
    if (sip->sip_record_route)
        d->route[0] = 0;
    if (sip->sip_record_route && !routes(d->route, sizeof d->route, sip->sip_record_route, reversed))
        d->call_id[0] = 0;
}

/* First with the INVITE (no tag of ours yet), then with its ACK. */
void jn_sip_dialog_in(struct jn_sip_leg *l, const sip_t *sip)
{
    struct jn_sip_dialog *d = &l->dialog;
    d->leg = l->id;
    d->cseq = OLD_CSEQ;
    if (sip->sip_request && sip->sip_request->rq_method == sip_method_invite)
        common(d, sip, false);
    party(d->local, sizeof d->local, sip->sip_to);
    party(d->remote, sizeof d->remote, sip->sip_from);
}

void jn_sip_dialog_out(struct jn_sip_leg *l, const sip_t *ok)
{
    struct jn_sip_dialog *d = &l->dialog;
    d->leg = l->id;
    d->cseq = ok->sip_cseq ? ok->sip_cseq->cs_seq : OLD_CSEQ;
    common(d, ok, true);
    party(d->local, sizeof d->local, ok->sip_from);
    party(d->remote, sizeof d->remote, ok->sip_to);
}

int jn_sip_dialog(const struct jn_sip *s, uint64_t leg, struct jn_sip_dialog *out)
{
    const struct jn_sip_leg *l = jn_sip_leg_get(s, leg);
    if (!l || l->state != LEG_UP)
        return -ENOENT;
    const struct jn_sip_dialog *d = &l->dialog;
    if (!d->call_id[0] || !d->local[0] || !d->remote[0] || !d->target[0])
        return -EOVERFLOW;
    *out = *d;
    return 0;
}

static void forget(struct jn_sip_old *o)
{
    *o->at = o->next;
    if (o->next)
        o->next->at = o->at;
    free(o);
}

static int old_answered(struct jn_sip_old *o, nta_outgoing_t *orq, const sip_t *sip)
{
    if (sip && sip->sip_status->st_status < 200)
        return 0;
    nta_outgoing_destroy(orq);
    nta_leg_destroy(o->leg);
    o->sip->n_olds--;
    forget(o);
    return 0;
}

void jn_sip_olds_free(struct jn_sip *s)
{
    while (s->olds)
        forget(s->olds); /* the agent that carried them is gone already */
}

int jn_sip_bye_old(struct jn_sip *s, const struct jn_sip_dialog *d)
{
    if (s->n_olds >= OLDS_MAX)
        return -EAGAIN;
    struct jn_sip_old *o = calloc(1, sizeof *o);
    if (!o)
        return -ENOMEM;
    char cseq[32], target[sizeof d->target + 16];
    snprintf(cseq, sizeof cseq, "%u BYE", d->cseq + 1);
    const char *over = d->tcp == OVER_TLS ? ";transport=tls" : d->tcp == OVER_TCP ? ";transport=tcp" : "";
    const char *hop = d->route[0] == '!' ? d->route + 1 : NULL;
    snprintf(target, sizeof target, "%s%s", d->target, strstr(d->target, "transport=") ? "" : over);
    o->sip = s;
    o->leg = nta_leg_tcreate(s->old, NULL, NULL, SIPTAG_CALL_ID_STR(d->call_id), SIPTAG_FROM_STR(d->local),
                             SIPTAG_TO_STR(d->remote), TAG_END());
    if (o->leg)
        o->orq =
            nta_outgoing_tcreate(o->leg, old_answered, o, URL_STRING_MAKE(hop), SIP_METHOD_BYE, URL_STRING_MAKE(target),
                                 TAG_IF(d->route[0] && !hop, SIPTAG_ROUTE_STR(d->route)), SIPTAG_CSEQ_STR(cseq),
                                 SIPTAG_USER_AGENT_STR("Junctor/" JUNCTOR_VERSION), TAG_END());
    if (!o->orq) {
        if (o->leg)
            nta_leg_destroy(o->leg);
        free(o);
        return -EINVAL;
    }
    s->n_olds++;
    o->at = &s->olds;
    o->next = s->olds;
    if (o->next)
        o->next->at = &o->next;
    s->olds = o;
    return 0;
}
