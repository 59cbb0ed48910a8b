/* Act voice, nailed-up lines: an agent's phone is called once, when the agent becomes ready, and stays on the line;
 * each call borrows its leg and gives it back. While nobody has it, it stands in a room of its own with soft noise. A
 * line ends with the log-out, or with the phone's hang-up, which makes the agent not ready. */
#include "engine/act/act_voice_call.h"
#include "engine/base/log.h"
#include "engine/base/rand.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RING_MS = 60000 };
enum line_state { LINE_FREE, LINE_OPENING, LINE_CALLING, LINE_UP, LINE_ENDING };

/* closing: to be ended once its call gives it back. again: the agent became ready while it ended. */
struct line {
    uint64_t agent, tenant, ring_until_ns;
    struct leg *leg;
    struct call *own, *lent; /* lent: offered to that call, or in it */
    uint8_t state, accept;
    bool closing, again, tell, lost;
    char reason[JN_REASON_MAX];
};
struct voice_lines {
    struct line *at;
    uint32_t *free, n_free, cap, ending;
    struct jn_map by_agent;
};

static const struct jn_say comfort = {.sound = {"junctor/comfort"}, .n = 1},
                           alert = {.sound = {"junctor/beep"}, .n = 1};

int voice_lines_open(struct jn_act_voice *v)
{
    struct voice_lines *x = v->lines = calloc(1, sizeof *x);
    if (!x)
        return -ENOMEM;
    x->cap = x->n_free = v->c.max_calls;
    x->at = calloc(x->cap, sizeof *x->at);
    x->free = malloc(x->cap * sizeof *x->free);
    if (!x->at || !x->free || jn_map_init(&x->by_agent, 64))
        return -ENOMEM;
    for (uint32_t i = 0; i < x->cap; i++) {
        x->free[i] = x->cap - 1 - i;
        x->at[i].own = &v->calls[v->c.max_calls + i];
        x->at[i].own->index = v->c.max_calls + i;
    }
    return 0;
}

void voice_lines_free(struct jn_act_voice *v)
{
    if (!v->lines)
        return;
    jn_map_free(&v->lines->by_agent);
    free(v->lines->at);
    free(v->lines->free);
    free(v->lines);
    v->lines = NULL;
}

unsigned voice_lines_ending(const struct jn_act_voice *v)
{
    return v->lines->ending;
}

static struct line *line_of_agent(struct jn_act_voice *v, uint64_t agent)
{
    uint32_t i = jn_map_get(&v->lines->by_agent, agent);
    return i == JN_MAP_NONE ? NULL : &v->lines->at[i];
}

static struct line *line_of(struct jn_act_voice *v, const struct call *own)
{
    return &v->lines->at[own->index - v->c.max_calls];
}

/* ---- the agent's state, as the router has it ---- */

static void tell(struct jn_act_voice *v, struct line *x)
{
    struct jn_event ev = {.tenant = x->tenant, .kind = JN_EV_NOT_READY, .maker = JN_MAKER_SIP};
    ev.who.agent = x->agent;
    jn_copy(ev.who.reason, sizeof ev.who.reason, x->reason);
    x->tell = v->ports.event(v->ports.arg, &ev, false) != 0; /* no room: the next tick tries again */
}

static void not_ready(struct jn_act_voice *v, struct line *x, const char *reason)
{
    if (x->lost || x->closing)
        return; /* known, or asked for */
    x->lost = true;
    v->counts.lines_lost++;
    jn_copy(x->reason, sizeof x->reason, reason);
    jn_info("voice", "nailed-up line lost agent=%llx: %s", (unsigned long long)x->agent, reason);
    tell(v, x);
}

/* ---- beginning and ending ---- */

static struct line *start(struct jn_act_voice *v, const struct jn_dir_agent *a)
{
    struct voice_lines *all = v->lines;
    if (!all->n_free)
        return NULL;
    uint32_t i = all->free[all->n_free - 1];
    struct line *x = &all->at[i];
    struct call *own = x->own;
    uint64_t ix = jn_id_make(&v->ids);
    unsigned worker = voice_pick_worker(v);
    *own =
        (struct call){.ix = ix, .tenant = a->tenant, .index = own->index, .home = (uint8_t)worker, .state = CALL_LINE};
    if (jn_map_set(&all->by_agent, a->set.id, i))
        return NULL;
    /* Its worker keeps the places of a caller's leg: the room of its own is closed there too. */
    struct leg *l = voice_leg_open(v, own, SIDE_CALLER, a->set.id, worker, NULL);
    if (!l) {
        jn_map_del(&all->by_agent, a->set.id);
        own->state = CALL_FREE;
        return NULL;
    }
    own->caller = NULL;
    own->agent = l;
    l->side = SIDE_AGENT;
    l->nailed = true;
    l->line = i;
    voice_our_offer(l, JN_CODEC_PCMU, a->srtp);
    all->n_free--;
    *x = (struct line){.agent = a->set.id,
                       .tenant = a->tenant,
                       .leg = l,
                       .own = own,
                       .state = LINE_OPENING,
                       .accept = a->accept,
                       .ring_until_ns = v->now_ns + RING_MS * UINT64_C(1000000)};
    return x;
}

/* Hangs up and gives everything back; the line is free when dialog and ports are gone. */
static void over(struct jn_act_voice *v, struct line *x)
{
    struct leg *l = x->leg;
    if (x->state == LINE_ENDING || x->state == LINE_FREE)
        return;
    x->state = LINE_ENDING;
    v->lines->ending++;
    x->own->agent = NULL;
    l->nailed = false;
    voice_leg_hangup(v, l);
    voice_leg_close(v, x->own, l);
    voice_room_close(v, x->own);
    voice_leg_settle(v, l);
}

void voice_line_settle(struct jn_act_voice *v, struct call *own)
{
    struct line *x = line_of(v, own);
    if (x->state != LINE_ENDING || own->legs || x->tell)
        return;
    uint64_t agent = x->agent;
    bool again = x->again;
    jn_map_del(&v->lines->by_agent, agent);
    v->lines->ending--;
    v->lines->free[v->lines->n_free++] = own->index - v->c.max_calls;
    own->state = CALL_FREE;
    x->state = LINE_FREE;
    x->leg = NULL;
    const struct jn_dir_agent *a = again ? jn_dir_agent(v->dir, agent) : NULL;
    if (a && a->answer == JN_ANSWER_NAILED)
        start(v, a);
}

/* Nobody wants it any more. */
static void dismiss(struct jn_act_voice *v, struct line *x)
{
    x->closing = true;
    x->again = false;
    if (!x->lent)
        over(v, x);
}

void voice_line_failed(struct jn_act_voice *v, struct call *own, const char *reason)
{
    struct line *x = line_of(v, own);
    struct call *c = x->lent;
    if (x->state == LINE_ENDING)
        return;
    not_ready(v, x, reason);
    if (c && c->state == CALL_CONNECTING) { /* taken already: what the agent's hang-up means to any call */
        voice_finish(v, c, JN_EV_END, JN_WHY_AGENT);
        voice_close(v, c, 0);
    } else if (c) {
        voice_agent_failed(v, c, JN_WHY_UNREACHABLE);
    }
    over(v, x);
}

void voice_line_lost(struct jn_act_voice *v, struct leg *l, const char *reason)
{
    struct line *x = &v->lines->at[l->line];
    not_ready(v, x, reason);
    x->closing = true;
}

/* ---- news of its leg ---- */

void voice_line_opened(struct jn_act_voice *v, struct call *own)
{
    struct line *x = line_of(v, own);
    const struct jn_dir_tenant *t = jn_dir_tenant(v->dir, own->tenant);
    const struct jn_dir_agent *a = jn_dir_agent(v->dir, x->agent);
    char sdp[JN_SDP_MAX];
    uint64_t sip = 0;
    int rc = jn_sdp_write(sdp, sizeof sdp, &x->leg->local, NULL) < 0 || !a ? -EINVAL : 0;
    struct jn_sip_agent_call to = {.agent = x->agent,
                                   .from_display = t ? t->name : "Junctor",
                                   .from_user = "line",
                                   .sdp = sdp,
                                   .auto_answer = true};
    if (!rc)
        rc = jn_sip_call_agent(v->sip, &sip, &to);
    if (rc) {
        voice_line_failed(v, own, "phone_unreachable");
        return;
    }
    x->state = LINE_CALLING;
    voice_leg_sip(v, x->leg, sip);
}

/* Into the room of its own, with soft noise so that the phone does not take the line for dead. */
static void park(struct jn_act_voice *v, struct line *x)
{
    const struct jn_say *say = &comfort;
    uint64_t token, until;
    if (x->leg->kept < 2 && v->ports.admit_leg(v->ports.arg, x->leg->worker, 1))
        return; /* in no room: silent until the next call */
    x->leg->kept = 2;
    if (!voice_room_join(v, x->own, x->leg))
        voice_say_to(v, x->own, x->leg, &say, 1, true, &token, &until);
}

static void take(struct jn_act_voice *v, struct line *x, struct call *c)
{
    uint64_t token, until;
    const struct jn_say *say = &alert;
    if (c->connect_wanted) { /* accepted at the desk meanwhile */
        voice_connect(v, c, x->agent);
    } else if (x->accept == JN_ACCEPT_AUTO) {
        voice_step(v, c, CALL_CONNECTING);
        voice_tell(v, c, JN_EV_ACCEPT, JN_WHY_NONE, x->agent);
    } else if (x->leg->joined) {
        voice_say_to(v, x->own, x->leg, &say, 1, false, &token, &until);
    }
}

void voice_line_answered(struct jn_act_voice *v, struct call *own, struct leg *l, const char *sdp)
{
    struct line *x = line_of(v, own);
    struct jn_err why = {{0}};
    l->up = true;
    if (x->state != LINE_CALLING || l->hung_up) {
        jn_sip_hangup(v->sip, l->sip); /* it was let go while it answered */
        return;
    }
    voice_dialog_keep(v, own, l);
    int rc = sdp ? jn_sdp_parse(&l->offer, sdp, strlen(sdp), &why) : -EBADMSG;
    if (!rc)
        rc = jn_sdp_accept(&l->remote, &l->local, &l->offer, &why);
    l->remote.latch = l->remote.suite == JN_SUITE_NONE;
    if (rc || voice_leg_remote(v, own, l) || voice_room_open(v, own)) {
        jn_info("voice", "a nailed-up line cannot be used: %s", why.text);
        voice_line_failed(v, own, "phone_no_media");
        return;
    }
    x->state = LINE_UP;
    v->counts.lines_up++;
    park(v, x);
    if (x->lent)
        take(v, x, x->lent);
}

/* ---- calls ---- */

void voice_line_offer(struct jn_act_voice *v, struct call *c, const struct jn_dir_agent *a)
{
    struct line *x = line_of_agent(v, a->set.id);
    bool ending = x && (x->closing || x->lost || x->state == LINE_ENDING);
    if (!x)
        x = jn_sip_phone_registered(v->sip, a->set.id) ? start(v, a) : NULL;
    if (!x || ending || x->lent) {
        v->counts.agent_failed++;
        voice_tell(v, c, JN_EV_REFUSE, x && !ending ? JN_WHY_BUSY : JN_WHY_UNREACHABLE, a->set.id);
        return;
    }
    x->lent = c;
    c->agent = x->leg; /* the leg's own news still goes to the line: it is the call's once it is joined */
    if (x->leg->local.mode == JN_MODE_RECVONLY || x->leg->local.mode == JN_MODE_INACTIVE)
        c->holds |= HOLD_AGENT; /* the phone held the line */
    if (x->state == LINE_UP)
        take(v, x, c);
}

bool voice_line_free(struct jn_act_voice *v, uint64_t agent)
{
    const struct line *x = line_of_agent(v, agent);
    return x && x->state == LINE_UP && !x->lent && !x->closing && !x->lost;
}

struct leg *voice_line_borrow(struct jn_act_voice *v, struct call *c, uint64_t agent)
{
    struct line *x = line_of_agent(v, agent);
    if (!voice_line_free(v, agent) || c->room || c->kept_room ||
        v->ports.admit_leg(v->ports.arg, x->leg->worker, 1)) /* ROOM_CLOSE: no leg of the call's own keeps it */
        return NULL;
    c->kept_room = true;
    c->home = x->leg->worker;
    x->lent = c;
    c->agent = x->leg;
    return x->leg;
}

int voice_line_lend(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    struct line *x = &v->lines->at[l->line];
    bool elsewhere = l->worker != c->home, more = l->joined || l->kept < 2;
    if (more && v->ports.admit_leg(v->ports.arg, l->worker, 1))
        return -EAGAIN;
    if (elsewhere && v->ports.admit_leg(v->ports.arg, c->home, 1)) {
        if (more)
            v->ports.release_leg(v->ports.arg, l->worker, 1);
        return -EAGAIN;
    }
    l->kept = (uint8_t)(l->kept + more);
    voice_room_leave(v, x->own, l);
    l->kept_home = elsewhere;
    l->call = c->index;
    voice_leg_seen(v, c, l, NULL);
    return 0;
}

void voice_line_return(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    struct line *x = &v->lines->at[l->line];
    bool was_in = l->call == c->index;
    if (x->lent == c)
        x->lent = NULL;
    if (c->agent == l)
        c->agent = NULL;
    if (was_in) {
        voice_room_leave(v, c, l);
        if (l->kept_home) /* it never joined */
            v->ports.release_leg(v->ports.arg, c->home, l->kept_home);
        l->kept_home = 0;
        l->call = x->own->index;
    }
    if (!l->sip || x->closing)
        over(v, x);
    else if (was_in)
        park(v, x);
}

/* ---- agents, time ---- */

void voice_line_agent(struct jn_act_voice *v, const struct jn_agent_row *row)
{
    const struct jn_dir_agent *a = jn_dir_agent(v->dir, row->id);
    struct line *x = line_of_agent(v, row->id);
    bool nailed = a && a->answer == JN_ANSWER_NAILED;
    if (x && (!nailed || row->state == JN_AGENT_LOGGED_OUT)) {
        dismiss(v, x);
    } else if (nailed && row->state == JN_AGENT_READY && !x) {
        start(v, a);
    } else if (nailed && row->state == JN_AGENT_READY && x->state == LINE_ENDING) {
        x->again = true;
    } else if (x && row->state == JN_AGENT_READY && x->closing && !x->lost) {
        x->closing = false; /* logged out and in again while a call had it */
    }
}

void voice_lines_review(struct jn_act_voice *v)
{
    for (uint32_t i = 0; v->lines && i < v->lines->cap; i++) {
        struct line *x = &v->lines->at[i];
        if (x->state == LINE_FREE)
            continue;
        const struct jn_dir_agent *a = jn_dir_agent(v->dir, x->agent);
        if (!a || a->answer != JN_ANSWER_NAILED)
            dismiss(v, x);
        else
            x->accept = a->accept;
    }
}

void voice_lines_tick(struct jn_act_voice *v, uint64_t now_ns)
{
    uint32_t left = v->lines->cap - v->lines->n_free;
    for (uint32_t i = 0; i < v->lines->cap && left; i++) {
        struct line *x = &v->lines->at[i];
        if (x->state == LINE_FREE)
            continue;
        left--;
        if (x->tell) {
            tell(v, x);
            voice_line_settle(v, x->own);
        }
        if ((x->state == LINE_OPENING || x->state == LINE_CALLING) && now_ns >= x->ring_until_ns)
            voice_line_failed(v, x->own, "phone_no_answer");
    }
}

void voice_lines_end(struct jn_act_voice *v)
{
    for (uint32_t i = 0; i < v->lines->cap; i++)
        if (v->lines->at[i].state != LINE_FREE)
            dismiss(v, &v->lines->at[i]);
}
