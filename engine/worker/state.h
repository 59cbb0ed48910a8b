/* State: layout of a worker, shared by the files of this folder and nobody else. */
#ifndef JN_ENGINE_WORKER_STATE_H
#define JN_ENGINE_WORKER_STATE_H

#include "engine/net/port.h"
#include "engine/worker/worker.h"
#include "media/stream/plane.h"
#include <pthread.h>

/* A window's begin on the wall's clock and on the thread's; busy_ns: time in which there was work, since the start. */
struct jn_worker_load {
    uint64_t wall_ns, cpu_ns, busy_ns, busy_at, smooth; /* smooth: in 1/1000 of a core, x 16 */
    uint64_t lost_at;                                   /* what overload had cost until then, see loop.c */
};

struct jn_worker {
    struct jn_worker_config c;
    const struct jn_port_ops *net;
    struct jn_port *port;
    struct jn_plane *plane;
    struct jn_mailbox *orders, *link_in[JN_WORKERS_MAX]; /* link_in[i]: frames from worker i */
    struct jn_mailbox *keys;                             /* from the thread that does handshakes; NULL: none */
    struct jn_worker *peer[JN_WORKERS_MAX];              /* only their wakers are touched from here */
    struct jn_order held;                                /* an order that has to come again */
    bool holding;
    pthread_t thread;
    bool started;
    _Atomic bool stop;
    struct jn_waker waker;
    struct jn_worker_clock clock;
    struct jn_worker_load load;
    uint64_t empty_ns, rest_ns; /* the port was empty last; what the last turn took after receiving */
    unsigned full_turns;        /* turns since then in which it was not emptied */
    _Alignas(64) struct jn_worker_counts counts;
};

void *jn_worker_run(void *arg);
uint64_t jn_worker_thread_ns(void);

#endif
