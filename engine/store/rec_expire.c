/* Rec expire: see the header. One walk over the index says who is due and where the oldest that stays begins. */
#include "engine/store/rec_expire.h"

#include "engine/base/log.h"
#include "engine/store/file.h"
#include "engine/store/recording_log.h"
#include "engine/store/seglog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEFT = 2 /* of the newest segments are the writer's */, AT_ONCE = 4096 };
static const uint64_t young_us = UINT64_C(3600000000); /* what the index has not seen lies in younger ones */

struct due {
    const struct jn_rec_keep *k;
    struct jn_rec_found *at;
    uint64_t oldest;
    uint32_t n, cap;
};

static int look(void *arg, const struct jn_rec_entry *e, uint32_t number)
{
    struct due *d = arg;
    uint32_t keep_s = d->k->keep_s(d->k->arg, e->tenant);
    bool over = number > 0 && keep_s > 0 && e->last_us + (uint64_t)keep_s * 1000000 < d->k->now_us;

    if (!over || d->n == AT_ONCE) { /* the others are deleted the next time */
        d->oldest = e->first < d->oldest ? e->first : d->oldest;
        return 0;
    }
    if (d->n == d->cap) {
        uint32_t cap = d->cap ? d->cap * 2 : 256;
        struct jn_rec_found *grown = realloc(d->at, cap * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        d->at = grown;
        d->cap = cap;
    }
    d->at[d->n++] = (struct jn_rec_found){.e = *e, .number = number};
    return 0;
}

/* Segments before the first one of everything that stays. */
static int remove_segments(const char *dir, uint64_t before, uint64_t now_us, uint32_t *removed)
{
    struct jn_names names;
    char path[1100];
    uint64_t segment;
    int rc = jn_names_list(&names, dir, ".rec");

    *removed = 0;
    for (size_t i = 0; rc == 0 && i + LEFT < names.count; i++) {
        if (jn_seglog_name_seq(names.at[i], ".rec", &segment) < 0 || segment >= before || segment + young_us > now_us)
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, names.at[i]);
        rc = jn_files->unlink(path);
        *removed += rc == 0;
    }
    if (*removed > 0 && rc == 0)
        rc = jn_files->sync_dir(dir);
    jn_names_free(&names);
    return rc;
}

int64_t jn_rec_expire(const char *dir, const struct jn_rec_keep *k, uint32_t *segments, struct jn_err *err)
{
    const struct jn_rec_query q = {.tenant = 0};
    struct due d = {.k = k, .oldest = UINT64_MAX};
    int64_t done = 0;
    uint32_t removed = 0;
    int rc = jn_rec_find(dir, &q, look, &d, err);

    for (uint32_t i = 0; rc == 0 && i < d.n; i++) {
        struct jn_err why = {{0}};
        int one = jn_rec_delete_found(dir, &d.at[i], k->now_us, &why);
        if (one == 0)
            done++;
        else if (one != -ENOENT && one != -EOPNOTSUPP) /* the others are deleted; this one is tried again */
            jn_warn("store", "a recording is not deleted: %s", why.text);
    }
    if (rc == 0 && d.n > 0)
        rc = remove_segments(dir, d.oldest, k->now_us, &removed);
    if (segments)
        *segments = removed;
    free(d.at);
    return rc < 0 ? rc : done;
}
