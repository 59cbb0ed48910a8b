/* Config members: a tenant's queues, agents and rules, one mapping each. Trunks and numbers are config_trunks.c's. */
#include "engine/app/config_centre.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS(a)              (sizeof(a) / sizeof *(a))
#define QUEUE(kind_, member_) .kind = (kind_), JN_FIELD(struct jn_dir_queue, member_)
#define AGENT(kind_, member_) .kind = (kind_), JN_FIELD(struct jn_dir_agent, member_)
#define RULE(kind_, member_)  .kind = (kind_), JN_FIELD(struct jn_dir_rule, member_)

enum { HOUR_MS = 3600000 };
static const char *const channels[] = {"voice", "chat"};
static const char *const policies[] = {"longest_idle", "best_skill"};
static const char *const roles[] = {"agent", "supervisor", "administrator"};
static const char *const answers[] = {"phone", "auto", "nailed"}, *const accepts[] = {"auto", "desk"};
static const char *const srtp_modes[] = {"off", "optional", "required", "dtls"};

static const struct jn_field queue_fields[] = {
    {.name = "name", QUEUE(JN_FIELD_NAME, name), .required = true},
    {.name = "number", QUEUE(JN_FIELD_USER, number)},
    {.name = "skills"},
    {.name = "channels"},
    {.name = "priority", QUEUE(JN_FIELD_UINT, set.priority), .max = 9},
    {.name = "weight", QUEUE(JN_FIELD_UINT, set.weight), .min = 1, .max = 1000},
    {.name = "target", QUEUE(JN_FIELD_MS, set.target_ms), .min = 1000, .max = 24 * HOUR_MS},
    {.name = "offer_timeout", QUEUE(JN_FIELD_MS, set.offer_timeout_ms), .min = 1000, .max = HOUR_MS},
    {.name = "wrap_up", QUEUE(JN_FIELD_MS, set.wrap_up_ms), .max = HOUR_MS},
    {.name = "max_wait", QUEUE(JN_FIELD_MS, set.max_wait_ms), .max = 7 * 24 * HOUR_MS},
    {.name = "max_waiting", QUEUE(JN_FIELD_UINT, set.max_waiting), .max = 1000000},
    {.name = "prefer", QUEUE(JN_FIELD_MS, set.prefer_ms), .max = HOUR_MS},
    {.name = "announce_every", QUEUE(JN_FIELD_MS, set.announce_ms), .max = HOUR_MS},
    {.name = "policy", QUEUE(JN_FIELD_ENUM, set.policy), .max = ITEMS(policies), .names = policies},
    {.name = "greeting", QUEUE(JN_FIELD_SOUND, greeting)},
    {.name = "music", QUEUE(JN_FIELD_SOUND, music)},
    {.name = "no_agent", QUEUE(JN_FIELD_SOUND, no_agent)},
    {.name = "record", QUEUE(JN_FIELD_BOOL, record)},
    {.name = "say_position", QUEUE(JN_FIELD_BOOL, say_position)},
    {.name = "announce_agent"},
    {.name = "caller_id", QUEUE(JN_FIELD_USER, caller_id)},
};
static const struct jn_field agent_fields[] = {
    {.name = "name", AGENT(JN_FIELD_NAME, name), .required = true},
    {.name = "display", AGENT(JN_FIELD_TEXT, display)},
    {.name = "role", AGENT(JN_FIELD_ENUM, role), .min = JN_ROLE_AGENT, .max = ITEMS(roles), .names = roles},
    {.name = "password", AGENT(JN_FIELD_TEXT, password)},
    {.name = "phone"},
    {.name = "skills"},
    {.name = "serves"},
    {.name = "capacity"},
    {.name = "max_no_answer", AGENT(JN_FIELD_UINT, set.max_no_answer), .max = 100},
    {.name = "answer", AGENT(JN_FIELD_ENUM, answer), .max = ITEMS(answers), .names = answers},
    {.name = "may_call_out", AGENT(JN_FIELD_BOOL, may_call_out)},
    {.name = "accept", AGENT(JN_FIELD_ENUM, accept), .max = ITEMS(accepts), .names = accepts},
};
static const struct jn_field phone_fields[] = {
    {.name = "user", AGENT(JN_FIELD_USER, sip_user), .required = true},
    {.name = "ha1", AGENT(JN_FIELD_TEXT, sip_ha1)},
    {.name = "secret"},
    {.name = "srtp", AGENT(JN_FIELD_ENUM, srtp), .max = ITEMS(srtp_modes), .names = srtp_modes},
};
static const struct jn_field capacity_fields[] = {
    {.name = "voice", AGENT(JN_FIELD_UINT, set.capacity[JN_CH_VOICE]), .max = 1},
    {.name = "chat", AGENT(JN_FIELD_UINT, set.capacity[JN_CH_CHAT]), .max = 50},
};
static const struct jn_field rule_fields[] = {
    {.name = "pattern", RULE(JN_FIELD_TEXT, pattern), .required = true},
    {.name = "intent", RULE(JN_FIELD_NAME, intent)},
    {.name = "queue"},
    {.name = "priority", RULE(JN_FIELD_UINT, priority), .max = 9},
    {.name = "language", RULE(JN_FIELD_NAME, language)},
    {.name = "label", RULE(JN_FIELD_NAME, label)},
    {.name = "weight", RULE(JN_FIELD_UINT, weight), .min = 1, .max = 100},
};

static unsigned line_of(const struct jn_yaml *node, const char *key)
{
    const struct jn_yaml *m = jn_yaml_get(node, key);

    return m ? m->line : node->line;
}

uint8_t jn_centre_skills(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                         const char *path, struct jn_skill out[static JN_SKILLS_MAX])
{
    static const struct jn_field level = {
        .kind = JN_FIELD_UINT, .offset = offsetof(struct jn_skill, level), .size = 1, .min = 1, .max = JN_LEVEL_MAX};
    char at[JN_CHECK_PATH], item[JN_CHECK_PATH];
    uint8_t n = 0;

    jn_path_member(at, path, "skills");
    if (!node || !jn_check_kind(&c->check, node, at, JN_YAML_MAP))
        return 0;
    if (node->count > JN_SKILLS_MAX) {
        jn_problem(c->check.problems, c->check.file, node->line, at, "more than %d skills", JN_SKILLS_MAX);
        return 0;
    }
    for (const struct jn_yaml *s = node->first; s; s = s->next) {
        uint64_t id = jn_name_id(t->tenant->id, "skill", s->key);

        jn_path_member(item, at, s->key);
        if (jn_map_get(&t->skill_ids, id) == JN_MAP_NONE)
            jn_check_undefined(&c->check, s->line, at, s->key, t->skills, t->n_skills);
        out[n].id = id;
        if (jn_check_value(&c->check, s, item, &level, &out[n]))
            n++;
    }
    return n;
}

static uint8_t channel_mask(struct jn_centre *c, const struct jn_yaml *list, const char *path)
{
    static const struct jn_field field = {.kind = JN_FIELD_ENUM, .size = 1, .max = JN_CH_N, .names = channels};
    char at[JN_CHECK_PATH], item[JN_CHECK_PATH];
    uint8_t mask = 0, channel;
    unsigned i = 0;

    jn_path_member(at, path, "channels");
    if (!jn_check_kind(&c->check, list, at, JN_YAML_LIST))
        return 0;
    for (const struct jn_yaml *s = list->first; s; s = s->next) {
        jn_path_item(item, at, i++);
        if (!jn_check_value(&c->check, s, item, &field, &channel))
            continue;
        if (mask & 1u << channel)
            jn_problem(c->check.problems, c->check.file, s->line, item, "\"%s\" is there twice", channels[channel]);
        mask |= (uint8_t)(1u << channel);
    }
    if (!list->count)
        jn_problem(c->check.problems, c->check.file, list->line, at, "is empty: voice, chat or both");
    return mask;
}

void jn_centre_queue(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                     const char *path, struct jn_dir_queue *out)
{
    const struct jn_yaml *list = jn_yaml_get(node, "channels");
    struct jn_ev_queue *q = &out->set;
    char at[JN_CHECK_PATH];

    *q = (struct jn_ev_queue){.target_ms = 20000,
                              .offer_timeout_ms = 15000,
                              .wrap_up_ms = 10000,
                              .announce_ms = 30000,
                              .weight = 100,
                              .priority = 5,
                              .channel_mask = 1u << JN_CH_VOICE};
    out->tenant = t->tenant->id;
    out->say_position = true;
    jn_check_fields(&c->check, node, path, queue_fields, ITEMS(queue_fields), out);
    jn_path_member(at, path, "name");
    q->id = jn_centre_id(c, out->tenant, "queue", out->name, line_of(node, "name"), at);
    jn_path_member(at, path, "number");
    if (out->number[0])
        jn_centre_unique(c, out->tenant, "number", out->number, line_of(node, "number"), at);
    q->skills = jn_centre_skills(c, t, jn_yaml_get(node, "skills"), path, q->skill);
    if (list)
        q->channel_mask = channel_mask(c, list, path);
    jn_centre_say(c, jn_yaml_get(node, "announce_agent"), path, "announce_agent", &out->announce);
    jn_centre_caller_id(c, node, path, out->caller_id);
    if (list && out->number[0] && q->channel_mask && !(q->channel_mask & 1u << JN_CH_VOICE))
        jn_centre_problem(c, node, path, "number", "callers could dial it, but channels has no voice");
    if (q->max_wait_ms && q->prefer_ms > q->max_wait_ms)
        jn_centre_problem(c, node, path, "prefer", "is longer than max_wait");
    if (q->announce_ms && q->announce_ms < 5000)
        jn_centre_problem(c, node, path, "announce_every", "must be 0 (never) or at least 5s");
}

static bool hex_only(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isxdigit((unsigned char)text[i]))
            return false;
    return true;
}

/* "pbkdf2-sha256$iterations$salt$hash", as engine/api makes it; a password in clear must not pass. */
static bool is_hash(const char *text)
{
    static const char head[] = "pbkdf2-sha256$";
    size_t digits, salt, hash;

    if (strncmp(text, head, sizeof head - 1))
        return false;
    text += sizeof head - 1;
    digits = strspn(text, "0123456789");
    if (digits < 4 || digits > 8 || text[digits] != '$')
        return false;
    text += digits + 1;
    salt = strcspn(text, "$");
    if (salt != 32 || text[salt] != '$' || !hex_only(text, salt))
        return false;
    text += salt + 1;
    hash = strlen(text);
    return hash == 64 && hex_only(text, hash);
}

/* MD5(user:realm:secret) as RFC 2617 has it: what the phone's digest is checked with. False without MD5. */
bool jn_ha1(char out[static 33], const char *user, const char *realm, const char *secret)
{
    struct jn_buf text = {.max = 1024};
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    bool good;

    jn_buf_printf(&text, "%s:%s:%s", user, realm, secret);
    good = !text.failed && EVP_Digest(text.data, text.len, digest, &len, EVP_md5(), NULL) == 1 && len == 16;
    if (text.data)
        explicit_bzero(text.data, text.cap);
    jn_buf_free(&text);
    if (good)
        jn_hex(out, digest, 16);
    return good;
}

static void read_phone(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *phone,
                       const char *path, struct jn_dir_agent *out)
{
    const struct jn_yaml *secret = jn_yaml_get(phone, "secret"), *ha1 = jn_yaml_get(phone, "ha1");
    char at[JN_CHECK_PATH];

    jn_path_member(at, path, "phone");
    if (jn_check_fields(&c->check, phone, at, phone_fields, ITEMS(phone_fields), out))
        return;
    if (!ha1 == !secret)
        jn_centre_problem(c, phone, at, secret ? "secret" : "user", "a phone needs either ha1 or secret, and not both");
    else if (ha1 && (strlen(out->sip_ha1) != 32 || !hex_only(out->sip_ha1, 32)))
        jn_centre_problem(c, phone, at, "ha1", "must be 32 hexadecimal digits (junctor password ha1 USER DOMAIN)");
    else if (secret && (secret->kind != JN_YAML_SCALAR || strlen(secret->text) < 6))
        jn_centre_problem(c, phone, at, "secret", "must have at least 6 characters");
    else if (secret && !jn_ha1(out->sip_ha1, out->sip_user, t->tenant->domain, secret->text))
        jn_centre_problem(c, phone, at, "secret", "cannot be digested: this machine's OpenSSL has no MD5");
    for (char *h = out->sip_ha1; *h; h++)
        *h = (char)tolower((unsigned char)*h);
    jn_path_member(at, path, "phone.user");
    jn_centre_unique(c, out->tenant, "sip user", out->sip_user, line_of(phone, "user"), at);
}

void jn_centre_agent(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                     const char *path, struct jn_dir_agent *out)
{
    const struct jn_yaml *phone = jn_yaml_get(node, "phone"), *capacity = jn_yaml_get(node, "capacity");
    char at[JN_CHECK_PATH];

    out->tenant = t->tenant->id;
    out->role = JN_ROLE_AGENT;
    out->set.max_no_answer = 3;
    out->set.capacity[JN_CH_VOICE] = phone != NULL;
    jn_check_fields(&c->check, node, path, agent_fields, ITEMS(agent_fields), out);
    jn_path_member(at, path, "name");
    out->set.id = jn_centre_id(c, out->tenant, "agent", out->name, line_of(node, "name"), at);
    if (!out->display[0])
        memcpy(out->display, out->name, sizeof out->display);
    if (out->password[0] && !is_hash(out->password))
        jn_centre_problem(c, node, path, "password", "is not a password's hash: make one with `junctor password hash`");
    if (phone)
        read_phone(c, t, phone, path, out);
    jn_path_member(at, path, "capacity");
    jn_check_fields(&c->check, capacity, at, capacity_fields, ITEMS(capacity_fields), out);
    if (out->set.capacity[JN_CH_VOICE] && !phone)
        jn_centre_problem(c, node, path, "capacity", "voice is 1, but the agent has no phone");
    if (out->answer != JN_ANSWER_PHONE && !phone)
        jn_centre_problem(c, node, path, "answer", "says how the phone answers, but the agent has no phone");
    if (jn_yaml_get(node, "accept") && out->answer != JN_ANSWER_NAILED)
        jn_centre_problem(c, node, path, "accept", "is for answer: nailed alone: other phones accept by being lifted");
    out->set.skills = jn_centre_skills(c, t, jn_yaml_get(node, "skills"), path, out->set.skill);
    jn_centre_serves(c, t, jn_yaml_get(node, "serves"), path, &out->set);
}

void jn_centre_rule(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node, const char *path,
                    struct jn_dir_rule *out)
{
    const struct jn_yaml *queue = jn_yaml_get(node, "queue"), *pattern = jn_yaml_get(node, "pattern");
    char at[JN_CHECK_PATH];
    uint32_t i = 0;

    out->tenant = t->tenant->id;
    out->priority = 255;
    out->weight = 10;
    out->line = pattern ? pattern->line : node->line;
    /* A pattern that is missing or too long is told here; it must not be told again by the compiler. */
    jn_copy(out->pattern, sizeof out->pattern, "unread");
    jn_check_fields(&c->check, node, path, rule_fields, ITEMS(rule_fields), out);
    jn_path_member(at, path, "queue");
    if (!queue || !jn_check_kind(&c->check, queue, at, JN_YAML_SCALAR))
        return;
    while (i < t->n_queues && strcmp(t->queues[i], queue->text))
        i++;
    if (i == t->n_queues)
        jn_check_undefined(&c->check, queue->line, at, queue->text, t->queues, t->n_queues);
    else
        out->queue = jn_name_id(out->tenant, "queue", queue->text);
}
