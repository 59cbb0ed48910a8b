/* Segment: the bytes of an append-only file: a head, then groups. A group is what one commit wrote: all of it or none
 * of it counts. Pure: bytes in, bytes out.
 *
 * The next group is written only after the one before it was synced. So a bad group with a good one behind it is damage
 * to what was durable; a bad group with nothing good behind it is a commit that a crash tore, which nobody was told of.
 * Each group names the file's random salt and its own offset, so that neither old blocks nor outside text inside a
 * record can pass for one. */
#ifndef JN_ENGINE_SEGMENT_H
#define JN_ENGINE_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

enum { JN_SEG_HEAD = 40, JN_GROUP_HEAD = 32, JN_SEG_FORMAT = 1, JN_GROUP_MAX = 16 << 20 };

/* kind tells files of different make apart (four characters); logic: JN_LOGIC_VERSION of the writer. */
struct jn_seg_head {
    uint32_t kind;
    uint16_t format, logic;
    uint64_t first_seq, salt;
};
void jn_seg_head_put(uint8_t out[static JN_SEG_HEAD], const struct jn_seg_head *h);
/* 0, -EBADMSG when it is no head of that kind or damaged, -EPROTO when its format is newer than ours. */
int jn_seg_head_get(struct jn_seg_head *h, const uint8_t *bytes, size_t n, uint32_t kind);

/* Fills the JN_GROUP_HEAD bytes in front of the n bytes of payload, which lies at group + JN_GROUP_HEAD and will be
 * written at offset off. */
void jn_group_seal(uint8_t *group, size_t n, const struct jn_seg_head *h, uint64_t off);
/* The group at offset off of the file's n bytes: its whole length, 0 at the end of the bytes, -EBADMSG. */
int64_t jn_group_get(const uint8_t *bytes, size_t n, size_t off, const struct jn_seg_head *h);
/* Where the good groups end. behind: offset of a good group after the bad one, 0 if there is none. */
size_t jn_seg_scan(const uint8_t *bytes, size_t n, const struct jn_seg_head *h, size_t *behind);

#endif
