/* Rec export: one call's items as a file of sound. */
#ifndef JN_ENGINE_REC_EXPORT_H
#define JN_ENGINE_REC_EXPORT_H

#include "engine/store/recording_log.h"

enum jn_rec_format { JN_REC_WAV, JN_REC_OGG_OPUS };
/* *bytes: malloc'ed, the caller frees. 0 or -errno with the reason. */
int jn_rec_sound(uint8_t **bytes, size_t *n, const struct jn_rec_item *items, size_t count,
                 const struct jn_rec_render_options *o, enum jn_rec_format format, struct jn_err *err);
/* The same to a file, which only its owner may read. */
int jn_rec_export(const char *dir, uint64_t call, const char *path, const struct jn_rec_render_options *o,
                  enum jn_rec_format format, struct jn_err *err);

#endif
