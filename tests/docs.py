#!/usr/bin/env python3
"""Checks that the documents say what the code has: configuration keys, API routes, commands, metrics, tests, options. One
line a rule: `ok docs RULE` or `FAIL docs RULE` with every place under it.

    tests/docs.py [--root DIR]     checks the tree
    tests/docs.py --self-test      changes a copy of the documents once for each rule and sees it found
"""
import fnmatch
import glob
import os
import re
import sys

# Table of keys in engine/app/config*.c -> what its keys belong to in docs/operating.md: `| key of NAME |` heads a table,
# and NAME.key stands as `key {a, b}` in a row of NAME.
TABLES = {
    ("config.c", "top_fields"): "`junctor.yaml`", ("config.c", "sip_fields"): "`sip`", ("config.c", "tls_fields"): "`sip`.tls",
    ("config.c", "media_fields"): "`media`", ("config.c", "worker_fields"): "`workers`", ("config.c", "api_fields"): "`api`",
    ("config.c", "router_fields"): "`router`", ("config.c", "trace_fields"): "`trace`", ("config.c", "recording_fields"): "`recording`", ("config.c", "log_fields"): "`log`",
    ("config_media.c", "fields"): "`media.dpdk`", ("config_browser.c", "fields"): "`media.browser`",
    ("config_interfaces.c", "fields"): "`media.interfaces[]`", ("config_interfaces.c", "address_fields"): "`media.interfaces[]`.addresses",
    ("config_codecs.c", "opus_fields"): "`media.opus`",
    ("config_centre.c", "top_fields"): "`centre.yaml`", ("config_centre.c", "tenant_fields"): "a tenant",
    ("config_members.c", "queue_fields"): "a queue", ("config_members.c", "agent_fields"): "an agent",
    ("config_members.c", "phone_fields"): "an agent.phone", ("config_members.c", "capacity_fields"): "an agent.capacity",
    ("config_members.c", "rule_fields"): "a rule", ("config_trunks.c", "trunk_fields"): "a trunk",
    ("config_trunks.c", "register_fields"): "a trunk.register", ("config_numbers.c", "route_fields"): "a route",
    ("config_numbers.c", "via_fields"): "a route.trunks", ("config_numbers.c", "number_fields"): "a number",
    ("config_calendar.c", "calendar_fields"): "a calendar", ("config_flows.c", "flow_fields"): "a flow",
    ("config_flows.c", "closed_fields"): "a flow.closed", ("config_flows.c", "notice_fields"): "a flow.notice",
    ("config_flows.c", "menu_fields"): "a flow.menu", ("config_flows.c", "go_fields"): "a flow.go",
}
ROLES = {"AGENT": "agent", "SUPERVISOR": "supervisor", "ADMIN": "admin", "NONE": ""}


class Tree:
    def __init__(self, root, changed=None):
        self.root, self.changed = root, changed or {}

    def text(self, path):
        if path in self.changed:
            return self.changed[path]
        with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as f:
            return f.read()

    def files(self, pattern):
        return sorted(glob.glob(pattern, root_dir=self.root, recursive=True))

    def docs(self):
        return ["README.md", *self.files("docs/*.md")]

    def lines(self):
        for p in self.docs():
            for n, line in enumerate(self.text(p).split("\n"), 1):
                yield p, n, line

    def rows(self, path):
        """(line, cells) of every row of every table."""
        for n, line in enumerate(self.text(path).split("\n"), 1):
            if line.startswith("|"):
                yield n, [c.strip().replace("\\|", "|") for c in re.split(r"(?<!\\)\|", line)[1:-1]]


# keys
def keys_in_code(tree):
    found = {}
    for p in tree.files("engine/app/config*.c"):
        for name, body in re.findall(r"struct jn_field (\w+)\[\] = \{(.*?)\};", tree.text(p), re.S):
            table = (os.path.basename(p), name)
            found[TABLES.get(table, f"{table[0]}:{name}, a table that tests/docs.py does not know")] = set(re.findall(r'\.name = "(\w+)"', body))
    return found


def keys_in_docs(tree):
    """{what: {key: [line]}}"""
    found, what = {}, None
    for n, cells in tree.rows("docs/operating.md"):
        head = re.match(r"key of (.*)", cells[0])
        if head or (what and len(cells) != width):
            what, width = head and head[1], len(cells)
            continue
        if not what or set("".join(cells)) <= {"-"}:
            continue
        for name, inner in re.findall(r"`(\w+)(?:\[\])?(?: \{([^}]*)\})?`", cells[0]):
            found.setdefault(what, {}).setdefault(name, []).append(n)
            for sub in re.findall(r"\w+", inner):
                found.setdefault(f"{what}.{name}", {}).setdefault(sub, []).append(n)
    return found


def rule_keys(tree):
    code, docs = keys_in_code(tree), keys_in_docs(tree)
    for what in sorted(set(code) | set(docs)):
        for key in sorted(code.get(what, set()) - set(docs.get(what, {}))):
            yield f"docs/operating.md: key {key} of {what} is missing"
        for key, lines in sorted(docs.get(what, {}).items()):
            if key not in code.get(what, set()):
                yield f"docs/operating.md:{lines[0]} there is no key {key} of {what}"
            elif len(lines) > 1:
                yield f"docs/operating.md:{lines[1]} key {key} of {what} is there twice"


# routes
def routes_in_code(tree):
    found = {}
    for p in tree.files("engine/api/*.c") + tree.files("engine/act/*.c"):
        text = tree.text(p)
        for method, role, path in re.findall(r'\{JN_(GET|POST|PUT|DELETE|PATCH), JN_ROLE_(\w+), JN_BODY_\w+,\s*"([^"]+)"', text):
            found[method, path.replace("/api/v1", "")] = ROLES[role]
        for path in re.findall(r'\.pattern = "([^"]+)"', text):
            found["WebSocket", path.replace("/api/v1", "")] = ""
    return found


def routes_in_docs(tree):
    """(method, path) -> [(line, who)]; a cell is `POST /a/b, c`: c stands for /a/c."""
    found = {}
    for n, cells in tree.rows("docs/api.md"):
        if not re.match(r"(GET|POST|PUT|DELETE|PATCH|WebSocket)\b", cells[0]):
            continue
        methods, fresh, last = [], True, ""
        for word in re.findall(r"[^\s,]+", re.sub(r"\([^)]*\)", "", cells[0])):
            if re.fullmatch(r"GET|POST|PUT|DELETE|PATCH|WebSocket", word):
                methods, fresh = ([] if fresh else methods) + [word], False
                continue
            word = word.split("?")[0]
            last = word if word.startswith("/") else last.rsplit("/", 1)[0] + "/" + word
            fresh = True
            for m in methods:
                found.setdefault((m, re.sub(r"\{\w*\}", "{}", last)), []).append((n, cells[1] if len(cells) > 2 else ""))
    return found


def rule_routes(tree):
    code, docs = routes_in_code(tree), routes_in_docs(tree)
    for m, path in sorted(set(code) - set(docs)):
        yield f"docs/api.md: {m} {path} is missing"
    for (m, path), places in sorted(docs.items()):
        if (m, path) not in code:
            yield f"docs/api.md:{places[0][0]} there is no {m} {path}"
        elif len(places) > 1:
            yield f"docs/api.md:{places[1][0]} {m} {path} is there twice"
        elif code[m, path] not in places[0][1]:
            yield f"docs/api.md:{places[0][0]} {m} {path} is for {code[m, path]}"


# commands
def rule_verbs(tree):
    code = set(re.findall(r'^    \{"(\w+)", ".*", jn_cmd_', tree.text("engine/app/main.c"), re.M))
    docs = set()
    for n, cells in tree.rows("docs/operating.md"):
        docs |= {re.match(r"`(\w+)", cells[0])[1]} if re.match(r"`(\w+)[^`]*`", cells[0]) and len(cells) == 2 and "verb" in cells_head(tree, n) else set()
    for verb in sorted(code ^ docs):
        yield f"docs/operating.md: verb {verb} is {'missing' if verb in code else 'not there'}"
    for p, n, line in tree.lines():
        for verb in re.findall(r"`junctor (\w+)|^    junctor (\w+)", line):
            if "".join(verb) not in code | {"VERB"}:
                yield f"{p}:{n} there is no verb {''.join(verb)}"


def cells_head(tree, line):
    """The first row of the table that this line of docs/operating.md is in."""
    lines = tree.text("docs/operating.md").split("\n")
    while lines[line - 2].startswith("|"):
        line -= 1
    return lines[line - 1]


# metrics
def metrics_in_code(tree):
    health, sip, api = tree.text("engine/app/health.c"), tree.text("engine/app/health_sip.c"), tree.text("engine/api/metrics.c")
    found = set()
    for p in tree.files("engine/**/*.c"):
        found |= set(re.findall(r"junctor_[a-z_]*[a-z](?=[ {\\])", tree.text(p)))
        found |= {f"junctor_{x}_total" for x in re.findall(r'\bcounter\(out, "(\w+)"', tree.text(p))}
        found |= {f"junctor_{x}" for x in re.findall(r'\bgauge\(out, "(\w+)"', tree.text(p))}
    found |= {f"junctor_media_{x}" for x in re.findall(r'\{"(\w+)", offsetof\(struct jn_worker_counts', health)}
    voice = tree.text("engine/app/health_voice.c")
    found |= {f"junctor_{x}_total" for x in re.findall(r'\{"(\w+)", "', voice)}
    found |= {f"junctor_trunk_{x}" for x in re.findall(r'family\(e, out, "(\w+)"', sip)}
    found |= {f"junctor_{x}" for x in re.findall(r'\{"(\w+)", "(?:counter|gauge)"', api) for x in x.split()}
    found |= {f"junctor_{x}" for x in re.findall(r'\b(?:one|head)\(out, "(\w+)"', api)}
    for table in re.findall(r"PORT_COUNT_NAMES[\s\\\\]*\{(.*?)\}", "".join(tree.text(p) for p in tree.files("engine/net/*.h")), re.S):
        found |= {f"junctor_port_{x}_total" for x in re.findall(r'"(\w+)"', table)}
    return found


def rule_metrics(tree):
    code = metrics_in_code(tree)
    places = list(tree.lines()) + [("engine/service/alerts.yaml", n, x) for n, x in enumerate(tree.text("engine/service/alerts.yaml").split("\n"), 1)]
    for p, n, line in places:
        for name in re.findall(r"\bjunctor_[a-z_*]+", line):
            if not fnmatch.filter(code, name):
                yield f"{p}:{n} there is no metric {name}"


# tests, files, options
def rule_features(tree):
    scenarios = [s for p in tree.files("tests/e2e/test_*.py") for s in re.findall(r"^@scenario\b.*\ndef (\w+)", tree.text(p), re.M)]
    for n, cells in tree.rows("docs/features.md"):
        if len(cells) != 3 or cells[0] == "what" or set("".join(cells)) <= {"-"}:
            continue
        if cells[1].startswith("yes") and not re.search(r"`\w|tests/", cells[2]):
            yield f"docs/features.md:{n} names no test"
        for name in re.findall(r"`([\w*]+)`", cells[2]):
            if not fnmatch.filter(scenarios, name):
                yield f"docs/features.md:{n} there is no scenario {name}"


def rule_files(tree):
    for p, n, line in tree.lines():
        for path in re.findall(r"(?<![\w/.-])((?:engine|media|router|tests|bench|docs)/[\w./*-]*\w)", line):
            if not tree.files(path.replace("NAME", "*")):
                yield f"{p}:{n} there is no {path}"


def rule_options(tree):
    code = "".join(tree.text(p) for p in ["engine/run", "tests/run", "bench/run", "tests/suite.py", "tests/e2e/run", *tree.files("engine/app/cmd*.c"), *tree.files("bench/*.c")])
    for p, n, line in tree.lines():
        if re.search(r"engine/run|tests/run|tests/e2e/run|junctor|`--", line):
            for option in re.findall(r"(?<![\w-])--([a-z][a-z-]+)", line):
                if f"--{option}" not in code and f'"{option}"' not in code:
                    yield f"{p}:{n} there is no option --{option}"


RULES = [(name[5:], fn) for name, fn in list(globals().items()) if name.startswith("rule_")]
# rule: (document, what is in it, what it becomes)
SEEDS = {
    "keys": ("docs/operating.md", "`max_calls_per_s`", "`max_calls_per_minute`"),
    "routes": ("docs/api.md", "/interactions/{id}/why", "/interactions/{id}/wherefore"),
    "verbs": ("docs/operating.md", "| `drain` |", "| `drown` |"),
    "metrics": ("docs/operating.md", "`junctor_journal_failing`", "`junctor_journal_flying`"),
    "features": ("docs/features.md", "`drain`", "`drown`"),
    "files": ("docs/threads.md", "tests/model/hold.pml", "tests/model/held.pml"),
    "options": ("README.md", "engine/run --drill", "engine/run --thrill"),
}


def self_test(root):
    bad = 0
    for name, fn in RULES:
        doc, old, new = SEEDS[name]
        text = Tree(root).text(doc)
        changed = Tree(root, {doc: text.replace(old, new)})
        good = old in text and bool(set(fn(changed)) - set(fn(Tree(root))))
        bad += not good
        print(f"{'ok' if good else 'FAIL'} self-test finds docs {name}")
    return bad


def main(argv):
    if argv[:1] in (["--help"], ["-h"]):
        print(__doc__)
        return 0
    root = argv[1] if argv[:1] == ["--root"] and len(argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if argv[:1] == ["--self-test"]:
        return 1 if self_test(root) else 0
    bad = 0
    for name, fn in RULES:
        found = list(fn(Tree(root)))
        bad += bool(found)
        print(f"{'FAIL' if found else 'ok'} docs {name}")
        for line in found:
            print(f"     {line}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
