/* Spec: impairments as text, and the profiles that have names. */
#include "media/impair/impair.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What networks are like: shares and times within what ITU-T G.1050 (2016) gives for its classes of access. */
static const struct {
    const char *name;
    struct jn_impair_config c;
} profiles[] = {
    {"clean", {0}},
    {"lan", {.delay_us = 1000, .jitter_us = 2000}},
    {"dsl", {.delay_us = 20000, .jitter_us = 12000, .loss_ppm = 2000, .spread = JN_IMPAIR_NORMAL}},
    {"wifi",
     {.delay_us = 5000, .jitter_us = 8000, .burst_ppm = 10000, .burst_len_x100 = 400, .spread = JN_IMPAIR_PARETO}},
    {"mobile",
     {.delay_us = 50000,
      .jitter_us = 20000,
      .spread = JN_IMPAIR_EXPONENTIAL,
      .loss_ppm = 5000,
      .burst_ppm = 5000,
      .burst_len_x100 = 600,
      .spike_ms = 180,
      .spike_every_ms = 15000}},
    {"congested",
     {.delay_us = 60000,
      .jitter_us = 100000,
      .spread = JN_IMPAIR_NORMAL,
      .loss_ppm = 10000,
      .burst_ppm = 40000,
      .burst_len_x100 = 500,
      .burst_loss_ppm = 700000}},
    {"multipath",
     {.delay_us = 30000,
      .jitter_us = 45000,
      .overtake = true,
      .reorder_ppm = 30000,
      .reorder_us = 35000,
      .duplicate_ppm = 10000,
      .duplicate_us = 4000}},
    {"satellite", {.delay_us = 280000, .jitter_us = 15000, .loss_ppm = 10000, .spread = JN_IMPAIR_NORMAL}},
};
enum { PROFILES = sizeof profiles / sizeof profiles[0], PART_MAX = 64, MILLION = 1000000 };
static const uint64_t time_max_us = 600000000;

const char *jn_impair_profile(unsigned i, struct jn_impair_config *c)
{
    if (i >= PROFILES)
        return NULL;
    if (c)
        *c = profiles[i].c;
    return profiles[i].name;
}

__attribute__((format(printf, 3, 4))) static int refuse(char *why, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, size, format, args);
    va_end(args);
    return -EINVAL;
}

/* A decimal number with up to six places, times 1,000,000; moves *text behind it. */
static bool number(const char **text, uint64_t *out)
{
    const char *t = *text;
    uint64_t v = 0, unit = MILLION;

    if (*t < '0' || *t > '9')
        return false;
    for (; *t >= '0' && *t <= '9'; t++) {
        v = v * 10 + (uint64_t)(*t - '0');
        if (v > UINT64_C(1000000000))
            return false;
    }
    v *= MILLION;
    if (*t == '.')
        for (t++; *t >= '0' && *t <= '9' && unit > 1; t++)
            v += (uint64_t)(*t - '0') * (unit /= 10);
    *text = t;
    *out = v;
    return true;
}

static bool follows(const char **text, const char *word)
{
    size_t n = strlen(word);

    if (strncmp(*text, word, n) != 0)
        return false;
    *text += n;
    return true;
}

static bool share(const char **text, uint32_t *ppm)
{
    uint64_t v;

    if (!number(text, &v))
        return false;
    if (follows(text, "%"))
        v /= 100;
    else if (follows(text, "ppm"))
        v /= MILLION;
    else
        return false;
    *ppm = (uint32_t)v;
    return v <= MILLION;
}

static bool time_us(const char **text, uint32_t *us)
{
    uint64_t v;

    if (!number(text, &v))
        return false;
    if (follows(text, "us"))
        v /= MILLION;
    else if (follows(text, "ms"))
        v /= 1000;
    else if (!follows(text, "s"))
        return false;
    *us = (uint32_t)v;
    return v <= time_max_us;
}

static bool time_ms(const char **text, uint32_t *ms)
{
    bool good = time_us(text, ms);

    *ms /= 1000;
    return good;
}

static bool jitter(const char *t, struct jn_impair_config *c)
{
    static const char *const name[JN_IMPAIR_SPREADS] = {"uniform", "normal", "exponential", "pareto"};

    if (!time_us(&t, &c->jitter_us))
        return false;
    if (*t == '\0')
        return true;
    for (uint8_t i = 0; *t == ':' && i < JN_IMPAIR_SPREADS; i++)
        if (strcmp(t + 1, name[i]) == 0) {
            c->spread = i;
            return true;
        }
    return false;
}

static bool burst(const char *t, struct jn_impair_config *c)
{
    uint64_t len;

    if (!share(&t, &c->burst_ppm) || !follows(&t, ":") || !number(&t, &len) || len < MILLION)
        return false;
    c->burst_len_x100 = (uint32_t)(len / (MILLION / 100) < UINT32_MAX ? len / (MILLION / 100) : UINT32_MAX);
    c->burst_loss_ppm = 0;
    return *t == '\0' || (follows(&t, ":") && share(&t, &c->burst_loss_ppm) && *t == '\0');
}

static bool drift(const char *t, struct jn_impair_config *c)
{
    bool minus = follows(&t, "-");
    uint64_t v;

    if (!number(&t, &v) || !follows(&t, "ppm") || v / MILLION > 10000)
        return false;
    c->drift_ppm = minus ? -(int32_t)(v / MILLION) : (int32_t)(v / MILLION);
    return *t == '\0';
}

static bool seed(const char *t, struct jn_impair_config *c)
{
    if (*t == '\0')
        return false;
    for (c->seed = 0; *t >= '0' && *t <= '9'; t++)
        c->seed = c->seed * 10 + (uint64_t)(*t - '0');
    return *t == '\0';
}

static bool set(struct jn_impair_config *c, const char *key, const char *t)
{
    if (strcmp(key, "loss") == 0)
        return share(&t, &c->loss_ppm) && *t == '\0';
    if (strcmp(key, "burst") == 0)
        return burst(t, c);
    if (strcmp(key, "delay") == 0)
        return time_us(&t, &c->delay_us) && *t == '\0';
    if (strcmp(key, "jitter") == 0)
        return jitter(t, c);
    if (strcmp(key, "reorder") == 0)
        return share(&t, &c->reorder_ppm) && follows(&t, ":") && time_us(&t, &c->reorder_us) && *t == '\0';
    if (strcmp(key, "duplicate") == 0)
        return share(&t, &c->duplicate_ppm) && follows(&t, ":") && time_us(&t, &c->duplicate_us) && *t == '\0';
    if (strcmp(key, "spike") == 0)
        return time_ms(&t, &c->spike_ms) && follows(&t, ":") && time_ms(&t, &c->spike_every_ms) && *t == '\0' &&
               c->spike_every_ms > c->spike_ms;
    if (strcmp(key, "drift") == 0)
        return drift(t, c);
    return strcmp(key, "seed") == 0 && seed(t, c);
}

static bool profile(struct jn_impair_config *c, const char *name)
{
    for (unsigned i = 0; i < PROFILES; i++)
        if (strcmp(profiles[i].name, name) == 0) {
            uint64_t kept = c->seed;
            *c = profiles[i].c;
            c->seed = kept;
            return true;
        }
    return false;
}

int jn_impair_parse(struct jn_impair_config *c, const char *text, char *why, size_t why_size)
{
    struct jn_impair_config made = *c;

    for (bool first = true; first || *text != '\0'; first = false) {
        size_t n = strcspn(text, ",");
        char part[PART_MAX];
        if (n == 0 || n >= sizeof part)
            return refuse(why, why_size, "an impairment is empty or too long");
        memcpy(part, text, n);
        part[n] = '\0';
        char *equals = strchr(part, '=');
        bool good =
            equals == NULL && (strcmp(part, "overtake") == 0 ? (made.overtake = true) : first && profile(&made, part));
        if (equals) {
            *equals = '\0';
            good = set(&made, part, equals + 1);
            *equals = '=';
        }
        if (!good)
            return refuse(why, why_size, "impairment \"%s\" is not understood", part);
        text += n;
        if (*text == ',' && *++text == '\0')
            return refuse(why, why_size, "an impairment is empty or too long");
    }
    *c = made;
    return 0;
}
