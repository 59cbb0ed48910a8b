/* Config difference: what a new centre changes, in words, for whoever is about to apply it. Secrets are named as
 * changed, never shown. */
#include "engine/app/config.h"

#include <stdio.h>
#include <string.h>

struct list {
    struct jn_buf *json;
    unsigned count;
    struct jn_buf what;   /* "queue acme/sales" of the thing looked at */
    struct jn_buf change; /* what changed in it, comma-separated */
};

static void give(struct list *l, const char *change)
{
    jn_buf_text(l->json, l->count++ ? ",{\"what\":" : "{\"what\":");
    jn_buf_json(l->json, l->what.data, l->what.len);
    jn_buf_text(l->json, ",\"change\":");
    jn_buf_json(l->json, change, strlen(change));
    jn_buf_text(l->json, "}");
}

static void begin(struct list *l, const char *kind, const struct jn_directory *d, uint64_t tenant, const char *name)
{
    const struct jn_dir_tenant *t = tenant ? jn_dir_tenant(d, tenant) : NULL;

    jn_buf_clear(&l->what);
    jn_buf_clear(&l->change);
    jn_buf_printf(&l->what, "%s %s%s%s", kind, t ? t->name : "", t ? "/" : "", name);
}

static void end(struct list *l)
{
    if (l->change.len)
        give(l, l->change.data);
}

static const char *comma(const struct list *l)
{
    return l->change.len ? ", " : "";
}

static void number(struct list *l, const char *name, uint64_t was, uint64_t is)
{
    if (was != is)
        jn_buf_printf(&l->change, "%s%s %llu -> %llu", comma(l), name, (unsigned long long)was, (unsigned long long)is);
}

static void duration(struct list *l, const char *name, uint32_t was, uint32_t is)
{
    if (was != is && was % 1000 == 0 && is % 1000 == 0)
        jn_buf_printf(&l->change, "%s%s %u s -> %u s", comma(l), name, was / 1000, is / 1000);
    else if (was != is)
        jn_buf_printf(&l->change, "%s%s %u ms -> %u ms", comma(l), name, was, is);
}

static void word(struct list *l, const char *name, const char *was, const char *is)
{
    if (strcmp(was, is))
        jn_buf_printf(&l->change, "%s%s \"%s\" -> \"%s\"", comma(l), name, was, is);
}

static void note(struct list *l, bool changed, const char *text)
{
    if (changed)
        jn_buf_printf(&l->change, "%s%s", comma(l), text);
}

static bool skills_differ(const struct jn_skill *a, unsigned na, const struct jn_skill *b, unsigned nb)
{
    struct jn_ev_agent x = {.skills = (uint8_t)na}, y = {.skills = (uint8_t)nb};

    memcpy(x.skill, a, na * sizeof *a);
    memcpy(y.skill, b, nb * sizeof *b);
    return !jn_dir_agent_same(&x, &y);
}

static void sounds(struct list *l, const char *name, const struct jn_say *was, const struct jn_say *is)
{
    bool same = was->n == is->n;

    for (unsigned i = 0; same && i < is->n; i++)
        same = !strcmp(was->sound[i], is->sound[i]);
    if (!same)
        jn_buf_printf(&l->change, "%s%s changed", comma(l), name);
}

static void tenants(struct list *l, const struct jn_directory *a, const struct jn_directory *b)
{
    for (uint32_t i = 0; i < b->n_tenants; i++) {
        const struct jn_dir_tenant *is = &b->tenants[i], *was = a ? jn_dir_tenant(a, is->id) : NULL;

        begin(l, "tenant", b, 0, is->name);
        if (!was) {
            give(l, "new");
            continue;
        }
        word(l, "domain", was->domain, is->domain);
        number(l, "weight", was->weight, is->weight);
        number(l, "keep_recordings (s)", was->keep_recordings_s, is->keep_recordings_s);
        sounds(l, "announce_agent", &was->announce, &is->announce);
        word(l, "caller_id", was->caller_id, is->caller_id);
        note(l, was->call_outs != is->call_outs || memcmp(was->call_out, is->call_out, sizeof is->call_out) != 0,
             "call_out changed");
        end(l);
    }
}

static void queue(struct list *l, const struct jn_dir_queue *was, const struct jn_dir_queue *is)
{
    static const char *const policy[JN_POLICY_N] = {"longest_idle", "best_skill"};
    const struct jn_ev_queue *x = &was->set, *y = &is->set;

    word(l, "number", was->number, is->number);
    duration(l, "target", x->target_ms, y->target_ms);
    duration(l, "offer_timeout", x->offer_timeout_ms, y->offer_timeout_ms);
    duration(l, "wrap_up", x->wrap_up_ms, y->wrap_up_ms);
    duration(l, "max_wait", x->max_wait_ms, y->max_wait_ms);
    number(l, "max_waiting", x->max_waiting, y->max_waiting);
    duration(l, "prefer", x->prefer_ms, y->prefer_ms);
    duration(l, "announce_every", x->announce_ms, y->announce_ms);
    number(l, "weight", x->weight, y->weight);
    number(l, "priority", x->priority, y->priority);
    word(l, "policy", policy[x->policy % JN_POLICY_N], policy[y->policy % JN_POLICY_N]);
    note(l, x->channel_mask != y->channel_mask, "channels changed");
    note(l, skills_differ(x->skill, x->skills, y->skill, y->skills), "skills changed");
    word(l, "greeting", was->greeting, is->greeting);
    word(l, "music", was->music, is->music);
    word(l, "no_agent", was->no_agent, is->no_agent);
    note(l, was->record != is->record, is->record ? "record on" : "record off");
    note(l, was->say_position != is->say_position, is->say_position ? "say_position on" : "say_position off");
    sounds(l, "announce_agent", &was->announce, &is->announce);
    word(l, "caller_id", was->caller_id, is->caller_id);
}

static void queues(struct list *l, const struct jn_directory *a, const struct jn_directory *b)
{
    for (uint32_t i = 0; i < b->n_queues; i++) {
        const struct jn_dir_queue *is = &b->queues[i], *was = a ? jn_dir_queue(a, is->set.id) : NULL;

        begin(l, "queue", b, is->tenant, is->name);
        if (!was) {
            give(l, "new");
            continue;
        }
        queue(l, was, is);
        end(l);
    }
}

static void agents(struct list *l, const struct jn_directory *a, const struct jn_directory *b)
{
    static const char *const role[JN_ROLE_N] = {"none", "agent", "supervisor", "administrator"};
    static const char *const answer[] = {"phone", "auto", "nailed"};

    for (uint32_t i = 0; i < b->n_agents; i++) {
        const struct jn_dir_agent *is = &b->agents[i], *was = a ? jn_dir_agent(a, is->set.id) : NULL;

        begin(l, "agent", b, is->tenant, is->name);
        if (!was) {
            give(l, "new");
            continue;
        }
        word(l, "display", was->display, is->display);
        word(l, "role", role[was->role % JN_ROLE_N], role[is->role % JN_ROLE_N]);
        note(l, strcmp(was->password, is->password) != 0, "password changed");
        word(l, "phone", was->sip_user, is->sip_user);
        note(l, strcmp(was->sip_ha1, is->sip_ha1) != 0, "phone secret changed");
        note(l, was->srtp != is->srtp, "phone srtp changed");
        note(l, skills_differ(was->set.skill, was->set.skills, is->set.skill, is->set.skills), "skills changed");
        note(l,
             was->set.n_serves != is->set.n_serves ||
                 memcmp(was->set.serves, is->set.serves, is->set.n_serves * sizeof is->set.serves[0]) != 0,
             "tenants that it serves changed");
        number(l, "voice capacity", was->set.capacity[JN_CH_VOICE], is->set.capacity[JN_CH_VOICE]);
        number(l, "chat capacity", was->set.capacity[JN_CH_CHAT], is->set.capacity[JN_CH_CHAT]);
        number(l, "max_no_answer", was->set.max_no_answer, is->set.max_no_answer);
        note(l, was->may_call_out != is->may_call_out, is->may_call_out ? "may_call_out on" : "may_call_out off");
        word(l, "answer", answer[was->answer % 3], answer[is->answer % 3]);
        word(l, "accept", was->accept ? "desk" : "auto", is->accept ? "desk" : "auto");
        end(l);
    }
}

static bool from_same(const struct jn_dir_trunk *a, const struct jn_dir_trunk *b)
{
    bool same = a->froms == b->froms;

    for (unsigned i = 0; same && i < a->froms; i++)
        same = a->from[i].bits == b->from[i].bits && jn_addr_same_ip(&a->from[i].net, &b->from[i].net);
    return same;
}

static bool to_same(const struct jn_dir_trunk *a, const struct jn_dir_trunk *b)
{
    bool same = a->tos == b->tos;

    for (unsigned i = 0; same && i < a->tos; i++)
        same = !strcmp(a->to[i].host, b->to[i].host) && a->to[i].port == b->to[i].port &&
               a->to[i].transport == b->to[i].transport;
    return same;
}

static bool next_on_same(const struct jn_dir_trunk *a, const struct jn_dir_trunk *b)
{
    bool same = a->next_ons == b->next_ons;

    for (unsigned i = 0; same && i < a->next_ons; i++)
        same = a->next_on[i].low == b->next_on[i].low && a->next_on[i].high == b->next_on[i].high;
    return same;
}

static void trunk(struct list *l, const struct jn_dir_trunk *was, const struct jn_dir_trunk *is)
{
    static const char *const srtp[] = {"off", "optional", "required", "dtls"};
    static const char *const dial[JN_DIAL_N] = {"e164", "international", "national", "plain"};

    note(l, !from_same(was, is), "from changed");
    note(l, !to_same(was, is), "to changed");
    word(l, "srtp", srtp[was->srtp % 4], srtp[is->srtp % 4]);
    word(l, "domain", was->domain, is->domain);
    word(l, "user", was->user, is->user);
    note(l, strcmp(was->secret, is->secret) != 0, "secret changed");
    word(l, "register user", was->reg_user, is->reg_user);
    duration(l, "register expires", was->reg_expires_s * 1000, is->reg_expires_s * 1000);
    word(l, "caller_id", was->caller_id, is->caller_id);
    number(l, "max_channels", was->max_channels, is->max_channels);
    number(l, "max_calls_per_s", was->max_calls_per_s, is->max_calls_per_s);
    duration(l, "probe", was->probe_s * 1000, is->probe_s * 1000);
    number(l, "probe_failures", was->probe_failures, is->probe_failures);
    note(l, !next_on_same(was, is), "next_on changed");
    note(l, was->follow != is->follow, is->follow ? "follow on" : "follow off");
    word(l, "country", was->country, is->country);
    word(l, "international", was->international, is->international);
    word(l, "national", was->national, is->national);
    word(l, "dial", dial[was->dial % JN_DIAL_N], dial[is->dial % JN_DIAL_N]);
    note(l, was->trusted != is->trusted, is->trusted ? "trusted on" : "trusted off");
    note(l, was->asserts != is->asserts, is->asserts ? "asserts on" : "asserts off");
}

/* Trunks are told apart by tenant and name, and there are few. */
static const struct jn_dir_trunk *trunk_named(const struct jn_directory *d, const struct jn_dir_trunk *like)
{
    for (uint32_t i = 0; d && i < d->n_trunks; i++)
        if (d->trunks[i].tenant == like->tenant && !strcmp(d->trunks[i].name, like->name))
            return &d->trunks[i];
    return NULL;
}

static void trunks(struct list *l, const struct jn_directory *a, const struct jn_directory *b)
{
    for (uint32_t i = 0; i < b->n_trunks; i++) {
        const struct jn_dir_trunk *is = &b->trunks[i], *was = trunk_named(a, is);

        begin(l, "trunk", b, is->tenant, is->name);
        if (!was) {
            give(l, "new");
            continue;
        }
        trunk(l, was, is);
        end(l);
    }
    for (uint32_t i = 0; a && i < a->n_trunks; i++) {
        begin(l, "trunk", a, a->trunks[i].tenant, a->trunks[i].name);
        if (!trunk_named(b, &a->trunks[i]))
            give(l, "removed");
    }
}

static const struct jn_dir_route *route_like(const struct jn_directory *d, const struct jn_dir_route *like)
{
    for (uint32_t i = 0; d && i < d->n_routes; i++)
        if (d->routes[i].tenant == like->tenant && !strcmp(d->routes[i].prefix, like->prefix))
            return &d->routes[i];
    return NULL;
}

static void routes(struct list *l, const struct jn_directory *a, const struct jn_directory *b)
{
    for (uint32_t i = 0; i < b->n_routes; i++) {
        const struct jn_dir_route *is = &b->routes[i], *was = route_like(a, is);
        bool same = was && was->vias == is->vias;

        for (unsigned k = 0; same && k < is->vias; k++)
            same = was->via[k].trunk == is->via[k].trunk && was->via[k].order == is->via[k].order &&
                   was->via[k].weight == is->via[k].weight;
        begin(l, "route", b, is->tenant, is->prefix);
        if (!same)
            give(l, was ? "trunks changed" : "new");
    }
    for (uint32_t i = 0; a && i < a->n_routes; i++) {
        begin(l, "route", a, a->routes[i].tenant, a->routes[i].prefix);
        if (!route_like(b, &a->routes[i]))
            give(l, "removed");
    }
}

static void numbers(struct list *l, const struct jn_directory *a, const struct jn_directory *b)
{
    static const char *const kinds[] = {"number", "number prefix", "number range"};
    char name[2 * JN_NUMBER_MAX + 2], text[2 * JN_NAME_MAX + 32];

    for (uint32_t i = 0; i < b->n_numbers; i++) {
        const struct jn_dir_number *is = &b->numbers[i], *was = a ? jn_dir_number_like(a, is) : NULL;

        snprintf(name, sizeof name, "%s%s%s", is->first, is->last[0] ? "-" : "", is->last);
        begin(l, kinds[is->kind % 3], b, is->tenant, name);
        if (was && (was->reach != is->reach || was->target != is->target)) {
            snprintf(text, sizeof text, "reaches %s -> %s", was->name, is->name);
            give(l, text);
        } else if (!was) {
            give(l, "new");
        }
    }
    for (uint32_t i = 0; a && i < a->n_numbers; i++) {
        const struct jn_dir_number *was = &a->numbers[i];

        snprintf(name, sizeof name, "%s%s%s", was->first, was->last[0] ? "-" : "", was->last);
        begin(l, kinds[was->kind % 3], a, was->tenant, name);
        if (!jn_dir_number_like(b, was))
            give(l, "removed");
    }
}

static uint64_t rule_key(const struct jn_dir_rule *r)
{
    char text[sizeof r->pattern + sizeof r->intent + sizeof r->label + sizeof r->language + 80];

    snprintf(text, sizeof text, "%s\n%s\n%s\n%s\n%d %u %llu", r->pattern, r->intent, r->label, r->language, r->weight,
             r->priority, (unsigned long long)r->queue);
    return jn_name_id(r->tenant, "rule", text);
}

/* Rules have no names: a tenant's are the same when they say the same in the same order. */
static void rules(struct list *l, const struct jn_directory *a, const struct jn_directory *b)
{
    for (uint32_t i = 0; i < b->n_tenants; i++) {
        uint64_t tenant = b->tenants[i].id, x = 0, y = 0;
        unsigned was = 0, is = 0;
        char text[80];

        for (uint32_t k = 0; a && k < a->n_rules; k++)
            if (a->rules[k].tenant == tenant)
                x = x * 31 + rule_key(&a->rules[k]), was++;
        for (uint32_t k = 0; k < b->n_rules; k++)
            if (b->rules[k].tenant == tenant)
                y = y * 31 + rule_key(&b->rules[k]), is++;
        begin(l, "rules", b, 0, b->tenants[i].name);
        if (was)
            snprintf(text, sizeof text, "changed: %u -> %u", was, is);
        else
            snprintf(text, sizeof text, "%u new", is);
        if (was != is || x != y)
            give(l, text);
    }
}

static bool go_same(const struct jn_flow_go *a, const struct jn_flow_go *b)
{
    bool same = a->go == b->go && a->target == b->target && a->priority == b->priority;

    return same && !skills_differ(a->skill, a->skills, b->skill, b->skills);
}

static void flow(struct list *l, const struct jn_directory *a, const struct jn_directory *b, const struct jn_flow *was,
                 const struct jn_flow *is)
{
    const struct jn_calendar *x = was->hours ? jn_dir_calendar(a, was->hours) : NULL,
                             *y = is->hours ? jn_dir_calendar(b, is->hours) : NULL;
    bool choices = was->keys != is->keys;

    word(l, "number", was->number, is->number);
    word(l, "hours", x ? x->name : "", y ? y->name : "");
    sounds(l, "closed.play", &was->closed, &is->closed);
    note(l, !go_same(&was->closed_go, &is->closed_go), "closed.go changed");
    sounds(l, "greeting", &was->greeting, &is->greeting);
    sounds(l, "notice.play", &was->notice.say, &is->notice.say);
    note(l, was->notice.record != is->notice.record, is->notice.record ? "notice.record after" : "notice.record with");
    note(l, was->notice.decline != is->notice.decline, "notice.decline changed");
    duration(l, "notice.wait", was->notice.wait_ms, is->notice.wait_ms);
    note(l, was->menu != is->menu, is->menu ? "menu on" : "menu off");
    sounds(l, "menu.play", &was->prompt, &is->prompt);
    sounds(l, "menu.wrong", &was->wrong, &is->wrong);
    duration(l, "menu.timeout", was->timeout_ms, is->timeout_ms);
    number(l, "menu.retries", was->retries, is->retries);
    for (unsigned i = 0; i < JN_FLOW_KEYS && !choices; i++)
        choices = is->keys & 1u << i && !go_same(&was->key[i], &is->key[i]);
    note(l, choices, "menu.choices changed");
    note(l, !go_same(&was->go, &is->go), "go changed");
}

static bool span_same(const struct jn_span *a, const struct jn_span *b)
{
    return a->from_min == b->from_min && a->to_min == b->to_min;
}

static void calendar(struct list *l, const struct jn_calendar *was, const struct jn_calendar *is)
{
    bool week = was->n_week == is->n_week, dates = was->n_dates == is->n_dates;

    word(l, "zone", jn_zone_name(was->zone), jn_zone_name(is->zone));
    for (unsigned i = 0; week && i < is->n_week; i++)
        week = was->week[i].day == is->week[i].day && span_same(&was->week[i].span, &is->week[i].span);
    note(l, !week, "week changed");
    for (unsigned i = 0; dates && i < is->n_dates; i++) {
        const struct jn_dates *x = &was->dates[i], *y = &is->dates[i];
        dates = x->first == y->first && x->last == y->last && x->spans == y->spans;
        for (unsigned k = 0; dates && k < y->spans; k++)
            dates = span_same(&x->span[k], &y->span[k]);
    }
    note(l, !dates, "dates changed");
}

static void flows(struct list *l, const struct jn_directory *a, const struct jn_directory *b)
{
    for (uint32_t i = 0; i < b->n_calendars; i++) {
        const struct jn_calendar *is = &b->calendars[i], *was = a ? jn_dir_calendar(a, is->id) : NULL;

        begin(l, "calendar", b, is->tenant, is->name);
        if (was)
            calendar(l, was, is);
        else
            give(l, "new");
        end(l);
    }
    for (uint32_t i = 0; i < b->n_flows; i++) {
        const struct jn_flow *is = &b->flows[i], *was = a ? jn_dir_flow(a, is->id) : NULL;

        begin(l, "flow", b, is->tenant, is->name);
        if (was)
            flow(l, a, b, was, is);
        else
            give(l, "new");
        end(l);
    }
}

static void removed_flows(struct list *l, const struct jn_directory *a, const struct jn_directory *b)
{
    for (uint32_t i = 0; i < a->n_flows; i++) {
        begin(l, "flow", a, a->flows[i].tenant, a->flows[i].name);
        if (!jn_dir_flow(b, a->flows[i].id))
            give(l, "removed");
    }
    for (uint32_t i = 0; i < a->n_calendars; i++) {
        begin(l, "calendar", a, a->calendars[i].tenant, a->calendars[i].name);
        if (!jn_dir_calendar(b, a->calendars[i].id))
            give(l, "removed");
    }
}

static void removed(struct list *l, const struct jn_directory *a, const struct jn_directory *b)
{
    for (uint32_t i = 0; i < a->n_agents; i++) {
        begin(l, "agent", a, a->agents[i].tenant, a->agents[i].name);
        if (!jn_dir_agent(b, a->agents[i].set.id))
            give(l, "removed");
    }
    for (uint32_t i = 0; i < a->n_queues; i++) {
        begin(l, "queue", a, a->queues[i].tenant, a->queues[i].name);
        if (!jn_dir_queue(b, a->queues[i].set.id))
            give(l, "removed: what waits in it is rejected");
    }
    for (uint32_t i = 0; i < a->n_tenants; i++) {
        begin(l, "tenant", a, 0, a->tenants[i].name);
        if (!jn_dir_tenant(b, a->tenants[i].id))
            give(l, "removed");
    }
}

void jn_centre_difference(const struct jn_directory *a, const struct jn_directory *b, struct jn_buf *json)
{
    struct list l = {.json = json};

    jn_buf_text(json, "{\"changes\":[");
    tenants(&l, a, b);
    queues(&l, a, b);
    agents(&l, a, b);
    trunks(&l, a, b);
    routes(&l, a, b);
    numbers(&l, a, b);
    rules(&l, a, b);
    flows(&l, a, b);
    if (a)
        removed(&l, a, b);
    if (a)
        removed_flows(&l, a, b);
    jn_buf_text(json, "]}");
    jn_buf_free(&l.what);
    jn_buf_free(&l.change);
}
