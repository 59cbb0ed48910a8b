/* Mailbox: engine/base/mailbox.c as it is: one producer with a cached head and reservations, one consumer with a cached
 * tail, a waker. Memory: stores of the two flags that decide about sleep (tail, asleep) pass through a store buffer of
 * one entry each, emptied at any time or by a full fence; everything else is written before the tail moves (release and
 * acquire), so the slot is visible with it.
 *
 * Proved: every message arrives once and in order; a reserved send always finds a place; no slot is written while it is
 * full or read while it is not; the consumer never sleeps for ever while a message waits.
 * -DNO_FENCE_WAKE or -DNO_FENCE_SLEEP leaves one fence out, -DNO_RESERVE lets ordinary sends use reserved places,
 * -DNO_LOOK_AGAIN sleeps without the second look: `check` demands that each of these is found. */
#define SLOTS 2
#define SENDS 5

byte slot[SLOTS];       /* 0: empty, else the message's number */
byte tail = 0, head = 0; /* what others see */
byte tail_mine = 0;      /* the producer's own tail; tail_wait: not yet seen by others */
bool tail_wait = false;
bool asleep = false, asleep_mine = false, asleep_wait = false;
byte bell = 0, rung = 0; /* the eventfd; rings that the consumer knows of and has not read */

byte reserved = 0, head_seen = 0;
byte received = 0, sent = 0;

#define FREE (SLOTS - (tail_mine - head_seen))

inline fence_producer()
{
#ifndef NO_FENCE_WAKE
    atomic { tail = tail_mine; tail_wait = false }
#else
    skip
#endif
}

inline put(n)
{
    assert(slot[tail_mine % SLOTS] == 0);
    slot[tail_mine % SLOTS] = n;
    atomic { tail_mine++; tail_wait = true }
    /* jn_waker_wake: fence, look, take the right to ring, ring */
    fence_producer();
    if
    :: asleep ->
        if
        :: atomic { asleep -> asleep = false; asleep_mine = false };
            bell++ /* may be late: the consumer can be awake and asleep again by then */
        :: else -> skip
        fi
    :: else -> skip
    fi
}

active proctype producer()
{
    byte n = 1;
    do
    :: n > SENDS -> break
    :: n <= SENDS ->
        if
        :: reserved > 0 -> /* jn_mailbox_send_reserved */
            if
            :: FREE == 0 -> head_seen = head
            :: else -> skip
            fi;
            assert(FREE > 0);
            reserved--;
            put(n);
            n++
        :: true -> /* jn_mailbox_send: its own place, beside those kept */
            if
            :: FREE < reserved + 1 -> head_seen = head
            :: else -> skip
            fi;
            if
#ifdef NO_RESERVE
            :: FREE > 0 ->
#else
            :: FREE > reserved ->
#endif
                put(n);
                n++
            :: else -> skip /* refused: "busy" */
            fi
        :: reserved < SLOTS -> /* jn_mailbox_reserve */
            if
            :: FREE < reserved + 1 -> head_seen = head
            :: else -> skip
            fi;
            if
            :: FREE > reserved -> reserved++
            :: else -> skip
            fi
        fi
    od;
    sent = SENDS
}

/* The memory system: a buffered store becomes visible at some time. */
active proctype memory()
{
end:
    do
    :: atomic { tail_wait -> tail = tail_mine; tail_wait = false }
    :: atomic { asleep_wait -> asleep = asleep_mine; asleep_wait = false }
    od
}

inline receive()
{
    seen = tail;
    do
    :: head != seen ->
        assert(slot[head % SLOTS] == received + 1); /* in order, once, whole */
        received++;
        slot[head % SLOTS] = 0;
        head++
    :: else -> break
    od
}

active proctype consumer()
{
    byte seen = 0;
    do
    :: received == SENDS -> break
    :: else ->
        receive();
        if
        :: received == SENDS -> skip
        :: else ->
            /* jn_waker_about_to_sleep */
            atomic { asleep_mine = true; asleep_wait = true }
#ifndef NO_FENCE_SLEEP
            atomic { asleep = asleep_mine; asleep_wait = false }
#endif
            /* look once more, then sleep until the bell: no message may wait behind a silent bell */
#ifndef NO_LOOK_AGAIN
            if
            :: head != tail -> skip
            :: head == tail ->
#else
            if
            :: true ->
#endif
                bell > 0 /* poll without time-out: a lost wake-up is a deadlock here */
            fi;
            /* jn_waker_awake */
            atomic {
                if
                :: !asleep && !asleep_wait -> rung++
                :: else -> skip
                fi;
                asleep = false; asleep_mine = false; asleep_wait = false
            };
            if
            :: atomic { rung > 0 && bell > 0 -> assert(bell <= rung); rung = rung - bell; bell = 0 }
            :: else -> skip
            fi;
            assert(rung > 0 || bell == 0) /* no bell stays that nobody will read: sleep would end at once for ever */
        fi
    od;
    assert(received == SENDS)
}
