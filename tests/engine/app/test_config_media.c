/* media.dpdk: what it takes, and each mistake around it with line and key; codecs. */
#include "engine/app/config_check.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(config_media, .timeout = 60);

static int parse(struct jn_config *c, const char *media, struct jn_problems *p)
{
    char text[1000];
    snprintf(text, sizeof text, "centre: ''\nmedia:\n%s", media);
    return jn_config_parse(c, "m.yaml", text, strlen(text), p);
}

/* Exactly one mistake, and it says so. */
static void mistake(const char *media, const char *want)
{
    struct jn_problems p = {0};
    struct jn_config c;
    cr_assert_eq(parse(&c, media, &p), -EINVAL, "taken: %s", media);
    cr_assert_eq(p.count, 1, "%s", p.text.data);
    cr_assert(strstr(p.text.data, want) != NULL, "is:   %s\nwant: %s", p.text.data, want);
    jn_problems_free(&p);
}

#define DPDK "  port: dpdk\n  listen: 10.0.0.2\n  dpdk:\n    device: 'net_af_packet0,iface=eth1'\n"

Test(config_media, every_key_reaches_its_field)
{
    struct jn_problems p = {0};
    struct jn_config c;
    cr_assert_eq(parse(&c, "  dscp: 34\n" DPDK, &p), 0, "%s", p.text.data);
    cr_assert_eq(c.media_back_end, JN_MEDIA_DPDK);
    cr_assert_eq(c.media_dscp, 34);
    cr_assert_str_eq(c.dpdk.device, "net_af_packet0,iface=eth1");
    cr_assert(c.dpdk.prefix == 24 && !c.dpdk.huge_pages && c.dpdk.vlan == 0 && c.dpdk.memory_mb == 64 &&
              c.dpdk.max_sleep_us == 500 && !c.dpdk.gateway[0] && !c.dpdk.mac[0]);
    cr_assert_eq(parse(&c,
                       DPDK "    prefix: 20\n    gateway: 10.0.15.254\n    mac: '02:00:5e:10:00:01'\n    vlan: 7\n"
                            "    huge_pages: true\n    memory_mb: 512\n    max_sleep_us: 0\n",
                       &p),
                 0, "%s", p.text.data);
    cr_assert(c.dpdk.prefix == 20 && c.dpdk.huge_pages && c.dpdk.vlan == 7 && c.dpdk.memory_mb == 512 &&
              c.dpdk.max_sleep_us == 0);
    cr_assert_str_eq(c.dpdk.gateway, "10.0.15.254");
    cr_assert_str_eq(c.dpdk.mac, "02:00:5e:10:00:01");
    cr_assert_eq(parse(&c, "  listen: 127.0.0.1\n", &p), 0);
    cr_assert_eq(c.media_back_end, JN_MEDIA_UDP);
    cr_assert_eq(c.media_dscp, 46, "EF");
}

Test(config_media, mistakes_have_their_line_and_key)
{
    mistake("  port: xdp\n", "m.yaml:3 media.port: ");
    mistake("  dscp: 64\n", "m.yaml:3 media.dscp: ");
    mistake("  port: dpdk\n  listen: 10.0.0.2\n", "m.yaml:3 media.dpdk.device: is missing");
    mistake("  port: dpdk\n  listen: 10.0.0.2\n  dpdk:\n    device: net_af_packet0\n",
            "m.yaml:6 media.dpdk.device: names no interface");
    mistake("  port: dpdk\n  listen: '2001:db8::1'\n  dpdk:\n    device: '0000:03:00.0'\n    gateway: 10.0.0.1\n",
            "m.yaml:7 media.dpdk.gateway: must be another address");
    mistake("  port: dpdk\n  dpdk:\n    device: '0000:03:00.0'\n    memory_mb: 32\n",
            "m.yaml:2 media.listen: must be an address");
    mistake(DPDK "    prefix: 32\n", "m.yaml:7 media.dpdk.prefix: ");
    mistake(DPDK "    gateway: 10.0.1.1\n", "m.yaml:7 media.dpdk.gateway: must be another address");
    mistake(DPDK "    gateway: 10.0.0.2\n", "m.yaml:7 media.dpdk.gateway: must be another address");
    mistake(DPDK "    mac: '01:00:5e:10:00:01'\n", "m.yaml:7 media.dpdk.mac: ");
    mistake(DPDK "    vlan: 4095\n", "m.yaml:7 media.dpdk.vlan: ");
    mistake(DPDK "    huge: true\n", "m.yaml:7 media.dpdk.huge: ");
    mistake(DPDK "  advertise: '2001:db8::1'\n", "m.yaml:7 media.advertise: is of the other family");
    mistake(DPDK "sip:\n  listen: 10.0.0.2\n", "m.yaml:4 media.listen: is the kernel's");
    mistake(DPDK "workers:\n  count: 65\n", "m.yaml:6 media.dpdk.device: serves at most 64 workers");
}

Test(config_media, a_stations_address_is_six_bytes_and_no_group)
{
    static const char *const wrong[] = {"",
                                        "02:00:5e:10:00",
                                        "02:00:5e:10:00:01:02",
                                        "00:00:00:00:00:00",
                                        "03:00:00:00:00:01",
                                        "ff:ff:ff:ff:ff:ff",
                                        "02-00-5e-10-00-01",
                                        "02:00:5e:10:00:01 ",
                                        "0x:00:5e:10:00:01",
                                        "02:00:5e:+1:00:01"};
    uint8_t mac[6];
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert(!jn_mac_parse(mac, wrong[i]), "%s", wrong[i]);
    cr_assert(jn_mac_parse(mac, "0a:FF:5e:10:00:fe"));
    cr_assert(mac[0] == 0x0a && mac[1] == 0xff && mac[5] == 0xfe);
}

/* media.codecs, media.opus. */

TestSuite(config_codecs, .timeout = 60);

Test(config_codecs, without_a_list_all_are_spoken_in_the_offers_order)
{
    struct jn_config c;
    struct jn_problems p = {0};
    cr_assert_eq(parse(&c, "  dscp: 46\n", &p), 0, "%s", p.text.data);
    cr_assert(c.codecs.n == JN_CODEC_N && !c.codecs.in_order && !c.codecs.cn && c.codecs.inband);
    cr_assert(c.codecs.opus.bitrate == 32000 && c.codecs.opus.complexity == 5 && c.codecs.opus.fec &&
              !c.codecs.opus.dtx);
}

Test(config_codecs, a_list_and_the_ways_of_opus_reach_the_configuration)
{
    struct jn_config c;
    struct jn_problems p = {0};
    cr_assert_eq(parse(&c,
                       "  codecs: [Opus, g722, PCMA]\n  comfort_noise: true\n  inband_digits: false\n  opus:\n"
                       "    bitrate: 16000\n    complexity: 0\n    fec: false\n    dtx: true\n    loss: 10\n",
                       &p),
                 0, "%s", p.text.data);
    cr_assert(c.codecs.n == 3 && c.codecs.in_order && c.codecs.cn && !c.codecs.inband);
    cr_assert(c.codecs.codec[0] == JN_CODEC_OPUS && c.codecs.codec[1] == JN_CODEC_G722 &&
              c.codecs.codec[2] == JN_CODEC_PCMA);
    cr_assert(c.codecs.opus.bitrate == 16000 && c.codecs.opus.complexity == 0 && !c.codecs.opus.fec &&
              c.codecs.opus.dtx && c.codecs.opus.loss_percent == 10);
}

Test(config_codecs, mistakes_have_their_line_and_key)
{
    static const struct {
        const char *media, *told;
    } v[] = {{"  codecs: [G729]\n", "m.yaml:3 media.codecs[0]"},
             {"  codecs: [PCMU, pcmu]\n", "m.yaml:3 media.codecs[1]"},
             {"  codecs: []\n", "m.yaml:3 media.codecs"},
             {"  codecs: opus\n", "m.yaml:3 media.codecs"},
             {"  opus:\n    bitrate: 64000\n", "m.yaml:4 media.opus.bitrate"},
             {"  opus:\n    complexity: 11\n", "m.yaml:4 media.opus.complexity"},
             {"  opus:\n    stereo: true\n", "m.yaml:4 media.opus.stereo"}};
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        struct jn_config c;
        struct jn_problems p = {0};
        cr_assert_eq(parse(&c, v[i].media, &p), -EINVAL, "taken: %s", v[i].media);
        cr_assert(strstr(p.text.data, v[i].told), "%s: %s", v[i].media, p.text.data);
        jn_problems_free(&p);
    }
}

#define TWO_INTERFACES                                                                                                 \
    "  port: dpdk\n  dpdk:\n    device: net_af_packet0,iface=e1\n  interfaces:\n"                                      \
    "    - name: carriers\n      port_min: 20000\n      port_max: 29999\n      addresses:\n"                           \
    "        - {listen: 10.0.0.2, advertise: 203.0.113.7, prefix: 20, gateway: 10.0.0.1}\n"                            \
    "        - {listen: 10.0.0.3}\n        - {listen: '2001:db8::2', gateway: 'fe80::1'}\n"                            \
    "    - name: phones\n      vlan: 12\n      dscp: 24\n      networks: [192.168.0.0/16, 'fd00::/8']\n"               \
    "      addresses: [{listen: 10.9.0.2}]\n"

Test(config_media, interfaces_have_addresses_networks_ports_vlan_and_marks)
{
    struct jn_config c;
    struct jn_problems p = {0};
    cr_assert_eq(parse(&c, TWO_INTERFACES, &p), 0, "%s", p.text.data ? (char *)p.text.data : "");
    cr_assert_eq(c.interfaces, 2);
    cr_assert_str_eq(c.interface[0].name, "carriers");
    cr_assert(c.interface[0].addresses == 3 && c.interface[0].port_min == 20000 && c.interface[0].port_max == 29999);
    cr_assert(c.interface[0].address[0].prefix == 20 && c.interface[0].address[1].prefix == 24 &&
                  c.interface[0].address[2].prefix == 64,
              "prefixes that nobody gave");
    cr_assert_str_eq(c.interface[0].address[2].gateway, "fe80::1");
    cr_assert(c.interface[1].vlan == 12 && c.interface[1].dscp == 24 && c.interface[1].networks == 2);
    cr_assert_eq(c.interface[0].dscp, 46, "media.dscp holds where an interface says nothing");
    cr_assert_str_eq(c.media_host, "10.0.0.2", "what asks for one address gets the first");
    cr_assert_str_eq(c.media_advertise, "203.0.113.7");
    jn_problems_free(&p);
}

Test(config_media, mistakes_of_interfaces_are_told_where_they_are)
{
#define ONE "  interfaces:\n    - name: a\n      addresses: [{listen: 10.0.0.2}]\n"
    mistake("  listen: 10.0.0.9\n" ONE, "m.yaml:4 media.interfaces: stands beside media.listen");
    mistake("  interfaces:\n    - addresses: [{listen: 10.0.0.2}]\n", "media.interfaces[0].name: is missing");
    mistake("  interfaces:\n    - name: a\n", "media.interfaces[0].addresses: is missing");
    mistake("  interfaces:\n    - name: a\n      addresses: []\n", "media.interfaces[0].addresses: is empty");
    mistake(ONE "    - name: a\n      addresses: [{listen: 10.0.0.3}]\n", "media.interfaces[1].name: is another");
    mistake(ONE "    - name: b\n      addresses: [{listen: 10.0.0.2}]\n",
            "media.interfaces[1].addresses[0].listen: is there twice");
    mistake(ONE "      vlan: 5\n", "media.interfaces[0].vlan: is for media.port: dpdk");
    mistake(ONE "      networks: [10.0.0.0/33]\n", "media.interfaces[0].networks[0]: ");
    mistake(ONE "      port_min: 30000\n      port_max: 30001\n      colour: red\n", "media.interfaces[0].colour: ");
    mistake("  interfaces:\n    - name: a\n      addresses: [{listen: 10.0.0.2, gateway: 10.0.0.1}]\n",
            "media.interfaces[0].addresses[0].gateway: is for media.port: dpdk");
    mistake("  interfaces:\n    - name: a\n      addresses: [{listen: 0.0.0.0}]\n",
            "media.interfaces[0].addresses[0].listen: must be one address");
}

Test(config_media, srtp_suites_are_taken_in_their_order)
{
    struct jn_problems p = {0};
    struct jn_config c;
    cr_assert_eq(parse(&c, "  port: udp\n", &p), 0, "%s", p.text.data);
    cr_assert(c.codecs.suites == 8 && c.codecs.suite[0] == JN_SUITE_AES128_SHA80);
    cr_assert_null(memchr(c.codecs.suite, JN_SUITE_NULL_SHA80, c.codecs.suites), "not unless it is asked for");
    cr_assert_eq(parse(&c, "  srtp_suites: [AEAD_AES_256_GCM, AES_CM_128_HMAC_SHA1_80]\n", &p), 0, "%s", p.text.data);
    cr_assert(c.codecs.suites == 2 && c.codecs.suite[0] == JN_SUITE_GCM256 &&
              c.codecs.suite[1] == JN_SUITE_AES128_SHA80);
    mistake("  srtp_suites: []\n", "m.yaml:3 media.srtp_suites: is empty");
    mistake("  srtp_suites: [AES_CM]\n", "m.yaml:3 media.srtp_suites[0]: \"AES_CM\" is no SRTP suite");
    mistake("  srtp_suites: [AEAD_AES_128_GCM, AEAD_AES_128_GCM]\n",
            "m.yaml:3 media.srtp_suites[1]: \"AEAD_AES_128_GCM\" is");
    mistake("  srtp_suites: AEAD_AES_128_GCM\n", "m.yaml:3 media.srtp_suites: ");
}
