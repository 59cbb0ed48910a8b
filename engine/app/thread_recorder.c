/* Recorder thread: chunks of every worker into segments; flushed every 300 ms. It is not woken (a system call
 * for each frame would be the worker's): it looks every 50 ms. */
#include "engine/app/engine.h"
#include "engine/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BURST = 64 };

static void note_result(struct jn_engine *e, int rc, const char *what)
{
    if (rc < 0) {
        if (!atomic_exchange_explicit(&e->recorder_failing, true, memory_order_relaxed))
            jn_error("recorder", "cannot %s: %s; frames lost are counted in each call's ledger", what, strerror(-rc));
    } else if (atomic_exchange_explicit(&e->recorder_failing, false, memory_order_relaxed)) {
        jn_info("recorder", "writes again");
    }
}

static unsigned take(struct jn_engine *e)
{
    struct jn_rec_chunk *chunk[BURST];
    unsigned all = 0, n;

    for (unsigned w = 0; w < e->workers; w++) {
        while ((n = jn_rec_ring_get(&e->worker_recorder[w], chunk, BURST)) > 0) {
            int rc;
            uint64_t lost = jn_rec_writer_put(e->recorder, (const struct jn_rec_chunk *const *)chunk, n, &rc);
            if (rc < 0) {
                atomic_fetch_add_explicit(&e->rec_lost, lost, memory_order_relaxed);
                note_result(e, rc, "write");
            }
            jn_rec_ring_back(&e->worker_recorder[w], chunk, n);
            all += n;
        }
    }
    return all;
}

void *jn_thread_recorder(void *engine)
{
    struct jn_engine *e = engine;
    uint64_t flushed_ns = jn_mono_ns();
    bool dirty = false;

    pthread_setname_np(pthread_self(), "jn-recorder");
    for (;;) {
        bool stop = atomic_load_explicit(&e->stop_recorder, memory_order_acquire);
        unsigned n = take(e);
        dirty = dirty || n > 0;
        if (dirty && (stop || jn_mono_ns() - flushed_ns >= 300000000u)) {
            int rc = jn_rec_writer_flush(e->recorder);
            note_result(e, rc, "flush");
            flushed_ns = jn_mono_ns();
            dirty = rc < 0;
        }
        if (stop && n == 0)
            break;
        if (n < BURST)
            jn_waker_sleep(&e->wake_recorder, 50000);
    }
    return NULL;
}
