/* LINK: jn_media */
/* Connectivity checks from anywhere: read, judged, answered within the bounds, and never with more than was asked
 * unless they are authentic. */
#include "media/ice/lite.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct jn_ice_own own = {.ufrag = "abcdefghijkl", .pwd = "0123456789abcdef01234567"};
    struct jn_ice_pair by = {.peer = {.ip = {192, 0, 2, 1}, .port = 9, .family = JN_ADDR_V4}}, replaced;
    uint8_t out[JN_STUN_ANSWER_MAX];
    struct jn_ice_lite ice;
    struct jn_stun s, back;
    size_t n = 0;

    if (jn_stun_parse(&s, data, size) < 0)
        return 0;
    jn_ice_init(&ice, &own);
    enum jn_ice_result what = jn_ice_check(&ice, &s, data, size, &by, out, &n, &replaced);
    bool authentic = jn_stun_authentic(&s, data, &ice.now.key);
    if (n > sizeof out || (n > 0 && jn_stun_parse(&back, out, n) < 0) || (!authentic && n > size) ||
        (!authentic && (what == JN_ICE_VALID || what == JN_ICE_NOMINATED)))
        abort();
    return 0;
}
