/* Err: formatting of reasons. */
#include "engine/base/err.h"

#include <stdarg.h>
#include <stdio.h>

int jn_fail(struct jn_err *e, int code, const char *fmt, ...)
{
    va_list args;

    if (e) {
        va_start(args, fmt);
        vsnprintf(e->text, sizeof e->text, fmt, args);
        va_end(args);
    }
    return code;
}
