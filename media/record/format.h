/* Format: recording items as bytes of a segment, and back. Record: magic 'R', version, length, CRC-32C over the rest,
 * then the fields, little-endian. Reading survives a torn tail and finds the next good record after damage. */
#ifndef JN_MEDIA_RECORD_FORMAT_H
#define JN_MEDIA_RECORD_FORMAT_H

#include "media/record/item.h"
#include <stddef.h>

enum { JN_REC_BYTES_MAX = 640 };
/* Returns the length written to out (JN_REC_BYTES_MAX). */
size_t jn_rec_encode(uint8_t *out, const struct jn_rec_item *it);
/* Bytes used (> 0), 0 when more bytes are needed, -EBADMSG when this is no good record (skip one byte and try again).
 * At the end of a file 0 means a torn record, or a damaged length: skip one byte there too, good records may follow. */
int jn_rec_decode(struct jn_rec_item *it, const uint8_t *bytes, size_t n);

#endif
