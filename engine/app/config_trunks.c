/* Config trunks: carriers: who may call in, where calls go out, registration, bounds and number rules. */
#include "engine/app/config_centre.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS(a)              (sizeof(a) / sizeof *(a))
#define TRUNK(kind_, member_) .kind = (kind_), JN_FIELD(struct jn_dir_trunk, member_)

enum { HOUR_MS = 3600000, DEFAULT_EXPIRES_S = 600, DEFAULT_PROBE_S = 30 };
static const char *const srtp_modes[] = {"off", "optional", "required", "dtls"};
static const char *const dials[] = {"e164", "international", "national", "plain"};
static const char *const transports[JN_TRANSPORT_N] = {"udp", "tcp", "tls"};

static const struct jn_field trunk_fields[] = {
    {.name = "name", TRUNK(JN_FIELD_NAME, name), .required = true},
    {.name = "from"},
    {.name = "to"},
    {.name = "srtp", TRUNK(JN_FIELD_ENUM, srtp), .max = ITEMS(srtp_modes), .names = srtp_modes},
    {.name = "domain", TRUNK(JN_FIELD_DOMAIN, domain)},
    {.name = "user", TRUNK(JN_FIELD_TEXT, user)},
    {.name = "secret", TRUNK(JN_FIELD_TEXT, secret)},
    {.name = "register"},
    {.name = "caller_id", TRUNK(JN_FIELD_USER, caller_id)},
    {.name = "max_channels", TRUNK(JN_FIELD_UINT, max_channels), .max = 1000000},
    {.name = "max_calls_per_s", TRUNK(JN_FIELD_UINT, max_calls_per_s), .max = 100000},
    {.name = "probe", TRUNK(JN_FIELD_S, probe_s), .max = HOUR_MS},
    {.name = "probe_failures", TRUNK(JN_FIELD_UINT, probe_failures), .min = 1, .max = 100},
    {.name = "next_on"},
    {.name = "follow", TRUNK(JN_FIELD_BOOL, follow)},
    {.name = "country", TRUNK(JN_FIELD_TEXT, country)},
    {.name = "international", TRUNK(JN_FIELD_TEXT, international)},
    {.name = "national", TRUNK(JN_FIELD_TEXT, national)},
    {.name = "dial", TRUNK(JN_FIELD_ENUM, dial), .max = ITEMS(dials), .names = dials},
    {.name = "trusted", TRUNK(JN_FIELD_BOOL, trusted)},
    {.name = "asserts", TRUNK(JN_FIELD_BOOL, asserts)},
};
static const struct jn_field register_fields[] = {
    {.name = "user", TRUNK(JN_FIELD_TEXT, reg_user)},
    {.name = "expires", TRUNK(JN_FIELD_S, reg_expires_s), .min = 30000, .max = 24 * HOUR_MS},
};

/* No bits are set beyond the prefix. */
static bool block_is_whole(const struct jn_cidr *c)
{
    unsigned bytes = c->net.family == JN_ADDR_V6 ? 16 : 4;

    for (unsigned bit = c->bits; bit < 8 * bytes; bit++)
        if (c->net.ip[bit / 8] & 0x80u >> bit % 8)
            return false;
    return true;
}

static void read_from(struct jn_centre *c, const struct jn_yaml *list, const char *path, struct jn_dir_trunk *out)
{
    char at[JN_CHECK_PATH], item[JN_CHECK_PATH];
    unsigned i = 0;

    jn_path_member(at, path, "from");
    if (!list || !jn_check_kind(&c->check, list, at, JN_YAML_LIST))
        return;
    if (!list->count || list->count > JN_DIR_CIDRS)
        jn_problem(c->check.problems, c->check.file, list->line, at, "must have 1 to %d address blocks", JN_DIR_CIDRS);
    for (const struct jn_yaml *s = list->first; s && i < JN_DIR_CIDRS; s = s->next) {
        jn_path_item(item, at, i++);
        if (!jn_check_kind(&c->check, s, item, JN_YAML_SCALAR))
            continue;
        if (!jn_cidr_parse(&out->from[out->froms], s->text) && !block_is_whole(&out->from[out->froms]))
            jn_problem(c->check.problems, c->check.file, s->line, item,
                       "\"%.60s\" names an address inside the block: write the block's first address", s->text);
        else if (jn_cidr_parse(&out->from[out->froms], s->text))
            jn_problem(c->check.problems, c->check.file, s->line, item,
                       "\"%.60s\" is not an address or a block such as 192.0.2.0/24 or 2001:db8::/32", s->text);
        else
            out->froms++;
    }
}

/* "sip.carrier.example", "192.0.2.1:5062/tcp", "[2001:db8::1]/tls". */
static bool target(const char *text, struct jn_dir_target *out)
{
    const char *slash = strchr(text, '/'), *end = slash ? slash : text + strlen(text), *colon;
    char port[8] = "";
    struct jn_addr a;
    uint64_t n;

    out->transport = JN_TRANSPORT_N;
    for (uint8_t i = 0; slash && i < JN_TRANSPORT_N; i++)
        if (!strcmp(slash + 1, transports[i]))
            out->transport = i;
    if (!slash)
        out->transport = JN_TRANSPORT_UDP;
    if (text[0] == '[') {
        const char *close = strchr(text, ']');

        if (!close || close > end || !jn_copy_n(out->host, sizeof out->host, text + 1, (size_t)(close - text - 1)))
            return false;
        if (jn_addr_parse(&a, out->host, 0) || a.family != JN_ADDR_V6)
            return false;
        colon = close + 1;
    } else {
        colon = memchr(text, ':', (size_t)(end - text));
        colon = colon ? colon : end;
        if (colon == text || !jn_copy_n(out->host, sizeof out->host, text, (size_t)(colon - text)))
            return false;
        for (const char *h = out->host; *h; h++)
            if (!isalnum((unsigned char)*h) && !strchr(".-", *h))
                return false;
    }
    if (colon < end && (*colon != ':' || !jn_copy_n(port, sizeof port, colon + 1, (size_t)(end - colon - 1)) ||
                        jn_parse_u64(port, 65535, &n) || !n))
        return false;
    out->port = (uint16_t)(port[0] ? n : out->transport == JN_TRANSPORT_TLS ? 5061 : 5060);
    return out->transport < JN_TRANSPORT_N;
}

static void read_to(struct jn_centre *c, const struct jn_yaml *list, const char *path, struct jn_dir_trunk *out)
{
    char at[JN_CHECK_PATH], item[JN_CHECK_PATH];
    unsigned i = 0;

    jn_path_member(at, path, "to");
    if (!list || !jn_check_kind(&c->check, list, at, JN_YAML_LIST))
        return;
    if (!list->count || list->count > JN_DIR_TARGETS)
        jn_problem(c->check.problems, c->check.file, list->line, at, "must have 1 to %d targets", JN_DIR_TARGETS);
    for (const struct jn_yaml *s = list->first; s && i < JN_DIR_TARGETS; s = s->next) {
        jn_path_item(item, at, i++);
        if (!jn_check_kind(&c->check, s, item, JN_YAML_SCALAR))
            continue;
        if (target(s->text, &out->to[out->tos]))
            out->tos++;
        else
            jn_problem(c->check.problems, c->check.file, s->line, item,
                       "\"%.60s\" is not HOST, HOST:PORT or HOST:PORT/tcp (or /udp, /tls)", s->text);
    }
}

/* "503" or "500-599". */
static bool codes(const char *text, struct jn_dir_codes *out)
{
    char low[8];
    size_t n = strcspn(text, "-");
    uint64_t a, b;

    if (!jn_copy_n(low, sizeof low, text, n) || jn_parse_u64(low, 699, &a))
        return false;
    b = a;
    if (text[n] && jn_parse_u64(text + n + 1, 699, &b))
        return false;
    *out = (struct jn_dir_codes){.low = (uint16_t)a, .high = (uint16_t)b};
    return a >= 300 && b >= a;
}

static void read_next_on(struct jn_centre *c, const struct jn_yaml *list, const char *path, struct jn_dir_trunk *out)
{
    char at[JN_CHECK_PATH], item[JN_CHECK_PATH];
    unsigned i = 0;

    jn_path_member(at, path, "next_on");
    if (!list) {
        out->next_on[0] = (struct jn_dir_codes){408, 408};
        out->next_on[1] = (struct jn_dir_codes){500, 599};
        out->next_ons = 2;
        return;
    }
    if (!jn_check_kind(&c->check, list, at, JN_YAML_LIST))
        return;
    if (list->count > JN_DIR_NEXT_ON)
        jn_problem(c->check.problems, c->check.file, list->line, at, "more than %d of them", JN_DIR_NEXT_ON);
    for (const struct jn_yaml *s = list->first; s && i < JN_DIR_NEXT_ON; s = s->next) {
        struct jn_dir_codes *k = &out->next_on[out->next_ons];

        jn_path_item(item, at, i++);
        if (!jn_check_kind(&c->check, s, item, JN_YAML_SCALAR))
            continue;
        if (!codes(s->text, k))
            jn_problem(c->check.problems, c->check.file, s->line, item,
                       "\"%.40s\" is not an answer's code such as 503 or 500-599", s->text);
        else if (k->high >= 600 || (k->low == k->high && (k->low == 486 || k->low == 487)))
            jn_problem(c->check.problems, c->check.file, s->line, item,
                       "after 486, 487 and 6xx nobody else is called: the telephone has answered");
        else
            out->next_ons++;
    }
}

static bool only_digits(const char *text)
{
    return !text[strspn(text, "0123456789")];
}

/* Credentials stand in headers between quotes and go to the stack with colons between. */
static bool word_ok(const char *text)
{
    return !strpbrk(text, ":\"\\<> ");
}

static void check_account(struct jn_centre *c, const struct jn_yaml *node, const char *path, struct jn_dir_trunk *out)
{
    const struct jn_yaml *reg = jn_yaml_get(node, "register");
    char at[JN_CHECK_PATH];

    if (!out->user[0] != !out->secret[0])
        jn_centre_problem(c, node, path, out->user[0] ? "user" : "secret", "user and secret go together");
    if (!word_ok(out->user))
        jn_centre_problem(c, node, path, "user", "must not have blanks, colons, quotes or angle brackets");
    if (strpbrk(out->secret, ":\"\\"))
        jn_centre_problem(c, node, path, "secret", "must not have colons, quotes or backslashes");
    if (!reg)
        return;
    jn_path_member(at, path, "register");
    out->reg_expires_s = DEFAULT_EXPIRES_S;
    jn_check_fields(&c->check, reg, at, register_fields, ITEMS(register_fields), out);
    if (!word_ok(out->reg_user) || strchr(out->reg_user, '@'))
        jn_centre_problem(c, reg, at, "user", "must not have blanks, colons, quotes, angle brackets or @");
    if (!out->user[0])
        jn_centre_problem(c, node, path, "register", "needs user and secret");
    else if (!out->reg_user[0] && strchr(out->user, '@'))
        jn_centre_problem(c, node, path, "register", "needs a user of its own: the trunk's holds an @");
    if (!out->tos)
        jn_centre_problem(c, node, path, "register", "needs to: where to register");
}

static void check_rules(struct jn_centre *c, const struct jn_yaml *node, const char *path,
                        const struct jn_dir_trunk *out)
{
    if (!only_digits(out->country) || (out->country[0] && (strlen(out->country) > 3 || out->country[0] == '0')))
        jn_centre_problem(c, node, path, "country", "must be a country code: one to three digits");
    if (!only_digits(out->international))
        jn_centre_problem(c, node, path, "international", "must be digits, such as 00");
    if (!only_digits(out->national))
        jn_centre_problem(c, node, path, "national", "must be digits, such as 0");
    if ((out->dial == JN_DIAL_NATIONAL) && !out->country[0])
        jn_centre_problem(c, node, path, "dial", "national needs country");
    if ((out->dial == JN_DIAL_NATIONAL || out->dial == JN_DIAL_INTERNATIONAL) && !out->international[0])
        jn_centre_problem(c, node, path, "dial", "needs international: what is dialled before a country code");
}

void jn_centre_trunk(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                     const char *path, struct jn_dir_trunk *out)
{
    const struct jn_yaml *name = jn_yaml_get(node, "name"), *from = jn_yaml_get(node, "from"),
                         *to = jn_yaml_get(node, "to");
    char at[JN_CHECK_PATH];

    out->tenant = t->tenant->id;
    out->probe_s = DEFAULT_PROBE_S;
    out->probe_failures = 3;
    jn_check_fields(&c->check, node, path, trunk_fields, ITEMS(trunk_fields), out);
    if (node->kind != JN_YAML_MAP)
        return;
    jn_path_member(at, path, "name");
    out->id = jn_centre_id(c, out->tenant, "trunk", out->name, name ? name->line : node->line, at);
    if (!from && !to)
        jn_centre_problem(c, node, path, "from",
                          "is missing: from says who may call in, to where calls go out; one is needed");
    read_from(c, from, path, out);
    read_to(c, to, path, out);
    read_next_on(c, jn_yaml_get(node, "next_on"), path, out);
    check_account(c, node, path, out);
    check_rules(c, node, path, out);
    if (!to)
        out->probe_s = 0; /* there is nothing to ask */
}
