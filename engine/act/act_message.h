/* Act message: what a chat means: classified, stored, acknowledged, routed; offers to desks; replies back. It sits
 * between the API (HTTP and WebSocket), engine/channel/chat (conversations and their customers' tokens) and the router.
 * One owner: the API thread. */
#ifndef JN_ENGINE_ACT_MESSAGE_H
#define JN_ENGINE_ACT_MESSAGE_H

#include "engine/api/api.h"
#include "router/classify/classify.h"

struct jn_act_message;
struct jn_message_ports {
    int (*event)(void *arg, const struct jn_event *ev, bool ending);
    int (*admit)(void *arg);
    void (*release)(void *arg);
    int (*ask)(void *arg, struct jn_ask *a);
    void *arg;
};
/* rules may be NULL (none); takes its own reference of dir. */
int jn_act_message_open(struct jn_act_message **out, const struct jn_api_config *c, struct jn_directory *dir,
                        struct jn_rules *rules, const struct jn_message_ports *ports, struct jn_err *err);
/* Installs the chat routes into api. */
void jn_act_message_attach(struct jn_act_message *m, struct jn_api *api);
/* New directory and rules together, between two messages: takes a reference of each. */
void jn_act_message_change(struct jn_act_message *m, struct jn_directory *dir, struct jn_rules *rules);
/* Chat commands of the router. */
void jn_act_message_command(struct jn_act_message *m, const struct jn_command *c);
/* After a restart, once for each stored conversation, before the API serves: known again under its id; arrive is
 * repeated to the router, which knows duplicates. */
void jn_act_message_restore(struct jn_act_message *m, uint64_t ix, uint64_t tenant, uint32_t count, const void *note,
                            uint32_t note_len);
unsigned jn_act_message_open_chats(const struct jn_act_message *m);
void jn_act_message_close(struct jn_act_message *m);

#endif
