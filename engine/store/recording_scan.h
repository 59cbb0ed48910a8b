/* Recording scan: the walk over segments that listing, loading and the fuzzer share. */
#ifndef JN_ENGINE_RECORDING_SCAN_H
#define JN_ENGINE_RECORDING_SCAN_H

#include "engine/base/err.h"
#include "media/record/item.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jn_rec_scan {
    int (*each)(void *arg, const struct jn_rec_item *it);       /* every good record; 0 to go on */
    int (*segment)(void *arg, uint32_t bad);                    /* after each segment; may be NULL */
    void (*progress)(void *arg, size_t segment, size_t of_all); /* before each segment; may be NULL */
    void *arg;
};
int jn_rec_scan(const char *dir, const struct jn_rec_scan *s, struct jn_err *err);

/* Records in n bytes; last: nothing follows, so what is cut off is a torn end. bad counts runs of bytes that are no
 * record, in_bad carries such a run from chunk to chunk. Returns the bytes used; *rc: what each said. */
size_t jn_rec_scan_bytes(const uint8_t *bytes, size_t n, bool last, uint32_t *bad, bool *in_bad,
                         int (*each)(void *arg, const struct jn_rec_item *it), void *arg, int *rc);

#endif
