/* A caller's way through flows: what is said when, what digits and silence do, and that every way ends. */
#include "engine/base/rand.h"
#include "router/flow/walk.h"

#include <criterion/criterion.h>
#include <string.h>

static struct jn_say one(const char *name)
{
    struct jn_say s = {.n = 1};

    strcpy(s.sound[0], name);
    return s;
}

static struct jn_flow whole(void)
{
    struct jn_flow f = {.id = 1, .menu = true, .timeout_ms = 4000, .retries = 2};

    f.closed = one("closed");
    f.greeting = one("greeting");
    f.notice.say = one("notice");
    f.prompt = one("prompt");
    f.wrong = one("wrong");
    f.keys = 1u << 1 | 1u << 2 | 1u << 9 | 1u << 10;
    f.key[1] = (struct jn_flow_go){.go = JN_GO_QUEUE, .target = 11, .priority = 7};
    f.key[2] = (struct jn_flow_go){.go = JN_GO_FLOW, .target = 2};
    f.key[9] = (struct jn_flow_go){.go = JN_GO_HANGUP};
    f.key[10] = (struct jn_flow_go){.go = JN_GO_REPEAT};
    f.go = (struct jn_flow_go){.go = JN_GO_QUEUE, .target = 12};
    return f;
}

static void says(struct jn_walk_step s, const char *what)
{
    cr_assert_eq(s.what, JN_WALK_SAY, "%u", s.what);
    cr_assert_str_eq(s.say->sound[0], what);
}

/* To the menu's prompt. */
static void to_prompt(struct jn_walk *w, const struct jn_flow *f)
{
    says(jn_walk_enter(w, f, true), "greeting");
    struct jn_walk_step s = jn_walk_said(w, f);
    says(s, "notice");
    cr_assert(s.record, "recording begins with the notice");
    s = jn_walk_said(w, f);
    says(s, "prompt");
    cr_assert(s.noticed && !s.record);
}

Test(walk, a_digit_in_the_prompt_or_after_it)
{
    struct jn_flow f = whole();
    struct jn_walk w = {0};

    to_prompt(&w, &f);
    struct jn_walk_step s = jn_walk_digit(&w, &f, '1');
    cr_assert(s.what == JN_WALK_QUEUE && s.target == 11 && s.stop, "barge-in");
    cr_assert_eq(w.go.priority, 7);
    cr_assert_eq(jn_walk_digit(&w, &f, '1').what, JN_WALK_NOTHING, "it has left");
    cr_assert_eq(jn_walk_said(&w, &f).what, JN_WALK_NOTHING);
    cr_assert_eq(jn_walk_timeout(&w, &f).what, JN_WALK_NOTHING);
    w = (struct jn_walk){0};
    to_prompt(&w, &f);
    s = jn_walk_said(&w, &f);
    cr_assert(s.what == JN_WALK_WAIT && s.wait_ms == 4000);
    s = jn_walk_digit(&w, &f, '9');
    cr_assert(s.what == JN_WALK_END && s.why == JN_WHY_MENU);
}

Test(walk, what_is_pressed_before_the_question_is_no_answer)
{
    struct jn_flow f = whole();
    struct jn_walk w = {0};

    jn_walk_enter(&w, &f, true);
    cr_assert_eq(jn_walk_digit(&w, &f, '1').what, JN_WALK_NOTHING, "greeting");
    says(jn_walk_said(&w, &f), "notice");
    cr_assert_eq(jn_walk_digit(&w, &f, '1').what, JN_WALK_NOTHING, "a notice is heard to its end");
    cr_assert_not(w.declined);
}

Test(walk, tries_are_bounded_whatever_is_pressed)
{
    struct jn_flow f = whole();
    struct jn_walk w = {0};

    to_prompt(&w, &f);
    struct jn_walk_step s = jn_walk_digit(&w, &f, '7');
    says(s, "wrong");
    cr_assert(s.stop);
    says(jn_walk_said(&w, &f), "prompt");
    jn_walk_said(&w, &f);
    says(jn_walk_timeout(&w, &f), "prompt");
    jn_walk_said(&w, &f);
    s = jn_walk_timeout(&w, &f);
    cr_assert(s.what == JN_WALK_QUEUE && s.target == 12, "the third failure: where nothing was chosen");
    f.go = (struct jn_flow_go){.go = JN_GO_HANGUP};
    f.retries = 0;
    w = (struct jn_walk){0};
    to_prompt(&w, &f);
    s = jn_walk_digit(&w, &f, 'A');
    cr_assert(s.what == JN_WALK_END && s.why == JN_WHY_MENU);
}

Test(walk, repeats_are_bounded)
{
    struct jn_flow f = whole();
    struct jn_walk w = {0};

    to_prompt(&w, &f);
    for (unsigned i = 0; i < JN_WALK_REPEATS_MAX; i++)
        says(jn_walk_digit(&w, &f, '*'), "prompt");
    cr_assert_eq(jn_walk_digit(&w, &f, '*').what, JN_WALK_END);
}

Test(walk, closed_says_so_and_goes_where_it_shall)
{
    struct jn_flow f = whole();
    struct jn_walk w = {0};

    says(jn_walk_enter(&w, &f, false), "closed");
    cr_assert_eq(jn_walk_digit(&w, &f, '1').what, JN_WALK_NOTHING);
    struct jn_walk_step s = jn_walk_said(&w, &f);
    cr_assert(s.what == JN_WALK_END && s.why == JN_WHY_CLOSED);
    f.closed.n = 0;
    f.closed_go = (struct jn_flow_go){.go = JN_GO_QUEUE, .target = 13};
    w = (struct jn_walk){0};
    s = jn_walk_enter(&w, &f, false);
    cr_assert(s.what == JN_WALK_QUEUE && s.target == 13);
}

Test(walk, recording_may_be_declined)
{
    struct jn_flow f = whole();
    f.greeting.n = 0;
    f.notice.record = JN_NOTICE_AFTER;
    f.notice.decline = '1';
    f.notice.wait_ms = 3000;

    for (unsigned when = 0; when < 3; when++) { /* in the notice, after it, not at all */
        struct jn_walk w = {0};
        struct jn_walk_step s = jn_walk_enter(&w, &f, true);
        says(s, "notice");
        cr_assert_not(s.record, "nothing is recorded of who may still decline");
        if (when) {
            s = jn_walk_said(&w, &f);
            cr_assert(s.what == JN_WALK_WAIT && s.wait_ms == 3000 && s.noticed && !s.record);
        }
        cr_assert_eq(jn_walk_digit(&w, &f, '2').what, JN_WALK_NOTHING);
        s = when < 2 ? jn_walk_digit(&w, &f, '1') : jn_walk_timeout(&w, &f);
        says(s, "prompt");
        cr_assert_eq(w.declined, when < 2);
        cr_assert_eq(s.record, when == 2);
        cr_assert_eq(s.stop, when < 2);
    }
}

Test(walk, one_notice_a_call_and_flows_in_a_circle_end)
{
    struct jn_flow a = {.id = 1}, b = {.id = 2};
    struct jn_walk w = {0};

    a.notice.say = b.notice.say = one("notice");
    a.go = (struct jn_flow_go){.go = JN_GO_FLOW, .target = 2};
    b.go = (struct jn_flow_go){.go = JN_GO_FLOW, .target = 1};
    says(jn_walk_enter(&w, &a, true), "notice");
    struct jn_walk_step s = jn_walk_said(&w, &a);
    unsigned hops = 0;
    for (; s.what == JN_WALK_FLOW; hops++)
        s = jn_walk_enter(&w, s.target == 1 ? &a : &b, true);
    cr_assert_eq(s.what, JN_WALK_END);
    cr_assert_eq(hops, (unsigned)JN_WALK_FLOWS_MAX - 1);
}

Test(walk, whatever_happens_every_way_ends)
{
    static const char digits[] = "0123456789*#ABCD?";
    uint64_t seed = 5;
    unsigned ways[JN_WALK_STAGE_N] = {0}, ended = 0, queued = 0;

    for (unsigned run = 0; run < 20000; run++) {
        struct jn_flow f = whole();
        struct jn_walk w = {0};
        f.keys = (uint16_t)(jn_splitmix(&seed) & 0xfff);
        for (unsigned k = 0; k < JN_FLOW_KEYS; k++)
            f.key[k].go = (uint8_t)(jn_splitmix(&seed) % JN_GO_N);
        f.retries = (uint8_t)(jn_splitmix(&seed) % 10);
        f.menu = jn_splitmix(&seed) % 8 != 0;
        f.prompt.n = jn_splitmix(&seed) % 4 != 0;
        f.wrong.n = jn_splitmix(&seed) % 2;
        f.notice.decline = jn_splitmix(&seed) % 2 ? '1' : 0;
        f.notice.wait_ms = jn_splitmix(&seed) % 2 ? 100 : 0;
        f.go.go = (uint8_t)(jn_splitmix(&seed) % JN_GO_N);
        struct jn_walk_step s = jn_walk_enter(&w, &f, jn_splitmix(&seed) % 10 != 0);
        unsigned progress = 0, inputs = 0;
        while (w.stage != JN_WALK_LEFT || s.what == JN_WALK_FLOW) {
            cr_assert_lt(++inputs, 100000u);
            if (s.what != JN_WALK_NOTHING)
                cr_assert_lt(++progress, 2000u, "it does not end");
            ways[w.stage]++;
            if (s.what == JN_WALK_FLOW) {
                s = jn_walk_enter(&w, &f, true);
                continue;
            }
            bool waits = w.stage == JN_WALK_CHOICE || w.stage == JN_WALK_NOTICE_WAIT;
            s = jn_splitmix(&seed) % 2 ? jn_walk_digit(&w, &f, digits[jn_splitmix(&seed) % (sizeof digits - 1)])
                : waits                ? jn_walk_timeout(&w, &f)
                                       : jn_walk_said(&w, &f);
        }
        ended += s.what == JN_WALK_END;
        queued += s.what == JN_WALK_QUEUE;
        cr_assert_neq(s.what, JN_WALK_NOTHING);
    }
    for (unsigned i = JN_WALK_CLOSED; i < JN_WALK_LEFT; i++)
        cr_assert_gt(ways[i], 100u, "stage %u was not seen", i);
    cr_assert(ended > 100 && queued > 100);
}
