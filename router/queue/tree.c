/* Tree: treap with parent links (Seidel and Aragon, "Randomized Search Trees", 1996), priorities by hash of the key. */
#include "router/queue/tree.h"

/* splitmix64's finaliser: spreads neighbouring keys, so that a run of growing keys gives a balanced tree. */
static uint64_t weight(const struct jn_node *n)
{
    uint64_t z = n->lo * 0x9e3779b97f4a7c15u + n->hi;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static bool before(const struct jn_node *a, const struct jn_node *b)
{
    return a->hi != b->hi ? a->hi < b->hi : a->lo < b->lo;
}

static void sum(struct jn_node *at, uint32_t i)
{
    struct jn_node *n = &at[i];

    n->count = 1;
    n->min = n->value;
    if (n->left != JN_NONE) {
        n->count += at[n->left].count;
        n->min = at[n->left].min < n->min ? at[n->left].min : n->min;
    }
    if (n->right != JN_NONE) {
        n->count += at[n->right].count;
        n->min = at[n->right].min < n->min ? at[n->right].min : n->min;
    }
}

static void replace(struct jn_tree *t, struct jn_node *at, uint32_t parent, uint32_t old, uint32_t new)
{
    if (parent == JN_NONE)
        t->root = new;
    else if (at[parent].left == old)
        at[parent].left = new;
    else
        at[parent].right = new;
    if (new != JN_NONE)
        at[new].parent = parent;
}

/* Child i takes its parent's place. */
static void rotate(struct jn_tree *t, struct jn_node *at, uint32_t i)
{
    uint32_t p = at[i].parent, inner;

    replace(t, at, at[p].parent, p, i);
    if (at[p].left == i) {
        inner = at[i].right;
        at[i].right = p;
        at[p].left = inner;
    } else {
        inner = at[i].left;
        at[i].left = p;
        at[p].right = inner;
    }
    if (inner != JN_NONE)
        at[inner].parent = p;
    at[p].parent = i;
    sum(at, p);
    sum(at, i);
}

void jn_tree_init(struct jn_tree *t)
{
    *t = (struct jn_tree){JN_NONE, JN_NONE};
}

void jn_tree_insert(struct jn_tree *t, struct jn_node *at, uint32_t i)
{
    uint32_t parent = JN_NONE, *place = &t->root;

    while (*place != JN_NONE) {
        parent = *place;
        at[parent].count++;
        if (at[i].value < at[parent].min)
            at[parent].min = at[i].value;
        place = before(&at[i], &at[parent]) ? &at[parent].left : &at[parent].right;
    }
    *place = i;
    at[i].left = at[i].right = JN_NONE;
    at[i].parent = parent;
    if (t->first == JN_NONE || before(&at[i], &at[t->first]))
        t->first = i;
    sum(at, i);
    uint64_t w = weight(&at[i]);
    while (at[i].parent != JN_NONE && weight(&at[at[i].parent]) < w)
        rotate(t, at, i);
}

void jn_tree_remove(struct jn_tree *t, struct jn_node *at, uint32_t i)
{
    if (t->first == i)
        t->first = jn_tree_next(at, i);
    while (at[i].left != JN_NONE || at[i].right != JN_NONE) {
        uint32_t l = at[i].left, r = at[i].right;
        rotate(t, at, l == JN_NONE ? r : r == JN_NONE ? l : weight(&at[l]) > weight(&at[r]) ? l : r);
    }
    uint32_t k = at[i].parent;
    replace(t, at, k, i, JN_NONE);
    for (bool min = true; k != JN_NONE; k = at[k].parent) {
        uint64_t was = at[k].min;
        if (min)
            sum(at, k);
        else
            at[k].count--; /* where the smallest below stayed, it stays above: the other child is left untouched */
        min = min && at[k].min != was;
    }
}

uint32_t jn_tree_next(const struct jn_node *at, uint32_t i)
{
    uint32_t k = at[i].right;

    if (k != JN_NONE) {
        while (at[k].left != JN_NONE)
            k = at[k].left;
        return k;
    }
    for (k = at[i].parent; k != JN_NONE && at[k].right == i; k = at[k].parent)
        i = k;
    return k;
}

uint32_t jn_tree_rank(const struct jn_node *at, uint32_t i)
{
    uint32_t rank = 1 + (at[i].left == JN_NONE ? 0 : at[at[i].left].count);

    for (uint32_t p; (p = at[i].parent) != JN_NONE; i = p)
        if (at[p].right == i)
            rank += 1 + (at[p].left == JN_NONE ? 0 : at[at[p].left].count);
    return rank;
}

uint32_t jn_tree_count(const struct jn_tree *t, const struct jn_node *at)
{
    return t->root == JN_NONE ? 0 : at[t->root].count;
}

uint64_t jn_tree_min(const struct jn_tree *t, const struct jn_node *at)
{
    return t->root == JN_NONE ? 0 : at[t->root].min;
}

static bool node_sound(const struct jn_node *at, uint32_t i)
{
    struct jn_node copy = at[i];
    const uint32_t child[2] = {copy.left, copy.right};

    for (unsigned k = 0; k < 2; k++) {
        if (child[k] == JN_NONE)
            continue;
        const struct jn_node *c = &at[child[k]];
        if (c->parent != i || weight(c) > weight(&copy) || before(c, &copy) != (k == 0))
            return false;
    }
    uint32_t count = 1;
    uint64_t min = copy.value;
    for (unsigned k = 0; k < 2; k++)
        if (child[k] != JN_NONE) {
            count += at[child[k]].count;
            min = at[child[k]].min < min ? at[child[k]].min : min;
        }
    return count == copy.count && min == copy.min;
}

bool jn_tree_sound(const struct jn_tree *t, const struct jn_node *at)
{
    uint32_t n = 0, last = JN_NONE;

    if (t->root == JN_NONE)
        return t->first == JN_NONE;
    if (at[t->root].parent != JN_NONE)
        return false;
    for (uint32_t i = t->first; i != JN_NONE; last = i, i = jn_tree_next(at, i), n++)
        if (!node_sound(at, i) || (last != JN_NONE && !before(&at[last], &at[i])))
            return false;
    return n == at[t->root].count;
}
