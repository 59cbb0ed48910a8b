/* Clock: the stack's time in whole milliseconds. Its timers are due at microseconds, but it waits for them in
 * milliseconds rounded down: of the last one it made hundreds of system calls that wait for nothing. With a time that
 * steps by milliseconds every timer is due at such a step, and the stack sleeps until then. */
#include "engine/sip/ua.h"
#include <sofia-sip/su_time.h>

/* The library's own hook, called with what su_time has read (NULL: nothing was asked for). */
extern void (*_su_time)(su_time_t *tv);

static void whole_milliseconds(su_time_t *tv)
{
    if (tv)
        tv->tv_usec -= tv->tv_usec % 1000;
}

void jn_sip_clock(void)
{
    _su_time = whole_milliseconds;
}
