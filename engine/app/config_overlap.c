/* Config overlap: address blocks of trunks that cannot both be right. A call's tenant follows from the address that it
 * comes from, so one address must not mean two tenants. */
#include "engine/app/config_centre.h"

#include <stdlib.h>
#include <string.h>

struct block {
    struct jn_cidr cidr;
    const struct jn_dir_trunk *trunk;
    unsigned line;
};

/* By family and address, the wider block first: what contains a block then stands before it. */
static int order(const void *a, const void *b)
{
    const struct block *x = a, *y = b;
    int d = (int)x->cidr.net.family - (int)y->cidr.net.family;

    if (!d)
        d = memcmp(x->cidr.net.ip, y->cidr.net.ip, sizeof x->cidr.net.ip);
    if (!d)
        d = (int)x->cidr.bits - (int)y->cidr.bits;
    return d ? d : x->line < y->line ? -1 : x->line > y->line;
}

static const char *tenant_name(const struct jn_centre *c, uint64_t id)
{
    for (uint32_t i = 0; i < c->dir->n_tenants; i++)
        if (c->dir->tenants[i].id == id)
            return c->dir->tenants[i].name;
    return "?";
}

static void look_at(struct jn_centre *c, const struct block *outer, const struct block *b)
{
    bool same = outer->cidr.bits == b->cidr.bits && jn_addr_same_ip(&outer->cidr.net, &b->cidr.net);
    char text[JN_ADDR_TEXT_MAX];

    jn_addr_ip_text(&b->cidr.net, text);
    if (outer->trunk->tenant != b->trunk->tenant)
        jn_problem(c->check.problems, c->check.file, b->line, "trunks.from",
                   "%s/%u of tenant \"%s\" overlaps with a block of tenant \"%s\" in line %u", text, b->cidr.bits,
                   tenant_name(c, b->trunk->tenant), tenant_name(c, outer->trunk->tenant), outer->line);
    else if (same)
        jn_problem(c->check.problems, c->check.file, b->line, "trunks.from", "%s/%u is there twice, first at line %u",
                   text, b->cidr.bits, outer->line);
}

void jn_centre_overlaps(struct jn_centre *c, const unsigned *trunk_lines)
{
    const struct jn_directory *d = c->dir;
    struct block *all = calloc(d->n_trunks * (size_t)JN_DIR_CIDRS + 1, sizeof *all);
    uint32_t stack[JN_DIR_PREFIX_MAX * 2 + 2], depth = 0, n = 0;

    if (!all) {
        jn_problem(c->check.problems, c->check.file, 0, NULL, "no memory");
        return;
    }
    for (uint32_t i = 0; i < d->n_trunks; i++)
        for (unsigned k = 0; k < d->trunks[i].froms; k++)
            all[n++] = (struct block){.cidr = d->trunks[i].from[k], .trunk = &d->trunks[i], .line = trunk_lines[i]};
    qsort(all, n, sizeof *all, order);
    /* The stack holds the blocks that contain the one looked at, widest first; each is wider than the next, so its
     * depth is bounded by prefix lengths. Only the nearest is compared: what lies further out was compared with that
     * one. */
    for (uint32_t i = 0; i < n; i++) {
        while (depth && (all[stack[depth - 1]].cidr.net.family != all[i].cidr.net.family ||
                         !jn_cidr_has(&all[stack[depth - 1]].cidr, &all[i].cidr.net)))
            depth--;
        if (depth)
            look_at(c, &all[stack[depth - 1]], &all[i]);
        if (!depth || all[stack[depth - 1]].cidr.bits != all[i].cidr.bits)
            stack[depth++] = i;
    }
    free(all);
}
