/* Cmd trace: one call as it went over the wire. */
#include "engine/app/cmd.h"
#include "engine/app/cmd_api.h"
#include "engine/app/http_client.h"
#include "engine/base/id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: junctor trace CALL [--pcap FILE] [OPTIONS]\n\n"
    "What one call (an interaction's id) was on the wire: the ladder of its SIP messages, every one that was sent\n"
    "and received, and what was seen of each leg's media; of a call in progress, how it stood some seconds ago.\n"
    "Works while trace.keep and trace.size_mb keep it, also for calls of an earlier run. Credentials and SRTP "
    "keys\nare overwritten in it.\n\n"
    "  --pcap FILE  the messages as a capture instead, for Wireshark\n" JN_CMD_API_HELP;

/* 0, or the exit code after saying why. */
static int save(const char *path, const struct jn_buf *b)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t done = 0;
    ssize_t n = 1;

    while (fd >= 0 && done < b->len && (n = write(fd, b->data + done, b->len - done)) > 0)
        done += (size_t)n;
    if (fd < 0 || n <= 0 || close(fd) < 0) {
        fprintf(stderr, "junctor trace: %s: %s\n", path, strerror(errno));
        return 1;
    }
    printf("%s\n", path);
    return 0;
}

static int fetch(struct jn_cmd_api *c, const char *path, struct jn_buf *answer)
{
    struct jn_err err = {""};
    int rc = jn_http_call(c->url, "GET", path, c->token, NULL, NULL, answer, &err);

    if (rc < 0) {
        fprintf(stderr, "junctor trace: %s\n", err.text);
        return 1;
    }
    if (rc >= 200 && rc < 300)
        return 0;
    struct jn_json *json = jn_json_parse(answer->data ? answer->data : "", answer->len, &err);
    jn_cmd_api_error(c, rc, json);
    jn_json_free(json);
    return 1;
}

/* What is known of it while it goes on; a call that is over has that in its trace. */
static void live(struct jn_cmd_api *c, const char *call)
{
    struct jn_buf answer = {0};
    struct jn_err err = {""};
    char path[96];

    snprintf(path, sizeof path, "/api/v1/calls/%s/quality?format=text", call);
    if (jn_http_call(c->url, "GET", path, c->token, NULL, NULL, &answer, &err) == 200 && answer.len)
        fwrite(answer.data, 1, answer.len, stdout);
    jn_buf_free(&answer);
}

int jn_cmd_trace(int argc, char *argv[])
{
    static const struct option known[] = {{"pcap", required_argument, NULL, 'p'}, JN_CMD_API_OPTIONS, {0}};
    struct jn_cmd_api c = {.verb = "trace"};
    struct jn_buf answer = {0};
    const char *file = NULL;
    char path[96];
    uint64_t id;

    for (int o; (o = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        if (o == 'p')
            file = optarg;
        else if (!jn_cmd_api_option(&c, o, optarg))
            return fputs("try: junctor trace --help\n", stderr), 2;
    }
    if (c.help)
        return fputs(help, stdout), 0;
    if (optind + 1 != argc || jn_id_parse(&id, argv[optind]) < 0)
        return fputs("junctor trace: one CALL, an interaction's id of 13 characters\ntry: junctor trace --help\n",
                     stderr),
               2;
    snprintf(path, sizeof path, "/api/v1/calls/%s/trace?format=%s", argv[optind],
             file     ? "pcap"
             : c.json ? "json"
                      : "text");
    int rc = jn_cmd_api_find(&c);
    if (rc == 0)
        rc = fetch(&c, path, &answer);
    if (rc == 0 && file)
        rc = save(file, &answer);
    else if (rc == 0)
        fwrite(answer.data, 1, answer.len, stdout);
    if (rc == 0 && !file && !c.json)
        live(&c, argv[optind]);
    jn_buf_free(&answer);
    return rc;
}
