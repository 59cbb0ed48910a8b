/* Auth: digest challenges and credentials (RFC 2617 as SIP uses it, RFC 3261 22). Nonces carry their time under a keyed
 * hash, so that nothing is kept for who never answers; counts of those who did are kept with their phone. */
#include "engine/base/rand.h"
#include "engine/sip/ua.h"
#include <ctype.h>
#include <sofia-sip/auth_digest.h>
#include <sofia-sip/su_md5.h>

enum { HEX = 33, NONCE_LEN = 16 + 32 };

bool jn_sip_realm_ok(const char *realm)
{
    if (!realm || !realm[0] || strlen(realm) >= JN_HOST_MAX)
        return false;
    for (const char *p = realm; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr(".-_:[]", *p))
            return false;
    return true;
}

/* The key stands on both sides of what it signs, so that the hash cannot be continued. */
static void sign(const struct jn_sip *s, const char *stamp, const char *realm, const struct jn_addr *source,
                 char out[HEX])
{
    su_md5_t md5;
    su_md5_init(&md5);
    su_md5_update(&md5, s->secret, sizeof s->secret);
    su_md5_str0update(&md5, stamp);
    su_md5_str0update(&md5, realm);
    su_md5_update(&md5, source->ip, sizeof source->ip);
    su_md5_update(&md5, s->secret, sizeof s->secret);
    su_md5_hexdigest(&md5, out);
    su_md5_deinit(&md5);
}

void jn_sip_challenge(struct jn_sip *s, char *out, size_t size, const char *realm, const struct jn_addr *source,
                      bool stale)
{
    char stamp[17], mark[HEX];
    snprintf(stamp, sizeof stamp, "%016llx", (unsigned long long)jn_mono_ns());
    sign(s, stamp, realm, source, mark);
    snprintf(out, size, "Digest realm=\"%s\", nonce=\"%s%s\", algorithm=MD5, qop=\"auth\"%s", realm, stamp, mark,
             stale ? ", stale=true" : "");
}

/* When a nonce of ours was made; 0 when it is not ours. */
static uint64_t nonce_time(const struct jn_sip *s, const char *nonce, const char *realm, const struct jn_addr *source)
{
    char stamp[17], mark[HEX];
    uint8_t raw[8];
    if (strlen(nonce) != NONCE_LEN)
        return 0;
    memcpy(stamp, nonce, 16);
    stamp[16] = 0;
    if (jn_unhex(raw, sizeof raw, stamp))
        return 0;
    sign(s, stamp, realm, source, mark);
    if (!jn_equal_ct(mark, nonce + 16, 32))
        return 0;
    uint64_t at = 0;
    for (unsigned i = 0; i < 8; i++)
        at = at << 8 | raw[i];
    return at;
}

static bool digest_ok(const auth_response_t *ar, const char *method, const char *ha1)
{
    char ha2[HEX], want[HEX];
    su_md5_t md5;
    su_md5_init(&md5);
    su_md5_strupdate(&md5, method);
    su_md5_strupdate(&md5, ":");
    su_md5_strupdate(&md5, ar->ar_uri);
    su_md5_hexdigest(&md5, ha2);
    su_md5_init(&md5);
    const char *part[] = {ha1, ar->ar_nonce, ar->ar_nc, ar->ar_cnonce, "auth", ha2};
    for (unsigned i = 0; i < 6; i++) {
        if (i)
            su_md5_strupdate(&md5, ":");
        su_md5_strupdate(&md5, part[i]);
    }
    su_md5_hexdigest(&md5, want);
    su_md5_deinit(&md5);
    bool same = strlen(ar->ar_response) == 32 && jn_equal_ct(want, ar->ar_response, 32);
    return same;
}

/* Each nonce counts up from one; a request that was listened to cannot be sent again. */
static bool count_fresh(struct phone *p, uint64_t at, const char *nc)
{
    uint8_t raw[4];
    if (strlen(nc) != 8 || jn_unhex(raw, sizeof raw, nc))
        return false;
    uint32_t n = (uint32_t)raw[0] << 24 | (uint32_t)raw[1] << 16 | (uint32_t)raw[2] << 8 | raw[3];
    if (at < p->nonce_ns || (at == p->nonce_ns && n <= p->nonce_count))
        return false;
    p->nonce_ns = at;
    p->nonce_count = n;
    return true;
}

static enum auth check(struct jn_sip *s, const auth_response_t *ar, const char *method, const char *realm,
                       const struct jn_addr *source, const struct jn_dir_agent **who)
{
    if (!ar->ar_username || !ar->ar_nonce || !ar->ar_uri || !ar->ar_response || !ar->ar_cnonce || !ar->ar_nc ||
        !ar->ar_qop || !ar->ar_auth || (ar->ar_algorithm && !ar->ar_md5))
        return AUTH_WRONG;
    uint64_t at = nonce_time(s, ar->ar_nonce, realm, source), now = jn_mono_ns();
    s->proven = at != 0;
    const struct jn_dir_tenant *t = jn_dir_tenant_domain(s->dir, realm);
    const struct jn_dir_agent *a = t ? jn_dir_agent_sip(s->dir, t->id, ar->ar_username) : NULL;
    static const char nobody[] = "00000000000000000000000000000000";
    bool known = a && strlen(a->sip_ha1) == 32;
    bool right = digest_ok(ar, method, known ? a->sip_ha1 : nobody);
    if (!at || now - at > JN_SIP_NONCE_S * UINT64_C(1000000000))
        return AUTH_STALE; /* also a nonce of an earlier process: the phone tries again by itself */
    if (!right || !known)
        return AUTH_WRONG;
    struct phone *p = jn_sip_phone_make(s, a);
    if (!p)
        return AUTH_WRONG;
    if (!count_fresh(p, at, ar->ar_nc))
        return AUTH_STALE;
    *who = a;
    return AUTH_OK;
}

enum auth jn_sip_auth(struct jn_sip *s, const sip_authorization_t *au, const char *method, const char *realm,
                      const struct jn_addr *source, const struct jn_dir_agent **who)
{
    *who = NULL;
    s->proven = false;
    enum auth result = AUTH_MISSING;
    for (; au; au = au->au_next) {
        if (!au->au_scheme || strcasecmp(au->au_scheme, "Digest"))
            continue;
        su_home_t home[1] = {SU_HOME_INIT(home)};
        auth_response_t ar = {.ar_size = sizeof ar};
        if (auth_digest_response_get(home, &ar, au->au_params) < 0)
            result = AUTH_WRONG;
        else if (ar.ar_realm && !strcasecmp(ar.ar_realm, realm)) /* credentials for others are not for us to judge */
            result = check(s, &ar, method, realm, source, who);
        su_home_deinit(home);
        if (result != AUTH_MISSING)
            break;
    }
    return result;
}

void jn_sip_log_refused(struct jn_sip *s, const char *what, const char *user, const struct jn_addr *from)
{
    uint64_t now = jn_mono_ns();
    if (now - s->log_ns < UINT64_C(1000000000) && s->log_ns) {
        s->log_skipped++;
        return;
    }
    char text[JN_ADDR_TEXT_MAX];
    jn_warn("sip", "%s user=%.40s from=%s more_since_last=%u", what, user ? user : "", jn_addr_text(from, text),
            s->log_skipped);
    s->log_ns = now;
    s->log_skipped = 0;
}
