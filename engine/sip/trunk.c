/* Trunk: who may call us at all: source addresses, the bound on new calls, and the way back through a NAT. */
#include "engine/sip/ua.h"
#include <arpa/inet.h>
#include <strings.h>

bool jn_sip_addr(struct jn_addr *out, const struct sockaddr *sa)
{
    memset(out, 0, sizeof *out);
    if (!sa)
        return false;
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)sa;
        memcpy(out->ip, &v4->sin_addr, 4);
        out->port = ntohs(v4->sin_port);
        out->family = JN_ADDR_V4;
        return true;
    }
    if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)sa;
        memcpy(out->ip, &v6->sin6_addr, 16);
        out->port = ntohs(v6->sin6_port);
        out->family = JN_ADDR_V6;
        return true;
    }
    return false;
}

bool jn_sip_source(struct jn_sip *s, struct jn_addr *out)
{
    msg_t *msg = nua_current_request(s->nua);
    const su_addrinfo_t *ai = msg ? msg_addrinfo(msg) : NULL;
    return jn_sip_addr(out, ai ? (const struct sockaddr *)ai->ai_addr : NULL);
}

bool jn_sip_connected(struct jn_sip *s)
{
    msg_t *msg = nua_current_request(s->nua);
    const su_addrinfo_t *ai = msg ? msg_addrinfo(msg) : NULL;
    return ai && ai->ai_socktype == SOCK_STREAM;
}

enum transport jn_sip_transport(const sip_t *sip)
{
    const char *p = sip->sip_via ? sip->sip_via->v_protocol : NULL;
    if (!p)
        return OVER_UDP;
    return !strcasecmp(p, sip_transport_tcp) ? OVER_TCP : !strcasecmp(p, sip_transport_tls) ? OVER_TLS : OVER_UDP;
}

void jn_sip_next_hop(char *out, size_t size, const struct jn_addr *a, enum transport over)
{
    static const char *const names[] = {[OVER_UDP] = "udp", [OVER_TCP] = "tcp", [OVER_TLS] = "tls"};
    char text[JN_ADDR_TEXT_MAX];
    snprintf(out, size, "sip:%s;transport=%s", jn_addr_text(a, text), names[over]);
}

bool jn_sip_behind_nat(const sip_t *sip, const struct jn_addr *source)
{
    if (sip->sip_record_route || !sip->sip_contact)
        return false; /* a proxy stands between: its route is the way */
    const url_t *u = sip->sip_contact->m_url;
    char host[JN_HOST_MAX];
    if (!u->url_host || !jn_copy(host, sizeof host, u->url_host))
        return true;
    size_t n = strlen(host);
    if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
        memmove(host, host + 1, n - 2);
        host[n - 2] = 0;
    }
    uint64_t port = 5060;
    struct jn_addr a;
    if (u->url_port && u->url_port[0] && jn_parse_u64(u->url_port, 65535, &port))
        return true;
    if (jn_addr_parse(&a, host, (uint16_t)port))
        return false; /* a name: its owner says where it is */
    /* A TCP client's own port is never its Contact's; the address decides. */
    return jn_sip_transport(sip) != OVER_UDP ? !jn_addr_same_ip(&a, source) : !jn_addr_equal(&a, source);
}

bool jn_sip_bucket_take(struct jn_sip_bucket *b, uint32_t rate, uint64_t now_ns)
{
    if (!rate)
        return true;
    uint64_t step = UINT64_C(1000000000) / rate;
    if (!step)
        return true;
    if (now_ns - b->ns >= UINT64_C(1000000000)) { /* idle for a second: a full bucket, no more */
        b->level = rate;
        b->ns = now_ns;
    } else {
        uint64_t more = (now_ns - b->ns) / step;
        b->level = b->level + more > rate ? rate : b->level + (uint32_t)more;
        b->ns += more * step;
    }
    if (!b->level)
        return false;
    b->level--;
    return true;
}

bool jn_sip_throttled(struct jn_sip *s, uint64_t now_ns)
{
    return !jn_sip_bucket_take(&s->calls, s->c.max_calls_per_s, now_ns);
}
