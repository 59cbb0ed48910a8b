/* Directory: making, indexing and finding. What changed between two of them is diff.c. */
#include "router/directory/directory.h"
#include "router/directory/flows_private.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct jn_directory *jn_directory_new(uint32_t tenants, uint32_t queues, uint32_t agents, uint32_t trunks,
                                      uint32_t rules)
{
    struct jn_directory *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    atomic_init(&d->refs, 1);
    d->n_tenants = tenants;
    d->n_queues = queues;
    d->n_agents = agents;
    d->n_trunks = trunks;
    d->n_rules = rules;
    d->tenants = calloc(tenants + 1u, sizeof *d->tenants);
    d->queues = calloc(queues + 1u, sizeof *d->queues);
    d->agents = calloc(agents + 1u, sizeof *d->agents);
    d->trunks = calloc(trunks + 1u, sizeof *d->trunks);
    d->rules = calloc(rules + 1u, sizeof *d->rules);
    if (!d->tenants || !d->queues || !d->agents || !d->trunks || !d->rules) {
        jn_directory_unref(d);
        return NULL;
    }
    return d;
}

struct jn_directory *jn_directory_ref(struct jn_directory *d)
{
    if (d)
        /* Whoever calls has a reference already, so nothing needs to be ordered here. */
        atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
    return d;
}

void jn_directory_unref(struct jn_directory *d)
{
    /* Release of each pairs with the acquire of whoever drops the last one: every read comes before the free. */
    if (!d || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (d->agents)
        explicit_bzero(d->agents, d->n_agents * sizeof *d->agents);
    if (d->trunks)
        explicit_bzero(d->trunks, d->n_trunks * sizeof *d->trunks);
    jn_map_free(&d->by_id);
    jn_map_free(&d->by_word);
    free(d->tenants);
    free(d->queues);
    free(d->agents);
    free(d->trunks);
    free(d->rules);
    free(d->routes);
    free(d->numbers);
    free(d->ranges);
    jn_directory_free_flows(d);
    free(d);
}

/* Words live in one map; the kind keeps a queue's name apart from an agent's. */
static const char queue_word[] = "queue name", number_word[] = "queue number", agent_word[] = "agent name",
                  sip_word[] = "sip user", tenant_word[] = "tenant name", domain_word[] = "domain";

/* Domains compare without case (RFC 3261 19.1.4). */
static uint64_t domain_key(const char *domain)
{
    char low[JN_HOST_MAX];
    size_t n = 0;

    for (; domain[n] && n < sizeof low - 1; n++)
        low[n] = (char)tolower((unsigned char)domain[n]);
    low[n] = 0;
    return jn_name_id(0, domain_word, low);
}

/* The block of that length around an address, as a key: 16 masked bytes and the length, two hex digits a byte. */
static uint64_t block_key(const struct jn_addr *a, unsigned bits)
{
    static const char hex[] = "0123456789abcdef";
    char text[2 * 16 + 1];
    unsigned bytes = a->family == JN_ADDR_V6 ? 16 : 4;

    for (unsigned i = 0; i < bytes; i++) {
        unsigned keep = bits >= 8 * (i + 1) ? 8 : bits > 8 * i ? bits - 8 * i : 0;
        uint8_t byte = a->ip[i] & (uint8_t)(0xff00u >> keep);

        text[2 * i] = hex[byte >> 4];
        text[2 * i + 1] = hex[byte & 15];
    }
    text[2 * bytes] = 0;
    return jn_name_id(bits + 1, a->family == JN_ADDR_V6 ? "block6" : "block4", text);
}

static int add(struct jn_map *m, uint64_t key, uint32_t index, const char *what, const char *name, struct jn_err *err)
{
    if (!key)
        return jn_fail(err, -EINVAL, "%s \"%s\" has no id", what, name);
    if (jn_map_get(m, key) != JN_MAP_NONE)
        return jn_fail(err, -EEXIST, "%s \"%s\" is there twice", what, name);
    if (jn_map_set(m, key, index))
        return jn_fail(err, -ENOMEM, "no memory for the directory");
    return 0;
}

static int index_tenants(struct jn_directory *d, struct jn_err *err)
{
    int rc = 0;

    for (uint32_t i = 0; !rc && i < d->n_tenants; i++) {
        const struct jn_dir_tenant *t = &d->tenants[i];

        rc = add(&d->by_id, t->id, i, "the id of tenant", t->name, err);
        if (!rc)
            rc = add(&d->by_word, jn_name_id(0, tenant_word, t->name), i, "tenant", t->name, err);
        if (!rc && t->domain[0])
            rc = add(&d->by_word, domain_key(t->domain), i, "domain", t->domain, err);
    }
    return rc;
}

static int index_queues(struct jn_directory *d, struct jn_err *err)
{
    int rc = 0;

    for (uint32_t i = 0; !rc && i < d->n_queues; i++) {
        const struct jn_dir_queue *q = &d->queues[i];

        rc = add(&d->by_id, q->set.id, i, "the id of queue", q->name, err);
        if (!rc)
            rc = add(&d->by_word, jn_name_id(q->tenant, queue_word, q->name), i, "queue", q->name, err);
        if (!rc && q->number[0])
            rc = add(&d->by_word, jn_name_id(q->tenant, number_word, q->number), i, "number", q->number, err);
    }
    return rc;
}

static int index_agents(struct jn_directory *d, struct jn_err *err)
{
    int rc = 0;

    for (uint32_t i = 0; !rc && i < d->n_agents; i++) {
        const struct jn_dir_agent *g = &d->agents[i];

        rc = add(&d->by_id, g->set.id, i, "the id of agent", g->name, err);
        if (!rc)
            rc = add(&d->by_word, jn_name_id(g->tenant, agent_word, g->name), i, "agent", g->name, err);
        if (!rc && g->sip_user[0])
            rc = add(&d->by_word, jn_name_id(g->tenant, sip_word, g->sip_user), i, "phone user", g->sip_user, err);
    }
    return rc;
}

static int index_trunks(struct jn_directory *d, struct jn_err *err)
{
    int rc = 0;

    for (uint32_t i = 0; i < d->n_trunks; i++) {
        const struct jn_dir_trunk *t = &d->trunks[i];

        for (unsigned k = 0; !rc && k < t->froms; k++) {
            const struct jn_cidr *c = &t->from[k];

            if (c->bits > (c->net.family == JN_ADDR_V6 ? 128 : 32))
                return jn_fail(err, -EINVAL, "trunk \"%s\": prefix length %u", t->name, c->bits);
            rc = add(&d->by_word, block_key(&c->net, c->bits), i, "an address block of trunk", t->name, err);
            d->bits_used[c->net.family == JN_ADDR_V6][c->bits] = true;
        }
    }
    return rc;
}

int jn_directory_index(struct jn_directory *d, struct jn_err *err)
{
    int rc;

    if (jn_map_init(&d->by_id, d->n_tenants + d->n_queues + d->n_agents) ||
        jn_map_init(&d->by_word, 2 * (d->n_tenants + d->n_queues + d->n_agents) + d->n_trunks))
        return jn_fail(err, -ENOMEM, "no memory for the directory");
    rc = index_tenants(d, err);
    if (!rc)
        rc = index_queues(d, err);
    if (!rc)
        rc = index_agents(d, err);
    if (!rc)
        rc = index_trunks(d, err);
    if (!rc)
        rc = jn_directory_index_flows(d, err);
    if (!rc)
        rc = jn_directory_index_plan(d, err);
    return rc;
}

/* An id of another kind gives an index that may fit here by chance: the id is compared again. */
const struct jn_dir_tenant *jn_dir_tenant(const struct jn_directory *d, uint64_t id)
{
    uint32_t i = id ? jn_map_get(&d->by_id, id) : JN_MAP_NONE;

    return i < d->n_tenants && d->tenants[i].id == id ? &d->tenants[i] : NULL;
}

const struct jn_dir_queue *jn_dir_queue(const struct jn_directory *d, uint64_t id)
{
    uint32_t i = id ? jn_map_get(&d->by_id, id) : JN_MAP_NONE;

    return i < d->n_queues && d->queues[i].set.id == id ? &d->queues[i] : NULL;
}

const struct jn_dir_agent *jn_dir_agent(const struct jn_directory *d, uint64_t id)
{
    uint32_t i = id ? jn_map_get(&d->by_id, id) : JN_MAP_NONE;

    return i < d->n_agents && d->agents[i].set.id == id ? &d->agents[i] : NULL;
}

const struct jn_dir_tenant *jn_dir_tenant_named(const struct jn_directory *d, const char *name)
{
    uint32_t i = jn_map_get(&d->by_word, jn_name_id(0, tenant_word, name));

    return i < d->n_tenants && !strcmp(d->tenants[i].name, name) ? &d->tenants[i] : NULL;
}

const struct jn_dir_tenant *jn_dir_tenant_domain(const struct jn_directory *d, const char *domain)
{
    uint32_t i = domain[0] ? jn_map_get(&d->by_word, domain_key(domain)) : JN_MAP_NONE;

    return i < d->n_tenants && !strcasecmp(d->tenants[i].domain, domain) ? &d->tenants[i] : NULL;
}

const struct jn_dir_queue *jn_dir_queue_named(const struct jn_directory *d, uint64_t tenant, const char *name)
{
    uint32_t i = jn_map_get(&d->by_word, jn_name_id(tenant, queue_word, name));

    return i < d->n_queues && d->queues[i].tenant == tenant && !strcmp(d->queues[i].name, name) ? &d->queues[i] : NULL;
}

const struct jn_dir_queue *jn_dir_queue_number(const struct jn_directory *d, uint64_t tenant, const char *number)
{
    uint32_t i = number[0] ? jn_map_get(&d->by_word, jn_name_id(tenant, number_word, number)) : JN_MAP_NONE;
    bool found = i < d->n_queues && d->queues[i].tenant == tenant && !strcmp(d->queues[i].number, number);

    return found ? &d->queues[i] : NULL;
}

const struct jn_dir_agent *jn_dir_agent_named(const struct jn_directory *d, uint64_t tenant, const char *name)
{
    uint32_t i = jn_map_get(&d->by_word, jn_name_id(tenant, agent_word, name));

    return i < d->n_agents && d->agents[i].tenant == tenant && !strcmp(d->agents[i].name, name) ? &d->agents[i] : NULL;
}

const struct jn_dir_agent *jn_dir_agent_sip(const struct jn_directory *d, uint64_t tenant, const char *sip_user)
{
    uint32_t i = sip_user[0] ? jn_map_get(&d->by_word, jn_name_id(tenant, sip_word, sip_user)) : JN_MAP_NONE;
    bool found = i < d->n_agents && d->agents[i].tenant == tenant && !strcmp(d->agents[i].sip_user, sip_user);

    return found ? &d->agents[i] : NULL;
}

const struct jn_dir_trunk *jn_dir_trunk_from(const struct jn_directory *d, const struct jn_addr *from)
{
    bool six = from->family == JN_ADDR_V6;

    if (!six && from->family != JN_ADDR_V4)
        return NULL;
    for (unsigned bits = (six ? 128 : 32) + 1; bits-- > 0;) {
        uint32_t i = d->bits_used[six][bits] ? jn_map_get(&d->by_word, block_key(from, bits)) : JN_MAP_NONE;

        if (i >= d->n_trunks)
            continue;
        for (unsigned k = 0; k < d->trunks[i].froms; k++)
            if (d->trunks[i].from[k].bits == bits && jn_cidr_has(&d->trunks[i].from[k], from))
                return &d->trunks[i];
    }
    return NULL;
}
