/* Trace: a call's records drawn for people, as JSON, and as a capture. Pure: records in, bytes out. */
#ifndef JN_ENGINE_TRACE_H
#define JN_ENGINE_TRACE_H

#include "engine/store/trace_log.h"
#include "router/directory/directory.h"

/* Of the leg: caller, agent, third (who is asked, or a number that the call goes to), supervisor. */
const char *jn_trace_side(const struct jn_trace_record *r);
/* A leg's figures as members of a JSON object, each after a comma; as a line of text. */
void jn_trace_stats_json(struct jn_buf *b, const struct jn_leg_stats *s);
void jn_trace_stats_text(struct jn_buf *b, const struct jn_leg_stats *s);
/* dir: for agents' names, may be NULL. */
void jn_trace_text(struct jn_buf *out, const struct jn_trace *t, const struct jn_directory *dir);
void jn_trace_json(struct jn_buf *out, const struct jn_trace *t, const struct jn_directory *dir);
/* Each message as one UDP datagram between the addresses that it really went between. */
void jn_trace_pcap(struct jn_buf *out, const struct jn_trace *t);

#endif
