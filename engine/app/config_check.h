/* Config check: fields of a mapping by table: what they are called, what they hold, what is allowed. Every mistake is
 * told and checking goes on. */
#ifndef JN_ENGINE_CONFIG_CHECK_H
#define JN_ENGINE_CONFIG_CHECK_H

#include "engine/app/config_yaml.h"
#include "media/sdp/sdp.h"
#include <stddef.h>

enum { JN_CHECK_PATH = 160 };

/* One file being checked. */
struct jn_check {
    const char *file;
    struct jn_problems *problems;
};

enum jn_field_kind {
    JN_FIELD_OTHER,  /* the caller looks at it: only its key is known here */
    JN_FIELD_TEXT,   /* char[size], no control characters */
    JN_FIELD_NAME,   /* TEXT that is not empty, without '/' and outer blanks */
    JN_FIELD_USER,   /* digits, letters and + * # _ . -: what a phone can dial or a SIP user be */
    JN_FIELD_HOST,   /* a literal address */
    JN_FIELD_DOMAIN, /* host name letters */
    JN_FIELD_SOUND,  /* a sound's name: relative, no "..", without ending */
    JN_FIELD_BOOL,   /* true or false */
    JN_FIELD_UINT,   /* whole number from min to max, in size bytes */
    JN_FIELD_MS,     /* duration with unit, stored in ms; min and max in ms */
    JN_FIELD_S,      /* duration with unit, stored in whole seconds; min and max in ms */
    JN_FIELD_ENUM,   /* one of names; stored as its index + min, in size bytes */
};
struct jn_field {
    const char *name;
    enum jn_field_kind kind;
    size_t offset, size;
    uint64_t min, max;
    const char *const *names; /* ENUM: max of them */
    bool required;
};
#define JN_FIELD(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)

/* Fills out's fields that are there. Unknown keys, missing and wrong values are problems; what was wrong keeps out's
 * value. node may be NULL (nothing given). Returns how many problems it found. */
unsigned jn_check_fields(struct jn_check *c, const struct jn_yaml *node, const char *path, const struct jn_field *f,
                         size_t n, void *out);
/* One value alone, without its key. False when it was wrong. */
bool jn_check_value(struct jn_check *c, const struct jn_yaml *node, const char *path, const struct jn_field *f,
                    void *out);
/* True when node is of that kind; tells the problem otherwise. */
bool jn_check_kind(struct jn_check *c, const struct jn_yaml *node, const char *path, enum jn_yaml_kind kind);
/* ` "bilingg" is not defined; did you mean "billing"?` */
void jn_check_undefined(struct jn_check *c, unsigned line, const char *path, const char *word,
                        const char *const names[], size_t n);
/* "a" and "b" to "a.b"; "a" and index 2 to "a[2]". */
void jn_path_member(char out[static JN_CHECK_PATH], const char *path, const char *key);
void jn_path_item(char out[static JN_CHECK_PATH], const char *path, unsigned index);
/* config_origins.c: the list api.origins; NULL: nothing given. */
void jn_check_origins(struct jn_check *c, struct jn_config *out, const struct jn_yaml *list);
/* config_interfaces.c: media.interfaces. */
void jn_config_interfaces(struct jn_check *c, struct jn_config *out, const struct jn_yaml *media);
/* media.dpdk, and what must hold around it (config_media.c). */
void jn_config_media(struct jn_check *c, struct jn_config *out, const struct jn_yaml *root);
/* config_browser.c: media.browser. */
void jn_config_browser(struct jn_check *c, struct jn_config *out, const struct jn_yaml *at);
/* media.codecs, media.opus and media.srtp_suites (config_codecs.c). */
void jn_config_codecs(struct jn_check *c, struct jn_sdp_codecs *out, const struct jn_yaml *media);
/* "02:00:5e:10:00:01", of one station. False: it is none. */
bool jn_mac_parse(uint8_t mac[static 6], const char *text);

#endif
