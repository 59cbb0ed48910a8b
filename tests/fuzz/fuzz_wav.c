/* LINK: jn_media */
/* Any bytes as a WAV file: read within bounds or refused with a reason. */
#include "media/tone/sounds.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jn_sounds s = {0};
    struct jn_err err = {{0}};
    int rc = jn_sounds_add_wav(&s, "sound", data, size, &err);

    if ((rc < 0) != (err.text[0] != 0) || (rc >= 0 && (s.n != 1 || s.at[0].n == 0 || s.at[0].n % 160 != 0)))
        abort();
    jn_sounds_free(&s);
    return 0;
}
