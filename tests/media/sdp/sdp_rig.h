/* Sdp rig: addresses and descriptions of a test. */
#ifndef TEST_SDP_RIG_H
#define TEST_SDP_RIG_H

#include "media/sdp/sdp.h"
#include <criterion/criterion.h>
#include <string.h>

static inline struct jn_addr addr(const char *ip, uint16_t port)
{
    struct jn_addr a;
    cr_assert_eq(jn_addr_parse(&a, ip, port), 0);
    return a;
}

static inline struct jn_sdp read_back(const char *text)
{
    struct jn_sdp s;
    struct jn_err err = {{0}};
    cr_assert_eq(jn_sdp_parse(&s, text, strlen(text), &err), 0, "%s", err.text);
    return s;
}

#endif
