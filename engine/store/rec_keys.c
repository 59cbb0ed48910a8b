/* Rec keys: the master key's file, the tenants' keys in memory, and recordings' keys by their slot. */
#include "engine/store/rec_keys.h"

#include "engine/base/rand.h"
#include "engine/base/str.h"
#include "engine/store/file.h"
#include "engine/store/message_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MASTERS = 2, PATH = 1100, LINE = 2 * JN_CRYPT_KEY + 1 };

struct tenant_key {
    uint64_t tenant;
    uint8_t key[JN_CRYPT_KEY];
};
struct jn_rec_keys {
    char dir[1024], file[PATH];
    struct jn_crypt *crypt;
    struct jn_key_file *calls;
    struct tenant_key *tenant;
    uint32_t tenants, cap;
};
/* No key: the head of a file whose slots are wrapped by several keys tells of its format alone. */
static const uint8_t no_key[JN_CRYPT_KEY];

static int from_hex(uint8_t *out, const char *text)
{
    for (unsigned i = 0; i < JN_CRYPT_KEY; i++) {
        unsigned v = 0;
        for (unsigned k = 0; k < 2; k++) {
            const char *digits = "0123456789abcdef", *d = strchr(digits, text[2 * i + k] | 0x20);
            if (!text[2 * i + k] || !d)
                return -EBADMSG;
            v = v << 4 | (unsigned)(d - digits);
        }
        out[i] = (uint8_t)v;
    }
    return 0;
}

/* Whole or not at all, readable by its owner alone. */
static int write_file(const char *path, const char *text, size_t n)
{
    char tmp[PATH + 8], dir[PATH];

    snprintf(tmp, sizeof tmp, "%s.new", path);
    snprintf(dir, sizeof dir, "%s", path);
    char *slash = strrchr(dir, '/');
    if (slash)
        *slash = 0;
    int fd = jn_files->open(tmp, O_RDWR | O_CREAT | O_TRUNC, 0600);
    int rc = fd < 0 ? fd : jn_file_write(fd, text, n, 0);
    if (rc == 0)
        rc = jn_files->sync(fd);
    if (fd >= 0)
        jn_files->close(fd);
    if (rc == 0)
        rc = jn_files->rename(tmp, path);
    return rc < 0 ? rc : jn_files->sync_dir(slash ? dir : ".");
}

static int write_masters(const char *path, uint8_t master[][JN_CRYPT_KEY], unsigned n)
{
    char text[MASTERS * LINE + 1];
    size_t at = 0;

    for (unsigned m = 0; m < n; m++) {
        for (unsigned i = 0; i < JN_CRYPT_KEY; i++)
            at += (size_t)snprintf(text + at, sizeof text - at, "%02x", master[m][i]);
        text[at++] = '\n';
    }
    int rc = write_file(path, text, at);
    jn_crypt_wipe(text, sizeof text);
    return rc;
}

/* The current master key, and the one before while it is being changed: how many. */
static int read_masters(const char *path, uint8_t master[MASTERS][JN_CRYPT_KEY], struct jn_err *err)
{
    struct stat st;
    uint8_t *text = NULL;
    size_t n = 0;
    int got = 0;

    if (jn_files == &jn_files_kernel && stat(path, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_mode & 077))
        return jn_fail(err, -EPERM, "%s: others may read this key (mode %o); chmod 600 it", path, st.st_mode & 0777u);
    int rc = jn_file_load(path, 4096, &text, &n);
    if (rc < 0)
        return jn_fail(err, rc, "%s: %s", path, strerror(-rc));
    for (size_t at = 0; at + LINE - 1 <= n && got < MASTERS; at += LINE) {
        char line[LINE] = {0};
        memcpy(line, text + at, LINE - 1);
        rc = from_hex(master[got], line);
        jn_crypt_wipe(line, sizeof line);
        if (rc < 0)
            break;
        got++;
    }
    jn_crypt_wipe(text, n);
    free(text);
    return got > 0 ? got : jn_fail(err, -EBADMSG, "%s: no key: a line of 64 hexadecimal digits", path);
}

static struct tenant_key *tenant_find(struct jn_rec_keys *k, uint64_t tenant)
{
    for (uint32_t i = 0; i < k->tenants; i++)
        if (k->tenant[i].tenant == tenant)
            return &k->tenant[i];
    return NULL;
}

static int take_tenant(void *arg, uint32_t slot, uint64_t ix, uint64_t tenant, enum jn_key_state state,
                       const uint8_t *key)
{
    struct jn_rec_keys *k = arg;

    (void)slot;
    (void)ix;
    if (state != JN_KEY_LIVE)
        return 0;
    struct tenant_key *t = tenant_find(k, tenant);
    if (!t && k->tenants == k->cap) {
        uint32_t cap = k->cap ? k->cap * 2 : 16;
        struct tenant_key *grown = realloc(k->tenant, cap * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        k->tenant = grown;
        k->cap = cap;
    }
    t = t ? t : &k->tenant[k->tenants++];
    t->tenant = tenant;
    memcpy(t->key, key, sizeof t->key);
    return 0;
}

/* Opens the tenants' file with whichever master key fits, and takes what is in it. */
static int open_tenants(struct jn_rec_keys *k, struct jn_key_file **file, struct jn_err *err)
{
    uint8_t master[MASTERS][JN_CRYPT_KEY];
    int n = read_masters(k->file, master, err), rc = n < 0 ? n : -EKEYREJECTED;

    for (int i = 0; rc == -EKEYREJECTED && i < n; i++)
        rc = jn_key_file_open(file, k->dir, "tenants", master[i], k->crypt, take_tenant, k, err);
    jn_crypt_wipe(master, sizeof master);
    return rc;
}

/* One process at a time changes the tenants' file. A descriptor to close; a model of a disk has no locks. */
static int lock(const char *dir)
{
    char path[PATH];

    if (jn_files != &jn_files_kernel)
        return -1;
    snprintf(path, sizeof path, "%s/tenants.lock", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        flock(fd, LOCK_EX);
    return fd;
}

static int add_tenant(struct jn_rec_keys *k, uint64_t tenant, struct jn_err *err)
{
    struct jn_key_file *file = NULL;
    uint8_t key[JN_CRYPT_KEY];
    uint32_t slot;
    int held = lock(k->dir), rc = open_tenants(k, &file, err);

    if (rc == 0 && !tenant_find(k, tenant)) {
        jn_random(key, sizeof key);
        rc = jn_key_file_add(file, tenant, tenant, key, &slot);
        if (rc == 0)
            rc = jn_key_file_commit(file);
        if (rc == 0)
            rc = take_tenant(k, slot, tenant, tenant, JN_KEY_LIVE, key);
        jn_crypt_wipe(key, sizeof key);
    }
    jn_key_file_close(file);
    if (held >= 0)
        close(held);
    return rc;
}

/* Where the master key lies, as the folder says. */
static int key_file_of(const char *dir, char out[static PATH])
{
    char path[PATH];
    uint8_t *text = NULL;
    size_t n = 0;

    snprintf(path, sizeof path, "%s/key-file", dir);
    int rc = jn_file_load(path, PATH - 1, &text, &n);
    if (rc < 0)
        return rc;
    memcpy(out, text, n);
    out[n] = 0;
    out[strcspn(out, "\n")] = 0;
    free(text);
    return 0;
}

static int make_master(struct jn_rec_keys *k, struct jn_err *err)
{
    uint8_t master[1][JN_CRYPT_KEY];
    char path[PATH], tenants[PATH], said[PATH];

    snprintf(tenants, sizeof tenants, "%s/tenants", k->dir);
    snprintf(path, sizeof path, "%s/key-file", k->dir);
    int fd = jn_files->open(k->file, O_RDONLY, 0), rc = 0;
    if (fd == -ENOENT) {
        int had = jn_files->open(tenants, O_RDONLY, 0);
        if (had >= 0) {
            jn_files->close(had);
            return jn_fail(err, -ENOENT, "%s: the master key of these recordings is not there", k->file);
        }
        jn_random(master[0], sizeof master[0]);
        rc = write_masters(k->file, master, 1);
        jn_crypt_wipe(master, sizeof master);
    } else if (fd >= 0) {
        jn_files->close(fd);
    }
    if (rc == 0 && (key_file_of(k->dir, said) < 0 || strcmp(said, k->file) != 0)) {
        snprintf(said, sizeof said, "%s", k->file);
        rc = write_file(path, said, strlen(said));
    }
    return rc < 0 ? jn_fail(err, rc, "%s: %s", k->file, strerror(-rc)) : 0;
}

int jn_rec_keys_open(struct jn_rec_keys **out, const char *dir, const char *key_file, struct jn_err *err)
{
    struct jn_rec_keys *k = calloc(1, sizeof *k);
    struct jn_key_file *tenants = NULL;

    if (!k)
        return jn_fail(err, -ENOMEM, "no memory");
    int rc = jn_copy(k->dir, sizeof k->dir, dir) && (!key_file || jn_copy(k->file, sizeof k->file, key_file))
                 ? 0
                 : -ENAMETOOLONG;
    if (rc == 0 && !key_file)
        rc = key_file_of(dir, k->file);
    if (rc < 0) {
        free(k);
        return jn_fail(err, rc, "%s/key-file: %s", dir, strerror(-rc));
    }
    k->crypt = jn_crypt_new();
    if (!k->crypt)
        rc = jn_fail(err, -ENOMEM, "no memory");
    if (rc == 0 && key_file)
        rc = make_master(k, err);
    if (rc == 0)
        rc = open_tenants(k, &tenants, err);
    jn_key_file_close(tenants);
    if (rc == 0)
        rc = jn_key_file_open(&k->calls, dir, "keys", no_key, k->crypt, NULL, NULL, err);
    if (rc < 0)
        jn_rec_keys_close(k);
    else
        *out = k;
    return rc;
}

void jn_rec_keys_close(struct jn_rec_keys *k)
{
    if (!k)
        return;
    jn_key_file_close(k->calls);
    jn_crypt_free(k->crypt);
    if (k->tenant)
        jn_crypt_wipe(k->tenant, k->cap * sizeof *k->tenant);
    free(k->tenant);
    free(k);
}

int jn_rec_keys_new(struct jn_rec_keys *k, uint64_t call, uint64_t tenant, uint8_t key[static JN_CRYPT_KEY],
                    uint32_t *slot)
{
    int rc = tenant_find(k, tenant) ? 0 : add_tenant(k, tenant, NULL);

    if (rc < 0)
        return rc;
    jn_random(key, JN_CRYPT_KEY);
    return jn_key_file_add_under(k->calls, tenant_find(k, tenant)->key, call, tenant, key, slot);
}

int jn_rec_keys_commit(struct jn_rec_keys *k)
{
    return jn_key_file_commit(k->calls);
}

int jn_rec_keys_get(struct jn_rec_keys *k, uint32_t slot, uint64_t call, uint64_t tenant,
                    uint8_t key[static JN_CRYPT_KEY])
{
    struct tenant_key *t = tenant_find(k, tenant);

    if (!t) { /* made by a running engine since this was opened */
        struct jn_key_file *file = NULL;
        open_tenants(k, &file, NULL);
        jn_key_file_close(file);
        t = tenant_find(k, tenant);
    }
    return t ? jn_key_file_read(k->calls, t->key, slot, call, key) : -ENOKEY;
}

int jn_rec_keys_destroy(struct jn_rec_keys *k, uint32_t slot)
{
    return jn_key_file_destroy(k->calls, slot);
}

/* The new master key stands first in its file, then every tenant's key is wrapped anew, then the old one goes. */
static int rotate(struct jn_rec_keys *k, struct jn_err *err)
{
    uint8_t master[MASTERS][JN_CRYPT_KEY];
    char from[PATH], to[PATH];
    struct jn_key_file *file = NULL;
    uint32_t slot;

    int n = read_masters(k->file, master, err);
    if (n < 0)
        return n;
    int rc = open_tenants(k, &file, err); /* the tenants' keys as they are now */
    jn_key_file_close(file);
    file = NULL;
    if (rc < 0)
        return rc;
    if (n == 1)
        memcpy(master[1], master[0], sizeof master[0]);
    jn_random(master[0], sizeof master[0]);
    snprintf(from, sizeof from, "%s/tenants.new", k->dir);
    snprintf(to, sizeof to, "%s/tenants", k->dir);
    jn_files->unlink(from);
    if (n == 2) { /* an earlier change was cut short: whichever key is the tenants' stays in the file */
        struct jn_key_file *probe = NULL;
        uint8_t both[MASTERS][JN_CRYPT_KEY];
        read_masters(k->file, both, NULL);
        if (jn_key_file_open(&probe, k->dir, "tenants", both[0], k->crypt, NULL, NULL, NULL) == 0)
            memcpy(master[1], both[0], sizeof both[0]);
        jn_key_file_close(probe);
        jn_crypt_wipe(both, sizeof both);
    }
    rc = write_masters(k->file, master, 2);
    if (rc == 0)
        rc = jn_key_file_open(&file, k->dir, "tenants.new", master[0], k->crypt, NULL, NULL, err);
    for (uint32_t i = 0; rc == 0 && i < k->tenants; i++)
        rc = jn_key_file_add(file, k->tenant[i].tenant, k->tenant[i].tenant, k->tenant[i].key, &slot);
    if (rc == 0)
        rc = jn_key_file_commit(file);
    jn_key_file_close(file);
    if (rc == 0)
        rc = jn_files->rename(from, to);
    if (rc == 0)
        rc = jn_files->sync_dir(k->dir);
    if (rc == 0)
        rc = write_masters(k->file, master, 1);
    jn_crypt_wipe(master, sizeof master);
    return rc < 0 ? jn_fail(err, rc, "%s: the master key was not changed: %s", k->file, strerror(-rc)) : 0;
}

int jn_rec_keys_rotate(const char *dir, struct jn_err *err)
{
    struct jn_rec_keys *k = NULL;
    int held = lock(dir), rc = jn_rec_keys_open(&k, dir, NULL, err);

    if (rc == 0)
        rc = rotate(k, err);
    jn_rec_keys_close(k);
    if (held >= 0)
        close(held);
    return rc;
}
