/* Shim: runs the registered tests one after the other, a child process each, and sums up in Criterion's words, so that
 * tests/run reads both alike. A race makes the child exit 66 (the sanitizer's own code), which fails the test. */
#include "criterion/criterion.h"
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_FAILED = 11, EXIT_SKIPPED = 12, TIMES_SLOWER = 10, DEFAULT_TIMEOUT_S = 60 };

static struct jn_shim_test *tests, *suites;
static _Atomic unsigned failures;
static pthread_t main_thread;
static bool in_fini;

void jn_shim_test_add(struct jn_shim_test *t)
{
    struct jn_shim_test **end = &tests;
    while (*end)
        end = &(*end)->next;
    *end = t;
}

void jn_shim_suite_add(struct jn_shim_test *s)
{
    s->next = suites;
    suites = s;
}

/* A failed assertion ends its thread, as in Criterion; on the main thread that is the test. */
void jn_shim_leave(void)
{
    if (!pthread_equal(pthread_self(), main_thread))
        pthread_exit(NULL);
    exit(EXIT_FAILED);
}

void jn_shim_check(bool ok, bool hard, const char *file, int line, const char *what, const char *fmt, ...)
{
    if (ok)
        return;
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fprintf(stderr, "[----] %s:%d: Assertion failed: %s%s\n", file, line, what, text);
    atomic_fetch_add_explicit(&failures, 1, memory_order_relaxed);
    if (hard && !in_fini)
        jn_shim_leave();
}

void jn_shim_skip(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "[SKIP]");
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(EXIT_SKIPPED);
}

static const struct jn_shim_test *suite_of(const struct jn_shim_test *t)
{
    for (const struct jn_shim_test *s = suites; s; s = s->next)
        if (!strcmp(s->suite, t->suite))
            return s;
    return NULL;
}

static void run_child(const struct jn_shim_test *t, const struct jn_shim_test *s)
{
    double timeout = t->timeout > 0 ? t->timeout : s && s->timeout > 0 ? s->timeout : DEFAULT_TIMEOUT_S;
    main_thread = pthread_self();
    alarm((unsigned)(timeout * TIMES_SLOWER) + 1);
    void (*init)(void) = t->init ? t->init : s ? s->init : NULL;
    void (*fini)(void) = t->fini ? t->fini : s ? s->fini : NULL;
    if (init)
        init();
    t->run();
    in_fini = true;
    if (fini)
        fini();
    exit(atomic_load_explicit(&failures, memory_order_relaxed) ? EXIT_FAILED : t->exit_code);
}

enum outcome { PASSED, FAILED, CRASHED, SKIPPED };

static enum outcome judge(const struct jn_shim_test *t, int status)
{
    if (WIFSIGNALED(status)) {
        if (t->signal && WTERMSIG(status) == t->signal)
            return PASSED;
        fprintf(stderr, "[----] %s::%s: %s\n", t->suite, t->name,
                WTERMSIG(status) == SIGALRM ? "timed out" : strsignal(WTERMSIG(status)));
        return CRASHED;
    }
    int code = WEXITSTATUS(status);
    if (code == EXIT_SKIPPED)
        return SKIPPED;
    if (t->signal || code != t->exit_code) {
        fprintf(stderr, "[FAIL] %s::%s (exit code %d%s)\n", t->suite, t->name, code,
                code == 66 ? ", the sanitizer's" : "");
        return FAILED;
    }
    return PASSED;
}

int main(void)
{
    unsigned count[4] = {0};
    for (const struct jn_shim_test *t = tests; t; t = t->next) {
        const struct jn_shim_test *s = suite_of(t);
        if (t->disabled || (s && s->disabled)) {
            count[SKIPPED]++;
            continue;
        }
        fflush(NULL);
        pid_t pid = fork();
        if (pid < 0) {
            perror("fork");
            return 2;
        }
        if (pid == 0)
            run_child(t, s);
        int status = 0;
        if (waitpid(pid, &status, 0) != pid)
            return 2;
        count[judge(t, status)]++;
    }
    fprintf(stderr, "[====] Synthesis: Tested: %u | Passing: %u | Failing: %u | Crashing: %u\n",
            count[PASSED] + count[FAILED] + count[CRASHED], count[PASSED], count[FAILED], count[CRASHED]);
    if (count[SKIPPED])
        fprintf(stderr, "[====] Skipped: %u\n", count[SKIPPED]);
    return count[FAILED] || count[CRASHED] ? 1 : 0;
}
