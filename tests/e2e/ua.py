"""A SIP user agent for tests: small, scriptable, exact in time. It says what a scenario tells it to say, also what a
well-behaved phone would not. Real peers (baresip, SIPp) stand beside it in the scenarios."""
import hashlib
import os
import re
import select
import socket
import ssl
import threading
import time

from rtp import Rtp

CRLF = "\r\n"
SHORT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length", "c": "content-type", "k": "supported"}


class Message:
    def __init__(self, text):
        head, _, self.body = text.partition("\r\n\r\n")
        lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
        self.first = lines[0]
        self.headers = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            self.headers.append((SHORT.get(name, name), value.strip()))
        self.is_response = self.first.startswith("SIP/2.0 ")
        self.status = int(self.first.split(" ")[1]) if self.is_response else 0
        self.method = self.get("cseq").split(" ")[-1] if self.is_response else self.first.split(" ")[0]

    def get(self, name):
        return next((v for n, v in self.headers if n == name), "")

    def all(self, name):
        return [v for n, v in self.headers if n == name]

    def cseq(self):
        return int((self.get("cseq") or "0 X").split(" ")[0])


def tag():
    return os.urandom(5).hex()


def sdp(rtp, mode="sendrecv", codecs=(0, 101), extra=(), profile="RTP/AVP", version=1, ptime=20):
    names = {0: "PCMU/8000", 8: "PCMA/8000", 101: "telephone-event/8000", 13: "CN/8000", 9: "G722/8000"}
    lines = ["v=0", f"o=- 1 {version} IN IP4 {rtp.ip}", "s=-", f"c=IN IP4 {rtp.ip}", "t=0 0",
             f"m=audio {rtp.port} {profile} " + " ".join(map(str, codecs))]
    lines += [f"a=rtpmap:{c} {names[c]}" for c in codecs] + [f"a={mode}", f"a=ptime:{ptime}", *extra]
    return CRLF.join(lines) + CRLF


def sdp_target(body):
    ip = re.search(r"^c=IN IP[46] (\S+)", body, re.M)
    port = re.search(r"^m=audio (\d+)", body, re.M)
    return (ip.group(1), int(port.group(1))) if ip and port else None


class Call:
    """One dialog. state: new, ringing, up, ended; statuses and requests seen are kept in order."""

    def __init__(self, ua, call_id):
        self.ua, self.call_id, self.cv = ua, call_id, threading.Condition()
        self.state, self.statuses, self.requests, self.messages = "new", [], [], []
        self.local_tag, self.remote_tag, self.cseq = tag(), "", 1
        self.local = self.remote = self.target = ""
        self.routes, self.rtp, self.incoming, self.ended_by = [], Rtp(ua.ip), False, None
        self.invite, self.branch, self.up_at, self.ended_at = None, "", 0.0, 0.0

    def set(self, state):
        with self.cv:
            if state == "up" and not self.up_at:
                self.up_at = time.monotonic()
            if state == "ended" and not self.ended_at:
                self.ended_at = time.monotonic()
            if self.state != "ended":
                self.state = state
            self.cv.notify_all()

    def wait(self, *states, timeout=10.0):
        """True when the call came into one of the states in time (or is past it: ended)."""
        end = time.monotonic() + timeout
        with self.cv:
            while self.state not in states:
                left = end - time.monotonic()
                if left <= 0 or self.state == "ended":
                    return self.state in states
                self.cv.wait(left)
        return True

    def until(self, ok, timeout=10.0):
        end = time.monotonic() + timeout
        with self.cv:
            while not ok(self):
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self.cv.wait(min(left, 0.1))
        return True

    # requests inside the dialog
    def request(self, method, body="", extra=(), cseq=None, branch=None):
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        branch = branch or "z9hG4bK" + tag()
        to = f"{self.remote};tag={self.remote_tag}" if self.remote_tag else self.remote
        lines = [f"{method} {self.target} SIP/2.0", f"Via: SIP/2.0/{self.ua.transport} {self.ua.ip}:{self.ua.port};branch={branch};rport",
                 "Max-Forwards: 70", f"From: {self.local};tag={self.local_tag}", f"To: {to}", f"Call-ID: {self.call_id}",
                 f"CSeq: {cseq} {method}", f"Contact: {self.ua.contact}", *[f"Route: {r}" for r in self.routes], *extra]
        self.ua.send(lines, body)
        return branch, cseq

    def answer(self, status, body="", extra=(), request=None):
        r = request or self.invite
        to = r.get("to")
        if "tag=" not in to and status > 100:
            to += f";tag={self.local_tag}"
        phrase = {100: "Trying", 180: "Ringing", 200: "OK", 486: "Busy Here", 603: "Decline", 480: "Temporarily Unavailable",
                  487: "Request Terminated", 481: "Call/Transaction Does Not Exist"}.get(status, "Answer")
        lines = [f"SIP/2.0 {status} {phrase}", *[f"Via: {v}" for v in r.all("via")], *[f"Record-Route: {v}" for v in r.all("record-route")],
                 f"From: {r.get('from')}", f"To: {to}", f"Call-ID: {self.call_id}", f"CSeq: {r.get('cseq')}", f"Contact: {self.ua.contact}", *extra]
        self.ua.send(lines, body)

    def accept(self, body=None):
        self.answer(200, body or sdp(self.rtp, codecs=self.ua.codecs))
        target = sdp_target(self.invite.body)
        if target:
            self.rtp.start(target)
        self.set("up")

    def bye(self):
        if self.state == "up":
            self.ended_by = self.ended_by or "us"
            self.request("BYE")

    def cancel(self):
        self.ended_by = self.ended_by or "us"
        lines = [f"CANCEL {self.target} SIP/2.0", f"Via: SIP/2.0/{self.ua.transport} {self.ua.ip}:{self.ua.port};branch={self.branch};rport",
                 "Max-Forwards: 70", f"From: {self.local};tag={self.local_tag}", f"To: {self.remote}", f"Call-ID: {self.call_id}",
                 f"CSeq: {self.invite_cseq} CANCEL"]
        self.ua.send(lines)

    def reinvite(self, mode):
        self.version = getattr(self, "version", 1) + 1
        return self.request("INVITE", sdp(self.rtp, mode, codecs=self.ua.codecs, version=self.version))

    def on_response(self, m):
        with self.cv:
            self.statuses.append((m.method, m.status))
            self.messages.append(m)
        if m.method != "INVITE":
            if m.method == "BYE" and m.status >= 200:
                self.set("ended")
            return
        if m.status < 200:
            if m.status > 100:
                self.set("ringing") if self.state == "new" else None
            return
        got = re.search(r"tag=([^;>\s]+)", m.get("to"))
        if m.status < 300:
            if got:
                self.remote_tag = got.group(1)
            self.routes = list(reversed(m.all("record-route")))
            contact = re.search(r"<([^>]+)>", m.get("contact"))
            self.target = contact.group(1) if contact else self.target
            if not self.ua.no_ack:
                self.request("ACK", cseq=m.cseq())
            target = sdp_target(m.body)
            if target and self.state != "ended":
                self.rtp.start(target)
            self.set("up")
            return
        # The ACK of a refusal belongs to the INVITE's transaction.
        saved, self.remote_tag = self.remote_tag, got.group(1) if got else ""
        self.request("ACK", cseq=m.cseq(), branch=self.branch if not saved else None)
        self.remote_tag = saved
        if m.status in (401, 407) and self.ua.password and not getattr(self, "tried", False):
            self.tried = True
            self.send_invite(self.ua.credentials(m, "INVITE", self.target))
        elif self.state != "up":
            self.set("ended")

    def send_invite(self, extra=()):
        self.cseq += 1
        self.invite_cseq = self.cseq
        self.branch = "z9hG4bK" + tag()
        headers = [*self.extra, *extra, "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS"]
        self.request("INVITE", self.offer, headers, self.cseq, self.branch)
        if self.ua.transport == "UDP":
            threading.Thread(target=self.again, args=(headers, self.cseq, self.branch, len(self.statuses)), daemon=True).start()

    def again(self, headers, cseq, branch, had):
        """Repeats an INVITE that nobody answered (RFC 3261 17.1.1)."""
        for wait in (0.5, 1, 2, 4):
            if self.until(lambda c: len(c.statuses) > had or c.ua.stopped, wait):
                return
            self.request("INVITE", self.offer, headers, cseq, branch)

    def on_request(self, m):
        with self.cv:
            self.requests.append(m.method)
            self.messages.append(m)
        if m.method == "BYE":
            self.ended_by = self.ended_by or "them"
            self.answer(200, request=m)
            self.set("ended")
        elif m.method == "CANCEL":
            self.ended_by = self.ended_by or "them"
            self.answer(200, request=m)
            if self.state in ("new", "ringing"):
                self.answer(487)
                self.set("ended")
        elif m.method == "INVITE" and self.state == "up":
            target = sdp_target(m.body)
            if target:
                self.rtp.start(target)
            self.answer(200, sdp(self.rtp, codecs=self.ua.codecs), request=m)
        elif m.method in ("OPTIONS", "UPDATE", "INFO", "NOTIFY", "PRACK"):
            self.answer(200, request=m)
        with self.cv:
            self.cv.notify_all()


class Ua:
    home = "127.0.0.1"  # the address of a phone that is not told another
    """on_invite(call): what to do with an incoming call; None: it rings for ever."""

    def __init__(self, engine, user="caller", domain=None, password=None, ip=None, tcp=False, on_invite=None, codecs=(0, 101), tls=None, tls_name=None, ptime=20):
        ip = ip or Ua.home
        self.engine, self.user, self.domain = engine, user, domain or engine[0]
        self.password, self.ip, self.codecs, self.on_invite, self.ptime = password, ip, codecs, on_invite, ptime
        self.transport, self.calls, self.lock, self.no_ack = ("TLS" if tls else "TCP" if tcp else "UDP"), {}, threading.Lock(), False
        self.tls_lock = threading.Lock()
        self.others, self.stopped, self.reg_cseq, self.reg_id = [], False, 0, "r" + tag()
        self.s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp or tls else socket.SOCK_DGRAM)
        self.s.bind((ip, 0))
        if tcp or tls:
            self.s.connect(engine)
        if tls:  # an ssl.SSLContext, and the name that the engine's certificate must have
            self.s = tls.wrap_socket(self.s, server_hostname=tls_name)
            self.s.setblocking(False)
        self.port = self.s.getsockname()[1]
        self.contact = f"<sip:{user}@{ip}:{self.port}" + (f";transport={self.transport.lower()}>" if tcp or tls else ">")
        threading.Thread(target=self._read, daemon=True).start()

    def send(self, lines, body=""):
        head = [*lines]
        if body:
            head.append("Content-Type: application/sdp")
        head.append(f"Content-Length: {len(body.encode())}")
        self.raw((CRLF.join(head) + CRLF + CRLF + body).encode())

    def _receive(self):
        if self.transport != "TLS":
            return self.s.recv(65536)
        while not self.stopped:  # OpenSSL does not bear a reader and a writer at once
            try:
                with self.tls_lock:
                    return self.s.recv(65536)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                select.select([self.s], [], [], 0.2)
        return b""

    def raw(self, data):
        try:
            with self.tls_lock:
                self.s.sendall(data) if self.transport != "UDP" else self.s.sendto(data, self.engine)
        except OSError:
            pass

    def _read(self):
        buf = b""
        while not self.stopped:
            try:
                data = self._receive()
            except OSError:
                return
            if self.transport == "UDP":
                self._deliver(data)
                continue
            if not data:
                return
            buf += data
            while b"\r\n\r\n" in buf:
                head, _, rest = buf.partition(b"\r\n\r\n")
                m = re.search(rb"\r\n(?:content-length|l)\s*:\s*(\d+)", head, re.I)
                n = int(m.group(1)) if m else 0
                if len(rest) < n:
                    break
                self._deliver(head + b"\r\n\r\n" + rest[:n])
                buf = rest[n:]

    def _deliver(self, data):
        if not data.strip():
            return
        m = Message(data.decode("utf-8", "replace"))
        with self.lock:
            call = self.calls.get(m.get("call-id"))
            if not call and m.method == "INVITE" and not m.is_response:
                call = Call(self, m.get("call-id"))
                self.calls[call.call_id] = call
                call.incoming, call.invite = True, m
                call.local, call.remote = m.get("to"), re.sub(r";tag=.*", "", m.get("from"))
                found = re.search(r"tag=([^;>\s]+)", m.get("from"))
                call.remote_tag = found.group(1) if found else ""
                contact = re.search(r"<([^>]+)>", m.get("contact"))
                call.target = contact.group(1) if contact else f"sip:{self.engine[0]}:{self.engine[1]}"
                call.routes = m.all("record-route")
                fresh = True
            else:
                fresh = False
        if fresh:
            if self.on_invite:
                threading.Thread(target=self.on_invite, args=(call,), daemon=True).start()
            else:
                call.answer(180)
                call.set("ringing")
        elif m.is_response:
            if call:
                call.on_response(m)
            else:
                with self.lock:
                    self.others.append(m)
        elif call:
            if m.method == "INVITE" and call.state != "up":
                return  # a retransmission while it rings
            call.on_request(m)
        elif m.method != "ACK":
            dead = Call(self, m.get("call-id"))
            dead.answer(481 if m.method == "BYE" else 200, request=m)
            dead.rtp.close()
            with self.lock:
                self.others.append(m)

    def credentials(self, m, method, uri):
        header = m.get("www-authenticate") or m.get("proxy-authenticate")
        fields = dict(re.findall(r'(\w+)="?([^",]+)"?', header.partition(" ")[2]))
        h = lambda s: hashlib.md5(s.encode()).hexdigest()  # noqa: E731  (RFC 2617)
        ha1, ha2 = h(f"{self.user}:{fields['realm']}:{self.password}"), h(f"{method}:{uri}")
        cnonce = tag()
        if "qop" in fields:
            response = h(f"{ha1}:{fields['nonce']}:00000001:{cnonce}:auth:{ha2}")
            tail = f', qop=auth, nc=00000001, cnonce="{cnonce}"'
        else:
            response, tail = h(f"{ha1}:{fields['nonce']}:{ha2}"), ""
        if "opaque" in fields:
            tail += f', opaque="{fields["opaque"]}"'
        name = "Authorization" if m.get("www-authenticate") else "Proxy-Authorization"
        return [f'{name}: Digest username="{self.user}", realm="{fields["realm"]}", nonce="{fields["nonce"]}", uri="{uri}", '
                f'response="{response}", algorithm=MD5{tail}']

    def transaction(self, method, uri, extra=(), call_id=None, timeout=4.0):
        """One request outside dialogs; the final response or None. UDP requests are repeated (RFC 3261 17.1.2)."""
        self.reg_cseq += 1
        call_id = call_id or "t" + tag()
        seq = self.reg_cseq
        who = f"<sip:{self.user}@{self.domain}>"
        lines = [f"{method} {uri} SIP/2.0", f"Via: SIP/2.0/{self.transport} {self.ip}:{self.port};branch=z9hG4bK{tag()};rport",
                 "Max-Forwards: 70", f"From: {who};tag={tag()}", f"To: {who if method == 'REGISTER' else '<' + uri + '>'}",
                 f"Call-ID: {call_id}", f"CSeq: {seq} {method}", f"Contact: {self.contact}", *extra]
        end, again, wait = time.monotonic() + timeout, 0.0, 0.5
        while time.monotonic() < end:
            if time.monotonic() >= again:
                self.send(lines)
                again, wait = (time.monotonic() + wait if self.transport == "UDP" else end), wait * 2
            with self.lock:
                for m in self.others:
                    if m.is_response and m.get("call-id") == call_id and m.cseq() == seq and m.status >= 200:
                        return m
            time.sleep(0.01)
        return None

    def register(self, expires=300):
        """Status of the last answer: 200, or how it was refused (0: no answer)."""
        uri = f"sip:{self.domain}"
        m = self.transaction("REGISTER", uri, [f"Expires: {expires}"], self.reg_id)
        if m and m.status == 401 and self.password:
            m = self.transaction("REGISTER", uri, [f"Expires: {expires}", *self.credentials(m, "REGISTER", uri)], self.reg_id)
        return m.status if m else 0

    def call(self, to, extra=(), body=None, say=None):
        """Sends an INVITE and returns at once."""
        c = Call(self, "c" + tag() + "@" + self.ip)
        c.local, c.remote = f"<sip:{self.user}@{self.domain}>", f"<sip:{to}@{self.domain}>"
        c.target = f"sip:{to}@{self.engine[0]}:{self.engine[1]}"
        c.offer, c.extra, c.cseq = (sdp(c.rtp, codecs=self.codecs, ptime=self.ptime) if body is None else body), list(extra), 0
        if say:
            c.rtp.say(say, loop=True)
        with self.lock:
            self.calls[c.call_id] = c
        c.send_invite()
        return c

    def forget(self):
        """Lets go of the calls that are over, with all that was heard of them."""
        with self.lock:
            over = [c for c in self.calls.values() if c.state == "ended"]
            for c in over:
                del self.calls[c.call_id]
            self.others.clear()
        for c in over:
            c.rtp.close()

    def close(self):
        self.stopped = True
        for c in self.calls.values():
            c.rtp.close()
        self.s.close()


def answer_all(ring=0.05, say=None):
    """An agent's phone that rings and takes every call."""
    def take(call):
        call.answer(180)
        call.set("ringing")
        time.sleep(ring)
        if call.state == "ringing":
            if say:
                call.rtp.say(say, loop=True)
            call.accept()
    return take


def refuse_all(status):
    def refuse(call):
        call.answer(status)
        call.set("ended")
    return refuse
