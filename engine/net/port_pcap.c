/* Port, pcap: reads ahead to the next routed datagram, gives it when its time has come, writes what is sent. */
#include "engine/net/port_pcap.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct route {
    struct jn_addr from, to;
    uint16_t local;
};
struct jn_port {
    struct jn_port_config c;
    struct jn_port_pcap_files files;
    struct jn_pcap in;
    struct route *route; /* sorted by addresses */
    size_t routes, room;
    bool *taken; /* by local index */
    uint32_t ports;
    struct jn_pcap_udp next; /* at_ns: never before the one that went ahead */
    const struct route *next_route;
    bool ended;
    uint64_t now_ns, last_ns;
    struct jn_port_pcap_counts counts;
    struct jn_pkt pkt[JN_PKT_BURST];
    uint8_t bytes[JN_PKT_BURST][JN_PKT_MTU + 64];
};

static int by_addresses(const void *a, const void *b)
{
    return memcmp(a, b, 2 * sizeof(struct jn_addr));
}

static void pcap_close(struct jn_port *p)
{
    if (!p)
        return;
    free(p->route);
    free(p->taken);
    free(p);
}

static int pcap_open(struct jn_port **out, const struct jn_port_config *c, struct jn_err *err)
{
    const struct jn_port_pcap_files *files = c->back_end;

    if (!files || c->port_max <= c->port_min)
        return jn_fail(err, -EINVAL, "a replay needs a capture and a range of ports");
    struct jn_port *p = calloc(1, sizeof *p);
    if (!p)
        return jn_fail(err, -ENOMEM, "no memory for the capture's port");
    p->c = *c;
    p->files = *files;
    p->ports = (uint32_t)(c->port_max - c->port_min) + 1;
    p->taken = calloc(p->ports, sizeof *p->taken);
    int rc =
        p->taken ? jn_pcap_open(&p->in, files->bytes, files->n, err) : jn_fail(err, -ENOMEM, "no memory for ports");
    if (rc < 0) {
        pcap_close(p);
        return rc;
    }
    jn_pcap_head(files->out);
    *out = p;
    return 0;
}

int jn_port_pcap_route(struct jn_port *p, const struct jn_addr *from, const struct jn_addr *to, uint16_t local)
{
    struct route key = {.from = *from, .to = *to, .local = local};
    struct route *have = p->routes ? bsearch(&key, p->route, p->routes, sizeof key, by_addresses) : NULL;

    if (have) {
        have->local = local;
        return 0;
    }
    if (p->routes == p->room) {
        size_t room = p->room ? 2 * p->room : 64;
        struct route *grown = realloc(p->route, room * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        p->route = grown;
        p->room = room;
    }
    size_t low = 0, high = p->routes;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (by_addresses(&p->route[mid], &key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    memmove(p->route + low + 1, p->route + low, (p->routes - low) * sizeof key);
    p->route[low] = key;
    p->routes++;
    return 0;
}

static void read_ahead(struct jn_port *p)
{
    while (!p->ended && !p->next_route) {
        if (jn_pcap_next(&p->in, &p->next, NULL) <= 0) {
            p->ended = true;
            return;
        }
        struct route key = {.from = p->next.from, .to = p->next.to};
        p->next_route = p->routes ? bsearch(&key, p->route, p->routes, sizeof key, by_addresses) : NULL;
        if (!p->next_route) {
            p->counts.unrouted++;
            continue;
        }
        if (p->next.at_ns < p->last_ns) {
            p->counts.backwards++;
            p->next.at_ns = p->last_ns;
        }
        p->last_ns = p->next.at_ns;
    }
}

uint64_t jn_port_pcap_next_ns(struct jn_port *p)
{
    read_ahead(p);
    return p->next_route ? p->next.at_ns : UINT64_MAX;
}

const struct jn_port_pcap_counts *jn_port_pcap_counts(const struct jn_port *p)
{
    return &p->counts;
}

static int pcap_take(struct jn_port *p, uint32_t local)
{
    if (local >= p->ports || p->taken[local])
        return -EINVAL;
    p->taken[local] = true;
    return 0;
}

static void pcap_give(struct jn_port *p, uint32_t local)
{
    if (local < p->ports)
        p->taken[local] = false;
}

/* True when the datagram that stands ahead became pkt[n]. */
static bool deliver(struct jn_port *p, unsigned n, uint64_t now_ns)
{
    uint16_t local = p->next_route->local;

    if (local >= p->ports || !p->taken[local]) {
        p->counts.closed++;
        return false;
    }
    if (p->next.len > JN_PKT_MTU) {
        p->counts.oversize++;
        return false;
    }
    memcpy(p->bytes[n], p->next.data, p->next.len);
    p->pkt[n] = (struct jn_pkt){.data = p->bytes[n],
                                .len = (uint16_t)p->next.len,
                                .local = local,
                                .stream = JN_PKT_NO_STREAM,
                                .from = p->next.from,
                                .at_ns = now_ns,
                                .cap = sizeof p->bytes[0]};
    p->counts.delivered++;
    return true;
}

static unsigned pcap_rx(struct jn_port *p, struct jn_pkt *pk[], unsigned max, uint64_t now_ns)
{
    unsigned n = 0;

    p->now_ns = now_ns;
    while (n < max && n < JN_PKT_BURST && jn_port_pcap_next_ns(p) <= now_ns) {
        if (deliver(p, n, now_ns)) {
            pk[n] = &p->pkt[n];
            n++;
        }
        p->next_route = NULL;
    }
    return n;
}

static void pcap_tx(struct jn_port *p, struct jn_pkt *pk[], unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct jn_pcap_udp u = {
            .at_ns = p->now_ns, .from = p->c.local, .to = pk[i]->from, .data = pk[i]->data, .len = pk[i]->len};
        u.from.port = (uint16_t)(p->c.port_min + pk[i]->local);
        if (pk[i]->local >= p->ports || !p->taken[pk[i]->local] || jn_pcap_add(p->files.out, &u) < 0)
            pk[i]->drop = JN_DROP_TX;
    }
}

/* Never sleeps: time is the driver's. */
static bool pcap_wait(struct jn_port *p, uint64_t timeout_ns)
{
    (void)timeout_ns;
    return jn_port_pcap_next_ns(p) <= p->now_ns;
}

const struct jn_port_ops jn_port_pcap = {.open = pcap_open,
                                         .take = pcap_take,
                                         .give = pcap_give,
                                         .rx = pcap_rx,
                                         .tx = pcap_tx,
                                         .wait = pcap_wait,
                                         .close = pcap_close};
