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
#include <sofia-sip/sip_extra.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/su_tagarg.h>
#include <sofia-sip/su_wait.h>
#include <sofia-sip/tport.h>
#include <sofia-sip/tport_tag.h>

struct jn_sip_old;

enum {
    JN_SIP_BODY_MAX = 16384,   /* a longer body is answered 413 */
    JN_SIP_GUARD_MS = 8000,    /* beyond 64*T1: then a leg that the stack has forgotten is ended by us */
    JN_SIP_NONCE_S = 120,      /* a nonce older than that is stale */
    JN_SIP_EXPIRES_MIN = 5,    /* shorter registrations get 423 */
    JN_SIP_EXPIRES_MAX = 7200, /* longer ones are cut */
    JN_SIP_URI_MAX = 256,
    TLS_CONTEXTS = 4
};
#define JN_SIP_ALLOW     "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, PRACK, UPDATE, REFER"
#define JN_SIP_SUPPORTED "100rel, timer, replaces, norefersub"

/* What carries a dialog; kept in jn_sip_dialog.tcp. */
enum transport { OVER_UDP, OVER_TCP, OVER_TLS };
/* Timers of a leg, as jn_timer.kind. */
enum leg_timer { TIMER_GUARD, TIMER_AGAIN, TIMER_SESSION, LEG_TIMERS };

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

/* A call of ours that may have to be sent again elsewhere (redirect.c). */
struct jn_sip_out {
    char from[512], to[256], next[96];
    bool auto_answer;
    uint8_t hops; /* redirections followed */
};

/* One dialog. local, remote: URI with tag as From and To of our requests would have them. */
struct jn_sip_leg {
    uint64_t id, tenant, agent; /* agent: whose phone it is, 0: none of ours */
    nua_handle_t *nh;
    uint8_t state, how;
    bool hangup;    /* end it as soon as SIP allows */
    bool reinvite;  /* an offer of theirs, re-INVITE or UPDATE, waits for our answer */
    bool by_update; /* and it is an UPDATE: ask holds it */
    bool offered;   /* our last 2xx carried an offer: the ACK brings the answer */
    bool delayed;   /* the INVITE that waits had no offer */
    bool rang;
    bool outgoing;     /* we began the dialog: the Call-ID is ours */
    bool can_update;   /* the peer allows UPDATE */
    bool early;        /* an early dialog is there, in which an UPDATE may go either way */
    bool ours;         /* an offer or a refresh of ours inside the dialog waits for its answer */
    bool refresh;      /* and it only refreshes the session: nobody is told */
    bool sips;         /* the peer asked for sips: our Contact says it too (RFC 3261 12.1.1) */
    bool again;        /* and it met the peer's (491): it is sent again when its timer is due */
    bool peer_timer;   /* the peer knows session timers */
    bool session_ours; /* who refreshes: we */
    bool referred;     /* a REFER of the peer waits for its last word */
    bool refer_quiet;  /* and no NOTIFY is wanted (RFC 4488) */
    uint8_t tries;     /* of an offer that meets 491 */
    uint32_t refer_id; /* CSeq of the REFER when it stands in Event, 0: not */
    int status;
    uint32_t index, session_s; /* session_s: agreed session interval, 0: none */
    uint64_t session_until_ns; /* when the session is over without a refresh */
    uint64_t peer_sdp;         /* hash of the peer's newest session description, 0: none */
    char *sdp;                 /* our newest that is in force or sent */
    char *offer;               /* the offer of ours that waits */
    struct jn_sip_out *out;
    uint64_t trunk;                 /* whose channel it holds, 0 none */
    struct jn_sip_attempt *attempt; /* our call through a trunk, until it is answered */
    nua_saved_event_t ask[1];
    struct jn_timer timer[LEG_TIMERS];
    char call_id[160]; /* theirs, or ours for every INVITE of the leg */
    struct jn_sip_dialog dialog;
};

/* So many a second: fills with time, one is taken for each. */
struct jn_sip_bucket {
    uint64_t ns;
    uint32_t level;
};

/* One agent's phone. contact: where it says it is; next: where its REGISTER came from, with transport; address: the
 * same, counted. A second contact of the same user waits in other and takes over when the first leaves. */
struct phone {
    uint64_t agent, tenant;
    uint64_t expires_ns;
    uint64_t nonce_ns; /* newest nonce that it used, and the last count with it */
    uint64_t address;
    uint32_t nonce_count, cseq;
    bool registered;
    char contact[JN_SIP_URI_MAX], next[96], call_id[160], realm[JN_HOST_MAX];
    struct jn_timer expiry;
    struct binding *other; /* NULL: none */
};
struct binding {
    uint64_t expires_ns, address;
    uint32_t cseq;
    char contact[JN_SIP_URI_MAX], next[96], call_id[160];
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
    struct jn_heap timers; /* of legs: enum leg_timer */
    struct phone **phones; /* each stays where it is */
    uint32_t n_phones, cap_phones;
    struct jn_map by_agent, by_address;     /* by_address: how many phones are registered from there */
    struct jn_heap expiries;                /* of registrations */
    struct jn_sip_bucket registers, proofs; /* throttle of REGISTERs without credentials, and with */
    struct jn_sip_bucket calls;             /* throttle of new INVITEs */
    uint64_t log_ns;                        /* last warning of a bad credential */
    uint32_t log_skipped;
    struct jn_sip_trunks *trunks;
    struct jn_sip_bans *bans;
    uint64_t second_ns;             /* the last time that bans were looked through */
    bool proven;                    /* of the last credentials: the sender has a nonce that we sent to this address */
    struct jn_sip_capture *capture; /* NULL: nobody wants to see messages */
    uint8_t secret[32];
    struct jn_sip_old *olds; /* BYEs of dialog.c that wait for their answer */
    unsigned n_olds;
    void *tls_ctx[TLS_CONTEXTS]; /* tls.c: the stack's SSL_CTXs */
    unsigned n_tls_ctx;
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
/* Frees a leg of which nobody has heard. */
void jn_sip_leg_drop(struct jn_sip *s, struct jn_sip_leg *l);
/* The last word of a leg: frees it, then tells the sink. */
void jn_sip_leg_end(struct jn_sip *s, struct jn_sip_leg *l);
/* Timers of legs that are due. */
void jn_sip_legs_tick(struct jn_sip *s, uint64_t now_ns);
void jn_sip_leg_arm(struct jn_sip *s, struct jn_sip_leg *l, enum leg_timer which, uint64_t after_ms);
void jn_sip_leg_disarm(struct jn_sip *s, struct jn_sip_leg *l, enum leg_timer which);
/* BYE, and `ended` follows. reason: a Reason header's value (RFC 3326) or NULL. */
void jn_sip_leg_bye(struct jn_sip *s, struct jn_sip_leg *l, enum jn_sip_end how, const char *reason);
void jn_sip_leg_event(struct jn_sip *s, struct jn_sip_leg *l, nua_event_t event, int status, const sip_t *sip,
                      tagi_t *tags);
/* The body as text in s->body, NULL when there is none; *status: 0, or 415 or 413 for one that we cannot take. */
const char *jn_sip_body(struct jn_sip *s, const sip_t *sip, int *status);

/* invite.c */
void jn_sip_invite_event(struct jn_sip *s, nua_handle_t *nh, const sip_t *sip);

/* update.c */
/* Their re-INVITE or UPDATE in a dialog. */
void jn_sip_offer_event(struct jn_sip *s, struct jn_sip_leg *l, const sip_t *sip, bool update);
/* The answer to an offer or refresh of ours. False: none waits for one. */
bool jn_sip_ours_answered(struct jn_sip *s, struct jn_sip_leg *l, int status, const sip_t *sip, bool update);
void jn_sip_offer_again(struct jn_sip *s, struct jn_sip_leg *l);
/* 0 or -ENOMEM. sdp NULL: only the session is refreshed. */
int jn_sip_offer_send(struct jn_sip *s, struct jn_sip_leg *l, const char *sdp);
/* The description as it may go out: one that says something new has a version above the last one's (RFC 3264 8), the
 * same one has the same. Kept as l->sdp and given back; NULL: no memory. */
const char *jn_sip_sdp_out(struct jn_sip_leg *l, const char *sdp);
/* False when the peer described the very same before. */
bool jn_sip_sdp_new(struct jn_sip_leg *l, const char *sdp);

/* timer.c: session timers (RFC 4028). */
bool jn_sip_timer_spoilt(const sip_t *sip); /* its headers about them are malformed */
/* Takes down what a request or 2xx of the peer says, and arms the timer. request: it is one. */
void jn_sip_session(struct jn_sip *s, struct jn_sip_leg *l, const sip_t *sip, bool request);
void jn_sip_session_begins(struct jn_sip *s, struct jn_sip_leg *l); /* an incoming call is confirmed */
void jn_sip_session_due(struct jn_sip *s, struct jn_sip_leg *l, uint64_t now_ns);
/* A refresh of ours failed: it is tried again before the session is over. */
void jn_sip_session_failed(struct jn_sip *s, struct jn_sip_leg *l);

/* refer.c */
/* Who is meant by a Refer-To (RFC 3515, 3891). Bounded copies, escapes undone. */
struct jn_sip_target {
    char user[128], host[JN_HOST_MAX];
    bool replaces;
    char call_id[160], to_tag[96], from_tag[96];
};
/* 0, or the status to refuse with. home: for the stack's own parsing. */
int jn_sip_refer_to(struct jn_sip_target *t, su_home_t *home, const url_t *u);
void jn_sip_refer_event(struct jn_sip *s, nua_handle_t *nh, struct jn_sip_leg *l, const sip_t *sip, tagi_t *tags);
/* True when the message has a header of that class that is malformed or one too many: the stack sets those aside. */
bool jn_sip_spoilt(const sip_t *sip, msg_hclass_t *hc);
/* The leg of that tenant that a Replaces header means; 0 and *status when there is none to be replaced. */
uint64_t jn_sip_replaced(struct jn_sip *s, uint64_t tenant, const sip_replaces_t *r, int *status);

/* redirect.c */
/* A 3xx of an agent's phone. True: the call goes on elsewhere in the same leg. */
bool jn_sip_redirected(struct jn_sip *s, struct jn_sip_leg *l, const sip_t *sip);
/* Sends the INVITE of an outgoing leg to uri over l->out->next. 0 or -ENOMEM. */
int jn_sip_out_send(struct jn_sip *s, struct jn_sip_leg *l, const char *uri);

/* tls.c */
int jn_sip_tls_begin(struct jn_sip *s, struct jn_err *err);  /* before the stack is made */
int jn_sip_tls_finish(struct jn_sip *s, struct jn_err *err); /* after: its contexts get our files and rules */
/* A directory for the stack to look into; what it finds there is replaced. */
const char *jn_sip_tls_dir(void);

/* registrar.c */
void jn_sip_register_event(struct jn_sip *s, nua_handle_t *nh, const sip_t *sip);
struct phone *jn_sip_phone(const struct jn_sip *s, uint64_t agent);
struct phone *jn_sip_phone_make(struct jn_sip *s, const struct jn_dir_agent *a);
void jn_sip_phones_expire(struct jn_sip *s, uint64_t now_ns);
void jn_sip_phones_follow(struct jn_sip *s); /* the directory changed: who is gone is unregistered */
void jn_sip_phones_free(struct jn_sip *s);
/* A phone of ours is registered from that address. */
bool jn_sip_phone_at(const struct jn_sip *s, const struct jn_addr *a);

/* auth.c */
enum auth { AUTH_OK, AUTH_MISSING, AUTH_STALE, AUTH_WRONG };
/* Checks the request's credentials (RFC 2617, MD5, qop=auth) for realm. who: the agent that they prove. An unknown user
 * costs the same work and gives the same answer as a wrong password. A nonce is good from the address alone that it was
 * sent to; s->proven says that it was. */
enum auth jn_sip_auth(struct jn_sip *s, const sip_authorization_t *au, const char *method, const char *realm,
                      const struct jn_addr *source, const struct jn_dir_agent **who);
/* A challenge as header text for realm, for the sender at source. */
void jn_sip_challenge(struct jn_sip *s, char *out, size_t size, const char *realm, const struct jn_addr *source,
                      bool stale);
/* A realm that may stand in a quoted string. */
bool jn_sip_realm_ok(const char *realm);
/* At most one line a second: who was refused, never with what. */
void jn_sip_log_refused(struct jn_sip *s, const char *what, const char *user, const struct jn_addr *from);

/* trunk.c: where a request came from. */
bool jn_sip_source(struct jn_sip *s, struct jn_addr *out);
bool jn_sip_addr(struct jn_addr *out, const struct sockaddr *sa);
/* The request that is looked at came over a connection: its source is no forgery. */
bool jn_sip_connected(struct jn_sip *s);
enum transport jn_sip_transport(const sip_t *sip);
/* "sip:1.2.3.4:5060;transport=udp" */
void jn_sip_next_hop(char *out, size_t size, const struct jn_addr *a, enum transport over);
/* True when the peer's Contact is not where its packets come from, so that requests must go to the source instead. */
bool jn_sip_behind_nat(const sip_t *sip, const struct jn_addr *source);
bool jn_sip_throttled(struct jn_sip *s, uint64_t now_ns);
/* Takes one of rate a second (0: no bound); false when there is none left. At most a second's worth gathers. */
bool jn_sip_bucket_take(struct jn_sip_bucket *b, uint32_t rate, uint64_t now_ns);

/* trunk_state.c */
struct trunk;
int jn_sip_trunks_init(struct jn_sip *s);
void jn_sip_trunks_stop(struct jn_sip *s); /* before the stack is shut down: nothing is asked any more */
void jn_sip_trunks_free(struct jn_sip *s); /* after the legs */
void jn_sip_trunks_follow(struct jn_sip *s);
void jn_sip_trunks_tick(struct jn_sip *s, uint64_t now_ns);
/* An event of a handle that is no leg's. */
void jn_sip_trunk_event(struct jn_sip *s, nua_handle_t *nh, nua_event_t e, int status, const sip_t *sip, tagi_t *tags);
/* A channel of trunk for leg; false when all are taken. Given back when the leg ends, by jn_sip_trunk_left. */
bool jn_sip_trunk_take(struct jn_sip *s, struct jn_sip_leg *l, const struct jn_dir_trunk *t);
void jn_sip_trunk_left(struct jn_sip *s, struct jn_sip_leg *l);
/* The leg's call came in through its trunk: counted. */
void jn_sip_trunk_came(struct jn_sip *s, const struct jn_sip_leg *l);
/* The trunk that a request comes from: by the user part that the carrier was given, or by address. */
const struct jn_dir_trunk *jn_sip_trunk_of(const struct jn_sip *s, const sip_t *sip, const struct jn_addr *source,
                                           bool *registered);

/* route.c: the answer to an INVITE that went out through a trunk. True when it was dealt with: the leg goes on. */
bool jn_sip_attempt_answered(struct jn_sip *s, struct jn_sip_leg *l, int status, const sip_t *sip);

/* identity.c: numbers and identities of a call that comes in through trunk t (NULL: a phone). */
struct jn_sip_identity {
    char to[128], number[JN_NUMBER_MAX], from_number[JN_NUMBER_MAX], asserted[JN_NUMBER_MAX], diversion[128];
};
void jn_sip_identify(struct jn_sip_identity *out, struct jn_sip_invite *in, const sip_t *sip,
                     const struct jn_dir_trunk *t, bool registered);
/* The user part of a URI, escapes undone; "" when there is none. */
void jn_sip_user(const url_t *u, char *out, size_t size);

/* dialog.c */
/* A URI as text that may stand between angle brackets; false, and empty, when it does not fit or holds what would end
 * them: the stack keeps line folds and blanks that a peer put there. */
bool jn_sip_uri(char *out, size_t size, const url_t *u);
/* Our Contact in the leg's dialog: the transport's own address; left to itself, the stack names its TLS port to all. */
const char *jn_sip_contact(const struct jn_sip *s, const struct jn_sip_leg *l, char out[JN_SIP_URI_MAX]);
void jn_sip_dialog_in(struct jn_sip_leg *l, const sip_t *ack);
void jn_sip_dialog_out(struct jn_sip_leg *l, const sip_t *ok);
void jn_sip_olds_free(struct jn_sip *s);

/* capture.c */
struct jn_sip_capture *jn_sip_capture_open(struct jn_sip *s); /* before the stack is made; NULL: not wanted */
void jn_sip_capture_close(struct jn_sip_capture *c);
/* The Call-ID for INVITEs of an outgoing leg, made at the first use: known before anything was answered. */
const char *jn_sip_call_id_out(struct jn_sip_leg *l);

/* clock.c: once, before the stack starts: it never spins for a timer. */
void jn_sip_clock(void);

/* hook.c: a message class that counts what the stack refuses by itself. */
msg_mclass_t *jn_sip_hook_make(struct jn_sip_counts *counts);

#endif
