/* Browsers: the thread that does their handshakes, joined to every worker. */
#include "engine/app/engine.h"

int jn_engine_browsers_open(struct jn_engine *e, struct jn_err *err)
{
    const struct jn_config_browser *from = &e->config.browser;
    const struct jn_sdp_codecs *allowed = &e->config.codecs;
    struct jn_slow_config c = {.workers = e->workers, .browsers = from->max_legs, .certificate_s = from->certificate_s};

    if (!from->enabled)
        return 0;
    for (unsigned i = 0; i < allowed->suites; i++)
        c.suites |= (uint16_t)(1u << allowed->suite[i]);
    int rc = jn_slow_open(&e->slow, &c, err);
    for (unsigned i = 0; i < e->workers && rc == 0; i++)
        if ((rc = jn_slow_join(e->slow, i, e->worker[i])) < 0)
            jn_fail(err, rc, "no memory for worker %u's handshakes", i);
    return rc;
}
