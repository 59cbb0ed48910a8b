/* Capture text: what has to be known of a SIP message's bytes to keep them for a trace: its Call-ID, its end, and which
 * of its bytes are secrets. Bytes in, no stack. */
#ifndef JN_ENGINE_SIP_CAPTURE_H
#define JN_ENGINE_SIP_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>

/* call_id, method (of CSeq): point into the message, not terminated. head: its bytes up to and with the empty line;
 * body: as Content-Length says, or what is there. */
struct jn_sip_text {
    const char *call_id, *method;
    size_t call_id_len, method_len, head, body;
    bool has_length;
};
/* True when bytes begin with a whole head of a SIP message (RFC 3261 7) with Call-ID and CSeq. */
bool jn_sip_text_read(struct jn_sip_text *t, const char *bytes, size_t n);
/* Overwrites secrets with as many 'x': every value of Authorization and Proxy-Authorization's response, the keys of
 * SDP's a=crypto (RFC 4568) and k= (RFC 4566 5.12). */
void jn_sip_text_mask(char *bytes, size_t n);

#endif
