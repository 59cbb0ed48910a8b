/* The part of Criterion's interface that our tests use, for builds under the thread sanitizer: Criterion itself dies
 * there before the first test. Each test runs in a child of its own, so a race, a crash or a time-out fails that test
 * alone. Same words, same meaning; nothing beyond what Criterion knows. */
#ifndef JN_SHIM_CRITERION_H
#define JN_SHIM_CRITERION_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct jn_shim_test {
    const char *suite, *name;
    void (*run)(void);
    void (*init)(void);
    void (*fini)(void);
    double timeout; /* seconds, 0: the suite's */
    int signal, exit_code;
    bool disabled;
    const char *description;
    struct jn_shim_test *next;
};
void jn_shim_test_add(struct jn_shim_test *t);
void jn_shim_suite_add(struct jn_shim_test *s);
/* hard: leaves the test when ok is false. */
void jn_shim_check(bool ok, bool hard, const char *file, int line, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
__attribute__((noreturn)) void jn_shim_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
__attribute__((noreturn)) void jn_shim_leave(void);

#define Test(S, N, ...)                                                                                                \
    static void S##_##N##_run(void);                                                                                   \
    static struct jn_shim_test S##_##N##_test = {.suite = #S, .name = #N, .run = S##_##N##_run, ##__VA_ARGS__};        \
    __attribute__((constructor)) static void S##_##N##_add(void)                                                       \
    {                                                                                                                  \
        jn_shim_test_add(&S##_##N##_test);                                                                             \
    }                                                                                                                  \
    static void S##_##N##_run(void)
#define TestSuite(S, ...)                                                                                              \
    static struct jn_shim_test S##_suite = {.suite = #S, ##__VA_ARGS__};                                               \
    __attribute__((constructor)) static void S##_suite_add(void)                                                       \
    {                                                                                                                  \
        jn_shim_suite_add(&S##_suite);                                                                                 \
    }

/* The blank in front keeps an absent message a valid format. */
#define JN_SHIM(ok, hard, what, ...) jn_shim_check((ok), (hard), __FILE__, __LINE__, what, " " __VA_ARGS__)

#define cr_assert(c, ...)               JN_SHIM(!!(c), true, #c, __VA_ARGS__)
#define cr_expect(c, ...)               JN_SHIM(!!(c), false, #c, __VA_ARGS__)
#define cr_assert_not(c, ...)           JN_SHIM(!(c), true, "not " #c, __VA_ARGS__)
#define cr_expect_not(c, ...)           JN_SHIM(!(c), false, "not " #c, __VA_ARGS__)
#define cr_assert_eq(a, b, ...)         JN_SHIM((a) == (b), true, #a " == " #b, __VA_ARGS__)
#define cr_expect_eq(a, b, ...)         JN_SHIM((a) == (b), false, #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...)        JN_SHIM((a) != (b), true, #a " != " #b, __VA_ARGS__)
#define cr_expect_neq(a, b, ...)        JN_SHIM((a) != (b), false, #a " != " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...)         JN_SHIM((a) < (b), true, #a " < " #b, __VA_ARGS__)
#define cr_expect_lt(a, b, ...)         JN_SHIM((a) < (b), false, #a " < " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...)        JN_SHIM((a) <= (b), true, #a " <= " #b, __VA_ARGS__)
#define cr_expect_leq(a, b, ...)        JN_SHIM((a) <= (b), false, #a " <= " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...)         JN_SHIM((a) > (b), true, #a " > " #b, __VA_ARGS__)
#define cr_expect_gt(a, b, ...)         JN_SHIM((a) > (b), false, #a " > " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...)        JN_SHIM((a) >= (b), true, #a " >= " #b, __VA_ARGS__)
#define cr_expect_geq(a, b, ...)        JN_SHIM((a) >= (b), false, #a " >= " #b, __VA_ARGS__)
#define cr_assert_null(a, ...)          JN_SHIM((a) == NULL, true, #a " is null", __VA_ARGS__)
#define cr_expect_null(a, ...)          JN_SHIM((a) == NULL, false, #a " is null", __VA_ARGS__)
#define cr_assert_not_null(a, ...)      JN_SHIM((a) != NULL, true, #a " is not null", __VA_ARGS__)
#define cr_expect_not_null(a, ...)      JN_SHIM((a) != NULL, false, #a " is not null", __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)     JN_SHIM(strcmp((a), (b)) == 0, true, #a " reads as " #b, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...)     JN_SHIM(strcmp((a), (b)) == 0, false, #a " reads as " #b, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...)    JN_SHIM(strcmp((a), (b)) != 0, true, #a " differs from " #b, __VA_ARGS__)
#define cr_expect_str_neq(a, b, ...)    JN_SHIM(strcmp((a), (b)) != 0, false, #a " differs from " #b, __VA_ARGS__)
#define cr_assert_str_empty(a, ...)     JN_SHIM((a)[0] == '\0', true, #a " is empty", __VA_ARGS__)
#define cr_assert_str_not_empty(a, ...) JN_SHIM((a)[0] != '\0', true, #a " is not empty", __VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...)  JN_SHIM(memcmp((a), (b), (n)) == 0, true, #a " holds " #b, __VA_ARGS__)
#define cr_expect_arr_eq(a, b, n, ...)  JN_SHIM(memcmp((a), (b), (n)) == 0, false, #a " holds " #b, __VA_ARGS__)
#define cr_assert_arr_neq(a, b, n, ...) JN_SHIM(memcmp((a), (b), (n)) != 0, true, #a " does not hold " #b, __VA_ARGS__)
#define cr_assert_float_eq(a, b, e, ...)                                                                               \
    JN_SHIM(fabs((double)(a) - (double)(b)) <= (double)(e), true, #a " is about " #b, __VA_ARGS__)
#define cr_expect_float_eq(a, b, e, ...)                                                                               \
    JN_SHIM(fabs((double)(a) - (double)(b)) <= (double)(e), false, #a " is about " #b, __VA_ARGS__)
#define cr_assert_fail(...)                                                                                            \
    do {                                                                                                               \
        JN_SHIM(false, true, "reached", __VA_ARGS__);                                                                  \
        jn_shim_leave();                                                                                               \
    } while (0)
#define cr_fail(...)      JN_SHIM(false, false, "reached", __VA_ARGS__)
#define cr_skip(...)      jn_shim_skip(" " __VA_ARGS__)
#define cr_skip_test(...) jn_shim_skip(" " __VA_ARGS__)
#define cr_log_info(...)  (void)fprintf(stderr, __VA_ARGS__)
#define cr_log_warn(...)  (void)fprintf(stderr, __VA_ARGS__)

#endif
