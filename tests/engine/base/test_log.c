#include "engine/base/log.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/junctor-log-XXXXXX", path[64], text[8192];

static void begin(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/log", dir);
    cr_assert_eq(jn_log_open(path), 0);
    jn_log_level_set(JN_LOG_INFO);
}

static void end(void)
{
    jn_log_open(NULL);
    jn_log_level_set(JN_LOG_INFO);
    jn_log_modules_clear();
    unlink(path);
    rmdir(dir);
    strcpy(strstr(dir, "log-") + 4, "XXXXXX");
}

static const char *lines(const char *of)
{
    FILE *f = fopen(of, "re");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        fclose(f);
    text[n] = 0;
    return text;
}

TestSuite(log, .init = begin, .fini = end);

Test(log, levels_and_modules)
{
    jn_debug("sip", "one");
    jn_info("sip", "two");
    cr_assert_eq(jn_log_module_set("sip", JN_LOG_DEBUG), 0);
    jn_debug("sip", "three");
    jn_debug("api", "four");
    cr_assert_eq(jn_log_module_set("api", JN_LOG_ERROR), 0);
    jn_warn("api", "five");
    jn_log_modules_clear();
    jn_debug("sip", "six");
    jn_warn("api", "seven");
    const char *t = lines(path);
    cr_assert(!strstr(t, "one") && strstr(t, "two") && strstr(t, "three"), "%s", t);
    cr_assert(!strstr(t, "four") && !strstr(t, "five") && !strstr(t, "six") && strstr(t, "seven"), "%s", t);
}

Test(log, modules_are_bounded)
{
    char name[16];
    cr_assert_eq(jn_log_module_set("", JN_LOG_DEBUG), -EINVAL);
    cr_assert_eq(jn_log_module_set("longer-than-fifteen", JN_LOG_DEBUG), -EINVAL);
    jn_log_modules_clear();
    int rc = 0;
    for (int i = 0; i < JN_LOG_MODULES + 1; i++) {
        snprintf(name, sizeof name, "m%d", i);
        rc = jn_log_module_set(name, JN_LOG_DEBUG);
    }
    cr_assert_eq(rc, -ENOSPC);
    cr_assert_eq(jn_log_module_set("m0", JN_LOG_INFO), 0, "one that is known can still be changed");
}

Test(log, goes_on_in_a_new_file_after_rotation)
{
    char old[80];
    snprintf(old, sizeof old, "%s.1", path);
    jn_info("app", "before");
    cr_assert_eq(rename(path, old), 0);
    jn_info("app", "between");
    cr_assert_eq(jn_log_reopen(), 0);
    jn_info("app", "after");
    cr_assert(strstr(lines(old), "between") && !strstr(text, "after"), "%s", text);
    cr_assert(strstr(lines(path), "after") && !strstr(text, "before"), "%s", text);
    unlink(old);
}

Test(log, outside_bytes_cannot_forge_a_line)
{
    jn_info("app", "name=%s", "a\nERROR forged");
    cr_assert_not_null(strstr(lines(path), "a\\x0aERROR forged"), "%s", text);
}
