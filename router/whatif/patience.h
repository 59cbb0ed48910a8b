/* Patience: how long customers would wait, by Kaplan-Meier. Who was answered had at least as much patience as it waited
 * (right-censored); who left had exactly that much. */
#ifndef JN_ROUTER_PATIENCE_H
#define JN_ROUTER_PATIENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jn_patience_seen {
    uint64_t us;
    bool left;
};
/* Survival after each moment at which somebody left; behind the last one the day's mean rate of leaving goes on. */
struct jn_patience {
    struct jn_patience_step {
        uint64_t us;
        double still; /* share with more patience than that */
    } * step;
    size_t n;
    double tail_us; /* waited in all / left; 0: nobody left, patience is endless */
};
/* Sorts seen. 0 or -ENOMEM. */
int jn_patience_fit(struct jn_patience *p, struct jn_patience_seen *seen, size_t n);
void jn_patience_free(struct jn_patience *p);
/* One customer's patience; UINT64_MAX when endless. */
uint64_t jn_patience_draw(const struct jn_patience *p, uint64_t *seed);

#endif
