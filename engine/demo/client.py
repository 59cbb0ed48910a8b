"""The engine's API from outside: HTTP with JSON, and a WebSocket (RFC 6455) just large enough for its events."""
import base64
import http.client
import json
import os
import socket
import struct
import time


class ApiError(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body


class Api:
    """One caller of the API; a connection for each request, so it may be used from any thread."""

    def __init__(self, host, port, token=None, timeout=10.0):
        self.host, self.port, self.token, self.timeout = host, port, token, timeout

    def request(self, method, path, body=None, headers=None, token=None):
        """(status, headers, bytes). body: str and bytes go as they are, anything else as JSON."""
        c = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        h = dict(headers or {})
        token = token or self.token
        if token:
            h["Authorization"] = "Bearer " + token
        data = None
        if body is not None:
            data = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else json.dumps(body).encode()
            h.setdefault("Content-Type", "application/json")
        try:
            c.request(method, path, body=data, headers=h)
            r = c.getresponse()
            return r.status, r.headers, r.read()
        finally:
            c.close()

    def call(self, method, path, body=None, headers=None, token=None):
        """The answer's JSON; ApiError when it is not 2xx. A full engine (503) is asked again a few times."""
        for attempt in range(4):
            status, _, data = self.request(method, path, body, headers, token)
            if status != 503 or attempt == 3:
                break
            time.sleep(0.2 * (attempt + 1))
        if not 200 <= status < 300:
            raise ApiError(status, data.decode("utf-8", "replace")[:400])
        return json.loads(data) if data.strip() else {}

    def get(self, path, **kw):
        return self.call("GET", path, **kw)

    def post(self, path, body=None, **kw):
        return self.call("POST", path, body, **kw)

    def metrics(self):
        """{name{labels}: value}"""
        status, _, data = self.request("GET", "/metrics")
        if status != 200:
            raise ApiError(status, data[:200])
        out = {}
        for line in data.decode().split("\n"):
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                out[name] = float(value)
        return out


class WebSocket:
    """A client's side of one WebSocket. recv gives text, or None after its time-out; closed tells the end."""

    def __init__(self, host, port, path, headers=None, timeout=10.0):
        self.closed, self._buf, self._text = False, b"", b""
        self.s = socket.create_connection((host, port), timeout)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        lines += [f"{k}: {v}" for k, v in (headers or {}).items()]
        self.s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self._buf:
            more = self.s.recv(4096)
            if not more:
                break
            self._buf += more
        head, _, self._buf = self._buf.partition(b"\r\n\r\n")
        first = head.split(b"\r\n")[0].decode("latin-1")
        if " 101 " not in first + " ":
            self.s.close()
            self.closed = True
            raise ApiError(int(first.split(" ")[1]) if first.count(" ") else 0, head.decode("latin-1")[-300:])

    def _frame(self, opcode, data):
        mask = os.urandom(4)
        n = len(data)
        head = bytes([0x80 | opcode])
        head += bytes([0x80 | n]) if n < 126 else bytes([0xfe]) + struct.pack(">H", n) if n < 65536 else bytes([0xff]) + struct.pack(">Q", n)
        self.s.sendall(head + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(data)))

    def send(self, text):
        self._frame(1, text.encode())

    def _take(self):
        """One whole frame out of what was received: (fin, opcode, data), or None."""
        b = self._buf
        if len(b) < 2:
            return None
        n, at = b[1] & 0x7f, 2
        if n == 126:
            if len(b) < 4:
                return None
            n, at = struct.unpack(">H", b[2:4])[0], 4
        elif n == 127:
            if len(b) < 10:
                return None
            n, at = struct.unpack(">Q", b[2:10])[0], 10
        if len(b) < at + n:
            return None
        self._buf = b[at + n:]
        return b[0] >> 7, b[0] & 15, b[at:at + n]

    def recv(self, timeout=1.0):
        end = time.monotonic() + timeout
        while not self.closed:
            frame = self._take()
            if frame:
                fin, opcode, data = frame
                if opcode in (0, 1, 2):
                    self._text += data
                    if fin:
                        text, self._text = self._text, b""
                        return text.decode("utf-8")
                elif opcode == 8:
                    self.close()
                elif opcode == 9:
                    self._frame(10, data)
                continue
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.s.settimeout(left)
            try:
                more = self.s.recv(65536)
            except (socket.timeout, TimeoutError):
                return None
            except OSError:
                more = b""
            if not more:
                self.closed = True
            self._buf += more
        return None

    def event(self, timeout=1.0):
        text = self.recv(timeout)
        return json.loads(text) if text else None

    def close(self):
        if not self.closed:
            self.closed = True
            try:
                self._frame(8, b"\x03\xe8")
            except OSError:
                pass
        self.s.close()
