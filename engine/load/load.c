/* Load: see load.h. Sockets, turns, and what callers and phones have in common. */
#include "engine/base/rand.h"
#include "engine/base/str.h"
#include "engine/load/party.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SIP_BUFFER = 32 << 20, SIP_AT_ONCE = 512, MANY = 200, TOGETHER_NS = 1000000, SLICES = 4 };

static socklen_t to_kernel(struct sockaddr_storage *ss, const struct jn_addr *a)
{
    memset(ss, 0, sizeof *ss);
    if (a->family == JN_ADDR_V6) {
        struct sockaddr_in6 *s6 = (struct sockaddr_in6 *)ss;
        *s6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
        memcpy(&s6->sin6_addr, a->ip, 16);
        return sizeof *s6;
    }
    struct sockaddr_in *s4 = (struct sockaddr_in *)ss;
    *s4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(a->port)};
    memcpy(&s4->sin_addr, a->ip, 4);
    return sizeof *s4;
}

static struct jn_addr from_kernel(const struct sockaddr_storage *ss)
{
    struct jn_addr a = {.family = ss->ss_family == AF_INET6 ? JN_ADDR_V6 : JN_ADDR_V4};
    const struct sockaddr_in6 *s6 = (const struct sockaddr_in6 *)ss;
    const struct sockaddr_in *s4 = (const struct sockaddr_in *)ss;
    if (a.family == JN_ADDR_V6)
        memcpy(a.ip, &s6->sin6_addr, 16);
    else
        memcpy(a.ip, &s4->sin_addr, 4);
    a.port = ntohs(a.family == JN_ADDR_V6 ? s6->sin6_port : s4->sin_port);
    return a;
}

static int open_sip(struct jn_load *l, unsigned side, uint16_t port, struct jn_err *err)
{
    struct sockaddr_storage ss;
    struct jn_addr a = l->c.local;
    int room = SIP_BUFFER;
    socklen_t got = sizeof ss;
    a.port = port;
    socklen_t len = to_kernel(&ss, &a);
    int fd = l->sip[side] = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&ss, len) < 0 || getsockname(fd, (struct sockaddr *)&ss, &got) < 0)
        return jn_fail(err, -errno, "SIP port %u: %s", port, strerror(errno));
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room))
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    l->port[side] = from_kernel(&ss).port;
    return 0;
}

static int open_parties(struct jn_load *l, struct jn_err *err)
{
    l->caller = calloc(l->c.callers + 1, sizeof *l->caller);
    l->phone = calloc(l->c.phones + 1, sizeof *l->phone);
    if (!l->caller || !l->phone || jn_map_init(&l->by_call, l->c.phones + 1) < 0)
        return jn_fail(err, -ENOMEM, "no memory for %u callers and %u phones", l->c.callers, l->c.phones);
    for (uint32_t i = 0; i < l->c.callers; i++)
        l->caller[i].i = i;
    for (uint32_t i = 0; i < l->c.phones; i++) {
        l->phone[i].i = i;
        l->phone[i].phone = true;
    }
    l->c.media.talkers = l->c.callers + l->c.phones;
    l->c.media.askew = l->c.callers;
    l->c.media.srtp = true;
    return l->c.media.ops ? jn_load_media_open(&l->media, &l->c.media, err) : 0;
}

int jn_load_open(struct jn_load **out, const struct jn_load_config *c, struct jn_err *err)
{
    struct jn_load *l = calloc(1, sizeof *l);
    if (!l)
        return jn_fail(err, -ENOMEM, "no memory");
    l->c = *c;
    l->sip[0] = l->sip[1] = -1;
    jn_random(&l->run, sizeof l->run);
    int rc = open_sip(l, JN_LOAD_AT_CALLER, c->sip_port, err);
    if (rc == 0)
        rc = open_sip(l, JN_LOAD_AT_PHONE, c->answer_port, err);
    if (rc == 0)
        rc = open_parties(l, err);
    if (rc < 0) {
        jn_load_close(l);
        return rc;
    }
    *out = l;
    return 0;
}

void jn_load_close(struct jn_load *l)
{
    if (!l)
        return;
    jn_load_media_close(l->media);
    for (unsigned i = 0; i < 2; i++)
        if (l->sip[i] >= 0)
            close(l->sip[i]);
    for (uint32_t i = 0; l->phone && i < l->c.phones; i++)
        free(l->phone[i].invite);
    jn_map_free(&l->by_call);
    free(l->caller);
    free(l->phone);
    explicit_bzero(l, sizeof *l);
    free(l);
}

uint64_t jn_party_key(struct jn_view v)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < v.n; i++)
        h = (h ^ (uint8_t)v.p[i]) * UINT64_C(0x100000001b3);
    return h ? h : 1;
}

uint32_t jn_party_talker(const struct jn_load *l, const struct jn_party *p)
{
    return p->phone ? l->c.callers + p->i : p->i;
}

static void send_to(struct jn_load *l, unsigned side, const struct jn_addr *to)
{
    struct sockaddr_storage ss;
    socklen_t len = to_kernel(&ss, to);
    if (l->out.full || sendto(l->sip[side], l->out.p, l->out.n, 0, (struct sockaddr *)&ss, len) < 0)
        l->counts.not_sent++; /* the transaction says it again, or gives up */
}

void jn_party_send(struct jn_load *l, struct jn_party *p)
{
    send_to(l, p->phone ? JN_LOAD_AT_PHONE : JN_LOAD_AT_CALLER, &p->peer);
}

void jn_party_fail(struct jn_load *l, struct jn_party *p, uint64_t *kind, const char *why, const char *text, size_t n)
{
    if (p->state >= JN_PARTY_LEAVING)
        return;
    if (!l->counts.why[0])
        snprintf(l->counts.why, sizeof l->counts.why, "%s: %.*s", why, (int)n, text);
    l->counts.active -= p->state != JN_PARTY_IDLE;
    if (p->state == JN_PARTY_UP) {
        l->counts.up--;
        jn_party_silent(l, p, false, 0);
    }
    p->state = JN_PARTY_FAILED;
    l->counts.failed++;
    if (kind)
        (*kind)++;
}

void jn_party_media(struct jn_load *l, struct jn_party *p, const struct jn_leg_remote *r, uint64_t now)
{
    int rc = l->media ? jn_load_media_begin(l->media, jn_party_talker(l, p), r, p->phone, now) : 0;
    if (rc == 0)
        return;
    const char *why =
        rc == -EADDRINUSE ? "it answers several calls from one address: more media ports are needed" : strerror(-rc);
    if (!p->phone) {
        uint64_t *none = NULL;
        jn_party_fail(l, p, none, "media cannot begin", why, strlen(why));
        return;
    }
    p->deaf = true;
    if (!l->counts.why[0])
        snprintf(l->counts.why, sizeof l->counts.why, "a phone's media cannot begin: %s", why);
}

void jn_party_silent(struct jn_load *l, struct jn_party *p, bool by_us, uint64_t now)
{
    if (!l->media || p->t.ended)
        return;
    const struct jn_ear *e = jn_load_media_end(l->media, jn_party_talker(l, p), by_us, now);
    struct jn_load_heard *h = &l->counts.heard[p->phone ? JN_LOAD_AT_PHONE : JN_LOAD_AT_CALLER];
    p->t.ended = now ? now : 1;
    if (!p->t.answered)
        return;
    if (l->c.packets_wanted && !p->stay && e->heard / 160 < l->c.packets_wanted)
        l->counts.short_media++;
    if (p->stay)
        return;
    h->legs++;
    h->unheard += !e->joined_ns;
    h->echoes += e->joined_ns && e->echo;
    h->rtp_received += e->source.received;
    h->rtp_lost += jn_rtp_source_lost(&e->source);
    h->duplicates += e->source.duplicate;
    h->late += e->late;
    h->shifts += e->shifts;
    h->heard += e->heard;
    h->missing += e->missing;
    h->bent += e->bent;
    if (!e->source.started)
        return;
    uint64_t clock = jn_codec(e->codec) ? jn_codec(e->codec)->clock : JN_VOICE_RATE;
    jn_histo_add(&h->loss_ppm, jn_ear_lost_ppm(e));
    jn_histo_add(&h->jitter_us, (uint64_t)(e->source.jitter_q4 >> 4) * 1000000 / clock);
    if (e->latency_n)
        jn_histo_add(&h->delay_us, e->latency_ns / e->latency_n / 1000);
    jn_histo_add(&h->mos, 500 - jn_ear_mos_x100(e));
    jn_histo_add(&h->gap_ms, e->longest_gap / 8);
    jn_histo_add(&h->pause_ms, e->pause_ns / 1000000);
}

/* ---- descriptions ---- */

static void describe(struct jn_load *l, struct jn_party *p)
{
    static const uint8_t pt[JN_CODEC_N] = {
        [JN_CODEC_PCMU] = 0, [JN_CODEC_PCMA] = 8, [JN_CODEC_G722] = 9, [JN_CODEC_OPUS] = 111};
    p->sdp = (struct jn_sdp_local){.session_id = l->run,
                                   .version = 1,
                                   .mode = JN_MODE_SENDRECV,
                                   .ptime_ms = (uint8_t)(l->c.media.ptime_ms ? l->c.media.ptime_ms : 20)};
    p->sdp.rtp = l->media ? jn_load_media_address(l->media, jn_party_talker(l, p)) : l->c.local;
    p->sdp.dtmf_pt = 255;
    p->sdp.codecs = l->c.codecs;
    memcpy(p->sdp.codec, l->c.codec, sizeof p->sdp.codec);
    for (unsigned i = 0; i < l->c.codecs; i++)
        p->sdp.pt[i] = pt[l->c.codec[i]];
    p->sdp.suite = l->c.suite;
    p->sdp.crypto_tag = 1;
    memcpy(p->sdp.key, p->key, sizeof p->sdp.key);
}

int jn_party_offer(struct jn_load *l, struct jn_party *p, char *out, size_t size)
{
    static const uint8_t none[JN_SRTP_KEY_MAX];
    if (l->c.suite != JN_SUITE_NONE && !memcmp(p->key, none, sizeof none))
        jn_random(p->key, sizeof p->key);
    describe(l, p);
    return jn_sdp_write(out, size, &p->sdp, NULL);
}

int jn_party_answer(struct jn_load *l, struct jn_party *p, struct jn_leg_remote *r, struct jn_view body, char *out,
                    size_t size, struct jn_err *err)
{
    struct jn_sdp offer;
    if (!body.n) { /* an offer of ours stands in the 200; the ACK's answer says where to (RFC 3264 4) */
        memset(r, 0, sizeof *r);
        return jn_fail(err, -ENOTSUP, "an INVITE without a description");
    }
    int rc = jn_sdp_parse(&offer, body.p, body.n, err);
    describe(l, p);
    uint8_t ptime = p->sdp.ptime_ms;
    if (rc == 0)
        rc = jn_sdp_answer_to(&p->sdp, r, &offer, JN_SDP_SRTP_OPTIONAL, err);
    if (rc < 0)
        return rc;
    p->sdp.ptime_ms = ptime; /* what we want to have, and not what the other one wants (RFC 8866 6.4) */
    static const uint8_t none[JN_SRTP_KEY_MAX];
    if (p->sdp.suite != JN_SUITE_NONE && !memcmp(p->key, none, sizeof none))
        jn_random(p->key, sizeof p->key);
    memcpy(p->sdp.key, p->key, sizeof p->sdp.key);
    memcpy(r->key_out, p->key, sizeof r->key_out);
    if (p->sdp.suite == JN_SUITE_NONE)
        memset(r->key_out, 0, sizeof r->key_out);
    return jn_sdp_write(out, size, &p->sdp, &offer);
}

/* ---- inside a dialog ---- */

void jn_party_plain_answer(struct jn_load *l, struct jn_party *p, const struct jn_sip_in *m, const struct jn_addr *from,
                           unsigned status, const char *reason)
{
    l->out.n = 0;
    l->out.full = false;
    jn_sip_put_answer(&l->out, m, status, reason, p->local_tag);
    jn_sip_put_body(&l->out, "", 0);
    send_to(l, p->phone ? JN_LOAD_AT_PHONE : JN_LOAD_AT_CALLER, from);
}

/* A new offer, or none (a refresh): said 200 to with our description, media goes on by the new one. */
static void offered_again(struct jn_load *l, struct jn_party *p, const struct jn_sip_in *m, const struct jn_addr *from,
                          uint64_t now)
{
    char body[JN_SDP_MAX], me[JN_ADDR_TEXT_MAX];
    struct jn_leg_remote r;
    struct jn_err err;
    struct jn_addr a = l->c.local;
    int n = 0;
    if (m->body.n && (n = jn_party_answer(l, p, &r, m->body, body, sizeof body, &err)) < 0) {
        jn_party_plain_answer(l, p, m, from, 488, "Not Acceptable Here");
        return;
    }
    if (!m->body.n && m->method == JN_SIP_INVITE)
        n = jn_party_offer(l, p, body, sizeof body);
    a.port = l->port[p->phone ? JN_LOAD_AT_PHONE : JN_LOAD_AT_CALLER];
    l->out.n = 0;
    l->out.full = false;
    jn_sip_put_answer(&l->out, m, 200, "OK", p->local_tag);
    jn_sip_put(&l->out, "Contact: <sip:%s%u@%s>\r\n", p->phone ? "p" : "c", p->i, jn_addr_text(&a, me));
    jn_sip_put_body(&l->out, body, n > 0 ? (size_t)n : 0);
    send_to(l, p->phone ? JN_LOAD_AT_PHONE : JN_LOAD_AT_CALLER, from);
    if (m->body.n)
        jn_party_media(l, p, &r, now);
}

static void ended(struct jn_load *l, struct jn_party *p, uint64_t now)
{
    if (p->state != JN_PARTY_UP && p->state != JN_PARTY_INVITED)
        return;
    jn_party_silent(l, p, false, now);
    if (!p->phone) {
        jn_party_fail(l, p, &l->counts.ended_early, "the other end hung up a caller", "BYE", 3);
        return;
    }
    p->state = JN_PARTY_DONE;
    p->stay = false;
}

void jn_party_asked(struct jn_load *l, struct jn_party *p, const struct jn_sip_in *m, const struct jn_addr *from,
                    uint64_t now)
{
    static const char update[] = "UPDATE";
    bool offer = m->method == JN_SIP_INVITE ||
                 (m->method_name.n == sizeof update - 1 && !memcmp(m->method_name.p, update, sizeof update - 1));
    if (m->method == JN_SIP_ACK)
        return;
    if (m->method == JN_SIP_BYE) {
        jn_party_plain_answer(l, p, m, from, 200, "OK");
        ended(l, p, now);
    } else if (offer && p->state == JN_PARTY_UP) {
        offered_again(l, p, m, from, now);
    } else {
        jn_party_plain_answer(l, p, m, from, offer ? 481 : 200, offer ? "Call/Transaction Does Not Exist" : "OK");
    }
}

/* ---- turns ---- */

static void receive(struct jn_load *l, unsigned side, uint64_t now)
{
    char text[JN_SIP_MESSAGE_MAX + 1];
    struct sockaddr_storage ss;
    struct jn_sip_in m;
    for (unsigned k = 0; k < SIP_AT_ONCE; k++) {
        socklen_t len = sizeof ss;
        ssize_t n = recvfrom(l->sip[side], text, sizeof text, MSG_DONTWAIT, (struct sockaddr *)&ss, &len);
        if (n < 0)
            return;
        if (n <= 4)
            continue; /* a keep-alive */
        struct jn_addr from = from_kernel(&ss);
        if (jn_sip_read(&m, text, (size_t)n) < 0)
            l->counts.bad_messages++;
        else if (side == JN_LOAD_AT_CALLER)
            jn_caller_hear(l, &m, &from, now);
        else
            jn_phone_hear(l, &m, text, (size_t)n, &from, now);
    }
}

void jn_load_turn(struct jn_load *l, uint64_t now)
{
    receive(l, JN_LOAD_AT_CALLER, now);
    receive(l, JN_LOAD_AT_PHONE, now);
    if (l->media)
        jn_load_media_turn(l->media, now);
    if (now - l->turned_ns < (l->c.turn_ms ? l->c.turn_ms : 5) * UINT64_C(1000000))
        return;
    l->turned_ns = now;
    uint32_t slices = l->c.media.talkers > MANY ? SLICES : 1; /* so many take a while */
    l->slice = (l->slice + 1) % slices;
    for (uint32_t i = l->slice; i < l->callers_used; i += slices)
        jn_caller_turn(l, &l->caller[i], now);
    for (uint32_t i = l->slice; i < l->c.phones; i += slices)
        jn_phone_turn(l, &l->phone[i], now);
    if (l->registering || l->in_register)
        jn_register_turn(l, now);
}

/* Looks by the clock and is never woken by a packet: parties on another machine would cost the system no wake-ups. With
 * many parties something is due at every moment: then it is done a millisecond's worth at once. */
void jn_load_sleep(struct jn_load *l, uint64_t max_ns, uint64_t now)
{
    uint64_t due = l->media ? jn_load_media_next_ns(l->media) : now + max_ns;
    if (l->c.media.talkers > MANY)
        due += TOGETHER_NS - JN_LOAD_MOMENT_NS;
    uint64_t ns = due <= now ? 0 : due - now < max_ns ? due - now : max_ns;
    struct timespec t = {.tv_nsec = (long)ns};
    if (ns >= 20000)
        nanosleep(&t, NULL);
}

/* Out of the first callers, as many as are needed: every one that was ever used is looked at each turn. */
int64_t jn_load_call(struct jn_load *l, bool stay, uint64_t now)
{
    for (;;) {
        for (uint32_t k = 0; k < l->callers_used; k++) {
            struct jn_party *p = &l->caller[l->next_caller];
            l->next_caller = (l->next_caller + 1) % l->callers_used;
            if (p->state == JN_PARTY_IDLE || p->state >= JN_PARTY_DONE) {
                jn_caller_begin(l, p, stay, now);
                return p->i;
            }
        }
        if (l->callers_used == l->c.callers)
            return -EAGAIN;
        uint64_t more = l->callers_used ? 2 * (uint64_t)l->callers_used : 64;
        l->next_caller = l->callers_used;
        l->callers_used = more < l->c.callers ? (uint32_t)more : l->c.callers;
    }
}

void jn_load_phones_stay(struct jn_load *l, bool stay)
{
    l->phones_stay = stay;
}

bool jn_load_register(struct jn_load *l, uint32_t i, bool leave, uint64_t now)
{
    if (i >= l->c.phones || l->phone[i].register_state != JN_REGISTER_IDLE)
        return false;
    l->phone[i].leave = leave;
    jn_register_ask(l, &l->phone[i], now);
    return true;
}

void jn_load_register_all(struct jn_load *l, bool leave, uint64_t now)
{
    for (uint32_t i = 0; i < l->c.phones; i++)
        if (l->phone[i].register_state == JN_REGISTER_IDLE && (!leave || l->phone[i].proven)) {
            l->phone[i].register_state = JN_REGISTER_WANTED;
            l->phone[i].leave = leave;
        }
    l->next_register = 0;
    l->registering = true;
    jn_register_turn(l, now);
}

bool jn_load_registering(const struct jn_load *l)
{
    return l->registering || l->in_register;
}

void jn_load_hang_up_all(struct jn_load *l, uint64_t now)
{
    for (uint32_t i = 0; i < l->c.callers; i++)
        jn_caller_hang_up(l, &l->caller[i], now);
    if (!l->c.callers)
        for (uint32_t i = 0; i < l->c.phones; i++)
            jn_phone_hang_up(l, &l->phone[i], now);
}

uint32_t jn_load_in_register(const struct jn_load *l)
{
    return l->in_register;
}

bool jn_load_ending(const struct jn_load *l)
{
    for (uint32_t i = 0; i < l->c.phones; i++)
        if (l->phone[i].state == JN_PARTY_ENDING)
            return true;
    return l->counts.active > 0 || l->leaving > 0;
}

int jn_load_phone_fd(const struct jn_load *l)
{
    return l->sip[JN_LOAD_AT_PHONE];
}

struct jn_load_counts *jn_load_counts(struct jn_load *l)
{
    return &l->counts;
}

struct jn_load_media *jn_load_media_of(struct jn_load *l)
{
    return l->media;
}

bool jn_load_name(char *out, size_t size, const char *pattern, uint32_t number)
{
    const char *at = strstr(pattern, "%d");
    int n = at ? snprintf(out, size, "%.*s%u%s", (int)(at - pattern), pattern, number, at + 2)
               : snprintf(out, size, "%s", pattern);
    return n >= 0 && (size_t)n < size;
}
