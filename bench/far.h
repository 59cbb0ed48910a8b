/* Far: the far ends of many participants on the wire, at real pace: packets made beforehand (only sequence, time and
 * checksum are touched), sent one after another all over the 20 ms, what comes back judged one by one: nothing missing
 * in sequence or time, and in each the sum of what the others of the call said. One thread. */
#ifndef JN_BENCH_FAR_H
#define JN_BENCH_FAR_H

#include "bench/wire.h"
#include "engine/base/clock.h"
#include "engine/base/rand.h"
#include "media/codec/g711.h"
#include "media/rtp/rtp.h"

enum {
    FAR_BURST = 32,
    FAR_PERIOD_NS = 20000000,
    FAR_LATE_US = 50000,
    FAR_IP_TO = 30,
    FAR_UDP_SUM = 40,
    FAR_RTP = 42,
    FAR_HEARD = FAR_RTP + 12 + 80
};

/* How late things were, to the microsecond; the last one is all that were later. */
struct far_late {
    uint64_t n, at[FAR_LATE_US + 1];
};

struct far_leg {
    uint8_t frame[WIRE_FRAME];
    uint8_t heard; /* each byte of what it must hear */
    bool known;    /* seq and ts are those of the last packet that it got */
    uint16_t seq;
    uint32_t ts, sum, got; /* sum: of the datagram without sequence and time */
};

struct far {
    const struct wire *w;
    struct far_leg *leg;
    uint32_t *order, legs, period;
    uint64_t offered, got; /* packets */
    /* ring_full: the engine did not take it; no_buffer: too much under way; missing: 20 ms without a packet, or one out
     * of order; wrong: holds something else than what the others said */
    uint64_t ring_full, no_buffer, missing, wrong;
    struct far_late late;
    /* Called in between, for what else is to be done on this core. */
    void (*meanwhile)(void *arg);
    void *arg;
};

static inline void far_late_add(struct far_late *l, uint64_t ns, uint64_t n)
{
    uint64_t us = ns / 1000;

    l->at[us < FAR_LATE_US ? us : FAR_LATE_US] += n;
    l->n += n;
}

/* The time in us that `share` of them were not later than. */
static inline unsigned far_late_at(const struct far_late *l, double share)
{
    uint64_t sum = 0, want = (uint64_t)((double)l->n * share);
    unsigned i = 0;

    for (; i < FAR_LATE_US && (sum += l->at[i]) < want; i++)
        continue;
    return i + 1;
}

/* What member m of every call says: one loudness the whole time, each its own. */
static inline uint8_t far_says(uint32_t leg, bool alaw)
{
    int16_t pcm[160];
    uint8_t coded[160];

    for (unsigned i = 0; i < 160; i++)
        pcm[i] = (int16_t)(500 + leg * 37 % 61 * 100);
    if (alaw)
        jn_g711_plain.encode_alaw(coded, pcm, 160);
    else
        jn_g711_plain.encode_ulaw(coded, pcm, 160);
    return coded[0];
}

static inline bool far_alaw(uint32_t leg)
{
    return leg % 3 == 1;
}

/* The others of its call of three, decoded, added, encoded. */
static inline uint8_t far_hears(uint32_t leg)
{
    int16_t sum[160] = {0}, pcm[160];
    uint8_t coded[160];

    for (uint32_t other = leg - leg % 3; other < leg - leg % 3 + 3; other++) {
        if (other == leg)
            continue;
        memset(coded, far_says(other, far_alaw(other)), sizeof coded);
        if (far_alaw(other))
            jn_g711_plain.decode_alaw(pcm, coded, 160);
        else
            jn_g711_plain.decode_ulaw(pcm, coded, 160);
        for (unsigned i = 0; i < 160; i++)
            sum[i] = (int16_t)(sum[i] + pcm[i]);
    }
    if (far_alaw(leg))
        jn_g711_plain.encode_alaw(coded, sum, 160);
    else
        jn_g711_plain.encode_ulaw(coded, sum, 160);
    return coded[0];
}

/* local[i]: where leg i sends to. */
static inline void far_init(struct far *f, const struct wire *w, const struct jn_addr *local, uint32_t legs)
{
    uint64_t seed = 11;

    f->w = w;
    f->legs = legs;
    f->leg = calloc(legs, sizeof *f->leg);
    f->order = calloc(legs, sizeof *f->order);
    if (!f->leg || !f->order)
        plane_die("no memory");
    for (uint32_t i = 0; i < legs; i++) {
        struct far_leg *l = &f->leg[i];
        struct jn_rtp h = {.ssrc = i + 1, .pt = far_alaw(i) ? 8 : 0};
        jn_rtp_build(l->frame + FAR_RTP, &h);
        memset(l->frame + FAR_RTP + 12, far_says(i, far_alaw(i)), 160);
        wire_put(w, i, &local[i], l->frame + FAR_RTP);
        l->sum = (uint16_t) ~(l->frame[FAR_UDP_SUM] << 8 | l->frame[FAR_UDP_SUM + 1]);
        l->heard = far_hears(i);
        f->order[i] = i;
    }
    for (uint32_t i = legs - 1; i > 0; i--) {
        uint32_t k = (uint32_t)(jn_splitmix(&seed) % (i + 1)), was = f->order[i];
        f->order[i] = f->order[k];
        f->order[k] = was;
    }
}

static inline void far_free(struct far *f)
{
    free(f->leg);
    free(f->order);
}

static inline void far_put16(uint8_t *at, uint32_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

/* The leg's packet of this period, into m. RFC 1624: the checksum is added to, not made again. */
static inline void far_make(struct far *f, struct far_leg *l, uint8_t *frame)
{
    uint32_t ts = f->period * 160, sum = l->sum + (uint16_t)f->period + (ts >> 16) + (ts & 0xffff);

    memcpy(frame, l->frame, WIRE_FRAME);
    far_put16(frame + FAR_RTP + 2, f->period);
    far_put16(frame + FAR_RTP + 4, ts >> 16);
    far_put16(frame + FAR_RTP + 6, ts);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    far_put16(frame + FAR_UDP_SUM, sum == 0xffff ? sum : ~sum);
}

static inline void far_judge(struct far *f, const uint8_t *frame)
{
    uint32_t i = (uint32_t)frame[FAR_IP_TO + 2] << 8 | frame[FAR_IP_TO + 3];
    const uint8_t *rtp = frame + FAR_RTP;
    uint16_t seq = (uint16_t)(rtp[2] << 8 | rtp[3]);
    uint32_t ts = (uint32_t)rtp[4] << 24 | (uint32_t)rtp[5] << 16 | (uint32_t)rtp[6] << 8 | rtp[7];

    if (i >= f->legs) {
        f->wrong++;
        return;
    }
    struct far_leg *l = &f->leg[i];
    if (l->known && (seq != (uint16_t)(l->seq + 1) || ts != l->ts + 160))
        f->missing++;
    f->wrong += frame[FAR_HEARD] != l->heard;
    l->known = true;
    l->seq = seq;
    l->ts = ts;
    l->got++;
}

/* Takes what came back; returns how many frames. judged: it is looked at. RTCP has other lengths. */
static inline unsigned far_receive(struct far *f, bool judged)
{
    struct rte_mbuf *m[FAR_BURST];
    uint16_t n = rte_eth_rx_burst(f->w->peer, 0, m, FAR_BURST);

    for (uint16_t i = 0; i < n; i++)
        __builtin_prefetch(rte_pktmbuf_mtod(m[i], const uint8_t *) + FAR_IP_TO);
    for (uint16_t i = 0; i < n; i++) {
        const uint8_t *frame = rte_pktmbuf_mtod(m[i], const uint8_t *);
        if (m[i]->data_len != WIRE_FRAME)
            continue;
        f->got++;
        if (judged)
            far_judge(f, frame);
    }
    rte_pktmbuf_free_bulk(m, n);
    return n;
}

/* n packets from number k of this stretch on. */
static inline void far_send(struct far *f, uint64_t k, unsigned n)
{
    struct rte_mbuf *m[FAR_BURST];

    if (rte_pktmbuf_alloc_bulk(f->w->pool, m, n) < 0) {
        f->no_buffer += n;
        return;
    }
    for (unsigned i = 0; i < n; i++)
        __builtin_prefetch(f->leg[f->order[(k + i) % f->legs]].frame);
    for (unsigned i = 0; i < n; i++) {
        uint8_t *at = (uint8_t *)rte_pktmbuf_append(m[i], WIRE_FRAME);
        far_make(f, &f->leg[f->order[(k + i) % f->legs]], at);
        if ((k + i + 1) % f->legs == 0)
            f->period++;
    }
    uint16_t sent = rte_eth_tx_burst(f->w->peer, 0, m, (uint16_t)n);
    f->offered += n;
    f->ring_full += n - sent;
    if (sent < n)
        rte_pktmbuf_free_bulk(m + sent, n - sent);
}

/* Everybody speaks for so many periods, at real pace. judged: what comes back and how late packets leave is noted. */
static inline void far_speak(struct far *f, uint32_t periods, bool judged)
{
    uint64_t begin = jn_mono_ns(), total = (uint64_t)periods * f->legs, k = 0, told = 0;

    while (k < total) {
        uint64_t now = jn_mono_ns(), due = (uint64_t)((double)(now - begin) * f->legs / FAR_PERIOD_NS);
        unsigned n = 0;
        if (due > total)
            due = total;
        if (k < due) {
            n = due - k < FAR_BURST ? (unsigned)(due - k) : FAR_BURST;
            if (judged)
                far_late_add(&f->late, now - begin - (uint64_t)((double)k * FAR_PERIOD_NS / f->legs), n);
            far_send(f, k, n);
            k += n;
        }
        if (far_receive(f, judged) < FAR_BURST)
            f->meanwhile(f->arg);
        if (now - told > UINT64_C(1000000000)) {
            told = now;
            wire_tell_address(f->w);
        }
    }
}

/* Nobody speaks; what still comes is taken. */
static inline void far_listen(struct far *f, uint64_t ns, bool judged)
{
    for (uint64_t end = jn_mono_ns() + ns; jn_mono_ns() < end;) {
        f->meanwhile(f->arg);
        if (far_receive(f, judged) == 0)
            usleep(100);
    }
}

#endif
