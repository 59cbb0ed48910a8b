/* Scan: one message through one tenant's database, and what the rules that matched say together. */
#include "router/classify/private.h"

#include "engine/base/str.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct jn_scratch *jn_scratch_new(void)
{
    return calloc(1, sizeof(struct jn_scratch));
}

void jn_scratch_free(struct jn_scratch *s)
{
    if (!s)
        return;
    hs_free_scratch(s->hs);
    free(s->hit);
    free(s->sum);
    free(s);
}

/* Rules of another serial have another model; until it is cloned the scratch fits nothing. */
static int fit(struct jn_scratch *s, const struct jn_rules *r)
{
    uint32_t words = (r->most_rules + 63) / 64;

    if (s->serial == r->serial)
        return 0;
    s->serial = 0;
    if (words > s->words) {
        uint64_t *hit = realloc(s->hit, words * sizeof *hit);
        uint32_t *sum = NULL;

        if (!hit)
            return -ENOMEM;
        s->hit = hit;
        sum = realloc(s->sum, words * 64u * sizeof *sum);
        if (!sum)
            return -ENOMEM;
        s->sum = sum;
        s->words = words;
    }
    hs_free_scratch(s->hs);
    s->hs = NULL;
    if (hs_clone_scratch(r->model, &s->hs) != HS_SUCCESS)
        return -ENOMEM;
    s->serial = r->serial;
    return 0;
}

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context)
{
    uint64_t *hit = context;

    (void)from;
    (void)to;
    (void)flags;
    hit[id / 64] |= UINT64_C(1) << id % 64;
    return 0;
}

/* The first whole characters of a long text. */
static size_t cut(const char *text, size_t n)
{
    if (n <= JN_CLASSIFY_BYTES)
        return n;
    n = JN_CLASSIFY_BYTES;
    while (n > JN_CLASSIFY_BYTES - 4 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static void add_label(struct jn_verdict *out, const char *label)
{
    for (unsigned i = 0; i < out->labels; i++)
        if (!strcmp(out->label[i], label))
            return;
    if (out->labels < sizeof out->label / sizeof *out->label)
        memcpy(out->label[out->labels++], label, JN_NAME_MAX);
}

/* Whether a rule outweighs what named the thing before; rules of the winning intent count above all others. */
static bool heavier(uint32_t *best, const struct rule *r, bool winner)
{
    uint32_t weight = r->weight + (winner ? 1000u : 0u);

    if (weight <= *best)
        return false;
    *best = weight;
    return true;
}

/* The first matching rule from `from` on, n when there is none. */
static uint32_t next_hit(const uint64_t *hit, uint32_t from, uint32_t n)
{
    while (from < n) {
        uint64_t bits = hit[from / 64] >> from % 64;

        if (bits)
            return from + (uint32_t)__builtin_ctzll(bits);
        from = (from / 64 + 1) * 64;
    }
    return n;
}

static uint32_t winning_intent(const struct rule_set *set, struct jn_scratch *s, struct jn_verdict *out)
{
    uint32_t best = JN_NO_INTENT;

    memset(s->sum, 0, set->n_intents * sizeof *s->sum);
    for (uint32_t i = next_hit(s->hit, 0, set->n); i < set->n; i = next_hit(s->hit, i + 1, set->n)) {
        const struct rule *r = &set->rules[i];

        out->matches++;
        if (r->intent != JN_NO_INTENT)
            s->sum[r->intent] += r->weight;
    }
    if (!out->matches)
        return best;
    /* Intents stand in the order of their first rule, so the first of equal sums is the one to take. */
    for (uint32_t k = 0; k < set->n_intents; k++)
        if (s->sum[k] && (best == JN_NO_INTENT || s->sum[k] > s->sum[best]))
            best = k;
    if (best != JN_NO_INTENT) {
        memcpy(out->intent, set->intents[best], sizeof out->intent);
        out->weight = s->sum[best] > UINT16_MAX ? UINT16_MAX : (uint16_t)s->sum[best];
    }
    return best;
}

static void conclude(const struct rule_set *set, struct jn_scratch *s, struct jn_verdict *out)
{
    uint32_t winner = winning_intent(set, s, out), queue = 0, language = 0;

    if (!out->matches)
        return;
    for (uint32_t i = next_hit(s->hit, 0, set->n); i < set->n; i = next_hit(s->hit, i + 1, set->n)) {
        const struct rule *r = &set->rules[i];
        bool mine = winner != JN_NO_INTENT && r->intent == winner;

        if (r->queue && heavier(&queue, r, mine))
            out->queue = r->queue;
        if (r->language[0] && heavier(&language, r, mine))
            memcpy(out->language, r->language, sizeof out->language);
        if (r->priority != 255 && (out->priority == 255 || r->priority > out->priority))
            out->priority = r->priority;
        if (r->label[0])
            add_label(out, r->label);
    }
}

int jn_classify(const struct jn_rules *r, struct jn_scratch *s, uint64_t tenant, const char *text, size_t n,
                struct jn_verdict *out)
{
    uint32_t at = r && tenant ? jn_map_get(&r->by_tenant, tenant) : JN_MAP_NONE;
    const struct rule_set *set;
    hs_error_t e;

    memset(out, 0, sizeof *out);
    out->priority = 255;
    n = cut(text, n);
    /* Hyperscan's UTF-8 patterns have no defined answer on bytes that are not UTF-8. */
    if (!jn_utf8_valid(text, n))
        return -EINVAL;
    if (at == JN_MAP_NONE || !n)
        return 0;
    if (fit(s, r))
        return -ENOMEM;
    set = &r->sets[at];
    memset(s->hit, 0, (set->n + 63) / 64 * sizeof *s->hit);
    e = hs_scan(set->db, text, (unsigned)n, 0, s->hs, on_match, s->hit);
    if (e != HS_SUCCESS)
        return e == HS_NOMEM ? -ENOMEM : -EFAULT;
    conclude(set, s, out);
    return 0;
}
