/* Socket: the door for WebSocket routes. Each socket has a bounded queue of whole text messages; a client that reads
 * too slowly is disconnected and counted, nobody waits for it. */
#ifndef JN_ENGINE_API_SOCKET_H
#define JN_ENGINE_API_SOCKET_H

#include "engine/api/request.h"

struct jn_ws;
struct jn_ws_ops {
    const char *pattern;
    /* The client showed a token (Authorization, ?token= or a first message {"token":"..."}). 0, or -EACCES. user is the
     * owner's own, kept with jn_ws_user_set. */
    int (*enter)(void *arg, struct jn_ws *ws, const char *token);
    /* Accepted: from now on sending is possible. cursor: ?cursor= or the first message's "cursor"; UINT64_MAX: none. */
    void (*ready)(void *arg, struct jn_ws *ws, uint64_t cursor);
    /* The queue ran empty and the client can take more: send something and return true, or false when there is
     * nothing. May be NULL. */
    bool (*pull)(void *arg, struct jn_ws *ws);
    /* After this the socket is gone. Called once for each socket that entered. */
    void (*gone)(void *arg, struct jn_ws *ws);
};
/* Borrows ops for the API's life. 0 or -ENOSPC. */
int jn_api_ws_route(struct jn_api *a, const struct jn_ws_ops *ops, void *arg);

const char *jn_ws_param(const struct jn_ws *ws, unsigned i);
void jn_ws_user_set(struct jn_ws *ws, void *user);
void *jn_ws_user(const struct jn_ws *ws);
/* Queues one message (copied). A full queue disconnects the client. */
void jn_ws_send(struct jn_ws *ws, const char *text, size_t n);
/* Asks for a pull. */
void jn_ws_wake(struct jn_ws *ws);
/* Says goodbye once what is queued was sent: RFC 6455 close code and reason. */
void jn_ws_finish(struct jn_ws *ws, unsigned code, const char *reason);

#endif
