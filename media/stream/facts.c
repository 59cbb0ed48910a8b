/* Facts: news for signalling. A full mailbox never loses one that was promised: those have places of their own; the
 * others wait in a bounded backlog, and no order is taken while it is half full. */
#include "media/stream/state.h"

void jn_facts_retry(struct jn_plane *p)
{
    while (p->backlog_n > 0 && jn_mailbox_send(p->facts, &p->backlog[p->backlog_head]) == 0) {
        p->backlog_head = (p->backlog_head + 1) % JN_BACKLOG;
        p->backlog_n--;
    }
}

void jn_fact_send(struct jn_plane *p, const struct jn_fact *f)
{
    struct jn_fact out = *f;

    out.worker = p->c.index;
    jn_facts_retry(p);
    if (p->backlog_n == 0 && jn_mailbox_send(p->facts, &out) == 0)
        return;
    if (p->backlog_n == JN_BACKLOG) {
        p->counts.facts_refused++;
        return;
    }
    p->backlog[(p->backlog_head + p->backlog_n++) % JN_BACKLOG] = out;
}
