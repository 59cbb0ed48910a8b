/* Chat: the table keeps its bound, closed conversations make room oldest first, and routing notes come back as they
 * were. */
#include "engine/channel/chat.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(chat, .timeout = 5);

Test(chat, holds_as_many_open_ones_as_it_says)
{
    struct jn_chats *t = jn_chats_new(3);
    for (uint64_t i = 1; i <= 3; i++)
        cr_assert_not_null(jn_chats_make(t, i, 9, 100 + i));
    cr_assert_null(jn_chats_make(t, 4, 9, 0));
    cr_assert_eq(jn_chats_open(t), 3);
    jn_chats_close(t, jn_chats_find(t, 2), JN_WHY_CUSTOMER);
    jn_chats_close(t, jn_chats_find(t, 2), JN_WHY_AGENT);
    cr_assert_eq(jn_chats_open(t), 2, "closing twice counts once");
    cr_assert_eq(jn_chats_find(t, 2)->why, JN_WHY_CUSTOMER);
    cr_assert_not_null(jn_chats_make(t, 4, 9, 0));
    jn_chats_free(t);
}

Test(chat, one_id_and_one_key_stand_once)
{
    struct jn_chats *t = jn_chats_new(8);
    cr_assert_not_null(jn_chats_make(t, 1, 9, 77));
    cr_assert_null(jn_chats_make(t, 1, 9, 0));
    cr_assert_null(jn_chats_make(t, 2, 9, 77));
    cr_assert_eq(jn_chats_find_key(t, 77)->ix, 1);
    jn_chats_drop(t, jn_chats_find(t, 1));
    cr_assert_null(jn_chats_find_key(t, 77));
    cr_assert_not_null(jn_chats_make(t, 2, 9, 77));
    jn_chats_free(t);
}

Test(chat, the_oldest_closed_one_that_nobody_listens_to_makes_room)
{
    struct jn_chats *t = jn_chats_new(2);
    int somebody;
    for (uint64_t i = 1; i <= 4; i++)
        jn_chats_close(t, jn_chats_make(t, i, 9, i), JN_WHY_AGENT);
    jn_chats_find(t, 1)->watchers = &somebody;
    cr_assert_not_null(jn_chats_make(t, 5, 9, 0));
    cr_assert_not_null(jn_chats_find(t, 1));
    cr_assert_null(jn_chats_find(t, 2));
    cr_assert_null(jn_chats_find_key(t, 2));
    jn_chats_close(t, jn_chats_find(t, 5), JN_WHY_AGENT);
    for (uint64_t i = 6; i < 200; i++) {
        cr_assert_not_null(jn_chats_make(t, i, 9, i), "%d", (int)i);
        jn_chats_close(t, jn_chats_find(t, i), JN_WHY_AGENT);
        cr_assert_not_null(jn_chats_find(t, 1));
    }
    cr_assert_null(jn_chats_find(t, 5));
    jn_chats_free(t);
}

static struct jn_chat example(void)
{
    struct jn_chat c = {.priority = 7, .queue = 0x1122334455667788, .key_hash = 5, .body_hash = UINT64_MAX};
    strcpy(c.name, "Zoë");
    strcpy(c.verdict.intent, "refund");
    strcpy(c.verdict.language, "de");
    strcpy(c.verdict.label[0], "vip");
    strcpy(c.verdict.label[1], "angry");
    c.verdict.labels = 2;
    return c;
}

Test(chat, a_note_comes_back_as_it_was)
{
    uint8_t note[JN_CHAT_NOTE_MAX];
    struct jn_chat c = example(), d = {.ix = 3};
    uint32_t n = jn_chat_note_encode(note, &c);
    cr_assert_eq(jn_chat_note_decode(&d, note, n), 0);
    cr_assert(d.priority == 7 && d.queue == c.queue && d.key_hash == 5 && d.body_hash == UINT64_MAX && d.ix == 3);
    cr_assert_str_eq(d.name, "Zoë");
    cr_assert_str_eq(d.verdict.intent, "refund");
    cr_assert_str_eq(d.verdict.language, "de");
    cr_assert_eq(d.verdict.labels, 2);
    cr_assert_str_eq(d.verdict.label[1], "angry");
}

Test(chat, the_longest_texts_fit_but_for_labels)
{
    uint8_t note[JN_CHAT_NOTE_MAX];
    struct jn_chat c = {.priority = 255}, d = {0};
    memset(c.name, 'n', sizeof c.name - 1);
    memset(c.verdict.intent, 'i', sizeof c.verdict.intent - 1);
    memset(c.verdict.language, 'l', sizeof c.verdict.language - 1);
    memset(c.verdict.label[0], 'x', JN_NAME_MAX - 1);
    c.verdict.labels = 1;
    uint32_t n = jn_chat_note_encode(note, &c);
    cr_assert_leq(n, JN_CHAT_NOTE_MAX);
    cr_assert_eq(jn_chat_note_decode(&d, note, n), 0);
    cr_assert_str_eq(d.name, c.name);
    cr_assert_str_eq(d.verdict.intent, c.verdict.intent);
    cr_assert_eq(d.verdict.labels, 0);
}

Test(chat, a_cut_or_foreign_note_is_refused_and_changes_nothing)
{
    uint8_t note[JN_CHAT_NOTE_MAX];
    struct jn_chat c = example(), d = {.ix = 3};
    uint32_t n = jn_chat_note_encode(note, &c), whole = 0;
    for (uint32_t i = 0; i < n; i++)
        whole += jn_chat_note_decode(&d, note, i) == 0;
    cr_assert_eq(whole, 2, "only whole labels may be missing, %u", whole);
    note[0] = 9;
    d = (struct jn_chat){.ix = 3};
    cr_assert_eq(jn_chat_note_decode(&d, note, n), -EBADMSG);
    cr_assert(d.queue == 0 && d.ix == 3);
}
