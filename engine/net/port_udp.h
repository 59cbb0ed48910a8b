/* Port, UDP: media through the kernel's sockets. Where the kernel allows it, datagrams for the whole range of ports are
 * received through one socket an address (an sk_lookup program of ours names it: needs CAP_NET_ADMIN and CAP_BPF) and
 * sent through a ring (io_uring), so that a burst takes two system calls and not two a packet. Otherwise by epoll,
 * recvmmsg and sendmmsg, without any privilege. */
#ifndef JN_ENGINE_PORT_UDP_H
#define JN_ENGINE_PORT_UDP_H

#include "engine/net/port.h"

/* What jn_port_config.back_end may point to; NULL: everything that the kernel allows. */
struct jn_port_udp_options {
    bool no_shared_receive, no_ring;
};
/* What is in use, once the owner thread has received for the first time. */
bool jn_port_udp_shared(const struct jn_port *p);
bool jn_port_udp_ring(const struct jn_port *p);

#endif
