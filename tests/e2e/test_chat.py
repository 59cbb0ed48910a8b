"""Chats: classified, stored, routed, answered, ended; idempotent; several for one agent; roles and tenants; events."""
import os
import threading
import time

from chat import Customer
from lib import Api, Desk, agent, centre, queue, scenario

RULES = [
    {"pattern": "invoice|счёт|청구서|账单", "intent": "billing", "queue": "billing", "weight": 50, "label": "money"},
    {"pattern": "urgent|срочно|긴급|紧急", "priority": 9, "weight": 10},
    {"pattern": "청구서|안녕", "language": "ko"},
]


def routed_centre(**more):
    return centre(queues=[queue("main", "100"), queue("chat", channels=["chat"]), queue("billing", channels=["chat"], skills={"billing": 1})],
                  agents=1, rules=RULES, more_agents=[agent("biller", skills=("billing",), phone=False, **more)])


@scenario(40)
def chat_journey(t):
    """A chat is classified, goes to the queue and agent with the skill, both write, the agent ends it."""
    e = t.engine(routed_centre())
    general, biller = t.desk(e, "a1"), t.desk(e, "biller")
    c = Customer(e, name="Kim")
    t.equal(c.say("안녕하세요, 청구서가 이상해요"), 1, "number of the first message")
    offer = biller.wait("offer")
    t.check(offer is not None, "the biller gets the offer")
    t.equal((offer["queue"], offer.get("intent"), offer.get("language"), offer.get("labels"), offer.get("customer")), ("billing", "billing", "ko", ["money"], "Kim"), "how it was understood")
    t.equal(general.seen("offer"), [], "offers to the agent without the skill")
    biller.api.post(f"/api/v1/interactions/{c.id}/accept")
    t.check(biller.wait("connect"), "accepted")
    ws = c.listen()
    t.equal(biller.api.post(f"/api/v1/interactions/{c.id}/messages", {"text": "확인하겠습니다", "key": "answer-01"})["n"], 2, "number of the answer")
    t.equal(c.say("감사합니다"), 3, "number of the next message")
    seen = []
    end = time.monotonic() + 5
    while time.monotonic() < end and not any(x["type"] == "message" and x["data"]["n"] == 3 for x in seen):
        x = ws.event(0.5)
        if x:
            seen.append(x)
    t.check(any(x["type"] == "message" and x["data"]["text"] == "확인하겠습니다" for x in seen), f"the customer's socket brings the answer: {seen}")
    t.equal([m["text"] for m in biller.api.get(f"/api/v1/interactions/{c.id}/messages")["messages"]], ["안녕하세요, 청구서가 이상해요", "확인하겠습니다", "감사합니다"], "what the agent reads")
    biller.api.post(f"/api/v1/interactions/{c.id}/end")
    closed = biller.wait("closed")
    t.check(closed and closed["outcome"] == "answered", f"closed as answered: {closed}")
    t.equal(c.try_say("too late"), 409, "writing into a closed chat")
    t.idle(e)


@scenario(40)
def chat_idempotent(t):
    """The same key twice: one message, the same answer; the same key with another text is refused."""
    e = t.engine()
    c = Customer(e)
    key = os.urandom(8).hex()
    first = c.api.post("/api/v1/chat", {"tenant": "acme", "text": "hello", "key": key})
    again = c.api.post("/api/v1/chat", {"tenant": "acme", "text": "hello", "key": key})
    t.equal(again["id"], first["id"], "the chat of the repeated opening")
    c.id, c.api.token = first["id"], first["token"]
    key = os.urandom(8).hex()
    n = c.say("one", key)
    t.equal(c.say("one", key), n, "number of the repeated message")
    t.equal([m["text"] for m in c.read()], ["hello", "one"], "messages")
    other = {"tenant": "acme", "text": "another", "key": os.urandom(8).hex()}
    c2 = Customer(e)
    c2.api.post("/api/v1/chat", other)
    t.equal(c2.api.request("POST", "/api/v1/chat", {**other, "text": "changed"})[0], 422, "the key with another text")
    results = []
    racing = {"tenant": "acme", "text": "race", "key": os.urandom(8).hex()}
    threads = [threading.Thread(target=lambda: results.append(Customer(e).api.post("/api/v1/chat", racing)["id"])) for _ in range(8)]
    for x in threads:
        x.start()
    for x in threads:
        x.join()
    t.equal(len(set(results)), 1, f"chats opened by eight equal requests at once ({len(results)} answers)")
    t.totals(e, "chat", {"offered": 3}, "chats offered")


@scenario(60)
def chat_several_per_agent(t):
    """Capacity 3: three chats at once, the fourth waits and comes when one ends; a call is not offered meanwhile."""
    e = t.engine(centre(agents=1))
    desk = t.desk(e, "a1", auto_accept=True)
    chats = []
    for i in range(4):
        c = Customer(e)
        c.say(f"chat {i}")
        chats.append(c)
        time.sleep(0.05)
    t.eventually(lambda: len(desk.seen("connect")) == 3, "three are connected")
    time.sleep(0.5)
    t.equal((desk.state()["load"]["chat"], e.totals("chat")["waiting"]), (3, 1), "load and waiting")
    t.equal({d["id"] for d in desk.seen("connect")}, {c.id for c in chats[:3]}, "the oldest three")
    chats[1].end()
    t.check(desk.wait("connect", lambda d: d["id"] == chats[3].id), "the fourth comes")
    for c in (chats[0], chats[2], chats[3]):
        c.end()
    t.idle(e)
    t.totals(e, "chat", {"offered": 4, "answered": 4}, "offered and answered")


@scenario(40)
def chat_offer_times_out(t):
    """An agent who does not accept: the chat goes back to its place, the next agent gets it; a refusal does the same."""
    e = t.engine(centre(agents=2, queues=[queue("main", "100"), queue("chat", channels=["chat"], offer_timeout="1s")]))
    lazy = t.desk(e, "a1")
    c = Customer(e)
    c.say("is anybody there")
    t.check(lazy.wait("offer"), "offered")
    t.check(lazy.wait("offer_cancel", timeout=4), "taken back")
    lazy.api.post("/api/v1/agents/me/not-ready", {"reason": "lunch"})
    t.equal(lazy.state()["reason"], "lunch", "reason")
    other = t.desk(e, "a2")
    t.check(other.wait("offer"), "offered to the other")
    other.api.post(f"/api/v1/interactions/{c.id}/refuse")
    t.check(other.wait("offer_cancel"), "refused")
    t.check(e.status()["interactions_open"] == 1, "still there")
    c.end()
    t.idle(e)


@scenario(40)
def chat_urgent_first(t):
    """Priority from a rule: the urgent one is served before those that came earlier."""
    e = t.engine(routed_centre(chat=1))
    plain = [Customer(e, queue="chat") for _ in range(3)]
    for i, c in enumerate(plain):
        c.say(f"good day {i}")
    urgent = Customer(e, queue="chat")
    urgent.say("URGENT: everything burns")
    t.eventually(lambda: e.totals("chat")["waiting"] == 4, "four wait")
    desk = t.desk(e, "a1")
    first = desk.wait("offer")
    rules_fold = first["id"] == urgent.id
    t.check(rules_fold, f"the urgent one is offered first, got {first['id']}")


@scenario(40)
def api_roles_and_tenants(t):
    """No token 401, agents' limits 403, another tenant's things 404, supervisors read; the audit goes on beside."""
    e = t.engine()
    desk, boss, spy = t.desk(e, "a1"), Desk(e, "boss", events=False), Desk(e, "spy", tenant="rival", events=False)
    c = Customer(e)
    c.say("secret of acme")
    t.check(desk.wait("offer"), "offered")
    desk.api.post(f"/api/v1/interactions/{c.id}/accept")
    t.check(desk.wait("connect"), "connected")
    nobody = Api("127.0.0.1", e.api_port)
    ask = lambda api, method, path, body=None: api.request(method, path, body)[0]  # noqa: E731
    t.equal(ask(nobody, "GET", "/api/v1/live"), 401, "live without a token")
    t.equal(ask(nobody, "GET", f"/api/v1/interactions/{c.id}/messages"), 401, "messages without a token")
    t.equal(ask(desk.api, "GET", "/api/v1/live"), 403, "live for an agent")
    t.equal(ask(desk.api, "POST", "/api/v1/drain", {"on": False}), 403, "drain for an agent")
    t.equal(ask(boss.api, "GET", "/api/v1/live"), 200, "live for a supervisor")
    t.equal(ask(boss.api, "GET", f"/api/v1/interactions/{c.id}/messages"), 200, "messages for the supervisor")
    for path in (f"/api/v1/interactions/{c.id}", f"/api/v1/interactions/{c.id}/messages"):
        t.equal(ask(spy.api, "GET", path), 404, f"{path} for another tenant")
    t.equal(ask(spy.api, "POST", f"/api/v1/interactions/{c.id}/end"), 404, "ending it from another tenant")
    t.check(all(q["tenant"] == "rival" for q in spy.api.get("/api/v1/live")["queues"]), "another tenant's live view")
    t.equal(ask(Api("127.0.0.1", e.api_port, c.api.token), "GET", "/api/v1/agents/me"), 401, "a customer's token at the desk")
    t.equal(ask(Api("127.0.0.1", e.api_port, desk.token), "GET", f"/api/v1/chat/{c.id}/messages"), 401, "an agent's token at the chat")
    bad = [nobody.request("POST", "/api/v1/login", {"tenant": "acme", "name": "a1", "password": f"guess {i}"})[0] for i in range(8)]
    t.check(bad[0] == 401 and 429 in bad, f"guessing is slowed down: {bad}")
    c.end()
    t.idle(e)


@scenario(40)
def api_bad_requests(t):
    """Bad JSON, bad UTF-8, wrong types, long bodies, wrong methods: 4xx with a code, and the next request is served."""
    e = t.engine()
    a = Api("127.0.0.1", e.api_port)
    cases = [("POST", "/api/v1/chat", b"{", (400,)), ("POST", "/api/v1/chat", b'{"tenant":5,"text":"x"}', (400, 422)), ("POST", "/api/v1/chat", b'{"tenant":"acme"}', (400, 422)),
             ("POST", "/api/v1/chat", b'{"tenant":"acme","text":"\xff\xfe"}', (400, 422)), ("POST", "/api/v1/chat", b'{"tenant":"nobody","text":"x"}', (422, 404)),
             ("POST", "/api/v1/chat", b"[" * 5000, (400, 422)), ("POST", "/api/v1/chat", b'{"tenant":"acme","text":"' + b"x" * 70000 + b'"}', (413,)),
             ("GET", "/api/v1/chat", None, (405,)), ("GET", "/api/v1/none", None, (404,)), ("POST", "/api/v1/login", b'{"tenant":"acme","name":"a1"}', (400, 422))]
    for method, path, body, want in cases:
        status, _, data = a.request(method, path, body)
        t.check(status in want, f"{method} {path} {(body or b'')[:30]!r}: {want}, got {status}")
        t.check(b'"code"' in data, f"an error with a code: {data[:100]!r}")
    t.equal(a.request("GET", "/healthz")[0], 200, "health")
    c = Customer(e)
    t.equal(c.say("fine"), 1, "a good message after them")


@scenario(60)
def events_resume(t):
    """A WebSocket that comes back with its cursor gets what it missed, in order, once; an unknown cursor gets a reset."""
    e = t.engine()
    boss = Desk(e, "boss")
    t.closing.append(boss)
    t.check(boss.wait("reset"), "a snapshot first")
    one = Customer(e)
    one.say("first")
    t.check(boss.wait("queued", lambda d: d["id"] == one.id), "the first chat is told")
    boss.close()
    cursor = boss.cursor
    before = len(boss.events)
    missed = [Customer(e) for _ in range(3)]
    for c in missed:
        c.say("while away")
    boss.listen(cursor)
    for c in missed:
        t.check(boss.wait("queued", lambda d, c=c: d["id"] == c.id), "missed chats are told")
    cursors = [x["cursor"] for x in boss.events]
    t.check(cursors == sorted(set(cursors)), "cursors grow, none twice")
    t.check(all(x["type"] != "reset" for x in boss.events[before:]), "no reset was needed")
    boss.close()
    boss.listen(12345)
    t.eventually(lambda: sum(x["type"] == "reset" for x in boss.events) == 2, "an unknown cursor gets a reset")


@scenario(60)
def report_counts_agree(t):
    """API, database and /metrics count the same after calls and chats of every outcome."""
    e = t.engine(centre(agents=2))
    desk, phone = t.agent(e, "a1")
    call = t.caller(e).call("100")
    t.check(call.wait("up") and desk.wait("connect"), "one call answered")
    call.bye()
    desk.wait("closed")
    desk.api.post("/api/v1/agents/me/not-ready", {"reason": "break"})
    gone = t.caller(e, "gone").call("100")
    t.check(gone.wait("up"), "one is answered")
    t.eventually(lambda: e.totals("main")["waiting"] == 1, "it waits")
    gone.bye()
    for i in range(3):
        c = Customer(e)
        c.say("hello")
        c.end()
    t.idle(e)
    t.totals(e, None, {"offered": 5, "answered": 1, "abandoned": 4, "open": 0}, "live totals")
    live = e.totals()
    keys = ("offered", "answered", "abandoned", "rejected", "lost")
    by_live = tuple(live[k] for k in keys)
    by_report = t.eventually(lambda: (lambda r: r if r["offered"] == 5 and r["open"] == 0 else None)(e.admin.get("/api/v1/report")["total"]), "the report has all five")
    t.equal(tuple(by_report[k] for k in keys), by_live, "report")
    m = e.admin.metrics()
    t.equal(tuple(int(sum(v for k, v in m.items() if k.startswith(f"junctor_{name}_total{{tenant="))) for name in keys), by_live, "/metrics")
    rows = dict(e.rows("SELECT outcome, count(*) FROM interaction GROUP BY outcome"))
    t.equal((sum(rows.values()), rows.get(1, 0), rows.get(2, 0)), (5, 1, 4), "database: all, answered, abandoned")
