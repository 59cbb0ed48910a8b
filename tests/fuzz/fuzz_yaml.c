/* LINK: jn_app */
/* Any bytes as a centre's and as a machine's YAML: refused with a reason, or taken. Patterns are fuzz_classify's. */
#include "engine/app/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jn_problems p = {0};
    struct jn_directory *dir;
    struct jn_config c;
    struct jn_buf json = {0};
    int rc = jn_centre_parse(&dir, NULL, "f", (const char *)data, size, &p);

    if ((rc == 0) != (p.count == 0) || (rc == 0) != (dir != NULL))
        abort();
    if (!rc)
        jn_centre_difference(NULL, dir, &json);
    jn_directory_unref(dir);
    jn_buf_free(&json);
    jn_problems_free(&p);
    rc = jn_config_parse(&c, "f", (const char *)data, size, &p);
    if ((rc == 0) != (p.count == 0))
        abort();
    jn_problems_free(&p);
    return 0;
}
