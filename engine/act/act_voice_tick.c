/* Act voice, time: what a call does by itself. Only calls that something waits for are looked at: of thousands that
 * talk, none. */
#include "engine/act/act_voice_call.h"
#include "engine/base/log.h"

static void late(struct call *c, uint64_t now_ns)
{
    if (c->told_late || now_ns - c->ending_since_ns < ENDING_MS * UINT64_C(1000000))
        return;
    c->told_late = true;
    jn_error("voice", "a call does not end: legs=%u media=%u", c->legs, c->open_media);
}

static void call_tick(struct jn_act_voice *v, struct call *c, uint64_t now_ns)
{
    if (c->state == CALL_CLOSING) {
        late(c, now_ns);
        return;
    }
    if (c->retry.kind) {
        struct pending p = c->retry;
        c->retry = (struct pending){0};
        if (voice_send_pending(v, c, &p))
            c->retry = p;
    }
    voice_move_tick(v, c, now_ns);
    if (c->state == CALL_CLOSING || c->state == CALL_FREE)
        return;
    if (c->retry_stop)
        voice_quiet(v, c);
    voice_watch_tick(v, c, now_ns);
    if (c->play_until_ns && now_ns >= c->play_until_ns)
        voice_play_done(v, c, c->play_token); /* the worker's word was lost: nobody shall wait for it for ever */
    if (c->announce_until_ns && now_ns >= c->announce_until_ns)
        voice_announce_done(v, c);
    if (c->flow_until_ns && now_ns >= c->flow_until_ns)
        voice_flow_tick(v, c);
    if (c->state == CALL_OFFERED && c->agent && c->agent->ring_until_ns && now_ns >= c->agent->ring_until_ns)
        voice_agent_failed(v, c, JN_WHY_NO_ANSWER);
}

/* Nothing of call_tick can happen before somebody touches the call again. */
static bool calm(const struct call *c)
{
    if (c->state == CALL_FREE)
        return true;
    if (c->state == CALL_CLOSING)
        return c->told_late;
    bool waits = c->play_until_ns || c->announce_until_ns || c->flow_until_ns || c->move.until_ns ||
                 (c->state == CALL_OFFERED && c->agent && c->agent->ring_until_ns);
    bool owes =
        c->retry.kind || c->retry_stop || c->move.told.kind || c->move.kind || c->stop_ringback || c->retry_apart;
    return !waits && !owes && !c->watch;
}

void jn_act_voice_tick(struct jn_act_voice *v, uint64_t mono_ns)
{
    v->now_ns = mono_ns;
    for (uint32_t word = 0; word <= v->c.max_calls / 64; word++) {
        for (uint64_t left = v->touched[word]; left; left &= left - 1) {
            uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(left);
            if (i >= v->c.max_calls)
                break; /* lines look after themselves */
            v->touched[word] &= ~(left & -left);
            struct call *c = &v->calls[i];
            if (c->state != CALL_FREE)
                call_tick(v, c, mono_ns);
            if (!calm(c))
                voice_touch(v, i);
        }
    }
    voice_lines_tick(v, mono_ns);
}
