/* Compile: rules of all tenants become one Hyperscan database a tenant, all or nothing. */
#include "router/classify/private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic uint64_t last_serial;

/* Patterns of one tenant on their way into a database. */
struct batch {
    char (*text)[JN_PATTERN_MAX];
    const char **patterns;
    unsigned *flags, *ids;
    uint32_t *source; /* index in what the caller gave */
    uint32_t n;
};
/* Where faults go. */
struct faults {
    struct jn_rule_fault *at;
    unsigned max, n;
};

static void fault(struct faults *f, uint32_t index, const char *why)
{
    if (f->n < f->max) {
        f->at[f->n].index = index;
        snprintf(f->at[f->n].why, sizeof f->at[f->n].why, "%s", why);
    }
    f->n++;
}

static void batch_free(struct batch *b)
{
    free(b->text);
    free(b->patterns);
    free(b->flags);
    free(b->ids);
    free(b->source);
}

static int batch_init(struct batch *b, uint32_t n)
{
    *b = (struct batch){.text = calloc(n, sizeof *b->text),
                        .patterns = calloc(n, sizeof *b->patterns),
                        .flags = calloc(n, sizeof *b->flags),
                        .ids = calloc(n, sizeof *b->ids),
                        .source = calloc(n, sizeof *b->source)};
    return b->text && b->patterns && b->flags && b->ids && b->source ? 0 : -ENOMEM;
}

/* Asks Hyperscan about one pattern before all are compiled, so that every bad one is named and not only the first. */
static bool pattern_good(const char *pattern, unsigned flags, char why[200])
{
    hs_expr_info_t *info = NULL;
    hs_compile_error_t *error = NULL;
    bool good = true;

    if (hs_expression_info(pattern, flags, &info, &error) != HS_SUCCESS) {
        snprintf(why, 200, "%s", error && error->message ? error->message : "refused");
        good = false;
    } else if (info->min_width == 0) {
        snprintf(why, 200, "the pattern matches an empty text, so it would match every message");
        good = false;
    }
    hs_free_compile_error(error);
    free(info);
    return good;
}

static uint32_t intent_index(struct rule_set *s, struct jn_map *known, const char *intent)
{
    uint64_t key = jn_name_id(0, "intent", intent);
    uint32_t i = jn_map_get(known, key);

    if (!intent[0])
        return JN_NO_INTENT;
    if (i != JN_MAP_NONE)
        return i;
    i = s->n_intents++;
    memcpy(s->intents[i], intent, sizeof s->intents[i]);
    return jn_map_set(known, key, i) ? JN_NO_INTENT : i;
}

static int set_rules(struct rule_set *s, const struct jn_dir_rule *given, const struct batch *b)
{
    struct jn_map known = {0};

    s->rules = calloc(b->n, sizeof *s->rules);
    s->intents = calloc(b->n, sizeof *s->intents);
    if (!s->rules || !s->intents || jn_map_init(&known, b->n))
        return -ENOMEM;
    s->n = b->n;
    for (uint32_t i = 0; i < b->n; i++) {
        const struct jn_dir_rule *g = &given[b->source[i]];
        struct rule *r = &s->rules[i];

        memcpy(r->label, g->label, sizeof r->label);
        memcpy(r->language, g->language, sizeof r->language);
        r->queue = g->queue;
        r->priority = g->priority;
        r->weight = (uint16_t)g->weight;
        r->intent = intent_index(s, &known, g->intent);
    }
    jn_map_free(&known);
    return 0;
}

static void compile_failed(const hs_compile_error_t *error, const struct batch *b, struct faults *f)
{
    unsigned at = error->expression >= 0 && (unsigned)error->expression < b->n ? (unsigned)error->expression : 0;

    fault(f, b->source[at], error->message ? error->message : "refused");
}

/* One tenant's rules. A rule that is bad is a fault and 0 is returned; the caller looks at the faults. */
static int compile_set(struct rule_set *s, const struct jn_dir_rule *rules, const uint32_t *mine, uint32_t n,
                       struct faults *f)
{
    hs_compile_error_t *error = NULL;
    struct batch b;
    char why[200];
    int rc = batch_init(&b, n);

    for (uint32_t i = 0; !rc && i < n; i++) {
        const struct jn_dir_rule *r = &rules[mine[i]];
        bool good = jn_pattern_prepare(b.text[b.n], &b.flags[b.n], r->pattern, why) == 0;

        if (good)
            good = pattern_good(b.text[b.n], b.flags[b.n], why);
        if (good && (r->weight < 1 || r->weight > 100)) {
            snprintf(why, sizeof why, "weight %d is not 1 to 100", r->weight);
            good = false;
        }
        if (!good) {
            fault(f, mine[i], why);
            continue;
        }
        b.patterns[b.n] = b.text[b.n];
        b.ids[b.n] = b.n;
        b.source[b.n] = mine[i];
        b.n++;
    }
    if (!rc && !f->n) {
        hs_error_t e = hs_compile_multi(b.patterns, b.flags, b.ids, b.n, HS_MODE_BLOCK, NULL, &s->db, &error);

        if (e == HS_COMPILER_ERROR && error)
            compile_failed(error, &b, f);
        else if (e != HS_SUCCESS)
            rc = -ENOMEM;
        hs_free_compile_error(error);
    }
    if (!rc && !f->n)
        rc = set_rules(s, rules, &b);
    batch_free(&b);
    return rc;
}

static void rules_free(struct jn_rules *r)
{
    for (uint32_t i = 0; i < r->n_sets; i++) {
        hs_free_database(r->sets[i].db);
        free(r->sets[i].rules);
        free(r->sets[i].intents);
    }
    hs_free_scratch(r->model);
    jn_map_free(&r->by_tenant);
    free(r->sets);
    free(r);
}

/* order: indexes of the rules, each tenant's together and in the order given; sets get tenant and n. */
static int group_by_tenant(struct jn_rules *r, uint32_t *order, const struct jn_dir_rule *rules, uint32_t n)
{
    uint32_t *next = NULL;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t s = rules[i].tenant ? jn_map_get(&r->by_tenant, rules[i].tenant) : JN_MAP_NONE;

        if (s == JN_MAP_NONE) {
            s = r->n_sets++;
            r->sets[s].tenant = rules[i].tenant;
            if (rules[i].tenant && jn_map_set(&r->by_tenant, rules[i].tenant, s))
                return -ENOMEM;
        }
        r->sets[s].n++;
    }
    next = calloc(r->n_sets + 1u, sizeof *next);
    if (!next)
        return -ENOMEM;
    for (uint32_t s = 1; s < r->n_sets; s++)
        next[s] = next[s - 1] + r->sets[s - 1].n;
    for (uint32_t i = 0; i < n; i++)
        order[next[rules[i].tenant ? jn_map_get(&r->by_tenant, rules[i].tenant) : 0]++] = i;
    free(next);
    return 0;
}

static int compile_all(struct jn_rules *r, const struct jn_dir_rule *rules, const uint32_t *order, struct faults *f)
{
    for (uint32_t s = 0; s < r->n_sets; s++) {
        uint32_t n = r->sets[s].n;
        unsigned before = f->n;
        struct faults mine = {.at = f->at ? f->at + (before < f->max ? before : f->max) : NULL,
                              .max = before < f->max ? f->max - before : 0};
        int rc = 0;

        if (n > JN_RULES_TENANT_MAX)
            fault(&mine, order[JN_RULES_TENANT_MAX], "a tenant has more rules than 20000");
        else
            rc = compile_set(&r->sets[s], rules, order, n, &mine);
        f->n += mine.n;
        if (rc)
            return rc;
        if (!mine.n && hs_alloc_scratch(r->sets[s].db, &r->model) != HS_SUCCESS)
            return -ENOMEM;
        r->most_rules = n > r->most_rules ? n : r->most_rules;
        order += n;
    }
    return 0;
}

int jn_rules_compile(struct jn_rules **out, const struct jn_dir_rule *rules, uint32_t n, struct jn_rule_fault *faults,
                     unsigned max, unsigned *n_faults)
{
    struct faults f = {.at = faults, .max = max};
    struct jn_rules *r = calloc(1, sizeof *r);
    uint32_t *order = calloc(n + 1u, sizeof *order);
    int rc = -ENOMEM;

    *out = NULL;
    if (n_faults)
        *n_faults = 0;
    if (!r || !order)
        goto no_memory;
    atomic_init(&r->refs, 1);
    r->serial = atomic_fetch_add_explicit(&last_serial, 1, memory_order_relaxed) + 1;
    r->sets = calloc(n + 1u, sizeof *r->sets);
    if (!r->sets || jn_map_init(&r->by_tenant, 16))
        goto no_memory;
    for (uint32_t i = 0; i < n; i++)
        if (!rules[i].tenant)
            fault(&f, i, "the rule belongs to no tenant");
    if (!f.n) {
        rc = group_by_tenant(r, order, rules, n);
        if (!rc)
            rc = compile_all(r, rules, order, &f);
    }
    if (f.n)
        rc = -EINVAL;
no_memory:
    free(order);
    if (n_faults)
        *n_faults = f.n < max ? f.n : max;
    if (!rc)
        *out = r;
    else if (r)
        rules_free(r);
    return rc;
}

struct jn_rules *jn_rules_ref(struct jn_rules *r)
{
    if (r)
        /* The caller has a reference already: nothing to order. */
        atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void jn_rules_unref(struct jn_rules *r)
{
    /* Release of each pairs with the acquire of whoever drops the last one: every scan comes before the free. */
    if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    rules_free(r);
}
