/* Sip: the signalling side: dialogs, registrations, trunks, over sofia-sip. Everything here runs on the signalling
 * thread. News go to one sink; what a call means is engine/act's. Leg handles are numbers of ours, never reused in one
 * process. */
#ifndef JN_ENGINE_SIP_H
#define JN_ENGINE_SIP_H

#include "engine/base/err.h"
#include "engine/base/mailbox.h"
#include "router/directory/directory.h"

struct jn_sip;

/* SIP over TLS, version 1.2 and up. Files are PEM. */
struct jn_sip_tls {
    uint16_t port;         /* 0: none */
    char certificate[256]; /* with its chain behind it */
    char key[256];
    char ca[256];     /* authorities for servers that we connect to; empty: the system's */
    bool verify_peer; /* a server that we connect to must prove its name */
};
struct jn_sip_config {
    char host[JN_HOST_MAX];      /* literal address to listen on */
    uint16_t port;               /* UDP and TCP */
    char advertise[JN_HOST_MAX]; /* address to name in Contact; empty: host */
    uint32_t max_legs;
    uint32_t max_calls_per_s;     /* new INVITEs, 0: no bound; beyond it 503 with Retry-After */
    uint32_t max_registers_per_s; /* REGISTERs, 0: no bound; beyond it 503 with Retry-After */
    /* A source that fails so often (0: no bans) within the window is dropped without an answer for so long. */
    uint32_t ban_after, ban_window_s, ban_s;
    uint32_t t1x64_ms; /* SIP's 64*T1 (RFC 3261 17): 0 is 32000; tests shorten it */
    uint32_t
        session_expires_s;  /* session interval that we ask for, and the longest we take (RFC 4028); 0: none asked */
    uint32_t session_min_s; /* a shorter one is answered 422; 90 by the RFC */
    struct jn_sip_tls tls;
};
/* A new call from outside, before anything was answered. Texts are valid during the call only. */
struct jn_sip_invite {
    uint64_t leg;
    uint64_t tenant;   /* by trunk, or by the digest-authenticated phone's domain */
    uint64_t agent;    /* the phone's agent when it is one of ours, 0 otherwise */
    uint8_t srtp;      /* enum jn_srtp_mode of the trunk or phone */
    uint64_t replaces; /* the leg that a Replaces header names (RFC 3891), of the same tenant; 0: none. Whoever answers
                          this call hangs that leg up; whoever does not know what to do refuses with 603. */
    const char *from_user, *from_display, *to_user, *call_id, *sdp; /* sdp NULL: delayed offer */
    struct jn_addr source;
    uint64_t trunk;          /* jn_dir_trunk.id, 0: a phone of ours */
    const char *number;      /* to_user as E.164 by the trunk's rules, or as it came */
    const char *from_number; /* the caller likewise; "" when withheld (RFC 3323, 3325) */
    const char *asserted;    /* P-Asserted-Identity from a trusted trunk (RFC 3325), normalised; NULL none */
    const char *diversion;   /* who diverted the call to us (RFC 5806, 7044), for information; NULL none */
};
enum jn_sip_end { JN_SIP_END_BYE, JN_SIP_END_CANCEL, JN_SIP_END_REFUSED, JN_SIP_END_TIMEOUT, JN_SIP_END_ERROR };
/* A REFER in a dialog (RFC 3515): the party of the leg asks to be connected elsewhere. Texts are valid during the call
 * only. */
struct jn_sip_refer {
    const char *to_user, *to_host; /* of Refer-To, escapes undone */
    uint64_t replaces;             /* the leg that its Replaces names (attended transfer); 0: none */
    bool ours;                     /* the host is the tenant's domain or an address of ours */
};
/* A message as it was received or sent, retransmissions too, with secrets overwritten by 'x'. at_us: engine time.
 * transport: 0 UDP, 1 TCP, 2 TLS. local: where we listen. Texts are valid during the call only. */
enum { JN_SIP_SEEN_MAX = 65536 };
struct jn_sip_seen {
    uint64_t at_us;
    struct jn_addr local, peer;
    bool sent;
    uint8_t transport;
    uint16_t call_id_len;
    uint32_t len;
    const char *call_id, *text;
};
/* All on the signalling thread; may call back into jn_sip_*. */
struct jn_sip_sink {
    void (*invite)(void *arg, const struct jn_sip_invite *in);
    void (*ringing)(void *arg, uint64_t leg);                   /* our outgoing call: 180 or 183 */
    void (*early)(void *arg, uint64_t leg, const char *sdp);    /* our outgoing call: 18x with SDP, PRACKed inside */
    void (*answered)(void *arg, uint64_t leg, const char *sdp); /* our outgoing call: 2xx (ACK goes out by itself) */
    /* An incoming call or re-INVITE: ACK arrived. sdp: the peer's answer when our 2xx carried the offer, else NULL. */
    void (*confirmed)(void *arg, uint64_t leg, const char *sdp);
    void (*reinvite)(void *arg, uint64_t leg,
                     const char *sdp); /* sdp NULL: we offer; end it with jn_sip_answer or jn_sip_refuse */
    /* The answer to jn_sip_reinvite: 200 with SDP, or the status of the refusal (the session stays as it was); 491 is
     * tried again inside (RFC 3261 14.1). */
    void (*reinvited)(void *arg, uint64_t leg, int status, const char *sdp);
    /* Answered 202 already; end it with jn_sip_refer_result. NULL: every REFER is refused with 603. */
    void (*refer)(void *arg, uint64_t leg, const struct jn_sip_refer *r);
    void (*ended)(void *arg, uint64_t leg, enum jn_sip_end how,
                  int status); /* once for each leg, the last word of it */
    void (*phone)(void *arg, uint64_t agent, bool registered);
    void (*registration)(void *arg, uint64_t agent);      /* each REGISTER that changed or refreshed one; may be NULL */
    void (*mail)(void *arg);                              /* the waker passed to open was rung */
    void (*tick)(void *arg, uint64_t mono_ns);            /* about every 50 ms */
    void (*seen)(void *arg, const struct jn_sip_seen *m); /* every message of calls, both ways; NULL: not wanted */
    void *arg;
};
/* Counters, read by anybody at any time (relaxed). */
struct jn_sip_counts {
    _Atomic uint64_t invites, answered, refused, malformed, unauthorised, forbidden_source, bad_extension, throttled,
        registers, legs_open, phones, registered, registers_throttled, bans, banned, socket_drops;
    /* Offers that met (491), sessions refreshed by us and run out, REFERs taken and refused, 3xx followed. */
    _Atomic uint64_t glares, refreshes, expired, refers, refers_refused, redirects;
};

/* Makes the stack on the calling thread. waker's fd is watched; the sink's mail is called when it rings. Borrows dir
 * (takes its own reference). 0 or -errno with the reason (a taken port says so). */
int jn_sip_open(struct jn_sip **out, const struct jn_sip_config *c, struct jn_directory *dir, struct jn_waker *waker,
                const struct jn_sip_sink *sink, struct jn_err *err);
/* Serves until jn_sip_stop. */
void jn_sip_run(struct jn_sip *s);
/* From a callback only: run returns soon. */
void jn_sip_stop(struct jn_sip *s);
void jn_sip_close(struct jn_sip *s);
void jn_sip_directory(struct jn_sip *s, struct jn_directory *dir);
const struct jn_sip_counts *jn_sip_counts(const struct jn_sip *s);
/* Reads the files of sip.tls again: connections made from now on use them. A bad file changes nothing. Signalling
 * thread. */
int jn_sip_tls_reload(struct jn_sip *s, struct jn_err *err);
/* on: new INVITE and OPTIONS get 503. */
void jn_sip_drain(struct jn_sip *s, bool on);

/* Incoming: 180, 2xx with SDP (also answers a re-INVITE), or a final refusal. Sip texts are copied. 0 or -ENOENT when
 * the leg is over. */
int jn_sip_ring(struct jn_sip *s, uint64_t leg);
int jn_sip_answer(struct jn_sip *s, uint64_t leg, const char *sdp);
int jn_sip_refuse(struct jn_sip *s, uint64_t leg, int status);
/* Incoming, not answered yet: 183 with SDP, sent reliably when the caller can (RFC 3262); the same SDP stands in the
 * answer. 0 or -ENOENT. */
int jn_sip_progress(struct jn_sip *s, uint64_t leg, const char *sdp);
/* An offer of ours inside the dialog: re-INVITE, or UPDATE while our own call is early and the phone allows it
 * (RFC 3311). `reinvited` follows. 0; -ENOENT: over or not there yet; -EBUSY: an offer is on its way already. */
int jn_sip_reinvite(struct jn_sip *s, uint64_t leg, const char *sdp);
/* What became of the REFER: NOTIFY with a sipfrag (RFC 3515 2.4.5). Below 200: progress; otherwise the last word. 0 or
 * -ENOENT: nobody asked. */
int jn_sip_refer_result(struct jn_sip *s, uint64_t leg, int status);
struct jn_sip_agent_call {
    uint64_t agent;
    const char *from_display, *from_user, *sdp;
    bool auto_answer; /* asks the phone to take it without ringing: Call-Info answer-after=0 and Alert-Info */
    const char *info; /* shown on the phone before the caller's name: client and queue; NULL: none */
};
/* Outgoing call to the agent's registered phone. Gives a new handle, 0 or -errno: -ENOTCONN not registered, -EMFILE no
 * leg left. Copies all. */
int jn_sip_call_agent(struct jn_sip *s, uint64_t *leg, const struct jn_sip_agent_call *c);
/* An outgoing call through a trunk. */
struct jn_sip_trunk_call {
    uint64_t tenant, trunk; /* trunk 0: by the tenant's routes, next trunk by answer, caps and probes */
    const char *to;         /* "+49..." or as dialled */
    const char *from;       /* caller id as E.164; NULL or "": the trunk's caller_id, else anonymous */
    const char *display;    /* shown name, NULL none */
    const char *asserted;   /* P-Asserted-Identity for trunks that are given one, NULL: from */
    const char *sdp;        /* our offer, with the SRTP mode of jn_sip_trunk_srtp */
};
/* Gives a new handle; ringing, answered, ended come as for any outgoing leg (one `ended`, when the last trunk refused).
 * -ENOENT no route (or no such trunk), -EBUSY every trunk at its cap or down, -EINVAL no number, -EMFILE no leg left,
 * -ENOMEM. */
int jn_sip_call_trunk(struct jn_sip *s, uint64_t *leg, const struct jn_sip_trunk_call *c);
/* What the offer of such a call must be: enum jn_srtp_mode, or -errno as above. */
int jn_sip_trunk_srtp(const struct jn_sip *s, uint64_t tenant, uint64_t trunk, const char *to);
/* What is known of a trunk, for status and metrics; read by anybody at any time. Names are written once. */
enum { JN_SIP_TRUNKS_MAX = 1024 };
enum jn_sip_reg_state { JN_SIP_REG_OFF, JN_SIP_REG_TRYING, JN_SIP_REG_ON, JN_SIP_REG_FAILED };
struct jn_sip_trunk_status {
    uint64_t id, tenant;
    char name[JN_NAME_MAX], tenant_name[JN_NAME_MAX];
    _Atomic uint32_t there;      /* 0: no more in the directory */
    _Atomic uint32_t up, down;   /* targets */
    _Atomic uint32_t registered; /* enum jn_sip_reg_state */
    _Atomic uint32_t last;       /* last answer to a REGISTER or, of a failed call, to its INVITE */
    _Atomic uint32_t channels;
    _Atomic uint64_t calls_in, calls_out, failed, capped, next; /* next: calls that went on to another way */
};
/* The i-th since start, NULL beyond the last. */
const struct jn_sip_trunk_status *jn_sip_trunk_status(const struct jn_sip *s, unsigned i);
/* Sources that are dropped without an answer; copied out, at most max, the newest first; how many. Any thread. */
struct jn_sip_ban {
    struct jn_addr source; /* port 0 */
    uint64_t until_ns;     /* monotonic */
    uint32_t failures;
    bool proven; /* it was no forged address */
};
unsigned jn_sip_bans_list(const struct jn_sip *s, struct jn_sip_ban *out, unsigned max);
/* Ends in whatever state: CANCEL, BYE or refusal; `ended` follows. */
void jn_sip_hangup(struct jn_sip *s, uint64_t leg);
/* A phone's registration, so that it outlives the process. until_us: engine time at which it ends. Plain data, fixed
 * size. */
struct jn_sip_registration {
    uint64_t agent, until_us;
    uint32_t cseq;
    char contact[256], next[96], call_id[160], realm[JN_HOST_MAX];
};
/* 0 or -ENOENT (not registered, or over TCP: that connection ends with the process). */
int jn_sip_registration(const struct jn_sip *s, uint64_t agent, struct jn_sip_registration *out);
/* Of an earlier run, before jn_sip_run. 0; -ENOENT: over, or no phone of ours any more; -ENOMEM. */
int jn_sip_register_again(struct jn_sip *s, const struct jn_sip_registration *r);
bool jn_sip_phone_registered(const struct jn_sip *s, uint64_t agent);
/* Where its registration came from. False: it has none, or from a name and no address. */
bool jn_sip_phone_address(const struct jn_sip *s, uint64_t agent, struct jn_addr *out);

/* What must be known of a confirmed dialog to end it after a crash: enough for a BYE. Fixed size so that it can be
 * stored. */
struct jn_sip_dialog {
    uint64_t leg, ix;
    char call_id[160], local[192], remote[192], target[192],
        route[256]; /* local, remote: URI with tag, as in From and To of our requests. route: as in Route, or "!" and
                       the hop to a peer that is not where its Contact says (NAT) */
    uint32_t cseq;
    uint8_t tcp; /* 0 UDP, 1 TCP, 2 TLS */
};
/* The Call-ID of a leg, also before it was answered. 0 or -ENOENT. */
int jn_sip_call_id(const struct jn_sip *s, uint64_t leg, char *out, size_t size);
/* 0 or -ENOENT. */
int jn_sip_dialog(const struct jn_sip *s, uint64_t leg, struct jn_sip_dialog *out);
/* Sends a BYE in a dialog of an earlier run; no answer is waited for beyond SIP's own timers. */
int jn_sip_bye_old(struct jn_sip *s, const struct jn_sip_dialog *d);

#endif
