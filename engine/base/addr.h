/* Addr: one IPv4 or IPv6 transport address, plain data, comparable byte for byte. No resolving, no sockets. */
#ifndef JN_BASE_ADDR_H
#define JN_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JN_ADDR_NONE = 0, JN_ADDR_V4 = 4, JN_ADDR_V6 = 6, JN_ADDR_TEXT_MAX = 56 };

/* ip: network order; IPv4 uses the first four bytes, the rest are zero. port: host order. All padding is zero, so
 * memcmp compares. */
struct jn_addr {
    uint8_t ip[16];
    uint16_t port;
    uint8_t family;
    uint8_t pad;
};

/* Parses a literal "1.2.3.4" or "::1" (no brackets). 0 or -EINVAL. */
int jn_addr_parse(struct jn_addr *a, const char *ip, uint16_t port);
/* Writes "1.2.3.4:5060" or "[::1]:5060"; returns out. */
const char *jn_addr_text(const struct jn_addr *a, char out[static JN_ADDR_TEXT_MAX]);
/* Writes the address without its port; returns out. */
const char *jn_addr_ip_text(const struct jn_addr *a, char out[static JN_ADDR_TEXT_MAX]);
bool jn_addr_equal(const struct jn_addr *a, const struct jn_addr *b);
/* Reachable from anywhere as far as the address itself says: not loopback, private, shared, link-local, unique-local,
 * documentation or unspecified (RFC 6890). */
bool jn_addr_public(const struct jn_addr *a);
bool jn_addr_same_ip(const struct jn_addr *a, const struct jn_addr *b);

/* An address block for access lists: "10.0.0.0/8", "2001:db8::/32", or a single address. */
struct jn_cidr {
    struct jn_addr net;
    uint8_t bits;
};
int jn_cidr_parse(struct jn_cidr *c, const char *text);
bool jn_cidr_has(const struct jn_cidr *c, const struct jn_addr *a);

#endif
