#include "engine/app/data_format.h"
#include "engine/app/engine.h"
#include "engine/app/holder.h"
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static uint64_t parsed(const char *text)
{
    uint64_t v = 0;
    return jn_data_format_parse(text, strlen(text), &v) == 0 ? v : 0;
}

Test(data_format, text)
{
    cr_assert_eq(parsed("junctor data 1\n"), 1);
    cr_assert_eq(parsed("junctor data 17"), 17);
    const char *const bad[] = {"",
                               "junctor data",
                               "junctor data \n",
                               "junctor data 0\n",
                               "junctor data -1\n",
                               "junctor data 1x\n",
                               "junctor data 99999999999\n",
                               "Junctor data 1\n",
                               "something else entirely, and much longer than a line of ours would ever be"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(parsed(bad[i]), 0, "taken: \"%s\"", bad[i]);
}

Test(data_format, folder)
{
    char dir[] = "/tmp/junctor-format-XXXXXX", path[64];
    struct jn_err err = {{0}};
    uint64_t v = 0;
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(jn_data_format_read(dir, &v, &err), 0);
    cr_assert_eq(v, 1, "a folder without the mark is the first version's");
    cr_assert_eq(jn_data_format_claim(dir, true, &err), 0, "%s", err.text);
    cr_assert_eq(jn_data_format_read(dir, &v, &err), 0);
    cr_assert_eq(v, JN_DATA_FORMAT);
    snprintf(path, sizeof path, "%s/format", dir);
    cr_assert_eq(jn_replace_file(path, "junctor data 1000\n", 18, 0600), 0);
    cr_assert_eq(jn_data_format_claim(dir, false, &err), -EPROTO);
    cr_assert_not_null(strstr(err.text, "newer version"), "%s", err.text);
    struct jn_buf text = {0};
    cr_assert_eq(jn_read_file(path, 100, &text), 0);
    cr_assert_str_eq(text.data, "junctor data 1000\n", "a refusal changes nothing");
    jn_buf_free(&text);
    unlink(path);
    rmdir(dir);
}

/* The tests' own process is who holds it. */
Test(holder, names_this_process)
{
    for (int tcp = 0; tcp < 2; tcp++) {
        char who[128], mine[32];
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t n = sizeof a;
        int fd = socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
        cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&a, n) == 0 &&
                  getsockname(fd, (struct sockaddr *)&a, &n) == 0);
        cr_assert(!tcp || listen(fd, 1) == 0);
        snprintf(mine, sizeof mine, "(pid %d)", (int)getpid());
        cr_assert(jn_port_holder(ntohs(a.sin_port), who, sizeof who));
        cr_assert_not_null(strstr(who, mine), "%s, not %s", who, mine);
        close(fd);
        cr_assert_not(jn_port_holder(ntohs(a.sin_port), who, sizeof who), "free again, said %s", who);
    }
}
