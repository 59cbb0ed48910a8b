/* Invite: calls that come in, up to the moment when act is told, and calls that go out to agents' phones. */
#include "engine/sip/ua.h"
#include <errno.h>

/* A final answer to a request that never becomes a leg. */
static void turn_away(struct jn_sip *s, nua_handle_t *nh, int status)
{
    count(&s->counts.refused);
    nua_respond(nh, status, sip_status_phrase(status), NUTAG_WITH_THIS(s->nua),
                TAG_IF(status == 503, SIPTAG_RETRY_AFTER_STR("5")),
                TAG_IF(status == 415, SIPTAG_ACCEPT_STR("application/sdp")), TAG_END());
    nua_handle_destroy(nh);
}

/* Not from a trunk: only a phone of ours may call, after it proved who it is. True when it did. */
static bool phone_of_ours(struct jn_sip *s, nua_handle_t *nh, const sip_t *sip, const struct jn_addr *source,
                          struct jn_sip_invite *in)
{
    const char *realm = sip->sip_from->a_url->url_host;
    if (!jn_sip_realm_ok(realm) || !jn_dir_tenant_domain(s->dir, realm)) {
        count(&s->counts.forbidden_source);
        jn_sip_log_refused(s, "call from a source that no trunk has", sip->sip_from->a_url->url_user, source);
        turn_away(s, nh, 403);
        return false;
    }
    const struct jn_dir_agent *a;
    enum auth proof = jn_sip_auth(s, sip->sip_proxy_authorization, sip->sip_request->rq_method_name, realm, &a);
    if (proof == AUTH_MISSING || proof == AUTH_STALE) {
        char challenge[256];
        jn_sip_challenge(s, challenge, sizeof challenge, realm, proof == AUTH_STALE);
        nua_respond(nh, SIP_407_PROXY_AUTH_REQUIRED, NUTAG_WITH_THIS(s->nua), SIPTAG_PROXY_AUTHENTICATE_STR(challenge),
                    TAG_END());
        nua_handle_destroy(nh);
        return false;
    }
    const char *user = sip->sip_from->a_url->url_user;
    if (proof != AUTH_OK || !user || strcasecmp(user, a->sip_user)) {
        count(&s->counts.unauthorised);
        jn_sip_log_refused(s, "call refused", user, source);
        turn_away(s, nh, 403);
        return false;
    }
    in->tenant = a->tenant;
    in->agent = a->set.id;
    in->srtp = a->srtp;
    return true;
}

static void display(const sip_from_t *from, char *out, size_t size)
{
    const char *d = from->a_display ? from->a_display : "";
    size_t n = strlen(d);
    if (n >= 2 && d[0] == '"' && d[n - 1] == '"')
        jn_copy_n(out, size, d + 1, n - 2);
    else
        jn_copy(out, size, d);
}

/* The user part, escapes undone. */
static void user_of(const url_t *u, char *out, size_t size)
{
    char plain[JN_SIP_URI_MAX];
    if (u->url_user && strlen(u->url_user) < sizeof plain) {
        url_unescape(plain, u->url_user);
        jn_copy(out, size, plain);
    } else {
        jn_copy(out, size, "");
    }
}

static void remember(struct jn_sip_leg *l, nua_handle_t *nh, const sip_t *sip, const struct jn_addr *source)
{
    bool tcp = jn_sip_over_tcp(sip);
    l->dialog.tcp = tcp;
    if (jn_sip_behind_nat(sip, source)) {
        char hop[96];
        jn_sip_next_hop(hop, sizeof hop, source, tcp);
        nua_set_hparams(nh, NUTAG_PROXY(hop), TAG_END());
    }
}

/* A Contact that requests of ours can be sent to (RFC 3261 8.1.1.8): without one the dialog could never be ended from
 * here. */
static bool reachable(const sip_t *sip)
{
    char uri[JN_SIP_URI_MAX];
    const url_t *u = sip->sip_contact ? sip->sip_contact->m_url : NULL;
    return u && (u->url_type == url_sip || u->url_type == url_sips) && u->url_host && u->url_host[0] &&
           jn_sip_uri(uri, sizeof uri, u);
}

void jn_sip_invite_event(struct jn_sip *s, nua_handle_t *nh, const sip_t *sip)
{
    struct jn_sip_invite in = {0};
    int bad = 0;
    count(&s->counts.invites);
    if (!jn_sip_source(s, &in.source)) {
        turn_away(s, nh, 400);
        return;
    }
    if (!reachable(sip)) {
        count(&s->counts.malformed);
        turn_away(s, nh, 400);
        return;
    }
    if (s->drain) {
        turn_away(s, nh, 503);
        return;
    }
    if (jn_sip_throttled(s, jn_mono_ns())) {
        count(&s->counts.throttled);
        turn_away(s, nh, 503);
        return;
    }
    in.sdp = jn_sip_body(s, sip, &bad);
    if (bad) {
        turn_away(s, nh, bad);
        return;
    }
    const struct jn_dir_trunk *trunk = jn_dir_trunk_from(s->dir, &in.source);
    if (trunk) {
        in.tenant = trunk->tenant;
        in.srtp = trunk->srtp;
    } else if (!phone_of_ours(s, nh, sip, &in.source, &in)) {
        return;
    }
    struct jn_sip_leg *l = jn_sip_leg_new(s, nh, LEG_IN);
    if (!l) {
        turn_away(s, nh, 503);
        return;
    }
    char from[128], name[128], to[128];
    user_of(sip->sip_from->a_url, from, sizeof from);
    user_of(sip->sip_request->rq_url, to, sizeof to);
    display(sip->sip_from, name, sizeof name);
    remember(l, nh, sip, &in.source);
    l->delayed = !in.sdp;
    jn_sip_dialog_in(l, sip);
    in.leg = l->id;
    in.from_user = from;
    in.from_display = name;
    in.to_user = to;
    in.call_id = sip->sip_call_id->i_id;
    s->sink.invite(s->sink.arg, &in);
}

/* Text for a quoted display name; what could end the quotes is left out. */
static void plain(char *out, size_t size, const char *text, bool user)
{
    static const char user_ok[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+*._-";
    size_t n = 0;
    for (; text && *text && n + 1 < size; text++)
        if (user ? strchr(user_ok, *text) != NULL : (unsigned char)*text >= 32 && *text != '"' && *text != '\\')
            out[n++] = *text;
    out[n] = 0;
}

int jn_sip_call_agent(struct jn_sip *s, uint64_t *leg, const struct jn_sip_agent_call *c)
{
    const struct jn_dir_agent *a = jn_dir_agent(s->dir, c->agent);
    const struct phone *p = jn_sip_phone(s, c->agent);
    if (!a || !p || !p->registered)
        return -ENOTCONN;
    if (!s->n_free)
        return -EMFILE;
    char name[160], shown[96], info[64], user[64], from[512], to[256];
    plain(shown, sizeof shown, c->from_display, false);
    plain(info, sizeof info, c->info, false);
    snprintf(name, sizeof name, "%s%s%s", info, info[0] && shown[0] ? " " : "", shown);
    plain(user, sizeof user, c->from_user, true);
    snprintf(from, sizeof from, "\"%s\" <sip:%s@%s>", name, user[0] ? user : "anonymous", p->realm);
    snprintf(to, sizeof to, "<sip:%s@%s>", a->sip_user, p->realm);
    nua_handle_t *nh =
        nua_handle(s->nua, NULL, SIPTAG_FROM_STR(from), SIPTAG_TO_STR(to), NUTAG_URL(p->contact), TAG_END());
    if (!nh)
        return -ENOMEM;
    struct jn_sip_leg *l = jn_sip_leg_new(s, nh, LEG_OUT);
    if (!l) {
        nua_handle_destroy(nh);
        return -EMFILE;
    }
    l->dialog.tcp = strstr(p->next, "transport=tcp") != NULL;
    *leg = l->id;
    /* The hop is taken from the request and kept for the dialog; given to nua_handle it is forgotten. */
    nua_invite(nh, NUTAG_PROXY(p->next), SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(c->sdp),
               TAG_IF(c->auto_answer, SIPTAG_CALL_INFO_STR("<sip:invalid>;answer-after=0")),
               TAG_IF(c->auto_answer, SIPTAG_HEADER_STR("Alert-Info: <http://invalid>;info=alert-autoanswer")),
               TAG_END());
    return 0;
}
