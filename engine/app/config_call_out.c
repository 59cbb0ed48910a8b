/* Config call_out: which numbers a tenant's agents may call, and what is shown there. */
#include "engine/app/config_centre.h"

#include <string.h>

void jn_centre_caller_id(struct jn_centre *c, const struct jn_yaml *node, const char *path, const char *number)
{
    char at[JN_CHECK_PATH];

    if (!number[0] || jn_dir_dialable(number))
        return;
    jn_path_member(at, path, "caller_id");
    jn_problem(c->check.problems, c->check.file, jn_yaml_get(node, "caller_id")->line, at,
               "must be a number: \"+\" and digits");
}

void jn_centre_call_out(struct jn_centre *c, const struct jn_yaml *tenant, const char *path, struct jn_dir_tenant *out)
{
    static const struct jn_field prefix = {.kind = JN_FIELD_USER, .size = JN_NUMBER_MAX};
    const struct jn_yaml *list = jn_yaml_get(tenant, "call_out");
    char at[JN_CHECK_PATH], item[JN_CHECK_PATH];
    unsigned i = 0;

    jn_centre_caller_id(c, tenant, path, out->caller_id);
    jn_path_member(at, path, "call_out");
    if (!list || !jn_check_kind(&c->check, list, at, JN_YAML_LIST))
        return;
    if (list->count > JN_DIR_CALL_OUT) {
        jn_problem(c->check.problems, c->check.file, list->line, at, "more than %d prefixes", JN_DIR_CALL_OUT);
        return;
    }
    for (const struct jn_yaml *s = list->first; s; s = s->next) {
        jn_path_item(item, at, i++);
        if (!jn_check_value(&c->check, s, item, &prefix, out->call_out[out->call_outs]))
            continue;
        if (strcmp(out->call_out[out->call_outs], "+") != 0 && !jn_dir_dialable(out->call_out[out->call_outs]))
            jn_problem(c->check.problems, c->check.file, s->line, item, "must be \"+\" and digits, or digits");
        else
            out->call_outs++;
    }
}
