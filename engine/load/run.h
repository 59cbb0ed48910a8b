/* Run: a whole run of the generator: threads, calls at their rate, repetitions, and an end that leaves no call up. */
#ifndef JN_LOAD_RUN_H
#define JN_LOAD_RUN_H

#include "engine/load/chat.h"
#include "engine/load/load.h"

enum { JN_LOAD_THREADS = 64, JN_LOAD_REPEATS = 100 };

/* load: as one thread has it; callers, phones, ports, first numbers and media ports are shared out among the threads.
 * calls: in all, of each repetition; rate: a second. for_s: callers none: answers that long, 0 until stopped. ready:
 * called once the phones are registered, from the thread that called jn_load_run: the system is told that its agents
 * are there; 0 or -errno. say: progress, for people; NULL none. stop: the run ends early once it is true. */
struct jn_load_plan {
    struct jn_load_config load;
    struct jn_chat_config chat;
    uint32_t calls, callers, phones, threads, repeat, for_s, media_ports;
    double rate;
    bool pin;
    int (*ready)(void *arg, struct jn_err *err);
    void (*say)(void *arg, const char *line);
    void *arg;
    atomic_bool *stop;
};
/* One repetition. seconds: of the calls, without registering; cpu_s: of this process in that time. not_begun: calls
 * whose time had come with no caller free. */
struct jn_load_result {
    struct jn_load_counts counts;
    struct jn_load_media_counts media;
    struct jn_chat_counts chat;
    double seconds, cpu_s;
    uint64_t not_begun;
    bool stopped;
};
/* results: one for each repetition; *n how many were made. 0 or -errno: it could not begin, or ended in the middle of
 * things. */
int jn_load_run(const struct jn_load_plan *plan, struct jn_load_result *results, unsigned *n, struct jn_err *err);

#endif
