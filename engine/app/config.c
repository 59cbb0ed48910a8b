/* Config: the machine's YAML: defaults, fields, and what must hold between them. The centre's is config_centre.c. */
#include "engine/app/config_check.h"
#include "engine/sip/sip.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ITEMS(a)                     (sizeof(a) / sizeof *(a))
#define U(member_, low, high)        .kind = JN_FIELD_UINT, JN_FIELD(struct jn_config, member_), .min = (low), .max = (high)
#define T(kind_, member_, low, high) .kind = (kind_), JN_FIELD(struct jn_config, member_), .min = (low), .max = (high)

static const char *const levels[] = {"error", "warn", "info", "debug"};

static const struct jn_field top_fields[] = {
    {.name = "version"},
    {.name = "data_dir", .kind = JN_FIELD_TEXT, JN_FIELD(struct jn_config, data_dir)},
    {.name = "centre", .kind = JN_FIELD_TEXT, JN_FIELD(struct jn_config, centre)},
    {.name = "sip"},
    {.name = "media"},
    {.name = "workers"},
    {.name = "api"},
    {.name = "router"},
    {.name = "sounds"},
    {.name = "log"},
    {.name = "trace"},
    {.name = "recording"},
};
static const struct jn_field sip_fields[] = {
    {.name = "listen", .kind = JN_FIELD_HOST, JN_FIELD(struct jn_config, sip_host)},
    {.name = "advertise", .kind = JN_FIELD_HOST, JN_FIELD(struct jn_config, sip_advertise)},
    {.name = "port", U(sip_port, 1, 65535)},
    {.name = "max_calls", U(max_calls, 1, 1000000)},
    {.name = "max_calls_per_s", U(max_calls_per_s, 1, 100000)},
    {.name = "max_registers_per_s", U(max_registers_per_s, 1, 1000000)},
    {.name = "ban_after", U(ban_after, 0, 100000)},
    {.name = "ban_window", T(JN_FIELD_S, ban_window_s, 1000, 86400000)},
    {.name = "ban_time", T(JN_FIELD_S, ban_s, 1000, 7 * 86400000ull)},
    {.name = "session_expires", T(JN_FIELD_S, session_expires_s, 0, 86400000)},
    {.name = "session_min", T(JN_FIELD_S, session_min_s, 1000, 86400000)},
    {.name = "tls"},
};
static const struct jn_field tls_fields[] = {
    {.name = "port", U(tls_port, 1, 65535)},
    {.name = "certificate", .kind = JN_FIELD_TEXT, JN_FIELD(struct jn_config, tls_certificate)},
    {.name = "key", .kind = JN_FIELD_TEXT, JN_FIELD(struct jn_config, tls_key)},
    {.name = "ca", .kind = JN_FIELD_TEXT, JN_FIELD(struct jn_config, tls_ca)},
    {.name = "verify_peer", .kind = JN_FIELD_BOOL, JN_FIELD(struct jn_config, tls_verify_peer)},
};
static const char *const back_ends[] = {"udp", "dpdk"};
static const struct jn_field media_fields[] = {
    {.name = "port", .kind = JN_FIELD_ENUM, JN_FIELD(struct jn_config, media_back_end), .max = 2, .names = back_ends},
    {.name = "dpdk"},
    {.name = "interfaces"},
    {.name = "browser"},
    {.name = "listen", .kind = JN_FIELD_HOST, JN_FIELD(struct jn_config, media_host)},
    {.name = "advertise", .kind = JN_FIELD_HOST, JN_FIELD(struct jn_config, media_advertise)},
    {.name = "port_min", U(media_port_min, 1024, 65534)},
    {.name = "port_max", U(media_port_max, 1025, 65535)},
    {.name = "silence", T(JN_FIELD_MS, silence_ms, 0, 600000)},
    {.name = "silence_end", T(JN_FIELD_S, silence_end_s, 0, 86400000)},
    {.name = "one_way", T(JN_FIELD_S, one_way_s, 0, 3600000)},
    {.name = "quiet", T(JN_FIELD_S, quiet_s, 0, 3600000)},
    {.name = "codecs"},
    {.name = "srtp_suites"},
    {.name = "opus"},
    {.name = "inband_digits", .kind = JN_FIELD_BOOL, JN_FIELD(struct jn_config, codecs.inband)},
    {.name = "comfort_noise", .kind = JN_FIELD_BOOL, JN_FIELD(struct jn_config, codecs.cn)},
    {.name = "dscp", U(media_dscp, 0, 63)},
    {.name = "admit_load", U(admit_load, 0, 100)},
    {.name = "latch", T(JN_FIELD_MS, latch_ms, 0, 60000)},
};
static const struct jn_field worker_fields[] = {
    {.name = "count", U(workers, 1, 256)},
    {.name = "pin", .kind = JN_FIELD_BOOL, JN_FIELD(struct jn_config, pin_workers)},
    {.name = "spread_legs", .kind = JN_FIELD_BOOL, JN_FIELD(struct jn_config, spread_legs)},
};
static const struct jn_field api_fields[] = {
    {.name = "listen", .kind = JN_FIELD_HOST, JN_FIELD(struct jn_config, api_host)},
    {.name = "port", U(api_port, 1, 65535)},
    {.name = "max_connections", U(max_connections, 1, 1000000)},
    {.name = "max_chats", U(max_chats, 1, 1000000)},
    {.name = "token_life", T(JN_FIELD_S, token_life_s, 60000, 30 * 86400000ull)},
    {.name = "origins"},
};
static const struct jn_field router_fields[] = {
    {.name = "max_agents", U(max_agents, 1, 1000000)},
    {.name = "max_queues", U(max_queues, 1, 100000)},
    {.name = "max_tenants", U(max_tenants, 1, 100000)},
    {.name = "max_interactions", U(max_interactions, 1, 4000000)},
    {.name = "snapshot_every", T(JN_FIELD_S, snapshot_s, 1000, 86400000)},
    {.name = "snapshot_events", U(snapshot_events, 1000, 1000000000)},
    {.name = "keep_journal", T(JN_FIELD_S, keep_journal_s, 0, 366 * 86400000ull)},
};
static const struct jn_field trace_fields[] = {
    {.name = "messages", .kind = JN_FIELD_BOOL, JN_FIELD(struct jn_config, trace_messages)},
    {.name = "keep", T(JN_FIELD_S, trace_keep_s, 60000, 366 * 86400000ull)},
    {.name = "size_mb", U(trace_size_mb, 8, 1000000)},
};
static const struct jn_field recording_fields[] = {
    {.name = "encrypt", .kind = JN_FIELD_BOOL, JN_FIELD(struct jn_config, rec_encrypt)},
    {.name = "key_file", .kind = JN_FIELD_TEXT, JN_FIELD(struct jn_config, rec_key_file)},
    {.name = "keep", T(JN_FIELD_S, rec_keep_s, 0, 3660ull * 86400000)},
    {.name = "buffer_mb", U(rec_buffer_mb, 1, 65536)},
};
static const struct jn_field log_fields[] = {
    {.name = "file", .kind = JN_FIELD_TEXT, JN_FIELD(struct jn_config, log_file)},
    {.name = "level", .kind = JN_FIELD_ENUM, JN_FIELD(struct jn_config, log_level), .max = 4, .names = levels},
};

static const struct jn_config defaults = {
    .data_dir = "data",
    .centre = "centre.yaml",
    .sip_host = "127.0.0.1",
    .sip_port = 5060,
    .max_calls = 2000,
    .max_calls_per_s = 200,
    .max_registers_per_s = 3000,
    .ban_after = 20,
    .ban_window_s = 60,
    .ban_s = 600,
    .session_expires_s = 1800,
    .session_min_s = 90,
    .tls_verify_peer = true,
    .media_host = "127.0.0.1",
    .media_port_min = 20000,
    .media_port_max = 39999,
    .media_dscp = 46,
    .codecs.inband = true,
    .admit_load = 85,
    .browser = {.enabled = true, .max_legs = 1000, .certificate_s = 30 * 86400},
    .dpdk = {.prefix = 24, .memory_mb = 64, .max_sleep_us = 500},
    .workers = 1,
    .silence_ms = 5000,
    .silence_end_s = 60,
    .one_way_s = 8,
    .quiet_s = 30,
    .latch_ms = 3000,
    .api_host = "127.0.0.1",
    .api_port = 8080,
    .max_connections = 2000,
    .max_chats = 20000,
    .token_life_s = 12 * 3600,
    .max_agents = 20000,
    .max_queues = 1000,
    .max_tenants = 100,
    .max_interactions = 100000,
    .snapshot_s = 60,
    .keep_journal_s = 3600,
    .snapshot_events = 100000,
    .log_level = JN_LOG_INFO,
    .rec_buffer_mb = 32,
    .trace_messages = true,
    .trace_keep_s = 7 * 86400,
    .trace_size_mb = 256,
};
static const char *const default_sounds[] = {"/usr/share/asterisk/sounds/en_US_f_Allison", "/usr/share/asterisk/moh"};

/* Turns a path that is relative to the file into one that is relative to the process. */
static void resolve(struct jn_check *c, char path[static JN_PATH_MAX], unsigned line, const char *key)
{
    const char *slash = strrchr(c->file, '/');
    char whole[2 * JN_PATH_MAX];

    if (!path[0] || path[0] == '/' || !slash)
        return;
    snprintf(whole, sizeof whole, "%.*s/%s", (int)(slash - c->file), c->file, path);
    if (!jn_copy(path, JN_PATH_MAX, whole))
        jn_problem(c->problems, c->file, line, key, "is longer than %d bytes with the folder of this file",
                   JN_PATH_MAX - 1);
}

static unsigned line_of(const struct jn_yaml *root, const char *section, const char *key)
{
    const struct jn_yaml *s = jn_yaml_get(root, section), *k = key ? jn_yaml_get(s, key) : NULL;

    return k ? k->line : s ? s->line : root->line;
}

static void check_sounds(struct jn_check *c, struct jn_config *out, const struct jn_yaml *list)
{
    static const struct jn_field item = {.kind = JN_FIELD_TEXT, .size = JN_PATH_MAX};
    char path[JN_CHECK_PATH];
    struct stat st;
    unsigned i = 0;

    for (size_t k = 0; !list && k < ITEMS(default_sounds); k++)
        if (!stat(default_sounds[k], &st) && S_ISDIR(st.st_mode))
            jn_copy(out->sound_dir[out->sound_dirs++], JN_PATH_MAX, default_sounds[k]);
    if (!list || !jn_check_kind(c, list, "sounds", JN_YAML_LIST))
        return;
    for (const struct jn_yaml *s = list->first; s; s = s->next, i++) {
        jn_path_item(path, "sounds", i);
        if (i == JN_SOUND_DIRS) {
            jn_problem(c->problems, c->file, s->line, path, "is one too many: at most %d folders", JN_SOUND_DIRS);
            return;
        }
        if (!jn_check_value(c, s, path, &item, out->sound_dir[out->sound_dirs]))
            continue;
        resolve(c, out->sound_dir[out->sound_dirs], s->line, path);
        if (stat(out->sound_dir[out->sound_dirs], &st) || !S_ISDIR(st.st_mode))
            jn_problem(c->problems, c->file, s->line, path, "\"%.200s\" is not a folder",
                       out->sound_dir[out->sound_dirs]);
        else
            out->sound_dirs++;
    }
}

static void check_paths(struct jn_check *c, struct jn_config *out, const struct jn_yaml *root)
{
    struct stat st;

    if (!out->data_dir[0])
        jn_problem(c->problems, c->file, line_of(root, "data_dir", NULL), "data_dir", "must not be empty");
    resolve(c, out->data_dir, line_of(root, "data_dir", NULL), "data_dir");
    resolve(c, out->centre, line_of(root, "centre", NULL), "centre");
    resolve(c, out->log_file, line_of(root, "log", "file"), "log.file");
    resolve(c, out->rec_key_file, line_of(root, "recording", "key_file"), "recording.key_file");
    if (!stat(out->data_dir, &st) && !S_ISDIR(st.st_mode))
        jn_problem(c->problems, c->file, line_of(root, "data_dir", NULL), "data_dir", "\"%.200s\" is not a folder",
                   out->data_dir);
    if (out->centre[0] && (stat(out->centre, &st) || !S_ISREG(st.st_mode)))
        jn_problem(c->problems, c->file, line_of(root, "centre", NULL), "centre", "\"%.200s\" is not a file",
                   out->centre);
}

static void tls_file(struct jn_check *c, char path[static JN_PATH_MAX], const struct jn_yaml *tls, const char *key,
                     bool required)
{
    const struct jn_yaml *k = jn_yaml_get(tls, key);
    char at[JN_CHECK_PATH];

    jn_path_member(at, "sip.tls", key);
    if (!path[0] && required)
        jn_problem(c->problems, c->file, tls->line, at, "is missing");
    if (!path[0])
        return;
    resolve(c, path, k->line, at);
    if (strlen(path) >= sizeof(((struct jn_sip_tls *)0)->key))
        jn_problem(c->problems, c->file, k->line, at, "is too long");
    else if (access(path, R_OK))
        jn_problem(c->problems, c->file, k->line, at, "\"%.200s\" cannot be read: %s", path, strerror(errno));
}

static void check_tls(struct jn_check *c, struct jn_config *out, const struct jn_yaml *tls)
{
    if (!tls)
        return;
    jn_check_fields(c, tls, "sip.tls", tls_fields, ITEMS(tls_fields), out);
    if (tls->kind != JN_YAML_MAP)
        return;
    if (!out->tls_port)
        out->tls_port = 5061;
    tls_file(c, out->tls_certificate, tls, "certificate", true);
    tls_file(c, out->tls_key, tls, "key", true);
    tls_file(c, out->tls_ca, tls, "ca", false);
    if (out->tls_port == out->sip_port)
        jn_problem(c->problems, c->file, tls->line, "sip.tls.port", "%u is sip.port too", out->tls_port);
    else if (out->tls_port == out->api_port && !strcmp(out->sip_host, out->api_host))
        jn_problem(c->problems, c->file, tls->line, "sip.tls.port", "%u is api.port too", out->tls_port);
}

static bool any(const char *host)
{
    return !strcmp(host, "0.0.0.0") || !strcmp(host, "::");
}

static bool same_place(const char *a, const char *b)
{
    return any(a) || any(b) || !strcmp(a, b);
}

static void need_address(struct jn_check *c, const struct jn_yaml *root, const char *section, const char *host,
                         const char *advertise)
{
    char at[JN_CHECK_PATH];

    if (!any(host) || advertise[0])
        return;
    jn_path_member(at, section, "advertise");
    jn_problem(c->problems, c->file, line_of(root, section, "listen"), at,
               "is missing: when listening on %s, peers must be told an address that they can reach", host);
}

/* What must hold between fields. */
static void check_together(struct jn_check *c, const struct jn_config *out, const struct jn_yaml *root)
{
    unsigned media = line_of(root, "media", "port_min"), api = line_of(root, "api", "port");

    if (out->media_port_min >= out->media_port_max)
        jn_problem(c->problems, c->file, media, "media.port_min", "%u is not below media.port_max, %u",
                   out->media_port_min, out->media_port_max);
    else if (out->sip_port >= out->media_port_min && out->sip_port <= out->media_port_max &&
             same_place(out->sip_host, out->media_host))
        jn_problem(c->problems, c->file, line_of(root, "sip", "port"), "sip.port",
                   "%u lies among the media ports %u to %u of the same address", out->sip_port, out->media_port_min,
                   out->media_port_max);
    if (out->media_port_min < out->media_port_max &&
        (unsigned)(out->media_port_max - out->media_port_min) + 1 < 2u * out->workers)
        jn_problem(c->problems, c->file, media, "media.port_min", "fewer than two ports for each of %u workers",
                   out->workers);
    /* Both listen on TCP. */
    if (out->sip_port == out->api_port && same_place(out->sip_host, out->api_host))
        jn_problem(c->problems, c->file, api, "api.port", "%u is SIP's port too (sip.port)", out->api_port);
    if (out->session_expires_s && out->session_expires_s < out->session_min_s)
        jn_problem(c->problems, c->file, line_of(root, "sip", "session_expires"), "sip.session_expires",
                   "%u s is shorter than sip.session_min, %u s", out->session_expires_s, out->session_min_s);
    if (out->max_calls > out->max_interactions)
        jn_problem(c->problems, c->file, line_of(root, "sip", "max_calls"), "sip.max_calls",
                   "%u is more than router.max_interactions, %u", out->max_calls, out->max_interactions);
    if (out->max_chats > out->max_interactions)
        jn_problem(c->problems, c->file, line_of(root, "api", "max_chats"), "api.max_chats",
                   "%u is more than router.max_interactions, %u", out->max_chats, out->max_interactions);
    if (out->silence_end_s && out->silence_ms >= out->silence_end_s * UINT64_C(1000))
        jn_problem(c->problems, c->file, line_of(root, "media", "silence"), "media.silence",
                   "must be shorter than media.silence_end");
    need_address(c, root, "sip", out->sip_host, out->sip_advertise);
    need_address(c, root, "media", out->media_host, out->media_advertise);
}

static void check_machine(struct jn_check *c, struct jn_config *out, const struct jn_yaml *root)
{
    static const struct {
        const char *name;
        const struct jn_field *fields;
        size_t n;
    } sections[] = {
        {"sip", sip_fields, ITEMS(sip_fields)},           {"media", media_fields, ITEMS(media_fields)},
        {"workers", worker_fields, ITEMS(worker_fields)}, {"api", api_fields, ITEMS(api_fields)},
        {"router", router_fields, ITEMS(router_fields)},  {"log", log_fields, ITEMS(log_fields)},
        {"trace", trace_fields, ITEMS(trace_fields)},     {"recording", recording_fields, ITEMS(recording_fields)},
    };
    const struct jn_yaml *version = jn_yaml_get(root, "version");

    jn_check_fields(c, root, "", top_fields, ITEMS(top_fields), out);
    if (root->kind != JN_YAML_MAP)
        return;
    if (version && (version->kind != JN_YAML_SCALAR || strcmp(version->text, "1")))
        jn_problem(c->problems, c->file, version->line, "version", "must be 1: this program knows no other");
    for (size_t i = 0; i < ITEMS(sections); i++)
        jn_check_fields(c, jn_yaml_get(root, sections[i].name), sections[i].name, sections[i].fields, sections[i].n,
                        out);
    check_tls(c, out, jn_yaml_get(jn_yaml_get(root, "sip"), "tls"));
    check_sounds(c, out, jn_yaml_get(root, "sounds"));
    jn_check_origins(c, out, jn_yaml_get(jn_yaml_get(root, "api"), "origins"));
    check_paths(c, out, root);
    jn_config_interfaces(c, out, jn_yaml_get(root, "media"));
    check_together(c, out, root);
    jn_config_codecs(c, &out->codecs, jn_yaml_get(root, "media")); /* before browsers, whom its suites must suit */
    jn_config_media(c, out, root);
}

int jn_config_read(struct jn_buf *out, const char *path, struct jn_problems *p)
{
    FILE *f = fopen(path, "re");
    char part[65536];
    size_t n;
    bool bad;

    if (!f) {
        jn_problem(p, path, 0, NULL, "cannot be opened: %s", strerror(errno));
        return -EINVAL;
    }
    out->max = (size_t)JN_YAML_BYTES + 1;
    jn_buf_add(out, "", 0);
    while ((n = fread(part, 1, sizeof part, f)) > 0 && !out->failed)
        jn_buf_add(out, part, n);
    bad = ferror(f) || out->failed;
    if (bad)
        jn_problem(p, path, 0, NULL, "cannot be read: %s", out->failed ? "too large" : strerror(errno));
    fclose(f);
    explicit_bzero(part, sizeof part);
    return bad ? -EINVAL : 0;
}

int jn_config_parse(struct jn_config *c, const char *path, const char *text, size_t n, struct jn_problems *p)
{
    struct jn_check check = {.file = path, .problems = p};
    unsigned before = p->count;
    struct jn_yaml *root = jn_yaml_parse(path, text, n, p);

    *c = defaults;
    if (root)
        check_machine(&check, c, root);
    else
        c->centre[0] = 0; /* nobody knows which centre was meant */
    jn_yaml_free(root);
    return p->count == before ? 0 : -EINVAL;
}

int jn_config_load(struct jn_config *c, const char *path, struct jn_problems *p)
{
    struct jn_buf text = {0};
    int rc = jn_config_read(&text, path, p);

    if (!rc)
        rc = jn_config_parse(c, path, text.data ? text.data : "", text.len, p);
    jn_buf_free(&text);
    return rc;
}
