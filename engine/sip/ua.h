/* Ua: what the files of engine/sip share: the agent's state, its legs and phones. Included by nobody else. */
#ifndef JN_ENGINE_SIP_UA_H
#define JN_ENGINE_SIP_UA_H

#include "engine/base/clock.h"
#include "engine/base/heap.h"
#include "engine/base/log.h"
#include "engine/base/map.h"
#include "engine/base/str.h"
#include "engine/sip/sip.h"

#define NUA_MAGIC_T          struct jn_sip
#define NUA_HMAGIC_T         struct jn_sip_leg
#define SU_ROOT_MAGIC_T      struct jn_sip
#define SU_TIMER_ARG_T       struct jn_sip
#define SU_WAKEUP_ARG_T      struct jn_sip
#define NTA_AGENT_MAGIC_T    struct jn_sip
#define NTA_LEG_MAGIC_T      struct jn_sip
#define NTA_OUTGOING_MAGIC_T struct jn_sip_old
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_mclass.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/nta_tag.h>
#include <sofia-sip/nua.h>
#include <sofia-sip/nua_tag.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/su_wait.h>
#include <sofia-sip/tport_tag.h>

struct jn_sip_old;

enum {
    JN_SIP_BODY_MAX = 16384,   /* a longer body is answered 413 */
    JN_SIP_GUARD_MS = 8000,    /* beyond 64*T1: then a leg that the stack has forgotten is ended by us */
    JN_SIP_NONCE_S = 120,      /* a nonce older than that is stale */
    JN_SIP_EXPIRES_MIN = 5,    /* shorter registrations get 423 */
    JN_SIP_EXPIRES_MAX = 7200, /* longer ones are cut */
    JN_SIP_URI_MAX = 256
};
#define JN_SIP_ALLOW "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER"

enum leg_state {
    LEG_FREE,
    LEG_IN,         /* INVITE taken, nothing final sent */
    LEG_IN_OK,      /* 2xx sent, its ACK not seen */
    LEG_OUT,        /* our INVITE is out */
    LEG_OUT_CANCEL, /* and cancelled */
    LEG_UP,
    LEG_ENDING, /* BYE or a refusal is under way */
    LEG_STATE_N
};

/* One dialog. local, remote: URI with tag as From and To of our requests would have them. */
struct jn_sip_leg {
    uint64_t id;
    nua_handle_t *nh;
    uint8_t state, how;
    bool hangup;   /* end it as soon as SIP allows */
    bool reinvite; /* theirs waits for our answer */
    bool offered;  /* our last 2xx carried an offer: the ACK brings the answer */
    bool delayed;  /* the INVITE that waits had no offer */
    bool rang;
    bool ours;     /* an offer of ours inside the dialog waits for its answer */
    bool referred; /* a REFER of the peer waits for its last NOTIFY */
    int status;
    uint32_t index;
    struct jn_timer guard;
    struct jn_sip_dialog dialog;
};

/* One agent's phone. contact: where it says it is; next: where its REGISTER came from, with transport. */
struct phone {
    uint64_t agent, tenant;
    uint64_t expires_ns;
    uint64_t nonce_ns; /* newest nonce that it used, and the last count with it */
    uint32_t nonce_count, cseq;
    bool registered;
    char contact[JN_SIP_URI_MAX], next[96], call_id[160], realm[JN_HOST_MAX];
};

struct jn_sip {
    struct jn_sip_config c;
    struct jn_sip_sink sink;
    struct jn_directory *dir;
    struct jn_waker *waker;
    su_root_t *root;
    nua_t *nua;
    nta_agent_t *old; /* sends BYEs of dialogs that an earlier process had */
    msg_mclass_t *mclass;
    su_timer_t *timer;
    su_wait_t wait;
    int wait_index;
    bool stop, drain, down;
    struct jn_sip_leg *legs;
    uint32_t *free_legs, n_free;
    struct jn_map by_id; /* leg id to index */
    uint64_t next_id;
    struct jn_heap guards;
    struct phone *phones;
    uint32_t n_phones, cap_phones;
    struct jn_map by_agent;
    uint64_t bucket_ns, log_ns; /* throttle: time up to which places were filled; last warning of a bad credential */
    uint32_t bucket, log_skipped;
    uint8_t secret[32];
    struct jn_sip_old *olds; /* BYEs of dialog.c that wait for their answer */
    unsigned n_olds;
    struct jn_sip_counts counts;
    char body[JN_SIP_BODY_MAX + 1];
};

static inline void count(_Atomic uint64_t *c)
{
    atomic_fetch_add_explicit(c, 1, memory_order_relaxed);
}

/* leg.c */
int jn_sip_legs_init(struct jn_sip *s);
void jn_sip_legs_free(struct jn_sip *s);
struct jn_sip_leg *jn_sip_leg_new(struct jn_sip *s, nua_handle_t *nh, enum leg_state state);
struct jn_sip_leg *jn_sip_leg_get(const struct jn_sip *s, uint64_t id);
/* The last word of a leg: frees it, then tells the sink. */
void jn_sip_leg_end(struct jn_sip *s, struct jn_sip_leg *l);
/* Ends what should have been ended long ago. */
void jn_sip_legs_tick(struct jn_sip *s, uint64_t now_ns);
void jn_sip_leg_event(struct jn_sip *s, struct jn_sip_leg *l, nua_event_t event, int status, const sip_t *sip,
                      tagi_t *tags);
/* The body as text in s->body, NULL when there is none; *status: 0, or 415 or 413 for one that we cannot take. */
const char *jn_sip_body(struct jn_sip *s, const sip_t *sip, int *status);

/* invite.c */
void jn_sip_invite_event(struct jn_sip *s, nua_handle_t *nh, const sip_t *sip);

/* registrar.c */
void jn_sip_register_event(struct jn_sip *s, nua_handle_t *nh, const sip_t *sip);
struct phone *jn_sip_phone(const struct jn_sip *s, uint64_t agent);
struct phone *jn_sip_phone_make(struct jn_sip *s, const struct jn_dir_agent *a);
void jn_sip_phones_expire(struct jn_sip *s, uint64_t now_ns);
void jn_sip_phones_follow(struct jn_sip *s); /* the directory changed: who is gone is unregistered */

/* auth.c */
enum auth { AUTH_OK, AUTH_MISSING, AUTH_STALE, AUTH_WRONG };
/* Checks the request's credentials (RFC 2617, MD5, qop=auth) for realm. who: the agent that they prove. An unknown user
 * costs the same work and gives the same answer as a wrong password. */
enum auth jn_sip_auth(struct jn_sip *s, const sip_authorization_t *au, const char *method, const char *realm,
                      const struct jn_dir_agent **who);
/* A challenge as header text for realm. */
void jn_sip_challenge(struct jn_sip *s, char *out, size_t size, const char *realm, bool stale);
/* A realm that may stand in a quoted string. */
bool jn_sip_realm_ok(const char *realm);
/* At most one line a second: who was refused, never with what. */
void jn_sip_log_refused(struct jn_sip *s, const char *what, const char *user, const struct jn_addr *from);

/* trunk.c: where a request came from. */
bool jn_sip_source(struct jn_sip *s, struct jn_addr *out);
bool jn_sip_over_tcp(const sip_t *sip);
/* "sip:1.2.3.4:5060;transport=udp" */
void jn_sip_next_hop(char *out, size_t size, const struct jn_addr *a, bool tcp);
/* True when the peer's Contact is not where its packets come from, so that requests must go to the source instead. */
bool jn_sip_behind_nat(const sip_t *sip, const struct jn_addr *source);
bool jn_sip_throttled(struct jn_sip *s, uint64_t now_ns);

/* dialog.c */
/* A URI as text that may stand between angle brackets; false, and empty, when it does not fit or holds what would end
 * them: the stack keeps line folds and blanks that a peer put there. */
bool jn_sip_uri(char *out, size_t size, const url_t *u);
void jn_sip_dialog_in(struct jn_sip_leg *l, const sip_t *ack);
void jn_sip_dialog_out(struct jn_sip_leg *l, const sip_t *ok);
void jn_sip_olds_free(struct jn_sip *s);

/* hook.c: a message class that counts what the stack refuses by itself. */
msg_mclass_t *jn_sip_hook_make(struct jn_sip_counts *counts);

#endif
