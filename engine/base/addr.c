/* Addr: parsing and printing of literals by inet_pton and inet_ntop; no names are resolved. */
#include "engine/base/addr.h"
#include "engine/base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int jn_addr_parse(struct jn_addr *a, const char *ip, uint16_t port)
{
    struct jn_addr made = {.port = port};

    if (inet_pton(AF_INET, ip, made.ip) == 1)
        made.family = JN_ADDR_V4;
    else if (inet_pton(AF_INET6, ip, made.ip) == 1)
        made.family = JN_ADDR_V6;
    else
        return -EINVAL;
    *a = made;
    return 0;
}

const char *jn_addr_ip_text(const struct jn_addr *a, char out[static JN_ADDR_TEXT_MAX])
{
    int family = a->family == JN_ADDR_V6 ? AF_INET6 : AF_INET;

    if (a->family == JN_ADDR_NONE || !inet_ntop(family, a->ip, out, JN_ADDR_TEXT_MAX))
        jn_copy(out, JN_ADDR_TEXT_MAX, "none");
    return out;
}

const char *jn_addr_text(const struct jn_addr *a, char out[static JN_ADDR_TEXT_MAX])
{
    char ip[JN_ADDR_TEXT_MAX];

    jn_addr_ip_text(a, ip);
    snprintf(out, JN_ADDR_TEXT_MAX, a->family == JN_ADDR_V6 ? "[%.45s]:%u" : "%.45s:%u", ip, a->port);
    return out;
}

bool jn_addr_equal(const struct jn_addr *a, const struct jn_addr *b)
{
    return a->port == b->port && jn_addr_same_ip(a, b);
}

bool jn_addr_same_ip(const struct jn_addr *a, const struct jn_addr *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool jn_addr_public(const struct jn_addr *a)
{
    static const struct {
        uint8_t family, bits, ip[16];
    } not_public[] = {{JN_ADDR_V4, 8, {0}},
                      {JN_ADDR_V4, 8, {10}},
                      {JN_ADDR_V4, 10, {100, 64}},
                      {JN_ADDR_V4, 8, {127}},
                      {JN_ADDR_V4, 16, {169, 254}},
                      {JN_ADDR_V4, 12, {172, 16}},
                      {JN_ADDR_V4, 24, {192, 0, 2}},
                      {JN_ADDR_V4, 16, {192, 168}},
                      {JN_ADDR_V4, 15, {198, 18}},
                      {JN_ADDR_V4, 24, {198, 51, 100}},
                      {JN_ADDR_V4, 24, {203, 0, 113}},
                      {JN_ADDR_V4, 3, {224}},
                      {JN_ADDR_V6, 127, {0}},
                      {JN_ADDR_V6, 7, {0xfc}},
                      {JN_ADDR_V6, 10, {0xfe, 0x80}},
                      {JN_ADDR_V6, 32, {0x20, 0x01, 0x0d, 0xb8}},
                      {JN_ADDR_V6, 8, {0xff}}};

    for (size_t i = 0; i < sizeof not_public / sizeof *not_public; i++) {
        struct jn_cidr c = {.net = {.family = not_public[i].family}, .bits = not_public[i].bits};
        memcpy(c.net.ip, not_public[i].ip, sizeof c.net.ip);
        if (jn_cidr_has(&c, a))
            return false;
    }
    return a->family == JN_ADDR_V4 || a->family == JN_ADDR_V6;
}

int jn_cidr_parse(struct jn_cidr *c, const char *text)
{
    char ip[JN_ADDR_TEXT_MAX];
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    struct jn_cidr made = {0};
    uint64_t bits;

    if (!jn_copy_n(ip, sizeof ip, text, n) || jn_addr_parse(&made.net, ip, 0) < 0)
        return -EINVAL;
    unsigned most = made.net.family == JN_ADDR_V4 ? 32 : 128;
    if (!slash)
        bits = most;
    else if (jn_parse_u64(slash + 1, most, &bits) < 0)
        return -EINVAL;
    made.bits = (uint8_t)bits;
    *c = made;
    return 0;
}

bool jn_cidr_has(const struct jn_cidr *c, const struct jn_addr *a)
{
    unsigned whole = c->bits / 8, rest = c->bits % 8;

    if (a->family != c->net.family || memcmp(a->ip, c->net.ip, whole) != 0)
        return false;
    if (rest == 0)
        return true;
    unsigned mask = 0xffu << (8 - rest) & 0xffu;
    return ((a->ip[whole] ^ c->net.ip[whole]) & mask) == 0;
}
