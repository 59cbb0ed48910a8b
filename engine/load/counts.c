/* Counts: what several threads, or several runs, measured, added up. */
#include "engine/load/chat.h"
#include "engine/load/load.h"
#include <string.h>

void jn_load_histo_add(struct jn_histo *a, const struct jn_histo *b)
{
    a->count += b->count;
    a->sum += b->sum;
    a->max = b->max > a->max ? b->max : a->max;
    for (unsigned i = 0; i < JN_HISTO_SLOTS; i++)
        a->slot[i] += b->slot[i];
}

void jn_load_heard_add(struct jn_load_heard *a, const struct jn_load_heard *b)
{
    a->legs += b->legs;
    a->unheard += b->unheard;
    a->echoes += b->echoes;
    a->rtp_received += b->rtp_received;
    a->rtp_lost += b->rtp_lost;
    a->duplicates += b->duplicates;
    a->late += b->late;
    a->shifts += b->shifts;
    a->heard += b->heard;
    a->missing += b->missing;
    a->bent += b->bent;
    jn_load_histo_add(&a->loss_ppm, &b->loss_ppm);
    jn_load_histo_add(&a->jitter_us, &b->jitter_us);
    jn_load_histo_add(&a->delay_us, &b->delay_us);
    jn_load_histo_add(&a->mos, &b->mos);
    jn_load_histo_add(&a->gap_ms, &b->gap_ms);
    jn_load_histo_add(&a->pause_ms, &b->pause_ms);
}

void jn_load_counts_add(struct jn_load_counts *a, const struct jn_load_counts *b)
{
    a->begun += b->begun;
    a->answered += b->answered;
    a->done += b->done;
    a->failed += b->failed;
    a->short_media += b->short_media;
    a->again += b->again;
    a->bad_messages += b->bad_messages;
    a->not_sent += b->not_sent;
    a->refused += b->refused;
    a->unanswered += b->unanswered;
    a->ended_early += b->ended_early;
    a->phone_calls += b->phone_calls;
    a->registered += b->registered;
    a->not_registered += b->not_registered;
    a->register_busy += b->register_busy;
    a->up += b->up;
    a->active += b->active;
    for (unsigned i = 0; i < JN_LOAD_STATUSES; i++)
        a->statuses[i] += b->statuses[i];
    jn_load_histo_add(&a->answer_us, &b->answer_us);
    jn_load_histo_add(&a->setup_us, &b->setup_us);
    jn_load_histo_add(&a->joined_us, &b->joined_us);
    jn_load_histo_add(&a->register_us, &b->register_us);
    for (unsigned i = 0; i < JN_LOAD_SIDES; i++)
        jn_load_heard_add(&a->heard[i], &b->heard[i]);
    if (!a->why[0])
        memcpy(a->why, b->why, sizeof a->why);
}

void jn_chat_counts_add(struct jn_chat_counts *a, const struct jn_chat_counts *b)
{
    a->opened += b->opened;
    a->ended += b->ended;
    a->sent += b->sent;
    a->acknowledged += b->acknowledged;
    a->delivered += b->delivered;
    a->failed += b->failed;
    a->busy += b->busy;
    jn_load_histo_add(&a->open_us, &b->open_us);
    jn_load_histo_add(&a->acknowledge_us, &b->acknowledge_us);
    jn_load_histo_add(&a->deliver_us, &b->deliver_us);
    if (!a->why[0])
        memcpy(a->why, b->why, sizeof a->why);
}
