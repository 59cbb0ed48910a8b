/* Http client: see http_client.h. */
#include "engine/app/http_client.h"
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { HEAD_MAX = 16384 };

static int split(const char *url, char host[static 128], char port[static 8], struct jn_err *err)
{
    uint64_t number;
    if (strncmp(url, "http://", 7))
        return jn_fail(err, -EINVAL, "%s: must begin with http://", url);
    const char *h = url + 7, *end = h + strcspn(h, "/"), *colon = NULL;
    bool six = *h == '[';
    for (const char *p = h; p < end; p++)
        if (*p == ':' && (!six || p[-1] == ']'))
            colon = p;
    const char *host_end = colon ? colon : end;
    if (six) {
        if (host_end[-1] != ']')
            return jn_fail(err, -EINVAL, "%s: the bracket is not closed", url);
        h++;
        host_end--;
    }
    if (end[0] && end[1])
        return jn_fail(err, -EINVAL, "%s: give it without a path", url);
    if (host_end <= h || !jn_copy_n(host, 128, h, (size_t)(host_end - h)) ||
        !jn_copy_n(port, 8, colon ? colon + 1 : "80", colon ? (size_t)(end - colon - 1) : 2) ||
        jn_parse_u64(port, 65535, &number) || !number)
        return jn_fail(err, -EINVAL, "%s: is not http://HOST:PORT", url);
    return 0;
}

static int dial(const char *url, struct jn_err *err)
{
    char host[128], port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all;
    struct timeval wait = {.tv_sec = JN_HTTP_WAIT_S};
    int rc = split(url, host, port, err), fd = -1;
    if (rc)
        return rc;
    int gai = getaddrinfo(host, port, &hints, &all);
    if (gai)
        return jn_fail(err, -EINVAL, "%s: %s", host, gai_strerror(gai));
    rc = -ECONNREFUSED;
    for (struct addrinfo *a = all; a; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
        if (!connect(fd, a->ai_addr, a->ai_addrlen))
            break;
        rc = -errno;
        close(fd);
        fd = -1;
    }
    freeaddrinfo(all);
    return fd >= 0 ? fd : jn_fail(err, rc, "%s: %s", url, strerror(-rc));
}

static int send_all(int fd, const struct jn_buf *b, struct jn_err *err)
{
    for (size_t at = 0; at < b->len;) {
        ssize_t n = send(fd, b->data + at, b->len - at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            return 0; /* refused before it was read: the answer says why */
        if (n < 0)
            return jn_fail(err, -ETIMEDOUT, "the engine does not read: %s", strerror(errno));
        at += (size_t)n;
    }
    return 0;
}

/* What one header says; NULL when it is not there. head is terminated. */
static const char *header(const char *head, const char *name)
{
    size_t n = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
        if (!strncasecmp(line + 2, name, n) && line[2 + n] == ':')
            return line + 3 + n + strspn(line + 3 + n, " ");
    return NULL;
}

static int receive(int fd, struct jn_buf *out, struct jn_err *err)
{
    struct jn_buf in = {.max = JN_HTTP_BODY_MAX + HEAD_MAX};
    char block[16384];
    size_t want = SIZE_MAX, head = 0;
    long status = 0;
    int rc = 0;
    while (in.len < want && !rc) {
        ssize_t n = recv(fd, block, sizeof block, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            rc = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)
                     ? jn_fail(err, -ETIMEDOUT, "no answer within %d s", JN_HTTP_WAIT_S)
                     : jn_fail(err, -EPROTO, "the connection ended in the middle of the answer");
            break;
        }
        jn_buf_add(&in, block, (size_t)n);
        const char *end = in.failed ? NULL : strstr(in.data, "\r\n\r\n");
        if (in.failed) {
            rc = jn_fail(err, -EFBIG, "the answer is too large");
        } else if (!head && end) {
            head = (size_t)(end - in.data) + 4;
            in.data[head - 2] = 0;
            uint64_t length = 0;
            const char *said = header(in.data, "content-length");
            char number[24];
            status = strncmp(in.data, "HTTP/1.1 ", 9) ? 0 : strtol(in.data + 9, NULL, 10);
            if (status < 100 || status > 599 || !said ||
                !jn_copy_n(number, sizeof number, said, strcspn(said, " \r\n")) ||
                jn_parse_u64(number, JN_HTTP_BODY_MAX, &length))
                rc = jn_fail(err, -EPROTO, "the answer is not one of a Junctor engine");
            want = head + (size_t)length;
        } else if (!head && in.len > HEAD_MAX) {
            rc = jn_fail(err, -EPROTO, "the answer is not one of a Junctor engine");
        }
    }
    if (!rc)
        jn_buf_add(out, in.data + head, want - head);
    jn_buf_free(&in);
    return rc ? rc : (int)status;
}

int jn_http_call(const char *url, const char *method, const char *path, const char *token, const char *type,
                 const struct jn_buf *body, struct jn_buf *out, struct jn_err *err)
{
    struct jn_buf ask = {0};
    int fd = dial(url, err);
    if (fd < 0)
        return fd;
    jn_buf_printf(&ask, "%s %s HTTP/1.1\r\nHost: junctor\r\nConnection: close\r\n", method, path);
    if (token && *token)
        jn_buf_printf(&ask, "Authorization: Bearer %s\r\n", token);
    if (type)
        jn_buf_printf(&ask, "Content-Type: %s\r\n", type);
    if (body || !strcmp(method, "POST"))
        jn_buf_printf(&ask, "Content-Length: %zu\r\n", body ? body->len : 0);
    jn_buf_text(&ask, "\r\n");
    if (body)
        jn_buf_add(&ask, body->data, body->len);
    int rc = ask.failed ? jn_fail(err, -ENOMEM, "no memory") : send_all(fd, &ask, err);
    if (!rc)
        rc = receive(fd, out, err);
    if (ask.data)
        explicit_bzero(ask.data, ask.len);
    jn_buf_free(&ask);
    close(fd);
    return rc;
}
