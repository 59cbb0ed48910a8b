/* Message read: bodies and notes from disk, opened one at a time. */
#include "engine/base/log.h"
#include "engine/store/file.h"
#include "engine/store/message_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_MAX = JN_MSGREC_HEAD + JN_MSG_KEY_MAX + JN_MSG_BODY_MAX };

struct source {
    struct jn_message_log *l;
    int fd;
    uint32_t segment;
};

static int source_at(struct source *s, uint32_t segment)
{
    char path[1100];

    if (s->fd >= 0 && s->segment == segment)
        return 0;
    if (s->fd >= 0)
        jn_files->close(s->fd);
    jn_seglog_path(&s->l->log, s->l->log.segment[segment].head.first_seq, path);
    s->fd = jn_files->open(path, O_RDONLY, 0);
    s->segment = segment;
    return s->fd < 0 ? s->fd : 0;
}

/* The record at p with its text open; r->sealed then points at clear bytes, followed by a terminator. */
static int fetch(struct source *s, const struct jn_conversation *c, const struct jn_place *p, struct jn_msgrec *r)
{
    struct jn_message_log *l = s->l;

    if (!l->scratch && !(l->scratch = malloc(RECORD_MAX + 1)))
        return -ENOMEM;
    int rc = p->len > RECORD_MAX ? -EBADMSG : source_at(s, p->segment);
    if (rc < 0)
        return rc;
    ssize_t got = jn_file_read(s->fd, l->scratch, p->len, p->off);
    if (got < 0)
        return (int)got;
    if ((size_t)got != p->len || jn_msgrec_get(r, l->scratch, p->len, 0) != p->len || r->ix != c->ix)
        return -EBADMSG;
    uint8_t *text = l->scratch + JN_MSGREC_HEAD;
    rc = jn_crypt_open(l->crypt, c->key, r->nonce, l->scratch, JN_MSGREC_AAD, text, r->sealed_len, text, r->tag);
    text[r->sealed_len] = 0;
    return rc;
}

static void done(struct source *s)
{
    if (s->fd >= 0)
        jn_files->close(s->fd);
    if (s->l->scratch)
        jn_crypt_wipe(s->l->scratch, RECORD_MAX);
}

int jn_message_log_read(struct jn_message_log *l, uint64_t ix, uint32_t after,
                        void (*each)(void *arg, const struct jn_message *m), void *arg)
{
    const struct jn_conversation *c = jn_message_index_get(&l->index, ix);
    struct source s = {.l = l, .fd = -1};
    struct jn_msgrec r;
    int rc = 0;

    if (c && c->erased)
        return -EACCES;
    if (!c || c->durable == 0)
        return -ENOENT;
    if (!c->has_key)
        return -EBADMSG;
    for (uint32_t i = after; rc == 0 && i < c->durable; i++) {
        rc = fetch(&s, c, &c->entry[i].place, &r);
        if (rc < 0)
            break;
        struct jn_message m = {.ix = ix,
                               .tenant = r.tenant,
                               .at_us = r.at_us,
                               .agent = r.agent,
                               .n = r.n,
                               .from = r.from,
                               .body = (const char *)r.sealed + r.key_len,
                               .len = r.sealed_len - r.key_len};
        memcpy(m.key, r.sealed, r.key_len);
        each(arg, &m);
    }
    done(&s);
    return rc;
}

int jn_message_log_conversations(struct jn_message_log *l,
                                 void (*each)(void *arg, uint64_t ix, uint64_t tenant, uint32_t count, const void *note,
                                              uint32_t note_len),
                                 void *arg)
{
    struct source s = {.l = l, .fd = -1};
    struct jn_msgrec r;

    for (uint32_t i = 0; i < l->index.count; i++) {
        const struct jn_conversation *c = &l->index.at[i];
        if (c->durable == 0 && c->note.len == 0)
            continue; /* a key that never came to hold anything */
        int rc = c->note.len > 0 && c->has_key ? fetch(&s, c, &c->note, &r) : -ENOENT;
        if (rc < 0 && rc != -ENOENT)
            jn_error("store", "a routing note cannot be read: dir=%s error=%s", l->log.dir, strerror(-rc));
        each(arg, c->ix, c->tenant, c->durable, rc == 0 ? r.sealed : NULL, rc == 0 ? r.sealed_len : 0);
    }
    done(&s);
    return 0;
}
