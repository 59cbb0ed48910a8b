/* Replay: a journal that a router wrote, over restarts and snapshots, gives the same again; anything else is named. */
#include "engine/store/replay.h"

#include "engine/base/log.h"
#include "engine/store/journal_check.h"
#include "router/core/router.h"
#include "router/journal/codec.h"
#include "tests/engine/store/fault_fs.h"
#include <criterion/criterion.h>

enum { AGENTS = 6, QUEUES = 3 };
static const struct jn_router_limits limits = {.agents = 8, .queues = 4, .tenants = 2, .interactions = 40};

struct life {
    struct jn_router *r;
    struct jn_journal *j;
    uint64_t seq, now, seed, offered[8];
    unsigned offers;
    bool live;
};
static struct life l;

static void on_command(void *arg, const struct jn_command *c)
{
    (void)arg;
    if (c->kind == JN_CMD_OFFER && l.live) {
        l.offered[l.offers++ % 8] = c->row.id;
    }
}

static uint64_t any(uint64_t n)
{
    return jn_splitmix(&l.seed) % n;
}

static void event(struct jn_event ev)
{
    uint8_t bytes[JN_EVENT_BYTES_MAX];

    l.now += any(400000);
    ev.seq = ++l.seq;
    ev.time_us = l.now;
    if (!ev.tenant)
        ev.tenant = 1;
    cr_assert_eq(jn_journal_append(l.j, ev.seq, ev.time_us, bytes, (uint32_t)jn_event_encode(bytes, &ev)), 0);
    jn_router_apply(l.r, &ev);
}

static void check(void)
{
    cr_assert_eq(jn_journal_check(l.j, l.seq, jn_router_command_hash(l.r), jn_router_state_hash(l.r)), 0);
    cr_assert_eq(jn_journal_commit(l.j), 0);
}

static void centre(void)
{
    event((struct jn_event){.kind = JN_EV_TENANT_PUT});
    for (uint64_t q = 1; q <= QUEUES; q++) {
        struct jn_event ev = {.kind = JN_EV_QUEUE_PUT};
        ev.queue = (struct jn_ev_queue){.id = 100 + q,
                                        .target_ms = 20000,
                                        .offer_timeout_ms = 3000,
                                        .wrap_up_ms = 1000,
                                        .max_wait_ms = 60000,
                                        .weight = 1,
                                        .channel_mask = 3};
        event(ev);
    }
    for (uint64_t a = 1; a <= AGENTS; a++) {
        struct jn_event ev = {.kind = JN_EV_AGENT_PUT};
        ev.agent = (struct jn_ev_agent){.id = 200 + a, .capacity = {1, 3}, .max_no_answer = 3};
        event(ev);
        event((struct jn_event){.kind = JN_EV_LOGIN, .who.agent = 200 + a});
        event((struct jn_event){.kind = JN_EV_READY, .who.agent = 200 + a});
    }
}

static void traffic(unsigned n)
{
    static uint64_t ix;

    while (n-- > 0) {
        struct jn_event ev = {.kind = JN_EV_TICK};
        uint64_t agent = 201 + any(AGENTS);
        switch (any(6)) {
        case 0:
        case 1:
            ev.kind = JN_EV_ARRIVE;
            ev.arrive = (struct jn_ev_arrive){
                .ix = ++ix, .queue = 101 + any(QUEUES), .channel = (uint8_t)any(2), .priority = 255};
            break;
        case 2:
            ev.kind = JN_EV_ACCEPT;
            ev.ix.ix = l.offered[any(8)];
            ev.ix.agent = agent;
            break;
        case 3:
            ev.kind = JN_EV_END;
            ev.why = JN_WHY_AGENT;
            ev.ix.ix = ix > 10 ? ix - any(10) : 1;
            break;
        case 4:
            ev.kind = any(2) ? JN_EV_READY : JN_EV_CUSTOMER_LEFT;
            if (ev.kind == JN_EV_READY)
                ev.who.agent = agent;
            else
                ev.ix.ix = ix > 10 ? ix - any(10) : 1;
            break;
        default:
            break;
        }
        event(ev);
        if (l.seq % 50 == 0)
            check();
    }
    check();
}

static void snapshot(void)
{
    struct jn_buf b = {0};

    cr_assert_eq(jn_router_save(l.r, &b), 0);
    cr_assert_eq(jn_snapshot_write("/d", l.seq, l.now, b.data, b.len, 2, 0, NULL), 0);
    jn_buf_free(&b);
}

static int again(void *arg, uint64_t seq, uint64_t time_us, const void *bytes, uint32_t n)
{
    struct jn_event ev;

    (void)arg;
    cr_assert_eq(jn_event_decode(&ev, bytes, n), 0);
    jn_router_apply(l.r, &ev);
    l.seq = seq;
    l.now = time_us;
    return 0;
}

/* As the daemon starts: newest snapshot, then the journal behind it. */
static void start(void)
{
    struct jn_buf b = {0};
    uint64_t seq = 0, at = 0;

    l.r = jn_router_new(&limits, on_command, NULL);
    l.live = false;
    cr_assert_eq(jn_journal_open(&l.j, "/d", false, NULL, NULL), 0);
    if (jn_snapshot_read("/d", UINT64_MAX, &seq, &at, &b, NULL) == 0)
        cr_assert_eq(jn_router_load(l.r, b.data, b.len, NULL), 0);
    l.seq = seq;
    l.now = at;
    cr_assert_eq(jn_journal_read(l.j, seq, again, NULL, NULL), 0);
    l.live = true;
    jn_buf_free(&b);
    cr_assert_eq(jn_journal_bounds(l.j, limits.agents, limits.queues, limits.tenants, limits.interactions), 0);
    event((struct jn_event){.kind = JN_EV_START, .maker = JN_MAKER_ROUTER});
}

static void stop(void)
{
    jn_journal_close(l.j);
    jn_router_free(l.r);
}

static void begin(void)
{
    jn_log_level_set(JN_LOG_ERROR);
    ff_start(1);
    l = (struct life){.seed = 4, .now = 1700000000000000};
}
TestSuite(replay, .init = begin, .timeout = 60);

static void three_runs(void)
{
    start();
    centre();
    traffic(700);
    snapshot();
    traffic(400);
    stop(); /* as a crash: the next one loads the snapshot and goes over 400 events again */
    start();
    traffic(300);
    snapshot();
    traffic(150);
    stop();
    start();
    traffic(120);
    stop();
}

Test(replay, commands_and_states_are_the_same_over_restarts_and_snapshots)
{
    struct jn_replay r;
    struct jn_err err = {0};

    three_runs();
    cr_assert_eq(jn_replay("/d", true, &r, NULL, NULL, &err), 0, "%s", err.text);
    cr_assert_eq(r.began_seq, 0);
    cr_assert_eq(r.events, l.seq);
    cr_assert_gt(r.command_checks, 30);
    cr_assert_eq(r.commands_unknown, 0, "every run's commands were compared");
    cr_assert_eq(r.snapshots, 2);
    cr_assert(r.bounds_known);
    cr_assert_eq(jn_replay("/d", false, &r, NULL, NULL, &err), 0, "%s", err.text);
    cr_assert_gt(r.began_seq, 0);
    cr_assert_eq(r.events, l.seq - r.began_seq);
    cr_assert_gt(r.command_checks, 5);
    cr_assert_gt(r.commands_unknown, 0, "the first run began before the snapshot");
    cr_assert_eq(r.snapshots, 1);
}

static void one_run_with(uint64_t wrong_commands, uint64_t wrong_state)
{
    start();
    centre();
    traffic(200);
    jn_journal_check(l.j, l.seq, jn_router_command_hash(l.r) ^ wrong_commands, jn_router_state_hash(l.r) ^ wrong_state);
    jn_journal_commit(l.j);
    stop();
}

Test(replay, the_first_difference_is_named_by_its_event)
{
    struct jn_replay r;
    struct jn_err err;

    one_run_with(1, 0);
    cr_assert_eq(jn_replay("/d", false, &r, NULL, NULL, &err), -EILSEQ);
    cr_assert_eq(r.differs_at, l.seq);
    cr_assert(strstr(err.text, "commands"), "%s", err.text);
    begin();
    one_run_with(0, 1);
    cr_assert_eq(jn_replay("/d", false, &r, NULL, NULL, &err), -EILSEQ);
    cr_assert_eq(r.differs_at, l.seq);
    cr_assert(strstr(err.text, "states"), "%s", err.text);
}

Test(replay, a_snapshot_that_the_events_do_not_lead_to_is_named)
{
    struct jn_replay r;
    struct jn_err err;
    struct jn_buf b = {0};

    start();
    centre();
    traffic(100);
    jn_router_save(l.r, &b);
    traffic(100);
    jn_snapshot_write("/d", l.seq, l.now, b.data, b.len, 2, 0, NULL);
    traffic(10);
    stop();
    jn_buf_free(&b);
    cr_assert_eq(jn_replay("/d", true, &r, NULL, NULL, &err), -EILSEQ);
    cr_assert(strstr(err.text, "snapshot"), "%s", err.text);
}

Test(replay, an_empty_or_missing_journal_says_so)
{
    struct jn_replay r;
    struct jn_err err;

    cr_assert_eq(jn_replay("/d", false, &r, NULL, NULL, &err), 0);
    cr_assert_eq(r.events, 0);
    jn_files = &jn_files_kernel;
    cr_assert_eq(jn_replay("/tmp/there-is-no-such-folder", false, &r, NULL, NULL, &err), -ENOENT);
}
