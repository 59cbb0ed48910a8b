/* The tree against a sorted array. */
#include "engine/base/rand.h"
#include "router/queue/tree.h"

#include <criterion/criterion.h>

enum { N = 300 };

static unsigned rank_by_counting(const struct jn_node *at, const bool *in, unsigned i)
{
    unsigned rank = 1;
    for (unsigned k = 0; k < N; k++)
        rank += in[k] && (at[k].hi < at[i].hi || (at[k].hi == at[i].hi && at[k].lo < at[i].lo));
    return rank;
}

TestSuite(tree, .timeout = 60);

Test(tree, first_rank_count_and_minimum_are_those_of_a_plain_array)
{
    struct jn_node at[N];
    struct jn_tree t;
    bool in[N] = {false};
    uint64_t seed = 3;
    jn_tree_init(&t);
    for (unsigned op = 0; op < 6000; op++) {
        unsigned i = (unsigned)(jn_splitmix(&seed) % N);
        if (in[i]) {
            cr_assert_eq(jn_tree_rank(at, i), rank_by_counting(at, in, i));
            jn_tree_remove(&t, at, i);
        } else {
            at[i].hi = jn_splitmix(&seed) % 4;
            at[i].lo = op; /* unique */
            at[i].value = jn_splitmix(&seed) % 1000 + 1;
            jn_tree_insert(&t, at, i);
        }
        in[i] = !in[i];
        cr_assert(jn_tree_sound(&t, at), "after operation %u", op);
        uint64_t min = 0;
        unsigned count = 0;
        for (unsigned k = 0; k < N; k++) {
            count += in[k];
            if (in[k] && (!min || at[k].value < min))
                min = at[k].value;
        }
        cr_assert_eq(jn_tree_count(&t, at), count);
        cr_assert_eq(jn_tree_min(&t, at), min);
        cr_assert(t.first == JN_NONE ? count == 0 : rank_by_counting(at, in, t.first) == 1);
    }
}

Test(tree, growing_keys_do_not_make_a_list)
{
    enum { MANY = 20000 };
    static struct jn_node at[MANY];
    struct jn_tree t;
    unsigned deepest = 0;
    jn_tree_init(&t);
    for (uint32_t i = 0; i < MANY; i++) {
        at[i].lo = i;
        jn_tree_insert(&t, at, i);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        unsigned depth = 0;
        for (uint32_t k = i; k != JN_NONE; k = at[k].parent)
            depth++;
        deepest = depth > deepest ? depth : deepest;
    }
    cr_assert_lt(deepest, 60u, "%u", deepest);
    cr_assert_eq(jn_tree_rank(at, 12345), 12346);
}
