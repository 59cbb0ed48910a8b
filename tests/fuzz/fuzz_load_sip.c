/* LINK: jn_load */
/* Any bytes as a SIP message: views lie inside, an answer to what was read is a message again. */
#include "engine/load/sip_text.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct jn_view v, const char *text, size_t size)
{
    if (v.p && (v.p < text || v.n > size || v.p + v.n > text + size))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct jn_sip_out o;
    struct jn_sip_in m, again;
    struct jn_sip_challenge c;
    char routes[512], *text = malloc(size ? size : 1);

    if (!text)
        abort();
    memcpy(text, data, size);
    if (jn_sip_read(&m, text, size) == 0) {
        const struct jn_view all[] = {m.uri,       m.call_id, m.from,      m.to,   m.from_tag,   m.to_tag,
                                      m.from_user, m.contact, m.challenge, m.body, m.method_name};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            inside(all[i], text, size);
        for (unsigned i = 0; i < m.vias; i++)
            inside(m.via[i], text, size);
        jn_sip_routes(routes, sizeof routes, &m);
        o.n = 0;
        o.full = false;
        jn_sip_put_answer(&o, &m, 200, "OK", "t");
        jn_sip_put_body(&o, "", 0);
        bool zero = memchr(text, 0, size) != NULL; /* "%.*s" ends there */
        if (!o.full && !zero && m.cseq && (jn_sip_read(&again, o.p, o.n) < 0 || again.status != 200))
            abort();
        if (m.challenge.p)
            jn_sip_challenge_read(&c, m.challenge);
    }
    free(text);
    return 0;
}
