"""After the report: a call and three chats a minute, so that boards and desks show something alive."""
import itertools
import threading
import time

import customers

CALL_S, CHAT_S = 60.0, 20.0


class Trickle:
    def __init__(self, show):
        self.show, self.stop, self.running = show, threading.Event(), []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        clients = itertools.cycle(self.show.numbers)
        call = chat = time.monotonic() + 5
        for n in itertools.count():
            if self.stop.wait(0.5):
                return
            now = time.monotonic()
            if now >= call:
                tenant, number = next(clients)
                self.show.sipps = [s for s in self.show.sipps if not s.ended()]
                self.show.sipp(f"trickle-{n}", "caller.xml", tenant, number, 1, 1)
                call += CALL_S
            if now >= chat:
                t = threading.Thread(target=customers.talk, args=(self.show, n, self.show.numbers[n % len(self.show.numbers)][0], "trickle"), daemon=True)
                t.start()
                chat += CHAT_S

    def close(self):
        self.stop.set()
