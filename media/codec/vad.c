/* Vad: see vad.h. All in integers; the logarithm is of base two and good to a sixteenth of 6 dB. */
#include "media/codec/vad.h"

enum {
    BLOCKS = 4,           /* of 5 ms: the beginning of a word at the end of a period is seen in one */
    SILENT = 127 * 16,    /* digital silence */
    ABOVE = 5 * 16,       /* speech is so much above the floor in a whole period, */
    ABOVE_BLOCK = 8 * 16, /* or in one of its blocks */
    FAINT = 70 * 16,      /* what is softer than this is no speech on any line */
    LOUD = 45 * 16,       /* what is louder is never noise: a tone or music that does not change is heard */
    HANG = 10,
    RISE = 1,  /* 1/16 dB in each period: 3 dB a second, so that speech does not lift the floor */
    CHANGE = 4 /* dB that the listener is told */
};

/* Level below full scale of a mean square, dB times 16. */
static int level(uint64_t sum, unsigned n)
{
    uint64_t mean = sum / n;

    if (mean == 0)
        return SILENT;
    unsigned top = 63 - (unsigned)__builtin_clzll(mean);
    unsigned rest = top >= 4 ? (unsigned)(mean >> (top - 4)) & 15 : (unsigned)(mean << (4 - top)) & 15;
    int log2_16 = (int)(top * 16 + rest);        /* 30 * 16 is full scale */
    int below = (30 * 16 - log2_16) * 301 / 100; /* 10 log10(2) */
    return below < 0 ? 0 : below > SILENT ? SILENT : below;
}

struct jn_vad_level jn_vad_measure(const int16_t *pcm, unsigned n)
{
    uint64_t all = 0;
    int loudest = SILENT;

    for (unsigned b = 0; b < BLOCKS; b++, pcm += n / BLOCKS) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < n / BLOCKS; i++)
            sum += (uint64_t)((int32_t)pcm[i] * pcm[i]);
        int l = level(sum, n / BLOCKS);
        loudest = l < loudest ? l : loudest;
        all += sum;
    }
    return (struct jn_vad_level){(int16_t)level(all, n), (int16_t)loudest};
}

enum jn_vad_says jn_vad_take(struct jn_vad *v, struct jn_vad_level period)
{
    int now = period.all, loudest = period.loudest;
    bool first = v->floor == 0;
    if (first || now > v->floor) /* softer than ever: the floor goes down at once, half the way */
        v->floor = (int16_t)(first ? (now > LOUD ? now : LOUD) : v->floor + (now - v->floor + 1) / 2);
    else if (v->floor - RISE >= LOUD)
        v->floor = (int16_t)(v->floor - RISE);
    bool speech = (now < v->floor - ABOVE && now < FAINT) || (loudest < v->floor - ABOVE_BLOCK && loudest < FAINT);
    bool was = v->quiet;
    if (speech || first)
        v->hang = HANG;
    else if (v->hang > 0)
        v->hang--;
    v->quiet = v->hang == 0;
    if (!v->quiet)
        return was ? JN_VAD_BEGINS : JN_VAD_SPEECH;
    int db = v->floor / 16, off = db - v->told;
    if (was && off < CHANGE && off > -CHANGE)
        return JN_VAD_NOTHING;
    v->told = (uint8_t)db;
    return JN_VAD_NOISE;
}
