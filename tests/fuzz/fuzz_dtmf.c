/* LINK: jn_media */
#include "media/dtmf/rfc4733.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Packets of one length byte, four bytes of timestamp, then payload. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jn_dtmf_in d = {0};
    while (size >= 5) {
        size_t n = data[0] % 8;
        uint32_t ts;
        uint16_t duration;
        memcpy(&ts, data + 1, 4);
        data += 5;
        size -= 5;
        if (n > size)
            return 0;
        char c = jn_dtmf_take(&d, ts, data, n, &duration);
        if (c != 0 && strchr("0123456789*#ABCD", c) == NULL)
            abort();
        data += n;
        size -= n;
    }
    return 0;
}
