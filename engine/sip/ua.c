/* Ua: the user agent: opening and closing the stack, its loop, and which event goes where. */
#include "engine/base/rand.h"
#include "engine/sip/ban.h"
#include <errno.h>
#include <netinet/in.h>
#include <sofia-sip/su_log.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TICK_MS = 50, CLOSE_MS = 4000 };

static void options(struct jn_sip *s, nua_handle_t *nh)
{
    int status = s->drain ? 503 : 200;
    nua_respond(nh, status, sip_status_phrase(status), NUTAG_WITH_THIS(s->nua), SIPTAG_ALLOW_STR(JN_SIP_ALLOW),
                SIPTAG_ACCEPT_STR("application/sdp"), SIPTAG_SUPPORTED_STR(JN_SIP_SUPPORTED),
                TAG_IF(s->drain, SIPTAG_RETRY_AFTER_STR("60")), TAG_END());
}

static void event(nua_event_t e, int status, const char *phrase, nua_t *nua, struct jn_sip *s, nua_handle_t *nh,
                  struct jn_sip_leg *l, const sip_t *sip, tagi_t *tags)
{
    (void)phrase, (void)nua;
    if (e == nua_r_shutdown) {
        s->down = status >= 200;
        return;
    }
    if (l) {
        if (e == nua_i_options)
            options(s, nh);
        else
            jn_sip_leg_event(s, l, e, status, sip, tags);
        return;
    }
    switch ((int)e) {
    case nua_i_invite:
        jn_sip_invite_event(s, nh, sip);
        break;
    case nua_i_register:
        jn_sip_register_event(s, nh, sip);
        nua_handle_destroy(nh);
        break;
    case nua_i_options:
        options(s, nh);
        nua_handle_destroy(nh);
        break;
    case nua_i_refer:
        jn_sip_refer_event(s, nh, NULL, sip, tags);
        nua_handle_destroy(nh);
        break;
    default:
        jn_sip_trunk_event(s, nh, e, status, sip, tags);
        break;
    }
}

static void tick(su_root_magic_t *magic, su_timer_t *t, struct jn_sip *s)
{
    (void)magic, (void)t;
    uint64_t now = jn_mono_ns();
    jn_sip_legs_tick(s, now);
    jn_sip_phones_expire(s, now);
    jn_sip_trunks_tick(s, now);
    if (now - s->second_ns >= UINT64_C(1000000000)) {
        s->second_ns = now;
        jn_sip_bans_tick(s, now);
    }
    if (s->sink.tick)
        s->sink.tick(s->sink.arg, now);
}

static int rung(su_root_magic_t *magic, su_wait_t *w, struct jn_sip *s)
{
    (void)magic, (void)w, (void)s; /* being woken is all: the loop looks into the mailboxes before it sleeps again */
    return 0;
}

/* Binds and lets go again, so that a taken port is told in words. */
static int probe(const struct jn_sip_config *c, struct jn_err *err)
{
    struct jn_addr a;
    if (jn_addr_parse(&a, c->host, c->port))
        return jn_fail(err, -EINVAL, "sip: \"%s\" is no literal IP address", c->host);
    struct sockaddr_storage ss = {0};
    socklen_t len;
    if (a.family == JN_ADDR_V4) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)&ss;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(c->port);
        memcpy(&v4->sin_addr, a.ip, 4);
        len = sizeof *v4;
    } else {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ss;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(c->port);
        memcpy(&v6->sin6_addr, a.ip, 16);
        len = sizeof *v6;
    }
    for (int tcp = 0; tcp < 2; tcp++) {
        int fd = socket(ss.ss_family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0), one = 1;
        if (fd < 0)
            return jn_fail(err, -errno, "sip: no socket: %s", strerror(errno));
        if (tcp)
            setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        int e = bind(fd, (struct sockaddr *)&ss, len) || (tcp && listen(fd, 1)) ? errno : 0;
        close(fd);
        if (e)
            return jn_fail(err, -e, "sip: %s port %u on %s: %s", tcp ? "TCP" : "UDP", c->port, c->host, strerror(e));
    }
    return 0;
}

static int start_stack(struct jn_sip *s, struct jn_err *err)
{
    char at[2 * JN_HOST_MAX + 32], secure[2 * JN_HOST_MAX + 32], old[JN_HOST_MAX + 16];
    const char *o = strchr(s->c.host, ':') ? "[" : "", *c = o[0] ? "]" : "";
    if (s->c.advertise[0] && strcmp(s->c.advertise, s->c.host))
        snprintf(at, sizeof at, "sip:%s:%u;maddr=%s%s%s", s->c.advertise, s->c.port, o, s->c.host, c);
    else
        snprintf(at, sizeof at, "sip:%s%s%s:%u", o, s->c.host, c, s->c.port);
    snprintf(old, sizeof old, "sip:%s%s%s:*", o, s->c.host, c);
    s->root = su_root_create(s);
    if (!s->root)
        return jn_fail(err, -ENOMEM, "sip: no event loop");
    su_root_threading(s->root, 0);
    bool tls = s->c.tls.port != 0;
    unsigned verify = s->c.tls.verify_peer ? TPTLS_VERIFY_OUT : TPTLS_VERIFY_NONE;
    if (s->c.advertise[0] && strcmp(s->c.advertise, s->c.host))
        snprintf(secure, sizeof secure, "sips:%s:%u;maddr=%s%s%s", s->c.advertise, s->c.tls.port, o, s->c.host, c);
    else
        snprintf(secure, sizeof secure, "sips:%s%s%s:%u", o, s->c.host, c, s->c.tls.port);
    int rc = jn_sip_tls_begin(s, err);
    if (rc)
        return rc;
    s->capture = jn_sip_capture_open(s);
    s->mclass = jn_sip_hook_make(&s->counts);
    if (!s->mclass)
        return jn_fail(err, -ENOMEM, "sip: no memory");
    unsigned t1x64 = s->c.t1x64_ms ? s->c.t1x64_ms : 32000;
    s->nua = nua_create(
        s->root, event, s, NUTAG_URL(at), NTATAG_MCLASS(s->mclass), NUTAG_MEDIA_ENABLE(0), NUTAG_AUTOALERT(0),
        NUTAG_AUTOANSWER(0), NUTAG_AUTOACK(1), NUTAG_AUTO302(0), NUTAG_AUTO305(0), NUTAG_ENABLEMESSAGE(0),
        NUTAG_SESSION_TIMER(s->c.session_expires_s), NUTAG_MIN_SE(s->c.session_min_s), NUTAG_UPDATE_REFRESH(1),
        NUTAG_EARLY_MEDIA(1), NUTAG_ONLY183_100REL(1), NUTAG_APPL_METHOD("OPTIONS, REGISTER, UPDATE, REFER"),
        SIPTAG_ALLOW_STR(JN_SIP_ALLOW), SIPTAG_SUPPORTED_STR(JN_SIP_SUPPORTED), NUTAG_ALLOW_EVENTS(NULL),
        TAG_IF(tls, NUTAG_SIPS_URL(secure)), TAG_IF(tls, NUTAG_CERTIFICATE_DIR(jn_sip_tls_dir())),
        TAG_IF(tls, TPTAG_TLS_VERIFY_POLICY(verify)), SIPTAG_USER_AGENT_STR("Junctor/" JUNCTOR_VERSION),
        NTATAG_SIP_T1X64(t1x64), NTATAG_UDP_MTU(65535), NTATAG_MAXSIZE(65536), NTATAG_TCP_RPORT(1),
        TAG_IF(s->capture, TPTAG_DUMP("/dev/null")), TAG_END()); /* capture.c says why */
    if (!s->nua)
        return jn_fail(err, -EIO, "sip: the stack does not start on %s", at);
    s->old = nta_agent_create(s->root, URL_STRING_MAKE(old), NULL, NULL, NTATAG_UA(1), NTATAG_UDP_MTU(65535),
                              NTATAG_SIP_T1X64(t1x64), TAG_IF(s->capture, TPTAG_DUMP("/dev/null")), TAG_END());
    if (!s->old)
        return jn_fail(err, -EIO, "sip: no port for ending old dialogs on %s", s->c.host);
    snprintf(old, sizeof old, "sips:%s%s%s:*", o, s->c.host, c);
    if (tls && nta_agent_add_tport(s->old, URL_STRING_MAKE(old), TPTAG_CERTIFICATE(jn_sip_tls_dir()),
                                   TPTAG_TLS_VERIFY_POLICY(verify), TAG_END()))
        return jn_fail(err, -EIO, "sip: no TLS port for ending old dialogs on %s", s->c.host);
    rc = jn_sip_tls_finish(s, err);
    if (rc)
        return rc;
    s->timer = su_timer_create(su_root_task(s->root), TICK_MS);
    if (!s->timer || su_timer_run(s->timer, tick, s) < 0)
        return jn_fail(err, -ENOMEM, "sip: no timer");
    if (s->waker) {
        if (su_wait_create(&s->wait, s->waker->fd, SU_WAIT_IN) < 0)
            return jn_fail(err, -EIO, "sip: the waker cannot be watched");
        s->wait_index = su_root_register(s->root, &s->wait, rung, s, 0);
        if (s->wait_index < 0)
            return jn_fail(err, -EIO, "sip: the waker cannot be watched");
    }
    return 0;
}

/* The stack's own words go where ours go, for who looks closely. */
static void stack_log(void *stream, char const *fmt, va_list ap)
{
    char text[256];
    (void)stream;
    vsnprintf(text, sizeof text, fmt, ap);
    jn_debug("sofia", "%s", text);
}

int jn_sip_open(struct jn_sip **out, const struct jn_sip_config *c, struct jn_directory *dir, struct jn_waker *waker,
                const struct jn_sip_sink *sink, struct jn_err *err)
{
    *out = NULL;
    int rc = probe(c, err);
    if (rc)
        return rc;
    struct jn_sip *s = calloc(1, sizeof *s);
    if (!s)
        return jn_fail(err, -ENOMEM, "sip: no memory");
    s->c = *c;
    if (!s->c.max_legs)
        s->c.max_legs = 1024;
    s->sink = *sink;
    s->waker = waker;
    s->wait_index = -1;
    s->dir = jn_directory_ref(dir);
    jn_random(s->secret, sizeof s->secret);
    su_init();
    jn_sip_clock();
    su_log_redirect(NULL, stack_log, NULL);
    if (jn_sip_legs_init(s) || jn_map_init(&s->by_agent, 64) || jn_map_init(&s->by_address, 64) ||
        jn_heap_init(&s->expiries, 64))
        rc = jn_fail(err, -ENOMEM, "sip: no memory for %u legs", s->c.max_legs);
    else
        rc = start_stack(s, err);
    if (!rc && jn_sip_trunks_init(s))
        rc = jn_fail(err, -ENOMEM, "sip: no memory for trunks");
    if (!rc && jn_sip_bans_init(s))
        rc = jn_fail(err, -ENOMEM, "sip: no memory for bans");
    if (rc) {
        jn_sip_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

void jn_sip_run(struct jn_sip *s)
{
    while (!s->stop) {
        if (s->waker)
            jn_waker_about_to_sleep(s->waker);
        if (s->sink.mail)
            s->sink.mail(s->sink.arg);
        if (s->stop)
            break;
        su_root_step(s->root, TICK_MS);
        if (s->waker)
            jn_waker_awake(s->waker);
    }
    s->stop = false;
}

void jn_sip_stop(struct jn_sip *s)
{
    s->stop = true;
}

/* Lets the stack say its goodbyes, within a bound. False: it did not finish and must not be freed. */
static bool shut_down(struct jn_sip *s)
{
    uint64_t until = jn_mono_ns() + CLOSE_MS * UINT64_C(1000000);
    nua_shutdown(s->nua);
    while (!s->down && jn_mono_ns() < until)
        su_root_step(s->root, 20);
    if (s->down)
        nua_destroy(s->nua);
    else
        jn_warn("sip", "the stack did not finish its last transactions within %d ms", CLOSE_MS);
    return s->down;
}

void jn_sip_close(struct jn_sip *s)
{
    if (!s)
        return;
    bool clean = true;
    if (s->timer)
        su_timer_destroy(s->timer);
    if (s->wait_index >= 0)
        su_root_deregister(s->root, s->wait_index);
    for (uint32_t i = 0; s->legs && i < s->c.max_legs; i++)
        if (s->legs[i].state != LEG_FREE) {
            nua_handle_bind(s->legs[i].nh, NULL);
            nua_handle_destroy(s->legs[i].nh); /* ends its call */
        }
    jn_sip_trunks_stop(s);
    if (s->nua)
        clean = shut_down(s);
    if (s->old)
        nta_agent_destroy(s->old);
    jn_sip_olds_free(s);
    jn_sip_capture_close(s->capture);
    if (s->root && clean)
        su_root_destroy(s->root);
    jn_sip_legs_free(s);
    jn_sip_trunks_free(s);
    jn_sip_phones_free(s);
    jn_sip_bans_free(s);
    jn_directory_unref(s->dir);
    if (clean) {
        free(s->mclass);
        su_deinit();
    }
    explicit_bzero(s->secret, sizeof s->secret);
    free(s);
}

void jn_sip_directory(struct jn_sip *s, struct jn_directory *dir)
{
    struct jn_directory *before = s->dir;
    s->dir = jn_directory_ref(dir);
    jn_directory_unref(before);
    jn_sip_phones_follow(s);
    jn_sip_trunks_follow(s);
}

const struct jn_sip_counts *jn_sip_counts(const struct jn_sip *s)
{
    return &s->counts;
}

void jn_sip_drain(struct jn_sip *s, bool on)
{
    s->drain = on;
}
