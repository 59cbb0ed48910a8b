#include "engine/base/rand.h"
#include "media/record/format.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

TestSuite(format, .timeout = 60);

static struct jn_rec_item item(unsigned i)
{
    struct jn_rec_item it = {.call = 0x1122334455667788u + i,
                             .tenant = 0xfedcba9876543210u,
                             .at_us = 1700000000000000u + i,
                             .arg = 0xffffffffffffffffu - i,
                             .rtp_ts = 0xdeadbeef + i,
                             .ssrc = 0x80000001u,
                             .seq = (UINT64_C(1) << 40) + i,
                             .len = (uint16_t)(i * 37 % (JN_REC_PAYLOAD_MAX + 1)),
                             .kind = i % 5 ? JN_REC_FRAME : JN_REC_EVENT,
                             .track = (uint8_t)(i % 3),
                             .codec = (uint8_t)(i % 2),
                             .event = i % 5 ? 0 : JN_RECEV_HEAR,
                             .worker = (uint8_t)i,
                             .marker = i % 2};
    for (unsigned k = 0; k < it.len; k++)
        it.payload[k] = (uint8_t)(k * 3 + i);
    return it;
}

static bool same(const struct jn_rec_item *a, const struct jn_rec_item *b)
{
    return memcmp(a, b, sizeof *a) == 0; /* no padding: the struct is zeroed before it is filled */
}

enum { N = 200 };
static size_t fill(uint8_t *file, size_t at[N + 1])
{
    size_t n = 0;
    for (unsigned i = 0; i < N; i++) {
        struct jn_rec_item it = item(i);
        at[i] = n;
        n += jn_rec_encode(file + n, &it);
    }
    at[N] = n;
    return n;
}

Test(format, what_was_written_is_read)
{
    static uint8_t file[N * JN_REC_BYTES_MAX];
    size_t at[N + 1], n = fill(file, at), pos = 0;
    for (unsigned i = 0; i < N; i++) {
        struct jn_rec_item got, want = item(i);
        int used = jn_rec_decode(&got, file + pos, n - pos);
        cr_assert_eq(used, (int)(at[i + 1] - at[i]));
        cr_assert(same(&got, &want), "item %u", i);
        pos += (size_t)used;
    }
    cr_assert_eq(pos, n);
}

Test(format, a_torn_tail_asks_for_more_at_every_cut)
{
    uint8_t b[JN_REC_BYTES_MAX];
    struct jn_rec_item it = item(7), got;
    size_t n = jn_rec_encode(b, &it);
    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *exact = malloc(cut + 1);
        memcpy(exact, b, cut);
        cr_assert_eq(jn_rec_decode(&got, exact, cut), 0, "cut at %zu", cut);
        free(exact);
    }
}

Test(format, every_flipped_bit_is_noticed)
{
    uint8_t b[2 * JN_REC_BYTES_MAX] = {0};
    struct jn_rec_item it = item(3), got;
    size_t n = jn_rec_encode(b, &it);
    for (size_t bit = 0; bit < 8 * n; bit++) {
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int used = jn_rec_decode(&got, b, sizeof b);
        cr_assert_eq(used, -EBADMSG, "bit %zu: %d", bit, used);
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    cr_assert_eq(jn_rec_decode(&got, b, sizeof b), (int)n);
}

/* As the reader of a segment goes: a byte on after damage, and at the end of the file too. */
static unsigned read_all(const uint8_t *file, size_t n, bool found[N])
{
    unsigned good = 0;
    for (size_t pos = 0; pos < n;) {
        struct jn_rec_item got;
        int used = jn_rec_decode(&got, file + pos, n - pos);
        if (used <= 0) {
            pos++;
            continue;
        }
        unsigned i = (unsigned)(got.at_us - 1700000000000000u);
        struct jn_rec_item want = item(i);
        cr_assert(i < N && same(&got, &want), "nothing that was not written is read");
        found[i] = true;
        good++;
        pos += (size_t)used;
    }
    return good;
}

Test(format, damage_costs_only_the_records_that_it_hits)
{
    static uint8_t file[N * JN_REC_BYTES_MAX];
    uint64_t rnd = 1;
    for (unsigned round = 0; round < 50; round++) {
        size_t at[N + 1], n = fill(file, at);
        bool hit[N] = {false}, found[N] = {false};
        unsigned damaged = 0;
        for (unsigned k = 0; k < 10; k++) {
            unsigned i = (unsigned)(jn_splitmix(&rnd) % N);
            size_t len = at[i + 1] - at[i], where = at[i] + jn_splitmix(&rnd) % len;
            if (hit[i])
                continue;
            file[where] ^= (uint8_t)(1 + jn_splitmix(&rnd) % 255);
            hit[i] = true;
            damaged++;
        }
        cr_assert_eq(read_all(file, n, found), N - damaged);
        for (unsigned i = 0; i < N; i++)
            cr_assert_eq(found[i], !hit[i]);
    }
}
