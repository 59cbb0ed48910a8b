/* Dialog: what tests of dialogs say and hear again and again, on top of peer.h. */
#ifndef JN_TEST_SIP_DIALOG_H
#define JN_TEST_SIP_DIALOG_H

#include "tests/engine/sip/peer.h"

#define UNUSED    __attribute__((unused))
#define SDP_HELD  SDP "a=sendonly\r\n"
#define SDP_OTHER "v=0\r\no=- 1 7 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40004 RTP/AVP 0\r\n"

/* One call that p made: To with our tag, the last CSeq used, the 200 that opened it. */
struct talk {
    char id[64], to[256], ok[4096];
    unsigned cseq;
    uint64_t leg;
};

static UNUSED void invite_at(struct peer *p, const char *user, const char *id, const char *contact, const char *extra,
                             const char *sdp)
{
    char head[256];
    say(p,
        "INVITE sip:%s@127.0.0.1 SIP/2.0\r\n%sFrom: <sip:ann@x.test>;tag=a\r\nTo: <sip:%s@127.0.0.1>\r\nCall-ID: %s\r\n"
        "CSeq: 1 INVITE\r\nContact: <%s>\r\n%s%sContent-Length: %zu\r\n\r\n%s",
        user, top(p, head, sizeof head), user, id, contact, extra, sdp ? "Content-Type: application/sdp\r\n" : "",
        sdp ? strlen(sdp) : 0, sdp ? sdp : "");
}

static UNUSED void invite(struct peer *p, const char *user, const char *id, const char *extra, const char *sdp)
{
    char contact[64];
    snprintf(contact, sizeof contact, "sip:ann@127.0.0.1:%u", p->port);
    invite_at(p, user, id, contact, extra, sdp);
}

/* A request inside the dialog with the next CSeq (ACK: the last). */
static UNUSED void inside(struct peer *p, struct talk *t, const char *method, const char *extra, const char *sdp)
{
    char head[256];
    unsigned cseq = strcmp(method, "ACK") ? ++t->cseq : t->cseq;
    say(p,
        "%s sip:x@127.0.0.1:%u SIP/2.0\r\n%sFrom: <sip:ann@x.test>;tag=a\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n"
        "Contact: <sip:ann@127.0.0.1:%u>\r\n%s%sContent-Length: %zu\r\n\r\n%s",
        method, fx.port, top(p, head, sizeof head), t->to, t->id, cseq, method, p->port, extra,
        sdp ? "Content-Type: application/sdp\r\n" : "", sdp ? strlen(sdp) : 0, sdp ? sdp : "");
}

static UNUSED void acknowledge(struct peer *p, struct talk *t, unsigned cseq)
{
    unsigned now = t->cseq;
    t->cseq = cseq;
    inside(p, t, "ACK", "", NULL);
    t->cseq = now;
}

/* Hears the 200 of the INVITE that is out and acknowledges it. */
static UNUSED void taken(struct peer *p, struct talk *t, const char *id)
{
    *t = (struct talk){.cseq = 1};
    jn_copy(t->id, sizeof t->id, id);
    must_hear(p, "SIP/2.0 200");
    jn_copy(t->ok, sizeof t->ok, p->msg);
    header(p, "To", t->to, sizeof t->to);
    inside(p, t, "ACK", "", NULL);
    unsigned nth = heard_of(H_CONFIRMED);
    t->leg = wait_heard(H_CONFIRMED, nth ? nth - 1 : 0, 1000).leg;
}

static UNUSED void answered(struct peer *p, struct talk *t, const char *id, const char *extra)
{
    unsigned before = heard_of(H_CONFIRMED);
    invite(p, "answer", id, extra, SDP);
    *t = (struct talk){.cseq = 1};
    jn_copy(t->id, sizeof t->id, id);
    must_hear(p, "SIP/2.0 200");
    jn_copy(t->ok, sizeof t->ok, p->msg);
    header(p, "To", t->to, sizeof t->to);
    inside(p, t, "ACK", "", NULL);
    t->leg = wait_heard(H_CONFIRMED, before, 1000).leg;
}

static UNUSED void hang_up(struct peer *p, struct talk *t)
{
    unsigned before = heard_of(H_ENDED);
    inside(p, t, "BYE", "", NULL);
    must_hear(p, "SIP/2.0 200");
    wait_heard(H_ENDED, before, 2000);
    close(p->fd);
}

/* The PRACK of the provisional answer in p->msg, for an INVITE with CSeq 1; to gets its To. */
static UNUSED void prack(struct peer *p, const char *id, char to[256])
{
    char head[256], rseq[32];
    header(p, "To", to, 256);
    header(p, "RSeq", rseq, sizeof rseq);
    say(p,
        "PRACK sip:x@127.0.0.1:%u SIP/2.0\r\n%sFrom: <sip:ann@x.test>;tag=a\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 2 "
        "PRACK\r\n"
        "RAck: %s 1 INVITE\r\nContent-Length: 0\r\n\r\n",
        fx.port, top(p, head, sizeof head), to, id, rseq);
}

/* Answers the request in p->msg with further headers and a Contact of p's own. */
static UNUSED void reply_with(struct peer *p, const char *status, const char *tag, const char *headers, const char *sdp)
{
    char contact[700];
    snprintf(contact, sizeof contact, "sip:phone@127.0.0.1:%u>\r\n%sX-End: <", p->port, headers);
    char c[300];
    jn_copy(c, sizeof c, contact);
    reply(p, status, tag, c, sdp);
}

/* p answers the request that it had before once more; what was read since stays read. */
static UNUSED void again(struct peer *p, const struct peer *then)
{
    memcpy(p->msg, then->msg, sizeof p->msg);
}

static char near_text[80];
static UNUSED const char *near_of(const struct peer *p)
{
    snprintf(near_text, sizeof near_text, "<sip:phone@127.0.0.1:%u>", p->port);
    return near_text;
}
#define NEAR(p) near_of(p)

static UNUSED uint64_t ring_agent(uint64_t agent)
{
    uint64_t leg = agent;
    cr_assert_eq(job(J_CALL, &leg), 0);
    return leg;
}

static uint64_t do_leg;
static const char *do_sdp;
static int do_status;
static UNUSED int do_reoffer(uint64_t *out)
{
    (void)out;
    return jn_sip_reinvite(fx.sip, do_leg, do_sdp);
}
static UNUSED int do_answer(uint64_t *out)
{
    (void)out;
    return jn_sip_answer(fx.sip, do_leg, SDP);
}
static UNUSED int do_result(uint64_t *out)
{
    (void)out;
    return jn_sip_refer_result(fx.sip, do_leg, do_status);
}
static UNUSED int reoffer(uint64_t leg, const char *sdp)
{
    do_leg = leg;
    do_sdp = sdp;
    fx.todo = do_reoffer;
    return job(J_DO, NULL);
}
static UNUSED void answer_leg(uint64_t leg)
{
    do_leg = leg;
    fx.todo = do_answer;
    cr_assert_eq(job(J_DO, NULL), 0);
}
static UNUSED int result(uint64_t leg, int status)
{
    do_leg = leg;
    do_status = status;
    fx.todo = do_result;
    return job(J_DO, NULL);
}

#endif
