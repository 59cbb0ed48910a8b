#include "engine/base/addr.h"
#include <criterion/criterion.h>

Test(addr, which_addresses_anybody_can_reach)
{
    static const struct {
        const char *ip;
        bool reachable;
    } all[] = {{"8.8.8.8", true},      {"1.0.0.1", true},
               {"172.32.0.1", true},   {"100.128.0.1", true},
               {"192.169.0.1", true},  {"2600::1", true},
               {"10.0.0.1", false},    {"127.0.0.1", false},
               {"172.16.0.1", false},  {"172.31.255.255", false},
               {"192.168.1.1", false}, {"100.64.0.1", false},
               {"169.254.1.1", false}, {"0.0.0.0", false},
               {"224.0.0.1", false},   {"255.255.255.255", false},
               {"203.0.113.9", false}, {"::1", false},
               {"::", false},          {"fd00::1", false},
               {"fe80::1", false},     {"2001:db8::1", false},
               {"ff02::1", false}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct jn_addr a;
        cr_assert_eq(jn_addr_parse(&a, all[i].ip, 5060), 0);
        cr_assert_eq(jn_addr_public(&a), all[i].reachable, "%s", all[i].ip);
    }
    struct jn_addr none = {{0}, 0, JN_ADDR_NONE, 0};
    cr_assert_not(jn_addr_public(&none));
}
