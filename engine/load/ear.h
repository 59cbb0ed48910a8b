/* Ear: what arrives at a far end, measured. Two layers: the packets (loss, duplicates, jitter: RFC 3550; pauses between
 * them), and the sound in them, which carries time (voice.h): how long ago it was said, and what of it is missing,
 * whoever rewrote, mixed or transcoded the packets on the way. Packets are put into order as a phone would, within
 * JN_EAR_WAIT of them. */
#ifndef JN_LOAD_EAR_H
#define JN_LOAD_EAR_H

#include "engine/base/histo.h"
#include "engine/load/voice.h"
#include "media/rtp/rtp.h"

enum { JN_EAR_WAIT = 4, JN_EAR_PAYLOAD_MAX = 480, JN_EAR_NS_MAX = 2000000000 };

/* What all ears of one thread share. searches: how many long searches may still be made; whoever owns it allows
 * more as time goes by. */
struct jn_ear_room {
    const struct jn_voice *voice;
    int searches;
    struct jn_histo latency_us; /* of every frame heard */
};
struct jn_ear_packet {
    uint64_t ext, at_ns;
    uint32_t ts;
    uint16_t len;
    bool used;
    uint8_t payload[JN_EAR_PAYLOAD_MAX];
};
struct jn_ear_listener;
/* Samples are of 8 kHz throughout. heard, missing: of the other's sound since it was first heard. longest_gap: without
 * it, in samples. bent: heard, but stretched or shrunk by a jitter
 * buffer, of neither. late: packets that came after their turn. pause_ns: longest between two arrivals. echo: it is our
 * own voice that comes back. shifts: how often the sound's delay changed. */
struct jn_ear {
    struct jn_rtp_source source;
    uint64_t heard, missing, bent, longest_gap, late, shifts;
    uint64_t latency_ns, latency_n, latency_max_ns; /* sum and count */
    uint64_t first_ns, last_ns, pause_ns, sound_ns; /* first packet; last packet; longest pause; last sound heard */
    uint64_t joined_ns;                             /* when the voice was first heard, 0 not yet */
    bool echo;
    /* below: ear.c's own */
    bool locked, answers, moved;
    uint8_t codec, failed, tries;
    uint32_t anchor, base_ts, next_ts, run;
    uint64_t next_ext;
    struct jn_ear_listener *listener;
    struct jn_ear_packet wait[JN_EAR_WAIT];
};
/* answers: it is the ear of one who answers. 0, -ENOTSUP: a codec that is not there, -ENOMEM. */
int jn_ear_open(struct jn_ear *e, uint8_t codec, bool answers);
/* One RTP packet of that codec that arrived at at_ns, on the time line that the voices speak by. */
void jn_ear_take(struct jn_ear *e, struct jn_ear_room *room, const struct jn_rtp *h, const uint8_t *payload,
                 uint64_t at_ns);
/* Hears what still waits, and counts what is missing up to now_ns, 0: the other side has ended, nothing is missing. */
void jn_ear_end(struct jn_ear *e, struct jn_ear_room *room, uint64_t now_ns);
/* Shares in 1/1,000,000: of the sound where the voice was heard, else of the packets. */
uint32_t jn_ear_lost_ppm(const struct jn_ear *e);
/* MOS x 100 by the E-model (media/rtcp): that loss, and the mean delay with twice the jitter as a phone's buffer. */
unsigned jn_ear_mos_x100(const struct jn_ear *e);

#endif
