/* LINK: jn_api */
/* The JSON wrapper: whatever it takes is an object, array or value whose readers never fail. */
#include "engine/api/json.h"

static void walk(const struct jn_json *j, unsigned depth)
{
    if (depth > JN_JSON_DEPTH_MAX)
        __builtin_trap();
    for (size_t i = 0; i < jn_json_count(j); i++)
        walk(jn_json_at(j, i), depth + 1);
    const char *text = jn_json_text(j);
    if (text && text[jn_json_text_length(j)])
        __builtin_trap();
    jn_json_int(j, 0);
    jn_json_number(j, 0);
    jn_json_bool(j);
    if (jn_json_is_object(j)) {
        const char *stranger = jn_json_stranger(j, "tenant,text,key");
        if (stranger && !jn_json_get(j, stranger))
            __builtin_trap();
        walk(jn_json_get(j, "text"), depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct jn_err err = {""};
    struct jn_json *j = jn_json_parse((const char *)data, n, &err);
    if (!j && !err.text[0])
        __builtin_trap();
    if (j)
        walk(j, 0);
    jn_json_free(j);
    return 0;
}
