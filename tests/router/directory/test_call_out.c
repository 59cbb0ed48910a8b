/* Call out: who may call which number; what cannot be dialled. */
#include "router/directory/directory.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(call_out, .timeout = 60);

static struct jn_directory *centre(void)
{
    struct jn_directory *d = jn_directory_new(2, 1, 3, 0, 0);
    struct jn_err err = {{0}};
    d->tenants[0] = (struct jn_dir_tenant){.id = 1, .name = "acme", .domain = "acme.test", .caller_id = "+4930100"};
    d->tenants[1] = (struct jn_dir_tenant){.id = 2, .name = "none", .domain = "none.test"};
    strcpy(d->tenants[0].call_out[0], "+49");
    strcpy(d->tenants[0].call_out[1], "0800");
    d->tenants[0].call_outs = 2;
    d->queues[0] = (struct jn_dir_queue){.set.id = 9, .tenant = 1, .name = "q", .caller_id = "+4930111"};
    for (unsigned i = 0; i < 3; i++) {
        d->agents[i] = (struct jn_dir_agent){.set.id = 10 + i, .tenant = 1, .role = JN_ROLE_AGENT};
        d->agents[i].name[0] = (char)('a' + i);
    }
    d->agents[1].may_call_out = true;
    d->agents[2].role = JN_ROLE_SUPERVISOR;
    cr_assert_eq(jn_directory_index(d, &err), 0, "%s", err.text);
    return d;
}

Test(call_out, needs_the_permission_and_one_of_the_tenants_prefixes)
{
    struct jn_directory *d = centre();
    cr_assert_not(jn_dir_may_call(d, 1, 10, "+4930"), "no permission");
    cr_assert(jn_dir_may_call(d, 1, 11, "+4930"));
    cr_assert(jn_dir_may_call(d, 1, 12, "08001"), "supervisors always may");
    cr_assert_not(jn_dir_may_call(d, 1, 11, "+1900"));
    cr_assert_not(jn_dir_may_call(d, 1, 11, "0049"), "compared as it is dialled");
    cr_assert_not(jn_dir_may_call(d, 1, 11, "+4"), "shorter than any prefix");
    cr_assert_not(jn_dir_may_call(d, 2, 11, "+4930"), "a tenant without prefixes calls nobody");
    cr_assert_not(jn_dir_may_call(d, 1, 99, "+4930"), "nobody");
    cr_assert_str_eq(jn_dir_caller_id(d, 1, 9), "+4930111");
    cr_assert_str_eq(jn_dir_caller_id(d, 1, 0), "+4930100");
    cr_assert_str_eq(jn_dir_caller_id(d, 2, 0), "");
    jn_directory_unref(d);
}

Test(call_out, only_digits_can_be_dialled)
{
    static const char *const good[] = {"1", "+1", "110", "+4930123456789", "12345678901234567890"};
    static const char *const bad[] = {"",      "+",   "++1",     "1+",        "sip:1", "1@evil",
                                      "49 30", "*21", "+49;a=b", "1\r\nX: y", "a",     "123456789012345678901"};
    for (unsigned i = 0; i < sizeof good / sizeof *good; i++)
        cr_assert(jn_dir_dialable(good[i]), "%s", good[i]);
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_not(jn_dir_dialable(bad[i]), "%s", bad[i]);
}
