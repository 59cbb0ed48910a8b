/* Cmd load, options: read, and told again as JSON. */
#include "engine/app/cmd_load.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { TEXT, NUMBER, REAL, TIME, FLAG };
/* Where an option's value goes; secret ones are not told. */
struct known {
    const char *name;
    enum kind kind;
    void *to;
    uint64_t max;
    bool secret;
};

/* "500ms", "30s", "2m", a plain number: seconds. Milliseconds in out. */
static bool duration(const char *text, uint64_t max_ms, uint32_t *out)
{
    char *end;
    errno = 0;
    double v = strtod(text, &end);
    double unit = !strcmp(end, "ms") ? 1 : !strcmp(end, "m") ? 60000 : !*end || !strcmp(end, "s") ? 1000 : 0;
    if (end == text || errno || unit == 0 || !(v >= 0) || v * unit > (double)max_ms)
        return false;
    *out = (uint32_t)(v * unit + 0.5);
    return true;
}

static bool set(const struct known *k, const char *value)
{
    uint64_t n;
    char *end;
    switch (k->kind) {
    case FLAG:
        *(bool *)k->to = true;
        return true;
    case TEXT:
        *(const char **)k->to = value;
        return *value != 0;
    case TIME:
        return duration(value, k->max, k->to);
    case REAL:
        *(double *)k->to = strtod(value, &end);
        return end != value && !*end;
    case NUMBER:
        if (jn_parse_u64(value, k->max, &n) < 0)
            return false;
        *(uint32_t *)k->to = (uint32_t)n;
        return true;
    }
    return false;
}

/* What options write to before it is put where it belongs. */
struct given {
    uint32_t hold_ms, wait_ms, for_ms, sip_port, answer_port, prefix, seed, chat_every_ms, first_agent;
    const char *caller, *agent_user, *password, *tenant, *queue, *port, *device;
};

static size_t table(struct known out[static 64], struct jn_cmd_load *l, struct given *g)
{
    struct jn_load_plan *p = &l->plan;
    const struct known all[] = {
        {"to", TEXT, &l->to, 0, false},
        {"target", TEXT, &l->target, 0, false},
        {"domain", TEXT, &l->domain, 0, false},
        {"calls", NUMBER, &p->calls, 100000000, false},
        {"rate", REAL, &p->rate, 0, false},
        {"hold", TIME, &g->hold_ms, 86400000, false},
        {"wait", TIME, &g->wait_ms, 3600000, false},
        {"at-once", NUMBER, &l->at_once, 200000, false},
        {"caller", TEXT, &g->caller, 0, false},
        {"agents", NUMBER, &p->phones, 200000, false},
        {"agent-user", TEXT, &g->agent_user, 0, false},
        {"agent-name", TEXT, &l->agent_name, 0, false},
        {"first-agent", NUMBER, &g->first_agent, 100000000, false},
        {"password", TEXT, &g->password, 0, true},
        {"ready", FLAG, &l->ready, 0, false},
        {"answer", NUMBER, &l->answer, 200000, false},
        {"for", TIME, &g->for_ms, 86400000, false},
        {"sound", TEXT, &l->sound, 0, false},
        {"codec", TEXT, &l->codecs, 0, false},
        {"ptime", NUMBER, &p->load.media.ptime_ms, JN_LOAD_PTIME_MAX, false},
        {"srtp", TEXT, &l->srtp, 0, false},
        {"impair", TEXT, &l->impaired, 0, false},
        {"local", TEXT, &l->local, 0, false},
        {"sip-port", NUMBER, &g->sip_port, 65000, false},
        {"answer-port", NUMBER, &g->answer_port, 65000, false},
        {"media-ports", TEXT, &l->media_ports, 0, false},
        {"port", TEXT, &g->port, 0, false},
        {"device", TEXT, &g->device, 0, false},
        {"address", TEXT, &l->address, 0, false},
        {"prefix", NUMBER, &g->prefix, 31, false},
        {"gateway", TEXT, &l->gateway, 0, false},
        {"chats", NUMBER, &p->chat.chats, 10000000, false},
        {"chat-rate", REAL, &p->chat.rate, 0, false},
        {"chat-messages", NUMBER, &p->chat.messages, 64, false},
        {"chat-every", TIME, &g->chat_every_ms, 3600000, false},
        {"tenant", TEXT, &g->tenant, 0, false},
        {"queue", TEXT, &g->queue, 0, false},
        {"threads", NUMBER, &p->threads, JN_LOAD_THREADS, false},
        {"pin", FLAG, &p->pin, 0, false},
        {"repeat", NUMBER, &p->repeat, JN_LOAD_REPEATS, false},
        {"seed", NUMBER, &g->seed, UINT32_MAX, false},
        {"json", TEXT, &l->json, 0, false},
        {"max-loss", REAL, &l->limits.max_loss, 0, false},
        {"min-mos", REAL, &l->limits.min_mos, 0, false},
        {"max-delay", REAL, &l->limits.max_delay_ms, 0, false},
        {"max-failed", REAL, &l->limits.max_failed, 0, false},
        {"max-late", REAL, &l->limits.max_late_ms, 0, false},
        {"i-may-load-this-target", FLAG, &l->may, 0, false},
    };
    static_assert(sizeof all / sizeof *all <= 60, "room in out, and for the API's options");
    memcpy(out, all, sizeof all);
    return sizeof all / sizeof *all;
}

static int wrong(const char *text)
{
    fprintf(stderr, "junctor load: %s\ntry: junctor load --help\n", text);
    return 2;
}

static bool copied(char *to, size_t size, const char *from)
{
    return !from || jn_copy(to, size, from);
}

static int settle(struct jn_cmd_load *l, const struct given *g)
{
    struct jn_load_plan *p = &l->plan;
    const char *password = g->password ? g->password : getenv("JUNCTOR_LOAD_PASSWORD");
    l->over_dpdk = g->port && !strcmp(g->port, "dpdk");
    if (g->port && !l->over_dpdk && strcmp(g->port, "udp") != 0)
        return wrong("--port is udp or dpdk");
    if (l->over_dpdk && (!g->device || !l->address || !g->prefix))
        return wrong("--port dpdk needs --device, --address and --prefix");
    if (p->phones && l->answer)
        return wrong("either --agents, who register, or --answer");
    if (!p->calls && !p->phones && !l->answer && !p->chat.chats)
        return wrong("nothing to do: --calls, --agents, --answer or --chats");
    if (p->calls && !l->to)
        return wrong("--calls needs --to sip:NUMBER@HOST:PORT");
    if (p->phones && !l->to && !l->target)
        return wrong("--agents need --target HOST:PORT (or --to) to register at");
    if (p->phones && (!password || !*password))
        return wrong("--agents need --password, or $JUNCTOR_LOAD_PASSWORD");
    if ((p->chat.chats || l->ready) && !g->tenant)
        return wrong("--chats and --ready need --tenant");
    if (p->load.media.ptime_ms < 10 || p->load.media.ptime_ms % 10)
        return wrong("--ptime is 10, 20, 30, 40, 50 or 60");
    p->load.registers = p->phones > 0;
    p->phones += l->answer;
    p->load.hold_ms = g->hold_ms;
    p->load.give_up_ms = g->wait_ms;
    p->load.hold_joined = p->phones > 0;
    p->load.first_phone = g->first_agent;
    p->load.sip_port = (uint16_t)g->sip_port;
    p->load.answer_port = (uint16_t)g->answer_port;
    p->load.media.seed = g->seed;
    p->chat.seed = g->seed;
    p->chat.every_ms = g->chat_every_ms;
    p->for_s = (g->for_ms + 999) / 1000;
    p->callers = p->calls < l->at_once ? p->calls : l->at_once;
    l->dpdk.prefix = (uint8_t)g->prefix;
    p->repeat = p->repeat ? p->repeat : 1;
    p->threads = p->threads ? p->threads : 1;
    bool fits = copied(p->load.caller, sizeof p->load.caller, g->caller) &&
                copied(p->load.phone, sizeof p->load.phone, g->agent_user) &&
                copied(p->load.password, sizeof p->load.password, password) &&
                copied(p->chat.tenant, sizeof p->chat.tenant, g->tenant) &&
                copied(p->chat.queue, sizeof p->chat.queue, g->queue) &&
                copied(l->dpdk.device, sizeof l->dpdk.device, g->device);
    l->agent_name = l->agent_name ? l->agent_name : p->load.phone;
    return fits ? 0 : wrong("a name is too long");
}

int jn_cmd_load_options(struct jn_cmd_load *l, int argc, char *argv[])
{
    struct given g = {.hold_ms = 10000,
                      .wait_ms = 60000,
                      .seed = 1,
                      .chat_every_ms = 1000,
                      .first_agent = 1,
                      .caller = "c%d",
                      .agent_user = "a%d"};
    struct known known[64];
    struct option options[72] = {0};
    size_t n = table(known, l, &g);
    char text[200];
    l->limits = (struct jn_load_limits){-1, -1, 0, -1, 20};
    l->at_once = 10000;
    l->plan.rate = l->plan.chat.rate = 10;
    l->plan.chat.messages = 3;
    l->plan.load.media.ptime_ms = 20;
    for (size_t i = 0; i < n; i++)
        options[i] = (struct option){known[i].name, known[i].kind == FLAG ? no_argument : required_argument, NULL,
                                     (int)(1000 + i)};
    options[n] = (struct option){"api", required_argument, NULL, 'A'};
    options[n + 1] = (struct option){"data", required_argument, NULL, 'D'};
    options[n + 2] = (struct option){"help", no_argument, NULL, 'h'};
    for (int o; (o = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        bool mine = o >= 1000;
        if (mine && !set(&known[o - 1000], optarg)) {
            snprintf(text, sizeof text, "--%s cannot be \"%.100s\"", known[o - 1000].name, optarg ? optarg : "");
            return wrong(text);
        }
        if (!mine && !jn_cmd_api_option(&l->api, o, optarg))
            return fputs("try: junctor load --help\n", stderr), 2;
    }
    if (l->api.help)
        return -1;
    if (optind != argc) {
        snprintf(text, sizeof text, "what is \"%.100s\"?", argv[optind]);
        return wrong(text);
    }
    return settle(l, &g);
}

static void text_member(struct jn_buf *o, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    jn_buf_printf(o, ",\"%s\":", name);
    jn_buf_json(o, value, strlen(value));
}

void jn_cmd_load_configuration(struct jn_buf *o, const struct jn_cmd_load *l)
{
    const struct jn_load_plan *p = &l->plan;
    jn_buf_printf(o,
                  "{\"calls\":%u,\"rate\":%.6g,\"hold_ms\":%u,\"wait_ms\":%u,\"callers\":%u,\"phones\":%u,"
                  "\"registered\":%s,\"threads\":%u,\"pinned\":%s,\"repeat\":%u,\"port\":\"%s\",\"chats\":%u,"
                  "\"chat_rate\":%.6g,\"chat_messages\":%u,\"chat_every_ms\":%u,\"ptime_ms\":%u",
                  p->calls, p->rate, p->load.hold_ms, p->load.give_up_ms, p->callers, p->phones,
                  p->load.registers ? "true" : "false", p->threads, p->pin ? "true" : "false", p->repeat,
                  l->over_dpdk ? "dpdk" : "udp", p->chat.chats, p->chat.rate, p->chat.messages, p->chat.every_ms,
                  p->load.media.ptime_ms);
    text_member(o, "to", l->to);
    text_member(o, "target", l->target);
    text_member(o, "sound", l->sound ? l->sound : "built in");
    text_member(o, "codecs", l->codecs ? l->codecs : "pcmu,pcma");
    text_member(o, "srtp", l->srtp);
    text_member(o, "impair", l->impaired);
    text_member(o, "tenant", p->chat.tenant);
    text_member(o, "device", l->dpdk.device);
    jn_buf_text(o, "}");
}
