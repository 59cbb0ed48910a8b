/* Classify: messages a second on one core by 20, 200 and 1,000 rules, beside a plain loop over the same rules
 * (strcasestr for words, regexec for the rest), interleaved message by message blocks so that both see the same
 * machine. Texts are CLINC150's from $JUNCTOR_DATA/text/clinc150/val.tsv, or generated ones; which, is said. */
#include "engine/base/clock.h"
#include "engine/base/histo.h"
#include "engine/base/rand.h"
#include "router/classify/classify.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS = 3000, TEXT_BYTES = 512, RULES = 1000, BLOCK = 100, ROUNDS = 20 };

static char text[TEXTS][TEXT_BYTES];
static size_t length[TEXTS];
static unsigned texts;
static struct jn_dir_rule rules[RULES];
static regex_t plain[RULES];
static bool is_word[RULES];

static void add_text(const char *t, size_t n)
{
    if (texts == TEXTS || n == 0)
        return;
    length[texts] = n < TEXT_BYTES ? n : TEXT_BYTES - 1;
    memcpy(text[texts], t, length[texts]);
    text[texts][length[texts]] = 0;
    texts++;
}

static const char *read_texts(void)
{
    const char *data = getenv("JUNCTOR_DATA");
    char path[600], line[2048];
    FILE *f = NULL;

    if (data) {
        snprintf(path, sizeof path, "%s/text/clinc150/val.tsv", data);
        f = fopen(path, "re");
    }
    while (f && fgets(line, sizeof line, f))
        add_text(line, strcspn(line, "\t\r\n"));
    if (f)
        fclose(f);
    return texts ? "CLINC150" : NULL;
}

/* Words of an even length distribution around English's, from a vocabulary of 2,000. */
static void generate_texts(void)
{
    uint64_t seed = 7;

    while (texts < TEXTS) {
        char t[TEXT_BYTES];
        size_t n = 0, words = 4 + jn_splitmix(&seed) % 12;

        for (size_t w = 0; w < words; w++) {
            uint64_t word = jn_splitmix(&seed) % 2000 * 0x9e3779b97f4a7c15u;

            for (unsigned i = 0; i < 3 + word % 7; i++)
                t[n++] = (char)('a' + (word >> (8 + 5 * i)) % 26);
            t[n++] = ' ';
        }
        add_text(t, n - 1);
    }
}

/* A word or two of some text, so that rules match as rules do; every fifth is an expression. */
static void make_rules(void)
{
    uint64_t seed = 42;

    for (unsigned i = 0; i < RULES; i++) {
        struct jn_dir_rule *r = &rules[i];

        *r = (struct jn_dir_rule){.tenant = 1, .priority = 255, .weight = (int16_t)(1 + i % 50)};
        snprintf(r->intent, sizeof r->intent, "intent%u", i % 60);
        is_word[i] = i % 5 != 0;
        do {
            const char *t = text[jn_splitmix(&seed) % texts];
            size_t n = strlen(t), at = jn_splitmix(&seed) % n, end;

            while (at && t[at - 1] != ' ')
                at--;
            end = at + strcspn(t + at, " ");
            if (t[end] && jn_splitmix(&seed) % 2)
                end += 1 + strcspn(t + end + 1, " ");
            snprintf(r->pattern, 100, "%.*s", (int)(end - at), t + at);
        } while (strlen(r->pattern) < 4 || strpbrk(r->pattern, "\\^$.|?*+()[]{}"));
        if (!is_word[i])
            snprintf(r->pattern + strlen(r->pattern), 20, "(s|ed|ing)?( |$)");
        if (regcomp(&plain[i], r->pattern, REG_EXTENDED | REG_ICASE | REG_NOSUB)) {
            fprintf(stderr, "regcomp %s\n", r->pattern);
            exit(1);
        }
    }
}

static unsigned plain_matches(const char *t, unsigned n)
{
    unsigned matches = 0;

    for (unsigned i = 0; i < n; i++)
        matches += is_word[i] ? strcasestr(t, rules[i].pattern) != NULL : regexec(&plain[i], t, 0, NULL, 0) == 0;
    return matches;
}

/* Both sides over all texts, block by block in turn. Ends the program when they do not find the same. */
static void measure(unsigned n)
{
    struct jn_rules *compiled;
    struct jn_scratch *scratch = jn_scratch_new();
    static struct jn_histo histo;
    uint64_t ours_ns = 0, plain_ns = 0, begin, scanned = 0, compared = 0;
    static unsigned found[TEXTS];

    memset(&histo, 0, sizeof histo);
    begin = jn_mono_ns();
    if (!scratch || jn_rules_compile(&compiled, rules, n, NULL, 0, NULL))
        exit(1);
    printf("FIGURE classify_compile_%u_rules %.1f ms\n", n, (double)(jn_mono_ns() - begin) / 1e6);
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned from = 0; from < texts; from += BLOCK) {
            unsigned to = from + BLOCK < texts ? from + BLOCK : texts;
            uint64_t last = jn_mono_ns(), start = last;

            for (unsigned i = from; i < to; i++) {
                struct jn_verdict v;
                uint64_t now;

                if (jn_classify(compiled, scratch, 1, text[i], length[i], &v))
                    exit(1);
                found[i] = v.matches;
                now = jn_mono_ns();
                jn_histo_add(&histo, now - last);
                last = now;
            }
            ours_ns += last - start;
            scanned += to - from;
            /* The plain loop is slow: one block in eight is enough for its mean. */
            if ((from / BLOCK + round) % 8)
                continue;
            start = jn_mono_ns();
            for (unsigned i = from; i < to; i++)
                if (plain_matches(text[i], n) != found[i]) {
                    printf("text %u: %u matches, plain search finds %u\n", i, found[i], plain_matches(text[i], n));
                    exit(1);
                }
            plain_ns += jn_mono_ns() - start;
            compared += to - from;
        }
    printf("FIGURE classify_%u_rules_messages_per_s %.0f 1/s\n", n, (double)scanned * 1e9 / (double)ours_ns);
    printf("FIGURE classify_%u_rules_p50 %llu ns\n", n, (unsigned long long)jn_histo_at(&histo, 500));
    printf("FIGURE classify_%u_rules_p99 %llu ns\n", n, (unsigned long long)jn_histo_at(&histo, 990));
    printf("FIGURE classify_plain_%u_rules_messages_per_s %.0f 1/s\n", n, (double)compared * 1e9 / (double)plain_ns);
    printf("FIGURE classify_%u_rules_over_plain %.1f x\n", n,
           (double)plain_ns / (double)compared / ((double)ours_ns / (double)scanned));
    if (n == 200)
        printf("FIGURE classify_messages_per_s %.0f 1/s\n", (double)scanned * 1e9 / (double)ours_ns);
    jn_scratch_free(scratch);
    jn_rules_unref(compiled);
}

int main(void)
{
    static const unsigned sizes[] = {20, 200, 1000};
    const char *source = read_texts();
    size_t bytes = 0;

    if (!source)
        generate_texts();
    for (unsigned i = 0; i < texts; i++)
        bytes += length[i];
    printf("texts: %u, %.0f bytes in the mean, %s; one core; classify_messages_per_s is with 200 rules\n", texts,
           (double)bytes / texts, source ? source : "generated (JUNCTOR_DATA has no text/clinc150/val.tsv)");
    make_rules();
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        measure(sizes[i]);
    for (unsigned i = 0; i < RULES; i++)
        regfree(&plain[i]);
    return 0;
}
