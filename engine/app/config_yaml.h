/* Config tree: a YAML text as nodes that know their lines. libyaml reads; bounds are ours: depth, nodes, keys of one
 * mapping; aliases, tags and second documents are refused, so that a small text cannot become a large tree. */
#ifndef JN_ENGINE_CONFIG_YAML_H
#define JN_ENGINE_CONFIG_YAML_H

#include "engine/app/config.h"

enum { JN_YAML_DEPTH = 12, JN_YAML_NODES = 8000000, JN_YAML_KEYS = 128, JN_YAML_BYTES = 256 << 20 };

enum jn_yaml_kind { JN_YAML_SCALAR, JN_YAML_LIST, JN_YAML_MAP };

/* One value. In a mapping it has its key. Strings end with NUL and contain none. */
struct jn_yaml {
    char *key, *text; /* text: of a scalar */
    struct jn_yaml *first, *last, *next;
    unsigned line, count; /* count: of children */
    uint8_t kind;
    bool quoted; /* a quoted scalar is text, whatever it looks like */
};

/* The tree (free with jn_yaml_free), or NULL with the reason in p. Duplicate keys are problems too, but the tree is
 * given: the first one counts. */
struct jn_yaml *jn_yaml_parse(const char *name, const char *text, size_t n, struct jn_problems *p);
void jn_yaml_free(struct jn_yaml *root);
/* A mapping's member, NULL if there is none or node is no mapping. */
const struct jn_yaml *jn_yaml_get(const struct jn_yaml *node, const char *key);

#endif
