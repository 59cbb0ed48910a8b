/* LINK: jn_sip */
/* Refer-To with its Replaces, as a REFER brings it: whatever is taken is bounded and holds nothing that would break a
 * line or a log. */
#include "engine/sip/ua.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void clean(const char *text, size_t size)
{
    size_t n = strnlen(text, size);
    if (n == size)
        abort();
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 32 || text[i] == 127)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jn_sip_target t;
    su_home_t home[1] = {SU_HOME_INIT(home)};
    char *text = su_strndup(home, (const char *)data, size);
    sip_refer_to_t *r = text ? sip_refer_to_make(home, text) : NULL;
    if (r && jn_sip_refer_to(&t, home, r->r_url) == 0) {
        clean(t.user, sizeof t.user);
        clean(t.host, sizeof t.host);
        clean(t.call_id, sizeof t.call_id);
        clean(t.to_tag, sizeof t.to_tag);
        clean(t.from_tag, sizeof t.from_tag);
        if (!t.host[0] || (!t.user[0] && !t.replaces) || (t.replaces && (!t.to_tag[0] || !t.from_tag[0])))
            abort();
    }
    /* The description's version: rewritten text differs in its version alone. */
    struct jn_sip_leg l = {0};
    const char *first = text ? jn_sip_sdp_out(&l, text) : NULL;
    char *copy = first ? strdup(first) : NULL;
    if (copy && jn_sip_sdp_out(&l, copy) && strcmp(l.sdp, copy) != 0)
        abort(); /* the same again stays the same */
    free(copy);
    free(l.sdp);
    su_home_deinit(home);
    return 0;
}
