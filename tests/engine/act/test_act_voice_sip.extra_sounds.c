/* Finds a sound by name, as media/tone does: the test needs no more of it. */
#include "media/tone/sounds.h"
#include <string.h>
uint16_t jn_sounds_find(const struct jn_sounds *s, const char *name)
{
    for (uint16_t i = 0; i < s->n; i++)
        if (!strcmp(s->at[i].name, name))
            return i;
    return JN_SOUND_NONE;
}
