/* Carrier: two trunks whose far ends are sockets of the test, and what they say. Each test program gets its own copy.
 */
#ifndef JN_TEST_SIP_CARRIER_H
#define JN_TEST_SIP_CARRIER_H

#include "tests/engine/sip/peer.h"

enum { A = 501, B = 502 };
static struct peer a, b;

static __attribute__((unused)) void target(struct jn_dir_trunk *t, const struct peer *p)
{
    t->to[t->tos++] = (struct jn_dir_target){.host = "127.0.0.1", .port = p->port};
}

/* Trunks A and B to the two peers, a route "+" over both in this order. No trunk may call in by address. */
static __attribute__((unused)) struct jn_directory *two_trunks(void)
{
    struct jn_directory *d = jn_directory_new(1, 0, 0, 2, 0);
    cr_assert_not_null(d);
    cr_assert_eq(jn_directory_plan(d, 1, 0), 0);
    d->tenants[0] = (struct jn_dir_tenant){.id = 7, .name = "acme", .domain = "acme.test"};
    peer_open(&a, false);
    peer_open(&b, false);
    for (unsigned i = 0; i < 2; i++) {
        struct jn_dir_trunk *t = &d->trunks[i];
        *t = (struct jn_dir_trunk){.id = A + i,
                                   .tenant = 7,
                                   .name = {(char)('a' + i)},
                                   .country = "49",
                                   .international = "00",
                                   .national = "0",
                                   .next_ons = 2,
                                   .next_on = {{408, 408}, {500, 599}}};
        target(t, i ? &b : &a);
    }
    d->routes[0] = (struct jn_dir_route){.tenant = 7,
                                         .prefix = "+",
                                         .vias = 2,
                                         .via = {{.trunk = A, .weight = 1}, {.trunk = B, .order = 1, .weight = 1}}};
    return d;
}

static __attribute__((unused)) void up(struct jn_directory *d)
{
    struct jn_err err = {{0}};
    cr_assert_eq(jn_directory_index(d, &err), 0, "%s", err.text);
    start_with(d);
}

static struct jn_sip_trunk_call call = {.tenant = 7, .to = "+49301234", .from = "+49305555", .sdp = SDP};

static __attribute__((unused)) int make_call(uint64_t *leg)
{
    return jn_sip_call_trunk(fx.sip, leg, &call);
}

static __attribute__((unused)) uint64_t calls_out(void)
{
    uint64_t leg = 0;
    fx.todo = make_call;
    cr_assert_eq(job(J_DO, &leg), 0);
    return leg;
}

static __attribute__((unused)) int refused_call(void)
{
    uint64_t leg = 0;
    fx.todo = make_call;
    return job(J_DO, &leg);
}

static __attribute__((unused)) const struct jn_sip_trunk_status *status_of(uint64_t id)
{
    for (unsigned i = 0;; i++) {
        const struct jn_sip_trunk_status *t = jn_sip_trunk_status(fx.sip, i);
        cr_assert_not_null(t);
        if (t->id == id)
            return t;
    }
}

static __attribute__((unused)) void wait_value(const _Atomic uint32_t *value, uint32_t want, const char *what)
{
    uint64_t until = jn_mono_ns() + UINT64_C(6000000000);
    while (atomic_load(value) != want) {
        cr_assert_lt(jn_mono_ns(), until, "%s is %u, not %u", what, (unsigned)atomic_load(value), (unsigned)want);
        usleep(2000);
    }
}

static __attribute__((unused)) void done(struct peer *p)
{
    must_hear(p, "BYE");
    reply(p, "200 OK", "x", NULL, NULL);
}

/* Answers the INVITE in p->msg and waits for the ACK. */
static __attribute__((unused)) void answers(struct peer *p)
{
    char contact[64];
    snprintf(contact, sizeof contact, "sip:c@127.0.0.1:%u", p->port);
    reply(p, "180 Ringing", "x", contact, NULL);
    reply(p, "200 OK", "x", contact, SDP);
    must_hear(p, "ACK");
}

static __attribute__((unused)) bool has(const struct peer *p, const char *text)
{
    return strstr(p->msg, text) != NULL;
}

#endif
