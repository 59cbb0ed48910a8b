/* Sounds: reads every NAME.wav below the configured folders once, before workers start; a queue may then name any of
 * them, also one applied later. */
#include "engine/app/engine.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { SOUND_BYTES_MAX = 32 << 20, DEPTH_MAX = 4 };

static int load_file(struct jn_engine *e, const char *path, const char *name)
{
    struct jn_buf wav = {0};
    struct jn_err err = {{0}};
    int rc = jn_read_file(path, SOUND_BYTES_MAX, &wav);

    if (rc == 0 && jn_sounds_find(&e->sounds, name) == JN_SOUND_NONE)
        rc = jn_sounds_add_wav(&e->sounds, name, wav.data, wav.len, &err);
    if (rc < 0)
        jn_warn("app", "sound %s left out: %s", path, err.text[0] ? err.text : strerror(-rc));
    jn_buf_free(&wav);
    return 0;
}

/* prefix: what stands before the file's name in the sound's name, "" or "digits/". */
static int load_folder(struct jn_engine *e, const char *folder, const char *prefix, int depth)
{
    DIR *d = opendir(folder);

    if (!d)
        return -errno;
    for (struct dirent *f; (f = readdir(d));) {
        char path[1024], name[300];
        struct stat st;
        size_t n = strlen(f->d_name);
        if (f->d_name[0] == '.' || (size_t)snprintf(path, sizeof path, "%s/%s", folder, f->d_name) >= sizeof path ||
            stat(path, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX && snprintf(name, sizeof name, "%s%s/", prefix, f->d_name) < 60) {
            load_folder(e, path, name, depth + 1);
        } else if (S_ISREG(st.st_mode) && n > 4 && strcmp(f->d_name + n - 4, ".wav") == 0) {
            if (snprintf(name, sizeof name, "%s%.*s", prefix, (int)n - 4, f->d_name) < (int)JN_SOUND_MAX)
                load_file(e, path, name);
        }
    }
    closedir(d);
    return 0;
}

/* What a caller hears while a phone rings (ITU-T E.182, as most of Europe has it): 425 Hz, one second in five. The tone
 * is made by turning (x, y) by its angle, cos and sin scaled by 2^30. */
static int ringback(struct jn_engine *e)
{
    enum { SECOND = 8000, CYCLE = 5 * SECOND };
    static int16_t pcm[CYCLE];
    const int64_t c = 1014477768, s = 351790227;
    int64_t x = (int64_t)3600 << 14, y = 0;

    for (unsigned i = 0; i < SECOND; i++) {
        int64_t turned = (x * c - y * s) >> 30;
        y = (x * s + y * c) >> 30;
        x = turned;
        pcm[i] = (int16_t)(y >> 14);
    }
    return jn_sounds_add(&e->sounds, "junctor/ringback", pcm, CYCLE);
}

/* Sounds of our own, which no folder needs to have: a beep (1 kHz, 0.2 s, -16 dBov) and the soft noise on a nailed-up
 * line (about -60 dBov). */
static int own_sounds(struct jn_engine *e)
{
    static const int16_t sine[8] = {0, 3600, 5091, 3600, 0, -3600, -5091, -3600}; /* 1 kHz at 8 kHz */
    int16_t beep[1600], noise[8000];
    uint32_t r = 1;

    for (unsigned i = 0; i < sizeof beep / sizeof *beep; i++)
        beep[i] = sine[i % 8];
    for (unsigned i = 0; i < sizeof noise / sizeof *noise; i++) {
        r = r * 1664525 + 1013904223;
        noise[i] = (int16_t)((int)(r >> 26) - 32);
    }
    int rc = jn_sounds_add(&e->sounds, "junctor/beep", beep, sizeof beep / sizeof *beep);
    if (rc >= 0)
        rc = jn_sounds_add(&e->sounds, "junctor/comfort", noise, sizeof noise / sizeof *noise);
    return rc < 0 ? rc : ringback(e);
}

int jn_engine_sounds(struct jn_engine *e, struct jn_err *err)
{
    if (own_sounds(e) < 0)
        return jn_fail(err, -ENOMEM, "sounds: no memory");
    for (unsigned i = 0; i < e->config.sound_dirs; i++) {
        int rc = load_folder(e, e->config.sound_dir[i], "", 0);
        if (rc < 0)
            return jn_fail(err, rc, "sounds: %s: %s", e->config.sound_dir[i], strerror(-rc));
    }
    jn_info("app", "sounds: %u", e->sounds.n);
    return 0;
}
