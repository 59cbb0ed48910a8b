/* LINK: jn_sip */
#include "engine/sip/capture.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* The bytes are what came from a socket: what is found lies inside, masking twice is masking once, and the message
 * reads the same after it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jn_sip_text t, again;
    char *copy = malloc(size ? size : 1), *twice = malloc(size ? size : 1);

    if (!copy || !twice)
        abort();
    memcpy(copy, data, size);
    bool whole = jn_sip_text_read(&t, copy, size);
    if (whole && (t.head > size || t.call_id < copy || t.call_id + t.call_id_len > copy + t.head || t.method < copy ||
                  t.method + t.method_len > copy + t.head))
        abort();
    jn_sip_text_mask(copy, size);
    memcpy(twice, copy, size);
    jn_sip_text_mask(twice, size);
    if (memcmp(copy, twice, size) != 0)
        abort();
    if (whole && (!jn_sip_text_read(&again, copy, size) || again.head != t.head || again.body != t.body))
        abort();
    free(copy);
    free(twice);
    return 0;
}
