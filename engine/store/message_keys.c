/* Keys. A slot is 128 bytes, so it never lies across two sectors: a head (who, CRC) that is never changed, and
 * the wrapped key, which is only ever replaced by zeros. */
#include "engine/store/message_keys.h"

#include "engine/base/crc.h"
#include "engine/base/log.h"
#include "engine/base/rand.h"
#include "engine/store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAGIC 0x594b4e4au /* "JNKY" */
#define SLOT_MAGIC 0x4c534e4au /* "JNSL" */
enum { SLOT = 128, SLOT_HEAD = 32, WRAPPED = JN_CRYPT_NONCE + JN_CRYPT_KEY + JN_CRYPT_TAG, READ_SLOTS = 4096 };

struct jn_key_file {
    struct jn_crypt *crypt;
    uint8_t master[JN_CRYPT_KEY];
    uint8_t *added; /* slots behind `slots`, not on disk yet */
    uint32_t slots, n_added, cap;
    int fd;
};

/* The file's head proves that the master key is the one: the tag of an empty text. */
static int head_make(struct jn_key_file *k, uint8_t out[static SLOT])
{
    memset(out, 0, SLOT);
    jn_put32(out, FILE_MAGIC);
    jn_put32(out + 4, 1);
    jn_random(out + 8, JN_CRYPT_NONCE);
    int rc = jn_crypt_seal(k->crypt, k->master, out + 8, out, 8, NULL, 0, out + SLOT, out + 20);
    jn_put32(out + 36, jn_crc32c(0, out, 36));
    return rc;
}

static int head_check(struct jn_key_file *k, const uint8_t *b, const char *path, struct jn_err *err)
{
    uint8_t none[1];

    if (jn_get32(b) != FILE_MAGIC || jn_get32(b + 36) != jn_crc32c(0, b, 36))
        return jn_fail(err, -EBADMSG, "%s: damaged at offset 0: its head", path);
    if (jn_get32(b + 4) != 1)
        return jn_fail(err, -EPROTO, "%s: written by a newer version (format %u; this one reads 1)", path,
                       jn_get32(b + 4));
    if (jn_crypt_open(k->crypt, k->master, b + 8, b, 8, NULL, 0, none, b + 20) < 0)
        return jn_fail(err, -EKEYREJECTED, "%s: the master key is not the one these keys were wrapped with", path);
    return 0;
}

static int begin_file(struct jn_key_file *k, const char *dir, const char *path, struct jn_err *err)
{
    uint8_t head[SLOT + 16];
    int rc = head_make(k, head);

    if (rc == 0)
        rc = jn_files->truncate(k->fd, 0);
    if (rc == 0)
        rc = jn_file_write(k->fd, head, SLOT, 0);
    if (rc == 0)
        rc = jn_files->sync(k->fd);
    if (rc == 0)
        rc = jn_files->sync_dir(dir);
    return rc < 0 ? jn_fail(err, rc, "%s: %s", path, strerror(-rc)) : 0;
}

static bool is_zero(const uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (b[i])
            return false;
    return true;
}

struct telling {
    int (*each)(void *arg, uint32_t slot, uint64_t ix, uint64_t tenant, enum jn_key_state state, const uint8_t *key);
    void *arg;
    uint32_t torn;
};

static int tell_slot(struct jn_key_file *k, struct telling *t, uint32_t slot, const uint8_t *b)
{
    uint8_t key[JN_CRYPT_KEY];
    const uint8_t *w = b + SLOT_HEAD;

    if (jn_get32(b) != SLOT_MAGIC || jn_get32(b + 28) != jn_crc32c(0, b, 28)) {
        t->torn++;
        return 0;
    }
    enum jn_key_state state = is_zero(w, WRAPPED) ? JN_KEY_ZERO : JN_KEY_LIVE;
    if (state == JN_KEY_LIVE && jn_crypt_open(k->crypt, k->master, w, b, 28, w + JN_CRYPT_NONCE, JN_CRYPT_KEY, key,
                                              w + JN_CRYPT_NONCE + JN_CRYPT_KEY) < 0)
        state = JN_KEY_BAD;
    int rc = t->each(t->arg, slot, jn_get64(b + 8), jn_get64(b + 16), state, state == JN_KEY_LIVE ? key : NULL);
    jn_crypt_wipe(key, sizeof key);
    return rc;
}

static int read_slots(struct jn_key_file *k, struct telling *t, const char *path, struct jn_err *err)
{
    uint8_t *block = malloc((size_t)READ_SLOTS * SLOT);
    int rc = block ? 0 : -ENOMEM;
    ssize_t got;

    for (uint32_t first = 0; rc == 0; first += READ_SLOTS) {
        got = jn_file_read(k->fd, block, (size_t)READ_SLOTS * SLOT, (uint64_t)SLOT * (first + 1));
        if (got <= 0) {
            rc = (int)got;
            break;
        }
        uint32_t n = (uint32_t)got / SLOT;
        for (uint32_t i = 0; rc == 0 && i < n; i++)
            rc = tell_slot(k, t, first + i, block + (size_t)i * SLOT);
        k->slots = first + (uint32_t)(((size_t)got + SLOT - 1) / SLOT); /* a torn last slot is left behind, unused */
        if (got % SLOT)
            t->torn++;
    }
    if (block)
        jn_crypt_wipe(block, (size_t)READ_SLOTS * SLOT);
    free(block);
    return rc < 0 ? jn_fail(err, rc, "%s: %s", path, strerror(-rc)) : 0;
}

static int open_file(struct jn_key_file *k, struct telling *t, const char *dir, const char *name, struct jn_err *err)
{
    uint8_t head[SLOT];
    char path[1100];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    k->fd = jn_files->open(path, O_RDWR | O_CREAT, 0600);
    if (k->fd < 0)
        return jn_fail(err, k->fd, "%s: %s", path, strerror(-k->fd));
    int64_t size = jn_files->size(k->fd);
    if (size < 0)
        return jn_fail(err, (int)size, "%s: %s", path, strerror((int)-size));
    ssize_t got = jn_file_read(k->fd, head, sizeof head, 0);
    if (got < 0)
        return jn_fail(err, (int)got, "%s: %s", path, strerror((int)-got));
    /* The head is synced before the first slot: a file no longer than a bad head never held a key. */
    if (size <= SLOT && (got < SLOT || jn_get32(head + 36) != jn_crc32c(0, head, 36)))
        return begin_file(k, dir, path, err);
    int rc = head_check(k, head, path, err);
    if (rc == 0 && t->each)
        rc = read_slots(k, t, path, err);
    else if (rc == 0)
        k->slots = (uint32_t)((size - 1) / SLOT); /* a torn last slot is left behind, unused */
    if (rc == 0 && t->torn > 0)
        jn_warn("store", "torn key slots skipped: file=%s slots=%u", path, t->torn);
    return rc;
}

int jn_key_file_open(struct jn_key_file **out, const char *dir, const char *name,
                     const uint8_t master[static JN_CRYPT_KEY], struct jn_crypt *c,
                     int (*each)(void *arg, uint32_t slot, uint64_t ix, uint64_t tenant, enum jn_key_state state,
                                 const uint8_t *key),
                     void *arg, struct jn_err *err)
{
    struct telling t = {.each = each, .arg = arg};
    struct jn_key_file *k = calloc(1, sizeof *k);

    if (!k)
        return jn_fail(err, -ENOMEM, "no memory");
    k->crypt = c;
    k->fd = -1;
    memcpy(k->master, master, sizeof k->master);
    int rc = open_file(k, &t, dir, name, err);
    if (rc < 0)
        jn_key_file_close(k);
    else
        *out = k;
    return rc;
}

void jn_key_file_close(struct jn_key_file *k)
{
    if (!k)
        return;
    if (k->fd >= 0)
        jn_files->close(k->fd);
    jn_crypt_wipe(k->master, sizeof k->master);
    free(k->added);
    free(k);
}

int jn_key_file_add(struct jn_key_file *k, uint64_t ix, uint64_t tenant, const uint8_t key[static JN_CRYPT_KEY],
                    uint32_t *slot)
{
    return jn_key_file_add_under(k, k->master, ix, tenant, key, slot);
}

int jn_key_file_add_under(struct jn_key_file *k, const uint8_t wrap[static JN_CRYPT_KEY], uint64_t ix, uint64_t tenant,
                          const uint8_t key[static JN_CRYPT_KEY], uint32_t *slot)
{
    if (k->n_added == k->cap) {
        uint32_t cap = k->cap ? k->cap * 2 : 64;
        uint8_t *grown = realloc(k->added, (size_t)cap * SLOT);
        if (!grown)
            return -ENOMEM;
        k->added = grown;
        k->cap = cap;
    }
    uint8_t *b = k->added + (size_t)k->n_added * SLOT, *w = b + SLOT_HEAD;
    memset(b, 0, SLOT);
    jn_put32(b, SLOT_MAGIC);
    jn_put64(b + 8, ix);
    jn_put64(b + 16, tenant);
    jn_put32(b + 28, jn_crc32c(0, b, 28));
    jn_random(w, JN_CRYPT_NONCE);
    int rc = jn_crypt_seal(k->crypt, wrap, w, b, 28, key, JN_CRYPT_KEY, w + JN_CRYPT_NONCE,
                           w + JN_CRYPT_NONCE + JN_CRYPT_KEY);
    if (rc == 0)
        *slot = k->slots + k->n_added++;
    return rc;
}

int jn_key_file_read(struct jn_key_file *k, const uint8_t wrap[static JN_CRYPT_KEY], uint32_t slot, uint64_t ix,
                     uint8_t key[static JN_CRYPT_KEY])
{
    uint8_t b[SLOT];
    const uint8_t *w = b + SLOT_HEAD;
    ssize_t got = jn_file_read(k->fd, b, sizeof b, (uint64_t)SLOT * (slot + 1));

    if (got < 0)
        return (int)got;
    if (got < SLOT || jn_get32(b) != SLOT_MAGIC || jn_get32(b + 28) != jn_crc32c(0, b, 28) || jn_get64(b + 8) != ix)
        return -EBADMSG;
    if (is_zero(w, WRAPPED))
        return -ENOKEY;
    return jn_crypt_open(k->crypt, wrap, w, b, 28, w + JN_CRYPT_NONCE, JN_CRYPT_KEY, key,
                         w + JN_CRYPT_NONCE + JN_CRYPT_KEY);
}

int jn_key_file_commit(struct jn_key_file *k)
{
    if (k->n_added == 0)
        return 0;
    int rc = jn_file_write(k->fd, k->added, (size_t)k->n_added * SLOT, (uint64_t)SLOT * (k->slots + 1));
    if (rc == 0)
        rc = jn_files->sync(k->fd);
    if (rc < 0)
        return rc;
    k->slots += k->n_added;
    k->n_added = 0;
    return 0;
}

int jn_key_file_destroy(struct jn_key_file *k, uint32_t slot)
{
    static const uint8_t zeros[WRAPPED];
    int rc = jn_file_write(k->fd, zeros, sizeof zeros, (uint64_t)SLOT * (slot + 1) + SLOT_HEAD);

    return rc == 0 ? jn_files->sync(k->fd) : rc;
}
