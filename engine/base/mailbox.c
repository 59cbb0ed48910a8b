/* Mailbox: one ring of copied messages for each pair of threads. Written with C11 atomics, so that the thread sanitizer
 * checks it as it is. */
#include "engine/base/mailbox.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

int jn_waker_open(struct jn_waker *w)
{
    atomic_init(&w->asleep, 0);
    w->armed = false;
    w->rung = 0;
    w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return w->fd < 0 ? -errno : 0;
}

void jn_waker_close(struct jn_waker *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}

void jn_waker_wake(struct jn_waker *w)
{
    /* Pairs with the fence in jn_waker_about_to_sleep: either this sees asleep, or the sleeper sees the message. */
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&w->asleep, memory_order_relaxed) == 0)
        return;
    if (atomic_exchange_explicit(&w->asleep, 0, memory_order_acq_rel) == 0)
        return;
    uint64_t one = 1;
    ssize_t n = write(w->fd, &one, sizeof one);
    (void)n; /* EAGAIN: it is rung already */
}

void jn_waker_about_to_sleep(struct jn_waker *w)
{
    /* Announced twice without awake between: a ring of the first time is still to be read. */
    if (atomic_exchange_explicit(&w->asleep, 1, memory_order_acq_rel) == 0 && w->armed)
        w->rung++;
    w->armed = true;
    /* Pairs with the fence in jn_waker_wake. */
    atomic_thread_fence(memory_order_seq_cst);
}

void jn_waker_awake(struct jn_waker *w)
{
    uint64_t count;

    /* Whoever took asleep away rings once; the ring may come later than this, and is then read at a later time. */
    if (w->armed && atomic_exchange_explicit(&w->asleep, 0, memory_order_acq_rel) == 0)
        w->rung++;
    w->armed = false;
    if (w->rung > 0 && read(w->fd, &count, sizeof count) == sizeof count)
        w->rung -= count;
}

void jn_waker_sleep(struct jn_waker *w, uint64_t timeout_us)
{
    struct pollfd p = {.fd = w->fd, .events = POLLIN};
    struct timespec t = {.tv_sec = (time_t)(timeout_us / 1000000), .tv_nsec = (long)(timeout_us % 1000000) * 1000};

    ppoll(&p, 1, timeout_us == UINT64_MAX ? NULL : &t, NULL);
}

int jn_mailbox_init(struct jn_mailbox *m, uint32_t slots, uint32_t slot_bytes, struct jn_waker *waker)
{
    uint64_t n = 2;

    while (n < slots)
        n *= 2;
    *m = (struct jn_mailbox){.mask = n - 1, .slot_bytes = slot_bytes, .waker = waker};
    m->slots = malloc(n * slot_bytes);
    return m->slots ? 0 : -ENOMEM;
}

void jn_mailbox_free(struct jn_mailbox *m)
{
    free(m->slots);
    m->slots = NULL;
}

/* Free places, as the producer can know them; asks for the consumer's head only when `want` seem not to be there. */
static uint64_t free_places(struct jn_mailbox *m, uint64_t want)
{
    uint64_t tail = atomic_load_explicit(&m->tail, memory_order_relaxed);

    if (m->mask + 1 - (tail - m->head_seen) < want)
        /* Pairs with the release in jn_mailbox_recv: the slot was copied out before it counts as free. */
        m->head_seen = atomic_load_explicit(&m->head, memory_order_acquire);
    return m->mask + 1 - (tail - m->head_seen);
}

static void put(struct jn_mailbox *m, const void *msg)
{
    uint64_t tail = atomic_load_explicit(&m->tail, memory_order_relaxed);

    memcpy(m->slots + (tail & m->mask) * m->slot_bytes, msg, m->slot_bytes);
    /* Pairs with the acquire in jn_mailbox_recv: the message is written before the tail moves. */
    atomic_store_explicit(&m->tail, tail + 1, memory_order_release);
    if (m->waker)
        jn_waker_wake(m->waker);
}

int jn_mailbox_send(struct jn_mailbox *m, const void *msg)
{
    if (free_places(m, m->reserved + 1) <= m->reserved) {
        m->refused++;
        return -EAGAIN;
    }
    put(m, msg);
    return 0;
}

bool jn_mailbox_roomy(struct jn_mailbox *m)
{
    uint64_t want = m->reserved + (m->mask + 1) / 2;
    return free_places(m, want) >= want;
}

int jn_mailbox_reserve(struct jn_mailbox *m)
{
    if (free_places(m, m->reserved + 1) <= m->reserved) {
        m->refused++;
        return -EAGAIN;
    }
    m->reserved++;
    return 0;
}

void jn_mailbox_unreserve(struct jn_mailbox *m)
{
    if (m->reserved > 0)
        m->reserved--;
}

void jn_mailbox_send_reserved(struct jn_mailbox *m, const void *msg)
{
    if (m->reserved == 0 || free_places(m, m->reserved) == 0)
        abort(); /* a place was promised: using one that nobody kept is a fault of ours, never of load */
    m->reserved--;
    put(m, msg);
}

unsigned jn_mailbox_recv(struct jn_mailbox *m, void *out, unsigned max)
{
    uint64_t head = atomic_load_explicit(&m->head, memory_order_relaxed);
    unsigned n = 0;

    if (m->tail_seen - head < max)
        /* Pairs with the release in put. */
        m->tail_seen = atomic_load_explicit(&m->tail, memory_order_acquire);
    for (; n < max && head != m->tail_seen; n++, head++)
        memcpy((uint8_t *)out + (size_t)n * m->slot_bytes, m->slots + (head & m->mask) * m->slot_bytes, m->slot_bytes);
    /* Pairs with the acquire in free_places. */
    if (n > 0)
        atomic_store_explicit(&m->head, head, memory_order_release);
    return n;
}

bool jn_mailbox_empty(struct jn_mailbox *m)
{
    return atomic_load_explicit(&m->head, memory_order_relaxed) == atomic_load_explicit(&m->tail, memory_order_acquire);
}
