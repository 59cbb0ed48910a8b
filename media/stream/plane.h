/* Plane: everything one worker does with sound: legs, rooms, relaying, mixing, prompts, recording, RTCP. No socket, no
 * clock, no thread: packets come in as bursts, time as an argument, and what goes out leaves through struct
 * jn_plane_port; so the same code runs in tests. Nothing here allocates once it is open, except SRTP contexts, which
 * orders open and close. */
#ifndef JN_MEDIA_PLANE_H
#define JN_MEDIA_PLANE_H

#include "engine/base/mailbox.h"
#include "engine/base/pkt.h"
#include "media/srtp/srtp.h"
#include "media/stream/order.h"
#include "media/tone/sounds.h"

enum { JN_PLACES_MAX = 16, JN_ROOM_TALKERS_MAX = 30, JN_LINK_SLOTS = 4096 };

/* What the plane asks of the port under it. take: local port index begins to receive, 0 or -errno (-EADDRINUSE: the
 * next pair is tried). give: it ends. tx: sends the burst or marks what it could not send (drop = JN_DROP_TX); borrows
 * pk and bytes until it returns. */
struct jn_plane_port {
    int (*take)(void *arg, uint32_t local);
    void (*give)(void *arg, uint32_t local);
    void (*tx)(void *arg, struct jn_pkt *pk[], unsigned n);
    void *arg;
};

/* One local address: how many port indexes it has (an even number), what it is called in SDP (its port that of its
 * first index), and of which interface it is (JN_ORDER_LEG_OPEN names one). */
struct jn_plane_place {
    struct jn_addr advertise;
    uint32_t ports;
    uint8_t interface;
};

/* ports: local port indexes 0 .. ports-1, even RTP, odd RTCP. advertise: address for SDP, its port that of index 0.
 * They are the first place, of interface 0; the indexes of `more` places follow. time_us: unix microseconds of a
 * monotonic reading, for RTCP and recordings; NULL: the reading itself. seed: 0, or what SSRCs, first sequence numbers
 * and report times are drawn from, so that a replay gives the same bytes again; they are no secret then. */
struct jn_plane_config {
    uint8_t index, more_n;
    uint32_t ports;
    struct jn_addr advertise;
    struct jn_plane_place more[JN_PLACES_MAX - 1];
    uint32_t max_legs, max_rooms, silence_ms, latch_ms, quarantine_ms;
    /* Trouble is told when it has lasted that long, 0: never: no media of the peer or none of ours at the peer;
     * silence. quality_ms: between two LEG_QUALITY of a leg, 0: none. */
    uint32_t one_way_ms, quiet_ms, quality_ms;
    uint32_t browsers; /* legs on the shared port: at most so many, 0: none, and no port is shared */
    const struct jn_sounds *sounds;
    const struct jn_srtp_ops *srtp;
    uint64_t (*time_us)(uint64_t mono_ns);
    uint64_t seed;
    struct jn_plane_port port;
};

/* How late a phase's mix began, in us: late[i] counts what was no later than the i-th bound and later than the one
 * before; the last one counts the rest. */
#define JN_LATE_BOUNDS_US                                                                                              \
    {                                                                                                                  \
        10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000, 7000, 10000, 15000, 20000, \
            50000                                                                                                      \
    }
enum { JN_LATE_N = 23 };

struct jn_plane_counts {
    uint64_t late[JN_LATE_N], late_ns; /* late_ns: all of it together */
    uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, drops[JN_DROP_N];
    uint64_t legs_without_rtcp, legs, rooms, relayed, mixed, rec_items, rec_overflow, facts_refused,
        late_ticks,                                       /* periods of rooms that began more than a period late */
        left_out,                                         /* periods of rooms that were left out, see jn_plane_tick */
        rtcp_in, rtcp_out, xr_in, xr_out, quality_missed, /* LEG_QUALITY left out */
        link_frames, refused_orders, turns_to_mix, turns_to_relay, /* turns: of one direction each, see flow.c */
        unseated,   /* frames of who found no seat among a room's talkers */
        no_encoder, /* mixes that found no encoder: nobody hears them in that period */
        unheard;    /* frames that a jitter buffer took and nobody heard */
    uint64_t stretched, shrunk, resynced, skipped, undecoded; /* of all jitter buffers, as struct jn_jbuf_counts */
    /* browser.c, keys.c. Checks: all; of no name of ours; that do not parse; refused; refused for their role; that
     * chose another pair. Handshake packets: of no proven peer; that do not parse; beyond a leg's rate; that found the
     * mailbox full. Handshakes by how they ended. Legs now. */
    uint64_t ice_checks, ice_strangers, ice_malformed, ice_refused, ice_conflicts, ice_nominated, dtls_strangers,
        dtls_malformed, dtls_throttled, dtls_full, dtls_ended[JN_KEYS_N], browsers;
};

struct jn_plane;
/* 0, -EINVAL (bounds) or -ENOMEM. */
int jn_plane_open(struct jn_plane **out, const struct jn_plane_config *c);
void jn_plane_close(struct jn_plane *p);
/* Where facts (struct jn_fact) and what is recorded go; borrowed; this plane is the producer. rec NULL: nothing is
 * recorded. */
struct jn_rec_ring;
void jn_plane_mail(struct jn_plane *p, struct jn_mailbox *facts, struct jn_rec_ring *rec);
/* Hands everything recorded so far over, also what has not gathered long. */
void jn_plane_record_flush(struct jn_plane *p);
/* The two rings of frames to and from the plane with that index; slots of jn_plane_link_bytes(). Borrowed. */
size_t jn_plane_link_bytes(void);
void jn_plane_link(struct jn_plane *p, unsigned other, struct jn_mailbox *in, struct jn_mailbox *out);

/* One order. False: facts wait for room in their mailbox, the order was not looked at and must come again. */
bool jn_plane_order(struct jn_plane *p, const struct jn_order *o, uint64_t now_ns);
/* One burst of received packets, in order of arrival; bytes may be changed, nothing is kept. */
void jn_plane_rx(struct jn_plane *p, struct jn_pkt *pk[], unsigned n, uint64_t now_ns);
/* A burst that has waited too long to be heard: counted and nothing else. */
void jn_plane_shed(struct jn_plane *p, struct jn_pkt *pk[], unsigned n);
/* The two rings to and from the thread that does handshakes; slots of jn_plane_slow_bytes(). Borrowed. */
size_t jn_plane_slow_bytes(void);
void jn_plane_slow(struct jn_plane *p, struct jn_mailbox *to, struct jn_mailbox *from);
/* Takes what that thread sent; returns how many messages. */
unsigned jn_plane_keys(struct jn_plane *p, uint64_t now_ns);
/* Takes what other planes sent; returns how many frames. */
unsigned jn_plane_links(struct jn_plane *p, uint64_t now_ns);
/* Runs the phases that are due: mixing, reports, timeouts; at most 20 ms of them in one call. What a call that comes
 * late has missed the next ones catch up with, to a bound; when they do not gain on the time there is more work than
 * time, and periods are left out, so that each room is at most one period late. */
void jn_plane_tick(struct jn_plane *p, uint64_t now_ns);
/* Seals and sends what has gathered. Call after the above, before sleeping. */
void jn_plane_flush(struct jn_plane *p);
/* When jn_plane_tick has work next; UINT64_MAX: nothing to wait for. */
uint64_t jn_plane_next_ns(const struct jn_plane *p);
/* Bit n: something was put into the link to plane n since the last call; wake it. */
uint64_t jn_plane_linked(struct jn_plane *p);
/* Ends every recording, says BYE on every leg, answers each with LEG_CLOSED. */
void jn_plane_end_all(struct jn_plane *p, uint64_t now_ns);
const struct jn_plane_counts *jn_plane_counts(const struct jn_plane *p);

#endif
