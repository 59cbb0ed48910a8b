/* Config: the machine's YAML and the centre's YAML, read and checked whole before anything is bound: every mistake at
 * once, each with file, line and key. */
#ifndef JN_ENGINE_CONFIG_H
#define JN_ENGINE_CONFIG_H

#include "engine/api/api.h"
#include "engine/base/err.h"
#include "engine/base/log.h"
#include "engine/base/str.h"
#include "media/sdp/sdp.h"
#include "router/classify/classify.h"
#include "router/directory/directory.h"

enum { JN_PATH_MAX = 512, JN_SOUND_DIRS = 8 };

/* Mistakes found, one a line: `centre.yaml:41 queues[2].skill: "bilingg" is not defined; did you mean "billing"?` */
struct jn_problems {
    struct jn_buf text;
    unsigned count;
};
void jn_problem(struct jn_problems *p, const char *file, unsigned line, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void jn_problems_free(struct jn_problems *p);

enum { JN_MEDIA_UDP, JN_MEDIA_DPDK };
/* media.dpdk; its address is media.listen. */
struct jn_config_dpdk {
    char device[256], gateway[JN_HOST_MAX], mac[24]; /* mac empty: the device's own */
    uint8_t prefix;
    bool huge_pages;
    uint16_t vlan, memory_mb, max_sleep_us;
};

/* media.browser */
struct jn_config_browser {
    bool enabled;
    uint32_t max_legs, certificate_s; /* legs a worker; how long a certificate is told to new ones */
};

/* media.interfaces: a network that media is sent to. addresses: of both families as it may be; networks: whose peers
 * are reached from here (the first interface has everybody else). prefix and gateway are DPDK's. */
enum { JN_INTERFACES = 8, JN_INTERFACE_ADDRESSES = 16, JN_INTERFACE_NETWORKS = 16, JN_MEDIA_ADDRESSES = 16 };
struct jn_config_address {
    char listen[JN_HOST_MAX], advertise[JN_HOST_MAX], gateway[JN_HOST_MAX];
    uint8_t prefix;
};
struct jn_config_interface {
    char name[JN_NAME_MAX];
    struct jn_config_address address[JN_INTERFACE_ADDRESSES];
    struct jn_cidr network[JN_INTERFACE_NETWORKS];
    uint16_t port_min, port_max, vlan;
    uint8_t addresses, networks, dscp;
};

struct jn_config {
    char data_dir[JN_PATH_MAX],
        centre[JN_PATH_MAX]; /* centre: YAML applied at the first start; later ones by `junctor apply` */
    char sip_host[JN_HOST_MAX], sip_advertise[JN_HOST_MAX];
    uint16_t sip_port;
    uint32_t max_calls, max_calls_per_s, max_registers_per_s;
    uint32_t ban_after, ban_window_s, ban_s;   /* failures of a source, within, dropped for */
    uint32_t session_expires_s, session_min_s; /* RFC 4028 */
    uint16_t tls_port;                         /* SIP over TLS; 0: none */
    char tls_certificate[JN_PATH_MAX], tls_key[JN_PATH_MAX], tls_ca[JN_PATH_MAX];
    bool tls_verify_peer;
    char media_host[JN_HOST_MAX], media_advertise[JN_HOST_MAX];
    uint16_t media_port_min, media_port_max;
    uint8_t media_dscp, media_back_end; /* JN_MEDIA_* */
    uint8_t admit_load;                 /* % of a worker's core, 0 no bound */
    struct jn_sdp_codecs codecs;
    struct jn_config_dpdk dpdk;
    struct jn_config_interface interface[JN_INTERFACES]; /* none: media_host and what stands beside it */
    uint8_t interfaces;
    struct jn_config_browser browser;
    uint16_t workers;
    bool pin_workers, spread_legs;
    uint32_t silence_ms, silence_end_s, latch_ms;
    uint32_t one_way_s, quiet_s; /* told when sound has been missing that long; 0 never */
    char api_host[JN_HOST_MAX];
    uint16_t api_port;
    uint32_t max_connections, max_chats, token_life_s;
    char origin[JN_ORIGINS][JN_ORIGIN_MAX]; /* web sites that may embed the chat widget and speak with the chat */
    uint8_t origins;
    uint32_t max_agents, max_queues, max_tenants, max_interactions;
    uint32_t snapshot_s, snapshot_events;
    uint32_t keep_journal_s;                    /* how far back the journal can be replayed and asked why */
    char sound_dir[JN_SOUND_DIRS][JN_PATH_MAX]; /* searched in order for the sounds that queues name (NAME.wav) */
    uint8_t sound_dirs;
    bool trace_messages;                  /* SIP messages of calls are kept */
    uint32_t trace_size_mb, trace_keep_s; /* so many megabytes, so long */
    bool rec_encrypt;                     /* recordings are encrypted */
    char rec_key_file[JN_PATH_MAX];       /* where their master key lies; empty: in the data folder */
    uint32_t rec_keep_s;                  /* recordings are deleted after that; 0 never */
    uint32_t rec_buffer_mb;               /* for each worker: what a stalled disk may hold up */
    char log_file[JN_PATH_MAX];           /* empty: standard error */
    enum jn_log_level log_level;
};
/* Relative paths are relative to the file. 0, or -EINVAL with p filled (a file that cannot be read is a problem too).
 */
int jn_config_load(struct jn_config *c, const char *path, struct jn_problems *p);
/* The same from memory. */
int jn_config_parse(struct jn_config *c, const char *path, const char *text, size_t n, struct jn_problems *p);
/* Reads a whole file (bounded). 0, or -EINVAL with p filled. The caller frees out. */
int jn_config_read(struct jn_buf *out, const char *path, struct jn_problems *p);
/* Parses and checks a centre from memory; name is what problems call it. rules are compiled too, unless
 * rules is NULL. The caller owns both.
 */
int jn_centre_parse(struct jn_directory **dir, struct jn_rules **rules, const char *name, const char *text, size_t n,
                    struct jn_problems *p);
/* What changes from a to b in words, as JSON {"changes":[{"what":"queue acme/sales","change":"target 20 s -> 30
 * s"},...]}. a NULL: everything is new. */
void jn_centre_difference(const struct jn_directory *a, const struct jn_directory *b, struct jn_buf *json);

#endif
