/* Browsers: the thread that does their handshakes, joined to every worker. */
#include "engine/app/engine.h"

int jn_engine_browsers_open(struct jn_engine *e, struct jn_err *err)
{
    const struct jn_config_browser *from = &e->config.browser;
    struct jn_slow_config c = {
        .workers = e->workers, .browsers = from->max_legs, .certificate_s = from->certificate_s, .gcm = true};

    if (!from->enabled)
        return 0;
    int rc = jn_slow_open(&e->slow, &c, err);
    for (unsigned i = 0; i < e->workers && rc == 0; i++)
        if ((rc = jn_slow_join(e->slow, i, e->worker[i])) < 0)
            jn_fail(err, rc, "no memory for worker %u's handshakes", i);
    return rc;
}
