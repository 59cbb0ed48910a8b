/* Lite: judging connectivity checks (RFC 8445 7.3), one leg's pairs, nomination. */
#include "media/ice/lite.h"
#include <string.h>

enum { BAD_REQUEST = 400, UNAUTHENTICATED = 401, UNKNOWN_ATTRIBUTE = 420, ROLE_CONFLICT = 487 };

static void name(struct jn_ice_name *n, const struct jn_ice_own *own)
{
    memcpy(n->ufrag, own->ufrag, sizeof n->ufrag);
    jn_hmac_sha1_key(&n->key, own->pwd, strlen(own->pwd));
}

void jn_ice_init(struct jn_ice_lite *ice, const struct jn_ice_own *own)
{
    memset(ice, 0, sizeof *ice);
    ice->nominated = JN_ICE_NO_PAIR;
    name(&ice->now, own);
}

bool jn_ice_rename(struct jn_ice_lite *ice, const struct jn_ice_own *own)
{
    if (strcmp(ice->now.ufrag, own->ufrag) == 0)
        return false;
    ice->was = ice->now;
    name(&ice->now, own);
    return true;
}

const char *jn_ice_username(const struct jn_stun *s)
{
    return s->username && s->username_len > JN_ICE_UFRAG && s->username[JN_ICE_UFRAG] == ':' ? (const char *)s->username
                                                                                             : NULL;
}

size_t jn_ice_refuse(const struct jn_stun *s, size_t n, uint8_t out[static JN_STUN_ANSWER_MAX])
{
    unsigned code = s->username && s->integrity_at ? UNAUTHENTICATED : BAD_REQUEST; /* RFC 8489 9.1.3 */
    size_t len = jn_stun_error(out, s, code, 0, NULL);

    return len <= n ? len : 0;
}

static enum jn_ice_result error(const struct jn_stun *s, unsigned code, const struct jn_hmac_sha1 *key,
                                uint8_t out[static JN_STUN_ANSWER_MAX], size_t *len)
{
    *len = jn_stun_error(out, s, code, code == UNKNOWN_ATTRIBUTE ? s->unknown : 0, key);
    return code == ROLE_CONFLICT ? JN_ICE_CONFLICT : JN_ICE_REFUSED;
}

/* The pair's place; a new one takes that of the oldest but the nominated. */
static uint8_t place(struct jn_ice_lite *ice, const struct jn_ice_pair *by, struct jn_ice_pair *replaced)
{
    for (uint8_t i = 0; i < ice->pairs; i++)
        if (ice->pair[i].local == by->local && jn_addr_equal(&ice->pair[i].peer, &by->peer))
            return i;
    uint8_t at = ice->pairs;
    if (at < JN_ICE_PAIRS) {
        ice->pairs++;
    } else {
        if (ice->next == ice->nominated)
            ice->next = (uint8_t)((ice->next + 1) % JN_ICE_PAIRS);
        at = ice->next;
        ice->next = (uint8_t)((at + 1) % JN_ICE_PAIRS);
        *replaced = ice->pair[at];
    }
    ice->pair[at] = *by;
    return at;
}

enum jn_ice_result jn_ice_check(struct jn_ice_lite *ice, const struct jn_stun *s, const uint8_t *bytes, size_t n,
                                const struct jn_ice_pair *by, uint8_t out[static JN_STUN_ANSWER_MAX], size_t *out_len,
                                struct jn_ice_pair *replaced)
{
    const char *ours = jn_ice_username(s);
    bool is_now = ours && memcmp(ours, ice->now.ufrag, JN_ICE_UFRAG) == 0;
    bool is_was = ours && ice->was.ufrag[0] && memcmp(ours, ice->was.ufrag, JN_ICE_UFRAG) == 0;
    const struct jn_hmac_sha1 *key = is_now ? &ice->now.key : &ice->was.key;

    replaced->peer.family = JN_ADDR_NONE;
    *out_len = 0;
    if ((!is_now && !is_was) || !jn_stun_authentic(s, bytes, key)) {
        *out_len = jn_ice_refuse(s, n, out);
        return *out_len > 0 ? JN_ICE_REFUSED : JN_ICE_DROP;
    }
    if (s->unknown)
        return error(s, UNKNOWN_ATTRIBUTE, key, out, out_len);
    if (!s->has_priority)
        return error(s, BAD_REQUEST, key, out, out_len);
    if (s->controlled)
        return error(s, ROLE_CONFLICT, key, out, out_len);
    if (is_now)
        ice->was.ufrag[0] = 0;
    uint8_t at = place(ice, by, replaced);
    *out_len = jn_stun_success(out, s, &by->peer, key);
    if (!s->use_candidate || ice->nominated == at)
        return JN_ICE_VALID;
    ice->nominated = at;
    return JN_ICE_NOMINATED;
}
