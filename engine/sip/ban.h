/* Ban: who is suspected of scanning, and who is dropped for it. Included by engine/sip alone. */
#ifndef JN_ENGINE_SIP_BAN_H
#define JN_ENGINE_SIP_BAN_H

#include "engine/sip/ua.h"

/* After the stack has bound its sockets. 0 or -ENOMEM. */
int jn_sip_bans_init(struct jn_sip *s);
void jn_sip_bans_free(struct jn_sip *s);
/* About once a second. */
void jn_sip_bans_tick(struct jn_sip *s, uint64_t now_ns);
/* A failure of source a. proven: the address is no forgery. certain: one is enough. */
void jn_sip_suspect(struct jn_sip *s, const struct jn_addr *a, bool proven, bool certain);
/* Each message as its headers end: malformed ones, and those of known scanners. */
void jn_sip_look(msg_t *msg, const sip_t *sip, bool bad);

#endif
