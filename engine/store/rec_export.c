/* Rec export: one call as a file of sound. */
#include "engine/store/recording_log.h"

#include "engine/store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

int jn_rec_export_wav(const char *dir, uint64_t call, const char *path, struct jn_err *err)
{
    struct jn_rec_item *items = NULL;
    int16_t *pcm = NULL;
    uint8_t head[44];
    size_t n, pairs = 0;
    int rc = jn_rec_load(dir, call, &items, &n, NULL, err);

    if (rc < 0)
        return rc;
    rc = jn_rec_render(&pcm, &pairs, items, n, err);
    free(items);
    if (rc < 0)
        return rc;
    jn_wav_header(head, (uint32_t)pairs);
    int fd = jn_files->open(path, O_RDWR | O_CREAT | O_TRUNC, 0640);
    rc = fd < 0 ? fd : jn_file_write(fd, head, sizeof head, 0);
    if (rc == 0)
        rc = jn_file_write(fd, pcm, pairs * 4, sizeof head);
    if (rc == 0)
        rc = jn_files->sync(fd);
    if (fd >= 0)
        jn_files->close(fd);
    free(pcm);
    return rc < 0 ? jn_fail(err, rc, "%s: %s", path, strerror(-rc)) : 0;
}
