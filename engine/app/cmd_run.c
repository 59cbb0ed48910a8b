/* Run: the daemon in the foreground: checks everything, starts, says it is ready, serves until a signal, drains, stops.
 */
#include "engine/app/cmd.h"
#include "engine/app/engine.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "usage: junctor run --config FILE [--data DIR] [--drain-limit SECONDS] [--log-level LEVEL]\n"
    "\n"
    "Runs the engine in the foreground. Both YAML files are checked whole before anything is bound.\n"
    "\n"
    "  --config FILE          the machine's YAML (see docs/operating.md)\n"
    "  --data DIR             instead of the file's data folder\n"
    "  --drain-limit SECONDS  how long calls may go on after the first SIGINT or SIGTERM (default 30)\n"
    "  --log-level LEVEL      error, warn, info or debug, instead of the file's\n"
    "\n"
    "The first SIGINT or SIGTERM drains: new work is refused, calls may end by themselves; the second stops at once.\n"
    "SIGHUP opens the log file again, for log rotation, and reads SIP's certificate again.\n"
    "Exit: 0 stopped in order, 1 could not start (said why), 2 wrong use.\n";

struct options {
    const char *config, *data, *level;
    uint64_t drain_s;
};

static int parse(struct options *o, int argc, char *argv[])
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"data", required_argument, NULL, 'd'},
                                          {"drain-limit", required_argument, NULL, 'l'},
                                          {"log-level", required_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};

    *o = (struct options){.drain_s = 30};
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        if (c == 'c')
            o->config = optarg;
        else if (c == 'd')
            o->data = optarg;
        else if (c == 'v')
            o->level = optarg;
        else if (c == 'l' && jn_parse_u64(optarg, 86400, &o->drain_s) < 0)
            return fprintf(stderr, "junctor run: --drain-limit takes seconds, 0 to 86400\n"), 2;
        else if (c == 'h')
            return fputs(help, stdout), -1;
        else if (c == '?')
            return fputs("try: junctor run --help\n", stderr), 2;
    }
    if (!o->config || optind < argc)
        return fputs("junctor run: --config FILE is needed\ntry: junctor run --help\n", stderr), 2;
    return 0;
}

static int load(struct jn_engine *e, const struct options *o)
{
    struct jn_problems p = {0};

    if (jn_config_load(&e->config, o->config, &p) < 0) {
        fputs(p.text.data ? p.text.data : "", stderr);
        fprintf(stderr, "%s: %u mistake%s; nothing was started\n", o->config, p.count, p.count == 1 ? "" : "s");
        jn_problems_free(&p);
        return 1;
    }
    jn_problems_free(&p);
    if (o->data && !jn_copy(e->config.data_dir, sizeof e->config.data_dir, o->data))
        return fputs("junctor run: --data is too long\n", stderr), 2;
    if (o->level && jn_log_level_parse(o->level, &e->config.log_level) < 0)
        return fputs("junctor run: --log-level is error, warn, info or debug\n", stderr), 2;
    jn_log_level_set(e->config.log_level);
    int rc = e->config.log_file[0] ? jn_log_open(e->config.log_file) : 0;
    if (rc < 0)
        return fprintf(stderr, "%s: %s\n", e->config.log_file, strerror(-rc)), 1;
    return 0;
}

/* Two descriptors a leg; secrets stay out of core files. */
static void limits(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max;
        setrlimit(RLIMIT_NOFILE, &r);
    }
    if (!getenv("JUNCTOR_CORE"))
        prctl(PR_SET_DUMPABLE, 0);
}

/* fd: -1 makes one; otherwise changes what it hears. */
static int block_signals(int fd, bool hangup)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (hangup)
        sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return signalfd(fd, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* True: to drain. SIGHUP: the log file was rotated, or a certificate renewed. */
static bool take_signal(struct jn_engine *e, int fd)
{
    struct signalfd_siginfo info;

    if (read(fd, &info, sizeof info) != sizeof info)
        return false;
    if (info.ssi_signo == SIGHUP) {
        int rc = jn_log_reopen();
        if (rc < 0)
            jn_error("app", "the log file cannot be opened again: %s; the old one goes on", strerror(-rc));
        else
            jn_info("app", "signal %u: the log file was opened again", info.ssi_signo);
        jn_engine_files(e);
        return false;
    }
    jn_info("app", "signal %u: draining", info.ssi_signo);
    return true;
}

int jn_cmd_run(int argc, char *argv[])
{
    struct options o;
    struct jn_err err = {{0}};
    int rc = parse(&o, argc, argv);

    if (rc != 0)
        return rc < 0 ? 0 : rc;
    struct jn_engine *e = aligned_alloc(64, (sizeof *e + 63) / 64 * 64);
    if (!e)
        return 1;
    memset(e, 0, sizeof *e);
    rc = load(e, &o);
    if (rc != 0) {
        free(e);
        return rc;
    }
    umask(0077); /* what lies on disk is nobody else's business */
    limits();
    int signals = block_signals(-1, true);
    bool started = false;
    rc = jn_engine_open(e, &err);
    if (rc == 0) {
        rc = jn_engine_start(e, &err);
        started = true;
    }
    if (rc < 0) {
        fprintf(stderr, "junctor: %s\n", err.text[0] ? err.text : strerror(-rc));
    } else {
        jn_info("app", "ready: sip=%s:%u api=%s:%u data=%s calls=%u workers=%u", e->config.sip_host, e->config.sip_port,
                e->config.api_host, e->config.api_port, e->config.data_dir, e->config.max_calls, e->workers);
        do
            jn_engine_serve(e, signals);
        while (!take_signal(e, signals));
        block_signals(signals, false); /* from here on a signal ends the draining */
        unsigned left = jn_engine_drain(e, (uint32_t)o.drain_s, signals);
        jn_info("app", "stopping: calls_left=%u", left);
    }
    if (started)
        jn_engine_stop(e);
    jn_engine_close(e);
    jn_info("app", "stopped; data lies in %s", e->config.data_dir);
    free(e);
    close(signals);
    return rc < 0 ? 1 : 0;
}
