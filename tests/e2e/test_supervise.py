"""Supervisors: who hears whom in each mode, told by three tones; streams without a jump through coming and going; what is
refused, and to whom it is shown."""
import math
import time

import audio
from lib import DOMAIN, agent, centre, queue, scenario
from ua import answer_all

CALLER_HZ, AGENT_HZ, BOSS_HZ = 1020, 672, 1633
TONES = {"caller": CALLER_HZ, "agent": AGENT_HZ, "boss": BOSS_HZ}
HEARD, SILENT = 0.12, 0.004  # of the power; what is not said lies near 1e-4, mu-law's noise


def the_centre(srtp=None, boss_phone=True):
    people = [agent("a1", srtp=srtp), agent("a2"), agent("chief", role="supervisor", phone=boss_phone, srtp=srtp),
              agent("deputy", role="supervisor")]
    return centre(agents=0, more_agents=people, queues=[queue("main", "100"), queue("chat", channels=["chat"])])


class Watched:
    """A call that talks: caller and agent a1 with a tone each, the supervisor chief with a phone and a desk."""

    def __init__(self, t, e):
        self.t, self.e = t, e
        self.desk, self.phone = t.agent(e, "a1", say=audio.tone(AGENT_HZ, 2))
        self.boss = t.desk(e, "chief", ready=False)
        self.boss_phone = t.phone(e, "chief", on_invite=answer_all(say=audio.tone(BOSS_HZ, 2)))
        self.call = t.caller(e).call("100", say=audio.tone(CALLER_HZ, 2))
        t.check(self.call.wait("up"), f"the caller is answered, got {self.call.statuses}")
        joined = self.desk.wait("connect")
        t.check(joined is not None, "caller and agent are joined")
        self.ix = joined["id"]
        self.at = time.monotonic()
        self.other = next(iter(self.phone.calls.values()))

    def supervise(self, mode, **more):
        return self.boss.api.request("POST", f"/api/v1/calls/{self.ix}/supervise", {"mode": mode}, **more)

    def leave(self):
        return self.boss.api.request("DELETE", f"/api/v1/calls/{self.ix}/supervise")[0]

    def enter(self, mode):
        before = len(self.boss_phone.calls)
        status, _, body = self.supervise(mode)
        self.t.equal(status, 200, f"supervise in mode {mode}: {body!r}")
        self.t.eventually(lambda: len(self.boss_phone.calls) > before, "the supervisor's phone rings", 5)
        mine = list(self.boss_phone.calls.values())[-1]
        self.t.check(mine.wait("up", timeout=5), "and is answered")
        self.t.eventually(lambda: self.now().get("state") == "up", "and joins", 5)
        return mine

    def now(self):
        return next((s for s in self.boss.api.get("/api/v1/supervised")["supervised"] if s["id"] == self.ix), {})

    def expect(self, party, who, hears, since, until=float("inf")):
        """Shares of the three tones' power in what the party was sent."""
        pcm = party.rtp.heard(since, until)
        self.t.check(len(pcm) > 1200, f"{who} is sent sound, {len(pcm)} samples")
        for name, hz in TONES.items():
            share = audio.goertzel(pcm, hz)
            if name in hears:
                self.t.check(share > HEARD, f"{who} hears the {name}: {share:.4f} of the power")
            else:
                self.t.check(share < SILENT, f"{who} does not hear the {name}: {share:.4f} of the power")

    def expect_mode(self, mode, mine, seconds=0.7):
        begin = time.monotonic() + 0.4  # playout depths
        time.sleep(0.4 + seconds)
        self.expect(self.call, "caller", {"agent", "boss"} if mode == "barge" else {"agent"}, begin)
        self.expect(self.other, "agent", {"caller"} if mode == "listen" else {"caller", "boss"}, begin)
        self.expect(mine, "boss", {"caller", "agent"}, begin)

    def one_stream(self):
        """Since the two talk: one SSRC, sequence by one, time without a gap, for caller and agent."""
        for who, party in (("caller", self.call), ("agent", self.other)):
            seqs, stamps, longest = party.rtp.breaks(self.at + 0.5)
            self.t.equal((seqs, stamps), (0, 0), f"{who}: jumps of sequence and of time")
            self.t.check(longest < 0.25, f"{who}: packets keep coming, longest pause {longest * 1000:.0f} ms")

    def end(self):
        self.call.bye()
        self.t.check(self.call.wait("ended"), "BYE is answered")
        self.t.idle(self.e)


def worst_whisper(party, since):
    """The supervisor's tone against full scale, in the worst 50 ms, in dB."""
    pcm = party.rtp.heard(since)
    worst = 0.0
    for i in range(0, len(pcm) - 400, 200):
        part = pcm[i:i + 400]
        worst = max(worst, audio.goertzel(part, BOSS_HZ) * audio.rms(part) ** 2)
    return 10 * math.log10(worst / 32768 ** 2 + 1e-12)


def modes(t, e):
    w = Watched(t, e)
    time.sleep(0.6)
    mine = w.enter("listen")
    for mode in ("listen", "whisper", "barge", "whisper"):
        t.equal(w.supervise(mode)[0], 200, f"mode {mode}")
        w.expect_mode(mode, mine)
    t.equal(w.leave(), 200, "leave")
    t.check(mine.wait("ended", timeout=5), "the supervisor's phone gets a BYE")
    w.one_stream()
    w.end()
    return w


@scenario(60)
def supervise_modes(t):
    """Listen, whisper, barge and back: each party hears whom it may, caller's and agent's streams go on without a jump."""
    modes(t, t.engine(the_centre()))


@scenario(60)
def supervise_modes_two_workers(t):
    """The same with the legs spread over two workers."""
    e = t.engine(the_centre(), workers=2, machine={"workers.spread_legs": True})
    modes(t, e)
    m = e.admin.metrics()
    t.check(sum(v for k, v in m.items() if k.startswith("junctor_media_link_frames_total")) > 100, "frames go from worker to worker")


def five_times(t, e):
    w = Watched(t, e)
    time.sleep(0.5)
    for i in range(5):
        mine = w.enter(("whisper", "listen", "barge", "whisper", "listen")[i])
        time.sleep(0.5)
        t.equal(w.leave(), 200, "leave")
        t.check(mine.wait("ended", timeout=5), "the phone gets a BYE")
        time.sleep(1.0)  # it relays again
    w.one_stream()
    m = e.admin.metrics()
    t.equal(m["junctor_supervisors_joined_total"], 5, "counted")
    for who in ("to_mix", "to_relay"):
        n = sum(v for k, v in m.items() if k.startswith(f"junctor_media_turns_{who}_total"))
        t.check(n >= 10, f"turns {who}: {n:.0f} of both directions")
    w.end()


@scenario(60)
def supervise_five_times(t):
    """A supervisor comes and goes five times: relay, mix, relay, and neither side's stream jumps."""
    five_times(t, t.engine(the_centre()))


@scenario(60)
def supervise_five_times_two_workers(t):
    """The same over two workers."""
    five_times(t, t.engine(the_centre(), workers=2, machine={"workers.spread_legs": True}))


@scenario(60)
def supervise_whisper_never_at_the_caller(t):
    """A supervisor whispers through coming, hold, resume, a change of mode and going: the caller never hears it."""
    e = t.engine(the_centre())
    w = Watched(t, e)
    mine = w.enter("whisper")
    time.sleep(0.5)
    w.desk.api.post(f"/api/v1/calls/{w.ix}/hold")
    t.check(w.desk.wait("hold", timeout=5), "held")
    held = time.monotonic()
    time.sleep(1.0)
    w.expect(w.other, "agent, who holds,", {"boss"}, held + 0.4)
    w.desk.api.post(f"/api/v1/calls/{w.ix}/resume")
    t.check(w.desk.wait("resume", timeout=5), "resumed")
    time.sleep(0.5)
    w.supervise("listen")
    time.sleep(0.3)
    w.supervise("whisper")
    time.sleep(0.5)
    mine.bye()  # by the phone
    t.check(mine.wait("ended", timeout=5), "the supervisor hangs up")
    t.eventually(lambda: not w.now(), "and is gone", 5)
    time.sleep(0.5)
    t.check(w.call.state == "up" and w.other.state == "up", "the call goes on")
    worst = worst_whisper(w.call, w.at)
    t.check(worst < -55, f"the whisper at the caller: {worst:.0f} dB of full scale")
    t.check(worst_whisper(w.other, w.at) > -25, "the agent heard it")
    t.check(not any("supervis" in str(ev).lower() for ev in w.desk.events), "the agent's desk was told nothing")
    kinds = [(s["mode"], s["state"]) for s in w.boss.seen("supervised")]
    t.equal(kinds, [("whisper", "calling"), ("whisper", "up"), ("listen", "up"), ("whisper", "up"), ("whisper", "ended")], "what supervisors were told")
    w.end()
    audit = [x for x in w.boss.engine.admin.get("/api/v1/audit")["audit"] if x["kind"] == "supervise"]
    t.check(len(audit) == 4 and all(w.ix in x["what"] and x["who"] == "chief" for x in audit), f"the audit log knows who listened: {audit}")


@scenario(60)
def supervise_ends_with_the_call(t):
    """The caller hangs up: the supervisor's phone gets a BYE, nothing is left; the recording holds all three, complete."""
    e = t.engine(the_centre())
    w = Watched(t, e)
    mine = w.enter("barge")
    time.sleep(1.0)
    w.call.bye()
    t.check(mine.wait("ended", timeout=5), "the supervisor's phone gets a BYE")
    t.check(w.other.wait("ended", timeout=5), "the agent's too")
    t.idle(e)
    t.equal(w.boss.api.get("/api/v1/supervised")["supervised"], [], "nobody supervises")
    ledger = t.eventually(lambda: (lambda r: r if r.get("complete") else None)(w.boss.api.get(f"/api/v1/recordings/{w.ix}")), "the recording is complete", 8)
    t.check(all(ledger["frames"][i] > 30 for i in (0, 1, 3)), f"frames of caller, agent and supervisor: {ledger['frames']}")
    status, _, wav = w.boss.api.request("GET", f"/api/v1/recordings/{w.ix}/audio")
    t.equal(status, 200, "its sound")
    path = t.folder + "/call.wav"
    with open(path, "wb") as f:
        f.write(wav)
    _, sides = audio.read_wav(path)
    for side, hz in ((0, CALLER_HZ), (1, AGENT_HZ)):
        pcm = sides[side][-6000:-400]
        t.check(audio.goertzel(pcm, hz) > 0.8, "left the caller, right the agent")
        t.check(audio.goertzel(pcm, BOSS_HZ) < SILENT, "the supervisor is on neither side")


@scenario(60)
def supervise_refused(t):
    """Agents, other tenants, a second supervisor, a supervisor without a phone, calls where nobody talks: refused in words."""
    e = t.engine(the_centre())
    w = Watched(t, e)
    path = f"/api/v1/calls/{w.ix}/supervise"

    def refused(desk, want, body={"mode": "listen"}, method="POST", at=path):
        status, _, data = desk.api.request(method, at, body)
        t.equal(status, want, f"{desk.name}: {method} {at} {body}: {data!r}")

    a2 = t.desk(e, "a2", ready=False, events=False)
    spy = t.desk(e, "spy", tenant="rival", ready=False, events=False)
    bare = t.desk(e, "boss", ready=False, events=False)
    deputy = t.desk(e, "deputy", ready=False, events=False)
    refused(a2, 403)
    refused(w.desk, 403)
    refused(spy, 404)
    refused(bare, 409)  # no phone
    refused(deputy, 409)  # a phone that is not registered
    refused(w.boss, 422, {"mode": "shout"})
    refused(w.boss, 422, {})
    refused(w.boss, 422, {"mode": "listen", "loud": "yes"})
    refused(w.boss, 404, None, "DELETE")  # nobody is there yet
    refused(w.boss, 404, at="/api/v1/calls/0004001ZZ0001/supervise")
    w.enter("listen")
    t.phone(e, "deputy")
    refused(deputy, 409)  # one a call
    refused(deputy, 409, None, "DELETE")
    refused(spy, 404, None, "DELETE")
    t.equal(spy.api.get("/api/v1/supervised")["supervised"], [], "another tenant sees none")
    t.equal(a2.api.request("GET", "/api/v1/supervised")[0], 403, "agents do not ask")
    t.equal(w.now()["supervisor"], "chief", "the list")
    waiting = t.caller(e, "bob").call("100")
    t.check(waiting.wait("up"), "another caller waits")
    rows = t.eventually(lambda: [x for x in w.boss.api.get("/api/v1/interactions?open=1")["interactions"] if x["state"] == "queued"], "it is queued")
    refused(deputy, 409, at=f"/api/v1/calls/{rows[0]['id']}/supervise")  # nobody talks
    waiting.bye()
    t.equal(e.admin.request("DELETE", path)[0], 200, "the installation may end it")
    t.eventually(lambda: not w.now(), "ended", 5)
    w.end()


@scenario(60)
def supervise_srtp(t):
    """Agent's and supervisor's phones demand SRTP: the supervisor hears both sides, both sides go on."""
    import os
    e = t.engine(the_centre(srtp="required"))
    wav = {}
    for i, who in enumerate(("a1", "chief")):
        wav[who] = os.path.join(t.folder, who + ".wav")
        audio.write_wav(wav[who], audio.tone((AGENT_HZ, BOSS_HZ)[i], 60))
    from lib import SIP_SECRET
    phones = {n: t.baresip(n, n, DOMAIN, e.address, SIP_SECRET, wav=wav[n], record=True, seconds=60, srtp="srtp-mand") for n in wav}
    for n, p in phones.items():
        t.check(p.wait_registered(8), f"{n} registers")
    desk, boss = t.desk(e, "a1"), t.desk(e, "chief", ready=False)
    call = t.caller(e).call("100", say=audio.tone(CALLER_HZ, 2))
    t.check(call.wait("up"), "the caller is answered")
    joined = desk.wait("connect", timeout=8)
    t.check(joined, "joined")
    ix, at = joined["id"], time.monotonic()
    boss.api.post(f"/api/v1/calls/{ix}/supervise", {"mode": "barge"})
    t.check(boss.wait("supervised", lambda s: s["state"] == "up", 8), "the supervisor joins")
    time.sleep(2.0)
    pcm = call.rtp.heard(time.monotonic() - 1.0)
    for hz in (AGENT_HZ, BOSS_HZ):
        t.check(audio.goertzel(pcm, hz) > HEARD, f"the caller hears {hz} Hz: {audio.goertzel(pcm, hz):.3f}")
    t.equal(boss.api.request("DELETE", f"/api/v1/calls/{ix}/supervise")[0], 200, "leave")
    time.sleep(1.5)
    pcm = call.rtp.heard(time.monotonic() - 0.8)
    t.check(audio.goertzel(pcm, AGENT_HZ) > 0.9, "the caller hears the agent alone")
    t.equal(call.rtp.breaks(at + 0.5)[:2], (0, 0), "caller: jumps of sequence and of time")
    call.bye()
    t.idle(e)
    for p in phones.values():
        p.stop()
    heard = [audio.read_wav(p)[1][0] for p in phones["chief"].dumps()]
    pcm = max(heard, key=lambda x: audio.goertzel(x[8000:16000], CALLER_HZ))[8000:14000]
    for hz in (CALLER_HZ, AGENT_HZ):
        t.check(audio.goertzel(pcm, hz) > HEARD, f"the supervisor hears {hz} Hz: {audio.goertzel(pcm, hz):.3f}")
