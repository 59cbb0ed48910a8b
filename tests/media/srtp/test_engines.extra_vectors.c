/* Vectors: RFC 3711 appendix B, RFC 6188 7, RFC 7714 16 and 17, through the batch engine's own steps. Where a vector
 * gives session keys, they are put into a context in place of derived ones. */
#include "engine/base/str.h"
#include "media/srtp/batch_mb.h"
#include "tests/media/srtp/engines.h"

static unsigned bytes(uint8_t *out, const char *hex)
{
    unsigned n = (unsigned)strlen(hex) / 2;
    cr_assert_eq(jn_unhex(out, n, hex), 0);
    return n;
}

static void is(const uint8_t *at, const char *hex, const char *what)
{
    char text[1024];
    jn_hex(text, at, strlen(hex) / 2);
    cr_assert_str_eq(text, hex, "%s", what);
}

struct stream {
    struct jn_srtp_bank *bank;
    uint8_t round[15 * 16] __attribute__((aligned(16)));
    unsigned key;
};

static void key_stream(void *arg, const uint8_t iv[16], uint8_t *out, unsigned n)
{
    struct stream *s = arg;
    memset(out, 0, n);
    jn_mb_cipher_one(s->bank, s->round, s->key, iv, out, n);
}

Test(srtp_engines, keys_are_derived_as_rfc_3711_and_6188_show)
{
    static const struct {
        enum jn_srtp_suite suite;
        const char *master, *salt, *key, *session_salt, *auth;
    } v[] = {{JN_SUITE_AES128_SHA80, "e1f97a0d3e018be0d64fa32c06de4139", "0ec675ad498afeebb6960b3aabe6",
              "c61e7a93744f39ee10734afe3ff7a087", "30cbbc08863d8c85d49db34a9ae1",
              "cebe321f6ff7716b6fd4ab49af256a156d38baa4"},
             {JN_SUITE_AES256_SHA80, "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6",
              "3b04803de51ee7c96423ab5b78d2", "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4",
              "fa31791685ca444a9e07c6c64e93", "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"},
             {JN_SUITE_AES192_SHA80, "73edc66c4fa15776fb57f9505c17136550ffda71f3e8e5f1", "c8522f3acd4ce86d5add78edbb11",
              "31874736a8f1143870c26e4857d8a5b2c4a354407faadabb", "2372b82d639b6d8503a47adc0a6c",
              "355b10973cd95b9eacf4061c7e1a7151e7cfbfcb"}};
    struct engine e[ENGINES_MAX];
    unsigned n = engines_open(e, 2);
    for (unsigned k = 1; k < n; k++)
        for (unsigned i = 0; i < sizeof v / sizeof v[0]; i++) {
            struct stream s = {.bank = e[k].bank};
            struct jn_srtp_session got;
            uint8_t master[32], salt[14];
            s.key = bytes(master, v[i].master);
            bytes(salt, v[i].salt);
            jn_mb_expand(e[k].bank, master, s.key, s.round);
            jn_srtp_derive(&got, jn_srtp_parts(v[i].suite), salt, false, key_stream, &s);
            is(got.key, v[i].key, e[k].name);
            is(got.salt, v[i].session_salt, e[k].name);
            is(got.auth, v[i].auth, e[k].name);
        }
    engines_close(e, n);
}

/* The first blocks and the last ones before the counter's 16 bits are used up. */
Test(srtp_engines, key_streams_are_those_of_rfc_3711_and_6188)
{
    static const struct {
        const char *key, *first, *last;
    } v[] = {{"2b7e151628aed2a6abf7158809cf4f3c", "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab",
              "ec8cdf7398607cb0f2d21675ea9ea1e4362b7c3c6773516318a077d7fc5073ae"},
             {"57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98",
              "92bdd28a93c3f52511c677d08b5515a49da71b2378a854f67050756ded165bac",
              "cea518c90fd91ced9cbb18c078a547113dbc4814f4da5f00a08772b63c6a046d"}};
    static uint8_t out[65283 * 16];
    struct engine e[ENGINES_MAX];
    unsigned n = engines_open(e, 2);
    for (unsigned k = 1; k < n; k++)
        for (unsigned i = 0; i < sizeof v / sizeof v[0]; i++) {
            struct stream s = {.bank = e[k].bank};
            uint8_t key[32], iv[16], salt[16] = {0};
            bytes(salt, "f0f1f2f3f4f5f6f7f8f9fafbfcfd");
            s.key = bytes(key, v[i].key);
            jn_mb_expand(e[k].bank, key, s.key, s.round);
            jn_mb_iv(iv, salt, 0, 0);

            key_stream(&s, iv, out, 65282 * 16);
            is(out, v[i].first, e[k].name);
            is(out + 65279 * 16, v[i].last, e[k].name);
        }
    engines_close(e, n);
}

#define QUID "517569642070726f2071756f"
#define RTP  "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573"
/* The packet that 17.1 to 17.4 work on; the one printed at the head of section 17 is another. */
#define RTCP "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"

static struct jn_srtp *gcm_context(const struct engine *e, enum jn_srtp_suite suite, bool inbound)
{
    uint8_t key[32];
    struct jn_srtp *s = e->ops->open_context(e->bank, suite, test_key(), inbound);
    for (unsigned i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    jn_mb_gcm_expand(e->bank, key, jn_srtp_parts(suite)->key, &jn_mb_gcm(s)->key);
    bytes(s->salt, QUID);
    memcpy(jn_mb_rtcp(s)->key, key, jn_srtp_parts(suite)->key);
    bytes(jn_mb_rtcp(s)->salt, QUID);
    return s;
}

static void hex_packet(struct packet *p, const char *hex)
{
    memset(p, 0, sizeof *p);
    p->pk = (struct jn_pkt){.data = p->at, .len = (uint16_t)bytes(p->at, hex), .cap = PACKET_CAP};
}

Test(srtp_engines, gcm_packets_are_those_of_rfc_7714)
{
    static const struct {
        enum jn_srtp_suite suite;
        const char *rtp, *rtcp;
    } v[] = {{JN_SUITE_GCM128,
              "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833"
              "899d7f27beb16a9152cf765ee4390cce",
              "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9"
              "275bc84aa45896cf4d2fc5abf87245d9eade800005d4"},
             {JN_SUITE_GCM256,
              "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b"
              "7aa3db36dfffd6b0f9bb7878d7a76c13",
              "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de0476f1b"
              "6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4"}};
    struct engine e[ENGINES_MAX];
    unsigned n = engines_open(e, 8);
    for (unsigned k = 1; k < n; k++)
        for (unsigned i = 0; i < 2; i++) {
            struct packet p;
            struct jn_srtp *tx = gcm_context(&e[k], v[i].suite, false), *rx = gcm_context(&e[k], v[i].suite, true);
            hex_packet(&p, RTP);
            cr_assert_eq(packet_seal(&e[k], tx, &p, false), JN_DROP_NONE);
            cr_assert_eq(p.pk.len, strlen(v[i].rtp) / 2);
            is(p.at, v[i].rtp, e[k].name);
            cr_assert_eq(packet_open(&e[k], rx, &p, false), JN_DROP_NONE);
            is(p.at, RTP, e[k].name);
            jn_mb_rtcp(tx)->seen.highest = 0x5d3;
            tx->ssrc = 0x4d617273;
            hex_packet(&p, RTCP);
            cr_assert_eq(packet_seal(&e[k], tx, &p, true), JN_DROP_NONE);
            is(p.at, v[i].rtcp, e[k].name);
            cr_assert_eq(packet_open(&e[k], rx, &p, true), JN_DROP_NONE);
            is(p.at, RTCP, e[k].name);
            cr_assert_eq(p.pk.len, strlen(RTCP) / 2);
            e[k].ops->close_context(tx);
            e[k].ops->close_context(rx);
        }
    engines_close(e, n);
}

/* 17.3: authenticated, not encrypted: GCM's SRTCP says of each packet which it is. */
Test(srtp_engines, an_srtcp_packet_that_is_not_encrypted_is_taken_under_gcm_alone)
{
    struct engine e[ENGINES_MAX];
    unsigned n = engines_open(e, 8);
    for (unsigned k = 1; k < n; k++) {
        struct packet p;
        struct jn_srtp *rx = gcm_context(&e[k], JN_SUITE_GCM128, true);
        hex_packet(&p, RTCP "841dd9683dd78ec92ae58790125f62b3000005d4");
        p.at[20] ^= 1;
        cr_assert_eq(packet_open(&e[k], rx, &p, true), JN_DROP_AUTH);
        hex_packet(&p, RTCP "841dd9683dd78ec92ae58790125f62b3000005d4");
        cr_assert_eq(packet_open(&e[k], rx, &p, true), JN_DROP_NONE, "%s", e[k].name);
        is(p.at, RTCP, e[k].name);
        /* AES-CM: its suite says that all are encrypted, so a cleared flag is a forgery */
        struct jn_srtp *tx = e[k].ops->open_context(e[k].bank, JN_SUITE_NULL_SHA80, test_key(), false);
        struct jn_srtp *cm = e[k].ops->open_context(e[k].bank, JN_SUITE_AES128_SHA80, test_key(), true);
        hex_packet(&p, RTCP);
        cr_assert_eq(packet_seal(&e[k], tx, &p, true), JN_DROP_NONE);
        cr_assert_eq(packet_open(&e[k], cm, &p, true), JN_DROP_AUTH, "%s", e[k].name);
    }
    engines_close(e, n);
}
