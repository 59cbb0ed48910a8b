/* Directory: tenants, queues, agents, skills, rules and trunks as configured: names beside ids, what each thread needs
 * to know and the router does not. Immutable once built; engine/app builds it from YAML, threads share it by reference
 * count. */
#ifndef JN_ROUTER_DIRECTORY_H
#define JN_ROUTER_DIRECTORY_H

#include "engine/base/addr.h"
#include "engine/base/err.h"
#include "engine/base/map.h"
#include "router/core/event.h"
#include "router/flow/calendar.h"
#include "router/flow/flow.h"
#include <stdatomic.h>

enum { JN_HOST_MAX = 64, JN_SOUND_MAX = 64, JN_SECRET_MAX = 160, JN_NUMBER_MAX = 32, JN_DIR_CIDRS = 8 };
enum { JN_DIR_PREFIX_MAX = 128, JN_DIR_CALL_OUT = 16 };
enum { JN_DIR_TARGETS = 4, JN_DIR_NEXT_ON = 8, JN_DIR_ROUTE_TRUNKS = 8 };

enum jn_role { JN_ROLE_NONE, JN_ROLE_AGENT, JN_ROLE_SUPERVISOR, JN_ROLE_ADMIN, JN_ROLE_N };
/* What a leg's media must be. */
/* DTLS: a browser, or who speaks like one: keys by DTLS, addresses by ICE (RFC 8827). */
enum jn_srtp_mode { JN_SRTP_OFF, JN_SRTP_OPTIONAL, JN_SRTP_REQUIRED, JN_SRTP_DTLS };

struct jn_dir_tenant {
    uint64_t id;
    char name[JN_NAME_MAX], domain[JN_HOST_MAX]; /* SIP domain and digest realm */
    uint32_t weight;
    uint32_t keep_recordings_s;    /* deleted that long after their end; 0: as the machine's configuration says */
    struct jn_say announce;        /* an agent hears it before one of its callers: the client's name */
    char caller_id[JN_NUMBER_MAX]; /* shown to numbers that its agents call, where the queue has none */
    char call_out[JN_DIR_CALL_OUT]
                 [JN_NUMBER_MAX]; /* only numbers that begin so may be called; none: no number at all */
    uint8_t call_outs;
};
struct jn_dir_queue {
    struct jn_ev_queue set; /* what the router is told; set.id */
    uint64_t tenant;
    char name[JN_NAME_MAX];
    char number[JN_NUMBER_MAX]; /* user part that callers dial; empty: not reachable by phone */
    char greeting[JN_SOUND_MAX], music[JN_SOUND_MAX], no_agent[JN_SOUND_MAX]; /* sounds by name; empty: none */
    bool record, say_position;
    struct jn_say announce;        /* the agent hears it, after the tenant's, before the caller */
    char caller_id[JN_NUMBER_MAX]; /* shown to numbers called in the queue's name; empty: the tenant's */
};
/* How an agent's phone takes calls. */
enum jn_answer {
    JN_ANSWER_PHONE, /* it rings */
    JN_ANSWER_AUTO,  /* it is asked to take them by itself */
    JN_ANSWER_NAILED /* it is called once, when the agent becomes ready, and stays on the line */
};
enum jn_accept { JN_ACCEPT_AUTO, JN_ACCEPT_DESK }; /* on a nailed-up line: at once, or when the desk accepts */
struct jn_dir_agent {
    struct jn_ev_agent set; /* set.id */
    uint64_t tenant;
    char name[JN_NAME_MAX]; /* login name, unique in the tenant */
    char display[JN_NAME_MAX];
    char password[JN_SECRET_MAX]; /* hash for the API (format of engine/api/auth), empty: no API login */
    char sip_user[JN_NAME_MAX];   /* the phone's user part; empty: no phone */
    char sip_ha1[33];             /* MD5(user:realm:secret) in hex, for digest (RFC 2617) */
    uint8_t role, srtp;           /* srtp: enum jn_srtp_mode towards the phone */
    uint8_t answer, accept;       /* enum jn_answer, enum jn_accept */
    bool may_call_out;            /* may call and transfer to numbers outside; supervisors always may */
};
enum jn_transport { JN_TRANSPORT_UDP, JN_TRANSPORT_TCP, JN_TRANSPORT_TLS, JN_TRANSPORT_N };
/* Where a trunk is reached: a literal address or a name. */
struct jn_dir_target {
    char host[JN_HOST_MAX];
    uint16_t port;
    uint8_t transport; /* enum jn_transport */
};
/* How a trunk wants to see numbers of ours: "+4930...", "004930...", "030..." or as they were dialled. */
enum jn_dial { JN_DIAL_E164, JN_DIAL_INTERNATIONAL, JN_DIAL_NATIONAL, JN_DIAL_PLAIN, JN_DIAL_N };
/* Status codes from low to high. */
struct jn_dir_codes {
    uint16_t low, high;
};
struct jn_dir_trunk {
    uint64_t id; /* of tenant and name */
    char name[JN_NAME_MAX];
    uint64_t tenant;
    struct jn_cidr from[JN_DIR_CIDRS]; /* who may call in by address */
    uint8_t froms, srtp;
    /* Calls out. */
    uint8_t tos;
    struct jn_dir_target to[JN_DIR_TARGETS];     /* tried in this order; none: nothing goes out here */
    char domain[JN_HOST_MAX];                    /* host of the URIs that the carrier sees; empty: the target's */
    char user[JN_NAME_MAX], secret[JN_NAME_MAX]; /* digest credentials at the carrier; empty: none. Never logged. */
    char caller_id[JN_NUMBER_MAX];               /* when a call brings none; empty: anonymous */
    struct jn_dir_codes next_on[JN_DIR_NEXT_ON]; /* answers after which the next target or trunk is tried */
    uint8_t next_ons;
    uint32_t max_channels, max_calls_per_s; /* 0: no bound. Channels count both ways, calls a second those going out */
    uint32_t probe_s, probe_failures;       /* OPTIONS every so often (0: never); down after so many without answer */
    bool follow;                            /* 3xx: its contacts are called */
    /* Registration at the carrier: on when reg_expires_s is not 0. */
    uint32_t reg_expires_s;
    char reg_user[JN_NAME_MAX]; /* user part of the address of record; user when empty */
    /* Numbers. */
    char country[8], international[8], national[8]; /* "49", "00", "0": empty ones mean that there is no such rule */
    uint8_t dial;                                   /* enum jn_dial */
    bool trusted;                                   /* its P-Asserted-Identity and Privacy are taken (RFC 3325) */
    bool asserts;                                   /* ours is given to it */
};
/* Which trunks take calls to numbers that begin so; the longest prefix of the tenant wins. Lower order first; in one
 * order by weight. */
struct jn_dir_route {
    uint64_t tenant;
    char prefix[JN_NUMBER_MAX]; /* "+49", or "" for any */
    struct {
        uint64_t trunk; /* jn_dir_trunk.id */
        uint8_t order, weight;
    } via[JN_DIR_ROUTE_TRUNKS];
    uint8_t vias;
};
/* One line of the numbering plan: what a number of ours reaches. */
enum jn_dir_number_kind { JN_NUMBER_EXACT, JN_NUMBER_PREFIX, JN_NUMBER_RANGE };
enum jn_dir_reach { JN_REACH_NONE, JN_REACH_QUEUE, JN_REACH_FLOW };
struct jn_dir_number {
    uint64_t tenant;
    uint8_t kind, reach;
    char first[JN_NUMBER_MAX], last[JN_NUMBER_MAX]; /* last: of a range, as long as first */
    uint64_t target;                                /* id of queue or flow */
    char name[JN_NAME_MAX];                         /* its name */
};
/* One text rule as written; router/classify compiles them. */
struct jn_dir_rule {
    uint64_t tenant, queue; /* queue 0: leaves the queue alone */
    char pattern[256], intent[JN_NAME_MAX], label[JN_NAME_MAX], language[8];
    int16_t weight;   /* 1..100: the intent with the largest sum wins */
    uint8_t priority; /* 255: leaves it alone */
    uint32_t line;    /* in its file, for messages */
};

struct jn_directory {
    _Atomic uint32_t refs;
    uint64_t version; /* counts up with each change */
    struct jn_dir_tenant *tenants;
    struct jn_dir_queue *queues;
    struct jn_dir_agent *agents;
    struct jn_dir_trunk *trunks;
    struct jn_dir_rule *rules;
    struct jn_dir_route *routes;
    struct jn_dir_number *numbers;
    struct jn_flow *flows;
    struct jn_calendar *calendars;
    uint32_t n_tenants, n_queues, n_agents, n_trunks, n_rules, n_routes, n_numbers, n_flows, n_calendars;
    struct jn_map by_id; /* any id to index into its own array */
    /* built by jn_directory_index, read by the finders alone */
    struct jn_map by_word;                    /* names, domains, numbers, SIP users and address blocks, hashed */
    bool bits_used[2][JN_DIR_PREFIX_MAX + 1]; /* [IPv6?][prefix length]: some trunk has such a block */
    bool route_len[JN_NUMBER_MAX], number_len[JN_NUMBER_MAX]; /* some route's, some number's prefix is that long */
    uint32_t *ranges, n_ranges;                               /* indices of numbers, by tenant, length, first */
};

struct jn_directory *jn_directory_ref(struct jn_directory *d);
/* Frees it with the last reference; secrets are wiped. */
void jn_directory_unref(struct jn_directory *d);
/* An empty one with one reference and room for so many of each (zeroed; the counts are set), NULL without memory. */
struct jn_directory *jn_directory_new(uint32_t tenants, uint32_t queues, uint32_t agents, uint32_t trunks,
                                      uint32_t rules);
/* Room for flows and calendars beside (zeroed; the counts are set), once. The zones of calendars become d's. 0 or
 * -ENOMEM. */
int jn_directory_flows(struct jn_directory *d, uint32_t flows, uint32_t calendars);
/* Room for routes and numbers beside (zeroed; the counts are set), once. 0 or -ENOMEM. */
int jn_directory_plan(struct jn_directory *d, uint32_t routes, uint32_t numbers);
/* Builds what the finders need; call once, when all is filled in. -EEXIST and a reason when two things have one id, one
 * name, number, domain, SIP user or address block; -ENOMEM. */
int jn_directory_index(struct jn_directory *d, struct jn_err *err);
/* Its part for trunks, routes and numbers (plan.c). */
int jn_directory_index_plan(struct jn_directory *d, struct jn_err *err);

/* Finders: borrowed from d, NULL when unknown. Each costs one hash look-up, however long the lists are. */
const struct jn_dir_tenant *jn_dir_tenant(const struct jn_directory *d, uint64_t id);
const struct jn_dir_tenant *jn_dir_tenant_named(const struct jn_directory *d, const char *name);
const struct jn_dir_tenant *jn_dir_tenant_domain(const struct jn_directory *d, const char *domain);
const struct jn_dir_queue *jn_dir_queue(const struct jn_directory *d, uint64_t id);
const struct jn_dir_queue *jn_dir_queue_named(const struct jn_directory *d, uint64_t tenant, const char *name);
const struct jn_dir_queue *jn_dir_queue_number(const struct jn_directory *d, uint64_t tenant, const char *number);
const struct jn_dir_agent *jn_dir_agent(const struct jn_directory *d, uint64_t id);
const struct jn_dir_agent *jn_dir_agent_named(const struct jn_directory *d, uint64_t tenant, const char *name);
const struct jn_dir_agent *jn_dir_agent_sip(const struct jn_directory *d, uint64_t tenant, const char *sip_user);
const struct jn_flow *jn_dir_flow(const struct jn_directory *d, uint64_t id);
const struct jn_flow *jn_dir_flow_named(const struct jn_directory *d, uint64_t tenant, const char *name);
const struct jn_flow *jn_dir_flow_number(const struct jn_directory *d, uint64_t tenant, const char *number);
const struct jn_calendar *jn_dir_calendar(const struct jn_directory *d, uint64_t id);
/* The trunk whose access list has the address; the longest match wins. */
const struct jn_dir_trunk *jn_dir_trunk_from(const struct jn_directory *d, const struct jn_addr *from);
const struct jn_dir_trunk *jn_dir_trunk(const struct jn_directory *d, uint64_t id);
/* Whether the agent may call that number for that tenant: its permission, and one of the tenant's prefixes. */
bool jn_dir_may_call(const struct jn_directory *d, uint64_t tenant, uint64_t agent, const char *number);
/* What the called one is shown: the queue's caller id, else the tenant's; "" none. */
const char *jn_dir_caller_id(const struct jn_directory *d, uint64_t tenant, uint64_t queue);
/* "+" at most once, in front, then 1 to 20 digits: what may be dialled outside. */
bool jn_dir_dialable(const char *number);
/* The tenant's route with the longest prefix of number. */
const struct jn_dir_route *jn_dir_route(const struct jn_directory *d, uint64_t tenant, const char *number);
/* The numbering plan: the number itself, else a range that has it, else the longest prefix. */
const struct jn_dir_number *jn_dir_number(const struct jn_directory *d, uint64_t tenant, const char *number);
/* The entry of d that names the very same number, prefix or range of the same tenant. */
const struct jn_dir_number *jn_dir_number_like(const struct jn_directory *d, const struct jn_dir_number *like);

/* What the router must be told to get from a to b (a NULL: from nothing; b NULL: to nothing), in an order that it can
 * take: tenants, queues, agents that are new or changed, then agents, queues, tenants that are gone. Calls put once for
 * each event (borrowed), maker JN_MAKER_APP, token 0. Returns how many. */
unsigned jn_directory_diff(const struct jn_directory *a, const struct jn_directory *b,
                           void (*put)(void *arg, const struct jn_event *ev), void *arg);
/* The router would be told the same (order of skills aside). */
bool jn_dir_queue_same(const struct jn_ev_queue *a, const struct jn_ev_queue *b);
bool jn_dir_agent_same(const struct jn_ev_agent *a, const struct jn_ev_agent *b);

#endif
