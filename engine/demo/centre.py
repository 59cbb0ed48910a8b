"""The demo centre of this install, as the demonstration needs it: who the agents are, what can be dialled, who may log
in. The two YAML files themselves are made by make_centre.py."""
import collections
import json
import os
import re

import make_centre
from client import Api

# late: begins to work only when the demonstration has shown what happens without it.
Agent = collections.namedtuple("Agent", "tenant domain name password sip_user sip_secret role late")


class Install:
    """config: the machine's YAML. dialled: tenant -> its queues' numbers. source: tenant -> its carrier's address."""

    def __init__(self, folder, config, made):
        self.config = config
        self.password = made["password"]
        self.agents, self.dialled, self.source, self.queue_of = [], {}, {}, {}
        queue_of = self.queue_of
        tenant = domain = None
        with open(os.path.join(folder, "centre.yaml"), encoding="utf-8") as f:
            lines = f.read().split("\n")
        part, entry = None, {}
        for line in lines + ["  - name: end"]:
            m = re.match(r"( *)(- )?(\w+): ?(.*)", line)
            if not m:
                continue
            depth, dash, key, value = len(m[1]), bool(m[2]), m[3], m[4].strip('"')
            if (dash or depth <= 4) and entry.get("part") == "agents":
                phone = re.search(r'user: "(\w+)"', entry.get("phone", ""))
                self.agents.append(Agent(tenant, domain, entry["name"], made["password"], phone[1] if phone else None, made["phone"], entry.get("role", "agent"),
                                         bool(phone) and entry.get("serves", "").startswith("{acme")))
                entry = {}
            if dash and depth == 2:
                tenant, entry = value, {}
            elif depth == 4 and not dash:
                domain = value if key == "domain" else domain
                part = key
                entry = {}
            elif dash and depth == 6:
                entry = {"part": part, key: value}
            elif depth == 8 and entry:
                entry[key] = value
                if part == "queues" and key == "number":
                    self.dialled.setdefault(tenant, []).append(value)
                    queue_of[tenant, value] = entry["name"]
            if part == "trunks" and key == "from":
                self.source[tenant] = re.search(r"[\d.]+", value)[0]
        boss = next(a for a in self.agents if a.role == "supervisor")
        self.tenant, self.login = boss.tenant, boss.name
        self.number = self.dialled[self.tenant][0]
        self.number_is = f"queue {queue_of[self.tenant, self.number]} of {self.tenant}"


def prepare(data, sip_port, api_port, workers, listen="127.0.0.1", advertise=""):
    """Both files lie in their own folder: DATA/centre.yaml is the engine's, and may be changed by `junctor apply`."""
    folder = os.path.join(data, "install")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    config, made = make_centre.make(folder, sip_port, api_port, workers, listen, advertise)
    path = os.path.join(folder, "centre.yaml")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    # Two places in the second company's queue: the third caller who finds nobody there is turned away, which the
    # demonstration wants to show.
    make_centre.keep(path, text.replace("max_waiting: 20\n", "max_waiting: 2\n"))
    return Install(folder, config, made)


def admin(data, api_port):
    """The installation's own token, made at each start for the commands on this machine."""
    with open(os.path.join(data, "api.json"), encoding="utf-8") as f:
        return Api("127.0.0.1", api_port, json.load(f)["admin_token"])
