/* LINK: jn_store */
/* A journal's folder with one segment and one snapshot of any bytes: opened for reading and for writing, read, appended
 * to, opened again. The first byte, halved, says how many bytes are the snapshot's; odd: the rest is the payload of one
 * group, sealed here, so that records behind a good checksum are reached too. */
#include "engine/base/log.h"
#include "engine/store/journal_bytes.h"
#include "engine/store/journal_check.h"
#include "tests/engine/store/fault_fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int each(void *arg, uint64_t seq, uint64_t time_us, const void *bytes, uint32_t len)
{
    static volatile uint8_t sum;

    (void)seq;
    (void)time_us;
    for (uint32_t i = 0; i < len; i++)
        sum = (uint8_t)(sum ^ ((const uint8_t *)bytes)[i]);
    ++*(uint64_t *)arg;
    return 0;
}

static int on_check(void *arg, const struct jn_journal_check *c)
{
    (void)arg;
    (void)c;
    return 0;
}

static void put_segment(const uint8_t *data, size_t n, bool payload)
{
    struct jn_seg_head h = {.kind = JN_JOURNAL_KIND, .format = 1, .logic = 1, .first_seq = 1, .salt = 7};

    if (!payload || n == 0) {
        ff_put("/d/0000000000000001.journal", data, n);
        return;
    }
    uint8_t *segment = malloc(JN_SEG_HEAD + JN_GROUP_HEAD + n);
    if (!segment)
        abort();
    jn_seg_head_put(segment, &h);
    memcpy(segment + JN_SEG_HEAD + JN_GROUP_HEAD, data, n);
    jn_group_seal(segment + JN_SEG_HEAD, n, &h, JN_SEG_HEAD);
    ff_put("/d/0000000000000001.journal", segment, JN_SEG_HEAD + JN_GROUP_HEAD + n);
    free(segment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct jn_journal_found found;
    struct jn_journal *j;
    struct jn_buf state = {0};
    struct jn_err err;
    uint64_t seq, at, count = 0, again = 0;

    jn_log_level_set((enum jn_log_level) - 1);
    ff_start(1);
    size_t snapshot = n > 0 ? data[0] >> 1 : 0;
    if (n < 1 + snapshot)
        return 0;
    ff_put("/d/0000000000000001.snapshot", data + 1, snapshot);
    put_segment(data + 1 + snapshot, n - 1 - snapshot, data[0] & 1);
    jn_snapshot_read("/d", UINT64_MAX, &seq, &at, &state, &err);
    jn_buf_free(&state);
    struct jn_journal_reader r = {.each = each, .check = on_check, .arg = &count};
    if (jn_journal_open(&j, "/d", true, &found, &err) < 0)
        return 0;
    jn_journal_read_checked(j, 0, &r, &err);
    jn_journal_close(j);
    if (jn_journal_open(&j, "/d", false, &found, &err) < 0)
        abort(); /* what can be read can be gone on with */
    if (jn_journal_append(j, found.last_seq + 1, 5, "event", 5) < 0 || jn_journal_commit(j) < 0)
        abort();
    jn_journal_close(j);
    if (jn_journal_open(&j, "/d", true, &found, &err) < 0)
        abort();
    r.arg = &again;
    if (jn_journal_read_checked(j, found.first_seq - 1, &r, &err) < 0 || again != count + 1)
        abort();
    jn_journal_close(j);
    return 0;
}
