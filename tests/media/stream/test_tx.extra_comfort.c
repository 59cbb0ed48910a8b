/* Comfort noise to a peer that negotiated it: silence of a mix is one packet, and time goes on. */
#include "rig.h"

static struct party alone(struct rig *r, bool comfort)
{
    struct party a = rig_leg_open(r, 1);
    a.remote.cn_pt = 13;
    a.remote.comfort = comfort;
    rig_remote(r, &a);
    rig_room(r, 50);
    rig_join(r, 1, 50, JN_TRACK_CALLER);
    return a;
}

Test(tx, silence_is_one_packet_of_comfort_noise_until_somebody_is_heard)
{
    struct rig *r = rig_open();
    struct party a = alone(r, true);
    rig_run(r, 2000);
    unsigned n = rig_count(r, a.local, 0), noise = 0;
    cr_assert_lt(n, 20, "%u packets in 2 s", n);
    for (unsigned i = 0; i < n; i++) {
        struct sent *s = rig_sent(r, a.local, 0, i);
        noise += s->h.pt == 13;
        cr_assert(s->h.pt != 13 || (s->h.payload_len == 1 && s->data[JN_RTP_HEADER] == 127 && !s->h.marker));
    }
    cr_assert_eq(noise, 1);
    struct sent *last = rig_sent(r, a.local, 0, n - 1);
    cr_assert_eq(last->h.pt, 13, "it is the last one");
    unsigned from = r->sent_n;
    rig_play(r, 1, 50, 31, false, 0);
    rig_run(r, 100);
    struct sent *first = rig_sent(r, a.local, from, 0);
    cr_assert_not_null(first);
    cr_assert_eq(first->h.pt, 0);
    cr_assert(first->h.marker, "speech begins");
    cr_assert_eq(first->h.seq, (uint16_t)(last->h.seq + 1));
    uint32_t gone = (uint32_t)((first->at_ns - last->at_ns) / 125000);
    cr_assert(abs((int)(first->h.ts - last->h.ts - gone)) <= 160, "%u units of time, %u of sound", gone,
              first->h.ts - last->h.ts);
    cr_assert(!rig_sent(r, a.local, from, 1)->h.marker);
    rig_close(r);
}

/* Sound that ends in silence, and begins again. */
static void silence_in(uint8_t codec, uint8_t ptime_ms)
{
    struct rig *r = rig_open();
    struct party a = rig_leg_open(r, 1);
    unsigned units = 8u * ptime_ms, noise = 0, n = 0;
    uint32_t next_ts = 0;

    a.remote.codec = codec;
    a.remote.rtp_pt = codec == JN_CODEC_G722 ? 9 : codec == JN_CODEC_PCMA ? 8 : 0;
    a.remote.ptime_ms = ptime_ms;
    a.remote.cn_pt = 13;
    a.remote.comfort = true;
    rig_remote(r, &a);
    rig_room(r, 50);
    rig_join(r, 1, 50, JN_TRACK_CALLER);
    rig_run(r, 1000);
    unsigned from = r->sent_n;
    rig_play(r, 1, 50, 31, false, 0); /* 100 ms */
    rig_run(r, 2000);
    for (struct sent *s; (s = rig_sent(r, a.local, from, n)); n++) {
        cr_assert_eq(s->h.marker, n == 0, "codec %u, %u ms: packet %u", codec, ptime_ms, n);
        cr_assert(n == 0 || s->h.ts == next_ts, "codec %u, %u ms: packet %u at %u", codec, ptime_ms, n, s->h.ts);
        next_ts = s->h.ts + s->h.payload_len;
        cr_assert_eq(noise, 0, "codec %u, %u ms: nothing follows the noise", codec, ptime_ms);
        noise += s->h.pt == 13;
        if (s->h.pt == 13)
            cr_assert(s->h.payload_len == 1 && s->data[JN_RTP_HEADER] >= 60);
        else if (s->h.payload_len != units) /* only the last one of sound may be shorter */
            cr_assert(s->h.payload_len < units && rig_sent(r, a.local, from, n + 1)->h.pt == 13);
    }
    cr_assert_eq(noise, 1, "codec %u, %u ms", codec, ptime_ms);
    cr_assert(n * ptime_ms >= 280 && n * ptime_ms < 700, "codec %u, %u ms: %u packets", codec, ptime_ms, n);
    rig_close(r);
}

Test(tx, silence_is_comfort_noise_in_packets_of_any_length_and_in_g722)
{
    for (uint8_t ms = 10; ms <= 60; ms += 10) {
        silence_in(JN_CODEC_PCMU, ms);
        silence_in(JN_CODEC_PCMA, ms);
        silence_in(JN_CODEC_G722, ms);
    }
}

Test(tx, a_peer_that_has_not_negotiated_comfort_noise_is_sent_silence)
{
    struct rig *r = rig_open();
    struct party a = alone(r, false);
    rig_run(r, 2000);
    cr_assert_geq(rig_count(r, a.local, 0), 98);
    rig_close(r);
}
