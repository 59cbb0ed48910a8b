/* Rec export: see the header. */
#include "engine/store/rec_export.h"

#include "engine/store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

int jn_rec_sound(uint8_t **bytes, size_t *n, const struct jn_rec_item *items, size_t count,
                 const struct jn_rec_render_options *o, enum jn_rec_format format, struct jn_err *err)
{
    struct jn_buf out = {0};
    int16_t *pcm = NULL;
    uint8_t head[44];
    uint32_t rate;
    size_t pairs;

    *bytes = NULL;
    int rc = jn_rec_render(&pcm, &pairs, &rate, items, count, o, err);
    if (rc < 0)
        return rc;
    if (format == JN_REC_OGG_OPUS) {
        rc = jn_ogg_opus(&out, pcm, pairs, rate, (uint32_t)items[0].call);
    } else if (pairs > (UINT32_MAX - sizeof head) / 4) {
        rc = -EFBIG; /* a WAV file's lengths have 32 bits */
    } else {
        jn_wav_header(head, (uint32_t)pairs, rate);
        jn_buf_add(&out, head, sizeof head);
        jn_buf_add(&out, pcm, pairs * 4);
        rc = out.failed ? -ENOMEM : 0;
    }
    free(pcm);
    if (rc < 0) {
        jn_buf_free(&out);
        return jn_fail(err, rc, "the recording cannot be made into a file: %s", strerror(-rc));
    }
    *bytes = (uint8_t *)out.data;
    *n = out.len;
    return 0;
}

int jn_rec_export(const char *dir, uint64_t call, const char *path, const struct jn_rec_render_options *o,
                  enum jn_rec_format format, struct jn_err *err)
{
    struct jn_rec_item *items = NULL;
    uint8_t *bytes = NULL;
    size_t n;
    int rc = jn_rec_load(dir, call, &items, &n, NULL, err);

    if (rc == 0)
        rc = jn_rec_sound(&bytes, &n, items, n, o, format, err);
    free(items);
    if (rc < 0)
        return rc;
    int fd = jn_files->open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    rc = fd < 0 ? fd : jn_file_write(fd, bytes, n, 0);
    if (rc == 0)
        rc = jn_files->sync(fd);
    if (fd >= 0)
        jn_files->close(fd);
    free(bytes);
    return rc < 0 ? jn_fail(err, rc, "%s: %s", path, strerror(-rc)) : 0;
}
