/* Ledger: what is here, what is missing, counted item by item. */
#include "media/record/chunk.h"
#include "media/record/render.h"
#include <stdbool.h>

enum { TRACKS = JN_TRACK_N, WINDOW = 64, JUMP = 3000 };

static void frame(struct jn_rec_ledger *l, unsigned t, uint64_t seq, uint32_t ssrc)
{
    uint64_t ahead = seq - l->run[t].high, back = l->run[t].high - seq;
    bool follows = l->run[t].any && l->run[t].ssrc == ssrc && (ahead < JUMP || back < JUMP);
    if (!follows) { /* another source or another sequence: nothing is missing between the two */
        l->run[t].any = 1;
        l->run[t].ssrc = ssrc;
        l->run[t].base = l->run[t].high = seq;
        l->run[t].seen = 1;
    } else if (ahead != 0 && ahead < JUMP) {
        l->missing[t] += ahead - 1;
        l->run[t].high = seq;
        l->run[t].seen = ahead < WINDOW ? l->run[t].seen << ahead | 1 : 1;
    } else if (back < WINDOW && l->run[t].seen >> back & 1) {
        l->duplicates[t]++;
    } else { /* it came late and is missing no more; what came before the first never was */
        if (back < WINDOW)
            l->run[t].seen |= UINT64_C(1) << back;
        if (seq > l->run[t].base && l->missing[t] > 0)
            l->missing[t]--;
        else if (seq < l->run[t].base) {
            l->missing[t] += l->run[t].base - seq - 1;
            l->run[t].base = seq;
        }
    }
}

static void event(struct jn_rec_ledger *l, uint8_t what, uint64_t arg)
{
    if (what == JN_RECEV_STOP) {
        l->stopped = 1;
        l->handed_over += arg;
    } else if (what == JN_RECEV_OVERFLOW) {
        l->overflow += arg;
    }
}

static void seen_at(struct jn_rec_ledger *l, uint64_t at_us)
{
    if (l->first_us == 0 || at_us < l->first_us)
        l->first_us = at_us;
    if (at_us > l->last_us)
        l->last_us = at_us;
}

static void judge(struct jn_rec_ledger *l)
{
    uint64_t here = 0;
    for (unsigned t = 0; t < TRACKS; t++)
        here += l->frames[t];
    l->complete = l->stopped && l->overflow == 0 && here == l->handed_over;
}

void jn_rec_ledger_add(struct jn_rec_ledger *l, const struct jn_rec_item *it)
{
    seen_at(l, it->at_us);
    l->call = it->call;
    l->tenant = it->tenant;
    if (it->kind == JN_REC_FRAME && it->track < TRACKS) {
        l->frames[it->track]++;
        l->withheld[it->track] += it->withheld != 0;
        frame(l, it->track, it->seq, it->ssrc);
    } else {
        l->events++;
        if (it->kind == JN_REC_EVENT)
            event(l, it->event, it->arg);
    }
    judge(l);
}

void jn_rec_ledger_chunk(struct jn_rec_ledger *l, const struct jn_rec_chunk *c)
{
    int64_t first = INT64_MAX, last = INT64_MIN;
    struct jn_rec_record r;

    l->call = c->call;
    l->tenant = c->tenant;
    for (uint32_t i = 0; i < c->used; i += jn_rec_bytes(r.len)) {
        uint64_t seq, arg;
        memcpy(&r, c->body + i, offsetof(struct jn_rec_record, tail));
        memcpy(&arg, c->body + i + offsetof(struct jn_rec_record, tail), sizeof arg);
        seq = arg & UINT64_C(0xffffffffffff);
        first = r.at_us < first ? r.at_us : first;
        last = r.at_us > last ? r.at_us : last;
        if (r.kind != JN_REC_FRAME || r.track >= TRACKS) {
            l->events++;
            if (r.kind == JN_REC_EVENT)
                event(l, r.event, arg);
            continue;
        }
        unsigned t = r.track;
        l->frames[t]++;
        l->withheld[t] += (r.flags & (JN_RECF_PAUSED | JN_RECF_MASKED)) != 0;
        if (seq == l->run[t].high + 1 && r.ssrc == l->run[t].ssrc && l->run[t].any) { /* nearly always */
            l->run[t].high = seq;
            l->run[t].seen = l->run[t].seen << 1 | 1;
        } else {
            frame(l, t, seq, r.ssrc);
        }
    }
    if (c->used > 0) {
        seen_at(l, c->begin_us + (uint64_t)first);
        seen_at(l, c->begin_us + (uint64_t)last);
    }
    judge(l);
}
