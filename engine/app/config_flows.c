/* Config flows: what callers go through before a queue: one mapping for each flow. Calendars are in config_calendar.c.
 */
#include "engine/app/config_centre.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS(a)             (sizeof(a) / sizeof *(a))
#define FLOW(kind_, member_) .kind = (kind_), JN_FIELD(struct jn_flow, member_)

enum { RETRIES_MAX = 9 };
static const char *const records[] = {"with", "after"};

static const struct jn_field flow_fields[] = {
    {.name = "name", FLOW(JN_FIELD_NAME, name), .required = true},
    {.name = "number", FLOW(JN_FIELD_USER, number)},
    {.name = "hours"},
    {.name = "closed"},
    {.name = "greeting"},
    {.name = "notice"},
    {.name = "menu"},
    {.name = "go"},
};
static const struct jn_field closed_fields[] = {{.name = "play"}, {.name = "go"}};
static const struct jn_field notice_fields[] = {
    {.name = "play", .required = true},
    {.name = "record", FLOW(JN_FIELD_ENUM, notice.record), .max = ITEMS(records), .names = records},
    {.name = "decline"},
    {.name = "wait", FLOW(JN_FIELD_MS, notice.wait_ms), .max = 30000},
};
static const struct jn_field menu_fields[] = {
    {.name = "play"},
    {.name = "choices", .required = true},
    {.name = "timeout", FLOW(JN_FIELD_MS, timeout_ms), .min = 500, .max = 60000},
    {.name = "retries", FLOW(JN_FIELD_UINT, retries), .max = RETRIES_MAX},
    {.name = "wrong"},
};
static const struct jn_field go_fields[] = {
    {.name = "queue"},
    {.name = "flow"},
    {.name = "priority", .kind = JN_FIELD_UINT, JN_FIELD(struct jn_flow_go, priority), .max = 9},
    {.name = "skills"},
};

static void wrong(struct jn_centre *c, const struct jn_yaml *node, const char *path, const char *text)
{
    jn_problem(c->check.problems, c->check.file, node->line, path, "%s", text);
}

void jn_centre_say(struct jn_centre *c, const struct jn_yaml *node, const char *path, const char *key,
                   struct jn_say *out)
{
    static const struct jn_field field = {.kind = JN_FIELD_SOUND, .size = JN_SAY_NAME_MAX};
    char at[JN_CHECK_PATH], item[JN_CHECK_PATH];
    unsigned i = 0;

    if (!node)
        return;
    jn_path_member(at, path, key);
    if (node->kind == JN_YAML_SCALAR) { /* one sound alone */
        if (jn_check_value(&c->check, node, at, &field, out->sound[0]))
            out->n = 1;
        return;
    }
    if (!jn_check_kind(&c->check, node, at, JN_YAML_LIST))
        return;
    for (const struct jn_yaml *s = node->first; s; s = s->next, i++) {
        jn_path_item(item, at, i);
        if (i == JN_SAY_MAX) {
            jn_problem(c->check.problems, c->check.file, s->line, at, "more than %d sounds", JN_SAY_MAX);
            return;
        }
        if (jn_check_value(&c->check, s, item, &field, out->sound[out->n]))
            out->n++;
    }
}

/* The id of what a name means in one of the tenant's lists; 0 and a problem when it is not there. */
uint64_t jn_centre_named(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                         const char *path, const char *list_key, const char *kind)
{
    const struct jn_yaml *list = jn_yaml_get(t->node, list_key);
    const char **names;
    uint32_t n = 0, i = 0;

    if (!jn_check_kind(&c->check, node, path, JN_YAML_SCALAR))
        return 0;
    names = calloc((list && list->kind == JN_YAML_LIST ? list->count : 0) + 1u, sizeof *names);
    if (!names) {
        wrong(c, node, path, "no memory");
        return 0;
    }
    for (const struct jn_yaml *x = list && list->kind == JN_YAML_LIST ? list->first : NULL; x; x = x->next) {
        const struct jn_yaml *name = jn_yaml_get(x, "name");
        if (name && name->kind == JN_YAML_SCALAR)
            names[n++] = name->text;
    }
    while (i < n && strcmp(names[i], node->text))
        i++;
    if (i == n)
        jn_check_undefined(&c->check, node->line, path, node->text, names, n);
    free(names);
    return i == n ? 0 : jn_name_id(t->tenant->id, kind, node->text);
}

/* "hangup", "repeat" (in a menu), {queue: NAME, priority: N, skills: {...}} or {flow: NAME}. */
static void read_go(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node, const char *path,
                    bool menu, struct jn_flow_go *out)
{
    const struct jn_yaml *queue = jn_yaml_get(node, "queue"), *flow = jn_yaml_get(node, "flow"),
                         *skills = jn_yaml_get(node, "skills");
    struct jn_skill wanted[JN_SKILLS_MAX];
    char at[JN_CHECK_PATH];

    *out = (struct jn_flow_go){.go = JN_GO_HANGUP, .priority = 255};
    if (node->kind == JN_YAML_SCALAR) {
        bool repeat = strcmp(node->text, "repeat") == 0;
        if ((!repeat || !menu) && strcmp(node->text, "hangup"))
            wrong(c, node, path,
                  menu ? "must be hangup, repeat, {queue: NAME} or {flow: NAME}"
                       : "must be hangup, {queue: NAME} or {flow: NAME}");
        out->go = repeat ? JN_GO_REPEAT : JN_GO_HANGUP;
        return;
    }
    if (jn_check_fields(&c->check, node, path, go_fields, ITEMS(go_fields), out))
        return;
    if (!queue == !flow) {
        wrong(c, node, path, "leads either to a queue or to a flow");
        return;
    }
    jn_path_member(at, path, queue ? "queue" : "flow");
    out->go = queue ? JN_GO_QUEUE : JN_GO_FLOW;
    out->target =
        queue ? jn_centre_named(c, t, queue, at, "queues", "queue") : jn_centre_named(c, t, flow, at, "flows", "flow");
    if (flow && (skills || out->priority != 255))
        wrong(c, node, path, "priority and skills belong to what leads to a queue");
    uint8_t n = jn_centre_skills(c, t, skills, path, wanted);
    if (n > JN_FLOW_SKILLS)
        jn_problem(c->check.problems, c->check.file, skills->line, path, "more than %d skills", JN_FLOW_SKILLS);
    out->skills = n > JN_FLOW_SKILLS ? JN_FLOW_SKILLS : n;
    memcpy(out->skill, wanted, out->skills * sizeof *wanted);
}

static void read_notice(struct jn_centre *c, const struct jn_yaml *node, const char *path, struct jn_flow *f)
{
    const struct jn_yaml *decline = jn_yaml_get(node, "decline");
    char at[JN_CHECK_PATH], key[JN_CHECK_PATH];

    jn_path_member(at, path, "notice");
    f->notice.record = decline ? JN_NOTICE_AFTER : JN_NOTICE_WITH;
    f->notice.wait_ms = decline ? 3000 : 0;
    if (jn_check_fields(&c->check, node, at, notice_fields, ITEMS(notice_fields), f))
        return;
    jn_centre_say(c, jn_yaml_get(node, "play"), at, "play", &f->notice.say);
    if (!f->notice.say.n)
        wrong(c, node, at, "has no sound");
    if (!decline)
        return;
    jn_path_member(key, at, "decline");
    if (!jn_check_kind(&c->check, decline, key, JN_YAML_SCALAR))
        return;
    if (strlen(decline->text) != 1 || jn_walk_key(decline->text[0]) < 0)
        wrong(c, decline, key, "must be one of 0 to 9, * and #");
    else
        f->notice.decline = decline->text[0];
    if (f->notice.record == JN_NOTICE_WITH)
        wrong(c, decline, key, "needs record: after: nothing is recorded of who may still decline");
}

static void read_menu(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                      const char *path, struct jn_flow *f)
{
    const struct jn_yaml *choices = jn_yaml_get(node, "choices");
    char at[JN_CHECK_PATH], all[JN_CHECK_PATH], item[JN_CHECK_PATH];

    jn_path_member(at, path, "menu");
    f->menu = true;
    f->timeout_ms = 5000;
    f->retries = 2;
    if (jn_check_fields(&c->check, node, at, menu_fields, ITEMS(menu_fields), f))
        return;
    jn_centre_say(c, jn_yaml_get(node, "play"), at, "play", &f->prompt);
    jn_centre_say(c, jn_yaml_get(node, "wrong"), at, "wrong", &f->wrong);
    jn_path_member(all, at, "choices");
    if (!jn_check_kind(&c->check, choices, all, JN_YAML_MAP))
        return;
    for (const struct jn_yaml *k = choices->first; k; k = k->next) {
        int key = strlen(k->key) == 1 ? jn_walk_key(k->key[0]) : -1;
        jn_path_member(item, all, k->key);
        if (key < 0) {
            wrong(c, k, item, "is no key: one of 0 to 9, * and #");
            continue;
        }
        f->keys |= (uint16_t)(1u << key);
        read_go(c, t, k, item, true, &f->key[key]);
    }
    if (!choices->first)
        wrong(c, choices, all, "is empty");
}

static void read_closed(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                        const char *path, struct jn_flow *f)
{
    const struct jn_yaml *go = jn_yaml_get(node, "go");
    char at[JN_CHECK_PATH], to[JN_CHECK_PATH];

    jn_path_member(at, path, "closed");
    if (jn_check_fields(&c->check, node, at, closed_fields, ITEMS(closed_fields), NULL))
        return;
    jn_centre_say(c, jn_yaml_get(node, "play"), at, "play", &f->closed);
    jn_path_member(to, at, "go");
    if (go)
        read_go(c, t, go, to, false, &f->closed_go);
}

void jn_centre_flow(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node, const char *path,
                    struct jn_flow *out)
{
    const struct jn_yaml *name = jn_yaml_get(node, "name"), *number = jn_yaml_get(node, "number"),
                         *hours = jn_yaml_get(node, "hours"), *closed = jn_yaml_get(node, "closed"),
                         *notice = jn_yaml_get(node, "notice"), *menu = jn_yaml_get(node, "menu"),
                         *go = jn_yaml_get(node, "go");
    char at[JN_CHECK_PATH];

    out->tenant = t->tenant->id;
    out->closed_go = out->go = (struct jn_flow_go){.go = JN_GO_HANGUP, .priority = 255};
    jn_check_fields(&c->check, node, path, flow_fields, ITEMS(flow_fields), out);
    if (node->kind != JN_YAML_MAP)
        return;
    jn_path_member(at, path, "name");
    out->id = jn_centre_id(c, out->tenant, "flow", out->name, name ? name->line : node->line, at);
    jn_path_member(at, path, "number");
    if (out->number[0])
        jn_centre_unique(c, out->tenant, "number", out->number, number->line, at);
    jn_path_member(at, path, "hours");
    if (hours)
        out->hours = jn_centre_named(c, t, hours, at, "calendars", "calendar");
    if (closed && !hours)
        wrong(c, closed, path, "closed has no meaning without hours");
    if (closed)
        read_closed(c, t, closed, path, out);
    jn_centre_say(c, jn_yaml_get(node, "greeting"), path, "greeting", &out->greeting);
    if (notice)
        read_notice(c, notice, path, out);
    if (menu)
        read_menu(c, t, menu, path, out);
    jn_path_member(at, path, "go");
    if (go)
        read_go(c, t, go, at, false, &out->go);
    else if (!menu)
        wrong(c, node, path, "leads nowhere: it needs a menu or go");
}
