/* LINK: jn_media */
#include "media/srtp/srtp.h"
#include <stdlib.h>
#include <string.h>

enum { CAP = 1600, PACKETS = 8 };

struct pair {
    struct jn_srtp *mine, *ref;
};

static struct jn_srtp_bank *bank;
static uint8_t key[JN_SRTP_KEY_MAX];

/* Both engines open the same packets, in one burst; verdicts and opened bytes must be the same. */
static void both(struct pair c, uint8_t bytes[PACKETS][CAP], const uint16_t len[], unsigned n, bool rtcp)
{
    static uint8_t copy[2][PACKETS][CAP];
    struct jn_pkt pkt[2][PACKETS], *pk[2][PACKETS];
    for (unsigned k = 0; k < 2; k++) {
        for (unsigned i = 0; i < n; i++) {
            memcpy(copy[k][i], bytes[i], CAP);
            pkt[k][i] = (struct jn_pkt){.data = copy[k][i], .len = len[i], .cap = CAP};
            pk[k][i] = &pkt[k][i];
        }
        jn_srtp_open_one(k ? &jn_srtp_libsrtp : &jn_srtp_mb, k ? c.ref : c.mine, pk[k], n, rtcp);
    }
    for (unsigned i = 0; i < n; i++) {
        if (pkt[0][i].drop != pkt[1][i].drop)
            abort();
        if (pkt[0][i].drop == JN_DROP_NONE &&
            (pkt[0][i].len != pkt[1][i].len || memcmp(copy[0][i], copy[1][i], pkt[0][i].len) != 0))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* First byte: suite, RTCP, and whether packets are sealed first, so that some of them are good. Then packets, each with
 * two bytes of length and one that says which bit of it the network turns over. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[PACKETS][CAP];
    static struct jn_srtp *tx;
    uint16_t len[PACKETS];
    unsigned n = 0;
    if (size < 4 || (!bank && jn_srtp_mb.open_bank(&bank, 16) < 0))
        return 0;
    enum jn_srtp_suite suite = (enum jn_srtp_suite)(1 + data[0] % (JN_SUITE_N - 1));
    bool rtcp = data[0] & 0x20, sealed = data[0] & 0x40;
    struct pair c = {jn_srtp_mb.open_context(bank, suite, key, true),
                     jn_srtp_libsrtp.open_context(NULL, suite, key, true)};
    tx = jn_srtp_mb.open_context(bank, suite, key, false);
    size_t at = 1;
    while (c.ref && n < PACKETS && at + 3 <= size) {
        size_t want = (size_t)(data[at] << 8 | data[at + 1]) % (CAP - JN_SRTP_TRAILER_MAX), have = size - at - 3;
        uint8_t turn = data[at + 2];
        at += 3;
        len[n] = (uint16_t)(want < have ? want : have);
        memset(bytes[n], 0, CAP);
        memcpy(bytes[n], data + at, len[n]);
        at += len[n];
        struct jn_pkt p = {.data = bytes[n], .len = len[n], .cap = CAP}, *pk = &p;
        if (sealed && jn_srtp_seal_one(&jn_srtp_mb, tx, &pk, 1, rtcp) == 1)
            len[n] = p.len;
        if (turn && len[n])
            bytes[n][turn % len[n]] ^= (uint8_t)(1u << (turn & 7));
        n++;
    }
    if (n > 0) {
        both(c, bytes, len, n, rtcp);
        both(c, bytes, len, n, rtcp); /* all again: what was good is a replay now */
    }
    jn_srtp_mb.close_context(c.mine);
    jn_srtp_mb.close_context(tx);
    jn_srtp_libsrtp.close_context(c.ref);
    return 0;
}
