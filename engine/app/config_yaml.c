/* Config tree: libyaml's events become nodes. The only file that knows libyaml. */
#include "engine/app/config_yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    const char *name;
    struct jn_problems *problems;
    unsigned nodes;
};

static void node_free(struct jn_yaml *node)
{
    /* Depth is bounded by the reader; the list is walked, not recursed. */
    while (node) {
        struct jn_yaml *next = node->next;

        node_free(node->first);
        if (node->text)
            /* May have been a secret. */
            explicit_bzero(node->text, strlen(node->text));
        free(node->text);
        free(node->key);
        free(node);
        node = next;
    }
}

void jn_yaml_free(struct jn_yaml *root)
{
    node_free(root);
}

const struct jn_yaml *jn_yaml_get(const struct jn_yaml *node, const char *key)
{
    if (node && node->kind == JN_YAML_MAP)
        for (const struct jn_yaml *c = node->first; c; c = c->next)
            if (!strcmp(c->key, key))
                return c;
    return NULL;
}

static bool refuse(struct reader *r, unsigned line, const char *why)
{
    jn_problem(r->problems, r->name, line, NULL, "%s", why);
    return false;
}

/* The next event, or false with the problem told. The caller deletes it. */
static bool next(struct reader *r, yaml_event_t *e)
{
    const yaml_parser_t *p = &r->parser;

    if (yaml_parser_parse(&r->parser, e))
        return true;
    if (p->error == YAML_MEMORY_ERROR)
        return refuse(r, 0, "no memory");
    jn_problem(r->problems, r->name, (unsigned)p->problem_mark.line + 1, NULL, "not YAML: %s%s%s",
               p->problem ? p->problem : "unreadable", p->context ? ", " : "", p->context ? p->context : "");
    return false;
}

static char *copy_scalar(struct reader *r, const yaml_event_t *e)
{
    const char *value = (const char *)e->data.scalar.value;
    size_t n = e->data.scalar.length;
    char *out;

    if (memchr(value, 0, n)) {
        refuse(r, (unsigned)e->start_mark.line + 1, "a text contains a NUL character");
        return NULL;
    }
    out = malloc(n + 1);
    if (!out) {
        refuse(r, 0, "no memory");
        return NULL;
    }
    memcpy(out, value, n);
    out[n] = 0;
    return out;
}

static bool wanted(struct reader *r, const yaml_event_t *e, unsigned depth)
{
    unsigned line = (unsigned)e->start_mark.line + 1;
    const yaml_char_t *anchor = NULL, *tag = NULL;

    if (e->type == YAML_ALIAS_EVENT)
        return refuse(r, line, "aliases (*name) are not taken: write the value out");
    if (e->type == YAML_SCALAR_EVENT)
        anchor = e->data.scalar.anchor, tag = e->data.scalar.tag;
    else if (e->type == YAML_MAPPING_START_EVENT)
        anchor = e->data.mapping_start.anchor, tag = e->data.mapping_start.tag;
    else if (e->type == YAML_SEQUENCE_START_EVENT)
        anchor = e->data.sequence_start.anchor, tag = e->data.sequence_start.tag;
    if (anchor)
        return refuse(r, line, "anchors (&name) are not taken");
    if (tag)
        return refuse(r, line, "tags (!name) are not taken");
    if (depth > JN_YAML_DEPTH)
        return refuse(r, line, "nested too deeply");
    if (++r->nodes > JN_YAML_NODES)
        return refuse(r, line, "too many values");
    return true;
}

static struct jn_yaml *read_node(struct reader *r, const yaml_event_t *e, unsigned depth);

static void append(struct jn_yaml *parent, struct jn_yaml *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
}

/* Reads one member: its key is in e already. */
static bool read_member(struct reader *r, struct jn_yaml *map, const yaml_event_t *e, unsigned depth)
{
    unsigned line = (unsigned)e->start_mark.line + 1;
    const struct jn_yaml *earlier;
    struct jn_yaml *child;
    yaml_event_t value;
    char *key;

    if (e->type != YAML_SCALAR_EVENT)
        return refuse(r, line, "a key must be plain text");
    if (!wanted(r, e, depth))
        return false;
    if (map->count == JN_YAML_KEYS)
        return refuse(r, line, "too many keys in one mapping");
    key = copy_scalar(r, e);
    if (!key)
        return false;
    if (!next(r, &value)) {
        free(key);
        return false;
    }
    child = read_node(r, &value, depth + 1);
    yaml_event_delete(&value);
    if (!child) {
        free(key);
        return false;
    }
    child->key = key;
    child->line = line;
    earlier = jn_yaml_get(map, key);
    if (earlier) {
        jn_problem(r->problems, r->name, line, key, "is given twice, first at line %u", earlier->line);
        node_free(child);
        return true;
    }
    append(map, child);
    return true;
}

/* Reads children until the node's end. */
static bool read_children(struct reader *r, struct jn_yaml *node, unsigned depth)
{
    for (;;) {
        struct jn_yaml *child = NULL;
        yaml_event_t e;
        bool good = true, end;

        if (!next(r, &e))
            return false;
        end = e.type == YAML_MAPPING_END_EVENT || e.type == YAML_SEQUENCE_END_EVENT;
        if (!end && node->kind == JN_YAML_MAP) {
            good = read_member(r, node, &e, depth);
        } else if (!end) {
            child = read_node(r, &e, depth + 1);
            good = child != NULL;
            if (child)
                append(node, child);
        }
        yaml_event_delete(&e);
        if (end || !good)
            return good;
    }
}

static struct jn_yaml *read_node(struct reader *r, const yaml_event_t *e, unsigned depth)
{
    struct jn_yaml *node;
    bool good = true;

    if (!wanted(r, e, depth))
        return NULL;
    node = calloc(1, sizeof *node);
    if (!node) {
        refuse(r, 0, "no memory");
        return NULL;
    }
    node->line = (unsigned)e->start_mark.line + 1;
    if (e->type == YAML_SCALAR_EVENT) {
        node->kind = JN_YAML_SCALAR;
        node->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        node->text = copy_scalar(r, e);
        good = node->text != NULL;
    } else {
        node->kind = e->type == YAML_MAPPING_START_EVENT ? JN_YAML_MAP : JN_YAML_LIST;
        good = read_children(r, node, depth);
    }
    if (!good) {
        node_free(node);
        return NULL;
    }
    return node;
}

/* The stream's only document. */
static struct jn_yaml *read_document(struct reader *r)
{
    struct jn_yaml *root = NULL;
    yaml_event_t e;

    while (next(r, &e)) {
        yaml_event_type_t type = e.type;
        bool good = true;

        if (type == YAML_DOCUMENT_START_EVENT && root) {
            good = refuse(r, (unsigned)e.start_mark.line + 1, "a second document begins here: only one is taken");
        } else if (type == YAML_SCALAR_EVENT || type == YAML_ALIAS_EVENT || type == YAML_SEQUENCE_START_EVENT ||
                   type == YAML_MAPPING_START_EVENT) {
            root = read_node(r, &e, 1);
            good = root != NULL;
        }
        yaml_event_delete(&e);
        if (type == YAML_STREAM_END_EVENT) {
            if (!root)
                refuse(r, 1, "the file is empty");
            return root;
        }
        if (!good)
            break;
    }
    node_free(root);
    return NULL;
}

struct jn_yaml *jn_yaml_parse(const char *name, const char *text, size_t n, struct jn_problems *p)
{
    struct reader r = {.name = name, .problems = p};
    struct jn_yaml *root;

    if (n > JN_YAML_BYTES) {
        refuse(&r, 0, "the file is too large");
        return NULL;
    }
    if (!yaml_parser_initialize(&r.parser)) {
        refuse(&r, 0, "no memory");
        return NULL;
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n);
    root = read_document(&r);
    yaml_parser_delete(&r.parser);
    return root;
}
