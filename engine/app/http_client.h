/* Http client: one blocking request to an engine's API, bounded in time and size, for the command line. HTTP/1.1,
 * Content-Length only, no TLS: the engine is on this machine or behind a tunnel. */
#ifndef JN_ENGINE_HTTP_CLIENT_H
#define JN_ENGINE_HTTP_CLIENT_H

#include "engine/base/err.h"
#include "engine/base/str.h"

enum { JN_HTTP_BODY_MAX = 64 * 1024 * 1024, JN_HTTP_WAIT_S = 60 };

/* url: "http://127.0.0.1:8080", "http://[::1]:8080". token, type and body may be NULL. Gives the status (100..599) and
 * the body in out (the caller frees). -ECONNREFUSED: nobody listens there; -EPROTO: the answer is not HTTP; -EINVAL:
 * bad url; -ETIMEDOUT; -EFBIG; each with a reason. */
int jn_http_call(const char *url, const char *method, const char *path, const char *token, const char *type,
                 const struct jn_buf *body, struct jn_buf *out, struct jn_err *err);

#endif
