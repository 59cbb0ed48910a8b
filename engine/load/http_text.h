/* Http text: reading HTTP/1.1 answers with Content-Length, WebSocket frames (RFC 6455 5.2) and single members of short
 * JSON objects, in place and bounded; as much as the chat's load needs of an engine's API. */
#ifndef JN_LOAD_HTTP_TEXT_H
#define JN_LOAD_HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JN_HTTP_HEAD_MAX = 8192, JN_HTTP_ANSWER_MAX = 1 << 20 };

/* head: bytes of the head with its empty line; body: bytes that Content-Length says, 0 for 101 and 204. close: the
 * connection ends after it. */
struct jn_http_in {
    unsigned status;
    size_t head, body;
    bool close;
};
/* 1: the head is whole; 0: more is needed; -EBADMSG: not such an answer, or larger than a MAX. */
int jn_http_read(struct jn_http_in *in, const char *text, size_t len);

struct jn_ws_in {
    uint8_t opcode;
    bool fin;
    size_t head, body;
};
/* The frame that begins at text, from a server: unmasked. 1: whole; 0: more is needed; -EBADMSG. */
int jn_ws_read(struct jn_ws_in *in, const uint8_t *text, size_t len);

/* The string that stands under "name": in a JSON text, without escapes. False: not there, or too long. */
bool jn_http_member(char *out, size_t size, const char *text, size_t len, const char *name);

#endif
