/* File: the kernel's file calls behind the table of file.h, and the few loops that everybody in this folder needs. */
#include "engine/store/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int k_open(const char *path, int flags, unsigned mode)
{
    int fd = open(path, flags | O_CLOEXEC, (mode_t)mode);
    return fd < 0 ? -errno : fd;
}

static ssize_t k_pread(int fd, void *out, size_t n, uint64_t off)
{
    ssize_t got = pread(fd, out, n, (off_t)off);
    return got < 0 ? -errno : got;
}

static ssize_t k_pwrite(int fd, const void *bytes, size_t n, uint64_t off)
{
    ssize_t put = pwrite(fd, bytes, n, (off_t)off);
    return put < 0 ? -errno : put;
}

static int k_sync(int fd)
{
    return fdatasync(fd) < 0 ? -errno : 0;
}

static int k_truncate(int fd, uint64_t size)
{
    return ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
}

static int64_t k_size(int fd)
{
    struct stat st;
    return fstat(fd, &st) < 0 ? -errno : (int64_t)st.st_size;
}

static int k_rename(const char *from, const char *to)
{
    return rename(from, to) < 0 ? -errno : 0;
}

static int k_unlink(const char *path)
{
    return unlink(path) < 0 ? -errno : 0;
}

static int k_make_dir(const char *path)
{
    return mkdir(path, 0750) < 0 && errno != EEXIST ? -errno : 0;
}

static int k_sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

static int k_list(const char *dir, void (*each)(void *arg, const char *name), void *arg)
{
    DIR *d = opendir(dir);
    struct dirent *entry;

    if (!d)
        return -errno;
    while ((entry = readdir(d)))
        each(arg, entry->d_name);
    closedir(d);
    return 0;
}

static void k_close(int fd)
{
    close(fd);
}

const struct jn_file_ops jn_files_kernel = {.open = k_open,
                                            .pread = k_pread,
                                            .pwrite = k_pwrite,
                                            .sync = k_sync,
                                            .truncate = k_truncate,
                                            .size = k_size,
                                            .rename = k_rename,
                                            .unlink = k_unlink,
                                            .make_dir = k_make_dir,
                                            .sync_dir = k_sync_dir,
                                            .list = k_list,
                                            .close = k_close};
const struct jn_file_ops *jn_files = &jn_files_kernel;

int jn_file_write(int fd, const void *bytes, size_t n, uint64_t off)
{
    const uint8_t *p = bytes;

    while (n > 0) {
        ssize_t put = jn_files->pwrite(fd, p, n, off);
        if (put == -EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? (int)put : -ENOSPC;
        p += put;
        off += (uint64_t)put;
        n -= (size_t)put;
    }
    return 0;
}

ssize_t jn_file_read(int fd, void *out, size_t n, uint64_t off)
{
    size_t all = 0;

    while (all < n) {
        ssize_t got = jn_files->pread(fd, (uint8_t *)out + all, n - all, off + all);
        if (got == -EINTR)
            continue;
        if (got < 0)
            return got;
        if (got == 0)
            break;
        all += (size_t)got;
    }
    return (ssize_t)all;
}

int jn_file_load(const char *path, size_t max, uint8_t **out, size_t *n)
{
    int fd = jn_files->open(path, O_RDONLY, 0);
    if (fd < 0)
        return fd;
    int64_t size = jn_files->size(fd);
    int rc = size < 0 ? (int)size : (uint64_t)size > max ? -EFBIG : 0;
    size_t want = rc == 0 ? (size_t)size & SIZE_MAX >> 1 : 0; /* the mask tells the compiler that it is no huge size */
    uint8_t *bytes = rc == 0 ? malloc(want + 1) : NULL;

    if (rc == 0 && !bytes)
        rc = -ENOMEM;
    ssize_t got = rc == 0 ? jn_file_read(fd, bytes, want, 0) : rc;
    jn_files->close(fd);
    if (got < 0) {
        free(bytes);
        return (int)got;
    }
    *out = bytes;
    *n = (size_t)got;
    return 0;
}

int jn_file_dir(const char *dir)
{
    char parent[1024];
    int rc = jn_files->make_dir(dir);

    if (rc < 0)
        return rc;
    if (!jn_copy(parent, sizeof parent, dir))
        return -ENAMETOOLONG;
    size_t n = strlen(parent);
    while (n > 1 && parent[n - 1] == '/')
        parent[--n] = 0;
    char *slash = strrchr(parent, '/');
    if (!slash)
        return jn_files->sync_dir(".");
    slash[slash == parent ? 1 : 0] = 0;
    return jn_files->sync_dir(parent);
}

struct listing {
    struct jn_names *names;
    const char *suffix;
    int rc;
};

static void take_name(void *arg, const char *name)
{
    struct listing *l = arg;
    struct jn_names *names = l->names;
    size_t n = strlen(name), s = strlen(l->suffix);

    if (l->rc < 0 || n <= s || strcmp(name + n - s, l->suffix) != 0)
        return;
    if (names->count == names->cap) {
        size_t cap = names->cap ? names->cap * 2 : 16;
        char **grown = realloc(names->at, cap * sizeof *grown);
        if (!grown) {
            l->rc = -ENOMEM;
            return;
        }
        names->at = grown;
        names->cap = cap;
    }
    char *copy = strdup(name);
    if (copy)
        names->at[names->count++] = copy;
    else
        l->rc = -ENOMEM;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int jn_names_list(struct jn_names *names, const char *dir, const char *suffix)
{
    struct listing l = {.names = names, .suffix = suffix};

    *names = (struct jn_names){0};
    int rc = jn_files->list(dir, take_name, &l);
    if (rc == 0)
        rc = l.rc;
    if (rc < 0)
        jn_names_free(names);
    else if (names->count > 1)
        qsort(names->at, names->count, sizeof *names->at, by_name);
    return rc;
}

void jn_names_free(struct jn_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->at[i]);
    free(names->at);
    *names = (struct jn_names){0};
}
