/* Load: callers and those who answer them (agents' phones that register, or an answering end), many thousands in one
 * thread, over SIP on UDP and media.h: what `junctor load` and the benchmarks drive a system with. One struct jn_load
 * a thread; its owner turns it by the clock. What goes wrong is counted and the first of it told in words. */
#ifndef JN_LOAD_LOAD_H
#define JN_LOAD_LOAD_H

#include "engine/load/media.h"
#include <stdatomic.h>

enum { JN_LOAD_NAME = 64, JN_LOAD_HOST = 128, JN_LOAD_WHY = 256, JN_LOAD_STATUSES = 7 };

/* One call as a caller saw it, in ns of the monotonic clock, 0: it did not come to that. connected: the phone that took
 * it had our ACK; joined: it was heard; ended: our BYE was answered. */
struct jn_load_times {
    uint64_t began, answered, connected, joined, ended;
};
/* What the ears of one side measured, over all calls that were up. loss in ppm, jitter and delay in us, gaps in ms;
 * mos: 500 less MOS x 100, so that what is close to the best has the finest steps. */
struct jn_load_heard {
    uint64_t legs, unheard, echoes, rtp_received, rtp_lost, duplicates, late, shifts;
    uint64_t heard, missing, bent; /* samples of 8 kHz */
    struct jn_histo loss_ppm, jitter_us, delay_us, mos, gap_ms, pause_ms;
};
enum { JN_LOAD_AT_CALLER, JN_LOAD_AT_PHONE, JN_LOAD_SIDES };
struct jn_load_counts {
    uint64_t begun, answered, done, failed, short_media, again, bad_messages, not_sent;
    uint64_t refused, unanswered, ended_early;                       /* kinds of failed */
    uint64_t phone_calls, registered, not_registered, register_busy; /* the last: of those, by 503 */
    uint64_t statuses[JN_LOAD_STATUSES];                             /* finals and provisionals of INVITE by hundreds */
    uint32_t up, active; /* callers' calls now: answered; begun and not over */
    struct jn_histo answer_us, setup_us, joined_us, register_us;
    struct jn_load_heard heard[JN_LOAD_SIDES];
    char why[JN_LOAD_WHY];
};
/* number: what is called, at host (and port of target); domain: of From and of registrations. caller, phone, password,
 * token patterns: "%d" in them becomes the party's number, first_caller and first_phone on. sip_port: of the callers,
 * phones have answer_port; 0: any. target's family NONE: nobody is called, only answered.
 * registers: phones are registered with digest; otherwise any INVITE is taken by a free one.
 * late_talk: a caller speaks once it hears the other. hold_joined: hold_ms runs from there and not from the answer.
 * packets_wanted: a call in which fewer are heard by then goes on, until give_up_ms have passed since its begin; 0: it
 * is not asked. allow_public: media may go to addresses of the public network, whoever named them. suite: offered by
 * callers, and answered where it is offered; NONE: plain. connected_ns: shared by all threads, one place a caller's
 * number, or NULL. done: told of each call that went well. */
struct jn_load_config {
    struct jn_addr target, local;
    uint16_t sip_port, answer_port;
    char number[JN_LOAD_NAME], host[JN_LOAD_HOST], domain[JN_LOAD_HOST];
    char caller[JN_LOAD_NAME], phone[JN_LOAD_NAME], password[JN_LOAD_NAME];
    uint32_t callers, phones, first_caller, first_phone, registers_at_once;
    bool registers, late_talk, hold_joined, allow_public;
    uint8_t codec[JN_CODEC_N], codecs, suite;
    uint32_t hold_ms, give_up_ms, packets_wanted, turn_ms;
    struct jn_load_media_config media; /* talkers is set here */
    _Atomic uint64_t *connected_ns;
    uint32_t connected_n;
    void (*done)(void *arg, const struct jn_load_times *t);
    void *arg;
};
struct jn_load;
int jn_load_open(struct jn_load **out, const struct jn_load_config *c, struct jn_err *err);
void jn_load_close(struct jn_load *l);
/* A free caller begins a call. stay: it stays up without media until jn_load_let_go. Its index, -EAGAIN: all are busy.
 */
int64_t jn_load_call(struct jn_load *l, bool stay, uint64_t now_ns);
/* Phones that answer from now on say one packet and then stay without media (for calls that stay). */
void jn_load_phones_stay(struct jn_load *l, bool stay);
/* Ends one call that stays; false: none is left. */
bool jn_load_let_go(struct jn_load *l, uint64_t now_ns);
/* Phone i registers (again). False: it is at it already. */
bool jn_load_register(struct jn_load *l, uint32_t i, bool leave, uint64_t now_ns);
/* All of them do, so many at once as configured, in the coming turns. */
void jn_load_register_all(struct jn_load *l, bool leave, uint64_t now_ns);
bool jn_load_registering(const struct jn_load *l);
/* How many phones are at it. */
uint32_t jn_load_in_register(const struct jn_load *l);
/* Ends all calls: BYE, or CANCEL where nobody has answered. */
void jn_load_hang_up_all(struct jn_load *l, uint64_t now_ns);
/* A BYE of ours, a phone's too, or a call is not over yet. */
bool jn_load_ending(const struct jn_load *l);
/* Takes in what arrived; sends what is due; looks at every party once in turn_ms, of many at a quarter each time. */
void jn_load_turn(struct jn_load *l, uint64_t now_ns);
/* Sleeps until the next thing is due, at most max_ns. */
void jn_load_sleep(struct jn_load *l, uint64_t max_ns, uint64_t now_ns);
/* The phones' socket, for a loop that waits for nothing else. */
int jn_load_phone_fd(const struct jn_load *l);
struct jn_load_counts *jn_load_counts(struct jn_load *l);
struct jn_load_media *jn_load_media_of(struct jn_load *l);
/* "a%d" with 7 is "a7". False: it did not fit. */
bool jn_load_name(char *out, size_t size, const char *pattern, uint32_t number);
/* Adds b to a. */
void jn_load_heard_add(struct jn_load_heard *a, const struct jn_load_heard *b);
void jn_load_counts_add(struct jn_load_counts *a, const struct jn_load_counts *b);
void jn_load_histo_add(struct jn_histo *a, const struct jn_histo *b);

#endif
