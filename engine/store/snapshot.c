/* Snapshot: the router's state after one event, in a file of its own, and which journal segments are still needed. */
#include "engine/base/crc.h"
#include "engine/base/log.h"
#include "engine/store/file.h"
#include "engine/store/journal_bytes.h"
#include "engine/store/journal_file.h"
#include "engine/store/seglog.h"
#include "router/journal/codec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SNAPSHOT_MAGIC 0x4e534e4au /* "JNSN" */
enum { HEAD = 48, HISTORY_PARTS = 16 };
static const size_t snapshot_max = (size_t)4 << 30;

static void head_put(uint8_t out[static HEAD], uint64_t seq, uint64_t time_us, const void *bytes, size_t n)
{
    memset(out, 0, HEAD);
    jn_put32(out, SNAPSHOT_MAGIC);
    jn_put32(out + 4, 1 | (uint32_t)JN_LOGIC_VERSION << 16);
    jn_put64(out + 8, seq);
    jn_put64(out + 16, time_us);
    jn_put64(out + 24, n);
    jn_put32(out + HEAD - 4, jn_crc32c(jn_crc32c(0, out, HEAD - 4), bytes, n));
}

static int head_check(const uint8_t *b, size_t n, uint64_t seq)
{
    if (n < HEAD || jn_get32(b) != SNAPSHOT_MAGIC || jn_get64(b + 8) != seq || jn_get64(b + 24) != n - HEAD ||
        jn_crc32c(jn_crc32c(0, b, HEAD - 4), b + HEAD, n - HEAD) != jn_get32(b + HEAD - 4))
        return -EBADMSG;
    uint32_t format = jn_get32(b + 4) & 0xffff, logic = jn_get32(b + 4) >> 16;
    return format > 1 || logic > JN_LOGIC_VERSION || logic + 1 < JN_LOGIC_VERSION ? -EPROTO : 0;
}

static int write_whole(const char *path, const uint8_t *head, const void *bytes, size_t n)
{
    int fd = jn_files->open(path, O_RDWR | O_CREAT | O_TRUNC, 0640);
    if (fd < 0)
        return fd;
    int rc = jn_file_write(fd, head, HEAD, 0);
    if (rc == 0)
        rc = jn_file_write(fd, bytes, n, HEAD);
    if (rc == 0)
        rc = jn_files->sync(fd);
    jn_files->close(fd);
    return rc;
}

/* Each removal is durable before the next, so that no crash leaves a hole in the row of segments. */
static int drop(const char *dir, const char *name)
{
    char path[1100];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    int rc = jn_files->unlink(path);
    return rc == 0 ? jn_files->sync_dir(dir) : rc;
}

/* Segments that end before the oldest kept snapshot are not needed by anybody. */
static int drop_segments(const char *dir, uint64_t oldest_kept)
{
    struct jn_names names;
    int rc = jn_names_list(&names, dir, JN_JOURNAL_SUFFIX);

    for (size_t i = 0; rc == 0 && i + 1 < names.count; i++) {
        uint64_t next;
        if (jn_seglog_name_seq(names.at[i + 1], JN_JOURNAL_SUFFIX, &next) < 0 || next > oldest_kept + 1)
            break;
        rc = drop(dir, names.at[i]);
    }
    jn_names_free(&names);
    return rc;
}

/* A whole snapshot, head and sums checked. 0 with *bytes to be freed, or -errno. */
static int load(const char *dir, const char *name, uint64_t seq, uint8_t **bytes, size_t *n)
{
    char path[1100];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    int rc = jn_file_load(path, snapshot_max, bytes, n);
    if (rc < 0)
        return rc;
    rc = head_check(*bytes, *n, seq);
    if (rc < 0)
        free(*bytes);
    return rc;
}

static int good(const char *dir, const char *name, uint64_t seq)
{
    uint8_t *bytes;
    size_t n;
    int rc = load(dir, name, seq, &bytes, &n);

    if (rc == 0)
        free(bytes);
    return rc;
}

/* When it was taken, as its head says; what its body is worth is looked at when it is read. */
static int time_of(const char *dir, const char *name, uint64_t seq, uint64_t *time_us)
{
    char path[1100];
    uint8_t head[HEAD];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = jn_files->open(path, O_RDONLY, 0);
    if (fd < 0)
        return fd;
    ssize_t n = jn_file_read(fd, head, HEAD, 0);
    jn_files->close(fd);
    if (n != HEAD || jn_get32(head) != SNAPSHOT_MAGIC || jn_get64(head + 8) != seq)
        return -EBADMSG;
    *time_us = jn_get64(head + 16);
    return 0;
}

/* Of the n oldest ones, so many stay that a replay of any moment since from_us has one shortly before it: the newest
 * that is older than that, and then one each gap. *base: the oldest that stays. */
static int thin(const char *dir, char *const names[], size_t n, uint64_t from_us, uint64_t gap_us, bool covered,
                uint64_t *base, uint64_t *base_us)
{
    uint64_t seq, us, last_us = 0, best = 0;
    bool any = false;
    int rc = 0;

    for (size_t i = 0; i < n && !covered; i++)
        if (jn_seglog_name_seq(names[i], JN_SNAPSHOT_SUFFIX, &seq) == 0 && time_of(dir, names[i], seq, &us) == 0 &&
            us <= from_us)
            best = seq;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (jn_seglog_name_seq(names[i], JN_SNAPSHOT_SUFFIX, &seq) < 0)
            continue;
        bool keep = !covered && time_of(dir, names[i], seq, &us) == 0 && seq >= best &&
                    (!any || seq == best || us >= last_us + gap_us);
        if (!keep) {
            rc = drop(dir, names[i]);
            continue;
        }
        if (!any)
            *base = seq, *base_us = us;
        any = true;
        last_us = us;
    }
    return rc;
}

/* Keeps the newest `keep` good ones; before there are so many, nothing of the journal is removed. Older ones stay as
 * far as the history asks for them, and the journal since the oldest that stays. */
static int retain(const char *dir, unsigned keep, uint64_t now_us, uint64_t history_us)
{
    struct jn_names names;
    unsigned kept = 0;
    uint64_t seq, base = 0, base_us = 0, from_us = now_us > history_us ? now_us - history_us : 0;
    size_t older = 0;
    int rc = jn_names_list(&names, dir, JN_SNAPSHOT_SUFFIX);

    if (rc < 0)
        return rc;
    for (size_t i = names.count; i-- > 0 && kept < keep;)
        if (jn_seglog_name_seq(names.at[i], JN_SNAPSHOT_SUFFIX, &seq) == 0 && good(dir, names.at[i], seq) == 0) {
            kept++;
            base = seq;
            older = i;
        }
    if (kept < keep) {
        jn_names_free(&names);
        return 0;
    }
    if (time_of(dir, names.at[older], base, &base_us) < 0)
        base_us = now_us;
    rc = thin(dir, names.at, older, from_us, history_us / HISTORY_PARTS, history_us == 0 || base_us <= from_us, &base,
              &base_us);
    jn_names_free(&names);
    return rc == 0 && base_us <= from_us ? drop_segments(dir, base) : rc;
}

int jn_snapshot_write(const char *dir, uint64_t seq, uint64_t time_us, const void *bytes, size_t n, unsigned keep,
                      uint64_t history_us, struct jn_err *err)
{
    uint8_t head[HEAD];
    char path[1100], temp[1110];

    jn_seglog_name(path, dir, seq, JN_SNAPSHOT_SUFFIX);
    snprintf(temp, sizeof temp, "%s/snapshot.new", dir);
    head_put(head, seq, time_us, bytes, n);
    int rc = write_whole(temp, head, bytes, n);
    if (rc == 0)
        rc = jn_files->rename(temp, path);
    if (rc == 0)
        rc = jn_files->sync_dir(dir);
    if (rc < 0) {
        jn_files->unlink(temp);
        return jn_fail(err, rc, "%s: %s", path, strerror(-rc));
    }
    rc = retain(dir, keep ? keep : 1, time_us, history_us);
    if (rc < 0)
        jn_warn("journal", "cannot remove what is no longer needed: dir=%s error=%s", dir, strerror(-rc));
    return 0;
}

static int read_one(const char *dir, const char *name, uint64_t seq, uint64_t *time_us, struct jn_buf *out)
{
    uint8_t *bytes;
    size_t n;
    int rc = load(dir, name, seq, &bytes, &n);

    if (rc < 0)
        return rc;
    *time_us = jn_get64(bytes + 16);
    jn_buf_add(out, bytes + HEAD, n - HEAD);
    free(bytes);
    return out->failed ? -ENOMEM : 0;
}

int jn_snapshot_read(const char *dir, uint64_t max_seq, uint64_t *seq, uint64_t *time_us, struct jn_buf *out,
                     struct jn_err *err)
{
    struct jn_names names;
    int rc = jn_names_list(&names, dir, JN_SNAPSHOT_SUFFIX);

    if (rc < 0)
        return jn_fail(err, rc, "%s: %s", dir, strerror(-rc));
    rc = -ENOENT;
    for (size_t i = names.count; rc < 0 && i-- > 0;) {
        if (jn_seglog_name_seq(names.at[i], JN_SNAPSHOT_SUFFIX, seq) < 0 || *seq > max_seq)
            continue;
        rc = read_one(dir, names.at[i], *seq, time_us, out);
        if (rc == -ENOMEM)
            break;
        if (rc < 0) {
            jn_warn("journal", "snapshot skipped: dir=%s file=%s error=%s", dir, names.at[i],
                    rc == -EBADMSG  ? "damaged"
                    : rc == -EPROTO ? "of another version"
                                    : strerror(-rc));
            rc = -ENOENT;
        }
    }
    jn_names_free(&names);
    return rc < 0 ? jn_fail(err, rc, "%s: no usable snapshot", dir) : 0;
}
