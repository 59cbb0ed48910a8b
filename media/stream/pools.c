/* Pools: memory that voices and legs take pieces of while they need them: jitter buffers, packetisers, lists of
 * members. Reserved when the plane is opened, touched only by who takes a piece; the piece given back last is taken
 * first. */
#include "engine/base/pages.h"
#include "media/stream/state.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { GHOSTS_MIN = 64, BLOCK_FIRST = 32, BLOCK_STEP = 4 };

static int slab_open(struct jn_slab *s, uint32_t total, size_t bytes)
{
    s->bytes = (bytes + 63) & ~(size_t)63;
    s->total = total;
    s->at = jn_untouched_pages(total * s->bytes);
    s->pool.free = malloc(total * sizeof *s->pool.free);
    if (!s->at || !s->pool.free)
        return -ENOMEM;
    for (s->pool.n = 0; s->pool.n < total; s->pool.n++)
        s->pool.free[s->pool.n] = total - 1 - s->pool.n;
    return 0;
}

static void slab_free(struct jn_slab *s)
{
    free(s->at);
    free(s->pool.free);
}

void *jn_slab_take(struct jn_slab *s)
{
    uint32_t i = jn_slot_take(&s->pool);
    return i == JN_NONE ? NULL : s->at + i * s->bytes;
}

void jn_slab_give(struct jn_slab *s, const void *piece)
{
    jn_slot_give(&s->pool, (uint32_t)((size_t)((const uint8_t *)piece - s->at) / s->bytes));
}

uint32_t jn_block_size(unsigned block)
{
    return block == 0 ? (uint32_t)JN_ROOM_FEW : (uint32_t)BLOCK_FIRST << 2 * (block - 1);
}

/* A list of a size is held by a room that has at least an eighth of so many members (see jn_members_fit). */
static int blocks_open(struct jn_plane *p)
{
    uint32_t legs = p->c.max_legs;

    for (unsigned i = 1; i < JN_BLOCKS; i++) {
        uint32_t size = jn_block_size(i), total = i == 1 ? legs / 2 + 1 : legs / (size / 8) + 1;
        if (slab_open(&p->blocks[i], total, size * sizeof(uint32_t)) < 0)
            return -ENOMEM;
        if (size >= legs)
            break;
    }
    return 0;
}

/* A core has time for far fewer than so many that decode and encode at once; who only listens needs no decoder. */
static uint32_t at_most(uint8_t codec, uint32_t legs)
{
    uint32_t most = codec == JN_CODEC_OPUS ? 2048 : codec == JN_CODEC_G722 ? 16384 : legs;
    return legs < most ? legs : most;
}

/* Both laws of G.711 share the jitter buffers of the first. */
static uint8_t jbuf_class(uint8_t codec)
{
    return codec == JN_CODEC_PCMA ? JN_CODEC_PCMU : codec;
}

static int codec_open(struct jn_plane *p, uint8_t codec, uint32_t total)
{
    const struct jn_codec_ops *ops = jn_codec(codec);

    if (jbuf_class(codec) == codec && slab_open(&p->jbufs[codec], total, jn_jbuf_size(codec, 0)) < 0)
        return -ENOMEM;
    if (ops->encoder_bytes(ops->rate) == 0)
        return 0;
    return slab_open(&p->encoders[codec], total, sizeof(struct jn_encoder) + ops->encoder_bytes(ops->rate));
}

int jn_pools_open(struct jn_plane *p)
{
    uint32_t legs = p->c.max_legs;

    p->ghosts = legs / 16 + GHOSTS_MIN;
    p->voices = legs + p->ghosts;
    p->pick = malloc(legs);
    if (!p->pick || slab_open(&p->packs, legs, sizeof(struct jn_pack)) < 0 ||
        slab_open(&p->keys, legs, sizeof(struct jn_leg_keys)) < 0 ||
        slab_open(&p->rates, p->voices, sizeof(struct jn_rates)) < 0)
        return -ENOMEM;
    for (uint8_t c = 0; c < JN_CODEC_N; c++)
        if (jn_codec(c) && codec_open(p, c, at_most(c, p->voices)) < 0)
            return -ENOMEM;
    return blocks_open(p);
}

void jn_pools_free(struct jn_plane *p)
{
    for (unsigned c = 0; c < JN_CODEC_N; c++) {
        slab_free(&p->jbufs[c]);
        slab_free(&p->encoders[c]);
    }
    free(p->pick);
    slab_free(&p->rates);
    slab_free(&p->packs);
    slab_free(&p->keys);
    for (unsigned i = 1; i < JN_BLOCKS; i++)
        slab_free(&p->blocks[i]);
}

bool jn_voice_take_jbuf(struct jn_plane *p, struct jn_voice *v)
{
    const struct jn_jbuf_config depth = {.min_ms = 20, .max_ms = 200, .start_ms = 40, .codec = v->codec};
    void *at = jn_slab_take(&p->jbufs[jbuf_class(v->codec)]);

    if (!at)
        return false;
    v->jb_codec = v->codec;
    v->jb = jn_jbuf_init(at, &depth);
    jn_jbuf_reset(v->jb); /* its first sound fades in */
    v->told = (struct jn_link_stats){0};
    return true;
}

void jn_voice_give_jbuf(struct jn_plane *p, struct jn_voice *v)
{
    if (!v->jb)
        return;
    const struct jn_jbuf_counts *c = jn_jbuf_counts(v->jb);
    jn_voice_tell(p, v);
    p->counts.unheard += c->in - c->played;
    jn_slab_give(&p->jbufs[jbuf_class(v->jb_codec)], v->jb);
    v->jb = NULL;
    if (v->rates)
        jn_slab_give(&p->rates, v->rates);
    v->rates = NULL;
}

struct jn_resample *jn_voice_rate(struct jn_plane *p, struct jn_voice *v, unsigned rate)
{
    if (!v->rates) {
        v->rates = jn_slab_take(&p->rates); /* there are as many as voices */
        v->rates->on = 0;
    }
    if ((v->rates->on >> rate & 1) == 0)
        jn_resample_init(&v->rates->to[rate], jn_rate_hz(jn_rate_of(v->jb_codec)), jn_rate_hz(rate));
    v->rates->on |= (uint8_t)(1u << rate);
    return &v->rates->to[rate];
}

/* The list moves to a block of another size; false: there is none. */
static bool move(struct jn_plane *p, struct jn_room *r, unsigned block)
{
    uint32_t *to = block == 0                                 ? r->few
                   : block < JN_BLOCKS && p->blocks[block].at ? jn_slab_take(&p->blocks[block])
                                                              : NULL;

    if (!to)
        return false;
    memcpy(to, r->member, r->n * sizeof *to);
    if (r->block != 0)
        jn_slab_give(&p->blocks[r->block], r->member);
    r->member = to;
    r->block = (uint8_t)block;
    return true;
}

bool jn_members_add(struct jn_plane *p, struct jn_room *r, uint32_t voice)
{
    if (r->n == jn_block_size(r->block) && !move(p, r, r->block + 1u))
        return false;
    p->voice[voice].place = r->n;
    r->member[r->n++] = voice;
    return true;
}

void jn_members_del(struct jn_plane *p, struct jn_room *r, const struct jn_voice *v)
{
    uint32_t last = r->member[--r->n];

    r->member[v->place] = last;
    p->voice[last].place = v->place;
    if (r->block == 1 ? r->n <= 2 : r->block > 1 && r->n <= jn_block_size(r->block) / 8)
        move(p, r, r->block - 1u);
}

bool jn_packs_take(struct jn_plane *p, struct jn_leg *l)
{
    if (l->packs == JN_NONE) {
        l->packs = jn_slot_take(&p->packs.pool);
        if (l->packs != JN_NONE) {
            struct jn_pack *k = jn_pack_of(p, l);
            k->len = 0;
            k->marker = false;
        }
    }
    return l->packs != JN_NONE;
}

void jn_packs_give(struct jn_plane *p, struct jn_leg *l)
{
    if (l->packs != JN_NONE)
        jn_slot_give(&p->packs.pool, l->packs);
    l->packs = JN_NONE;
}

struct jn_pack *jn_pack_of(const struct jn_plane *p, const struct jn_leg *l)
{
    return (struct jn_pack *)(p->packs.at + l->packs * p->packs.bytes);
}
