/* Pages: see pages.h. */
#include "engine/base/pages.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LINE = 64, HUGE = 2 << 20 };

void *jn_untouched_pages(size_t bytes)
{
    size_t align = bytes >= HUGE ? HUGE : LINE;

    if (bytes > SIZE_MAX - HUGE)
        return NULL;
    bytes = (bytes + align - 1) & ~(align - 1);
    void *at = aligned_alloc(align, bytes ? bytes : align);
    if (!at)
        return NULL;
    if (align == HUGE)
        madvise(at, bytes, MADV_HUGEPAGE); /* an improvement where it is granted, and no error where it is not */
    return at;
}

void *jn_large_pages(size_t bytes)
{
    void *at = jn_untouched_pages(bytes);

    if (at)
        memset(at, 0, bytes);
    return at;
}
