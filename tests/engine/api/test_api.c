/* Api over real sockets: who may do what, what is refused and how, and that answers are those of the view. */
#include "tests/engine/api/fixture.h"

TestSuite(api, .init = start_api, .fini = stop_api, .timeout = 60);

Test(api, sign_of_life_needs_no_login)
{
    expect(get(T.port, "/healthz", NULL), 200, "{\"ok\":true");
}

Test(api, login_gives_a_token_that_works)
{
    struct reply r =
        post(T.port, "/api/v1/login", NULL, "{\"tenant\":\"acme\",\"name\":\"ann\",\"password\":\"secret\"}");
    cr_assert_eq(r.status, 200, "%s", r.text);
    char token[JN_TOKEN_MAX];
    jn_copy_n(token, sizeof token, strstr(r.body, "\"token\":\"") + 9, 88);
    done(&r);
    expect(get(T.port, "/api/v1/agents/me", token), 200, "\"name\":\"ann\"");
    expect(post(T.port, "/api/v1/logout", token, NULL), 200, "{}");
    expect(get(T.port, "/api/v1/agents/me", token), 401, "\"code\":\"unauthorized\"");
}

Test(api, wrong_and_unknown_logins_look_alike_and_are_throttled)
{
    for (int i = 0; i < 5; i++)
        expect(post(T.port, "/api/v1/login", NULL, "{\"tenant\":\"acme\",\"name\":\"nobody\",\"password\":\"x\"}"), 401,
               "tenant, name or password is wrong");
    expect(post(T.port, "/api/v1/login", NULL, "{\"tenant\":\"acme\",\"name\":\"ann\",\"password\":\"x\"}"), 401,
           "tenant, name or password is wrong");
    cr_assert_eq(T.asks[JN_ASK_HASH], 6, "an unknown name costs a hash too");
    expect(post(T.port, "/api/v1/login", NULL, "{\"tenant\":\"acme\",\"name\":\"nobody\",\"password\":\"x\"}"), 429,
           "etry-after");
    expect(post(T.port, "/api/v1/login", NULL, "{\"tenant\":\"acme\",\"name\":\"ann\",\"password\":\"secret\"}"), 200,
           "\"token\"");
}

Test(api, tampered_tokens_are_refused)
{
    for (int i = 0; i < 88; i++) {
        char token[JN_TOKEN_MAX];
        strcpy(token, T.sue_t);
        token[i] = token[i] == 'A' ? 'B' : 'A';
        if (!(i % 8))
            expect(get(T.port, "/api/v1/live", token), 401, "unauthorized");
        struct jn_claims c;
        struct jn_api_config config = test_config();
        cr_assert_neq(jn_token_verify(&c, config.secret, JN_TOKEN_AGENT, token, 0), 0, "character %d", i);
    }
    expect(get(T.port, "/api/v1/live", T.sue_t), 200, "\"queues\"");
    expect(get(T.port, "/api/v1/live", NULL), 401, "unauthorized");
}

Test(api, roles_are_kept_apart)
{
    const char *supervisors[] = {"/api/v1/agents", "/api/v1/live", "/api/v1/report", "/api/v1/recordings"};
    for (int i = 0; i < 4; i++) {
        expect(get(T.port, supervisors[i], T.ann_t), 403, "forbidden");
        expect(get(T.port, supervisors[i], T.sue_t), 200, "");
    }
    expect(post(T.port, "/api/v1/drain", T.sue_t, "{}"), 403, "for administrators");
    expect(post(T.port, "/api/v1/drain", T.adam_t, "{}"), 403, "installation's token");
    expect(post(T.port, "/api/v1/drain", T.root_t, "{}"), 200, "");
    expect(get(T.port, "/healthz", NULL), 200, "\"draining\":true");
}

Test(api, another_tenants_things_do_not_exist)
{
    char path[100], id[JN_ID_TEXT_MAX];
    ix_row(77, JN_CMD_CONNECT, T.acme, T.sales, T.ann, JN_CH_CHAT, JN_IX_CONNECTED);
    settle_mail();
    snprintf(path, sizeof path, "/api/v1/interactions/%s", jn_id_text(77, id));
    expect(get(T.port, path, T.sue_t), 200, "\"agent\":\"ann\"");
    expect(get(T.port, path, T.ann_t), 200, "\"queue\":\"sales\"");
    expect(get(T.port, path, T.bob_t), 404, "not_found");
    expect(get(T.port, path, T.zoe_t), 404, "not_found");
    expect(get(T.port, path, T.root_t), 200, "\"tenant\":\"acme\"");
    const char *verbs[] = {"accept", "refuse", "end", "hold", "resume", "wrap-done"};
    for (int i = 0; i < 6; i++) {
        snprintf(path, sizeof path, "/api/v1/interactions/%s/%s", id, verbs[i]);
        expect(post(T.port, path, T.zoe_t, NULL), 404, "not_found");
        expect(post(T.port, path, T.bob_t, NULL), 404, "not_found");
    }
    cr_assert_eq(event_count(), 0, "nothing reached the router");
    struct reply r = get(T.port, "/api/v1/queues", T.zoe_t);
    cr_assert(has(&r, "\"foreign\"") && !has(&r, "\"sales\""), "%s", r.text);
    done(&r);
}

Test(api, agents_act_on_their_own_interactions)
{
    char path[100], id[JN_ID_TEXT_MAX];
    ix_row(78, JN_CMD_OFFER, T.acme, T.sales, T.ann, JN_CH_CHAT, JN_IX_OFFERED);
    settle_mail();
    snprintf(path, sizeof path, "/api/v1/interactions/%s/accept", jn_id_text(78, id));
    expect(post(T.port, path, T.ann_t, NULL), 200, "\"state\":\"offered\"");
    struct jn_event ev = last_event();
    cr_assert_eq(ev.kind, JN_EV_ACCEPT);
    cr_assert(ev.ix.ix == 78 && ev.ix.agent == T.ann && ev.tenant == T.acme && ev.maker == JN_MAKER_API);
    expect(post(T.port, path, T.sue_t, NULL), 404, "not_found");
    snprintf(path, sizeof path, "/api/v1/interactions/%s/end", id);
    expect(post(T.port, path, T.sue_t, NULL), 200, "");
    cr_assert_eq(last_event().kind, JN_EV_END);
    snprintf(path, sizeof path, "/api/v1/interactions/%s/requeue", id);
    expect(post(T.port, path, T.ann_t, "{\"queue\":\"foreign\"}"), 422, "\"field\":\"queue\"");
    expect(post(T.port, path, T.ann_t, "{\"queue\":\"help\"}"), 200, "");
    cr_assert_eq(last_event().ix.queue, T.help);
}

Test(api, calls_are_taken_by_phone_and_controlled_by_signalling)
{
    char path[100], id[JN_ID_TEXT_MAX];
    ix_row(79, JN_CMD_CONNECT, T.acme, T.sales, T.ann, JN_CH_VOICE, JN_IX_CONNECTED);
    settle_mail();
    snprintf(path, sizeof path, "/api/v1/interactions/%s/accept", jn_id_text(79, id));
    expect(post(T.port, path, T.ann_t, NULL), 409, "on the phone");
    snprintf(path, sizeof path, "/api/v1/calls/%s/hold", id);
    expect(post(T.port, path, T.ann_t, NULL), 200, "");
    expect(post(T.port, path, T.bob_t, NULL), 404, "");
    snprintf(path, sizeof path, "/api/v1/calls/%s/hangup", id);
    expect(post(T.port, path, T.sue_t, NULL), 200, "");
    cr_assert_eq(T.asks[JN_ASK_CONTROL], 2);
}

Test(api, the_routers_refusals_become_answers)
{
    T.refuse_why = JN_WHY_BAD_STATE;
    expect(post(T.port, "/api/v1/agents/me/ready", T.ann_t, NULL), 409, "bad_state");
    T.refuse_why = JN_WHY_UNKNOWN_ID;
    expect(post(T.port, "/api/v1/agents/me/ready", T.ann_t, NULL), 404, "unknown_id");
    T.refuse_why = 0;
    expect(post(T.port, "/api/v1/agents/me/not-ready", T.ann_t, "{\"reason\":\"lunch\"}"), 200, "\"name\":\"ann\"");
    cr_assert_str_eq(last_event().who.reason, "lunch");
    T.event_rc = -EAGAIN;
    expect(post(T.port, "/api/v1/agents/me/ready", T.ann_t, NULL), 503, "\"code\":\"busy\"");
    T.event_rc = 0;
    T.ask_rc = -EAGAIN;
    expect(get(T.port, "/api/v1/report", T.sue_t), 503, "\"code\":\"busy\"");
}

Test(api, an_answer_shows_what_the_event_changed_though_the_row_comes_behind)
{
    T.silent = true;
    int fd = dial(T.port);
    ask(fd, "POST", "/api/v1/agents/me/ready", T.ann_t, NULL, "", 0);
    for (int i = 0; i < 100 && !event_count(); i++)
        usleep(10000);
    struct jn_command row = {.kind = JN_CMD_AGENT};
    row.agent_row = (struct jn_agent_row){.id = T.ann, .tenant = T.acme, .state = JN_AGENT_READY};
    pthread_mutex_lock(&T.lock);
    push(&(struct jn_command){.kind = JN_CMD_DONE, .token = T.event[0].token, .maker = JN_MAKER_API}, NULL);
    push(&row, NULL);
    pthread_mutex_unlock(&T.lock);
    jn_waker_wake(&T.waker);
    expect(answer(fd, 2000), 200, "\"state\":\"ready\"");
    close(fd);
}

Test(api, malformed_requests_get_their_status)
{
    char *big = malloc(70000), deep[200];
    memset(big, 'x', 70000);
    memset(deep, '[', sizeof deep);
    expect(get(T.port, "/nowhere", NULL), 404, "not_found");
    expect(get(T.port, "/api/v1/login", NULL), 405, "method_not_allowed");
    expect(call_typed(T.port, "DELETE", "/api/v1/agents", T.sue_t, NULL, NULL, 0), 405, "method_not_allowed");
    expect(post(T.port, "/api/v1/login", NULL, "{\"tenant\":"), 400, "bad_json");
    expect(post(T.port, "/api/v1/login", NULL, "[1]"), 400, "object");
    expect(post(T.port, "/api/v1/login", NULL, "{\"tenant\":\"a\",\"tenant\":\"b\"}"), 400, "duplicate");
    expect(post(T.port, "/api/v1/login", NULL, "{\"tenant\":\"\\u0000\"}"), 400, "bad_json");
    expect(post(T.port, "/api/v1/login", NULL, "{\"tenant\":\"\xff\"}"), 400, "bad_json");
    expect(call_typed(T.port, "POST", "/api/v1/login", NULL, "application/json", deep, sizeof deep), 400, "nested");
    expect(post(T.port, "/api/v1/login", NULL, "{\"tenant\":\"acme\"}"), 422, "\"field\":\"name\"");
    expect(post(T.port, "/api/v1/login", NULL, "{\"tenant\":5}"), 422, "\"field\":\"tenant\"");
    expect(post(T.port, "/api/v1/login", NULL, "{\"tennant\":\"acme\"}"), 422, "\"field\":\"tennant\"");
    expect(call_typed(T.port, "POST", "/api/v1/login", NULL, "application/json", big, 70000), 413, "too_large");
    expect(call_typed(T.port, "POST", "/api/v1/login", NULL, "text/html", "{}", 2), 415, "unsupported_media_type");
    expect(get(T.port, "/api/v1/interactions?limit=x", T.sue_t), 400, "\"field\":\"limit\"");
    expect(get(T.port, "/api/v1/interactions?limit=1&limit=2", T.sue_t), 400, "bad_request");
    expect(get(T.port, "/api/v1/interactions/short", T.sue_t), 404, "not_found");
    expect(get(T.port, "/metrics", NULL), 200, "junctor_api_refused_total{code=\"bad_json\"} 6");
    free(big);
}

Test(api, one_connection_serves_many_requests_even_after_a_refused_body)
{
    char *big = calloc(1, 70000);
    int fd = dial(T.port);
    for (int i = 0; i < 3; i++) {
        ask(fd, "GET", "/api/v1/agents/me", T.ann_t, NULL, NULL, 0);
        struct reply r = answer(fd, 2000);
        cr_assert_eq(r.status, 200, "round %d: %s", i, r.text);
        done(&r);
        ask(fd, "POST", "/api/v1/login", NULL, "application/json", big, 70000);
        r = answer(fd, 2000);
        cr_assert_eq(r.status, 413, "round %d: %s", i, r.text);
        done(&r);
    }
    close(fd);
    free(big);
}

Test(api, a_body_without_length_and_one_in_chunks_are_handled)
{
    int fd = dial(T.port);
    ask(fd, "POST", "/api/v1/agents/me/ready", T.ann_t, NULL, NULL, 0); /* no Content-Length: an empty body */
    struct reply r = answer(fd, 2000);
    cr_assert_eq(r.status, 200, "%s", r.text);
    done(&r);
    close(fd);
    fd = dial(T.port);
    const char *chunked = "POST /api/v1/login HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    say(fd, chunked, strlen(chunked));
    r = answer(fd, 2000);
    cr_assert_eq(r.status, 400, "%s", r.text);
    done(&r);
    close(fd);
}

static int big_wav(struct jn_ask *a)
{
    if (a->kind == JN_ASK_REC_WAV)
        for (int i = 0; i < 5000; i++)
            jn_buf_add(&a->answer, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 64);
    return 0;
}

Test(api, audio_comes_whole)
{
    T.on_ask = big_wav;
    char path[100], id[JN_ID_TEXT_MAX];
    snprintf(path, sizeof path, "/api/v1/recordings/%s/audio", jn_id_text(42, id));
    struct reply r = get(T.port, path, T.sue_t);
    cr_assert_eq(r.status, 200, "%s", r.text);
    cr_assert(has(&r, "audio/wav"));
    cr_assert_eq(r.body_len, 320000);
    for (size_t i = 0; i < r.body_len; i++)
        cr_assert_eq(r.body[i], "0123456789abcdef"[i % 16], "byte %zu", i);
    done(&r);
    cr_assert_eq(T.asks[JN_ASK_AUDIT], 1);
}

static int yaml_mistakes(struct jn_ask *a)
{
    if (a->kind != JN_ASK_APPLY)
        return 0;
    a->status = strstr(a->text.data, "bad") ? -EINVAL : 0;
    jn_buf_text(&a->answer, a->status ? "centre.yaml:4 x: bad\ncentre.yaml:9 y: \"z\"\n" : "{\"changes\":[]}");
    return 0;
}

Test(api, apply_tells_the_difference_or_every_mistake)
{
    T.on_ask = yaml_mistakes;
    expect(call_typed(T.port, "POST", "/api/v1/apply?dry_run=1", T.root_t, "application/yaml", "good", 4), 200,
           "{\"changes\":[]}");
    expect(call_typed(T.port, "POST", "/api/v1/apply", T.root_t, "text/yaml", "bad", 3), 422,
           "\"mistakes\":[\"centre.yaml:4 x: bad\",\"centre.yaml:9 y: \\\"z\\\"\"]");
    expect(call_typed(T.port, "POST", "/api/v1/apply", T.adam_t, "text/yaml", "good", 4), 403, "installation");
    expect(call_typed(T.port, "POST", "/api/v1/apply", T.root_t, "application/json", "{}", 2), 415, "yaml");
    char *big = malloc(1100000);
    memset(big, 'x', 1100000);
    expect(call_typed(T.port, "POST", "/api/v1/apply", T.root_t, "text/yaml", big, 1000000), 200, "");
    expect(call_typed(T.port, "POST", "/api/v1/apply", T.root_t, "text/yaml", big, 1100000), 413, "too_large");
    free(big);
}

Test(api, metrics_equal_the_view)
{
    struct jn_command c = {.kind = JN_CMD_QUEUE};
    c.queue_row = (struct jn_queue_row){.id = T.sales,
                                        .tenant = T.acme,
                                        .offered = 10,
                                        .answered = 5,
                                        .abandoned = 2,
                                        .rejected = 1,
                                        .lost = 1,
                                        .in_target = 4,
                                        .wait_sum_us = 2500000,
                                        .talk_sum_us = 60000000,
                                        .waiting = 1,
                                        .channel_mask = 3};
    command(&c);
    settle_mail();
    struct reply m = get(T.port, "/metrics", NULL), q = get(T.port, "/api/v1/queues", T.sue_t);
    static const char *const lines[] = {"offered_total",
                                        "10",
                                        "answered_total",
                                        "5",
                                        "abandoned_total",
                                        "2",
                                        "rejected_total",
                                        "1",
                                        "lost_total",
                                        "1",
                                        "open",
                                        "1",
                                        "in_target_total",
                                        "4",
                                        "wait_seconds_sum",
                                        "2.500000",
                                        "waiting",
                                        "1",
                                        "talk_seconds_sum",
                                        "60.000000"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i += 2) {
        char want[160];
        snprintf(want, sizeof want, "junctor_%s{tenant=\"acme\",queue=\"sales\",channel=\"voice+chat\"} %s\n", lines[i],
                 lines[i + 1]);
        cr_assert(has(&m, want), "no %s in %s", want, m.text);
    }
    cr_assert(has(&q, "\"offered\":10,\"answered\":5,\"abandoned\":2,\"rejected\":1,\"lost\":1,\"open\":1"), "%s",
              q.text);
    cr_assert(has(&q, "\"service_level\":0.5714") && has(&q, "\"asa_s\":0.5000") && has(&q, "\"aht_s\":12.0000"), "%s",
              q.text);
    done(&m);
    done(&q);
}
