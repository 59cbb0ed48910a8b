/* Pages: memory for large tables that are read at random: on huge pages where the kernel has some, so that a look-up is
 * not two misses (the translation's, then the data's). */
#ifndef JN_BASE_PAGES_H
#define JN_BASE_PAGES_H

#include <stddef.h>

/* Zeroed, aligned to a cache line at least; given back by free(). NULL: no memory. */
void *jn_large_pages(size_t bytes);
/* The same, but nothing is written: for pools whose pieces are taken one by one, and cost memory only then. */
void *jn_untouched_pages(size_t bytes);

#endif
