"""Customers who chat over the public API, as a web page would: each message once, every answer read."""
import os
import time

from client import Api, ApiError, WebSocket
from desks import TALKS


def talk(show, k, tenant, label="demo"):
    """One chat from its first message to its end; what was said and read is counted in show."""
    language, says, _ = TALKS[k % len(TALKS)]
    api = Api("127.0.0.1", show.d.api_port)
    key = f"{label}-{os.getpid()}-{k}"
    try:
        chat = api.post("/api/v1/chat", {"tenant": tenant, "name": f"{language} {k + 1}", "text": says[0], "key": f"{key}-0"})
        show.count("chats")
        show.count("messages")
        path, token = f"/api/v1/chat/{chat['id']}", chat["token"]
        ws = WebSocket("127.0.0.1", show.d.api_port, path + "/events", {"Authorization": "Bearer " + token})
        said, replies, end = 1, 0, time.monotonic() + 120
        while time.monotonic() < end and not show.stopping:
            e = ws.event(0.5)
            if not e:
                continue
            if e["type"] == "message" and e["data"]["from"] == "agent":
                replies += 1
                if said < len(says):
                    time.sleep(0.2)
                    api.post(path + "/messages", {"text": says[said], "key": f"{key}-{said}"}, token=token)
                    show.count("messages")
                    said += 1
            elif e["type"] == "state" and e["data"]["state"] == "closed":
                mine = [m["text"] for m in api.get(path + "/messages", token=token)["messages"] if m["from"] == "customer"]
                if mine != list(says[:said]):
                    show.problem(f"chat {k + 1}: {len(mine)} of {said} messages are there")
                show.count("messages_kept", len(mine))
                show.count("replies_read", replies)
                show.count("chats_closed")
                ws.close()
                return
        if not show.stopping:
            show.problem(f"chat {k + 1} did not end")
    except (ApiError, OSError, KeyError) as e:
        if not show.stopping:
            show.problem(f"chat {k + 1}: {e!r}")
