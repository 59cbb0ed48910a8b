/* Replay of media: the flows of a capture as legs of the real plane, two by two, by the capture's own clock. */
#ifndef JN_ENGINE_REPLAY_MEDIA_H
#define JN_ENGINE_REPLAY_MEDIA_H

#include "engine/app/flows.h"
#include "engine/app/replay_impair.h"
#include "engine/net/port_pcap.h"
#include "media/stream/plane.h"

/* key_in: of a captured SRTP flow (AES_CM_128_HMAC_SHA1_80), master key and salt. */
struct jn_replay_key {
    unsigned flow;
    uint8_t key[JN_SRTP_KEY_MAX];
};
/* seed: never 0. mix: as if a supervisor who says nothing listened. record: a folder, NULL none. flows, keys, bytes and
 * out are borrowed. impair: NULL: the network as it was captured. */
struct jn_replay_media {
    const struct jn_flows *flows;
    const void *bytes;
    size_t n;
    struct jn_buf *out;
    const char *record;
    uint64_t seed;
    bool mix;
    const struct jn_replay_key *keys;
    unsigned keys_n;
    const struct jn_impair_config *impair; /* borrowed; NULL: the network as it was captured */
};
/* One leg as it was closed. flow: whose packets it received, JN_FLOW_NONE: it only listened. */
struct jn_replay_leg {
    int flow;
    struct jn_addr peer;
    bool opened, closed;
    uint16_t local;
    struct jn_leg_stats stats;
};
struct jn_replay_call {
    uint64_t id; /* of its recording */
    uint64_t from_ns, to_ns;
    struct jn_replay_leg leg[2];
    bool open;
};
struct jn_replay_result {
    struct jn_replay_call *call;
    unsigned n;
    struct jn_plane_counts plane;
    struct jn_port_pcap_counts port;
    uint64_t steps, refused, digits, impair_refused;
    struct jn_impair_counts impair;
};
/* 0 or -errno with the reason. The result is freed by jn_replay_result_free in any case. */
int jn_replay_media(struct jn_replay_result *r, const struct jn_replay_media *m, struct jn_err *err);
void jn_replay_result_free(struct jn_replay_result *r);

#endif
