/* Config, api.origins: the web sites whose pages may embed the chat widget and speak with the chat. */
#include "engine/app/config_check.h"
#include <ctype.h>
#include <string.h>

/* scheme://host or scheme://host:port as a browser writes it in Origin (RFC 6454 6.1): nothing after it. It goes into a
 * header, so no character beside those of a host may come through. */
static bool is_origin(const char *s)
{
    const char *host = !strncmp(s, "https://", 8) ? s + 8 : !strncmp(s, "http://", 7) ? s + 7 : "";
    size_t n = strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-");
    if (!n)
        return false;
    if (!host[n])
        return true;
    size_t digits = strspn(host + n + 1, "0123456789");
    return host[n] == ':' && digits && digits <= 5 && !host[n + 1 + digits];
}

void jn_check_origins(struct jn_check *c, struct jn_config *out, const struct jn_yaml *list)
{
    static const struct jn_field item = {.kind = JN_FIELD_TEXT, .size = JN_ORIGIN_MAX};
    char path[JN_CHECK_PATH];
    unsigned i = 0;

    if (!list || !jn_check_kind(c, list, "api.origins", JN_YAML_LIST))
        return;
    for (const struct jn_yaml *s = list->first; s; s = s->next, i++) {
        jn_path_item(path, "api.origins", i);
        if (i == JN_ORIGINS) {
            jn_problem(c->problems, c->file, s->line, path, "is one too many: at most %d origins", JN_ORIGINS);
            return;
        }
        if (!jn_check_value(c, s, path, &item, out->origin[out->origins]))
            continue;
        if (is_origin(out->origin[out->origins]))
            out->origins++;
        else
            jn_problem(
                c->problems, c->file, s->line, path,
                "is not an origin: write it as https://www.example.com or http://name:8000, in small letters and "
                "without a path");
    }
}
