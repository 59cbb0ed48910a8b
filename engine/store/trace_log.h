/* Trace log: SIP messages as they were, whose call they belong to, and what was seen of each leg's media, in
 * append-only segments that stay below a size and an age. The writer belongs to one thread. What a crash of the machine
 * takes is the last moments; a crash of the engine takes nothing that was written. */
#ifndef JN_ENGINE_TRACE_LOG_H
#define JN_ENGINE_TRACE_LOG_H

#include "engine/base/err.h"
#include "engine/base/str.h"
#include "media/stream/order.h"

enum { JN_TRACE_TEXT_MAX = 65536, JN_TRACE_CALL_ID_MAX = 255, JN_TRACE_BYTES_MAX = JN_TRACE_TEXT_MAX + 512 };
enum jn_trace_kind {
    JN_TRACE_MESSAGE = 1, /* a SIP message */
    JN_TRACE_LEG,         /* the dialog call_id is leg `leg` of call ix */
    JN_TRACE_MEDIA,       /* what was seen of that leg's media when it closed */
    JN_TRACE_TROUBLE,     /* something was wrong with that leg's media, or was not any more */
    JN_TRACE_KIND_N
};
/* Texts are not terminated; decoded ones point into the bytes. */
struct jn_trace_record {
    uint64_t at_us;
    uint8_t kind;
    /* MESSAGE: transport 0 UDP, 1 TCP, 2 TLS */
    bool sent;
    uint8_t transport;
    uint32_t text_len;
    const char *text;
    /* MESSAGE, LEG */
    const char *call_id;
    uint16_t call_id_len;
    /* LEG, MEDIA, TROUBLE: side 0 caller, 1 agent, 2 third party, 3 supervisor; agent: 0 none */
    uint64_t ix, tenant, agent, leg;
    uint8_t side;
    /* MEDIA */
    uint8_t worker, codec, suite;
    struct jn_leg_stats stats;
    /* TROUBLE: enum jn_trouble */
    uint8_t what;
    bool on;
    struct jn_addr local, peer; /* MESSAGE too */
};
/* Bytes written to out (JN_TRACE_BYTES_MAX), 0 when a text is too long. */
size_t jn_trace_encode(uint8_t *out, const struct jn_trace_record *r);
/* 0 or -EBADMSG. */
int jn_trace_decode(struct jn_trace_record *r, const uint8_t *bytes, size_t n);

struct jn_trace_writer;
/* size: bytes that all segments together may have; keep_s: age in seconds at which they go. 0 or -errno. */
int jn_trace_open(struct jn_trace_writer **out, const char *dir, uint64_t size, uint64_t keep_s, struct jn_err *err);
/* Takes one encoded record. 0 or -errno: it is lost. */
int jn_trace_put(struct jn_trace_writer *w, const uint8_t *bytes, size_t n);
/* Writes what gathered and removes what is too old. 0 or -errno. */
int jn_trace_flush(struct jn_trace_writer *w, uint64_t now_us);
void jn_trace_close(struct jn_trace_writer *w);

/* One call's records by time, any thread or process, also while the writer runs. tenant 0: any. */
struct jn_trace {
    uint64_t ix, tenant;
    struct jn_trace_record *at;
    size_t n;
    uint64_t left_out; /* records beyond the bound below */
    struct jn_buf bytes;
};
enum { JN_TRACE_RECORDS_MAX = 20000, JN_TRACE_LEGS_MAX = 64 };
/* 0, -ENOENT (no such call of that tenant, or it is too old) or -errno. The caller frees in any case. */
int jn_trace_load(struct jn_trace *t, const char *dir, uint64_t ix, uint64_t tenant, struct jn_err *err);
void jn_trace_free(struct jn_trace *t);
/* Goes through the n bytes of a segment: each gets every good record, and may end it by a value other than 0, which is
 * returned. Damage is skipped. */
int jn_trace_scan(const uint8_t *bytes, size_t n, int (*each)(void *arg, const uint8_t *record, size_t len), void *arg);

#endif
