/* Chat HTTP: connections that stay open for the next request, and the agents' event stream; none of them ever blocks.
 */
#include "engine/base/rand.h"
#include "engine/load/chat_state.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FEED = JN_CHAT_CONNECTIONS, BLOCK = 16384 };

static void forget(struct jn_chat_connection *k)
{
    if (k->fd >= 0)
        close(k->fd);
    k->fd = -1;
    k->busy = false;
    jn_buf_clear(&k->in);
    jn_buf_clear(&k->out);
}

static bool dial(const struct jn_chat_load *c, struct jn_chat_connection *k)
{
    struct sockaddr_in6 s6 = {.sin6_family = AF_INET6, .sin6_port = htons(c->c.api.port)};
    struct sockaddr_in s4 = {.sin_family = AF_INET, .sin_port = htons(c->c.api.port)};
    bool six = c->c.api.family == JN_ADDR_V6;
    int on = 1;
    memcpy(six ? (void *)&s6.sin6_addr : (void *)&s4.sin_addr, c->c.api.ip, six ? 16 : 4);
    k->fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (k->fd < 0)
        return false;
    setsockopt(k->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(k->fd, six ? (struct sockaddr *)&s6 : (struct sockaddr *)&s4, six ? sizeof s6 : sizeof s4) == 0 ||
        errno == EINPROGRESS)
        return true;
    forget(k);
    return false;
}

void jn_chat_http_open(struct jn_chat_load *c)
{
    for (unsigned i = 0; i <= JN_CHAT_CONNECTIONS; i++) {
        c->at[i].fd = -1;
        c->at[i].in.max = JN_HTTP_HEAD_MAX + JN_HTTP_ANSWER_MAX + BLOCK;
        c->at[i].feed = i == FEED;
    }
}

void jn_chat_http_close(struct jn_chat_load *c)
{
    for (unsigned i = 0; i <= JN_CHAT_CONNECTIONS; i++) {
        forget(&c->at[i]);
        if (c->at[i].out.data)
            explicit_bzero(c->at[i].out.data, c->at[i].out.cap);
        jn_buf_free(&c->at[i].in);
        jn_buf_free(&c->at[i].out);
    }
}

/* The connection broke. A request on one that had lain idle is asked again: the other side had closed it meanwhile. */
static void broken(struct jn_chat_load *c, struct jn_chat_connection *k, uint64_t now)
{
    bool busy = k->busy;
    uint32_t customer = k->customer;
    forget(k);
    if (k->feed) {
        c->feed_failed = true;
        c->feed_up = false;
        if (!c->counts.why[0])
            snprintf(c->counts.why, sizeof c->counts.why, "the agents' event stream ended: delivery is not measured");
    } else if (busy) {
        jn_chat_answered(c, customer, 0, "", 0, now);
    }
}

static void push(struct jn_chat_load *c, struct jn_chat_connection *k, uint64_t now)
{
    while (k->sent < k->out.len) {
        ssize_t n = send(k->fd, k->out.data + k->sent, k->out.len - k->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == ENOTCONN))
            return;
        if (n < 0) {
            broken(c, k, now);
            return;
        }
        k->sent += (size_t)n;
    }
}

bool jn_chat_http_ask(struct jn_chat_load *c, uint32_t customer, const char *path, const char *token,
                      const struct jn_buf *body, uint64_t now)
{
    struct jn_chat_connection *k = NULL;
    for (unsigned i = 0; i < JN_CHAT_CONNECTIONS && !(k && k->fd >= 0); i++) /* an open one before a new one */
        if (!c->at[i].busy && (!k || c->at[i].fd >= 0))
            k = &c->at[i];
    if (!k || (k->fd < 0 && !dial(c, k)))
        return false;
    k->busy = true;
    k->customer = customer;
    k->sent = 0;
    jn_buf_clear(&k->in);
    jn_buf_clear(&k->out);
    jn_buf_printf(&k->out, "POST %s HTTP/1.1\r\nHost: junctor\r\n", path);
    if (body->len)
        jn_buf_text(&k->out, "Content-Type: application/json\r\n");
    if (token[0])
        jn_buf_printf(&k->out, "Authorization: Bearer %s\r\n", token);
    jn_buf_printf(&k->out, "Content-Length: %zu\r\n\r\n%s", body->len, body->len ? body->data : "");
    push(c, k, now);
    return true;
}

static void listen_in(struct jn_chat_load *c, uint64_t now)
{
    struct jn_chat_connection *k = &c->at[FEED];
    uint8_t nonce[16];
    char key[32];
    if (!dial(c, k)) {
        broken(c, k, now);
        return;
    }
    jn_random(nonce, sizeof nonce);
    jn_base64(key, nonce, sizeof nonce);
    k->sent = 0;
    jn_buf_printf(&k->out,
                  "GET /api/v1/events HTTP/1.1\r\nHost: junctor\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\nAuthorization: Bearer %s\r\n\r\n",
                  key, c->c.feed);
    push(c, k, now);
}

static void drop_front(struct jn_buf *b, size_t n)
{
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
    b->data[b->len] = 0;
}

/* Frames of the event stream; pings are answered (5.5.3), anything that is no frame ends it. */
static void take_frames(struct jn_chat_load *c, struct jn_chat_connection *k, uint64_t now)
{
    struct jn_ws_in f;
    size_t at = 0;
    int rc;
    while ((rc = jn_ws_read(&f, (uint8_t *)k->in.data + at, k->in.len - at)) == 1) {
        const char *body = k->in.data + at + f.head;
        if (f.opcode <= 2)
            jn_chat_seen(c, body, f.body, now);
        if (f.opcode == 9 && f.body < 126) {
            uint8_t pong[6 + 125] = {0x8a, (uint8_t)(0x80 | f.body)}; /* masked with zeros */
            memcpy(pong + 6, body, f.body);
            if (send(k->fd, pong, 6 + f.body, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                rc = -EPIPE;
        }
        at += f.head + f.body;
        if (f.opcode == 8 || rc < 0)
            break;
    }
    if (rc < 0 || f.opcode == 8)
        broken(c, k, now);
    else
        drop_front(&k->in, at);
}

static void take(struct jn_chat_load *c, struct jn_chat_connection *k, uint64_t now)
{
    struct jn_http_in h;
    if (k->feed && c->feed_up) {
        take_frames(c, k, now);
        return;
    }
    int rc = jn_http_read(&h, k->in.data, k->in.len);
    if (rc < 0 || (k->feed && rc == 1 && h.status != 101)) {
        broken(c, k, now);
    } else if (rc == 1 && k->feed) {
        drop_front(&k->in, h.head);
        c->feed_up = true;
        take_frames(c, k, now);
    } else if (rc == 1 && k->in.len >= h.head + h.body) {
        k->busy = false;
        jn_chat_answered(c, k->customer, h.status, k->in.data + h.head, h.body, now);
        if (h.close && !k->busy)
            forget(k);
    }
}

static void receive(struct jn_chat_load *c, struct jn_chat_connection *k, uint64_t now)
{
    char block[BLOCK];
    for (;;) {
        ssize_t n = recv(k->fd, block, sizeof block, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n > 0)
            jn_buf_add(&k->in, block, (size_t)n);
        if (n <= 0 || k->in.failed) {
            broken(c, k, now);
            return;
        }
        if (n < (ssize_t)sizeof block)
            break;
    }
    if (k->in.len)
        take(c, k, now);
}

void jn_chat_http_turn(struct jn_chat_load *c, uint64_t now)
{
    struct pollfd p[JN_CHAT_CONNECTIONS + 1];
    struct jn_chat_connection *who[JN_CHAT_CONNECTIONS + 1];
    nfds_t n = 0;
    if (c->c.feed[0] && c->at[FEED].fd < 0 && !c->feed_failed)
        listen_in(c, now);
    for (unsigned i = 0; i <= JN_CHAT_CONNECTIONS; i++) {
        struct jn_chat_connection *k = &c->at[i];
        if (k->fd < 0)
            continue;
        p[n] = (struct pollfd){.fd = k->fd, .events = POLLIN};
        p[n].events |= k->sent < k->out.len ? POLLOUT : 0;
        who[n++] = k;
    }
    if (!n || poll(p, n, 0) <= 0)
        return;
    for (nfds_t i = 0; i < n; i++) {
        if (p[i].revents & POLLOUT && who[i]->fd == p[i].fd)
            push(c, who[i], now);
        if (p[i].revents & (POLLIN | POLLHUP | POLLERR) && who[i]->fd == p[i].fd)
            receive(c, who[i], now);
    }
}
