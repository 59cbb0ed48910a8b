/* Ask: questions to other threads, made and unmade. */
#include "engine/api/api.h"
#include <openssl/crypto.h>
#include <stdlib.h>

struct jn_ask *jn_ask_new(enum jn_ask_kind kind)
{
    struct jn_ask *a = calloc(1, sizeof *a);
    if (a) {
        a->kind = (uint8_t)kind;
        a->channel = -1;
    }
    return a;
}

void jn_ask_free(struct jn_ask *a)
{
    if (!a)
        return;
    if (a->text.data)
        OPENSSL_cleanse(a->text.data, a->text.cap); /* passwords and bodies */
    OPENSSL_cleanse(a->secret, sizeof a->secret);
    jn_buf_free(&a->text);
    jn_buf_free(&a->answer);
    free(a);
}
