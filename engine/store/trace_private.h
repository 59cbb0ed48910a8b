/* Trace private: what the files of the trace log share. Included by nobody else. */
#ifndef JN_ENGINE_TRACE_PRIVATE_H
#define JN_ENGINE_TRACE_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#define JN_TRACE_MAGIC  0x3152544au /* "JTR1" */
#define JN_TRACE_SUFFIX ".trace"
enum { JN_TRACE_HEAD = 12, JN_TRACE_SEGMENTS = 16 };

/* The head of a record: magic, length, CRC. */
void jn_trace_frame(uint8_t head[static JN_TRACE_HEAD], const uint8_t *bytes, size_t n);

#endif
