/* Journal file under a disk that forgets, tears, fills up and fails. */
#include "engine/store/journal_file.h"

#include "engine/base/log.h"
#include "engine/store/journal_bytes.h"
#include "engine/store/journal_check.h"
#include "tests/engine/store/fault_fs.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void quiet(void)
{
    jn_log_level_set(JN_LOG_ERROR);
    ff_start(1);
}
TestSuite(journal_file, .init = quiet, .timeout = 60);

static uint32_t event(uint8_t out[static 600], uint64_t seq)
{
    uint64_t state = seq * 77;
    uint32_t n = (uint32_t)(8 + jn_splitmix(&state) % 500);

    jn_put64(out, seq);
    for (uint32_t i = 8; i < n; i++)
        out[i] = (uint8_t)jn_splitmix(&state);
    return n;
}

static int append(struct jn_journal *j, uint64_t seq)
{
    uint8_t bytes[600];
    uint32_t n = event(bytes, seq);
    return jn_journal_append(j, seq, seq * 10, bytes, n);
}

struct expect {
    uint64_t next;
    bool wrong;
};

static int each(void *arg, uint64_t seq, uint64_t time_us, const void *bytes, uint32_t n)
{
    struct expect *x = arg;
    uint8_t want[600];

    if (seq != x->next || n != event(want, seq) || memcmp(bytes, want, n) != 0 || time_us != seq * 10)
        x->wrong = true;
    x->next = seq + 1;
    return 0;
}

/* Opens, demands at least `acked` and at most `given` events, every one whole and in order. Returns the last. */
static uint64_t reopen(struct jn_journal **j, uint64_t acked, uint64_t given)
{
    struct jn_journal_found found;
    struct jn_err err = {0};
    struct expect x = {.next = 1};

    int rc = jn_journal_open(j, "/d", false, &found, &err);
    cr_assert_eq(rc, 0, "open: %s", err.text);
    cr_assert_geq(found.last_seq, acked, "lost: %llu acknowledged, %llu there", (unsigned long long)acked,
                  (unsigned long long)found.last_seq);
    cr_assert_leq(found.last_seq, given);
    rc = jn_journal_read(*j, 0, each, &x, &err);
    cr_assert_eq(rc, 0, "read: %s", err.text);
    cr_assert(!x.wrong);
    cr_assert_eq(x.next, found.last_seq + 1);
    return found.last_seq;
}

Test(journal_file, what_is_committed_is_read_again_in_order)
{
    struct jn_journal *j;

    cr_assert_eq(jn_journal_open(&j, "/d", false, NULL, NULL), 0);
    for (uint64_t s = 1; s <= 500; s++) {
        cr_assert_eq(append(j, s), 0);
        if (s % 7 == 0)
            cr_assert_eq(jn_journal_commit(j), 0);
    }
    cr_assert_eq(append(j, 502), -EINVAL, "sequence has no holes");
    cr_assert_eq(jn_journal_commit(j), 0);
    jn_journal_close(j);
    cr_assert_eq(reopen(&j, 500, 500), 500);
    jn_journal_close(j);
}

Test(journal_file, one_commit_is_one_sync)
{
    struct jn_journal *j;

    jn_journal_open(&j, "/d", false, NULL, NULL);
    append(j, 1);
    jn_journal_commit(j);
    uint64_t before = ff.syncs;
    for (uint64_t s = 2; s <= 1001; s++)
        append(j, s);
    jn_journal_commit(j);
    cr_assert_eq(ff.syncs, before + 1);
    jn_journal_close(j);
}

/* Each round: a few commits with random faults, then the power goes at a random call. */
Test(journal_file, no_crash_loses_what_was_acknowledged)
{
    for (uint64_t round = 1; round <= 400; round++) {
        struct jn_journal *j = NULL;
        uint64_t acked = 0, given = 0;

        ff_start(round);
        for (unsigned life = 0; life < 10; life++) {
            given = reopen(&j, acked, given);
            acked = given;
            ff.crash_at = ff.calls + 1 + ff_rand(40);
            ff.short_one_in = ff_rand(2) ? 3 : 0;
            ff.write_fail_one_in = ff_rand(2) ? 8 : 0;
            ff.sync_fail_one_in = ff_rand(2) ? 6 : 0;
            ff.dir_fail_one_in = ff_rand(2) ? 4 : 0;
            ff.room = ff_rand(3) ? UINT64_MAX : ff_rand(20000);
            while (ff.calls <= ff.crash_at) {
                for (uint64_t n = ff_rand(6); n > 0; n--) {
                    if (append(j, given + 1) < 0)
                        break;
                    given++;
                }
                if (jn_journal_commit(j) == 0)
                    acked = given;
                else if (ff_rand(4) == 0)
                    ff.room = UINT64_MAX;
                ff.calls++;
            }
            jn_journal_close(j);
            ff_crash();
        }
    }
}

Test(journal_file, a_full_disk_refuses_and_goes_on_when_there_is_room)
{
    struct jn_journal *j;

    jn_journal_open(&j, "/d", false, NULL, NULL);
    append(j, 1);
    cr_assert_eq(jn_journal_commit(j), 0);
    ff.room = 20;
    append(j, 2);
    cr_assert_eq(jn_journal_commit(j), -ENOSPC);
    cr_assert_eq(append(j, 3), -ENOSPC, "nothing is taken while the disk refuses");
    cr_assert_eq(jn_journal_commit(j), -ENOSPC);
    ff.room = UINT64_MAX;
    cr_assert_eq(jn_journal_commit(j), 0);
    cr_assert_eq(append(j, 3), 0);
    cr_assert_eq(jn_journal_commit(j), 0);
    jn_journal_close(j);
    ff_crash();
    cr_assert_eq(reopen(&j, 3, 3), 3);
    jn_journal_close(j);
}

static void fill(uint64_t from, uint64_t to)
{
    struct jn_journal *j;

    cr_assert_eq(jn_journal_open(&j, "/d", false, NULL, NULL), 0);
    for (uint64_t s = from; s <= to; s++) {
        append(j, s);
        jn_journal_commit(j);
    }
    jn_journal_close(j);
}

Test(journal_file, a_torn_last_group_is_cut_and_told)
{
    struct jn_journal *j;
    struct jn_journal_found found;
    const char *path = "/d/0000000000000001.journal";

    fill(1, 20);
    ff_find(path)->now.n -= 3;
    cr_assert_eq(jn_journal_open(&j, "/d", false, &found, NULL), 0);
    cr_assert_eq(found.last_seq, 19);
    cr_assert_gt(found.torn_bytes, 0);
    jn_journal_close(j);
    cr_assert_eq(reopen(&j, 19, 19), 19);
    jn_journal_close(j);
}

Test(journal_file, damage_before_the_end_is_refused_by_file_and_offset)
{
    const char *path = "/d/0000000000000001.journal";

    fill(1, 20);
    size_t n = ff_find(path)->now.n;
    unsigned refused = 0;
    for (size_t off = 0; off < n; off += 13) {
        struct jn_journal *j;
        struct jn_journal_found found;
        struct jn_err err = {0};
        ff_damage(path, off, 0x40);
        int rc = jn_journal_open(&j, "/d", true, &found, &err);
        if (rc == 0) { /* only the very last group can pass for torn */
            cr_assert_eq(found.last_seq, 19, "offset %zu of %zu", off, n);
            jn_journal_close(j);
        } else {
            cr_assert_eq(rc, -EBADMSG);
            cr_assert(strstr(err.text, path) && strstr(err.text, "offset"), "%s", err.text);
            refused++;
        }
        ff_damage(path, off, 0x40);
    }
    cr_assert_gt(refused, n / 13 / 2);
}

Test(journal_file, a_missing_segment_and_a_newer_logic_are_refused)
{
    struct jn_journal *j;
    struct jn_err err;
    uint8_t *copy;
    size_t n;

    fill(1, 3);
    cr_assert_eq(jn_file_load("/d/0000000000000001.journal", 1 << 20, &copy, &n), 0);
    struct jn_seg_head h = {.kind = 0x4c4a4e4a, .format = 1, .logic = 1, .first_seq = 9};
    uint8_t head[JN_SEG_HEAD];
    jn_seg_head_put(head, &h);
    ff_put("/d/0000000000000009.journal", head, sizeof head);
    cr_assert_eq(jn_journal_open(&j, "/d", true, NULL, &err), -EBADMSG);
    cr_assert(strstr(err.text, "4 to 8"), "%s", err.text);
    h.first_seq = 4;
    h.logic = 99;
    jn_seg_head_put(head, &h);
    ff_unlink("/d/0000000000000009.journal");
    ff_put("/d/0000000000000004.journal", head, sizeof head);
    cr_assert_eq(jn_journal_open(&j, "/d", true, NULL, &err), -EPROTO);
    free(copy);
}

struct checks {
    unsigned checks, bounds;
    bool wrong;
};

static int on_check(void *arg, const struct jn_journal_check *c)
{
    struct checks *x = arg;
    x->checks++;
    x->wrong |= c->seq != 5 || c->start_seq != 0 || c->command_hash != 11 || c->state_hash != 22;
    return 0;
}

static int on_bounds(void *arg, const struct jn_journal_bounds *b)
{
    struct checks *x = arg;
    x->bounds++;
    x->wrong |= b->seq != 0 || b->agents != 1 || b->queues != 2 || b->tenants != 3 || b->interactions != 4;
    return 0;
}

Test(journal_file, checks_and_bounds_stand_beside_the_events)
{
    struct jn_journal *j;
    struct checks x = {0};
    struct jn_journal_reader r = {.check = on_check, .bounds = on_bounds, .arg = &x};

    jn_journal_open(&j, "/d", false, NULL, NULL);
    cr_assert_eq(jn_journal_bounds(j, 1, 2, 3, 4), 0);
    for (uint64_t s = 1; s <= 9; s++)
        append(j, s);
    cr_assert_eq(jn_journal_check(j, 5, 11, 22), 0);
    cr_assert_eq(jn_journal_commit(j), 0);
    jn_journal_close(j);
    cr_assert_eq(reopen(&j, 9, 9), 9);
    cr_assert_eq(jn_journal_read_checked(j, 0, &r, NULL), 0);
    cr_assert(x.checks == 1 && x.bounds == 1 && !x.wrong);
    jn_journal_close(j);
}

/* The real disk: a child commits and says so by pipe until it is killed. */
static void child(const char *dir, int out)
{
    struct jn_journal *j;
    struct jn_journal_found found;

    jn_files = &jn_files_kernel;
    if (jn_journal_open(&j, dir, false, &found, NULL) < 0)
        _exit(1);
    for (uint64_t s = found.last_seq + 1;; s++) {
        if (append(j, s) < 0)
            _exit(2);
        if (s % 3 == 0 && (jn_journal_commit(j) < 0 || write(out, &s, sizeof s) != sizeof s))
            _exit(3);
    }
}

Test(journal_file, kill_9_loses_nothing_acknowledged)
{
    char dir[] = "/tmp/jn-journal-XXXXXX", command[64];
    uint64_t acked = 0, seed = 3;

    jn_files = &jn_files_kernel;
    cr_assert_not_null(mkdtemp(dir));
    for (int round = 0; round < 40; round++) {
        int p[2];
        uint64_t s;
        cr_assert_eq(pipe(p), 0);
        pid_t pid = fork();
        if (pid == 0)
            child(dir, p[1]);
        close(p[1]);
        for (uint64_t n = 1 + jn_splitmix(&seed) % 30; n > 0 && read(p[0], &s, sizeof s) == sizeof s; n--)
            acked = s;
        kill(pid, SIGKILL);
        while (read(p[0], &s, sizeof s) == sizeof s)
            acked = s;
        waitpid(pid, NULL, 0);
        close(p[0]);
        struct jn_journal *j;
        struct jn_journal_found found;
        struct expect x = {.next = 1};
        struct jn_err err = {0};
        cr_assert_eq(jn_journal_open(&j, dir, true, &found, &err), 0, "%s", err.text);
        cr_assert_geq(found.last_seq, acked);
        cr_assert_eq(jn_journal_read(j, 0, each, &x, NULL), 0);
        cr_assert(!x.wrong && x.next == found.last_seq + 1);
        jn_journal_close(j);
    }
    cr_assert_gt(acked, 100);
    snprintf(command, sizeof command, "rm -r %s", dir);
    cr_assert_eq(system(command), 0);
}
