/* LINK: jn_router */
/* Journal records: what decodes is valid and encodes to the same bytes again. */
#include "router/core/valid.h"
#include "router/journal/codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct jn_event ev;
    uint8_t again[JN_EVENT_BYTES_MAX];

    if (jn_event_decode(&ev, bytes, n) < 0)
        return 0;
    if (!jn_event_valid(&ev) || jn_event_encode(again, &ev) != n || memcmp(again, bytes, n) != 0)
        abort();
    return 0;
}
