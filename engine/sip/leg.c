/* Leg: the table of dialogs and what may be done to each: ring, answer, refuse, hang up. `ended` is said once for each
 * leg, whichever of BYE, CANCEL, answer, refusal or time-out wins. */
#include "engine/sip/ua.h"
#include <errno.h>
#include <stdlib.h>

int jn_sip_legs_init(struct jn_sip *s)
{
    uint32_t n = s->c.max_legs;
    s->legs = calloc(n, sizeof *s->legs);
    s->free_legs = malloc(n * sizeof *s->free_legs);
    if (!s->legs || !s->free_legs || jn_map_init(&s->by_id, n) || jn_heap_init(&s->guards, n))
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        s->free_legs[i] = n - 1 - i;
    s->n_free = n;
    return 0;
}

void jn_sip_legs_free(struct jn_sip *s)
{
    jn_heap_free(&s->guards);
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
    l->guard = (struct jn_timer){.id = id, .arg = id, .slot = JN_TIMER_IDLE};
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

void jn_sip_leg_end(struct jn_sip *s, struct jn_sip_leg *l)
{
    uint64_t id = l->id;
    enum jn_sip_end how = l->how;
    int status = l->status;
    jn_heap_disarm(&s->guards, &l->guard);
    nua_handle_bind(l->nh, NULL);
    nua_handle_destroy(l->nh);
    jn_map_del(&s->by_id, id);
    l->state = LEG_FREE;
    l->id = 0;
    s->free_legs[s->n_free++] = l->index;
    atomic_fetch_sub_explicit(&s->counts.legs_open, 1, memory_order_relaxed);
    s->sink.ended(s->sink.arg, id, how, status);
}

static void guard(struct jn_sip *s, struct jn_sip_leg *l)
{
    uint64_t ms = (s->c.t1x64_ms ? s->c.t1x64_ms : 32000) + JN_SIP_GUARD_MS;
    if (jn_heap_arm(&s->guards, &l->guard, jn_mono_ns() + ms * 1000000))
        jn_error("sip", "no memory for the guard of a leg");
}

void jn_sip_legs_tick(struct jn_sip *s, uint64_t now_ns)
{
    struct jn_timer *t;
    while ((t = jn_heap_due(&s->guards, now_ns))) {
        struct jn_sip_leg *l = jn_sip_leg_get(s, t->arg);
        if (!l)
            continue;
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
    return l->state == LEG_IN || (l->state == LEG_UP && l->reinvite);
}

int jn_sip_ring(struct jn_sip *s, uint64_t leg)
{
    struct jn_sip_leg *l = jn_sip_leg_get(s, leg);
    if (!l || l->state != LEG_IN)
        return -ENOENT;
    nua_respond(l->nh, SIP_180_RINGING, TAG_END());
    return 0;
}

int jn_sip_answer(struct jn_sip *s, uint64_t leg, const char *sdp)
{
    struct jn_sip_leg *l = jn_sip_leg_get(s, leg);
    if (!l || !waits(l))
        return -ENOENT;
    nua_respond(l->nh, SIP_200_OK, SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(sdp), TAG_END());
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
        l->state = LEG_ENDING;
        l->how = JN_SIP_END_BYE;
        nua_bye(l->nh, TAG_END());
        guard(s, l);
        break;
    case LEG_OUT_CANCEL:
    case LEG_ENDING:
    case LEG_FREE:
    case LEG_STATE_N:
        break;
    }
}

static void bye_now(struct jn_sip *s, struct jn_sip_leg *l)
{
    l->state = LEG_ENDING;
    l->how = JN_SIP_END_BYE;
    nua_bye(l->nh, TAG_END());
    guard(s, l);
}

static void invite_answered(struct jn_sip *s, struct jn_sip_leg *l, int status, const sip_t *sip)
{
    int bad;
    if (l->state == LEG_UP && l->ours && status >= 200) {
        l->ours = false;
        if (s->sink.reinvited)
            s->sink.reinvited(s->sink.arg, l->id, status, status < 300 && sip ? jn_sip_body(s, sip, &bad) : NULL);
    } else if (status < 200) {
        bool rings = status == 180 || status == 183;
        if (l->state == LEG_OUT && rings && !l->rang) {
            l->rang = true;
            s->sink.ringing(s->sink.arg, l->id);
        }
        const char *sdp = l->state == LEG_OUT && sip ? jn_sip_body(s, sip, &bad) : NULL;
        if (sdp && s->sink.early)
            s->sink.early(s->sink.arg, l->id, sdp);
    } else if (status < 300) {
        if (l->state == LEG_OUT_CANCEL) { /* the answer crossed our CANCEL: it is acknowledged, and ended */
            bye_now(s, l);
        } else if (l->state == LEG_OUT) {
            if (sip)
                jn_sip_dialog_out(l, sip);
            l->state = LEG_UP;
            count(&s->counts.answered);
            s->sink.answered(s->sink.arg, l->id, sip ? jn_sip_body(s, sip, &bad) : NULL);
        }
    } else if (l->state == LEG_OUT || l->state == LEG_OUT_CANCEL) {
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
    l->offered = false;
    if (l->state == LEG_IN_OK) {
        jn_heap_disarm(&s->guards, &l->guard);
        jn_sip_dialog_in(l, sip);
        l->state = LEG_UP;
        if (l->hangup)
            bye_now(s, l);
        else
            s->sink.confirmed(s->sink.arg, l->id, offered ? jn_sip_body(s, sip, &bad) : NULL);
    } else if (l->state == LEG_UP && offered) {
        s->sink.confirmed(s->sink.arg, l->id, jn_sip_body(s, sip, &bad));
    }
}

static void reinvited(struct jn_sip *s, struct jn_sip_leg *l, const sip_t *sip)
{
    int bad;
    const char *sdp = jn_sip_body(s, sip, &bad);
    if (l->state != LEG_UP || bad) {
        nua_respond(l->nh, bad ? bad : 491, sip_status_phrase(bad ? bad : 491), NUTAG_WITH_THIS(s->nua), TAG_END());
        return;
    }
    l->reinvite = true;
    l->delayed = !sdp;
    if (sip->sip_contact)
        jn_sip_uri(l->dialog.target, sizeof l->dialog.target, sip->sip_contact->m_url);
    s->sink.reinvite(s->sink.arg, l->id, sdp);
}

void jn_sip_leg_event(struct jn_sip *s, struct jn_sip_leg *l, nua_event_t event, int status, const sip_t *sip,
                      tagi_t *tags)
{
    int state = nua_callstate_init;
    switch ((int)event) {
    case nua_i_invite:
        reinvited(s, l, sip);
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
        jn_sip_leg_end(s, l);
        break;
    case nua_i_terminated:
        jn_sip_leg_end(s, l);
        break;
    default:
        break;
    }
}
