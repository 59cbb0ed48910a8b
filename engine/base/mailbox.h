/* Mailbox: the one way from thread to thread: a bounded ring of fixed-size messages, one producer thread and one
 * consumer thread for its whole life, messages copied in and out. What ends things (hang-up, closed) has its place
 * reserved when the thing is admitted, so it can always be sent. tests/model/mailbox.pml proves that nothing is lost,
 * doubled or overtaken. */
#ifndef JN_BASE_MAILBOX_H
#define JN_BASE_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Wakes one sleeping consumer thread, which may drain several mailboxes. fd is an eventfd to poll. */
struct jn_waker {
    int fd;
    _Atomic uint32_t asleep;
    bool armed;    /* the consumer's own: it announced sleep and has not cleared that yet */
    uint64_t rung; /* the consumer's own: rings that were taken back from asleep and not yet read from fd */
};
/* 0 or -errno. */
int jn_waker_open(struct jn_waker *w);
void jn_waker_close(struct jn_waker *w);
/* Any thread: wakes the consumer if it sleeps or is about to. One system call, and only if it sleeps. */
void jn_waker_wake(struct jn_waker *w);
/* Consumer: announce sleep, look into every mailbox once more, then poll fd; jn_waker_awake clears both, with a system
 * call only if somebody rang. */
void jn_waker_about_to_sleep(struct jn_waker *w);
void jn_waker_awake(struct jn_waker *w);
/* Consumer without a poll loop of its own: sleeps until woken or for timeout_us (UINT64_MAX: for ever). */
void jn_waker_sleep(struct jn_waker *w, uint64_t timeout_us);

struct jn_mailbox {
    /* producer's line */
    _Alignas(64) _Atomic uint64_t tail;
    uint64_t head_seen, reserved, refused;
    /* consumer's line */
    _Alignas(64) _Atomic uint64_t head;
    uint64_t tail_seen;
    /* fixed after init */
    _Alignas(64) uint8_t *slots;
    uint64_t mask;
    uint32_t slot_bytes;
    struct jn_waker *waker;
};

/* slots is rounded up to a power of two. waker (borrowed, may be NULL) is the consumer's. 0 or -ENOMEM. */
int jn_mailbox_init(struct jn_mailbox *m, uint32_t slots, uint32_t slot_bytes, struct jn_waker *waker);
void jn_mailbox_free(struct jn_mailbox *m);

/* Producer. Copies slot_bytes from msg. 0, or -EAGAIN when all free places are reserved (counted in `refused`): the
 * caller answers "busy". */
int jn_mailbox_send(struct jn_mailbox *m, const void *msg);
/* Producer. At most half of the places are taken or reserved: there is room for what may be left out. */
bool jn_mailbox_roomy(struct jn_mailbox *m);
/* Producer. Keeps one place for a later jn_mailbox_send_reserved. 0 or -EAGAIN. */
int jn_mailbox_reserve(struct jn_mailbox *m);
void jn_mailbox_unreserve(struct jn_mailbox *m);
/* Producer. Uses up one reservation; cannot fail. */
void jn_mailbox_send_reserved(struct jn_mailbox *m, const void *msg);
/* Consumer. Copies out up to max messages, oldest first; returns how many. */
unsigned jn_mailbox_recv(struct jn_mailbox *m, void *out, unsigned max);
/* Consumer. True when nothing waits. */
bool jn_mailbox_empty(struct jn_mailbox *m);

#endif
