/* Engine: the running daemon's threads and the mailboxes between them. Private to engine/app: thread_*.c each own one
 * thread's part, wire.c makes and joins them. Comments name the one producer and the one consumer of each mailbox. */
#ifndef JN_ENGINE_ENGINE_H
#define JN_ENGINE_ENGINE_H

#include "engine/act/act_message.h"
#include "engine/act/act_voice.h"
#include "engine/app/config.h"
#include "engine/store/journal_file.h"
#include "engine/store/message_log.h"
#include "engine/store/recording_log.h"
#include "engine/worker/slow.h"
#include "engine/worker/worker.h"
#include "media/record/ring.h"
#include "router/core/router.h"
#include "router/journal/codec.h"
#include <pthread.h>

/* Small messages between our own threads. ptr is given away with the note. */
enum jn_note_kind {
    JN_NOTE_NONE,
    JN_NOTE_STOP,
    JN_NOTE_DIRECTORY,    /* ptr: struct jn_directory, a reference; rules: struct jn_rules, a reference or NULL */
    JN_NOTE_ASK,          /* ptr: struct jn_ask, a question */
    JN_NOTE_ANSWER,       /* ptr: struct jn_ask, answered */
    JN_NOTE_PHONE,        /* a: agent, b: registered */
    JN_NOTE_DRAIN,        /* a: on */
    JN_NOTE_FILES,        /* files beside the configuration may have changed: certificates */
    JN_NOTE_CALL,         /* ptr: struct jn_call_row, malloc'ed */
    JN_NOTE_WATCH,        /* ptr: struct jn_watch, malloc'ed */
    JN_NOTE_TROUBLE,      /* ptr: struct jn_media_trouble, malloc'ed */
    JN_NOTE_DIALOG,       /* ptr: struct jn_sip_dialog, malloc'ed */
    JN_NOTE_DIALOG_END,   /* a: leg */
    JN_NOTE_REGISTERED,   /* ptr: struct jn_sip_registration, malloc'ed */
    JN_NOTE_UNREGISTERED, /* a: agent */
    JN_NOTE_SNAPSHOT,     /* ptr: struct jn_snapshot_job */
    JN_NOTE_CHECK         /* ptr: struct jn_check_job */
};
struct jn_note {
    uint8_t kind;
    void *ptr, *rules;
    uint64_t a, b;
};
struct jn_snapshot_job {
    uint64_t seq, time_us;
    struct jn_buf state;
};
struct jn_check_job {
    uint64_t seq, command_hash, state_hash;
};
/* One event on its way to the journal. */
struct jn_record {
    uint64_t seq, time_us;
    uint32_t len;
    uint8_t bytes[JN_EVENT_BYTES_MAX];
};

enum { JN_VOICE_COUNTS = sizeof(struct jn_voice_counts) / sizeof(uint64_t) };

struct jn_engine {
    struct jn_config config;
    char path_db[JN_PATH_MAX + 32], path_journal[JN_PATH_MAX + 32], path_messages[JN_PATH_MAX + 32],
        path_recordings[JN_PATH_MAX + 32], path_rec_key[JN_PATH_MAX + 32];
    char path_centre[JN_PATH_MAX + 32], path_applied[JN_PATH_MAX + 32], path_api[JN_PATH_MAX + 32];
    int lock_fd;
    uint64_t expire_ns; /* when recordings that are kept no longer are looked for next */
    bool api_told;      /* path_api is ours */
    uint32_t boot;
    uint8_t token_secret[32], master_key[32];
    struct jn_sounds sounds;

    /* Made before threads start, then each the property of one thread. */
    struct jn_router *router;        /* router */
    struct jn_journal *journal;      /* journal */
    struct jn_message_log *messages; /* journal */
    struct jn_store *store;          /* database */
    struct jn_rec_writer *recorder;  /* recorder */
    struct jn_sip *sip;              /* signalling */
    struct jn_act_voice *voice;      /* signalling */
    struct jn_api *api;              /* API */
    struct jn_act_message *message;  /* API */
    struct jn_tracing *tracing;      /* thread_trace.c; NULL: nothing is kept */
    struct jn_worker *worker[JN_WORKERS_MAX];
    unsigned workers;
    struct jn_slow *slow;           /* handshakes with browsers; NULL: none are taken */
    struct jn_dpdk *dpdk;           /* what the workers' ports share; NULL: sockets */
    struct jn_directory *directory; /* main: the one in force */
    struct jn_rules *rules;
    struct jn_sip_dialog *old_dialogs; /* of the run before, told to the signalling thread once */
    unsigned n_old_dialogs;
    struct jn_sip_registration *old_phones; /* the same way */
    unsigned n_old_phones;

    struct jn_waker wake_router, wake_journal, wake_db, wake_sip, wake_api, wake_main, wake_recorder;

    /* struct jn_event */
    struct jn_mailbox sip_router, api_router, main_router;
    /* struct jn_command */
    struct jn_mailbox router_sip, router_api, router_db;
    struct jn_mailbox router_journal; /* struct jn_record */
    /* struct jn_order, struct jn_fact; one for each worker */
    struct jn_mailbox sip_worker[JN_WORKERS_MAX], worker_sip[JN_WORKERS_MAX];
    struct jn_rec_ring worker_recorder[JN_WORKERS_MAX];
    /* struct jn_note */
    struct jn_mailbox router_journal_note, sip_db, sip_api, api_db, api_journal, api_sip, api_main, db_api, journal_api,
        main_api, main_sip, main_db;

    pthread_t t_router, t_journal, t_db, t_sip, t_api, t_recorder;
    _Atomic bool stop_router, stop_journal, stop_db, stop_recorder;
    /* The last event that the journal holds safely, and the last whose rows the database committed. Written by their
     * threads, read by any. */
    _Atomic uint64_t durable_seq, stored_seq;
    _Atomic bool journal_failing, store_failing, recorder_failing, messages_failing;
    _Atomic uint64_t calls, rec_lost, events_taken, held_commands, journal_commits;
    /* struct jn_voice_counts, field after field, given out by the signalling thread with every tick. */
    _Atomic uint64_t voice_counts[JN_VOICE_COUNTS];
    _Atomic bool draining, sip_ready, api_ready;
};

/* Opens the data folder, recovers, binds; every mistake is in err or was logged. Then starts threads. */
int jn_engine_open(struct jn_engine *e, struct jn_err *err);
int jn_engine_start(struct jn_engine *e, struct jn_err *err);
/* Main's loop: answers slow asks, until stop_fd (a signalfd) has something. */
void jn_engine_serve(struct jn_engine *e, int signal_fd);
/* Refuses new work and waits for calls to end, at most limit_s. Returns how many were still up. */
/* Files beside the configuration, such as certificates, are read again. */
void jn_engine_files(struct jn_engine *e);
unsigned jn_engine_drain(struct jn_engine *e, uint32_t limit_s, int signal_fd);
void jn_engine_stop(struct jn_engine *e);
void jn_engine_close(struct jn_engine *e);

/* recover.c */
int jn_engine_data(struct jn_engine *e, struct jn_err *err);
int jn_engine_recover(struct jn_engine *e, struct jn_err *err);
/* Tells the router what differs between the centre that was applied last and the one in force, then notes it as
 * applied. */
int jn_engine_settle(struct jn_engine *e);
/* Replaces path by the n bytes: whole or not at all, also over a crash. 0 or -errno. */
int jn_replace_file(const char *path, const void *bytes, size_t n, unsigned mode);
int jn_read_file(const char *path, size_t max, struct jn_buf *out);
/* media.c: what the workers' ports stand on, as configured; fills in wc. After the workers were closed: its end. */
/* The addresses and ports of worker 0 .. workers-1, as configured. */
int jn_engine_media_places(const struct jn_engine *e, struct jn_worker_config *wc, unsigned worker, struct jn_err *err);
/* From where a peer is reached: the interface whose networks fit it best, the first one otherwise; NULL: unknown. */
void jn_engine_media_place(const struct jn_engine *e, const struct jn_addr *peer, uint8_t *interface, uint8_t *family);
int jn_engine_media_open(struct jn_engine *e, struct jn_worker_config *wc, struct jn_err *err);
void jn_engine_media_close(struct jn_engine *e);
/* browsers.c: joins the workers to the thread that does browsers' handshakes; nothing when none are taken. */
int jn_engine_browsers_open(struct jn_engine *e, struct jn_err *err);
/* sounds.c: every NAME.wav below the configured folders. */
int jn_engine_sounds(struct jn_engine *e, struct jn_err *err);

/* thread_*.c */
void *jn_thread_router(void *engine);
void *jn_thread_journal(void *engine);
void *jn_thread_db(void *engine);
void *jn_thread_sip(void *engine);
void *jn_thread_api(void *engine);
void *jn_thread_recorder(void *engine);
int jn_engine_sip_open(struct jn_engine *e, struct jn_err *err);
int jn_engine_api_open(struct jn_engine *e, struct jn_err *err);
/* What a restart or drain wants to know, in Prometheus' text form, and as JSON members. Any thread. */
void jn_engine_metrics(void *engine, struct jn_buf *out);
void jn_engine_health(void *engine, struct jn_buf *out);
/* health_sip.c: the part about trunks and bans. */
void jn_engine_sip_metrics(const struct jn_engine *e, struct jn_buf *out);
/* Signalling gives its counters out; anybody writes them down. */
void jn_engine_voice_counts(struct jn_engine *e);
void jn_engine_voice_metrics(const struct jn_engine *e, struct jn_buf *out);
/* Members of GET /api/v1/trunks. Any thread. */
void jn_engine_trunks(void *engine, uint64_t tenant, struct jn_buf *out);
/* thread_trace.c: SIP messages and legs on their way to the trace log. open starts its thread; close ends it after
 * everything was written, when no other thread runs any more. seen and leg: signalling thread. */
struct jn_tracing;
int jn_engine_trace_open(struct jn_engine *e, struct jn_err *err);
void jn_engine_trace_close(struct jn_engine *e);
void jn_engine_trace_seen(void *arg, const struct jn_sip_seen *m);
void jn_engine_trace_leg(void *engine, const struct jn_voice_leg_seen *l);
void jn_engine_trace_trouble(void *engine, const struct jn_voice_trouble *t);
void jn_engine_trace_metrics(const struct jn_engine *e, struct jn_buf *out);
/* trace.c: answers JN_ASK_TRACE. */
void jn_engine_trace_answer(struct jn_engine *e, struct jn_ask *a);
/* quality.c: signalling thread. answers JN_ASK_QUALITY; trouble with a leg's media goes to the trace and to
 * supervisors. */
void jn_engine_quality(struct jn_engine *e, struct jn_ask *a);
void jn_engine_trouble(void *engine, const struct jn_voice_trouble *t);
/* slow.c: answers one ask on main. */
void jn_engine_slow(struct jn_engine *e, struct jn_ask *a);
/* recordings.c: answers what is asked about recordings; deletes those that are kept no longer, called now and then. */
void jn_engine_recordings(struct jn_engine *e, struct jn_ask *a);
void jn_engine_recordings_expire(struct jn_engine *e);
/* why.c: answers JN_ASK_WHY. */
void jn_engine_why(struct jn_engine *e, struct jn_ask *a);

/* Sends note, which the caller knows to fit (its mailbox is as large as what may be under way); says so in the log when
 * it does not, and returns -EAGAIN. */
int jn_note_send(struct jn_mailbox *m, const struct jn_note *n, const char *what);
/* The sleeping side's discipline: drain until nothing came, then announce sleep and look once more. */
void jn_mail_until_quiet(struct jn_waker *w, bool (*drain)(void *arg), void *arg);

#endif
