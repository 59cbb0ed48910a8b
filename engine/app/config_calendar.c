/* Config calendar: opening hours, and the time zone that they are meant in, read from the system's database. */
#include "engine/app/config_centre.h"
#include "engine/app/engine.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ITEMS(a) (sizeof(a) / sizeof *(a))

static const char zones[] = "/usr/share/zoneinfo";

static const struct jn_field calendar_fields[] = {
    {.name = "name", .kind = JN_FIELD_NAME, JN_FIELD(struct jn_calendar, name), .required = true},
    {.name = "zone", .required = true},
    {.name = "week", .required = true},
    {.name = "dates"},
};

/* "Europe/Berlin": nothing that leads out of the database. */
static bool zone_name(const char *t)
{
    for (size_t i = 0; t[i]; i++)
        if (!isalnum((unsigned char)t[i]) && !strchr("/_+-", t[i]))
            return false;
    return t[0] && t[0] != '/' && strlen(t) < JN_ZONE_NAME_MAX;
}

static void read_zone(struct jn_centre *c, const struct jn_yaml *node, const char *path, struct jn_calendar *out)
{
    struct jn_buf bytes = {0};
    struct jn_err err = {{0}};
    char at[JN_CHECK_PATH], file[sizeof zones + JN_ZONE_NAME_MAX + 1];

    jn_path_member(at, path, "zone");
    if (!jn_check_kind(&c->check, node, at, JN_YAML_SCALAR))
        return;
    if (!zone_name(node->text)) {
        jn_problem(c->check.problems, c->check.file, node->line, at,
                   "\"%.60s\" is no time zone's name, such as Europe/Berlin", node->text);
        return;
    }
    snprintf(file, sizeof file, "%s/%s", zones, node->text);
    int rc = jn_read_file(file, JN_ZONE_BYTES_MAX, &bytes);
    if (rc)
        jn_fail(&err, rc, "%s", rc == -ENOENT || rc == -EISDIR ? "is not there (package tzdata)" : strerror(-rc));
    else
        rc = jn_zone_parse(&out->zone, node->text, bytes.data, bytes.len, &err);
    if (rc)
        jn_problem(c->check.problems, c->check.file, node->line, at, "\"%.60s\": %s %s", node->text, file, err.text);
    jn_buf_free(&bytes);
}

static void read_lines(struct jn_centre *c, const struct jn_yaml *list, const char *path, const char *key,
                       struct jn_calendar *out)
{
    bool week = strcmp(key, "week") == 0;
    char at[JN_CHECK_PATH], item[JN_CHECK_PATH];
    unsigned i = 0;

    jn_path_member(at, path, key);
    if (!list || !jn_check_kind(&c->check, list, at, JN_YAML_LIST))
        return;
    for (const struct jn_yaml *s = list->first; s; s = s->next) {
        jn_path_item(item, at, i++);
        if (!jn_check_kind(&c->check, s, item, JN_YAML_SCALAR))
            continue;
        int rc = week ? jn_calendar_add_week(out, s->text) : jn_calendar_add_dates(out, s->text);
        if (rc == -E2BIG) {
            jn_problem(c->check.problems, c->check.file, s->line, item,
                       "is too much: more entries than a calendar has");
            return;
        }
        if (rc)
            jn_problem(c->check.problems, c->check.file, s->line, item, "\"%.60s\" is not understood: %s", s->text,
                       week ? "write \"mon-fri 08:00-18:00\""
                            : "write \"2026-12-25 closed\" or \"2026-12-24..2026-12-31 09:00-12:00\"");
    }
}

void jn_centre_calendar(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                        const char *path, struct jn_calendar *out)
{
    const struct jn_yaml *name = jn_yaml_get(node, "name"), *zone = jn_yaml_get(node, "zone");
    char at[JN_CHECK_PATH];

    out->tenant = t->tenant->id;
    jn_check_fields(&c->check, node, path, calendar_fields, ITEMS(calendar_fields), out);
    if (node->kind != JN_YAML_MAP)
        return;
    jn_path_member(at, path, "name");
    out->id = jn_centre_id(c, out->tenant, "calendar", out->name, name ? name->line : node->line, at);
    if (zone)
        read_zone(c, zone, path, out);
    read_lines(c, jn_yaml_get(node, "week"), path, "week", out);
    read_lines(c, jn_yaml_get(node, "dates"), path, "dates", out);
}
