/* Rec index: one entry for each recorded call, so that listing and finding do not read sound. In the recordings'
 * folder:
 *
 *   index   entries of fixed size in the order in which recordings ended; only `deleted_us` of one is ever changed
 *   open    the recordings that run, and how far index and segments had come when it was written (every few seconds,
 *           whole or not at all)
 *
 * Both are made from the segments again when they are missing. After a crash what came after `open` was written is read
 * from the segments once more. */
#ifndef JN_ENGINE_REC_INDEX_H
#define JN_ENGINE_REC_INDEX_H

#include "engine/base/map.h"
#include "engine/store/rec_walk.h"
#include "media/record/render.h"

enum { JN_REC_AGENTS = 4, JN_REC_QUEUES = 3, JN_REC_SLOTS = 4 };

/* As on disk; the CRC is over what follows deleted_us. first, last: segments; last_off: of the newest chunk, from which
 * the others are found backwards. older: the number, from 1, of the entry of the same call that this one replaces.
 * agent, queue: the last ones that it was with. slot: of its keys, from 1; slots: how many it had. */
struct jn_rec_entry {
    uint32_t magic, crc;
    uint64_t deleted_us;
    uint64_t call, tenant, first_us, last_us, first, last;
    uint32_t last_off, older;
    uint64_t frames[JN_TRACK_N], missing[JN_TRACK_N], duplicates[JN_TRACK_N], withheld[JN_TRACK_N];
    uint64_t handed_over, overflow;
    uint32_t events, chunks;
    uint8_t stopped, complete, encrypted, old, agents, queues, slots, spare;
    uint64_t agent[JN_REC_AGENTS], queue[JN_REC_QUEUES];
    uint32_t slot[JN_REC_SLOTS];
    uint8_t fill[16];
};
static_assert(sizeof(struct jn_rec_entry) == 320, "as on disk");

/* A recording as it grows. */
struct jn_rec_growing {
    struct jn_rec_entry e;
    struct jn_rec_ledger ledger;
    uint32_t number; /* of the next chunk */
    uint32_t slot;
    struct jn_crypt_key *key; /* the writer's; of no meaning on disk */
    uint64_t lost;            /* frames that found no disk, not told yet */
    uint64_t lost_stop;       /* 1 + what an end says that found none */
};
void jn_rec_growing_item(struct jn_rec_growing *g, const struct jn_rec_item *it);
/* A chunk of it lies there, sealed with that slot's key. */
void jn_rec_growing_chunk(struct jn_rec_growing *g, const struct jn_rec_place *at, bool encrypted, uint32_t slot);
/* The entry as it stands now. */
const struct jn_rec_entry *jn_rec_growing_entry(struct jn_rec_growing *g);

/* Many of them, by call. */
struct jn_rec_table {
    struct jn_rec_growing *at;
    uint32_t n, cap;
    struct jn_map by_call;
};
int jn_rec_table_init(struct jn_rec_table *t);
void jn_rec_table_free(struct jn_rec_table *t);
/* The call's, made when it is missing. NULL: no memory. */
struct jn_rec_growing *jn_rec_table_want(struct jn_rec_table *t, uint64_t call, uint64_t tenant);
struct jn_rec_growing *jn_rec_table_find(const struct jn_rec_table *t, uint64_t call);
void jn_rec_table_drop(struct jn_rec_table *t, struct jn_rec_growing *g);

/* What `open` says. */
struct jn_rec_mark {
    uint64_t entries; /* of the index that count */
    struct jn_rec_place at;
};
/* The writer's side; one owner thread. */
struct jn_rec_index;
int jn_rec_index_open(struct jn_rec_index **out, const char *dir, struct jn_err *err);
void jn_rec_index_close(struct jn_rec_index *x);
/* Takes what `open` says into t and *mark; 0, or -ENOENT: neither is there or of use, everything must be made anew. */
int jn_rec_index_load(const char *dir, struct jn_rec_table *t, struct jn_rec_mark *mark);
/* Entries from here on are forgotten: they will be made again. */
int jn_rec_index_cut(struct jn_rec_index *x, uint64_t entries);
/* Appends; *number counts from 1. 0 or -errno (nothing was appended). */
int jn_rec_index_add(struct jn_rec_index *x, const struct jn_rec_entry *e, uint32_t *number);
/* The entry with that number, from 1; 0, -ENODATA: behind the last one, -EBADMSG, -errno. */
int jn_rec_index_get(const struct jn_rec_index *x, uint32_t number, struct jn_rec_entry *e);
/* Writes `open`: entries and segments up to here need not be looked at again. */
int jn_rec_index_mark(struct jn_rec_index *x, const struct jn_rec_table *t, const struct jn_rec_place *at);

/* Readers, any process. newest first; each returns 0 to go on. number: of the entry, from 1; 0: it runs still. */
struct jn_rec_query {
    uint64_t tenant, agent, queue, call; /* 0: any */
    uint64_t from_us, to_us;             /* it began in between; to_us 0: any */
    uint32_t before;                     /* entries before that number; 0: all, those that run first */
    bool deleted;                        /* deleted ones too */
    bool exact; /* what came after `open` was written is read from the segments: right after a crash too */
};
int jn_rec_find(const char *dir, const struct jn_rec_query *q,
                int (*each)(void *arg, const struct jn_rec_entry *e, uint32_t number), void *arg, struct jn_err *err);
/* Marks an entry as deleted. */
int jn_rec_index_delete(const char *dir, uint32_t number, uint64_t now_us);
/* Reads what follows `from` into the table; entries of calls that ended go to `ended`. */
int jn_rec_index_catch_up(const char *dir, const struct jn_rec_place *from, struct jn_rec_table *t,
                          int (*ended)(void *arg, struct jn_rec_growing *g), void *arg, struct jn_err *err);
bool jn_rec_entry_good(const struct jn_rec_entry *e);
/* For fuzzing: `open` as bytes. 0 or -EBADMSG. */
int jn_rec_mark_parse(const uint8_t *bytes, size_t n, struct jn_rec_table *t, struct jn_rec_mark *mark);

#endif
