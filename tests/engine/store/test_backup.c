#include "engine/store/backup.h"
#include "engine/store/store.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/junctor-backup-XXXXXX", data[64], saved[64], again[64];
static struct jn_backup b;
static struct jn_err err;

static void put(const char *dir, const char *file, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s", path);
    close(fd);
}

static const char *get(const char *dir, const char *file)
{
    static char text[256];
    char path[200];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = 0;
    return n < 0 ? NULL : text;
}

static void begin(void)
{
    struct jn_store *s = NULL;
    char path[100];
    cr_assert_not_null(mkdtemp(root));
    snprintf(data, sizeof data, "%s/data", root);
    snprintf(saved, sizeof saved, "%s/saved", root);
    snprintf(again, sizeof again, "%s/again", root);
    const char *const folders[] = {"", "/journal", "/messages", "/recordings"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s%s", data, folders[i]);
        cr_assert_eq(mkdir(path, 0700), 0);
    }
    snprintf(path, sizeof path, "%s/junctor.db", data);
    cr_assert_eq(jn_store_open(&s, path, &err), 0, "%s", err.text);
    cr_assert_eq(jn_store_begin(s), 0);
    cr_assert_eq(jn_store_put(s, "name", "value", 5), 0);
    cr_assert_eq(jn_store_commit(s, 42), 0);
    jn_store_close(s);
    put(data, "journal/1.journal", "events");
    put(data, "messages/1.messages", "sealed");
    put(data, "messages/keys", "keys");
    put(data, "recordings/1.rec", "frames");
    put(data, "master.key", "secret");
    put(data, "lock", "");
    put(data, "api.json", "of the running process");
    put(data, "centre.yaml.new", "half");
}

static void end(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", root);
    cr_assert_eq(system(command), 0);
    strcpy(strstr(root, "backup-") + 7, "XXXXXX");
}

TestSuite(backup, .init = begin, .fini = end);

Test(backup, there_and_back)
{
    struct stat st;
    cr_assert_eq(jn_backup_make(data, saved, &b, NULL, NULL, &err), 0, "%s", err.text);
    cr_assert_eq(b.router_seq, 42);
    cr_assert_eq(b.files, 6);
    cr_assert_eq(jn_backup_verify(saved, &b, NULL, NULL, &err), 0, "%s", err.text);
    cr_assert_null(get(saved, "lock"));
    cr_assert_null(get(saved, "api.json"));
    cr_assert_null(get(saved, "centre.yaml.new"));
    cr_assert(stat(saved, &st) == 0 && (st.st_mode & 0777) == 0700);
    cr_assert_eq(jn_backup_restore(saved, NULL, again, &b, NULL, NULL, &err), 0, "%s", err.text);
    cr_assert_str_eq(get(again, "journal/1.journal"), "events");
    cr_assert_str_eq(get(again, "messages/1.messages"), "sealed");
    cr_assert_str_eq(get(again, "messages/keys"), "keys");
    cr_assert_str_eq(get(again, "recordings/1.rec"), "frames");
    cr_assert_str_eq(get(again, "master.key"), "secret");
    struct jn_store *s = NULL;
    struct jn_buf value = {0};
    char path[100];
    snprintf(path, sizeof path, "%s/junctor.db", again);
    cr_assert_eq(jn_store_open(&s, path, &err), 0, "%s", err.text);
    cr_assert_eq(jn_store_seq(s), 42);
    cr_assert_eq(jn_store_get(s, "name", &value), 0);
    cr_assert_str_eq(value.data, "value");
    jn_buf_free(&value);
    jn_store_close(s);
}

Test(backup, nothing_is_overwritten)
{
    cr_assert_eq(jn_backup_make(data, saved, &b, NULL, NULL, &err), 0, "%s", err.text);
    cr_assert_eq(jn_backup_make(data, saved, &b, NULL, NULL, &err), -EEXIST);
    cr_assert_eq(jn_backup_restore(saved, NULL, data, &b, NULL, NULL, &err), -ENOTEMPTY);
    cr_assert_str_eq(get(data, "journal/1.journal"), "events");
}

Test(backup, damage_is_found_before_anything_is_restored)
{
    const char *const files[] = {"journal/1.journal", "messages/keys", "MANIFEST"};
    cr_assert_eq(jn_backup_make(data, saved, &b, NULL, NULL, &err), 0, "%s", err.text);
    for (size_t i = 0; i < 3; i++) {
        char before[256];
        strcpy(before, get(saved, files[i]));
        put(saved, files[i], "another text");
        cr_assert_eq(jn_backup_restore(saved, NULL, again, &b, NULL, NULL, &err), -EBADMSG, "%s", files[i]);
        cr_assert_not_null(strstr(err.text, files[i]), "%s", err.text);
        cr_assert_neq(access(again, F_OK), 0, "%s: restored all the same", files[i]);
        if (i < 2)
            put(saved, files[i], before);
    }
}

Test(backup, keys_of_a_newer_backup)
{
    char newer[64];
    snprintf(newer, sizeof newer, "%s/newer", root);
    cr_assert_eq(jn_backup_make(data, saved, &b, NULL, NULL, &err), 0, "%s", err.text);
    put(data, "messages/keys", "erased");
    cr_assert_eq(jn_backup_make(data, newer, &b, NULL, NULL, &err), 0, "%s", err.text);
    cr_assert_eq(jn_backup_restore(saved, newer, again, &b, NULL, NULL, &err), 0, "%s", err.text);
    cr_assert_str_eq(get(again, "messages/keys"), "erased", "what was erased since stays erased");
    cr_assert_str_eq(get(again, "messages/1.messages"), "sealed");
}

Test(backup, no_data_folder)
{
    cr_assert_lt(jn_backup_make(root, saved, &b, NULL, NULL, &err), 0);
    cr_assert_not_null(strstr(err.text, "data folder"), "%s", err.text);
    cr_assert_neq(access(saved, F_OK), 0, "a backup that failed has not its name");
}
