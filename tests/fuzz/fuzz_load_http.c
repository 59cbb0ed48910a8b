/* LINK: jn_load */
/* Any bytes as an HTTP answer and as WebSocket frames: lengths stay inside their bounds, reading always ends. */
#include "engine/load/http_text.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jn_http_in h;
    struct jn_ws_in f;
    char member[16], *text = malloc(size ? size : 1);
    size_t at = 0;

    if (!text)
        abort();
    memcpy(text, data, size);
    if (jn_http_read(&h, text, size) == 1 && (h.head > size || h.body > JN_HTTP_ANSWER_MAX))
        abort();
    while (jn_ws_read(&f, (uint8_t *)text + at, size - at) == 1) {
        if (f.head + f.body > size - at)
            abort();
        at += f.head + f.body;
    }
    if (jn_http_member(member, sizeof member, text, size, "id") && strlen(member) >= sizeof member)
        abort();
    free(text);
    return 0;
}
