/* LINK: jn_router */
/* Files of calls, of agents and of policies, one after the other with a zero byte between: what is read is a day that
 * the simulation takes. */
#include "router/whatif/day.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const struct jn_day_how how = {.break_s = 900, .wrap_up_s = 5, .target_s = 20};
    struct jn_day d;
    struct jn_err err;
    char *text = calloc(1, n + 3);

    if (!text)
        return 0;
    if (n)
        memcpy(text, bytes, n);
    const char *agents = text + strlen(text) + 1;
    const char *policy = agents <= text + n ? agents + strlen(agents) + 1 : "";
    if (jn_day_read(&d, text, agents <= text + n && *agents ? agents : NULL, &how, &err) == 0) {
        if (d.shifts > d.calls || d.agents > d.calls || d.queues > d.calls)
            abort();
        for (uint32_t i = 0; i < d.shifts; i++)
            if (d.shift[i].agent >= d.agents || d.shift[i].from_us > d.shift[i].to_us)
                abort();
        if (policy <= text + n)
            jn_day_policy(&d, d.queue, policy, &err);
        jn_day_free(&d);
    }
    free(text);
    return 0;
}
