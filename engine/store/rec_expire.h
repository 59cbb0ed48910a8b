/* Rec expire: recordings that are kept no longer are deleted, and segments that nothing alive lies in. */
#ifndef JN_ENGINE_REC_EXPIRE_H
#define JN_ENGINE_REC_EXPIRE_H

#include "engine/base/err.h"
#include <stdint.h>

/* keep_s: how long recordings of a tenant are kept after their end; 0: for ever. */
struct jn_rec_keep {
    uint32_t (*keep_s)(void *arg, uint64_t tenant);
    void *arg;
    uint64_t now_us;
};
/* How many recordings were deleted, or -errno. segments (may be NULL): how many files were removed. Beside the writer
 * too: the newest segments are left alone. */
int64_t jn_rec_expire(const char *dir, const struct jn_rec_keep *k, uint32_t *segments, struct jn_err *err);

#endif
