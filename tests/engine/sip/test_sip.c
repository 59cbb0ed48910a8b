/* The agent against sip-tester on loopback: calls, cancels, registrations, refusals, over UDP and TCP. */
#include "tests/engine/sip/fixture.h"
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

TestSuite(sip, .timeout = 60);

extern char **environ;

/* Runs sipp with the agent's address and these further arguments; its exit code. */
static int sipp(const char *scenario, const char *more)
{
    char line[1024], dir[512], cwd[] = "/tmp/jn_sipp_XXXXXX";
    char here[PATH_MAX];
    cr_assert_not_null(realpath(__FILE__, here));
    jn_copy(dir, sizeof dir, here);
    *strrchr(dir, '/') = 0;
    cr_assert_not_null(mkdtemp(cwd));
    if (scenario[0] == '-')
        snprintf(line, sizeof line, "%s", scenario);
    else
        snprintf(line, sizeof line, "-sf %s/scenarios/%s.xml", dir, scenario);
    size_t n = strlen(line);
    snprintf(line + n, sizeof line - n,
             " 127.0.0.1:%u -i 127.0.0.1 -nostdin -timeout 12 -timeout_error -recv_timeout 8000 %s", fx.port, more);
    char *argv[64] = {(char *)"sipp"};
    int argc = 1;
    for (char *save, *w = strtok_r(line, " ", &save); w && argc < 63; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        if (null < 0 || chdir(cwd))
            _exit(99);
        dup2(null, 0);
        dup2(null, 1);
        if (!getenv("SIPP_LOUD"))
            dup2(null, 2);
        execv("/usr/bin/sipp", argv);
        _exit(98);
    }
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    char rm[64];
    snprintf(rm, sizeof rm, "rm -rf %s", cwd);
    cr_assert_eq(system(rm), 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void all_ended(unsigned legs, enum jn_sip_end how)
{
    for (unsigned i = 0; i < legs; i++) {
        struct heard h = wait_heard(H_ENDED, i, 3000);
        cr_assert_eq(h.how, (int)how, "ended as %d", h.how);
    }
    cr_assert_eq(heard_of(H_ENDED), legs);
    cr_assert_eq(jn_sip_counts(fx.sip)->legs_open, 0);
}

Test(sip, a_call_over_udp_is_answered_and_ends_with_bye)
{
    start(true);
    cr_assert_eq(sipp("-sn uac", "-s answer -m 20 -r 20 -d 100"), 0);
    all_ended(20, JN_SIP_END_BYE);
    cr_assert_eq(heard_of(H_CONFIRMED), 20u);
    cr_assert_eq(jn_sip_counts(fx.sip)->answered, 20);
    finish();
}

Test(sip, a_call_over_tcp_is_answered_and_ends_with_bye)
{
    start(true);
    cr_assert_eq(sipp("-sn uac", "-s answer -m 5 -r 20 -d 100 -t t1"), 0);
    all_ended(5, JN_SIP_END_BYE);
    finish();
}

Test(sip, a_cancelled_call_gets_487_and_ends_once)
{
    start(true);
    cr_assert_eq(sipp("cancel", "-s ring -m 5 -r 10"), 0);
    all_ended(5, JN_SIP_END_CANCEL);
    cr_assert_eq(heard_of(H_CONFIRMED), 0u);
    finish();
}

Test(sip, a_required_extension_is_refused_by_name)
{
    start(true);
    cr_assert_eq(sipp("require", "-s answer -m 1"), 0);
    cr_assert_eq(heard_of(H_INVITE), 0u);
    cr_assert_eq(jn_sip_counts(fx.sip)->bad_extension, 1);
    finish();
}

Test(sip, a_refused_call_gets_its_status)
{
    start(true);
    cr_assert_eq(sipp("busy", "-s 486 -m 3"), 0);
    all_ended(3, JN_SIP_END_REFUSED);
    finish();
}

Test(sip, hold_by_reinvite_is_answered)
{
    start(true);
    cr_assert_eq(sipp("reinvite", "-s answer -m 2"), 0);
    all_ended(2, JN_SIP_END_BYE);
    cr_assert_eq(heard_of(H_REINVITE), 2u);
    finish();
}

Test(sip, options_is_answered_with_what_we_can_do)
{
    start(true);
    cr_assert_eq(sipp("options", "-s any -m 2"), 0);
    finish();
}

Test(sip, options_while_draining_is_503)
{
    start(true);
    job(J_DRAIN, NULL);
    cr_assert_eq(sipp("options503", "-s any -m 1"), 0);
    finish();
}

Test(sip, a_phone_registers_with_its_secret)
{
    start(false);
    cr_assert_eq(sipp("register", "-s 1001 -au 1001 -ap one -m 1"), 0);
    struct heard h = wait_heard(H_PHONE, 0, 2000);
    cr_assert_eq(h.agent, 101);
    cr_assert(h.on);
    finish();
}

Test(sip, a_phone_registers_over_tcp)
{
    start(false);
    cr_assert_eq(sipp("register", "-s 1002 -au 1002 -ap two -m 1 -t t1"), 0);
    cr_assert_eq(wait_heard(H_PHONE, 0, 2000).agent, 102);
    finish();
}

Test(sip, a_wrong_secret_and_an_unknown_user_are_refused_alike)
{
    start(false);
    cr_assert_eq(sipp("register_wrong", "-s 1001 -au 1001 -ap two -m 1"), 0);
    cr_assert_eq(sipp("register_wrong", "-s 9999 -au 9999 -ap two -m 1"), 0);
    cr_assert_eq(sipp("register_wrong", "-s 1002 -au 1001 -ap one -m 1"), 0, "one phone registered as another");
    cr_assert_eq(heard_of(H_PHONE), 0u);
    cr_assert_eq(jn_sip_counts(fx.sip)->unauthorised, 3);
    finish();
}

Test(sip, a_foreign_source_is_refused_and_counted)
{
    start(false);
    cr_assert_eq(sipp("forbidden", "-s answer -m 2"), 0);
    cr_assert_eq(jn_sip_counts(fx.sip)->forbidden_source, 2);
    cr_assert_eq(heard_of(H_INVITE), 0u);
    finish();
}

Test(sip, a_phone_of_ours_calls_after_a_challenge)
{
    start(false);
    cr_assert_eq(sipp("phone_calls", "-s answer -au 1001 -ap one -m 1"), 0);
    struct heard h = wait_heard(H_INVITE, 0, 2000);
    cr_assert_eq(h.agent, 101);
    all_ended(1, JN_SIP_END_BYE);
    finish();
}

Test(sip, a_taken_port_is_told_in_words)
{
    start(true);
    struct jn_sip *second = NULL;
    struct jn_sip_config c = {.host = "127.0.0.1", .port = fx.port, .max_legs = 4};
    struct jn_sip_sink sink = {0};
    struct jn_err err = {{0}};
    cr_assert_eq(jn_sip_open(&second, &c, fx.dir, NULL, &sink, &err), -EADDRINUSE);
    cr_assert_not_null(strstr(err.text, "in use"), "%s", err.text);
    cr_assert_null(second);
    finish();
}

Test(sip, calls_beyond_the_rate_get_503_with_retry_after)
{
    fx.rate = 2;
    start(true);
    cr_assert_eq(sipp("throttled", "-s 486 -m 10 -r 200 -l 10"), 0);
    cr_assert_geq(jn_sip_counts(fx.sip)->throttled, 7);
    finish();
}
