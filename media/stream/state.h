/* State: layout of legs (the port half), voices (the half that lives in the room's home), rooms and the plane, shared
 * by the files of this folder and nobody else. */
#ifndef JN_MEDIA_STREAM_STATE_H
#define JN_MEDIA_STREAM_STATE_H

#include "engine/base/map.h"
#include "media/codec/g711.h"
#include "media/dtmf/rfc4733.h"
#include "media/jbuf/jbuf.h"
#include "media/rtcp/rtcp.h"
#include "media/stream/plane.h"
#include "media/stream/source.h"
#include "media/stream/tape.h"

#define JN_NONE   UINT32_MAX
#define JN_SHARED (UINT32_MAX - 1) /* pair_leg: the port that browsers share, see browser.h */
#define NS_PER_MS UINT64_C(1000000)
enum {
    JN_PHASES = 20,
    JN_TICK_SAMPLES = JN_SAMPLES_20MS,
    JN_TX_CAP = 576,
    JN_BACKLOG = 256,
    JN_LINK_BURST = 32
};
static_assert((int)JN_FRAME_MAX == (int)JN_REC_PAYLOAD_MAX, "a frame fits an item");
static_assert((int)JN_TX_CAP >= (int)JN_RTP_HEADER + (int)JN_FRAME_MAX + (int)JN_SRTP_TRAILER_MAX,
              "a frame fits a packet");
static_assert((int)JN_TX_CAP >= (int)JN_RTCP_MAX + (int)JN_SRTP_TRAILER_MAX, "a report fits a packet");

enum jn_class { JN_CLASS_AUDIO, JN_CLASS_CN, JN_CLASS_DTMF };

/* A received frame on its way into a room. restarts: counts changes of the sender's sequence or SSRC. */
struct jn_in {
    uint64_t ext_seq, at_ns;
    uint32_t ts, ssrc;
    uint16_t len;
    uint8_t cls, codec, restarts;
    bool marker;
    const uint8_t *payload;
    struct jn_pkt *pk; /* what it came in; NULL: over a link */
};
/* A frame on its way out to a leg. tag: names the time line of ts; when it changes the leg re-anchors: sequence goes on
 * by one, timestamps follow the last packet's end or, after a silence, real time. relayed: ext_seq is the sender's,
 * gaps in it are kept. */
struct jn_out {
    uint64_t ext_seq;
    uint32_t ts, tag;
    uint16_t len;
    uint8_t cls;
    bool marker, relayed;
    struct jn_jbuf_line line; /* relayed: the frame that follows what was said last, when that is known */
    const uint8_t *payload;
    struct jn_pkt *pk; /* relayed: what payload lies in and nobody reads again, so that it leaves there; NULL: copied */
};
#define JN_TAG_RELAY 0x80000000u

struct jn_leg_tx {
    uint64_t seq, base_ext, last_ns, packets, octets;
    int64_t seq_off;
    uint32_t ssrc, tag, ts_off, last_ts, last_dur, event_in, event_out;
    bool started, in_event;
    uint16_t acc_len; /* packets of other than 20 ms gather here */
    uint32_t acc_ts;
    uint8_t acc[JN_FRAME_MAX + JN_TICK_SAMPLES];
};
struct jn_leg_report {
    uint64_t next_ns, sr_at_ns;
    uint32_t lsr;
};

/* Port half of a leg: on the worker that has its port pair. voice: index of its other half when the room's home is
 * here, JN_NONE otherwise. */
struct jn_leg {
    uint64_t id, room, cname;
    uint32_t pair, live_at, voice;
    uint8_t room_worker, restarts;
    bool ready, joined, format_due, silent;
    struct jn_browser *browser; /* on a shared port, its keys by handshake; NULL: a pair of its own */
    struct jn_source src;
    struct jn_srtp *in, *out;
    struct jn_rtp_source rtp;
    struct jn_dtmf_in dtmf;
    uint64_t last_rx_ns;
    struct jn_leg_tx tx;
    struct jn_leg_report report;
    struct jn_leg_remote remote;
    struct jn_leg_stats stats;
};

struct jn_play {
    uint64_t token;
    uint32_t off;
    uint16_t sound[JN_PLAY_MAX];
    uint8_t n, at;
    bool on, loop;
};

/* How a voice's frames reach who hears it. */
enum jn_flow {
    JN_FLOW_MIX,        /* through its jitter buffer */
    JN_FLOW_STRAIGHT,   /* each one at once to its peer, and to nobody else */
    JN_FLOW_TO_MIX,     /* still straight, and followed by the jitter buffer, so that the mix begins where they end */
    JN_FLOW_TO_STRAIGHT /* the jitter buffer is played to its end */
};

/* Voice half of a leg: in its room's home. leg_at: index of the port half when that is here, JN_NONE otherwise. hears,
 * speaks: masks of tracks; hears_told: what the recording knows of it; hear_set: the members that stand for, a bit for
 * each place in the room; hear_was: what it was in the last period that was mixed for this voice. peer: index of the
 * voice that hears the frames that go straight; line: which one is the first. epoch: tells time lines of the mix to
 * this voice apart; spared: samples that it was told less than real time. tail: hears the last words of who left. */
struct jn_voice {
    uint64_t leg, last_ext, last_in_ns, turn_ns;
    uint32_t room, leg_at, hear_set, hear_was, peer, followed, epoch, spared;
    struct jn_jbuf_line line;
    uint8_t place, leg_worker, track, hears, speaks, hears_told, flow;
    bool format_known, hello_due, heard, kept, tail;
    uint8_t codec, ptime_ms, mode, restarts;
    struct jn_jbuf *jb;
    struct jn_jbuf_counts told;
    struct jn_play play;
    _Alignas(32) int16_t pcm[JN_TICK_SAMPLES];
};

struct jn_room {
    uint64_t id;
    uint32_t member[JN_ROOM_MEMBERS_MAX], next, prev;
    uint8_t n, phase, weight,
        calm;   /* phase: JN_PHASES when it does not tick; calm: periods that it could have relayed */
    bool relay; /* every voice goes straight: the room does not tick */
    struct jn_play play;
    struct jn_tape tape;
    _Alignas(32) int16_t tail[JN_TICK_SAMPLES]; /* last words of who left, fading */
};

enum jn_link_kind {
    JN_LINK_IN,     /* leg's worker to home: a received frame */
    JN_LINK_OUT,    /* home to leg's worker: a frame to send */
    JN_LINK_FORMAT, /* leg's worker to home: codec, packet time, mode */
    JN_LINK_HELLO,  /* home to leg's worker: tell me the format */
    JN_LINK_LEAVE,  /* leg's worker to home: the leg is gone */
    JN_LINK_GONE,   /* home to leg's worker: the room is gone */
    JN_LINK_STATS   /* home to leg's worker: what the jitter buffer counted since the last one */
};
struct jn_link_stats {
    uint64_t late, duplicate, concealed;
};
struct jn_link_msg {
    uint64_t leg, room, ext_seq, at_ns;
    uint32_t ts, ssrc, tag;
    uint16_t len;
    uint8_t kind, from, cls, codec, restarts, marker, relayed, ptime_ms, mode;
    struct jn_jbuf_line line;
    union {
        uint8_t payload[JN_FRAME_MAX];
        struct jn_link_stats stats;
    };
};

struct jn_pool {
    uint32_t *free, n;
};

/* One local address: its port pairs first .. first+pairs-1, those that are free in a queue, a part of pair_queue. */
struct jn_place {
    struct jn_addr advertise;
    uint32_t first, pairs, head, free;
    uint8_t interface;
};

struct jn_plane {
    struct jn_plane_config c;
    const struct jn_g711_ops *g711;
    struct jn_srtp_bank *srtp;
    struct jn_rec_ring *rec;
    struct jn_mailbox *facts, *link_in[JN_WORKERS_MAX], *link_out[JN_WORKERS_MAX];
    uint64_t linked;
    /* legs by local port pair (an array, no hash) and by id */
    uint32_t *pair_leg, *pair_queue, pairs;
    uint64_t *pair_free_ns;
    struct jn_place place[JN_PLACES_MAX];
    uint8_t places, place_next;
    struct jn_leg *leg;
    struct jn_voice *voice;
    struct jn_room *room;
    uint8_t *jbufs;
    size_t jbuf_bytes;
    struct jn_pool leg_pool, voice_pool, room_pool;
    struct jn_map leg_map, voice_map, room_map;
    uint32_t *live, live_n, live_next;
    /* phases of one millisecond, each a list of mixing rooms */
    uint32_t phase_first[JN_PHASES], phase_load[JN_PHASES];
    uint64_t ms;
    uint64_t seed;
    struct jn_fact backlog[JN_BACKLOG];
    uint32_t backlog_head, backlog_n;
    uint32_t tape_oldest, tape_newest; /* rooms, counted from 1, by the age of the chunks that they fill */
    struct jn_plane_counts counts;
    struct jn_browsers *browsers; /* NULL: this plane takes no browsers */
    /* the burst that gathers */
    struct jn_pkt tx[JN_PKT_BURST];
    unsigned tx_n;
    bool tx_lent; /* some of them lie where they were received: to be sent before the port receives again */
    uint8_t tx_bytes[JN_PKT_BURST][JN_TX_CAP];
    struct jn_link_msg scratch, inbox[JN_LINK_BURST];
};

/* table.c: pools, look-up, port pairs. */
int jn_table_open(struct jn_plane *p);
void jn_table_free(struct jn_plane *p);
struct jn_leg *jn_leg_find(struct jn_plane *p, uint64_t id);
struct jn_voice *jn_voice_find(struct jn_plane *p, uint64_t leg);
struct jn_room *jn_room_find(struct jn_plane *p, uint64_t id);
uint32_t jn_slot_take(struct jn_pool *pool);
void jn_slot_give(struct jn_pool *pool, uint32_t i);
/* A pair of that interface whose quarantine has passed, its two ports receiving; JN_NONE when there is none. family: one
 * of that family when the interface has such an address, NONE: any. */
uint32_t jn_pair_take(struct jn_plane *p, uint8_t interface, uint8_t family, uint64_t now_ns);
/* What SDP says of the pair's RTP port. */
struct jn_addr jn_pair_address(const struct jn_plane *p, uint32_t pair);
void jn_pair_give(struct jn_plane *p, uint32_t pair, uint64_t now_ns);

/* facts.c */
void jn_fact_send(struct jn_plane *p, const struct jn_fact *f);
void jn_facts_retry(struct jn_plane *p);

/* browser.c, keys.c: legs of browsers. open gives the pair that the leg stands on, JN_NONE when there is no room, and
 * fills in further addresses; look_up takes what is no media (checks, handshakes) and gives the leg of what is. */
int jn_browsers_open(struct jn_plane *p);
void jn_browsers_free(struct jn_plane *p);
uint32_t jn_browser_open(struct jn_plane *p, struct jn_leg *l, const struct jn_order *o, struct jn_fact *f);
bool jn_browser_describe(struct jn_plane *p, struct jn_leg *l, const struct jn_leg_remote *r, uint64_t now_ns);
void jn_browser_close(struct jn_plane *p, struct jn_leg *l);
uint32_t jn_browser_look_up(struct jn_plane *p, struct jn_pkt *pk, bool *rtcp);
void jn_browser_flush(struct jn_plane *p);
void jn_browser_due(struct jn_plane *p, struct jn_leg *l, uint64_t now_ns);

/* tx.c: a frame out of a leg. */
void jn_leg_out(struct jn_plane *p, struct jn_leg *l, const struct jn_out *o, uint64_t now_ns);
/* The next free packet of the burst, addressed by the caller. Flushes when it is full. */
struct jn_pkt *jn_tx_packet(struct jn_plane *p, const struct jn_leg *l);
bool jn_leg_may_send(uint8_t mode);
bool jn_leg_may_receive(uint8_t mode);

/* report.c: RTCP. */
void jn_report_in(struct jn_plane *p, struct jn_leg *l, const struct jn_pkt *pk, uint64_t now_ns);
void jn_report_due(struct jn_plane *p, struct jn_leg *l, uint64_t now_ns);
void jn_report_send(struct jn_plane *p, struct jn_leg *l, bool bye, uint64_t now_ns);
void jn_report_start(struct jn_plane *p, struct jn_leg *l, uint64_t now_ns);
void jn_report_close(struct jn_leg *l);

/* leg.c: a leg's opening, remote description, closing. Each returns false when it refuses. */
bool jn_leg_open(struct jn_plane *p, const struct jn_order *o, uint64_t now_ns);
bool jn_leg_remote(struct jn_plane *p, struct jn_leg *l, const struct jn_order *o, uint64_t now_ns);
void jn_leg_close(struct jn_plane *p, struct jn_leg *l, uint64_t token, uint64_t now_ns);
/* tell: the home of a room elsewhere hears of it. */
void jn_leg_leave(struct jn_plane *p, struct jn_leg *l, bool tell);
bool jn_leg_join(struct jn_plane *p, struct jn_leg *l, const struct jn_order *o, uint64_t now_ns);
void jn_leg_add_stats(struct jn_leg *l, const struct jn_link_stats *s);

/* link.c: frames from worker to worker. */
bool jn_link_send(struct jn_plane *p, unsigned to, struct jn_link_msg *m);
void jn_link_send_kept(struct jn_plane *p, unsigned to, struct jn_link_msg *m);
bool jn_link_keep(struct jn_plane *p, unsigned to);
void jn_link_unkeep(struct jn_plane *p, unsigned to);
void jn_link_format(struct jn_plane *p, struct jn_leg *l);
void jn_link_hello(struct jn_plane *p, struct jn_voice *v);

/* room.c: members, relaying, what the matrix says. */
bool jn_room_open(struct jn_plane *p, const struct jn_order *o);
void jn_room_close(struct jn_plane *p, struct jn_room *r, uint64_t token, uint64_t now_ns);
/* NULL when it is full. l: the port half when it is here. */
struct jn_voice *jn_room_join(struct jn_plane *p, struct jn_room *r, const struct jn_order *o, struct jn_leg *l,
                              uint64_t now_ns);
void jn_room_leave(struct jn_plane *p, struct jn_voice *v, bool tell, uint64_t now_ns);
void jn_room_hear(struct jn_plane *p, struct jn_voice *v, uint8_t tracks, uint64_t now_ns);
void jn_room_speak(struct jn_plane *p, struct jn_voice *v, uint8_t tracks, uint64_t now_ns);
/* The tracks that v hears, a supervisor's among them while there is one who speaks to it. */
uint8_t jn_room_hears(const struct jn_plane *p, const struct jn_room *r, const struct jn_voice *v);
void jn_room_format(struct jn_plane *p, struct jn_voice *v, uint8_t codec, uint8_t ptime_ms, uint8_t mode,
                    uint64_t now_ns);
/* What the room now is may change whether it relays or mixes. */
void jn_room_changed(struct jn_plane *p, struct jn_room *r, uint64_t now_ns);

/* flow.c: frames that go straight to the only one who hears them, and the turns between that and a mix. */
bool jn_flow_can_relay(const struct jn_plane *p, const struct jn_room *r);
/* The matrix, the members or a prompt changed: begins the turns that follow. */
void jn_flow_changed(struct jn_plane *p, struct jn_room *r, uint64_t now_ns);
/* v leaves: who went straight to it does not any more. */
void jn_flow_left(struct jn_plane *p, struct jn_room *r, const struct jn_voice *v);
/* True: the frame went straight to the peer, and nowhere else. */
bool jn_flow_in(struct jn_plane *p, struct jn_voice *v, const struct jn_in *in, uint64_t now_ns);
/* The places whose members are not told the mix, because somebody's frames go straight to them or come to their end. */
uint32_t jn_flow_fed(const struct jn_plane *p, const struct jn_room *r);
/* In each period: what comes to its end is said, and after some calm periods the turn to relaying begins; with the last
 * turn r->relay is set. */
void jn_flow_tick(struct jn_plane *p, struct jn_room *r, uint64_t now_ns);

/* voice.c: frames into a room and out of it. */
struct jn_frame jn_frame_of(const struct jn_in *in);
/* The time line of what is mixed for v: its name and the timestamp of now_ns. */
static inline uint32_t jn_mix_tag(const struct jn_plane *p, const struct jn_voice *v)
{
    return (1u + p->c.index + (v->epoch << 8)) & ~JN_TAG_RELAY;
}
static inline uint32_t jn_mix_ts(const struct jn_voice *v, uint64_t now_ns)
{
    return (uint32_t)(now_ns / 125000) - v->spared;
}
void jn_voice_in(struct jn_plane *p, struct jn_voice *v, const struct jn_in *in, uint64_t now_ns);
void jn_voice_out(struct jn_plane *p, struct jn_voice *v, const struct jn_out *o, uint64_t now_ns);
/* Gives the port half what the jitter buffer counted since the last time. */
void jn_voice_tell(struct jn_plane *p, struct jn_voice *v);

/* tick.c: one 20 ms period of one mixing room, scheduled for ms. */
void jn_room_tick(struct jn_plane *p, struct jn_room *r, uint64_t ms);

/* play.c: prompts and music. */
bool jn_play_start(struct jn_plane *p, struct jn_room *r, struct jn_voice *v, const struct jn_order *o,
                   uint64_t now_ns);
void jn_play_stop(struct jn_plane *p, struct jn_room *r, struct jn_voice *v, uint64_t now_ns);
const struct jn_play *jn_play_of(const struct jn_room *r, const struct jn_voice *v);
bool jn_play_any(const struct jn_plane *p, const struct jn_room *r);
/* fed: places whose members hear something else in this period: what they are played waits. */
void jn_play_advance(struct jn_plane *p, struct jn_room *r, uint32_t fed, uint64_t now_ns);

/* tape.c: the recording tap, see tape.h. */
/* What is old enough goes to the recorder. */
void jn_tape_tick(struct jn_plane *p, uint64_t now_ns);

static inline uint64_t jn_time_at(const struct jn_plane *p, uint64_t mono_ns)
{
    return p->c.time_us ? p->c.time_us(mono_ns) : mono_ns / 1000;
}

#endif
