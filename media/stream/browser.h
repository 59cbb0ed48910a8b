/* Browser: the port that many browsers' legs share: whose a packet is (ICE's name in a check, afterwards where it comes
 * from), what kind it is (RFC 7983), and the way of handshakes to the thread that does them. Private to this folder. */
#ifndef JN_MEDIA_BROWSER_H
#define JN_MEDIA_BROWSER_H

#include "media/dtls/mail.h"
#include "media/ice/lite.h"
#include "media/stream/state.h"

enum { JN_SHARED_PORTS = 4, JN_RAW_BURST = 16 };

/* What a leg has beside an ordinary one. names: its keys in by_ufrag, now and before a restart. session: which
 * association, 0 none yet. dtls_pair: where the peer's last handshake packet came from. tokens: handshake packets that
 * it may send; more come by time. */
struct jn_browser {
    uint32_t leg, session;
    struct jn_ice_lite ice;
    uint64_t names[2], due_ns, tokens_at_ns;
    uint16_t tokens;
    uint8_t dtls_pair;
    bool started, keyed;
    struct jn_leg_dtls by;
};

struct jn_browsers {
    struct jn_browser *at;
    struct jn_pool pool;
    struct jn_map by_ufrag, by_source; /* to an index of `at`; to index * JN_ICE_PAIRS + pair */
    uint64_t secret, refusal_at_ns;
    uint16_t refusals;                /* answers that strangers may still get */
    uint32_t shared[JN_SHARED_PORTS]; /* port pairs, one a local address */
    uint8_t shared_n;
    struct jn_mailbox *to_slow, *from_slow;
    struct jn_dtls_mail mail;
    /* answers that gather */
    struct jn_pkt raw[JN_RAW_BURST];
    unsigned raw_n;
    uint8_t bytes[JN_RAW_BURST][JN_DTLS_DATAGRAM_MAX];
};

/* browser.c, keys.c: legs of browsers. open gives the pair that the leg stands on, JN_NONE when there is no room, and
 * fills in further addresses; look_up takes what is no media (checks, handshakes) and gives the leg of what is. */
int jn_browsers_open(struct jn_plane *p);
void jn_browsers_free(struct jn_plane *p);
uint32_t jn_browser_open(struct jn_plane *p, struct jn_leg *l, const struct jn_order *o, struct jn_fact *f);
bool jn_browser_describe(struct jn_plane *p, struct jn_leg *l, const struct jn_leg_remote *r, uint64_t now_ns);
void jn_browser_close(struct jn_plane *p, struct jn_leg *l);
uint32_t jn_browser_look_up(struct jn_plane *p, struct jn_pkt *pk, bool *rtcp);
void jn_browser_flush(struct jn_plane *p);
void jn_browser_due(struct jn_plane *p, struct jn_leg *l, uint64_t now_ns);
struct jn_pkt *jn_browser_raw(struct jn_plane *p, const struct jn_ice_pair *to);

/* keys.c */
/* A handshake packet of leg b that came by its pair `pair`. */
void jn_keys_in(struct jn_plane *p, struct jn_browser *b, const struct jn_pkt *pk, uint8_t pair);
/* A pair was nominated: who is active begins. */
void jn_keys_start(struct jn_plane *p, struct jn_browser *b);
/* The peer as described: begins an association when it is another than before. */
bool jn_keys_describe(struct jn_plane *p, struct jn_leg *l, const struct jn_leg_dtls *by, uint64_t now_ns);
void jn_keys_close(struct jn_plane *p, struct jn_leg *l);
/* Keeps the places for an association in the mailbox. */
bool jn_keys_keep(struct jn_plane *p);

#endif
