/* Tree: an ordered set with order statistics: a treap whose priorities are hashes of the keys, so that its shape, and
 * with it nothing at all, depends on chance. Insert, remove and rank take O(log n); the first is kept at hand. Nodes
 * lie in an array of the owner's and are named by index; a node is in at most one tree. */
#ifndef JN_ROUTER_TREE_H
#define JN_ROUTER_TREE_H

#include <stdbool.h>
#include <stdint.h>

#define JN_NONE UINT32_MAX /* no index */

/* (hi, lo) is the key, unique in a tree. value: the owner's; `min` is the smallest value below and at this node. */
struct jn_node {
    uint64_t hi, lo, value, min;
    uint32_t left, right, parent, count;
};
struct jn_tree {
    uint32_t root, first;
};

void jn_tree_init(struct jn_tree *t);
/* The caller has set hi, lo and value of at[i]. */
void jn_tree_insert(struct jn_tree *t, struct jn_node *at, uint32_t i);
void jn_tree_remove(struct jn_tree *t, struct jn_node *at, uint32_t i);
/* The node after i in order, JN_NONE at the end. */
uint32_t jn_tree_next(const struct jn_node *at, uint32_t i);
/* 1 for the first. */
uint32_t jn_tree_rank(const struct jn_node *at, uint32_t i);
uint32_t jn_tree_count(const struct jn_tree *t, const struct jn_node *at);
/* The smallest value of all, 0 when the tree is empty. */
uint64_t jn_tree_min(const struct jn_tree *t, const struct jn_node *at);
/* Whether order, heap property, counts, minima and links hold. For checks. */
bool jn_tree_sound(const struct jn_tree *t, const struct jn_node *at);

#endif
