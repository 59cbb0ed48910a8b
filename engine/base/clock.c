/* Clock: the machine's clocks, and the engine's time line made of both. */
#include "engine/base/clock.h"

#include <stdatomic.h>
#include <time.h>

/* Set once before threads start. */
static _Atomic uint64_t start_us, start_mono_ns;

static uint64_t read_ns(clockid_t which)
{
    struct timespec t;

    clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t jn_mono_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t jn_wall_us(void)
{
    return read_ns(CLOCK_REALTIME) / 1000;
}

void jn_time_start(uint64_t floor_us)
{
    uint64_t now = jn_wall_us();

    atomic_store_explicit(&start_mono_ns, jn_mono_ns(), memory_order_relaxed);
    /* Pairs with nothing: threads that read it are started later. */
    atomic_store_explicit(&start_us, now > floor_us ? now : floor_us + 1, memory_order_relaxed);
}

uint64_t jn_time_of_mono(uint64_t mono_ns)
{
    uint64_t from = atomic_load_explicit(&start_mono_ns, memory_order_relaxed);
    uint64_t base = atomic_load_explicit(&start_us, memory_order_relaxed);

    return base + (mono_ns > from ? (mono_ns - from) / 1000 : 0);
}

uint64_t jn_time_us(void)
{
    return jn_time_of_mono(jn_mono_ns());
}
