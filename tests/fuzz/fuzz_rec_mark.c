/* LINK: jn_store */
/* The list of running recordings and one entry of the index, of any bytes: refused or taken, with a good checksum too.
 */
#include "engine/base/crc.h"
#include "engine/store/file.h"
#include "engine/store/rec_index.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void parse(const uint8_t *bytes, size_t n)
{
    struct jn_rec_table t;
    struct jn_rec_mark mark;

    if (jn_rec_table_init(&t) < 0)
        abort();
    if (jn_rec_mark_parse(bytes, n, &t, &mark) == 0)
        while (t.n > 0) {
            jn_rec_growing_entry(&t.at[0]);
            jn_rec_table_drop(&t, &t.at[0]);
        }
    jn_rec_table_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct jn_rec_entry e;
    uint8_t *sealed = malloc(n + 8);

    if (!sealed)
        abort();
    parse(data, n);
    memcpy(sealed, data, n);
    if (n > 8) {
        jn_put32(sealed, 0x4d524e4au);
        jn_put32(sealed + 4, jn_crc32c(0, sealed + 8, n - 8));
        parse(sealed, n);
    }
    free(sealed);
    if (n >= sizeof e) {
        memcpy(&e, data, sizeof e);
        jn_rec_entry_good(&e);
    }
    return 0;
}
