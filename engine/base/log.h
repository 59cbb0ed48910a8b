/* Log: one line an event for operators: time, level, module, text with key=value pairs. Never on the packet path; never
 * a secret, a message body or key. Lines go to standard error, or to a file, by one write each. */
#ifndef JN_BASE_LOG_H
#define JN_BASE_LOG_H

enum jn_log_level { JN_LOG_ERROR, JN_LOG_WARN, JN_LOG_INFO, JN_LOG_DEBUG };

/* Lines above level are skipped. Any thread, any time. */
void jn_log_level_set(enum jn_log_level level);
/* "error", "warn", "info", "debug"; -EINVAL otherwise. */
int jn_log_level_parse(const char *name, enum jn_log_level *out);
/* Appends to path from now on (NULL: standard error). 0 or -errno. Call before threads start. */
int jn_log_open(const char *path);
/* Control characters in the text are escaped, so that outside bytes cannot forge a line. */
void jn_log(enum jn_log_level level, const char *module, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#define jn_error(module, ...) jn_log(JN_LOG_ERROR, module, __VA_ARGS__)
#define jn_warn(module, ...)  jn_log(JN_LOG_WARN, module, __VA_ARGS__)
#define jn_info(module, ...)  jn_log(JN_LOG_INFO, module, __VA_ARGS__)
#define jn_debug(module, ...) jn_log(JN_LOG_DEBUG, module, __VA_ARGS__)

#endif
