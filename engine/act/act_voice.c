/* Act voice: the door: tables, where news goes, time. What each party does is in act_voice_caller.c and _agent.c, ports
 * and rooms in _media.c, sounds in _prompt.c, hold in _hold.c, endings in _end.c. */
#include "engine/act/act_voice_call.h"
#include "engine/base/log.h"
#include "media/record/item.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BIT(s) (1u << (s))

/* Which state may follow which. */
static const uint32_t next_ok[CALL_STATE_N] = {
    [CALL_FREE] = BIT(CALL_OPENING),
    [CALL_OPENING] = BIT(CALL_ANSWERED) | BIT(CALL_OUT_ASKED) | BIT(CALL_CLOSING),
    [CALL_ANSWERED] = BIT(CALL_FLOW) | BIT(CALL_GREETING) | BIT(CALL_ARRIVED) | BIT(CALL_CLOSING),
    [CALL_FLOW] = BIT(CALL_GREETING) | BIT(CALL_ARRIVED) | BIT(CALL_CLOSING),
    [CALL_GREETING] = BIT(CALL_ARRIVED) | BIT(CALL_CLOSING),
    [CALL_ARRIVED] = BIT(CALL_QUEUED) | BIT(CALL_OFFERED) | BIT(CALL_GOODBYE) | BIT(CALL_CLOSING),
    [CALL_QUEUED] = BIT(CALL_OFFERED) | BIT(CALL_GOODBYE) | BIT(CALL_CLOSING),
    [CALL_OFFERED] = BIT(CALL_QUEUED) | BIT(CALL_CONNECTING) | BIT(CALL_ANNOUNCING) | BIT(CALL_TALKING) |
                     BIT(CALL_GOODBYE) | BIT(CALL_CLOSING),
    [CALL_ANNOUNCING] = BIT(CALL_TALKING) | BIT(CALL_QUEUED) | BIT(CALL_CLOSING),
    [CALL_CONNECTING] =
        BIT(CALL_ANNOUNCING) | BIT(CALL_TALKING) | BIT(CALL_QUEUED) | BIT(CALL_GOODBYE) | BIT(CALL_CLOSING),
    [CALL_TALKING] = BIT(CALL_HELD) | BIT(CALL_QUEUED) | BIT(CALL_CLOSING),
    [CALL_HELD] = BIT(CALL_TALKING) | BIT(CALL_QUEUED) | BIT(CALL_CLOSING),
    [CALL_GOODBYE] = BIT(CALL_CLOSING),
    [CALL_CLOSING] = BIT(CALL_FREE),
    [CALL_OUT_ASKED] = BIT(CALL_OUT_AGENT) | BIT(CALL_CLOSING),
    [CALL_OUT_AGENT] = BIT(CALL_OUT_DIAL) | BIT(CALL_CLOSING),
    [CALL_OUT_DIAL] = BIT(CALL_TALKING) | BIT(CALL_CLOSING),
};

void voice_step(struct jn_act_voice *v, struct call *c, enum call_state to)
{
    if (c->state == to)
        return;
    if (!(next_ok[c->state] & BIT(to))) {
        v->counts.wrong_steps++;
        jn_error("voice", "a step that must not be: from=%u to=%u", c->state, to);
    }
    c->state = (uint8_t)to;
    voice_touch(v, c->index);
}

struct call *voice_call_of(struct jn_act_voice *v, const struct leg *l)
{
    voice_touch(v, l->call);
    return &v->calls[l->call];
}

static struct leg *leg_in(struct jn_act_voice *v, const struct jn_map *m, uint64_t key)
{
    uint32_t i = key ? jn_map_get(m, key) : JN_MAP_NONE;
    return i == JN_MAP_NONE ? NULL : &v->legs[i];
}

struct leg *voice_leg_by_sip(struct jn_act_voice *v, uint64_t sip)
{
    return leg_in(v, &v->by_sip, sip);
}

struct call *voice_call_by_ix(struct jn_act_voice *v, uint64_t ix)
{
    uint32_t i = ix ? jn_map_get(&v->by_ix, ix) : JN_MAP_NONE;
    if (i == JN_MAP_NONE)
        return NULL;
    voice_touch(v, i);
    return &v->calls[i];
}

const struct jn_dir_queue *voice_queue(const struct jn_act_voice *v, const struct call *c)
{
    return jn_dir_queue(v->dir, c->queue);
}

/* ---- to the router ---- */

struct jn_ev_arrive voice_arrival(const struct call *c)
{
    struct jn_ev_arrive a = {.ix = c->ix, .queue = c->queue, .channel = JN_CH_VOICE, .priority = 255};
    if (c->walk.flow) { /* what the caller chose in a menu */
        a.priority = c->walk.go.priority;
        a.skills = c->walk.go.skills;
        memcpy(a.skill, c->walk.go.skill, sizeof a.skill);
    }
    return a;
}

int voice_send_pending(struct jn_act_voice *v, struct call *c, const struct pending *p)
{
    struct jn_event ev = {.tenant = c->tenant, .token = c->ix, .kind = p->kind, .why = p->why, .maker = JN_MAKER_SIP};
    if (p->kind == JN_EV_ARRIVE) {
        ev.arrive = voice_arrival(c);
        if (v->ports.call_known)
            v->ports.call_known(v->ports.arg, &c->row);
    } else {
        ev.ix.ix = c->ix;
        ev.ix.agent = p->agent;
        if (p->kind != JN_EV_ACCEPT)
            ev.token = 0; /* nobody here waits for the answer */
    }
    int rc = v->ports.event(v->ports.arg, &ev, false);
    if (rc) {
        v->counts.events_refused++;
    } else if (p->kind == JN_EV_ARRIVE) {
        c->arrived = true;
        v->counts.arrived++;
    }
    return rc;
}

void voice_tell(struct jn_act_voice *v, struct call *c, uint8_t kind, uint8_t why, uint64_t agent)
{
    struct pending p = {.kind = kind, .why = why, .agent = agent};
    c->retry = (struct pending){0}; /* the latest word counts: a hold that was not heard and is over need not be */
    if (voice_send_pending(v, c, &p))
        c->retry = p;
}

/* ---- from SIP ---- */

static void on_invite(void *arg, const struct jn_sip_invite *in)
{
    voice_invite(arg, in);
}

static void on_ringing(void *arg, uint64_t sip)
{
    struct leg *l = voice_leg_by_sip(arg, sip);
    if (l) {
        jn_debug("voice", "ringing leg=%llu", (unsigned long long)l->id);
        voice_move_ringing(arg, voice_call_of(arg, l), l, NULL);
    }
}

static void on_early(void *arg, uint64_t sip, const char *sdp)
{
    struct leg *l = voice_leg_by_sip(arg, sip);
    if (l)
        voice_move_ringing(arg, voice_call_of(arg, l), l, sdp);
}

static void on_refer(void *arg, uint64_t sip, const struct jn_sip_refer *r)
{
    struct jn_act_voice *v = arg;
    struct leg *l = voice_leg_by_sip(v, sip);
    if (l)
        voice_refer(v, voice_call_of(v, l), l, r);
    else
        jn_sip_refer_result(v->sip, sip, 603);
}

static void on_answered(void *arg, uint64_t sip, const char *sdp)
{
    struct leg *l = voice_leg_by_sip(arg, sip);
    if (l && !voice_watch_answered(arg, voice_call_of(arg, l), l, sdp) &&
        !voice_move_answered(arg, voice_call_of(arg, l), l, sdp))
        voice_agent_answered(arg, voice_call_of(arg, l), l, sdp);
}

static void on_confirmed(void *arg, uint64_t sip, const char *sdp)
{
    struct leg *l = voice_leg_by_sip(arg, sip);
    if (!l)
        return;
    struct call *c = voice_call_of(arg, l);
    if (c->state == CALL_ANSWERED && l->side == SIDE_CALLER)
        voice_caller_confirmed(arg, c, sdp);
    else if (!voice_move_confirmed(arg, c, l) && sdp)
        voice_reanswered(arg, c, l, sdp);
}

static void on_reinvite(void *arg, uint64_t sip, const char *sdp)
{
    struct jn_act_voice *v = arg;
    struct leg *l = voice_leg_by_sip(v, sip);
    if (l)
        voice_reinvite(v, voice_call_of(v, l), l, sdp);
    else
        jn_sip_refuse(v->sip, sip, 481);
}

static void on_ended(void *arg, uint64_t sip, enum jn_sip_end how, int status)
{
    struct jn_act_voice *v = arg;
    struct leg *l = voice_leg_by_sip(v, sip);
    if (!l)
        return; /* refused before it became a call */
    struct call *c = voice_call_of(v, l);
    jn_map_del(&v->by_sip, sip);
    if (l->dialog_kept)
        v->ports.dialog_del(v->ports.arg, sip);
    l->dialog_kept = false;
    l->sip = 0;
    if (l->nailed && c->state != CALL_LINE)
        voice_line_lost(v, l, "phone_hung_up");
    if (c->move.refer == sip)
        c->move.refer = 0; /* nobody is left to be told */
    if (voice_watch_ended(v, c, l, how, status)) {
        ;
    } else if (c->state != CALL_CLOSING && voice_move_ended(v, c, l, how, status)) {
        ;
    } else if (c->state != CALL_CLOSING && l == c->caller) {
        voice_finish(v, c, JN_EV_CUSTOMER_LEFT, JN_WHY_CUSTOMER);
        voice_close(v, c, 0);
    } else if (c->state != CALL_CLOSING && l == c->agent) {
        voice_agent_ended(v, c, how, status);
    }
    voice_leg_settle(v, l);
}

static void on_phone(void *arg, uint64_t agent, bool registered)
{
    (void)arg;
    jn_info("voice", "phone agent=%llx registered=%d", (unsigned long long)agent, registered);
}

/* ---- from the router ---- */

static void queued(struct jn_act_voice *v, struct call *c, const struct jn_ix_row *row)
{
    bool first = c->state == CALL_ARRIVED;
    if (c->state == CALL_CLOSING || c->state == CALL_GOODBYE || c->state >= CALL_OUT_ASKED)
        return;
    if (row->queue && row->queue != c->queue)
        voice_mark_arg(v, c, JN_RECEV_QUEUE, row->queue);
    if (row->queue)
        c->queue = row->queue;
    voice_move_drop(v, c, JN_WHY_NONE);
    voice_agent_drop(v, c);
    voice_step(v, c, CALL_QUEUED);
    const struct jn_dir_queue *q = voice_queue(v, c);
    if (first && q && q->say_position && row->position)
        voice_say_position(v, c, row->position);
    else if (c->playing != PLAY_POSITION)
        voice_music(v, c);
}

static void position(struct jn_act_voice *v, struct call *c, uint32_t at)
{
    const struct jn_dir_queue *q = voice_queue(v, c);
    if (c->state == CALL_QUEUED && q && q->say_position && at && c->playing != PLAY_POSITION)
        voice_say_position(v, c, at);
}

static void refused(struct jn_act_voice *v, struct call *c, enum jn_why why)
{
    if (c->state == CALL_ARRIVED) /* the centre does not take it: queue full, draining, gone */
        voice_closed_by_router(v, c, JN_OUT_REJECTED, why);
    else if (c->state == CALL_CONNECTING || c->state == CALL_OFFERED)
        voice_agent_drop(v, c); /* the offer was withdrawn while the phone was answered */
}

void jn_act_voice_command(struct jn_act_voice *v, const struct jn_command *cmd)
{
    if (cmd->kind == JN_CMD_AGENT) {
        voice_line_agent(v, &cmd->agent_row);
        return;
    }
    bool token = cmd->kind == JN_CMD_REFUSED || cmd->kind == JN_CMD_DONE;
    struct call *c = NULL;
    if (token && cmd->maker == JN_MAKER_SIP && cmd->token & MOVE_TOKEN) {
        voice_move_settled(v, cmd);
        return;
    }
    if (token && cmd->maker == JN_MAKER_SIP)
        c = voice_call_by_ix(v, cmd->token);
    else if (!token && jn_command_about_ix(cmd->kind) && cmd->row.channel == JN_CH_VOICE)
        c = voice_call_by_ix(v, cmd->row.id);
    if (!c || c->state == CALL_CLOSING || voice_move_command(v, c, cmd))
        return;
    switch ((enum jn_command_kind)cmd->kind) {
    case JN_CMD_QUEUED:
        queued(v, c, &cmd->row);
        break;
    case JN_CMD_POSITION:
        position(v, c, cmd->row.position);
        break;
    case JN_CMD_OFFER:
        voice_offer(v, c, cmd->row.agent);
        break;
    case JN_CMD_OFFER_CANCEL:
        if (c->agent && c->agent->agent == cmd->agent && (c->state == CALL_OFFERED || c->state == CALL_CONNECTING))
            voice_agent_drop(v, c);
        break;
    case JN_CMD_CONNECT:
        voice_connect(v, c, cmd->row.agent);
        break;
    case JN_CMD_HOLD:
        if (c->state == CALL_TALKING || c->state == CALL_ANNOUNCING)
            voice_hold(v, c, HOLD_API, true, false);
        break;
    case JN_CMD_RESUME:
        if ((c->state == CALL_HELD || c->state == CALL_ANNOUNCING) && (c->holds & HOLD_API))
            voice_hold(v, c, HOLD_API, false, false);
        break;
    case JN_CMD_CLOSED:
        voice_closed_by_router(v, c, cmd->row.outcome, cmd->why ? cmd->why : cmd->row.why);
        break;
    case JN_CMD_REFUSED:
        refused(v, c, cmd->why);
        break;
    default:
        break;
    }
}

/* ---- from workers ---- */

void jn_act_voice_fact(struct jn_act_voice *v, const struct jn_fact *f)
{
    struct call *c = voice_call_by_ix(v, f->room);
    struct leg *l = leg_in(v, &v->by_media, f->leg);
    if (!c && l)
        c = voice_call_of(v, l);
    if (f->kind == JN_FACT_PLAY_DONE) {
        if (c)
            voice_play_done(v, c, f->token);
    } else if (f->kind == JN_FACT_ROOM_CLOSED) {
        if (f->closed_room.lost)
            jn_warn("voice", "recording frames lost room=%llx lost=%llu", (unsigned long long)f->room,
                    (unsigned long long)f->closed_room.lost);
    } else {
        voice_fact_media(v, f);
    }
}

/* ---- the door ---- */

int jn_act_voice_open(struct jn_act_voice **out, const struct jn_voice_config *c, struct jn_directory *dir,
                      const struct jn_sounds *sounds, const struct jn_voice_ports *ports, struct jn_err *err)
{
    *out = NULL;
    if (!c->max_calls || !c->workers || c->workers > JN_WORKERS_MAX)
        return jn_fail(err, -EINVAL, "voice: %u calls on %u workers", c->max_calls, c->workers);
    struct jn_act_voice *v = calloc(1, sizeof *v);
    if (!v)
        return jn_fail(err, -ENOMEM, "voice: no memory");
    v->c = *c;
    if (v->c.codecs.n == 0)
        v->c.codecs = jn_sdp_codecs_all;
    v->ports = *ports;
    v->sounds = sounds;
    v->dir = jn_directory_ref(dir);
    v->max_legs = c->max_calls * 4; /* a caller, an agent, and those whose ports are still on their way out */
    v->calls = calloc(2ul * c->max_calls, sizeof *v->calls); /* the upper half: nailed-up lines' own places */
    v->touched = calloc(2ul * c->max_calls / 64 + 1, sizeof *v->touched);
    v->legs = calloc(v->max_legs, sizeof *v->legs);
    v->free_calls = malloc(c->max_calls * sizeof *v->free_calls);
    v->free_legs = malloc(v->max_legs * sizeof *v->free_legs);
    if (!v->calls || !v->touched || !v->legs || !v->free_calls || !v->free_legs ||
        jn_map_init(&v->by_ix, c->max_calls) || jn_map_init(&v->by_sip, v->max_legs) ||
        jn_map_init(&v->by_media, v->max_legs) || voice_lines_open(v)) {
        jn_act_voice_close(v);
        return jn_fail(err, -ENOMEM, "voice: no memory for %u calls", c->max_calls);
    }
    for (uint32_t i = 0; i < c->max_calls; i++)
        v->free_calls[i] = c->max_calls - 1 - i;
    for (uint32_t i = 0; i < v->max_legs; i++)
        v->free_legs[i] = v->max_legs - 1 - i;
    v->n_free_calls = c->max_calls;
    v->n_free_legs = v->max_legs;
    jn_id_maker_init(&v->ids, c->boot, JN_MAKER_SIP);
    *out = v;
    return 0;
}

void jn_act_voice_sink(struct jn_act_voice *v, struct jn_sip_sink *sink)
{
    sink->invite = on_invite;
    sink->ringing = on_ringing;
    sink->answered = on_answered;
    sink->confirmed = on_confirmed;
    sink->early = on_early;
    sink->refer = on_refer;
    sink->reinvite = on_reinvite;
    sink->ended = on_ended;
    sink->phone = on_phone;
    sink->arg = v;
}

void jn_act_voice_sip(struct jn_act_voice *v, struct jn_sip *sip)
{
    v->sip = sip;
}

void jn_act_voice_directory(struct jn_act_voice *v, struct jn_directory *dir)
{
    struct jn_directory *before = v->dir;
    v->dir = jn_directory_ref(dir);
    jn_directory_unref(before);
    voice_lines_review(v);
}

int jn_act_voice_control(struct jn_act_voice *v, uint64_t ix, uint64_t agent, int what)
{
    struct call *c = voice_call_by_ix(v, ix);
    if (!c || !c->agent || c->agent->agent != agent || c->state < CALL_ANNOUNCING || c->state > CALL_HELD)
        return -ENOENT;
    switch ((enum jn_control)what) {
    case JN_CONTROL_HANGUP:
        voice_finish(v, c, JN_EV_END, JN_WHY_AGENT);
        voice_close(v, c, 0);
        return 0;
    case JN_CONTROL_HOLD:
    case JN_CONTROL_RESUME:
        voice_hold(v, c, HOLD_API, what == JN_CONTROL_HOLD, true);
        return 0;
    case JN_CONTROL_RECORD:
    case JN_CONTROL_RECORD_PAUSE:
    case JN_CONTROL_RECORD_MASK:
        return voice_record_state(v, c, (uint8_t)(what - JN_CONTROL_RECORD + 1));
    }
    return -EINVAL;
}

const struct jn_voice_counts *jn_act_voice_counts(const struct jn_act_voice *v)
{
    return &v->counts;
}

unsigned jn_act_voice_calls(const struct jn_act_voice *v)
{
    return v->in_use + voice_lines_ending(v);
}

void jn_act_voice_end_all(struct jn_act_voice *v)
{
    for (uint32_t i = 0; i < v->c.max_calls; i++) {
        struct call *c = &v->calls[i];
        if (c->state == CALL_FREE || c->state == CALL_CLOSING)
            continue;
        voice_finish(v, c, JN_EV_END, JN_WHY_DRAINING);
        voice_close(v, c, 503);
    }
    voice_lines_end(v);
}

void jn_act_voice_close(struct jn_act_voice *v)
{
    if (!v)
        return;
    jn_map_free(&v->by_ix);
    jn_map_free(&v->by_sip);
    jn_map_free(&v->by_media);
    voice_lines_free(v);
    free(v->calls);
    free(v->touched);
    free(v->legs);
    free(v->free_calls);
    free(v->free_legs);
    jn_directory_unref(v->dir);
    free(v);
}
