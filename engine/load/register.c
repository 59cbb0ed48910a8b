/* Register: phones make themselves known, with digest, and leave (RFC 3261 10.2). */
#include "engine/base/str.h"
#include "engine/load/party.h"
#include <stdio.h>
#include <string.h>

enum { EXPIRES_S = 3600, TRIES = 10 };

static void write_register(struct jn_load *l, struct jn_party *p)
{
    struct jn_addr a = l->c.local;
    char me[JN_ADDR_TEXT_MAX], user[JN_LOAD_NAME], password[JN_LOAD_NAME], ha1[33], uri[JN_LOAD_HOST + 8];
    a.port = l->port[JN_LOAD_AT_PHONE];
    jn_addr_text(&a, me);
    jn_load_name(user, sizeof user, l->c.phone, l->c.first_phone + p->i);
    snprintf(uri, sizeof uri, "sip:%s", l->c.domain);
    l->out.n = 0;
    l->out.full = false;
    jn_sip_put(&l->out,
               "REGISTER %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%x.r%u.%u;rport\r\nMax-Forwards: 70\r\n"
               "From: <sip:%s@%s>;tag=r%u\r\nTo: <sip:%s@%s>\r\nCall-ID: r%u.%x@load\r\nCSeq: %u REGISTER\r\n"
               "Contact: <sip:p%u@%s>\r\nExpires: %u\r\nUser-Agent: junctor load\r\n",
               uri, me, l->run, p->i, p->register_cseq, user, l->c.domain, p->i, user, l->c.domain, p->i, l->run,
               p->register_cseq, p->i, me, p->leave ? 0 : EXPIRES_S);
    if (p->register_state == JN_REGISTER_PROVEN) {
        jn_load_name(password, sizeof password, l->c.password, l->c.first_phone + p->i);
        jn_sip_ha1(ha1, user, p->challenge.realm, password);
        jn_sip_put_credentials(&l->out, &p->challenge, p->challenge_proxy, user, ha1, "REGISTER", uri);
    }
    jn_sip_put_body(&l->out, "", 0);
    struct jn_addr peer = p->peer;
    p->peer = l->c.target; /* whoever called it */
    jn_party_send(l, p);
    p->peer = peer;
}

void jn_register_ask(struct jn_load *l, struct jn_party *p, uint64_t now)
{
    p->register_state = JN_REGISTER_ASKED;
    p->register_tries = 0;
    p->register_cseq++;
    p->asked_ns = now;
    l->in_register++;
    write_register(l, p);
}

static void over(struct jn_load *l, struct jn_party *p, uint64_t *kind)
{
    p->register_state = JN_REGISTER_IDLE;
    l->in_register--;
    (*kind)++;
}

void jn_register_hear(struct jn_load *l, const struct jn_sip_in *m, uint64_t now)
{
    char id[16];
    uint64_t i;
    const char *dot = m->call_id.n > 1 ? memchr(m->call_id.p, '.', m->call_id.n) : NULL;
    if (!dot || m->call_id.p[0] != 'r' ||
        !jn_copy_n(id, sizeof id, m->call_id.p + 1, (size_t)(dot - m->call_id.p - 1)) ||
        jn_parse_u64(id, UINT32_MAX, &i) || i >= l->c.phones)
        return;
    struct jn_party *p = &l->phone[i];
    if (p->register_state < JN_REGISTER_ASKED || m->cseq != p->register_cseq || m->status < 200)
        return; /* an answer that came twice */
    bool asked = m->status == 401 || m->status == 407;
    if (asked && p->register_state == JN_REGISTER_ASKED && jn_sip_challenge_read(&p->challenge, m->challenge) == 0) {
        p->register_state = JN_REGISTER_PROVEN;
        p->challenge_proxy = m->proxy_challenge;
        p->register_cseq++;
        p->register_tries = 0;
        write_register(l, p);
        return;
    }
    if (m->status == 200) {
        jn_histo_add(&l->counts.register_us, (now - p->asked_ns) / 1000);
        p->proven = !p->leave;
        over(l, p, &l->counts.registered);
        return;
    }
    l->counts.register_busy += m->status == 503;
    if (!l->counts.why[0])
        snprintf(l->counts.why, sizeof l->counts.why, "a phone was not registered: SIP %u", m->status);
    over(l, p, &l->counts.not_registered);
}

/* Those who are not answered ask again; those who wait begin. */
void jn_register_turn(struct jn_load *l, uint64_t now)
{
    for (uint32_t i = 0; l->in_register && i < l->c.phones; i++) {
        struct jn_party *p = &l->phone[i];
        uint64_t wait = ((uint64_t)p->register_tries + 1) * JN_T1_MS * 1000000;
        if (p->register_state < JN_REGISTER_ASKED || now - p->asked_ns < wait)
            continue;
        if (++p->register_tries > TRIES) {
            if (!l->counts.why[0])
                snprintf(l->counts.why, sizeof l->counts.why, "a phone's REGISTER was never answered");
            over(l, p, &l->counts.not_registered);
            continue;
        }
        l->counts.again++;
        write_register(l, p);
    }
    for (; l->next_register < l->c.phones && l->in_register < l->c.registers_at_once; l->next_register++)
        if (l->phone[l->next_register].register_state == JN_REGISTER_WANTED)
            jn_register_ask(l, &l->phone[l->next_register], now);
    l->registering = l->next_register < l->c.phones || l->in_register;
}
