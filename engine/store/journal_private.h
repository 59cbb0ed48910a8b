/* Journal: its struct, for journal_file.c, journal_read.c and snapshot.c alone. */
#ifndef JN_ENGINE_JOURNAL_PRIVATE_H
#define JN_ENGINE_JOURNAL_PRIVATE_H

#include "engine/store/journal_bytes.h"
#include <stdbool.h>

enum { JN_SEGMENT_BYTES = 32 << 20, JN_SEGMENT_LOAD_MAX = 256 << 20 };

struct jn_journal_segment {
    struct jn_seg_head head;
    uint64_t end; /* of what is durable */
};
struct jn_journal {
    char dir[1024];
    struct jn_journal_segment *segment; /* oldest first */
    uint32_t segments, segment_cap;
    uint64_t last_seq, last_us; /* appended, durable or not */
    uint64_t start_seq;         /* where the last read began */
    /* the coming group: JN_GROUP_HEAD bytes of head, then `used` bytes of records */
    uint8_t *group;
    size_t used, cap;
    uint64_t group_seq; /* first event that the group can hold */
    int fd;             /* of the newest segment, -1: not open */
    int failed;         /* -errno of the last commit, 0 when it was good */
    bool read_only;
};

#endif
