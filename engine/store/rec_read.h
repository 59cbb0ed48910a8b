/* Rec read: opening chunks with their keys, for all who read segments. */
#ifndef JN_ENGINE_REC_READ_H
#define JN_ENGINE_REC_READ_H

#include "engine/store/rec_walk.h"

struct jn_rec_reader; /* one owner thread */
/* Without a master key at hand what is in the clear can still be read. */
int jn_rec_reader_open(struct jn_rec_reader **out, const char *dir, struct jn_err *err);
void jn_rec_reader_close(struct jn_rec_reader *r);
/* The items of a chunk that jn_rec_seal_get took. 0, what each said, -ENOKEY: its key was destroyed or is not at hand,
 * -EBADMSG. */
int jn_rec_reader_chunk(struct jn_rec_reader *r, const struct jn_rec_seal *s, const uint8_t *bytes,
                        int (*each)(void *arg, const struct jn_rec_item *it), void *arg);
struct jn_rec_keys *jn_rec_reader_keys(struct jn_rec_reader *r);

#endif
