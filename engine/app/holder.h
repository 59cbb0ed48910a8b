/* Holder: which process has a port of this machine, so that "in use" can say by whom. Linux, from /proc. */
#ifndef JN_ENGINE_HOLDER_H
#define JN_ENGINE_HOLDER_H

#include <stdbool.h>
#include <stddef.h>

/* UDP, or TCP that listens, on any address. out: "NAME (pid N)", or that it cannot be seen. True: somebody has it. */
bool jn_port_holder(unsigned port, char *out, size_t size);

#endif
