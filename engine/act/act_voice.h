/* Act voice: what a phone call means: greeting, queue with music and position, ringing the agent, joining, hold,
 * hanging up. It turns the router's commands into SIP and media orders, and SIP and media news into router events. One
 * owner: the signalling thread. */
#ifndef JN_ENGINE_ACT_VOICE_H
#define JN_ENGINE_ACT_VOICE_H

#include "engine/sip/sip.h"
#include "engine/store/store.h"
#include "media/sdp/sdp.h"
#include "media/stream/order.h"
#include "media/tone/sounds.h"
#include "router/core/command.h"

struct jn_act_voice;

/* A leg of call ix has a dialog now (stats NULL), or its media is over. side: 0 caller, 1 agent, 2 third
 * party, 3 supervisor. */
struct jn_voice_leg_seen {
    uint64_t ix, tenant, agent, leg, sip;
    uint8_t side, worker, codec, suite;
    struct jn_addr local, peer;
    const struct jn_leg_stats *stats;
};
/* A leg's media while the call is up: stats as last told. */
struct jn_voice_quality {
    uint64_t leg, agent, age_us;
    const char *name; /* the agent's; NULL: it is none's */
    uint8_t side, worker, codec, suite;
    const struct jn_leg_stats *stats;
};
/* Something is wrong with the media of a leg of a call whose parties talk, or is not any more. what: enum jn_trouble.
 */
struct jn_voice_trouble {
    uint64_t ix, tenant, agent, leg;
    uint8_t side, what;
    bool on;
};
/* A supervisor at call ix. */
enum jn_watch_mode { JN_WATCH_NONE, JN_WATCH_LISTEN, JN_WATCH_WHISPER, JN_WATCH_BARGE, JN_WATCH_N };
#define JN_WATCH_NAMES                                                                                                 \
    {                                                                                                                  \
        "", "listen", "whisper", "barge"                                                                               \
    }
extern const char *const jn_watch_names[JN_WATCH_N];
enum jn_watch_state { JN_WATCH_CALLING /* the phone rings */, JN_WATCH_UP, JN_WATCH_ENDED };
struct jn_voice_watch {
    uint64_t ix, tenant, supervisor;
    uint8_t mode, state, why;
};
/* What engine/app/wire gives. All are called on the signalling thread. */
struct jn_voice_ports {
    /* Admission of one call: keeps one ending place in the router's mailbox. 0 or -EAGAIN: answer 503. */
    int (*admit)(void *arg);
    void (*release)(void *arg);                   /* the kept place was not used */
    unsigned (*load)(void *arg, unsigned worker); /* what it needs of its core, in 1/1000. NULL: nobody measures */
    int (*event)(void *arg, const struct jn_event *ev,
                 bool ending); /* ending: uses the kept place, cannot fail. Otherwise 0 or -EAGAIN */
    /* Keeps that many places in the worker's mailbox, each for one later LEG_CLOSE, ROOM_LEAVE or ROOM_CLOSE to that
     * worker. 0 or -EAGAIN (nothing kept). */
    int (*admit_leg)(void *arg, unsigned worker, unsigned places);
    void (*release_leg)(void *arg, unsigned worker, unsigned places); /* that many kept places were not used */
    /* LEG_CLOSE, ROOM_LEAVE and ROOM_CLOSE use up one kept place each and cannot fail. Otherwise 0 or -EAGAIN. */
    int (*order)(void *arg, unsigned worker, const struct jn_order *o);
    void (*call_row)(void *arg, const struct jn_call_row *row); /* to the database */
    void (*call_known)(void *arg,
                       const struct jn_call_row *row); /* its numbers, before the router hears of it; or NULL */
    void (*dialog_put)(void *arg, const struct jn_sip_dialog *d); /* so that a crash can be told to the phones */
    void (*dialog_del)(void *arg, uint64_t leg);
    /* The answer to jn_act_voice_move; ix: the call's. Once for each that was taken. NULL: nobody asks. */
    void (*answered)(void *arg, void *ask, uint64_t ix, enum jn_why why);
    void (*leg_seen)(void *arg, const struct jn_voice_leg_seen *l); /* for traces; may be NULL */
    void (*supervised)(void *arg, const struct jn_voice_watch *w);  /* may be NULL */
    void (*trouble)(void *arg, const struct jn_voice_trouble *t);   /* may be NULL */
    /* From where a peer at that address (NULL: not known yet) gets its media; as in JN_ORDER_LEG_OPEN. NULL: one place.
     */
    void (*media_place)(void *arg, const struct jn_addr *peer, uint8_t *interface, uint8_t *family);
    /* SHA-256 of the certificate that handshakes show now, and its number; NULL: browsers are not taken. */
    void (*fingerprint)(void *arg, uint8_t out[static JN_FINGERPRINT], uint8_t *certificate);
    void *arg;
};
struct jn_voice_config {
    uint32_t boot; /* for interaction ids */
    unsigned workers;
    uint32_t max_calls;
    bool spread_legs;       /* put the two legs of a call on different workers, for tests */
    uint32_t silence_end_s; /* a leg without media that long is ended; 0 never */
    uint16_t admit_load;    /* no new call where every worker needs that much of its core, in 1/1000; 0: no bound */
    struct jn_sdp_codecs codecs; /* n 0: all */
    uint32_t ring_ms;            /* bound of our own on ringing beyond the router's offer time-out: 120000 */
};
/* Borrows sip and sounds. The sink of sip is jn_act_voice_sink(), made before sip is opened: open, then
 * jn_act_voice_sip once it is there. */
int jn_act_voice_open(struct jn_act_voice **out, const struct jn_voice_config *c, struct jn_directory *dir,
                      const struct jn_sounds *sounds, const struct jn_voice_ports *ports, struct jn_err *err);
void jn_act_voice_sink(struct jn_act_voice *v, struct jn_sip_sink *sink); /* fills all but mail, tick */
void jn_act_voice_sip(struct jn_act_voice *v, struct jn_sip *sip);
void jn_act_voice_directory(struct jn_act_voice *v, struct jn_directory *dir);
/* From the router (voice commands, REFUSED and DONE of our tokens). */
void jn_act_voice_command(struct jn_act_voice *v, const struct jn_command *c);
/* From a worker. */
void jn_act_voice_fact(struct jn_act_voice *v, const struct jn_fact *f);
void jn_act_voice_tick(struct jn_act_voice *v, uint64_t mono_ns);
/* Call control by API: hold, resume, hang up by the agent; what its recording may hear. 0, or -ENOENT. */
int jn_act_voice_control(struct jn_act_voice *v, uint64_t ix, uint64_t agent, int what /* enum jn_control */);
enum jn_control {
    JN_CONTROL_HANGUP,
    JN_CONTROL_HOLD,
    JN_CONTROL_RESUME,
    JN_CONTROL_RECORD, /* the recording goes on; with the next two -ENODATA when there is none */
    JN_CONTROL_RECORD_PAUSE,
    JN_CONTROL_RECORD_MASK
};
/* The legs of a call that is up and have told something. Gives how many, at most max; -ENOENT: no such call of that
 * tenant (0: any). stats and name are act_voice's, until the next
 * fact. */
int jn_act_voice_quality(struct jn_act_voice *v, uint64_t ix, uint64_t tenant, struct jn_voice_quality *out,
                         unsigned max);
/* Calls that move, by API. The agent has the call, or (CALL) wants one. to: an agent, or queue, or number. */
enum jn_move {
    JN_MOVE_TRANSFER, /* blind */
    JN_MOVE_CONSULT,  /* ask first: the caller hears music */
    JN_MOVE_COMPLETE, /* the one who was asked gets the call; when it still rings, as soon as it answers */
    JN_MOVE_CANCEL,   /* back to the caller */
    JN_MOVE_CALL      /* call number, in queue's name (0: the first that the agent serves) */
};
struct jn_voice_move {
    uint64_t ix, agent, to, queue;
    const char *number;
    int what; /* enum jn_move */
    void *ask;
};
/* 0: taken; ports.answered follows, perhaps before this returns. Otherwise not taken: -ENOENT no such call of that
 * agent, -EBUSY it moves already, -EACCES the agent may not call that number, -EINVAL no number, -ENOTCONN the agent's
 * phone is not there, -EHOSTUNREACH no trunk, -EAGAIN no room. */
int jn_act_voice_move(struct jn_act_voice *v, const struct jn_voice_move *m);
/* Calls the supervisor's own phone, which joins the call in that mode when it is answered; again: changes the mode.
 * NONE: lets it go (any: also another's). ports.supervised tells what becomes of it. 0; -ENOENT no such call, nobody
 * talks there, or nobody supervises; -EBUSY another supervisor does; -EDEADLK it is the supervisor's own call;
 * -ENOTCONN the phone is not registered; -EAGAIN no leg or no place left. Takes a leg, but no place among max_calls. */
int jn_act_voice_supervise(struct jn_act_voice *v, uint64_t ix, uint64_t supervisor, enum jn_watch_mode mode, bool any);
/* Counters, read by the owner. orders_refused and events_refused: the ring was full (each has its own way out).
 * private_told: callers on the public network who were told a private address for their sound.
 * prompts_missing: a sound that the configuration names is not there.
 * wrong_steps: a fault of ours; always 0. */
struct jn_voice_counts {
    uint64_t calls, refused, overloaded /* of the refused */, answered, arrived, agent_calls, agent_failed,
        orders_refused, events_refused, prompts_missing, private_told, digits, ended_silent, facts_strange, wrong_steps;
    /* Calls that ended before a queue: outside opening hours; hung up by the caller; by the menu. Recording notices
     * heard to their end, refused recordings, notices that could not be played. Nailed-up lines answered and lost. */
    uint64_t flow_closed, flow_left, flow_ended, notices, declined, notices_failed, lines_up, lines_lost;
    /* Supervisors who joined a call, changes of mode, phones that did not come; supervisors in calls now. */
    uint64_t watched, watch_changes, watch_failed, watched_now;
    /* Calls moved: transfers and consults begun, those that came to nothing, REFERs; calls to outside begun, answered
     * and refused for want of permission. */
    uint64_t moves, moves_failed, refers, outs, outs_answered, outs_forbidden;
    uint64_t trouble[JN_TROUBLE_N]; /* times that it began in a talking call, by enum jn_trouble */
    uint64_t keys_up, keys_failed;  /* handshakes with browsers; those that failed ended the party's call */
};
const struct jn_voice_counts *jn_act_voice_counts(const struct jn_act_voice *v);
/* Calls in any state; 0 means drained. */
unsigned jn_act_voice_calls(const struct jn_act_voice *v);
/* Ends everything (process stops). */
void jn_act_voice_end_all(struct jn_act_voice *v);
void jn_act_voice_close(struct jn_act_voice *v);

#endif
