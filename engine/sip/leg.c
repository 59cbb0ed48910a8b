/* Leg: the table of dialogs and what may be done to each: ring, answer, refuse, hang up. `ended` is said once for each
 * leg, whichever of BYE, CANCEL, answer, refusal or time-out wins. */
#include "engine/sip/ua.h"
#include <errno.h>
#include <stdlib.h>

/* What a leg has on the heap. */
static void forget(struct jn_sip_leg *l)
{
    free(l->sdp);
    free(l->offer);
    free(l->out);
    l->sdp = l->offer = NULL;
    l->out = NULL;
}

int jn_sip_legs_init(struct jn_sip *s)
{
    uint32_t n = s->c.max_legs;
    s->legs = calloc(n, sizeof *s->legs);
    s->free_legs = malloc(n * sizeof *s->free_legs);
    if (!s->legs || !s->free_legs || jn_map_init(&s->by_id, n) || jn_heap_init(&s->timers, n))
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        s->free_legs[i] = n - 1 - i;
    s->n_free = n;
    return 0;
}

void jn_sip_legs_free(struct jn_sip *s)
{
    for (uint32_t i = 0; s->legs && i < s->c.max_legs; i++)
        forget(&s->legs[i]);
    jn_heap_free(&s->timers);
    jn_map_free(&s->by_id);
    free(s->free_legs);
    free(s->legs);
}

struct jn_sip_leg *jn_sip_leg_new(struct jn_sip *s, nua_handle_t *nh, enum leg_state state)
{
    if (!s->n_free)
        return NULL;
    uint32_t i = s->free_legs[s->n_free - 1];
    uint64_t id = s->next_id + 1;
    if (jn_map_set(&s->by_id, id, i))
        return NULL;
    s->n_free--;
    s->next_id = id;
    struct jn_sip_leg *l = &s->legs[i];
    *l = (struct jn_sip_leg){.id = id, .nh = nh, .state = (uint8_t)state, .how = JN_SIP_END_ERROR, .index = i};
    for (uint32_t k = 0; k < LEG_TIMERS; k++)
        l->timer[k] = (struct jn_timer){.id = id * LEG_TIMERS + k, .arg = id, .kind = k, .slot = JN_TIMER_IDLE};
    count(&s->counts.legs_open);
    if (nh)
        nua_handle_bind(nh, l);
    return l;
}

struct jn_sip_leg *jn_sip_leg_get(const struct jn_sip *s, uint64_t id)
{
    uint32_t i = id ? jn_map_get(&s->by_id, id) : JN_MAP_NONE;
    return i == JN_MAP_NONE ? NULL : &s->legs[i];
}

void jn_sip_leg_drop(struct jn_sip *s, struct jn_sip_leg *l)
{
    for (int k = 0; k < LEG_TIMERS; k++)
        jn_heap_disarm(&s->timers, &l->timer[k]);
    if (l->by_update)
        nua_destroy_event(l->ask);
    forget(l);
    jn_sip_trunk_left(s, l);
    if (l->nh) {
        nua_handle_bind(l->nh, NULL);
        nua_handle_destroy(l->nh);
    }
    jn_map_del(&s->by_id, l->id);
    l->state = LEG_FREE;
    l->id = 0;
    s->free_legs[s->n_free++] = l->index;
    atomic_fetch_sub_explicit(&s->counts.legs_open, 1, memory_order_relaxed);
}

void jn_sip_leg_end(struct jn_sip *s, struct jn_sip_leg *l)
{
    uint64_t id = l->id;
    enum jn_sip_end how = l->how;
    int status = l->status;
    jn_sip_leg_drop(s, l);
    s->sink.ended(s->sink.arg, id, how, status);
}

void jn_sip_leg_arm(struct jn_sip *s, struct jn_sip_leg *l, enum leg_timer which, uint64_t after_ms)
{
    if (jn_heap_arm(&s->timers, &l->timer[which], jn_mono_ns() + after_ms * 1000000))
        jn_error("sip", "no memory for a timer of a leg");
}

void jn_sip_leg_disarm(struct jn_sip *s, struct jn_sip_leg *l, enum leg_timer which)
{
    jn_heap_disarm(&s->timers, &l->timer[which]);
}

static void guard(struct jn_sip *s, struct jn_sip_leg *l)
{
    jn_sip_leg_arm(s, l, TIMER_GUARD, (s->c.t1x64_ms ? s->c.t1x64_ms : 32000) + JN_SIP_GUARD_MS);
}

void jn_sip_legs_tick(struct jn_sip *s, uint64_t now_ns)
{
    struct jn_timer *t;
    while ((t = jn_heap_due(&s->timers, now_ns))) {
        struct jn_sip_leg *l = jn_sip_leg_get(s, t->arg);
        if (!l)
            continue;
        if (t->kind == TIMER_AGAIN) {
            jn_sip_offer_again(s, l);
            continue;
        }
        if (t->kind == TIMER_SESSION) {
            jn_sip_session_due(s, l, now_ns);
            continue;
        }
        jn_warn("sip", "leg ended by guard leg=%llu state=%u", (unsigned long long)l->id, l->state);
        l->how = JN_SIP_END_TIMEOUT;
        jn_sip_leg_end(s, l);
    }
}

const char *jn_sip_body(struct jn_sip *s, const sip_t *sip, int *status)
{
    *status = 0;
    const sip_payload_t *pl = sip->sip_payload;
    if (!pl || !pl->pl_data || pl->pl_len == 0)
        return NULL;
    const sip_content_type_t *type = sip->sip_content_type;
    if (!type || !type->c_type || strcasecmp(type->c_type, "application/sdp")) {
        *status = 415;
        return NULL;
    }
    if (pl->pl_len > JN_SIP_BODY_MAX) {
        *status = 413;
        return NULL;
    }
    memcpy(s->body, pl->pl_data, pl->pl_len);
    s->body[pl->pl_len] = 0;
    return s->body;
}

/* States in which the leg still waits for an answer of ours. */
static bool waits(const struct jn_sip_leg *l)
{
    return l->state == LEG_IN || l->reinvite;
}

/* The UPDATE that waited was answered. */
static void update_done(struct jn_sip_leg *l)
{
    nua_destroy_event(l->ask);
    l->by_update = false;
    l->reinvite = false;
}

int jn_sip_ring(struct jn_sip *s, uint64_t leg)
{
    struct jn_sip_leg *l = jn_sip_leg_get(s, leg);
    if (!l || l->state != LEG_IN)
        return -ENOENT;
    char contact[JN_SIP_URI_MAX];
    nua_respond(l->nh, SIP_180_RINGING, SIPTAG_CONTACT_STR(jn_sip_contact(s, l, contact)), TAG_END());
    return 0;
}

int jn_sip_answer(struct jn_sip *s, uint64_t leg, const char *sdp)
{
    struct jn_sip_leg *l = jn_sip_leg_get(s, leg);
    const char *text = l && waits(l) ? jn_sip_sdp_out(l, sdp) : NULL;
    if (!text)
        return -ENOENT;
    if (l->by_update) {
        nua_respond(l->nh, SIP_200_OK, NUTAG_WITH_SAVED(l->ask), SIPTAG_CONTENT_TYPE_STR("application/sdp"),
                    SIPTAG_PAYLOAD_STR(text), TAG_END());
        update_done(l);
        return 0;
    }
    char contact[JN_SIP_URI_MAX];
    nua_respond(l->nh, SIP_200_OK, SIPTAG_CONTACT_STR(jn_sip_contact(s, l, contact)),
                SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(text), TAG_END());
    l->offered = l->delayed;
    l->reinvite = false;
    if (l->state == LEG_IN) {
        l->state = LEG_IN_OK;
        count(&s->counts.answered);
        guard(s, l);
    }
    return 0;
}

int jn_sip_refuse(struct jn_sip *s, uint64_t leg, int status)
{
    struct jn_sip_leg *l = jn_sip_leg_get(s, leg);
    if (!l || !waits(l))
        return -ENOENT;
    const char *phrase = sip_status_phrase(status);
    if (l->by_update) {
        l->peer_sdp = 0;
        nua_respond(l->nh, status, phrase ? phrase : sip_500_Internal_server_error, NUTAG_WITH_SAVED(l->ask),
                    TAG_END());
        update_done(l);
        return 0;
    }
    l->peer_sdp = 0; /* it is not in force: the same offer is asked about again */
    nua_respond(l->nh, status, phrase ? phrase : sip_500_Internal_server_error,
                TAG_IF(status == 503, SIPTAG_RETRY_AFTER_STR("5")), TAG_END());
    l->reinvite = false;
    if (l->state == LEG_IN) {
        l->state = LEG_ENDING;
        l->how = JN_SIP_END_REFUSED;
        l->status = status;
        count(&s->counts.refused);
        guard(s, l);
    }
    return 0;
}

void jn_sip_hangup(struct jn_sip *s, uint64_t leg)
{
    struct jn_sip_leg *l = jn_sip_leg_get(s, leg);
    if (!l || l->hangup)
        return;
    switch ((enum leg_state)l->state) {
    case LEG_IN:
        jn_sip_refuse(s, leg, 480);
        break;
    case LEG_IN_OK: /* RFC 3261 15: no BYE before the ACK; it is sent then, or the time-out ends the leg */
        l->hangup = true;
        break;
    case LEG_OUT:
        l->hangup = true;
        l->state = LEG_OUT_CANCEL;
        l->how = JN_SIP_END_CANCEL;
        nua_cancel(l->nh, TAG_END());
        guard(s, l);
        break;
    case LEG_UP:
        l->hangup = true;
        if (l->reinvite)
            jn_sip_refuse(s, leg, 487);
        jn_sip_leg_bye(s, l, JN_SIP_END_BYE, NULL);
        break;
    case LEG_OUT_CANCEL:
    case LEG_ENDING:
    case LEG_FREE:
    case LEG_STATE_N:
        break;
    }
}

void jn_sip_leg_bye(struct jn_sip *s, struct jn_sip_leg *l, enum jn_sip_end how, const char *reason)
{
    if (l->referred) /* whoever asked to be moved hears that it will not be */
        jn_sip_refer_result(s, l->id, 487);
    l->state = LEG_ENDING;
    l->how = (uint8_t)how;
    nua_bye(l->nh, TAG_IF(reason, SIPTAG_REASON_STR(reason)), TAG_END());
    guard(s, l);
}

/* A provisional answer to our INVITE. */
static void progressed(struct jn_sip *s, struct jn_sip_leg *l, int status, const sip_t *sip)
{
    int bad;
    if (l->state != LEG_OUT)
        return;
    if (sip && sip->sip_to && sip->sip_to->a_tag && status > 100) {
        l->early = true;
        l->can_update = sip_is_allowed(sip->sip_allow, SIP_METHOD_UPDATE);
    }
    if ((status == 180 || status == 183) && !l->rang) {
        l->rang = true;
        s->sink.ringing(s->sink.arg, l->id);
    }
    const char *sdp = sip && l->state == LEG_OUT ? jn_sip_body(s, sip, &bad) : NULL;
    if (sdp && s->sink.early && jn_sip_sdp_new(l, sdp))
        s->sink.early(s->sink.arg, l->id, sdp);
}

static void invite_answered(struct jn_sip *s, struct jn_sip_leg *l, int status, const sip_t *sip)
{
    int bad;
    if (l->attempt && jn_sip_attempt_answered(s, l, status, sip))
        return;
    if (l->state == LEG_UP) {
        jn_sip_ours_answered(s, l, status, sip, false);
    } else if (status < 200) {
        progressed(s, l, status, sip);
    } else if (status < 300) {
        if (l->state == LEG_OUT_CANCEL) { /* the answer crossed our CANCEL: it is acknowledged, and ended */
            jn_sip_leg_bye(s, l, JN_SIP_END_BYE, NULL);
        } else if (l->state == LEG_OUT) {
            l->state = LEG_UP;
            const char *sdp = NULL;
            if (sip) {
                jn_sip_dialog_out(l, sip);
                jn_sip_session(s, l, sip, false);
                sdp = jn_sip_body(s, sip, &bad);
            }
            if (sdp)
                jn_sip_sdp_new(l, sdp);
            count(&s->counts.answered);
            s->sink.answered(s->sink.arg, l->id, sdp);
        }
    } else if (l->state == LEG_OUT || l->state == LEG_OUT_CANCEL) {
        if (l->state == LEG_OUT && status < 400 && sip && jn_sip_redirected(s, l, sip))
            return;
        if (l->state == LEG_OUT)
            l->how = status == 408 ? JN_SIP_END_TIMEOUT : sip ? JN_SIP_END_REFUSED : JN_SIP_END_ERROR;
        l->status = status;
        jn_sip_leg_end(s, l);
    }
}

static void acked(struct jn_sip *s, struct jn_sip_leg *l, const sip_t *sip)
{
    int bad;
    bool offered = l->offered;
    const char *sdp = offered ? jn_sip_body(s, sip, &bad) : NULL;
    l->offered = false;
    if (sdp)
        jn_sip_sdp_new(l, sdp);
    if (l->state == LEG_IN_OK) {
        jn_sip_leg_disarm(s, l, TIMER_GUARD);
        jn_sip_dialog_in(l, sip);
        l->state = LEG_UP;
        jn_sip_session_begins(s, l);
        if (l->hangup)
            jn_sip_leg_bye(s, l, JN_SIP_END_BYE, NULL);
        else
            s->sink.confirmed(s->sink.arg, l->id, sdp);
    } else if (l->state == LEG_UP && offered) {
        s->sink.confirmed(s->sink.arg, l->id, sdp);
    }
}

/* The stack answers a PRACK by itself. One with an offer (RFC 3262 5) would want an answer in it: the call is refused
 * rather than left with a description that nobody answered. */
static void pracked(struct jn_sip *s, struct jn_sip_leg *l, const sip_t *sip)
{
    if (l->state != LEG_IN || !sip || !sip->sip_payload)
        return;
    jn_info("sip", "an offer in a PRACK leg=%llu", (unsigned long long)l->id);
    jn_sip_refuse(s, l->id, 488);
}

void jn_sip_leg_event(struct jn_sip *s, struct jn_sip_leg *l, nua_event_t event, int status, const sip_t *sip,
                      tagi_t *tags)
{
    int state = nua_callstate_init;
    switch ((int)event) {
    case nua_i_invite:
        jn_sip_offer_event(s, l, sip, false);
        break;
    case nua_i_update:
        jn_sip_offer_event(s, l, sip, true);
        break;
    case nua_r_update:
        jn_sip_ours_answered(s, l, status, sip, true);
        break;
    case nua_i_prack:
        pracked(s, l, sip);
        break;
    case nua_i_refer:
        jn_sip_refer_event(s, l->nh, l, sip, tags);
        break;
    case nua_i_ack:
        acked(s, l, sip);
        break;
    case nua_i_cancel:
        if (l->state == LEG_IN) {
            l->how = JN_SIP_END_CANCEL;
            l->state = LEG_ENDING;
            guard(s, l);
        }
        break;
    case nua_i_bye:
        if (!l->hangup || l->state == LEG_IN_OK)
            l->how = JN_SIP_END_BYE;
        l->state = LEG_ENDING;
        guard(s, l);
        break;
    case nua_r_invite:
        invite_answered(s, l, status, sip);
        break;
    case nua_i_state:
        tl_gets(tags, NUTAG_CALLSTATE_REF(state), TAG_END());
        if (state != nua_callstate_terminated)
            break;
        if (l->state == LEG_IN_OK)
            l->how = JN_SIP_END_TIMEOUT; /* nobody acknowledged our answer */
        else if (l->state == LEG_UP) {   /* a request of ours was answered so that the dialog is over (RFC 5057) */
            l->how = status == 408 ? JN_SIP_END_TIMEOUT : status == 481 ? JN_SIP_END_BYE : JN_SIP_END_ERROR;
            l->status = status;
        }
        jn_sip_leg_end(s, l);
        break;
    case nua_i_terminated:
        jn_sip_leg_end(s, l);
        break;
    default:
        break;
    }
}
