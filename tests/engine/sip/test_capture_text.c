#include "engine/sip/capture.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(capture_text, .timeout = 60);

static const char invite[] = "INVITE sip:100@127.0.0.1 SIP/2.0\r\n"
                             "Via: SIP/2.0/UDP 127.0.0.1\r\n"
                             "cseq: 1 INVITE\r\n"
                             "i: abc@host\r\n"
                             "l: 4\r\n"
                             "\r\n"
                             "bodyNEXT";

Test(capture_text, call_id_method_and_length_are_found)
{
    struct jn_sip_text t;
    cr_assert(jn_sip_text_read(&t, invite, strlen(invite)));
    cr_assert_eq(t.call_id_len, 8);
    cr_assert_eq(memcmp(t.call_id, "abc@host", 8), 0);
    cr_assert_eq(t.method_len, 6);
    cr_assert_eq(memcmp(t.method, "INVITE", 6), 0);
    cr_assert_eq(t.body, 4);
    cr_assert_eq(memcmp(invite + t.head, "body", 4), 0);
    static const char ok[] = "SIP/2.0 200 OK\nCall-ID : x\nCSeq: 22  BYE\n\nrest";
    cr_assert(jn_sip_text_read(&t, ok, strlen(ok)));
    cr_assert_eq(t.method_len, 3);
    cr_assert_not(t.has_length);
    cr_assert_eq(t.body, 4);
}

Test(capture_text, what_is_no_whole_head_is_not_read)
{
    struct jn_sip_text t;
    size_t head = (size_t)(strstr(invite, "\r\n\r\n") - invite) + 4;
    for (size_t n = 0; n < head; n++)
        cr_assert_not(jn_sip_text_read(&t, invite, n), "%zu bytes", n);
    cr_assert(jn_sip_text_read(&t, invite, head));
    cr_assert_not(jn_sip_text_read(&t, "\r\n\r\n", 4));
    cr_assert_not(jn_sip_text_read(&t, "GET / HTTP/1.1\r\nCall-ID: x\r\nCSeq: 1 A\r\n\r\n", 42));
    static const char nameless[] = "BYE sip:a SIP/2.0\r\nCSeq: 1 BYE\r\n\r\n";
    cr_assert_not(jn_sip_text_read(&t, nameless, strlen(nameless)));
}

static void masked(const char *before, const char *after)
{
    char text[1024];
    strcpy(text, before);
    jn_sip_text_mask(text, strlen(text));
    cr_assert_eq(strcmp(text, after), 0, "%s", text);
}

Test(capture_text, secrets_are_overwritten_and_nothing_else)
{
    masked("Authorization: Digest username=\"ann\", response=\"0123abcd\", nonce=\"n\"\r\n",
           "Authorization: Digest username=\"ann\", response=\"xxxxxxxx\", nonce=\"n\"\r\n");
    masked("proxy-authorization :  digest RESPONSE = \"0123\", uri=\"response\"\r\n",
           "proxy-authorization :  digest RESPONSE = \"xxxx\", uri=\"response\"\r\n");
    masked("Authorization: Basic dXNlcjpwYXNz\r\n", "Authorization: Basic xxxxxxxxxxxx\r\n");
    masked("Authorization: Digest username=\"ann\",\r\n response=\"0123\"\r\nTo: x\r\n",
           "Authorization: Digest username=\"ann\",\r\n xxxxxxxxxxxxxxx\r\nTo: x\r\n");
    masked("\r\na=ice-ufrag:yP7m\r\na=ice-pwd:JWqggCc3\r\na=mid:0\r\n",
           "\r\na=ice-ufrag:yP7m\r\na=ice-pwd:xxxxxxxx\r\na=mid:0\r\n");
    masked("\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0|2^20 inline:bW9yZQ==\r\n",
           "\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:xxxxxxxx|2^20 inline:xxxxxxxx\r\n");
    masked("\r\nv=0\r\nk=clear:secret\r\na=rtpmap:0 PCMU/8000\r\n",
           "\r\nv=0\r\nk=xxxxxxxxxxxx\r\na=rtpmap:0 PCMU/8000\r\n");
    masked("Authorization: Basic eA== SIP/2.0\r\n", "Authorization: Basic eA== SIP/2.0\r\n");
    masked("k=v SIP/2.0\r\n", "k=v SIP/2.0\r\n");
    masked("\r\nAuthorization: Basic eA==\r\n", "\r\nAuthorization: Basic eA==\r\n");
    masked("WWW-Authenticate: Digest nonce=\"response\"\r\n", "WWW-Authenticate: Digest nonce=\"response\"\r\n");
}
