/* Id: hashes of names, makers of numbers, Crockford's base32. */
#include "engine/base/id.h"

#include <errno.h>

/* 64-bit FNV-1a with a final mix (from MurmurHash3's public-domain finaliser), so that near names lie far apart. */
static uint64_t fold(uint64_t h, const char *text)
{
    do
        h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    while (*text++);
    return h;
}

uint64_t jn_name_id(uint64_t tenant, const char *kind, const char *name)
{
    uint64_t h = 0xcbf29ce484222325u ^ tenant;

    h = fold(fold(h, kind), name);
    h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
    h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
    h ^= h >> 33;
    return h ? h : 1;
}

void jn_id_maker_init(struct jn_id_maker *m, uint32_t boot, unsigned maker)
{
    m->next = (uint64_t)(boot & 0x3fffff) << 41 | (uint64_t)(maker & 15) << 37;
}

uint64_t jn_id_make(struct jn_id_maker *m)
{
    return ++m->next;
}

static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

const char *jn_id_text(uint64_t id, char out[static JN_ID_TEXT_MAX])
{
    for (int i = 12; i >= 0; i--) {
        out[i] = digits[id & 31];
        id >>= 5;
    }
    out[13] = 0;
    return out;
}

int jn_id_parse(uint64_t *id, const char *text)
{
    uint64_t value = 0;

    for (int i = 0; i < 13; i++) {
        int d = -1;
        for (int k = 0; k < 32 && text[i]; k++)
            if (digits[k] == text[i])
                d = k;
        if (d < 0 || (i == 0 && d > 15))
            return -EINVAL;
        value = value << 5 | (uint64_t)d;
    }
    if (text[13])
        return -EINVAL;
    *id = value;
    return 0;
}
