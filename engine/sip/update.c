/* Update: offers inside a dialog, theirs and ours: re-INVITE and UPDATE (RFC 3261 14, RFC 3311), early media to a
 * caller, and what happens when two offers meet. */
#include "engine/base/rand.h"
#include "engine/sip/ua.h"
#include <errno.h>
#include <stdlib.h>

enum { AGAIN_MAX = 5 }; /* 491 in a row, then the asker is told */

static uint64_t hash_of(const char *text)
{
    uint64_t h =
        14695981039346656037u; /* FNV-1a: equal texts are what matters, nobody gains by a collision of his own */
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h ? h : 1;
}

bool jn_sip_sdp_new(struct jn_sip_leg *l, const char *sdp)
{
    uint64_t h = hash_of(sdp), before = l->peer_sdp;
    l->peer_sdp = h;
    return h != before;
}

/* Where the version stands in "o=<user> <session> <version> ..."; NULL when there is none. */
static const char *version_at(const char *sdp, size_t *len)
{
    const char *o = strncmp(sdp, "o=", 2) ? strstr(sdp, "\no=") : sdp;
    if (!o)
        return NULL;
    for (int blanks = 0; blanks < 2; o++) {
        if (!*o || *o == '\r' || (*o == '\n' && blanks))
            return NULL;
        blanks += *o == ' ';
    }
    *len = strspn(o, "0123456789");
    return *len && *len < 20 && o[*len] == ' ' ? o : NULL;
}

const char *jn_sip_sdp_out(struct jn_sip_leg *l, const char *sdp)
{
    size_t n, had;
    const char *at = version_at(sdp, &n), *was = l->sdp ? version_at(l->sdp, &had) : NULL;
    char *text = NULL;
    if (at && was) {
        uint64_t version = strtoull(at, NULL, 10), last = strtoull(was, NULL, 10);
        bool same = (size_t)(at - sdp) == (size_t)(was - l->sdp) && !strncmp(sdp, l->sdp, (size_t)(at - sdp)) &&
                    !strcmp(at + n, was + had);
        if (same)
            return l->sdp;
        if (version <= last &&
            asprintf(&text, "%.*s%llu%s", (int)(at - sdp), sdp, (unsigned long long)(last + 1), at + n) < 0)
            return NULL;
    }
    if (!text)
        text = strdup(sdp);
    if (text) {
        free(l->sdp);
        l->sdp = text;
    }
    return text;
}

int jn_sip_progress(struct jn_sip *s, uint64_t leg, const char *sdp)
{
    struct jn_sip_leg *l = jn_sip_leg_get(s, leg);
    if (!l || l->state != LEG_IN)
        return -ENOENT;
    if (l->delayed)
        return -EINVAL;
    const char *text = jn_sip_sdp_out(l, sdp);
    if (!text)
        return -ENOMEM;
    l->early = true;
    char contact[JN_SIP_URI_MAX];
    nua_respond(l->nh, SIP_183_SESSION_PROGRESS, SIPTAG_CONTACT_STR(jn_sip_contact(s, l, contact)),
                SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(text), TAG_END());
    return 0;
}

/* ---- theirs ---- */

static void turn_down(struct jn_sip *s, struct jn_sip_leg *l, int status)
{
    char after[16];
    snprintf(after, sizeof after, "%u", (unsigned)(jn_mono_ns() % 10)); /* RFC 3261 14.2: 0 to 10 s, by chance */
    nua_respond(l->nh, status, sip_status_phrase(status), NUTAG_WITH_THIS(s->nua),
                TAG_IF(status == 415, SIPTAG_ACCEPT_STR("application/sdp")),
                TAG_IF(status == 500, SIPTAG_RETRY_AFTER_STR(after)), TAG_END());
}

void jn_sip_offer_event(struct jn_sip *s, struct jn_sip_leg *l, const sip_t *sip, bool update)
{
    int bad;
    const char *sdp = jn_sip_body(s, sip, &bad);
    bool talk = l->state == LEG_UP || (update && l->early && (l->state == LEG_IN || l->state == LEG_OUT));
    if (!bad && jn_sip_timer_spoilt(sip)) {
        count(&s->counts.malformed);
        bad = 400;
    }
    if (bad || !talk) {
        turn_down(s, l, bad ? bad : 491);
        return;
    }
    if (sdp && l->ours && !l->again && !l->refresh) { /* their offer and ours meet: each side tries again later */
        turn_down(s, l, 491);
        return;
    }
    if (l->reinvite) {
        turn_down(s, l, 500);
        return;
    }
    if (sip->sip_contact)
        jn_sip_uri(l->dialog.target, sizeof l->dialog.target, sip->sip_contact->m_url);
    jn_sip_session(s, l, sip, true);
    if (update && !sdp) { /* only the session is refreshed */
        nua_respond(l->nh, SIP_200_OK, NUTAG_WITH_THIS(s->nua), TAG_END());
        return;
    }
    l->by_update = update;
    if (update)
        nua_save_event(s->nua, l->ask);
    l->reinvite = true;
    l->delayed = !sdp;
    if (sdp && !jn_sip_sdp_new(l, sdp) && l->sdp) { /* a refresh: the session is as it was, and so is our answer */
        char same[JN_SIP_BODY_MAX];
        jn_copy(same, sizeof same, l->sdp);
        jn_sip_answer(s, l->id, same);
        return;
    }
    s->sink.reinvite(s->sink.arg, l->id, sdp);
}

/* ---- ours ---- */

int jn_sip_offer_send(struct jn_sip *s, struct jn_sip_leg *l, const char *sdp)
{
    const char *text = sdp ? jn_sip_sdp_out(l, sdp) : l->sdp;
    (void)s;
    if (!text && (sdp || !l->can_update))
        return -ENOMEM;
    l->ours = true;
    l->refresh = !sdp;
    if (l->state != LEG_UP || (!sdp && l->can_update))
        nua_update(l->nh, TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
                   TAG_IF(sdp, SIPTAG_PAYLOAD_STR(text)), TAG_END());
    else
        nua_invite(l->nh, SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(text), TAG_END());
    return 0;
}

int jn_sip_reinvite(struct jn_sip *s, uint64_t leg, const char *sdp)
{
    struct jn_sip_leg *l = jn_sip_leg_get(s, leg);
    bool early = l && l->state == LEG_OUT && l->early && l->can_update;
    if (!l || (l->state != LEG_UP && !early))
        return -ENOENT;
    if (l->ours || l->reinvite)
        return -EBUSY;
    char *mine = strdup(sdp);
    if (!mine)
        return -ENOMEM;
    free(l->offer);
    l->offer = mine;
    l->tries = 0;
    return jn_sip_offer_send(s, l, mine);
}

/* 491: RFC 3261 14.1: who began the call waits longer, so that the two do not meet again. */
static void later(struct jn_sip *s, struct jn_sip_leg *l)
{
    uint8_t r[2];
    jn_random(r, sizeof r);
    uint64_t chance = (uint64_t)(r[0] << 8 | r[1]);
    l->again = true;
    jn_sip_leg_arm(s, l, TIMER_AGAIN, l->outgoing ? 2100 + chance % 1900 : chance % 2000);
}

void jn_sip_offer_again(struct jn_sip *s, struct jn_sip_leg *l)
{
    if (!l->again)
        return;
    if (l->reinvite) { /* theirs is being answered */
        jn_sip_leg_arm(s, l, TIMER_AGAIN, 200);
        return;
    }
    l->again = false;
    if (l->state != LEG_UP && l->state != LEG_OUT)
        l->ours = false;
    else
        jn_sip_offer_send(s, l, l->refresh ? NULL : l->offer);
}

bool jn_sip_ours_answered(struct jn_sip *s, struct jn_sip_leg *l, int status, const sip_t *sip, bool update)
{
    if (!l->ours || l->again)
        return false;
    if (status < 200)
        return true;
    if (status == 491 && l->tries++ < AGAIN_MAX) {
        count(&s->counts.glares);
        later(s, l);
        return true;
    }
    bool quiet = l->refresh;
    if (quiet && update && (status == 405 || status == 501)) { /* it allows UPDATE in words only */
        l->can_update = false;
        jn_sip_offer_send(s, l, NULL);
        return true;
    }
    l->ours = false;
    l->refresh = false;
    l->tries = 0;
    free(l->offer);
    l->offer = NULL;
    int bad;
    const char *sdp = status < 300 && sip ? jn_sip_body(s, sip, &bad) : NULL;
    if (status < 300 && sip) {
        count(&s->counts.refreshes);
        jn_sip_session(s, l, sip, false);
        if (sip->sip_contact)
            jn_sip_uri(l->dialog.target, sizeof l->dialog.target, sip->sip_contact->m_url);
    } else if (quiet) {
        jn_sip_session_failed(s, l);
    }
    bool news = sdp && jn_sip_sdp_new(l, sdp);
    if (s->sink.reinvited && (!quiet || news))
        s->sink.reinvited(s->sink.arg, l->id, status, sdp);
    return true;
}
