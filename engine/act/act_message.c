/* Act message: conversations between the router's commands and the customers: see act_message.h. The customer's routes,
 * the agents' and the event sockets have files of their own. */
#include "engine/act/act_message_private.h"
#include "engine/base/log.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int jn_act_message_open(struct jn_act_message **out, const struct jn_api_config *c, struct jn_directory *dir,
                        struct jn_rules *rules, const struct jn_message_ports *ports, struct jn_err *err)
{
    struct jn_act_message *m = calloc(1, sizeof *m);
    *out = NULL;
    if (!m)
        return jn_fail(err, -ENOMEM, "no memory for chats");
    m->config = *c;
    m->ports = *ports;
    m->dir = jn_directory_ref(dir);
    m->rules = rules ? jn_rules_ref(rules) : NULL;
    m->scratch = jn_scratch_new();
    m->chats = jn_chats_new(c->max_chats ? c->max_chats : 10000);
    jn_id_maker_init(&m->ids, c->boot, JN_MAKER_API);
    if (!m->scratch || !m->chats) {
        jn_act_message_close(m);
        return jn_fail(err, -ENOMEM, "no memory for chats");
    }
    *out = m;
    return 0;
}

static void free_watchers(void *arg, struct jn_chat *c)
{
    (void)arg;
    while (c->watchers) {
        struct jn_watcher *w = c->watchers;
        c->watchers = w->next;
        free(w);
    }
}

void jn_act_message_close(struct jn_act_message *m)
{
    if (!m)
        return;
    if (m->chats)
        jn_chats_each(m->chats, free_watchers, NULL);
    jn_chats_free(m->chats);
    jn_scratch_free(m->scratch);
    if (m->rules)
        jn_rules_unref(m->rules);
    jn_directory_unref(m->dir);
    explicit_bzero(m->config.secret, sizeof m->config.secret);
    free(m);
}

void jn_act_message_change(struct jn_act_message *m, struct jn_directory *dir, struct jn_rules *rules)
{
    struct jn_directory *old = m->dir;
    struct jn_rules *old_rules = m->rules;
    m->dir = jn_directory_ref(dir);
    m->rules = rules ? jn_rules_ref(rules) : NULL;
    jn_directory_unref(old);
    if (old_rules)
        jn_rules_unref(old_rules);
}

/* Both kinds of news that the router must get; what finds its mailbox full stays due and is tried again by the tick:
 * the customer was told that it is safe. */
void jn_chat_tell_router(struct jn_act_message *m, struct jn_chat *c)
{
    bool was_due = c->arrive_due || c->left_due;
    if (c->arrive_due) {
        struct jn_event ev = {.kind = JN_EV_ARRIVE, .tenant = c->tenant, .maker = JN_MAKER_API};
        ev.token = JN_CHAT_TOKEN | c->ix;
        ev.arrive.ix = c->ix;
        ev.arrive.queue = c->queue;
        ev.arrive.channel = JN_CH_CHAT;
        ev.arrive.priority = c->priority;
        c->arrive_due = m->ports.event(m->ports.arg, &ev, false) != 0;
        m->count.arrive_retries += c->arrive_due;
    }
    if (c->left_due && !c->arrive_due) {
        struct jn_event ev = {
            .kind = JN_EV_CUSTOMER_LEFT, .tenant = c->tenant, .maker = JN_MAKER_API, .why = JN_WHY_CUSTOMER};
        ev.ix.ix = c->ix;
        c->left_due = m->ports.event(m->ports.arg, &ev, c->kept) != 0;
        if (!c->left_due)
            c->kept = false; /* used */
    }
    bool is_due = c->arrive_due || c->left_due;
    if (is_due && !was_due)
        m->due++;
    else if (was_due && !is_due && m->due)
        m->due--;
}

void jn_chat_end(struct jn_act_message *m, struct jn_chat *c, uint8_t why)
{
    if (c->state == JN_CHAT_CLOSED)
        return;
    if ((c->arrive_due || c->left_due) && m->due)
        m->due--;
    c->arrive_due = c->left_due = false;
    if (c->kept)
        m->ports.release(m->ports.arg);
    c->kept = false;
    jn_chats_close(m->chats, c, why);
    jn_watch_state(m, c);
}

static void take_row(struct jn_act_message *m, struct jn_chat *c, const struct jn_ix_row *row)
{
    static const uint8_t states[JN_IX_STATE_N] = {
        [JN_IX_QUEUED] = JN_CHAT_QUEUED, [JN_IX_OFFERED] = JN_CHAT_OFFERED, [JN_IX_CONNECTED] = JN_CHAT_CONNECTED,
        [JN_IX_HELD] = JN_CHAT_HELD,     [JN_IX_WRAP_UP] = JN_CHAT_CLOSED,  [JN_IX_DONE] = JN_CHAT_CLOSED};
    uint8_t state = row->state < JN_IX_STATE_N ? states[row->state] : c->state;
    c->row_seen = true;
    if (c->state == JN_CHAT_CLOSED)
        return;
    if (state == JN_CHAT_CLOSED) {
        jn_chat_end(m, c, row->why);
        return;
    }
    bool changed = c->state != state || c->position != row->position || c->agent != row->agent;
    c->state = state;
    c->position = row->position;
    c->agent = state == JN_CHAT_QUEUED ? 0 : row->agent;
    c->queue = row->queue;
    if (changed)
        jn_watch_state(m, c);
}

void jn_act_message_command(struct jn_act_message *m, const struct jn_command *c)
{
    struct jn_chat *chat;
    switch (c->kind) {
    case JN_CMD_QUEUED:
    case JN_CMD_POSITION:
    case JN_CMD_OFFER:
    case JN_CMD_OFFER_CANCEL:
    case JN_CMD_CONNECT:
    case JN_CMD_HOLD:
    case JN_CMD_RESUME:
    case JN_CMD_CLOSED:
    case JN_CMD_RECORD:
        if (c->row.channel == JN_CH_CHAT && (chat = jn_chats_find(m->chats, c->row.id)))
            take_row(m, chat, &c->row);
        break;
    case JN_CMD_REFUSED:
        if (!(c->token & JN_CHAT_TOKEN) || !(chat = jn_chats_find(m->chats, c->token & ~JN_CHAT_TOKEN)))
            break;
        /* A duplicate that is open was spoken of before; one that nobody spoke of was over before the restart. */
        if (c->why != JN_WHY_DUPLICATE)
            jn_chat_end(m, chat, c->why);
        else if (!chat->row_seen)
            jn_chat_end(m, chat, JN_WHY_NONE);
        break;
    default:
        break;
    }
}

void jn_act_message_restore(struct jn_act_message *m, uint64_t ix, uint64_t tenant, uint32_t count, const void *note,
                            uint32_t note_len)
{
    struct jn_chat known = {0};
    if (jn_chat_note_decode(&known, note, note_len)) {
        m->count.note_bad++;
        jn_warn("chat", "a stored conversation has no readable routing note; it is not taken up again");
        return;
    }
    struct jn_chat *c = jn_chats_make(m->chats, ix, tenant, known.key_hash);
    if (!c) {
        m->count.store_failed++;
        jn_error("chat", "no room to take up a stored conversation again");
        return;
    }
    c->queue = known.queue;
    c->priority = known.priority;
    c->body_hash = known.body_hash;
    c->verdict = known.verdict;
    memcpy(c->name, known.name, sizeof c->name);
    c->last_n = count;
    c->state = JN_CHAT_ARRIVING;
    c->kept = !m->ports.admit(m->ports.arg);
    c->arrive_due = true; /* by the tick, when the router's first rows have come */
    m->due++;
    m->count.restored++;
}

static void retry(void *arg, struct jn_chat *c)
{
    if (c->arrive_due || c->left_due)
        jn_chat_tell_router(arg, c);
}

static void tick(void *arg, uint64_t now_us)
{
    struct jn_act_message *m = arg;
    (void)now_us;
    if (m->due)
        jn_chats_each(m->chats, retry, m);
}

static void add_text(struct jn_buf *out, const char *key, const char *text)
{
    jn_buf_printf(out, ",\"%s\":", key);
    if (*text)
        jn_buf_json(out, text, strlen(text));
    else
        jn_buf_text(out, "null");
}

static void describe(void *arg, uint64_t ix, struct jn_buf *out)
{
    const struct jn_act_message *m = arg;
    const struct jn_chat *c = jn_chats_find(m->chats, ix);
    if (!c)
        return;
    add_text(out, "customer", c->name);
    add_text(out, "intent", c->verdict.intent);
    add_text(out, "language", c->verdict.language);
    jn_buf_text(out, ",\"labels\":[");
    for (unsigned i = 0; i < c->verdict.labels; i++) {
        jn_buf_text(out, i ? "," : "");
        jn_buf_json(out, c->verdict.label[i], strlen(c->verdict.label[i]));
    }
    jn_buf_printf(out, "],\"messages\":%u", c->last_n);
}

static void metrics(void *arg, struct jn_buf *out)
{
    const struct jn_act_message *m = arg;
    const struct jn_chat_counters *n = &m->count;
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } all[] = {
        {"chats_open", "gauge", "Chats not closed.", jn_chats_open(m->chats)},
        {"chats_total", "counter", "Chats opened by customers.", n->chats},
        {"chats_restored_total", "counter", "Chats taken up again after a restart.", n->restored},
        {"chat_messages_in_total", "counter", "Messages of customers stored.", n->messages_in},
        {"chat_messages_out_total", "counter", "Messages of agents stored.", n->messages_out},
        {"chat_duplicates_total", "counter", "Messages that had come before.", n->duplicates},
        {"chat_store_failed_total", "counter", "Messages that could not be stored.", n->store_failed},
        {"chat_router_retries_total", "counter", "Arrivals that found the router's mailbox full.", n->arrive_retries},
        {"chat_limited_total", "counter", "Refused: too many from one address or chat.", n->limited},
        {"chat_note_bad_total", "counter", "Stored conversations without a readable note.", n->note_bad},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        jn_buf_printf(out, "# HELP junctor_%s %s\n# TYPE junctor_%s %s\njunctor_%s %llu\n", all[i].name, all[i].help,
                      all[i].name, all[i].type, all[i].name, (unsigned long long)all[i].value);
}

void jn_act_message_attach(struct jn_act_message *m, struct jn_api *api)
{
    m->api = api;
    jn_api_guest(api, &(struct jn_api_guest){.describe = describe, .tick = tick, .metrics = metrics, .arg = m});
    if (jn_chat_customer_routes(m, api) || jn_chat_desk_routes(m, api) || jn_chat_watch_routes(m, api))
        jn_error("chat", "the API has no room for the chat routes");
}

unsigned jn_act_message_open_chats(const struct jn_act_message *m)
{
    return jn_chats_open(m->chats);
}
