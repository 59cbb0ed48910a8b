/* Journal codec: events as bytes. Little-endian, fixed fields by kind, format version 1. No files here:
 * engine/store/journal_file writes them. */
#ifndef JN_ROUTER_JOURNAL_CODEC_H
#define JN_ROUTER_JOURNAL_CODEC_H

#include "router/core/event.h"
#include <stddef.h>

enum { JN_JOURNAL_FORMAT = 1, JN_LOGIC_VERSION = 2, JN_EVENT_BYTES_MAX = 512 };

/* Writes the event to out (JN_EVENT_BYTES_MAX bytes); returns the length. An event with fields out of range
 * (router/core/valid.h) is written as one of kind NONE, which is what the router makes of it too. */
size_t jn_event_encode(uint8_t *out, const struct jn_event *ev);
/* Bytes needed exactly n. 0, or -EBADMSG for anything that jn_event_encode cannot have written. */
int jn_event_decode(struct jn_event *ev, const uint8_t *bytes, size_t n);

#endif
