/* Concealment on real speech, against a plain implementation of ITU-T G.711 Appendix I (1999): the same packets are
 * lost for both. */
#include "engine/base/rand.h"
#include "media/codec/g711.h"
#include "media/jbuf/jbuf.h"
#include <criterion/criterion.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(speech, .timeout = 60);

enum { PERIOD = 160, MAX_SAMPLES = 8000 * 60 };

/* The appendix: frames of 10 ms, all of it 3.75 ms late. Names are those of its text. */
enum { FRAME = 80, HISTORY = 390, PITCH_MIN = 40, PITCH_MAX = 120, POVERLAP_MAX = 30, EOVERLAP = 32, CORR = 160 };
struct appendix {
    double history[HISTORY], pitchbuf[HISTORY], lastq[POVERLAP_MAX];
    int erased, poffset, pitch, pitchblen, poverlap;
};

static void overlap(const double *left, const double *right, double *out, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = left[i] * (n - 1 - i) / n + right[i] * (i + 1) / n;
}

static int find(const double *buf)
{
    const double *l = buf + HISTORY - CORR;
    int best = PITCH_MAX;
    double top = -1e300;
    for (int lag = PITCH_MAX; lag >= PITCH_MIN; lag--) {
        double c = 0, e = 0;
        for (int i = 0; i < CORR; i++) {
            e += l[i - lag] * l[i - lag];
            c += l[i] * l[i - lag];
        }
        c /= sqrt(e < 250 ? 250 : e);
        if (c > top) {
            top = c;
            best = lag;
        }
    }
    return best;
}

static void synthesise(struct appendix *a, double *out, int n)
{
    const double *start = a->pitchbuf + HISTORY - a->pitchblen;
    for (int i = 0; i < n; i++) {
        out[i] = start[a->poffset];
        a->poffset = (a->poffset + 1) % a->pitchblen;
    }
}

static void wrap_pitch(struct appendix *a)
{
    overlap(a->lastq, a->pitchbuf + HISTORY - a->pitchblen - a->poverlap, a->pitchbuf + HISTORY - a->poverlap,
            a->poverlap);
}

static void erase(struct appendix *a, double *out)
{
    double tail[POVERLAP_MAX];
    if (a->erased == 0) {
        memcpy(a->pitchbuf, a->history, sizeof a->pitchbuf);
        a->pitch = a->pitchblen = find(a->pitchbuf);
        a->poverlap = a->pitch / 4;
        memcpy(a->lastq, a->pitchbuf + HISTORY - a->poverlap, (size_t)a->poverlap * sizeof tail[0]);
        a->poffset = 0;
        wrap_pitch(a);
        memcpy(a->history + HISTORY - a->poverlap, a->pitchbuf + HISTORY - a->poverlap,
               (size_t)a->poverlap * sizeof tail[0]);
        synthesise(a, out, FRAME);
    } else if (a->erased <= 2) {
        int saved = a->poffset;
        synthesise(a, tail, a->poverlap);
        for (a->poffset = saved; a->poffset > a->pitch;)
            a->poffset -= a->pitch;
        a->pitchblen += a->pitch;
        wrap_pitch(a);
        synthesise(a, out, FRAME);
        overlap(tail, out, out, a->poverlap);
    } else if (a->erased <= 5) {
        synthesise(a, out, FRAME);
    } else {
        memset(out, 0, FRAME * sizeof out[0]);
    }
    for (int i = 0; a->erased > 0 && i < FRAME; i++) {
        double gain = 1 - (a->erased - 1) * 0.2 - 0.2 * i / FRAME;
        out[i] *= gain > 0 ? gain : 0;
    }
    a->erased++;
}

static void recover(struct appendix *a, double *out)
{
    double over[FRAME];
    int n = a->poverlap + (a->erased - 1) * EOVERLAP;
    n = n > FRAME ? FRAME : n;
    synthesise(a, over, n);
    double gain = 1 - (a->erased - 1) * 0.2;
    for (int i = 0; i < n; i++)
        over[i] *= gain > 0 ? gain : 0;
    overlap(over, out, out, n);
    a->erased = 0;
}

static void appendix_frame(struct appendix *a, int16_t *out, const int16_t *in, bool lost)
{
    double s[FRAME];
    for (int i = 0; i < FRAME; i++)
        s[i] = in[i];
    if (lost)
        erase(a, s);
    else if (a->erased)
        recover(a, s);
    memmove(a->history, a->history + FRAME, (HISTORY - FRAME) * sizeof s[0]);
    memcpy(a->history + HISTORY - FRAME, s, sizeof s);
    for (int i = 0; i < FRAME; i++)
        out[i] = (int16_t)lrint(a->history[HISTORY - FRAME - POVERLAP_MAX + i]);
}

static int16_t said[MAX_SAMPLES], ours[MAX_SAMPLES], theirs[MAX_SAMPLES + PERIOD];
static uint8_t coded[MAX_SAMPLES];
static bool lost[MAX_SAMPLES / PERIOD];
static unsigned periods;

/* Prompts of the Debian package asterisk-core-sounds-en-wav: 8 kHz, 16 bits, a header of 44 bytes. */
static void read_speech(void)
{
    static const char *const names[] = {"vm-intro",   "conf-adminmenu",  "demo-congrats",  "demo-instruct",
                                        "vm-options", "demo-abouttotry", "queue-thankyou", "vm-newuser"};
    unsigned n = 0;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[200];
        glob_t g;
        snprintf(path, sizeof path, "/usr/share/asterisk/sounds/en*/%s.wav", names[i]);
        if (glob(path, 0, NULL, &g) != 0)
            continue;
        FILE *f = fopen(g.gl_pathv[0], "rb");
        globfree(&g);
        cr_assert(f != NULL && fseek(f, 44, SEEK_SET) == 0);
        n += (unsigned)fread(said + n, sizeof said[0], MAX_SAMPLES - n, f);
        fclose(f);
    }
    periods = n / PERIOD;
    cr_assert_geq(periods, 50 * 20, "prompts are missing: %u periods", periods);
    jn_codec_encode(JN_CODEC_PCMU, coded, said, periods * PERIOD);
    jn_codec_decode(JN_CODEC_PCMU, said, coded, periods * PERIOD);
}

/* So deep that `late` periods lie between a frame's coming and its playing: with one or none the next one is not known
 * yet when a frame is missed. */
static void play_ours(unsigned late)
{
    struct jn_jbuf_config c = {.min_ms = 0, .max_ms = 200, .start_ms = (uint16_t)(late * 20), .fixed = true};
    struct jn_jbuf *j = jn_jbuf_init(aligned_alloc(64, jn_jbuf_size(JN_CODEC_PCMU, 8000)), &c);
    for (unsigned k = 0; k < periods + late; k++) {
        struct jn_frame f = {.ext_seq = k,
                             .ts = k * PERIOD,
                             .at_ns = 1000000000 + k * UINT64_C(20000000),
                             .len = PERIOD,
                             .payload = coded + (k < periods ? k : 0) * PERIOD};
        int16_t out[PERIOD];
        if (k < periods && !lost[k])
            jn_jbuf_put(j, &f);
        jn_jbuf_get(j, out, f.at_ns);
        if (k >= late)
            memcpy(ours + (k - late) * PERIOD, out, sizeof out);
    }
    cr_assert_eq(jn_jbuf_counts(j)->stretched + jn_jbuf_counts(j)->shrunk + jn_jbuf_counts(j)->skipped, 0);
    free(j);
}

static void play_theirs(void)
{
    struct appendix a = {0};
    int16_t out[FRAME];
    for (unsigned k = 0; k <= 2 * periods; k++) {
        static const int16_t nothing[FRAME];
        appendix_frame(&a, out, k < 2 * periods ? said + k * FRAME : nothing, k < 2 * periods && lost[k / 2]);
        for (int i = 0; i < FRAME; i++)
            if ((int)k * FRAME + i >= POVERLAP_MAX)
                theirs[(int)k * FRAME + i - POVERLAP_MAX] = out[i];
    }
}

/* Energies in 16 bands of a window of 20 ms, in dB. */
static void bands(const int16_t *x, double db[static 16])
{
    static float wave[64][2][PERIOD];
    static bool made;
    for (int f = 0; f < 64 && !made; f++)
        for (int i = 0; i < PERIOD; i++) { /* 50 Hz apart from 100 on, under a Hann window */
            double w = 2 * M_PI * (2 + f) * 50 / 8000 * i, hann = 0.5 - 0.5 * cos(2 * M_PI * (i + 0.5) / PERIOD);
            wave[f][0][i] = (float)(hann * cos(w));
            wave[f][1][i] = (float)(hann * sin(w));
        }
    made = true;
    for (int b = 0; b < 16; b++) {
        double e = 0;
        for (int f = b * 4; f < b * 4 + 4; f++) {
            float re = 0, im = 0;
            for (int i = 0; i < PERIOD; i++) {
                re += x[i] * wave[f][0][i];
                im += x[i] * wave[f][1][i];
            }
            e += (double)re * re + (double)im * im;
        }
        db[b] = 10 * log10(e / PERIOD + 1000);
    }
}

struct score {
    double segmental_db, spectral_db;
};

/* Over the periods that were lost and those after them, where somebody speaks. Segmental SNR bounded to -10 .. 35 dB;
 * spectral distance: effective difference of the bands. */
static struct score score(const int16_t *heard, bool after)
{
    struct score s = {0};
    unsigned n = 0;
    for (unsigned k = 1; k < periods; k++) {
        double signal = 0, noise = 0;
        if (after ? lost[k] || !lost[k - 1] : !lost[k])
            continue;
        const int16_t *a = said + k * PERIOD, *b = heard + k * PERIOD;
        for (int i = 0; i < PERIOD; i++) {
            signal += (double)a[i] * a[i];
            noise += (double)(a[i] - b[i]) * (a[i] - b[i]);
        }
        if (signal < 200.0 * 200 * PERIOD)
            continue;
        double db = 10 * log10(signal / (noise + 1)), x[16], y[16], d = 0;
        bands(a, x);
        bands(b, y);
        for (int i = 0; i < 16; i++)
            d += (x[i] - y[i]) * (x[i] - y[i]) / 16;
        s.segmental_db += db < -10 ? -10 : db > 35 ? 35 : db;
        s.spectral_db += sqrt(d);
        n++;
    }
    cr_assert_gt(n, 20);
    s.segmental_db /= n;
    s.spectral_db /= n;
    return s;
}

#define FORM "%2u %% in %u, %2u ms, %5s: segmental SNR %5.2f dB, appendix I %5.2f; spectral distance %5.2f dB, %5.2f\n"

Test(speech, concealment_is_better_than_appendix_i_where_the_next_frame_waits_and_as_good_where_not)
{
    read_speech();
    for (unsigned percent = 5; percent <= 10; percent += 5) {
        for (unsigned burst = 1; burst <= 3; burst += 2) {
            uint64_t rnd = percent * 7 + burst;
            unsigned losing = 0;
            for (unsigned k = 0; k < periods; k++) {
                if (losing == 0 && k > 10 && jn_splitmix(&rnd) % (100 * burst) < percent)
                    losing = burst;
                lost[k] = losing != 0;
                losing -= losing != 0;
            }
            play_theirs();
            for (unsigned late = 0; late <= 2; late += 2) {
                play_ours(late);
                for (unsigned after = 0; after < 2; after++) {
                    struct score a = score(ours, after), b = score(theirs, after);
                    if (getenv("SHOW"))
                        fprintf(stderr, FORM, percent, burst, late * 20, after ? "after" : "lost", a.segmental_db,
                                b.segmental_db, a.spectral_db, b.spectral_db);
                    double near = late == 0; /* one side alone: as good, to what the choice of prompts makes of it */
                    cr_expect_geq(a.segmental_db + 0.7 * near, b.segmental_db, "%u %% in %u, %u: %f dB, appendix %f",
                                  percent, burst, late, a.segmental_db, b.segmental_db);
                    cr_expect_leq(a.spectral_db - 0.2 * near, b.spectral_db, "%u %% in %u, %u: %f dB, appendix %f",
                                  percent, burst, late, a.spectral_db, b.spectral_db);
                }
            }
        }
    }
}
