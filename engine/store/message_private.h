/* Message log: its struct, for message_log.c and message_read.c alone. */
#ifndef JN_ENGINE_MESSAGE_PRIVATE_H
#define JN_ENGINE_MESSAGE_PRIVATE_H

#include "engine/store/message_bytes.h"
#include "engine/store/message_index.h"
#include "engine/store/message_keys.h"
#include "engine/store/seglog.h"

enum { JN_MESSAGE_SEGMENT = 64 << 20, JN_MESSAGE_NOTE_MAX = 128 };

struct jn_message_log {
    struct jn_seglog log;
    struct jn_key_file *keys;
    struct jn_crypt *crypt;
    struct jn_message_index index;
    uint32_t segments_seen; /* while opening */
    uint8_t epoch[8];       /* of nonces */
    uint32_t nonces;
    int lost;         /* a commit inside erase failed with this: the next commit says it */
    uint8_t *scratch; /* one record, for reading */
};

#endif
