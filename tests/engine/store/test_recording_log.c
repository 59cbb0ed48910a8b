/* Recording log: what was flushed is there after any crash; a full disk is told to the ledger; both ways of writing. */
#include "engine/store/rec_export.h"
#include "engine/store/rec_keys.h"

#include "engine/base/id.h"
#include "engine/base/log.h"
#include "tests/engine/store/rec_rig.h"
#include <criterion/criterion.h>
#include <unistd.h>

static void quiet(void)
{
    jn_log_level_set((enum jn_log_level) - 1);
    ff_start(1);
}
TestSuite(recording_log, .init = quiet, .timeout = 60);

struct seen {
    unsigned calls, complete, bad;
    uint64_t frames, last_us;
    bool order;
};

static int look(void *arg, const struct jn_rec_summary *s)
{
    struct seen *x = arg;

    x->calls++;
    x->complete += s->ledger.complete;
    x->frames += s->ledger.frames[0] + s->ledger.frames[1];
    x->bad += s->bad_records;
    x->order |= s->ledger.first_us < x->last_us;
    x->last_us = s->ledger.first_us;
    return 0;
}

static struct seen list(const char *dir, uint64_t tenant)
{
    struct seen x = {0};
    struct jn_err err = {0};

    cr_assert_eq(jn_rec_check(dir, tenant, look, &x, &err), 0, "%s", err.text);
    return x;
}

static void over_segments(const char *dir)
{
    struct jn_rec_writer *w = open_writer(dir, 300000);
    struct jn_rec_item *items;
    struct jn_rec_summary sum;
    struct jn_names names;
    size_t n;

    record(w, 10, 500);
    cr_assert_eq(jn_rec_writer_flush(w), 0);
    cr_assert_eq(jn_names_list(&names, dir, ".rec"), 0);
    cr_assert_geq(names.count, 5);
    jn_names_free(&names);
    struct seen x = list(dir, 0); /* while the writer is open */
    cr_assert(x.calls == 10 && x.complete == 10 && x.bad == 0 && !x.order, "%u %u %u", x.calls, x.complete, x.bad);
    cr_assert_eq(x.frames, 10000);
    cr_assert_eq(list(dir, 8).calls, 5, "one tenant's alone");
    cr_assert_eq(jn_rec_load(dir, 3, &items, &n, &sum, NULL), 0);
    cr_assert_eq(n, 1002);
    for (uint64_t i = 1; i <= 1000; i++) {
        struct jn_rec_item want = frame(3, (i - 1) % 2, (i + 1) / 2);
        cr_assert_arr_eq(&items[i], &want, sizeof want, "item %llu", (unsigned long long)i);
    }
    free(items);
    cr_assert_eq(jn_rec_load(dir, 99, &items, &n, NULL, NULL), -ENOENT);
    jn_rec_writer_close(w);
}

Test(recording_log, every_item_comes_back_over_segments)
{
    over_segments("/r");
}

Test(recording_log, the_same_by_io_uring_on_a_real_disk)
{
    char dir[] = "/tmp/jn-rec-XXXXXX", command[64];

    jn_files = &jn_files_kernel;
    cr_assert_not_null(mkdtemp(dir));
    over_segments(dir);
    snprintf(command, sizeof command, "rm -r %s", dir);
    cr_assert_eq(system(command), 0);
}

Test(recording_log, and_by_plain_writes_where_io_uring_is_forbidden)
{
    char dir[] = "/tmp/jn-rec-XXXXXX", command[64];

    jn_files = &jn_files_kernel;
    setenv("JUNCTOR_NO_URING", "1", 1);
    cr_assert_not_null(mkdtemp(dir));
    over_segments(dir);
    snprintf(command, sizeof command, "rm -r %s", dir);
    cr_assert_eq(system(command), 0);
}

Test(recording_log, no_crash_loses_what_was_flushed)
{
    for (uint64_t round = 1; round <= 300; round++) {
        uint64_t flushed = 0, put = 0;

        ff_start(round);
        for (int life = 0; life < 4; life++) {
            struct jn_rec_writer *w = open_writer("/r", 280000);
            ff.crash_at = ff.calls + 1 + ff_rand(12);
            ff.short_one_in = ff_rand(2) ? 3 : 0;
            while (ff.calls <= ff.crash_at) {
                for (uint64_t k = ff_rand(300); k > 0; k--) {
                    struct jn_rec_item it = frame(1, 0, put + 1);
                    if (put_item(w, &it) < 0)
                        break;
                    put++;
                }
                if (jn_rec_writer_flush(w) == 0)
                    flushed = put;
                ff.calls++;
            }
            jn_rec_writer_close(w);
            ff_crash();
            struct seen x = list("/r", 0);
            cr_assert_geq(x.frames, flushed, "round %llu: %llu of %llu", (unsigned long long)round,
                          (unsigned long long)x.frames, (unsigned long long)flushed);
            cr_assert_leq(x.frames, put);
            flushed = put = x.frames;
        }
    }
}

Test(recording_log, a_full_disk_is_told_to_the_ledger_when_space_returns)
{
    struct jn_rec_writer *w = open_writer("/r", 64 << 20);
    uint64_t lost = 0, handed = 0;

    for (uint64_t s = 1; s <= 30000; s++) {
        struct jn_rec_item it = frame(1, 0, s);
        if (s == 1000)
            ff.room = 100000;
        if (s == 20000)
            ff.room = UINT64_MAX;
        handed++;
        int rc = put_item(w, &it);
        cr_assert(rc == 0 || rc == -ENOSPC);
        lost += rc < 0;
        if (s % 400 == 0)
            jn_rec_writer_flush(w);
    }
    struct jn_rec_item it = event(1, JN_RECEV_STOP, handed, 30000);
    cr_assert_eq(put_item(w, &it), 0);
    cr_assert_eq(jn_rec_writer_flush(w), 0);
    jn_rec_writer_close(w);
    struct jn_rec_item *items;
    struct jn_rec_summary sum;
    size_t n;
    cr_assert_eq(jn_rec_load("/r", 1, &items, &n, &sum, NULL), 0);
    free(items);
    cr_assert_gt(lost, 1000);
    cr_assert_eq(sum.ledger.overflow, lost, "%llu told, %llu lost", (unsigned long long)sum.ledger.overflow,
                 (unsigned long long)lost);
    cr_assert_eq(sum.ledger.frames[0], handed - lost, "every frame that was taken is there");
    cr_assert_eq(sum.ledger.complete, 0);
    cr_assert_eq(sum.bad_records, 0, "no hole is left behind");
}

Test(recording_log, a_short_shortage_loses_nothing)
{
    struct jn_rec_writer *w = open_writer("/r", 64 << 20);
    uint64_t lost = 0;

    for (uint64_t s = 1; s <= 5000; s++) {
        struct jn_rec_item it = frame(1, 0, s);
        ff.room = s > 1000 && s < 4000 ? 0 : UINT64_MAX;
        lost += put_item(w, &it) < 0;
        if (s % 400 == 0)
            cr_assert_eq(jn_rec_writer_flush(w), s > 1000 && s < 4000 ? -ENOSPC : 0);
    }
    cr_assert_eq(jn_rec_writer_flush(w), 0);
    jn_rec_writer_close(w);
    cr_assert_eq(lost, 0);
    cr_assert_eq(list("/r", 0).frames, 5000);
}

Test(recording_log, damage_is_counted_and_costs_only_what_it_hit)
{
    struct jn_rec_writer *w = open_writer("/r", 64 << 20);
    struct jn_names names;
    char path[300];

    record(w, 1, 500);
    jn_rec_writer_close(w);
    jn_names_list(&names, "/r", ".rec");
    snprintf(path, sizeof path, "/r/%s", names.at[0]);
    jn_names_free(&names);
    for (unsigned i = 0; i < 100; i++)
        ff_damage(path, 5000 + i, 0xff);
    struct seen x = list("/r", 0);
    cr_assert_eq(x.bad, 1);
    cr_assert_geq(x.frames, 998);
    cr_assert_lt(x.frames, 1000);
    cr_assert_eq(x.complete, 0);
}

Test(recording_log, export_writes_a_stereo_wav)
{
    struct jn_rec_writer *w = open_writer("/r", 64 << 20);
    struct jn_err err = {0};

    record(w, 2, 250);
    jn_rec_writer_close(w);
    cr_assert_eq(jn_rec_export("/r", 2, "/out.wav", NULL, JN_REC_WAV, &err), 0, "%s", err.text);
    struct ff_file *f = ff_find("/out.wav");
    cr_assert(f && f->now.n > 44 && memcmp(f->now.at, "RIFF", 4) == 0 && memcmp(f->now.at + 8, "WAVE", 4) == 0);
    cr_assert_eq(jn_get32(f->now.at + 40), f->now.n - 44);
    cr_assert_geq(f->now.n - 44, 4u * 160 * 240);
    cr_assert_leq(f->now.n - 44, 4u * 160 * 260);
    cr_assert_eq(jn_rec_export("/r", 77, "/no.wav", NULL, JN_REC_WAV, &err), -ENOENT);
}

/* ---- encryption, index, deleting ---- */

Test(recording_log, an_encrypted_recording_is_read_with_its_key_alone)
{
    struct jn_rec_writer *w = open_sealed("/master");
    struct jn_rec_item it = frame(3, 0, 7);

    record(w, 4, 300);
    jn_rec_writer_close(w);
    cr_assert(!ff_holds(it.payload, 160), "no sound in the clear on disk");
    for (uint64_t c = 1; c <= 4; c++)
        cr_assert_eq(loaded(c), 600, "call %llu", (unsigned long long)c);
    struct seen x = list("/r", 0);
    cr_assert(x.calls == 4 && x.complete == 4 && x.bad == 0);
    cr_assert_eq(jn_files->unlink("/master"), 0);
    cr_assert_eq(loaded(1), 0, "without the master key nothing is read");
}

Test(recording_log, the_master_key_can_be_changed_at_any_point)
{
    struct jn_err err = {0};

    for (uint64_t crash = 1; crash < 60; crash++) {
        ff_start(crash);
        struct jn_rec_writer *w = open_sealed("/master");
        record(w, 3, 60);
        jn_rec_writer_close(w);
        ff.crash_at = ff.calls + crash;
        int rc = jn_rec_keys_rotate("/r", &err);
        bool died = ff.calls >= ff.crash_at;
        ff_crash();
        for (uint64_t c = 1; c <= 3; c++)
            cr_assert_eq(loaded(c), 120, "crash at %llu, call %llu", (unsigned long long)crash, (unsigned long long)c);
        cr_assert_eq(jn_rec_keys_rotate("/r", &err), 0, "%s", err.text);
        cr_assert_eq(loaded(2), 120, "and changed once more");
        w = open_sealed("/master");
        record(w, 1, 20);
        jn_rec_writer_close(w);
        if (rc == 0 && !died)
            return; /* it needs no more calls than that */
    }
    cr_assert(false, "the change never ended");
}

Test(recording_log, deleting_destroys_the_key_or_overwrites)
{
    static const char *const keys[] = {"/master", NULL};

    for (unsigned k = 0; k < 2; k++) {
        ff_start(1 + k);
        struct jn_rec_writer *w = open_sealed(keys[k]);
        struct jn_rec_item it = frame(2, 0, 7);
        struct jn_err err = {0};
        bool encrypted;

        it.payload[0] ^= 0x2a; /* sound that call 2 alone has */
        record(w, 3, 200);
        struct jn_rec_item own = frame(2, 0, 201);
        memset(own.payload, 0x5a, 160);
        cr_assert_eq(put_item(w, &own), 0);
        cr_assert_eq(jn_rec_writer_flush(w), 0);
        cr_assert_eq(ff_holds(own.payload, 160), !keys[k]);
        cr_assert_eq(jn_rec_delete("/r", 2, 7 + 2 % 2, 5, &encrypted, &err), -EBUSY, "it runs again");
        struct jn_rec_item stop = event(2, JN_RECEV_STOP, 1, 202);
        cr_assert_eq(put_item(w, &stop), 0);
        cr_assert_eq(jn_rec_writer_flush(w), 0);
        cr_assert_eq(jn_rec_delete("/r", 2, 99, 5, &encrypted, &err), -ENOENT, "another tenant's");
        cr_assert_eq(jn_rec_delete("/r", 2, 7 + 2 % 2, 5, &encrypted, &err), 0, "%s", err.text);
        cr_assert_eq(encrypted, keys[k] != NULL);
        cr_assert_eq(loaded(2), 0);
        int again = jn_rec_delete("/r", 2, 0, 5, &encrypted, &err);
        cr_assert_eq(again, -ENOENT, "%u twice: %d %s", k, again, err.text);
        cr_assert_eq(loaded(1), 400);
        cr_assert_eq(loaded(3), 400);
        cr_assert(!ff_holds(own.payload, 160), "its sound is nowhere");
        jn_rec_writer_close(w);
        cr_assert_eq(jn_files->unlink("/r/index"), 0);
        cr_assert_eq(jn_files->unlink("/r/open"), 0);
        w = open_sealed(keys[k]); /* the index is made anew */
        cr_assert_eq(loaded(2), 0);
        cr_assert_eq(loaded(3), 400);
        jn_rec_writer_close(w);
    }
}
