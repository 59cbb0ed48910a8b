/* State: layout of legs (the port half), voices (the half that lives in the room's home), rooms and the plane, shared
 * by the files of this folder and nobody else. */
#ifndef JN_MEDIA_STREAM_STATE_H
#define JN_MEDIA_STREAM_STATE_H

#include "engine/base/map.h"
#include "media/codec/g711.h"
#include "media/codec/vad.h"
#include "media/dtmf/inband.h"
#include "media/dtmf/rfc4733.h"
#include "media/jbuf/jbuf.h"
#include "media/rtcp/burst.h"
#include "media/rtcp/rtcp.h"
#include "media/stream/link.h"
#include "media/stream/mixer.h"
#include "media/stream/plane.h"
#include "media/stream/quality.h"
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
    JN_LINK_BURST = 32,
    JN_ROOM_FEW = 4,
    JN_BLOCKS = 10, /* sizes of member lists: 32, 128, 512 ... */
    JN_UNITY = 4096,
    JN_NO_SEAT = 255
};
static_assert((int)JN_FRAME_MAX == (int)JN_REC_PAYLOAD_MAX, "a frame fits an item");
static_assert((int)JN_TX_CAP >= (int)JN_RTP_HEADER + (int)JN_FRAME_MAX + (int)JN_SRTP_TRAILER_MAX,
              "a frame fits a packet");
static_assert((int)JN_TX_CAP >= (int)JN_RTCP_MAX + (int)JN_SRTP_TRAILER_MAX, "a report fits a packet");
static_assert((int)JN_ROOM_TALKERS_MAX < (int)JN_SEATS, "who comes finds a seat while another one's sound ends");

enum jn_class { JN_CLASS_AUDIO, JN_CLASS_CN, JN_CLASS_DTMF };
enum { JN_LEVEL_UNKNOWN = JN_RTP_NO_LEVEL };

/* A received frame on its way into a room. restarts: counts changes of the sender's sequence or SSRC. */
struct jn_in {
    uint64_t ext_seq, at_ns;
    uint32_t ts, ssrc;
    uint16_t len;
    uint8_t cls, codec, restarts, level; /* level: as the sender says it (RFC 6464), -dBov, or JN_LEVEL_UNKNOWN */
    bool marker;
    const uint8_t *payload;
    struct jn_pkt *pk; /* what it came in; NULL: over a link */
};
/* A frame on its way out to a leg. tag: names the time line of ts; when it changes the leg re-anchors: sequence goes on
 * by one, timestamps follow the last packet's end or, after a silence, real time. relayed: ext_seq is the sender's,
 * gaps in it are kept. units: RTP units that it lasts; a relayed one says that itself. loud: of a mix in G.722. */
struct jn_out {
    uint64_t ext_seq;
    uint32_t ts, tag;
    uint16_t len, units;
    uint8_t cls;
    bool marker, relayed;
    struct jn_vad_level loud;
    struct jn_jbuf_line line; /* relayed: the frame that follows what was said last, when that is known */
    const uint8_t *payload;
    struct jn_pkt *pk; /* relayed: what payload lies in and nobody reads again, so that it leaves there; NULL: copied */
};
#define JN_TAG_RELAY 0x80000000u
enum { JN_LISTEN_DIGITS = 1, JN_LISTEN_LEVEL = 2 /* in one frame */ };

/* One cache line. */
struct jn_leg_tx {
    uint64_t seq, base_ext, last_ns, octets;
    int64_t seq_off;
    uint32_t packets, ssrc, tag, ts_off, last_ts;
    uint16_t last_dur;
    bool started, in_event;
};
static_assert(sizeof(struct jn_leg_tx) <= 64, "one cache line");
struct jn_pack {
    uint32_t ts;
    uint16_t len;
    bool marker;
    uint8_t bytes[2 * JN_FRAME_MAX]; /* less than a packet waits, and a mix that ends says up to 60 ms at once */
};
struct jn_leg_report {
    uint64_t next_ns, sr_at_ns;
    uint32_t lsr;
};

/* A sender (SSRC) that is not the peer's and becomes it only when the peer's own was not heard for so long. */
enum { JN_OTHER_SILENCE_NS = 30000000 };
struct jn_leg_other {
    uint32_t ssrc;
    uint16_t next_seq;
    bool waits;
};

/* What the peer's description says beside what every packet asks. muxed: reports go where its media goes. */
struct jn_leg_peer {
    struct jn_addr rtcp, via;
    struct jn_codec_profile profile;
    uint8_t suite, xr, level_id;
    bool muxed;
};
/* Its keys, a piece of their own: a plain leg has none. */
struct jn_leg_keys {
    uint8_t in[JN_SRTP_KEY_MAX], out[JN_SRTP_KEY_MAX];
};

/* Port half of a leg: on the worker that has its port pair. By access: what every packet asks, in and out, what a
 * received one changes, what a sent one changes, and the rest. voice: index of its other half when the room's home is
 * here, JN_NONE otherwise. codec .. mode: of `remote`. scale: RTP units of its codec in 125 us. packs: where packets of
 * other than 20 ms gather, JN_NONE: nowhere. */
struct jn_leg {
    _Alignas(64) uint32_t voice; /* alone: an alignment holds for every name of its line */
    uint32_t pair;
    struct jn_srtp *in, *out;
    uint8_t codec, rtp_pt, dtmf_pt, cn_pt, ptime_ms, mode, scale, restarts;
    bool ready, joined, format_due, silent;
    uint8_t listen; /* what its sound is looked at for: JN_LISTEN_* */
    uint8_t room_worker;
    bool comfort;               /* it takes comfort noise: asked by every packet of a mix */
    struct jn_source src;       /* its first bytes, where the peer is, end this line */
    struct jn_browser *browser; /* on a shared port, its keys by handshake; NULL: a pair of its own */
    _Alignas(64) struct jn_rtp_source rtp;
    uint64_t last_rx_ns, rx_bytes; /* of payload */
    uint32_t rx_before;            /* packets of the sequences before rtp's */
    struct jn_vad vad;             /* of what is mixed for it, when it takes comfort noise */
    struct jn_dtmf_in dtmf;
    _Alignas(64) struct jn_leg_tx tx;
    uint32_t packs, event_in, event_out, live_at;
    uint64_t id, room, cname;
    struct jn_leg_keys *keys; /* NULL: plain, or by handshake */
    struct jn_leg_report report;
    struct jn_leg_other other;
    struct jn_leg_seen seen;
    struct jn_quality quality;
    struct jn_leg_peer remote;
};

static_assert(offsetof(struct jn_leg, src.signalled) <= 64 &&
                  offsetof(struct jn_leg, rx_bytes) <= offsetof(struct jn_leg, rtp) + 120,
              "lines that a packet needs: three in, two out");

/* Packets received since it was opened. */
static inline uint64_t jn_leg_received(const struct jn_leg *l)
{
    return l->rx_before + l->rtp.received;
}

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
 * speaks: masks of tracks; hears_told: what the recording knows of it.
 *
 * A voice that is heard has a jitter buffer and one of the room's seats while it speaks; who only listens has neither.
 * hear_set: the seats whose sound it is to hear; hear_was: those that it heard in the last period. audible: somebody
 * would hear it. claim: what its next period said of itself, JN_LEVEL_UNKNOWN: it never did; said, shown: that and what
 * was decoded, each the loudest of late; lied: periods in which they did not fit. ends: it has stood up, gone: it has
 * left, and its last words fade. level: its loudest of late, -dBov. place: where it stands in the room's list.
 *
 * enc: what encodes what it hears, for codecs with state. rate: of its sound, by index; rates: its ways to others.
 *
 * peer: index of the voice that hears the frames that go straight; to: that one's port half while they take the short
 * way, JN_NONE: it is elsewhere, or they are recorded; line: which one is the first. fed: seats whose sound
 * reaches it straight; bit JN_SEATS: that of one without a seat. epoch: tells time lines of the mix to this voice
 * apart; spared: RTP units that it was told less than real time. gain: 4096 is as it came; gain_was: in the last
 * period; gained: one of them is not. */
struct jn_voice {
    _Alignas(64) uint64_t leg;
    struct jn_jbuf *jb;
    struct jn_encoder *enc;
    uint32_t room, leg_at, hear_set, hear_was, fed, spared;
    uint8_t seat, flow, codec, ptime_ms, mode, epoch, scale, rate, level, claim, jb_codec;
    bool format_known, audible, gone, ends, gained;
    uint64_t last_in_ns, last_ext, turn_ns;
    struct jn_jbuf_line line;
    uint32_t place, peer, to, followed;
    uint16_t gain, gain_was;
    uint8_t track, hears, speaks, restarts; /* they end what a received frame asks */
    uint8_t hears_told, leg_worker, said, shown, lied;
    bool hello_due, kept;
    struct jn_rates *rates;
    struct jn_codec_profile profile;
    struct jn_link_stats told;
    struct jn_play play;
};
static_assert(offsetof(struct jn_voice, gained) < 64 && offsetof(struct jn_voice, restarts) < 128,
              "a line for a period, two for a received frame");

/* member: the first n are voices; `few`, or a block of the size class block. seat: voices by seat; seated: those that
 * are taken; heard: those whose sound somebody is to hear, the rest fade. ghosts: voices that have left and fade.
 * turns: voices whose frames go straight or are about to. plays: members who are played something of their own.
 * stateful: members whose codec's encoder has a state. rates: bits of those that members listen at. phase:
 * JN_PHASES when it does not tick; calm: periods that it could have relayed. */
struct jn_room {
    _Alignas(64) uint64_t id;
    uint32_t *member;
    uint32_t n, next, prev, weight, seated, heard, plays, turns, stateful;
    uint8_t phase, calm, block, talkers, rates;
    bool relay;   /* every voice goes straight: the room does not tick */
    bool playing; /* to all */
    uint32_t few[JN_ROOM_FEW];
    uint32_t seat[JN_SEATS];
    struct jn_play play;
    _Alignas(64) struct jn_tape tape;
};

struct jn_pool {
    uint32_t *free, n;
};
/* Equal pieces of memory that is touched only where a piece was taken once. */
struct jn_slab {
    uint8_t *at;
    size_t bytes;
    uint32_t total;
    struct jn_pool pool;
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
    struct jn_inband *inband; /* of each leg; used where its digits are in its sound */
    struct jn_voice *voice;
    struct jn_room *room;
    struct jn_slab jbufs[JN_CODEC_N], encoders[JN_CODEC_N], rates, packs, keys, blocks[JN_BLOCKS];
    uint32_t ghosts, voices; /* how many may still haunt a room; voices in all, with those */
    uint8_t *pick;           /* for each member of the room that ticks, which mix it hears */
    struct jn_mixer mixer;
    struct jn_pool leg_pool, voice_pool, room_pool;
    struct jn_map leg_map, voice_map, room_map;
    uint32_t *live, live_n, live_next;
    /* phases of one millisecond, each a list of mixing rooms */
    uint32_t phase_first[JN_PHASES], phase_load[JN_PHASES], phase_rooms[JN_PHASES];
    uint64_t ms;
    uint64_t late_ms; /* how far behind the last tick was, 0: no period was due more than a period ago */
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
    struct jn_link_group group[JN_WORKERS_MAX];
    uint64_t more_due;                        /* bit n: in that worker's group somebody waits */
    struct jn_link_msg heard[JN_WORKERS_MAX]; /* the last frame that came from each */
};

/* table.c: pools, look-up, port pairs. */
int jn_table_open(struct jn_plane *p);
void jn_table_free(struct jn_plane *p);
struct jn_leg *jn_leg_find(struct jn_plane *p, uint64_t id);
struct jn_voice *jn_voice_find(struct jn_plane *p, uint64_t leg);
struct jn_room *jn_room_find(struct jn_plane *p, uint64_t id);
uint32_t jn_slot_take(struct jn_pool *pool);
void jn_slot_give(struct jn_pool *pool, uint32_t i);
/* A pair of that interface whose quarantine has passed, its two ports receiving; JN_NONE when there is none. family:
 * one of that family when the interface has such an address, NONE: any. */
uint32_t jn_pair_take(struct jn_plane *p, uint8_t interface, uint8_t family, uint64_t now_ns);
/* What SDP says of the pair's RTP port. */
struct jn_addr jn_pair_address(const struct jn_plane *p, uint32_t pair);
void jn_pair_give(struct jn_plane *p, uint32_t pair, uint64_t now_ns);

/* relay.c: the short way of a plain packet that goes straight on; false: it takes the long one, nothing was changed. */
bool jn_relay_take(struct jn_plane *p, struct jn_leg *l, struct jn_pkt *pk, uint64_t now_ns);
/* v goes straight, or its room's recording began or ended: which way its frames take. */
void jn_relay_aim(const struct jn_plane *p, struct jn_voice *v);
/* Brings near what packets of these legs will ask for. */
void jn_relay_near(struct jn_plane *p, const uint32_t leg[], unsigned n);

/* facts.c */
void jn_fact_send(struct jn_plane *p, const struct jn_fact *f);
void jn_facts_retry(struct jn_plane *p);

/* digits.c: a telephone event; a frame of a leg that has none of these; and whether it is one (PCMU, PCMA). */
void jn_digit_event(struct jn_plane *p, struct jn_leg *l, const struct jn_in *in);
void jn_digit_sound(struct jn_plane *p, struct jn_leg *l, const struct jn_in *in);
void jn_digit_listen(struct jn_plane *p, struct jn_leg *l, bool on);

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

/* leg.c: a leg's opening, remote description, closing. Each returns false when it refuses. */
bool jn_leg_open(struct jn_plane *p, const struct jn_order *o, uint64_t now_ns);
bool jn_leg_remote(struct jn_plane *p, struct jn_leg *l, const struct jn_order *o, uint64_t now_ns);
/* Its room hears what it speaks, once it is ready for that. */
void jn_leg_format(struct jn_plane *p, struct jn_leg *l, uint64_t now_ns);
void jn_leg_close(struct jn_plane *p, struct jn_leg *l, uint64_t token, uint64_t now_ns);
/* tell: the home of a room elsewhere hears of it. */
void jn_leg_leave(struct jn_plane *p, struct jn_leg *l, bool tell);
bool jn_leg_join(struct jn_plane *p, struct jn_leg *l, const struct jn_order *o, uint64_t now_ns);
void jn_leg_add_stats(struct jn_leg *l, const struct jn_link_stats *s);

/* pools.c: pieces of memory, NULL or false when none is left. */
int jn_pools_open(struct jn_plane *p);
void jn_pools_free(struct jn_plane *p);
void *jn_slab_take(struct jn_slab *s);
void jn_slab_give(struct jn_slab *s, const void *piece);
uint32_t jn_block_size(unsigned block);
/* A new jitter buffer for the voice's codec; what it counted is told when it is given back. */
bool jn_voice_take_jbuf(struct jn_plane *p, struct jn_voice *v);
void jn_voice_give_jbuf(struct jn_plane *p, struct jn_voice *v);
/* Its way to another rate than its own. */
struct jn_resample *jn_voice_rate(struct jn_plane *p, struct jn_voice *v, unsigned rate);
bool jn_members_add(struct jn_plane *p, struct jn_room *r, uint32_t voice);
void jn_members_del(struct jn_plane *p, struct jn_room *r, const struct jn_voice *v);
bool jn_packs_take(struct jn_plane *p, struct jn_leg *l);
void jn_packs_give(struct jn_plane *p, struct jn_leg *l);
struct jn_pack *jn_pack_of(const struct jn_plane *p, const struct jn_leg *l);

/* seat.c: who hears whom, and who has a seat. */
bool jn_seat_reaches(const struct jn_voice *from, const struct jn_voice *to);
/* The matrix or the members changed. */
void jn_seats_changed(struct jn_plane *p, struct jn_room *r);
/* v speaks: gives it a seat and a jitter buffer unless it has them; false: there is none for it now. */
bool jn_seat_take(struct jn_plane *p, struct jn_room *r, struct jn_voice *v, const struct jn_in *in);
/* What a frame that v is to say claims of its level; and what was decoded then, in each period. */
void jn_seat_claim(struct jn_voice *v, const struct jn_in *in);
void jn_seat_judge(struct jn_voice *v, uint8_t level);
/* Nobody hears it from the next period on; its seat is free after that one. */
void jn_seat_stand_up(struct jn_plane *p, struct jn_room *r, struct jn_voice *v);
/* At once, without a fade. */
void jn_seat_leave(struct jn_plane *p, struct jn_room *r, struct jn_voice *v);
/* After a period, or where there is none: whom nobody hears any more gives its seat back. */
void jn_seats_clear(struct jn_plane *p, struct jn_room *r);
/* Now and then: seats of those who sent nothing for long. */
void jn_seats_idle(struct jn_plane *p, struct jn_room *r, uint64_t now_ns);

/* level.c: how loud a frame's peak is, in -dBov, before it is decoded; and the same of samples. */
uint8_t jn_level_of(const struct jn_in *in);
uint8_t jn_level_of_peak(uint16_t peak);
/* Whether there is anything to hear in it. Of G.722 and Opus without a level: G.722 by its codes; Opus unless it is too
 * short to hold any. */
enum { JN_FAINT_DB = 60 };
bool jn_level_heard(const struct jn_in *in);
/* 4096 times the factor; at most 18 dB. */
uint16_t jn_level_gain(int16_t gain_db_q8);

/* room.c: members and phases. */
bool jn_room_open(struct jn_plane *p, const struct jn_order *o);
void jn_room_close(struct jn_plane *p, struct jn_room *r, uint64_t token, uint64_t now_ns);
/* NULL when it is full. l: the port half when it is here. */
struct jn_voice *jn_room_join(struct jn_plane *p, struct jn_room *r, const struct jn_order *o, struct jn_leg *l,
                              uint64_t now_ns);
void jn_room_leave(struct jn_plane *p, struct jn_voice *v, bool tell, uint64_t now_ns);
void jn_room_hear(struct jn_plane *p, struct jn_voice *v, uint8_t tracks, uint64_t now_ns);
void jn_room_speak(struct jn_plane *p, struct jn_voice *v, uint8_t tracks, uint64_t now_ns);
bool jn_room_gain(struct jn_plane *p, struct jn_voice *v, int16_t gain_db_q8, uint64_t now_ns);
/* The tracks that v hears, a supervisor's among them while there is one who speaks to it. */
uint8_t jn_room_hears(const struct jn_plane *p, const struct jn_room *r, const struct jn_voice *v);
struct jn_format {
    uint8_t codec, ptime_ms, mode;
    struct jn_codec_profile profile;
};
void jn_room_format(struct jn_plane *p, struct jn_voice *v, const struct jn_format *f, uint64_t now_ns);
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
/* Marks who is not told the mix, because somebody's frames go straight to it or come to their end (voice.fed);
 * true: there may be some. And forgets it again. */
bool jn_flow_fed(struct jn_plane *p, const struct jn_room *r);
void jn_flow_unfed(struct jn_plane *p, const struct jn_room *r);
/* In each period: what comes to its end is said, and after some calm periods the turn to relaying begins; with the last
 * turn r->relay is set. */
void jn_flow_tick(struct jn_plane *p, struct jn_room *r, uint64_t now_ns);

/* voice.c: frames into a room and out of it. */
struct jn_frame jn_frame_of(const struct jn_in *in);
/* The time line of what is mixed for v: its name and the timestamp of now_ns. */
static inline uint32_t jn_mix_tag(const struct jn_plane *p, const struct jn_voice *v)
{
    return 1u + p->c.index + ((uint32_t)v->epoch << 8);
}
static inline uint32_t jn_mix_ts(const struct jn_voice *v, uint64_t now_ns)
{
    return (uint32_t)(now_ns / 125000) * v->scale - v->spared;
}
void jn_voice_in(struct jn_plane *p, struct jn_voice *v, const struct jn_in *in, uint64_t now_ns);
void jn_voice_out(struct jn_plane *p, struct jn_voice *v, const struct jn_out *o, uint64_t now_ns);
/* Gives the port half what the jitter buffer counted since the last time. */
void jn_voice_tell(struct jn_plane *p, struct jn_voice *v);

/* encode.c: the mix that v hears in this period, a new one where nobody has heard it yet. */
struct jn_made *jn_made_for(struct jn_plane *p, const struct jn_room *r, struct jn_voice *v);
/* With a codec that has a state: v counts among those who hear c; then, for all mixes at once, which encoder each goes
 * on with, and the encoding; then v goes along. */
void jn_made_gather(struct jn_made *c, const struct jn_voice *v);
void jn_made_settle(struct jn_plane *p);
void jn_voice_follow_encoder(struct jn_plane *p, struct jn_voice *v, const struct jn_made *c);
void jn_voice_give_encoder(struct jn_plane *p, struct jn_voice *v);
struct jn_encoder *jn_encoder_new(struct jn_plane *p, const struct jn_made *c);
/* For one listener alone, or where there is no state; once. */
void jn_made_encode(struct jn_plane *p, struct jn_made *c);

/* ahead.c: brings near what the mixing of the packets' voices, and what the rooms after the one that ticks, will touch.
 */
enum { JN_AHEAD_STEPS = 4, JN_AHEAD_MEMBERS = 8, JN_AHEAD_PACKETS = 8 };
struct jn_ahead {
    uint32_t next, at[JN_AHEAD_STEPS];
};
/* Before the packet i of a burst of n, every JN_AHEAD_PACKETS of them. */
void jn_ahead_packets(const struct jn_plane *p, struct jn_pkt *const pk[], unsigned i, unsigned n);
void jn_ahead_begin(const struct jn_plane *p, struct jn_ahead *a, uint32_t first);
/* In a room of more than JN_AHEAD_MEMBERS: all that sounds; and who comes a few members after i, with its leg. */
void jn_ahead_seats(const struct jn_plane *p, const struct jn_room *r);
void jn_ahead_member(const struct jn_plane *p, const struct jn_room *r, unsigned i, bool leg);
/* Before each room's period. */
void jn_ahead_step(const struct jn_plane *p, struct jn_ahead *a);

/* tick.c: one 20 ms period of one mixing room, scheduled for ms. */
void jn_room_tick(struct jn_plane *p, struct jn_room *r, uint64_t ms);

/* play.c: prompts and music. */
bool jn_play_start(struct jn_plane *p, struct jn_room *r, struct jn_voice *v, const struct jn_order *o,
                   uint64_t now_ns);
void jn_play_stop(struct jn_plane *p, struct jn_room *r, struct jn_voice *v, uint64_t now_ns);
const struct jn_play *jn_play_of(const struct jn_room *r, const struct jn_voice *v);
bool jn_play_any(const struct jn_room *r);
/* What those are played who hear something else in this period (voice.fed) waits. */
void jn_play_advance(struct jn_plane *p, struct jn_room *r, uint64_t now_ns);

/* tape.c: the recording tap, see tape.h. */
/* What is old enough goes to the recorder. */
void jn_tape_tick(struct jn_plane *p, uint64_t now_ns);

static inline uint64_t jn_time_at(const struct jn_plane *p, uint64_t mono_ns)
{
    return p->c.time_us ? p->c.time_us(mono_ns) : mono_ns / 1000;
}

#endif
