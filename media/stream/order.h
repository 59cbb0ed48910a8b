/* Order: what the signalling thread may ask of a media worker, and the facts it hears back. Fixed size, by mailbox.
 * A leg is one party's RTP stream in both directions; a room is where legs meet (caller with prompts, caller with
 * agent, later a supervisor). Ids of legs and rooms are given by the signalling thread, unique for the life of the
 * process. */
#ifndef JN_MEDIA_ORDER_H
#define JN_MEDIA_ORDER_H

#include "engine/base/addr.h"
#include <stdbool.h>

enum { JN_SRTP_KEY_MAX = 46, JN_PLAY_MAX = 12, JN_WORKERS_MAX = 64 };

enum jn_codec_id {
    JN_CODEC_PCMU,
    JN_CODEC_PCMA,
    JN_CODEC_G722,
    JN_CODEC_OPUS,
    JN_CODEC_N
}; /* values are in recordings: they keep their meaning */
/* RFC 4568 6.2, 6188, 7714; NULL_SHA80 authenticates and does not encrypt. Keep values, they are in traces. */
enum jn_srtp_suite {
    JN_SUITE_NONE,
    JN_SUITE_AES128_SHA80,
    JN_SUITE_AES128_SHA32,
    JN_SUITE_AES192_SHA80,
    JN_SUITE_AES192_SHA32,
    JN_SUITE_AES256_SHA80,
    JN_SUITE_AES256_SHA32,
    JN_SUITE_GCM128,
    JN_SUITE_GCM256,
    JN_SUITE_NULL_SHA80,
    JN_SUITE_N
};
/* A leg's part in its room: a consulted or transferred-to party is OTHER. Whom SUPERVISOR's words reach is said by its
 * own JOIN and SPEAK alone and not by anybody's HEAR, so that no change of a call lets a caller hear a whisper. */
enum jn_track { JN_TRACK_CALLER, JN_TRACK_AGENT, JN_TRACK_OTHER, JN_TRACK_SUPERVISOR, JN_TRACK_N };
enum jn_leg_mode {
    JN_MODE_SENDRECV,
    JN_MODE_SENDONLY,
    JN_MODE_RECVONLY,
    JN_MODE_INACTIVE
}; /* seen from us: what we may do */

enum jn_order_kind {
    JN_ORDER_NONE,
    JN_ORDER_LEG_OPEN,   /* take a port pair; answered by LEG_OPENED or LEG_REFUSED */
    JN_ORDER_LEG_REMOTE, /* what the peer said in its SDP; again on re-INVITE. Changed SRTP keys start a new context */
    JN_ORDER_LEG_CLOSE,  /* RTCP BYE, port goes to quarantine; answered by LEG_CLOSED, always */
    JN_ORDER_ROOM_OPEN,  /* on the worker that will be the room's home */
    JN_ORDER_ROOM_JOIN,  /* leg joins room; sent to the leg's worker AND (when another) to the room's home, with both
                            named */
    JN_ORDER_ROOM_LEAVE, /* the same way */
    JN_ORDER_ROOM_CLOSE, /* ends playing and recording; legs in it are left alone in no room */
    JN_ORDER_HEAR,       /* matrix: member `leg` hears exactly the members in mask of tracks */
    JN_ORDER_PLAY, /* to one leg (leg != 0) or every member; replaces what plays to it; PLAY_DONE at the end unless
                      looped */
    JN_ORDER_STOP,
    JN_ORDER_RECORD, /* on, off, paused, masked */
    JN_ORDER_SPEAK,  /* matrix: member `leg` is heard by exactly the members in mask of tracks, if they hear it */
    JN_ORDER_MARK,   /* writes an event into the recording (held, resumed ...) */
    JN_ORDER_GAIN,   /* how loud member `leg` is to who hears it; changes over one period */
    JN_ORDER_N
};

/* Our own ICE name and password for one leg (RFC 8445 5.3), as text: 72 and 144 random bits. */
enum { JN_ICE_UFRAG = 12, JN_ICE_PWD = 24, JN_FINGERPRINT = 32, JN_SHARED_MORE = 3 };
struct jn_ice_own {
    char ufrag[JN_ICE_UFRAG + 1], pwd[JN_ICE_PWD + 1];
};
/* Of a leg whose keys come by DTLS (RFC 5763): who the peer must be. fingerprint: SHA-256 of its certificate. active:
 * we send the ClientHello. certificate: which one of ours was told to the peer. */
struct jn_leg_dtls {
    struct jn_ice_own own;
    uint8_t fingerprint[JN_FINGERPRINT];
    bool active;
    uint8_t certificate;
};

/* How to encode where the codec has a choice. bitrate: bits a second, 0 the codec's own. complexity: 0..10.
 * loss_percent: what the encoder shall expect. */
struct jn_codec_profile {
    uint32_t bitrate;
    uint8_t complexity, loss_percent;
    bool fec, dtx;
};

/* What a peer asks for by a=rtcp-xr (RFC 3611 5.1): round trips of who only listens; the VoIP metrics block. */
enum { JN_XR_WANTS_RTT = 1, JN_XR_WANTS_VOIP = 2 };

/* rtp_pt, dtmf_pt: 0..127, 255 none. ptime_ms 10..60. Keys: master key then salt, 30 bytes for the AES128 suites. */
struct jn_leg_remote {
    struct jn_addr rtp, rtcp;
    struct jn_addr via; /* where its signalling comes from; family NONE: not known */
    uint8_t codec, rtp_pt, dtmf_pt, cn_pt, ptime_ms, mode;
    struct jn_codec_profile profile; /* of what is sent to it */
    uint8_t suite;                   /* JN_SUITE_NONE: plain RTP */
    bool comfort;                    /* negotiated comfort noise: silence is told by a packet of it (G.711, G.722) */
    bool latch;  /* may learn the address from the first packets of a short window (plain RTP behind NAT), of the
                    signalled IP address or of via's */
    bool inband; /* has no telephone events: digits are listened for in its sound (G.711) */
    bool dtls;   /* a browser's leg: keys by handshake, the peer's address by ICE; suite, rtp and rtcp say nothing */
    uint8_t xr;  /* extended reports that it wants: JN_XR_WANTS_* */
    uint8_t level_id; /* header extension in which it says how loud it is (RFC 6464); 0: none */
    union {
        struct {
            uint8_t key_in[JN_SRTP_KEY_MAX], key_out[JN_SRTP_KEY_MAX];
        };
        struct jn_leg_dtls by; /* dtls */
    };
};

struct jn_order {
    uint8_t kind;
    uint8_t leg_worker, room_worker;
    uint64_t token, leg, room;
    union {
        struct {
            uint64_t cname;
            bool browser; /* on the port that browsers share, under that ICE name */
            struct jn_ice_own ice;
            uint8_t interface, family; /* where the peer is reached from; family JN_ADDR_*, NONE: any */
        } open;
        struct {
            uint8_t talkers; /* heard at once at most, the loudest; 0: JN_ROOM_TALKERS_MAX, which is also the most */
        } room_open;
        struct jn_leg_remote remote;
        struct {
            uint8_t track, unheard; /* unheard: bit for each track that does not hear it */
        } join;
        struct {
            uint8_t tracks;
        } hear; /* bit per jn_track; SPEAK too */
        struct {
            uint16_t sound[JN_PLAY_MAX];
            uint8_t n;
            bool loop;
        } play; /* sounds by index in the worker's jn_sounds */
        struct {
            uint64_t call, tenant;
            uint8_t on;
        } record; /* on: 0 off, 1 on, 2 paused, 3 masked. call: interaction id */
        struct {
            int16_t db_q8; /* 1/256 dB, 18 dB at most; 0: as it came */
        } gain;
        struct {
            uint8_t event;
            uint64_t arg;
        } mark; /* event: enum jn_rec_event */
    };
};

/* What is wrong with a leg's media. */
enum jn_trouble {
    JN_TROUBLE_NO_MEDIA, /* nothing comes from it though it may send */
    JN_TROUBLE_UNHEARD,  /* its reports say that nothing of ours reaches it */
    JN_TROUBLE_SILENCE,  /* packets come, with nothing to hear in them */
    JN_TROUBLE_N
};
#define JN_TROUBLE_NAMES                                                                                               \
    {                                                                                                                  \
        "no_media", "unheard", "silence"                                                                               \
    }

/* What was seen of a leg, for the call's record. Sent with LEG_CLOSED, and now and then before with LEG_QUALITY; all
 * counts since it opened. Directions: what we hear of the peer is judged by what came, what the peer hears of us
 * (remote_*) by what it reports. */
struct jn_leg_stats {
    uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
    uint64_t lost, late, duplicate, concealed, dropped_source, dropped_auth, dropped_replay;
    uint32_t jitter_us, rtt_us;         /* interarrival jitter (RFC 3550 A.8), last round trip from RTCP (0 unknown) */
    uint32_t remote_lost;               /* what the peer reported of us */
    uint16_t mos_x100, remote_mos_x100; /* ITU-T G.107, 100..450; 0: nothing came, or the peer did not report */
    /* How the losses lie (RFC 3611 4.7.2): shares of 256 lost in bursts and between them, and how long those are. */
    uint16_t burst_ms, gap_ms;
    uint8_t burst_density, gap_density;
    uint8_t remote_discard;    /* of 256, by the peer's VoIP metrics */
    uint8_t remote_r;          /* R 0..100 as the peer works it out itself, 127 unknown */
    uint8_t trouble, troubles; /* bits by enum jn_trouble: now; ever */
};

enum jn_fact_kind {
    JN_FACT_NONE,
    JN_FACT_LEG_OPENED,  /* local: address to put into SDP */
    JN_FACT_LEG_REFUSED, /* no port left or table full */
    JN_FACT_LEG_CLOSED,  /* stats; the port is free again after its quarantine */
    JN_FACT_DIGIT,       /* RFC 4733 digit or tones in the sound, once for each press */
    JN_FACT_PLAY_DONE,
    JN_FACT_LEG_SILENT,  /* nothing received for the configured time */
    JN_FACT_LEG_LATCHED, /* the peer sends from another address than it signalled */
    JN_FACT_ROOM_CLOSED, /* frames: what went to the recorder */
    JN_FACT_REFUSED,     /* order for a leg or room that is not (any more) there: token says which */
    JN_FACT_LEG_KEYS,    /* a browser's leg: the handshake is over, keys says how */
    JN_FACT_LEG_QUALITY, /* stats so far, every few seconds; left out where the mailbox is half full */
    JN_FACT_LEG_TROUBLE, /* begins or ends; once each */
    JN_FACT_N
};
/* How a DTLS handshake ended. */
enum jn_keys {
    JN_KEYS_UP,
    JN_KEYS_FINGERPRINT, /* the peer's certificate is not the one that its description names */
    JN_KEYS_PROFILE,     /* no SRTP profile in common (RFC 5764 4.1.2) */
    JN_KEYS_HANDSHAKE,   /* it broke off, each time it was begun again */
    JN_KEYS_TIMEOUT,     /* the peer did not come, or not to the end */
    JN_KEYS_N
};
#define JN_KEYS_NAMES                                                                                                  \
    {                                                                                                                  \
        "up", "fingerprint", "profile", "handshake", "timeout"                                                         \
    }
struct jn_fact {
    uint8_t kind, worker;
    uint64_t token, leg, room;
    union {
        struct {
            struct jn_addr rtp, more[JN_SHARED_MORE]; /* more: of a browser's leg, its other addresses */
            uint8_t more_n;
        } opened;
        struct {
            char digit;
            uint16_t duration_ms;
        } digit;
        struct {
            struct jn_addr from;
        } latched;
        struct {
            uint64_t frames, lost;
        } closed_room;
        struct {
            uint8_t how, suite; /* enum jn_keys; enum jn_srtp_suite when it is up */
        } keys;
        struct {
            uint8_t what; /* enum jn_trouble */
            bool on;
        } trouble;
        struct jn_leg_stats stats;
    };
};

#endif
