/* Act voice: what a phone call means: greeting, queue with music and position, ringing the agent, joining, hold,
 * hanging up. It turns the router's commands into SIP and media orders, and SIP and media news into router events. One
 * owner: the signalling thread. */
#ifndef JN_ENGINE_ACT_VOICE_H
#define JN_ENGINE_ACT_VOICE_H

#include "engine/sip/sip.h"
#include "engine/store/store.h"
#include "media/stream/order.h"
#include "media/tone/sounds.h"
#include "router/core/command.h"

struct jn_act_voice;

/* What engine/app/wire gives. All are called on the signalling thread. */
/* A leg of call ix has a dialog now (stats NULL), or its media is over. side: 0 caller, 1 agent. */
struct jn_voice_leg_seen {
    uint64_t ix, tenant, agent, leg, sip;
    uint8_t side, worker, codec, suite;
    struct jn_addr local, peer;
    const struct jn_leg_stats *stats;
};
struct jn_voice_ports {
    /* Admission of one call: keeps one ending place in the router's mailbox. 0 or -EAGAIN: answer 503. */
    int (*admit)(void *arg);
    void (*release)(void *arg); /* the kept place was not used */
    int (*event)(void *arg, const struct jn_event *ev,
                 bool ending); /* ending: uses the kept place, cannot fail. Otherwise 0 or -EAGAIN */
    /* Keeps that many places in the worker's mailbox, each for one later LEG_CLOSE, ROOM_LEAVE or ROOM_CLOSE to that
     * worker. 0 or -EAGAIN (nothing kept). */
    int (*admit_leg)(void *arg, unsigned worker, unsigned places);
    void (*release_leg)(void *arg, unsigned worker, unsigned places); /* that many kept places were not used */
    /* LEG_CLOSE, ROOM_LEAVE and ROOM_CLOSE use up one kept place each and cannot fail. Otherwise 0 or -EAGAIN. */
    int (*order)(void *arg, unsigned worker, const struct jn_order *o);
    void (*call_row)(void *arg, const struct jn_call_row *row);   /* to the database */
    void (*call_known)(void *arg, const struct jn_call_row *row); /* its numbers, before the router hears of it; or NULL */
    void (*dialog_put)(void *arg, const struct jn_sip_dialog *d); /* so that a crash can be told to the phones */
    void (*dialog_del)(void *arg, uint64_t leg);
    void (*leg_seen)(void *arg, const struct jn_voice_leg_seen *l); /* for traces; may be NULL */
    void *arg;
};
struct jn_voice_config {
    uint32_t boot; /* for interaction ids */
    unsigned workers;
    uint32_t max_calls;
    bool spread_legs;       /* put the two legs of a call on different workers, for tests */
    uint32_t silence_end_s; /* a leg without media that long is ended; 0 never */
    uint32_t ring_ms;       /* bound of our own on ringing beyond the router's offer time-out: 120000 */
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
/* Call control by API: hold, resume, hang up by the agent. 0, or -ENOENT. */
int jn_act_voice_control(struct jn_act_voice *v, uint64_t ix, uint64_t agent, int what /* enum jn_control */);
enum jn_control { JN_CONTROL_HANGUP, JN_CONTROL_HOLD, JN_CONTROL_RESUME };
/* Counters, read by the owner. orders_refused and events_refused: the ring was full (each has its own way out).
 * prompts_missing: a sound that the configuration names is not there.
 * wrong_steps: a fault of ours; always 0. */
struct jn_voice_counts {
    uint64_t calls, refused, answered, arrived, agent_calls, agent_failed, orders_refused, events_refused,
        prompts_missing, digits, ended_silent, facts_strange, wrong_steps;
    /* Calls that ended before a queue: outside opening hours; hung up by the caller; by the menu. Recording notices
     * heard to their end, refused recordings, notices that could not be played. Nailed-up lines answered and lost. */
    uint64_t flow_closed, flow_left, flow_ended, notices, declined, notices_failed, lines_up, lines_lost;
};
const struct jn_voice_counts *jn_act_voice_counts(const struct jn_act_voice *v);
/* Calls in any state; 0 means drained. */
unsigned jn_act_voice_calls(const struct jn_act_voice *v);
/* Ends everything (process stops). */
void jn_act_voice_end_all(struct jn_act_voice *v);
void jn_act_voice_close(struct jn_act_voice *v);

#endif
