/* API thread: libwebsockets' loop with act_message beside it, and the ports that both speak through. */
#include "engine/app/engine.h"
#include "engine/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int admit(void *arg)
{
    struct jn_engine *e = arg;

    if (atomic_load_explicit(&e->journal_failing, memory_order_relaxed) ||
        atomic_load_explicit(&e->messages_failing, memory_order_relaxed))
        return -EAGAIN;
    return jn_mailbox_reserve(&e->api_router);
}

static void release(void *arg)
{
    struct jn_engine *e = arg;

    jn_mailbox_unreserve(&e->api_router);
}

static int event(void *arg, const struct jn_event *ev, bool ending)
{
    struct jn_engine *e = arg;

    if (!ending)
        return jn_mailbox_send(&e->api_router, ev);
    jn_mailbox_send_reserved(&e->api_router, ev);
    return 0;
}

/* Where each question is answered. */
static struct jn_mailbox *place_of(struct jn_engine *e, uint8_t kind)
{
    switch (kind) {
    case JN_ASK_IX:
    case JN_ASK_SEGMENTS:
    case JN_ASK_LIST:
    case JN_ASK_REPORT:
    case JN_ASK_AUDIT:
    case JN_ASK_AUDIT_LIST:
        return &e->api_db;
    case JN_ASK_MSG_STORE:
    case JN_ASK_MSG_READ:
    case JN_ASK_MSG_ERASE:
        return &e->api_journal;
    case JN_ASK_CONTROL:
    case JN_ASK_MOVE:
    case JN_ASK_QUALITY:
    case JN_ASK_SUPERVISE:
        return &e->api_sip;
    default:
        return &e->api_main;
    }
}

static int ask(void *arg, struct jn_ask *a)
{
    struct jn_engine *e = arg;
    struct jn_note n = {.kind = JN_NOTE_ASK, .ptr = a};

    return jn_mailbox_send(place_of(e, a->kind), &n);
}

static void take_note(struct jn_engine *e, const struct jn_note *n)
{
    switch (n->kind) {
    case JN_NOTE_ANSWER:
        jn_api_answer(e->api, n->ptr);
        break;
    case JN_NOTE_PHONE:
        jn_api_phone(e->api, n->a, n->b != 0);
        break;
    case JN_NOTE_CALL: {
        const struct jn_call_row *row = n->ptr;
        jn_api_call(e->api, row->ix, row->caller, row->called);
        free(n->ptr);
        break;
    }
    case JN_NOTE_WATCH:
        jn_api_supervised(e->api, n->ptr);
        free(n->ptr);
        break;
    case JN_NOTE_TROUBLE:
        jn_api_trouble(e->api, n->ptr);
        free(n->ptr);
        break;
    case JN_NOTE_DIRECTORY:
        jn_api_directory(e->api, n->ptr);
        jn_act_message_change(e->message, n->ptr, n->rules);
        jn_directory_unref(n->ptr);
        if (n->rules)
            jn_rules_unref(n->rules);
        break;
    default:
        break;
    }
}

static void take_command(struct jn_engine *e, const struct jn_command *c)
{
    bool mine = (c->kind >= JN_CMD_QUEUED && c->kind <= JN_CMD_RECORD && c->row.channel == JN_CH_CHAT) ||
                c->kind == JN_CMD_REFUSED || c->kind == JN_CMD_DONE;

    jn_api_command(e->api, c);
    if (mine)
        jn_act_message_command(e->message, c);
}

static bool drain(void *arg)
{
    struct jn_engine *e = arg;
    struct jn_command c;
    struct jn_note n;
    struct jn_mailbox *notes[] = {&e->journal_api, &e->db_api, &e->main_api, &e->sip_api};
    bool some = false;

    for (int i = 0; i < 512 && jn_mailbox_recv(&e->router_api, &c, 1) == 1; i++, some = true)
        take_command(e, &c);
    for (unsigned k = 0; k < sizeof notes / sizeof *notes; k++)
        for (int i = 0; i < 256 && jn_mailbox_recv(notes[k], &n, 1) == 1; i++, some = true)
            take_note(e, &n);
    return some;
}

static void mail(void *arg)
{
    struct jn_engine *e = arg;

    jn_mail_until_quiet(&e->wake_api, drain, e);
}

static void known_conversation(void *arg, uint64_t ix, uint64_t tenant, uint32_t count, const void *note,
                               uint32_t note_len)
{
    struct jn_engine *e = arg;

    /* Those that ended are history: the database answers for them, and they take no place among the open ones. */
    if (jn_store_ix_state(e->store, ix) == JN_IX_DONE)
        return;
    jn_act_message_restore(e->message, ix, tenant, count, note, note_len);
}

int jn_engine_api_open(struct jn_engine *e, struct jn_err *err)
{
    const struct jn_config *c = &e->config;
    struct jn_api_config ac = {.port = c->api_port,
                               .token_life_s = c->token_life_s,
                               .max_connections = c->max_connections,
                               .max_chats = c->max_chats,
                               .max_calls = c->max_calls,
                               .boot = e->boot,
                               .version = JUNCTOR_VERSION};
    struct jn_api_sink sink = {.event = event,
                               .admit = admit,
                               .release = release,
                               .ask = ask,
                               .mail = mail,
                               .metrics = jn_engine_metrics,
                               .health = jn_engine_health,
                               .trunks = jn_engine_trunks,
                               .arg = e};
    struct jn_message_ports ports = {.event = event, .admit = admit, .release = release, .ask = ask, .arg = e};

    jn_copy(ac.host, sizeof ac.host, c->api_host);
    memcpy(ac.origin, c->origin, sizeof ac.origin);
    ac.n_origins = c->origins;
    for (unsigned i = 0; i < sizeof ac.secret; i++)
        ac.secret[i] = e->token_secret[i];
    int rc = jn_act_message_open(&e->message, &ac, e->directory, e->rules, &ports, err);
    if (rc < 0)
        return rc;
    rc = jn_api_open(&e->api, &ac, e->directory, &e->wake_api, &sink, err);
    if (rc < 0) {
        jn_act_message_close(e->message);
        return rc;
    }
    jn_act_message_attach(e->message, e->api);
    /* Before the API serves and the journal thread starts: the message log and the database are still ours to read. */
    return jn_message_log_conversations(e->messages, known_conversation, e);
}

void *jn_thread_api(void *engine)
{
    struct jn_engine *e = engine;

    pthread_setname_np(pthread_self(), "jn-api");
    mail(e);
    jn_api_run(e->api);
    return NULL;
}
