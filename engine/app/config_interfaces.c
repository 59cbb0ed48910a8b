/* Config, media.interfaces: the networks that media is sent to, each with local addresses of its own. Without the list
 * there is one interface, of media.listen and the keys beside it. */
#include "engine/app/config_check.h"
#include <string.h>

#define ITEMS(a) (sizeof(a) / sizeof *(a))
#define U(member, low, high)                                                                                           \
    .kind = JN_FIELD_UINT, JN_FIELD(struct jn_config_interface, member), .min = (low), .max = (high)
#define HOST(member) .kind = JN_FIELD_HOST, JN_FIELD(struct jn_config_address, member)

static const struct jn_field fields[] = {
    {.name = "name", .kind = JN_FIELD_NAME, JN_FIELD(struct jn_config_interface, name), .required = true},
    {.name = "addresses", .required = true},
    {.name = "networks"},
    {.name = "port_min", U(port_min, 1024, 65534)},
    {.name = "port_max", U(port_max, 1025, 65535)},
    {.name = "vlan", U(vlan, 1, 4094)},
    {.name = "dscp", U(dscp, 0, 63)},
};
static const struct jn_field address_fields[] = {
    {.name = "listen", HOST(listen), .required = true},
    {.name = "advertise", HOST(advertise)},
    {.name = "gateway", HOST(gateway)},
    {.name = "prefix", .kind = JN_FIELD_UINT, JN_FIELD(struct jn_config_address, prefix), .min = 1, .max = 127},
};

/* Where a mistake is told: `media.interfaces[1].addresses[0]`. */
struct at {
    struct jn_check *c;
    const struct jn_config *all;
    char path[JN_CHECK_PATH];
};

static void wrong(const struct at *at, const struct jn_yaml *node, const char *key, const char *text)
{
    char path[JN_CHECK_PATH];

    jn_path_member(path, at->path, key);
    jn_problem(at->c->problems, at->c->file, node->line, path, "%s", text);
}

static bool told_twice(const struct jn_config *all, const struct jn_config_interface *n, const char *listen)
{
    for (unsigned i = 0; i < all->interfaces; i++)
        for (unsigned k = 0; k < all->interface[i].addresses; k++)
            if (all->interface[i].vlan == n->vlan && !strcmp(all->interface[i].address[k].listen, listen))
                return true;
    for (unsigned k = 0; k < n->addresses; k++)
        if (!strcmp(n->address[k].listen, listen))
            return true;
    return false;
}

static void check_address(const struct at *at, struct jn_config_interface *n, const struct jn_yaml *node)
{
    struct jn_config_address *a = &n->address[n->addresses];
    bool dpdk = at->all->media_back_end == JN_MEDIA_DPDK;
    struct jn_addr own, other;

    *a = (struct jn_config_address){.prefix = 0};
    if (jn_check_fields(at->c, node, at->path, address_fields, ITEMS(address_fields), a) > 0 ||
        jn_addr_parse(&own, a->listen, 0) < 0)
        return;
    if (a->prefix == 0)
        a->prefix = own.family == JN_ADDR_V6 ? 64 : 24;
    if (told_twice(at->all, n, a->listen))
        wrong(at, node, "listen", "is there twice");
    else if (!strcmp(a->listen, "0.0.0.0") || !strcmp(a->listen, "::"))
        wrong(at, node, "listen", "must be one address: with several interfaces each has its own");
    else if (a->advertise[0] && jn_addr_parse(&other, a->advertise, 0) == 0 && other.family != own.family)
        wrong(at, node, "advertise", "is of the other family than listen");
    else if (own.family == JN_ADDR_V4 && a->prefix > 31)
        wrong(at, node, "prefix", "must be 1 to 31 for IPv4");
    else if (!dpdk && (a->gateway[0] || jn_yaml_get(node, "prefix")))
        wrong(at, node, a->gateway[0] ? "gateway" : "prefix",
              "is for media.port: dpdk; the kernel knows its own routes");
    else
        n->addresses++;
}

static void check_addresses(struct at *at, struct jn_config_interface *n, const struct jn_yaml *list)
{
    char path[JN_CHECK_PATH], parent[JN_CHECK_PATH];
    unsigned i = 0;

    memcpy(parent, at->path, sizeof parent);
    jn_path_member(path, parent, "addresses");
    if (!list || !jn_check_kind(at->c, list, path, JN_YAML_LIST))
        return;
    if (!list->first)
        jn_problem(at->c->problems, at->c->file, list->line, path, "is empty: an interface has an address");
    for (const struct jn_yaml *a = list->first; a; a = a->next, i++) {
        jn_path_item(at->path, path, i);
        if (i == JN_INTERFACE_ADDRESSES) {
            jn_problem(at->c->problems, at->c->file, a->line, at->path, "is one too many: at most %d of an interface",
                       JN_INTERFACE_ADDRESSES);
            break;
        }
        if (jn_check_kind(at->c, a, at->path, JN_YAML_MAP))
            check_address(at, n, a);
    }
    memcpy(at->path, parent, sizeof parent);
}

static void check_networks(const struct at *at, struct jn_config_interface *n, const struct jn_yaml *list)
{
    static const struct jn_field item = {.kind = JN_FIELD_TEXT, .size = JN_HOST_MAX};
    char path[JN_CHECK_PATH], one[JN_CHECK_PATH], text[JN_HOST_MAX];
    unsigned i = 0;

    jn_path_member(path, at->path, "networks");
    if (!list || !jn_check_kind(at->c, list, path, JN_YAML_LIST))
        return;
    for (const struct jn_yaml *s = list->first; s; s = s->next, i++) {
        jn_path_item(one, path, i);
        if (i == JN_INTERFACE_NETWORKS) {
            jn_problem(at->c->problems, at->c->file, s->line, one, "is one too many: at most %d",
                       JN_INTERFACE_NETWORKS);
            return;
        }
        if (!jn_check_value(at->c, s, one, &item, text))
            continue;
        if (jn_cidr_parse(&n->network[n->networks], text) == 0)
            n->networks++;
        else
            jn_problem(at->c->problems, at->c->file, s->line, one, "\"%s\" is no network such as 10.0.0.0/8", text);
    }
}

static void check_interface(struct at *at, struct jn_config *out, const struct jn_yaml *node)
{
    struct jn_config_interface n = {
        .port_min = out->media_port_min, .port_max = out->media_port_max, .dscp = out->media_dscp};

    jn_check_fields(at->c, node, at->path, fields, ITEMS(fields), &n);
    for (unsigned i = 0; i < out->interfaces; i++)
        if (n.name[0] && !strcmp(out->interface[i].name, n.name))
            wrong(at, node, "name", "is another interface's too");
    if (n.port_min >= n.port_max)
        wrong(at, node, "port_min", "is not below port_max");
    else if ((unsigned)(n.port_max - n.port_min) + 1 < 2u * out->workers)
        wrong(at, node, "port_min", "leaves fewer than two ports for each worker");
    if (n.vlan != 0 && out->media_back_end != JN_MEDIA_DPDK)
        wrong(at, node, "vlan", "is for media.port: dpdk; the kernel has interfaces of its own for VLANs");
    check_networks(at, &n, jn_yaml_get(node, "networks"));
    check_addresses(at, &n, jn_yaml_get(node, "addresses"));
    out->interface[out->interfaces++] = n;
}

void jn_config_interfaces(struct jn_check *c, struct jn_config *out, const struct jn_yaml *media)
{
    const struct jn_yaml *list = jn_yaml_get(media, "interfaces");
    struct at at = {.c = c, .all = out};
    unsigned i = 0, addresses = 0;

    if (!list || !jn_check_kind(c, list, "media.interfaces", JN_YAML_LIST))
        return;
    if (jn_yaml_get(media, "listen") || jn_yaml_get(media, "advertise"))
        jn_problem(c->problems, c->file, list->line, "media.interfaces",
                   "stands beside media.listen or media.advertise: addresses belong to the interfaces then");
    for (const struct jn_yaml *n = list->first; n; n = n->next, i++) {
        jn_path_item(at.path, "media.interfaces", i);
        if (i == JN_INTERFACES) {
            jn_problem(c->problems, c->file, n->line, at.path, "is one too many: at most %d interfaces", JN_INTERFACES);
            return;
        }
        if (jn_check_kind(c, n, at.path, JN_YAML_MAP))
            check_interface(&at, out, n);
    }
    for (i = 0; i < out->interfaces; i++)
        addresses += out->interface[i].addresses;
    if (addresses > JN_MEDIA_ADDRESSES)
        jn_problem(c->problems, c->file, list->line, "media.interfaces", "have %u addresses; at most %d together",
                   addresses, JN_MEDIA_ADDRESSES);
    if (out->interfaces == 0 || out->interface[0].addresses == 0)
        return;
    /* What speaks of media's address without saying which means the first. */
    const struct jn_config_interface *first = &out->interface[0];
    jn_copy(out->media_host, sizeof out->media_host, first->address[0].listen);
    jn_copy(out->media_advertise, sizeof out->media_advertise, first->address[0].advertise);
    out->media_port_min = first->port_min;
    out->media_port_max = first->port_max;
    out->media_dscp = first->dscp;
}
