#!/usr/bin/env python3
"""Checks how the tree hangs together: who may include whom, where foreign headers live, sizes, and what the packet
path must not call. One line a rule: `ok RULE` or `FAIL RULE` with every place under it.

    tests/layers.py [--root DIR]     checks the tree
    tests/layers.py --self-test      plants one violation of each rule in a small tree and sees it found
"""
import os
import re
import sys
import tempfile

SIBLINGS = ("sip", "channel", "api", "store", "bus", "worker", "net")
# Foreign header (a prefix of what stands between the brackets) -> files or folders that may include it.
HOMES = {
    "rte_": ["engine/net/port_dpdk"],
    "sofia-sip/": ["engine/sip/"],
    "hs.h": ["router/classify/"],
    "hs/": ["router/classify/"],
    "srtp2/": ["media/srtp/ref_libsrtp.c"],
    "srtp.h": ["media/srtp/ref_libsrtp.c"],
    "intel-ipsec-mb.h": ["media/srtp/batch_mb"],
    "opus": ["media/codec/opus.c"],
    "libwebsockets.h": ["engine/api/"],
    "jansson.h": ["engine/api/", "engine/app/", "engine/act/"],
    "cyaml/": ["engine/app/"],
    "yaml.h": ["engine/app/"],
    "sqlite3.h": ["engine/store/sqlite"],
    "libpq-fe.h": ["engine/store/postgres"],
    "liburing.h": ["engine/store/", "engine/net/port_udp"],
    "openssl/": ["engine/store/", "engine/channel/", "engine/api/", "engine/app/", "engine/sip/tls.c", "engine/load/sip_write.c", "media/dtls/"],
    "ck_": ["engine/base/"],
    "immintrin.h": ["media/", "engine/base/"],
    "sys/socket.h": ["engine/"],
    "netinet/": ["engine/"],
    "arpa/inet.h": ["engine/"],
    "pthread.h": ["engine/", "media/srtp/ref_libsrtp.c"],  # there: libsrtp is initialised once, by pthread_once
    "threads.h": ["engine/"],
    "fcntl.h": ["engine/"],
    "unistd.h": ["engine/"],
    "time.h": ["engine/"],
    "sys/": ["engine/"],
}
# Longer on purpose; the reason stands beside it.
LONG_FILES = {}
LONG_FUNCTIONS = {}
AT_START = {"media/stream/table.c:zeroed": "memory of the tables, taken when the plane is opened"}
FILE_LINES, FUNCTION_LINES = 500, 70

# media/ and router/ are pure: time and bytes come in as arguments. (Reading a string with snprintf is fine.)
IMPURE = r"\b(fopen|open|openat|socket|pthread_create|thrd_create|clock_gettime|gettimeofday|time|usleep|nanosleep|sleep)\s*\("
# The packet path: these folders, but for the functions that make, fill or end something.
PACKET_PATH = ("stream", "rtp", "rtcp", "jbuf", "codec", "mix", "dtmf", "srtp")
HEAVY = r"\b(malloc|calloc|realloc|aligned_alloc|free|printf|fprintf|pthread_mutex_\w+|pthread_rwlock_\w+|jn_log|jn_error|jn_warn|jn_info|jn_debug)\s*\("
LIFECYCLE = re.compile(r"(open|close|new|free|init|fini|add|make|drop|create|destroy|start|stop|load|self_test|tables)")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


class Tree:
    def __init__(self, root):
        self.root = root
        self.text = {}
        for top in ("engine", "media", "router", "tests", "bench", "docs"):
            for folder, names, files in os.walk(os.path.join(root, top)):
                names[:] = [n for n in names if n not in ("build", "corpus", "__pycache__")]
                for f in files:
                    if f.endswith((".c", ".h", ".md")):
                        self.take(os.path.relpath(os.path.join(folder, f), root))
        for f in os.listdir(root):
            if f.endswith(".md"):
                self.take(f)

    def take(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as f:
            self.text[path] = f.read()

    def code(self, *tops):
        return [p for p in sorted(self.text) if p.endswith((".c", ".h")) and p.split("/")[0] in (tops or ("engine", "media", "router"))]


def bare(text):
    """Comments and strings blanked, line numbers kept."""
    def blank(m):
        return re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def includes(text):
    for number, line in enumerate(text.split("\n"), 1):
        m = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if m:
            yield number, m.group(1) == '"', m.group(2)


def module(path):
    parts = path.split("/")
    return parts[0] + "/" + parts[1] if parts[0] == "engine" and len(parts) > 2 else parts[0]


def may(a, b):
    """May a file of module a include one of module b?"""
    if a == b or b == "engine/base":
        return True
    if a in ("media", "router", "engine/base"):
        return False
    if a == "engine/app":
        return True
    if b in ("media", "router"):
        return True
    folder_a, folder_b = a.split("/")[-1], b.split("/")[-1]
    if a == "engine/act":
        return folder_b in SIBLINGS
    return folder_a in ("worker", "load") and folder_b == "net"


def rule_order(tree):
    for p in tree.code():
        for n, own, name in includes(tree.text[p]):
            if own and "/" not in name:
                yield f"{p}:{n} include paths start at the root: {name}"
            elif own and name not in tree.text:
                yield f"{p}:{n} {name} does not exist"
            elif own and name.split("/")[0] in ("tests", "bench"):
                yield f"{p}:{n} the product includes {name}"
            elif own and not may(module(p), module(name)):
                yield f"{p}:{n} {module(p)} must not include {name}"


def rule_foreign_headers(tree):
    for p in tree.code():
        for n, own, name in includes(tree.text[p]):
            if own:
                continue
            for prefix, homes in HOMES.items():
                if name.startswith(prefix):
                    if not any(p.startswith(h) for h in homes):
                        yield f"{p}:{n} <{name}> lives in {', '.join(homes)}"
                    break


def rule_no_cycle(tree):
    graph = {p: [n for _, own, n in includes(tree.text[p]) if own and n in tree.text] for p in tree.code()}
    state, found = {}, []

    def visit(p, path):
        state[p] = 1
        for q in graph.get(p, ()):
            if state.get(q) == 1:
                found.append(" -> ".join(path[path.index(q):] + [q]) if q in path else f"{p} -> {q}")
            elif q not in state:
                visit(q, path + [q])
        state[p] = 2

    for p in graph:
        if p not in state:
            visit(p, [p])
    yield from found


def rule_file_length(tree):
    for p in tree.code("engine", "media", "router", "tests", "bench"):
        n = tree.text[p].count("\n")
        if n > FILE_LINES and p not in LONG_FILES:
            yield f"{p}: {n} lines, more than {FILE_LINES}"


def functions(text):
    """(name, first line, last line, body) of each function; ours open and close with a brace in column 0."""
    lines = bare(text).split("\n")
    begin = None
    for n, line in enumerate(lines):
        if line == "{":
            begin = n
        elif line == "}" and begin is not None:
            head = " ".join(lines[max(0, begin - 6):begin])
            names = re.findall(r"(\w+)\s*\(", head.rsplit(";", 1)[-1].rsplit("}", 1)[-1])
            yield (names[0] if names else "?"), begin + 1, n + 1, "\n".join(lines[begin:n + 1])
            begin = None


def rule_function_length(tree):
    for p in tree.code("engine", "media", "router", "tests", "bench"):
        for name, first, last, _ in functions(tree.text[p]):
            if last - first > FUNCTION_LINES and f"{p}:{name}" not in LONG_FUNCTIONS:
                yield f"{p}:{first} {name}: {last - first} lines, more than {FUNCTION_LINES}"


def rule_pure_layers(tree):
    for p in tree.code("media", "router"):
        for n, line in enumerate(bare(tree.text[p]).split("\n"), 1):
            m = re.search(IMPURE, line)
            if m and not re.search(r"[.>]\s*" + m.group(1) + r"\s*\(|\(\s*\*\s*" + m.group(1), line):
                yield f"{p}:{n} calls {m.group(1)}(): time, files and threads belong to engine/"


def rule_packet_path(tree):
    for p in tree.code("media"):
        if not p.endswith(".c") or p.split("/")[1] not in PACKET_PATH:
            continue
        for name, first, _, body in functions(tree.text[p]):
            if LIFECYCLE.search(name) or f"{p}:{name}" in AT_START:
                continue
            for n, line in enumerate(body.split("\n")):
                m = re.search(HEAVY, line)
                if m:
                    yield f"{p}:{first + n} {name} calls {m.group(1)}()"


def rule_fuzzers_have_corpus(tree):
    for p in tree.code("tests"):
        m = re.fullmatch(r"tests/fuzz/fuzz_(\w+)\.c", p)
        if m:
            corpus = os.path.join(tree.root, "tests/fuzz/corpus", m.group(1))
            if not os.path.isdir(corpus) or not os.listdir(corpus):
                yield f"{p}: tests/fuzz/corpus/{m.group(1)} is missing or empty"
            if not re.match(r"/\* LINK: jn_\w+ \*/", tree.text[p]):
                yield f"{p}: the first line must name its library: /* LINK: jn_x */"


def rule_nothing_unfinished(tree):
    for p in tree.code("engine", "media", "router", "tests", "bench"):
        for n, line in enumerate(tree.text[p].split("\n"), 1):
            if UNFINISHED.search(line):
                yield f"{p}:{n} {line.strip()[:80]}"


def rule_links_exist(tree):
    for p in sorted(tree.text):
        if not p.endswith(".md"):
            continue
        text = re.sub(r"```.*?```", lambda m: "\n" * m.group(0).count("\n"), tree.text[p], flags=re.S)
        for n, line in enumerate(text.split("\n"), 1):
            for target in re.findall(r"\]\(([^)\s]+)\)", line):
                if re.match(r"[a-z]+:|#", target):
                    continue
                file = os.path.normpath(os.path.join(tree.root, os.path.dirname(p), target.split("#")[0]))
                if not os.path.exists(file):
                    yield f"{p}:{n} links to {target}, which does not exist"


RULES = [(name[5:].replace("_", "-"), fn) for name, fn in list(globals().items()) if name.startswith("rule_")]

# One violation of each rule: files, and the rule that must find it.
SEEDS = {
    "order": {"media/rtp/x.h": '#include "router/core/y.h"\n', "router/core/y.h": "int y;\n"},
    "foreign-headers": {"engine/app/x.c": "#include <sqlite3.h>\n"},
    "no-cycle": {"media/a/a.h": '#include "media/b/b.h"\n', "media/b/b.h": '#include "media/a/a.h"\n'},
    "file-length": {"engine/app/x.c": "int x;\n" * (FILE_LINES + 1)},
    "function-length": {"engine/app/x.c": "int f(void)\n{\n" + "    g();\n" * (FUNCTION_LINES + 2) + "}\n"},
    "pure-layers": {"router/core/x.c": "int f(void)\n{\n    return clock_gettime(0, 0);\n}\n"},
    "packet-path": {"media/jbuf/x.c": "int jn_jbuf_put(void)\n{\n    return malloc(3) != 0;\n}\n"},
    "fuzzers-have-corpus": {"tests/fuzz/fuzz_x.c": "/* LINK: jn_media */\n"},
    "nothing-unfinished": {"engine/app/x.c": "/* TO" "DO later */\n"},
    "links-exist": {"README.md": "see [this](docs/none.md)\n"},
}
# Sibling order in detail: (from, to, allowed).
PAIRS = [("engine/api/a.c", "engine/sip/b.h", False), ("engine/worker/a.c", "engine/net/b.h", True),
         ("engine/load/a.c", "engine/net/b.h", True), ("engine/load/a.c", "engine/sip/b.h", False),
         ("engine/net/a.c", "engine/worker/b.h", False), ("engine/act/a.c", "engine/api/b.h", True),
         ("engine/api/a.c", "engine/act/b.h", False), ("engine/act/a.c", "engine/app/b.h", False),
         ("engine/app/a.c", "engine/act/b.h", True), ("engine/base/a.c", "media/rtp/b.h", False),
         ("engine/store/a.c", "router/core/b.h", True), ("media/rtp/a.c", "engine/base/b.h", True),
         ("media/rtp/a.c", "engine/net/b.h", False), ("router/core/a.c", "media/rtp/b.h", False)]
CLEAN = {"engine/app/main.c": '#include "media/rtp/r.h"\n/* malloc( in words */\nint main(void)\n{\n    return 0;\n}\n',
         "media/rtp/r.h": "#include <stdint.h>\n", "README.md": "[r](media/rtp/r.h) [w](https://x.org/)\n",
         "media/codec/c.c": "int jn_codec_open(void)\n{\n    return malloc(1) != 0;\n}\n"}


def plant(files):
    where = tempfile.TemporaryDirectory()
    for path, text in files.items():
        full = os.path.join(where.name, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as f:
            f.write(text)
    return where


def self_test():
    bad = 0

    def tell(name, good):
        nonlocal bad
        bad += not good
        print(f"{'ok' if good else 'FAIL'} self-test {name}")

    with plant(CLEAN) as root:
        tell("a clean tree passes", not any(list(fn(Tree(root))) for _, fn in RULES))
    for name, fn in RULES:
        with plant(SEEDS[name]) as root:
            tell(f"finds {name}", bool(list(fn(Tree(root)))))
    for a, b, allowed in PAIRS:
        with plant({a: f'#include "{b}"\n', b: "int x;\n"}) as root:
            found = list(rule_order(Tree(root)))
            tell(f"{a} {'may' if allowed else 'must not'} include {b}", bool(found) != allowed)
    return bad


def main(argv):
    if argv[:1] == ["--help"] or argv[:1] == ["-h"]:
        print(__doc__)
        return 0
    if argv[:1] == ["--self-test"]:
        return 1 if self_test() else 0
    root = argv[1] if argv[:1] == ["--root"] and len(argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    tree = Tree(root)
    bad = 0
    for name, fn in RULES:
        found = list(fn(tree))
        bad += bool(found)
        print(f"{'FAIL' if found else 'ok'} layers {name}")
        for line in found:
            print(f"     {line}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
