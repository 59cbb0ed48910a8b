/* Ng: rtpengine's control protocol (a cookie, a space, a bencoded dictionary, over UDP), as much as a relay of calls
 * needs: offer and answer. */
#ifndef JN_BENCH_PEERS_NG_H
#define JN_BENCH_PEERS_NG_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct ng {
    int fd;
    unsigned cookie;
};

/* 0, or -1: no socket. */
static inline int ng_open(struct ng *ng, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 2};

    ng->fd = socket(AF_INET, SOCK_DGRAM, 0);
    ng->cookie = 0;
    if (ng->fd < 0 || connect(ng->fd, (struct sockaddr *)&to, sizeof to) < 0)
        return -1;
    setsockopt(ng->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return 0;
}

/* One request; the answer's length, or -1. */
static inline long ng_ask(struct ng *ng, const char *dictionary, char *answer, size_t room)
{
    char text[4096];
    int n = snprintf(text, sizeof text, "%u %s", ++ng->cookie, dictionary);

    if (n < 0 || (size_t)n >= sizeof text || send(ng->fd, text, (size_t)n, 0) < 0)
        return -1;
    long got = recv(ng->fd, answer, room - 1, 0);
    if (got > 0)
        answer[got] = 0;
    return got;
}

static inline int ng_ping(struct ng *ng)
{
    char answer[256];
    return ng_ask(ng, "d7:command4:pinge", answer, sizeof answer) > 0 && strstr(answer, "4:pong") ? 0 : -1;
}

static inline char *ng_word(char *at, const char *key, const char *value)
{
    return at + sprintf(at, "%zu:%s%zu:%s", strlen(key), key, strlen(value), value);
}

/* Side 0 offers, side 1 answers; far: that side's own RTP port. Returns the port that rtpengine has for the other side
 * (offer) or for this call's first (answer), 0 when it refused. */
static inline uint16_t ng_side(struct ng *ng, unsigned call, unsigned side, uint16_t far)
{
    char sdp[400], ask[1200], answer[4096], id[32], *at = ask;
    static const char *const tag[] = {"caller", "callee"};

    snprintf(sdp, sizeof sdp,
             "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %u RTP/AVP 0\r\n"
             "a=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n",
             far);
    snprintf(id, sizeof id, "call-%u", call);
    at += sprintf(at, "d");
    at = ng_word(at, "ICE", "remove");
    at = ng_word(at, "call-id", id);
    at = ng_word(at, "command", side ? "answer" : "offer");
    at += sprintf(at, "5:flagsl13:trust-addresse");
    at = ng_word(at, "from-tag", tag[0]);
    at = ng_word(at, "sdp", sdp);
    if (side)
        at = ng_word(at, "to-tag", tag[1]);
    sprintf(at, "e");
    if (ng_ask(ng, ask, answer, sizeof answer) < 0)
        return 0;
    const char *m = strstr(answer, "m=audio ");
    return m ? (uint16_t)strtoul(m + 8, NULL, 10) : 0;
}

#endif
