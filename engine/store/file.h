/* File: every file call of this folder but SQLite's and io_uring's, as one small table, so that a test can put a model
 * of a disk underneath: one that forgets what was not synced, tears writes, fills up and fails. */
#ifndef JN_ENGINE_FILE_H
#define JN_ENGINE_FILE_H

#include "engine/base/str.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* All give -errno on failure. */
struct jn_file_ops {
    int (*open)(const char *path, int flags, unsigned mode); /* a descriptor */
    ssize_t (*pread)(int fd, void *out, size_t n, uint64_t off);
    ssize_t (*pwrite)(int fd, const void *bytes, size_t n, uint64_t off); /* may be short */
    int (*sync)(int fd);                                                  /* fdatasync */
    int (*truncate)(int fd, uint64_t size);
    int64_t (*size)(int fd);
    int (*rename)(const char *from, const char *to);
    int (*unlink)(const char *path);
    int (*make_dir)(const char *path); /* 0 also when it is there; parents must exist */
    int (*sync_dir)(const char *path);
    int (*list)(const char *dir, void (*each)(void *arg, const char *name), void *arg);
    void (*close)(int fd);
};
/* The kernel's calls. */
extern const struct jn_file_ops jn_files_kernel;
/* The table in use; only tests change it, before anything is opened. */
extern const struct jn_file_ops *jn_files;

/* All n bytes at off, or -errno (-ENOSPC for a write that makes no progress). */
int jn_file_write(int fd, const void *bytes, size_t n, uint64_t off);
/* Up to n bytes at off, fewer only at the end of the file: how many, or -errno. */
ssize_t jn_file_read(int fd, void *out, size_t n, uint64_t off);
/* The whole file, malloc'ed, the caller frees; -EFBIG above max. */
int jn_file_load(const char *path, size_t max, uint8_t **out, size_t *n);
/* Makes dir when it is missing, and its entry durable. 0 or -errno. */
int jn_file_dir(const char *dir);
/* The names in dir that end with suffix, sorted by bytes. Free each and the array by jn_names_free. */
struct jn_names {
    char **at;
    size_t count, cap;
};
int jn_names_list(struct jn_names *names, const char *dir, const char *suffix);
void jn_names_free(struct jn_names *names);

/* Little-endian numbers in files. */
static inline void jn_put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}
static inline void jn_put64(uint8_t *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}
static inline uint32_t jn_get32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t jn_get64(const uint8_t *p)
{
    return (uint64_t)jn_get32(p) | (uint64_t)jn_get32(p + 4) << 32;
}

#endif
