/* Journal: its struct, for journal_file.c and journal_read.c alone. */
#ifndef JN_ENGINE_JOURNAL_PRIVATE_H
#define JN_ENGINE_JOURNAL_PRIVATE_H

#include "engine/store/journal_bytes.h"
#include "engine/store/seglog.h"

enum { JN_JOURNAL_SEGMENT = 32 << 20 };

struct jn_journal {
    struct jn_seglog log;
    uint64_t last_seq, last_us; /* appended, durable or not */
    uint64_t start_seq;         /* where the last read began */
    uint64_t group_seq;         /* the first event that the coming group can hold */
    bool any;                   /* a segment was seen */
};

#endif
