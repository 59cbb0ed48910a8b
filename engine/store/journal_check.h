/* Journal check: records beside the events that say what the router's hashes were after an event, and with which bounds
 * it ran, so that `junctor replay` can compare. They take no part in recovery. */
#ifndef JN_ENGINE_JOURNAL_CHECK_H
#define JN_ENGINE_JOURNAL_CHECK_H

#include "engine/store/journal_file.h"

/* After the event seq, of a router that was new or loaded at start_seq: its commands since then, and its state. */
struct jn_journal_check {
    uint64_t seq, start_seq, command_hash, state_hash;
    uint16_t logic; /* JN_LOGIC_VERSION of the writer: another logic's hashes say nothing */
};
/* The router's bounds from the event after seq on (a full table refuses, so they decide commands). */
struct jn_journal_bounds {
    uint64_t seq;
    uint32_t agents, queues, tenants, interactions;
};

/* Into the coming commit. seq may be older or newer than the last event appended. start_seq is where the last
 * jn_journal_read of this journal began, which is where recovery loaded the router. 0 or -errno as jn_journal_append.
 */
int jn_journal_check(struct jn_journal *j, uint64_t seq, uint64_t command_hash, uint64_t state_hash);
/* Once at each start, after recovery and before the first append. */
int jn_journal_bounds(struct jn_journal *j, uint32_t agents, uint32_t queues, uint32_t tenants, uint32_t interactions);

/* As jn_journal_read, with each of these records in file order too; any callback may be NULL. */
struct jn_journal_reader {
    int (*each)(void *arg, uint64_t seq, uint64_t time_us, const void *bytes, uint32_t n);
    int (*check)(void *arg, const struct jn_journal_check *c);
    int (*bounds)(void *arg, const struct jn_journal_bounds *b);
    void *arg;
};
int jn_journal_read_checked(struct jn_journal *j, uint64_t after, const struct jn_journal_reader *r,
                            struct jn_err *err);

#endif
