"""A customer who chats over the public API."""
import os

from lib import Api, WebSocket


class Customer:
    """The first say opens the chat; its token goes with everything after it."""

    def __init__(self, engine, tenant="acme", name="", queue=None):
        self.engine, self.tenant, self.name, self.queue = engine, tenant, name, queue
        self.api = Api(engine.host, engine.api_port)
        self.id, self.n = None, 0

    def body(self, text, key):
        b = {"text": text, "key": key or os.urandom(8).hex()}
        if not self.id:
            b.update({"tenant": self.tenant, **({"name": self.name} if self.name else {}), **({"queue": self.queue} if self.queue else {})})
        return b

    def path(self):
        return f"/api/v1/chat/{self.id}/messages" if self.id else "/api/v1/chat"

    def say(self, text, key=None):
        """Returns only when the message is acknowledged."""
        answer = self.api.post(self.path(), self.body(text, key))
        if not self.id:
            self.id, self.api.token = answer["id"], answer["token"]
        return answer["n"]

    def try_say(self, text, key=None):
        """The HTTP status, whatever it is."""
        return self.api.request("POST", self.path(), self.body(text, key))[0]

    def read(self, after=0):
        return self.api.get(f"/api/v1/chat/{self.id}/messages?after={after}")["messages"]

    def listen(self, cursor=None):
        path = f"/api/v1/chat/{self.id}/events" + (f"?cursor={cursor}" if cursor is not None else "")
        return WebSocket(self.engine.host, self.engine.api_port, path, {"Authorization": "Bearer " + self.api.token})

    def end(self):
        self.api.post(f"/api/v1/chat/{self.id}/end")
