/* Directory: tenants, queues, agents, skills, rules and trunks as configured: names beside ids, what each thread needs
 * to know and the router does not. Immutable once built; engine/app builds it from YAML, threads share it by reference
 * count. */
#ifndef JN_ROUTER_DIRECTORY_H
#define JN_ROUTER_DIRECTORY_H

#include "engine/base/addr.h"
#include "engine/base/err.h"
#include "engine/base/map.h"
#include "router/core/event.h"
#include <stdatomic.h>

enum { JN_HOST_MAX = 64, JN_SOUND_MAX = 64, JN_SECRET_MAX = 160, JN_NUMBER_MAX = 32, JN_DIR_CIDRS = 8 };
enum { JN_DIR_PREFIX_MAX = 128 };

enum jn_role { JN_ROLE_NONE, JN_ROLE_AGENT, JN_ROLE_SUPERVISOR, JN_ROLE_ADMIN, JN_ROLE_N };
/* What a leg's media must be. */
enum jn_srtp_mode { JN_SRTP_OFF, JN_SRTP_OPTIONAL, JN_SRTP_REQUIRED };

struct jn_dir_tenant {
    uint64_t id;
    char name[JN_NAME_MAX], domain[JN_HOST_MAX]; /* SIP domain and digest realm */
    uint32_t weight;
};
struct jn_dir_queue {
    struct jn_ev_queue set; /* what the router is told; set.id */
    uint64_t tenant;
    char name[JN_NAME_MAX];
    char number[JN_NUMBER_MAX]; /* user part that callers dial; empty: not reachable by phone */
    char greeting[JN_SOUND_MAX], music[JN_SOUND_MAX], no_agent[JN_SOUND_MAX]; /* sounds by name; empty: none */
    bool record, say_position;
};
struct jn_dir_agent {
    struct jn_ev_agent set; /* set.id */
    uint64_t tenant;
    char name[JN_NAME_MAX]; /* login name, unique in the tenant */
    char display[JN_NAME_MAX];
    char password[JN_SECRET_MAX]; /* hash for the API (format of engine/api/auth), empty: no API login */
    char sip_user[JN_NAME_MAX];   /* the phone's user part; empty: no phone */
    char sip_ha1[33];             /* MD5(user:realm:secret) in hex, for digest (RFC 2617) */
    uint8_t role, srtp;           /* srtp: enum jn_srtp_mode towards the phone */
};
struct jn_dir_trunk {
    char name[JN_NAME_MAX];
    uint64_t tenant;
    struct jn_cidr from[JN_DIR_CIDRS];
    uint8_t froms, srtp;
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
    uint32_t n_tenants, n_queues, n_agents, n_trunks, n_rules;
    struct jn_map by_id; /* any id to index into its own array */
    /* built by jn_directory_index, read by the finders alone */
    struct jn_map by_word;                    /* names, domains, numbers, SIP users and address blocks, hashed */
    bool bits_used[2][JN_DIR_PREFIX_MAX + 1]; /* [IPv6?][prefix length]: some trunk has such a block */
};

struct jn_directory *jn_directory_ref(struct jn_directory *d);
/* Frees it with the last reference; secrets are wiped. */
void jn_directory_unref(struct jn_directory *d);
/* An empty one with one reference and room for so many of each (zeroed; the counts are set), NULL without memory. */
struct jn_directory *jn_directory_new(uint32_t tenants, uint32_t queues, uint32_t agents, uint32_t trunks,
                                      uint32_t rules);
/* Builds what the finders need; call once, when all is filled in. -EEXIST and a reason when two things have one id, one
 * name, number, domain, SIP user or address block; -ENOMEM. */
int jn_directory_index(struct jn_directory *d, struct jn_err *err);

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
/* The trunk whose access list has the address; the longest match wins. */
const struct jn_dir_trunk *jn_dir_trunk_from(const struct jn_directory *d, const struct jn_addr *from);

/* What the router must be told to get from a to b (a NULL: from nothing; b NULL: to nothing), in an order that it can
 * take: tenants, queues, agents that are new or changed, then agents, queues, tenants that are gone. Calls put once for
 * each event (borrowed), maker JN_MAKER_APP, token 0. Returns how many. */
unsigned jn_directory_diff(const struct jn_directory *a, const struct jn_directory *b,
                           void (*put)(void *arg, const struct jn_event *ev), void *arg);
/* The router would be told the same (order of skills aside). */
bool jn_dir_queue_same(const struct jn_ev_queue *a, const struct jn_ev_queue *b);
bool jn_dir_agent_same(const struct jn_ev_agent *a, const struct jn_ev_agent *b);

#endif
