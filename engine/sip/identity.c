/* Identity: who calls and what was called, as far as the trunk may be believed (RFC 3325, 3323). */
#include "engine/sip/number.h"
#include "engine/sip/ua.h"

void jn_sip_user(const url_t *u, char *out, size_t size)
{
    char plain[JN_SIP_URI_MAX];
    if (u && u->url_user && strlen(u->url_user) < sizeof plain) {
        url_unescape(plain, u->url_user);
        jn_copy(out, size, plain);
    } else {
        jn_copy(out, size, "");
    }
}

/* The value of a header that the stack has no class for; NULL when it is not there. */
static const char *unknown(const sip_t *sip, const char *name)
{
    for (const sip_unknown_t *u = sip->sip_unknown; u; u = u->un_next)
        if (u->un_name && !strcasecmp(u->un_name, name))
            return u->un_value;
    return NULL;
}

static bool withheld(const sip_t *sip)
{
    char text[128] = "";
    size_t n = 0;
    if (sip->sip_privacy && sip->sip_privacy->priv_values)
        for (const msg_param_t *v = sip->sip_privacy->priv_values; *v && n < sizeof text; v++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s;", *v);
    return n < sizeof text && jn_number_private(text);
}

static void plus(char out[static JN_NUMBER_MAX], const char *text, const struct jn_dir_trunk *t)
{
    jn_number_e164(out, text, t);
}

void jn_sip_identify(struct jn_sip_identity *o, struct jn_sip_invite *in, const sip_t *sip,
                     const struct jn_dir_trunk *t, bool registered)
{
    const char *value;
    char text[128];
    *o = (struct jn_sip_identity){.to = ""};
    jn_sip_user(sip->sip_request->rq_url, o->to, sizeof o->to);
    if (registered) { /* the Request-URI is the contact that we gave; whom was called stands elsewhere */
        value = unknown(sip, "P-Called-Party-ID");
        if (!value || !jn_number_of_header(o->to, sizeof o->to, value))
            jn_sip_user(sip->sip_to->a_url, o->to, sizeof o->to);
    }
    in->to_user = o->to;
    in->number = o->number;
    in->from_number = o->from_number;
    plus(o->number, o->to, t);
    jn_sip_user(sip->sip_from->a_url, text, sizeof text);
    if (strcasecmp(text, "anonymous"))
        plus(o->from_number, text, t);
    if (!t)
        return;
    in->trunk = t->id;
    value = unknown(sip, "P-Asserted-Identity");
    if (t->trusted && value && jn_number_of_header(text, sizeof text, value)) {
        plus(o->asserted, text, t);
        jn_copy(o->from_number, sizeof o->from_number, o->asserted);
        in->asserted = o->asserted[0] ? o->asserted : NULL;
    }
    /* Whoever asked to be kept unknown is: not to agents, not in records (RFC 3325 7). */
    if (withheld(sip)) {
        o->from_number[0] = 0;
        in->asserted = NULL;
        in->from_user = "anonymous";
        in->from_display = "";
    }
    value = unknown(sip, "Diversion");
    if (!value)
        value = unknown(sip, "History-Info");
    if (value && jn_number_of_header(o->diversion, sizeof o->diversion, value))
        in->diversion = o->diversion;
}
