/* Log: one line an event for operators: time, level, module, text with key=value pairs. Never on the packet path; never
 * a secret, a message body or key. Lines go to standard error, or to a file, by one write each. */
#ifndef JN_BASE_LOG_H
#define JN_BASE_LOG_H

enum jn_log_level { JN_LOG_ERROR, JN_LOG_WARN, JN_LOG_INFO, JN_LOG_DEBUG };

/* Lines above level are skipped. Any thread, any time. */
void jn_log_level_set(enum jn_log_level level);
enum jn_log_level jn_log_level_get(void);
/* One module's own level beside the general one (at most JN_LOG_MODULES of them, names up to 15 bytes). One thread
 * sets; any may log meanwhile. 0, -EINVAL for a bad name, -ENOSPC. */
enum { JN_LOG_MODULES = 16 };
int jn_log_module_set(const char *module, enum jn_log_level level);
/* Every module follows the general level again. The same thread. */
void jn_log_modules_clear(void);
/* "error", "warn", "info", "debug"; -EINVAL otherwise. */
int jn_log_level_parse(const char *name, enum jn_log_level *out);
const char *jn_log_level_name(enum jn_log_level level);
/* Appends to path from now on (NULL: standard error). 0 or -errno. Call before threads start. */
int jn_log_open(const char *path);
/* The file of jn_log_open once more by its name, after it was rotated away. Any time: lines go to the old file or to
 * the new one. 0 or -errno (then the old one goes on). Nothing when there is no file. */
int jn_log_reopen(void);
/* Control characters in the text are escaped, so that outside bytes cannot forge a line. */
void jn_log(enum jn_log_level level, const char *module, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#define jn_error(module, ...) jn_log(JN_LOG_ERROR, module, __VA_ARGS__)
#define jn_warn(module, ...)  jn_log(JN_LOG_WARN, module, __VA_ARGS__)
#define jn_info(module, ...)  jn_log(JN_LOG_INFO, module, __VA_ARGS__)
#define jn_debug(module, ...) jn_log(JN_LOG_DEBUG, module, __VA_ARGS__)

#endif
