/* Recover: the data folder: who owns it, its secrets, and the way from files to the state in which the engine goes on.
 */
#include "engine/app/data_format.h"
#include "engine/app/engine.h"
#include "engine/base/clock.h"
#include "engine/base/rand.h"
#include "engine/store/journal_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* thread_router.c */
void jn_engine_emit(void *arg, const struct jn_command *c);
void jn_engine_emit_set(void (*to)(void *arg, const struct jn_command *c), void *arg);
/* thread_db.c */
int jn_engine_row(struct jn_store *s, const struct jn_directory *dir, const struct jn_command *c);

int jn_read_file(const char *path, size_t max, struct jn_buf *out)
{
    char block[16384];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return -errno;
    while ((n = read(fd, block, sizeof block)) > 0 && out->len <= max)
        jn_buf_add(out, block, (size_t)n);
    int rc = n < 0 ? -errno : out->len > max ? -EFBIG : out->failed ? -ENOMEM : 0;
    close(fd);
    return rc;
}

static int sync_folder_of(const char *path)
{
    char folder[JN_PATH_MAX + 64];

    jn_copy(folder, sizeof folder, path);
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = 0;
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

int jn_replace_file(const char *path, const void *bytes, size_t n, unsigned mode)
{
    char made[JN_PATH_MAX + 64];
    const char *p = bytes;

    snprintf(made, sizeof made, "%s.new", path);
    int fd = open(made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return -errno;
    int rc = fchmod(fd, mode) < 0 ? -errno : 0;
    for (size_t at = 0; rc == 0 && at < n;) {
        ssize_t wrote = write(fd, p + at, n - at);
        if (wrote < 0)
            rc = -errno;
        else
            at += (size_t)wrote;
    }
    if (rc == 0 && fsync(fd) < 0)
        rc = -errno;
    close(fd);
    if (rc == 0 && rename(made, path) < 0)
        rc = -errno;
    if (rc < 0) {
        unlink(made);
        return rc;
    }
    return sync_folder_of(path);
}

/* A secret of this install: made at the first start, readable by the owner only. */
static int secret(const char *dir, const char *name, uint8_t out[static 32], struct jn_err *err)
{
    char path[JN_PATH_MAX + 64];
    struct jn_buf text = {0};

    snprintf(path, sizeof path, "%s/%s", dir, name);
    int rc = jn_read_file(path, 64, &text);
    if (rc == -ENOENT) {
        jn_random(out, 32);
        rc = jn_replace_file(path, out, 32, 0600);
    } else if (rc == 0 && text.len == 32) {
        memcpy(out, text.data, 32);
    } else if (rc == 0) {
        rc = -EBADMSG;
    }
    if (text.data)
        explicit_bzero(text.data, text.len);
    jn_buf_free(&text);
    return rc < 0 ? jn_fail(err, rc, "%s: %s", path, strerror(-rc)) : 0;
}

static int folder(const char *path, struct jn_err *err)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return jn_fail(err, -errno, "cannot make %s: %s", path, strerror(errno));
    return 0;
}

int jn_engine_data(struct jn_engine *e, struct jn_err *err)
{
    const char *dir = e->config.data_dir;
    char lock[JN_PATH_MAX + 32];
    int rc = folder(dir, err);

    if (rc < 0)
        return rc;
    snprintf(lock, sizeof lock, "%s/lock", dir);
    snprintf(e->path_db, sizeof e->path_db, "%s/junctor.db", dir);
    snprintf(e->path_journal, sizeof e->path_journal, "%s/journal", dir);
    snprintf(e->path_messages, sizeof e->path_messages, "%s/messages", dir);
    snprintf(e->path_recordings, sizeof e->path_recordings, "%s/recordings", dir);
    if (e->config.rec_key_file[0])
        snprintf(e->path_rec_key, sizeof e->path_rec_key, "%s", e->config.rec_key_file);
    else
        snprintf(e->path_rec_key, sizeof e->path_rec_key, "%s/recording.key", dir);
    snprintf(e->path_centre, sizeof e->path_centre, "%s/centre.yaml", dir);
    snprintf(e->path_applied, sizeof e->path_applied, "%s/centre.applied.yaml", dir);
    snprintf(e->path_api, sizeof e->path_api, "%s/api.json", dir);
    e->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (e->lock_fd < 0)
        return jn_fail(err, -errno, "cannot open %s: %s", lock, strerror(errno));
    if (flock(e->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return jn_fail(err, -EBUSY, "another engine is using %s (it holds %s)", dir, lock);
    if ((rc = jn_data_format_claim(dir, access(e->path_db, F_OK) < 0, err)) < 0)
        return rc;
    if ((rc = folder(e->path_journal, err)) < 0 || (rc = folder(e->path_messages, err)) < 0 ||
        (rc = folder(e->path_recordings, err)) < 0)
        return rc;
    if ((rc = secret(dir, "token.secret", e->token_secret, err)) < 0)
        return rc;
    return secret(dir, "master.key", e->master_key, err);
}

/* Rows that replaying brings up again and the database has not seen yet. */
struct again {
    struct jn_engine *e;
    uint64_t stored, events, rows;
    int rc;
};

static void emit_again(void *arg, const struct jn_command *c)
{
    struct again *a = arg;

    if (!jn_command_about_ix(c->kind) || c->seq <= a->stored || a->rc < 0)
        return;
    if (a->rows % 512 == 0)
        a->rc = a->rows ? jn_store_commit(a->e->store, a->stored) : 0;
    if (a->rc == 0 && a->rows % 512 == 0)
        a->rc = jn_store_begin(a->e->store);
    if (a->rc == 0)
        a->rc = jn_engine_row(a->e->store, a->e->directory, c);
    a->rows++;
}

static int replay_one(void *arg, uint64_t seq, uint64_t time_us, const void *bytes, uint32_t n)
{
    struct again *a = arg;
    struct jn_event ev;

    (void)time_us;
    if (jn_event_decode(&ev, bytes, n) < 0 || ev.seq != seq)
        return -EBADMSG;
    jn_router_apply(a->e->router, &ev);
    a->events++;
    return a->rc;
}

/* A copy of a stored value of the expected size behind the *count that are there. Another size is another version's: it
 * is passed over. */
static void *keep(void *list, unsigned *count, const void *value, size_t n, size_t expected)
{
    uint8_t *wider = n == expected ? realloc(list, (*count + 1) * n) : NULL;

    if (wider)
        memcpy(wider + (*count)++ * n, value, n);
    return wider ? wider : list;
}

static void keep_dialog(void *arg, const char *key, const void *value, size_t n)
{
    struct jn_engine *e = arg;

    (void)key;
    e->old_dialogs = keep(e->old_dialogs, &e->n_old_dialogs, value, n, sizeof *e->old_dialogs);
}

static void keep_phone(void *arg, const char *key, const void *value, size_t n)
{
    struct jn_engine *e = arg;

    (void)key;
    e->old_phones = keep(e->old_phones, &e->n_old_phones, value, n, sizeof *e->old_phones);
}

static void drop_key(void *arg, const char *key, const void *value, size_t n)
{
    struct jn_buf *keys = arg;

    (void)value;
    (void)n;
    jn_buf_printf(keys, "%s\n", key);
}

/* Takes the dialogs of earlier runs out of the database; they are in memory until each got its BYE. */
static int take_dialogs(struct jn_engine *e)
{
    struct jn_buf keys = {0};
    int rc = jn_store_each(e->store, "dialog/", keep_dialog, e);

    if (rc == 0)
        rc = jn_store_each(e->store, "dialog/", drop_key, &keys);
    if (rc == 0 && keys.len > 0) {
        rc = jn_store_begin(e->store);
        for (char *save, *key = strtok_r(keys.data, "\n", &save); rc == 0 && key; key = strtok_r(NULL, "\n", &save))
            rc = jn_store_del(e->store, key);
        if (rc == 0)
            rc = jn_store_commit(e->store, jn_store_seq(e->store));
    }
    jn_buf_free(&keys);
    return rc;
}

static int load_snapshot(struct jn_engine *e, uint64_t stored, uint64_t *seq, uint64_t *time_us, struct jn_err *err)
{
    struct jn_buf state = {0};
    int rc = jn_snapshot_read(e->path_journal, stored, seq, time_us, &state, err);

    if (rc == 0)
        rc = jn_router_load(e->router, state.data, state.len, err);
    else if (rc == -ENOENT)
        rc = 0;
    jn_buf_free(&state);
    return rc;
}

int jn_engine_recover(struct jn_engine *e, struct jn_err *err)
{
    struct jn_router_limits limits = {e->config.max_agents, e->config.max_queues, e->config.max_tenants,
                                      e->config.max_interactions};
    struct jn_journal_found found = {0};
    struct again a = {.e = e};
    struct jn_rec_writer_config rec = {.segment_bytes = 256u << 20,
                                       .key_file = e->config.rec_encrypt ? e->path_rec_key : NULL};
    uint64_t seq = 0, at_us = 0, began = jn_mono_ns();
    int rc = jn_store_open(&e->store, e->path_db, err);

    if (rc < 0)
        return rc;
    int64_t boot = jn_store_boot(e->store);
    if (boot < 0)
        return jn_fail(err, (int)boot, "%s: cannot count this start: %s", e->path_db, strerror((int)-boot));
    e->boot = (uint32_t)boot;
    rc = jn_message_log_open(&e->messages, e->path_messages, e->master_key, err);
    if (rc == 0)
        rc = jn_rec_writer_open(&e->recorder, e->path_recordings, &rec, err);
    if (rc == 0)
        rc = jn_journal_open(&e->journal, e->path_journal, false, &found, err);
    if (rc < 0)
        return rc;
    e->router = jn_router_new(&limits, jn_engine_emit, NULL);
    if (!e->router)
        return jn_fail(err, -ENOMEM, "no memory for %u interactions", limits.interactions);
    a.stored = jn_store_seq(e->store);
    rc = load_snapshot(e, a.stored, &seq, &at_us, err);
    if (rc == 0 && seq == 0 && found.segments > 0 && found.first_seq > 1)
        rc = jn_fail(err, -EBADMSG, "%s begins at event %llu and there is no usable snapshot before it",
                     e->path_journal, (unsigned long long)found.first_seq);
    jn_engine_emit_set(emit_again, &a);
    if (rc == 0)
        rc = jn_journal_read(e->journal, seq, replay_one, &a, err);
    if (rc == 0 && a.rows > 0)
        rc = jn_store_commit(e->store, jn_router_seq(e->router));
    if (rc == 0)
        rc = jn_journal_bounds(e->journal, limits.agents, limits.queues, limits.tenants, limits.interactions);
    jn_engine_emit_set(NULL, NULL);
    if (rc < 0)
        return rc;
    atomic_store(&e->durable_seq, jn_router_seq(e->router));
    atomic_store(&e->stored_seq, jn_router_seq(e->router));
    jn_time_start(found.last_time_us > at_us ? found.last_time_us : at_us);
    rc = take_dialogs(e);
    if (rc == 0)
        rc = jn_store_each(e->store, "phone/", keep_phone, e);
    if (found.segments > 0)
        jn_info("app",
                "recovered: boot=%u snapshot=%llu events=%llu rows_again=%llu torn_bytes=%llu old_legs=%u ms=%llu",
                e->boot, (unsigned long long)seq, (unsigned long long)a.events, (unsigned long long)a.rows,
                (unsigned long long)found.torn_bytes, e->n_old_dialogs,
                (unsigned long long)((jn_mono_ns() - began) / 1000000));
    return rc < 0 ? jn_fail(err, rc, "%s: %s", e->path_db, strerror(-rc)) : 0;
}

struct settle {
    struct jn_engine *e;
    int rc;
};

static void put_event(void *arg, const struct jn_event *ev)
{
    struct settle *s = arg;
    struct jn_event mine = *ev;

    mine.maker = JN_MAKER_APP;
    /* The router always gets to it: waiting here holds up nothing but main. */
    while (s->rc == 0 && jn_mailbox_send(&s->e->main_router, &mine) < 0) {
        if (atomic_load_explicit(&s->e->stop_router, memory_order_acquire))
            s->rc = -ECANCELED;
        usleep(1000);
    }
}

int jn_engine_settle(struct jn_engine *e)
{
    struct jn_directory *old = NULL;
    struct jn_problems p = {0};
    struct jn_buf text = {0}, now = {0};
    struct settle s = {.e = e};

    /* Without its rules: the router knows none, and they cost seconds to compile. */
    if (jn_read_file(e->path_applied, 64u << 20, &text) == 0 &&
        jn_centre_parse(&old, NULL, e->path_applied, text.data ? text.data : "", text.len, &p) < 0)
        jn_warn("app", "%s does not parse any more: everything is told to the router again", e->path_applied);
    unsigned n = jn_directory_diff(old, e->directory, put_event, &s);
    if (s.rc == 0)
        s.rc = jn_read_file(e->path_centre, 64u << 20, &now);
    if (s.rc == 0 && n > 0) {
        uint64_t seq = atomic_load(&e->durable_seq);
        for (int i = 0;
             i < 2000 && (!jn_mailbox_empty(&e->main_router) || (i < 100 && atomic_load(&e->durable_seq) == seq)); i++)
            usleep(1000);
        s.rc = jn_replace_file(e->path_applied, now.data, now.len, 0600);
    }
    jn_buf_free(&text);
    jn_buf_free(&now);
    jn_problems_free(&p);
    jn_directory_unref(old);
    return s.rc;
}
