/* Sip text: reading and writing the SIP messages of test traffic (RFC 3261), one datagram each, in place and bounded.
 * It knows what a caller, a phone and a registration need; everything else of a message is passed over. The engine's
 * own signalling does not use it: what is measured must not measure itself. */
#ifndef JN_LOAD_SIP_TEXT_H
#define JN_LOAD_SIP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JN_SIP_MESSAGE_MAX = 8192, JN_SIP_HOPS_MAX = 8, JN_SIP_NONCE_MAX = 256 };

/* A piece of the message; p is NULL where there is none. */
struct jn_view {
    const char *p;
    size_t n;
};
enum jn_sip_method {
    JN_SIP_INVITE,
    JN_SIP_ACK,
    JN_SIP_BYE,
    JN_SIP_CANCEL,
    JN_SIP_REGISTER,
    JN_SIP_OPTIONS,
    JN_SIP_OTHER
};
/* status: 100 .. 699, 0 for a request. uri: of a request. Tags and contact: without brackets and parameters. via and
 * record_route: the headers' values in order, each maybe a list; at most JN_SIP_HOPS_MAX, more is a message that is
 * refused. method: of the request, or of a response's CSeq. */
struct jn_sip_in {
    enum jn_sip_method method;
    unsigned status;
    uint32_t cseq;
    struct jn_view uri, call_id, from, to, from_tag, to_tag, from_user, contact, challenge, body, method_name;
    struct jn_view via[JN_SIP_HOPS_MAX], record_route[JN_SIP_HOPS_MAX];
    unsigned vias, record_routes;
    bool proxy_challenge;
};
/* 0, or -EBADMSG: no start line, no end of headers, a header that must be there is not, or lengths that disagree. The
 * views point into text. */
int jn_sip_read(struct jn_sip_in *m, const char *text, size_t len);

/* What of a digest challenge an answer needs (RFC 7616 3.3). */
struct jn_sip_challenge {
    char realm[128], nonce[JN_SIP_NONCE_MAX], opaque[128];
    bool qop_auth;
};
/* 0; -EBADMSG when malformed or cut; -ENOTSUP for an algorithm other than MD5, or a qop without "auth". */
int jn_sip_challenge_read(struct jn_sip_challenge *c, struct jn_view header);

/* Text that grows inside a fixed buffer; once something did not fit, full stays set and nothing more is added. */
struct jn_sip_out {
    size_t n;
    bool full;
    char p[JN_SIP_MESSAGE_MAX];
};
void jn_sip_put(struct jn_sip_out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Content-Type (when there is a body), Content-Length and the body: the end of every message. */
void jn_sip_put_body(struct jn_sip_out *o, const char *body, size_t n);
/* "SIP/2.0 STATUS REASON" with Via, Record-Route, From, To (with our tag, unless it has one), Call-ID and CSeq of the
 * request (RFC 3261 8.2.6). Contact and body follow by hand. */
void jn_sip_put_answer(struct jn_sip_out *o, const struct jn_sip_in *request, unsigned status, const char *reason,
                       const char *to_tag);
/* Route headers out of the Record-Routes of a response (reversed) or of a request (in order), RFC 3261 12.1. */
void jn_sip_routes(char *out, size_t size, const struct jn_sip_in *m);
/* Authorization or Proxy-Authorization (RFC 7616 3.4 with MD5). ha1: hex of MD5(user:realm:password), see
 * jn_sip_ha1. */
void jn_sip_put_credentials(struct jn_sip_out *o, const struct jn_sip_challenge *c, bool proxy, const char *user,
                            const char ha1[static 33], const char *method, const char *uri);
void jn_sip_ha1(char out[static 33], const char *user, const char *realm, const char *password);

static inline int jn_view_len(struct jn_view v)
{
    return (int)v.n; /* for %.*s */
}

#endif
