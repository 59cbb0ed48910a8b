/* Config check: the table-driven checker, and how problems are written down. */
#include "engine/app/config_check.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBLEM_BYTES = 4 << 20, NAMES_MAX = 64 };

void jn_problem(struct jn_problems *p, const char *file, unsigned line, const char *path, const char *fmt, ...)
{
    char text[600];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    /* What stands in the file comes out on a terminal: no control characters. */
    for (char *t = text; *t; t++)
        if ((unsigned char)*t < 0x20 || *t == 0x7f)
            *t = ' ';
    p->text.max = PROBLEM_BYTES;
    if (line)
        jn_buf_printf(&p->text, "%s:%u ", file, line);
    else
        jn_buf_printf(&p->text, "%s: ", file);
    if (path && path[0])
        jn_buf_printf(&p->text, "%s: ", path);
    jn_buf_printf(&p->text, "%s\n", text);
    p->count++;
}

void jn_problems_free(struct jn_problems *p)
{
    jn_buf_free(&p->text);
    p->count = 0;
}

void jn_path_member(char out[static JN_CHECK_PATH], const char *path, const char *key)
{
    snprintf(out, JN_CHECK_PATH, "%.110s%s%.40s", path, path[0] ? "." : "", key);
}

void jn_path_item(char out[static JN_CHECK_PATH], const char *path, unsigned index)
{
    snprintf(out, JN_CHECK_PATH, "%.140s[%u]", path, index);
}

bool jn_check_kind(struct jn_check *c, const struct jn_yaml *node, const char *path, enum jn_yaml_kind kind)
{
    static const char *const want[] = {"a single value", "a list (- item)", "a mapping (key: value)"};

    if (node->kind == kind)
        return true;
    jn_problem(c->problems, c->file, node->line, path, "must be %s", want[kind]);
    return false;
}

void jn_check_undefined(struct jn_check *c, unsigned line, const char *path, const char *word,
                        const char *const names[], size_t n)
{
    const char *near = n ? jn_nearest(word, names, n) : NULL;

    if (near)
        jn_problem(c->problems, c->file, line, path, "\"%.60s\" is not defined; did you mean \"%s\"?", word, near);
    else
        jn_problem(c->problems, c->file, line, path, "\"%.60s\" is not defined", word);
}

/* Number and unit, to ms. 0, -EINVAL or -ERANGE. */
static int parse_duration(const char *text, uint64_t *ms)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    char digits[24];
    size_t n = strspn(text, "0123456789");
    uint64_t value;

    if (!n || n >= sizeof digits)
        return -EINVAL;
    memcpy(digits, text, n);
    digits[n] = 0;
    if (jn_parse_u64(digits, UINT64_MAX / 86400000, &value))
        return -ERANGE;
    *ms = 0;
    if (!value && !text[n])
        return 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!strcmp(text + n, units[i].unit)) {
            *ms = value * units[i].ms;
            return 0;
        }
    return -EINVAL;
}

static void duration_text(char out[static 32], uint64_t ms)
{
    if (ms % 3600000 == 0 && ms)
        snprintf(out, 32, "%lluh", (unsigned long long)ms / 3600000);
    else if (ms % 60000 == 0 && ms)
        snprintf(out, 32, "%llum", (unsigned long long)ms / 60000);
    else if (ms % 1000 == 0)
        snprintf(out, 32, "%llus", (unsigned long long)ms / 1000);
    else
        snprintf(out, 32, "%llums", (unsigned long long)ms);
}

static void store(void *out, const struct jn_field *f, uint64_t value)
{
    char *at = (char *)out + f->offset;
    uint8_t b = (uint8_t)value;
    uint16_t h = (uint16_t)value;
    uint32_t w = (uint32_t)value;

    if (f->size == 1)
        memcpy(at, &b, 1);
    else if (f->size == 2)
        memcpy(at, &h, 2);
    else if (f->size == 4)
        memcpy(at, &w, 4);
    else
        memcpy(at, &value, 8);
}

/* Says what is wrong with a text of that kind, NULL if nothing is. */
static const char *text_fault(const char *t, enum jn_field_kind kind)
{
    size_t n = strlen(t);
    struct jn_addr a;

    for (size_t i = 0; i < n; i++)
        if ((unsigned char)t[i] < 0x20 || t[i] == 0x7f)
            return "contains a control character";
    if (kind != JN_FIELD_TEXT && !n)
        return "must not be empty";
    switch (kind) {
    case JN_FIELD_NAME:
        return strchr(t, '/') || t[0] == ' ' || t[n - 1] == ' ' ? "must be a name without '/' and outer blanks" : NULL;
    case JN_FIELD_USER:
        for (size_t i = 0; i < n; i++)
            if (!isalnum((unsigned char)t[i]) && !strchr("+*#_.-", t[i]))
                return "may have only letters, digits and + * # _ . -";
        return NULL;
    case JN_FIELD_DOMAIN:
        for (size_t i = 0; i < n; i++)
            if (!isalnum((unsigned char)t[i]) && !strchr(".-", t[i]))
                return "must be a host name";
        return NULL;
    case JN_FIELD_SOUND:
        for (size_t i = 0; i < n; i++)
            if (!isalnum((unsigned char)t[i]) && !strchr("/_.-", t[i]))
                return "must be a sound's name without its ending, such as queue-thankyou";
        return t[0] == '/' || strstr(t, "..") ? "must be a sound's name below the sound folders" : NULL;
    case JN_FIELD_HOST:
        return jn_addr_parse(&a, t, 0) ? "must be an IPv4 or IPv6 address, not a name" : NULL;
    default:
        return NULL;
    }
}

static bool bad_number(struct jn_check *c, const struct jn_yaml *node, const char *path, const struct jn_field *f,
                       const char *what)
{
    jn_problem(c->problems, c->file, node->line, path, "\"%.40s\" is not %s from %llu to %llu", node->text, what,
               (unsigned long long)f->min, (unsigned long long)f->max);
    return false;
}

static bool check_duration(struct jn_check *c, const struct jn_yaml *node, const char *path, const struct jn_field *f,
                           void *out)
{
    char low[32], high[32];
    uint64_t ms;

    if (parse_duration(node->text, &ms)) {
        jn_problem(c->problems, c->file, node->line, path,
                   "\"%.40s\" is not a duration: a whole number with ms, s, m, h or d, such as 20s", node->text);
        return false;
    }
    duration_text(low, f->min);
    duration_text(high, f->max);
    if (ms < f->min || ms > f->max) {
        jn_problem(c->problems, c->file, node->line, path, "%.40s is not between %s and %s", node->text, low, high);
        return false;
    }
    if (f->kind == JN_FIELD_S && ms % 1000) {
        jn_problem(c->problems, c->file, node->line, path, "%.40s is not in whole seconds", node->text);
        return false;
    }
    store(out, f, f->kind == JN_FIELD_S ? ms / 1000 : ms);
    return true;
}

static bool check_enum(struct jn_check *c, const struct jn_yaml *node, const char *path, const struct jn_field *f,
                       void *out)
{
    struct jn_buf all = {.max = 400};
    const char *near;

    for (size_t i = 0; i < f->max; i++)
        if (!strcmp(node->text, f->names[i])) {
            store(out, f, i + f->min);
            return true;
        }
    for (size_t i = 0; i < f->max; i++)
        jn_buf_printf(&all, "%s%s", i ? ", " : "", f->names[i]);
    near = jn_nearest(node->text, f->names, (size_t)f->max);
    jn_problem(c->problems, c->file, node->line, path, "\"%.40s\" is none of %s%s%s%s", node->text,
               all.data ? all.data : "", near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    jn_buf_free(&all);
    return false;
}

static bool check_text(struct jn_check *c, const struct jn_yaml *node, const char *path, const struct jn_field *f,
                       void *out)
{
    const char *why = text_fault(node->text, f->kind);

    if (!why && strlen(node->text) >= f->size) {
        jn_problem(c->problems, c->file, node->line, path, "is longer than %zu bytes", f->size - 1);
        return false;
    }
    if (why) {
        jn_problem(c->problems, c->file, node->line, path, "%s", why);
        return false;
    }
    jn_copy((char *)out + f->offset, f->size, node->text);
    return true;
}

bool jn_check_value(struct jn_check *c, const struct jn_yaml *node, const char *path, const struct jn_field *f,
                    void *out)
{
    uint64_t value;

    if (f->kind == JN_FIELD_OTHER)
        return true;
    if (!jn_check_kind(c, node, path, JN_YAML_SCALAR))
        return false;
    switch (f->kind) {
    case JN_FIELD_BOOL:
        if (node->quoted || (strcmp(node->text, "true") && strcmp(node->text, "false"))) {
            jn_problem(c->problems, c->file, node->line, path, "must be true or false");
            return false;
        }
        store(out, f, node->text[0] == 't');
        return true;
    case JN_FIELD_UINT:
        if (node->quoted || jn_parse_u64(node->text, f->max, &value) || value < f->min)
            return bad_number(c, node, path, f, "a whole number");
        store(out, f, value);
        return true;
    case JN_FIELD_MS:
    case JN_FIELD_S:
        return check_duration(c, node, path, f, out);
    case JN_FIELD_ENUM:
        return check_enum(c, node, path, f, out);
    default:
        return check_text(c, node, path, f, out);
    }
}

static void unknown_key(struct jn_check *c, const struct jn_yaml *node, const char *path, const struct jn_field *f,
                        size_t n)
{
    const char *names[NAMES_MAX];
    const char *near;
    char at[JN_CHECK_PATH];
    size_t k = 0;

    for (; k < n && k < NAMES_MAX; k++)
        names[k] = f[k].name;
    near = jn_nearest(node->key, names, k);
    jn_path_member(at, path, node->key);
    if (near)
        jn_problem(c->problems, c->file, node->line, at, "is not a known key; did you mean \"%s\"?", near);
    else
        jn_problem(c->problems, c->file, node->line, at, "is not a known key");
}

unsigned jn_check_fields(struct jn_check *c, const struct jn_yaml *node, const char *path, const struct jn_field *f,
                         size_t n, void *out)
{
    unsigned before = c->problems->count;
    char at[JN_CHECK_PATH];

    if (!node || !jn_check_kind(c, node, path, JN_YAML_MAP))
        return c->problems->count - before;
    for (const struct jn_yaml *m = node->first; m; m = m->next) {
        size_t i = 0;

        while (i < n && strcmp(f[i].name, m->key))
            i++;
        if (i == n) {
            unknown_key(c, m, path, f, n);
            continue;
        }
        jn_path_member(at, path, m->key);
        jn_check_value(c, m, at, &f[i], out);
    }
    for (size_t i = 0; i < n; i++)
        if (f[i].required && !jn_yaml_get(node, f[i].name)) {
            jn_path_member(at, path, f[i].name);
            jn_problem(c->problems, c->file, node->line, at, "is missing");
        }
    return c->problems->count - before;
}
