/* LINK: jn_store */
#include "engine/store/trace_log.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int each(void *arg, const uint8_t *record, size_t len)
{
    static uint8_t again[JN_TRACE_BYTES_MAX];
    struct jn_trace_record r;

    (void)arg;
    if (jn_trace_decode(&r, record, len) < 0)
        return 0;
    size_t n = jn_trace_encode(again, &r);
    if (n < len) /* of an older version: more is written than was read */
        abort();
    return 0;
}

/* The bytes are a segment, and they are one record: what is read is written again in as many
 * bytes, or in more where it is of an older version. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    jn_trace_scan(data, size, each, NULL);
    if (size <= JN_TRACE_BYTES_MAX)
        each(NULL, data, size);
    return 0;
}
