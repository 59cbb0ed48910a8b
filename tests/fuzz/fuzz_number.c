/* LINK: jn_sip */
/* Numbers and the headers that carry them: what comes out is whole, terminated, and can bring no header of its own. */
#include "engine/sip/number.h"
#include <stdlib.h>
#include <string.h>

static void clean(const char *text, size_t size)
{
    if (!memchr(text, 0, size) || strpbrk(text, "\r\n<>\"@;"))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct jn_dir_trunk rules[] = {{.country = "49", .international = "00", .national = "0"},
                                                {.country = "1", .international = "011", .national = "1"},
                                                {.country = "45", .international = "00"}};
    char *text = malloc(n + 1), found[24], number[JN_NUMBER_MAX], dial[JN_NUMBER_MAX];
    memcpy(text, data, n);
    text[n] = 0;
    jn_number_private(text);
    jn_number_plain(text);
    if (jn_number_of_header(found, sizeof found, text) && !found[0])
        abort();
    clean(found, sizeof found);
    for (unsigned i = 0; i < 3; i++) {
        struct jn_dir_trunk t = rules[i];
        if (jn_number_e164(number, text, &t)) {
            if (number[0] != '+' || strspn(number + 1, "0123456789") != strlen(number + 1))
                abort();
            for (t.dial = 0; t.dial < JN_DIAL_N; t.dial++)
                jn_number_dial(dial, number, &t);
        }
        if (!memchr(number, 0, sizeof number))
            abort();
    }
    free(text);
    return 0;
}
