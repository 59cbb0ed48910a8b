/* Err: a reason in words beside an errno, for whoever has to act on it. */
#ifndef JN_BASE_ERR_H
#define JN_BASE_ERR_H

enum { JN_ERR_MAX = 512 };

struct jn_err {
    char text[JN_ERR_MAX];
};

/* Writes the reason into e (which may be NULL) and returns code, so that a caller can say
 * `return jn_fail(e, -EINVAL, "port %u is taken", port);`. Long text is cut, always terminated. */
int jn_fail(struct jn_err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
