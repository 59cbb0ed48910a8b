/* Str: bounded text: growable buffer, copies that always terminate, numbers, hex, base64, JSON escapes, constant-time
 * compare. */
#ifndef JN_BASE_STR_H
#define JN_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growable text buffer. Zero it to start; data is always terminated once something was added. When memory ends, or
 * max (0: no bound) is passed, failed becomes true and later additions do nothing. The owner frees it with jn_buf_free.
 */
struct jn_buf {
    char *data;
    size_t len, cap, max;
    bool failed;
};
void jn_buf_add(struct jn_buf *b, const void *bytes, size_t n);
void jn_buf_text(struct jn_buf *b, const char *text);
void jn_buf_printf(struct jn_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds text as a quoted JSON string; bytes that are not UTF-8 become U+FFFD. */
void jn_buf_json(struct jn_buf *b, const char *text, size_t n);
void jn_buf_clear(struct jn_buf *b);
void jn_buf_free(struct jn_buf *b);

/* Copies at most size-1 bytes and terminates. Returns false when text was cut. */
bool jn_copy(char *out, size_t size, const char *text);
bool jn_copy_n(char *out, size_t size, const char *text, size_t n);
/* Decimal without sign, spaces or leading plus, at most max. 0, -EINVAL or -ERANGE. */
int jn_parse_u64(const char *text, uint64_t max, uint64_t *out);
/* Lower-case hex; out holds 2n+1. */
void jn_hex(char *out, const void *bytes, size_t n);
/* Exactly n bytes from 2n hex digits. 0 or -EINVAL. */
int jn_unhex(void *out, size_t n, const char *hex);
/* Standard base64 with padding (RFC 4648 4). Encode returns the length written without the terminator (out holds
 * 4*((n+2)/3)+1); decode returns the bytes or -EINVAL. */
size_t jn_base64(char *out, const void *bytes, size_t n);
int jn_unbase64(void *out, size_t size, const char *text, size_t n);
/* True when the n bytes are equal; the time does not depend on where they differ. */
bool jn_equal_ct(const void *a, const void *b, size_t n);
/* Valid UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool jn_utf8_valid(const char *text, size_t n);
/* The nearest of n names to word by edit distance, NULL if none is within a third of its length, rounded up: for "did
 * you mean". */
const char *jn_nearest(const char *word, const char *const names[], size_t n);

#endif
