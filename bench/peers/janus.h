/* Janus: Debian's Janus with AudioBridge alone, as a child: its folder of configuration, rooms of three, participants
 * that speak plain RTP (HTTP API on loopback). */
#ifndef JN_BENCH_PEERS_JANUS_H
#define JN_BENCH_PEERS_JANUS_H

#include "bench/peers/paced.h"
#include "engine/api/json.h"
#include <inttypes.h>

enum { JANUS_LEGS = 300, JANUS_HTTP = 18088 };

struct janus {
    struct paced *p;
    char dir[40], path[64];
    int64_t session, handle[JANUS_LEGS];
    unsigned asked;
};

static inline void janus_file(const struct janus *j, const char *name, const char *text)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", j->dir, name);
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        plane_die("Janus's configuration cannot be written");
}

/* One request, GET without a body; its answer, which the caller frees, or NULL. HTTP/1.0: Janus answers newer clients
 * in chunks. */
static inline struct jn_json *janus_ask(struct janus *j, const char *path, const char *body)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(JANUS_HTTP), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 40}; /* longer than Janus lets one wait for an event */
    static char text[65536];
    struct jn_err why;
    size_t got = 0;
    ssize_t n = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    j->asked++;
    if (fd < 0)
        return NULL;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    int len = snprintf(text, sizeof text, "%s %s HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: %zu\r\n\r\n%s",
                       body ? "POST" : "GET", path, body ? strlen(body) : 0, body ? body : "");
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 && send(fd, text, (size_t)len, MSG_NOSIGNAL) == len)
        while (got < sizeof text - 1 && (n = recv(fd, text + got, sizeof text - 1 - got, 0)) > 0)
            got += (size_t)n;
    close(fd);
    text[got] = 0;
    const char *at = strstr(text, "\r\n\r\n");
    return at && got > 0 ? jn_json_parse(at + 4, strlen(at + 4), &why) : NULL;
}

/* The id that something new has got. */
static inline int64_t janus_new(struct janus *j, const char *path, const char *ask, const char *plugin)
{
    char body[200];

    snprintf(body, sizeof body, "{\"janus\":\"%s\",\"transaction\":\"%u\",\"plugin\":\"%s\"}", ask, j->asked, plugin);
    struct jn_json *a = janus_ask(j, path, body);
    int64_t id = jn_json_int(jn_json_get(jn_json_get(a, "data"), "id"), 0);
    jn_json_free(a);
    return id;
}

static inline bool janus_message(struct janus *j, int64_t handle, const char *words)
{
    char path[96], body[400];

    snprintf(path, sizeof path, "%s/%" PRId64, j->path, handle);
    snprintf(body, sizeof body, "{\"janus\":\"message\",\"transaction\":\"%u\",\"body\":{%s}}", j->asked, words);
    struct jn_json *a = janus_ask(j, path, body);
    const char *kind = jn_json_text(jn_json_get(a, "janus"));
    bool good = kind && (strcmp(kind, "success") == 0 || strcmp(kind, "ack") == 0);
    jn_json_free(a);
    return good;
}

static inline void janus_start(struct janus *j)
{
    strcpy(j->dir, "/tmp/junctor-janus-XXXXXX");
    if (!mkdtemp(j->dir))
        plane_die("no folder for Janus");
    janus_file(j, "janus.jcfg",
               "general: { debug_level = 0 debug_colors = false session_timeout = 0 }\nmedia: { ipv6 = false }\n"
               "plugins: { disable = \"libjanus_duktape.so,libjanus_echotest.so,libjanus_lua.so,libjanus_nosip.so,"
               "libjanus_recordplay.so,libjanus_sip.so,libjanus_streaming.so,libjanus_textroom.so,"
               "libjanus_videocall.so,libjanus_videoroom.so,libjanus_voicemail.so\" }\n"
               "transports: { disable = \"libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so,"
               "libjanus_rabbitmq.so,libjanus_websockets.so\" }\n");
    janus_file(j, "janus.transport.http.jcfg",
               "general: { json = \"compact\" base_path = \"/janus\" http = true port = 18088 "
               "ip = \"127.0.0.1\" https = false }\nadmin: { admin_http = false }\n");
    janus_file(j, "janus.plugin.audiobridge.jcfg", "general: { local_ip = \"127.0.0.1\" }\n");
    j->p->pid = fork();
    if (j->p->pid == 0) {
        char folder[64];
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        paced_pin(0);
        snprintf(folder, sizeof folder, "--configs-folder=%s", j->dir);
        if (!freopen("/dev/null", "w", stdout))
            _exit(1);
        execlp("janus", "janus", folder, "--disable-colors", "--debug-level=0", (char *)NULL);
        fprintf(stderr, "janus is missing: engine/install bench\n");
        _exit(1);
    }
    for (unsigned i = 0; i < 100 && j->session == 0; i++) {
        usleep(100000);
        if (waitpid(j->p->pid, NULL, WNOHANG) == j->p->pid)
            plane_die("Janus ended at its start");
        j->session = janus_new(j, "/janus", "create", "");
    }
    if (j->session == 0)
        plane_die("Janus does not serve");
    snprintf(j->path, sizeof j->path, "/janus/%" PRId64, j->session);
}

/* Whom the events tell the port of; returns how many. */
static inline unsigned janus_events(struct janus *j)
{
    char path[96];
    unsigned n = 0;

    snprintf(path, sizeof path, "%s?maxev=50", j->path);
    struct jn_json *a = janus_ask(j, path, NULL);
    for (size_t i = 0; i < jn_json_count(a); i++) {
        const struct jn_json *e = jn_json_at(a, i);
        const struct jn_json *data = jn_json_get(jn_json_get(e, "plugindata"), "data");
        int64_t from = jn_json_int(jn_json_get(e, "sender"), 0),
                port = jn_json_int(jn_json_get(jn_json_get(data, "rtp"), "port"), 0);
        for (unsigned k = 0; port > 0 && k < JANUS_LEGS; k++)
            if (j->handle[k] == from && j->p->port[k] == 0) {
                j->p->port[k] = (uint16_t)port;
                n++;
            }
    }
    jn_json_free(a);
    return n;
}

/* JANUS_LEGS participants in rooms of three; p->pid is Janus, p->port where each of them sends to. */
static inline void janus_open(struct janus *j, struct paced *p, const struct paced_far *far)
{
    char words[256];
    unsigned joined = 0;

    *j = (struct janus){.p = p};
    p->name = "Janus AudioBridge";
    p->legs = JANUS_LEGS;
    p->pt = 8;
    p->fill = 0x31;
    memset(p->port, 0, sizeof p->port);
    janus_start(j);
    for (unsigned i = 0; i < JANUS_LEGS; i++) {
        j->handle[i] = janus_new(j, j->path, "attach", "janus.plugin.audiobridge");
        if (i % 3 == 0) {
            snprintf(words, sizeof words,
                     "\"request\":\"create\",\"room\":%u,\"sampling_rate\":8000,\"allow_rtp_participants\":true",
                     i / 3 + 1);
            if (!janus_message(j, j->handle[i], words))
                plane_die("Janus refused a room");
        }
        snprintf(words, sizeof words,
                 "\"request\":\"join\",\"room\":%u,\"codec\":\"pcma\",\"rtp\":{\"ip\":\"127.0.0.1\",\"port\":%u,"
                 "\"payload_type\":8}",
                 i / 3 + 1, far->addr.port);
        if (j->handle[i] == 0 || !janus_message(j, j->handle[i], words))
            plane_die("Janus refused a participant");
    }
    for (unsigned i = 0; i < 100 && joined < JANUS_LEGS; i++)
        joined += janus_events(j);
    if (joined < JANUS_LEGS)
        plane_die("not every participant joined Janus's rooms");
}

static inline void janus_close(struct janus *j)
{
    char clean[80];

    paced_end(j->p);
    snprintf(clean, sizeof clean, "rm -rf '%s'", j->dir);
    if (system(clean) != 0)
        fprintf(stderr, "%s is left behind\n", j->dir);
}

#endif
