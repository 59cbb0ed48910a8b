/* Self-test: the scanner against plain search, at every start. A build of this kind of scanner was once seen to miss
 * matches on processors with AVX-512; a centre that routes by missed matches is worse than one that does not start. */
#include "router/classify/classify.h"

#include "engine/base/rand.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TENANT = 1, WORDS = 256, TEXT = 700, ROUNDS = 300 };

/* A word of 3 to 14 letters; few letters, so that words share beginnings and parts. */
static void make_word(char *out, uint64_t *seed)
{
    size_t n = 3 + jn_splitmix(seed) % 12;

    for (size_t i = 0; i < n; i++)
        out[i] = (char)('a' + jn_splitmix(seed) % 6);
    out[n] = 0;
}

static void fill(struct jn_dir_rule *rules, uint64_t *seed)
{
    for (unsigned i = 0; i < WORDS; i++) {
        rules[i].tenant = TENANT;
        rules[i].weight = 1;
        rules[i].priority = 255;
        make_word(rules[i].pattern, seed);
        snprintf(rules[i].intent, sizeof rules[i].intent, "i%u", i);
    }
}

/* Random letters and blanks, with some of the words set in at random places, sometimes in capitals. */
static size_t make_text(char *text, const struct jn_dir_rule *rules, uint64_t *seed)
{
    size_t n = 1 + jn_splitmix(seed) % TEXT;

    for (size_t i = 0; i < n; i++)
        text[i] = "abcdef    "[jn_splitmix(seed) % 10];
    for (unsigned k = 0; k < 4; k++) {
        const char *word = rules[jn_splitmix(seed) % WORDS].pattern;
        size_t len = strlen(word), at = jn_splitmix(seed) % n;

        if (at + len > n)
            continue;
        memcpy(text + at, word, len);
        if (jn_splitmix(seed) % 2)
            text[at] = (char)(text[at] - 'a' + 'A');
    }
    text[n] = 0;
    return n;
}

static int compare(const struct jn_rules *rules, struct jn_scratch *s, const struct jn_dir_rule *given,
                   struct jn_err *err)
{
    uint64_t seed = 2026;
    char text[TEXT + 1];

    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t n = make_text(text, given, &seed);
        struct jn_verdict v;
        unsigned plain = 0, first = WORDS;
        int rc = jn_classify(rules, s, TENANT, text, n, &v);

        if (rc)
            return jn_fail(err, -EFAULT, "text rules: the scanner failed (%d) in its self-test", rc);
        for (unsigned i = WORDS; i-- > 0;)
            if (strcasestr(text, given[i].pattern)) {
                plain++;
                first = i;
            }
        if (plain != v.matches || (first < WORDS && !v.intent[0]))
            return jn_fail(err, -EFAULT,
                           "text rules: the scanner found %u of %u words in self-test text %u; its library does not "
                           "work on this processor",
                           v.matches, plain, round);
    }
    return 0;
}

int jn_classify_self_test(struct jn_err *err)
{
    struct jn_dir_rule *given = calloc(WORDS, sizeof *given);
    struct jn_scratch *s = jn_scratch_new();
    struct jn_rules *rules = NULL;
    uint64_t seed = 1;
    int rc;

    if (!given || !s) {
        rc = jn_fail(err, -ENOMEM, "no memory for the self-test of text rules");
    } else {
        fill(given, &seed);
        rc = jn_rules_compile(&rules, given, WORDS, NULL, 0, NULL);
        rc = rc ? jn_fail(err, -EFAULT, "text rules: the scanner cannot compile its self-test (%d)", rc)
                : compare(rules, s, given, err);
    }
    jn_rules_unref(rules);
    jn_scratch_free(s);
    free(given);
    return rc;
}
