/* A fixed jitter buffer against a naive one: a list of what has come, asked at each period for the one packet that is
 * due. Networks are random: loss, reordering, copies, packets far too late, jumps of sequence and timestamp. */
#include "engine/base/rand.h"
#include "media/codec/g711.h"
#include "media/jbuf/jbuf.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

TestSuite(jbuf_model, .timeout = 30);

enum { PACKETS = 400, COPIES = 2, DEPTH_MS = 60, MS = 1000000, LOST = 1000000, MIDDLE = 60, WINDOW = 60 };

struct network {
    unsigned loss, late, copy; /* of 1000 packets */
    unsigned jitter_ms;        /* at most, of those that are not late */
    unsigned late_ms;          /* what is late has this much more */
};
/* One packet of one talk; at: arrival of each copy, in ms since the talk began, LOST: never. */
struct sent {
    unsigned at[COPIES];
};
/* got: the naive buffer's list, by packet; seen: what has come, were it too late. */
struct model {
    struct sent sent[PACKETS];
    bool got[PACKETS], seen[PACKETS];
    unsigned accepted, late, duplicate, played, missing;
};

static const uint64_t start_ns = UINT64_C(7000000000);

/* No two packets are alike, and no window of one either. */
static void payload_of(unsigned talk, unsigned n, uint8_t out[160])
{
    uint64_t seed = (uint64_t)talk << 32 | (n + 1);

    for (unsigned i = 0; i < 160; i++) {
        uint8_t code = (uint8_t)jn_splitmix(&seed);
        out[i] = (code & 0x7f) == 0x7f ? 0x10 : code; /* no zero: silence is told from sound */
    }
}

/* Not two in a row are missing: where nothing waits at all, a real one stands still and a naive one does not. */
static void impair(struct model *m, const struct network *net, uint64_t *seed)
{
    unsigned spared = 3; /* the first packets say what the shortest way is */

    memset(m, 0, sizeof *m);
    for (unsigned n = 0; n < PACKETS; n++) {
        bool may = spared == 0, lost = jn_splitmix(seed) % 1000 < net->loss && may,
             late = jn_splitmix(seed) % 1000 < net->late && may && !lost;
        for (unsigned k = 0; k < COPIES; k++)
            m->sent[n].at[k] =
                20 * n + (n < 3 ? 0 : (unsigned)(jn_splitmix(seed) % (net->jitter_ms + 1))) + (late ? net->late_ms : 0);
        if (lost)
            m->sent[n].at[0] = LOST;
        if (lost || jn_splitmix(seed) % 1000 >= net->copy)
            m->sent[n].at[1] = LOST;
        spared = lost || late ? 1 : spared > 0 ? spared - 1 : 0;
    }
}

/* Every packet that arrives in this millisecond, oldest first; next: the packet that is due next. */
static void arrive(struct jn_jbuf *j, struct model *m, unsigned talk, unsigned ms, unsigned next, uint32_t ts0)
{
    uint8_t payload[160];

    for (unsigned n = ms / 20 > 20 ? ms / 20 - 20 : 0; n < PACKETS && 20 * n <= ms; n++)
        for (unsigned k = 0; k < COPIES; k++) {
            if (m->sent[n].at[k] != ms)
                continue;
            payload_of(talk, n, payload);
            struct jn_frame f = {.ext_seq = 100000 * (talk + 1) + n,
                                 .at_ns = start_ns + (uint64_t)ms * MS,
                                 .ts = ts0 + 160 * n,
                                 .len = 160,
                                 .codec = JN_CODEC_PCMU,
                                 .payload = payload};
            int rc = jn_jbuf_put(j, &f), want = m->seen[n] ? -EEXIST : n < next ? -ETIME : 0;
            cr_assert_eq(rc, want, "talk %u, packet %u at %u ms, %u is next: %d, not %d", talk, n, ms, next, rc, want);
            m->accepted += rc == 0;
            m->duplicate += rc == -EEXIST;
            m->late += rc == -ETIME;
            m->seen[n] = true;
            m->got[n] |= rc == 0;
        }
}

/* The samples in the middle of the period are those of packet n: what was invented before it is blended into its
 * beginning. */
static bool says(const int16_t *out, unsigned talk, unsigned n)
{
    uint8_t payload[160];
    int16_t pcm[160];

    payload_of(talk, n, payload);
    jn_codec_decode(JN_CODEC_PCMU, pcm, payload, 160);
    return memcmp(out + MIDDLE, pcm + MIDDLE, WINDOW * sizeof *pcm) == 0;
}

static struct jn_jbuf *make(void)
{
    const struct jn_jbuf_config c = {.min_ms = DEPTH_MS, .max_ms = 200, .start_ms = DEPTH_MS, .fixed = true};
    struct jn_jbuf *j = jn_jbuf_init(aligned_alloc(64, jn_jbuf_size(JN_CODEC_PCMU, 8000)), &c);

    cr_assert_not_null(j);
    return j;
}

static void agrees(const struct network *net, uint64_t seed)
{
    struct jn_jbuf *j = make();
    struct model *m = malloc(sizeof *m);
    int16_t out[160];
    unsigned next = 0;

    impair(m, net, &seed);
    for (unsigned ms = 0; next < PACKETS - 20; ms++) {
        arrive(j, m, 0, ms, next, 5000);
        if (ms % 20 != 10)
            continue;
        jn_jbuf_get(j, out, start_ns + (uint64_t)ms * MS);
        if (ms < DEPTH_MS) {
            cr_assert(!says(out, 0, 0), "begins after %u ms", ms);
            continue;
        }
        cr_assert_eq(says(out, 0, next), m->got[next], "packet %u is %s", next,
                     m->got[next] ? "not played" : "invented");
        m->played += m->got[next];
        m->missing += !m->got[next];
        next++;
    }
    const struct jn_jbuf_counts *c = jn_jbuf_counts(j);
    cr_assert_eq(c->in, m->accepted);
    cr_assert_eq(c->late, m->late, "late %u, %u", c->late, m->late);
    cr_assert_eq(c->duplicate, m->duplicate);
    cr_assert_eq(c->played, m->played, "played %u, %u", c->played, m->played);
    cr_assert_eq(c->concealed, m->missing, "concealed %u, %u", c->concealed, m->missing);
    cr_assert_eq(c->skipped + c->full + c->bad + c->resync + c->stretched + c->shrunk, 0);
    jn_jbuf_reset(j);
    cr_assert_eq(c->in, c->played + c->skipped, "each one has its fate");
    free(m);
    free(j);
}

Test(jbuf_model, a_fixed_jitter_buffer_does_what_a_naive_one_does)
{
    static const struct network nets[] = {
        {0, 0, 0, 0, 0},       /* none */
        {0, 0, 0, 45, 0},      /* out of order, and all in time */
        {100, 0, 0, 0, 0},     /* lost */
        {0, 0, 300, 45, 0},    /* copies of all ages */
        {0, 50, 0, 10, 90},    /* too late */
        {80, 40, 150, 45, 90}, /* all of it */
    };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
        for (uint64_t seed = 1; seed <= 10; seed++)
            agrees(&nets[i], seed * 977 + i);
}

/* Whether that packet's middle lies anywhere in the period. */
static bool holds(const int16_t *out, unsigned talk, unsigned n)
{
    uint8_t payload[160];
    int16_t pcm[160];

    payload_of(talk, n, payload);
    jn_codec_decode(JN_CODEC_PCMU, pcm, payload, 160);
    for (unsigned at = 0; at + WINDOW <= 160; at++)
        if (out[at] == pcm[MIDDLE] && memcmp(out + at, pcm + MIDDLE, WINDOW * sizeof *pcm) == 0)
            return true;
    return false;
}

/* All that arrives in this millisecond; returns how many were refused. */
static unsigned deliver(struct jn_jbuf *j, struct model *m, unsigned talk, unsigned ms, uint32_t ts0)
{
    unsigned refused = 0;
    uint8_t payload[160];

    for (unsigned n = ms / 20 > 20 ? ms / 20 - 20 : 0; n < PACKETS && 20 * n <= ms; n++)
        for (unsigned k = 0; k < COPIES; k++) {
            if (m->sent[n].at[k] != ms)
                continue;
            payload_of(talk, n, payload);
            struct jn_frame f = {.ext_seq = 100000 * (talk + 1) + n,
                                 .at_ns = start_ns + (20 * PACKETS * talk + ms) * (uint64_t)MS,
                                 .ts = ts0 + 160 * n,
                                 .len = 160,
                                 .codec = JN_CODEC_PCMU,
                                 .payload = payload};
            int rc = jn_jbuf_put(j, &f);
            cr_assert(rc == 0 || rc == -EEXIST || rc == -ETIME || rc == -ENOSPC, "%d", rc);
            cr_assert(rc != 0 || !m->got[n], "packet %u was taken twice", n);
            cr_assert(rc != -EEXIST || m->seen[n], "packet %u did not come before", n);
            m->seen[n] = true;
            m->got[n] |= rc == 0;
            m->accepted += rc == 0;
            refused += rc != 0;
        }
    return refused;
}

static void in_order(const struct network *net, uint64_t seed)
{
    struct jn_jbuf *j = make();
    const struct jn_jbuf_counts *c = jn_jbuf_counts(j);
    struct model *m = malloc(sizeof *m);
    unsigned accepted = 0, refused = 0, good = 0;
    int16_t out[160];

    for (unsigned talk = 0; talk < 3; talk++) { /* each begins elsewhere */
        uint32_t ts0 = (uint32_t)jn_splitmix(&seed);
        int last = -1;
        impair(m, net, &seed);
        for (unsigned n = 30; n + 60 < PACKETS; n += 60) /* the way stands still, and then it all comes at once */
            for (unsigned k = 0; k < 12; k++)
                m->sent[n + k].at[0] = m->sent[n + k].at[0] == LOST ? LOST : 20 * (n + 12);
        if (talk > 0)
            jn_jbuf_reset(j);
        for (unsigned ms = 0; ms < 20 * PACKETS; ms++) {
            refused += deliver(j, m, talk, ms, ts0);
            if (ms % 20 != 10)
                continue;
            unsigned invented = c->concealed + c->stretched + c->shrunk;
            jn_jbuf_get(j, out, start_ns + (20 * PACKETS * talk + ms) * (uint64_t)MS);
            for (unsigned n = last > 5 ? (unsigned)last - 5 : 0; n < PACKETS; n++) {
                if (!m->got[n] || !holds(out, talk, n))
                    continue;
                bool real = c->concealed + c->stretched + c->shrunk == invented;
                cr_assert(!real || (int)n > last, "packet %u is played after %d", n, last);
                good += real;
                last = (int)n > last ? (int)n : last;
            }
        }
        accepted += m->accepted;
    }
    jn_jbuf_reset(j);
    cr_assert_eq(c->in, accepted);
    cr_assert_eq(c->late + c->duplicate + c->full + c->bad, refused);
    cr_assert_eq(c->in, c->played + c->skipped, "and each that was taken is played or passed over");
    cr_assert(good > accepted / 4 && good <= c->played, "%u heard of %u, %u played", good, accepted, c->played);
    free(m);
    free(j);
}

Test(jbuf_model, whatever_the_network_does_nothing_is_heard_twice_or_out_of_order)
{
    static const struct network nets[] = {{100, 50, 200, 45, 150}, {0, 0, 500, 120, 0}, {300, 100, 100, 60, 300}};

    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
        for (uint64_t seed = 1; seed <= 2; seed++)
            in_order(&nets[i], seed * 31 + i);
}
