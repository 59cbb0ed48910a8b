"""The page that agents and supervisors work with, and the chat widget of clients' web sites, in headless Chromium: whole
journeys over the real engine. Anything on a page's console, any request to another host and any breach of the content
policy fails. Pictures stay in build/test-logs/desk."""
import http.server
import os
import re
import socket
import threading
import time

from browser import Browser
from chat import Customer
from lib import HERE, PASSWORD, Api, agent, centre, queue, scenario
from ua import Ua, answer_all

LOST = r"WebSocket connection to|net::ERR_CONNECTION_REFUSED|net::ERR_EMPTY_RESPONSE|net::ERR_CONNECTION_RESET"


class Site(http.server.BaseHTTPRequestHandler):
    """A client's web site."""
    page = ""

    def do_GET(self):
        body = self.page.encode() if self.path == "/shop" else b""
        self.send_response(200 if body else 204)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def work_centre(**more):
    return centre(agents=1, queues=[queue("main", "100", wrap_up="20s", **more), queue("chat", channels=["chat"], wrap_up="0s", offer_timeout="20s"),
                                    queue("billing", channels=["chat"], skills={"billing": 1})],
                  more_agents=[agent("a2"), agent("chief", role="supervisor"), agent("biller", skills=("billing",), phone=False)])


def base(e):
    return f"http://127.0.0.1:{e.api_port}"


def sign_in(page, name, password=PASSWORD, tenant="acme"):
    for field, value in (("tenant", tenant), ("name", name), ("password", password)):
        page.fill(f"#signin-{field}", value)
    page.click("button[type=submit]")


def desk(t, b, e, name, ready=True, **more):
    page = b.open(name, base(e) + "/", **more)
    sign_in(page, name)
    page.wait("header .user")
    if ready:
        page.click("button:text-is('Ready')")
        page.wait(".mine[data-state=ready]")
    return page


def widget(b, e, name="site", lang="en"):
    page = b.open(name, f"{base(e)}/widget-demo/?tenant=acme&queue=chat&lang={lang}")
    page.click("button")
    frame = page.inside("iframe")
    frame.wait("#text")
    return page, frame


def say(where, box, text):
    where.fill(box, text)
    where.press(box, "Enter")


# What has no name for a screen reader, and text whose contrast is below 4.5 : 1 (WCAG 2.1, 1.4.3); colours are read back
# as the browser paints them.
AUDIT = """() => {
  const bad = [], canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (c) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); return canvas.getImageData(0, 0, 1, 1).data; };
  const light = ([r, g, b]) => [r, g, b].map((x) => (x /= 255) <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4).reduce((n, x, i) => n + x * [0.2126, 0.7152, 0.0722][i], 0);
  const back = (e) => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] === 255) return c; } return [255, 255, 255, 255]; };
  for (const e of document.querySelectorAll("button, input, select, textarea, audio, iframe, [role=log], nav, section > .scroll"))
    if (e.checkVisibility() && !(e.getAttribute("aria-label") || e.title || e.labels?.length || (e.tagName === "BUTTON" && e.innerText.trim()))) bad.push("no name: " + e.outerHTML.slice(0, 80));
  for (const e of document.querySelectorAll("body *")) {
    if (!e.checkVisibility({ opacityProperty: true }) || e.matches(":disabled, .unseen") || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
    const a = light(rgba(getComputedStyle(e).color)), b = light(back(e)), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.push(`contrast ${ratio.toFixed(1)}: ${e.className} ${e.textContent.slice(0, 30)}`);
  }
  return [...new Set(bad)];
}"""


def audit(t, page, what):
    for scheme in ("light", "dark"):
        page.page("emulateMedia", {"colorScheme": scheme})
        t.equal(page.js(f"({AUDIT})()"), [], f"{what}, {scheme}")
    page.page("emulateMedia", {"colorScheme": "light"})


@scenario(60)
def desk_chat_journey(t):
    """Sign-in with a wrong password says so; a chat from the widget on a client's page is offered, accepted, written in
    both ways (Korean, and markup that stays text), survives a reload of the client's page, and ends."""
    b, e = Browser(t), t.engine(work_centre())
    page = b.open("a1", base(e) + "/")
    sign_in(page, "a1", "wrong")
    page.wait(".signin .words:not(:empty)")
    t.equal(page.text(".signin .words"), "tenant, name or password is wrong", "what a wrong password is told")
    page.shot("1-sign-in")
    audit(t, page, "sign-in")
    page.expect_problems(r"status of 401")
    sign_in(page, "a1")
    page.wait(".mine[data-state=logged_out]")
    t.check("token" not in page.page("url") and page.js("Object.keys(localStorage).join()").find("session") < 0, "the token is in no address and not kept for ever")
    page.click("button:text-is('Ready')")
    page.wait(".mine[data-state=ready]")
    site, frame = widget(b, e, lang="ko")
    t.equal(frame.text("#title"), "채팅 상담", "the widget speaks the page's language")
    frame.fill("#name", "<img src=x onerror=alert(1)>")
    say(frame, "#text", "안녕하세요 <script>alert(2)</script><b>굵게</b>")
    page.wait(".offer")
    t.equal(page.text(".offer .who"), "<img src=x onerror=alert(1)>", "a name with markup is text")
    page.shot("2-offer")
    audit(t, page, "offer")
    t.check(frame.text("#state").startswith("잠시만"), "the customer is told to wait")
    page.click(".offer .accept")
    page.wait(".pane[data-state=connected] .message.customer")
    t.equal(page.text(".pane .message.customer .text"), "안녕하세요 <script>alert(2)</script><b>굵게</b>", "what was written, as text")
    t.equal(page.count(".pane .log b") + page.count("img[src=x]"), 0, "elements made of the customer's text")
    frame.wait("#state:has-text('a1')")
    say(page, ".pane textarea", "확인하겠습니다")
    frame.wait("li.agent:has-text('확인하겠습니다')")
    page.gone(".pane .pending")
    say(frame, "#text", "감사합니다")
    page.wait(".message.customer:has-text('감사합니다')")
    site.page("reload")
    frame.wait("li.agent:has-text('확인하겠습니다')")
    t.equal(frame.count("#log li"), 3, "messages after the reload, none twice")
    say(frame, "#text", "아직 있어요")
    page.wait(".message.customer:has-text('아직 있어요')")
    t.equal(page.count(".pane .message"), 4, "messages at the desk, none twice")
    frame.gone("li.wait")
    t.equal(frame.count("#log li"), 4, "messages in the widget, none twice")
    page.shot("3-chat")
    site.shot("4-widget")
    page.click(".pane .end")
    page.wait(".pane[data-state=done]")
    frame.wait("#fresh")
    t.equal(frame.text("#state"), "상담이 종료되었습니다.", "the customer is told that it ended")
    frame.click("#fresh")
    say(frame, "#text", "again")
    page.wait(".offer")
    page.click(".offer .refuse")
    page.gone(".offer")
    page.click("button:text-is('Sign out')")
    page.wait(".signin")
    t.equal(page.js("sessionStorage.length"), 0, "what is left in the tab after signing out")
    for p in (page, site):
        p.expect_problems()
        p.only_host(e.api_port)


@scenario(60)
def desk_several_chats(t):
    """Three chats side by side with unread marks, any script, transfer to another queue; narrow and dark."""
    b, e = Browser(t), t.engine(work_centre())
    page = desk(t, b, e, "a1")
    people = [("Анна", "Здравствуйте! Где мой заказ?"), ("محمد", "مرحبا، أين طلبي؟"), ("小明", "您好,我的订单呢?")]
    chats = []
    for i, (name, text) in enumerate(people):
        c = Customer(e, name=name, queue="chat")
        c.say(text)
        chats.append(c)
        page.click(".offer .accept")
        page.wait(f".pane >> nth={i}")
        page.wait(f".pane:nth-child({i + 1}) .message.customer")
    t.equal(page.texts(".pane h3"), [p[0] for p in people], "the panes' names")
    t.equal(page.js("getComputedStyle(document.querySelectorAll('.pane .text')[1]).direction"), "rtl", "direction of an Arabic message")
    chats[0].say("Ау?")
    page.wait(".item:has-text('Анна') .unread")
    t.equal(page.text(".item:has-text('Анна') .unread"), "1", "unread mark")
    page.click(".item:has-text('Анна')")
    page.gone(".item:has-text('Анна') .unread")
    page.shot("5-three-chats")
    audit(t, page, "chats")
    page.page("emulateMedia", {"colorScheme": "dark"})
    page.shot("6-three-chats-dark")
    page.page("setViewportSize", {"width": 390, "height": 800})
    t.equal(page.js("[...document.querySelectorAll('.pane')].filter((p) => p.offsetParent).length"), 1, "panes shown on a narrow screen")
    t.check(page.js("document.documentElement.scrollWidth <= 390"), "nothing is wider than a narrow screen")
    page.shot("7-narrow")
    page.page("setViewportSize", {"width": 1280, "height": 800})
    page.on(".pane:nth-child(1) .tools select", "selectOption", "billing")
    page.click(".pane:nth-child(1) button:text-is('Transfer')")
    t.eventually(lambda: e.totals("billing")["waiting"] == 1, "it waits in the other queue")
    page.gone(".pane:has-text('Анна')")
    for c in chats:
        c.end()
    page.expect_problems()


@scenario(60)
def desk_call_and_board(t):
    """A call on the phone is seen at the desk with its number, held, resumed, hung up, wrapped up; the supervisor's board
    changes with it and the recording plays."""
    b, e = Browser(t), t.engine(work_centre())
    boss = desk(t, b, e, "boss", ready=False)
    boss.wait(".board tr:has-text('main')")
    page = desk(t, b, e, "a1", ready=False)
    t.phone(e, "a1")
    page.wait(".mine .phone[data-on=true]")
    page.click("button:text-is('Ready')")
    page.wait(".mine[data-state=ready]")
    boss.wait(".board .agents tr[data-state=ready]:has-text('a1')")
    call = t.caller(e, "4930123456").call("100")
    page.wait(".pane[data-state=connected]")
    t.equal(page.text(".pane .number"), "4930123456", "the caller's number")
    boss.wait(".board .open tr[data-state=connected]:has-text('4930123456')")
    t.equal(boss.text(".tile.open_now dd"), "1", "open interactions on the board")
    page.shot("8-call")
    page.click(".pane button:text-is('Hold')")
    page.wait(".pane[data-state=held]")
    boss.wait(".board .open tr[data-state=held]")
    boss.shot("9-board")
    page.click(".pane button:text-is('Resume')")
    page.wait(".pane[data-state=connected]")
    t.eventually(lambda: time.monotonic() - call.up_at > 1.5, "something is recorded")
    page.click(".pane button:text-is('Hang up')")
    t.check(call.wait("ended"), "the caller is hung up")
    page.wait(".pane[data-state=wrap_up] .wrap:has-text('s left')")
    page.shot("10-wrap-up")
    audit(t, page, "wrap-up")
    audit(t, boss, "board")
    page.click(".pane button:text-is('Done')")
    page.wait(".pane[data-state=done]")
    page.click(".pane .close")
    page.gone(".pane")
    boss.click("nav button:text-is('Recordings')")
    boss.wait(".recordings tbody tr")
    boss.click(".recordings button:text-is('Play')")
    boss.wait("audio")
    t.eventually(lambda: boss.js("document.querySelector('audio').duration || 0") > 1, "the recording has a length")
    boss.js("document.querySelector('audio').currentTime = 0.5")
    t.eventually(lambda: boss.js("document.querySelector('audio').currentTime") > 0.5, "it plays on from where it was put")
    boss.shot("11-recordings")
    audit(t, boss, "recordings")
    for p in (page, boss):
        p.expect_problems()
    t.idle(e)


@scenario(60)
def desk_transfer_and_supervise(t):
    """A supervisor listens, whispers and stops from the board; the agent asks a colleague, comes back, then hands the call
    on and sees it go; refusals are told in words."""
    b, e = Browser(t), t.engine(work_centre())
    phone, chief_phone = t.phone(e, "a1"), t.phone(e, "chief")
    page = desk(t, b, e, "a1")
    chief = desk(t, b, e, "chief", ready=False)
    call = t.caller(e, "4930123456").call("100")
    page.wait(".pane[data-state=connected]")
    row = ".board .open tr[data-state=connected] "
    chief.click(row + "button:text-is('Listen')")
    chief.wait(row + "button:text-is('Listen')[aria-pressed=true]")
    t.eventually(lambda: [c.state for c in chief_phone.calls.values()] == ["up"], "the supervisor's phone is in the call")
    t.eventually(lambda: e.admin.get("/api/v1/supervised")["supervised"][0]["state"] == "up", "listening")
    chief.click(row + "button:text-is('Whisper')")
    chief.wait(row + "button:text-is('Whisper')[aria-pressed=true]")
    chief.shot("15-supervise")
    chief.click(row + "button:text-is('Stop')")
    chief.gone(row + "button:text-is('Stop')")
    page.on(".give select >> nth=0", "selectOption", "agent")
    page.fill(".give input", "nobody")
    page.click(".give button:text-is('Transfer')")
    page.wait(".toast:has-text('there is no agent')")
    page.expect_problems(r"status of 422")
    d2, phone2 = t.agent(e, "a2")
    page.fill(".give input", "a2")
    page.click(".give button:text-is('Consult')")
    page.wait(".pane .hint:has-text('Asking a2')")
    t.eventually(lambda: [c.state for c in phone2.calls.values()] == ["up"], "the colleague's phone is answered")
    page.shot("16-consult")
    audit(t, page, "consult")
    page.click("button:text-is('Back to caller')")
    page.gone("button:text-is('Back to caller')")
    t.check(d2.wait_state("ready"), "the colleague is free again")
    page.click(".give button:text-is('Transfer')")
    page.gone(".pane[data-state=connected]")
    t.check(d2.wait("connect", lambda d: d["agent"] == "a2"), "the colleague has the call")
    t.equal(call.state, "up", "the caller's call")
    chief.wait(".board .open tr[data-state=connected]:has-text('a2')")
    chief.click(".board .open button:text-is('Why this agent')")
    chief.wait("dialog td:text-is('a1')")
    audit(t, chief, "why")
    chief.shot("17-why")
    ix = d2.wait("connect")["id"]
    call.bye()
    t.check(d2.wait_state("wrap_up"), "the colleague wraps up")
    d2.api.post(f"/api/v1/interactions/{ix}/wrap-done")
    for p in (page, chief):
        p.expect_problems()
    t.idle(e)


@scenario(60)
def desk_call_out(t):
    """An agent who may calls a number from the desk, sees it ring and answered, and hangs up; what no line leads to is
    told in words; who may not is not shown the form."""
    trunk = Ua(("127.0.0.1", 9), "carrier", ip="127.0.0.9", on_invite=answer_all(ring=1.0))
    t.closing.append(trunk)
    data = work_centre()
    acme = data["tenants"][0]
    acme["agents"][0]["may_call_out"] = True
    acme.update({"trunks": [{"name": "carrier", "from": ["127.0.0.8/30"], "to": [f"127.0.0.9:{trunk.port}"], "probe": "0s"}],
                 "routes": [{"prefix": "+49", "trunks": ["carrier"]}], "caller_id": "+4930100", "call_out": ["+"]})
    b, e = Browser(t), t.engine(data)
    trunk.engine = e.address
    t.phone(e, "a1")
    page = desk(t, b, e, "a1")
    page.fill(".dial input", "+15550100")
    page.click(".dial button")
    page.wait(".toast.bad:has-text('no line leads to that number')")
    page.expect_problems(r"status of 409")
    page.fill(".dial input", "+493055501")
    page.press(".dial input", "Enter")
    page.wait(".pane[data-state=offered] .number:has-text('+493055501')")
    page.shot("18-calling-out")
    page.wait(".pane[data-state=connected]")
    page.click(".pane button:text-is('Hang up')")
    page.wait(".pane[data-state=wrap_up]")
    page.click(".pane button:text-is('Done')")
    page.wait(".pane[data-state=done]")
    other = desk(t, b, e, "a2")
    t.equal(other.js("document.querySelector('.dial').hidden"), True, "the form of who may not call out")
    for p in (page, other):
        p.expect_problems()
    t.idle(e)


@scenario(60)
def desk_widget_elsewhere(t):
    """The widget on a web site of another origin: it works where api.origins names the site, and the browser refuses the
    frame where not; the site's own script may use the chat's API from there."""
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    t.closing.append(site)
    site.stop = site.shutdown
    threading.Thread(target=site.serve_forever, daemon=True).start()
    port = site.server_address[1]
    b, e = Browser(t), t.engine(work_centre(), machine={"api.origins": [f"http://localhost:{port}"]})
    Site.page = f'<!doctype html><html lang="ru"><title>shop</title><body><p>Shop</p><script src="{base(e)}/widget.js" data-tenant="acme" data-queue="chat"></script>'
    d = t.desk(e, "a1", auto_accept=True)
    page = b.open("allowed", f"http://localhost:{port}/shop")
    page.click("button:has-text('Написать в чат')")
    frame = page.inside("iframe")
    frame.wait("#text")
    say(frame, "#text", "Здравствуйте")
    got = d.wait("connect")
    t.check(got is not None, "the chat reaches the agent")
    d.api.post(f"/api/v1/interactions/{got['id']}/messages", {"text": "Добрый день", "key": "good-day-1"})
    frame.wait("li.agent:has-text('Добрый день')")
    page.page("reload")
    frame.wait("li.agent:has-text('Добрый день')")
    page.shot("14-widget-elsewhere")
    opened = f"""fetch("{base(e)}/api/v1/chat", {{ method: "POST", headers: {{ "Content-Type": "application/json" }},
        body: JSON.stringify({{ tenant: "acme", text: "from the site's own script", key: "own-script-" + Math.random() }}) }}).then((r) => r.status, (x) => String(x))"""
    t.equal(page.js(opened), 201, "a chat opened by the site's own script")
    page.expect_problems()
    other = b.open("refused", f"http://127.0.0.1:{port}/shop")
    t.check("Failed to fetch" in other.js(opened), "the API for an origin that is not named")
    other.click("button:has-text('Написать в чат')")
    t.eventually(lambda: any("frame-ancestors" in x for x in b.ask(page="refused", problems=True)), "the browser refuses the frame")


@scenario(60)
def desk_survives_restart(t):
    """The engine is killed and started again: the page says that the connection is gone, comes back by itself, and a
    message written meanwhile arrives once on either side."""
    b, e = Browser(t), t.engine(work_centre())
    page = desk(t, b, e, "a1")
    site, frame = widget(b, e)
    say(frame, "#text", "before")
    page.click(".offer .accept")
    page.wait(".message.customer:has-text('before')")
    page.expect_problems()
    e.kill()
    page.wait(".lost")
    page.shot("12-connection-lost")
    say(page, ".pane textarea", "written while it was down")
    page.wait(".pane .pending")
    say(frame, "#text", "mine too")
    e.start()
    page.gone(".lost", 12000)
    frame.wait("li.agent:has-text('written while it was down')", timeout=15000)
    page.wait(".message.customer:not(.pending):has-text('mine too')", timeout=15000)
    page.gone(".pane .pending")
    frame.gone("li.wait")
    t.equal(sorted(page.texts(".pane .message .text")), ["before", "mine too", "written while it was down"], "messages at the desk")
    t.equal(frame.count("#log li"), 3, "messages in the widget")
    page.expect_problems(LOST)
    site.expect_problems(LOST)


@scenario(60)
def desk_many_interactions(t):
    """200 open interactions and a storm of events: the board shows all of them and nodes are kept, not made again."""
    b, e = Browser(t), t.engine(work_centre())
    boss = desk(t, b, e, "boss", ready=False)
    boss.wait(".board")
    chats = []
    for i in range(200):
        c = Customer(e, name=f"Customer {i}", queue="chat")
        c.say("hello")
        chats.append(c)
    t.eventually(lambda: boss.count(".board .open tbody tr") == 200, "200 rows")
    boss.js("document.querySelectorAll('.board .open tbody tr')[150].marked = true")
    boss.js("window.made = 0; new MutationObserver((m) => { for (const x of m) for (const n of x.addedNodes) if (n.nodeName === 'TR') made++; })"
            ".observe(document.querySelector('.board'), { childList: true, subtree: true })")
    for c in chats[:20]:
        c.end()
    t.eventually(lambda: boss.count(".board .open tbody tr") == 180, "20 rows fewer")
    t.equal((boss.js("made"), boss.js("document.querySelectorAll('.board .open tbody tr')[130].marked")), (0, True), "rows made again, and the row that was marked")
    boss.shot("13-board-200")
    boss.expect_problems()


@scenario(30)
def desk_files(t):
    """Pages are served with their types and policies, 304 by ETag; no path leads out; other origins only where allowed."""
    e = t.engine(work_centre(), machine={"api.origins": ["https://www.client.example", "http://localhost:8000"]})
    a = Api("127.0.0.1", e.api_port)

    def raw(path, headers="", method="GET"):
        with socket.create_connection(("127.0.0.1", e.api_port), 5) as s:
            s.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n".encode())
            data = b""
            while True:
                part = s.recv(65536)
                if not part:
                    break
                data += part
        head, _, body = data.partition(b"\r\n\r\n")
        head = head.decode() or "HTTP/1.1 0 closed without a word"
        return int(head.split(" ")[1]), {k.lower(): v for k, v in re.findall(r"^([\w-]+): (.*?)\r?$", head, re.M)}, body

    www = os.path.join(os.path.dirname(os.path.dirname(HERE)), "engine", "api", "www")
    for folder, _, files in os.walk(www):
        for name in files:
            if name.endswith(".cmake") or name == "404.html":
                continue
            path = "/" + os.path.relpath(os.path.join(folder, name), www).replace("index.html", "")
            status, h, body = raw(path)
            t.check(status == 200 and body == open(os.path.join(folder, name), "rb").read(), f"{path} is the file, {status}")
            kind = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}[name.rsplit(".", 1)[1]]
            t.check(h["content-type"].startswith(kind) and h["x-content-type-options"] == "nosniff", f"type of {path}: {h}")
            t.check("default-src 'none'" in h["content-security-policy"] and "unsafe" not in h["content-security-policy"], f"policy of {path}")
            again = raw(path, f"If-None-Match: {h['etag']}\r\n")
            t.equal((again[0], again[2]), (304, b""), f"{path} asked again")
            t.check(not re.search(rb"https?://(?!www\.w3\.org/2000/svg)(?!ENGINE/)", body), f"{path} names no other host")
    t.equal([raw(p)[1].get("location") for p in ("/", "/desk", "/widget-demo")], ["/desk/", "/desk/", "/widget-demo/"], "redirects")
    t.check("frame-ancestors 'none'" in raw("/desk/")[1]["content-security-policy"], "nobody embeds the desk")
    t.check(raw("/widget/")[1]["content-security-policy"].endswith("frame-ancestors 'self' https://www.client.example http://localhost:8000"), "who may embed the widget")
    for path in ("/desk/../../../etc/passwd", "/desk/%2e%2e/%2e%2e/etc/passwd", "/desk//main.js", "/desk/main.js/", "/desk/main.js%00.html", "/../CMakeLists.txt", "/desk/..%2fwidget.js",
                 "/www/embed.cmake", "/embed.cmake", "/desk/index.html", "/DESK/", "/desk/" + "a" * 3000):
        status, _, body = raw(path)
        t.check(status in (0, 302, 400, 403, 404, 414) or body in (raw("/desk/main.js")[2], raw("/widget.js")[2]), f"{path}: {status}")
        t.check(b"root:" not in body and b"cmake_minimum" not in body and b"foreach(" not in body, f"{path} gives no file of the machine")
    t.check(b"<h1>" in raw("/nothing", "Accept: text/html\r\n")[2] and raw("/nothing", "Accept: text/html\r\n")[0] == 404, "a browser's 404 is a page")
    t.equal(a.request("GET", "/api/v1/nothing")[0], 404, "the API's is JSON")
    ok, other = "Origin: https://www.client.example\r\n", "Origin: https://evil.example\r\n"
    t.equal(raw("/api/v1/chat", ok, "OPTIONS")[1].get("access-control-allow-origin"), "https://www.client.example", "preflight of an allowed origin")
    t.equal((raw("/api/v1/chat", other, "OPTIONS")[0], raw("/api/v1/chat/0000000000000/messages", other)[1].get("access-control-allow-origin")), (403, None), "another origin")
    t.equal((raw("/api/v1/login", ok, "OPTIONS")[0], raw("/api/v1/agents/me", ok)[1].get("access-control-allow-origin")), (405, None), "agents' routes are not opened")
