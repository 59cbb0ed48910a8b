/* Http: the callbacks that libwebsockets is given, for server.c. */
#ifndef JN_ENGINE_API_HTTP_H
#define JN_ENGINE_API_HTTP_H

#include "engine/api/server.h"
#include <libwebsockets.h>

/* libwebsockets' memory for one connection. */
struct jn_http_conn {
    struct jn_req *req;
    struct jn_ws *ws;
};
/* Reads the query of a request or upgrade; 0 or -EINVAL. */
int jn_http_query(struct lws *wsi, struct jn_query *q);
int jn_http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);
int jn_ws_callback(struct lws *wsi, enum lws_callback_reasons reason, struct jn_http_conn *c, void *in, size_t len);

#endif
