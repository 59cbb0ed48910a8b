/* LINK: jn_media */
#include "media/record/format.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Reads the bytes as a segment, with resynchronisation; what is read is written back the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        struct jn_rec_item it;
        uint8_t out[JN_REC_BYTES_MAX];
        int used = jn_rec_decode(&it, data + at, size - at);
        if (used > (int)(size - at))
            abort();
        if (used > 0 && (jn_rec_encode(out, &it) != (size_t)used || memcmp(out, data + at, (size_t)used) != 0))
            abort();
        at += used > 0 ? (size_t)used : 1;
    }
    return 0;
}
