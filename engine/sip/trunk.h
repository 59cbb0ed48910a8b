/* Trunk: what the files about carriers share: what is known of each trunk while the engine runs, and the calls that
 * look for a way out. Included by engine/sip alone. */
#ifndef JN_ENGINE_SIP_TRUNK_H
#define JN_ENGINE_SIP_TRUNK_H

#include "engine/sip/ua.h"

enum {
    JN_TRUNK_SILENT_MS = 4000, /* an INVITE without even a 100 for so long: the next target is tried */
    JN_TRUNK_PROBE_MS = 4000,  /* an OPTIONS or REGISTER without an answer for so long has failed */
    JN_TRUNK_REDIRECTS = 3,    /* 3xx followed in one call */
    JN_TRUNK_TOKEN = 16        /* hex digits of the user part that carriers are given to call us at */
};

struct trunk_target {
    nua_handle_t *nh; /* of the OPTIONS under way */
    uint64_t next_ns;
    uint32_t failures;
    bool down;
};
struct trunk_register {
    nua_handle_t *nh;
    uint64_t next_ns, until_ns; /* the next REGISTER; the end of what the carrier granted */
    uint32_t failures, expires_s;
    uint8_t target;
    bool waits, tried; /* for an answer; with credentials */
    char token[JN_TRUNK_TOKEN + 1];
};
struct trunk {
    uint64_t id, shape; /* shape: of what it was set up by; 0 when it is no more in the directory */
    struct trunk_target target[JN_DIR_TARGETS];
    struct trunk_register reg;
    struct jn_sip_bucket bucket;
    struct jn_sip_trunk_status *status; /* read by anybody */
};
/* One call on its way out, until somebody answers. */
struct jn_sip_attempt {
    struct jn_sip_leg *leg;
    struct jn_sip_attempt *next, **at; /* all of them, for their time */
    struct {
        uint64_t trunk;
        uint8_t target;
    } way[JN_DIR_ROUTE_TRUNKS * JN_DIR_TARGETS];
    uint8_t ways, way_at, redirects;
    bool tried;      /* with credentials, on this way */
    bool progressed; /* something provisional came */
    uint64_t sent_ns;
    char to[JN_NUMBER_MAX], from[JN_NUMBER_MAX], asserted[JN_NUMBER_MAX], display[96];
    char *sdp;
};
struct jn_sip_trunks {
    struct trunk at[JN_SIP_TRUNKS_MAX];
    uint32_t n;
    struct jn_map by_id, by_handle; /* by_handle: of OPTIONS and REGISTER to index; of an abandoned INVITE to 0 */
    struct jn_sip_attempt *attempts;
    uint64_t random;
    _Atomic uint32_t statuses; /* how many of status may be read */
    struct jn_sip_trunk_status status[JN_SIP_TRUNKS_MAX];
};

/* trunk_state.c */
/* An INVITE without even a 100, an OPTIONS or REGISTER without an answer for so long has failed: an eighth of SIP's
 * 64*T1, four seconds. */
uint64_t jn_sip_silent_ns(const struct jn_sip *s);
struct trunk *jn_sip_trunk_get(const struct jn_sip *s, uint64_t id);
bool jn_sip_trunk_usable(const struct jn_sip *s, const struct jn_dir_trunk *t, unsigned target);
uint64_t jn_sip_key(const nua_handle_t *nh);
uint32_t jn_sip_random(struct jn_sip *s, uint32_t below);
/* "sip:192.0.2.1:5060;transport=udp", user may be NULL. */
void jn_sip_target_uri(char *out, size_t size, const char *user, const struct jn_dir_target *to);
/* Gives the stack the trunk's credentials for what challenged nh. False: it cannot be answered. */
bool jn_sip_authenticate(nua_handle_t *nh, const struct jn_dir_trunk *t, const sip_t *sip, int status);
/* The host that URIs of ours name: advertised or listened on, bracketed when needed. */
void jn_sip_our_host(const struct jn_sip *s, char *out, size_t size);

/* probe.c */
void jn_sip_probe_tick(struct jn_sip *s, struct trunk *k, const struct jn_dir_trunk *t, uint64_t now_ns);
void jn_sip_probe_answered(struct jn_sip *s, struct trunk *k, nua_handle_t *nh, int status, const sip_t *sip);
void jn_sip_probe_stop(struct jn_sip *s, struct trunk *k);

/* trunk_register.c */
void jn_sip_register_tick(struct jn_sip *s, struct trunk *k, const struct jn_dir_trunk *t, uint64_t now_ns);
void jn_sip_register_answered(struct jn_sip *s, struct trunk *k, int status, const sip_t *sip);
void jn_sip_register_stop(struct jn_sip *s, struct trunk *k);

void jn_sip_attempt_free(struct jn_sip_leg *l);
/* Gives back the channel that the leg holds, if any. */
void jn_sip_trunk_give(struct jn_sip *s, struct jn_sip_leg *l);

/* route.c */
void jn_sip_attempts_tick(struct jn_sip *s, uint64_t now_ns);

#endif
