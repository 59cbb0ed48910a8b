/* Fault VFS: a disk under SQLite that keeps apart what was written and what was synced. At a crash each write since the
 * last sync is kept whole, kept in part, or thrown away, by a seed. Names of files are taken for durable. One thread.
 */
#ifndef JN_TESTS_FAULT_VFS_H
#define JN_TESTS_FAULT_VFS_H

#include "engine/base/rand.h"
#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DISK_FILES = 8, DISK_BYTES = 4 << 20, DISK_WRITES = 4096, SHM_REGIONS = 8 };

/* One write (or, with data NULL, a truncation to off) since the last sync. */
struct disk_write {
    uint8_t *data;
    uint64_t off;
    uint32_t len;
};
struct disk_file {
    char name[128];
    uint8_t *now, *safe; /* DISK_BYTES each */
    uint64_t now_size, safe_size;
    struct disk_write write[DISK_WRITES];
    unsigned writes;
    void *shm[SHM_REGIONS];
};
static struct {
    struct disk_file file[DISK_FILES];
    bool off;             /* the power is gone: everything fails */
    uint64_t ops, off_at; /* operations so far; after which one the power goes, 0 never */
    bool lies;            /* sync says yes and does nothing: to see that the test can fail */
} disk;
struct handle {
    sqlite3_file base;
    struct disk_file *f;
};

static bool dead(void)
{
    if (disk.off_at && ++disk.ops >= disk.off_at)
        disk.off = true;
    return disk.off;
}

static void forget(struct disk_file *f)
{
    for (unsigned i = 0; i < f->writes; i++)
        free(f->write[i].data);
    f->writes = 0;
}

static void put(uint8_t *bytes, uint64_t *size, const struct disk_write *w, uint32_t len)
{
    if (!w->data) {
        if (w->off < *size)
            memset(bytes + w->off, 0, *size - w->off);
        *size = w->off;
        return;
    }
    memcpy(bytes + w->off, w->data, len);
    if (w->off + len > *size)
        *size = w->off + len;
}

static int disk_add(struct disk_file *f, const void *data, uint64_t off, uint32_t len)
{
    cr_assert_lt(f->writes, (unsigned)DISK_WRITES);
    cr_assert_leq(off + len, (uint64_t)DISK_BYTES);
    struct disk_write *w = &f->write[f->writes++];
    *w = (struct disk_write){.off = off, .len = len};
    if (data) {
        w->data = malloc(len ? len : 1);
        memcpy(w->data, data, len);
    }
    put(f->now, &f->now_size, w, len);
    return SQLITE_OK;
}

/* What the next start finds. */
static void disk_crash(uint64_t *seed)
{
    for (int i = 0; i < DISK_FILES; i++) {
        struct disk_file *f = &disk.file[i];
        if (!f->now)
            continue;
        uint64_t mode = jn_splitmix(seed) % 3;
        for (unsigned k = 0; k < f->writes; k++) {
            uint64_t r = jn_splitmix(seed);
            if (mode == 0 || (mode == 1 && (r & 1)))
                continue; /* all, or half of them, never reached the disk */
            put(f->safe, &f->safe_size, &f->write[k],
                (r & 6) ? f->write[k].len : (uint32_t)(r >> 8) % (f->write[k].len + 1));
        }
        forget(f);
        memcpy(f->now, f->safe, DISK_BYTES);
        f->now_size = f->safe_size;
        for (int r = 0; r < SHM_REGIONS; r++) {
            free(f->shm[r]);
            f->shm[r] = NULL;
        }
    }
    disk.off = false;
    disk.off_at = 0;
}

static void disk_free(void)
{
    for (int i = 0; i < DISK_FILES; i++) {
        forget(&disk.file[i]);
        free(disk.file[i].now);
        free(disk.file[i].safe);
        for (int r = 0; r < SHM_REGIONS; r++)
            free(disk.file[i].shm[r]);
    }
    memset(&disk, 0, sizeof disk);
}

static struct disk_file *disk_find(const char *name, bool make)
{
    struct disk_file *empty = NULL;
    for (int i = 0; i < DISK_FILES; i++) {
        if (disk.file[i].now && !strcmp(disk.file[i].name, name))
            return &disk.file[i];
        if (!disk.file[i].now && !empty)
            empty = &disk.file[i];
    }
    if (!make)
        return NULL;
    cr_assert_not_null(empty);
    strncpy(empty->name, name, sizeof empty->name - 1);
    empty->now = calloc(1, DISK_BYTES);
    empty->safe = calloc(1, DISK_BYTES);
    empty->now_size = empty->safe_size = 0;
    return empty;
}

static struct disk_file *file_of(sqlite3_file *h)
{
    return ((struct handle *)h)->f;
}
static int f_close(sqlite3_file *h)
{
    (void)h;
    return SQLITE_OK;
}
static int f_read(sqlite3_file *h, void *out, int n, sqlite3_int64 off)
{
    struct disk_file *f = file_of(h);
    uint64_t have = (uint64_t)off < f->now_size ? f->now_size - (uint64_t)off : 0;
    if (disk.off)
        return SQLITE_IOERR_READ;
    memset(out, 0, (size_t)n);
    memcpy(out, f->now + off, have < (uint64_t)n ? have : (uint64_t)n);
    return have >= (uint64_t)n ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}
static int f_write(sqlite3_file *h, const void *data, int n, sqlite3_int64 off)
{
    return dead() ? SQLITE_IOERR_WRITE : disk_add(file_of(h), data, (uint64_t)off, (uint32_t)n);
}
static int f_truncate(sqlite3_file *h, sqlite3_int64 size)
{
    return dead() ? SQLITE_IOERR_TRUNCATE : disk_add(file_of(h), NULL, (uint64_t)size, 0);
}
static int f_sync(sqlite3_file *h, int flags)
{
    struct disk_file *f = file_of(h);
    (void)flags;
    if (dead())
        return SQLITE_IOERR_FSYNC;
    if (disk.lies)
        return SQLITE_OK;
    memcpy(f->safe, f->now, DISK_BYTES);
    f->safe_size = f->now_size;
    forget(f);
    return SQLITE_OK;
}
static int f_size(sqlite3_file *h, sqlite3_int64 *out)
{
    *out = (sqlite3_int64)file_of(h)->now_size;
    return disk.off ? SQLITE_IOERR_FSTAT : SQLITE_OK;
}
static int f_lock(sqlite3_file *h, int level)
{
    (void)h, (void)level;
    return SQLITE_OK;
}
static int f_reserved(sqlite3_file *h, int *out)
{
    (void)h;
    *out = 0;
    return SQLITE_OK;
}
static int f_control(sqlite3_file *h, int op, void *arg)
{
    (void)h, (void)op, (void)arg;
    return SQLITE_NOTFOUND;
}
static int f_sector(sqlite3_file *h)
{
    (void)h;
    return 4096;
}
static int f_features(sqlite3_file *h)
{
    (void)h;
    return 0;
}
static int f_shm_map(sqlite3_file *h, int region, int size, int extend, void volatile **out)
{
    struct disk_file *f = file_of(h);
    cr_assert_lt(region, (int)SHM_REGIONS);
    if (!f->shm[region] && extend)
        f->shm[region] = calloc(1, (size_t)size);
    *out = f->shm[region];
    return SQLITE_OK;
}
static int f_shm_lock(sqlite3_file *h, int offset, int n, int flags)
{
    (void)h, (void)offset, (void)n, (void)flags;
    return SQLITE_OK;
}
static void f_shm_barrier(sqlite3_file *h)
{
    (void)h;
}
static int f_shm_unmap(sqlite3_file *h, int remove)
{
    for (int r = 0; remove && r < SHM_REGIONS; r++) {
        free(file_of(h)->shm[r]);
        file_of(h)->shm[r] = NULL;
    }
    return SQLITE_OK;
}
static const sqlite3_io_methods disk_methods = {
    2,         f_close,  f_read,     f_write,   f_truncate, f_sync,        f_size,      f_lock, f_lock, f_reserved,
    f_control, f_sector, f_features, f_shm_map, f_shm_lock, f_shm_barrier, f_shm_unmap, NULL,   NULL};

static int v_open(sqlite3_vfs *v, const char *name, sqlite3_file *h, int flags, int *out)
{
    struct handle *made = (struct handle *)h;
    (void)v;
    made->base.pMethods = NULL;
    if (disk.off)
        return SQLITE_CANTOPEN;
    made->f = disk_find(name ? name : "temporary", flags & SQLITE_OPEN_CREATE);
    if (!made->f)
        return SQLITE_CANTOPEN;
    made->base.pMethods = &disk_methods;
    if (out)
        *out = flags;
    return SQLITE_OK;
}
static int v_delete(sqlite3_vfs *v, const char *name, int sync)
{
    struct disk_file *f = disk_find(name, false);
    (void)v, (void)sync;
    if (dead())
        return SQLITE_IOERR_DELETE;
    if (!f)
        return SQLITE_IOERR_DELETE_NOENT;
    forget(f);
    f->now_size = f->safe_size = 0;
    free(f->now);
    free(f->safe);
    f->now = f->safe = NULL;
    return SQLITE_OK;
}
static int v_access(sqlite3_vfs *v, const char *name, int flags, int *out)
{
    struct disk_file *f = disk_find(name, false);
    (void)v, (void)flags;
    *out = f && f->now_size > 0;
    return SQLITE_OK;
}
static int v_full(sqlite3_vfs *v, const char *name, int n, char *out)
{
    (void)v;
    strncpy(out, name, (size_t)n - 1);
    out[n - 1] = 0;
    return SQLITE_OK;
}
static int v_random(sqlite3_vfs *v, int n, char *out)
{
    (void)v;
    jn_random(out, (size_t)n);
    return n;
}
static int v_sleep(sqlite3_vfs *v, int us)
{
    (void)v;
    return us;
}
static int v_time(sqlite3_vfs *v, double *out)
{
    (void)v;
    *out = 2460000.5;
    return SQLITE_OK;
}
static sqlite3_vfs disk_vfs = {.iVersion = 1,
                               .szOsFile = sizeof(struct handle),
                               .mxPathname = 128,
                               .zName = "forgetful",
                               .xOpen = v_open,
                               .xDelete = v_delete,
                               .xAccess = v_access,
                               .xFullPathname = v_full,
                               .xRandomness = v_random,
                               .xSleep = v_sleep,
                               .xCurrentTime = v_time};

#endif
