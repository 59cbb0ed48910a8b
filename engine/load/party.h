/* Party: one caller or one phone, and what caller.c, phone.c and load.c share. */
#ifndef JN_LOAD_PARTY_H
#define JN_LOAD_PARTY_H

#include "engine/load/load.h"
#include "engine/load/sip_text.h"
#include "media/sdp/sdp.h"

enum jn_party_state {
    JN_PARTY_IDLE,
    JN_PARTY_INVITED, /* caller: INVITE is out; phone: its 200 is out, no ACK yet */
    JN_PARTY_UP,
    JN_PARTY_ENDING,    /* BYE is out */
    JN_PARTY_CANCELLED, /* CANCEL is out */
    JN_PARTY_LEAVING,   /* caller: it has failed and is counted; its BYE or CANCEL is out */
    JN_PARTY_DONE,
    JN_PARTY_FAILED
};
enum jn_register_state { JN_REGISTER_IDLE, JN_REGISTER_WANTED, JN_REGISTER_ASKED, JN_REGISTER_PROVEN };
enum { JN_T1_MS = 500, JN_T2_MS = 4000, JN_TRIES_MAX = 7 };

struct jn_party {
    uint8_t state, tries;
    bool phone, stay, provisional, cancel, leave, proven, heard_it, deaf; /* deaf: without media, it hangs up */
    bool bye; /* what a caller who is leaving says is BYE and not CANCEL */
    uint8_t register_state, register_tries;
    uint32_t i, cseq, invite_cseq, remote_cseq, register_cseq;
    struct jn_load_times t;
    uint64_t sent_ns, cut_ns, asked_ns;
    struct jn_addr peer; /* where messages of this dialog go */
    char call_id[128], local_tag[32], remote_tag[128];
    char remote[256]; /* the other's To or From, without tag */
    char target[256], routes[512];
    char *invite; /* a phone's INVITE in hand, for saying 200 again */
    size_t invite_len;
    uint8_t key[JN_SRTP_KEY_MAX];
    struct jn_sdp_local sdp;
    struct jn_sip_challenge challenge;
    bool challenged, challenge_proxy;
    uint32_t register_nonce;
};
struct jn_load {
    struct jn_load_config c;
    int sip[2]; /* callers', phones' */
    uint16_t port[2];
    struct jn_party *caller, *phone;
    struct jn_load_media *media;
    struct jn_map by_call; /* phones, by Call-ID */
    uint32_t callers_used, next_caller, next_phone, next_stay, in_register, next_register, leaving;
    uint32_t run; /* makes Call-IDs of this run unlike those of another */
    bool phones_stay, registering;
    uint64_t turned_ns;
    uint32_t slice; /* which of the parties are looked at next */
    struct jn_load_counts counts;
    struct jn_sip_out out;
};

/* load.c */
void jn_party_send(struct jn_load *l, struct jn_party *p);
void jn_party_fail(struct jn_load *l, struct jn_party *p, uint64_t *kind, const char *why, const char *text, size_t n);
void jn_party_media(struct jn_load *l, struct jn_party *p, const struct jn_leg_remote *r, uint64_t now_ns);
/* Puts its media to an end and what was heard into the counts. */
void jn_party_silent(struct jn_load *l, struct jn_party *p, bool by_us, uint64_t now_ns);
/* Our description: an offer, or (to not NULL) an answer. Length in out, or -errno. */
int jn_party_offer(struct jn_load *l, struct jn_party *p, char *out, size_t size);
int jn_party_answer(struct jn_load *l, struct jn_party *p, struct jn_leg_remote *r, struct jn_view body, char *out,
                    size_t size, struct jn_err *err);
/* A request inside the dialog: re-INVITE, UPDATE, OPTIONS, BYE and others that a party answers whichever it is. */
void jn_party_asked(struct jn_load *l, struct jn_party *p, const struct jn_sip_in *m, const struct jn_addr *from,
                    uint64_t now_ns);
void jn_party_plain_answer(struct jn_load *l, struct jn_party *p, const struct jn_sip_in *m, const struct jn_addr *from,
                           unsigned status, const char *reason);
uint64_t jn_party_key(struct jn_view call_id);
uint32_t jn_party_talker(const struct jn_load *l, const struct jn_party *p);
/* How long until a request is said again for the n-th time (RFC 3261 17.1). */
static inline uint64_t jn_party_wait_ns(unsigned tries)
{
    uint64_t ms = (uint64_t)JN_T1_MS << (tries < 4 ? tries : 3);
    return (ms < JN_T2_MS ? ms : JN_T2_MS) * 1000000;
}
/* caller.c */
void jn_caller_begin(struct jn_load *l, struct jn_party *p, bool stay, uint64_t now_ns);
void jn_caller_bye(struct jn_load *l, struct jn_party *p, uint64_t now_ns);
void jn_caller_hear(struct jn_load *l, const struct jn_sip_in *m, const struct jn_addr *from, uint64_t now_ns);
void jn_caller_turn(struct jn_load *l, struct jn_party *p, uint64_t now_ns);
void jn_caller_hang_up(struct jn_load *l, struct jn_party *p, uint64_t now_ns);
/* phone.c */
void jn_phone_hear(struct jn_load *l, const struct jn_sip_in *m, const char *text, size_t len,
                   const struct jn_addr *from, uint64_t now_ns);
void jn_phone_turn(struct jn_load *l, struct jn_party *p, uint64_t now_ns);
void jn_phone_hang_up(struct jn_load *l, struct jn_party *p, uint64_t now_ns);
/* register.c */
void jn_register_ask(struct jn_load *l, struct jn_party *p, uint64_t now_ns);
void jn_register_hear(struct jn_load *l, const struct jn_sip_in *m, uint64_t now_ns);
void jn_register_turn(struct jn_load *l, uint64_t now_ns);

#endif
