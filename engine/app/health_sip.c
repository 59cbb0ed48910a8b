/* Health of signalling: each trunk, and the sources that are banned. */
#include "engine/app/engine.h"
#include "engine/base/clock.h"

#include <string.h>

#define LOAD(x) ((unsigned long long)atomic_load_explicit(&(x), memory_order_relaxed))

static const char *const reg_names[] = {"off", "trying", "registered", "failed"};

static const char *state_of(const struct jn_sip_trunk_status *t)
{
    if (!LOAD(t->there))
        return "removed";
    if (!LOAD(t->up) && LOAD(t->down))
        return "down";
    if (LOAD(t->registered) == JN_SIP_REG_TRYING || LOAD(t->registered) == JN_SIP_REG_FAILED)
        return "unregistered";
    return LOAD(t->down) ? "degraded" : "up";
}

/* The text of a label: what would end it is escaped. */
static void label(struct jn_buf *out, const char *name, const char *text)
{
    jn_buf_printf(out, "%s=\"", name);
    for (; *text; text++)
        jn_buf_printf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    jn_buf_text(out, "\"");
}

static void family(const struct jn_engine *e, struct jn_buf *out, const char *name, const char *type, const char *help,
                   unsigned long long (*value)(const struct jn_sip_trunk_status *t))
{
    const struct jn_sip_trunk_status *t;

    jn_buf_printf(out, "# HELP junctor_trunk_%s %s\n# TYPE junctor_trunk_%s %s\n", name, help, name, type);
    for (unsigned i = 0; (t = jn_sip_trunk_status(e->sip, i)); i++) {
        if (!LOAD(t->there))
            continue;
        jn_buf_printf(out, "junctor_trunk_%s{", name);
        label(out, "tenant", t->tenant_name);
        label(out, ",trunk", t->name);
        jn_buf_printf(out, "} %llu\n", value(t));
    }
}

static unsigned long long up(const struct jn_sip_trunk_status *t)
{
    return (LOAD(t->up) > 0 || !LOAD(t->down)) && LOAD(t->registered) != JN_SIP_REG_FAILED &&
           LOAD(t->registered) != JN_SIP_REG_TRYING;
}
static unsigned long long registered(const struct jn_sip_trunk_status *t)
{
    return LOAD(t->registered) == JN_SIP_REG_ON;
}
static unsigned long long targets_down(const struct jn_sip_trunk_status *t)
{
    return LOAD(t->down);
}
static unsigned long long channels(const struct jn_sip_trunk_status *t)
{
    return LOAD(t->channels);
}
static unsigned long long calls_in(const struct jn_sip_trunk_status *t)
{
    return LOAD(t->calls_in);
}
static unsigned long long calls_out(const struct jn_sip_trunk_status *t)
{
    return LOAD(t->calls_out);
}
static unsigned long long failed(const struct jn_sip_trunk_status *t)
{
    return LOAD(t->failed);
}
static unsigned long long capped(const struct jn_sip_trunk_status *t)
{
    return LOAD(t->capped);
}
static unsigned long long next(const struct jn_sip_trunk_status *t)
{
    return LOAD(t->next);
}

void jn_engine_sip_metrics(const struct jn_engine *e, struct jn_buf *out)
{
    const struct jn_sip_counts *c = jn_sip_counts(e->sip);

    jn_buf_printf(out,
                  "# HELP junctor_sip_bans_total sources banned\n# TYPE junctor_sip_bans_total counter\n"
                  "junctor_sip_bans_total %llu\n"
                  "# HELP junctor_sip_banned sources that are dropped now\n# TYPE junctor_sip_banned gauge\n"
                  "junctor_sip_banned %llu\n"
                  "# HELP junctor_sip_socket_drops packets that the kernel dropped: banned sources, full buffers\n"
                  "# TYPE junctor_sip_socket_drops gauge\njunctor_sip_socket_drops %llu\n",
                  LOAD(c->bans), LOAD(c->banned), LOAD(c->socket_drops));
    family(e, out, "up", "gauge", "0 while no target answers or the registration is refused", up);
    family(e, out, "registered", "gauge", "1 while we are registered at the carrier", registered);
    family(e, out, "targets_down", "gauge", "targets that do not answer OPTIONS", targets_down);
    family(e, out, "channels", "gauge", "calls in any state", channels);
    family(e, out, "calls_in_total", "counter", "calls that came in", calls_in);
    family(e, out, "calls_out_total", "counter", "INVITEs that went out", calls_out);
    family(e, out, "failed_total", "counter", "INVITEs that were refused or not answered", failed);
    family(e, out, "capped_total", "counter", "calls beyond the trunk's bounds", capped);
    family(e, out, "next_total", "counter", "calls that went on to another way", next);
}

static void bans(const struct jn_engine *e, struct jn_buf *out)
{
    struct jn_sip_ban list[64];
    unsigned n = jn_sip_bans_list(e->sip, list, 64);
    uint64_t now = jn_mono_ns();
    char text[JN_ADDR_TEXT_MAX];

    jn_buf_text(out, ",\"bans\":[");
    for (unsigned i = 0; i < n; i++) {
        uint64_t left = list[i].until_ns > now ? (list[i].until_ns - now) / UINT64_C(1000000000) : 0;

        jn_buf_printf(out, "%s{\"source\":\"%s\",\"failures\":%u,\"proven\":%s,\"seconds_left\":%llu}", i ? "," : "",
                      jn_addr_ip_text(&list[i].source, text), list[i].failures, list[i].proven ? "true" : "false",
                      (unsigned long long)left);
    }
    jn_buf_text(out, "]");
}

void jn_engine_trunks(void *engine, uint64_t tenant, struct jn_buf *out)
{
    const struct jn_engine *e = engine;
    const struct jn_sip_trunk_status *t;
    bool some = false, ready = atomic_load_explicit(&e->sip_ready, memory_order_acquire);

    jn_buf_text(out, "\"trunks\":[");
    for (unsigned i = 0; ready && (t = jn_sip_trunk_status(e->sip, i)); i++) {
        if ((!LOAD(t->there) && !LOAD(t->channels)) || (tenant && t->tenant != tenant))
            continue;
        jn_buf_text(out, some ? ",{\"tenant\":" : "{\"tenant\":");
        jn_buf_json(out, t->tenant_name, strlen(t->tenant_name));
        jn_buf_text(out, ",\"name\":");
        jn_buf_json(out, t->name, strlen(t->name));
        jn_buf_printf(out,
                      ",\"state\":\"%s\",\"registration\":\"%s\",\"last_answer\":%llu,\"targets_up\":%llu,"
                      "\"targets_down\":%llu,\"channels\":%llu,\"calls_in\":%llu,\"calls_out\":%llu,\"failed\":%llu,"
                      "\"capped\":%llu,\"next\":%llu}",
                      state_of(t), reg_names[LOAD(t->registered) % 4], LOAD(t->last), LOAD(t->up), LOAD(t->down),
                      LOAD(t->channels), LOAD(t->calls_in), LOAD(t->calls_out), LOAD(t->failed), LOAD(t->capped),
                      LOAD(t->next));
        some = true;
    }
    jn_buf_text(out, "]");
    if (ready && !tenant)
        bans(e, out);
}
