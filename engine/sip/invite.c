/* Invite: calls that come in, up to the moment when act is told, and calls that go out to agents' phones. */
#include "engine/sip/ban.h"
#include <errno.h>
#include <stdlib.h>

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
        jn_sip_suspect(s, source, jn_sip_connected(s), false);
        jn_sip_log_refused(s, "call from a source that no trunk has", sip->sip_from->a_url->url_user, source);
        turn_away(s, nh, 403);
        return false;
    }
    const struct jn_dir_agent *a;
    enum auth proof = jn_sip_auth(s, sip->sip_proxy_authorization, sip->sip_request->rq_method_name, realm, source, &a);
    if (proof == AUTH_MISSING || proof == AUTH_STALE) {
        char challenge[256];
        jn_sip_challenge(s, challenge, sizeof challenge, realm, source, proof == AUTH_STALE);
        nua_respond(nh, SIP_407_PROXY_AUTH_REQUIRED, NUTAG_WITH_THIS(s->nua), SIPTAG_PROXY_AUTHENTICATE_STR(challenge),
                    TAG_END());
        nua_handle_destroy(nh);
        return false;
    }
    const char *user = sip->sip_from->a_url->url_user;
    if (proof != AUTH_OK || !user || strcasecmp(user, a->sip_user)) {
        count(&s->counts.unauthorised);
        jn_sip_suspect(s, source, s->proven || jn_sip_connected(s), false);
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

static void remember(struct jn_sip_leg *l, nua_handle_t *nh, const sip_t *sip, const struct jn_addr *source)
{
    enum transport over = jn_sip_transport(sip);
    l->dialog.tcp = (uint8_t)over;
    l->sips = sip->sip_request->rq_url->url_type == url_sips || sip->sip_contact->m_url->url_type == url_sips ||
              (sip->sip_record_route && sip->sip_record_route->r_url->url_type == url_sips);
    if (jn_sip_behind_nat(sip, source)) {
        char hop[96];
        jn_sip_next_hop(hop, sizeof hop, source, over);
        nua_set_hparams(nh, NUTAG_PROXY(hop), TAG_END());
        snprintf(l->dialog.route, sizeof l->dialog.route, "!%s", hop);
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

/* What speaks against any INVITE, whoever sends it: the status to refuse it with, or 0. */
static int unfit(struct jn_sip *s, const sip_t *sip, struct jn_sip_invite *in)
{
    int bad = 0;
    if (!jn_sip_source(s, &in->source))
        return 400;
    if (!reachable(sip) || jn_sip_spoilt(sip, sip_replaces_class) || jn_sip_timer_spoilt(sip)) {
        count(&s->counts.malformed);
        return 400;
    }
    if (s->drain)
        return 503;
    if (jn_sip_throttled(s, jn_mono_ns())) {
        count(&s->counts.throttled);
        return 503;
    }
    in->sdp = jn_sip_body(s, sip, &bad);
    return bad;
}

void jn_sip_invite_event(struct jn_sip *s, nua_handle_t *nh, const sip_t *sip)
{
    struct jn_sip_invite in = {0};
    count(&s->counts.invites);
    int bad = unfit(s, sip, &in);
    if (bad) {
        turn_away(s, nh, bad);
        return;
    }
    bool registered;
    const struct jn_dir_trunk *trunk = jn_sip_trunk_of(s, sip, &in.source, &registered);
    if (trunk) {
        in.tenant = trunk->tenant;
        in.srtp = trunk->srtp;
    } else if (!phone_of_ours(s, nh, sip, &in.source, &in)) {
        return;
    }
    if (sip_replaces(sip)) /* RFC 3891 3 */
        in.replaces = jn_sip_replaced(s, in.tenant, sip_replaces(sip), &bad);
    if (bad) {
        turn_away(s, nh, bad);
        return;
    }
    struct jn_sip_leg *l = jn_sip_leg_new(s, nh, LEG_IN);
    if (!l) {
        turn_away(s, nh, 503);
        return;
    }
    jn_copy(l->call_id, sizeof l->call_id, sip->sip_call_id->i_id);
    if (trunk && !jn_sip_trunk_take(s, l, trunk)) {
        nua_handle_bind(nh, NULL);
        l->nh = NULL;
        jn_sip_leg_drop(s, l);
        turn_away(s, nh, 503);
        return;
    }
    if (l->trunk)
        jn_sip_trunk_came(s, l);
    char from[128], name[128];
    struct jn_sip_identity who;
    jn_sip_user(sip->sip_from->a_url, from, sizeof from);
    display(sip->sip_from, name, sizeof name);
    remember(l, nh, sip, &in.source);
    l->delayed = !in.sdp;
    l->tenant = in.tenant;
    l->agent = in.agent;
    if (in.sdp)
        jn_sip_sdp_new(l, in.sdp);
    jn_sip_dialog_in(l, sip);
    jn_sip_session(s, l, sip, true);
    in.leg = l->id;
    in.from_user = from;
    in.from_display = name;
    jn_sip_identify(&who, &in, sip, trunk, registered);
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
    struct jn_sip_out *o = calloc(1, sizeof *o);
    char *offer = strdup(c->sdp);
    struct jn_sip_leg *l = o && offer ? jn_sip_leg_new(s, NULL, LEG_OUT) : NULL;
    if (!l) {
        free(o);
        free(offer);
        return -ENOMEM;
    }
    char name[160], shown[96], info[64], user[64];
    plain(shown, sizeof shown, c->from_display, false);
    plain(info, sizeof info, c->info, false);
    snprintf(name, sizeof name, "%s%s%s", info, info[0] && shown[0] ? " " : "", shown);
    plain(user, sizeof user, c->from_user, true);
    snprintf(o->from, sizeof o->from, "\"%s\" <sip:%s@%s>", name, user[0] ? user : "anonymous", p->realm);
    snprintf(o->to, sizeof o->to, "<sip:%s@%s>", a->sip_user, p->realm);
    jn_copy(o->next, sizeof o->next, p->next);
    o->auto_answer = c->auto_answer;
    l->out = o;
    l->sdp = offer;
    l->tenant = a->tenant;
    l->agent = c->agent;
    l->outgoing = true;
    if (jn_sip_out_send(s, l, p->contact)) {
        jn_sip_leg_drop(s, l);
        return -ENOMEM;
    }
    *leg = l->id;
    return 0;
}
