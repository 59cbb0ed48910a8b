/* Batch_mb_bank: memory of a bank: pieces for contexts in three sizes, reserved when it is opened and touched when they
 * are taken, so that a plain stream costs nothing. */
#include "engine/base/pages.h"
#include "media/srtp/batch_mb.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SLAB_128, SLAB_256, SLAB_GCM };
#define ROUNDS(key) (((key) / 4 + 7) * 16)
#define CM_AT(key)  (sizeof(struct jn_srtp) + offsetof(struct jn_mb_cm, round) + ROUNDS(key))
#define GCM_AT      (sizeof(struct jn_srtp) + sizeof(struct jn_mb_gcm))
#define PLAIN_AT    (sizeof(struct jn_srtp) + offsetof(struct jn_mb_cm, round))
#define LINES(at, k)                                                                                                   \
    (((at) + offsetof(struct jn_mb_rtcp, key) + (k) + MB_LINE - 1) / MB_LINE *                                         \
     MB_LINE) /* of a whole context, in bytes */

const struct jn_mb_form jn_mb_forms[JN_SUITE_N] = {
    [JN_SUITE_AES128_SHA80] = {CM_AT(16), SLAB_128, 0, 16, 10, 10, false, false},
    [JN_SUITE_AES128_SHA32] = {CM_AT(16), SLAB_128, 0, 16, 4, 10, false, false},
    [JN_SUITE_AES192_SHA80] = {CM_AT(24), SLAB_256, 1, 24, 10, 10, false, false},
    [JN_SUITE_AES192_SHA32] = {CM_AT(24), SLAB_256, 1, 24, 4, 10, false, false},
    [JN_SUITE_AES256_SHA80] = {CM_AT(32), SLAB_256, 2, 32, 10, 10, false, false},
    [JN_SUITE_AES256_SHA32] = {CM_AT(32), SLAB_256, 2, 32, 4, 10, false, false},
    [JN_SUITE_GCM128] = {GCM_AT, SLAB_GCM, 0, 16, 16, 16, true, false},
    [JN_SUITE_GCM256] = {GCM_AT, SLAB_GCM, 2, 32, 16, 16, true, false},
    [JN_SUITE_NULL_SHA80] = {PLAIN_AT, SLAB_128, 0, 16, 10, 10, false, true},
};
static const uint32_t piece[MB_KINDS] = {
    [SLAB_128] = LINES(CM_AT(16), 16), [SLAB_256] = LINES(CM_AT(32), 32), [SLAB_GCM] = LINES(GCM_AT, 32)};
static_assert(LINES(CM_AT(16), 16) <= 384, "0.75 KiB both ways");
static_assert(LINES(GCM_AT, 32) <= 1280, "2.5 KiB both ways");
static_assert(sizeof(struct jn_mb_more) <= LINES(CM_AT(16), 16), "further senders lie in a piece of the first slab");
static_assert((CM_AT(16) | CM_AT(24) | CM_AT(32) | GCM_AT | PLAIN_AT) % _Alignof(struct jn_mb_rtcp) == 0, "aligned");

size_t jn_srtp_mb_context_bytes(enum jn_srtp_suite suite)
{
    return jn_srtp_parts(suite) ? piece[jn_mb_forms[suite].slab] : 0;
}

int jn_mb_slabs_open(struct jn_srtp_bank *b, uint32_t contexts)
{
    for (unsigned i = 0; i < MB_KINDS; i++) {
        struct jn_mb_slab *s = &b->slab[i];
        s->size = piece[i];
        s->cap = contexts + (i == SLAB_128 ? contexts / 8 + 8 : 0); /* with some for further senders */
        s->base = jn_untouched_pages((size_t)s->cap * s->size);
        if (!s->base)
            return -ENOMEM;
    }
    return 0;
}

void jn_mb_slabs_close(struct jn_srtp_bank *b)
{
    for (unsigned i = 0; i < MB_KINDS; i++) {
        if (b->slab[i].base)
            explicit_bzero(b->slab[i].base, (size_t)b->slab[i].used * b->slab[i].size);
        free(b->slab[i].base);
    }
}

void *jn_mb_take(struct jn_mb_slab *slab)
{
    uint32_t at = slab->free ? slab->free - 1 : slab->used;

    if (at == slab->cap)
        return NULL;
    uint8_t *p = slab->base + (size_t)at * slab->size;
    if (slab->free)
        memcpy(&slab->free, p, sizeof slab->free);
    else
        slab->used++;
    memset(p, 0, slab->size);
    return p;
}

void jn_mb_give(struct jn_mb_slab *slab, void *p)
{
    explicit_bzero(p, slab->size);
    memcpy(p, &slab->free, sizeof slab->free);
    slab->free = (uint32_t)((size_t)((uint8_t *)p - slab->base) / slab->size) + 1;
}
