/* Data format: see data_format.h. */
#include "engine/app/data_format.h"
#include "engine/app/engine.h"
#include "engine/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int jn_data_format_parse(const char *text, size_t n, uint64_t *version)
{
    char line[64];

    if (n < sizeof JN_DATA_MARK || n >= sizeof line || memcmp(text, JN_DATA_MARK, sizeof JN_DATA_MARK - 1) != 0)
        return -EBADMSG;
    memcpy(line, text, n);
    line[n] = 0;
    line[strcspn(line, "\n")] = 0;
    return jn_parse_u64(line + sizeof JN_DATA_MARK - 1, UINT32_MAX, version) < 0 || *version == 0 ? -EBADMSG : 0;
}

int jn_data_format_read(const char *dir, uint64_t *version, struct jn_err *err)
{
    char path[JN_PATH_MAX + 32];
    struct jn_buf text = {0};

    snprintf(path, sizeof path, "%s/format", dir);
    int rc = jn_read_file(path, 256, &text);
    if (rc == -ENOENT) {
        *version = 1; /* the first version wrote no such file */
        rc = 0;
    } else if (rc == 0) {
        rc = jn_data_format_parse(text.data ? text.data : "", text.len, version);
    }
    jn_buf_free(&text);
    if (rc < 0)
        return jn_fail(err, rc, "%s: %s; is this a data folder of Junctor?", path,
                       rc == -EBADMSG ? "it does not say a version" : strerror(-rc));
    if (*version > JN_DATA_FORMAT)
        return jn_fail(err, -EPROTO,
                       "%s was written by a newer version (data format %llu; this is junctor " JUNCTOR_VERSION
                       ", which knows up to %d); nothing was changed. Start the newer version, or restore a backup "
                       "that this one made",
                       dir, (unsigned long long)*version, JN_DATA_FORMAT);
    return 0;
}

int jn_data_format_claim(const char *dir, bool fresh, struct jn_err *err)
{
    char path[JN_PATH_MAX + 32], text[64];
    uint64_t version;
    int rc = jn_data_format_read(dir, &version, err);

    if (rc < 0)
        return rc;
    snprintf(path, sizeof path, "%s/format", dir);
    if (version == JN_DATA_FORMAT)
        return 0;
    if (!fresh)
        jn_info("app", "data folder of an earlier version is brought up to date: from=%llu to=%d",
                (unsigned long long)version, JN_DATA_FORMAT);
    int n = snprintf(text, sizeof text, JN_DATA_MARK "%d\n", JN_DATA_FORMAT);
    rc = jn_replace_file(path, text, (size_t)n, 0600);
    return rc < 0 ? jn_fail(err, rc, "%s: %s", path, strerror(-rc)) : 0;
}
