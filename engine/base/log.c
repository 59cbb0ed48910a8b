/* Log: formatting into one buffer and one write. */
#include "engine/base/log.h"
#include "engine/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Atomic int level_now = JN_LOG_INFO;
static _Atomic int log_fd = STDERR_FILENO;
static const char *const level_names[] = {"error", "warn", "info", "debug"};

void jn_log_level_set(enum jn_log_level level)
{
    atomic_store_explicit(&level_now, (int)level, memory_order_relaxed);
}

int jn_log_level_parse(const char *name, enum jn_log_level *out)
{
    for (unsigned i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *out = (enum jn_log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}

int jn_log_open(const char *path)
{
    int fd = STDERR_FILENO;

    if (path) {
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        if (fd < 0)
            return -errno;
    }
    int old = atomic_exchange_explicit(&log_fd, fd, memory_order_relaxed);
    if (old != STDERR_FILENO)
        close(old);
    return 0;
}

void jn_log(enum jn_log_level level, const char *module, const char *fmt, ...)
{
    char text[1024], line[2300];
    va_list args;

    if ((int)level > atomic_load_explicit(&level_now, memory_order_relaxed))
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);

    uint64_t us = jn_wall_us();
    time_t s = (time_t)(us / 1000000);
    struct tm t;
    gmtime_r(&s, &t);
    int n =
        snprintf(line, 128, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ %-5s %s: ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                 t.tm_hour, t.tm_min, t.tm_sec, (unsigned)(us / 1000 % 1000), level_names[level], module);
    size_t o = n < 127 ? (size_t)n : 127;
    for (const unsigned char *p = (const unsigned char *)text; *p && o < sizeof line - 6; p++) {
        if (*p < 0x20 || *p == 0x7f)
            o += (size_t)snprintf(line + o, 5, "\\x%02x", *p);
        else
            line[o++] = (char)*p;
    }
    line[o++] = '\n';
    ssize_t wrote = write(atomic_load_explicit(&log_fd, memory_order_relaxed), line, o);
    (void)wrote; /* nowhere left to say it */
}
