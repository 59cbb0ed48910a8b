/* Store: what must outlive the process: interactions' records, registrations, dialogs, tokens (SQLite, one thread); the
 * journal, the message log and recordings have files of their own beside this one. */
#ifndef JN_ENGINE_STORE_H
#define JN_ENGINE_STORE_H

#include "engine/base/err.h"
#include "engine/base/str.h"
#include "router/core/types.h"

struct jn_store; /* one owner thread */

/* A call's own facts, beside its interaction row. */
struct jn_call_row {
    uint64_t ix, tenant;
    char caller[64], called[32], call_id[160];
    uint16_t mos_caller_x100, mos_agent_x100; /* 0 unknown */
    uint64_t rx_packets, tx_packets, lost;
    bool recorded;
    char outside[32]; /* the number that it was transferred to; empty: to none */
};
/* What an interaction's time was spent with. Its segments follow each other without a gap from arrival to end. */
enum jn_segment_kind {
    JN_SEG_WAIT,    /* in the queue */
    JN_SEG_RING,    /* offered to the agent */
    JN_SEG_TALK,    /* with the agent, held or not, and while the agent asks a colleague */
    JN_SEG_OUTSIDE, /* with a number that it was transferred to */
    JN_SEG_DIAL,    /* the agent's phone, then the number called rings */
    JN_SEG_KIND_N
};
#define JN_SEGMENT_KIND_NAMES                                                                                          \
    {                                                                                                                  \
        "wait", "ring", "talk", "outside", "dial"                                                                      \
    }
enum jn_audit_kind {
    JN_AUDIT_LOGIN,
    JN_AUDIT_LOGIN_FAILED,
    JN_AUDIT_CHANGE,
    JN_AUDIT_READ_RECORDING,
    JN_AUDIT_READ_MESSAGES,
    JN_AUDIT_READ_TRACE,
    JN_AUDIT_SUPERVISE,
    JN_AUDIT_RECORDING, /* paused, masked, resumed, deleted */
    JN_AUDIT_KIND_N
};
#define JN_AUDIT_KIND_NAMES                                                                                            \
    {                                                                                                                  \
        "login", "login_failed", "change", "read_recording", "read_messages", "read_trace", "supervise", "recording"   \
    }

/* path: the database file, made when missing; schema upgraded in one transaction; a newer schema is refused with
 * -EPROTO and changes nothing. */
int jn_store_open(struct jn_store **out, const char *path, struct jn_err *err);
void jn_store_close(struct jn_store *s);
/* Everything between begin and commit is one durable transaction, with the router sequence up to which rows were
 * applied. */
int jn_store_begin(struct jn_store *s);
int jn_store_commit(struct jn_store *s, uint64_t router_seq);
void jn_store_rollback(struct jn_store *s);
/* The last committed router_seq; 0 for a new store. */
uint64_t jn_store_seq(struct jn_store *s);
/* Counts up and commits; the number of this start. Negative: -errno. */
int64_t jn_store_boot(struct jn_store *s);

/* Upserts by id. 0 or -errno (-ENOSPC disk full). */
int jn_store_ix(struct jn_store *s, const struct jn_ix_row *row, const char *tenant, const char *queue,
                const char *agent);
/* The interaction is as the row says since at_us: ends the open segment and begins the next when it is another one. */
int jn_store_segment(struct jn_store *s, const struct jn_ix_row *row, uint64_t at_us, const char *queue,
                     const char *agent);
int jn_store_call(struct jn_store *s, const struct jn_call_row *row);
int jn_store_audit(struct jn_store *s, uint64_t at_us, uint64_t tenant, const char *who, enum jn_audit_kind kind,
                   const char *what);
/* Newest first, below line `before` (0: newest), at most limit (1..200), of `who` alone unless that is empty:
 * {"audit":[{"line":,"at":,"tenant":,"who":,"kind":,"what":}],"next":line|null}. tenant 0: all. */
int jn_store_audit_json(struct jn_store *s, uint64_t tenant, uint64_t before, unsigned limit, const char *who,
                        struct jn_buf *out);
/* Small named values (install secret, applied directory version ...). get: -ENOENT. */
int jn_store_put(struct jn_store *s, const char *key, const void *value, size_t n);
int jn_store_get(struct jn_store *s, const char *key, struct jn_buf *value);
int jn_store_del(struct jn_store *s, const char *key);
/* Calls each with every key that starts with prefix. */
int jn_store_each(struct jn_store *s, const char *prefix,
                  void (*each)(void *arg, const char *key, const void *value, size_t n), void *arg);

/* When the interaction came, and when it ended (0: it has not), by a connection of its own, so from any thread.
 * -ENOENT: no such one of that tenant (0: of any). */
int jn_store_times(const char *path, uint64_t tenant, uint64_t ix, uint64_t *arrived_us, uint64_t *ended_us);
/* The stored enum jn_ix_state, or -ENOENT. */
int jn_store_ix_state(struct jn_store *s, uint64_t ix);

/* JSON for the API. tenant 0: all. -ENOENT: no such interaction of that tenant. */
int jn_store_ix_json(struct jn_store *s, uint64_t tenant, uint64_t ix, struct jn_buf *out);
/* {"segments":[...]}, in order. -ENOENT as above. */
int jn_store_segments_json(struct jn_store *s, uint64_t tenant, uint64_t ix, struct jn_buf *out);
/* Newest first, below `before` (id, 0: newest), at most limit (1..200): {"interactions":[...],"next":"..."|null}.
 * channel -1: all. */
int jn_store_list_json(struct jn_store *s, uint64_t tenant, int channel, uint64_t before, unsigned limit,
                       struct jn_buf *out);
/* The report over closed and open interactions that arrived in [from_us, to_us): array of groups by tenant, queue and
 * channel plus totals, and what ended before a queue. See docs/operating.md for the shape. */
int jn_store_report_json(struct jn_store *s, uint64_t tenant, uint64_t from_us, uint64_t to_us, struct jn_buf *out);

#endif
