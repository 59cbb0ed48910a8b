/* Hold: commands that wait for the journal (engine/app/thread_router.c, thread_journal.c). The router takes events, sends
 * each to the journal thread, and gives commands to two readers, some of which must wait until their event is durable;
 * what stands behind a waiting command of the same reader waits too. The journal commits in groups and may fail; a failed
 * commit is tried again.
 *
 * Proved: no command that waits goes out before its event is durable; commands of one reader go out in order; nothing is
 * held for ever (once the journal goes on, every command gets out).
 * -DNO_WAIT lets commands out at once, -DOVERTAKE looks for any ready command instead of the first, -DEARLY counts an
 * event durable before its commit is good, -DNO_WAKE leaves the router asleep after a commit: `check` demands that each is
 * found. */
#define EVENTS 5
#define READERS 2
#define FAILS 2

/* Event e gives one command to reader e % READERS; 1, 2 and 5 wait, 3 and 4 do not: in each reader one that need not wait
 * stands behind one that must. */
#define WAITS(e) ((e) % 4 == 1 || (e) % 4 == 2)

chan journal = [EVENTS] of { byte };
byte durable = 0;            /* what the router may read: written after the commit */
byte on_disk = 0;            /* what really is synced */
byte queue[READERS * 8];     /* commands held, by reader: event number, 0 none */
byte first[READERS], last[READERS];
byte out_last[READERS];      /* last command that each reader got */
byte out_count = 0;
byte taken = 0;
bool bell = false;

#define AT(r, i) queue[(r) * 8 + (i)]

inline let_out(r, i)
{
    e = AT(r, i);
    AT(r, i) = 0;
    assert(!WAITS(e) || e <= on_disk);
    assert(e > out_last[r]);
    out_last[r] = e;
    out_count++;
}

inline release(r)
{
    do
    :: first[r] == last[r] -> break
#ifdef OVERTAKE
    :: first[r] < last[r] && AT(r, first[r]) == 0 -> first[r]++
    :: first[r] + 1 < last[r] && AT(r, first[r] + 1) != 0 && !WAITS(AT(r, first[r] + 1)) ->
        let_out(r, first[r] + 1)
#endif
#ifdef NO_WAIT
    :: first[r] < last[r] && AT(r, first[r]) != 0 ->
#else
    :: first[r] < last[r] && AT(r, first[r]) != 0 &&
       (!WAITS(AT(r, first[r])) || AT(r, first[r]) <= seen) ->
#endif
        let_out(r, first[r]);
        first[r]++
    :: first[r] < last[r] && AT(r, first[r]) != 0 && WAITS(AT(r, first[r])) && AT(r, first[r]) > seen -> break
    od
}

active proctype router()
{
    byte e, seen, r;
    do
    :: taken < EVENTS -> /* take one event: to the journal, its command behind what is held */
        taken++;
        journal ! taken;
        r = taken % READERS;
        AT(r, last[r]) = taken;
        last[r]++;
        seen = durable;
        release(0);
        release(1)
    :: bell -> /* rung by the journal; without mail and bell the router sleeps here */
        bell = false;
        seen = durable;
        release(0);
        release(1)
    :: taken == EVENTS && out_count == EVENTS -> break
    od;
    assert(out_count == EVENTS)
}

active proctype journal_thread()
{
    byte appended = 0, fails = 0;
    do
    :: appended == EVENTS && durable == EVENTS -> break
    :: journal ? appended ->
        do /* all that came meanwhile belongs to the group */
        :: journal ? appended
        :: true -> break
        od
    :: appended > durable ->
        if
        :: fails < FAILS -> /* disk full, sync failed: nothing of it counts */
            fails++
#ifdef EARLY
            ; durable = appended
            ; bell = true
#endif
        :: true ->
            on_disk = appended;
            durable = appended;
#ifndef NO_WAKE
            bell = true
#endif
        fi
    od
}
