/* The recordings' index: what finds them, and outlasts a crash at any point. */
#include "engine/base/id.h"
#include "engine/base/log.h"
#include "engine/store/rec_export.h"
#include "engine/store/rec_keys.h"
#include "tests/engine/store/rec_rig.h"
#include <criterion/criterion.h>
#include <unistd.h>

struct found {
    unsigned n;
    uint64_t last_us, complete;
    bool any_order; /* those that a crash cut off come as they were found */
};

static int count(void *arg, const struct jn_rec_entry *e, uint32_t number)
{
    struct found *f = arg;

    (void)number;
    cr_assert(f->any_order || f->n == 0 || e->first_us <= f->last_us, "newest first");
    f->n++;
    f->complete += e->complete;
    f->last_us = e->first_us;
    return 0;
}

static struct found find(const struct jn_rec_query *q)
{
    struct found f = {.any_order = ff.crash_at != UINT64_MAX || q->deleted};
    struct jn_err err = {0};

    cr_assert_eq(jn_rec_find("/r", q, count, &f, &err), 0, "%s", err.text);
    return f;
}

Test(recording_log, the_index_finds_by_tenant_agent_queue_and_time)
{
    struct jn_rec_writer *w = open_sealed(NULL);

    for (uint64_t c = 1; c <= 12; c++) {
        struct jn_rec_item it = event(c, JN_RECEV_QUEUE, 100 + c % 3, c);
        cr_assert_eq(put_item(w, &it), 0);
        it = event(c, JN_RECEV_AGENT, 200 + c % 4, c);
        cr_assert_eq(put_item(w, &it), 0);
        it = frame(c, 0, c);
        cr_assert_eq(put_item(w, &it), 0);
        it = event(c, JN_RECEV_STOP, 1, c + 1);
        if (c < 12)
            cr_assert_eq(put_item(w, &it), 0);
        cr_assert_eq(jn_rec_writer_flush(w), 0);
    }
    struct jn_rec_query q = {.exact = true};
    cr_assert_eq(find(&q).n, 12);
    cr_assert_eq(find(&q).complete, 11);
    q.tenant = 8;
    cr_assert_eq(find(&q).n, 6);
    q = (struct jn_rec_query){.agent = 201, .exact = true};
    cr_assert_eq(find(&q).n, 3);
    q = (struct jn_rec_query){.queue = 102};
    cr_assert_eq(find(&q).n, 4);
    q = (struct jn_rec_query){.from_us = 1000000000 + 3 * 20000, .to_us = 1000000000 + 5 * 20000};
    cr_assert_eq(find(&q).n, 2);
    q = (struct jn_rec_query){.before = 6};
    cr_assert_eq(find(&q).n, 5, "the page before entry 6");
    jn_rec_writer_close(w);
}

/* After a crash at any point the index knows of every call that was flushed, at once and after a start, once. */
Test(recording_log, the_index_is_whole_after_any_crash)
{
    for (uint64_t round = 1; round <= 120; round++) {
        uint64_t flushed = 0, put = 0, id = 0;

        ff_start(1000 + round);
        for (int life = 0; life < 3; life++) {
            struct jn_rec_writer *w = open_sealed(round % 2 ? "/master" : NULL);
            ff.crash_at = ff.calls + 5 + ff_rand(60);
            while (ff.calls < ff.crash_at) {
                struct jn_rec_item it = frame(++id, 0, 1);
                put++;
                if (put_item(w, &it) < 0)
                    break;
                it = event(id, JN_RECEV_STOP, 1, 2);
                if (put_item(w, &it) < 0)
                    break;
                if (jn_rec_writer_flush(w) == 0)
                    flushed = put;
            }
            jn_rec_writer_close(w);
            ff_crash();
            struct jn_rec_query q = {.exact = true, .deleted = true};
            unsigned n = find(&q).n;
            cr_assert(n >= flushed && n <= put, "round %llu: %u of %llu", (unsigned long long)round, n,
                      (unsigned long long)flushed);
            w = open_sealed(round % 2 ? "/master" : NULL);
            q.exact = false;
            cr_assert_eq(find(&q).n, n, "the same after a start");
            jn_rec_writer_close(w);
            flushed = put = n;
        }
    }
}
