#include "media/rtp/rtp.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(rtp, .timeout = 5);

Test(rtp, what_was_built_is_parsed_back)
{
    struct jn_rtp in = {.ts = 0x89abcdef, .ssrc = 0xfedcba98, .seq = 0xfffe, .pt = 101, .marker = true}, out;
    uint8_t b[JN_RTP_HEADER + 3] = {0};
    jn_rtp_build(b, &in);
    cr_assert_eq(jn_rtp_parse(&out, b, sizeof b), 0);
    cr_assert_eq(out.ts, in.ts);
    cr_assert_eq(out.ssrc, in.ssrc);
    cr_assert_eq(out.seq, in.seq);
    cr_assert_eq(out.pt, in.pt);
    cr_assert(out.marker);
    cr_assert_eq(out.payload_off, 12);
    cr_assert_eq(out.payload_len, 3);
}

Test(rtp, csrc_extension_and_padding_are_left_out_of_the_payload)
{
    /* one CSRC, extension of one word, 4 bytes payload, 3 bytes padding */
    uint8_t b[12 + 4 + 4 + 4 + 4 + 3] = {0xb1, 0x00};
    b[12 + 4 + 3] = 1;
    b[sizeof b - 1] = 3;
    struct jn_rtp h;
    cr_assert_eq(jn_rtp_parse(&h, b, sizeof b), 0);
    cr_assert_eq(h.payload_off, 24);
    cr_assert_eq(h.payload_len, 4);
}

Test(rtp, every_cut_and_bad_padding_is_refused)
{
    uint8_t b[24] = {0x91};
    b[12 + 4 + 3] = 1; /* needs exactly 24 bytes */
    struct jn_rtp h;
    cr_assert_eq(jn_rtp_parse(&h, b, 24), 0);
    for (size_t n = 0; n < 24; n++)
        cr_assert_eq(jn_rtp_parse(&h, b, n), -EBADMSG, "length %zu", n);
    uint8_t p[13] = {0xa0};
    cr_assert_eq(jn_rtp_parse(&h, p, 13), -EBADMSG, "padding of zero bytes");
    p[12] = 2;
    cr_assert_eq(jn_rtp_parse(&h, p, 13), -EBADMSG, "padding longer than the payload");
    p[12] = 1;
    cr_assert_eq(jn_rtp_parse(&h, p, 13), 0);
    cr_assert_eq(h.payload_len, 0);
    p[0] = 0x40;
    cr_assert_eq(jn_rtp_parse(&h, p, 13), -EBADMSG, "version 1");
}

Test(rtp, rtcp_is_told_by_its_second_byte)
{
    uint8_t b[2] = {0x80, 191};
    cr_assert_not(jn_is_rtcp(b, 2));
    b[1] = 192;
    cr_assert(jn_is_rtcp(b, 2));
    cr_assert_not(jn_is_rtcp(b, 1));
    b[1] = 223;
    cr_assert(jn_is_rtcp(b, 2));
    b[1] = 224;
    cr_assert_not(jn_is_rtcp(b, 2));
}

/* A packet with one CSRC and this header extension, whole words. */
static size_t extended(uint8_t out[64], uint16_t profile, const uint8_t *of, size_t n)
{
    memset(out, 0, 64);
    out[0] = 0x91;
    out[16] = (uint8_t)(profile >> 8);
    out[17] = (uint8_t)profile;
    out[19] = (uint8_t)((n + 3) / 4);
    memcpy(out + 20, of, n);
    return 20 + (n + 3) / 4 * 4;
}

Test(rtp, the_level_that_a_sender_says_is_found_in_either_form)
{
    static const struct {
        uint16_t profile;
        uint8_t n, bytes[12], id, level;
    } all[] = {
        {0xbede, 2, {0x10, 0x80 | 42}, 1, 42},                /* voice: the first bit */
        {0xbede, 2, {0x10, 42}, 1, 42},                       /* none */
        {0xbede, 2, {0x10, 42}, 2, JN_RTP_NO_LEVEL},          /* another id */
        {0xbede, 2, {0x10, 42}, 0, JN_RTP_NO_LEVEL},          /* not negotiated */
        {0xbede, 8, {0, 0, 0x22, 1, 2, 3, 0xe0, 99}, 14, 99}, /* behind padding and another one */
        {0xbede, 4, {0xf0, 0, 0x10, 42}, 1, JN_RTP_NO_LEVEL}, /* 15 ends all */
        {0xbede, 4, {0, 0, 0, 0x10}, 1, JN_RTP_NO_LEVEL},     /* its byte is not there */
        {0xbede, 4, {0x2f, 0x10, 42, 0}, 1, JN_RTP_NO_LEVEL}, /* one that leads past the end */
        {0x1000, 3, {1, 1, 42}, 1, 42},                       /* two-byte form */
        {0x100f, 4, {200, 1, 127, 0}, 200, 127},              /* application bits */
        {0x1000, 8, {0, 7, 0, 0, 9, 2, 5, 6}, 9, 5},          /* behind padding and an empty one */
        {0x1000, 4, {9, 0, 0, 0}, 9, JN_RTP_NO_LEVEL},        /* empty */
        {0x1000, 4, {9, 3, 1, 2}, 9, JN_RTP_NO_LEVEL},        /* past the end */
        {0x1000, 4, {0, 0, 0, 9}, 9, JN_RTP_NO_LEVEL},        /* cut before its length */
        {0x1010, 3, {1, 1, 42}, 1, JN_RTP_NO_LEVEL},          /* no form of these */
        {0xabac, 2, {0x10, 42}, 1, JN_RTP_NO_LEVEL},
    };
    uint8_t b[64];
    struct jn_rtp h;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        size_t n = extended(b, all[i].profile, all[i].bytes, all[i].n);
        cr_assert_eq(jn_rtp_parse(&h, b, n), 0);
        cr_expect_eq(jn_rtp_level(b, n, all[i].id), all[i].level, "%zu", i);
    }
    b[0] = 0x81;
    cr_expect_eq(jn_rtp_level(b, sizeof b, 1), JN_RTP_NO_LEVEL, "no extension");
}
