/* Seglog: a folder of append-only segments written by group commit, for the journal and the message log. Opening
 * finds what is durable, cuts a torn end and refuses damage; appending gathers a group; commit is one write and one
 * sync. One owner thread. */
#ifndef JN_ENGINE_SEGLOG_H
#define JN_ENGINE_SEGLOG_H

#include "engine/base/err.h"
#include "engine/store/segment.h"
#include <stdbool.h>

enum { JN_SEGLOG_LOAD_MAX = 256 << 20 };

struct jn_seglog_segment {
    struct jn_seg_head head;
    uint64_t end; /* of what is durable */
};
struct jn_seglog {
    char dir[1024];
    const char *suffix; /* names are 16 hexadecimal digits of the segment's first sequence, and this */
    uint32_t kind, segment_bytes;
    struct jn_seglog_segment *segment; /* oldest first */
    uint32_t segments, segment_cap;
    uint8_t *group; /* the coming one: JN_GROUP_HEAD bytes, then `used` bytes */
    size_t used, cap;
    uint64_t torn_bytes;
    int fd;     /* of the newest segment, -1: not open */
    int failed; /* -errno of the last commit: its group waits and nothing more is taken; 0 when it was good */
    bool dirty; /* a failed attempt may stand behind what is durable */
    bool read_only;
};

/* l: zeroed but for suffix, kind, segment_bytes and read_only. each gets every segment's good bytes (first_seq in the
 * head, `end` bytes), oldest first, and may refuse. On failure everything is freed. */
int jn_seglog_open(struct jn_seglog *l, const char *dir,
                   int (*each)(void *arg, const struct jn_seg_head *h, const uint8_t *bytes, size_t end,
                               const char *path, struct jn_err *err),
                   void *arg, struct jn_err *err);
void jn_seglog_close(struct jn_seglog *l);
/* n bytes at the end of the coming group, for the caller to fill. 0; -ENOBUFS: commit first; what the last commit
 * failed with; -EROFS, -ENOMEM. */
int jn_seglog_room(struct jn_seglog *l, size_t n, uint8_t **at);
/* Writes and syncs the group. first_seq names a new segment when one is begun. On failure the group stays and may be
 * committed again or dropped; nothing of it stands behind what is durable. *at: offset of its first payload byte in the
 * newest segment. */
int jn_seglog_commit(struct jn_seglog *l, uint64_t first_seq, uint64_t *at);
/* Forgets the group, after a commit that failed. */
static inline void jn_seglog_drop(struct jn_seglog *l)
{
    l->used = 0;
    l->failed = 0;
}
void jn_seglog_path(const struct jn_seglog *l, uint64_t first_seq, char out[static 1100]);

/* "<dir>/<16 digits><suffix>", and back: 0 or -EINVAL when the name is not one of ours. */
void jn_seglog_name(char out[static 1100], const char *dir, uint64_t seq, const char *suffix);
int jn_seglog_name_seq(const char *name, const char *suffix, uint64_t *seq);

#endif
