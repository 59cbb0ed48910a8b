/* Hook: the stack answers malformed requests and unsupported extensions before anybody hears of them. A message class
 * of our own looks at each message as its headers end, and counts; it changes nothing. */
#include "engine/sip/ban.h"
#include <strings.h>

/* The signalling thread's counters: the stack gives the hook no argument of ours. */
static _Thread_local struct jn_sip_counts *hooked;
static const msg_mclass_t *plain_class(void)
{
    return sip_default_mclass();
}

static bool well_formed(const sip_t *sip)
{
    return !sip->sip_error && sip->sip_via && sip->sip_from && sip->sip_to && sip->sip_call_id && sip->sip_cseq &&
           !(sip->sip_flags & MSG_FLG_ERROR);
}

/* What is required and is none of JN_SIP_SUPPORTED: the stack answers 420. */
static void count_extensions(const sip_require_t *require)
{
    static const char *const known[] = {"100rel", "timer", "replaces", "norefersub"};
    for (size_t i = 0; require->k_items && require->k_items[i]; i++) {
        bool ours = false;
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
            ours = ours || !strcasecmp(require->k_items[i], known[k]);
        if (!ours) {
            count(&hooked->bad_extension);
            return;
        }
    }
}

static issize_t look(msg_t *msg, msg_pub_t *pub, char b[], isize_t n, int eos)
{
    const sip_t *sip = (const sip_t *)(const void *)pub;
    bool before = sip->sip_separator != NULL;
    issize_t used = plain_class()->mc_extract_body(msg, pub, b, n, eos);
    if (before || !sip->sip_separator || !hooked)
        return used; /* not the end of the headers */
    jn_sip_look(msg, sip, !well_formed(sip));
    if (!well_formed(sip))
        count(&hooked->malformed);
    else if (sip->sip_request && sip->sip_require && sip->sip_request->rq_method != sip_method_ack &&
             sip->sip_request->rq_method != sip_method_cancel)
        count_extensions(sip->sip_require);
    return used;
}

msg_mclass_t *jn_sip_hook_make(struct jn_sip_counts *counts)
{
    msg_mclass_t *mc = msg_mclass_clone(plain_class(), 0, 0);
    if (mc)
        mc->mc_extract_body = look;
    hooked = counts;
    return mc;
}
