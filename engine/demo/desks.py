"""Agents at their desks: logged in over the public API, they take chats and answer them in the customer's language, end
calls after a while, and on the way show what can be done to a call: hold, transfer, a supervisor who whispers."""
import random
import threading
import time

from client import Api, ApiError, WebSocket

TALK_S = (3.0, 7.0)
# What customers write and what they are told, by language: real scripts, because the scanner must cope with them.
TALKS = (
    ("en", ("Hello, my invoice from March is wrong", "It says 40 euros too much", "Great, thank you!"), ("Let me look at that invoice.", "You are right, I corrected it.")),
    ("ko", ("안녕하세요, 청구서에 문제가 있어요", "3월 금액이 너무 많아요", "감사합니다"), ("확인해 보겠습니다.", "수정했습니다.")),
    ("zh", ("你好,我的网络连不上了", "路由器的灯是红色的", "好了,谢谢"), ("请重启一下路由器。", "现在可以了吗?")),
    ("ru", ("Здравствуйте, не могу войти в личный кабинет", "Пароль не подходит", "Спасибо, всё работает"), ("Я сбросил ваш пароль.", "Проверьте, пожалуйста, почту.")),
    ("en", ("I want to cancel my contract", "At the end of the month", "OK, bye"), ("I am sorry to hear that.", "It is noted for the end of the month.")),
    ("en", ("URGENT: my phone line is dead", "Since this morning", "It works again, thanks"), ("We see the fault.", "Please try now.")),
)


def log_in(show, who):
    api = Api("127.0.0.1", show.d.api_port)
    api.token = api.post("/api/v1/login", {"tenant": who.tenant, "name": who.name, "password": who.password})["token"]
    return api


class Desk:
    """One agent: logged in, ready, takes chats and answers them, ends calls after a while."""

    def __init__(self, show, who):
        self.show, self.who, self.stop = show, who, False
        self.api = log_in(show, who)
        self.api.post("/api/v1/agents/me/login")
        self.ws = WebSocket("127.0.0.1", show.d.api_port, "/api/v1/events", {"Authorization": "Bearer " + self.api.token})
        self.due, self.chats = [], {}
        self.thread = threading.Thread(target=self.run, daemon=True)

    def ready(self):
        for x in self.api.get("/api/v1/agents/me")["interactions"]:
            self.post(f"/api/v1/interactions/{x['id']}/end")  # of a run before that was interrupted: its customer is gone
        self.api.post("/api/v1/agents/me/ready")
        if not self.thread.is_alive():
            self.thread.start()

    def after(self, seconds, what, *args):
        self.due.append((time.monotonic() + seconds, lambda: what(*args)))

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
            self.after(0.5, self.post, "/api/v1/agents/me/ready")
        if d.get("agent") != self.who.name:
            return
        if kind == "offer" and d["channel"] == "chat":
            self.after(rng.uniform(0.1, 0.6), self.post, f"/api/v1/interactions/{d['id']}/accept")
        elif kind == "connect" and d["channel"] == "voice":
            self.call(d, rng)
        elif kind == "connect" and d["channel"] == "chat":
            self.chats[d["id"]] = 0
            self.after(0.4, self.reply, d["id"], rng)
        elif kind == "closed":
            self.chats.pop(d["id"], None)

    def call(self, d, rng):
        """Most calls are talked and hung up; one each is held, transferred and whispered into."""
        ix, act = d["id"], self.show.next_act(d)
        talk = rng.uniform(*TALK_S)
        if act == "transfer":
            self.after(2.0, self.transfer, ix)
            return
        if act == "hold":
            self.after(1.0, self.post, f"/api/v1/calls/{ix}/hold")
            self.after(3.5, self.post, f"/api/v1/calls/{ix}/resume")
            talk = 5.5
        elif act == "whisper":
            self.after(1.0, self.show.whisper, ix)
            talk = 7.5
        self.after(talk, self.post, f"/api/v1/calls/{ix}/hangup")

    def transfer(self, ix):
        if not self.post(f"/api/v1/calls/{ix}/transfer", {"queue": self.show.transfer_to}):
            self.post(f"/api/v1/calls/{ix}/hangup")

    def reply(self, ix, rng):
        """Reads what the customer wrote last and answers in that language; ends after the last answer."""
        if ix not in self.chats:
            return
        try:
            messages = self.api.get(f"/api/v1/interactions/{ix}/messages")["messages"]
        except ApiError:
            return
        if messages and messages[0]["at_us"] < getattr(self.show, "since_us", 0):
            self.post(f"/api/v1/interactions/{ix}/end")  # it waited since a run that was interrupted
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
        self.after(rng.uniform(0.3, 0.8), self.reply, ix, rng)

    def close(self):
        self.stop = True
        self.ws.close()
