/* Rec read: see the header. The last key is kept: chunks of one call follow each other when it is loaded. */
#include "engine/store/rec_read.h"

#include "engine/base/log.h"
#include "engine/store/rec_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct jn_rec_reader {
    struct jn_rec_keys *keys;
    struct jn_crypt *crypt;
    uint64_t call;
    uint32_t slot;
    int known; /* what getting the key of call and slot said; 1: nothing was asked */
    uint8_t key[JN_CRYPT_KEY];
    struct jn_rec_chunk chunk;
};

int jn_rec_reader_open(struct jn_rec_reader **out, const char *dir, struct jn_err *err)
{
    struct jn_rec_reader *r = calloc(1, sizeof *r);
    struct jn_err why = {{0}};

    if (!r || !(r->crypt = jn_crypt_new())) {
        free(r);
        return jn_fail(err, -ENOMEM, "no memory");
    }
    r->known = 1;
    int rc = jn_rec_keys_open(&r->keys, dir, NULL, &why);
    if (rc < 0 && rc != -ENOENT)
        jn_warn("store", "encrypted recordings cannot be read: %s", why.text);
    *out = r;
    return 0;
}

void jn_rec_reader_close(struct jn_rec_reader *r)
{
    if (!r)
        return;
    jn_rec_keys_close(r->keys);
    jn_crypt_free(r->crypt);
    jn_crypt_wipe(r, sizeof *r);
    free(r);
}

struct jn_rec_keys *jn_rec_reader_keys(struct jn_rec_reader *r)
{
    return r->keys;
}

int jn_rec_reader_chunk(struct jn_rec_reader *r, const struct jn_rec_seal *s, const uint8_t *bytes,
                        int (*each)(void *arg, const struct jn_rec_item *it), void *arg)
{
    struct jn_rec_chunk *c = &r->chunk;
    struct jn_rec_item it;
    uint32_t at = 0;
    int rc = 0, more;

    if (s->flags & JN_SEAL_ERASED)
        return -ENOKEY;
    if (s->flags & JN_SEAL_ENCRYPTED) {
        if (!r->keys)
            return -ENOKEY;
        if (r->known == 1 || r->call != s->call || r->slot != s->slot) {
            r->known = jn_rec_keys_get(r->keys, s->slot, s->call, s->tenant, r->key);
            r->call = s->call;
            r->slot = s->slot;
        }
        if (r->known < 0)
            return r->known;
    }
    c->call = s->call;
    c->tenant = s->tenant;
    c->begin_us = s->begin_us;
    c->worker = s->worker;
    rc = jn_rec_seal_open(c->body, s, bytes, r->crypt, r->key);
    while (rc == 0 && (more = jn_rec_next(&it, c, c->body, s->n, &at)) != 0)
        rc = more < 0 ? more : each(arg, &it);
    return rc;
}
