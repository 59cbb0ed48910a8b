/* Health: what operators and Prometheus are told of the parts that the API cannot see: workers, signalling, journal,
 * database, recorder. */
#include "engine/app/engine.h"

#define LOAD(x) ((unsigned long long)atomic_load_explicit(&(x), memory_order_relaxed))

static void gauge(struct jn_buf *out, const char *name, const char *help, unsigned long long value)
{
    jn_buf_printf(out, "# HELP junctor_%s %s\n# TYPE junctor_%s gauge\njunctor_%s %llu\n", name, help, name, name,
                  value);
}

static void counter(struct jn_buf *out, const char *name, const char *help, unsigned long long value)
{
    jn_buf_printf(out, "# HELP junctor_%s_total %s\n# TYPE junctor_%s_total counter\njunctor_%s_total %llu\n", name,
                  help, name, name, value);
}

static void sip_metrics(const struct jn_engine *e, struct jn_buf *out)
{
    if (!atomic_load_explicit(&e->sip_ready, memory_order_acquire))
        return;
    const struct jn_sip_counts *c = jn_sip_counts(e->sip);
    counter(out, "sip_invites", "INVITEs taken", LOAD(c->invites));
    counter(out, "sip_answered", "calls answered", LOAD(c->answered));
    counter(out, "sip_refused", "requests refused", LOAD(c->refused));
    counter(out, "sip_malformed", "messages that do not parse", LOAD(c->malformed));
    counter(out, "sip_unauthorised", "wrong or missing credentials", LOAD(c->unauthorised));
    counter(out, "sip_forbidden_source", "INVITEs from addresses of no trunk", LOAD(c->forbidden_source));
    counter(out, "sip_glares", "offers of ours that met the peer's (491) and were sent again", LOAD(c->glares));
    counter(out, "sip_refreshes", "offers and refreshes of ours that were taken", LOAD(c->refreshes));
    counter(out, "sip_session_expired", "calls ended because nobody refreshed the session", LOAD(c->expired));
    counter(out, "sip_refers", "REFERs taken", LOAD(c->refers));
    counter(out, "sip_refers_refused", "REFERs refused", LOAD(c->refers_refused));
    counter(out, "sip_redirects", "redirections (3xx) of phones that were followed", LOAD(c->redirects));
    counter(out, "sip_bad_extension", "requests that require an extension we do not have (420)",
            LOAD(c->bad_extension));
    counter(out, "sip_throttled", "INVITEs beyond the configured rate", LOAD(c->throttled));
    counter(out, "sip_registers", "REGISTERs taken", LOAD(c->registers));
    counter(out, "sip_registered", "registrations made or refreshed", LOAD(c->registered));
    counter(out, "sip_registers_throttled", "REGISTERs beyond the configured rate", LOAD(c->registers_throttled));
    jn_engine_sip_metrics(e, out);
    gauge(out, "sip_legs", "call legs in any state", LOAD(c->legs_open));
    gauge(out, "sip_phones", "phones registered", LOAD(c->phones));
}

/* How late periods of mixing began, as a histogram that Prometheus adds up (its buckets hold all that is not later). */
static void lateness(struct jn_buf *out, unsigned worker, const struct jn_worker_counts *c)
{
    static const uint32_t bound[JN_LATE_N - 1] = JN_LATE_BOUNDS_US;
    uint64_t n = 0;

    for (unsigned i = 0; i < JN_LATE_N - 1; i++) {
        n += LOAD(c->late[i]);
        jn_buf_printf(out, "junctor_media_late_seconds_bucket{worker=\"%u\",le=\"%u.%06u\"} %llu\n", worker,
                      bound[i] / 1000000, bound[i] % 1000000, (unsigned long long)n);
    }
    n += LOAD(c->late[JN_LATE_N - 1]);
    jn_buf_printf(out, "junctor_media_late_seconds_bucket{worker=\"%u\",le=\"+Inf\"} %llu\n", worker,
                  (unsigned long long)n);
    jn_buf_printf(out, "junctor_media_late_seconds_sum{worker=\"%u\"} %.6f\n", worker, (double)LOAD(c->late_ns) / 1e9);
    jn_buf_printf(out, "junctor_media_late_seconds_count{worker=\"%u\"} %llu\n", worker, (unsigned long long)n);
}

static void worker_metrics(const struct jn_engine *e, struct jn_buf *out)
{
    static const char *const drops[] = JN_DROP_NAMES, *const counts[] = JN_PORT_COUNT_NAMES;
    static const struct {
        const char *name;
        size_t at;
    } plain[] = {{"rx_packets_total", offsetof(struct jn_worker_counts, rx_packets)},
                 {"rx_bytes_total", offsetof(struct jn_worker_counts, rx_bytes)},
                 {"tx_packets_total", offsetof(struct jn_worker_counts, tx_packets)},
                 {"tx_bytes_total", offsetof(struct jn_worker_counts, tx_bytes)},
                 {"relayed_total", offsetof(struct jn_worker_counts, relayed)},
                 {"mixed_total", offsetof(struct jn_worker_counts, mixed)},
                 {"turns_to_mix_total", offsetof(struct jn_worker_counts, turns_to_mix)},
                 {"turns_to_relay_total", offsetof(struct jn_worker_counts, turns_to_relay)},
                 {"unseated_total", offsetof(struct jn_worker_counts, unseated)},
                 {"no_encoder_total", offsetof(struct jn_worker_counts, no_encoder)},
                 {"jitter_stretched_total", offsetof(struct jn_worker_counts, stretched)},
                 {"jitter_shrunk_total", offsetof(struct jn_worker_counts, shrunk)},
                 {"jitter_resynced_total", offsetof(struct jn_worker_counts, resynced)},
                 {"jitter_skipped_total", offsetof(struct jn_worker_counts, skipped)},
                 {"jitter_undecoded_total", offsetof(struct jn_worker_counts, undecoded)},
                 {"rec_items_total", offsetof(struct jn_worker_counts, rec_items)},
                 {"rec_overflow_total", offsetof(struct jn_worker_counts, rec_overflow)},
                 {"facts_refused_total", offsetof(struct jn_worker_counts, facts_refused)},
                 {"legs_without_rtcp_total", offsetof(struct jn_worker_counts, legs_without_rtcp)},
                 {"late_ticks_total", offsetof(struct jn_worker_counts, late_ticks)},
                 {"left_out_periods_total", offsetof(struct jn_worker_counts, left_out)},
                 {"rtcp_in_total", offsetof(struct jn_worker_counts, rtcp_in)},
                 {"rtcp_out_total", offsetof(struct jn_worker_counts, rtcp_out)},
                 {"xr_in_total", offsetof(struct jn_worker_counts, xr_in)},
                 {"xr_out_total", offsetof(struct jn_worker_counts, xr_out)},
                 {"quality_missed_total", offsetof(struct jn_worker_counts, quality_missed)},
                 {"link_frames_total", offsetof(struct jn_worker_counts, link_frames)},
                 {"refused_orders_total", offsetof(struct jn_worker_counts, refused_orders)},
                 {"ice_checks_total", offsetof(struct jn_worker_counts, ice_checks)},
                 {"ice_strangers_total", offsetof(struct jn_worker_counts, ice_strangers)},
                 {"ice_malformed_total", offsetof(struct jn_worker_counts, ice_malformed)},
                 {"ice_refused_total", offsetof(struct jn_worker_counts, ice_refused)},
                 {"ice_conflicts_total", offsetof(struct jn_worker_counts, ice_conflicts)},
                 {"ice_nominated_total", offsetof(struct jn_worker_counts, ice_nominated)},
                 {"dtls_strangers_total", offsetof(struct jn_worker_counts, dtls_strangers)},
                 {"dtls_malformed_total", offsetof(struct jn_worker_counts, dtls_malformed)},
                 {"dtls_throttled_total", offsetof(struct jn_worker_counts, dtls_throttled)},
                 {"dtls_full_total", offsetof(struct jn_worker_counts, dtls_full)},
                 {"browser_legs", offsetof(struct jn_worker_counts, browsers)},
                 {"legs", offsetof(struct jn_worker_counts, legs)},
                 {"rooms", offsetof(struct jn_worker_counts, rooms)}};

    for (unsigned w = 0; w < e->workers; w++) {
        const struct jn_worker_counts *c = jn_worker_counts(e->worker[w]);
        for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
            const _Atomic uint64_t *value = (const _Atomic uint64_t *)(const void *)((const char *)c + plain[i].at);
            jn_buf_printf(out, "junctor_media_%s{worker=\"%u\"} %llu\n", plain[i].name, w, LOAD(*value));
        }
        for (unsigned d = 1; d < JN_DROP_N; d++)
            jn_buf_printf(out, "junctor_media_drops_total{worker=\"%u\",reason=\"%s\"} %llu\n", w, drops[d],
                          LOAD(c->drops[d]));
        static const char *const keys[] = JN_KEYS_NAMES;
        for (unsigned i = 0; i < JN_KEYS_N; i++)
            jn_buf_printf(out, "junctor_media_handshakes_total{worker=\"%u\",how=\"%s\"} %llu\n", w, keys[i],
                          LOAD(c->dtls_ended[i]));
        lateness(out, w, c);
        jn_buf_printf(out, "junctor_media_busy_seconds_total{worker=\"%u\"} %.3f\n", w, (double)LOAD(c->busy_ns) / 1e9);
        jn_buf_printf(out, "junctor_media_load{worker=\"%u\"} %.3f\n", w, (double)LOAD(c->load_permille) / 1e3);
        const _Atomic uint64_t *port = jn_worker_port_counts(e->worker[w]);
        for (unsigned i = 0; port && i < JN_PORT_COUNTS; i++)
            jn_buf_printf(out, "junctor_port_%s_total{worker=\"%u\"} %llu\n", counts[i], w, LOAD(port[i]));
    }
}

static void slow_metrics(const struct jn_engine *e, struct jn_buf *out)
{
    if (!e->slow)
        return;
    const struct jn_slow_counts *c = jn_slow_counts(e->slow);
    counter(out, "handshakes_begun", "DTLS handshakes with browsers begun", LOAD(c->begun));
    counter(out, "handshakes_begun_again", "DTLS handshakes that broke off and were begun anew", LOAD(c->begun_again));
    counter(out, "handshakes_full", "handshake datagrams that found a worker's mailbox full", LOAD(c->full));
    counter(out, "handshakes_certificates", "certificates made for handshakes", LOAD(c->certificates));
    gauge(out, "handshakes_going", "DTLS handshakes that are not over", LOAD(c->going));
}

void jn_engine_metrics(void *engine, struct jn_buf *out)
{
    const struct jn_engine *e = engine;

    counter(out, "router_events", "events taken by the router", LOAD(e->events_taken));
    gauge(out, "router_held_commands", "commands that wait for the journal or a reader", LOAD(e->held_commands));
    gauge(out, "journal_durable_seq", "last event on disk", LOAD(e->durable_seq));
    counter(out, "journal_commits", "group commits", LOAD(e->journal_commits));
    gauge(out, "database_stored_seq", "last event whose rows are committed", LOAD(e->stored_seq));
    gauge(out, "journal_failing", "1 while the journal cannot be written", LOAD(e->journal_failing));
    gauge(out, "database_failing", "1 while the database cannot be written", LOAD(e->store_failing));
    gauge(out, "recorder_failing", "1 while recordings cannot be written", LOAD(e->recorder_failing));
    counter(out, "recorder_lost_items", "recording items that found no disk", LOAD(e->rec_lost));
    gauge(out, "calls", "calls in any state", LOAD(e->calls));
    gauge(out, "draining", "1 while new work is refused", LOAD(e->draining));
    jn_engine_voice_metrics(e, out);
    sip_metrics(e, out);
    jn_engine_trace_metrics(e, out);
    worker_metrics(e, out);
    slow_metrics(e, out);
}

void jn_engine_health(void *engine, struct jn_buf *out)
{
    const struct jn_engine *e = engine;

    jn_buf_printf(out,
                  "\"boot\":%u,\"calls\":%llu,\"workers\":%u,\"draining\":%s,\"sip\":%s,\"journal\":\"%s\","
                  "\"database\":\"%s\",\"recorder\":\"%s\","
                  "\"durable_seq\":%llu,\"stored_seq\":%llu",
                  e->boot, LOAD(e->calls), e->workers, atomic_load(&e->draining) ? "true" : "false",
                  atomic_load(&e->sip_ready) ? "true" : "false", atomic_load(&e->journal_failing) ? "failing" : "ok",
                  atomic_load(&e->store_failing) ? "failing" : "ok",
                  atomic_load(&e->recorder_failing) ? "failing" : "ok", LOAD(e->durable_seq), LOAD(e->stored_seq));
    if (atomic_load_explicit(&e->sip_ready, memory_order_acquire))
        jn_buf_printf(out, ",\"legs\":%llu,\"phones\":%llu", LOAD(jn_sip_counts(e->sip)->legs_open),
                      LOAD(jn_sip_counts(e->sip)->phones));
}
