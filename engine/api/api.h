/* Api: HTTP/JSON, WebSocket events and /metrics on one thread (libwebsockets). It keeps the live view (rows from router
 * commands) and answers from it; everything slower is asked of other threads through the sink and answered later. It
 * knows nothing of SIP, files or threads. */
#ifndef JN_ENGINE_API_H
#define JN_ENGINE_API_H

#include "engine/base/err.h"
#include "engine/base/mailbox.h"
#include "engine/base/str.h"
#include "router/core/command.h"
#include "router/directory/directory.h"

struct jn_api;
enum { JN_ORIGINS = 32, JN_ORIGIN_MAX = 128 };

enum jn_ask_kind {
    JN_ASK_IX,         /* id -> record JSON                                  database */
    JN_ASK_SEGMENTS,   /* id -> segments JSON                                database */
    JN_ASK_LIST,       /* channel, before, limit -> list JSON                database */
    JN_ASK_REPORT,     /* from_us, to_us -> report JSON                      database */
    JN_ASK_AUDIT,      /* who, what -> nothing                               database */
    JN_ASK_AUDIT_LIST, /* before (line), limit, who -> list JSON             database */
    JN_ASK_REC_LIST,   /* agent, queue, from_us, to_us, before, limit -> list JSON   slow */
    JN_ASK_REC_VERIFY, /* id -> ledger JSON                                  slow */
    JN_ASK_REC_WAV,    /* id, control: 1 Ogg Opus, channel: 1 + the party whose ears -> a file's bytes  slow */
    JN_ASK_REC_DELETE, /* id                                                 slow */
    JN_ASK_HASH,       /* text: password to check against secret: status 0 or -EACCES, slow */
    JN_ASK_APPLY,      /* text: YAML, dry_run -> difference JSON, or the mistakes  slow, then all threads */
    JN_ASK_WHY,        /* id -> what led to each of its offers, JSON         slow */
    JN_ASK_DRAIN,      /* on                                                 app */
    JN_ASK_SUPERVISE,  /* id, agent, control: enum jn_watch_mode, on: may end another's    signalling */
    JN_ASK_MOVE,       /* id, agent, control: enum jn_move of engine/act, to, queue, text: number; CALL gives id. status
                          -ECANCELED: the router refused, answer says why              signalling */
    JN_ASK_CONTROL,    /* id, agent, control: hang up, hold, resume a call   signalling */
    JN_ASK_MSG_STORE,  /* messages of one conversation, see message          journal */
    JN_ASK_MSG_READ,   /* id, before: after which number -> list JSON        journal */
    JN_ASK_MSG_ERASE,  /* id                                                 journal */
    JN_ASK_QUALITY,    /* id, control: enum jn_trace_form (no pcap) -> text or JSON  signalling */
    JN_ASK_TRACE,      /* id, control: enum jn_trace_form -> text, JSON or pcap      slow */
    JN_ASK_N
};
enum jn_trace_form { JN_TRACE_FORM_TEXT, JN_TRACE_FORM_JSON, JN_TRACE_FORM_PCAP };
/* One question to another thread. Made by jn_ask_new, given away with sink->ask, comes back with jn_api_answer, freed
 * by the API. Strings are the ask's own. */
struct jn_ask {
    uint8_t kind;
    bool dry_run, on;
    int channel, control;
    unsigned limit;
    uint64_t token, tenant, id, agent, before, from_us, to_us;
    uint64_t to, queue; /* MOVE: an agent, a queue */
    char who[JN_NAME_MAX], secret[JN_SECRET_MAX];
    struct jn_buf text; /* question: body, YAML, password; wiped when freed */
    char key[64];       /* MSG_STORE: idempotency key */
    uint8_t from;       /* MSG_STORE: enum jn_msg_from */
    uint32_t note_len;
    uint8_t note[128]; /* MSG_STORE: routing note to attach with the first message */
    /* answer */
    int status; /* 0 or -errno */
    uint32_t n; /* MSG_STORE: number given */
    uint64_t at_us;
    bool duplicate;                             /* MSG_STORE: had been stored before under that key */
    struct jn_buf answer;                       /* JSON, bytes, or the reason of a failure */
    void *user;                                 /* the asker's */
    void (*then)(void *user, struct jn_ask *a); /* called on the API thread when answered; the ask is freed after it */
};
struct jn_ask *jn_ask_new(enum jn_ask_kind kind);
void jn_ask_free(struct jn_ask *a);

struct jn_api_config {
    char host[JN_HOST_MAX];
    uint16_t port;
    uint8_t secret[32]; /* signs tokens; from the install's own file */
    uint32_t token_life_s;
    uint32_t max_connections, max_chats, max_calls;
    uint32_t boot; /* for interaction ids of chats, maker JN_MAKER_API */
    const char *version;
    uint32_t body_s, answer_s; /* allowances of a request: to send it, to be answered; 0: 10 and 30 */
    /* Web sites whose pages may embed the chat widget and speak with the chat: "https://www.example.com". */
    char origin[JN_ORIGINS][JN_ORIGIN_MAX];
    unsigned n_origins;
};
/* What engine/app/wire gives. Called on the API thread. */
struct jn_api_sink {
    int (*event)(void *arg, const struct jn_event *ev,
                 bool ending); /* to the router; -EAGAIN: answer 503. ending uses a place kept by admit */
    int (*admit)(void *arg);   /* keeps an ending place for a new chat */
    void (*release)(void *arg);
    int (*ask)(void *arg, struct jn_ask *a); /* takes a. 0, or -EAGAIN (a stays the caller's): answer 503 */
    void (*mail)(void *arg);                 /* the waker rang: wire drains and calls jn_api_command, jn_api_answer */
    void (*metrics)(void *arg, struct jn_buf *out);                 /* adds other parts' Prometheus lines */
    void (*health)(void *arg, struct jn_buf *out);                  /* adds members to GET /api/v1/status */
    void (*trunks)(void *arg, uint64_t tenant, struct jn_buf *out); /* GET /api/v1/trunks; tenant 0: all, and bans */
    void *arg;
};
int jn_api_open(struct jn_api **out, const struct jn_api_config *c, struct jn_directory *dir, struct jn_waker *waker,
                const struct jn_api_sink *sink, struct jn_err *err);
/* The port that it listens on; config.port 0 lets the system choose. */
uint16_t jn_api_port(const struct jn_api *a);
/* Serves until jn_api_stop (any thread, once). */
void jn_api_run(struct jn_api *a);
void jn_api_stop(struct jn_api *a);
void jn_api_close(struct jn_api *a);
void jn_api_directory(struct jn_api *a, struct jn_directory *dir);
/* A router command, for the view, events and whoever waits for its token. */
void jn_api_command(struct jn_api *a, const struct jn_command *c);
void jn_api_answer(struct jn_api *a, struct jn_ask *ask);
/* The SIP side's news of phones, for the live view. */
void jn_api_phone(struct jn_api *a, uint64_t agent, bool registered);
/* The numbers of call ix, for rows of it. */
void jn_api_call(struct jn_api *a, uint64_t ix, const char *caller, const char *called);
/* A supervisor at call ix: mode and state as engine/act/act_voice.h numbers them, why as enum jn_why. */
struct jn_watch {
    uint64_t ix, tenant, supervisor;
    uint8_t mode, state, why;
};
void jn_api_supervised(struct jn_api *a, const struct jn_watch *news);
/* Something is wrong with the media of call ix, or is not any more; told to supervisors. side, what: names. */
struct jn_media_trouble {
    uint64_t ix, tenant, agent;
    const char *side, *what;
    bool on;
};
void jn_api_trouble(struct jn_api *a, const struct jn_media_trouble *news);

/* Password hashes as they stand in the directory: "pbkdf2-sha256$iterations$salt$hash" (hex). Used by JN_ASK_HASH's
 * thread and `junctor token`. */
int jn_password_hash(char out[static JN_SECRET_MAX], const char *password);
int jn_password_check(const char *hash, const char *password);

#endif
