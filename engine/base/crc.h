/* Crc: CRC-32C (Castagnoli; RFC 3720 B.4), with the processor's instruction where there is one. */
#ifndef JN_BASE_CRC_H
#define JN_BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Continues from crc (0 to start). */
uint32_t jn_crc32c(uint32_t crc, const void *bytes, size_t n);
/* The same, and the bytes are copied to out, which does not overlap them. */
uint32_t jn_crc32c_copy(uint32_t crc, void *out, const void *bytes, size_t n);
/* The plain C twin, bit for bit the same. */
uint32_t jn_crc32c_plain(uint32_t crc, const void *bytes, size_t n);

#endif
