/* Port, UDP: layout, shared by the files port_udp*.c and nobody else. */
#ifndef JN_ENGINE_PORT_UDP_STATE_H
#define JN_ENGINE_PORT_UDP_STATE_H

#include "engine/net/port_udp.h"
#include <liburing.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { JN_UDP_EVENTS = 256, JN_UDP_CONTROL = 64 };
#define JN_UDP_WAKE UINT32_MAX

/* One system call's worth of receiving; filled in once. */
struct jn_udp_burst {
    struct mmsghdr m[JN_PKT_BURST];
    struct iovec iov[JN_PKT_BURST];
    struct sockaddr_storage from[JN_PKT_BURST];
    _Alignas(16) uint8_t control[JN_PKT_BURST][JN_UDP_CONTROL];
};

struct jn_port {
    struct jn_port_places at;
    struct jn_port_udp_options use;
    int epoll;
    uint32_t ports;
    uint64_t files; /* this process may have so many */
    int *fd;        /* by local index; -1 not taken */
    struct epoll_event ready[JN_UDP_EVENTS];
    unsigned ready_n, ready_at;
    int shared[JN_PORT_PLACES], map, taken, link; /* one socket for all ports of a place; -1 none */
    unsigned shared_next;
    bool is_shared, ring_tried, has_ring, fixed;
    struct io_uring ring;
    struct jn_pkt pkt[JN_PKT_BURST];
    struct jn_udp_burst in;
    uint8_t bytes[JN_PKT_BURST][JN_PKT_MTU + 64];
    _Alignas(64) _Atomic uint64_t count[JN_PORT_COUNTS];
};

static inline void jn_udp_count(struct jn_port *p, enum jn_port_count which, uint64_t n)
{
    uint64_t v = atomic_load_explicit(&p->count[which], memory_order_relaxed);
    atomic_store_explicit(&p->count[which], v + n, memory_order_relaxed);
}

/* port_udp.c */
socklen_t jn_udp_to_kernel(struct sockaddr_storage *ss, const struct jn_addr *a);
void jn_udp_from_kernel(struct jn_addr *a, const struct sockaddr_storage *ss);
/* Waits for sockets that are ready; timeout NULL: for ever. */
void jn_udp_look(struct jn_port *p, const struct timespec *timeout);

/* port_udp_rx.c */
unsigned jn_udp_rx(struct jn_port *p, struct jn_pkt *pk[], unsigned max, uint64_t now_ns);
/* port_udp_lookup.c: the sockets that receive for whole ranges. 0, or -errno: the ports' own sockets receive. */
int jn_udp_share(struct jn_port *p, char *why, size_t n);
/* That port is a leg's, or nobody's any more. 0 or -errno. */
int jn_udp_share_port(struct jn_port *p, uint32_t local, bool taken);
void jn_udp_share_end(struct jn_port *p);
/* port_udp_tx.c */
void jn_udp_tx(struct jn_port *p, struct jn_pkt *pk[], unsigned n);
/* The ring knows a socket by its local index: it is there, or gone (fd -1). */
void jn_udp_ring_file(struct jn_port *p, uint32_t local, int fd);
void jn_udp_ring_end(struct jn_port *p);

#endif
