"""Carriers: calls in by number, registration at one, calls out over several, probes; scanners; many phones at once."""
import hashlib
import re
import socket
import threading
import time

from lib import DOMAIN, SIP_SECRET, agent, centre, queue, scenario
from ua import Message, Ua, answer_all, refuse_all

CARRIER = "127.0.0.9"
GERMAN = {"country": "49", "international": "00", "national": "0"}


def trunk_of(e, name, key=None):
    t = next(x for x in e.admin.get("/api/v1/trunks")["trunks"] if x["name"] == name)
    return t[key] if key else t


class Carrier:
    """A registrar and softswitch of one socket: challenges, grants, answers OPTIONS while it is awake."""

    def __init__(self, t, ip=CARRIER, expires=300):
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.bind((ip, 0))
        self.ip, self.port = self.s.getsockname()
        self.expires, self.registers, self.contact, self.stopped, self.refuse = expires, [], "", False, False
        t.closing.append(self)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while not self.stopped:
            try:
                data, peer = self.s.recvfrom(65536)
            except OSError:
                return
            m = Message(data.decode("utf-8", "replace"))
            if m.is_response or m.method == "ACK":
                continue
            status, extra = "200 OK", []
            if m.method == "REGISTER":
                self.registers.append(m)
                if self.refuse:
                    status = "403 Forbidden"
                elif "Digest" not in m.get("authorization"):
                    status, extra = "401 Unauthorized", ['WWW-Authenticate: Digest realm="carrier.test", nonce="abc", algorithm=MD5, qop="auth"']
                elif not self.right(m.get("authorization")):
                    status = "403 Forbidden"
                else:
                    self.contact = re.search(r"<sip:([^@>]+)@", m.get("contact")).group(1)
                    extra = [f"Contact: {m.get('contact')};expires={self.expires}"]
            lines = [f"SIP/2.0 {status}", f"Via: {m.get('via')}", f"From: {m.get('from')}", f"To: {m.get('to')};tag=c",
                     f"Call-ID: {m.get('call-id')}", f"CSeq: {m.get('cseq')}", *extra, "Content-Length: 0", "", ""]
            try:
                self.s.sendto("\r\n".join(lines).encode(), peer)
            except OSError:
                return

    @staticmethod
    def right(header):
        f = dict(re.findall(r'(\w+)="?([^",]+)"?', header.partition(" ")[2]))
        h = lambda s: hashlib.md5(s.encode()).hexdigest()  # noqa: E731
        want = h(f"{h('acme:carrier.test:c4rrier')}:{f['nonce']}:{f['nc']}:{f['cnonce']}:auth:{h('REGISTER:' + f['uri'])}")
        return f["username"] == "acme" and f["response"] == want

    def close(self):
        self.stopped = True
        self.s.close()


@scenario(30)
def trunk_numbers(t):
    """The numbering plan: national, international and full forms of a number, a range and a prefix each reach their queue;
    a trusted trunk's P-Asserted-Identity is the caller, privacy hides it, unknown numbers get 404."""
    data = centre(agents=1, queues=[queue("main", "100"), queue("sales", "200")],
                  trunks=[{"name": "good", "from": ["127.0.0.1/32"], "trusted": True, **GERMAN}, {"name": "plain", "from": ["127.0.0.2/32"], **GERMAN}])
    data["tenants"][0]["numbers"] = [{"number": "+4930123456", "queue": "main"}, {"range": "+49301300-+49301399", "queue": "sales"},
                                     {"prefix": "+4940", "queue": "sales"}, {"number": "+4930500", "flow": "front"}]
    data["tenants"][0]["flows"] = [{"name": "front", "go": {"queue": "sales"}}]
    e = t.engine(data)
    u, v = t.caller(e, "0301111"), t.caller(e, "0302222", ip="127.0.0.2")
    cases = [(u, "030123456", [], "+4930123456", "main", "+49301111"), (u, "004930123456", [], "+4930123456", "main", "+49301111"),
             (u, "+49301350", ["P-Asserted-Identity: <sip:+49307777@x>"], "+49301350", "sales", "+49307777"),
             (v, "0407654", ["P-Asserted-Identity: <sip:+49307777@x>"], "+49407654", "sales", "+49302222"),
             (u, "0301300", ["P-Asserted-Identity: <sip:+49307777@x>", "Privacy: id"], "+49301300", "sales", "anonymous"),
             (u, "030500", [], "+4930500", "sales", "+49301111"), (u, "100", [], "100", "main", "+49301111")]
    for ua, dialled, extra, called, queue_name, caller in cases:
        call = ua.call(dialled, extra=extra)
        t.check(call.wait("up"), f"{dialled} is answered, got {call.statuses}")
        waiting = lambda: next(iter(e.admin.get("/api/v1/interactions?open=1")["interactions"]), None)  # noqa: E731
        row = t.eventually(waiting, f"{dialled} waits in a queue")
        t.equal((row["queue"], row["called"], row["caller"]), (queue_name, called, caller), f"where {dialled} went and who called")
        call.bye()
        t.idle(e)
    call = u.call("0309999")
    t.check(call.wait("ended"), "refused")
    t.equal(call.statuses[-1], ("INVITE", 404), "a number that nobody has")
    t.equal((trunk_of(e, "good", "calls_in"), trunk_of(e, "plain", "calls_in")), (7, 1), "calls in by trunk")


@scenario(30)
def trunk_registration(t):
    """We register at a carrier with digest, refresh, and take calls to the contact that we gave; the state is in the API,
    the metrics and the log, the secret nowhere."""
    c = Carrier(t, expires=2)
    e = t.engine(centre(agents=1, trunks=[{"name": "carrier", "to": [f"{c.ip}:{c.port}"], "domain": "carrier.test", "user": "acme", "secret": "c4rrier",
                                           "register": {"user": "4930555", "expires": "10m"}, "probe": "0s", **GERMAN}]))
    t.eventually(lambda: trunk_of(e, "carrier", "registration") == "registered", "registered")
    t.check("<sip:4930555@carrier.test>" in c.registers[0].get("to"), f"address of record: {c.registers[0].get('to')}")
    before = len(c.registers)
    desk, phone = t.agent(e, "a1")
    u = t.caller(e, "0301111", ip=CARRIER)
    call = u.call(c.contact)  # To and Request-URI are the contact
    t.check(call.wait("ended"), "the contact alone is no number of ours")
    t.equal(call.statuses[-1], ("INVITE", 404), "the contact is no number of ours")
    call = u.call(c.contact, extra=["P-Called-Party-ID: <sip:100@carrier.test>"])
    t.check(call.wait("up"), f"answered, got {call.statuses}")
    t.check(desk.wait("connect"), "the call that the carrier brought is joined")
    t.equal(trunk_of(e, "carrier", "channels"), 1, "channels")
    call.bye()
    t.check(call.wait("ended"), "ended")
    stranger = u.call("100")
    t.check(stranger.wait("ended"), "refused")
    t.equal(stranger.statuses[-1], ("INVITE", 403), "a call that does not know the contact")
    t.eventually(lambda: len(c.registers) > before, "refreshed before the two seconds were over")
    t.equal(e.admin.metrics()['junctor_trunk_registered{tenant="acme",trunk="carrier"}'], 1, "metrics")
    c.refuse = True
    t.eventually(lambda: trunk_of(e, "carrier", "registration") == "failed", "a refusal is seen when the registration ends", 6)
    t.equal(trunk_of(e, "carrier", "last_answer"), 403, "why")
    log = e.log_text()
    t.check("trunk registered trunk=carrier" in log and "trunk not registered trunk=carrier status=403" in log, "both are in the log")
    code, out, err = e.cli("status", "--data", e.data)
    t.check(code == 0 and re.search(r"carrier +unregistered +failed", out), f"status shows it: {out}{err}")
    t.check("c4rrier" not in log + out, "the secret is nowhere")
    t.idle(e)


@scenario(40)
def trunk_next_route(t):
    """A call to outside: the first carrier answers 503, the second takes it with the caller id and the number as it wants
    them; a carrier that stops answering OPTIONS is down, and up again after one answer."""
    busy = Ua(("127.0.0.1", 1), "x", ip=CARRIER, on_invite=refuse_all(503))
    good = Ua(("127.0.0.1", 1), "y", ip=CARRIER, on_invite=answer_all())
    t.closing += [busy, good]
    probed = Carrier(t)
    caller = agent("a1")
    caller["may_call_out"] = True
    data = centre(agents=0, more_agents=[caller], trunks=[{"name": "first", "to": [f"{CARRIER}:{busy.port}"], "probe": "0s"},
                                    {"name": "second", "to": [f"{CARRIER}:{good.port}"], "probe": "0s", "max_channels": 1, "asserts": True, **GERMAN, "dial": "national"},
                                    {"name": "third", "to": [f"{probed.ip}:{probed.port}"], "probe": "1s", "probe_failures": 1}])
    data["tenants"][0].update({"routes": [{"prefix": "+49", "trunks": ["first", "second"]}], "caller_id": "+4930100", "call_out": ["+4930"]})
    e = t.engine(data)
    busy.engine = good.engine = e.address
    desk, phone = t.agent(e, "a1")
    ix = desk.api.post("/api/v1/calls", {"to": "+49301234", "queue": "main"})["id"]
    t.check(desk.wait("connect", lambda d: d.get("id") == ix), "joined with the number called")
    call = next(iter(good.calls.values()))
    t.check(call.wait("up"), "the second carrier has the call")
    t.check(call.invite.first.startswith("INVITE sip:0301234@"), f"dialled as it likes: {call.invite.first}")
    t.check("030100@" in call.invite.get("from") and "030100@" in call.invite.get("p-asserted-identity"), f"caller id: {call.invite.get('from')}")
    t.equal([(trunk_of(e, n, "failed"), trunk_of(e, n, "next"), trunk_of(e, n, "channels")) for n in ("first", "second")], [(1, 1, 0), (0, 0, 1)], "counts")
    t.equal(trunk_of(e, "first", "last_answer"), 503, "cause")
    call.bye()
    t.check(call.wait("ended"), "ended by the number called")
    t.idle(e)
    t.eventually(lambda: trunk_of(e, "third", "state") == "up", "probed and up")
    probed.stopped = True
    probed.s.close()
    t.eventually(lambda: trunk_of(e, "third", "state") == "down", "down after no answer", 8)
    probed.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    probed.s.bind((probed.ip, probed.port))
    probed.stopped = False
    threading.Thread(target=probed._serve, daemon=True).start()
    t.eventually(lambda: trunk_of(e, "third", "state") == "up", "up after one answer", 8)


@scenario(30)
def scanner_banned(t):
    """A scanner is dropped without an answer after its first request, a guesser of secrets after a few; phones of ours on
    another address go on, bans are seen by the operator alone and end."""
    e = t.engine(centre(agents=2, trunks=[{"name": "carrier", "from": ["127.0.0.1/32"]}]), machine={"sip.ban_after": 5, "sip.ban_time": "3s"})
    scanner = Ua(e.address, "100", "127.0.0.1", ip="127.0.0.66")
    guesser = Ua(e.address, "a1", DOMAIN, "guess-1", ip="127.0.0.67")
    t.closing += [scanner, guesser]
    ask = lambda u, extra=(): u.transaction("OPTIONS", f"sip:127.0.0.1:{e.sip_port}", extra, timeout=0.8)  # noqa: E731
    t.check(ask(scanner), "answered so far")
    scanner.transaction("REGISTER", "sip:127.0.0.1", ["User-Agent: friendly-scanner"], timeout=0.3)
    t.check(ask(scanner) is None, "dropped")
    for _ in range(5):
        t.equal(guesser.register(), 403, "wrong secret")
    t.check(ask(guesser) is None, "dropped after five")
    good = t.phone(e, "a2", ip="127.0.0.68")
    t.check(ask(good) and ask(t.caller(e)), "others are served")
    seen = {b["source"]: b["proven"] for b in e.admin.get("/api/v1/trunks")["bans"]}
    t.equal(seen, {"127.0.0.66": False, "127.0.0.67": True}, "bans and whether their address is proven")
    t.check("bans" not in t.desk(e, "boss", ready=False).api.get("/api/v1/trunks"), "a tenant's supervisor sees no bans")
    m = e.admin.metrics()
    t.equal((m["junctor_sip_bans_total"], m["junctor_sip_banned"]), (2, 2), "metrics")
    t.eventually(lambda: e.admin.metrics()["junctor_sip_socket_drops"] > 0, "dropped packets are counted")
    t.eventually(lambda: ask(scanner), "the ban is over", 6)


class Phones:
    """Many phones behind one socket, in one thread: REGISTER, 401, REGISTER, 200, at most `window` at a time."""

    def __init__(self, e, names, window=200):
        self.e, self.names, self.window, self.seq = e, names, window, {}
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.s.bind(("127.0.0.1", 0))
        self.s.settimeout(0.05)
        self.port = self.s.getsockname()[1]
        self.ha1 = {n: hashlib.md5(f"{n}:{DOMAIN}:{SIP_SECRET}".encode()).hexdigest() for n in names}
        self.ha2 = hashlib.md5(f"REGISTER:sip:{DOMAIN}".encode()).hexdigest()

    def ask(self, i, seq, nonce=None):
        n, auth = self.names[i], ""
        if nonce:
            r = hashlib.md5(f"{self.ha1[n]}:{nonce}:{seq:08x}:c:auth:{self.ha2}".encode()).hexdigest()
            auth = (f'Authorization: Digest username="{n}", realm="{DOMAIN}", nonce="{nonce}", uri="sip:{DOMAIN}", response="{r}", '
                    f'algorithm=MD5, qop=auth, nc={seq:08x}, cnonce="c"\r\n')
        self.s.sendto((f"REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{i}-{seq}\r\nMax-Forwards: 70\r\n"
                       f"From: <sip:{n}@{DOMAIN}>;tag={i}\r\nTo: <sip:{n}@{DOMAIN}>\r\nCall-ID: {i}@storm\r\nCSeq: {seq} REGISTER\r\n"
                       f"Contact: <sip:{n}@127.0.0.1:{self.port};i={i}>\r\nExpires: 600\r\n{auth}Content-Length: 0\r\n\r\n").encode(), self.e.address)

    def register(self, limit):
        """(registered, told to come back later, seconds). Whoever is told so comes back half a second later."""
        todo, out, later, done, busy, began = list(range(len(self.names)))[::-1], {}, [], 0, 0, time.monotonic()
        while (todo or out or later) and time.monotonic() - began < limit:
            now = time.monotonic()
            while later and later[0][0] <= now:
                todo.append(later.pop(0)[1])
            while todo and len(out) < self.window:
                self.next(out, todo.pop(), None, now)
            try:
                text = self.s.recv(4096).decode("latin-1")
            except socket.timeout:
                for i, o in out.items():
                    if now - o[2] > 0.5:
                        o[2] = now
                        self.ask(i, *o[:2])
                continue
            i, seq = int(re.search(r"Call-ID: (\d+)@", text).group(1)), int(re.search(r"CSeq: (\d+)", text).group(1))
            if i not in out or seq != out[i][0]:
                continue
            status = text[8:11]
            if status == "401":
                self.next(out, i, re.search(r'nonce="([^"]+)"', text).group(1), now)
                continue
            del out[i]
            if status == "200":
                done += 1
            elif status == "503":
                busy += 1
                later.append((now + 0.5, i))
        return done, busy, time.monotonic() - began

    def next(self, out, i, nonce, now):
        self.seq[i] = self.seq.get(i, 0) + 1
        out[i] = [self.seq[i], nonce, now]
        self.ask(i, self.seq[i], nonce)


def storm(t, count, limit):
    names = [f"p{i}" for i in range(count)]
    data = centre(agents=0, more_agents=[agent(n) for n in names])
    e = t.engine(data, machine={"sip.max_registers_per_s": 100000, "log.level": "warn"})
    phones = Phones(e, names)
    done, busy, took = phones.register(limit)
    print(f"{done} phones registered in {took:.1f} s")
    t.equal((done, busy), (count, 0), "all phones registered")
    t.equal(e.status()["phones"], count, "phones known")
    stored = lambda: e.rows("select count(*) from small where key like 'phone/%'")[0][0]  # noqa: E731
    t.eventually(lambda: stored() == count, "each registration is stored", 20)
    e.kill()
    e.start(timeout=30)
    t.eventually(lambda: e.status()["phones"] == count, "known after the crash", 10)
    done, busy, took = phones.register(limit)  # and all come at once
    print(f"{done} after the restart in {took:.1f} s")
    t.equal((done, busy), (count, 0), "all phones registered again")
    t.equal(e.status()["phones"], count, "phones known")
    m = e.admin.metrics()
    t.equal(m["junctor_sip_bans_total"], 0, "nobody was banned")


@scenario(60, alone=True)
def phones_2000(t):
    """2,000 phones register with digest, are known after kill -9, and register all at once again."""
    storm(t, 2000, 20)


@scenario(180, alone=True, long=True)
def phones_10000(t):
    """10,000 phones register with digest, are known after kill -9, and register all at once again."""
    storm(t, 10000, 60)


@scenario(30)
def phones_storm_throttled(t):
    """Beyond sip.max_registers_per_s phones get 503 and Retry-After, all the same each gets in; a call is answered meanwhile."""
    names = [f"p{i}" for i in range(120)]
    e = t.engine(centre(agents=0, more_agents=[agent(n) for n in names]), machine={"sip.max_registers_per_s": 60})
    phones = Phones(e, names)
    call = t.caller(e).call("100")
    done, busy, took = phones.register(20)
    t.equal(done, len(names), "all registered in the end")
    t.check(busy > 0, "some were told to come back")
    t.check(call.wait("up", timeout=1), "the call was answered in the storm")
    m = e.admin.metrics()
    t.equal(m["junctor_sip_registers_throttled_total"], busy, "and counted")
    call.bye()
    t.idle(e)
