/* Text: pieces of a session description without copies: spans of bytes, never terminated, never past the end. */
#ifndef JN_MEDIA_SDP_TEXT_H
#define JN_MEDIA_SDP_TEXT_H

#include "media/sdp/sdp.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const char *p;
    size_t n;
};

/* The bytes up to the next `by` (or all), taken off the front of *rest together with the `by`. */
struct span jn_span_cut(struct span *rest, char by);
bool jn_span_is(struct span s, const char *word);
/* Without regard to the case of letters. */
bool jn_span_is_nocase(struct span s, const char *word);
/* If s begins with prefix: takes it off. */
bool jn_span_skip(struct span *s, const char *prefix);
/* The whole span as a decimal number of at most max. */
bool jn_span_number(struct span s, uint64_t max, uint64_t *out);
/* "IN IP4 1.2.3.4" or with "/ttl" behind: family stays JN_ADDR_NONE for names and unknown types. */
void jn_span_address(struct span s, struct jn_addr *out);

/* What the lines of one m= section have said so far. */
struct jn_sdp_section {
    struct jn_sdp_stream stream;
    uint8_t order[128], formats; /* payload types in the order of the m= line */
    uint8_t meaning[128];        /* of each payload type: enum jn_codec_id, or one of the following */
    uint16_t port, rtcp_port;
    struct jn_addr address, rtcp_address;
    uint16_t max_ptime_ms;
    struct jn_codec_profile format[128]; /* of each payload type: what fmtp asks of an Opus encoder */
    bool audio;
};
/* ice.c: an a= line about DTLS or ICE, of a section or of the session. True when it was one; it broke its own form:
 * *rc is -EBADMSG. */
bool jn_sdp_dtls_attribute(struct jn_sdp_dtls *d, struct span line, int *rc);
/* What the session said holds where the section says nothing; group: the text behind "BUNDLE", n 0: none. */
void jn_sdp_dtls_inherit(struct jn_sdp_dtls *d, const struct jn_sdp_dtls *session, struct span group);
/* Why the stream's keys and addresses cannot be used; NULL: they can. */
const char *jn_sdp_dtls_unfit(const struct jn_sdp_local *l, const struct jn_sdp_stream *s);
/* Our side of the answer, and the peer's for the leg. */
void jn_sdp_dtls_answer(struct jn_sdp_local *l, struct jn_leg_remote *r, const struct jn_sdp_stream *offer);
/* The peer's answer to our offer, for the leg; what is wrong with it, or NULL. */
const char *jn_sdp_dtls_accept(struct jn_leg_remote *r, const struct jn_sdp_local *l, const struct jn_sdp_stream *s);
/* The lines of ours, for the session and for the stream. -ENOSPC, or their length. */
int jn_sdp_dtls_session_lines(char *out, size_t size, const struct jn_sdp_local *l);
int jn_sdp_dtls_stream_lines(char *out, size_t size, const struct jn_sdp_local *l);

enum { JN_MEANS_DTMF = 0x40, JN_MEANS_DTMF48, JN_MEANS_CN, JN_MEANS_NOTHING };

/* One a= line of an audio section (without "a="). Unknown ones are left alone; -EBADMSG for one that breaks its own
 * form. */
int jn_sdp_attribute(struct jn_sdp_section *m, struct span line);
/* True when line is a direction attribute; *mode as written. */
bool jn_sdp_direction(struct span line, uint8_t *mode);
/* a=rtcp-xr, of the session or of a stream. */
bool jn_sdp_extended(struct span line, uint8_t *xr);
/* a=extmap (RFC 8285 8), of the session or of a stream; *level_id is set by the one of audio levels that the peer
 * sends. */
bool jn_sdp_extmap(struct span line, uint8_t *level_id);

#endif
