"""Dialogs as carriers and phones use them: TLS, PRACK, UPDATE, session timers, REFER, Replaces, delayed offers, early
media, redirects, glare, forks, NAT, advertised address, recorded routes. SIPp and baresip are the peers where they can."""
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import audio
import phones
from lib import DOMAIN, HERE, SIP_SECRET, centre, scenario
from ua import CRLF, Ua, answer_all, sdp, tag

SHORT_SESSIONS = {"sip.session_min": "2s", "sip.session_expires": "30m"}


def sipp(t, e, name, target=None, **more):
    """Runs a scenario of tests/e2e/sipp to its end; every call must go as it says."""
    s = t.sipp(name, os.path.join(HERE, "sipp", name + ".xml"), target or e.address, **{"timeout": 30, **more})
    code = s.wait(40)
    t.check(code == 0, f"SIPp scenario {name} passes, exit {code}: {s.why()}")


class SippPhone:
    """SIPp as an agent's phone: registered by a socket of ours on its port, then SIPp waits there for the call."""

    def __init__(self, t, e, user, scenario_name):
        ua = Ua(e.address, user, DOMAIN, SIP_SECRET)
        t.check(ua.register() == 200, f"{user} registers")
        self.port = ua.port
        ua.stopped = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:  # its reader holds the port until it is woken
            s.sendto(b"\r\n", ("127.0.0.1", self.port))
        ua.close()
        self.run(t, user, scenario_name)

    def run(self, t, user, name):
        folder = os.path.join(t.folder, name)
        os.makedirs(folder, exist_ok=True)
        self.errors = os.path.join(folder, "errors.log")
        log = open(os.path.join(folder, "log"), "wb")
        self.p = subprocess.Popen(["sipp", "-sf", os.path.join(HERE, "sipp", name + ".xml"), "-i", "127.0.0.1", "-p", str(self.port), "-s", user, "-m", "1",
                                   "-nostdin", "-timeout", "25", "-timeout_error", "-trace_err", "-error_file", self.errors, "-mp", str(phones.free_port(29000, 4, (socket.SOCK_DGRAM,), width=4))],
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=folder, env={**os.environ, "TERM": "dumb"})
        t.closing.append(self)
        time.sleep(0.3)

    def passes(self, t, what):
        try:
            code = self.p.wait(25)
        except subprocess.TimeoutExpired:
            code = -1
        why = ""
        if os.path.exists(self.errors):
            with open(self.errors, encoding="utf-8", errors="replace") as f:
                why = f.read()[-1200:]
        t.check(code == 0, f"{what}, SIPp exit {code}: {why}")

    def stop(self):
        phones.stop_process(self.p)


def certificate(folder, name, serial, host="sip.acme.test", san="DNS:sip.acme.test,IP:127.0.0.1"):
    """A CA and a certificate signed by it, as PEM files in folder."""
    os.makedirs(folder, exist_ok=True)
    run = lambda *a: subprocess.run(["openssl", *a], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)  # noqa: E731
    if not os.path.exists(os.path.join(folder, "ca.pem")):
        run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test authority")
    run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj", f"/CN={host}")
    with open(os.path.join(folder, "san"), "w", encoding="utf-8") as f:
        f.write(f"subjectAltName={san}\n")
    run("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", str(serial), "-days", "2", "-extfile", "san", "-out", name + ".pem")


def trusting(folder):
    c = ssl.create_default_context(cafile=os.path.join(folder, "ca.pem"))
    return c


def tls_engine(t, **more):
    folder = os.path.join(t.folder, "tls")
    certificate(folder, "server", 1001)
    port = phones.free_port(16061, 2)
    tls = {"port": port, "certificate": os.path.join(folder, "server.pem"), "key": os.path.join(folder, "server.key"), "ca": os.path.join(folder, "ca.pem")}
    e = t.engine(machine={"sip.tls": tls, **more})
    return e, folder, ("127.0.0.1", port)


@scenario(40)
def tls_call(t):
    """A caller over TLS that checks our certificate is joined to an agent's phone over TLS; both hear each other and
    requests of ours go back over their connections. TLS 1.1 and plain text are refused."""
    e, folder, address = tls_engine(t)
    trust = trusting(folder)
    phone = Ua(address, "a1", DOMAIN, SIP_SECRET, on_invite=answer_all(say=audio.tone(500, 2)), tls=trust, tls_name="sip.acme.test")
    t.closing.append(phone)
    t.equal(phone.register(), 200, "the phone registers over TLS")
    desk = t.desk(e, "a1")
    caller = Ua(address, "alice", tls=trust, tls_name="sip.acme.test")
    t.closing.append(caller)
    call = caller.call("100", say=audio.tone(700, 2))
    t.check(call.wait("up"), f"answered, got {call.statuses}")
    t.check(desk.wait("connect"), "joined")
    time.sleep(1)
    t.check(audio.goertzel(call.rtp.heard()[-4000:], 500) > 0.5, "the agent is heard")
    contact = next(m for m in call.messages if m.status == 200).get("contact")
    t.check("tls" in contact or "sips:" in contact, f"our Contact says TLS: {contact}")
    desk.api.post(f"/api/v1/calls/{desk.seen('connect')[0]['id']}/hangup")
    t.check(call.wait("ended"), "our BYE comes over the caller's connection")
    t.equal(call.ended_by, "them", "who ended it")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    try:
        with socket.create_connection(address, 3) as raw, old.wrap_socket(raw):
            t.check(False, "TLS 1.1 is refused")
    except (ssl.SSLError, ConnectionError):
        pass
    with socket.create_connection(address, 3) as raw:
        raw.settimeout(3)
        raw.sendall(b"OPTIONS sip:x SIP/2.0\r\n\r\n")
        try:
            t.check(b"SIP/2.0 200" not in raw.recv(100), "plain text is not answered")
        except (ConnectionError, socket.timeout):
            pass
    t.idle(e)


@scenario(40)
def tls_baresip(t):
    """baresip as the agent's phone over TLS."""
    e, folder, address = tls_engine(t)
    b = phones.Baresip(os.path.join(t.folder, "phone"), "a1", DOMAIN, address, SIP_SECRET, wav=os.path.join(e.folder, "sounds", "music.wav"), tls=os.path.join(folder, "ca.pem"))
    t.closing.append(b)
    t.check(b.connect() and b.wait_registered(), "baresip registers over TLS")
    t.eventually(lambda: e.status()["phones"] == 1, "one phone known")
    desk = t.desk(e, "a1")
    call = t.caller(e).call("100")
    t.check(call.wait("up"), f"answered, got {call.statuses}")
    t.check(desk.wait("connect"), "joined")
    time.sleep(0.5)
    call.bye()
    t.check(b.wait_event("CALL_CLOSED"), "our BYE reached baresip")
    t.idle(e)


@scenario(40)
def tls_certificate_renewed(t):
    """SIGHUP: connections made from then on see the new certificate; a damaged file changes nothing and is told."""
    e, folder, address = tls_engine(t)
    trust = trusting(folder)

    def serial():
        with socket.create_connection(address, 3) as raw, trust.wrap_socket(raw, server_hostname="sip.acme.test") as s:
            return int(s.getpeercert()["serialNumber"], 16)
    old = Ua(address, "alice", tls=trust, tls_name="sip.acme.test")
    t.closing.append(old)
    t.equal(serial(), 1001, "serial number at first")
    certificate(folder, "server", 1002)
    e.p.send_signal(signal.SIGHUP)
    t.eventually(lambda: serial() == 1002, "the new certificate is shown")
    with open(os.path.join(folder, "server.pem"), "w", encoding="utf-8") as f:
        f.write("damaged\n")
    e.p.send_signal(signal.SIGHUP)
    t.eventually(lambda: "the certificate stays as it was" in e.log_text(), "the damaged file is told")
    t.equal(serial(), 1002, "serial number after the damaged file")
    m = old.transaction("OPTIONS", f"sip:127.0.0.1:{address[1]}")
    t.check(m is not None and m.status == 200, "a connection from before goes on")


class TlsCarrier:
    """A carrier's TLS side: answers OPTIONS with 200 and counts what it could read."""

    def __init__(self, folder, name):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(os.path.join(folder, name + ".pem"), os.path.join(folder, name + ".key"))
        self.s = socket.create_server(("127.0.0.1", 0))
        self.port, self.requests, self.refused = self.s.getsockname()[1], 0, 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                raw, _ = self.s.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(raw,), daemon=True).start()

    def _talk(self, raw):
        try:
            with self.context.wrap_socket(raw, server_side=True) as s:
                while True:
                    data = s.recv(65536)
                    if not data:
                        self.refused += 1
                        return
                    self.requests += 1
                    head = [line for line in data.decode("utf-8", "replace").split(CRLF) if re.match(r"(Via|From|To|Call-ID|CSeq):", line)]
                    head = [line + ";tag=x" if line.startswith("To:") else line for line in head]
                    s.sendall((CRLF.join(["SIP/2.0 200 OK", *head, "Content-Length: 0"]) + CRLF + CRLF).encode())
        except (OSError, ssl.SSLError):
            self.refused += 1

    def stop(self):
        self.s.close()


@scenario(40)
def tls_trunk_proves_itself(t):
    """Trunks over TLS are probed: the one whose certificate our authority signed for its name is up; one of a foreign
    authority and one with another name read nothing from us and stay down."""
    folder, foreign = os.path.join(t.folder, "tls"), os.path.join(t.folder, "foreign")
    certificate(folder, "server", 1)
    certificate(folder, "good", 2)
    certificate(folder, "misnamed", 3, "other.test", "DNS:other.test")
    certificate(foreign, "good", 4)
    carriers = {"good": TlsCarrier(folder, "good"), "misnamed": TlsCarrier(folder, "misnamed"), "foreign": TlsCarrier(foreign, "good")}
    t.closing.extend(carriers.values())
    tls = {"port": phones.free_port(16061, 2), "certificate": os.path.join(folder, "server.pem"), "key": os.path.join(folder, "server.key"), "ca": os.path.join(folder, "ca.pem")}
    e = t.engine(centre(trunks=[{"name": n, "to": [f"127.0.0.1:{c.port}/tls"], "probe": "1s", "probe_failures": 1} for n, c in carriers.items()]), machine={"sip.tls": tls})
    t.eventually(lambda: carriers["good"].requests >= 2, "the good carrier is asked again and again")
    t.eventually(lambda: carriers["misnamed"].refused and carriers["foreign"].refused, "the others were connected to and left")
    t.equal((carriers["misnamed"].requests, carriers["foreign"].requests), (0, 0), "requests that the others could read")
    state = {x["name"]: x["state"] for x in e.admin.get("/api/v1/trunks")["trunks"]}
    t.equal(state["good"], "up", "the good carrier")
    t.eventually(lambda: all(x["state"] != "up" for x in e.admin.get("/api/v1/trunks")["trunks"] if x["name"] != "good"), "the others are not up")


@scenario(30)
def tls_bad_files(t):
    """A key that does not belong to the certificate: the engine says so and does not start."""
    folder = os.path.join(t.folder, "tls")
    certificate(folder, "server", 1)
    certificate(folder, "other", 2)
    e = t.engine(start=False, machine={"sip.tls": {"port": phones.free_port(16061, 2), "certificate": os.path.join(folder, "server.pem"), "key": os.path.join(folder, "other.key")}})
    code, out, err = e.cli("run", "--config", e.config)
    t.equal(code, 1, "exit code")
    t.check("sip.tls" in err and "other.key" in err, f"the reason names the file: {err!r}")


@scenario(30)
def sip_session_refreshed_by_caller(t):
    """SIPp refreshes a session of 4 s by UPDATE and by re-INVITE: the call lives on, nobody sees a hold."""
    e = t.engine(machine=SHORT_SESSIONS)
    desk, _ = t.agent(e, "a1")
    sipp(t, e, "caller_timer")
    t.check(desk.seen("connect"), "it was joined")
    t.check(not desk.seen("hold"), f"no hold is told, got {desk.seen('hold')}")
    t.idle(e)


@scenario(30)
def sip_session_too_short(t):
    """Session-Expires below our minimum: 422 with Min-SE; the caller asks again with 90 s and is taken."""
    e = t.engine()
    sipp(t, e, "caller_422")
    t.idle(e)


@scenario(30)
def sip_session_expires(t):
    """A caller that refreshes no more is ended by a BYE with its reason, counted; its agent is free again."""
    e = t.engine(machine=SHORT_SESSIONS)
    desk, _ = t.agent(e, "a1")
    call = t.caller(e).call("100", extra=["Supported: timer", "Session-Expires: 3;refresher=uac"])
    t.check(call.wait("up"), f"answered, got {call.statuses}")
    began = time.monotonic()
    t.check(call.wait("ended", timeout=6), "ended by us")
    t.check(1.5 < time.monotonic() - began < 3.5, f"before its 3 s were over, after {time.monotonic() - began:.1f} s")
    reason = next(m for m in call.messages if m.method == "BYE" and not m.is_response).get("reason")
    t.check("408" in reason, f"Reason of the BYE: {reason!r}")
    t.check(e.admin.metrics()["junctor_sip_session_expired_total"] >= 1, "counted")
    desk.wait_state("ready")
    t.idle(e)


@scenario(30)
def sip_session_refreshed_by_us(t):
    """A phone without UPDATE that leaves the refreshing to us gets re-INVITEs with the description in force."""
    e = t.engine(machine=SHORT_SESSIONS)
    p = SippPhone(t, e, "a1", "phone_refreshed")
    desk = t.desk(e, "a1")
    call = t.caller(e).call("100")
    t.check(desk.wait("connect"), "joined")
    time.sleep(4.2)  # ours are due after 2.7 s of the 9, the stack's own after 4.5
    call.bye()
    p.passes(t, "the phone was refreshed")
    t.idle(e)


@scenario(30)
def sip_prack_to_phone(t):
    """A phone that rings reliably with early media gets its PRACK; the caller goes on hearing the queue's music."""
    e = t.engine()
    p = SippPhone(t, e, "a1", "phone_prack")
    desk = t.desk(e, "a1")
    call = t.caller(e).call("100")
    t.check(desk.wait("connect"), "joined")
    time.sleep(0.3)
    call.bye()
    p.passes(t, "PRACK, answer and BYE")
    t.idle(e)


@scenario(30)
def sip_hold_by_update(t):
    """A caller holds and resumes by UPDATE: both are told, like a re-INVITE."""
    e = t.engine()
    desk, _ = t.agent(e, "a1")
    sipp(t, e, "caller_update")
    t.idle(e)


@scenario(30)
def sip_delayed_offers(t):
    """INVITE and re-INVITE without description: we offer, the ACK answers, media flows."""
    e = t.engine()
    t.agent(e, "a1")
    sipp(t, e, "caller_delayed")
    t.idle(e)


@scenario(30)
def sip_recorded_route(t):
    """Our BYE goes along the recorded route."""
    e = t.engine()
    desk, phone = t.agent(e, "a1")
    s = t.sipp("route", os.path.join(HERE, "sipp", "caller_route.xml"), e.address, timeout=25)
    t.check(desk.wait("connect"), "joined")
    time.sleep(0.3)
    list(phone.calls.values())[0].bye()
    t.check(s.wait(20) == 0, f"the BYE had the route: {s.why()}")
    t.idle(e)


@scenario(30)
def sip_replaces_refused(t):
    """INVITE with Replaces of a call that is not there, or malformed: refused, nothing changed."""
    e = t.engine()
    sipp(t, e, "caller_replaces")
    t.equal(e.status()["interactions_open"], 0, "interactions")
    t.idle(e)


@scenario(30)
def sip_malformed_in_a_call(t):
    """Damaged REFER, PRACK, UPDATE and Session-Expires inside a call: refused and counted; the call goes on to its BYE."""
    e = t.engine()
    t.agent(e, "a1")
    before = e.admin.metrics()
    sipp(t, e, "caller_malformed")
    after = e.admin.metrics()
    t.check(after["junctor_sip_refers_refused_total"] >= before["junctor_sip_refers_refused_total"] + 2, "REFERs refused are counted")
    t.check(after["junctor_sip_malformed_total"] > before["junctor_sip_malformed_total"], "malformed ones are counted")
    t.idle(e)


@scenario(30)
def sip_refer_answered(t):
    """A blind REFER of the agent's phone: accepted with NOTIFYs to a final one, or declined; never left open. Outside a
    call it is forbidden."""
    e = t.engine()
    desk, phone = t.agent(e, "a1")
    call = t.caller(e).call("100")
    t.check(desk.wait("connect"), "joined")
    leg = list(phone.calls.values())[0]
    leg.request("REFER", extra=[f"Refer-To: <sip:nobody@{DOMAIN}>"])
    t.check(leg.until(lambda c: any(m == "REFER" for m, _ in c.statuses), 5), "answered")
    status = next(s for m, s in leg.statuses if m == "REFER")
    t.check(status in (202, 603), f"202 or 603, got {status}")
    if status == 202:
        t.check(leg.until(lambda c: any(m.method == "NOTIFY" and "terminated" in m.get("subscription-state") for m in c.messages), 10), "a last NOTIFY")
    m = t.caller(e).transaction("REFER", f"sip:100@127.0.0.1:{e.sip_port}", [f"Refer-To: <sip:a2@{DOMAIN}>"])
    t.check(m is not None and m.status == 403, f"REFER outside a call: 403, got {m and m.first}")
    call.bye()
    t.idle(e)


@scenario(30)
def sip_redirected_phone(t):
    """302 of a phone to another line of its own is followed; one to somewhere else is a refusal."""
    e = t.engine()
    p = SippPhone(t, e, "a1", "phone_302")
    desk = t.desk(e, "a1")
    call = t.caller(e).call("100")
    p.passes(t, "the first line redirects")
    p.run(t, "otherline", "phone_line2")
    t.check(desk.wait("connect"), "joined on the other line")
    time.sleep(0.2)
    call.bye()
    p.passes(t, "the other line took the call")

    def away(c):
        c.ua.contact = "<sip:premium@192.0.2.77>"
        c.answer(302)
        c.set("ended")
    t.phone(e, "a2", on_invite=away)
    d2 = t.desk(e, "a2")
    desk.api.post("/api/v1/agents/me/logout")
    call = t.caller(e).call("100")
    t.check(d2.wait("offer"), "offered")
    t.eventually(lambda: "offer failed" in e.log_text(), "the redirection away is a refusal")
    t.check(call.state == "up", "the caller still waits")
    call.bye()
    t.idle(e)


@scenario(30)
def sip_offers_meet(t):
    """A re-INVITE that meets one still unanswered is turned down with 491 or 500, and the call goes on."""
    e = t.engine()
    desk, phone = t.agent(e, "a1")
    call = t.caller(e).call("100")
    t.check(desk.wait("connect"), "joined")
    call.reinvite("sendonly")
    call.reinvite("sendrecv")
    call.reinvite("sendrecv")
    t.check(call.until(lambda c: sum(m == "INVITE" and s >= 200 for m, s in c.statuses) >= 4, 5), f"all answered, got {call.statuses}")
    t.check(any(s in (200, 491, 500) for m, s in call.statuses), "by 200, 491 or 500")
    t.equal(call.state, "up", "the call")
    call.bye()
    t.idle(e)


@scenario(30)
def sip_forked_answers(t):
    """Two phones answer one call of ours with different tags: the first is joined, the second is acknowledged and gets
    a BYE."""
    e = t.engine()
    seen = []

    def both(c):
        c.answer(180)
        first, c.local_tag = c.local_tag, tag()
        c.answer(180)
        second, c.local_tag = c.local_tag, first
        c.accept()
        time.sleep(0.1)
        c.local_tag = second
        c.answer(200, sdp(c.rtp))
        c.local_tag = first
        seen.append((first, second))
    phone = t.phone(e, "a1", on_invite=both)
    desk = t.desk(e, "a1")
    call = t.caller(e).call("100")
    t.check(desk.wait("connect"), "joined")
    leg = list(phone.calls.values())[0]
    t.check(leg.until(lambda c: seen and any(m.method == "BYE" and seen[0][1] in m.get("to") for m in c.messages), 5), "the second fork gets a BYE")
    t.check(any(m.method == "ACK" and seen[0][1] in m.get("to") for m in leg.messages), "after its ACK")
    t.check(not any(m.method == "BYE" and seen[0][0] in m.get("to") for m in leg.messages), "the first fork does not")
    t.equal(call.state, "up", "the call")
    call.bye()
    t.idle(e)


@scenario(30)
def sip_phone_behind_nat(t):
    """Caller and phone name private addresses in Via and Contact: answers, ACKs and BYEs go where their packets come from."""
    e = t.engine()
    phone = t.phone(e, "a1", register=False)
    phone.contact = "<sip:a1@10.20.30.40:5060>"
    t.equal(phone.register(), 200, "registers")
    desk = t.desk(e, "a1")
    u = t.caller(e)
    u.contact = "<sip:alice@10.20.30.41:5060>"
    call = u.call("100")
    t.check(call.wait("up"), f"answered, got {call.statuses}")
    t.check(desk.wait("connect"), "joined: the phone was found")
    via = next(m for m in call.messages if m.status == 200).get("via")
    t.check(f"rport={u.port}" in via, f"rport is filled in (RFC 3581): {via}")
    list(phone.calls.values())[0].bye()
    t.check(call.wait("ended", timeout=5), "our BYE finds the caller")
    t.idle(e)


class Nat:
    """One address translator: what comes to its outer address goes to the engine, what the engine sends to it goes to
    whoever wrote last."""

    def __init__(self, outer, inner):
        self.s, self.inner, self.peer, self.seen = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), inner, None, []
        self.s.bind(outer)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            data, source = self.s.recvfrom(65536)
            if data == b"stop":
                return
            if source != self.inner:
                self.peer = source
                self.seen.append(data.split(b"\r\n")[0].decode("utf-8", "replace"))
            to = self.peer if source == self.inner else self.inner
            if to:
                self.s.sendto(data, to)

    def stop(self):
        self.s.sendto(b"stop", self.s.getsockname())


@scenario(40)
def sip_advertised_address(t):
    """Behind a translator with 127.0.0.7 advertised: Contact and SDP name it, and baresip, which follows our Contact,
    sends its ACK and BYE there; so does our own BYE arrive."""
    e = t.engine(centre(trunks=[{"name": "carrier", "from": ["127.0.0.0/8"]}]), machine={"sip.advertise": "127.0.0.7", "media.advertise": "127.0.0.7"})
    nat = Nat(("127.0.0.7", e.sip_port), e.address)
    t.closing.append(nat)
    desk, phone = t.agent(e, "a1")
    u = t.caller(e)
    call = u.call("100")
    t.check(call.wait("up"), f"answered, got {call.statuses}")
    ok = next(m for m in call.messages if m.status == 200)
    t.check(f"sip:127.0.0.7:{e.sip_port}" in ok.get("contact"), f"Contact: {ok.get('contact')}")
    t.check("IN IP4 127.0.0.7" in ok.body, f"SDP: {ok.body}")
    t.check(desk.wait("connect"), "joined")
    invite = list(phone.calls.values())[0].invite
    t.check("127.0.0.7" in invite.get("via") and "127.0.0.7" in invite.get("contact"), f"Via and Contact of our INVITE: {invite.get('via')}")
    call.bye()
    t.idle(e)
    b = phones.Baresip(os.path.join(t.folder, "caller"), "bare", DOMAIN, None, wav=os.path.join(e.folder, "sounds", "music.wav"))
    t.closing.append(b)
    t.check(b.connect(), "baresip starts")
    b.command("dial", f"sip:100@127.0.0.7:{e.sip_port}")
    t.check(b.wait_event("CALL_ESTABLISHED"), "answered")
    t.eventually(lambda: len(desk.seen("connect")) == 2, "its ACK came, so it is joined")
    b.command("hangup")
    t.idle(e)
    t.check(any(line.startswith("BYE ") and "127.0.0.7" in line for line in nat.seen), f"its BYE came by our Contact: {nat.seen}")


@scenario(30)
def sip_over_ipv6(t):
    """Signalling on ::1: OPTIONS and a refused INVITE from a SIPp there, a call by its trunk's address."""
    try:
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        s.bind(("::1", 0))
        s.close()
    except OSError:
        t.skip("this machine has no IPv6 loopback")
    e = t.engine(centre(trunks=[{"name": "six", "from": ["::1/128"]}]), machine={"sip.listen": "::1"})
    t.eventually(lambda: e.status()["sip"], "SIP serves")
    folder = os.path.join(t.folder, "six")
    os.makedirs(folder)
    p = subprocess.run(["sipp", f"[::1]:{e.sip_port}", "-sf", os.path.join(HERE, "sipp", "caller_delayed.xml"), "-i", "::1", "-s", "100", "-m", "1", "-nostdin", "-timeout", "15", "-timeout_error",
                        "-trace_err", "-error_file", os.path.join(folder, "errors.log")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder, timeout=25,
                       env={**os.environ, "TERM": "dumb"}, check=False)
    t.check(p.returncode == 0, f"SIPp over IPv6 passes: {p.stdout.decode(errors='replace')[-800:]}")
    t.idle(e)
