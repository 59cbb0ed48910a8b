/* LINK: jn_store */
/* A message log's folder with a segment and a key file of any bytes: opened, every conversation read, one more message
 * taken, opened again. Two bytes in front say how many bytes are the key file's. Groups are sealed anew, so that
 * records behind a good checksum are reached too. */
#include "engine/base/log.h"
#include "engine/store/message_log.h"
#include "engine/store/segment.h"
#include "tests/engine/store/fault_fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct jn_message_log *log_now;

static void hear(void *arg, const struct jn_message *m)
{
    (void)arg;
    if (m->len > JN_MSG_BODY_MAX || strnlen(m->key, sizeof m->key) == sizeof m->key)
        abort();
}

static void talk(void *arg, uint64_t ix, uint64_t tenant, uint32_t count, const void *note, uint32_t len)
{
    (void)tenant;
    (void)note;
    (void)len;
    *(uint64_t *)arg += count;
    jn_message_log_read(log_now, ix, 0, hear, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const uint8_t master[32];
    struct jn_err err;
    uint64_t count = 0, again = 0;

    jn_log_level_set((enum jn_log_level) - 1);
    ff_start(1);
    size_t keys = n >= 2 ? data[0] | (size_t)data[1] << 8 : 0;
    if (n < 2 + keys)
        return 0;
    if (keys > 0)
        ff_put("/m/keys", data + 2, keys);
    size_t body = n - 2 - keys;
    uint8_t *segment = malloc(JN_SEG_HEAD + JN_GROUP_HEAD + body + 1);
    struct jn_seg_head h = {.kind = 0x474d4e4a, .format = 1, .logic = 1, .first_seq = 1, .salt = 7};
    if (!segment)
        abort();
    jn_seg_head_put(segment, &h);
    memcpy(segment + JN_SEG_HEAD + JN_GROUP_HEAD, data + 2 + keys, body);
    jn_group_seal(segment + JN_SEG_HEAD, body, &h, JN_SEG_HEAD);
    ff_put("/m/0000000000000001.messages", segment, JN_SEG_HEAD + (body ? JN_GROUP_HEAD + body : 0));
    free(segment);
    if (jn_message_log_open(&log_now, "/m", master, &err) < 0)
        return 0;
    jn_message_log_conversations(log_now, talk, &count);
    struct jn_message m = {.ix = 0x123456789, .tenant = 1, .body = "hello", .len = 5};
    if (jn_message_log_append(log_now, &m) == 0) {
        if (jn_message_log_commit(log_now) < 0)
            abort();
        count++;
    }
    jn_message_log_close(log_now);
    if (jn_message_log_open(&log_now, "/m", master, &err) < 0)
        abort();
    jn_message_log_conversations(log_now, talk, &again);
    if (again != count)
        abort();
    jn_message_log_close(log_now);
    return 0;
}
