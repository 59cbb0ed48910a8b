/* Burst: the state machine of RFC 3611 A.2, and its figures. */
#include "media/rtcp/burst.h"
#include <string.h>

static void one(struct jn_burst *b, uint64_t good)
{
    if (good >= JN_BURST_GMIN) {
        if (b->run == 1)
            b->c14++; /* the loss before this run stood alone */
        else
            b->c13++; /* a burst ended, or this is the first loss */
        b->run = 1;
        b->c11 += (uint32_t)good;
        return;
    }
    b->run++;
    if (good == 0) {
        b->c33++;
    } else {
        b->c23++;
        b->c22 += (uint32_t)good - 1;
    }
}

static void some(struct jn_burst *b, uint64_t received, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        one(b, received > b->at ? received - b->at : 0);
        b->at = received;
    }
}

void jn_burst_lost(struct jn_burst *b, uint64_t received, unsigned n)
{
    some(b, received, n);
    b->lost += n;
}

void jn_burst_discarded(struct jn_burst *b, uint64_t received, unsigned n)
{
    some(b, received, n);
    b->discarded += n;
}

static uint8_t share(double x)
{
    return x >= 1.0 ? 255 : (uint8_t)(256.0 * x);
}

static uint16_t ms(double x)
{
    return x < 0.0 ? 0 : x > 65535.0 ? 65535 : (uint16_t)(x + 0.5);
}

void jn_burst_say(struct jn_burst_report *out, const struct jn_burst *b, uint64_t received, unsigned packet_ms)
{
    struct jn_burst all = *b;
    double bad = (double)b->lost + (double)b->discarded;

    memset(out, 0, sizeof *out);
    out->ratio_q8 = 256;
    if (bad == 0) {
        out->gap_ms = ms((double)received * packet_ms);
        return;
    }
    all.c11 += (uint32_t)(received > b->at ? received - b->at : 0); /* the good packets since the last loss */
    double total = (double)received + bad, c13 = all.c13, c31 = c13, c32 = all.c23;
    double p32 = c31 + c32 + all.c33 > 0 ? c32 / (c31 + c32 + all.c33) : 0.0;
    double p23 = all.c22 + all.c23 < 1 ? 1.0 : 1.0 - (double)all.c22 / (all.c22 + all.c23);
    out->loss_rate = share(b->lost / total);
    out->discard_rate = share(b->discarded / total);
    out->burst_density = share(p23 / (p23 + p32));
    out->gap_density = all.c11 + all.c14 > 0 ? share((double)all.c14 / ((double)all.c11 + all.c14)) : 0;
    double gap = (all.c11 + all.c14 + c13) * packet_ms / (c13 > 0 ? c13 : 1);
    double whole = (double)all.c11 + all.c14 + c13 + all.c22 + all.c23 + c31 + c32 + all.c33;
    out->gap_ms = ms(gap);
    out->burst_ms = ms(whole * packet_ms / (c13 > 0 ? c13 : 1) - gap);
    /* Runs of losses: every loss that does not follow another directly begins one. Random loss of share p has runs of
     * mean length 1 / (1 - p). */
    double runs = bad - all.c33, random = bad < total ? 1.0 / (1.0 - bad / total) : 1.0;
    double ratio = runs > 0 ? bad / runs / random : 1.0;
    out->ratio_q8 = (uint16_t)(ratio < 1.0 ? 256 : ratio > 255.0 ? 65280 : ratio * 256.0 + 0.5);
}
