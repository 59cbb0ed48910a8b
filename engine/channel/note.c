/* Note: a conversation's routing facts in 128 bytes, see chat.h: version, priority, queue, two hashes (little-endian),
 * then texts, each with its length in front: name, intent, language, labels. */
#include "engine/base/str.h"
#include "engine/channel/chat.h"
#include <assert.h>
#include <errno.h>
#include <string.h>

enum { NOTE_VERSION = 1, FIXED = 26 };

struct cursor {
    uint8_t *p, *end;
};

static void put64(uint8_t *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static bool put_text(struct cursor *c, const char *text)
{
    size_t n = strlen(text);
    if ((size_t)(c->end - c->p) < n + 1)
        return false;
    *c->p++ = (uint8_t)n;
    memcpy(c->p, text, n);
    c->p += n;
    return true;
}

static bool get_text(const uint8_t **p, const uint8_t *end, char *out, size_t size)
{
    if (*p == end || (size_t)(end - *p) < (size_t)1 + **p || **p >= size || memchr(*p + 1, 0, **p))
        return false;
    jn_copy_n(out, size, (const char *)*p + 1, **p);
    *p += 1 + **p;
    return true;
}

uint32_t jn_chat_note_encode(uint8_t out[static JN_CHAT_NOTE_MAX], const struct jn_chat *c)
{
    struct cursor at = {out + FIXED, out + JN_CHAT_NOTE_MAX};
    static_assert(FIXED + JN_CHAT_NAME_MAX + JN_NAME_MAX + 8 <= JN_CHAT_NOTE_MAX, "all but the labels always fit");
    out[0] = NOTE_VERSION;
    out[1] = c->priority;
    put64(out + 2, c->queue);
    put64(out + 10, c->key_hash);
    put64(out + 18, c->body_hash);
    put_text(&at, c->name);
    put_text(&at, c->verdict.intent);
    put_text(&at, c->verdict.language);
    for (unsigned i = 0; i < c->verdict.labels && put_text(&at, c->verdict.label[i]); i++)
        ;
    return (uint32_t)(at.p - out);
}

int jn_chat_note_decode(struct jn_chat *c, const void *note, uint32_t n)
{
    const uint8_t *in = note, *end = in + n, *p = in + FIXED;
    struct jn_chat d = *c;
    if (n < FIXED || n > JN_CHAT_NOTE_MAX || in[0] != NOTE_VERSION || (in[1] > 9 && in[1] != 255))
        return -EBADMSG;
    d.priority = in[1];
    d.queue = get64(in + 2);
    d.key_hash = get64(in + 10);
    d.body_hash = get64(in + 18);
    memset(&d.verdict, 0, sizeof d.verdict);
    d.verdict.priority = 255;
    if (!get_text(&p, end, d.name, sizeof d.name) || !get_text(&p, end, d.verdict.intent, sizeof d.verdict.intent) ||
        !get_text(&p, end, d.verdict.language, sizeof d.verdict.language))
        return -EBADMSG;
    while (p < end) {
        if (d.verdict.labels == 4 || !get_text(&p, end, d.verdict.label[d.verdict.labels], JN_NAME_MAX))
            return -EBADMSG;
        d.verdict.labels++;
    }
    *c = d;
    return 0;
}
