/* Act voice, facts: what workers tell of legs: opened, refused, closed, silent, digits, keys. */
#include "engine/act/act_voice_call.h"
#include "engine/base/log.h"
#include <string.h>

void voice_warn_private(struct jn_act_voice *v, const struct jn_addr *told)
{
    enum { MINUTE_S = 60 };
    char ip[JN_ADDR_TEXT_MAX];
    v->counts.private_told++;
    if (v->warned_private_ns && v->now_ns - v->warned_private_ns < MINUTE_S * UINT64_C(1000000000))
        return;
    v->warned_private_ns = v->now_ns ? v->now_ns : 1;
    jn_warn("voice",
            "a caller on the public network is told the private address %s for its sound: it will hear nothing; set "
            "media.advertise (engine/run --advertise) told=%llu",
            jn_addr_ip_text(told, ip), (unsigned long long)v->counts.private_told);
}

static void opened(struct jn_act_voice *v, struct call *c, struct leg *l, const struct jn_fact *f)
{
    if (l->media != MEDIA_OPENING)
        return;
    l->media = MEDIA_OPEN;
    l->local.rtp = f->opened.rtp;
    l->local.more_n = f->opened.more_n <= JN_SHARED_MORE ? f->opened.more_n : 0;
    memcpy(l->local.more, f->opened.more, sizeof l->local.more);
    if (l->peer_public && !jn_addr_public(&l->local.rtp))
        voice_warn_private(v, &l->local.rtp);
    if (l->close_wanted) {
        voice_leg_close(v, c, l);
        return;
    }
    if (voice_watch_opened(v, c, l) || voice_move_opened(v, c, l))
        return;
    if (l == c->caller)
        voice_caller_opened(v, c, l);
    else
        voice_agent_opened(v, c, l);
}

static void refused(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    if (l->media != MEDIA_OPENING)
        return;
    voice_media_over(v, c, l);
    jn_warn("voice", "no media port worker=%u", l->worker);
    if (l->close_wanted) {
        voice_call_settle(v, c);
    } else if (voice_move_refused(v, c, l)) {
        ;
    } else if (voice_watch_refused(v, c, l)) {
        return;
    } else if (l == c->caller) {
        voice_finish(v, c, JN_EV_END, JN_WHY_MEDIA);
        voice_close(v, c, 503);
    } else if (l == c->agent) {
        voice_agent_failed(v, c, JN_WHY_BUSY);
    }
    voice_leg_settle(v, l);
}

static void closed(struct jn_act_voice *v, struct call *c, struct leg *l, const struct jn_leg_stats *s)
{
    if (l->media != MEDIA_CLOSING)
        return;
    voice_media_over(v, c, l);
    voice_leg_seen(v, c, l, s);
    c->row.rx_packets += s->rx_packets;
    c->row.tx_packets += s->tx_packets;
    c->row.lost += s->lost;
    if (s->mos_x100 && l->side != SIDE_WATCH)
        *(l->side == SIDE_CALLER ? &c->row.mos_caller_x100 : &c->row.mos_agent_x100) = s->mos_x100;
    voice_call_settle(v, c);
    voice_leg_settle(v, l);
}

static void silent(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    if (c->state == CALL_LINE && v->c.silence_end_s && l->up && l->media == MEDIA_OPEN) {
        v->counts.ended_silent++;
        voice_line_failed(v, c, "phone_no_media");
        return;
    }
    bool mine = l == c->caller || (l == c->agent && (c->state == CALL_TALKING || c->state == CALL_HELD));
    bool holds = l == c->caller ? c->holds & HOLD_CALLER : c->holds & HOLD_AGENT;
    if (!v->c.silence_end_s || !mine || holds || c->state == CALL_CLOSING || c->state >= CALL_OUT_ASKED ||
        l->media != MEDIA_OPEN)
        return; /* a number that still rings need not send anything */
    v->counts.ended_silent++;
    jn_warn("voice", "no media from the %s: the call is ended", l == c->caller ? "caller" : "agent");
    if (l->nailed)
        voice_line_lost(v, l, "phone_no_media");
    voice_finish(v, c, JN_EV_END, JN_WHY_MEDIA);
    voice_close(v, c, 503);
}

static void digit(struct jn_act_voice *v, struct call *c, char d)
{
    size_t n = strlen(c->digits);
    if (n == DIGITS_KEPT)
        memmove(c->digits, c->digits + 1, n--); /* with its end */
    c->digits[n] = d;
    c->digits[n + 1] = 0;
    v->counts.digits++;
    if (c->state == CALL_FLOW)
        voice_flow_digit(v, c, d);
}

void voice_fact_media(struct jn_act_voice *v, const struct jn_fact *f)
{
    uint32_t i = f->leg ? jn_map_get(&v->by_media, f->leg) : JN_MAP_NONE;
    if (i == JN_MAP_NONE) {
        v->counts.facts_strange++;
        return;
    }
    struct leg *l = &v->legs[i];
    if (f->kind == JN_FACT_LEG_QUALITY) { /* of every leg all the time: moves nothing, so the call is not touched */
        voice_quality(v, l, &f->stats);
        return;
    }
    struct call *c = voice_call_of(v, l);
    char from[JN_ADDR_TEXT_MAX];
    switch ((enum jn_fact_kind)f->kind) {
    case JN_FACT_LEG_OPENED:
        opened(v, c, l, f);
        break;
    case JN_FACT_LEG_REFUSED:
        refused(v, c, l);
        break;
    case JN_FACT_LEG_CLOSED:
        closed(v, c, l, &f->stats);
        break;
    case JN_FACT_LEG_SILENT:
        silent(v, c, l);
        break;
    case JN_FACT_LEG_TROUBLE:
        voice_trouble(v, l, f);
        break;
    case JN_FACT_LEG_KEYS:
        voice_keys(v, c, l, f);
        break;
    case JN_FACT_DIGIT:
        if (l->side != SIDE_WATCH)
            digit(v, c, f->digit.digit);
        break;
    case JN_FACT_LEG_LATCHED:
        jn_info("voice", "media from another address than signalled from=%s", jn_addr_text(&f->latched.from, from));
        break;
    default:
        v->counts.facts_strange++;
        jn_debug("voice", "order refused by worker=%u token=%llx", f->worker, (unsigned long long)f->token);
        break;
    }
}
