/* Act voice, supervisors: one a call, on the supervisor's own phone, who listens, whispers to the agent or barges in.
 * The phone's leg stands in the call's room beside the others, from its answer on; it stays with the call whatever
 * becomes of that (hold, queue, transfer), and ends with it. Neither the router nor the agent hears of it. */
#include "engine/act/act_voice_call.h"
#include "engine/base/log.h"
#include <errno.h>
#include <string.h>

enum { EVERYBODY = (1u << JN_TRACK_N) - 1 };

const char *const jn_watch_names[JN_WATCH_N] = JN_WATCH_NAMES;

/* Who hears the supervisor. A whisper is for an agent of ours: an outside party that took the agent's place does not
 * hear it. */
static uint8_t spoken_to(const struct call *c)
{
    if (c->watch_mode == JN_WATCH_BARGE)
        return EVERYBODY;
    return c->watch_mode == JN_WATCH_WHISPER && c->agent && c->agent->agent ? 1u << JN_TRACK_AGENT : 0;
}

static void tell(struct jn_act_voice *v, const struct call *c, uint64_t supervisor, enum jn_watch_state state,
                 enum jn_why why)
{
    struct jn_voice_watch w = {.ix = c->ix,
                               .tenant = c->tenant,
                               .supervisor = supervisor,
                               .mode = c->watch_mode,
                               .state = (uint8_t)state,
                               .why = (uint8_t)why};
    char id[JN_ID_TEXT_MAX];
    jn_info("voice", "supervised ix=%s supervisor=%llx mode=%s state=%u why=%u", jn_id_text(c->ix, id),
            (unsigned long long)supervisor, jn_watch_names[c->watch_mode], state, why);
    if (v->ports.supervised)
        v->ports.supervised(v->ports.arg, &w);
}

void voice_watch_end(struct jn_act_voice *v, struct call *c, enum jn_why why)
{
    struct leg *l = c->watch;
    if (!l)
        return;
    c->watch = NULL;
    c->watch_speak_due = false;
    if (l->joined)
        v->counts.watched_now--;
    else
        v->counts.watch_failed++;
    tell(v, c, l->agent, JN_WATCH_ENDED, why);
    c->watch_mode = JN_WATCH_NONE;
    voice_leg_hangup(v, l);
    voice_leg_close(v, c, l);
    voice_leg_settle(v, l);
}

static int begin(struct jn_act_voice *v, struct call *c, uint64_t supervisor, enum jn_watch_mode mode)
{
    const struct jn_dir_agent *a = jn_dir_agent(v->dir, supervisor);
    if (!a || !jn_sip_phone_registered(v->sip, supervisor))
        return -ENOTCONN;
    unsigned worker = v->c.spread_legs && v->c.workers > 1 ? (c->home + 1u) % v->c.workers : c->home;
    struct leg *l = voice_leg_open(v, c, SIDE_WATCH, supervisor, worker, NULL);
    if (!l)
        return -EAGAIN;
    if (v->c.ring_ms)
        l->ring_until_ns = v->now_ns + v->c.ring_ms * UINT64_C(1000000);
    voice_our_offer(l, c->caller->remote.codec < JN_CODEC_N ? c->caller->remote.codec : (uint8_t)JN_CODEC_PCMU,
                    a->srtp);
    c->watch_mode = (uint8_t)mode;
    tell(v, c, supervisor, JN_WATCH_CALLING, JN_WHY_NONE);
    return 0;
}

static bool speak(struct jn_act_voice *v, struct call *c)
{
    struct jn_order o = {.kind = JN_ORDER_SPEAK, .leg_worker = c->watch->worker, .leg = c->watch->id};
    o.token = c->watch->id;
    o.hear.tracks = spoken_to(c);
    c->watch_speak_due = voice_room_order(v, c, &o) != 0;
    if (!c->watch_speak_due)
        c->watch_to = o.hear.tracks;
    return !c->watch_speak_due;
}

void voice_watch_review(struct jn_act_voice *v, struct call *c)
{
    if (c->watch && c->watch->joined && spoken_to(c) != c->watch_to)
        speak(v, c);
}

static void change(struct jn_act_voice *v, struct call *c, enum jn_watch_mode mode)
{
    if (c->watch_mode == mode)
        return;
    c->watch_mode = (uint8_t)mode;
    if (!c->watch->joined) { /* it rings: the mode that it joins in is another */
        tell(v, c, c->watch->agent, JN_WATCH_CALLING, JN_WHY_NONE);
        return;
    }
    v->counts.watch_changes++;
    if (speak(v, c))
        tell(v, c, c->watch->agent, JN_WATCH_UP, JN_WHY_NONE);
}

int jn_act_voice_supervise(struct jn_act_voice *v, uint64_t ix, uint64_t supervisor, enum jn_watch_mode mode, bool any)
{
    struct call *c = voice_call_by_ix(v, ix);
    if (!c || c->state == CALL_CLOSING || c->state == CALL_LINE)
        return -ENOENT;
    if (mode == JN_WATCH_NONE) {
        if (!c->watch)
            return -ENOENT;
        if (c->watch->agent != supervisor && !any)
            return -EBUSY;
        voice_watch_end(v, c, JN_WHY_AGENT);
        return 0;
    }
    if (c->watch && c->watch->agent != supervisor)
        return -EBUSY;
    if (c->watch) {
        change(v, c, mode);
        return 0;
    }
    if (!c->room || (c->state != CALL_TALKING && c->state != CALL_HELD))
        return -ENOENT;
    if ((c->agent && c->agent->agent == supervisor) || (c->third && c->third->agent == supervisor))
        return -EDEADLK;
    return begin(v, c, supervisor, mode);
}

bool voice_watch_opened(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    char sdp[JN_SDP_MAX], info[2 * JN_NAME_MAX + 4];
    const struct jn_dir_agent *a = jn_dir_agent(v->dir, l->agent);
    uint64_t sip = 0;
    if (l->side != SIDE_WATCH)
        return false;
    if (l != c->watch)
        return true;
    if (jn_sdp_write(sdp, sizeof sdp, &l->local, NULL) < 0) {
        voice_watch_end(v, c, JN_WHY_MEDIA);
        return true;
    }
    struct jn_sip_agent_call to = {
        .agent = l->agent, .from_display = "Supervision", .from_user = c->row.caller, .sdp = sdp};
    to.auto_answer = a && a->answer != JN_ANSWER_PHONE;
    to.info = voice_client_text(v, c, info, sizeof info);
    int rc = jn_sip_call_agent(v->sip, &sip, &to);
    if (rc)
        voice_watch_end(v, c, rc == -ENOTCONN ? JN_WHY_UNREACHABLE : JN_WHY_BUSY);
    else
        voice_leg_sip(v, l, sip);
    return true;
}

bool voice_watch_refused(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    if (l->side != SIDE_WATCH)
        return false;
    if (l == c->watch)
        voice_watch_end(v, c, JN_WHY_BUSY);
    return true;
}

/* Into the room, heard by nobody but whom the mode says, from the first sample on. */
static int join(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    struct jn_order o = {.kind = JN_ORDER_ROOM_JOIN,
                         .leg_worker = l->worker,
                         .room_worker = c->home,
                         .token = l->id,
                         .leg = l->id,
                         .room = c->ix};
    o.join.track = JN_TRACK_SUPERVISOR;
    c->watch_to = spoken_to(c);
    o.join.unheard = EVERYBODY & (uint8_t)~c->watch_to;
    if (v->ports.order(v->ports.arg, l->worker, &o))
        return -EAGAIN;
    l->joined = true;
    v->counts.watched_now++;
    return l->worker != c->home ? v->ports.order(v->ports.arg, c->home, &o)
                                : 0; /* the leave that follows goes to both */
}

bool voice_watch_answered(struct jn_act_voice *v, struct call *c, struct leg *l, const char *sdp)
{
    struct jn_err why = {{0}};
    if (l->side != SIDE_WATCH)
        return false;
    l->up = true;
    if (l != c->watch || l->hung_up) {
        jn_sip_hangup(v->sip, l->sip); /* it was let go while it answered */
        return true;
    }
    voice_dialog_keep(v, c, l);
    int rc = sdp ? jn_sdp_parse(&l->offer, sdp, strlen(sdp), &why) : -EBADMSG;
    if (!rc)
        rc = jn_sdp_accept(&l->remote, &l->local, &l->offer, &why);
    l->remote.latch = l->remote.suite == JN_SUITE_NONE;
    if (rc) {
        jn_info("voice", "a supervisor's phone answers with media that we cannot use: %s", why.text);
        voice_watch_end(v, c, JN_WHY_MEDIA);
    } else if (voice_leg_remote(v, c, l) || join(v, c, l)) {
        v->counts.orders_refused++;
        voice_watch_end(v, c, JN_WHY_BUSY);
    } else {
        v->counts.watched++;
        tell(v, c, l->agent, JN_WATCH_UP, JN_WHY_NONE);
    }
    return true;
}

bool voice_watch_ended(struct jn_act_voice *v, struct call *c, struct leg *l, enum jn_sip_end how, int status)
{
    if (l->side != SIDE_WATCH)
        return false;
    if (l != c->watch)
        return true;
    enum jn_why why = JN_WHY_PHONE_REJECT;
    if (l->up)
        why = JN_WHY_AGENT;
    else if (how == JN_SIP_END_TIMEOUT || how == JN_SIP_END_ERROR || status == 408)
        why = JN_WHY_UNREACHABLE;
    else if (status == 486 || status == 600)
        why = JN_WHY_PHONE_BUSY;
    voice_watch_end(v, c, why);
    return true;
}

void voice_watch_tick(struct jn_act_voice *v, struct call *c, uint64_t now_ns)
{
    struct leg *l = c->watch;
    if (!l)
        return;
    if (!l->up && l->ring_until_ns && now_ns >= l->ring_until_ns)
        voice_watch_end(v, c, JN_WHY_NO_ANSWER);
    else if (c->watch_speak_due && speak(v, c))
        tell(v, c, l->agent, JN_WATCH_UP, JN_WHY_NONE);
    else
        voice_watch_review(v, c);
}
