/* Fault file system: a disk in memory under engine/store/file.h that knows what was synced. A crash throws away what
 * was not: any subset of unsynced writes, in any order, each whole or torn at a byte; unsynced names too. It also fills
 * up, writes short, and fails syncs (after which the kernel forgets the dirty pages, so a later good sync proves
 * nothing). One disk a process; header only, since tests and fuzzers are single sources. */
#ifndef JN_TEST_FAULT_FS_H
#define JN_TEST_FAULT_FS_H

#include "engine/base/rand.h"
#include "engine/store/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FF_FILES = 4096, FF_FDS = 64, FF_PENDING = 256 };

struct ff_bytes {
    uint8_t *at;
    size_t n, cap;
};
struct ff_change { /* not synced yet; n == SIZE_MAX: cut to off */
    uint64_t off;
    size_t n;
    uint8_t *bytes;
};
struct ff_file {
    char live[96], safe[96]; /* its name, and its name after a crash; empty: none */
    struct ff_bytes now, disk;
    struct ff_change change[FF_PENDING];
    unsigned changes;
    bool used;
};
static struct {
    struct ff_file *file[FF_FILES];
    unsigned files;
    int fd[FF_FDS];
    uint64_t seed;
    /* faults: how many bytes may still be written (full disk); one in N calls fails (0: never) */
    uint64_t room;
    unsigned short_one_in, write_fail_one_in, sync_fail_one_in, dir_fail_one_in;
    uint64_t syncs, calls, crash_at; /* crash_at: from that call on everything fails, as if the power went */
} ff;

static inline uint64_t ff_rand(uint64_t below)
{
    return below ? jn_splitmix(&ff.seed) % below : 0;
}

static inline bool ff_hit(unsigned one_in)
{
    return one_in > 0 && ff_rand(one_in) == 0;
}

static inline bool ff_dead(void)
{
    return ++ff.calls > ff.crash_at;
}

static inline void ff_apply(struct ff_bytes *b, uint64_t off, const uint8_t *bytes, size_t n)
{
    if (n == 0)
        return;
    if (off + n > b->cap) {
        b->cap = (off + n) * 2;
        b->at = realloc(b->at, b->cap);
        if (!b->at)
            abort();
    }
    if (off > b->n)
        memset(b->at + b->n, 0, off - b->n);
    memcpy(b->at + off, bytes, n);
    if (off + n > b->n)
        b->n = off + n;
}

static inline void ff_cut(struct ff_bytes *b, uint64_t size)
{
    uint8_t zero = 0;
    if (size > b->n)
        ff_apply(b, size - 1, &zero, 1);
    b->n = size;
}

static inline void ff_do(struct ff_bytes *b, const struct ff_change *c, size_t from, size_t n)
{
    if (c->n == SIZE_MAX)
        ff_cut(b, c->off);
    else
        ff_apply(b, c->off + from, c->bytes + from, n);
}

static inline void ff_forget(struct ff_file *f)
{
    for (unsigned i = 0; i < f->changes; i++)
        free(f->change[i].bytes);
    f->changes = 0;
}

static inline void ff_note(struct ff_file *f, uint64_t off, const void *bytes, size_t n)
{
    if (f->changes == FF_PENDING)
        abort();
    struct ff_change *c = &f->change[f->changes++];
    *c = (struct ff_change){.off = off, .n = n};
    if (n != SIZE_MAX && n > 0) {
        c->bytes = malloc(n);
        if (!c->bytes)
            abort();
        memcpy(c->bytes, bytes, n);
    }
    ff_do(&f->now, c, 0, n);
}

static inline struct ff_file *ff_find(const char *path)
{
    for (unsigned i = 0; i < ff.files; i++)
        if (ff.file[i]->used && strcmp(ff.file[i]->live, path) == 0)
            return ff.file[i];
    return NULL;
}

static inline struct ff_file *ff_of(int fd)
{
    return ff.file[ff.fd[fd - 1000]];
}

static int ff_open(const char *path, int flags, unsigned mode)
{
    (void)mode;
    if (ff_dead())
        return -EIO;
    struct ff_file *f = ff_find(path);
    if (!f) {
        if (!(flags & O_CREAT))
            return -ENOENT;
        for (unsigned i = 0; i < ff.files && !f; i++)
            if (!ff.file[i]->used)
                f = ff.file[i];
        if (!f) {
            if (ff.files == FF_FILES || !(f = calloc(1, sizeof *f)))
                abort();
            ff.file[ff.files++] = f;
        }
        f->used = true;
        snprintf(f->live, sizeof f->live, "%s", path);
    } else if (flags & O_TRUNC) {
        ff_note(f, 0, NULL, SIZE_MAX);
    }
    for (int i = 0; i < FF_FDS; i++)
        if (ff.fd[i] < 0) {
            for (unsigned k = 0; k < ff.files; k++)
                if (ff.file[k] == f)
                    ff.fd[i] = (int)k;
            return 1000 + i;
        }
    abort();
}

static ssize_t ff_pread(int fd, void *out, size_t n, uint64_t off)
{
    struct ff_file *f = ff_of(fd);
    if (off >= f->now.n)
        return 0;
    if (n > f->now.n - off)
        n = f->now.n - off;
    memcpy(out, f->now.at + off, n);
    return (ssize_t)n;
}

static ssize_t ff_pwrite(int fd, const void *bytes, size_t n, uint64_t off)
{
    struct ff_file *f = ff_of(fd);
    if (ff_dead())
        n = ff_rand(n + 1); /* the last write may get half way */
    else if (ff_hit(ff.write_fail_one_in))
        return -EIO;
    if (ff_hit(ff.short_one_in) && n > 1)
        n = 1 + ff_rand(n - 1);
    bool dead = ff.calls > ff.crash_at;
    uint64_t grows = off + n > f->now.n ? off + n - f->now.n : 0;
    if (grows > ff.room) {
        n -= (size_t)(grows - ff.room);
        grows = ff.room;
        if ((int64_t)n <= 0)
            return -ENOSPC;
    }
    ff.room -= grows;
    if (n > 0)
        ff_note(f, off, bytes, n);
    return dead ? -EIO : (ssize_t)n;
}

static int ff_sync(int fd)
{
    struct ff_file *f = ff_of(fd);
    if (ff_dead())
        return -EIO;
    ff.syncs++;
    if (ff_hit(ff.sync_fail_one_in)) {
        /* Some of it reached the disk; the rest is marked clean and never will. */
        for (unsigned i = 0; i < f->changes; i++)
            if (ff_rand(2))
                ff_do(&f->disk, &f->change[i], 0, f->change[i].n);
        ff_forget(f);
        return -EIO;
    }
    for (unsigned i = 0; i < f->changes; i++)
        ff_do(&f->disk, &f->change[i], 0, f->change[i].n);
    ff_forget(f);
    return 0;
}

static int ff_truncate(int fd, uint64_t size)
{
    struct ff_file *f = ff_of(fd);
    if (ff_dead())
        return -EIO;
    if (size < f->now.n && ff.room != UINT64_MAX)
        ff.room += f->now.n - size;
    ff_note(f, size, NULL, SIZE_MAX);
    return 0;
}

static int64_t ff_size(int fd)
{
    return (int64_t)ff_of(fd)->now.n;
}

static int ff_unlink(const char *path)
{
    struct ff_file *f = ff_find(path);
    if (ff_dead())
        return -EIO;
    if (!f)
        return -ENOENT;
    f->live[0] = 0;
    return 0;
}

static int ff_rename(const char *from, const char *to)
{
    struct ff_file *f = ff_find(from), *old = ff_find(to);
    if (ff_dead())
        return -EIO;
    if (!f)
        return -ENOENT;
    if (old)
        old->live[0] = 0;
    snprintf(f->live, sizeof f->live, "%s", to);
    return 0;
}

static inline void ff_sweep(void)
{
    for (unsigned i = 0; i < ff.files; i++) {
        struct ff_file *f = ff.file[i];
        bool open = false;
        for (int k = 0; k < FF_FDS; k++)
            open |= ff.fd[k] == (int)i;
        if (f->used && !f->live[0] && !f->safe[0] && !open) {
            ff_forget(f);
            free(f->now.at);
            free(f->disk.at);
            *f = (struct ff_file){0};
        }
    }
}

static int ff_sync_dir(const char *path)
{
    (void)path;
    if (ff_dead() || ff_hit(ff.dir_fail_one_in))
        return -EIO;
    for (unsigned i = 0; i < ff.files; i++)
        memcpy(ff.file[i]->safe, ff.file[i]->live, sizeof ff.file[i]->safe);
    ff_sweep();
    return 0;
}

static int ff_make_dir(const char *path)
{
    (void)path;
    return 0;
}

static int ff_list(const char *dir, void (*each)(void *arg, const char *name), void *arg)
{
    size_t n = strlen(dir);
    for (unsigned i = 0; i < ff.files; i++) {
        const char *name = ff.file[i]->live;
        if (ff.file[i]->used && strncmp(name, dir, n) == 0 && name[n] == '/' && !strchr(name + n + 1, '/'))
            each(arg, name + n + 1);
    }
    return 0;
}

static void ff_close(int fd)
{
    ff.fd[fd - 1000] = -1;
}

static const struct jn_file_ops ff_ops = {.open = ff_open,
                                          .pread = ff_pread,
                                          .pwrite = ff_pwrite,
                                          .sync = ff_sync,
                                          .truncate = ff_truncate,
                                          .size = ff_size,
                                          .rename = ff_rename,
                                          .unlink = ff_unlink,
                                          .make_dir = ff_make_dir,
                                          .sync_dir = ff_sync_dir,
                                          .list = ff_list,
                                          .close = ff_close};

/* An empty disk without faults, in use from now on. */
static inline void ff_start(uint64_t seed)
{
    for (unsigned i = 0; i < ff.files; i++) {
        ff_forget(ff.file[i]);
        free(ff.file[i]->now.at);
        free(ff.file[i]->disk.at);
        free(ff.file[i]);
    }
    memset(&ff, 0, sizeof ff);
    for (int i = 0; i < FF_FDS; i++)
        ff.fd[i] = -1;
    ff.seed = seed;
    ff.room = ff.crash_at = UINT64_MAX;
    jn_files = &ff_ops;
}

static inline void ff_no_faults(void)
{
    ff.room = ff.crash_at = UINT64_MAX;
    ff.short_one_in = ff.write_fail_one_in = ff.sync_fail_one_in = ff.dir_fail_one_in = 0;
}

/* Power off and on again: what was not synced survives by chance only. Open descriptors are gone. */
static inline void ff_crash(void)
{
    ff_no_faults();
    for (int i = 0; i < FF_FDS; i++)
        ff.fd[i] = -1;
    for (unsigned i = 0; i < ff.files; i++) {
        struct ff_file *f = ff.file[i];
        if (!f->used)
            continue;
        for (unsigned k = f->changes; k > 1; k--) { /* any order */
            unsigned other = (unsigned)ff_rand(k);
            struct ff_change t = f->change[k - 1];
            f->change[k - 1] = f->change[other];
            f->change[other] = t;
        }
        for (unsigned k = 0; k < f->changes; k++) {
            struct ff_change *c = &f->change[k];
            switch (ff_rand(4)) {
            case 0:
                break;
            case 1:
                ff_do(&f->disk, c, 0, c->n);
                break;
            case 2: /* torn at a byte */
                ff_do(&f->disk, c, 0, c->n == SIZE_MAX ? c->n : (size_t)ff_rand(c->n + 1));
                break;
            default: /* each block of 64 bytes by chance; larger blocks are a case of this */
                for (size_t at = 0; c->n != SIZE_MAX && at < c->n; at += 64)
                    if (ff_rand(2))
                        ff_do(&f->disk, c, at, c->n - at < 64 ? c->n - at : 64);
            }
        }
        ff_forget(f);
        f->now.n = 0;
        ff_apply(&f->now, 0, f->disk.at, f->disk.n);
        if (strcmp(f->live, f->safe) != 0 && ff_rand(2)) /* a name that was not synced: the old or the new one */
            memcpy(f->live, f->safe, sizeof f->live);
    }
    for (unsigned i = 0; i < ff.files; i++) /* two files never share a name: the newer rename lost or won */
        for (unsigned k = 0; k < ff.files; k++)
            if (i != k && ff.file[i]->live[0] && strcmp(ff.file[i]->live, ff.file[k]->live) == 0)
                ff.file[strcmp(ff.file[i]->safe, ff.file[i]->live) == 0 ? i : k]->live[0] = 0;
    for (unsigned i = 0; i < ff.files; i++)
        memcpy(ff.file[i]->safe, ff.file[i]->live, sizeof ff.file[i]->safe);
    ff_sweep();
}

/* Changes bytes of a file that were durable. */
static inline void ff_damage(const char *path, uint64_t off, uint8_t xor_with)
{
    struct ff_file *f = ff_find(path);
    if (!f || off >= f->now.n)
        abort();
    f->now.at[off] ^= xor_with;
    if (off < f->disk.n)
        f->disk.at[off] ^= xor_with;
}

/* Puts a whole, durable file. */
static inline void ff_put(const char *path, const void *bytes, size_t n)
{
    int fd = ff_open(path, O_CREAT | O_TRUNC, 0);
    if (n > 0)
        ff_pwrite(fd, bytes, n, 0);
    ff_sync(fd);
    ff_close(fd);
    ff_sync_dir("");
}

/* Does any file hold these bytes? */
static inline bool ff_holds(const void *bytes, size_t n)
{
    for (unsigned i = 0; i < ff.files; i++)
        if (ff.file[i]->now.n >= n && memmem(ff.file[i]->now.at, ff.file[i]->now.n, bytes, n))
            return true;
    return false;
}

#endif
