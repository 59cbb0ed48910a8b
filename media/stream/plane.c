/* Plane: opening and closing, and what happens by time: phases of one millisecond, and a walk over the legs that
 * reaches each of them four times a second. */
#include "media/stream/plane.h"
#include "engine/base/rand.h"
#include "media/stream/browser.h"
#include "media/stream/state.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WALK_MS = 10, WALKS = 25, CATCH_UP_MS = 100, GAIN_MS = 5 };

static bool places_fit(const struct jn_plane_config *c)
{
    bool fit = c->ports >= 2 && c->ports <= UINT16_MAX + 1u && c->more_n < JN_PLACES_MAX;

    for (unsigned i = 0; fit && i < c->more_n; i++)
        fit = c->more[i].ports >= 2 && c->more[i].ports % 2 == 0 && c->more[i].ports <= UINT16_MAX + 1u;
    return fit && (c->more_n == 0 || c->ports % 2 == 0);
}

int jn_plane_open(struct jn_plane **out, const struct jn_plane_config *c)
{
    if (c->max_legs == 0 || c->max_rooms == 0 || c->max_legs > 1u << 22 || c->max_rooms > 1u << 22 || !places_fit(c) ||
        !c->srtp || !c->port.take || !c->port.give || !c->port.tx || c->index >= JN_WORKERS_MAX)
        return -EINVAL;
    size_t bytes = (sizeof(struct jn_plane) + 63) & ~(size_t)63;
    struct jn_plane *p = aligned_alloc(64, bytes);
    if (!p)
        return -ENOMEM;
    memset(p, 0, bytes);
    p->c = *c;
    p->g711 = jn_g711();
    for (unsigned i = 0; i < JN_PHASES; i++)
        p->phase_first[i] = JN_NONE;
    p->seed = c->seed;
    if (c->seed == 0)
        jn_random(&p->seed, sizeof p->seed);
    int rc = jn_table_open(p);
    if (rc == 0)
        rc = c->srtp->open_bank(&p->srtp, 2 * c->max_legs + 2); /* a leg under new keys has both for a moment */
    if (rc == 0)
        rc = jn_browsers_open(p);
    if (rc < 0) {
        jn_plane_close(p);
        return rc;
    }
    *out = p;
    return 0;
}

void jn_plane_close(struct jn_plane *p)
{
    if (!p)
        return;
    for (uint32_t i = 0; i < p->live_n; i++) {
        struct jn_leg *l = &p->leg[p->live[i]];
        if (l->in)
            p->c.srtp->close_context(l->in);
        if (l->out)
            p->c.srtp->close_context(l->out);
    }
    p->c.srtp->close_bank(p->srtp);
    jn_browsers_free(p);
    jn_table_free(p);
    free(p);
}

void jn_plane_mail(struct jn_plane *p, struct jn_mailbox *facts, struct jn_rec_ring *rec)
{
    p->facts = facts;
    p->rec = rec;
}

void jn_plane_record_flush(struct jn_plane *p)
{
    jn_tape_due(p, UINT64_MAX);
}

const struct jn_plane_counts *jn_plane_counts(const struct jn_plane *p)
{
    return &p->counts;
}

void jn_plane_shed(struct jn_plane *p, struct jn_pkt *pk[], unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        pk[i]->drop = JN_DROP_STALE;
        p->counts.rx_bytes += pk[i]->len;
    }
    p->counts.rx_packets += n;
    p->counts.drops[JN_DROP_STALE] += n;
}

static void silence(struct jn_plane *p, struct jn_leg *l, uint64_t now_ns)
{
    if (p->c.silence_ms == 0 || !l->ready || l->silent || !jn_leg_may_receive(l->mode) ||
        now_ns < l->last_rx_ns + p->c.silence_ms * NS_PER_MS)
        return;
    l->silent = true;
    struct jn_fact f = {.kind = JN_FACT_LEG_SILENT, .leg = l->id, .room = l->room};
    jn_fact_send(p, &f);
}

/* A part of the legs, so that all are reached in WALKS steps. */
static void walk(struct jn_plane *p, uint64_t now_ns)
{
    uint32_t n = p->live_n ? p->live_n / WALKS + 1 : 0;

    for (; n > 0; n--) {
        p->live_next = p->live_next + 1 < p->live_n ? p->live_next + 1 : 0;
        struct jn_leg *l = &p->leg[p->live[p->live_next]];
        silence(p, l, now_ns);
        jn_report_due(p, l, now_ns);
        jn_quality_due(p, l, now_ns);
        if (l->browser)
            jn_browser_due(p, l, now_ns);
        if (l->format_due)
            jn_link_format(p, l);
    }
    jn_facts_retry(p);
    jn_tape_tick(p, now_ns);
}

static void lateness(struct jn_plane *p, uint64_t late_ns)
{
    static const uint32_t bound[JN_LATE_N - 1] = JN_LATE_BOUNDS_US;
    unsigned i = 0;

    while (i < JN_LATE_N - 1 && late_ns > bound[i] * UINT64_C(1000))
        i++;
    p->counts.late[i]++;
    p->counts.late_ns += late_ns;
}

static void phase(struct jn_plane *p, uint64_t ms, uint64_t now_ns)
{
    if (p->phase_first[ms % JN_PHASES] != JN_NONE)
        lateness(p, now_ns - ms * NS_PER_MS);
    struct jn_ahead ahead;
    jn_ahead_begin(p, &ahead, p->phase_first[ms % JN_PHASES]);
    for (uint32_t i = p->phase_first[ms % JN_PHASES], next; i != JN_NONE; i = next) {
        struct jn_room *r = &p->room[i];
        next = r->next; /* a room that begins to relay leaves the list */
        jn_ahead_step(p, &ahead);
        if (now_ns >= (ms + JN_PHASES) * NS_PER_MS)
            p->counts.late_ticks++;
        jn_room_tick(p, r, ms);
    }
    if (ms % WALK_MS == 0)
        walk(p, now_ns);
}

/* How many periods of rooms begin after `from`, up to `to`. */
static uint64_t periods(const struct jn_plane *p, uint64_t from, uint64_t to)
{
    uint64_t rounds = (to - from) / JN_PHASES, n = 0;

    for (unsigned i = 0; i < JN_PHASES; i++)
        n += rounds * p->phase_rooms[i];
    for (uint64_t ms = from + rounds * JN_PHASES + 1; ms <= to; ms++)
        n += p->phase_rooms[ms % JN_PHASES];
    return n;
}

/* One stall is caught up with, a period in each turn, so that packets do not wait. A worker that does not gain on the
 * time so has more work than time. */
void jn_plane_tick(struct jn_plane *p, uint64_t now_ns)
{
    uint64_t now_ms = now_ns / NS_PER_MS, late = 0;

    if (p->ms == 0)
        p->ms = now_ms - 1;
    if (now_ms > p->ms + JN_PHASES) {
        uint64_t missed = periods(p, p->ms, now_ms - JN_PHASES);
        late = missed > 0 ? now_ms - p->ms : 0;
        if (late > CATCH_UP_MS || missed == 0 || (p->late_ms > 0 && late + GAIN_MS > p->late_ms)) {
            p->counts.left_out += missed;
            p->ms = now_ms - JN_PHASES;
        }
    }
    p->late_ms = late;
    for (unsigned i = 0; i < JN_PHASES && p->ms < now_ms; i++) {
        p->ms++;
        phase(p, p->ms, now_ns);
    }
    jn_links_flush(p);
}

uint64_t jn_plane_next_ns(const struct jn_plane *p)
{
    for (uint64_t ms = p->ms + 1; ms <= p->ms + JN_PHASES; ms++)
        if (p->phase_first[ms % JN_PHASES] != JN_NONE || (ms % WALK_MS == 0 && (p->live_n > 0 || p->backlog_n > 0)))
            return ms * NS_PER_MS;
    return UINT64_MAX;
}

void jn_plane_end_all(struct jn_plane *p, uint64_t now_ns)
{
    for (uint32_t i = 0; i < p->c.max_rooms; i++)
        if (p->room[i].id != 0 && jn_room_find(p, p->room[i].id) == &p->room[i])
            jn_room_close(p, &p->room[i], 0, now_ns);
    while (p->live_n > 0)
        jn_leg_close(p, &p->leg[p->live[p->live_n - 1]], 0, now_ns);
    jn_plane_flush(p);
}
