/* Impair: fates. Each packet draws from a generator of its own, made of the seed and its number, and each question has
 * its own draw: changing one parameter leaves the answers to all others as they were. */
#include "media/impair/impair.h"
#include "engine/base/rand.h"
#include <string.h>

enum { MILLION = 1000000, EXPONENTIAL_MAX = 12, PARETO_MAX = 50 };
enum draw { DRAW_LOSS, DRAW_STATE, DRAW_BURST_LOSS, DRAW_DELAY, DRAW_REORDER, DRAW_DUPLICATE, DRAWS };

void jn_impair_begin(struct jn_impair *m, const struct jn_impair_config *c, uint64_t stream)
{
    uint64_t mixed = c->seed;

    memset(m, 0, sizeof *m);
    m->c = c;
    m->seed = jn_splitmix(&mixed) ^ stream * UINT64_C(0xd1342543de82ef95);
}

static uint64_t draw(const struct jn_impair *m, enum draw d)
{
    uint64_t s = m->seed + (m->counts.sent * DRAWS + d) * UINT64_C(0x9e3779b97f4a7c15);

    return jn_splitmix(&s);
}

static bool happens(uint64_t drawn, uint64_t ppm)
{
    return ((drawn >> 32) * MILLION) >> 32 < ppm;
}

/* -ln(u) in 1/65536 for u = (r + 1) / 2^32: the exponent, and eight steps of squaring for the rest (Knuth 1.2.2). */
static uint64_t minus_ln_q16(uint32_t r)
{
    uint64_t x = (uint64_t)r + 1, log2_q16;
    unsigned e = 63 - (unsigned)__builtin_clzll(x);

    log2_q16 = (uint64_t)e << 16;
    x = e > 31 ? x >> (e - 31) : x << (31 - e); /* 1 .. 2 in 1/2^31 */
    for (unsigned bit = 16; bit-- > 0;) {
        x = x * x >> 31;
        if (x >> 32) {
            x >>= 1;
            log2_q16 |= UINT64_C(1) << bit;
        }
    }
    return ((UINT64_C(32) << 16) - log2_q16) * 45426 >> 16; /* times ln 2 */
}

static uint64_t root(uint64_t v)
{
    uint64_t r = 0;

    for (uint64_t bit = UINT64_C(1) << 31; bit != 0; bit >>= 1)
        if ((r | bit) * (r | bit) <= v)
            r |= bit;
    return r;
}

static uint64_t spread_ns(const struct jn_impair_config *c, uint64_t drawn)
{
    uint64_t scale = c->jitter_us * UINT64_C(1000);
    uint32_t u = (uint32_t)(drawn >> 32);
    uint64_t v;

    switch (c->spread) {
    case JN_IMPAIR_NORMAL: /* the mean of three has a standard deviation of a sixth (Irwin-Hall) */
        v = (drawn & 0x1fffff) + (drawn >> 21 & 0x1fffff) + (drawn >> 42 & 0x1fffff);
        return scale * (v / 3 >> 5) >> 16;
    case JN_IMPAIR_EXPONENTIAL:
        v = minus_ln_q16(u);
        v = v < EXPONENTIAL_MAX << 16 ? v : EXPONENTIAL_MAX << 16;
        return scale * v >> 16;
    case JN_IMPAIR_PARETO: /* 1 / sqrt(u) - 1 */
        v = (UINT64_C(1) << 32) / (root((uint64_t)u + 1) + 1);
        v = v > 65536 ? v - 65536 : 0;
        v = v < PARETO_MAX << 16 ? v : PARETO_MAX << 16;
        return scale * v >> 16;
    default:
        return scale * (u >> 16) >> 16;
    }
}

/* Good and bad times follow each other (Gilbert-Elliott): the chances of going over are such that their shares and the
 * mean length of the bad ones come out as configured. */
static bool lost_in_burst(struct jn_impair *m)
{
    const struct jn_impair_config *c = m->c;
    uint64_t len = c->burst_len_x100 < 100 ? 100 : c->burst_len_x100, d = draw(m, DRAW_STATE);

    if (c->burst_ppm == 0)
        return false;
    uint64_t leave = UINT64_C(100) * MILLION / len, good = c->burst_ppm < MILLION ? MILLION - c->burst_ppm : 0;
    if (good == 0)
        m->bad = true;
    else if (m->bad)
        m->bad = !happens(d, leave);
    else
        m->bad = happens(d, leave * c->burst_ppm / good);
    return m->bad && happens(draw(m, DRAW_BURST_LOSS), c->burst_loss_ppm != 0 ? c->burst_loss_ppm : MILLION);
}

/* While the way stands still nothing arrives. */
static uint64_t past_spike(const struct jn_impair *m, uint64_t due)
{
    uint64_t every = m->c->spike_every_ms * UINT64_C(1000000), still = m->c->spike_ms * UINT64_C(1000000);

    if (every == 0 || still == 0 || due < m->first_ns + every)
        return due;
    uint64_t in = (due - m->first_ns) % every;
    return in < still ? due + still - in : due;
}

static uint64_t due_at(struct jn_impair *m, uint64_t sent_ns)
{
    const struct jn_impair_config *c = m->c;
    int64_t since = (int64_t)(sent_ns - m->first_ns);
    uint64_t due = sent_ns + c->delay_us * UINT64_C(1000) +
                   (uint64_t)(since / MILLION * c->drift_ppm + since % MILLION * c->drift_ppm / MILLION);

    if (c->jitter_us != 0)
        due += spread_ns(c, draw(m, DRAW_DELAY));
    due = past_spike(m, due);
    if (!c->overtake && due < m->last_due_ns)
        due = m->last_due_ns;
    m->last_due_ns = due;
    if (c->reorder_ppm != 0 && happens(draw(m, DRAW_REORDER), c->reorder_ppm)) {
        m->counts.delayed_apart++;
        due += c->reorder_us * UINT64_C(1000);
    }
    return due;
}

unsigned jn_impair_fate(struct jn_impair *m, uint64_t sent_ns, uint64_t due_ns[static 2])
{
    const struct jn_impair_config *c = m->c;
    bool burst = lost_in_burst(m), lost = happens(draw(m, DRAW_LOSS), c->loss_ppm);
    unsigned n = 0;

    if (m->counts.sent == 0)
        m->first_ns = m->last_due_ns = sent_ns;
    if (burst) {
        m->counts.lost_in_burst++;
    } else if (lost) {
        m->counts.lost++;
    } else {
        due_ns[n++] = due_at(m, sent_ns);
        m->counts.passed++;
        if (happens(draw(m, DRAW_DUPLICATE), c->duplicate_ppm)) {
            due_ns[1] = due_ns[0] + c->duplicate_us * UINT64_C(1000);
            m->counts.duplicated++;
            n++;
        }
    }
    m->counts.sent++;
    return n;
}
