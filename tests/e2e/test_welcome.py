"""Before the queue: menus, opening hours, recording notices; what agents hear before a caller; phones that answer by
themselves or stay on the line. Sounds are tones, so that it is measured who hears what."""
import json
import os
import time

import audio
from lib import DOMAIN, MUSIC_HZ, SIP_SECRET, agent, centre, queue, scenario
from test_calling_out import NUMBER_HZ, World, both_ways
from test_sip_dialogs import SippPhone
from ua import answer_all

PROMPT, WRONG, CLOSED, NOTICE, CLIENT, QUEUE, BEEP = 440, 880, 520, 700, 1300, 1700, 1000
SOUNDS = {"prompt": (PROMPT, 1.0), "wrong": (WRONG, 0.4), "closed": (CLOSED, 0.6), "notice": (NOTICE, 0.8), "client": (CLIENT, 0.4), "sales": (QUEUE, 0.4)}
EVERY_DAY = {"name": "always", "zone": "Europe/Berlin", "week": ["mon-sun 00:00-24:00"]}
NEVER = {"name": "never", "zone": "America/New_York", "week": ["mon-sun 00:00-24:00"], "dates": ["2020-01-01..2099-12-31 closed"]}
MENU = {"play": ["prompt"], "wrong": "wrong", "timeout": "500ms", "retries": 1,
        "choices": {"1": {"queue": "main", "priority": 8}, "2": {"queue": "billing"}, "9": "hangup", "*": "repeat"}}


def engine(t, flows, workers=1, agents=None, announce=None, queues=None, **more):
    c = centre(agents=0, more_agents=agents or [agent("a1")], queues=queues or [queue("main", "100", record=True), queue("billing", "101", record=False), queue("chat", channels=["chat"])])
    c["tenants"][0].update({"calendars": [EVERY_DAY, NEVER], "flows": flows, **({"announce_agent": announce} if announce else {})})
    e = t.engine(c, start=False, workers=workers, **more)
    for name, (hz, seconds) in SOUNDS.items():
        audio.write_wav(os.path.join(e.folder, "sounds", name + ".wav"), audio.tone(hz, seconds))
    return e.start()


def tones(party, since=0.0, until=float("inf")):
    """Seconds of each tone that was heard."""
    pcm, out = party.rtp.heard(since, until), {}
    for i in range(0, len(pcm) - 159, 160):
        frame = pcm[i:i + 160]
        if audio.rms(frame) < 500:
            continue
        for hz in (PROMPT, WRONG, CLOSED, NOTICE, CLIENT, QUEUE, BEEP, MUSIC_HZ, 620, 2100, 2500):
            if audio.goertzel(frame, hz) > 0.7:
                out[hz] = out.get(hz, 0) + 0.02
    return out


def wait_tone(t, party, hz, seconds=0.1, timeout=4.0, since=0.0):
    t.eventually(lambda: tones(party, since).get(hz, 0) >= seconds, f"{hz} Hz is heard", timeout)


def the_row(t, e, ok=lambda i: True):
    return t.eventually(lambda: next((i for i in e.admin.get("/api/v1/interactions")["interactions"] if i["state"] == "done" and ok(i)), None), "a record")


def before_queue(t, e, want):
    t.eventually(lambda: {b["why"]: (b["outcome"], b["calls"]) for b in e.admin.get("/api/v1/report")["before_queue"]} == want, f"report: before a queue {want}", 4)
    t.equal(e.admin.get("/api/v1/report")["total"]["offered"], e.totals()["offered"], "what never came to a queue is not offered")


@scenario(40)
def welcome_menu_digit_leads_to_queue(t):
    """Digit 1 during the prompt cuts it off and leads to the queue, with the choice's priority; 2 after it to the other."""
    e = engine(t, [{"name": "welcome", "number": "200", "hours": "always", "menu": MENU}])
    desk, phone = t.agent(e, "a1")
    call = t.caller(e).call("200")
    t.check(call.wait("up"), f"answered: {call.statuses}")
    wait_tone(t, call, PROMPT)
    pressed = time.monotonic()
    call.rtp.digit("1")
    offer = desk.wait("connect")
    t.check(offer and offer["queue"] == "main" and offer["priority"] == 8, f"queue main with priority 8: {offer}")
    t.check(tones(call, pressed + 0.35).get(PROMPT, 0) == 0, "the prompt was cut off")
    call.bye()
    t.idle(e)
    second = t.caller(e, "bob").call("200")
    t.check(second.wait("up"), "answered")
    wait_tone(t, second, PROMPT)
    wait_tone(t, second, PROMPT, 0.9)
    second.rtp.digit("2")
    offer = desk.wait("connect", lambda d: d["queue"] == "billing")
    t.check(offer is not None, "queue billing")
    second.bye()
    t.idle(e)
    before_queue(t, e, {})


@scenario(40)
def welcome_menu_wrong_digits_and_silence(t):
    """A wrong digit is told, the menu asked again; silence counts the same; then the default. Hang-ups in the menu and by
    it are counted apart and never as offered."""
    flows = [{"name": "welcome", "number": "200", "menu": MENU, "go": {"queue": "billing"}},
             {"name": "strict", "number": "201", "menu": {**MENU, "retries": 0, "choices": {"3": {"flow": "sub"}}}},
             {"name": "sub", "menu": {"play": ["closed"], "timeout": "500ms", "choices": {"5": {"queue": "main"}}}}]
    e = engine(t, flows)
    desk, phone = t.agent(e, "a1")
    call = t.caller(e).call("200")
    t.check(call.wait("up"), "answered")
    wait_tone(t, call, PROMPT)
    call.rtp.digit("7")
    wait_tone(t, call, WRONG)
    mark = time.monotonic()
    wait_tone(t, call, PROMPT, 0.5, since=mark + 0.2)
    t.check(desk.wait("connect", lambda d: d["queue"] == "billing") is not None, "after retries the default queue")
    call.bye()
    left, ended, lead = (t.caller(e, u) for u in ("left", "ended", "lead"))
    left, ended, lead = left.call("200"), ended.call("201"), lead.call("201")
    t.check(left.wait("up") and ended.wait("up") and lead.wait("up"), "answered")
    wait_tone(t, left, PROMPT)
    left.bye()
    lead.rtp.digit("3")
    wait_tone(t, lead, CLOSED)
    lead.rtp.digit("5")
    t.check(ended.wait("ended", timeout=5), "nothing chosen, no default: the menu hangs up")
    t.check(desk.wait("connect", lambda d: d["queue"] == "main") is not None, "through a second menu to main")
    lead.bye()
    t.idle(e)
    row = the_row(t, e, lambda i: i["why"] == "menu_left")
    t.equal((row["outcome"], row["queue"], row["call"]["called"]), ("abandoned", None, "200"), "record of the one who left")
    before_queue(t, e, {"menu": ("rejected", 1), "menu_left": ("abandoned", 1)})
    code, out, _ = e.cli("report", "--config", e.config)
    t.check(code != 0 or "before a queue: 1 abandoned (menu_left)" in out, f"junctor report: {out}")


@scenario(30)
def welcome_closed_hours(t):
    """On a date that is closed the caller hears so and is let go; or goes where the flow says."""
    flows = [{"name": "office", "number": "200", "hours": "never", "closed": {"play": "closed"}, "go": {"queue": "main"}},
             {"name": "night", "number": "201", "hours": "never", "closed": {"go": {"queue": "billing"}}, "go": {"queue": "main"}},
             {"name": "day", "number": "202", "hours": "always", "go": {"queue": "main"}}]
    e = engine(t, flows)
    desk, phone = t.agent(e, "a1")
    call = t.caller(e).call("200")
    t.check(call.wait("up"), "answered")
    t.check(call.wait("ended", timeout=5), "hung up after the message")
    t.check(tones(call).get(CLOSED, 0) >= 0.5, f"the closed message was heard: {tones(call)}")
    t.equal(call.ended_by, "them", "who hung up")
    row = the_row(t, e)
    t.equal((row["outcome"], row["why"], row["queue"]), ("rejected", "closed", None), "record")
    for number, name in (("201", "billing"), ("202", "main")):
        c = t.caller(e, "n" + number).call(number)
        t.check(desk.wait("connect", lambda d, q=name: d["queue"] == q) is not None, f"{number} leads to {name}")
        c.bye()
        desk.wait_state("ready")
    t.idle(e)
    before_queue(t, e, {"closed": ("rejected", 1)})


def events(t, e, ix):
    code, out, err = e.cli("rec", "show", "--data", e.data, "--json", ix)
    t.equal(code, 0, f"junctor rec show: {err}")
    return json.loads(out)["events"]


@scenario(40)
def welcome_notice_is_proven(t):
    """The recording begins with the notice, says when the caller heard which, and is whole; nothing is said of a notice
    that the caller did not hear to its end; a queue that does not record ends the recording."""
    flows = [{"name": "welcome", "number": "200", "notice": {"play": ["notice"]}, "go": {"queue": "main"}},
             {"name": "quiet", "number": "201", "notice": {"play": ["notice"]}, "go": {"queue": "billing"}}]
    e = engine(t, flows)
    desk, phone = t.agent(e, "a1")
    call = t.caller(e).call("200", say=audio.tone(2100, 8))
    t.check(desk.wait("connect") is not None, "joined")
    time.sleep(0.5)
    call.bye()
    t.idle(e)
    ix = desk.seen("connect")[0]["id"]
    t.eventually(lambda: e.admin.get(f"/api/v1/recordings/{ix}").get("complete"), "recording complete")
    ev = events(t, e, ix)
    t.equal(ev[0]["event"], "start", "the recording begins")
    notice = next((x for x in ev if x["event"] == "notice"), None)
    t.check(notice and notice["text"] == "notice", f"the notice is proven: {ev}")
    prompts = [x for x in ev if x["event"] == "prompt" and x["track"] == "caller"]
    t.equal(prompts[0]["offset_ms"], 0, "from its first sample")
    end = next(x for x in prompts if x["sound"] is None)
    t.check(0.7 < (end["at_us"] - prompts[0]["at_us"]) / 1e6 < 0.95, "to its last sample")
    t.check(abs(notice["at_us"] - end["at_us"]) < 200000, "proven when it was over")
    t.check(tones(call).get(NOTICE, 0) >= 0.7, "and the caller heard it")
    early = t.caller(e, "early").call("200")
    t.check(early.wait("up"), "answered")
    wait_tone(t, early, NOTICE)
    early.bye()
    t.idle(e)
    row = the_row(t, e, lambda i: i["why"] == "menu_left")
    t.check(row["call"]["recorded"], "the beginning was recorded")
    t.eventually(lambda: e.admin.get(f"/api/v1/recordings/{row['id']}").get("complete"), "complete too")
    t.check(not [x for x in events(t, e, row["id"]) if x["event"] == "notice"], "no proof of what was not heard to its end")
    quiet = t.caller(e, "quiet").call("201")
    offer = desk.wait("connect", lambda d: d["queue"] == "billing")
    t.check(offer is not None, "joined")
    stopped = [x for x in t.eventually(lambda: events(t, e, offer["id"]), "a recording of the notice") if x["event"] == "stop"]
    t.check(stopped or t.eventually(lambda: [x for x in events(t, e, offer["id"]) if x["event"] == "stop"], "recording ended"), "a queue without recording is not recorded")
    quiet.bye()
    t.idle(e)


@scenario(40)
def welcome_notice_declined(t):
    """Digit 1 after the notice: nothing of this call is recorded. Without it recording begins after the notice, with its proof."""
    flows = [{"name": "welcome", "number": "200", "notice": {"play": ["notice"], "decline": "1", "wait": "600ms"}, "go": {"queue": "main"}}]
    e = engine(t, flows)
    desk, phone = t.agent(e, "a1")
    call = t.caller(e).call("200")
    t.check(call.wait("up"), "answered")
    wait_tone(t, call, NOTICE, 0.6)
    call.rtp.digit("1")
    first = desk.wait("connect")
    t.check(first is not None, "joined")
    call.bye()
    t.idle(e)
    row = the_row(t, e)
    t.check(not row["call"]["recorded"], f"not recorded: {row}")
    t.equal([r for r in e.admin.get("/api/v1/recordings")["recordings"] if r["call"] == first["id"]], [], "nothing is there")
    call = t.caller(e, "yes").call("200")
    second = desk.wait("connect", lambda d: d["id"] != first["id"])
    t.check(second is not None, "joined")
    call.bye()
    t.idle(e)
    t.eventually(lambda: e.admin.get(f"/api/v1/recordings/{second['id']}").get("complete"), "recording complete")
    ev = [x for x in events(t, e, second["id"]) if x["event"] in ("start", "notice", "prompt")]
    t.equal([x["event"] for x in ev[:2]] + [ev[1].get("text")], ["start", "notice", "notice"], f"begins after the notice, with its proof: {ev[:4]}")


@scenario(40)
def welcome_agent_hears_who_calls(t):
    """The agent hears client and queue, the caller only music; then both hear each other. On two workers."""
    for workers in (1, 2):
        c = centre(agents=1, queues=[queue("main", "100", announce_agent=["sales"], record=False)])
        c["tenants"][0]["announce_agent"] = "client"
        e = t.engine(c, start=False, workers=workers)
        for name, (hz, seconds) in SOUNDS.items():
            audio.write_wav(os.path.join(e.folder, "sounds", name + ".wav"), audio.tone(hz, seconds))
        e.start()
        desk, phone = t.agent(e, "a1", say=audio.tone(2500, 4))
        call = t.caller(e).call("100", say=audio.tone(2100, 4))
        t.check(desk.wait("connect") is not None, "joined")
        other = next(iter(phone.calls.values()))
        wait_tone(t, other, 2100, 0.3)
        wait_tone(t, call, 2500, 0.3)
        heard, callers = tones(other), tones(call)
        t.check(heard.get(CLIENT, 0) >= 0.35 and heard.get(QUEUE, 0) >= 0.35, f"the agent hears client and queue: {heard}")
        t.check(not callers.get(CLIENT) and not callers.get(QUEUE), f"the caller does not: {callers}")
        t.check(callers.get(MUSIC_HZ, 0) >= 0.5, f"but music meanwhile: {callers}")
        invite = other.invite
        t.check("acme" in invite.get("from") and "main" in invite.get("from"), f"the phone shows client and queue: {invite.get('from')}")
        third = t.caller(e, "carol")
        call.bye()
        t.idle(e)
        # Hang-ups while it is announced: the caller's and the agent's.
        for who in ("caller", "agent"):
            n = len(phone.calls)
            call = third.call("100")
            t.eventually(lambda: len(phone.calls) > n, "the phone rings")
            other = list(phone.calls.values())[-1]
            wait_tone(t, other, CLIENT)
            (call if who == "caller" else other).bye()
            t.check(call.wait("ended") and other.wait("ended"), f"both are let go when the {who} hangs up")
            t.idle(e)
        t.equal(e.totals("main")["answered"], 3, "each was answered")


@scenario(40)
def welcome_phone_answers_by_itself(t):
    """answer: auto: the INVITE asks the phone to answer by itself and shows client and queue; a SIPp checks that."""
    e = engine(t, [], agents=[{**agent("a1"), "answer": "auto"}])
    p = SippPhone(t, e, "a1", "phone_auto")
    desk = t.desk(e, "a1")
    call = t.caller(e).call("100")
    t.check(desk.wait("connect") is not None, "joined")
    offer = desk.wait("offer")
    t.check(offer and offer["tenant"] == "acme" and offer["queue"] == "main", f"the desk is told client and queue: {offer}")
    call.bye()
    p.passes(t, "headers that ask for an answer")
    t.idle(e)


@scenario(50)
def welcome_baresip_stays_on_the_line(t):
    """A real phone: called once, two calls over its leg, hears each caller; a desk that has to accept, and does not once."""
    e = engine(t, [], agents=[{**agent("a1", no_answer=0), "answer": "nailed", "accept": "desk"}],
               queues=[queue("main", "100", offer_timeout="1s"), queue("chat", channels=["chat"])])
    wav = os.path.join(t.folder, "agent.wav")
    audio.write_wav(wav, audio.tone(2500, 40))  # baresip hangs up at the end of its file
    b = t.baresip("a1", "a1", DOMAIN, e.address, SIP_SECRET, wav=wav, record=True, seconds=45)
    t.check(b.wait_registered(), "baresip registers")
    desk = t.desk(e, "a1")
    t.check(b.wait_event("CALL_ESTABLISHED"), "baresip is called and answers")
    served = []
    for n in range(2):
        call = t.caller(e, f"c{n}").call("100", say=audio.tone(2100, 4))
        offer = desk.wait("offer", lambda d: d["id"] not in served)
        t.check(offer is not None, "offered")
        if n:  # nobody accepts: offered again after the time-out, the line stays
            t.eventually(lambda: len([o for o in desk.seen("offer") if o["id"] == offer["id"]]) > 1, "no answer at the desk is no answer")
        desk.api.post(f"/api/v1/interactions/{offer['id']}/accept")
        served.append(offer["id"])
        wait_tone(t, call, 2500, 0.5)
        time.sleep(1.0)
        call.bye()
        t.check(desk.wait_state("ready") is not None, "ready again")
    t.equal((b.count("CALL_ESTABLISHED"), b.count("CALL_CLOSED")), (1, 0), "one call for the phone")
    desk.api.post("/api/v1/agents/me/logout")
    t.check(b.wait_event("CALL_CLOSED"), "log-out ends it")
    _, heard = b.dumps()
    pcm = audio.read_wav(heard)[1][0] if heard else []
    spoke = sum(0.02 for i in range(0, len(pcm) - 159, 160) if audio.rms(pcm[i:i + 160]) > 500 and audio.goertzel(pcm[i:i + 160], 2100) > 0.7)
    t.check(spoke > 2.0, f"baresip heard both callers, {spoke:.2f} s")
    t.idle(e)


def nailed(t, workers):
    e = engine(t, [], workers=workers, agents=[{**agent("a1"), "answer": "nailed"}])
    phone = t.phone(e, "a1", on_invite=answer_all(say=audio.tone(2500, 4)))
    desk = t.desk(e, "a1")
    t.eventually(lambda: [c for c in phone.calls.values() if c.state == "up"], "the phone is called when the agent is ready")
    line = next(iter(phone.calls.values()))
    t.equal(e.status()["calls"], 0, "a line is no call")
    for n in range(3):
        begin = time.monotonic()
        call = t.caller(e, f"c{n}").call("100", say=audio.tone(2100, 4))
        t.eventually(lambda: len(desk.seen("connect")) == n + 1, "joined")
        wait_tone(t, line, 2100, 0.2, since=begin)
        wait_tone(t, call, 2500, 0.2)
        t.check(tones(line, begin).get(BEEP, 0) >= 0.15, f"the agent hears a beep first: {tones(line, begin)}")
        t.check(not tones(call).get(BEEP), "the caller does not")
        call.bye() if n != 1 else desk.api.post(f"/api/v1/calls/{desk.seen('connect')[-1]['id']}/hangup")
        t.check(call.wait("ended"), "the call ends")
        t.check(desk.wait_state("ready") is not None, "the agent is ready again")
    t.equal((len(phone.calls), line.state), (1, "up"), "one dialog carried all three")
    seqs, _, _ = line.rtp.breaks()
    t.equal(seqs, 0, "one stream: same SSRC, no sequence jump")
    return e, desk, phone, line


@scenario(50)
def welcome_nailed_line(t):
    """Three calls over one nailed-up leg; hanging it up in a call ends the call and makes the agent not ready; ready
    calls the phone again; log-out ends it."""
    e, desk, phone, line = nailed(t, 1)
    call = t.caller(e, "last").call("100")
    t.eventually(lambda: len(desk.seen("connect")) == 4, "joined")
    line.bye()
    t.check(call.wait("ended"), "the agent hung up")
    state = desk.wait_state("not_ready")
    t.check(state and state["reason"] == "phone_hung_up", f"not ready, and why: {state}")
    row = the_row(t, e, lambda i: i["call"]["caller"] == "last")
    t.equal((row["outcome"], row["why"]), ("answered", "agent"), "record")
    desk.ready()
    t.eventually(lambda: len(phone.calls) == 2 and list(phone.calls.values())[1].state == "up", "called again")
    desk.api.post("/api/v1/agents/me/logout")
    t.check(list(phone.calls.values())[1].wait("ended"), "log-out ends the line")
    t.idle(e)


@scenario(50)
def welcome_nailed_line_on_two_workers(t):
    """The same three calls where callers are on another worker than the line. After a crash the phone is told, and called
    again."""
    e, desk, phone, line = nailed(t, 2)
    m = e.admin.metrics()
    t.check(sum(v for k, v in m.items() if k.startswith("junctor_media_link_frames_total")) > 50, "frames went from worker to worker")
    e.kill()
    e.start()
    t.check(line.wait("ended"), "after a crash the phone gets a BYE")
    t.eventually(lambda: len(phone.calls) == 2 and list(phone.calls.values())[1].state == "up", "and is called again, for its agent is still ready")


@scenario(40)
def welcome_nailed_line_calls_out(t):
    """An agent on the line calls a number: no second call to the phone, and the line is there for the next one."""
    w = World(t, answer_all(say=audio.tone(NUMBER_HZ, 3)), answer="nailed")
    line = w.leg(w.p1)
    t.check(line.wait("up"), "the line is up")
    for n in (1, 2):
        w.call(queue="main")
        number = w.leg(w.carrier, n)
        t.check(number.wait("up"), "the number answers")
        both_ways(t, w, line, number)
        number.bye()
        t.check(w.d1.wait_state("ready") is not None, "ready again")
    t.equal((len(w.p1.calls), line.state), (1, "up"), "one leg for all")
    w.d1.api.post("/api/v1/agents/me/logout")
    t.check(line.wait("ended"), "log-out ends the line")
    t.idle(w.e)
