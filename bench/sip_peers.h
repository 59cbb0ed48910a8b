/* SIP peers: thousands of callers and agents' phones in one thread, over four sockets: SIP and RTP of either side. Just
 * enough of RFC 3261 and 3550 for calls that go well, with retransmissions; what goes wrong is counted. The engine's
 * media port tells which leg a packet is of. */
#ifndef JN_BENCH_SIP_PEERS_H
#define JN_BENCH_SIP_PEERS_H

#include "engine/base/clock.h"
#include "engine/base/str.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MESSAGE = 4096,
    T1_MS = 500,
    TALK_PACKETS = 25, /* each side begins with so many packets, one each PACKET_MS as a phone sends them ... */
    PACKET_MS = 20,
    SPARSE_MS = 400, /* ... and then sends one that often to the end */
    TURN_MS = 5,     /* every party is looked at that often */
    PACKETS_WANTED = 10,
    TALK_MS = 2050,
    GIVE_UP_MS = 12000
};
static const char mark_caller[8] = "JNCALLER", mark_agent[8] = "JNAGENT!";

enum state { IDLE, INVITED, UP, ENDING, DONE, FAILED };
struct party {
    uint8_t state;
    bool hold;      /* stays up without media until it is let go */
    uint16_t port;  /* the engine's media port of this leg */
    uint32_t heard; /* marked packets of the other party */
    uint16_t seq;
    uint32_t ts, cseq, tries;
    uint64_t began_ns, answered_ns, connected_ns, joined_ns, sent_ns, next_ns;
    char tag[64], branch[64]; /* caller: the engine's tag; phone: branch and texts of the INVITE in hand */
    char via[256], from[256], to[256], call_id[160], contact[160];
};
struct peers {
    struct party *caller, *phone;
    unsigned n_callers, n_phones, engine_port;
    int sip_caller, sip_phone, rtp_caller, rtp_phone;
    uint16_t p_sip_caller, p_sip_phone, p_rtp_caller, p_rtp_phone;
    int32_t *of_caller_port, *of_phone_port; /* the engine's media port to the party, -1 none */
    uint64_t ok, failed, again, agent_calls, short_media, statuses[7];
    unsigned up, active;
    bool holding;                   /* phones that answer now stay up without media */
    uint32_t *setup_us, *answer_us; /* one for each finished call */
    unsigned n_setup, cap_setup;
    uint64_t turned_ns;
    char why[256]; /* of the first failure */
};

static inline int peers_socket(uint16_t port, uint16_t to)
{
    struct sockaddr_in me = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001)};
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(to), .sin_addr.s_addr = htonl(0x7f000001)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = 32 << 20;
    if (fd < 0 || bind(fd, (struct sockaddr *)&me, sizeof me) ||
        (to && connect(fd, (struct sockaddr *)&there, sizeof there))) {
        perror("peers");
        exit(1);
    }
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room))
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    return fd;
}

static inline void peers_fail(struct peers *p, struct party *c, const char *why, const char *text)
{
    if (c->state == FAILED || c->state == DONE)
        return;
    if (!p->why[0])
        snprintf(p->why, sizeof p->why, "%s: %.*s", why, text ? (int)strcspn(text, "\r\n") : 0, text ? text : "");
    p->active -= c->state != IDLE;
    p->up -= c->state == UP;
    c->state = FAILED;
    p->failed++;
}

static inline void peers_send(int fd, const char *text, int n)
{
    while (send(fd, text, (size_t)n, 0) < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ECONNREFUSED))
        if (errno == ECONNREFUSED)
            return;
}

/* The header's value in out, empty when there is none. */
static inline void header(const char *text, const char *name, char *out, size_t size)
{
    const char *at = strstr(text, name);
    out[0] = 0;
    if (!at)
        return;
    at += strlen(name);
    at += strspn(at, " ");
    jn_copy_n(out, size, at, strcspn(at, "\r\n"));
}

static inline unsigned media_port(const char *text)
{
    const char *m = strstr(text, "m=audio ");
    return m ? (unsigned)strtoul(m + 8, NULL, 10) & 0xffff : 0;
}

static inline int sdp(char *out, size_t size, unsigned port)
{
    return snprintf(out, size,
                    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %u RTP/AVP 0\r\n"
                    "a=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n",
                    port);
}

/* ---- callers ---- */

static inline void caller_request(struct peers *p, unsigned i, const char *method)
{
    struct party *c = &p->caller[i];
    char text[MESSAGE], body[256] = "";
    bool invite = !strcmp(method, "INVITE"), ack = !strcmp(method, "ACK");
    int len = invite ? sdp(body, sizeof body, p->p_rtp_caller) : 0;
    int n = snprintf(text, sizeof text,
                     "%s sip:100@127.0.0.1:%u SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK%u.%u%s\r\n"
                     "Max-Forwards: 70\r\nFrom: <sip:c%u@127.0.0.1:%u>;tag=c%u\r\nTo: <sip:100@127.0.0.1:%u>%s%s\r\n"
                     "Call-ID: c%u.%u@bench\r\nCSeq: %u %s\r\nContact: <sip:c%u@127.0.0.1:%u>\r\n%s"
                     "Content-Length: %d\r\n\r\n%s",
                     method, p->engine_port, p->p_sip_caller, i, c->cseq, ack ? "a" : "", i, p->p_sip_caller, i,
                     p->engine_port, c->tag[0] ? ";tag=" : "", c->tag, i, (unsigned)(c->began_ns / 1000), c->cseq,
                     method, i, p->p_sip_caller, len ? "Content-Type: application/sdp\r\n" : "", len, body);
    peers_send(p->sip_caller, text, n);
}

static inline void caller_begin(struct peers *p, unsigned i, bool hold, uint64_t now)
{
    struct party *c = &p->caller[i];
    *c = (struct party){.state = INVITED, .hold = hold, .began_ns = now, .sent_ns = now, .cseq = 1};
    p->active++;
    caller_request(p, i, "INVITE");
}

static inline void caller_bye(struct peers *p, unsigned i, uint64_t now)
{
    struct party *c = &p->caller[i];
    c->cseq++;
    c->tries = 0;
    c->sent_ns = now;
    p->up -= c->state == UP;
    c->state = ENDING;
    caller_request(p, i, "BYE");
}

static inline void caller_answer(struct peers *p, char *text, uint64_t now)
{
    const char *id = strstr(text, "Call-ID: c"), *seq = strstr(text, "CSeq: ");
    unsigned i = id ? (unsigned)strtoul(id + 10, NULL, 10) : p->n_callers, status = (unsigned)atoi(text + 8);
    if (i >= p->n_callers || !seq)
        return;
    struct party *c = &p->caller[i];
    bool invite = strstr(seq, "INVITE") && strstr(seq, "INVITE") < seq + 20;
    p->statuses[status / 100 % 7]++;
    if (status < 200)
        return;
    if (invite && status < 300) {
        if (c->state == INVITED) {
            const char *to = strstr(text, "\nTo:"), *tag = to ? strstr(to, ";tag=") : NULL;
            if (tag)
                jn_copy_n(c->tag, sizeof c->tag, tag + 5, strcspn(tag + 5, "\r\n;"));
            c->port = (uint16_t)media_port(text);
            p->of_caller_port[c->port] = (int32_t)i;
            c->state = UP;
            c->answered_ns = now;
            p->up++;
        }
        if (c->state != FAILED)
            caller_request(p, i, "ACK"); /* again for an answer that came again */
    } else if (invite) {
        caller_request(p, i, "ACK");
        peers_fail(p, c, "the INVITE was refused", text);
    } else if (c->state == ENDING) {
        if (status != 200)
            peers_fail(p, c, "the BYE was refused", text);
        else {
            c->state = DONE;
            p->active--;
            p->ok++;
        }
    }
}

/* ---- phones ---- */

static inline void phone_answer(struct peers *p, unsigned i, const char *status, bool body)
{
    struct party *a = &p->phone[i];
    char text[MESSAGE], b[256] = "";
    int len = body ? sdp(b, sizeof b, p->p_rtp_phone) : 0;
    int n = snprintf(text, sizeof text,
                     "SIP/2.0 %s\r\nVia:%s\r\nFrom:%s\r\nTo:%s;tag=p%u\r\nCall-ID:%s\r\nCSeq: %s\r\n"
                     "Contact: <sip:p%u@127.0.0.1:%u>\r\n%sContent-Length: %d\r\n\r\n%s",
                     status, a->via, a->from, a->to, i, a->call_id, a->branch, i, p->p_sip_phone,
                     len ? "Content-Type: application/sdp\r\n" : "", len, b);
    peers_send(p->sip_phone, text, n);
}

static inline void phone_request(struct peers *p, char *text, uint64_t now)
{
    char contact[160];
    const char *user = strstr(text, "sip:p");
    unsigned i = user ? (unsigned)strtoul(user + 5, NULL, 10) : p->n_phones;
    if (i >= p->n_phones)
        return;
    struct party *a = &p->phone[i];
    if (!strncmp(text, "ACK", 3)) {
        if (a->state == INVITED) {
            const char *who = strstr(a->from, "sip:c"); /* the engine tells the phone who calls */
            unsigned c = who ? (unsigned)strtoul(who + 5, NULL, 10) : p->n_callers;
            a->state = UP;
            a->answered_ns = a->next_ns = now;
            if (c < p->n_callers && p->caller[c].state == UP)
                p->caller[c].connected_ns = now;
        }
        return;
    }
    header(text, "\nVia:", a->via, sizeof a->via);
    header(text, "\nFrom:", a->from, sizeof a->from);
    header(text, "\nTo:", a->to, sizeof a->to);
    header(text, "\nCall-ID:", a->call_id, sizeof a->call_id);
    header(text, "\nCSeq:", a->branch, sizeof a->branch);
    header(text, "\nContact:", contact, sizeof contact);
    char *tag = strstr(a->to, ";tag=");
    if (tag)
        *tag = 0;
    if (!strncmp(text, "INVITE", 6)) {
        if (a->state == IDLE || a->state == DONE) {
            p->agent_calls++;
            a->heard = 0;
            a->hold = p->holding;
            a->seq = 0;
            a->began_ns = now;
            a->port = (uint16_t)media_port(text);
            p->of_phone_port[a->port] = (int32_t)i;
            a->state = INVITED;
        }
        a->sent_ns = now;
        phone_answer(p, i, "180 Ringing", false);
        phone_answer(p, i, "200 OK", true);
    } else if (!strncmp(text, "BYE", 3)) {
        phone_answer(p, i, "200 OK", false);
        if (a->state == UP && !a->hold && a->heard < PACKETS_WANTED)
            p->short_media++;
        a->state = DONE;
        a->hold = false;
    } else {
        phone_answer(p, i, !strncmp(text, "OPTIONS", 7) ? "200 OK" : "405 Method Not Allowed", false);
    }
}

/* ---- media ---- */

static inline uint64_t packet_wait_ns(const struct party *x)
{
    return (x->seq < TALK_PACKETS ? PACKET_MS : SPARSE_MS) * UINT64_C(1000000);
}

static inline void packet(int fd, struct party *x, const char mark[static 8], uint32_t ssrc)
{
    uint8_t b[12 + 160];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(x->port), .sin_addr.s_addr = htonl(0x7f000001)};
    memset(b + 12, 0xff, 160);
    b[0] = 0x80;
    b[1] = 0;
    b[2] = (uint8_t)(++x->seq >> 8);
    b[3] = (uint8_t)x->seq;
    unsigned after_ms = x->seq <= TALK_PACKETS ? PACKET_MS : SPARSE_MS;
    x->ts += after_ms * 8;
    for (int k = 0; k < 4; k++) {
        b[4 + k] = (uint8_t)(x->ts >> (24 - 8 * k));
        b[8 + k] = (uint8_t)(ssrc >> (24 - 8 * k));
    }
    memcpy(b + 12, mark, 8);
    sendto(fd, b, sizeof b, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to);
}

static inline void hear(struct peers *p, bool caller, uint64_t now)
{
    uint8_t b[2048];
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    int fd = caller ? p->rtp_caller : p->rtp_phone;
    for (ssize_t n; (n = recvfrom(fd, b, sizeof b, MSG_DONTWAIT, (struct sockaddr *)&from, &len)) > 0;
         len = sizeof from) {
        int32_t i = (caller ? p->of_caller_port : p->of_phone_port)[ntohs(from.sin_port)];
        if (i < 0 || n < 20 || memcmp(b + 12, caller ? mark_agent : mark_caller, 8) != 0)
            continue;
        struct party *x = caller ? &p->caller[i] : &p->phone[i];
        if (!x->heard++ && caller)
            x->joined_ns = x->next_ns = now;
    }
}

/* ---- one turn ---- */

static inline void caller_turn(struct peers *p, unsigned i, uint64_t now)
{
    struct party *c = &p->caller[i];
    uint64_t wait = (uint64_t)T1_MS * 1000000 << (c->tries < 4 ? c->tries : 4);
    if ((c->state == INVITED || c->state == ENDING) && now - c->sent_ns > wait) {
        c->tries++;
        c->sent_ns = now;
        p->again++;
        caller_request(p, i, c->state == INVITED ? "INVITE" : "BYE");
    }
    if (c->state == UP && c->joined_ns && now >= c->next_ns && !c->hold) {
        packet(p->rtp_caller, c, mark_caller, 0x10000000u + i);
        c->next_ns += packet_wait_ns(c);
    }
    if (c->state == UP && c->joined_ns && !c->hold && c->heard >= PACKETS_WANTED && c->seq > PACKETS_WANTED &&
        now - c->joined_ns >= TALK_MS * UINT64_C(1000000)) {
        if (p->n_setup < p->cap_setup && c->connected_ns) {
            p->answer_us[p->n_setup] = (uint32_t)((c->answered_ns - c->began_ns) / 1000);
            p->setup_us[p->n_setup++] = (uint32_t)((c->connected_ns - c->began_ns) / 1000);
        }
        caller_bye(p, i, now);
    }
    if ((c->state == INVITED || c->state == UP || c->state == ENDING) && !c->hold &&
        now - c->began_ns > GIVE_UP_MS * UINT64_C(1000000))
        peers_fail(p, c, "a call did not come to its end in time",
                   c->state == INVITED ? "not answered"
                   : c->joined_ns      ? "too little media"
                                       : "no agent was heard");
}

static inline void phone_turn(struct peers *p, unsigned i, uint64_t now)
{
    struct party *a = &p->phone[i];
    if (a->state == INVITED && now - a->sent_ns > T1_MS * UINT64_C(1000000)) {
        a->sent_ns = now;
        p->again++;
        phone_answer(p, i, "200 OK", true);
    }
    /* One packet says that the agent is there, also where the call is then held without media. */
    if (a->state == UP && now >= a->next_ns && (!a->hold || !a->seq)) {
        packet(p->rtp_phone, a, mark_agent, 0x20000000u + i);
        a->next_ns += packet_wait_ns(a);
    }
}

static inline void peers_receive(struct peers *p, uint64_t now)
{
    char text[MESSAGE];
    for (ssize_t n; (n = recv(p->sip_caller, text, sizeof text - 1, MSG_DONTWAIT)) > 0;) {
        text[n] = 0;
        if (!strncmp(text, "SIP/2.0 ", 8))
            caller_answer(p, text, now);
        else if (!strncmp(text, "BYE", 3) && !p->why[0])
            snprintf(p->why, sizeof p->why, "the engine hung up a caller");
    }
    for (ssize_t n; (n = recv(p->sip_phone, text, sizeof text - 1, MSG_DONTWAIT)) > 0;) {
        text[n] = 0;
        if (strncmp(text, "SIP/2.0 ", 8) != 0)
            phone_request(p, text, now);
    }
    hear(p, true, now);
    hear(p, false, now);
}

/* Receives what is there, then every party's turn. Looks every half millisecond and is never woken by a packet: peers
 * on another machine would cost the engine's core no wake-ups either. */
static inline uint64_t peers_step(struct peers *p)
{
    nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    uint64_t now = jn_mono_ns();
    peers_receive(p, now);
    if (now - p->turned_ns < TURN_MS * UINT64_C(1000000))
        return now;
    p->turned_ns = now;
    for (unsigned i = 0; i < p->n_callers; i++)
        if (p->caller[i].state > IDLE && p->caller[i].state < DONE)
            caller_turn(p, i, now);
    for (unsigned i = 0; i < p->n_phones; i++)
        if (p->phone[i].state > IDLE && p->phone[i].state < DONE)
            phone_turn(p, i, now);
    return now;
}

#endif
