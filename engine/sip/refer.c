/* Refer: a party asks to be connected elsewhere (RFC 3515), perhaps in the place of another call (RFC 3891). What is
 * done about it is the sink's; here it is understood, accepted or refused, and told how it went. */
#include "engine/sip/ua.h"
#include <errno.h>
#include <strings.h>

/* One value of a URI's header part, escapes undone. False: it is not there (*found false) or does not fit. */
static bool uri_header(const char *headers, const char *name, char *out, size_t size, bool *found)
{
    size_t n = strlen(name);
    *found = false;
    for (const char *h = headers; h && *h;) {
        size_t len = strcspn(h, "&");
        if (len > n && h[n] == '=' && !strncasecmp(h, name, n)) {
            if (*found)
                return false; /* two of them */
            *found = true;
            char raw[512];
            if (!jn_copy_n(raw, sizeof raw, h + n + 1, len - n - 1) || strlen(raw) >= size)
                return false;
            url_unescape(out, raw);
        }
        h += len;
        h += *h == '&';
    }
    return *found;
}

static bool plain(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 32 || *text == 127)
            return false;
    return true;
}

static int take_replaces(struct jn_sip_target *t, su_home_t *home, const char *headers)
{
    char text[512];
    bool found;
    if (!uri_header(headers, "Replaces", text, sizeof text, &found))
        return found ? 400 : 0;
    sip_replaces_t *r = plain(text) ? sip_replaces_make(home, text) : NULL;
    if (!r || !r->rp_call_id || !r->rp_to_tag || !r->rp_from_tag ||
        !jn_copy(t->call_id, sizeof t->call_id, r->rp_call_id) || !jn_copy(t->to_tag, sizeof t->to_tag, r->rp_to_tag) ||
        !jn_copy(t->from_tag, sizeof t->from_tag, r->rp_from_tag) || !t->call_id[0] || !t->to_tag[0] || !t->from_tag[0])
        return 400;
    t->replaces = true;
    return 0;
}

int jn_sip_refer_to(struct jn_sip_target *t, su_home_t *home, const url_t *u)
{
    char raw[JN_SIP_URI_MAX];
    memset(t, 0, sizeof *t);
    if (u->url_type != url_sip && u->url_type != url_sips)
        return 403; /* 416 would end the dialog (RFC 5057 5.1) */
    if (!u->url_host || !jn_copy(t->host, sizeof t->host, u->url_host) || !plain(t->host) || !t->host[0])
        return 400;
    if (u->url_user) {
        if (!jn_copy(raw, sizeof raw, u->url_user) || strlen(raw) >= sizeof t->user)
            return 400;
        url_unescape(t->user, raw);
        if (!plain(t->user))
            return 400;
    }
    if (u->url_params && url_has_param(u, "method")) {
        char method[16];
        if (!url_param(u->url_params, "method", method, sizeof method) || strcasecmp(method, "INVITE"))
            return 403; /* RFC 3515 permits other methods; a call centre connects calls */
    }
    int rc = u->url_headers ? take_replaces(t, home, u->url_headers) : 0;
    return rc ? rc : !t->user[0] && !t->replaces ? 400 : 0;
}

bool jn_sip_spoilt(const sip_t *sip, msg_hclass_t *hc)
{
    for (const msg_error_t *e = sip->sip_error; e; e = e->er_next) {
        if (e->er_common->h_class == hc)
            return true;
        if (e->er_common->h_class == sip_error_class && e->er_name && !strcasecmp(e->er_name, hc->hc_name))
            return true;
    }
    return false;
}

uint64_t jn_sip_replaced(struct jn_sip *s, uint64_t tenant, const sip_replaces_t *r, int *status)
{
    if (r->rp_next || !r->rp_call_id || !r->rp_to_tag || !r->rp_to_tag[0] || !r->rp_from_tag || !r->rp_from_tag[0]) {
        count(&s->counts.malformed);
        *status = 400;
        return 0;
    }
    nua_handle_t *nh = nua_handle_by_replaces(s->nua, r);
    const struct jn_sip_leg *l = nh ? nua_handle_magic(nh) : NULL;
    if (nh)
        nua_handle_unref(nh);
    *status = 481;
    if (!l || l->tenant != tenant) /* another tenant's calls are not known to exist */
        return 0;
    if (l->state == LEG_ENDING || l->hangup)
        *status = 603;
    else if (l->state == LEG_UP && r->rp_early_only)
        *status = 486;
    else if (l->state == LEG_UP || (l->state == LEG_OUT && l->early))
        *status = 0;
    return *status ? 0 : l->id;
}

static bool our_host(const struct jn_sip *s, uint64_t tenant, const char *host)
{
    const struct jn_dir_tenant *t = jn_dir_tenant_domain(s->dir, host);
    char bare[JN_HOST_MAX];
    size_t n = strlen(host);
    if (t)
        return t->id == tenant;
    if (n > 2 && host[0] == '[' && host[n - 1] == ']')
        jn_copy_n(bare, sizeof bare, host + 1, n - 2);
    else
        jn_copy(bare, sizeof bare, host);
    return !strcasecmp(bare, s->c.host) || (s->c.advertise[0] && !strcasecmp(bare, s->c.advertise));
}

static void refuse(struct jn_sip *s, nua_handle_t *nh, int status)
{
    count(&s->counts.refers_refused);
    nua_respond(nh, status, sip_status_phrase(status), NUTAG_WITH_THIS(s->nua), TAG_END());
}

static void notify(struct jn_sip_leg *l, int status)
{
    char event[32] = "refer", frag[80];
    if (l->refer_id)
        snprintf(event, sizeof event, "refer;id=%u", l->refer_id);
    const char *phrase = sip_status_phrase(status);
    snprintf(frag, sizeof frag, "SIP/2.0 %d %s\r\n", status, phrase ? phrase : "Answer");
    nua_notify(l->nh, NUTAG_SUBSTATE(status < 200 ? nua_substate_active : nua_substate_terminated),
               TAG_IF(status >= 200, SIPTAG_SUBSCRIPTION_STATE_STR("terminated;reason=noresource")),
               SIPTAG_EVENT_STR(event), SIPTAG_CONTENT_TYPE_STR("message/sipfrag;version=2.0"),
               SIPTAG_PAYLOAD_STR(frag), TAG_END());
}

int jn_sip_refer_result(struct jn_sip *s, uint64_t leg, int status)
{
    struct jn_sip_leg *l = jn_sip_leg_get(s, leg);
    if (!l || !l->referred)
        return -ENOENT;
    if (!l->refer_quiet)
        notify(l, status);
    if (status >= 200)
        l->referred = false;
    return 0;
}

static int understand(struct jn_sip *s, struct jn_sip_leg *l, const sip_t *sip, struct jn_sip_target *t)
{
    if (l->state != LEG_UP || l->referred || l->hangup)
        return 491; /* one at a time */
    const sip_refer_to_t *to = sip->sip_refer_to;
    int rc = 400;
    if (to && !to->r_next && !jn_sip_spoilt(sip, sip_refer_to_class)) {
        su_home_t home[1] = {SU_HOME_INIT(home)};
        rc = jn_sip_refer_to(t, home, to->r_url);
        su_home_deinit(home);
    }
    if (rc)
        count(&s->counts.malformed);
    return rc ? rc : s->sink.refer ? 0 : 603;
}

void jn_sip_refer_event(struct jn_sip *s, nua_handle_t *nh, struct jn_sip_leg *l, const sip_t *sip, tagi_t *tags)
{
    struct jn_sip_target t;
    struct jn_sip_refer r = {.to_user = t.user, .to_host = t.host};
    int status = 0, rc = l ? understand(s, l, sip, &t) : 403; /* only who talks to us may ask to be moved */
    if (rc) {
        refuse(s, nh, rc);
        return;
    }
    const sip_event_t *event = NULL;
    tl_gets(tags, NUTAG_REFER_EVENT_REF(event), TAG_END());
    const sip_refer_sub_t *sub = sip_refer_sub(sip);
    l->referred = true;
    l->refer_quiet = sub && sub->rs_value && !strcasecmp(sub->rs_value, "false");
    l->refer_id = event && event->o_id ? sip->sip_cseq->cs_seq : 0;
    count(&s->counts.refers);
    nua_respond(nh, SIP_202_ACCEPTED, NUTAG_WITH_THIS(s->nua), TAG_IF(l->refer_quiet, SIPTAG_REFER_SUB_STR("false")),
                TAG_END());
    jn_sip_refer_result(s, l->id, 100);
    if (t.replaces) {
        /* The tags are named from the side of the party that is called in its place: ours. */
        sip_replaces_t x;
        sip_replaces_init(&x);
        x.rp_call_id = t.call_id;
        x.rp_to_tag = t.to_tag;
        x.rp_from_tag = t.from_tag;
        r.replaces = jn_sip_replaced(s, l->tenant, &x, &status);
        if (status) {
            jn_sip_refer_result(s, l->id, status);
            return;
        }
    }
    r.ours = our_host(s, l->tenant, t.host);
    s->sink.refer(s->sink.arg, l->id, &r);
}
