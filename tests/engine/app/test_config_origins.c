/* api.origins: what is an origin and what is not. */
#include "engine/app/config.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(origins, .timeout = 60);

static int parse(struct jn_config *c, const char *list, struct jn_problems *p)
{
    char text[8192];
    int n = snprintf(text, sizeof text, "centre: ''\napi:\n  origins: %s\n", list);
    return jn_config_parse(c, "m.yaml", text, (size_t)n, p);
}

Test(origins, each_reaches_the_configuration)
{
    struct jn_config c;
    struct jn_problems p = {0};
    cr_assert_eq(parse(&c, "['https://www.client.example', 'http://localhost:8000']", &p), 0, "%s", p.text.data);
    cr_assert_eq(c.origins, 2);
    cr_assert_str_eq(c.origin[0], "https://www.client.example");
    cr_assert_str_eq(c.origin[1], "http://localhost:8000");
    cr_assert_eq(parse(&c, "[]", &p), 0);
    cr_assert_eq(c.origins, 0, "the same origin only, unless it is said otherwise");
}

Test(origins, what_a_browser_would_not_send_is_a_mistake)
{
    static const char *const wrong[] = {"'*'",
                                        "'www.client.example'",
                                        "'https://www.client.example/'",
                                        "'https://www.client.example/shop'",
                                        "'https://'",
                                        "'ftp://a.example'",
                                        "'https://WWW.client.example'",
                                        "'https://a.example:'",
                                        "'https://a.example:123456'",
                                        "'https://a.example; script-src *'",
                                        "\"https://a.example\\r\\nx: y\"",
                                        "''"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct jn_config c;
        struct jn_problems p = {0};
        char list[200];
        snprintf(list, sizeof list, "[%s]", wrong[i]);
        cr_assert_eq(parse(&c, list, &p), -EINVAL, "taken: %s", wrong[i]);
        cr_assert(strstr(p.text.data, "m.yaml:3 api.origins[0]"), "%s: %s", wrong[i], p.text.data);
        jn_problems_free(&p);
    }
}

Test(origins, there_is_room_for_so_many)
{
    struct jn_config c;
    struct jn_problems p = {0};
    char list[4000] = "[";
    for (int i = 0; i <= JN_ORIGINS; i++)
        snprintf(list + strlen(list), 40, "'https://s%d.example',", i);
    strcat(list, "]");
    cr_assert_eq(parse(&c, list, &p), -EINVAL);
    cr_assert_eq(p.count, 1, "%s", p.text.data);
    cr_assert(strstr(p.text.data, "is one too many"), "%s", p.text.data);
    jn_problems_free(&p);
}
