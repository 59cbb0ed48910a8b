/* Recording read: every record of every segment, oldest first, over torn ends and damage. */
#include "engine/base/id.h"
#include "engine/base/map.h"
#include "engine/store/file.h"
#include "engine/store/recording_log.h"
#include "engine/store/recording_scan.h"
#include "media/record/format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 20 };

size_t jn_rec_scan_bytes(const uint8_t *bytes, size_t n, bool last, uint32_t *bad, bool *in_bad,
                         int (*each)(void *arg, const struct jn_rec_item *it), void *arg, int *rc)
{
    struct jn_rec_item it;
    size_t at = 0;

    *rc = 0;
    while (at < n && *rc == 0) {
        int used = jn_rec_decode(&it, bytes + at, n - at);
        if (used > 0) {
            at += (size_t)used;
            *in_bad = false;
            *rc = each(arg, &it);
        } else if (used == 0 && !last && n - at < JN_REC_BYTES_MAX) {
            break; /* the rest of it is in the next chunk */
        } else {
            /* One run of bad bytes is one bad record. A torn end is none: nobody was told that it was written. */
            if (!*in_bad && used < 0)
                ++*bad;
            *in_bad = true;
            at++;
        }
    }
    return at;
}

static int scan_file(const char *path, uint32_t *bad, int (*each)(void *arg, const struct jn_rec_item *it), void *arg)
{
    uint8_t *buf = malloc(CHUNK + JN_REC_BYTES_MAX);
    int fd = buf ? jn_files->open(path, O_RDONLY, 0) : -ENOMEM, rc = fd < 0 ? fd : 0;
    size_t have = 0;
    uint64_t off = 0;
    bool in_bad = false;

    while (rc == 0) {
        ssize_t got = jn_file_read(fd, buf + have, CHUNK, off);
        if (got < 0) {
            rc = (int)got;
            break;
        }
        off += (uint64_t)got;
        have += (size_t)got;
        size_t used = jn_rec_scan_bytes(buf, have, got < CHUNK, bad, &in_bad, each, arg, &rc);
        have -= used;
        memmove(buf, buf + used, have);
        if (got < CHUNK)
            break;
    }
    if (fd >= 0)
        jn_files->close(fd);
    free(buf);
    return rc;
}

int jn_rec_scan(const char *dir, const struct jn_rec_scan *s, struct jn_err *err)
{
    struct jn_names names;
    char path[1100];
    int rc = jn_names_list(&names, dir, ".rec");

    if (rc < 0)
        return jn_fail(err, rc, "%s: %s", dir, strerror(-rc));
    for (size_t i = 0; rc == 0 && i < names.count; i++) {
        uint32_t bad = 0;
        snprintf(path, sizeof path, "%s/%s", dir, names.at[i]);
        if (s->progress)
            s->progress(s->arg, i, names.count);
        rc = scan_file(path, &bad, s->each, s->arg);
        if (rc < 0)
            jn_fail(err, rc, "%s: %s", path, strerror(-rc));
        if (rc == 0 && s->segment)
            rc = s->segment(s->arg, bad);
    }
    jn_names_free(&names);
    return rc;
}

struct listing {
    uint64_t tenant;
    struct jn_rec_summary *at;
    uint32_t *segment; /* the last one that it touched, counted from 1 */
    uint32_t count, cap, segments;
    struct jn_map by_call;
};

static struct jn_rec_summary *want(struct listing *l, const struct jn_rec_item *it)
{
    uint32_t i = jn_map_get(&l->by_call, it->call);

    if (i == JN_MAP_NONE) {
        if (l->count == l->cap) {
            uint32_t cap = l->cap ? l->cap * 2 : 256;
            struct jn_rec_summary *grown = realloc(l->at, cap * sizeof *grown);
            if (!grown)
                return NULL;
            l->at = grown;
            uint32_t *segment = realloc(l->segment, cap * sizeof *segment);
            if (!segment)
                return NULL;
            l->segment = segment;
            l->cap = cap;
        }
        if (jn_map_set(&l->by_call, it->call, l->count) < 0)
            return NULL;
        i = l->count++;
        l->at[i] = (struct jn_rec_summary){.ledger = {.call = it->call, .tenant = it->tenant}};
    }
    l->segment[i] = l->segments + 1;
    return &l->at[i];
}

static int list_item(void *arg, const struct jn_rec_item *it)
{
    struct listing *l = arg;

    if (it->call == 0 || (l->tenant && it->tenant != l->tenant))
        return 0;
    struct jn_rec_summary *s = want(l, it);
    if (!s)
        return -ENOMEM;
    jn_rec_ledger_add(&s->ledger, it);
    return 0;
}

static int list_segment(void *arg, uint32_t bad)
{
    struct listing *l = arg;

    l->segments++;
    for (uint32_t i = 0; bad > 0 && i < l->count; i++)
        if (l->segment[i] == l->segments)
            l->at[i].bad_records += bad;
    return 0;
}

static int by_age(const void *a, const void *b)
{
    const struct jn_rec_ledger *x = &((const struct jn_rec_summary *)a)->ledger,
                               *y = &((const struct jn_rec_summary *)b)->ledger;

    if (x->first_us != y->first_us)
        return x->first_us < y->first_us ? -1 : 1;
    return x->call < y->call ? -1 : x->call > y->call;
}

int jn_rec_list(const char *dir, uint64_t tenant, int (*each)(void *arg, const struct jn_rec_summary *s), void *arg,
                struct jn_err *err)
{
    struct listing l = {.tenant = tenant};
    struct jn_rec_scan s = {.each = list_item, .segment = list_segment, .arg = &l};
    int rc = jn_map_init(&l.by_call, 1024);

    if (rc < 0)
        return jn_fail(err, rc, "no memory");
    rc = jn_rec_scan(dir, &s, err);
    if (l.count > 1)
        qsort(l.at, l.count, sizeof *l.at, by_age);
    for (uint32_t i = 0; rc == 0 && i < l.count; i++)
        rc = each(arg, &l.at[i]);
    free(l.at);
    free(l.segment);
    jn_map_free(&l.by_call);
    return rc;
}

struct loading {
    uint64_t call;
    struct jn_rec_item *at;
    size_t count, cap;
    struct jn_rec_summary *sum;
    bool here; /* in this segment */
};

static int load_item(void *arg, const struct jn_rec_item *it)
{
    struct loading *l = arg;

    if (it->call != l->call)
        return 0;
    if (l->count == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 1024;
        struct jn_rec_item *grown = realloc(l->at, cap * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        l->at = grown;
        l->cap = cap;
    }
    l->at[l->count++] = *it;
    l->here = true;
    jn_rec_ledger_add(&l->sum->ledger, it);
    return 0;
}

static int load_segment(void *arg, uint32_t bad)
{
    struct loading *l = arg;

    if (l->here)
        l->sum->bad_records += bad;
    l->here = false;
    return 0;
}

int jn_rec_load(const char *dir, uint64_t call, struct jn_rec_item **items, size_t *n, struct jn_rec_summary *sum,
                struct jn_err *err)
{
    struct jn_rec_summary unused;
    struct loading l = {.call = call, .sum = sum ? sum : &unused};
    struct jn_rec_scan s = {.each = load_item, .segment = load_segment, .arg = &l};
    char id[JN_ID_TEXT_MAX];

    *l.sum = (struct jn_rec_summary){.ledger = {.call = call}};
    int rc = jn_rec_scan(dir, &s, err);
    if (rc == 0 && l.count == 0)
        rc = jn_fail(err, -ENOENT, "%s: no recording of call %s", dir, jn_id_text(call, id));
    if (rc < 0) {
        free(l.at);
        return rc;
    }
    l.sum->ledger.tenant = l.at[0].tenant;
    *items = l.at;
    *n = l.count;
    return 0;
}

int jn_rec_export_wav(const char *dir, uint64_t call, const char *path, struct jn_err *err)
{
    struct jn_rec_item *items = NULL;
    int16_t *pcm = NULL;
    uint8_t head[44];
    size_t n, pairs = 0;
    int rc = jn_rec_load(dir, call, &items, &n, NULL, err);

    if (rc < 0)
        return rc;
    rc = jn_rec_render(&pcm, &pairs, items, n, err);
    free(items);
    if (rc < 0)
        return rc;
    jn_wav_header(head, (uint32_t)pairs);
    int fd = jn_files->open(path, O_RDWR | O_CREAT | O_TRUNC, 0640);
    rc = fd < 0 ? fd : jn_file_write(fd, head, sizeof head, 0);
    if (rc == 0)
        rc = jn_file_write(fd, pcm, pairs * 4, sizeof head);
    if (rc == 0)
        rc = jn_files->sync(fd);
    if (fd >= 0)
        jn_files->close(fd);
    free(pcm);
    return rc < 0 ? jn_fail(err, rc, "%s: %s", path, strerror(-rc)) : 0;
}
