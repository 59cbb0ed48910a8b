/* Caller: INVITE, ACK, media, BYE (RFC 3261 13, 15, 17.1), and CANCEL for who must go before anybody answered. */
#include "engine/base/str.h"
#include "engine/load/party.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { SETTLED_MS = 32000 /* 64 * T1: no answer to a request */ };

static const char *us(const struct jn_load *l, char out[static JN_ADDR_TEXT_MAX])
{
    struct jn_addr a = l->c.local;
    a.port = l->port[JN_LOAD_AT_CALLER];
    return jn_addr_text(&a, out);
}

/* branch: what tells an ACK to a 200 from its INVITE; ACKs of refusals and CANCELs have the INVITE's (17.1.1.3, 9.1).
 */
static void head(struct jn_load *l, struct jn_party *p, const char *method, const char *uri, uint32_t cseq,
                 const char *branch)
{
    char me[JN_ADDR_TEXT_MAX], user[JN_LOAD_NAME];
    us(l, me);
    jn_load_name(user, sizeof user, l->c.caller, l->c.first_caller + p->i);
    l->out.n = 0;
    l->out.full = false;
    jn_sip_put(&l->out,
               "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%x.%s.%u%s;rport\r\nMax-Forwards: 70\r\n"
               "From: <sip:%s@%s>;tag=%s\r\nTo: %s%s%s\r\nCall-ID: %s\r\nCSeq: %u %s\r\nContact: <sip:%s@%s>\r\n"
               "User-Agent: junctor load\r\n",
               method, uri, me, l->run, p->local_tag, cseq, branch, user, l->c.domain, p->local_tag, p->remote,
               p->remote_tag[0] ? ";tag=" : "", p->remote_tag, p->call_id, cseq, method, user, me);
}

static void invite(struct jn_load *l, struct jn_party *p)
{
    char body[JN_SDP_MAX], user[JN_LOAD_NAME], ha1[33], password[JN_LOAD_NAME];
    int n = jn_party_offer(l, p, body, sizeof body);
    head(l, p, "INVITE", p->target, p->invite_cseq, "");
    if (p->challenged) {
        jn_load_name(user, sizeof user, l->c.caller, l->c.first_caller + p->i);
        jn_load_name(password, sizeof password, l->c.password, l->c.first_caller + p->i);
        jn_sip_ha1(ha1, user, p->challenge.realm, password);
        jn_sip_put_credentials(&l->out, &p->challenge, p->challenge_proxy, user, ha1, "INVITE", p->target);
    }
    jn_sip_put_body(&l->out, body, n > 0 ? (size_t)n : 0);
    jn_party_send(l, p);
}

static void ack(struct jn_load *l, struct jn_party *p, bool answered)
{
    head(l, p, "ACK", p->target, p->invite_cseq, answered ? "a" : "");
    jn_sip_put(&l->out, "%s", answered ? p->routes : "");
    jn_sip_put_body(&l->out, "", 0);
    jn_party_send(l, p);
}

static void request(struct jn_load *l, struct jn_party *p, const char *method)
{
    bool cancel = !strcmp(method, "CANCEL");
    head(l, p, method, p->target, cancel ? p->invite_cseq : p->cseq, cancel ? "" : "b");
    jn_sip_put(&l->out, "%s", cancel ? "" : p->routes);
    jn_sip_put_body(&l->out, "", 0);
    jn_party_send(l, p);
}

void jn_caller_begin(struct jn_load *l, struct jn_party *p, bool stay, uint64_t now)
{
    uint32_t i = p->i, run = p->register_nonce + 1;
    *p = (struct jn_party){.state = JN_PARTY_INVITED, .i = i, .stay = stay, .cseq = 1, .invite_cseq = 1};
    p->register_nonce = run;
    p->t.began = p->sent_ns = now;
    p->peer = l->c.target;
    snprintf(p->local_tag, sizeof p->local_tag, "c%u.%u", i, run);
    snprintf(p->call_id, sizeof p->call_id, "c%u.%u.%x@load", i, run, l->run);
    snprintf(p->target, sizeof p->target, "sip:%s@%s", l->c.number, l->c.host);
    snprintf(p->remote, sizeof p->remote, "<%.*s>", (int)sizeof p->remote - 3, p->target);
    if (l->c.connected_ns && l->c.first_caller + i < l->c.connected_n)
        atomic_store_explicit(&l->c.connected_ns[l->c.first_caller + i], 0, memory_order_relaxed);
    l->counts.active++;
    l->counts.begun++;
    invite(l, p);
}

void jn_caller_bye(struct jn_load *l, struct jn_party *p, uint64_t now)
{
    jn_party_silent(l, p, true, now);
    p->cseq++;
    p->tries = 0;
    p->sent_ns = now;
    l->counts.up -= p->state == JN_PARTY_UP;
    p->state = JN_PARTY_ENDING;
    request(l, p, "BYE");
}

void jn_caller_hang_up(struct jn_load *l, struct jn_party *p, uint64_t now)
{
    if (p->state == JN_PARTY_UP) {
        p->cut_ns = now;
        jn_caller_bye(l, p, now);
    } else if (p->state == JN_PARTY_INVITED && !p->cut_ns) {
        p->cut_ns = now;
        p->cancel = true; /* only once something has come back (9.1) */
        if (p->provisional) {
            p->state = JN_PARTY_CANCELLED;
            request(l, p, "CANCEL");
        }
    }
}

/* It has failed and is counted so; the other end shall not keep its leg: BYE or CANCEL until that is answered. */
static void leave(struct jn_load *l, struct jn_party *p, bool bye, uint64_t now)
{
    l->leaving += p->state != JN_PARTY_LEAVING;
    p->state = JN_PARTY_LEAVING;
    p->bye = bye;
    p->cseq += bye;
    p->tries = 0;
    p->sent_ns = now;
    request(l, p, bye ? "BYE" : "CANCEL");
}

static void left(struct jn_load *l, struct jn_party *p)
{
    l->leaving--;
    p->state = JN_PARTY_FAILED;
}

static void dialog(struct jn_party *p, const struct jn_sip_in *m)
{
    jn_copy_n(p->remote_tag, sizeof p->remote_tag, m->to_tag.p ? m->to_tag.p : "", m->to_tag.n);
    if (m->contact.n)
        jn_copy_n(p->target, sizeof p->target, m->contact.p, m->contact.n);
    jn_sip_routes(p->routes, sizeof p->routes, m);
}

static void up(struct jn_load *l, struct jn_party *p, const struct jn_sip_in *m, uint64_t now)
{
    struct jn_sdp answer;
    struct jn_leg_remote r = {0};
    struct jn_err err = {""};
    dialog(p, m);
    p->state = JN_PARTY_UP;
    p->t.answered = now;
    l->counts.up++;
    l->counts.answered++;
    jn_histo_add(&l->counts.answer_us, (now - p->t.began) / 1000);
    ack(l, p, true);
    int rc = jn_sdp_parse(&answer, m->body.p, m->body.n, &err);
    if (rc == 0)
        rc = jn_sdp_accept(&r, &p->sdp, &answer, &err);
    if (rc < 0) {
        jn_party_fail(l, p, NULL, "the answer's description cannot be used", err.text, strlen(err.text));
        leave(l, p, true, now);
        return;
    }
    jn_party_media(l, p, &r, now);
    if (p->state != JN_PARTY_UP) {
        leave(l, p, true, now);
        return;
    }
    if (p->stay || l->c.late_talk)
        jn_load_media_limit(l->media, jn_party_talker(l, p), 0);
    if (p->cancel)
        jn_caller_bye(l, p, now);
}

static bool prove(struct jn_load *l, struct jn_party *p, const struct jn_sip_in *m)
{
    if ((m->status != 401 && m->status != 407) || p->challenged || !l->c.password[0] || p->cancel ||
        jn_sip_challenge_read(&p->challenge, m->challenge) < 0)
        return false;
    ack(l, p, false);
    p->challenged = true;
    p->challenge_proxy = m->proxy_challenge;
    p->invite_cseq = ++p->cseq;
    p->tries = 0;
    invite(l, p);
    return true;
}

static void refused(struct jn_load *l, struct jn_party *p, const struct jn_sip_in *m)
{
    char text[32];
    jn_copy_n(p->remote_tag, sizeof p->remote_tag, m->to_tag.p ? m->to_tag.p : "", m->to_tag.n);
    ack(l, p, false);
    if (p->cancel && p->state != JN_PARTY_DONE && p->state != JN_PARTY_FAILED) {
        p->state = JN_PARTY_DONE;
        l->counts.active--;
        return;
    }
    snprintf(text, sizeof text, "SIP %u", m->status);
    jn_party_fail(l, p, &l->counts.refused, "the INVITE was refused", text, strlen(text));
}

/* Something comes to an INVITE that was given up. */
static void answered_late(struct jn_load *l, struct jn_party *p, const struct jn_sip_in *m, uint64_t now)
{
    bool failed = p->state == JN_PARTY_FAILED;
    if (m->status < 200) {
        if (failed && p->cancel) /* now it can be said (9.1) */
            leave(l, p, false, now);
        p->cancel = false;
    } else if (m->status < 300) {
        bool first = !p->remote_tag[0];
        if (first)
            dialog(p, m);
        ack(l, p, true);
        if (first)
            leave(l, p, true, now);
    } else {
        ack(l, p, false);
        if (!failed && !p->bye)
            left(l, p);
    }
}

static void invite_answered(struct jn_load *l, struct jn_party *p, const struct jn_sip_in *m, uint64_t now)
{
    bool open = p->state == JN_PARTY_INVITED || p->state == JN_PARTY_CANCELLED;
    if (m->cseq != p->invite_cseq)
        return;
    if (p->state == JN_PARTY_LEAVING || p->state == JN_PARTY_FAILED) {
        answered_late(l, p, m, now);
    } else if (m->status < 200) {
        p->provisional = true;
        if (p->cancel && p->state == JN_PARTY_INVITED) {
            p->state = JN_PARTY_CANCELLED;
            request(l, p, "CANCEL");
        }
    } else if (m->status < 300) {
        if (open)
            up(l, p, m, now);
        else
            ack(l, p, true); /* once more for an answer that came once more */
    } else if (!open) {
        ack(l, p, false);
    } else if (!prove(l, p, m)) {
        refused(l, p, m);
    }
}

static void bye_answered(struct jn_load *l, struct jn_party *p, const struct jn_sip_in *m, uint64_t now)
{
    if (m->cseq != p->cseq || m->status < 200)
        return;
    if (p->state == JN_PARTY_LEAVING && p->bye)
        left(l, p);
    if (p->state != JN_PARTY_ENDING)
        return;
    p->t.ended = now;
    if (m->status != 200) {
        char text[32];
        snprintf(text, sizeof text, "SIP %u", m->status);
        jn_party_fail(l, p, NULL, "the BYE was refused", text, strlen(text));
        return;
    }
    p->state = JN_PARTY_DONE;
    l->counts.active--;
    if (p->cut_ns)
        return; /* ended because the run ended: neither done nor failed */
    l->counts.done++;
    if (l->c.done)
        l->c.done(l->c.arg, &p->t);
}

void jn_caller_hear(struct jn_load *l, const struct jn_sip_in *m, const struct jn_addr *from, uint64_t now)
{
    char id[16];
    uint64_t i;
    const char *dot = m->call_id.n > 1 ? memchr(m->call_id.p, '.', m->call_id.n) : NULL;
    if (!dot || m->call_id.p[0] != 'c' ||
        !jn_copy_n(id, sizeof id, m->call_id.p + 1, (size_t)(dot - m->call_id.p - 1)) ||
        jn_parse_u64(id, UINT32_MAX, &i) || i >= l->c.callers)
        return;
    struct jn_party *p = &l->caller[i];
    if (m->call_id.n != strlen(p->call_id) || memcmp(m->call_id.p, p->call_id, m->call_id.n) != 0)
        return; /* of a call that is over */
    if (!m->status) {
        jn_party_asked(l, p, m, from, now);
    } else if (m->method == JN_SIP_INVITE) {
        l->counts.statuses[m->status / 100]++;
        invite_answered(l, p, m, now);
    } else if (m->method == JN_SIP_BYE) {
        bye_answered(l, p, m, now);
    }
}

static void again(struct jn_load *l, struct jn_party *p, uint64_t now)
{
    bool silent = p->state == JN_PARTY_INVITED && p->provisional; /* Timer A stops */
    if (silent || now - p->sent_ns < jn_party_wait_ns(p->tries))
        return;
    if (++p->tries > JN_TRIES_MAX + 3) {
        if (p->state == JN_PARTY_LEAVING)
            left(l, p);
        jn_party_fail(l, p, &l->counts.unanswered, "no answer to a request",
                      p->state == JN_PARTY_INVITED ? "INVITE" : "BYE or CANCEL", 13);
        return;
    }
    p->sent_ns = now;
    l->counts.again++;
    if (p->state == JN_PARTY_INVITED)
        invite(l, p);
    else
        request(l, p, p->state == JN_PARTY_ENDING || p->bye ? "BYE" : "CANCEL");
}

static void joined(struct jn_load *l, struct jn_party *p, const struct jn_ear *e, uint64_t now)
{
    p->heard_it = true;
    p->t.joined = now;
    jn_histo_add(&l->counts.joined_us, (now - p->t.began) / 1000);
    if (e->joined_ns && l->c.late_talk && !p->stay)
        jn_load_media_limit(l->media, jn_party_talker(l, p), UINT32_MAX);
}

/* The phone that took it says when it was connected; it may be another thread's. */
static void connected(struct jn_load *l, struct jn_party *p)
{
    if (p->t.connected || !l->c.connected_ns || l->c.first_caller + p->i >= l->c.connected_n)
        return;
    p->t.connected = atomic_load_explicit(&l->c.connected_ns[l->c.first_caller + p->i], memory_order_relaxed);
    if (p->t.connected > p->t.began)
        jn_histo_add(&l->counts.setup_us, (p->t.connected - p->t.began) / 1000);
}

static bool time_to_go(const struct jn_load *l, const struct jn_party *p, const struct jn_ear *e, uint64_t now)
{
    uint64_t from = l->c.hold_joined ? p->t.joined : p->t.answered;
    if (p->stay || !from || now - from < l->c.hold_ms * UINT64_C(1000000))
        return false;
    return !l->c.packets_wanted || (e->heard / 160 >= l->c.packets_wanted &&
                                    jn_load_media_sent(l->media, jn_party_talker(l, p)) > l->c.packets_wanted);
}

static void give_up(struct jn_load *l, struct jn_party *p, uint64_t now)
{
    const char *what = p->state == JN_PARTY_INVITED ? "not answered"
                       : p->heard_it                ? "too little media"
                                                    : "nobody was heard";
    uint8_t was = p->state;
    if (was == JN_PARTY_UP)
        jn_party_silent(l, p, true, now);
    jn_party_fail(l, p, &l->counts.unanswered, "a call did not come to its end in time", what, strlen(what));
    p->cancel = was == JN_PARTY_INVITED && !p->provisional;
    if (!p->cancel)
        leave(l, p, was == JN_PARTY_UP || was == JN_PARTY_ENDING, now);
}

void jn_caller_turn(struct jn_load *l, struct jn_party *p, uint64_t now)
{
    if (p->state == JN_PARTY_IDLE || p->state >= JN_PARTY_DONE)
        return;
    if (p->state != JN_PARTY_UP) {
        again(l, p, now);
    } else {
        const struct jn_ear *e = jn_load_media_ear(l->media, jn_party_talker(l, p));
        if (!p->heard_it && e->joined_ns)
            joined(l, p, e, now);
        connected(l, p);
        if (time_to_go(l, p, e, now))
            jn_caller_bye(l, p, now);
    }
    bool waits = p->state == JN_PARTY_INVITED || (p->state == JN_PARTY_UP && l->c.hold_joined);
    uint64_t bound = p->state == JN_PARTY_UP && p->heard_it && !l->c.packets_wanted
                         ? UINT64_MAX
                         : l->c.give_up_ms * UINT64_C(1000000);
    if ((waits || l->c.packets_wanted) && p->state < JN_PARTY_LEAVING && !p->stay && !p->cancel &&
        now - p->t.began > bound)
        give_up(l, p, now);
}

bool jn_load_let_go(struct jn_load *l, uint64_t now)
{
    for (; l->next_stay < l->c.callers; l->next_stay++) {
        struct jn_party *p = &l->caller[l->next_stay];
        if (p->state != JN_PARTY_UP || !p->stay)
            continue;
        p->t.began = now;
        jn_caller_bye(l, p, now);
        return true;
    }
    l->next_stay = 0;
    return false;
}
