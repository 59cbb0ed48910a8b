/* Sock: a port (engine/net/port.h) of few sockets that many calls share, for a generator: whole bursts a system call
 * (what is sent is put together by socket; sockets are read every 2 ms and all of them each time), buffers of a moment
 * and no more, so that a generator that cannot keep up loses packets and says so instead of hearing calls that are long
 * over, and the kernel's own times of arrival. */
#ifndef JN_LOAD_SOCK_H
#define JN_LOAD_SOCK_H

#include "engine/net/port.h"

extern const struct jn_port_ops jn_load_sock;
/* Packets that the kernel dropped because these sockets' buffers were full. */
uint64_t jn_load_sock_dropped(const struct jn_port *p);

#endif
