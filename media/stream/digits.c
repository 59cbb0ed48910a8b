/* Digits: presses of a leg's keys, each told once: as telephone events, or, where the peer has none of these, as tones
 * in its G.711. */
#include "media/codec/g711.h"
#include "media/stream/state.h"
#include <string.h>

static void tell(struct jn_plane *p, const struct jn_leg *l, char c, uint16_t duration_ms)
{
    struct jn_fact f = {.kind = JN_FACT_DIGIT, .leg = l->id, .room = l->room};

    f.digit.digit = c;
    f.digit.duration_ms = duration_ms;
    jn_fact_send(p, &f);
}

void jn_digit_event(struct jn_plane *p, struct jn_leg *l, const struct jn_in *in)
{
    uint16_t duration;
    char c = jn_dtmf_take(&l->dtmf, in->ts, in->payload, in->len, &duration);

    if (c)
        tell(p, l, c, (uint16_t)(duration / (8 * l->scale)));
}

/* Frames in the order in which they come: a lost or late one costs a digit at worst. */
void jn_digit_sound(struct jn_plane *p, struct jn_leg *l, const struct jn_in *in)
{
    struct jn_inband *d = &p->inband[l - p->leg];
    int16_t pcm[JN_FRAME_MAX];

    jn_codec_decode((enum jn_codec_id)in->codec, pcm, in->payload, in->len);
    for (unsigned at = 0; at < in->len; at += JN_TICK_SAMPLES) {
        unsigned n = in->len - at < JN_TICK_SAMPLES ? in->len - at : JN_TICK_SAMPLES;
        char c = jn_inband_take(d, pcm + at, n);
        if (c)
            tell(p, l, c, 0);
    }
}

void jn_digit_listen(struct jn_plane *p, struct jn_leg *l, bool on)
{
    if (on && !(l->listen & JN_LISTEN_DIGITS))
        memset(&p->inband[l - p->leg], 0, sizeof *p->inband);
    l->listen = (uint8_t)((l->listen & ~JN_LISTEN_DIGITS) | (on ? JN_LISTEN_DIGITS : 0));
}
