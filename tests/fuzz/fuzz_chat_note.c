/* LINK: jn_channel */
/* Routing notes as they come back from the message log: what is taken is encoded to the same bytes again. */
#include "engine/channel/chat.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct jn_chat c = {.ix = 1};
    uint8_t again[JN_CHAT_NOTE_MAX];
    if (n > UINT32_MAX || jn_chat_note_decode(&c, data, (uint32_t)n))
        return 0;
    if (jn_chat_note_encode(again, &c) != n || memcmp(again, data, n))
        __builtin_trap();
    return 0;
}
