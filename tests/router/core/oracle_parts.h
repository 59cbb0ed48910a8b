/* What the two halves of the oracle share. */
#ifndef JN_TEST_ORACLE_PARTS_H
#define JN_TEST_ORACLE_PARTS_H

#include "tests/router/core/oracle.h"

#define EACH(o, what, p) for (__typeof__(&(o)->what[0]) p = (o)->what; p < (o)->what + sizeof(o)->what / sizeof *p; p++)

bool oracle_held(const struct oracle_ix *x);
bool oracle_dials(const struct oracle_ix *x);
bool oracle_joined(const struct oracle_ix *x);
struct oracle_queue *oracle_queue_of(struct oracle *o, uint64_t tenant, uint64_t id);
struct oracle_agent *oracle_agent_of(struct oracle *o, uint64_t tenant, uint64_t id);
bool oracle_works_for(const struct oracle_agent *a, uint64_t tenant);
struct oracle_agent *oracle_worker_of(struct oracle *o, uint64_t tenant, uint64_t id);
struct oracle_ix *oracle_ix_of(struct oracle *o, uint64_t id);
uint64_t *oracle_tenant_of(struct oracle *o, uint64_t id);
struct jn_ix_row oracle_told_row(const struct oracle *o, const struct oracle_ix *x);
void oracle_row_of_agent(const struct oracle *o, const struct oracle_agent *a, struct jn_agent_row *row);
void oracle_row_of_queue(const struct oracle *o, const struct oracle_queue *q, struct jn_queue_row *row);
struct jn_command *oracle_command(struct oracle *o, int kind, int why);
void oracle_account(struct jn_queue_row *sum, const struct oracle_ix *x);
void oracle_say(struct oracle *o, int kind, const struct oracle_ix *x, int why);
bool oracle_waits(int kind, int channel);
void oracle_enter(struct oracle *o, struct oracle_ix *x);
void oracle_leave_agent(struct oracle *o, struct oracle_ix *x);
void oracle_put_back(struct oracle *o, struct oracle_ix *x, int why, bool back_off);
void oracle_gone(struct oracle *o, uint64_t id, uint64_t tenant);
void oracle_end(struct oracle *o, struct oracle_ix *x, int why, uint64_t at, bool wrap);
void oracle_wrap_done(struct oracle *o, struct oracle_ix *x);
struct oracle_ix *oracle_following(struct oracle *o, uint64_t after, uint64_t agent);
void oracle_revoke(struct oracle *o, struct oracle_agent *a, int why);
void oracle_not_ready(struct oracle *o, struct oracle_agent *a, const char *reason, int why);
void oracle_fail_offer(struct oracle *o, struct oracle_ix *x, int why);
void oracle_review_patience(struct oracle *o);
bool oracle_full(struct oracle *o, const struct oracle_queue *q);
bool oracle_available(const struct oracle *o, const struct oracle_agent *a, int ch);
bool oracle_free_hands(const struct oracle *o, const struct oracle_agent *a);
struct oracle_agent *oracle_first_idle(struct oracle *o, const struct oracle_queue *q);
void oracle_offer(struct oracle *o, struct oracle_ix *x, struct oracle_agent *to);
void oracle_say_cancel(struct oracle *o, int kind, const struct oracle_ix *x, uint64_t agent, int why);
/* moves: */
void oracle_unconsult(struct oracle *o, struct oracle_ix *x, int why);
void oracle_unconsult_agent(struct oracle *o, struct oracle_agent *a, int why);
int oracle_transfer(struct oracle *o, struct oracle_ix *x, const struct jn_event *ev);
int oracle_move(struct oracle *o, const struct jn_event *ev, struct oracle_ix *x);
int oracle_call_out(struct oracle *o, const struct jn_event *ev);
/* Whether the id was seen, and the answer to that. */
int oracle_seen(struct oracle *o, uint64_t tenant, uint64_t id);
struct oracle_ix *oracle_room(struct oracle *o);
void oracle_match(struct oracle *o);
void oracle_end_step(struct oracle *o);

#endif
