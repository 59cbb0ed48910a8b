/* Cmd load, preparing: what options name is looked up, read and checked; agents are told to work. */
#include "engine/app/cmd_load.h"
#include "engine/app/http_client.h"
#include "engine/base/clock.h"
#include "engine/base/rand.h"
#include "engine/load/sock.h"
#include "media/srtp/srtp.h"
#include "media/tone/sounds.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIP_PORT = 5060, PORTS_EACH = 64, PORTS_FEW = 8, PORTS_FROM = 10000, PORTS_TO = 32000, SOUND_MAX = 128 << 20 };

static void from_kernel(struct jn_addr *a, const struct sockaddr *s)
{
    memset(a, 0, sizeof *a);
    if (s->sa_family == AF_INET6) {
        const struct sockaddr_in6 *s6 = (const struct sockaddr_in6 *)(const void *)s;
        memcpy(a->ip, &s6->sin6_addr, 16);
        a->port = ntohs(s6->sin6_port);
        a->family = JN_ADDR_V6;
    } else {
        const struct sockaddr_in *s4 = (const struct sockaddr_in *)(const void *)s;
        memcpy(a->ip, &s4->sin_addr, 4);
        a->port = ntohs(s4->sin_port);
        a->family = JN_ADDR_V4;
    }
}

/* "host", "host:port", "[::1]:port". ours: the address that this machine would reach it from; may be NULL. */
static int look_up(struct jn_addr *out, struct jn_addr *ours, const char *where, unsigned port, struct jn_err *err)
{
    char host[JN_LOAD_HOST], number[8];
    const char *end = where[0] == '[' ? strchr(where, ']') : where + strcspn(where, ":");
    if (!end || !jn_copy_n(host, sizeof host, where + (where[0] == '['), (size_t)(end - where) - (where[0] == '[')))
        return jn_fail(err, -EINVAL, "%.100s is no HOST:PORT", where);
    end += *end == ']';
    snprintf(number, sizeof number, "%u", port);
    if (*end && (*end != ':' || !jn_copy(number, sizeof number, end + 1)))
        return jn_fail(err, -EINVAL, "%.100s is no HOST:PORT", where);
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV}, *all;
    int gai = getaddrinfo(host, number, &hints, &all);
    if (gai)
        return jn_fail(err, -EINVAL, "%s: %s", host, gai_strerror(gai));
    from_kernel(out, all->ai_addr);
    int fd = ours ? socket(all->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1, rc = 0;
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    if (ours &&
        (fd < 0 || connect(fd, all->ai_addr, all->ai_addrlen) < 0 || getsockname(fd, (struct sockaddr *)&ss, &len) < 0))
        rc = jn_fail(err, -errno, "%s: %s", where, strerror(errno));
    else if (ours)
        from_kernel(ours, (struct sockaddr *)&ss);
    if (fd >= 0)
        close(fd);
    freeaddrinfo(all);
    return rc;
}

/* Nobody shall flood a stranger by a slip of the hand. */
static int may_load(const struct jn_cmd_load *l, const struct jn_addr *a, struct jn_err *err)
{
    char text[JN_ADDR_TEXT_MAX];
    if (l->may || !jn_addr_public(a))
        return 0;
    return jn_fail(err, -EPERM,
                   "%s is on the public network: if it is yours, or its owner agrees, say --i-may-load-this-target",
                   jn_addr_text(a, text));
}

static int whom(struct jn_cmd_load *l, struct jn_err *err)
{
    struct jn_load_config *c = &l->plan.load;
    const char *host = l->target;
    int rc = 0;
    if (l->to) {
        const char *at = strchr(l->to, '@'), *user = strncmp(l->to, "sip:", 4) ? l->to : l->to + 4;
        if (!at || at == user || !jn_copy_n(c->number, sizeof c->number, user, (size_t)(at - user)) ||
            !jn_copy_n(c->host, sizeof c->host, at + 1, strcspn(at + 1, ";?>")))
            return jn_fail(err, -EINVAL, "--to %.100s is no sip:NUMBER@HOST:PORT", l->to);
        host = host ? host : c->host;
    }
    if (host)
        rc = look_up(&c->target, NULL, host, SIP_PORT, err);
    if (rc == 0 && host)
        rc = may_load(l, &c->target, err);
    if (rc == 0 && host)
        rc = look_up(&c->target, &c->local, host, SIP_PORT, err);
    c->allow_public = l->may;
    if (rc == 0 && (l->local || !host) && jn_addr_parse(&c->local, l->local ? l->local : "127.0.0.1", 0) < 0)
        rc = jn_fail(err, -EINVAL, "--local %s is no address", l->local);
    c->local.port = 0;
    const char *domain = l->domain ? l->domain : l->to ? c->host : host ? host : "localhost";
    size_t n = l->domain || domain[0] == '[' ? strlen(domain) : strcspn(domain, ":");
    if (rc == 0 && !jn_copy_n(c->domain, sizeof c->domain, domain, n))
        rc = jn_fail(err, -EINVAL, "the domain is too long");
    return rc;
}

static int sound(struct jn_cmd_load *l, struct jn_voice **out, struct jn_err *err)
{
    struct jn_sounds sounds = {0};
    struct jn_buf bytes = {.max = SOUND_MAX};
    char block[65536];
    uint64_t seed = l->plan.load.media.seed;
    if (!l->sound)
        return jn_voice_make(out, NULL, 0, seed, err);
    FILE *f = fopen(l->sound, "re");
    if (!f)
        return jn_fail(err, -errno, "%s: %s", l->sound, strerror(errno));
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;)
        jn_buf_add(&bytes, block, n);
    fclose(f);
    int rc = jn_sounds_add_wav(&sounds, "sound", bytes.data, bytes.len, err);
    if (rc >= 0)
        rc = jn_voice_make(out, sounds.at[0].pcm, sounds.at[0].n, seed, err);
    jn_sounds_free(&sounds);
    jn_buf_free(&bytes);
    return rc;
}

static int codecs(struct jn_cmd_load *l, struct jn_voice *v, struct jn_err *err)
{
    static const char *const names[JN_CODEC_N] = {
        [JN_CODEC_PCMU] = "pcmu", [JN_CODEC_PCMA] = "pcma", [JN_CODEC_G722] = "g722", [JN_CODEC_OPUS] = "opus"};
    struct jn_load_config *c = &l->plan.load;
    char list[64];
    int rc = 0;
    if (!jn_copy(list, sizeof list, l->codecs ? l->codecs : "pcmu,pcma"))
        return jn_fail(err, -EINVAL, "--codec %s", l->codecs);
    for (char *save = NULL, *word = strtok_r(list, ",", &save); word && rc == 0; word = strtok_r(NULL, ",", &save)) {
        unsigned i = 0;
        while (i < JN_CODEC_N && strcasecmp(word, names[i]) != 0)
            i++;
        if (i == JN_CODEC_N || c->codecs == JN_CODEC_N)
            return jn_fail(err, -EINVAL, "--codec: there is no \"%s\": pcmu, pcma, g722, opus", word);
        c->codec[c->codecs++] = (uint8_t)i;
        rc = jn_voice_encode(v, (uint8_t)i, err);
        if (rc == 0 && !jn_voice_has(v, (uint8_t)i, l->plan.load.media.ptime_ms))
            rc = jn_fail(err, -EINVAL, "--ptime %u is not for %s", l->plan.load.media.ptime_ms, word);
    }
    return rc;
}

static int suite(struct jn_cmd_load *l, struct jn_err *err)
{
    if (!l->srtp)
        return 0;
    for (unsigned i = JN_SUITE_NONE + 1; i < JN_SUITE_N; i++) {
        const char *name = jn_srtp_suite_name((enum jn_srtp_suite)i);
        if (name && strcasecmp(name, l->srtp) == 0) {
            l->plan.load.suite = (uint8_t)i;
            return 0;
        }
    }
    return jn_fail(err, -EINVAL, "--srtp: there is no suite \"%s\"; AES_CM_128_HMAC_SHA1_80 is one", l->srtp);
}

/* Without --media-ports: so many as parties of one thread need, up to 64, anywhere where they are free. A system at
 * which phones register has an address for every call: few of ours will do, and each is read and written more at once.
 */
int jn_cmd_load_ports(struct jn_cmd_load *l, struct jn_err *err)
{
    struct jn_load_plan *p = &l->plan;
    struct jn_port_config *port = &p->load.media.port;
    unsigned from = 0, to = 0, parties = (p->callers + p->phones) / p->threads + 1;
    if (l->media_ports) {
        if (sscanf(l->media_ports, "%u-%u", &from, &to) != 2 || from < 1024 || to > 65535 ||
            to < from + 2 * p->threads - 1)
            return jn_fail(err, -EINVAL, "--media-ports %s: two numbers of 1024 to 65535, two ports a thread at least",
                           l->media_ports);
        from += from & 1;
        p->media_ports = (to - from + 1) / 2 / p->threads;
    } else {
        uint32_t any;
        jn_random(&any, sizeof any);
        unsigned most = p->load.registers ? PORTS_FEW : PORTS_EACH;
        p->media_ports = parties < most ? parties : most;
        from = PORTS_FROM + any % ((PORTS_TO - PORTS_FROM - 2 * p->media_ports * p->threads) / 2) * 2;
    }
    port->port_min = (uint16_t)from;
    port->port_max = (uint16_t)(from + 2 * p->media_ports * p->threads - 1);
    port->wake_fd = -1;
    port->dscp = 46;
    return 0;
}

static int over_dpdk(struct jn_cmd_load *l, struct jn_err *err)
{
    struct jn_port_config *port = &l->plan.load.media.port;
    if (jn_addr_parse(&l->dpdk.address, l->address, 0) < 0 || l->dpdk.address.family != JN_ADDR_V4)
        return jn_fail(err, -EINVAL, "--address %s is no IPv4 address", l->address);
    if (l->gateway && jn_addr_parse(&l->dpdk.gateway, l->gateway, 0) < 0)
        return jn_fail(err, -EINVAL, "--gateway %s is no address", l->gateway);
    l->dpdk.workers = (uint16_t)l->plan.threads;
    l->dpdk.memory_mb = 256;
    port->local = l->dpdk.address;
    return 0;
}

static int chats(struct jn_cmd_load *l, struct jn_err *err)
{
    struct jn_chat_config *c = &l->plan.chat;
    if (!c->chats && !l->ready)
        return 0;
    if (jn_cmd_api_find(&l->api) != 0)
        return jn_fail(err, -ENOENT, "the API is needed: --data DIR or --api URL");
    if (strncmp(l->api.url, "http://", 7) != 0)
        return jn_fail(err, -EINVAL, "%s: must begin with http://", l->api.url);
    char where[JN_LOAD_HOST];
    jn_copy_n(where, sizeof where, l->api.url + 7, strcspn(l->api.url + 7, "/"));
    int rc = look_up(&c->api, NULL, where, 80, err);
    if (rc == 0)
        rc = may_load(l, &c->api, err);
    jn_copy(c->feed, sizeof c->feed, c->chats ? l->api.token : "");
    return rc;
}

int jn_cmd_load_prepare(struct jn_cmd_load *l, struct jn_err *err)
{
    struct jn_load_media_config *m = &l->plan.load.media;
    struct jn_voice *voice = NULL;
    char why[160];
    int rc = whom(l, err);
    if (rc == 0)
        rc = chats(l, err);
    if (rc == 0)
        rc = sound(l, &voice, err);
    m->voice = voice;
    if (rc == 0)
        rc = codecs(l, voice, err);
    if (rc == 0)
        rc = suite(l, err);
    if (rc == 0)
        rc = jn_cmd_load_ports(l, err);
    m->port.local = l->plan.load.local;
    m->ops = &jn_load_sock;
    if (rc == 0 && l->over_dpdk)
        rc = over_dpdk(l, err);
    l->impair.seed = m->seed;
    if (rc == 0 && l->impaired) {
        m->impair = &l->impair;
        if (jn_impair_parse(&l->impair, l->impaired, why, sizeof why) < 0)
            rc = jn_fail(err, -EINVAL, "--impair: %s", why);
    }
    /* The wall clock is what machines share, where they keep it in step. */
    m->line_ns = (int64_t)(jn_wall_us() * 1000) - (int64_t)jn_mono_ns();
    l->plan.load.registers_at_once = 64;
    return rc;
}

/* ---- agents ---- */

static int post(struct jn_cmd_load *l, const char *path, const char *token, const char *json, struct jn_buf *answer,
                struct jn_err *err)
{
    struct jn_buf body = {0};
    if (json)
        jn_buf_text(&body, json);
    int rc = jn_http_call(l->api.url, "POST", path, token, json ? "application/json" : NULL, json ? &body : NULL,
                          answer, err);
    jn_buf_free(&body);
    if (rc >= 0 && (rc < 200 || rc > 299))
        rc = jn_fail(err, -EPROTO, "POST %s: HTTP %d %.200s", path, rc, answer->data ? answer->data : "");
    return rc < 0 ? rc : 0;
}

static int one_ready(struct jn_cmd_load *l, uint32_t number, char **token, struct jn_err *err)
{
    struct jn_buf body = {0}, answer = {0};
    char name[JN_LOAD_NAME];
    jn_load_name(name, sizeof name, l->agent_name, number);
    jn_buf_text(&body, "{\"tenant\":");
    jn_buf_json(&body, l->plan.chat.tenant, strlen(l->plan.chat.tenant));
    jn_buf_text(&body, ",\"name\":");
    jn_buf_json(&body, name, strlen(name));
    jn_buf_text(&body, ",\"life_s\":86400}");
    int rc = post(l, "/api/v1/tokens", l->api.token, body.data, &answer, err);
    struct jn_json *j = rc == 0 ? jn_json_parse(answer.data, answer.len, err) : NULL;
    const char *text = jn_json_text(jn_json_get(j, "token"));
    if (rc == 0 && !(*token = text ? strdup(text) : NULL))
        rc = jn_fail(err, -EPROTO, "no token for agent %s", name);
    jn_buf_clear(&answer);
    if (rc == 0)
        rc = post(l, "/api/v1/agents/me/login", *token, NULL, &answer, err);
    jn_buf_clear(&answer);
    if (rc == 0)
        rc = post(l, "/api/v1/agents/me/ready", *token, NULL, &answer, err);
    jn_json_free(j);
    jn_buf_free(&body);
    jn_buf_free(&answer);
    return rc;
}

int jn_cmd_load_ready(struct jn_cmd_load *l, struct jn_err *err)
{
    int rc = 0;
    jn_cmd_load_leave(l); /* of the repetition before */
    l->tokens = calloc(l->plan.phones, sizeof *l->tokens);
    if (!l->tokens)
        return jn_fail(err, -ENOMEM, "no memory");
    for (; l->tokens_n < l->plan.phones && rc == 0 && !atomic_load(l->plan.stop); l->tokens_n++)
        rc = one_ready(l, l->plan.load.first_phone + l->tokens_n, &l->tokens[l->tokens_n], err);
    return rc;
}

void jn_cmd_load_leave(struct jn_cmd_load *l)
{
    struct jn_err err;
    for (uint32_t i = 0; i < l->tokens_n; i++) {
        struct jn_buf answer = {0};
        if (l->tokens[i] && post(l, "/api/v1/agents/me/logout", l->tokens[i], NULL, &answer, &err) < 0)
            fprintf(stderr, "junctor load: an agent could not be logged out: %s\n", err.text);
        jn_buf_free(&answer);
        if (l->tokens[i])
            explicit_bzero(l->tokens[i], strlen(l->tokens[i]));
        free(l->tokens[i]);
    }
    free(l->tokens);
    l->tokens = NULL;
    l->tokens_n = 0;
}
