/* Policy: what a what-if changes about the queues. */
#include "engine/base/str.h"
#include "router/core/valid.h"
#include "router/match/match.h"
#include "router/whatif/day.h"

#include <errno.h>
#include <string.h>

bool jn_day_policy_named(const char *name, uint8_t *out)
{
    for (uint8_t p = 0; p < JN_POLICY_N; p++)
        if (strcmp(jn_policy(p)->name, name) == 0) {
            *out = p;
            return true;
        }
    return false;
}

/* "weight=5" and the like. */
static bool change(struct jn_ev_queue *q, const char *word)
{
    const char *value = strchr(word, '=');
    size_t n = value ? (size_t)(value - word) : 0;
    uint64_t v;

    if (!value || jn_parse_u64(value + 1, UINT32_MAX, &v) < 0)
        return false;
    if (n == 6 && memcmp(word, "weight", n) == 0 && v <= UINT16_MAX)
        q->weight = (uint16_t)v;
    else if (n == 8 && memcmp(word, "priority", n) == 0 && v <= UINT8_MAX)
        q->priority = (uint8_t)v;
    else if (n == 9 && memcmp(word, "target_ms", n) == 0)
        q->target_ms = (uint32_t)v;
    else
        return false;
    return jn_queue_valid(q);
}

static int line(const struct jn_day *d, struct jn_sim_queue *queue, char *text, unsigned number, struct jn_err *err)
{
    char *word[8] = {NULL}, *rest = NULL;
    unsigned n = 0, met = 0;
    uint8_t policy = 0;

    for (char *w = strtok_r(text, " \t\r", &rest); w && *w != '#' && n < 8; w = strtok_r(NULL, " \t\r", &rest))
        word[n++] = w;
    if (n == 0)
        return 0;
    if (n < 2 || !jn_day_policy_named(word[1], &policy))
        return jn_fail(err, -EINVAL, "line %u: \"%s\" is no policy", number, n < 2 ? "" : word[1]);
    for (uint32_t q = 0; q < d->queues; q++) {
        if (strcmp(word[0], "*") != 0 && strcmp(word[0], d->queue_name[q].text) != 0)
            continue;
        met++;
        queue[q].set.policy = policy;
        for (unsigned k = 2; k < n; k++)
            if (!change(&queue[q].set, word[k]))
                return jn_fail(err, -EINVAL, "line %u: \"%s\" is not understood or out of bounds", number, word[k]);
    }
    return met ? 0 : jn_fail(err, -EINVAL, "line %u: the day has no queue \"%s\"", number, word[0]);
}

int jn_day_policy(const struct jn_day *d, struct jn_sim_queue *queue, const char *text, struct jn_err *err)
{
    char one[256];
    uint8_t policy;
    unsigned number = 0;

    if (jn_day_policy_named(text, &policy)) {
        for (uint32_t q = 0; q < d->queues; q++)
            queue[q].set.policy = policy;
        return 0;
    }
    for (const char *p = text, *end; *p; p = *end ? end + 1 : end) {
        end = strchrnul(p, '\n');
        number++;
        if (!jn_copy_n(one, sizeof one, p, (size_t)(end - p)))
            return jn_fail(err, -EINVAL, "line %u is too long", number);
        int rc = line(d, queue, one, number, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}
