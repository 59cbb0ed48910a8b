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
static char log_path[1024];
/* Filled before the count tells of it; a slot is used again for the same name only. */
static struct {
    char name[16];
    _Atomic int level;
} modules[JN_LOG_MODULES];
static _Atomic unsigned n_modules;
enum { FOLLOWS = -1 };

void jn_log_level_set(enum jn_log_level level)
{
    atomic_store_explicit(&level_now, (int)level, memory_order_relaxed);
}

enum jn_log_level jn_log_level_get(void)
{
    return (enum jn_log_level)atomic_load_explicit(&level_now, memory_order_relaxed);
}

const char *jn_log_level_name(enum jn_log_level level)
{
    return (unsigned)level < sizeof level_names / sizeof *level_names ? level_names[level] : "?";
}

int jn_log_module_set(const char *module, enum jn_log_level level)
{
    unsigned n = atomic_load_explicit(&n_modules, memory_order_relaxed), i = 0;
    size_t len = strlen(module);

    if (!len || len >= sizeof modules[0].name)
        return -EINVAL;
    while (i < n && strcmp(modules[i].name, module) != 0)
        i++;
    if (i == JN_LOG_MODULES)
        return -ENOSPC;
    if (i == n)
        memcpy(modules[i].name, module, len + 1);
    atomic_store_explicit(&modules[i].level, (int)level, memory_order_relaxed);
    if (i == n)
        atomic_store_explicit(&n_modules, n + 1, memory_order_release);
    return 0;
}

void jn_log_modules_clear(void)
{
    for (unsigned i = atomic_load_explicit(&n_modules, memory_order_relaxed); i-- > 0;)
        atomic_store_explicit(&modules[i].level, FOLLOWS, memory_order_relaxed);
}

static int level_of(const char *module)
{
    for (unsigned i = atomic_load_explicit(&n_modules, memory_order_acquire); i-- > 0;)
        if (strcmp(modules[i].name, module) == 0) {
            int own = atomic_load_explicit(&modules[i].level, memory_order_relaxed);
            if (own != FOLLOWS)
                return own;
        }
    return atomic_load_explicit(&level_now, memory_order_relaxed);
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

    if (path && strlen(path) >= sizeof log_path)
        return -ENAMETOOLONG;
    strcpy(log_path, path ? path : "");
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

int jn_log_reopen(void)
{
    if (!log_path[0])
        return 0;
    int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0)
        return -errno;
    /* In place: a thread that is about to write has the number already. */
    int rc = dup3(fd, atomic_load_explicit(&log_fd, memory_order_relaxed), O_CLOEXEC) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

void jn_log(enum jn_log_level level, const char *module, const char *fmt, ...)
{
    char text[1024], line[2300];
    va_list args;

    if ((int)level > level_of(module))
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
