/* Act message over real sockets: nothing is acknowledged before it is durable, nothing acknowledged is lost, order and
 * tokens survive a restart, and each side sees only what is its own. */
#include "engine/act/act_message.h"
#include "engine/api/request.h"
#include "tests/engine/api/fixture.h"

enum { LOG_MAX = 300 };
static struct {
    struct jn_act_message *m;
    struct {
        uint64_t ix;
        uint32_t n;
        uint8_t from;
        char key[64], text[256];
    } log[LOG_MAX];
    unsigned logged;
    uint8_t note[128];
    uint32_t note_len;
    uint64_t note_ix;
    int fail;
    bool keep;
    struct jn_ask *kept;
    unsigned admitted, released;
} S;

static int admit(void *arg)
{
    (void)arg;
    S.admitted++;
    return 0;
}

static void release(void *arg)
{
    (void)arg;
    S.released++;
}

/* The message log: numbers in each conversation, keys remembered. Called under the fixture's lock. */
static void log_store(struct jn_ask *a)
{
    uint32_t n = 0;
    if (S.fail) {
        a->status = S.fail;
        return;
    }
    for (unsigned i = 0; i < S.logged; i++) {
        if (S.log[i].ix != a->id)
            continue;
        n = S.log[i].n;
        if (*a->key && !strcmp(a->key, S.log[i].key)) {
            a->duplicate = true;
            a->n = n;
            return;
        }
    }
    a->n = n + 1;
    a->at_us = 5000000 + S.logged;
    S.log[S.logged].ix = a->id;
    S.log[S.logged].n = a->n;
    S.log[S.logged].from = a->from;
    jn_copy(S.log[S.logged].key, 64, a->key);
    jn_copy(S.log[S.logged++].text, 256, a->text.data);
    if (a->note_len) {
        memcpy(S.note, a->note, a->note_len);
        S.note_len = a->note_len;
        S.note_ix = a->id;
    }
}

static int message_log(struct jn_ask *a)
{
    if (a->kind == JN_ASK_MSG_STORE) {
        log_store(a);
        if (S.keep) {
            S.kept = a;
            return 1;
        }
    } else if (a->kind == JN_ASK_MSG_READ) {
        unsigned shown = 0;
        jn_buf_text(&a->answer, "[");
        for (unsigned i = 0; i < S.logged; i++)
            if (S.log[i].ix == a->id && S.log[i].n > a->before) {
                jn_buf_text(&a->answer, shown++ ? "," : "");
                jn_api_message_json(&a->answer, S.log[i].n, 5000000 + i, S.log[i].from, S.log[i].text,
                                    strlen(S.log[i].text));
            }
        jn_buf_text(&a->answer, "]");
    }
    return 0;
}

static void on_mail(const struct jn_command *c)
{
    jn_act_message_command(S.m, c);
}

static void open_all(void)
{
    struct jn_err err = {""};
    struct jn_api_config c = test_config();
    struct jn_message_ports ports = {.event = sink_event, .admit = admit, .release = release, .ask = sink_ask};
    api_open(c);
    cr_assert_eq(jn_act_message_open(&S.m, &c, T.dir, NULL, &ports, &err), 0, "%s", err.text);
    jn_act_message_attach(S.m, T.api);
    T.on_ask = message_log;
    T.on_mail = on_mail;
}

static void start(void)
{
    open_all();
    api_go();
}

static void stop(void)
{
    api_halt();
    api_shut();
    jn_act_message_close(S.m);
}

static void start_with_rules(void)
{
    struct jn_dir_rule rules[2] = {{.tenant = jn_name_id(0, "tenant", "acme"),
                                    .pattern = "refund",
                                    .intent = "refund",
                                    .label = "money",
                                    .language = "en",
                                    .weight = 10,
                                    .priority = 8},
                                   {.tenant = jn_name_id(0, "tenant", "globex"), .pattern = "refund", .weight = 1}};
    struct jn_rule_fault fault;
    struct jn_rules *made;
    unsigned faults;
    rules[0].queue = jn_name_id(rules[0].tenant, "queue", "help");
    jn_copy(rules[1].intent, JN_NAME_MAX, "other");
    cr_assert_eq(jn_rules_compile(&made, rules, 2, &fault, 1, &faults), 0);
    open_all();
    jn_act_message_change(S.m, T.dir, made);
    jn_rules_unref(made);
    api_go();
}

TestSuite(act_message, .init = start, .fini = stop, .timeout = 60);

struct chat {
    char id[JN_ID_TEXT_MAX], token[JN_TOKEN_MAX], path[100];
    uint64_t ix;
};

static struct chat parse_chat(struct reply r)
{
    struct chat c = {.ix = 0};
    cr_assert_eq(r.status, 201, "%s", r.text);
    jn_copy_n(c.id, sizeof c.id, strstr(r.body, "\"id\":\"") + 6, 13);
    jn_copy_n(c.token, sizeof c.token, strstr(r.body, "\"token\":\"") + 9, 88);
    cr_assert_eq(jn_id_parse(&c.ix, c.id), 0);
    snprintf(c.path, sizeof c.path, "/api/v1/chat/%s/messages", c.id);
    done(&r);
    return c;
}

static struct chat new_chat(const char *json)
{
    return parse_chat(post(T.port, "/api/v1/chat", NULL, json));
}

static void chat_row(const struct chat *c, int kind, uint64_t agent, int state)
{
    ix_row(c->ix, kind, T.acme, T.sales, agent, JN_CH_CHAT, state);
    settle_mail();
}

#define OPEN "{\"tenant\":\"acme\",\"name\":\"Kim\",\"text\":\"hello\"}"

Test(act_message, nothing_is_acknowledged_before_it_is_durable)
{
    S.keep = true;
    int fd = dial(T.port);
    ask(fd, "POST", "/api/v1/chat", NULL, "application/json", OPEN, strlen(OPEN));
    struct reply r = answer(fd, 300);
    cr_assert_eq(r.status, 0, "answered early: %s", r.text);
    cr_assert_eq(event_count(), 0, "the router was told early");
    done(&r);
    pthread_mutex_lock(&T.lock);
    push(NULL, S.kept);
    pthread_mutex_unlock(&T.lock);
    jn_waker_wake(&T.waker);
    struct chat c = parse_chat(answer(fd, 2000));
    struct jn_event ev = last_event();
    cr_assert(ev.kind == JN_EV_ARRIVE && ev.arrive.ix == c.ix && ev.tenant == T.acme && ev.arrive.queue == T.sales &&
              ev.arrive.channel == JN_CH_CHAT);
    close(fd);
}

Test(act_message, what_cannot_be_stored_is_refused_and_leaves_nothing)
{
    S.fail = -ENOSPC;
    expect(post(T.port, "/api/v1/chat", NULL, OPEN), 503, "same key");
    cr_assert_eq(event_count(), 0);
    cr_assert(S.admitted == 1 && S.released == 1, "the kept place came back");
    cr_assert_eq(jn_act_message_open_chats(S.m), 0);
    S.fail = 0;
    T.ask_rc = -EAGAIN;
    expect(post(T.port, "/api/v1/chat", NULL, OPEN), 503, "busy");
    cr_assert(S.admitted == 2 && S.released == 2);
}

Test(act_message, an_acknowledged_chat_arrives_though_the_routers_mailbox_was_full)
{
    T.event_rc = -EAGAIN;
    struct chat c = new_chat(OPEN);
    cr_assert_eq(event_count(), 0);
    T.event_rc = 0;
    for (int i = 0; i < 100 && !event_count(); i++)
        usleep(20000);
    cr_assert_eq(event_count(), 1);
    cr_assert_eq(last_event().arrive.ix, c.ix);
}

Test(act_message, the_same_key_gives_the_same_answer_also_after_a_restart)
{
    const char *once = "{\"tenant\":\"acme\",\"text\":\"help me\",\"key\":\"0123456789abcdef\"}";
    struct chat a = new_chat(once), b = new_chat(once);
    cr_assert_str_eq(a.id, b.id);
    cr_assert_str_eq(a.token, b.token);
    cr_assert_eq(event_count(), 1, "one arrival");
    expect(post(T.port, "/api/v1/chat", NULL, "{\"tenant\":\"acme\",\"text\":\"other\",\"key\":\"0123456789abcdef\"}"),
           422, "\"field\":\"key\"");
    expect(post(T.port, "/api/v1/chat", NULL, "{\"tenant\":\"acme\",\"text\":\"x\",\"key\":\"short\"}"), 422, "random");
    expect(post(T.port, a.path, a.token, "{\"text\":\"two\",\"key\":\"fedcba9876543210\"}"), 201, "\"n\":2");
    expect(post(T.port, a.path, a.token, "{\"text\":\"two\",\"key\":\"fedcba9876543210\"}"), 201, "\"n\":2");
    stop();
    T.events = 0;
    T.first = NULL;
    open_all();
    jn_act_message_restore(S.m, S.note_ix, T.acme, 2, S.note, S.note_len);
    api_go();
    struct chat c = new_chat(once);
    cr_assert_str_eq(a.id, c.id);
    cr_assert_str_eq(a.token, c.token);
    for (int i = 0; i < 100 && !event_count(); i++)
        usleep(20000);
    struct jn_event ev = last_event();
    cr_assert(ev.kind == JN_EV_ARRIVE && ev.arrive.ix == a.ix && ev.arrive.queue == T.sales,
              "the router is told again");
    expect(get(T.port, a.path, a.token), 200, "\"text\":\"two\"");
    expect(post(T.port, a.path, a.token, "{\"text\":\"three\"}"), 201, "\"n\":3");
    /* The router knew it, and knew it as over. */
    struct jn_command over = {
        .kind = JN_CMD_REFUSED, .why = JN_WHY_DUPLICATE, .token = ev.token, .maker = JN_MAKER_API};
    command(&over);
    settle_mail();
    expect(post(T.port, a.path, a.token, "{\"text\":\"four\"}"), 409, "open a new one");
}

static void expect_heard(int fd, const char *a, const char *b)
{
    char *text = ws_hear(fd, 2000, NULL);
    cr_assert_not_null(text, "nothing came, wanted %s", a);
    cr_assert(strstr(text, a) && strstr(text, b), "%s, wanted %s %s", text, a, b);
    free(text);
}

Test(act_message, a_whole_conversation)
{
    char url[300], desk[100];
    int status;
    struct chat c = new_chat("{\"tenant\":\"acme\",\"queue\":\"help\",\"name\":\"Kim\",\"text\":\"one\"}");
    cr_assert_eq(last_event().arrive.queue, T.help);
    snprintf(url, sizeof url, "/api/v1/chat/%s/events?token=%s", c.id, c.token);
    snprintf(desk, sizeof desk, "/api/v1/interactions/%s/messages", c.id);
    int ws = ws_dial(T.port, url, NULL, &status);
    cr_assert_eq(status, 101);
    expect_heard(ws, "\"cursor\":1,\"type\":\"message\"", "\"text\":\"one\"");
    expect_heard(ws, "\"type\":\"state\"", "\"state\":\"queued\"");
    int ann = ws_dial(T.port, "/api/v1/events", T.ann_t, &status);
    cr_assert_eq(status, 101);
    expect_heard(ann, "\"type\":\"reset\"", "\"interactions\":[]");
    chat_row(&c, JN_CMD_OFFER, T.ann, JN_IX_OFFERED);
    expect_heard(ann, "\"type\":\"offer\"", "\"customer\":\"Kim\"");
    expect(post(T.port, desk, T.ann_t, "{\"text\":\"too soon\"}"), 409, "accept");
    chat_row(&c, JN_CMD_CONNECT, T.ann, JN_IX_CONNECTED);
    expect_heard(ann, "\"type\":\"connect\"", "\"agent\":\"ann\"");
    expect_heard(ws, "\"state\":\"queued\"", "");
    expect_heard(ws, "\"state\":\"connected\"", "\"agent\":\"ann\"");
    expect(post(T.port, desk, T.bob_t, "{\"text\":\"not mine\"}"), 404, "");
    expect(post(T.port, desk, T.ann_t, "{\"text\":\"two\"}"), 201, "\"n\":2");
    expect(post(T.port, c.path, c.token, "{\"text\":\"three\"}"), 201, "\"n\":3");
    expect_heard(ws, "\"from\":\"agent\"", "\"text\":\"two\"");
    expect_heard(ws, "\"cursor\":3", "\"text\":\"three\"");
    expect_heard(ann, "\"type\":\"message\"", "\"text\":\"two\"");
    expect_heard(ann, "\"type\":\"message\"", "\"text\":\"three\"");
    expect(get(T.port, desk, T.ann_t), 200, "\"text\":\"one\"");
    expect(get(T.port, desk, T.sue_t), 200, "\"text\":\"three\"");
    expect(get(T.port, desk, T.bob_t), 404, "");
    expect(get(T.port, desk, T.zoe_t), 404, "");
    close(ann); /* the desk goes away, the chat does not */
    expect(post(T.port, c.path, c.token, "{\"text\":\"four\"}"), 201, "\"n\":4");
    expect_heard(ws, "\"cursor\":4", "\"text\":\"four\"");
    close(ws);
    snprintf(url, sizeof url, "/api/v1/chat/%s/events?token=%s&cursor=2", c.id, c.token);
    ws = ws_dial(T.port, url, NULL, &status);
    expect_heard(ws, "\"cursor\":3", "three");
    expect_heard(ws, "\"cursor\":4", "four");
    expect_heard(ws, "\"state\"", "connected");
    snprintf(url, sizeof url, "/api/v1/chat/%s/end", c.id);
    expect(post(T.port, url, c.token, NULL), 200, "{}");
    cr_assert_eq(last_event().kind, JN_EV_CUSTOMER_LEFT);
    expect(post(T.port, c.path, c.token, "{\"text\":\"late\"}"), 409, "open a new one");
    chat_row(&c, JN_CMD_CLOSED, T.ann, JN_IX_WRAP_UP);
    expect_heard(ws, "\"state\":\"closed\"", "");
    int code;
    cr_assert_null(ws_hear(ws, 2000, &code));
    cr_assert_eq(code, 1000);
    cr_assert_eq(S.released, 0, "the kept place was used by the leaving");
    expect(post(T.port, desk, T.ann_t, "{\"text\":\"late\"}"), 409, "closed");
    close(ws);
}

Test(act_message, messages_keep_their_order)
{
    struct chat c = new_chat(OPEN);
    char url[300];
    int status, fd = dial(T.port);
    snprintf(url, sizeof url, "/api/v1/chat/%s/events?token=%s&cursor=1", c.id, c.token);
    int ws = ws_dial(T.port, url, NULL, &status);
    expect_heard(ws, "\"state\"", "queued");
    for (int i = 2; i < 50; i++) {
        char body[60], want[60];
        snprintf(body, sizeof body, "{\"text\":\"number %d\"}", i);
        snprintf(want, sizeof want, "\"n\":%d,", i);
        ask(fd, "POST", c.path, c.token, "application/json", body, strlen(body));
        struct reply r = answer(fd, 2000);
        cr_assert(r.status == 201 && has(&r, want), "%s", r.text);
        done(&r);
    }
    for (int i = 2; i < 50; i++) {
        char want[40], text[40];
        snprintf(want, sizeof want, "\"cursor\":%d,", i);
        snprintf(text, sizeof text, "number %d\"", i);
        expect_heard(ws, want, text);
    }
    close(ws);
    close(fd);
}

TestSuite(act_message_rules, .init = start_with_rules, .fini = stop, .timeout = 60);

Test(act_message_rules, the_verdict_decides_unless_the_customer_named_a_queue)
{
    char path[100];
    struct chat c = new_chat("{\"tenant\":\"acme\",\"text\":\"I want a refund now\"}");
    cr_assert_eq(last_event().arrive.queue, T.help);
    cr_assert_eq(last_event().arrive.priority, 8);
    chat_row(&c, JN_CMD_OFFER, T.ann, JN_IX_OFFERED);
    snprintf(path, sizeof path, "/api/v1/interactions/%s", c.id);
    expect(get(T.port, path, T.ann_t), 200,
           "\"customer\":null,\"intent\":\"refund\",\"language\":\"en\",\"labels\":[\"money\"],\"messages\":1");
    new_chat("{\"tenant\":\"acme\",\"queue\":\"sales\",\"text\":\"I want a refund now\"}");
    cr_assert_eq(last_event().arrive.queue, T.sales);
    new_chat("{\"tenant\":\"acme\",\"text\":\"nothing in particular\"}");
    cr_assert_eq(last_event().arrive.queue, T.sales, "the tenant's first for chats");
    cr_assert_eq(last_event().arrive.priority, 255);
}

Test(act_message, tokens_of_one_kind_or_chat_open_no_other)
{
    struct chat a = new_chat(OPEN), b = new_chat(OPEN);
    char url[300];
    int status;
    expect(post(T.port, a.path, b.token, "{\"text\":\"x\"}"), 404, "");
    expect(post(T.port, a.path, T.adam_t, "{\"text\":\"x\"}"), 401, "");
    expect(post(T.port, a.path, NULL, "{\"text\":\"x\"}"), 401, "");
    expect(get(T.port, "/api/v1/status", a.token), 401, "");
    snprintf(url, sizeof url, "/api/v1/chat/%s/events?token=%s", a.id, b.token);
    close(ws_dial(T.port, url, NULL, &status));
    cr_assert_eq(status, 401);
    close(ws_dial(T.port, "/api/v1/events", a.token, &status));
    cr_assert_eq(status, 401);
}

Test(act_message, bad_openings_are_told_what_is_wrong)
{
    expect(post(T.port, "/api/v1/chat", NULL, "{\"tenant\":\"nobody\",\"text\":\"x\"}"), 422, "\"field\":\"tenant\"");
    expect(post(T.port, "/api/v1/chat", NULL, "{\"tenant\":\"acme\",\"queue\":\"foreign\",\"text\":\"x\"}"), 422,
           "\"field\":\"queue\"");
    expect(post(T.port, "/api/v1/chat", NULL, "{\"tenant\":\"acme\",\"text\":\"\"}"), 422, "\"field\":\"text\"");
    expect(post(T.port, "/api/v1/drain", T.root_t, "{\"on\":true}"), 200, "");
    expect(post(T.port, "/api/v1/chat", NULL, OPEN), 503, "\"code\":\"draining\"");
}

Test(act_message, one_address_cannot_open_chats_without_end)
{
    int refused = 0;
    for (int i = 0; i < 70; i++) {
        int fd = dial_from(T.port, "127.0.0.2");
        cr_assert_geq(fd, 0);
        ask(fd, "POST", "/api/v1/chat", NULL, "application/json", OPEN, strlen(OPEN));
        struct reply r = answer(fd, 2000);
        refused += r.status == 429;
        cr_assert(r.status == 429 || r.status == 201, "%s", r.text);
        done(&r);
        close(fd);
    }
    cr_assert(refused >= 5 && refused <= 10, "%d of 70 refused", refused);
    new_chat(OPEN);
}

Test(act_message, the_table_is_bounded)
{
    for (int i = 0; i < 100; i++)
        new_chat(OPEN);
    expect(post(T.port, "/api/v1/chat", NULL, OPEN), 503, "too many chats");
    cr_assert_eq(S.released, 1);
    expect(get(T.port, "/metrics", NULL), 200, "\njunctor_chats_open 100\n");
}
