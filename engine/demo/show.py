"""The demonstration: agents at real phones and at desks, callers, customers who chat, and the live table. Everything
that happens is counted on our side too, so that the report has something to be compared with."""
import collections
import os
import random
import sys
import threading
import time

import audio
import phones
from client import Api, ApiError, WebSocket

TALK_S = (3.0, 7.0)
CALLERS = ("anna", "boris", "chen", "dilnoza", "elena", "farid", "grace", "hyun")
# What customers write and what they are told, by language: real scripts, because the scanner must cope with them.
TALKS = (
    ("en", ("Hello, my invoice from March is wrong", "It says 40 euros too much", "Great, thank you!"), ("Let me look at that invoice.", "You are right, I corrected it.")),
    ("ko", ("안녕하세요, 청구서에 문제가 있어요", "3월 금액이 너무 많아요", "감사합니다"), ("확인해 보겠습니다.", "수정했습니다.")),
    ("zh", ("你好,我的网络连不上了", "路由器的灯是红色的", "好了,谢谢"), ("请重启一下路由器。", "现在可以了吗?")),
    ("ru", ("Здравствуйте, не могу войти в личный кабинет", "Пароль не подходит", "Спасибо, всё работает"), ("Я сбросил ваш пароль.", "Проверьте, пожалуйста, почту.")),
    ("en", ("I want to cancel my contract", "At the end of the month", "OK, bye"), ("I am sorry to hear that.", "It is noted for the end of the month.")),
    ("en", ("URGENT: my phone line is dead", "Since this morning", "It works again, thanks"), ("We see the fault.", "Please try now.")),
)


class Desk:
    """One agent: logged in, ready, takes chats and answers them, ends calls after a while."""

    def __init__(self, show, who):
        self.show, self.who, self.stop = show, who, False
        self.api = Api("127.0.0.1", show.d.api_port)
        self.api.token = self.api.post("/api/v1/login", {"tenant": who.tenant, "name": who.name, "password": who.password})["token"]
        self.api.post("/api/v1/agents/me/login")
        self.ws = WebSocket("127.0.0.1", show.d.api_port, "/api/v1/events", {"Authorization": "Bearer " + self.api.token})
        self.due, self.chats = [], {}
        self.thread = threading.Thread(target=self.run, daemon=True)

    def ready(self):
        self.api.post("/api/v1/agents/me/ready")
        self.thread.start()

    def run(self):
        rng = random.Random(self.who.name)
        while not self.stop and not self.ws.closed:
            try:
                e = self.ws.event(0.1)
                if e:
                    self.take(e["type"], e["data"], rng)
                now = time.monotonic()
                for item in [d for d in self.due if d[0] <= now]:
                    self.due.remove(item)
                    item[1]()
            except (OSError, ValueError):
                break

    def post(self, path, body=None):
        """True when it was done; the customer may have been faster (404, 409)."""
        try:
            self.api.post(path, body)
            return True
        except ApiError as e:
            if e.status not in (404, 409):
                self.show.problem(f"{self.who.name}: {path}: {e}")
            return False

    def take(self, kind, d, rng):
        if kind == "agent" and d["state"] == "not_ready" and d["reason"] == "no_answer" and not self.stop:
            self.due.append((time.monotonic() + 0.5, lambda: self.post("/api/v1/agents/me/ready")))
        if d.get("agent") != self.who.name:
            return
        if kind == "offer" and d["channel"] == "chat":
            ix = d["id"]
            self.due.append((time.monotonic() + rng.uniform(0.1, 0.6), lambda: self.post(f"/api/v1/interactions/{ix}/accept")))
        elif kind == "connect" and d["channel"] == "voice":
            ix = d["id"]
            self.due.append((time.monotonic() + rng.uniform(*TALK_S), lambda: self.post(f"/api/v1/calls/{ix}/hangup")))
        elif kind == "connect" and d["channel"] == "chat":
            self.chats[d["id"]] = 0
            self.due.append((time.monotonic() + 0.4, lambda ix=d["id"]: self.reply(ix, rng)))
        elif kind == "closed":
            self.chats.pop(d["id"], None)

    def reply(self, ix, rng):
        """Reads what the customer wrote last and answers in that language; ends after the last answer."""
        if ix not in self.chats:
            return
        try:
            messages = self.api.get(f"/api/v1/interactions/{ix}/messages")["messages"]
        except ApiError:
            return
        texts = [m["text"] for m in messages if m["from"] == "customer"]
        talk = next((x for x in TALKS if texts and texts[0].startswith(x[1][0])), TALKS[0])
        step = self.chats[ix]
        if len(texts) > step and step < len(talk[2]):
            if self.post(f"/api/v1/interactions/{ix}/messages", {"text": talk[2][step], "key": f"{self.who.name}-{ix}-{step}"}):
                self.show.count("replies")
            self.chats[ix] = step + 1
        elif step >= len(talk[2]) and len(texts) >= len(talk[1]):
            self.post(f"/api/v1/interactions/{ix}/end")
            return
        self.due.append((time.monotonic() + rng.uniform(0.3, 0.8), lambda: self.reply(ix, rng)))

    def close(self):
        self.stop = True
        self.ws.close()


class Show:
    def __init__(self, daemon, args):
        self.d, self.args, self.install = daemon, args, daemon.install
        self.folder = os.path.join(args.data, "demo")
        os.makedirs(self.folder, exist_ok=True)
        self.lock, self.counts, self.problems = threading.Lock(), collections.Counter(), []
        self.phones, self.desks, self.sipps, self.customers = [], [], [], []
        self.stopping, self.lines, self.drawn = False, 0, 0.0
        self.first, self.late = list(self.install.dialled)[:2]  # the two companies; the second one's agents come later

    def count(self, what, n=1):
        with self.lock:
            self.counts[what] += n

    def problem(self, text):
        with self.lock:
            self.problems.append(text)

    def say(self, text):
        print("      " + text, flush=True)

    # the parties
    def agents(self):
        speech = []
        for i in range(3):
            path = os.path.join(self.folder, f"agent{i}.wav")
            # Silence behind it: a baresip whose file ends hangs up.
            pcm, real = audio.speech(25, 500 + i)
            audio.write_wav(path, pcm + audio.silence(240))
            speech.append(path)
        if not real:
            self.say("the sound package is not installed: agents and callers warble instead of speaking")
        for i, who in enumerate(self.install.agents):
            if who.sip_user:
                self.phones.append(phones.Baresip(os.path.join(self.folder, "phone-" + who.name), who.sip_user, who.domain, ("127.0.0.1", self.d.sip), who.sip_secret,
                                                  wav=speech[i % len(speech)], seconds=86400))
        for p in self.phones:
            if not p.connect() or not p.wait_registered(10):
                raise RuntimeError(f"phone {p.user} did not register; see {p.folder}/log")
        self.desks = [Desk(self, who) for who in self.install.agents if who.role == "agent"]
        for desk in self.desks:
            if desk.who.tenant == self.first:
                desk.ready()
            else:  # an earlier run may have left them ready
                desk.post("/api/v1/agents/me/not-ready", {"reason": "opens later"})
        self.say(f"{len(self.phones)} phones registered (baresip), {len(self.desks)} agents logged in")

    def late_agents(self):
        for desk in self.desks:
            if desk.who.tenant == self.late:
                desk.ready()
        self.sipp("callers-late", "caller.xml", self.late, self.install.dialled[self.late][0], self.few, 0.2)

    def sipp(self, name, scenario, tenant, number, calls, rate, **more):
        if calls:
            self.sipps.append(phones.Sipp(os.path.join(self.folder, name), scenario, ("127.0.0.1", self.d.sip), calls=calls, rate=rate, service=number, timeout=170, ip=self.install.source[tenant],
                                          keys={"speech": self.speech[len(self.sipps) % len(self.speech)], "caller": CALLERS[len(self.sipps) % len(CALLERS)]}, **more))

    def early_callers(self):
        """While the second company has nobody at work: two give up in its queue, a third finds it full."""
        self.speech = []
        for k in range(4):
            path = os.path.join(self.folder, f"caller{k}.ul")
            with open(path, "wb") as f:
                f.write(audio.ulaw(audio.speech(20, 700 + k)[0]))
            self.speech.append(path)
        late, n = self.late, self.args.calls
        self.expect = {"gone": 2, "away": 1} if n >= 6 else {"gone": 0, "away": 0}
        self.expect["stay"] = n - self.expect["gone"] - self.expect["away"]
        number = self.install.dialled[late][0]
        self.sipp("leavers", "leaver.xml", late, number, self.expect["gone"], 2, stay_ms=9000)
        if self.expect["away"]:
            time.sleep(2.5)
            self.sipp("turned-away", "caller.xml", late, number, self.expect["away"], 1)

    def callers(self):
        """Those who stay until the agent's side hangs up, over both companies' numbers."""
        stay = self.expect["stay"]
        few = stay // 7
        rest, numbers = stay - few, self.install.dialled[self.first]
        for k, number in enumerate(numbers):
            self.sipp(f"callers-{number}", "caller.xml", self.first, number, rest // len(numbers) + (1 if k < rest % len(numbers) else 0), 0.3)
        self.few = few

    def customer(self, k):
        language, says, _ = TALKS[k % len(TALKS)]
        tenant = self.first if k % 4 else self.late
        api = Api("127.0.0.1", self.d.api_port)
        try:
            chat = api.post("/api/v1/chat", {"tenant": tenant, "name": f"{language} {k + 1}", "text": says[0], "key": f"demo-{os.getpid()}-{k}-0"})
            self.count("chats")
            self.count("messages")
            path, token = f"/api/v1/chat/{chat['id']}", chat["token"]
            ws = WebSocket("127.0.0.1", self.d.api_port, path + "/events", {"Authorization": "Bearer " + token})
            said, replies, end = 1, 0, time.monotonic() + 120
            while time.monotonic() < end and not self.stopping:
                e = ws.event(0.5)
                if not e:
                    continue
                if e["type"] == "message" and e["data"]["from"] == "agent":
                    replies += 1
                    if said < len(says):
                        time.sleep(0.2)
                        api.post(path + "/messages", {"text": says[said], "key": f"demo-{os.getpid()}-{k}-{said}"}, token=token)
                        self.count("messages")
                        said += 1
                elif e["type"] == "state" and e["data"]["state"] == "closed":
                    mine = [m["text"] for m in api.get(path + "/messages", token=token)["messages"] if m["from"] == "customer"]
                    if mine != list(says[:said]):
                        self.problem(f"chat {k + 1}: {len(mine)} of {said} messages are there")
                    self.count("messages_kept", len(mine))
                    self.count("replies_read", replies)
                    self.count("chats_closed")
                    ws.close()
                    return
            self.problem(f"chat {k + 1} did not end")
        except (ApiError, OSError, KeyError) as e:
            if not self.stopping:
                self.problem(f"chat {k + 1}: {e!r}")

    # the table
    def draw(self, live, last=False):
        now = time.monotonic()
        tty = sys.stdout.isatty()
        if not last and now - self.drawn < (0.5 if tty else 5.0):
            return
        self.drawn = now
        t, s = live["total"], live["agent_states"]

        def level(q):
            return "   -" if q["service_level"] is None else f"{100 * q['service_level']:3.0f}%"

        if not tty:
            print(f"      waiting {t['waiting']}, talking {t['talking']}, agents ready {s['ready']} busy {s['on_interaction'] + s['wrap_up']}, "
                  f"offered {t['offered']}, answered {t['answered']}, abandoned {t['abandoned']}, rejected {t['rejected']}, service level {level(t).strip()}", flush=True)
            return
        rows = [f"  {'queue':24} {'waiting':>7} {'ringing':>7} {'talking':>7} {'offered':>8} {'answered':>8} {'abandoned':>9} {'rejected':>8} {'service':>8}"]
        for q in sorted(live["queues"], key=lambda q: (q["tenant"] or "", q["name"] or "")) + [t]:
            name = f"{q['tenant']}/{q['name']}" if "tenant" in q else "all"
            rows.append(f"  {name[:24]:24} {q['waiting']:7} {q['offered_now']:7} {q['talking']:7} {q['offered']:8} {q['answered']:8} {q['abandoned']:9} {q['rejected']:8} {level(q):>8}")
        rows.append("  agents: " + ", ".join(f"{v} {k.replace('_', ' ')}" for k, v in s.items() if v))
        if self.lines:
            sys.stdout.write(f"\x1b[{self.lines}A")
        sys.stdout.write("".join(f"\x1b[2K{r}\n" for r in rows))
        sys.stdout.flush()
        self.lines = len(rows)

    def over(self):
        return all(s.p.poll() is not None for s in self.sipps) and not any(c.is_alive() for c in self.customers)

    def run(self):
        """True when every party ended in time."""
        self.since_us = self.d.admin.get("/api/v1/live")["at_us"]
        self.metrics_before = self.d.admin.metrics()
        self.agents()
        self.early_callers()
        self.callers()
        started, began = 0, time.monotonic()
        end, opened = began + 200, False
        while time.monotonic() < end:
            if not opened and all(s.p.poll() is not None for s in self.sipps if "leavers" in s.folder or "turned" in s.folder):
                opened = True
                self.late_agents()
            while started < self.args.chats and started * 0.5 < time.monotonic() - began:
                c = threading.Thread(target=self.customer, args=(started,), daemon=True)
                c.start()
                self.customers.append(c)
                started += 1
            self.draw(self.d.admin.get("/api/v1/live"))
            if self.d.p.poll() is not None:
                raise RuntimeError(f"the engine ended with {self.d.p.returncode}; see {self.d.log}")
            if opened and started == self.args.chats and self.over():
                break
            time.sleep(0.2)
        else:
            self.problem("not every party ended in 200 s")
        # Wrap-up and the last rows may still be on their way.
        wait = time.monotonic() + 20
        while time.monotonic() < wait:
            live = self.d.admin.get("/api/v1/live")
            self.draw(live)
            if live["total"]["open"] == 0 and live["agent_states"]["wrap_up"] == 0:
                break
            time.sleep(0.2)
        self.draw(self.d.admin.get("/api/v1/live"), True)
        for s in self.sipps:
            good, bad = s.figures()
            self.count("calls_ok", good)
            if s.p.returncode != 0 or bad:
                self.problem(f"SIPp {os.path.basename(s.folder)}: {good} calls as written, {bad} not; {s.why()[-200:].strip()}")
        return not self.problems

    def close(self):
        self.stopping = True
        for s in self.sipps:
            s.stop()
        for d in self.desks:
            d.close()
        for p in self.phones:
            p.stop()
