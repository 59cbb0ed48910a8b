/* Cmd backup: `junctor backup` and `junctor restore`. */
#include "engine/app/cmd.h"
#include "engine/app/config.h"
#include "engine/app/data_format.h"
#include "engine/base/log.h"
#include "engine/store/backup.h"
#include "engine/store/replay.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char backup_help[] =
    "usage: junctor backup FOLDER [--data DIR] [--no-replay]\n"
    "       junctor backup --verify FOLDER\n\n"
    "Copies a data folder to the new FOLDER, whether its engine runs or not, with a manifest; then replays\n"
    "the copied journal, so that a backup that says it is done can be restored. The copy has the master key\n"
    "and the conversations' keys in it: keep it as safe as the data folder itself.\n\n"
    "  --data DIR    the data folder (default: $JUNCTOR_DATA_DIR, else ./data)\n"
    "  --no-replay   do not replay the copied journal (a large one takes its time)\n"
    "  --verify      compare an existing backup with its manifest\n\n"
    "What was erased stays in older backups only as long as their messages/keys: restore takes the keys of a\n"
    "newer backup with --keys.\n";
static const char restore_help[] =
    "usage: junctor restore FOLDER --data DIR [--keys NEWER]\n\n"
    "Makes the data folder DIR (missing or empty) out of a backup, after comparing it with its manifest.\n"
    "The engine goes on from there as after a crash: calls of that time are closed as lost, chats wait where\n"
    "they were.\n\n"
    "  --data DIR    the folder to make\n"
    "  --keys NEWER  conversations' keys out of this newer backup: what was erased since is unreadable\n";

static void progress(void *arg, const char *file, uint64_t bytes)
{
    if (*(const int *)arg)
        fprintf(stderr, "\r\033[K%6.1f MB  %s", (double)bytes / 1e6, file);
}

static void end_progress(int terminal)
{
    if (terminal)
        fputs("\r\033[K", stderr);
}

static int tell(const char *verb, int terminal, int rc, const struct jn_err *err)
{
    end_progress(terminal);
    if (rc < 0)
        fprintf(stderr, "junctor %s: %s\n", verb, err->text[0] ? err->text : strerror(-rc));
    return rc < 0 ? 1 : 0;
}

static int replay_copy(const char *folder, int terminal)
{
    char dir[JN_PATH_MAX + 32];
    struct jn_replay r;
    struct jn_err err = {{0}};

    snprintf(dir, sizeof dir, "%s/journal", folder);
    jn_log_level_set(JN_LOG_WARN);
    if (terminal)
        fprintf(stderr, "\r\033[Kreplaying the copy");
    int rc = jn_replay(dir, false, &r, NULL, NULL, &err);
    if (rc < 0) {
        end_progress(terminal);
        fprintf(stderr, "junctor backup: the copied journal does not replay: %s\n", err.text);
        return 1;
    }
    end_progress(terminal);
    printf("its journal replays: %llu events, %llu checks equal\n", (unsigned long long)r.events,
           (unsigned long long)(r.command_checks + r.state_checks));
    return 0;
}

int jn_cmd_backup(int argc, char *argv[])
{
    static const struct option known[] = {{"data", required_argument, NULL, 'd'},
                                          {"no-replay", no_argument, NULL, 'n'},
                                          {"verify", no_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    const char *data = getenv("JUNCTOR_DATA_DIR");
    bool replay = true, verify = false;
    struct jn_backup b;
    struct jn_err err = {{0}};
    int terminal = isatty(STDERR_FILENO);

    for (int o; (o = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        if (o == 'h')
            return fputs(backup_help, stdout), 0;
        if (o == '?')
            return fputs("try: junctor backup --help\n", stderr), 2;
        data = o == 'd' ? optarg : data;
        replay &= o != 'n';
        verify |= o == 'v';
    }
    if (optind + 1 != argc)
        return fputs("junctor backup: give one FOLDER\ntry: junctor backup --help\n", stderr), 2;
    const char *folder = argv[optind];
    int rc = verify ? jn_backup_verify(folder, &b, progress, &terminal, &err)
                    : jn_backup_make(data && *data ? data : "data", folder, &b, progress, &terminal, &err);
    if (tell("backup", terminal, rc, &err))
        return 1;
    printf("%s %s: %llu files, %.1f MB\n", verify ? "as it was made:" : "backed up to", folder,
           (unsigned long long)b.files, (double)b.bytes / 1e6);
    return replay && !verify ? replay_copy(folder, terminal) : 0;
}

int jn_cmd_restore(int argc, char *argv[])
{
    static const struct option known[] = {{"data", required_argument, NULL, 'd'},
                                          {"keys", required_argument, NULL, 'k'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    const char *data = NULL, *keys = NULL;
    struct jn_backup b;
    struct jn_err err = {{0}};
    uint64_t version;
    int terminal = isatty(STDERR_FILENO);

    for (int o; (o = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        if (o == 'h')
            return fputs(restore_help, stdout), 0;
        if (o == '?')
            return fputs("try: junctor restore --help\n", stderr), 2;
        data = o == 'd' ? optarg : data;
        keys = o == 'k' ? optarg : keys;
    }
    if (optind + 1 != argc || !data)
        return fputs("junctor restore: give one FOLDER, and --data DIR\ntry: junctor restore --help\n", stderr), 2;
    int rc = jn_data_format_read(argv[optind], &version, &err);
    if (rc == 0)
        rc = jn_backup_restore(argv[optind], keys, data, &b, progress, &terminal, &err);
    if (tell("restore", terminal, rc, &err))
        return 1;
    printf("restored to %s: %llu files, %.1f MB; start the engine on it with --data %s\n", data,
           (unsigned long long)b.files, (double)b.bytes / 1e6, data);
    return 0;
}
