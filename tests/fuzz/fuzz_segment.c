/* LINK: jn_store */
/* A recording segment of any bytes, in pieces of any size: the reader ends, uses no more than it was given, and finds
 * the same chunks and records as when it gets all at once. */
#include "engine/store/rec_walk.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct sum {
    uint64_t found, hash;
};

static int record(void *arg, const struct jn_rec_item *it, const struct jn_rec_place *at)
{
    struct sum *sum = arg;

    if (it->len > JN_REC_PAYLOAD_MAX)
        abort();
    sum->found++;
    sum->hash = sum->hash * 31 + it->call + it->seq + it->len + at->off;
    return 0;
}

static int chunk(void *arg, const struct jn_rec_seal *s, const uint8_t *bytes, const struct jn_rec_place *at)
{
    struct jn_rec_chunk *head = calloc(1, sizeof *head);
    struct jn_rec_item it;
    uint32_t used = 0;

    if (!head)
        abort();
    head->call = s->call;
    if (!(s->flags & JN_SEAL_ENCRYPTED))
        while (jn_rec_next(&it, head, bytes + JN_SEAL_HEAD, s->n, &used) == 1)
            record(arg, &it, at);
    free(head);
    if (used > s->n)
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct sum whole = {0}, parts = {0};
    struct jn_rec_walker a = {.chunk = chunk, .record = record, .arg = &whole},
                         b = {.chunk = chunk, .record = record, .arg = &parts};
    int rc;

    if (n < 2)
        return 0;
    size_t step = 1 + data[0] * 8u, have = 0;
    data++;
    n--;
    if (jn_rec_walk_bytes(&a, data, n, true, &rc) != n || rc != 0)
        abort();
    uint8_t *buf = malloc(JN_SEAL_MAX + step);
    if (!buf)
        abort();
    for (size_t at = 0; at < n;) {
        size_t take = n - at < step ? n - at : step;
        memcpy(buf + have, data + at, take);
        have += take;
        at += take;
        size_t used = jn_rec_walk_bytes(&b, buf, have, at == n, &rc);
        if (used > have || have - used >= JN_SEAL_MAX)
            abort();
        have -= used;
        memmove(buf, buf + used, have);
    }
    free(buf);
    if (memcmp(&whole, &parts, sizeof whole) != 0)
        abort();
    return 0;
}
