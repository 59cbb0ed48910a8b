/* Impair: a network worse than the one at hand, for tests, the load generator and replays. What becomes of a packet is
 * a function of the seed and of the packet's number alone, in integers: the same each time, on every processor. Fates
 * know times only; the hold keeps the packets until they are due. No allocation, no clock. */
#ifndef JN_MEDIA_IMPAIR_H
#define JN_MEDIA_IMPAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How the delay over delay_us is spread; jitter_us scales it. */
enum jn_impair_spread {
    JN_IMPAIR_UNIFORM,     /* 0 .. jitter_us */
    JN_IMPAIR_NORMAL,      /* 0 .. jitter_us, bell-shaped around its middle, standard deviation a sixth of it */
    JN_IMPAIR_EXPONENTIAL, /* mean jitter_us, at most 12 times that */
    JN_IMPAIR_PARETO,      /* mean jitter_us, shape 2, a heavy tail: at most 50 times that */
    JN_IMPAIR_SPREADS
};

/* All 0: nothing is impaired. *_ppm: of 1,000,000 packets.
 * loss_ppm: lost, each by itself. Bursts (Gilbert 1960, Elliott 1963): burst_ppm of all packets fall into a bad time,
 * which lasts burst_len_x100 / 100 packets on average (100 and more) and loses burst_loss_ppm of them (0 stands for
 * all). overtake: the delay of each packet is its own, so that jitter changes their order; otherwise what was sent
 * later arrives later, as through a queue. reorder_ppm: these wait reorder_us longer, and others overtake them in any
 * case. duplicate_ppm: these come twice, the second duplicate_us later. spike_ms, spike_every_ms: at that interval the
 * way stands still for so long, then everything comes at once. drift_ppm: the sender's clock is that much slow (packets
 * come ever later) or, negative, fast: a packet may then be due before it was sent, which a simulation can do and a
 * live sender does by its own clock. */
struct jn_impair_config {
    uint32_t loss_ppm, burst_ppm, burst_len_x100, burst_loss_ppm;
    uint32_t delay_us, jitter_us;
    uint32_t reorder_ppm, reorder_us, duplicate_ppm, duplicate_us;
    uint32_t spike_ms, spike_every_ms;
    int32_t drift_ppm;
    uint8_t spread; /* enum jn_impair_spread */
    bool overtake;
    uint64_t seed;
};
/* sent = passed + lost + lost_in_burst; the copies come on top. */
struct jn_impair_counts {
    uint64_t sent, passed, lost, lost_in_burst, duplicated, delayed_apart;
};
/* One direction of one stream. Fields are impair.c's, counts are for everybody. */
struct jn_impair {
    const struct jn_impair_config *c;
    uint64_t seed, first_ns, last_due_ns;
    bool bad;
    struct jn_impair_counts counts;
};
/* Borrows c. stream: tells the streams of one seed apart; the same number gives the same fates. */
void jn_impair_begin(struct jn_impair *m, const struct jn_impair_config *c, uint64_t stream);
/* The next packet of the stream, sent at sent_ns (never going back): how many copies arrive, 0 to 2, and when. */
unsigned jn_impair_fate(struct jn_impair *m, uint64_t sent_ns, uint64_t due_ns[static 2]);

/* Packets under way, of any number of streams. Memory is the caller's, 64-aligned, jn_impair_hold_bytes() of it. */
struct jn_impair_hold;
struct jn_impair_packet {
    uint64_t due_ns, stream;
    uint16_t len;
    uint8_t *data; /* good until the next put or take; may be changed */
};
size_t jn_impair_hold_bytes(uint32_t packets, uint16_t bytes_max);
struct jn_impair_hold *jn_impair_hold_init(void *memory, uint32_t packets, uint16_t bytes_max);
/* Sends a packet on its way: its fate is drawn from m, the copies that will arrive are kept. stream: what take gives
 * back. 0, -EMSGSIZE, or -ENOSPC where not every copy found room: those are counted as refused. */
int jn_impair_put(struct jn_impair_hold *h, struct jn_impair *m, uint64_t stream, const void *data, uint16_t len,
                  uint64_t sent_ns);
/* The next packet that is due at now_ns, by due time, equals in the order they were put. */
bool jn_impair_take(struct jn_impair_hold *h, struct jn_impair_packet *out, uint64_t now_ns);
/* When the next one is due; UINT64_MAX: none waits. */
uint64_t jn_impair_next_ns(const struct jn_impair_hold *h);
uint64_t jn_impair_refused(const struct jn_impair_hold *h);

/* Reads a description, overwriting only what it names: a profile's name first, if wanted, then comma-separated
 *   loss=2%  burst=3%:8 or burst=3%:8:80%  delay=40ms  jitter=30ms or 30ms:uniform|normal|exponential|pareto  overtake
 *   reorder=1%:30ms  duplicate=0.5%:5ms  spike=200ms:10s  drift=-200ppm  seed=7
 * Times in us, ms or s, shares in % or ppm. 0, or -EINVAL with the reason in why. */
int jn_impair_parse(struct jn_impair_config *c, const char *text, char *why, size_t why_size);
/* The named profiles, for tables and help: NULL past the last. */
const char *jn_impair_profile(unsigned i, struct jn_impair_config *c);

#endif
