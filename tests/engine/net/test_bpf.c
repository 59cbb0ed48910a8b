/* Programs for the kernel: the one that takes media from an interface, judged by the kernel itself frame by frame
 * (BPF_PROG_TEST_RUN, root alone). */
#include "engine/net/bpf.h"
#include "engine/net/port_dpdk_xdp.h"
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

TestSuite(bpf, .timeout = 60);

enum { PASSED = XDP_PASS, TAKEN = XDP_TX, FIRST = 20000, LAST = 20999 };
static const uint8_t STATION[6] = {2, 0, 0, 0, 0, 1};
static struct jn_eth_host us[3], them, them6;
static int program = -1;

static void addresses(void)
{
    for (unsigned i = 0; i < 3; i++)
        memcpy(us[i].mac, STATION, 6);
    us[0].ip = inet_addr("10.0.0.2");
    us[1].ip = inet_addr("10.0.0.3");
    us[2].v6 = true;
    inet_pton(AF_INET6, "fd00::2", us[2].ip6);
    them = (struct jn_eth_host){.mac = {2, 0, 0, 0, 0, 9}, .ip = inet_addr("10.0.0.9")};
    them6 = them;
    them6.v6 = true;
    inet_pton(AF_INET6, "fd00::9", them6.ip6);
}

static bool load(unsigned hosts, const struct jn_eth_host *host)
{
    static struct jn_bpf b;
    struct jn_xdp_wish w = {.host = host, .hosts = hosts, .port_min = FIRST, .port_max = LAST};
    char said[400] = "";
    cr_assert_eq(jn_xdp_program(&b, &w, -1), 0);
    program = jn_bpf_program(&b, BPF_PROG_TYPE_XDP, 0, "junctor_test", said, sizeof said);
    if (program == -EPERM || program == -ENOSYS || (program < 0 && geteuid() != 0)) {
        cr_log_info("no program may be loaded here: %d", program);
        return false;
    }
    cr_assert_geq(program, 0, "refused: %d %s", program, said);
    return true;
}

static int judge(const uint8_t *frame, size_t n)
{
    return jn_bpf_try(program, frame, n);
}

static int datagram(uint16_t vlan, const char *to, uint16_t port, void (*change)(uint8_t *ip))
{
    uint8_t room[300] = {0}, *payload = room + 100;
    struct jn_eth_udp u = {.sums = true, .from_port = 4000, .to_port = port};
    uint8_t to6[16];
    bool v6 = strchr(to, ':') != NULL;
    struct jn_eth_host from = v6 ? them6 : them;
    from.vlan = vlan;
    memcpy(u.mac, STATION, 6);
    u.to = v6 ? 0 : inet_addr(to);
    inet_pton(AF_INET6, to, to6);
    unsigned n = v6 ? jn_eth_put_udp6(&from, &u, to6, payload, 100) : jn_eth_put_udp(&from, &u, payload, 100);
    if (change)
        change(payload - n + (vlan ? 18 : 14));
    return judge(payload - n, n + 100);
}

static void options(uint8_t *ip)
{
    ip[0] = 0x46;
}

static void fragment(uint8_t *ip)
{
    ip[6] = 0x20;
}

static void tcp(uint8_t *ip)
{
    ip[9] = 6;
}

static void icmp(uint8_t *ip)
{
    ip[9] = 1;
}

Test(bpf, media_is_taken_from_the_interface_and_the_rest_left_to_the_kernel)
{
    addresses();
    if (!load(3, us))
        return;
    cr_assert_eq(datagram(0, "10.0.0.2", FIRST, NULL), TAKEN);
    cr_assert_eq(datagram(0, "10.0.0.3", LAST, NULL), TAKEN, "the second address too");
    cr_assert_eq(datagram(0, "fd00::2", FIRST + 1, NULL), TAKEN, "and IPv6");
    cr_assert_eq(datagram(12, "10.0.0.2", FIRST, NULL), TAKEN, "with a tag");
    cr_assert_eq(datagram(12, "fd00::2", LAST, NULL), TAKEN);
    cr_assert_eq(datagram(0, "10.0.0.2", FIRST - 1, NULL), PASSED, "below the range");
    cr_assert_eq(datagram(0, "10.0.0.2", LAST + 1, NULL), PASSED, "above it");
    cr_assert_eq(datagram(0, "fd00::2", LAST + 1, NULL), PASSED);
    cr_assert_eq(datagram(0, "10.0.0.4", FIRST, NULL), PASSED, "another address");
    cr_assert_eq(datagram(0, "fd00::3", FIRST, NULL), PASSED);
    cr_assert_eq(datagram(0, "10.0.0.2", FIRST, options), PASSED);
    cr_assert_eq(datagram(0, "10.0.0.2", FIRST, fragment), PASSED);
    cr_assert_eq(datagram(0, "10.0.0.2", FIRST, tcp), PASSED);
    cr_assert_eq(datagram(0, "10.0.0.2", 0, icmp), TAKEN, "pings of the address are ours to answer");
    close(program);
}

Test(bpf, neighbours_are_taken_when_they_speak_of_us)
{
    addresses();
    if (!load(3, us))
        return;
    uint8_t frame[JN_ETH_ND_MAX] = {0};
    uint8_t arp[64] = {0};
    unsigned n = jn_eth_put_arp(&them, us[1].ip, NULL, arp);
    cr_assert_eq(judge(arp, n), TAKEN, "who has our address");
    n = jn_eth_put_arp(&them, inet_addr("10.0.0.1"), NULL, arp);
    cr_assert_eq(judge(arp, n), PASSED, "who has the kernel's");
    n = jn_eth_put_arp(&them, us[0].ip, STATION, arp);
    cr_assert_eq(judge(arp, n), TAKEN, "an answer to us");
    n = jn_eth_put_ask6(&them6, us[2].ip6, frame);
    cr_assert_eq(judge(frame, n), TAKEN, "a solicitation for our address");
    n = jn_eth_put_ask6(&them6, them6.ip6, frame);
    cr_assert_eq(judge(frame, n), PASSED);
    n = jn_eth_put_tell6(&them6, us[2].ip6, STATION, frame);
    cr_assert_eq(judge(frame, n), TAKEN, "an advertisement to us");
    n = jn_eth_put_tell6(&them6, them6.ip6, NULL, frame);
    cr_assert_eq(judge(frame, n), PASSED, "one to everybody is the kernel's");
    close(program);
}

Test(bpf, every_cut_of_a_frame_is_passed_on_and_never_read_beyond)
{
    addresses();
    if (!load(3, us))
        return;
    uint8_t frame[JN_ETH_ND_MAX] = {0};
    unsigned n = jn_eth_put_ask6(&them6, us[2].ip6, frame);
    for (unsigned cut = 14; cut < 14 + 40 + 24; cut++) /* the kernel itself takes none below 14 */
        cr_assert_eq(judge(frame, cut), PASSED, "%u bytes", cut);
    cr_assert_eq(judge(frame, n), TAKEN);
    close(program);
}

Test(bpf, addresses_of_one_family_alone_make_a_program_too)
{
    addresses();
    if (!load(1, us))
        return;
    cr_assert_eq(datagram(0, "10.0.0.2", FIRST, NULL), TAKEN);
    cr_assert_eq(datagram(0, "fd00::2", FIRST, NULL), PASSED);
    close(program);
    if (!load(1, us + 2))
        return;
    cr_assert_eq(datagram(0, "10.0.0.2", FIRST, NULL), PASSED);
    cr_assert_eq(datagram(0, "fd00::2", FIRST, NULL), TAKEN);
    close(program);
}

Test(bpf, a_program_that_is_too_long_or_jumps_nowhere_is_refused_here)
{
    static struct jn_bpf b;
    char said[100];
    jn_bpf_begin(&b);
    jn_bpf_jump(&b, 3);
    jn_bpf_exit(&b);
    cr_assert_eq(jn_bpf_program(&b, BPF_PROG_TYPE_XDP, 0, "x", said, sizeof said), -EINVAL, "a jump to nowhere");
    jn_bpf_begin(&b);
    for (unsigned i = 0; i <= JN_BPF_MAX; i++)
        jn_bpf_mov_k(&b, 0, 1);
    cr_assert_eq(jn_bpf_program(&b, BPF_PROG_TYPE_XDP, 0, "x", said, sizeof said), -EINVAL, "too long");
}
