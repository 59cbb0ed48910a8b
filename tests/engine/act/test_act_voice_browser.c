/* Browsers as parties: what workers are told of them, ICE that begins again, handshakes that fail. */
#include "tests/engine/act/voice_outside.h"

TestSuite(act_voice_browser, .timeout = 60);

#define PRINT "55:44:C1:01:42:24:EC:E2:8A:2B:EC:46:7E:26:53:57:F0:57:EA:06:C1:4A:9C:CE:C9:A2:A7:0D:B7:4A:75:00"
#define BROWSER(ufrag, setup)                                                                                          \
    SDP_HEAD "a=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:" ufrag             \
             "\r\na=ice-pwd:JWqggCc3JXBTpIljnJMmmPeo\r\na=fingerprint:sha-256 " PRINT "\r\na=setup:" setup             \
             "\r\na=mid:0\r\na=rtcp-mux\r\na=rtpmap:0 PCMU/8000\r\n"

/* An INVITE of a trunk or phone whose policy is srtp. */
static uint64_t invite_as(uint8_t srtp, const char *sdp)
{
    uint64_t leg = ++w.last_sip;
    w.sip[leg] = (struct fake_sip){.state = F_IN};
    struct jn_sip_invite in = {.leg = leg,
                               .tenant = TENANT,
                               .srtp = srtp,
                               .from_user = "4930123",
                               .from_display = "Ann",
                               .to_user = "200",
                               .call_id = "call@test",
                               .sdp = sdp};
    w.sink.invite(w.sink.arg, &in);
    return leg;
}

static void handshake(uint64_t media, enum jn_keys how)
{
    struct jn_fact f = {
        .kind = JN_FACT_LEG_KEYS, .worker = w.media[media].worker, .leg = media, .room = w.media[media].room};
    f.keys.how = (uint8_t)how;
    f.keys.suite = JN_SUITE_AES128_SHA80;
    jn_act_voice_fact(w.v, &f);
}

/* Our ICE name in the last description that the dialog was given. */
static struct jn_ice_own told(uint64_t leg)
{
    struct jn_ice_own own = {{0}, {0}};
    const char *name = strstr(w.sip[leg].sdp, "a=ice-ufrag:"), *pwd = strstr(w.sip[leg].sdp, "a=ice-pwd:");
    cr_assert(name && pwd, "%s", w.sip[leg].sdp);
    memcpy(own.ufrag, name + 12, JN_ICE_UFRAG);
    memcpy(own.pwd, pwd + 10, JN_ICE_PWD);
    return own;
}

Test(act_voice_browser, a_browser_that_calls_is_known_to_the_worker_as_it_was_told)
{
    world(false, 0);
    uint64_t leg = invite_as(JN_SRTP_OPTIONAL, BROWSER("yP7m", "actpass"));
    const struct jn_order *open = last_order(JN_ORDER_LEG_OPEN);
    cr_assert(open->open.browser && strlen(open->open.ice.ufrag) == JN_ICE_UFRAG);
    struct jn_ice_own before = open->open.ice;
    workers_settle();
    struct jn_ice_own own = told(leg);
    cr_assert(memcmp(&own, &before, sizeof own) == 0, "told as it was opened");
    const struct jn_leg_remote *r = &last_order(JN_ORDER_LEG_REMOTE)->remote;
    cr_assert(r->dtls && r->suite == JN_SUITE_NONE && !r->by.active && r->by.certificate == 9);
    cr_assert(r->by.fingerprint[0] == 0x55 && r->by.fingerprint[30] == 0x75);
    cr_assert_eq(memcmp(&r->by.own, &own, sizeof own), 0);
    cr_assert(strstr(w.sip[leg].sdp, "a=setup:passive") && strstr(w.sip[leg].sdp, "CD:CD"));
    confirmed(leg, NULL);
    handshake(1, JN_KEYS_UP);
    cr_assert_eq(jn_act_voice_counts(w.v)->keys_up, 1);
    reinvite(leg, BROWSER("yP7m", "actpass")); /* the same again */
    struct jn_ice_own same = told(leg);
    cr_assert_eq(memcmp(&same, &own, sizeof own), 0);
    reinvite(leg, BROWSER("Qr8n", "actpass")); /* its ICE begins again */
    struct jn_ice_own other = told(leg);
    cr_assert(strcmp(other.ufrag, own.ufrag) != 0 && strcmp(other.pwd, own.pwd) != 0);
    r = &last_order(JN_ORDER_LEG_REMOTE)->remote;
    cr_assert(r->dtls && memcmp(&r->by.own, &other, sizeof other) == 0);
    reinvite(leg, SDP_BOTH); /* in the clear: never */
    cr_assert_eq(w.sip[leg].refused, 488);
    end_world();
}

Test(act_voice_browser, policy_decides_whether_a_browser_is_taken)
{
    world(false, 0);
    uint64_t off = invite_as(JN_SRTP_OFF, BROWSER("yP7m", "actpass")), plain = invite_as(JN_SRTP_DTLS, SDP_BOTH);
    cr_assert(w.sip[off].refused == 488 && w.sip[plain].refused == 488 && w.orders == 0);
    uint64_t yes = invite_as(JN_SRTP_DTLS, BROWSER("yP7m", "passive"));
    workers_settle();
    cr_assert(w.sip[yes].answers == 1 && strstr(w.sip[yes].sdp, "a=setup:active"));
    cr_assert(last_order(JN_ORDER_LEG_REMOTE)->remote.by.active, "it waits, so we begin");
    end_world();
}

Test(act_voice_browser, without_keys_the_call_ends_and_the_router_hears_why)
{
    for (enum jn_keys how = JN_KEYS_FINGERPRINT; how < JN_KEYS_N; how++) {
        world(false, 0);
        uint64_t leg = invite_as(JN_SRTP_DTLS, BROWSER("yP7m", "actpass"));
        workers_settle();
        confirmed(leg, NULL);
        cr_assert_eq(last_event()->kind, JN_EV_ARRIVE);
        handshake(1, how);
        cr_assert(w.sip[leg].hung_up, "%d", (int)how);
        cr_assert(last_event()->kind == JN_EV_END && last_event()->why == JN_WHY_MEDIA);
        cr_assert_eq(jn_act_voice_counts(w.v)->keys_failed, 1);
        end_world();
    }
}

Test(act_voice_browser, an_agents_browser_is_offered_what_it_needs)
{
    world(false, 0);
    w.dir->agents[0].srtp = JN_SRTP_DTLS;
    uint64_t leg = invite("200", SDP_BOTH);
    workers_settle();
    confirmed(leg, NULL);
    uint64_t ix = last_event()->arrive.ix;
    command(JN_CMD_OFFER, ix, 101, 0, 0, 0);
    const struct jn_order *open = last_order(JN_ORDER_LEG_OPEN);
    cr_assert(open->open.browser);
    uint64_t media = open->leg;
    workers_settle();
    uint64_t phone = w.last_sip;
    cr_assert(strstr(w.sip[phone].sdp, "UDP/TLS/RTP/SAVPF") && strstr(w.sip[phone].sdp, "a=setup:actpass"));
    lifted(phone, BROWSER("yP7m", "active"));
    cr_assert_eq(last_event()->kind, JN_EV_ACCEPT);
    handshake(media, JN_KEYS_FINGERPRINT);
    cr_assert(w.sip[phone].hung_up && last_event()->kind == JN_EV_REFUSE && last_event()->why == JN_WHY_MEDIA);
    cr_assert(!w.sip[leg].hung_up, "the caller waits for somebody else");
    end_world();
}
