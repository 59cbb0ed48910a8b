/* Json: reading JSON from outside: bounded in size and depth, duplicate keys refused, strings always UTF-8 without NUL.
 * Writing is jn_buf's work. Sole user of jansson. */
#ifndef JN_ENGINE_API_JSON_H
#define JN_ENGINE_API_JSON_H

#include "engine/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JN_JSON_DEPTH_MAX = 16 };

struct jn_json; /* a value; the root owns all below */

/* One value and nothing behind it. NULL with the reason (line and column). The caller frees the root. */
struct jn_json *jn_json_parse(const char *text, size_t n, struct jn_err *why);
void jn_json_free(struct jn_json *j);
/* All readers take NULL and values of other types, and then give the fallback. */
bool jn_json_is_object(const struct jn_json *j);
const struct jn_json *jn_json_get(const struct jn_json *object, const char *key);
size_t jn_json_count(const struct jn_json *array);
const struct jn_json *jn_json_at(const struct jn_json *array, size_t i);
const char *jn_json_text(const struct jn_json *j); /* NULL: not a string */
size_t jn_json_text_length(const struct jn_json *j);
/* Whole numbers up to 2^53 either way; all numbers are read as doubles, as JavaScript does. */
int64_t jn_json_int(const struct jn_json *j, int64_t fallback);
double jn_json_number(const struct jn_json *j, double fallback);
/* True or false; -1 when it is neither. */
int jn_json_bool(const struct jn_json *j);
/* The first key of object that is not among the comma-separated names, NULL if all are known. */
const char *jn_json_stranger(const struct jn_json *object, const char *names);

#endif
