/* LINK: jn_store */
/* A recording segment of any bytes, in chunks of any size: the reader ends, uses no more than it was given, and finds
 * the same records as when it gets all at once. */
#include "engine/store/recording_scan.h"

#include "media/record/format.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int each(void *arg, const struct jn_rec_item *it)
{
    uint64_t *sum = arg;

    if (it->len > JN_REC_PAYLOAD_MAX)
        abort();
    sum[0]++;
    sum[1] = sum[1] * 31 + it->call + it->seq + it->len;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    uint64_t whole[2] = {0}, parts[2] = {0};
    uint32_t bad = 0, bad_parts = 0;
    bool in_bad = false, in_bad_parts = false;
    int rc;

    if (n < 2)
        return 0;
    size_t step = 1 + data[0] * 8u;
    data++;
    n--;
    if (jn_rec_scan_bytes(data, n, true, &bad, &in_bad, each, whole, &rc) != n || rc != 0)
        abort();
    uint8_t *buf = malloc(JN_REC_BYTES_MAX + step);
    if (!buf)
        abort();
    size_t have = 0;
    for (size_t at = 0; at < n;) {
        size_t take = n - at < step ? n - at : step;
        memcpy(buf + have, data + at, take);
        have += take;
        at += take;
        size_t used = jn_rec_scan_bytes(buf, have, at == n, &bad_parts, &in_bad_parts, each, parts, &rc);
        if (used > have || have - used >= JN_REC_BYTES_MAX)
            abort();
        have -= used;
        memmove(buf, buf + used, have);
    }
    free(buf);
    if (memcmp(whole, parts, sizeof whole) != 0)
        abort();
    return 0;
}
