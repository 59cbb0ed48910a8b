/* Emodel: R = Ro - Is - Id - Ie,eff with Ro - Is = 93.2 at the defaults of ITU-T G.107's table 2. */
#include "media/rtcp/emodel.h"
#include "media/stream/order.h"

/* Equipment impairment without loss and robustness against loss, of codecs with concealment (ITU-T G.113 appendix I).
 * For G.722 and Opus no value on the narrowband scale is published: they are judged as G.711 is, and so never better.
 */
struct equipment {
    double ie, bpl;
};
static const struct equipment g711 = {0.0, 25.1};

/* The two lines that Cole and Rosenbluth (2001) fitted to G.107's delay impairment without echo. */
static double delay_impairment(double ms)
{
    return 0.024 * ms + (ms > 177.3 ? 0.11 * (ms - 177.3) : 0.0);
}

unsigned jn_emodel_r_x100(const struct jn_emodel *e)
{
    const struct equipment *q = &g711;
    double loss = e->loss_ppm >= 1000000 ? 100.0 : e->loss_ppm / 10000.0;
    double ratio = e->burst_ratio_q8 < 256 ? 1.0 : e->burst_ratio_q8 / 256.0;
    double ie = q->ie + (95.0 - q->ie) * loss / (loss / ratio + q->bpl);
    double r = 93.2 - delay_impairment(e->delay_ms) - ie;

    return r <= 0.0 ? 0 : (unsigned)(r * 100.0 + 0.5);
}

unsigned jn_emodel_mos_x100(unsigned r_x100)
{
    double r = r_x100 / 100.0;
    double mos = 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6;

    if (mos < 1.0)
        return 100;
    return mos > 4.5 ? 450 : (unsigned)(mos * 100.0 + 0.5);
}
