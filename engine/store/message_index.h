/* Message index: every conversation in memory, where its messages lie, and what of it is durable. Private to
 * message_*.c. */
#ifndef JN_ENGINE_MESSAGE_INDEX_H
#define JN_ENGINE_MESSAGE_INDEX_H

#include "engine/base/map.h"
#include "engine/store/crypt.h"
#include <stdbool.h>

#define JN_NO_SLOT UINT32_MAX

/* segment: index in the log; off: of the record in its segment (while it is not durable: in the coming group). len 0:
 * none. */
struct jn_place {
    uint32_t segment, off, len;
};
struct jn_entry {
    struct jn_place place;
    uint64_t at_us;
    uint8_t mark[16]; /* of the idempotency key; zeros: none was given */
};
struct jn_conversation {
    uint64_t ix, tenant;
    struct jn_entry *entry;
    uint32_t count, durable, cap; /* of entries */
    struct jn_place note, note_coming;
    uint32_t slot; /* of its key */
    bool has_key, erased, touched;
    bool destroy; /* its slot is not zero: to be overwritten once it is erased */
    uint8_t key[JN_CRYPT_KEY];
};
struct jn_message_index {
    struct jn_conversation *at;
    uint32_t count, cap;
    struct jn_map by_ix;
    uint32_t *touched, n_touched, touched_cap; /* what the coming commit is about */
};
int jn_message_index_init(struct jn_message_index *x);
void jn_message_index_free(struct jn_message_index *x);
struct jn_conversation *jn_message_index_get(const struct jn_message_index *x, uint64_t ix);
/* The conversation, made when missing. NULL: no memory. */
struct jn_conversation *jn_message_index_want(struct jn_message_index *x, uint64_t ix, uint64_t tenant);
/* Room for one more entry and for noting it as touched. 0 or -ENOMEM. */
int jn_message_index_room(struct jn_message_index *x, struct jn_conversation *c);
void jn_message_index_touch(struct jn_message_index *x, struct jn_conversation *c);
/* The coming commit was written: its group's payload lies at `at` of segment. */
void jn_message_index_commit(struct jn_message_index *x, uint32_t segment, uint64_t at);
/* The coming commit failed: as if its messages had never been given. */
void jn_message_index_rollback(struct jn_message_index *x);

#endif
