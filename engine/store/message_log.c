/* Message log: opening, taking messages, commit, erase. Reading lives in message_read.c. */
#include "engine/store/message_log.h"

#include "engine/base/log.h"
#include "engine/base/rand.h"
#include "engine/store/file.h"
#include "engine/store/message_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int take_key(void *arg, uint32_t slot, uint64_t ix, uint64_t tenant, enum jn_key_state state, const uint8_t *key)
{
    struct jn_message_log *l = arg;
    struct jn_conversation *c = ix ? jn_message_index_want(&l->index, ix, tenant) : NULL;

    if (!c)
        return ix ? -ENOMEM : 0;
    c->slot = slot;
    c->has_key = state == JN_KEY_LIVE;
    c->destroy = state != JN_KEY_ZERO; /* if the log says that it was erased */
    if (c->has_key)
        memcpy(c->key, key, sizeof c->key);
    return 0;
}

static int take_record(struct jn_message_log *l, const struct jn_msgrec *r, uint32_t segment, size_t off)
{
    struct jn_place place = {segment, (uint32_t)off, r->len};
    struct jn_conversation *c = jn_message_index_want(&l->index, r->ix, r->tenant);

    if (!c || jn_message_index_room(&l->index, c) < 0)
        return -ENOMEM;
    if (r->kind == JN_MSGREC_ERASE) {
        c->erased = true;
    } else if (r->kind == JN_MSGREC_NOTE) {
        c->note = place;
    } else if (r->n != c->count + 1 || r->tenant != c->tenant) {
        return -EBADMSG;
    } else {
        struct jn_entry *e = &c->entry[c->count++];
        *e = (struct jn_entry){.place = place, .at_us = r->at_us};
        memcpy(e->mark, r->mark, sizeof e->mark);
        c->durable = c->count;
    }
    return 0;
}

static int take_segment(void *arg, const struct jn_seg_head *h, const uint8_t *bytes, size_t end, const char *path,
                        struct jn_err *err)
{
    struct jn_message_log *l = arg;
    struct jn_msgrec r;
    int64_t group, len;
    int rc = 0;

    for (size_t off = JN_SEG_HEAD; rc == 0 && off < end; off += (size_t)group) {
        group = jn_group_get(bytes, end, off, h);
        size_t at = off + JN_GROUP_HEAD, stop = off + (size_t)group;
        for (; rc == 0 && (len = jn_msgrec_get(&r, bytes, stop, at)) != 0; at += (size_t)len) {
            rc = len < 0 ? (int)len : take_record(l, &r, l->segments_seen, at);
            if (rc < 0)
                return jn_fail(err, rc, "%s: damaged at offset %zu: %s", path, at, strerror(-rc));
        }
    }
    l->segments_seen++;
    return 0;
}

/* A key whose conversation was erased is zero: a crash may have come between saying so and doing so. */
static int finish_erasing(struct jn_message_log *l, struct jn_err *err)
{
    uint32_t unreadable = 0;

    for (uint32_t i = 0; i < l->index.count; i++) {
        struct jn_conversation *c = &l->index.at[i];
        if (c->erased) {
            int rc = c->slot != JN_NO_SLOT && c->destroy ? jn_key_file_destroy(l->keys, c->slot) : 0;
            if (rc < 0)
                return jn_fail(err, rc, "%s: cannot destroy a key: %s", l->log.dir, strerror(-rc));
            c->destroy = false;
            jn_crypt_wipe(c->key, sizeof c->key);
            c->has_key = false;
        } else if (!c->has_key && c->count > 0) {
            unreadable++;
        }
    }
    if (unreadable > 0)
        jn_error("store", "conversations without a good key: dir=%s count=%u", l->log.dir, unreadable);
    return 0;
}

int jn_message_log_open(struct jn_message_log **out, const char *dir, const uint8_t master[static 32],
                        struct jn_err *err)
{
    struct jn_message_log *l = calloc(1, sizeof *l);

    if (!l)
        return jn_fail(err, -ENOMEM, "no memory");
    l->log = (struct jn_seglog){
        .suffix = ".messages", .kind = JN_MSGREC_KIND_FILE, .segment_bytes = JN_MESSAGE_SEGMENT, .fd = -1};
    l->crypt = jn_crypt_new();
    jn_random(l->epoch, sizeof l->epoch);
    int rc = l->crypt && jn_message_index_init(&l->index) == 0 ? 0 : jn_fail(err, -ENOMEM, "no memory");
    if (rc == 0 && (rc = jn_file_dir(dir)) < 0)
        jn_fail(err, rc, "%s: %s", dir, strerror(-rc));
    if (rc == 0)
        rc = jn_key_file_open(&l->keys, dir, "keys", master, l->crypt, take_key, l, err);
    if (rc == 0)
        rc = jn_seglog_open(&l->log, dir, take_segment, l, err);
    if (rc == 0)
        rc = finish_erasing(l, err);
    if (rc < 0) {
        jn_message_log_close(l);
        return rc;
    }
    *out = l;
    return 0;
}

void jn_message_log_close(struct jn_message_log *l)
{
    if (!l)
        return;
    jn_seglog_close(&l->log);
    jn_key_file_close(l->keys);
    jn_message_index_free(&l->index);
    jn_crypt_free(l->crypt);
    free(l->scratch);
    free(l);
}

/* Unique for ever: 64 random bits of this opening, then a count; never the message's number, which a crash gives out
 * again. */
static void next_nonce(struct jn_message_log *l, uint8_t out[static JN_CRYPT_NONCE])
{
    if (++l->nonces == 0)
        jn_random(l->epoch, sizeof l->epoch);
    memcpy(out, l->epoch, sizeof l->epoch);
    jn_put32(out + 8, l->nonces);
}

/* Its key, made for the first message. */
static int want_key(struct jn_message_log *l, struct jn_conversation *c)
{
    if (c->erased)
        return -EACCES;
    if (c->has_key)
        return 0;
    if (c->count > 0)
        return -EBADMSG; /* its key is damaged: what is there must stay as it is */
    jn_random(c->key, sizeof c->key);
    int rc = jn_key_file_add(l->keys, c->ix, c->tenant, c->key, &c->slot);
    c->has_key = rc == 0;
    return rc;
}

/* Appends the record r with its clear bytes (two parts) sealed. place: where it lies in the group. */
static int put_record(struct jn_message_log *l, struct jn_conversation *c, struct jn_msgrec *r, const uint8_t *mark,
                      const void *a, size_t a_n, const void *b, size_t b_n, struct jn_place *place)
{
    size_t off = l->log.used;
    uint8_t *p;

    r->sealed_len = (uint32_t)(a_n + b_n);
    int rc = jn_seglog_room(&l->log, JN_MSGREC_HEAD + a_n + b_n, &p);
    if (rc < 0)
        return rc;
    uint8_t *nonce = p + JN_MSGREC_AAD, *text = p + JN_MSGREC_HEAD;
    jn_msgrec_put(p, r);
    next_nonce(l, nonce);
    if (mark)
        memcpy(nonce + JN_CRYPT_NONCE, mark, 16);
    if (a_n > 0)
        memcpy(text, a, a_n);
    if (b_n > 0)
        memcpy(text + a_n, b, b_n);
    rc = jn_crypt_seal(l->crypt, c->key, nonce, p, JN_MSGREC_AAD, text, a_n + b_n, text, nonce + JN_CRYPT_NONCE + 16);
    if (rc < 0) {
        jn_crypt_wipe(text, a_n + b_n);
        l->log.used = off;
    }
    *place = (struct jn_place){0, (uint32_t)off, r->len};
    return rc;
}

static const struct jn_entry *find_mark(const struct jn_conversation *c, const uint8_t mark[static 16])
{
    for (uint32_t i = c->count; i-- > 0;)
        if (memcmp(c->entry[i].mark, mark, 16) == 0)
            return &c->entry[i];
    return NULL;
}

static struct jn_conversation *want(struct jn_message_log *l, uint64_t ix, uint64_t tenant, int *rc)
{
    struct jn_conversation *c = ix ? jn_message_index_want(&l->index, ix, tenant) : NULL;

    *rc = !ix || (c && c->tenant != tenant) ? -EINVAL : c ? 0 : -ENOMEM;
    if (*rc == 0)
        *rc = want_key(l, c);
    if (*rc == 0)
        *rc = jn_message_index_room(&l->index, c);
    return c;
}

int jn_message_log_append(struct jn_message_log *l, struct jn_message *m)
{
    size_t key_len = strnlen(m->key, sizeof m->key);
    uint8_t mark[16] = {0};
    int rc;

    if (m->len > JN_MSG_BODY_MAX || key_len == sizeof m->key)
        return -EMSGSIZE;
    struct jn_conversation *c = want(l, m->ix, m->tenant, &rc);
    if (rc < 0)
        return rc;
    if (key_len > 0) {
        jn_crypt_mac(mark, c->key, m->key, key_len);
        const struct jn_entry *old = find_mark(c, mark);
        if (old) {
            m->n = (uint32_t)(old - c->entry) + 1;
            m->at_us = old->at_us;
            return -EEXIST;
        }
    }
    struct jn_msgrec r = {.kind = JN_MSGREC_BODY,
                          .from = m->from,
                          .key_len = (uint8_t)key_len,
                          .ix = m->ix,
                          .tenant = m->tenant,
                          .at_us = m->at_us,
                          .agent = m->agent,
                          .n = c->count + 1};
    struct jn_entry e = {.at_us = m->at_us};
    rc = put_record(l, c, &r, mark, m->key, key_len, m->body, m->len, &e.place);
    if (rc < 0)
        return rc;
    memcpy(e.mark, mark, sizeof mark);
    c->entry[c->count++] = e;
    m->n = c->count;
    jn_message_index_touch(&l->index, c);
    return 0;
}

int jn_message_log_note(struct jn_message_log *l, uint64_t ix, uint64_t tenant, const void *note, uint32_t n)
{
    int rc;

    if (n > JN_MESSAGE_NOTE_MAX)
        return -EMSGSIZE;
    struct jn_conversation *c = want(l, ix, tenant, &rc);
    if (rc < 0)
        return rc;
    struct jn_msgrec r = {.kind = JN_MSGREC_NOTE, .ix = ix, .tenant = tenant};
    struct jn_place place;
    rc = put_record(l, c, &r, NULL, note, n, NULL, 0, &place);
    if (rc < 0)
        return rc;
    c->note_coming = place;
    jn_message_index_touch(&l->index, c);
    return 0;
}

int jn_message_log_commit(struct jn_message_log *l)
{
    uint64_t at;
    int rc = l->lost;

    l->lost = 0;
    if (rc < 0) { /* what was taken since belongs to a group that its sender will hear is lost */
        jn_seglog_drop(&l->log);
        jn_message_index_rollback(&l->index);
    }
    if (rc < 0 || l->log.used == 0)
        return rc;
    /* A body is never on disk before its key is. */
    rc = jn_key_file_commit(l->keys);
    if (rc == 0)
        rc = jn_seglog_commit(&l->log, l->log.segments + 1, &at);
    if (rc < 0) {
        jn_seglog_drop(&l->log);
        jn_message_index_rollback(&l->index);
        return rc;
    }
    jn_message_index_commit(&l->index, l->log.segments - 1, at);
    return 0;
}

int jn_message_log_erase(struct jn_message_log *l, uint64_t ix)
{
    struct jn_conversation *c = jn_message_index_get(&l->index, ix);
    struct jn_msgrec r = {.kind = JN_MSGREC_ERASE, .ix = ix};
    struct jn_place place;

    if (!c || (c->count == 0 && !c->has_key && !c->erased))
        return -ENOENT;
    if (!c->erased) {
        r.tenant = c->tenant;
        int rc = put_record(l, c, &r, NULL, NULL, 0, NULL, 0, &place);
        if (rc == 0 && (rc = jn_message_log_commit(l)) < 0)
            l->lost = rc; /* messages of others went with it: their commit must say so */
        if (rc < 0)
            return rc;
        c->erased = true;
        c->destroy = true;
        jn_crypt_wipe(c->key, sizeof c->key);
        c->has_key = false;
    }
    if (c->slot == JN_NO_SLOT || !c->destroy)
        return 0;
    int rc = jn_key_file_destroy(l->keys, c->slot);
    if (rc == 0)
        c->destroy = false;
    return rc;
}
