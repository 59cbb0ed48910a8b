/* Health of calls: what signalling counts of them (struct jn_voice_counts), under the names that Prometheus sees. */
#include "engine/app/engine.h"
#include <assert.h>
#include <stddef.h>
#include <string.h>

#define COUNT(field) offsetof(struct jn_voice_counts, field) / sizeof(uint64_t)

static const struct {
    const char *name, *help;
    size_t at;
} counters[] = {
    {"calls_begun", "calls that came in from callers", COUNT(calls)},
    {"calls_refused", "calls turned away before they were answered", COUNT(refused)},
    {"calls_overloaded", "new calls refused because no media worker had time for them", COUNT(overloaded)},
    {"calls_answered", "calls from callers that were answered", COUNT(answered)},
    {"calls_arrived", "calls that the router was told of", COUNT(arrived)},
    {"agent_calls", "calls of agents' phones, one for each offer", COUNT(agent_calls)},
    {"agent_calls_failed", "calls of agents' phones that were not taken", COUNT(agent_failed)},
    {"calls_silent", "calls ended because nothing was heard of a phone any more", COUNT(ended_silent)},
    {"digits", "digits pressed in calls", COUNT(digits)},
    {"media_orders_refused", "orders that found a worker's mailbox full", COUNT(orders_refused)},
    {"router_events_refused", "events of calls that found the router's mailbox full", COUNT(events_refused)},
    {"prompts_missing", "prompts not played because their sound is not there", COUNT(prompts_missing)},
    {"media_facts_strange", "news of workers about calls that are not there", COUNT(facts_strange)},
    {"calls_wrong_steps", "steps of a call that should not be; a fault of ours", COUNT(wrong_steps)},
    {"private_address_told", "callers on the public network told a private address for their sound",
     COUNT(private_told)},
    {"before_queue_closed", "calls outside opening hours", COUNT(flow_closed)},
    {"before_queue_left", "callers who hung up in a menu", COUNT(flow_left)},
    {"before_queue_ended", "calls that a menu ended", COUNT(flow_ended)},
    {"notices", "recording notices heard to their end", COUNT(notices)},
    {"notices_declined", "callers who refused recording", COUNT(declined)},
    {"notices_failed", "notices that could not be played or proven; those calls are not recorded",
     COUNT(notices_failed)},
    {"lines_up", "nailed-up lines that were answered", COUNT(lines_up)},
    {"lines_lost", "nailed-up lines that ended by themselves or never were answered", COUNT(lines_lost)},
    {"supervised", "supervisors who joined a call", COUNT(watched)},
    {"supervised_changes", "changes between listening, whispering and barging in", COUNT(watch_changes)},
    {"supervised_failed", "supervisors' phones that did not come", COUNT(watch_failed)},
    {"calls_moved", "transfers and consults begun", COUNT(moves)},
    {"calls_moved_in_vain", "transfers and consults that came to nothing", COUNT(moves_failed)},
    {"calls_referred", "transfers that phones asked for with REFER", COUNT(refers)},
    {"calls_out", "calls to outside begun", COUNT(outs)},
    {"calls_out_answered", "calls to outside that were answered", COUNT(outs_answered)},
    {"media_missing", "parties of a talking call of whom nothing came any more", COUNT(trouble[JN_TROUBLE_NO_MEDIA])},
    {"media_unheard", "parties of a talking call who reported that nothing reaches them",
     COUNT(trouble[JN_TROUBLE_UNHEARD])},
    {"media_silent", "parties of a talking call of whom packets came with nothing to hear in them",
     COUNT(trouble[JN_TROUBLE_SILENCE])},
    {"browser_keys", "handshakes with browsers that gave keys", COUNT(keys_up)},
    {"browser_keys_failed", "parties let go because a handshake with their browser failed", COUNT(keys_failed)},
    {"calls_out_forbidden", "numbers that an agent may not call", COUNT(outs_forbidden)},
};
static_assert(sizeof counters / sizeof *counters + 1 == JN_VOICE_COUNTS, "every counter is told; watched_now below");

void jn_engine_voice_counts(struct jn_engine *e)
{
    uint64_t now[JN_VOICE_COUNTS];

    memcpy(now, jn_act_voice_counts(e->voice), sizeof now);
    for (size_t i = 0; i < JN_VOICE_COUNTS; i++)
        atomic_store_explicit(&e->voice_counts[i], now[i], memory_order_relaxed);
}

void jn_engine_voice_metrics(const struct jn_engine *e, struct jn_buf *out)
{
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        jn_buf_printf(out, "# HELP junctor_%s_total %s\n# TYPE junctor_%s_total counter\njunctor_%s_total %llu\n",
                      counters[i].name, counters[i].help, counters[i].name, counters[i].name,
                      (unsigned long long)atomic_load_explicit(&e->voice_counts[counters[i].at], memory_order_relaxed));
    jn_buf_printf(out,
                  "# HELP junctor_supervisors supervisors in calls now\n# TYPE junctor_supervisors gauge\n"
                  "junctor_supervisors %llu\n",
                  (unsigned long long)atomic_load_explicit(&e->voice_counts[COUNT(watched_now)], memory_order_relaxed));
}
