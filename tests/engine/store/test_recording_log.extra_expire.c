/* Recordings that are kept no longer. */
#include "engine/base/clock.h"
#include "engine/store/file.h"
#include "engine/store/rec_expire.h"
#include "tests/engine/store/rec_rig.h"

static uint32_t keep_odd_for_ever(void *arg, uint64_t tenant)
{
    (void)arg;
    return tenant % 2 ? 0 : 100;
}

Test(recording_log, what_is_kept_no_longer_is_deleted_and_its_segments_go)
{
    static const uint64_t hour_us = UINT64_C(3600000000);
    struct jn_rec_keep k = {.keep_s = keep_odd_for_ever};
    struct jn_names names;
    struct jn_err err = {0};
    uint32_t gone;
    size_t all;

    ff_start(3);
    struct jn_rec_writer *w = open_sealed(NULL);
    record(w, 1, 2000); /* call 1 is tenant 8's, whose recordings are kept for 100 s */
    struct jn_rec_item it = event(2, JN_RECEV_START, 0, 2000);
    cr_assert_eq(put_item(w, &it), 0);
    for (uint64_t s = 2000; s < 4000; s++) {
        it = frame(2, 0, s);
        cr_assert_eq(put_item(w, &it), 0);
    }
    it = event(2, JN_RECEV_STOP, 2000, 4000);
    cr_assert_eq(put_item(w, &it), 0);
    cr_assert_eq(jn_rec_writer_flush(w), 0);
    cr_assert_eq(jn_names_list(&names, "/r", ".rec"), 0);
    all = names.count;
    jn_names_free(&names);
    cr_assert_geq(all, 4);

    k.now_us = 1000000000 + 2000 * 20000 + 99000000;
    cr_assert_eq(jn_rec_expire("/r", &k, &gone, &err), 0, "a second before its time");
    cr_assert_eq(loaded(1), 4000);
    k.now_us += 2000000;
    cr_assert_eq(jn_rec_expire("/r", &k, &gone, &err), 1, "%s", err.text);
    cr_assert_eq(gone, 0, "what is younger than an hour may hold what the index has not seen");
    cr_assert_eq(loaded(1), 0);
    cr_assert_eq(loaded(2), 2000, "tenant 7 keeps for ever");
    cr_assert_eq(jn_rec_expire("/r", &k, &gone, &err), 0, "once");

    record(w, 3, 10); /* 1 again, 2 again, 3 */
    cr_assert_eq(jn_rec_writer_flush(w), 0);
    k.now_us = jn_wall_us() + 2 * hour_us;
    cr_assert_eq(jn_rec_expire("/r", &k, &gone, &err), 2, "both of tenant 8");
    cr_assert(gone > 0 && gone + 2 < all, "%u of %zu", gone, all);
    cr_assert_geq(loaded(2), 2000);
    jn_rec_writer_close(w);
}
