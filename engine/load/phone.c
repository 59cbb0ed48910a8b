/* Phone: takes the calls that come, speaks, and says 200 to what a dialog asks (RFC 3261 8.2, 13.3, 15.1.2). */
#include "engine/base/str.h"
#include "engine/load/party.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct jn_party *of_call(struct jn_load *l, const struct jn_sip_in *m)
{
    uint32_t i = jn_map_get(&l->by_call, jn_party_key(m->call_id));
    struct jn_party *p = i < l->c.phones ? &l->phone[i] : NULL;
    return p && strlen(p->call_id) == m->call_id.n && !memcmp(p->call_id, m->call_id.p, m->call_id.n) ? p : NULL;
}

static bool busy(const struct jn_party *p)
{
    return p->state == JN_PARTY_INVITED || p->state == JN_PARTY_UP || p->state == JN_PARTY_ENDING;
}

/* Whom a new INVITE is for: the registered contact's user is p<number>; else anybody who is free. NULL: nobody. */
static struct jn_party *whom(struct jn_load *l, const struct jn_sip_in *m)
{
    const char *at = l->c.registers ? memmem(m->uri.p, m->uri.n, "sip:p", 5) : NULL;
    if (at) {
        uint64_t i = 0;
        const char *end = m->uri.p + m->uri.n;
        for (at += 5; at < end && isdigit((unsigned char)*at) && i < UINT32_MAX; at++)
            i = i * 10 + (unsigned)(*at - '0');
        struct jn_party *p = i < l->c.phones ? &l->phone[i] : NULL;
        return p && !busy(p) ? p : NULL;
    }
    for (uint32_t k = 0; k < l->c.phones; k++) {
        struct jn_party *p = &l->phone[l->next_phone];
        l->next_phone = (l->next_phone + 1) % l->c.phones;
        if (!busy(p))
            return p;
    }
    return NULL;
}

static void contact(struct jn_load *l, const struct jn_party *p)
{
    struct jn_addr a = l->c.local;
    char text[JN_ADDR_TEXT_MAX];
    a.port = l->port[JN_LOAD_AT_PHONE];
    jn_sip_put(&l->out, "Contact: <sip:p%u@%s>\r\nUser-Agent: junctor load\r\n", p->i, jn_addr_text(&a, text));
}

static void ring(struct jn_load *l, struct jn_party *p, const struct jn_sip_in *m)
{
    l->out.n = 0;
    l->out.full = false;
    jn_sip_put_answer(&l->out, m, 180, "Ringing", p->local_tag);
    contact(l, p);
    jn_sip_put_body(&l->out, "", 0);
    jn_party_send(l, p);
}

static void take(struct jn_load *l, struct jn_party *p, const struct jn_sip_in *m, const char *body, size_t n)
{
    l->out.n = 0;
    l->out.full = false;
    jn_sip_put_answer(&l->out, m, 200, "OK", p->local_tag);
    contact(l, p);
    jn_sip_put_body(&l->out, body, n);
    jn_party_send(l, p);
}

/* The 200 once more, out of the INVITE that was kept. */
static void take_again(struct jn_load *l, struct jn_party *p)
{
    struct jn_sip_in m;
    char body[JN_SDP_MAX];
    struct jn_leg_remote r;
    struct jn_err err;
    if (!p->invite || jn_sip_read(&m, p->invite, p->invite_len) < 0)
        return;
    int n = jn_party_answer(l, p, &r, m.body, body, sizeof body, &err);
    if (n >= 0)
        take(l, p, &m, body, (size_t)n);
}

static bool keep(struct jn_party *p, const char *text, size_t len)
{
    char *copy = realloc(p->invite, len);
    if (!copy)
        return false;
    memcpy(copy, text, len);
    p->invite = copy;
    p->invite_len = len;
    return true;
}

/* Registration and the kept INVITE's memory stay; the dialog is new. */
static void fresh(struct jn_load *l, struct jn_party *p, const struct jn_sip_in *m, const struct jn_addr *from,
                  uint64_t now)
{
    struct jn_party old = *p;
    if (old.call_id[0])
        jn_map_del(&l->by_call, jn_party_key((struct jn_view){old.call_id, strlen(old.call_id)}));
    *p = (struct jn_party){.phone = true,
                           .i = old.i,
                           .invite = old.invite,
                           .register_state = old.register_state,
                           .register_tries = old.register_tries,
                           .register_cseq = old.register_cseq,
                           .register_nonce = old.register_nonce + 1,
                           .challenge = old.challenge,
                           .asked_ns = old.asked_ns,
                           .proven = old.proven,
                           .leave = old.leave,
                           .stay = l->phones_stay,
                           .state = JN_PARTY_INVITED,
                           .cseq = 1,
                           .remote_cseq = m->cseq};
    p->peer = *from;
    p->t.began = p->sent_ns = now;
    snprintf(p->local_tag, sizeof p->local_tag, "p%u.%u", p->i, p->register_nonce);
    jn_copy_n(p->call_id, sizeof p->call_id, m->call_id.p, m->call_id.n);
    jn_copy_n(p->remote_tag, sizeof p->remote_tag, m->from_tag.p ? m->from_tag.p : "", m->from_tag.n);
    jn_copy_n(p->remote, sizeof p->remote, m->from.p, m->from.n);
    jn_copy_n(p->target, sizeof p->target, m->contact.p ? m->contact.p : "", m->contact.n);
    jn_sip_routes(p->routes, sizeof p->routes, m);
}

static void refuse(struct jn_load *l, const struct jn_sip_in *m, const struct jn_addr *from, unsigned status,
                   const char *reason)
{
    struct jn_party nobody = {.phone = true, .local_tag = "none"};
    jn_party_plain_answer(l, &nobody, m, from, status, reason);
}

static void invited(struct jn_load *l, const struct jn_sip_in *m, const char *text, size_t len,
                    const struct jn_addr *from, uint64_t now)
{
    char body[JN_SDP_MAX];
    struct jn_leg_remote r = {0};
    struct jn_err err = {""};
    struct jn_party *p = whom(l, m);
    if (!p || m->call_id.n >= sizeof p->call_id || m->from.n >= sizeof p->remote || !keep(p, text, len)) {
        refuse(l, m, from, 486, "Busy Here");
        return;
    }
    size_t kept = len;
    fresh(l, p, m, from, now);
    p->invite_len = kept;
    jn_map_set(&l->by_call, jn_party_key(m->call_id), p->i);
    l->counts.phone_calls++;
    int n = jn_party_answer(l, p, &r, m->body, body, sizeof body, &err);
    if (n < 0) {
        p->state = JN_PARTY_DONE;
        refuse(l, m, from, 488, "Not Acceptable Here");
        if (!l->counts.why[0])
            snprintf(l->counts.why, sizeof l->counts.why, "a phone could not take a call: %.200s", err.text);
        return;
    }
    ring(l, p, m);
    take(l, p, m, body, (size_t)n);
    jn_party_media(l, p, &r, now);
    if (p->state == JN_PARTY_INVITED) /* it speaks once the other has its 200 */
        jn_load_media_limit(l->media, jn_party_talker(l, p), 0);
}

static void cancelled(struct jn_load *l, struct jn_party *p, const struct jn_sip_in *m, const struct jn_addr *from,
                      uint64_t now)
{
    struct jn_sip_in first;
    jn_party_plain_answer(l, p, m, from, 200, "OK");
    if (p->state != JN_PARTY_INVITED || jn_sip_read(&first, p->invite, p->invite_len) < 0)
        return;
    jn_party_silent(l, p, false, now);
    p->state = JN_PARTY_DONE;
    jn_party_plain_answer(l, p, &first, from, 487, "Request Terminated");
}

/* The system tells the phone who calls: the caller's pattern without its number, then the number. */
static void tell_caller(struct jn_load *l, const struct jn_party *p, uint64_t now)
{
    const char *at = strstr(p->remote, "sip:"), *mark = strstr(l->c.caller, "%d");
    size_t n = mark ? (size_t)(mark - l->c.caller) : 0;
    if (!l->c.connected_ns || !at || !mark || strncmp(at + 4, l->c.caller, n) != 0 ||
        !isdigit((unsigned char)at[4 + n]))
        return;
    unsigned long i = strtoul(at + 4 + n, NULL, 10);
    if (i < l->c.connected_n)
        atomic_store_explicit(&l->c.connected_ns[i], now, memory_order_relaxed);
}

static void acknowledged(struct jn_load *l, struct jn_party *p, uint64_t now)
{
    if (p->state != JN_PARTY_INVITED)
        return;
    p->state = JN_PARTY_UP;
    p->t.answered = now;
    if (p->deaf) {
        jn_phone_hang_up(l, p, now);
        return;
    }
    tell_caller(l, p, now);
    jn_load_media_limit(l->media, jn_party_talker(l, p), p->stay ? 1 : UINT32_MAX);
}

void jn_phone_hear(struct jn_load *l, const struct jn_sip_in *m, const char *text, size_t len,
                   const struct jn_addr *from, uint64_t now)
{
    if (m->status) {
        if (m->method == JN_SIP_REGISTER)
            jn_register_hear(l, m, now);
        else if (m->method == JN_SIP_BYE && m->status >= 200) {
            struct jn_party *p = of_call(l, m);
            if (p && p->state == JN_PARTY_ENDING)
                p->state = JN_PARTY_DONE;
        }
        return;
    }
    struct jn_party *p = of_call(l, m);
    if (m->method == JN_SIP_INVITE && !m->to_tag.n) {
        if (!p || !busy(p) || p->remote_cseq != m->cseq)
            invited(l, m, text, len, from, now);
        else if (p->state == JN_PARTY_INVITED)
            take_again(l, p);
    } else if (m->method == JN_SIP_ACK) {
        if (p)
            acknowledged(l, p, now);
    } else if (m->method == JN_SIP_CANCEL && p) {
        cancelled(l, p, m, from, now);
    } else if (p) {
        jn_party_asked(l, p, m, from, now);
    } else if (m->method == JN_SIP_OPTIONS) {
        refuse(l, m, from, 200, "OK");
    } else {
        refuse(l, m, from, 481, "Call/Transaction Does Not Exist");
    }
}

static void bye(struct jn_load *l, struct jn_party *p)
{
    struct jn_addr a = l->c.local;
    char me[JN_ADDR_TEXT_MAX];
    struct jn_sip_in m;
    a.port = l->port[JN_LOAD_AT_PHONE];
    jn_addr_text(&a, me);
    if (!p->invite || jn_sip_read(&m, p->invite, p->invite_len) < 0)
        return;
    l->out.n = 0;
    l->out.full = false;
    jn_sip_put(&l->out,
               "BYE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%x.%s.%ub;rport\r\nMax-Forwards: 70\r\n%s"
               "From: %.*s;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u BYE\r\n",
               p->target, me, l->run, p->local_tag, p->cseq, p->routes, jn_view_len(m.to), m.to.p, p->local_tag,
               p->remote, p->call_id, p->cseq);
    jn_sip_put_body(&l->out, "", 0);
    jn_party_send(l, p);
}

void jn_phone_hang_up(struct jn_load *l, struct jn_party *p, uint64_t now)
{
    if (p->state != JN_PARTY_UP && p->state != JN_PARTY_INVITED)
        return;
    jn_party_silent(l, p, true, now);
    p->state = JN_PARTY_ENDING;
    p->tries = 0;
    p->sent_ns = now;
    bye(l, p);
}

void jn_phone_turn(struct jn_load *l, struct jn_party *p, uint64_t now)
{
    if ((p->state != JN_PARTY_INVITED && p->state != JN_PARTY_ENDING) || now - p->sent_ns < jn_party_wait_ns(p->tries))
        return;
    p->sent_ns = now;
    if (++p->tries > JN_TRIES_MAX + 3) {
        jn_party_silent(l, p, true, now);
        p->state = JN_PARTY_DONE;
        if (!l->counts.why[0])
            snprintf(l->counts.why, sizeof l->counts.why, "a phone's answer or BYE was never acknowledged");
        return;
    }
    l->counts.again++;
    if (p->state == JN_PARTY_INVITED)
        take_again(l, p);
    else
        bye(l, p);
}
