/* `junctor rec export`, `delete` and `rotate-key`. */
#include "engine/app/cmd_rec.h"
#include "engine/base/clock.h"
#include "engine/store/rec_export.h"
#include "engine/store/rec_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "0:12": tracks 0; 1 and 2. */
static bool tracks_of(const char *text, struct jn_rec_render_options *o)
{
    uint8_t *side = &o->left;

    for (; *text; text++) {
        if (*text == ':' && side == &o->left)
            side = &o->right;
        else if (*text >= '0' && *text < '0' + JN_TRACK_N)
            *side = (uint8_t)(*side | 1u << (*text - '0'));
        else
            return false;
    }
    return side == &o->right && (o->left || o->right);
}

static bool options_of(const struct jn_rec_cmd *c, struct jn_rec_render_options *o, enum jn_rec_format *format)
{
    static const char *const parties[] = {"caller", "agent", "other", "supervisor"};

    *format = c->format && strcmp(c->format, "opus") == 0 ? JN_REC_OGG_OPUS : JN_REC_WAV;
    if (c->format && *format == JN_REC_WAV && strcmp(c->format, "wav") != 0) {
        fprintf(stderr, "junctor rec export: --format is wav or opus\n");
        return false;
    }
    while (c->as && o->party < JN_TRACK_N && strcmp(c->as, parties[o->party]) != 0)
        o->party++;
    if (c->as && o->party++ == JN_TRACK_N) {
        fprintf(stderr, "junctor rec export: --as is caller, agent, other or supervisor\n");
        return false;
    }
    if (c->tracks && (c->as || !tracks_of(c->tracks, o))) {
        fprintf(stderr, "junctor rec export: --tracks is LEFT:RIGHT, such as 0:12, and not with --as\n");
        return false;
    }
    return true;
}

int jn_rec_cmd_export(const struct jn_rec_cmd *c)
{
    struct jn_rec_render_options o = {0};
    struct jn_rec_found f;
    struct jn_err err = {{0}};
    enum jn_rec_format format;
    char file[64];

    if (!options_of(c, &o, &format))
        return 2;
    snprintf(file, sizeof file, "%s.%s", c->call, format == JN_REC_WAV ? "wav" : "opus");
    const char *path = c->file ? c->file : file;
    int rc = jn_rec_lookup(c->dir, c->call_id, &f, &err);
    if (rc == 0 && c->tenant_id && f.e.tenant != c->tenant_id)
        rc = jn_fail(&err, -ENOENT, "that tenant has no such recording");
    if (rc == 0)
        rc = jn_rec_export(c->dir, c->call_id, path, &o, format, &err);
    if (rc < 0) {
        fprintf(stderr, "junctor rec export: %s\n", err.text);
        return 1;
    }
    printf("%s\n", path);
    return 0;
}

int jn_rec_cmd_delete(const struct jn_rec_cmd *c)
{
    struct jn_err err = {{0}};
    bool encrypted = false;

    if (!c->yes) {
        fprintf(stderr, "junctor rec delete: it cannot be brought back; say --yes\n");
        return 2;
    }
    int rc = jn_rec_delete(c->dir, c->call_id, c->tenant_id, jn_wall_us(), &encrypted, &err);
    if (rc < 0) {
        fprintf(stderr, "junctor rec delete: %s\n", err.text);
        return 1;
    }
    printf("%s deleted: %s\n", c->call,
           encrypted
               ? "its key is destroyed, nobody can read it any more, backups without the key neither"
               : "it was not encrypted: its bytes are overwritten where they lay; a disk's spare cells, snapshots "
                 "and backups may still hold them");
    return 0;
}

int jn_rec_cmd_rotate(const struct jn_rec_cmd *c)
{
    struct jn_err err = {{0}};

    if (jn_rec_keys_rotate(c->dir, &err) < 0) {
        fprintf(stderr, "junctor rec rotate-key: %s\n", err.text);
        return 1;
    }
    printf("the master key of %s is a new one\n", c->dir);
    return 0;
}
