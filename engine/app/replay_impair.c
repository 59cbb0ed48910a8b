/* Replay, impaired: one line for each pair of ports, all of one seed, and one hold for the packets of all of them. */
#include "engine/app/replay_impair.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { HELD = 8192, HEAD = sizeof(struct jn_addr), BYTES = JN_PKT_MTU + HEAD };

struct jn_replay_impair {
    const struct jn_impair_config *c;
    struct jn_impair *line;
    uint32_t lines;
    struct jn_impair_hold *hold;
    struct jn_impair_counts before; /* of flows whose ports others have now */
    struct jn_pkt pkt;
};

static void add(struct jn_impair_counts *to, const struct jn_impair_counts *c)
{
    to->sent += c->sent;
    to->passed += c->passed;
    to->lost += c->lost;
    to->lost_in_burst += c->lost_in_burst;
    to->duplicated += c->duplicated;
    to->delayed_apart += c->delayed_apart;
}

int jn_replay_impair_open(struct jn_replay_impair **out, const struct jn_impair_config *c, uint32_t locals)
{
    struct jn_replay_impair *m = calloc(1, sizeof *m);
    void *memory = m ? aligned_alloc(64, jn_impair_hold_bytes(HELD, BYTES)) : NULL;

    if (memory)
        m->line = calloc(locals / 2 + 1, sizeof *m->line);
    if (!m || !m->line) {
        free(memory);
        free(m);
        return -ENOMEM;
    }
    m->c = c;
    m->lines = locals / 2 + 1;
    m->hold = jn_impair_hold_init(memory, HELD, BYTES);
    *out = m;
    return 0;
}

void jn_replay_impair_begin(struct jn_replay_impair *m, uint32_t local, unsigned flow)
{
    add(&m->before, &m->line[local / 2].counts);
    jn_impair_begin(&m->line[local / 2], m->c, flow);
}

unsigned jn_replay_impair_put(struct jn_replay_impair *m, struct jn_pkt *pk[], unsigned n, uint64_t now_ns)
{
    uint8_t bytes[BYTES];
    unsigned rest = 0;

    for (unsigned i = 0; i < n; i++) {
        uint32_t local = pk[i]->local;
        if (local % 2 != 0 || local / 2 >= m->lines || !m->line[local / 2].c || pk[i]->len > JN_PKT_MTU) {
            pk[rest++] = pk[i];
            continue;
        }
        memcpy(bytes, &pk[i]->from, HEAD);
        memcpy(bytes + HEAD, pk[i]->data, pk[i]->len);
        jn_impair_put(m->hold, &m->line[local / 2], local, bytes, (uint16_t)(HEAD + pk[i]->len), now_ns);
    }
    return rest;
}

struct jn_pkt *jn_replay_impair_take(struct jn_replay_impair *m, uint64_t now_ns)
{
    struct jn_impair_packet p;

    if (!jn_impair_take(m->hold, &p, now_ns))
        return NULL;
    m->pkt = (struct jn_pkt){.data = p.data + HEAD,
                             .len = (uint16_t)(p.len - HEAD),
                             .cap = JN_PKT_MTU,
                             .stream = JN_PKT_NO_STREAM,
                             .at_ns = now_ns};
    m->pkt.local = (__typeof__(m->pkt.local))p.stream;
    memcpy(&m->pkt.from, p.data, HEAD);
    return &m->pkt;
}

uint64_t jn_replay_impair_next_ns(const struct jn_replay_impair *m)
{
    return jn_impair_next_ns(m->hold);
}

void jn_replay_impair_counts(const struct jn_replay_impair *m, struct jn_impair_counts *out, uint64_t *refused)
{
    *out = m->before;
    for (uint32_t i = 0; i < m->lines; i++)
        add(out, &m->line[i].counts);
    *refused = jn_impair_refused(m->hold);
}

void jn_replay_impair_close(struct jn_replay_impair *m)
{
    if (!m)
        return;
    free(m->hold);
    free(m->line);
    free(m);
}
