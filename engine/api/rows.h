/* Rows: what agents, queues and interactions look like as JSON, for answers and events alike. */
#ifndef JN_ENGINE_API_ROWS_H
#define JN_ENGINE_API_ROWS_H

#include "engine/api/server.h"

void jn_json_agent(const struct jn_api *a, const struct jn_view_agent *v, uint64_t now_us, struct jn_buf *out);
/* row may be NULL: nothing is known of it yet. */
void jn_json_queue(const struct jn_api *a, const struct jn_queue_row *row, uint64_t id, uint64_t now_us,
                   struct jn_buf *out);
void jn_json_ix(const struct jn_api *a, const struct jn_ix_row *row, struct jn_buf *out);
/* The wallboard: what s may see of queues, agents and totals. */
void jn_json_live(const struct jn_api *a, const struct jn_session *s, struct jn_buf *out);

/* 200 with the row of interaction or agent id; {} when it is gone already. */
void jn_answer_row(struct jn_req *r, uint64_t id);
/* Tells the event sockets what a command changed. */
void jn_publish_command(struct jn_api *a, const struct jn_command *c);
/* Who has the interaction of c in hands before c; 0 nobody. Asked before the view takes c. */
uint64_t jn_holder_before(const struct jn_api *a, const struct jn_command *c);
/* Tells that agent, who is told nothing of it any more, that somebody else has it now, or nobody. */
void jn_publish_moved(struct jn_api *a, const struct jn_command *c, uint64_t from);
void jn_publish_agent(struct jn_api *a, const struct jn_view_agent *v);

/* feed.c: wakes the event sockets when something was published since; disconnects those that fell behind. */
void jn_feed_flush(struct jn_api *a);
void jn_feed_tick(struct jn_api *a);

#endif
