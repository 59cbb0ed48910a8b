/* Call out: who may call which number outside, and what is shown there. */
#include "router/directory/directory.h"

#include <string.h>

enum { DIGITS_MAX = 20 };

bool jn_dir_dialable(const char *number)
{
    size_t plus = number[0] == '+', n = strspn(number + plus, "0123456789");

    return n >= 1 && n <= DIGITS_MAX && !number[plus + n];
}

bool jn_dir_may_call(const struct jn_directory *d, uint64_t tenant, uint64_t agent, const char *number)
{
    const struct jn_dir_agent *a = jn_dir_agent(d, agent);
    const struct jn_dir_tenant *t = a ? jn_dir_tenant(d, tenant) : NULL;

    if (!t || !jn_dir_dialable(number) || (!a->may_call_out && a->role < JN_ROLE_SUPERVISOR))
        return false;
    for (unsigned i = 0; i < t->call_outs; i++)
        if (!strncmp(number, t->call_out[i], strlen(t->call_out[i])))
            return true;
    return false;
}

const char *jn_dir_caller_id(const struct jn_directory *d, uint64_t tenant, uint64_t queue)
{
    const struct jn_dir_queue *q = queue ? jn_dir_queue(d, queue) : NULL;
    const struct jn_dir_tenant *t = jn_dir_tenant(d, tenant);

    return q && q->caller_id[0] ? q->caller_id : t ? t->caller_id : "";
}
