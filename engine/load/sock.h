/* Sock: a port (engine/net/port.h) of few sockets that many calls share, for a generator: large buffers, whole bursts a
 * system call, the kernel's own times of arrival, and a count of what this end itself let fall. */
#ifndef JN_LOAD_SOCK_H
#define JN_LOAD_SOCK_H

#include "engine/net/port.h"

extern const struct jn_port_ops jn_load_sock;
/* Packets that the kernel dropped because these sockets' buffers were full. */
uint64_t jn_load_sock_dropped(const struct jn_port *p);

#endif
