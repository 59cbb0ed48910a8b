/* LINK: jn_sip */
/* What is done with a SIP message once the stack has parsed it: bodies, contacts, route sets, dialogs to be kept. Every
 * text that is written must be whole and terminated. */
#include "engine/sip/ua.h"
#include <stdlib.h>

static void all_terminated(const struct jn_sip_dialog *d)
{
    if (!memchr(d->call_id, 0, sizeof d->call_id) || !memchr(d->local, 0, sizeof d->local) ||
        !memchr(d->remote, 0, sizeof d->remote) || !memchr(d->target, 0, sizeof d->target) ||
        !memchr(d->route, 0, sizeof d->route))
        abort();
    if (strpbrk(d->local, "\r\n") || strpbrk(d->remote, "\r\n") || strpbrk(d->target, "\r\n ") ||
        strpbrk(d->route, "\r\n"))
        abort(); /* a kept dialog must not bring headers of its own */
}

/* Who calls and what was called: whole texts, whatever the headers say. */
static void identities(const sip_t *sip)
{
    static const struct jn_dir_trunk trunk = {.id = 1, .trusted = true, .country = "49", .international = "00"};
    for (int i = 0; i < 3; i++) {
        struct jn_sip_identity who;
        struct jn_sip_invite in = {.from_user = "x", .from_display = ""};
        jn_sip_identify(&who, &in, sip, i ? &trunk : NULL, i == 2);
        if (!memchr(in.to_user, 0, sizeof who.to) || !memchr(in.number, 0, sizeof who.number) ||
            !memchr(in.from_number, 0, sizeof who.from_number))
            abort();
        if (in.asserted && strpbrk(in.asserted, "\r\n<>\""))
            abort();
        if (in.diversion && strpbrk(in.diversion, "\r\n<>\""))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct jn_sip *s;
    static struct jn_sip_counts counts;
    static msg_mclass_t *mc;
    if (!s) {
        s = calloc(1, sizeof *s);
        mc = jn_sip_hook_make(&counts);
        if (!s || !mc)
            abort();
    }
    if (size > 8192)
        return 0;
    msg_t *msg = msg_make(mc, 0, data, (ssize_t)size);
    if (!msg)
        return 0;
    const sip_t *sip = sip_object(msg);
    /* The stack hands on only what has these (RFC 3261 8.1.1). */
    if (sip && sip->sip_via && sip->sip_from && sip->sip_to && sip->sip_call_id && sip->sip_cseq &&
        (sip->sip_request || sip->sip_status)) {
        struct jn_sip_leg l = {.id = 1};
        struct jn_addr source;
        int status;
        jn_addr_parse(&source, "10.0.0.1", 5060);
        jn_sip_body(s, sip, &status);
        jn_sip_behind_nat(sip, &source);
        jn_sip_transport(sip);
        jn_sip_realm_ok(sip->sip_from->a_url->url_host);
        if (sip->sip_request)
            identities(sip);
        if (sip->sip_request)
            jn_sip_dialog_in(&l, sip);
        else
            jn_sip_dialog_out(&l, sip);
        all_terminated(&l.dialog);
    }
    msg_destroy(msg);
    return 0;
}
