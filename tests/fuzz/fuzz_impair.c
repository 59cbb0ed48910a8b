/* LINK: jn_media */
#include "media/impair/impair.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jn_impair_config c = {0};
    char text[512], why[64];
    size_t n = size < sizeof text ? size : sizeof text - 1;

    memcpy(text, data, n);
    text[n] = '\0';
    if (jn_impair_parse(&c, text, why, sizeof why) == 0) {
        struct jn_impair m;
        jn_impair_begin(&m, &c, n);
        for (uint64_t i = 0; i < 50; i++) {
            uint64_t due[2];
            if (jn_impair_fate(&m, i * 20000000, due) > 2)
                __builtin_trap();
        }
    }
    return 0;
}
