/* LINK: jn_api */
/* Tokens and password hashes from outside: nothing but what was signed is taken. */
#include "engine/api/api.h"
#include "engine/api/auth.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const uint8_t secret[32] = {1, 2, 3};
    struct jn_claims c;
    char *text = malloc(n + 1), again[JN_TOKEN_MAX];
    memcpy(text, data, n);
    text[n] = 0;
    if (!jn_token_verify(&c, secret, JN_TOKEN_AGENT, text, 0)) {
        jn_token_sign(again, secret, &c);
        if (strcmp(again, text))
            __builtin_trap();
    }
    /* Costly iteration counts are the configuration's own; here only the form is of interest. */
    char *count = strchr(text, '$');
    if (!count || atol(count + 1) < 2000)
        jn_password_check(text, "x");
    free(text);
    return 0;
}
