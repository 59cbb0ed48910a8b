/* Client: a small HTTP and WebSocket client for tests: raw sockets, bounded waits, nothing hidden. */
#ifndef JN_TEST_API_CLIENT_H
#define JN_TEST_API_CLIENT_H

#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REPLY_MAX = 1 << 20 };
struct reply {
    int status;
    char *text, *body; /* text: all of it; body: after the headers */
    size_t body_len;
};

static inline int dial_from(uint16_t port, const char *from)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)}, me = {.sin_family = AF_INET};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (from) {
        me.sin_addr.s_addr = inet_addr(from);
        if (bind(fd, (struct sockaddr *)&me, sizeof me))
            return -1;
    }
    if (connect(fd, (struct sockaddr *)&to, sizeof to)) {
        close(fd);
        return -1;
    }
    return fd;
}

static inline int dial(uint16_t port)
{
    return dial_from(port, NULL);
}

/* Bytes until n are there, the peer closes or ms pass in silence. */
static inline size_t take(int fd, char *out, size_t n, int ms)
{
    size_t have = 0;
    while (have < n) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, ms) <= 0)
            break;
        ssize_t got = recv(fd, out + have, n - have, 0);
        if (got <= 0)
            break;
        have += (size_t)got;
    }
    return have;
}

/* Reads one answer. status 0: none came. */
static inline struct reply answer(int fd, int ms)
{
    struct reply r = {.text = calloc(1, REPLY_MAX + 1)};
    size_t have = 0;
    char *end = NULL;
    while (have < 16384 && !(end = strstr(r.text, "\r\n\r\n")) && take(fd, r.text + have, 1, ms) == 1)
        have++;
    r.body = r.text + have;
    if (!end)
        return r;
    r.status = atoi(r.text + 9);
    const char *length = strcasestr(r.text, "content-length:");
    size_t n = length ? (size_t)atol(length + 15) : 0;
    if (r.status != 101 && n && n < REPLY_MAX - have)
        r.body_len = take(fd, r.body, n, ms);
    return r;
}

static inline void say(int fd, const char *text, size_t n)
{
    while (n) {
        ssize_t done = send(fd, text, n, MSG_NOSIGNAL);
        if (done <= 0)
            return;
        text += done;
        n -= (size_t)done;
    }
}

/* Sends a request over fd; type and token may be NULL. */
static inline void ask(int fd, const char *method, const char *path, const char *token, const char *type,
                       const char *body, size_t n)
{
    char head[2048];
    int len = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: test\r\n", method, path);
    if (token)
        len += snprintf(head + len, sizeof head - (size_t)len, "Authorization: Bearer %s\r\n", token);
    if (type)
        len += snprintf(head + len, sizeof head - (size_t)len, "Content-Type: %s\r\n", type);
    if (body)
        len += snprintf(head + len, sizeof head - (size_t)len, "Content-Length: %zu\r\n", n);
    len += snprintf(head + len, sizeof head - (size_t)len, "\r\n");
    say(fd, head, (size_t)len);
    if (body)
        say(fd, body, n);
}

static inline struct reply call_typed(uint16_t port, const char *method, const char *path, const char *token,
                                      const char *type, const char *body, size_t n)
{
    int fd = dial(port);
    ask(fd, method, path, token, type, body, n);
    struct reply r = answer(fd, 3000);
    close(fd);
    return r;
}

static inline struct reply get(uint16_t port, const char *path, const char *token)
{
    return call_typed(port, "GET", path, token, NULL, NULL, 0);
}

static inline struct reply post(uint16_t port, const char *path, const char *token, const char *json)
{
    return call_typed(port, "POST", path, token, json ? "application/json" : NULL, json ? json : "",
                      json ? strlen(json) : 0);
}

static inline bool has(const struct reply *r, const char *text)
{
    return strstr(r->text, text) != NULL;
}

static inline void done(struct reply *r)
{
    free(r->text);
    r->text = NULL;
}

/* Upgrades; *status is the HTTP answer. */
static inline int ws_dial(uint16_t port, const char *path, const char *token, int *status)
{
    int fd = dial(port);
    char head[1024];
    int n = snprintf(head, sizeof head,
                     "GET %s HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s%s\r\n",
                     path, token ? "Authorization: Bearer " : "", token ? token : "", token ? "\r\n" : "");
    say(fd, head, (size_t)n);
    struct reply r = answer(fd, 3000);
    *status = r.status;
    done(&r);
    return fd;
}

static inline void ws_say(int fd, const char *text)
{
    uint8_t frame[1024] = {0x81};
    size_t n = strlen(text);
    if (n > 125)
        frame[1] = 0x80 | 126, frame[2] = (uint8_t)(n >> 8), frame[3] = (uint8_t)n;
    else
        frame[1] = (uint8_t)(0x80 | n);
    size_t at = n > 125 ? 8 : 6; /* mask of zeros */
    memcpy(frame + at, text, n);
    say(fd, (char *)frame, at + n);
}

/* The next text message; NULL: nothing came in ms, or the socket was closed (*code: RFC 6455 close code, or 0). The
 * caller frees. */
static inline char *ws_hear(int fd, int ms, int *code)
{
    uint8_t h[10];
    if (code)
        *code = 0;
    for (;;) {
        if (take(fd, (char *)h, 2, ms) != 2)
            return NULL;
        size_t n = h[1] & 127;
        if (n == 126) {
            take(fd, (char *)h + 2, 2, ms);
            n = (size_t)h[2] << 8 | h[3];
        } else if (n == 127) {
            take(fd, (char *)h + 2, 8, ms);
            n = (size_t)h[6] << 24 | (size_t)h[7] << 16 | (size_t)h[8] << 8 | h[9];
        }
        char *text = calloc(1, n + 1);
        if (take(fd, text, n, ms) != n) {
            free(text);
            return NULL;
        }
        if ((h[0] & 15) == 1)
            return text;
        if ((h[0] & 15) == 8) {
            if (code && n >= 2)
                *code = (uint8_t)text[0] << 8 | (uint8_t)text[1];
            free(text);
            return NULL;
        }
        free(text); /* ping */
    }
}

#endif
