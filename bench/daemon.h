/* Daemon: the real engine as a child process of a benchmark: its folder, one core for it and another for the benchmark,
 * its API, its processor time. */
#ifndef JN_BENCH_DAEMON_H
#define JN_BENCH_DAEMON_H

#include "engine/api/json.h"
#include "engine/app/http_client.h"
#include "engine/base/clock.h"
#include <ctype.h>
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct daemon_run {
    char dir[64], url[64], token[160];
    pid_t pid;
};

static inline void daemon_die(const char *what)
{
    perror(what);
    exit(1);
}

static inline void daemon_pin(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)core % (size_t)sysconf(_SC_NPROCESSORS_ONLN), &set);
    sched_setaffinity(0, sizeof set, &set);
}

/* A file of the run's folder, for writing. */
static inline FILE *daemon_file(const struct daemon_run *d, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", d->dir, name);
    FILE *f = fopen(path, "w");
    if (!f)
        daemon_die(path);
    return f;
}

/* Starts `junctor run` beside this program on core 0, with d->dir/junctor.yaml. BENCH_WRAP in the environment is a
 * command that it runs under: "valgrind --tool=callgrind", "strace -c -f". */
static inline void daemon_start(struct daemon_run *d, rlim_t files)
{
    char self[512], config[128];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 32);
    if (n < 0)
        daemon_die("readlink");
    self[n] = 0;
    strcpy(strrchr(self, '/'), "/../junctor");
    snprintf(config, sizeof config, "%s/junctor.yaml", d->dir);
    d->pid = fork();
    if (d->pid)
        return;
    struct rlimit r = {files, files};
    setrlimit(RLIMIT_NOFILE, &r); /* where we may */
    daemon_pin(0);
    if (getenv("BENCH_WRAP")) {
        char command[1024];
        snprintf(command, sizeof command, "exec %s '%s' run --config '%s'", getenv("BENCH_WRAP"), self, config);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    }
    execl(self, self, "run", "--config", config, (char *)NULL);
    daemon_die(self);
}

/* The HTTP status; out may be NULL. */
static inline int daemon_call(const struct daemon_run *d, const char *method, const char *path, const char *token,
                              const char *json, struct jn_json **out)
{
    struct jn_buf body = {0}, answer = {0};
    struct jn_err err;
    if (json)
        jn_buf_text(&body, json);
    int rc = jn_http_call(d->url, method, path, token ? token : d->token, json ? "application/json" : NULL,
                          json ? &body : NULL, &answer, &err);
    if (out)
        *out = rc >= 200 && rc < 300 ? jn_json_parse(answer.data, answer.len, NULL) : NULL;
    jn_buf_free(&body);
    jn_buf_free(&answer);
    return rc;
}

/* Waits until it serves, and reads the installation's token. */
static inline void daemon_ready(struct daemon_run *d)
{
    char path[128], text[1024];
    int status;
    snprintf(path, sizeof path, "%s/data/api.json", d->dir);
    for (int i = 0; i < 600; i++, usleep(50000)) {
        if (waitpid(d->pid, &status, WNOHANG) == d->pid) {
            fprintf(stderr, "the engine ended at its start\n");
            exit(1);
        }
        FILE *f = fopen(path, "r");
        if (!f)
            continue;
        size_t n = fread(text, 1, sizeof text, f);
        fclose(f);
        struct jn_json *j = jn_json_parse(text, n, NULL), *s = NULL;
        const char *url = jn_json_text(jn_json_get(j, "url")), *token = jn_json_text(jn_json_get(j, "admin_token"));
        bool good = url && token && jn_copy(d->url, sizeof d->url, url) && jn_copy(d->token, sizeof d->token, token);
        jn_json_free(j);
        if (good && daemon_call(d, "GET", "/api/v1/status", NULL, NULL, &s) == 200 &&
            jn_json_bool(jn_json_get(s, "sip")) == 1) {
            jn_json_free(s);
            return;
        }
        jn_json_free(s);
    }
    fprintf(stderr, "the engine does not serve\n");
    exit(1);
}

/* Seconds of processor time of the process, or of one thread of it (tid 0: all). */
static inline double daemon_cpu(pid_t pid, pid_t tid)
{
    char path[64], text[1024];
    unsigned long user = 0, sys = 0;
    if (tid)
        snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid, (int)tid);
    else
        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        fclose(f);
    text[n] = 0;
    const char *p = strrchr(text, ')');
    if (p)
        sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys);
    return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

struct daemon_thread {
    pid_t tid;
    char name[20];
    double cpu;
};

static inline unsigned daemon_threads(pid_t pid, struct daemon_thread *out, unsigned max)
{
    char path[300];
    unsigned n = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && n < max && (e = readdir(dir));) {
        if (!isdigit((unsigned char)e->d_name[0]))
            continue;
        struct daemon_thread *t = &out[n++];
        t->tid = atoi(e->d_name);
        t->cpu = daemon_cpu(pid, t->tid);
        snprintf(path, sizeof path, "/proc/%d/task/%s/comm", (int)pid, e->d_name);
        FILE *f = fopen(path, "r");
        if (!f || !fgets(t->name, sizeof t->name, f))
            t->name[0] = 0;
        t->name[strcspn(t->name, "\n")] = 0;
        if (f)
            fclose(f);
    }
    if (dir)
        closedir(dir);
    return n;
}

static inline void daemon_stop(struct daemon_run *d)
{
    char clean[128];
    int status;
    kill(d->pid, SIGTERM);
    waitpid(d->pid, &status, 0);
    snprintf(clean, sizeof clean, "rm -rf '%s'", d->dir);
    if (system(clean))
        fprintf(stderr, "%s is left behind\n", d->dir);
}

#endif
