/* Clock: the only place that asks the machine for the time; media/ and router/ are given it. */
#ifndef JN_BASE_CLOCK_H
#define JN_BASE_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC, nanoseconds: packets, intervals. */
uint64_t jn_mono_ns(void);
/* Wall clock (UTC since 1970) in microseconds: certificates, log lines. May jump. */
uint64_t jn_wall_us(void);
/* The engine's time line in microseconds: wall clock at jn_time_start, then monotonic progress; never goes back in one
 * process and starts above `floor_us` (the last time in the journal). What events, records and reports are stamped
 * with. */
void jn_time_start(uint64_t floor_us);
uint64_t jn_time_us(void);
/* The same line for a monotonic reading. */
uint64_t jn_time_of_mono(uint64_t mono_ns);

#endif
