/* Redirect: INVITEs of ours to agents' phones, and where a phone sends them instead (3xx, RFC 3261 8.1.3.4). Followed
 * only to the same phone or to another phone of the tenant: a phone must not make the centre call the world. */
#include "engine/sip/ua.h"
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

enum { HOPS_MAX = 3, CONTACTS_MAX = 8 };

int jn_sip_out_send(struct jn_sip *s, struct jn_sip_leg *l, const char *uri)
{
    struct jn_sip_out *o = l->out;
    nua_handle_t *nh = nua_handle(s->nua, l, SIPTAG_FROM_STR(o->from), SIPTAG_TO_STR(o->to), NUTAG_URL(uri), TAG_END());
    if (!nh)
        return -ENOMEM;
    l->nh = nh;
    l->dialog.tcp = strstr(o->next, "transport=tcp")   ? OVER_TCP
                    : strstr(o->next, "transport=tls") ? OVER_TLS
                                                       : OVER_UDP;
    /* The hop is taken from the request and kept for the dialog; given to nua_handle it is forgotten. */
    char contact[JN_SIP_URI_MAX];
    l->sips = !strncmp(uri, "sips:", 5);
    nua_invite(nh, NUTAG_PROXY(o->next), SIPTAG_CONTACT_STR(jn_sip_contact(s, l, contact)),
               SIPTAG_CALL_ID_STR(jn_sip_call_id_out(l)), SIPTAG_CONTENT_TYPE_STR("application/sdp"),
               SIPTAG_PAYLOAD_STR(l->sdp), TAG_IF(o->auto_answer, SIPTAG_CALL_INFO_STR("<sip:invalid>;answer-after=0")),
               TAG_IF(o->auto_answer, SIPTAG_HEADER_STR("Alert-Info: <http://invalid>;info=alert-autoanswer")),
               TAG_END());
    return 0;
}

/* Where contact u may take the call: uri and the hop to it. */
static bool allowed(struct jn_sip *s, const struct jn_sip_leg *l, const url_t *u, char uri[JN_SIP_URI_MAX],
                    char next[96])
{
    const struct phone *p = jn_sip_phone(s, l->agent);
    if (!p || !u->url_host || (u->url_type != url_sip && u->url_type != url_sips) ||
        !jn_sip_uri(uri, JN_SIP_URI_MAX, u))
        return false;
    const struct jn_dir_tenant *t = jn_dir_tenant_domain(s->dir, u->url_host);
    if (t) { /* another phone of the same tenant, by its name */
        char user[JN_SIP_URI_MAX];
        if (t->id != l->tenant || !u->url_user || !jn_copy(user, sizeof user, u->url_user))
            return false;
        const struct jn_dir_agent *a = jn_dir_agent_sip(s->dir, t->id, user);
        p = a ? jn_sip_phone(s, a->set.id) : NULL;
        if (!p || !p->registered)
            return false;
        jn_copy(uri, JN_SIP_URI_MAX, p->contact);
        jn_copy(next, 96, p->next);
        return true;
    }
    /* The same phone: its registered host, or the address that its packets come from. */
    char at[JN_HOST_MAX + 8];
    const char *c = strchr(p->contact, '@'), *host = c ? c + 1 : strchr(p->contact, ':') + 1;
    size_t n = strlen(u->url_host);
    bool same = !strncasecmp(host, u->url_host, n) && (!host[n] || strchr(":;?>", host[n]));
    snprintf(at, sizeof at, "sip:%s:", u->url_host);
    if (!same && strncmp(p->next, at, strlen(at)) != 0)
        return false;
    jn_copy(next, 96, p->next);
    return true;
}

bool jn_sip_redirected(struct jn_sip *s, struct jn_sip_leg *l, const sip_t *sip)
{
    char uri[JN_SIP_URI_MAX], next[96];
    if (!l->out || !l->agent || !l->sdp || l->out->hops >= HOPS_MAX)
        return false;
    const sip_contact_t *m = sip->sip_contact;
    for (unsigned i = 0; m && i < CONTACTS_MAX; m = m->m_next, i++)
        if (allowed(s, l, m->m_url, uri, next))
            break;
    if (!m || !jn_copy(l->out->next, sizeof l->out->next, next))
        return false;
    nua_handle_t *before = l->nh;
    l->out->hops++;
    if (jn_sip_out_send(s, l, uri)) {
        l->nh = before;
        return false;
    }
    nua_handle_bind(before, NULL);
    nua_handle_destroy(before);
    l->early = false;
    count(&s->counts.redirects);
    return true;
}
