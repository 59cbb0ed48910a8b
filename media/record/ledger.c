/* Ledger: what is here, what is missing, counted item by item. */
#include "media/record/render.h"
#include <stdbool.h>

enum { TRACKS = JN_TRACK_N, WINDOW = 64, JUMP = 3000 };

static void frame(struct jn_rec_ledger *l, const struct jn_rec_item *it)
{
    unsigned t = it->track;
    uint64_t ahead = it->seq - l->run[t].high, back = l->run[t].high - it->seq;
    l->frames[t]++;
    bool follows = l->run[t].any && l->run[t].ssrc == it->ssrc && (ahead < JUMP || back < JUMP);
    if (!follows) { /* another source or another sequence: nothing is missing between the two */
        l->run[t].any = 1;
        l->run[t].ssrc = it->ssrc;
        l->run[t].base = l->run[t].high = it->seq;
        l->run[t].seen = 1;
    } else if (ahead != 0 && ahead < JUMP) {
        l->missing[t] += ahead - 1;
        l->run[t].high = it->seq;
        l->run[t].seen = ahead < WINDOW ? l->run[t].seen << ahead | 1 : 1;
    } else if (back < WINDOW && l->run[t].seen >> back & 1) {
        l->duplicates[t]++;
    } else { /* it came late and is missing no more; what came before the first never was */
        if (back < WINDOW)
            l->run[t].seen |= UINT64_C(1) << back;
        if (it->seq > l->run[t].base && l->missing[t] > 0)
            l->missing[t]--;
        else if (it->seq < l->run[t].base) {
            l->missing[t] += l->run[t].base - it->seq - 1;
            l->run[t].base = it->seq;
        }
    }
}

void jn_rec_ledger_add(struct jn_rec_ledger *l, const struct jn_rec_item *it)
{
    if (l->first_us == 0 || it->at_us < l->first_us)
        l->first_us = it->at_us;
    if (it->at_us > l->last_us)
        l->last_us = it->at_us;
    l->call = it->call;
    l->tenant = it->tenant;
    if (it->kind == JN_REC_FRAME && it->track < TRACKS) {
        frame(l, it);
    } else {
        l->events++;
        if (it->kind == JN_REC_EVENT && it->event == JN_RECEV_STOP) {
            l->stopped = 1;
            l->handed_over += it->arg;
        } else if (it->kind == JN_REC_EVENT && it->event == JN_RECEV_OVERFLOW) {
            l->overflow += it->arg;
        }
    }
    uint64_t here = 0;
    for (unsigned t = 0; t < TRACKS; t++)
        here += l->frames[t];
    l->complete = l->stopped && l->overflow == 0 && here == l->handed_over;
}
