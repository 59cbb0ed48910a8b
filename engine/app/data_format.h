/* Data format: one number for the whole data folder, looked at before anything in it is touched, so that an older
 * program cannot half-open what a newer one wrote. Files below it keep versions of their own. */
#ifndef JN_ENGINE_DATA_FORMAT_H
#define JN_ENGINE_DATA_FORMAT_H

#include "engine/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Counts up whenever an older program must not open the folder any more. 1: journal, messages, recordings, schema 2.
 * 3: recordings in chunks, with an index. */
enum { JN_DATA_FORMAT = 3 };
#define JN_DATA_MARK "junctor data "

/* "junctor data N\n", N from 1. 0 or -EBADMSG. */
int jn_data_format_parse(const char *text, size_t n, uint64_t *version);
/* The folder's version. 0; -EPROTO with the reason when it is newer than this program; -EBADMSG or another -errno. */
int jn_data_format_read(const char *dir, uint64_t *version, struct jn_err *err);
/* The same check; then marks the folder as this program's. Before anything else in it is changed. */
int jn_data_format_claim(const char *dir, bool fresh, struct jn_err *err);

#endif
