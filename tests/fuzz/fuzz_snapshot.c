/* LINK: jn_router */
/* Snapshots: whatever loads is a sound router, saves to the same bytes (those of an older format to bytes that load and
 * save the same), and takes further events. */
#include "router/core/router.h"

#include <stdlib.h>
#include <string.h>

enum { FORMAT_AT = 4 };

static void must_be_kept(const struct jn_router_limits *limits, const uint8_t *bytes, size_t n)
{
    struct jn_router *r = jn_router_new(limits, NULL, NULL);
    struct jn_buf again = {0};

    if (!r || jn_router_load(r, bytes, n, NULL) < 0 || jn_router_save(r, &again) < 0 || again.len != n ||
        memcmp(again.data, bytes, n) != 0)
        abort();
    jn_buf_free(&again);
    jn_router_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const struct jn_router_limits limits = {16, 8, 4, 32};
    struct jn_router *r = jn_router_new(&limits, NULL, NULL);
    struct jn_buf again = {0};

    if (r && jn_router_load(r, bytes, n, NULL) == 0) {
        if (jn_router_save(r, &again) < 0)
            abort();
        bool same_format = (uint8_t)again.data[FORMAT_AT] == bytes[FORMAT_AT];
        if (same_format && (again.len != n || memcmp(again.data, bytes, n) != 0))
            abort();
        if (!same_format)
            must_be_kept(&limits, (const uint8_t *)again.data, again.len);
        uint64_t next = jn_router_next_us(r);
        struct jn_event ev = {.kind = JN_EV_TICK, .time_us = next == UINT64_MAX ? 0 : next};
        jn_router_apply(r, &ev);
        ev.kind = JN_EV_START;
        jn_router_apply(r, &ev);
        if (jn_router_check(r, NULL) < 0)
            abort();
    }
    jn_buf_free(&again);
    jn_router_free(r);
    return 0;
}
