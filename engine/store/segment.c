/* Segment: heads, groups, and telling a torn end from damage. */
#include "engine/store/segment.h"

#include "engine/base/crc.h"
#include "engine/store/file.h"

#include <errno.h>
#include <string.h>

#define GROUP_MAGIC 0x50475250u /* "PRGP" */

void jn_seg_head_put(uint8_t out[static JN_SEG_HEAD], const struct jn_seg_head *h)
{
    memset(out, 0, JN_SEG_HEAD);
    jn_put32(out, h->kind);
    jn_put32(out + 4, (uint32_t)h->format | (uint32_t)h->logic << 16);
    jn_put64(out + 8, h->first_seq);
    jn_put64(out + 16, h->salt);
    jn_put32(out + 36, jn_crc32c(0, out, 36));
}

int jn_seg_head_get(struct jn_seg_head *h, const uint8_t *bytes, size_t n, uint32_t kind)
{
    if (n < JN_SEG_HEAD || jn_get32(bytes) != kind || jn_get32(bytes + 36) != jn_crc32c(0, bytes, 36))
        return -EBADMSG;
    *h = (struct jn_seg_head){.kind = kind,
                              .format = (uint16_t)jn_get32(bytes + 4),
                              .logic = (uint16_t)(jn_get32(bytes + 4) >> 16),
                              .first_seq = jn_get64(bytes + 8),
                              .salt = jn_get64(bytes + 16)};
    return h->format > JN_SEG_FORMAT ? -EPROTO : 0;
}

void jn_group_seal(uint8_t *group, size_t n, const struct jn_seg_head *h, uint64_t off)
{
    memset(group, 0, JN_GROUP_HEAD);
    jn_put32(group, GROUP_MAGIC);
    jn_put32(group + 4, (uint32_t)n);
    jn_put64(group + 8, h->salt);
    jn_put64(group + 16, off);
    uint32_t crc = jn_crc32c(0, group, JN_GROUP_HEAD - 4);
    jn_put32(group + JN_GROUP_HEAD - 4, jn_crc32c(crc, group + JN_GROUP_HEAD, n));
}

int64_t jn_group_get(const uint8_t *bytes, size_t n, size_t off, const struct jn_seg_head *h)
{
    const uint8_t *g = bytes + off;

    if (off >= n)
        return 0;
    if (n - off < JN_GROUP_HEAD || jn_get32(g) != GROUP_MAGIC || jn_get64(g + 8) != h->salt || jn_get64(g + 16) != off)
        return -EBADMSG;
    uint32_t len = jn_get32(g + 4);
    if (len == 0 || len > JN_GROUP_MAX || len > n - off - JN_GROUP_HEAD)
        return -EBADMSG;
    uint32_t crc = jn_crc32c(0, g, JN_GROUP_HEAD - 4);
    if (jn_crc32c(crc, g + JN_GROUP_HEAD, len) != jn_get32(g + JN_GROUP_HEAD - 4))
        return -EBADMSG;
    return (int64_t)len + JN_GROUP_HEAD;
}

size_t jn_seg_scan(const uint8_t *bytes, size_t n, const struct jn_seg_head *h, size_t *behind)
{
    size_t off = JN_SEG_HEAD;
    int64_t len;

    *behind = 0;
    while ((len = jn_group_get(bytes, n, off, h)) > 0)
        off += (size_t)len;
    if (len == 0)
        return off;
    uint8_t first = (uint8_t)(GROUP_MAGIC & 0xff);
    for (size_t at = off + 1; at < n; at++) {
        const uint8_t *next = memchr(bytes + at, first, n - at);
        if (!next)
            break;
        at = (size_t)(next - bytes);
        if (jn_group_get(bytes, n, at, h) > 0) {
            *behind = at;
            break;
        }
    }
    return off;
}
