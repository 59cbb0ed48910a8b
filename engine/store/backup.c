/* Backup: see backup.h. The manifest has one line a file: CRC-32C, bytes, path below the folder; its last line is its
 * own CRC. It finds damage, not forgery: whoever can write the backup can write its keys. */
#include "engine/store/backup.h"
#include "engine/base/crc.h"
#include "engine/base/str.h"
#include "engine/store/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANIFEST "MANIFEST"
#define DATABASE "junctor.db"
#define KEYS     "messages/keys"
enum { TRIES = 5, PATH_BYTES = 1400, BLOCK = 1 << 18, DEPTH_MAX = 4, MANIFEST_MAX = 64 << 20 };

struct job {
    const char *from, *to;
    struct jn_buf manifest;
    struct jn_backup *out;
    unsigned vanished;
    jn_backup_progress *progress;
    void *arg;
    struct jn_err *err;
};

static int path_of(char out[static PATH_BYTES], const char *dir, const char *file)
{
    return snprintf(out, PATH_BYTES, "%s/%s", dir, file) < PATH_BYTES ? 0 : -ENAMETOOLONG;
}

/* A file that grows meanwhile gives what it had when it was opened or more: a clean beginning of it either way. */
static int copy_bytes(int in, int out, uint64_t *bytes, uint32_t *crc)
{
    uint8_t *block = malloc(BLOCK);
    ssize_t n = 0;
    int rc = block ? 0 : -ENOMEM;

    *bytes = 0;
    *crc = 0;
    while (rc == 0 && (n = jn_file_read(in, block, BLOCK, *bytes)) > 0) {
        if (out >= 0)
            rc = jn_file_write(out, block, (size_t)n, *bytes);
        *crc = jn_crc32c(*crc, block, (size_t)n);
        *bytes += (uint64_t)n;
    }
    free(block);
    return rc < 0 ? rc : n < 0 ? (int)n : 0;
}

/* to NULL: only reads. */
static int copy_file(const char *from, const char *to, uint64_t *bytes, uint32_t *crc)
{
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out = -1;
    if (in < 0)
        return -errno;
    if (to && (out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0) {
        int rc = -errno;
        close(in);
        return rc;
    }
    int rc = copy_bytes(in, out, bytes, crc);
    if (rc == 0 && out >= 0)
        rc = jn_files->sync(out);
    if (out >= 0)
        close(out);
    close(in);
    return rc;
}

static int take(struct job *j, const char *file)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    uint64_t bytes;
    uint32_t crc;

    if (path_of(from, j->from, file) < 0 || path_of(to, j->to, file) < 0)
        return jn_fail(j->err, -ENAMETOOLONG, "%s: the name is too long", file);
    if (j->progress)
        j->progress(j->arg, file, j->out->bytes);
    int rc = copy_file(from, to, &bytes, &crc);
    if (rc == -ENOENT) {
        j->vanished++; /* retention took it away meanwhile */
        return 0;
    }
    if (rc < 0)
        return jn_fail(j->err, rc, "%s to %s: %s", from, to, strerror(-rc));
    jn_buf_printf(&j->manifest, "%08x %llu %s\n", crc, (unsigned long long)bytes, file);
    j->out->files++;
    j->out->bytes += bytes;
    return 0;
}

/* What belongs to the running process, is half written, or was taken already. */
static bool left_out(const char *file)
{
    size_t n = strlen(file);
    return !strcmp(file, "lock") || !strcmp(file, "api.json") || !strncmp(file, DATABASE, sizeof DATABASE - 1) ||
           !strcmp(file, KEYS) || !strcmp(file, MANIFEST) || (n > 4 && !strcmp(file + n - 4, ".new"));
}

static int each_name(const char *dir, struct jn_names *names)
{
    return jn_names_list(names, dir, "");
}

static int take_folder(struct job *j, const char *below, int depth);

static int take_entry(struct job *j, const char *file, int depth)
{
    char path[PATH_BYTES];
    struct stat st;

    if (left_out(file))
        return 0;
    if (path_of(path, j->from, file) < 0 || lstat(path, &st) < 0)
        return 0;
    if (S_ISREG(st.st_mode))
        return take(j, file);
    return S_ISDIR(st.st_mode) && depth < DEPTH_MAX ? take_folder(j, file, depth + 1) : 0;
}

static int take_folder(struct job *j, const char *below, int depth)
{
    char path[PATH_BYTES], file[PATH_BYTES];
    struct jn_names names;

    if (*below && (path_of(path, j->to, below) < 0 || (mkdir(path, 0700) < 0 && errno != EEXIST)))
        return jn_fail(j->err, -errno, "%s/%s: %s", j->to, below, strerror(errno));
    if (path_of(path, j->from, below) < 0)
        return -ENAMETOOLONG;
    int rc = each_name(path, &names);
    if (rc < 0)
        return jn_fail(j->err, rc, "%s: %s", path, strerror(-rc));
    for (size_t i = 0; rc == 0 && i < names.count; i++) {
        if (!strcmp(names.at[i], ".") || !strcmp(names.at[i], ".."))
            continue;
        if (snprintf(file, sizeof file, "%s%s%s", below, *below ? "/" : "", names.at[i]) >= (int)sizeof file)
            rc = jn_fail(j->err, -ENAMETOOLONG, "%s/%s", below, names.at[i]);
        else if (depth > 0 || (strcmp(file, "journal") && strcmp(file, "messages")))
            rc = take_entry(j, file, depth);
    }
    jn_names_free(&names);
    return rc;
}

static int write_manifest(struct job *j)
{
    char path[PATH_BYTES];

    jn_buf_printf(&j->manifest, "end %08x\n", jn_crc32c(0, j->manifest.data, j->manifest.len));
    if (j->manifest.failed || path_of(path, j->to, MANIFEST) < 0)
        return -ENOMEM;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int rc = jn_file_write(fd, j->manifest.data, j->manifest.len, 0);
    if (rc == 0)
        rc = jn_files->sync(fd);
    close(fd);
    return rc == 0 ? jn_files->sync_dir(j->to) : rc;
}

static int take_database(struct job *j)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    uint64_t bytes;
    uint32_t crc;

    if (path_of(from, j->from, DATABASE) < 0 || path_of(to, j->to, DATABASE) < 0)
        return -ENAMETOOLONG;
    if (access(from, R_OK) < 0)
        return jn_fail(j->err, -errno, "%s: %s; is this an engine's data folder?", from, strerror(errno));
    int rc = jn_store_copy(from, to, &j->out->router_seq, j->err);
    if (rc < 0)
        return rc;
    if (chmod(to, 0600) < 0 || (rc = copy_file(to, NULL, &bytes, &crc)) < 0)
        return jn_fail(j->err, rc ? rc : -errno, "%s: cannot be read again", to);
    jn_buf_printf(&j->manifest, "%08x %llu %s\n", crc, (unsigned long long)bytes, DATABASE);
    j->out->files++;
    j->out->bytes += bytes;
    return 0;
}

/* A snapshot that was taken meanwhile makes older segments go: then what was copied may lack its beginning, and the
 * folder is copied once more. */
static int take_journal(struct job *j)
{
    char dir[PATH_BYTES], path[PATH_BYTES];
    size_t lines = j->manifest.len;
    struct jn_backup before = *j->out;

    for (int i = 0; i < TRIES; i++) {
        j->vanished = 0;
        int rc = take_folder(j, "journal", 1);
        if (rc < 0 || j->vanished == 0)
            return rc;
        struct jn_names names;
        if ((rc = path_of(dir, j->to, "journal")) < 0 || (rc = each_name(dir, &names)) < 0)
            return rc;
        for (size_t k = 0; k < names.count; k++)
            if (path_of(path, dir, names.at[k]) == 0)
                unlink(path);
        jn_names_free(&names);
        j->manifest.len = lines;
        *j->out = before;
    }
    return jn_fail(j->err, -EAGAIN, "%s/journal changes faster than it can be copied", j->from);
}

int jn_backup_make(const char *data, const char *to, struct jn_backup *out, jn_backup_progress *progress, void *arg,
                   struct jn_err *err)
{
    char part[PATH_BYTES];
    struct job j = {.from = data, .to = part, .out = out, .progress = progress, .arg = arg, .err = err};

    memset(out, 0, sizeof *out);
    if (access(to, F_OK) == 0)
        return jn_fail(err, -EEXIST, "%s is there already", to);
    if (snprintf(part, sizeof part, "%s.part", to) >= (int)sizeof part)
        return jn_fail(err, -ENAMETOOLONG, "%s: the name is too long", to);
    if (mkdir(part, 0700) < 0)
        return jn_fail(err, -errno, "cannot make %s: %s", part, strerror(errno));
    int rc = take_database(&j);
    if (rc == 0)
        rc = take_journal(&j);
    if (rc == 0)
        rc = take_folder(&j, "messages", 1);
    if (rc == 0) /* after the messages: each one's key was there before it */
        rc = take(&j, KEYS);
    if (rc == 0)
        rc = take_folder(&j, "", 0);
    if (rc == 0 && (rc = write_manifest(&j)) < 0)
        jn_fail(err, rc, "%s/" MANIFEST ": %s", part, strerror(-rc));
    if (rc == 0 && rename(part, to) < 0)
        rc = jn_fail(err, -errno, "%s to %s: %s", part, to, strerror(errno));
    jn_buf_free(&j.manifest);
    return rc;
}

/* A path that stays below its folder. */
static bool inside(const char *file)
{
    return *file && *file != '/' && !strstr(file, "..") && !strchr(file, '\\') && strlen(file) < 512;
}

/* Calls each line of a manifest whose own CRC is right. */
static int manifest_each(const char *backup, int (*each)(void *arg, uint32_t crc, uint64_t bytes, const char *file),
                         void *arg, struct jn_err *err)
{
    char path[PATH_BYTES], file[512];
    uint8_t *text = NULL;
    size_t n = 0;
    unsigned said;

    if (path_of(path, backup, MANIFEST) < 0)
        return -ENAMETOOLONG;
    int rc = jn_file_load(path, MANIFEST_MAX, &text, &n);
    if (rc < 0)
        return jn_fail(err, rc, "%s: %s; is this a backup?", path, strerror(-rc));
    char *s = realloc(text, n + 1);
    if (!s) {
        free(text);
        return -ENOMEM;
    }
    s[n] = 0;
    char *end = n > 13 ? s + n - 13 : NULL; /* "end XXXXXXXX\n" */
    if (!end || sscanf(end, "end %8x", &said) != 1 || said != jn_crc32c(0, s, n - 13))
        rc = jn_fail(err, -EBADMSG, "%s: damaged", path);
    for (char *save, *line = end ? (*end = 0, strtok_r(s, "\n", &save)) : NULL; rc == 0 && line;
         line = strtok_r(NULL, "\n", &save)) {
        unsigned long long bytes;
        if (sscanf(line, "%8x %llu %511s", &said, &bytes, file) != 3 || !inside(file))
            rc = jn_fail(err, -EBADMSG, "%s: a line is not understood", path);
        else
            rc = each(arg, said, bytes, file);
    }
    free(s);
    return rc;
}

static int verify_one(void *arg, uint32_t crc, uint64_t bytes, const char *file)
{
    struct job *j = arg;
    char path[PATH_BYTES];
    uint64_t n;
    uint32_t c;

    if (j->progress)
        j->progress(j->arg, file, j->out->bytes);
    int rc = path_of(path, j->from, file);
    if (rc == 0)
        rc = copy_file(path, NULL, &n, &c);
    if (rc < 0)
        return jn_fail(j->err, rc == -ENOENT ? -EBADMSG : rc, "%s: %s", path, strerror(-rc));
    if (n != bytes || c != crc)
        return jn_fail(j->err, -EBADMSG, "%s: not what was backed up (%llu bytes, %llu then)", path,
                       (unsigned long long)n, (unsigned long long)bytes);
    j->out->files++;
    j->out->bytes += n;
    return 0;
}

int jn_backup_verify(const char *backup, struct jn_backup *out, jn_backup_progress *progress, void *arg,
                     struct jn_err *err)
{
    struct job j = {.from = backup, .out = out, .progress = progress, .arg = arg, .err = err};

    memset(out, 0, sizeof *out);
    return manifest_each(backup, verify_one, &j, err);
}

struct restore {
    struct job j;
    const char *keys;
};

static int restore_one(void *arg, uint32_t crc, uint64_t bytes, const char *file)
{
    struct restore *r = arg;
    char from[PATH_BYTES], to[PATH_BYTES];
    uint64_t n;
    uint32_t c;
    bool newer = r->keys && !strcmp(file, KEYS);

    if (path_of(from, newer ? r->keys : r->j.from, file) < 0 || path_of(to, r->j.to, file) < 0)
        return -ENAMETOOLONG;
    for (char *slash = strchr(to + strlen(r->j.to) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int rc = mkdir(to, 0700) < 0 && errno != EEXIST ? -errno : 0;
        *slash = '/';
        if (rc < 0)
            return jn_fail(r->j.err, rc, "%s: %s", to, strerror(-rc));
    }
    if (r->j.progress)
        r->j.progress(r->j.arg, file, r->j.out->bytes);
    int rc = copy_file(from, to, &n, &c);
    if (rc < 0)
        return jn_fail(r->j.err, rc, "%s to %s: %s", from, to, strerror(-rc));
    if (!newer && (n != bytes || c != crc))
        return jn_fail(r->j.err, -EBADMSG, "%s changed while it was restored", from);
    r->j.out->files++;
    r->j.out->bytes += n;
    return 0;
}

static int empty_folder(const char *dir, struct jn_err *err)
{
    struct jn_names names;

    if (mkdir(dir, 0700) == 0)
        return 0;
    if (errno != EEXIST)
        return jn_fail(err, -errno, "cannot make %s: %s", dir, strerror(errno));
    int rc = each_name(dir, &names);
    size_t n = 0;
    for (size_t i = 0; rc == 0 && i < names.count; i++)
        n += strcmp(names.at[i], ".") && strcmp(names.at[i], "..");
    if (rc == 0)
        jn_names_free(&names);
    return rc < 0 ? jn_fail(err, rc, "%s: %s", dir, strerror(-rc))
           : n    ? jn_fail(err, -ENOTEMPTY, "%s is not empty; nothing was changed", dir)
                  : 0;
}

int jn_backup_restore(const char *backup, const char *keys, const char *data, struct jn_backup *out,
                      jn_backup_progress *progress, void *arg, struct jn_err *err)
{
    struct restore r = {.j = {.from = backup, .to = data, .out = out, .progress = progress, .arg = arg, .err = err},
                        .keys = keys};
    int rc = jn_backup_verify(backup, out, NULL, NULL, err);

    if (rc == 0 && keys)
        rc = jn_backup_verify(keys, out, NULL, NULL, err);
    if (rc == 0)
        rc = empty_folder(data, err);
    memset(out, 0, sizeof *out);
    if (rc == 0)
        rc = manifest_each(backup, restore_one, &r, err);
    if (rc == 0)
        rc = jn_files->sync_dir(data);
    return rc;
}
