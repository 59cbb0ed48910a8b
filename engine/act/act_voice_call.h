/* Act voice call: what the files of act_voice share: the table of calls and of their legs. Included by nobody else. */
#ifndef JN_ENGINE_ACT_VOICE_CALL_H
#define JN_ENGINE_ACT_VOICE_CALL_H

#include "engine/act/act_voice.h"
#include "engine/base/id.h"
#include "engine/base/map.h"
#include "media/sdp/sdp.h"
#include "router/flow/walk.h"

enum {
    DIGITS_KEPT = 32,
    MISSING_MAX = 32,
    ENDING_MS = 60000 /* beyond SIP's own time-outs: what is left then is told to the log */
};

/* A call's life; act_voice.c has the table of steps. */
enum call_state {
    CALL_FREE,
    CALL_OPENING,    /* INVITE taken, a worker looks for ports */
    CALL_ANSWERED,   /* 200 sent, its ACK not seen */
    CALL_FLOW,       /* before any queue: opening hours, notice, menu; the router does not know of it yet */
    CALL_GREETING,   /* the greeting plays; the router does not know of it yet */
    CALL_ARRIVED,    /* ARRIVE sent or being sent */
    CALL_QUEUED,     /* music and position */
    CALL_OFFERED,    /* an agent's phone is called */
    CALL_CONNECTING, /* it answered; the router has to say CONNECT */
    CALL_ANNOUNCING, /* the agent hears who calls, the caller still music */
    CALL_TALKING,
    CALL_HELD,
    CALL_GOODBYE, /* no agent took it: the prompt about that plays */
    CALL_CLOSING, /* everybody is hung up; ports and dialogs are still on their way out */
    CALL_LINE,    /* no call: where a nailed-up leg is while no caller has it (act_voice_nailed.c) */
    /* An agent calls a number (act_voice_out.c): */
    CALL_OUT_ASKED, /* the router is asked */
    CALL_OUT_AGENT, /* the agent's own phone rings */
    CALL_OUT_DIAL,  /* the agent hears the number ring */
    CALL_STATE_N
};
enum side { SIDE_CALLER, SIDE_AGENT, SIDE_THIRD, SIDE_WATCH, SIDE_ASIDE };
/* A call on its way to somebody else (act_voice_move.c). */
enum move_kind {
    MOVE_NONE,
    MOVE_ROUTER,     /* blind, to an agent or a queue: the router does it */
    MOVE_OUTSIDE,    /* blind, to a number: the agent is let go when it answers */
    MOVE_CONSULT,    /* the agent asks a colleague */
    MOVE_CONSULT_OUT /* the agent asks a number outside */
};
enum move_step {
    MOVE_ASKED,   /* the router is asked */
    MOVE_RINGING, /* the third party's phone */
    MOVE_UP,      /* it talks to the agent */
    MOVE_HANDING, /* the router is told that it gets the call */
    MOVE_RESTORE  /* over: caller and agent are being brought together again */
};
enum media_state { MEDIA_NONE, MEDIA_OPENING, MEDIA_OPEN, MEDIA_CLOSING, MEDIA_CLOSED };
enum playing { PLAY_NONE, PLAY_GREETING, PLAY_POSITION, PLAY_MUSIC, PLAY_GOODBYE, PLAY_FLOW };
enum place { PLACE_NONE, PLACE_KEPT, PLACE_USED, PLACE_RELEASED };
/* Who holds: bits. */
enum { HOLD_CALLER = 1, HOLD_AGENT = 2, HOLD_API = 4 };

/* One party: its dialog (sip, 0: none or over) and its media leg on a worker. kept, kept_home: places still kept on its
 * own worker and on the room's, when that is another. */
struct leg {
    uint64_t id, sip, agent, ring_until_ns;
    uint32_t call, index;
    uint32_t line; /* nailed up: whose (act_voice_nailed.c) */
    uint8_t side, worker, media, kept, kept_home;
    struct jn_addr via; /* where its signalling came from; family NONE: we called it */
    bool peer_public;   /* and that is a public address */
    bool joined, close_wanted, up, has_offer, dialog_kept, hung_up, nailed,
        accepted;                  /* accepted: we sent 2xx, its ACK is awaited */
    uint8_t trouble, trouble_told; /* bits by enum jn_trouble: now; those that supervisors know of */
    uint64_t quality_ns;           /* when quality was told, 0: not yet */
    struct jn_leg_stats quality;
    struct jn_sdp_local local;
    struct jn_leg_remote remote;
    struct jn_sdp offer;
};

struct pending {
    uint64_t agent;
    uint8_t kind, why;
};

struct voice_move {
    void *ask;      /* whoever waits for an answer at the API */
    uint64_t refer; /* the dialog whose REFER wants to know */
    uint64_t token; /* the router's answer that is awaited */
    uint64_t until_ns;
    uint64_t agent;      /* who moves it */
    uint64_t to, queue;  /* whom a phone's second call asks for */
    struct pending told; /* that the router could not be told yet */
    char number[JN_NUMBER_MAX];
    uint8_t kind, step, srtp;
    bool complete; /* hand over as soon as the third party is up */
};

struct call {
    uint64_t ix, tenant, queue, play_token, play_until_ns, ending_since_ns;
    uint32_t index, legs, open_media;
    uint8_t state, place, playing, holds, home;
    bool arrived, room, kept_room, recorded, retry_stop, connect_wanted, row_sent, told_late;
    bool recording, deaf;   /* deaf: the caller hears no other party for now */
    bool retry_apart;       /* a hold or its end is not ordered yet */
    struct jn_walk walk;    /* through flows; walk.flow 0: straight to a queue */
    uint64_t flow_until_ns; /* when the menu stops waiting, 0: it does not wait */
    uint64_t announce_token, announce_until_ns;
    struct leg *caller, *agent; /* agent: who rings or talks now */
    struct leg *aside, *parked; /* the agent's phone's second dialog until it is up; then its first one */
    struct leg *third;          /* whom the agent asks, or a number that it is on its way to */
    struct voice_move move;
    bool out;          /* an agent called: caller is the number called */
    uint64_t ringback; /* the leg that hears the tone */
    bool stop_ringback;
    struct leg *watch;            /* a supervisor's (act_voice_watch.c) */
    uint8_t watch_mode, watch_to; /* watch_to: mask of tracks that the room lets it reach */
    bool watch_speak_due;         /* the mode was changed and the room does not know it yet */
    struct pending retry;
    char digits[DIGITS_KEPT + 1];
    struct jn_call_row row;
};

struct jn_act_voice {
    struct jn_voice_config c;
    struct jn_voice_ports ports;
    struct jn_directory *dir;
    const struct jn_sounds *sounds;
    struct jn_sip *sip;
    struct call *calls;
    uint64_t *touched; /* bits of calls that the next tick looks at: touched since, or something waits for time */
    struct leg *legs;
    uint32_t *free_calls, *free_legs;
    uint32_t n_free_calls, n_free_legs, max_legs, in_use;
    struct jn_map by_ix, by_sip, by_media;
    struct jn_id_maker ids;
    uint64_t next_leg, next_token, now_ns;
    uint32_t worker_legs[JN_WORKERS_MAX];
    char missing[MISSING_MAX][JN_SOUND_MAX];
    unsigned n_missing;
    struct jn_voice_counts counts;
    uint64_t warned_private_ns;
    struct voice_lines *lines; /* nailed-up legs; their own places behind the calls: calls[max_calls + line] */
};

/* act_voice.c */
/* Moves a call on; a step that the table does not know is a fault of ours and is logged. */
void voice_step(struct jn_act_voice *v, struct call *c, enum call_state to);
/* Whoever gets hold of a call touches it; voice_call_of, voice_call_by_ix and voice_step do. */
static inline void voice_touch(struct jn_act_voice *v, uint32_t call)
{
    v->touched[call / 64] |= UINT64_C(1) << (call % 64);
}
struct call *voice_call_of(struct jn_act_voice *v, const struct leg *l);
struct leg *voice_leg_by_sip(struct jn_act_voice *v, uint64_t sip);
const struct jn_dir_queue *voice_queue(const struct jn_act_voice *v, const struct call *c);
/* Tries to send what the router did not take; 0 or -errno. */
int voice_send_pending(struct jn_act_voice *v, struct call *c, const struct pending *p);
/* What the router is told of a call that arrives. */
struct jn_ev_arrive voice_arrival(const struct call *c);
/* A router event about the call that need not arrive at once: a full mailbox is tried again every tick. */
void voice_tell(struct jn_act_voice *v, struct call *c, uint8_t kind, uint8_t why, uint64_t agent);

/* act_voice_media.c: a peer on the public network is about to be told a private address; said once a minute. */
void voice_warn_private(struct jn_act_voice *v, const struct jn_addr *told);

/* act_voice_caller.c */
void voice_invite(struct jn_act_voice *v, const struct jn_sip_invite *in);
void voice_caller_opened(struct jn_act_voice *v, struct call *c, struct leg *l);
void voice_caller_confirmed(struct jn_act_voice *v, struct call *c, const char *sdp);
void voice_arrive(struct jn_act_voice *v, struct call *c);

/* act_voice_agent.c */
void voice_offer(struct jn_act_voice *v, struct call *c, uint64_t agent);
void voice_agent_opened(struct jn_act_voice *v, struct call *c, struct leg *l);
void voice_agent_answered(struct jn_act_voice *v, struct call *c, struct leg *l, const char *sdp);
/* The ringing or answered phone cannot take the call: the router hears why, the phone is let go. */
void voice_agent_failed(struct jn_act_voice *v, struct call *c, enum jn_why why);
void voice_agent_ended(struct jn_act_voice *v, struct call *c, enum jn_sip_end how, int status);
/* Lets the current agent's phone go: out of the room, hung up, ports given back. */
void voice_agent_drop(struct jn_act_voice *v, struct call *c);
/* Calls the phone of l's agent, which shows `shown` and the client and queue. Gives the dialog; 0 or -errno as
 * jn_sip_call_agent. */
int voice_call_phone(struct jn_act_voice *v, const struct call *c, const struct leg *l, const char *shown,
                     const char *sdp, uint64_t *sip);
/* Calls c->move.number through a trunk. */
int voice_call_number(struct jn_act_voice *v, const struct call *c, const char *sdp, uint64_t *sip);
/* What we offer a phone: `first` before the other codecs. */
void voice_our_offer(struct leg *l, uint8_t first, uint8_t srtp);
void voice_connect(struct jn_act_voice *v, struct call *c, uint64_t agent);

/* act_voice_media.c */
/* Takes a leg, keeps its places and orders its ports. NULL: no room for it (counted). */
/* as: what is known of it by its own offer, which the leg takes over; NULL: we will make it one. */
struct leg *voice_leg_open(struct jn_act_voice *v, struct call *c, enum side side, uint64_t agent, unsigned worker,
                           const struct leg *as);
void voice_leg_close(struct jn_act_voice *v, struct call *c, struct leg *l);
/* Frees the leg once its dialog and its media are both over, and the call after its last leg. */
void voice_leg_settle(struct jn_act_voice *v, struct leg *l);
void voice_leg_sip(struct jn_act_voice *v, struct leg *l, uint64_t sip);
/* Tells who keeps traces: its dialog, or with s what its media was. */
void voice_leg_seen(struct jn_act_voice *v, const struct call *c, const struct leg *l, const struct jn_leg_stats *s);
void voice_leg_hangup(struct jn_act_voice *v, struct leg *l);
int voice_leg_remote(struct jn_act_voice *v, struct call *c, struct leg *l);
/* ROOM_CLOSE, or its place given back when there was never a room. */
void voice_room_close(struct jn_act_voice *v, struct call *c);
int voice_room_open(struct jn_act_voice *v, struct call *c);
int voice_room_join(struct jn_act_voice *v, struct call *c, struct leg *l);
void voice_room_leave(struct jn_act_voice *v, struct call *c, struct leg *l);
/* Begins or ends recording. 0 or -EAGAIN. */
int voice_record(struct jn_act_voice *v, struct call *c, bool on);
/* on, paused, masked: 1 to 3, as in JN_ORDER_RECORD. -ENODATA: nothing is recorded. */
int voice_record_state(struct jn_act_voice *v, struct call *c, uint8_t state);
/* Keeps places for leaving the room once more: for who is to leave and join again. 0 or -EAGAIN. */
int voice_room_place(struct jn_act_voice *v, const struct call *c, struct leg *l);
/* Whom l hears from now on: a mask of tracks. 0 or -EAGAIN. */
int voice_hear(struct jn_act_voice *v, const struct call *c, const struct leg *l, uint8_t tracks);
void voice_mark(struct jn_act_voice *v, struct call *c, uint8_t event);
/* An event with its argument; 0, -EAGAIN, or -ENOENT while nothing is recorded. */
int voice_mark_arg(struct jn_act_voice *v, struct call *c, uint8_t event, uint64_t arg);
/* An order to the room's home. */
int voice_room_order(struct jn_act_voice *v, const struct call *c, struct jn_order *o);
void voice_dialog_keep(struct jn_act_voice *v, struct call *c, struct leg *l);
/* The worker with the fewest legs, of those that have time for more. */
unsigned voice_pick_worker(const struct jn_act_voice *v);
/* A new call, before it takes anything: keeps its place in the router's mailbox. 0, -EAGAIN (the router), -EBUSY (no
 * worker has time for it, so that those who talk do not suffer). */
int voice_admit(struct jn_act_voice *v);
/* The worker has nothing of it any more. */
void voice_media_over(struct jn_act_voice *v, struct call *c, struct leg *l);

/* act_voice_fact.c */
void voice_fact_media(struct jn_act_voice *v, const struct jn_fact *f);

/* act_voice_quality.c */
void voice_quality(struct jn_act_voice *v, struct leg *l, const struct jn_leg_stats *s);
void voice_trouble(struct jn_act_voice *v, struct leg *l, const struct jn_fact *f);

/* act_voice_prompt.c */
bool voice_greet(struct jn_act_voice *v, struct call *c); /* false: there is none */
void voice_music(struct jn_act_voice *v, struct call *c);
void voice_say_position(struct jn_act_voice *v, struct call *c, uint32_t position);
bool voice_say_no_agent(struct jn_act_voice *v, struct call *c);
void voice_quiet(struct jn_act_voice *v, struct call *c);
void voice_play_done(struct jn_act_voice *v, struct call *c, uint64_t token);

/* Says those sounds to the caller; false: none of them is there. */
bool voice_say(struct jn_act_voice *v, struct call *c, enum playing what, const struct jn_say *say);
/* The same to another party of the room, beside what the caller hears. Gives the token and when it must be over. */
bool voice_say_to(struct jn_act_voice *v, struct call *c, struct leg *l, const struct jn_say *const say[], unsigned n,
                  bool loop, uint64_t *token, uint64_t *until_ns);

/* act_voice_flow.c: what the caller goes through before a queue. */
void voice_flow_begin(struct jn_act_voice *v, struct call *c);
void voice_flow_said(struct jn_act_voice *v, struct call *c);
void voice_flow_digit(struct jn_act_voice *v, struct call *c, char digit);
void voice_flow_tick(struct jn_act_voice *v, struct call *c);
/* The last word about a call that ends before a queue: uses its kept place. */
void voice_flow_finish(struct jn_act_voice *v, struct call *c, uint8_t kind, enum jn_why why);

/* act_voice_announce.c: who calls, told to the agent before the two are joined. */
/* Joins the agent apart from the caller and begins. 0; -ENOENT: nothing to announce; else the join failed. */
int voice_announce(struct jn_act_voice *v, struct call *c, struct leg *l);
/* It is over: the two hear each other. Also called every tick while that could not be ordered. */
void voice_announce_done(struct jn_act_voice *v, struct call *c);
/* The agent is let go while it was told. */
void voice_announce_drop(struct call *c);
/* Whoever the caller hears again; 0 or -EAGAIN. */
int voice_undeafen(struct jn_act_voice *v, struct call *c);
/* The two are joined: from here on they talk, or are held when somebody held meanwhile. */
void voice_joined(struct jn_act_voice *v, struct call *c);
/* "client: queue" for the phone's display. */
const char *voice_client_text(const struct jn_act_voice *v, const struct call *c, char *out, size_t size);

/* act_voice_nailed.c: agents' phones that stay on the line. */
int voice_lines_open(struct jn_act_voice *v);
void voice_lines_free(struct jn_act_voice *v);
unsigned voice_lines_ending(const struct jn_act_voice *v);
void voice_lines_tick(struct jn_act_voice *v, uint64_t now_ns);
void voice_lines_end(struct jn_act_voice *v);
/* Agents that are gone or answer otherwise now. */
void voice_lines_review(struct jn_act_voice *v);
void voice_line_agent(struct jn_act_voice *v, const struct jn_agent_row *row);
/* The router offers the call to an agent on the line. */
void voice_line_offer(struct jn_act_voice *v, struct call *c, const struct jn_dir_agent *a);
/* The leg of an agent's line that is up and free, for a call that the agent makes: the call's home becomes the line's
 * worker, its agent that leg. NULL: there is none. */
struct leg *voice_line_borrow(struct jn_act_voice *v, struct call *c, uint64_t agent);
bool voice_line_free(struct jn_act_voice *v, uint64_t agent); /* there is one now */
/* News of a line's own leg. */
void voice_line_opened(struct jn_act_voice *v, struct call *own);
void voice_line_answered(struct jn_act_voice *v, struct call *own, struct leg *l, const char *sdp);
void voice_line_failed(struct jn_act_voice *v, struct call *own, const char *reason);
void voice_line_settle(struct jn_act_voice *v, struct call *own);
/* The phone hung up, or sends nothing any more: the agent is not ready, and the line ends when its call lets it go. */
void voice_line_lost(struct jn_act_voice *v, struct leg *l, const char *reason);
/* Out of its own room and into the call's: keeps the places for that. 0 or -EAGAIN. */
int voice_line_lend(struct jn_act_voice *v, struct call *c, struct leg *l);
/* The call is done with it. */
void voice_line_return(struct jn_act_voice *v, struct call *c, struct leg *l);

/* act_voice_watch.c: a supervisor's leg. True when the news was of one. */
bool voice_watch_opened(struct jn_act_voice *v, struct call *c, struct leg *l);
bool voice_watch_refused(struct jn_act_voice *v, struct call *c, struct leg *l);
bool voice_watch_answered(struct jn_act_voice *v, struct call *c, struct leg *l, const char *sdp);
bool voice_watch_ended(struct jn_act_voice *v, struct call *c, struct leg *l, enum jn_sip_end how, int status);
void voice_watch_tick(struct jn_act_voice *v, struct call *c, uint64_t now_ns);
/* Somebody else is in the agent's place now: whom a whisper reaches. */
void voice_watch_review(struct jn_act_voice *v, struct call *c);
/* Out of the room, hung up; whoever asked for it is told why. */
void voice_watch_end(struct jn_act_voice *v, struct call *c, enum jn_why why);

/* act_voice_browser.c */
/* Makes DTLS and ICE possible for a description of ours, where browsers are taken. */
void voice_browser_ready(const struct jn_act_voice *v, struct jn_sdp_local *l);
/* An offer of ours becomes one for a browser. */
void voice_browser_offer(struct jn_sdp_local *l);
/* LEG_OPEN for a browser, if it is one; false: it is one and none is taken. */
bool voice_browser_open(const struct jn_act_voice *v, const struct call *c, struct leg *l, const struct leg *as,
                        struct jn_order *o);
/* Our side l for another offer to leg `of`. */
void voice_browser_again(struct jn_sdp_local *l, const struct leg *of, const struct jn_sdp *offer);
/* JN_FACT_LEG_KEYS. */
void voice_keys(struct jn_act_voice *v, struct call *c, struct leg *l, const struct jn_fact *f);

/* act_voice_hold.c */
/* Orders once more what of a hold or its end did not find room. */
void voice_hold_again(struct jn_act_voice *v, struct call *c);
void voice_reinvite(struct jn_act_voice *v, struct call *c, struct leg *l, const char *sdp);
void voice_reanswered(struct jn_act_voice *v, struct call *c, struct leg *l, const char *sdp);
/* Sets or clears one bit of holds and does what follows; tell: the router is told. */
void voice_hold(struct jn_act_voice *v, struct call *c, uint8_t bit, bool on, bool tell);

/* act_voice_end.c */
/* The one ending event of an admitted call, or its place given back when the router never knew of it. */
void voice_finish(struct jn_act_voice *v, struct call *c, uint8_t kind, enum jn_why why);
/* Ends everything of the call; status: for a caller who was not answered yet. */
void voice_close(struct jn_act_voice *v, struct call *c, int status);
void voice_closed_by_router(struct jn_act_voice *v, struct call *c, enum jn_outcome outcome, enum jn_why why);
void voice_call_settle(struct jn_act_voice *v, struct call *c);

/* act_voice_move.c: what transfer, consult and calls to outside share. */
#define MOVE_TOKEN (UINT64_C(1) << 63) /* no interaction's id has it */
/* Asks the router with a token of the move's own. 0 or -EAGAIN. */
int voice_move_ask(struct jn_act_voice *v, struct call *c, uint8_t kind, uint64_t to, uint64_t queue);
/* Tells it; a full mailbox is tried again every tick. */
void voice_move_tell(struct jn_act_voice *v, struct call *c, uint8_t kind, uint8_t why);
/* The last word to whoever asked, API or phone. */
void voice_move_answer(struct jn_act_voice *v, struct call *c, enum jn_why why);
/* The agent has the caller put aside (music, hears nobody) and hears nobody. 0 or -EAGAIN. */
int voice_move_aside(struct jn_act_voice *v, struct call *c);
/* Caller and agent hear each other again, as far as nobody holds; the move is over. */
void voice_move_restore(struct jn_act_voice *v, struct call *c);
/* Opens the third party's leg: an agent's phone, or (agent 0) move.number. NULL: no room. */
struct leg *voice_third_open(struct jn_act_voice *v, struct call *c, uint64_t agent);
/* Lets it go. */
void voice_third_drop(struct jn_act_voice *v, struct call *c);
/* It becomes the party that the caller talks to; the agent's own leg is let go. */
void voice_third_promote(struct jn_act_voice *v, struct call *c);
void voice_ringback(struct jn_act_voice *v, struct call *c, struct leg *l, bool on);
/* Takes an answer's SDP for l. 0 or why not. */
enum jn_why voice_take_answer(struct jn_act_voice *v, struct call *c, struct leg *l, const char *sdp);
enum jn_why voice_why_of(enum jn_sip_end how, int status);
enum jn_why voice_why_of_rc(int rc);
int voice_status_of(enum jn_why why); /* for phones */
uint8_t voice_track(const struct leg *l);
/* Hooks: true when the news was the move's. */
bool voice_move_opened(struct jn_act_voice *v, struct call *c, struct leg *l);
bool voice_move_refused(struct jn_act_voice *v, struct call *c, struct leg *l);
bool voice_move_answered(struct jn_act_voice *v, struct call *c, struct leg *l, const char *sdp);
bool voice_move_confirmed(struct jn_act_voice *v, struct call *c, struct leg *l);
bool voice_move_ended(struct jn_act_voice *v, struct call *c, struct leg *l, enum jn_sip_end how, int status);
void voice_move_ringing(struct jn_act_voice *v, struct call *c, struct leg *l, const char *sdp);
bool voice_move_command(struct jn_act_voice *v, struct call *c, const struct jn_command *cmd);
void voice_move_settled(struct jn_act_voice *v, const struct jn_command *cmd); /* DONE, REFUSED of a move's token */
void voice_move_tick(struct jn_act_voice *v, struct call *c, uint64_t now_ns);
/* The call goes back to its queue or ends: nothing of the move is left. */
void voice_move_drop(struct jn_act_voice *v, struct call *c, enum jn_why why);
struct call *voice_call_by_ix(struct jn_act_voice *v, uint64_t ix);

/* act_voice_transfer.c: blind. */
int voice_transfer(struct jn_act_voice *v, struct call *c, const struct jn_voice_move *m);
void voice_refer(struct jn_act_voice *v, struct call *c, struct leg *l, const struct jn_sip_refer *r);
void voice_outside_answered(struct jn_act_voice *v, struct call *c);
void voice_outside_failed(struct jn_act_voice *v, struct call *c, enum jn_why why);
void voice_outside_agent_left(struct jn_act_voice *v, struct call *c);
/* A call that the agent has and may move now. */
bool voice_movable(const struct call *c, uint64_t agent);

/* act_voice_consult.c */
int voice_consult(struct jn_act_voice *v, struct call *c, const struct jn_voice_move *m);
int voice_consult_complete(struct jn_act_voice *v, struct call *c, void *ask);
int voice_consult_cancel(struct jn_act_voice *v, struct call *c);
void voice_consult_ring(struct jn_act_voice *v, struct call *c, uint64_t agent);
void voice_consult_answered(struct jn_act_voice *v, struct call *c);
void voice_consult_failed(struct jn_act_voice *v, struct call *c, enum jn_why why);
void voice_consult_agent_left(struct jn_act_voice *v, struct call *c);
void voice_consult_handed(struct jn_act_voice *v, struct call *c);

/* 0 or why the number cannot be asked; move.number, move.kind are set. */
enum jn_why voice_consult_outside(struct jn_act_voice *v, struct call *c);
/* The agent is in the room, the third party is up: they talk. */
void voice_consult_joined(struct jn_act_voice *v, struct call *c);

/* act_voice_second.c: consults that the agent's phone makes by itself. */
bool voice_second_invite(struct jn_act_voice *v, const struct jn_sip_invite *in);
void voice_second_opened(struct jn_act_voice *v, struct call *c, struct leg *l);
void voice_second_answer(struct jn_act_voice *v, struct call *c);
void voice_second_confirmed(struct jn_act_voice *v, struct call *c, struct leg *l);
/* 0, or -EAGAIN: the parked leg is the agent's again but in no room. */
int voice_second_drop(struct jn_act_voice *v, struct call *c, enum jn_why why, bool rejoin);
void voice_second_done(struct jn_act_voice *v, struct call *c);
bool voice_second_ended(struct jn_act_voice *v, struct call *c, struct leg *l);
bool voice_second_refer(struct jn_act_voice *v, struct call *c, struct leg *l, const struct jn_sip_refer *r);

/* act_voice_out.c */
int voice_out(struct jn_act_voice *v, const struct jn_voice_move *m);
bool voice_out_invite(struct jn_act_voice *v, const struct jn_sip_invite *in);
void voice_out_begin(struct jn_act_voice *v, struct call *c);
void voice_out_refused(struct jn_act_voice *v, struct call *c, enum jn_why why);
void voice_out_opened(struct jn_act_voice *v, struct call *c, struct leg *l);
void voice_out_ringing(struct jn_act_voice *v, struct call *c, const char *sdp);
void voice_out_answered(struct jn_act_voice *v, struct call *c, struct leg *l, const char *sdp);
void voice_out_confirmed(struct jn_act_voice *v, struct call *c, struct leg *l);
void voice_out_ended(struct jn_act_voice *v, struct call *c, struct leg *l, enum jn_sip_end how, int status);
/* It came to nothing: the router hears why, the agent's phone too. */
void voice_out_failed(struct jn_act_voice *v, struct call *c, enum jn_why why);

/* act_voice_caller.c: what an offer allows, into a leg that is not taken yet. 0 or the status to refuse with. */
int voice_policy(const struct jn_act_voice *v, const struct jn_sip_invite *in, struct leg *l);
/* A fresh call; NULL: no room. queue 0: a flow. */
struct call *voice_call_new(struct jn_act_voice *v, uint64_t tenant, uint64_t queue, const char *caller,
                            const char *called, const char *call_id);

#endif
