/* Message log: nothing acknowledged lost over crashes, nothing in clear on disk, erased is erased. */
#include "engine/store/message_log.h"

#include "engine/base/log.h"
#include "tests/engine/store/fault_fs.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint8_t master[32] = {1, 2, 3};

static void quiet(void)
{
    jn_log_level_set((enum jn_log_level) - 1);
    ff_start(1);
}
TestSuite(message_log, .init = quiet, .timeout = 60);

static struct jn_message_log *open_log(void)
{
    struct jn_message_log *l = NULL;
    struct jn_err err = {0};

    int rc = jn_message_log_open(&l, "/m", master, &err);
    cr_assert_eq(rc, 0, "%d %s", rc, err.text);
    return l;
}

static int say(struct jn_message_log *l, uint64_t ix, const char *key, const char *body, uint32_t *n)
{
    struct jn_message m = {.ix = ix, .tenant = 7, .at_us = 1000 + ix, .body = body, .len = (uint32_t)strlen(body)};

    snprintf(m.key, sizeof m.key, "%s", key);
    int rc = jn_message_log_append(l, &m);
    if (n)
        *n = m.n;
    return rc;
}

struct heard {
    uint32_t count;
    char last[256], last_key[64];
    bool wrong;
};

static void hear(void *arg, const struct jn_message *m)
{
    struct heard *h = arg;

    h->count++;
    snprintf(h->last, sizeof h->last, "%.*s", (int)m->len, m->body);
    snprintf(h->last_key, sizeof h->last_key, "%s", m->key);
    if (m->tenant != 7 || m->at_us != 1000 + m->ix)
        h->wrong = true;
}

Test(message_log, messages_come_back_in_order_after_a_reopen)
{
    struct jn_message_log *l = open_log();
    struct heard h = {0};
    uint32_t n;

    cr_assert_eq(say(l, 5, "a", "hello", &n), 0);
    cr_assert_eq(n, 1);
    cr_assert_eq(say(l, 5, "b", "where is my parcel", &n), 0);
    cr_assert_eq(n, 2);
    cr_assert_eq(jn_message_log_read(l, 5, 0, hear, &h), -ENOENT, "not before its commit");
    cr_assert_eq(jn_message_log_commit(l), 0);
    jn_message_log_close(l);
    l = open_log();
    cr_assert_eq(jn_message_log_read(l, 5, 1, hear, &h), 0);
    cr_assert(h.count == 1 && !h.wrong);
    cr_assert_str_eq(h.last, "where is my parcel");
    cr_assert_str_eq(h.last_key, "b");
    cr_assert_eq(jn_message_log_read(l, 6, 0, hear, &h), -ENOENT);
    jn_message_log_close(l);
}

Test(message_log, the_same_key_is_stored_once_also_after_a_restart)
{
    struct jn_message_log *l = open_log();
    uint32_t n;

    cr_assert_eq(say(l, 5, "k1", "one", &n), 0);
    cr_assert_eq(say(l, 5, "k1", "one", &n), -EEXIST);
    cr_assert_eq(n, 1);
    cr_assert_eq(say(l, 6, "k1", "another conversation", &n), 0);
    cr_assert_eq(say(l, 5, "", "no key", &n), 0);
    cr_assert_eq(say(l, 5, "", "no key", &n), 0, "without a key every message counts");
    cr_assert_eq(jn_message_log_commit(l), 0);
    jn_message_log_close(l);
    l = open_log();
    cr_assert_eq(say(l, 5, "k1", "one", &n), -EEXIST);
    cr_assert_eq(n, 1);
    jn_message_log_close(l);
}

Test(message_log, bounds_are_refusals)
{
    struct jn_message_log *l = open_log();
    static char big[JN_MSG_BODY_MAX + 2];
    struct jn_message m = {.ix = 1, .tenant = 7, .body = big, .len = JN_MSG_BODY_MAX + 1};

    cr_assert_eq(jn_message_log_append(l, &m), -EMSGSIZE);
    m.len = JN_MSG_BODY_MAX;
    cr_assert_eq(jn_message_log_append(l, &m), 0);
    m.ix = 0;
    cr_assert_eq(jn_message_log_append(l, &m), -EINVAL);
    m.ix = 1;
    m.tenant = 8;
    cr_assert_eq(jn_message_log_append(l, &m), -EINVAL, "another tenant's conversation");
    cr_assert_eq(jn_message_log_note(l, 1, 7, big, 129), -EMSGSIZE);
    jn_message_log_close(l);
}

Test(message_log, no_body_key_or_note_stands_on_disk_in_clear)
{
    struct jn_message_log *l = open_log();

    say(l, 5, "idempotency-key-77", "my card is 4111111111111111", NULL);
    jn_message_log_note(l, 5, 7, "intent=billing-complaint", 24);
    cr_assert_eq(jn_message_log_commit(l), 0);
    jn_message_log_close(l);
    cr_assert(!ff_holds("4111111111111111", 16));
    cr_assert(!ff_holds("my card", 7));
    cr_assert(!ff_holds("idempotency", 11));
    cr_assert(!ff_holds("billing-complaint", 17));
    cr_assert(!ff_holds(master, 32));
}

struct noted {
    unsigned count;
    char note[128];
    uint32_t len, messages;
};

static void take_note(void *arg, uint64_t ix, uint64_t tenant, uint32_t count, const void *note, uint32_t len)
{
    struct noted *n = arg;

    (void)ix;
    (void)tenant;
    n->count++;
    n->messages += count;
    n->len = len;
    if (len > 0)
        memcpy(n->note, note, len);
}

Test(message_log, recovery_finds_conversations_with_their_notes)
{
    struct jn_message_log *l = open_log();
    struct noted n = {0};

    jn_message_log_note(l, 5, 7, "first", 5);
    say(l, 5, "", "x", NULL);
    say(l, 6, "", "x", NULL);
    jn_message_log_commit(l);
    jn_message_log_note(l, 6, 7, "second", 6);
    jn_message_log_commit(l);
    jn_message_log_close(l);
    l = open_log();
    cr_assert_eq(jn_message_log_conversations(l, take_note, &n), 0);
    cr_assert(n.count == 2 && n.messages == 2 && n.len == 6 && memcmp(n.note, "second", 6) == 0);
    jn_message_log_close(l);
}

Test(message_log, erased_is_erased_for_good)
{
    struct jn_message_log *l = open_log();
    struct heard h = {0};

    say(l, 5, "a", "secret", NULL);
    say(l, 6, "a", "other", NULL);
    jn_message_log_commit(l);
    cr_assert_eq(jn_message_log_erase(l, 99), -ENOENT);
    cr_assert_eq(jn_message_log_erase(l, 5), 0);
    for (int pass = 0; pass < 2; pass++) {
        cr_assert_eq(jn_message_log_read(l, 5, 0, hear, &h), -EACCES);
        cr_assert_eq(say(l, 5, "b", "again", NULL), -EACCES);
        cr_assert_eq(jn_message_log_read(l, 6, 0, hear, &h), 0);
        cr_assert_eq(jn_message_log_erase(l, 5), 0, "again changes nothing");
        jn_message_log_close(l);
        l = open_log();
    }
    jn_message_log_close(l);
    /* The slot holds no key any more: a wrapped key is 60 bytes that are not zero. */
    struct ff_file *keys = ff_find("/m/keys");
    uint8_t zeros[60] = {0};
    cr_assert_arr_eq(keys->disk.at + 128 + 32, zeros, 60);
    cr_assert_neq(memcmp(keys->disk.at + 256 + 32, zeros, 60), 0, "the other one is still there");
}

Test(message_log, a_failed_commit_takes_nothing_and_the_next_one_works)
{
    struct jn_message_log *l = open_log();
    struct heard h = {0};
    uint32_t n;

    say(l, 5, "a", "kept", NULL);
    cr_assert_eq(jn_message_log_commit(l), 0);
    ff.room = 10;
    cr_assert_eq(say(l, 5, "b", "lost", &n), 0);
    cr_assert_eq(n, 2);
    cr_assert_eq(jn_message_log_commit(l), -ENOSPC);
    ff.room = UINT64_MAX;
    cr_assert_eq(jn_message_log_commit(l), 0, "nothing is left to write");
    cr_assert_eq(say(l, 5, "b", "sent again", &n), 0, "it was refused, so its key is free");
    cr_assert_eq(n, 2);
    cr_assert_eq(jn_message_log_commit(l), 0);
    jn_message_log_close(l);
    l = open_log();
    cr_assert_eq(jn_message_log_read(l, 5, 0, hear, &h), 0);
    cr_assert_eq(h.count, 2);
    cr_assert_str_eq(h.last, "sent again");
    jn_message_log_close(l);
}

Test(message_log, a_commit_that_erase_lost_is_told_to_its_owner)
{
    struct jn_message_log *l = open_log();

    say(l, 5, "a", "one", NULL);
    jn_message_log_commit(l);
    say(l, 6, "a", "two", NULL);
    ff.room = 10;
    cr_assert_eq(jn_message_log_erase(l, 5), -ENOSPC);
    ff.room = UINT64_MAX;
    cr_assert_eq(jn_message_log_commit(l), -ENOSPC, "message two went with it");
    cr_assert_eq(jn_message_log_read(l, 6, 0, hear, &(struct heard){0}), -ENOENT);
    cr_assert_eq(jn_message_log_read(l, 5, 0, hear, &(struct heard){0}), 0, "not erased either");
    jn_message_log_close(l);
}

Test(message_log, another_master_key_and_damage_are_refused)
{
    struct jn_message_log *l = open_log();
    struct jn_err err;
    uint8_t other[32] = {9};

    for (int i = 0; i < 5; i++) {
        say(l, 5, "", "text", NULL);
        jn_message_log_commit(l);
    }
    jn_message_log_close(l);
    cr_assert_eq(jn_message_log_open(&l, "/m", other, &err), -EKEYREJECTED);
    ff_damage("/m/0000000000000001.messages", 100, 1);
    cr_assert_eq(jn_message_log_open(&l, "/m", master, &err), -EBADMSG);
    cr_assert(strstr(err.text, "/m/0000000000000001.messages") && strstr(err.text, "offset"), "%s", err.text);
}

Test(message_log, a_swapped_body_does_not_open)
{
    struct jn_message_log *l = open_log();
    struct heard h = {0};

    say(l, 5, "", "text", NULL);
    jn_message_log_commit(l);
    /* The log is open and its checks are past: what the disk then gives is checked by the seal alone. */
    struct ff_file *f = ff_find("/m/0000000000000001.messages");
    f->now.at[f->now.n - 1] ^= 1;
    cr_assert_eq(jn_message_log_read(l, 5, 0, hear, &h), -EBADMSG);
    cr_assert_eq(h.count, 0);
    jn_message_log_close(l);
}

/* The body of message n of ix, so that any life can check any other's. */
static void body_of(char out[static 128], uint64_t ix, uint32_t n)
{
    uint64_t s = ix * 1000 + n;
    int len = (int)(jn_splitmix(&s) % 80);

    snprintf(out, 128, "m%llu/%u %.*s", (unsigned long long)ix, n, len,
             "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
}

struct whole {
    uint64_t ix;
    uint32_t next;
};

static void check_whole(void *arg, const struct jn_message *m)
{
    struct whole *w = arg;
    char want[128];

    body_of(want, w->ix, ++w->next);
    cr_assert_eq(m->n, w->next);
    cr_assert_eq(m->len, strlen(want));
    cr_assert_arr_eq(m->body, want, m->len);
}

enum { TALKS = 6 };

static void check_all(struct jn_message_log *l, const uint32_t acked[TALKS], const bool erased[TALKS], uint64_t round)
{
    for (uint64_t ix = 1; ix < TALKS; ix++) {
        struct whole w = {.ix = ix};
        int rc = jn_message_log_read(l, ix, 0, check_whole, &w);
        if (erased[ix])
            cr_assert_eq(rc, -EACCES, "round %llu: erased, yet %d", (unsigned long long)round, rc);
        else if (rc != -EACCES) /* an erase that was cut off may have happened */
            cr_assert(rc == 0 || (rc == -ENOENT && acked[ix] == 0), "round %llu: %d", (unsigned long long)round, rc);
        if (rc == 0)
            cr_assert_geq(w.next, acked[ix], "round %llu: message lost", (unsigned long long)round);
    }
}

Test(message_log, no_crash_loses_what_was_acknowledged)
{
    for (uint64_t round = 1; round <= 300; round++) {
        uint32_t acked[TALKS] = {0};
        bool erased[TALKS] = {0};

        ff_start(round);
        for (int life = 0; life < 8; life++) {
            struct jn_message_log *l = open_log();
            uint32_t given[TALKS] = {0};
            check_all(l, acked, erased, round);
            for (uint64_t ix = 1; ix < TALKS; ix++) {
                struct whole w = {.ix = ix};
                jn_message_log_read(l, ix, 0, check_whole, &w);
                acked[ix] = w.next;
            }
            ff.crash_at = ff.calls + 1 + ff_rand(50);
            ff.short_one_in = ff_rand(2) ? 3 : 0;
            ff.write_fail_one_in = ff_rand(2) ? 9 : 0;
            ff.sync_fail_one_in = ff_rand(2) ? 7 : 0;
            ff.room = ff_rand(3) ? UINT64_MAX : ff_rand(6000);
            while (ff.calls <= ff.crash_at) {
                memcpy(given, acked, sizeof given);
                for (uint64_t k = ff_rand(5); k > 0; k--) {
                    uint64_t ix = 1 + ff_rand(TALKS - 1);
                    char body[128];
                    uint32_t n;
                    body_of(body, ix, given[ix] + 1);
                    if (erased[ix])
                        continue;
                    struct jn_message m = {
                        .ix = ix, .tenant = 7, .at_us = 1000 + ix, .body = body, .len = (uint32_t)strlen(body)};
                    if (jn_message_log_append(l, &m) == 0) {
                        n = m.n;
                        cr_assert_eq(n, given[ix] + 1);
                        given[ix] = n;
                    }
                }
                if (jn_message_log_commit(l) == 0)
                    memcpy(acked, given, sizeof acked);
                uint64_t victim = 1 + ff_rand(TALKS - 1);
                if (ff_rand(30) == 0 && jn_message_log_erase(l, victim) == 0)
                    erased[victim] = true;
                ff.calls++;
            }
            jn_message_log_close(l);
            ff_crash();
        }
    }
}

static void child(const char *dir, int out)
{
    struct jn_message_log *l;

    jn_files = &jn_files_kernel;
    if (jn_message_log_open(&l, dir, master, NULL) < 0)
        _exit(1);
    struct whole w = {.ix = 1};
    jn_message_log_read(l, 1, 0, check_whole, &w);
    for (uint32_t n = w.next + 1;; n++) {
        char body[128];
        body_of(body, 1, n);
        if (say(l, 1, "", body, NULL) < 0 || jn_message_log_commit(l) < 0 || write(out, &n, sizeof n) != sizeof n)
            _exit(2);
    }
}

Test(message_log, kill_9_loses_nothing_acknowledged)
{
    char dir[] = "/tmp/jn-messages-XXXXXX", command[128];
    uint32_t acked = 0, n;
    uint64_t seed = 5;

    jn_files = &jn_files_kernel;
    cr_assert_not_null(mkdtemp(dir));
    for (int round = 0; round < 30; round++) {
        int p[2];
        cr_assert_eq(pipe(p), 0);
        pid_t pid = fork();
        if (pid == 0)
            child(dir, p[1]);
        close(p[1]);
        for (uint64_t k = 1 + jn_splitmix(&seed) % 30; k > 0 && read(p[0], &n, sizeof n) == sizeof n; k--)
            acked = n;
        kill(pid, SIGKILL);
        while (read(p[0], &n, sizeof n) == sizeof n)
            acked = n;
        waitpid(pid, NULL, 0);
        close(p[0]);
        struct jn_message_log *l;
        struct whole w = {.ix = 1};
        cr_assert_eq(jn_message_log_open(&l, dir, master, NULL), 0);
        cr_assert_eq(jn_message_log_read(l, 1, 0, check_whole, &w), 0);
        cr_assert_geq(w.next, acked);
        jn_message_log_close(l);
    }
    cr_assert_gt(acked, 60);
    snprintf(command, sizeof command, "rm -r %s", dir);
    cr_assert_eq(system(command), 0);
}
