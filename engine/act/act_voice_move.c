/* Act voice, moves: what transfers, consults and calls to outside share: the third party's leg, the caller put aside,
 * the router's answers, and whoever waits for one. Each kind is in _transfer.c, _consult.c, _out.c. */
#include "engine/act/act_voice_call.h"
#include "engine/base/log.h"
#include "media/record/item.h"
#include <errno.h>
#include <string.h>

enum { RING_MS = 60000 }; /* a third party, or a number called, rings that long at most */

uint8_t voice_track(const struct leg *l)
{
    return l->side == SIDE_CALLER ? JN_TRACK_CALLER : l->side == SIDE_THIRD ? JN_TRACK_OTHER : JN_TRACK_AGENT;
}

/* ---- who asked, and the router ---- */

int voice_status_of(enum jn_why why)
{
    switch (why) {
    case JN_WHY_NONE:
    case JN_WHY_TRANSFER:
        return 200;
    case JN_WHY_PHONE_BUSY:
    case JN_WHY_BUSY:
        return 486;
    case JN_WHY_NO_ANSWER:
    case JN_WHY_UNREACHABLE:
        return 480;
    case JN_WHY_NO_ROUTE:
    case JN_WHY_UNKNOWN_ID:
    case JN_WHY_NO_QUEUE:
        return 404;
    case JN_WHY_LOGGED_OUT:
        return 403;
    case JN_WHY_PHONE_REJECT:
    case JN_WHY_AGENT:
        return 603;
    default:
        return 503;
    }
}

enum jn_why voice_why_of(enum jn_sip_end how, int status)
{
    if (how == JN_SIP_END_TIMEOUT || how == JN_SIP_END_ERROR || status == 408 || status == 480)
        return status == 480 ? JN_WHY_NO_ANSWER : JN_WHY_UNREACHABLE;
    return status == 486 || status == 600 ? JN_WHY_PHONE_BUSY : JN_WHY_PHONE_REJECT;
}

enum jn_why voice_why_of_rc(int rc)
{
    return rc == -ENOTCONN                                  ? JN_WHY_UNREACHABLE
           : rc == -ENOENT || rc == -EBUSY || rc == -EINVAL ? JN_WHY_NO_ROUTE
                                                            : JN_WHY_BUSY;
}

void voice_move_answer(struct jn_act_voice *v, struct call *c, enum jn_why why)
{
    void *ask = c->move.ask;
    uint64_t refer = c->move.refer;
    c->move.ask = NULL;
    c->move.refer = 0;
    if (ask && v->ports.answered)
        v->ports.answered(v->ports.arg, ask, c->ix, why);
    if (refer)
        jn_sip_refer_result(v->sip, refer, voice_status_of(why));
}

static int send(struct jn_act_voice *v, struct call *c, uint8_t kind, uint8_t why, uint64_t to, uint64_t queue,
                uint64_t token)
{
    struct jn_event ev = {.tenant = c->tenant, .token = token, .kind = kind, .why = why, .maker = JN_MAKER_SIP};
    ev.ix.ix = c->ix;
    ev.ix.agent = kind == JN_EV_CONSULT_END || kind == JN_EV_REQUEUE ? 0 : c->move.agent;
    if (kind == JN_EV_REQUEUE && why == JN_WHY_TRANSFER)
        ev.ix.agent = c->move.agent;
    ev.ix.to = to;
    ev.ix.queue = queue;
    int rc = v->ports.event(v->ports.arg, &ev, false);
    v->counts.events_refused += rc != 0;
    return rc;
}

int voice_move_ask(struct jn_act_voice *v, struct call *c, uint8_t kind, uint64_t to, uint64_t queue)
{
    uint64_t token = MOVE_TOKEN | ++v->next_token;
    if (send(v, c, kind, JN_WHY_TRANSFER, to, queue, token))
        return -EAGAIN;
    c->move.token = token;
    return 0;
}

void voice_move_tell(struct jn_act_voice *v, struct call *c, uint8_t kind, uint8_t why)
{
    c->move.told = (struct pending){0};
    if (send(v, c, kind, why, 0, 0, 0))
        c->move.told = (struct pending){.kind = kind, .why = why};
}

void voice_move_settled(struct jn_act_voice *v, const struct jn_command *cmd)
{
    struct call *c = voice_call_by_ix(v, cmd->row.id);
    if (!c || c->move.token != cmd->token || c->state == CALL_CLOSING)
        return;
    c->move.token = 0;
    enum jn_why why = cmd->kind == JN_CMD_REFUSED ? cmd->why : JN_WHY_NONE;
    if (c->state == CALL_OUT_ASKED && why) {
        voice_out_refused(v, c, why);
        return;
    }
    uint8_t kind = c->move.kind;
    if (why && kind == MOVE_CONSULT && c->move.step == MOVE_HANDING) { /* the one who was asked is gone meanwhile */
        voice_move_answer(v, c, why);
        voice_consult_failed(v, c, why);
        return;
    }
    v->counts.moves_failed += why != JN_WHY_NONE;
    voice_move_answer(v, c, why);
    if (why && kind == MOVE_CONSULT)
        voice_second_drop(v, c, why, true);
    if (kind == MOVE_ROUTER || (why && kind == MOVE_CONSULT))
        c->move = (struct voice_move){0};
}

/* ---- the caller aside and back ---- */

void voice_ringback(struct jn_act_voice *v, struct call *c, struct leg *l, bool on)
{
    static const struct jn_say tone = {.sound = {"junctor/ringback"}, .n = 1};
    const struct jn_say *say = &tone;
    uint64_t token, until;
    if (on) {
        c->ringback = l && voice_say_to(v, c, l, &say, 1, true, &token, &until) ? l->id : 0;
        return;
    }
    if (!c->ringback || !l || l->id != c->ringback) {
        c->ringback = 0;
        return;
    }
    struct jn_order o = {.kind = JN_ORDER_STOP, .leg_worker = l->worker, .leg = l->id};
    o.token = ++v->next_token;
    c->stop_ringback = voice_room_order(v, c, &o) != 0; /* no tone may stay under a conversation: asked again */
    if (!c->stop_ringback)
        c->ringback = 0;
}

int voice_move_aside(struct jn_act_voice *v, struct call *c)
{
    if (voice_hear(v, c, c->caller, 0))
        return -EAGAIN;
    c->deaf = true; /* until somebody is joined with it again, this agent or another */
    if (voice_hear(v, c, c->agent, 0))
        return -EAGAIN;
    if (c->state == CALL_HELD) { /* what was on hold waits as anybody does; the phone may hold again */
        voice_quiet(v, c);
        c->holds &= (uint8_t)~HOLD_API;
        voice_step(v, c, CALL_TALKING);
        voice_mark(v, c, JN_RECEV_RESUME);
        voice_tell(v, c, JN_EV_RESUME, JN_WHY_NONE, c->agent->agent);
    }
    voice_mark(v, c, JN_RECEV_HOLD);
    voice_music(v, c);
    return 0;
}

void voice_move_restore(struct jn_act_voice *v, struct call *c)
{
    struct pending told = c->move.told;
    c->move = (struct voice_move){.kind = c->move.kind, .step = MOVE_RESTORE, .agent = c->move.agent, .told = told};
    if (!c->agent || !c->agent->joined || c->state != CALL_TALKING) {
        c->move = (struct voice_move){.told = told, .agent = c->move.agent};
        return;
    }
    voice_quiet(v, c);
    if (voice_hear(v, c, c->agent, (uint8_t)(1u << voice_track(c->caller))) ||
        voice_hear(v, c, c->caller, (uint8_t)(1u << voice_track(c->agent))))
        return;                             /* the next tick tries again */
    c->deaf = c->agent->side != SIDE_AGENT; /* on another track than the next agent's will be */
    c->move = (struct voice_move){.told = told, .agent = c->move.agent};
    voice_mark(v, c, JN_RECEV_RESUME);
    voice_joined(v, c);
}

/* ---- the third party ---- */

struct leg *voice_third_open(struct jn_act_voice *v, struct call *c, uint64_t agent)
{
    const struct jn_dir_agent *a = agent ? jn_dir_agent(v->dir, agent) : NULL;
    unsigned worker = v->c.spread_legs && v->c.workers > 1 ? (c->home + 1u) % v->c.workers : c->home;
    struct leg *l = voice_leg_open(v, c, SIDE_THIRD, agent, worker, NULL);
    if (!l)
        return NULL;
    const struct leg *to = c->agent ? c->agent : c->caller;
    voice_our_offer(l, to->remote.codec < JN_CODEC_N ? to->remote.codec : (uint8_t)JN_CODEC_PCMU,
                    a ? a->srtp : c->move.srtp);
    c->move.step = MOVE_RINGING;
    c->move.until_ns = v->now_ns + RING_MS * UINT64_C(1000000);
    return l;
}

void voice_third_drop(struct jn_act_voice *v, struct call *c)
{
    struct leg *l = c->third;
    c->third = NULL;
    if (!l)
        return;
    voice_leg_hangup(v, l);
    voice_leg_close(v, c, l);
    voice_leg_settle(v, l);
}

/* Out of the room and in again on the agent's track, so that recordings know it for the one the caller talks to. */
static int rejoin(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    if (!l->joined) {
        l->side = SIDE_AGENT;
        return voice_room_join(v, c, l);
    }
    if (voice_room_place(v, c, l))
        return 0; /* it stays on the track it has */
    voice_room_leave(v, c, l);
    l->side = SIDE_AGENT;
    return voice_room_join(v, c, l);
}

void voice_third_promote(struct jn_act_voice *v, struct call *c)
{
    struct leg *old = c->agent, *l = c->third;
    c->agent = l;
    c->third = NULL;
    c->holds &= HOLD_CALLER;
    c->ringback = 0;
    c->stop_ringback = false;
    voice_second_done(v, c);
    if (old) {
        voice_leg_hangup(v, old);
        voice_leg_close(v, c, old);
        voice_leg_settle(v, old);
    }
    voice_watch_review(v, c); /* before it stands on the agent's track */
    if (rejoin(v, c, l)) {
        voice_finish(v, c, JN_EV_END, JN_WHY_BUSY);
        voice_close(v, c, 0);
        return;
    }
    if (l->agent)
        voice_mark_arg(v, c, JN_RECEV_AGENT, l->agent);
    voice_move_restore(v, c);
}

enum jn_why voice_take_answer(struct jn_act_voice *v, struct call *c, struct leg *l, const char *sdp)
{
    struct jn_err why = {{0}};
    int rc = sdp ? jn_sdp_parse(&l->offer, sdp, strlen(sdp), &why) : -EBADMSG;
    if (!rc)
        rc = jn_sdp_accept(&l->remote, &l->local, &l->offer, &why);
    l->remote.latch = l->remote.suite == JN_SUITE_NONE;
    if (rc) {
        jn_info("voice", "an answer with media that we cannot use: %s", why.text);
        return JN_WHY_MEDIA;
    }
    return voice_leg_remote(v, c, l) ? JN_WHY_BUSY : JN_WHY_NONE;
}

static void third_failed(struct jn_act_voice *v, struct call *c, enum jn_why why)
{
    if (c->move.kind == MOVE_OUTSIDE)
        voice_outside_failed(v, c, why);
    else
        voice_consult_failed(v, c, why);
}

/* ---- hooks ---- */

bool voice_move_opened(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    char sdp[JN_SDP_MAX];
    uint64_t sip = 0;
    if (c->state >= CALL_OUT_ASKED) {
        voice_out_opened(v, c, l);
        return true;
    }
    if (l == c->aside) {
        voice_second_opened(v, c, l);
        return true;
    }
    if (l != c->third)
        return false;
    int rc = jn_sdp_write(sdp, sizeof sdp, &l->local, NULL) < 0 ? -EIO : 0;
    if (!rc)
        rc = l->agent ? voice_call_phone(v, c, l, c->row.caller, sdp, &sip) : voice_call_number(v, c, sdp, &sip);
    if (rc)
        third_failed(v, c, voice_why_of_rc(rc));
    else
        voice_leg_sip(v, l, sip);
    return true;
}

bool voice_move_refused(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    if (c->state >= CALL_OUT_ASKED)
        voice_out_failed(v, c, JN_WHY_MEDIA);
    else if (l == c->third)
        third_failed(v, c, JN_WHY_BUSY);
    else if (l == c->aside)
        voice_consult_failed(v, c, JN_WHY_BUSY);
    else
        return false;
    return true;
}

bool voice_move_answered(struct jn_act_voice *v, struct call *c, struct leg *l, const char *sdp)
{
    if (c->state >= CALL_OUT_ASKED) {
        voice_out_answered(v, c, l, sdp);
        return true;
    }
    if (l != c->third)
        return false;
    l->up = true;
    voice_dialog_keep(v, c, l);
    enum jn_why why = voice_take_answer(v, c, l, sdp);
    if (why)
        third_failed(v, c, why);
    else if (c->move.kind == MOVE_OUTSIDE)
        voice_outside_answered(v, c);
    else
        voice_consult_answered(v, c);
    return true;
}

bool voice_move_confirmed(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    if (l == c->aside && !l->up) {
        voice_second_confirmed(v, c, l);
        return true;
    }
    if (!c->out || l->up || l != c->agent || c->state == CALL_CLOSING)
        return false;
    voice_out_confirmed(v, c, l);
    return true;
}

void voice_move_ringing(struct jn_act_voice *v, struct call *c, struct leg *l, const char *sdp)
{
    if (c->state == CALL_OUT_DIAL && l == c->caller)
        voice_out_ringing(v, c, sdp);
}

bool voice_move_ended(struct jn_act_voice *v, struct call *c, struct leg *l, enum jn_sip_end how, int status)
{
    if (c->state >= CALL_OUT_ASKED) {
        voice_out_ended(v, c, l, how, status);
        return true;
    }
    if (voice_second_ended(v, c, l))
        return true;
    if (l == c->third) {
        third_failed(v, c, l->up ? JN_WHY_AGENT : voice_why_of(how, status));
        return true;
    }
    if (l != c->agent || !c->third)
        return false;
    if (c->move.kind == MOVE_OUTSIDE)
        voice_outside_agent_left(v, c);
    else
        voice_consult_agent_left(v, c);
    return true;
}

bool voice_move_command(struct jn_act_voice *v, struct call *c, const struct jn_command *cmd)
{
    switch ((enum jn_command_kind)cmd->kind) {
    case JN_CMD_CALL:
        voice_out_begin(v, c);
        return true;
    case JN_CMD_CONSULT:
        voice_consult_ring(v, c, cmd->row.consult);
        return true;
    case JN_CMD_CONSULT_END:
        if (c->third && c->third->agent == cmd->agent && c->move.kind == MOVE_CONSULT)
            voice_consult_failed(v, c, cmd->why);
        return true;
    case JN_CMD_CONNECT:
        if (!c->third || !c->third->agent || c->third->agent != cmd->row.agent)
            return c->out && c->state == CALL_TALKING; /* of a number that answered: they talk already */
        voice_consult_handed(v, c);
        return true;
    default:
        return false;
    }
}

void voice_move_tick(struct jn_act_voice *v, struct call *c, uint64_t now_ns)
{
    if (c->move.told.kind) {
        struct pending p = c->move.told;
        voice_move_tell(v, c, p.kind, p.why);
    }
    if (c->retry_apart)
        voice_hold_again(v, c);
    if (c->stop_ringback)
        voice_ringback(v, c, c->agent, false);
    if (c->move.kind && c->move.step == MOVE_RESTORE)
        voice_move_restore(v, c);
    if (!c->move.until_ns || now_ns < c->move.until_ns)
        return;
    c->move.until_ns = 0;
    if (c->state >= CALL_OUT_ASKED)
        voice_out_failed(v, c, JN_WHY_NO_ANSWER);
    else if (c->third && !c->third->up)
        third_failed(v, c, JN_WHY_NO_ANSWER);
}

void voice_move_drop(struct jn_act_voice *v, struct call *c, enum jn_why why)
{
    voice_move_answer(v, c, why);
    c->move = (struct voice_move){0};
    voice_third_drop(v, c);
    voice_second_drop(v, c, why, false);
}

/* ---- the door ---- */

int jn_act_voice_move(struct jn_act_voice *v, const struct jn_voice_move *m)
{
    if (m->number && !jn_dir_dialable(m->number))
        return -EINVAL;
    if (m->what == JN_MOVE_CALL)
        return voice_out(v, m);
    struct call *c = voice_call_by_ix(v, m->ix);
    if (!c || !c->agent || !m->agent || c->agent->agent != m->agent)
        return -ENOENT;
    switch ((enum jn_move)m->what) {
    case JN_MOVE_TRANSFER:
        return voice_transfer(v, c, m);
    case JN_MOVE_CONSULT:
        return voice_consult(v, c, m);
    case JN_MOVE_COMPLETE:
        return voice_consult_complete(v, c, m->ask);
    case JN_MOVE_CANCEL: {
        int rc = voice_consult_cancel(v, c);
        if (!rc && m->ask && v->ports.answered)
            v->ports.answered(v->ports.arg, m->ask, c->ix, JN_WHY_NONE);
        return rc;
    }
    default:
        return -EINVAL;
    }
}
