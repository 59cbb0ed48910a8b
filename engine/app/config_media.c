/* Config: media over a network device without the kernel (media.port: dpdk). */
#include "engine/app/config_check.h"
#include <stdio.h>
#include <string.h>

enum { WORKERS_MAX = 64 }; /* JN_DPDK_WORKERS: asserted where both are known */
#define ITEMS(a)             (sizeof(a) / sizeof *(a))
#define U(member, low, high) .kind = JN_FIELD_UINT, JN_FIELD(struct jn_config_dpdk, member), .min = (low), .max = (high)

static const struct jn_field fields[] = {
    {.name = "device", .kind = JN_FIELD_TEXT, JN_FIELD(struct jn_config_dpdk, device)},
    {.name = "prefix", U(prefix, 1, 127)},
    {.name = "gateway", .kind = JN_FIELD_HOST, JN_FIELD(struct jn_config_dpdk, gateway)},
    {.name = "mac", .kind = JN_FIELD_TEXT, JN_FIELD(struct jn_config_dpdk, mac)},
    {.name = "vlan", U(vlan, 1, 4094)},
    {.name = "huge_pages", .kind = JN_FIELD_BOOL, JN_FIELD(struct jn_config_dpdk, huge_pages)},
    {.name = "memory_mb", U(memory_mb, 32, 65535)},
    {.name = "max_sleep_us", U(max_sleep_us, 0, 1000)},
};

bool jn_mac_parse(uint8_t mac[static 6], const char *text)
{
    unsigned b[6];
    int end = 0;

    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &end) != 6 || text[end] ||
        strspn(text, "0123456789abcdefABCDEF:") != strlen(text))
        return false;
    unsigned any = 0;
    for (unsigned i = 0; i < 6; i++)
        any |= mac[i] = (uint8_t)b[i];
    return any != 0 && (mac[0] & 1) == 0; /* a group is no station */
}

struct place {
    struct jn_check *c;
    const struct jn_yaml *media, *dpdk;
};

static void wrong(const struct place *at, const char *key, const char *text)
{
    char path[JN_CHECK_PATH];
    const struct jn_yaml *own = jn_yaml_get(at->dpdk, key);
    const struct jn_yaml *near = own ? own : at->dpdk ? at->dpdk : jn_yaml_get(at->media, "port");

    jn_path_member(path, "media.dpdk", key);
    jn_problem(at->c->problems, at->c->file, near ? near->line : 0, path, "%s", text);
}

static void wrong_address(const struct place *at, const char *key, const char *text)
{
    char path[JN_CHECK_PATH];
    const struct jn_yaml *own = jn_yaml_get(at->media, key);

    jn_path_member(path, "media", key);
    jn_problem(at->c->problems, at->c->file, own ? own->line : at->media ? at->media->line : 0, path, "%s", text);
}

static void check_addresses(const struct place *at, const struct jn_config *out)
{
    struct jn_addr own, advertised, gateway;
    char network[JN_HOST_MAX + 4];
    struct jn_cidr near;

    if (jn_addr_parse(&own, out->media_host, 0) < 0) /* told already */
        return;
    if (out->interfaces > 0) /* checked there */
        return;
    if (own.family == JN_ADDR_V4 && (own.ip[0] == 0 || own.ip[0] == 127 || own.ip[0] >= 224))
        wrong_address(at, "listen",
                      "must be an address of its own for media over DPDK: one that the kernel does not have");
    else if (!strcmp(out->media_host, out->sip_host) || !strcmp(out->media_host, out->api_host))
        wrong_address(
            at, "listen",
            "is the kernel's (sip.listen or api.listen has it too); media over DPDK needs an address of its own");
    if (own.family == JN_ADDR_V4 && out->dpdk.prefix > 31)
        wrong(at, "prefix", "must be 1 to 31 for IPv4");
    if (out->media_advertise[0] && jn_addr_parse(&advertised, out->media_advertise, 0) == 0 &&
        advertised.family != own.family)
        wrong_address(at, "advertise", "is of the other family than listen");
    if (!out->dpdk.gateway[0] || jn_addr_parse(&gateway, out->dpdk.gateway, 0) < 0)
        return;
    snprintf(network, sizeof network, "%s/%u", out->media_host, out->dpdk.prefix);
    if (gateway.family != own.family || jn_addr_same_ip(&gateway, &own) || jn_cidr_parse(&near, network) < 0 ||
        !jn_cidr_has(&near, &gateway))
        wrong(at, "gateway", "must be another address of media.listen's network (media.dpdk.prefix)");
}

void jn_config_media(struct jn_check *c, struct jn_config *out, const struct jn_yaml *root)
{
    const struct jn_yaml *media = jn_yaml_get(root, "media");
    struct place at = {.c = c, .media = media, .dpdk = jn_yaml_get(media, "dpdk")};
    uint8_t mac[6];

    if (at.dpdk)
        jn_check_fields(c, at.dpdk, "media.dpdk", fields, ITEMS(fields), &out->dpdk);
    struct jn_addr own;
    if (!jn_yaml_get(at.dpdk, "prefix") && jn_addr_parse(&own, out->media_host, 0) == 0 && own.family == JN_ADDR_V6)
        out->dpdk.prefix = 64;
    jn_config_browser(c, out, jn_yaml_get(media, "browser"));
    if (out->dpdk.mac[0] && !jn_mac_parse(mac, out->dpdk.mac))
        wrong(&at, "mac", "is no station's address such as 02:00:5e:10:00:01");
    if (out->media_back_end != JN_MEDIA_DPDK)
        return;
    if (!out->dpdk.device[0])
        wrong(&at, "device", "is missing: \"net_af_packet0,iface=eth1\" or a PCI address such as 0000:03:00.0");
    else if (!strncmp(out->dpdk.device, "net_af_", 7) && !strstr(out->dpdk.device, "iface="))
        wrong(&at, "device", "names no interface (iface=...)");
    if (out->workers > WORKERS_MAX)
        wrong(&at, "device", "serves at most 64 workers (workers.count)");
    check_addresses(&at, out);
}
