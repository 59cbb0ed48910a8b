/* Sum: the ones' complement sum of the Internet's headers. */
#ifndef JN_BASE_SUM_H
#define JN_BASE_SUM_H

#include <stddef.h>
#include <stdint.h>

/* RFC 1071 over n bytes, added to sum; not folded to 16 bits. */
uint64_t jn_sum(uint64_t sum, const uint8_t *bytes, size_t n);

#endif
