/* Worker: one thread a core that owns legs and rooms, their ports and everything that media/stream does for them.
 * Orders in, facts out, all by mailbox, what is recorded by its ring; two workers exchange frames by links. */
#ifndef JN_ENGINE_WORKER_H
#define JN_ENGINE_WORKER_H

#include "engine/base/err.h"
#include "engine/base/histo.h"
#include "engine/base/mailbox.h"
#include "engine/base/pkt.h"
#include "engine/net/port.h"
#include "media/stream/plane.h"
#include "media/tone/sounds.h"

struct jn_rec_ring;
struct jn_worker;
/* One more local address of a worker, as in struct jn_worker_config. interface: which of the machine's it is. */
struct jn_worker_place {
    struct jn_addr local, advertise;
    uint16_t port_min, port_max, vlan;
    uint8_t dscp, interface;
};
/* Where a worker reads the time: monotonic, and what its thread used of a processor, both in ns. */
struct jn_worker_clock {
    uint64_t (*mono_ns)(void);
    uint64_t (*thread_ns)(void);
};
struct jn_worker_config {
    uint8_t index;               /* 0 .. workers-1 */
    int16_t cpu;                 /* pinned there, -1 not pinned */
    struct jn_addr local;        /* address to bind; its port is ignored */
    struct jn_addr advertise;    /* address for SDP; family NONE: local */
    uint16_t port_min, port_max; /* this worker's own range: even RTP, odd RTCP */
    uint32_t max_legs, max_rooms;
    uint32_t browsers;   /* legs on the port that browsers share; 0: none is taken, and none shared */
    uint32_t silence_ms; /* LEG_SILENT after that, 0 never */
    uint32_t one_way_ms, quiet_ms, quality_ms; /* as in struct jn_plane_config */
    uint32_t latch_ms;                         /* how long after LEG_REMOTE an address may be learnt */
    uint32_t quarantine_ms;                    /* before a port is used again: 5000 */
    const struct jn_sounds *sounds;
    const struct jn_port_ops *net;       /* NULL: jn_port_udp */
    const void *net_back_end;            /* jn_port_config.back_end */
    const struct jn_worker_clock *clock; /* NULL: the machine's */
    uint8_t dscp;                        /* of media packets; 0 is "best effort" */
    uint8_t more_n;
    uint16_t vlan;
    struct jn_worker_place more[JN_PORT_PLACES - 1]; /* the fields above are the first place, of interface 0 */
};
/* Read by anybody at any time (relaxed). */
struct jn_worker_counts {
    _Atomic uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, drops[JN_DROP_N];
    _Atomic uint64_t legs_without_rtcp, legs, rooms, relayed, mixed, rec_items, rec_overflow, facts_refused, late_ticks,
        left_out, rtcp_in, rtcp_out, xr_in, xr_out, quality_missed, link_frames, refused_orders, turns_to_mix,
        turns_to_relay, stretched, shrunk, resynced, skipped, undecoded;
    _Atomic uint64_t unseated, no_encoder;
    _Atomic uint64_t browsers, ice_checks, ice_strangers, ice_malformed, ice_refused, ice_conflicts, ice_nominated,
        dtls_strangers, dtls_malformed, dtls_throttled, dtls_full, dtls_ended[JN_KEYS_N];
    _Atomic uint64_t late[JN_LATE_N], late_ns; /* as in struct jn_plane_counts */
    /* busy_ns: time spent working since the start. load_permille: share of its core that it needed in the last second
     * or so; for a port that is polled, of the time in which there was work; while it does not keep up, all of it. */
    _Atomic uint64_t busy_ns, load_permille;
};

/* orders (consumer: this worker; its waker is the worker's own, see below), facts and rec (producer: this worker) are
 * borrowed. 0 or -errno with the reason. */
int jn_worker_open(struct jn_worker **out, const struct jn_worker_config *c, struct jn_err *err);
/* The waker that the orders mailbox must be made with. */
struct jn_waker *jn_worker_waker(struct jn_worker *w);
void jn_worker_mail(struct jn_worker *w, struct jn_mailbox *orders /* struct jn_order */,
                    struct jn_mailbox *facts /* struct jn_fact */, struct jn_rec_ring *rec /* what is recorded */);
/* Joins n workers by frame links, each way. Before any of them starts. */
int jn_workers_link(struct jn_worker *w[], unsigned n);
/* Starts the thread; stop closes every leg (RTCP BYE) and joins it. */
int jn_worker_start(struct jn_worker *w);
/* One turn of that thread's loop, for who has not started it and drives the time by itself. */
void jn_worker_turn(struct jn_worker *w);
void jn_worker_stop(struct jn_worker *w);
void jn_worker_close(struct jn_worker *w);
const struct jn_worker_counts *jn_worker_counts(const struct jn_worker *w);
/* The port's own figures (enum jn_port_count), NULL when it has none. */
const _Atomic uint64_t *jn_worker_port_counts(const struct jn_worker *w);

#endif
