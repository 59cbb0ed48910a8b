"""The report after the demonstration: the same totals from the API, the database and /metrics, against what the callers
and customers themselves counted; every recording verified."""
import sqlite3
import subprocess
import time

COUNTS = ("offered", "answered", "abandoned", "rejected", "lost")
CHANNELS = ("voice", "chat")


def from_api(d, since_us):
    """{(tenant, queue, channel): {...}} and the total."""
    r = d.admin.get(f"/api/v1/report?from={since_us}")
    return {(g["tenant"], g["queue"], g["channel"]): g for g in r["groups"]}, r["total"]


def from_database(d, since_us):
    db = sqlite3.connect(f"file:{d.args.data}/junctor.db?mode=ro", uri=True, timeout=5)
    try:
        rows = db.execute("SELECT tenant_name, queue_name, channel, count(*), sum(outcome=1), sum(outcome=2), sum(outcome=3), sum(outcome=4), sum(outcome=0)"
                          " FROM interaction WHERE arrived_us >= ? GROUP BY 1, 2, 3", (since_us,)).fetchall()
    finally:
        db.close()
    return {(r[0], r[1], CHANNELS[r[2]]): dict(zip(COUNTS + ("open",), r[3:])) for r in rows}


def from_metrics(d, before, since_us):
    """Counters only grow: what they were before the demonstration is taken away, and what became in it of those who came
    before it (chats that an interrupted demonstration left waiting)."""
    db = sqlite3.connect(f"file:{d.args.data}/junctor.db?mode=ro", uri=True, timeout=5)
    try:
        older = (0, *db.execute("SELECT count(*) FILTER (WHERE outcome=1 AND answered_us>=?1), count(*) FILTER (WHERE outcome=2 AND ended_us>=?1), count(*) FILTER (WHERE outcome=3 AND ended_us>=?1),"
                                " count(*) FILTER (WHERE outcome=4 AND ended_us>=?1) FROM interaction WHERE arrived_us < ?1", (since_us,)).fetchone())
    finally:
        db.close()
    now = d.admin.metrics()
    grown = [int(sum(v - before.get(k, 0) for k, v in now.items() if k.startswith(f"junctor_{name}_total{{tenant="))) for name in COUNTS]
    return {name: n - old for name, n, old in zip(COUNTS, grown, older)}


def seconds(ms):
    return "-" if ms is None else f"{ms / 1000:.1f} s"


def formula(v):
    return f"offered {v['offered']} = answered {v['answered']} + abandoned {v['abandoned']} + rejected {v['rejected']} + lost {v['lost']}"


def holds(v):
    return v["offered"] == v["answered"] + v["abandoned"] + v["rejected"] + v["lost"]


def add(rows):
    return {name: sum(r[name] for r in rows) for name in COUNTS + ("in_target",)}


def check(ok, text):
    print(f"  {'ok ' if ok else 'NOT'} {text}")
    return 0 if ok else 1


def recordings(d, since_us):
    """How many are not what they should be."""
    p = subprocess.run([d.args.binary, "rec", "verify", "--data", d.args.data], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    whole = [r for r in d.admin.get("/api/v1/recordings")["recordings"] if r["first_us"] >= since_us]
    done = sum(r["complete"] and r["stopped"] for r in whole)
    frames = sum(sum(r["frames"]) for r in whole)
    bad = check(done == len(whole) and whole and p.returncode == 0,
                f"recordings: {done} of {len(whole)} complete, {frames} frames, checked with `junctor rec verify` (exit code {p.returncode})")
    if p.returncode:
        print("      " + p.stdout.decode("utf-8", "replace").strip()[-400:])
    return bad, len(whole)


def acts(d, show):
    """The calls that something was done to, as the engine's own records show it."""
    bad = 0
    for act, ix in show.acted.items():
        p = subprocess.run([d.args.binary, "rec", "show", ix, "--data", d.args.data], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if act == "transfer":
            segments = d.admin.get(f"/api/v1/interactions/{ix}/segments")["segments"]
            agents = [s["agent"] for s in segments if s["kind"] == "talk"]
            bad += check(len(set(agents)) == 2, f"call {ix} was transferred: {', then '.join(str(a) for a in agents)}; {len(segments)} segments, one interaction, one recording")
        elif act == "hold":
            bad += check(" hold " in p.stdout and " resume " in p.stdout, f"call {ix} was held and resumed; its recording says when")
        else:
            bad += check("join     supervisor" in p.stdout and "leave    supervisor" in p.stdout, f"call {ix} was whispered into by {show.boss.name}; its recording says so")
    bad += check(len(show.acted) == 3 or show.args.calls < 12, f"of the calls one each was {', '.join(sorted(show.acted))}: {len(show.acted)} of 3")
    return bad


def why(d, show):
    """Why this agent, for one of the calls."""
    ix = show.acted.get("hold") or next(iter(show.acted.values()), None)
    if ix:
        p = subprocess.run([d.args.binary, "why", ix, "--data", d.args.data], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        print(f"\nWhy this agent, for call {ix} (junctor why {ix})")
        print("".join("  " + line + "\n" for line in (p.stdout or p.stderr).strip().split("\n")[:8]), end="")


def tell(d, show):
    """Prints the report; 0 only if everything is accounted for."""
    since = show.since_us
    end = time.monotonic() + 10
    while True:  # the database is written by its own thread, after the journal
        groups, total = from_api(d, since)
        database, metrics = from_database(d, since), from_metrics(d, show.metrics_before, since)
        settled = total["open"] == 0 and total["offered"] == metrics["offered"]
        if settled or time.monotonic() > end:
            break
        time.sleep(0.2)
    print(f"\nReport\n  {'tenant':10} {'channel':7} {'queue':14} {'offered':>7} {'answered':>8} {'abandoned':>9} {'rejected':>8} {'level':>6} {'ASA':>8} {'AHT':>8}")
    for (tenant, queue, channel), g in sorted(groups.items(), key=lambda x: tuple(str(k) for k in x[0])):
        level = "-" if g["service_level"] is None else f"{100 * g['service_level']:.0f} %"
        print(f"  {str(tenant):10} {channel:7} {str(queue):14} {g['offered']:7} {g['answered']:8} {g['abandoned']:9} {g['rejected']:8} {level:>6} {seconds(g['asa_ms']):>8} {seconds(g['aht_ms']):>8}")
    voice, chat = (add([g for k, g in groups.items() if k[2] == c]) for c in CHANNELS)
    served = total["answered"] + total["abandoned"]
    print(f"  service level = answered in target / (answered + abandoned) = {total['in_target']} / {served}" + (f" = {100 * total['in_target'] / served:.0f} %" if served else ""))
    print(f"  ASA = waiting of the answered / answered = {seconds(total['asa_ms'])};  AHT = (talk + wrap-up) / answered = {seconds(total['aht_ms'])}\n\nAccounts")
    bad = check(holds(voice), "calls: " + formula(voice))
    bad += check(holds(chat), "chats: " + formula(chat))
    by_db = {n: sum(g[n] for g in database.values()) for n in COUNTS}
    by_api = {n: total[n] for n in COUNTS}
    bad += check(by_api == by_db == metrics, "API, database and /metrics count the same: " + ("" if by_api == by_db == metrics else f"API {by_api}, database {by_db}, /metrics {metrics}")
                 + ", ".join(f"{n} {by_api[n]}" for n in COUNTS if by_api == by_db == metrics))
    same = all(all(g[n] == database.get(k, {}).get(n) for n in COUNTS) for k, g in groups.items()) and set(groups) == set(database)
    bad += check(same, f"and so for each of the {len(groups)} rows above")
    c, want = show.counts, show.expect
    bad += check(c["calls_ok"] == show.args.calls == voice["offered"] and voice["lost"] == 0,
                 f"callers (SIPp): {c['calls_ok']} of {show.args.calls} calls went as their side expects; {want['stay']} to be served, {want['gone']} to give up, {want['away']} to be turned away")
    bad += check(c["chats_closed"] == c["chats"] == show.args.chats == chat["offered"], f"customers: {c['chats_closed']} of {show.args.chats} chats came to their end")
    bad += check(c["messages"] == c["messages_kept"] and c["replies"] == c["replies_read"],
                 f"messages: {c['messages']} acknowledged, {c['messages_kept']} kept; {c['replies']} replies sent, {c['replies_read']} read")
    failed, count = recordings(d, since)
    bad += failed
    bad += check(count == voice["offered"] - voice["rejected"] or count == voice["offered"], f"each call that was taken has a recording: {count}")
    bad += acts(d, show)
    for p in show.problems[:10]:
        bad += check(False, p)
    why(d, show)
    print(f"\n{'Everything is accounted for.' if not bad else 'Something is not accounted for: see NOT above.'}")
    return 1 if bad else 0

