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
