#!/usr/bin/env python3
"""Every test of the tree, step by step; tests/run calls this after it installed what is missing. A test is one
assertion program's test, one fuzz target, one model, one layer rule or one end-to-end scenario."""
import argparse
import concurrent.futures
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOGS = os.path.join(ROOT, "build", "test-logs")
CORES = os.cpu_count() or 2
SANITIZERS = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_stack_use_after_return=1",
    "LSAN_OPTIONS": f"suppressions={ROOT}/tests/sanitize/lsan.supp:print_suppressions=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": f"suppressions={ROOT}/tests/sanitize/tsan.supp:halt_on_error=0:second_deadlock_stack=1",
}


# These begin first, so that none of them is what the others wait for at the end.
LONGEST = ("router_core_test_oracle", "media_jbuf_test_jbuf", "media_record_test_render", "media_stream_test_turn", "engine_sip_test_sip_timer",
           "engine_api_test_api", "engine_store_test_recording_log", "engine_act_test_act_message")


SECOND_TRIES = 4  # a test that fails beside others on a busy machine is tried once more, alone; more than these: it is not the machine


class Suite:
    def __init__(self, only, long=False):
        self.only = re.compile(only) if only else None
        self.long = long
        self.passed = self.failed = self.skipped = 0
        self.unsteady = []  # passed on their second try, alone
        self.children = set()

    def wants(self, *names):
        return not self.only or any(self.only.search(n) for n in names)

    def run(self, name, command, timeout, env=None):
        """(exit code, output); -1 after a time-out. The output is kept in build/test-logs."""
        log = os.path.join(LOGS, re.sub(r"[^\w.-]", "_", name) + ".log")
        with open(log, "wb") as out:
            p = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                 env={**os.environ, **(env or {})}, start_new_session=True)
            self.children.add(p)
            try:
                code = p.wait(timeout)
            except subprocess.TimeoutExpired:
                os.killpg(p.pid, signal.SIGTERM)
                try:
                    p.wait(10)
                except subprocess.TimeoutExpired:
                    os.killpg(p.pid, signal.SIGKILL)
                    p.wait()
                code = -1
                out.write(f"\ntimed out after {timeout} s\n".encode())
            self.children.discard(p)
        with open(log, encoding="utf-8", errors="replace") as f:
            return code, f.read()

    def count(self, passed, failed, skipped=0):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        return passed, failed, skipped

    def show(self, what, text, lines=40):
        print(f"    --- {what}")
        for line in text.rstrip().split("\n")[-lines:]:
            print("    " + line)

    def stop(self):
        for p in list(self.children):
            try:
                os.killpg(p.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass


def listed(suite, name, command, timeout, env=None):
    """A program that prints `ok NAME`, `FAIL NAME` or `skip NAME: reason`, one line a test."""
    code, text = suite.run(name, command, timeout, env)
    passed = len(re.findall(r"^ok ", text, re.M))
    fails = re.findall(r"^FAIL .*", text, re.M)
    skips = re.findall(r"^skip (.*)", text, re.M)
    suite.unsteady += re.findall(r"^unsteady (.*)", text, re.M)
    for reason in skips:
        print(f"    skipped {reason}")
    failed = len(fails) or (1 if code != 0 or not passed + len(skips) else 0)
    if failed:
        shown = re.findall(r"^(?:FAIL|     ).*", text, re.M)
        suite.show(name, "\n".join(shown) if fails else text, 60)
    return suite.count(passed, failed, len(skips))


def step_format(suite):
    files = [f for top in ("engine", "media", "router", "tests", "bench")
             for ext in "ch" for f in glob.glob(f"{top}/**/*.{ext}", root_dir=ROOT, recursive=True)]
    code, text = suite.run("format", ["clang-format-14", "--dry-run", "-Werror", *sorted(files)], 120)
    if code:
        bad = sorted(set(re.findall(r"^([^:\s]+):\d+:\d+: error", text, re.M)))
        suite.show("format", "\n".join(f"{f} is not formatted: clang-format-14 -i {f}" for f in bad) or text)
    return suite.count(0 if code else 1, 1 if code else 0)


def step_layers(suite):
    a = listed(suite, "layers-self-test", [sys.executable, "tests/layers.py", "--self-test"], 60)
    b = listed(suite, "layers", [sys.executable, "tests/layers.py"], 60)
    return tuple(x + y for x, y in zip(a, b))


def step_docs(suite):
    a = listed(suite, "docs-self-test", [sys.executable, "tests/docs.py", "--self-test"], 60)
    b = listed(suite, "docs", [sys.executable, "tests/docs.py"], 60)
    return tuple(x + y for x, y in zip(a, b))


def build(suite, preset, targets=()):
    """targets: only these; nothing: all of it."""
    launcher = ["-DCMAKE_C_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    code, text = suite.run(f"configure-{preset}", ["cmake", "--preset", preset, *launcher,
                                                        "-DJUNCTOR_TESTS=ON"], 120)
    if code == 0:
        code, text = suite.run(f"build-{preset}", ["ninja", "-k", "20", "-C", f"build/{preset}", *targets], 900)
        text = "\n".join(re.findall(r"^(?:FAILED:.*|.*(?:error|undefined reference).*)$", text, re.M)) or text
    if code:
        suite.show(f"build-{preset}", text)
    return suite.count(0 if code else 1, 1 if code else 0)


def criterion_leaks(text):
    """Criterion's runner now and then leaves a message of one of its workers behind: nothing but that was found. A
    suppression would not do: every test's stack goes through Criterion."""
    where = re.findall(r"leak of .*\n\s+#0 .*\n\s+#1 (.*)", text)
    return bool(where) and text.count("ERROR: ") == 1 and "runtime error:" not in text and all("libcriterion" in w for w in where)


def unit(suite, preset, label, programs=None, env=None, jobs=1):
    """Each test program by itself; Criterion already uses every core, the shim one."""
    programs = programs if programs is not None else sorted(
        os.path.relpath(p, ROOT) for p in glob.glob(f"{ROOT}/build/{preset}/tests/*_test_*") + glob.glob(f"{ROOT}/build/{preset}/tests/test_*")
        if os.access(p, os.X_OK) and os.path.isfile(p) and ".extra_" not in p)
    programs = [p for p in programs if suite.wants(label, os.path.basename(p))]
    programs.sort(key=lambda p: os.path.basename(p) not in LONGEST)
    total = [0, 0, 0]
    if not programs:
        print(f"    --- no test program was built in build/{preset}")
        return suite.count(0, 1)

    def one(program):
        name = os.path.basename(program)
        return name, suite.run(f"{label}-{name}", [program], 300, {**SANITIZERS, **(env or {})})

    def verdict(code, text):
        m = re.search(r"Tested:\s*\D*(\d+)\D*Passing:\s*\D*(\d+)\D*Failing:\s*\D*(\d+)\D*Crashing:\s*\D*(\d+)",
                      re.sub(r"\x1b\[[0-9;]*m", "", text))
        passed, failed = (int(m.group(2)), int(m.group(3)) + int(m.group(4))) if m else (0, 1)
        return passed, failed or int(not passed or (code != 0 and not criterion_leaks(text)))  # a leak, a race at exit, or a program without tests

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        results = list(zip(programs, pool.map(one, programs)))
    # What a sanitizer found once is there, also when a second try does not meet it.
    bad = [p for p, (_, result) in results if verdict(*result)[1] and not re.search("Sanitizer|runtime error:", result[1])]
    for program, (name, (code, text)) in results:
        if program in bad and len(bad) <= SECOND_TRIES:
            suite.show(f"{label} {name} (exit code {code}), tried again alone", text)
            _, (code, text) = one(program)
            if not verdict(code, text)[1]:
                suite.unsteady.append(f"{label} {name}")
        passed, failed = verdict(code, text)
        reasons = re.findall(r"^\[SKIP\] ?(.*)", text, re.M)
        for reason in reasons:
            print(f"    skipped {name}: {reason}")
        if failed:
            suite.show(f"{label} {name} (exit code {code})", text)
        for i, n in enumerate(suite.count(passed, failed, len(reasons))):
            total[i] += n
    return tuple(total)


def step_unit(suite):
    return unit(suite, "release", "unit", jobs=CORES + 1)  # many wait for time-outs of SIP


def step_unit_plain(suite):
    programs = sorted(os.path.relpath(p, ROOT) for p in glob.glob(f"{ROOT}/build/release/tests/media_*_test_*") if os.access(p, os.X_OK))
    return unit(suite, "release", "unit-plain", programs, {"JUNCTOR_ISA": "plain"}, jobs=CORES)


def step_unit_tsan(suite):
    """Where threads can meet; the rest would only be slow under this sanitizer."""
    programs = [f"build/tsan/tests/{n}" for n in shared_by_threads() if os.access(f"{ROOT}/build/tsan/tests/{n}", os.X_OK)]
    return unit(suite, "tsan", "unit-tsan", programs, jobs=CORES + 1)


def shared_by_threads():
    """The test programs that step_unit_tsan runs: those of what threads share (mailboxes, rings, rules, sounds) and of
    folders that start threads. What one thread does alone meets no other in a test of its own; the daemon whole comes
    after them (e2e-tsan)."""
    shared = ("engine_base_", "engine_net_", "engine_worker_", "engine_sip_", "engine_api_", "engine_channel_", "engine_load_", "engine_act_test_act_message",
              "engine_act_test_act_voice_sip", "media_srtp_test_ref", "media_record_test_ring", "media_tone_", "router_classify_", "router_directory_")
    return sorted(n for n in names_in("unit") if n.startswith(shared) and ".extra_" not in n)


def step_models(suite):
    if not os.path.exists(os.path.join(ROOT, "tests/model/check")):
        print("    --- tests/model/check is missing")
        return suite.count(0, 1)
    return listed(suite, "models", ["tests/model/check"], 300)


def step_fuzz(suite):
    return listed(suite, "fuzz", ["tests/fuzz/run", "--seconds", "20" if suite.long else "3"] + (["--only", suite.only.pattern] if suite.only and not suite.wants("fuzz") else []), 900, SANITIZERS)


def step_e2e(suite):
    only = ["--only", suite.only.pattern] if suite.only and not suite.only.search("e2e") else []
    return listed(suite, "e2e", ["tests/e2e/run", "--jobs", str(2 * CORES + 1)] + (["--long"] if suite.long else []) + only, 7200 if suite.long else 900)


RACES = "call_two_workers|chat_several|sip_hang_up_races|apply_changes|crash_with|srtp_one_side|events_resume"


def step_e2e_tsan(suite):
    """The daemon whole under the thread sanitizer: the first race ends it, and the scenario with it."""
    env = {"TSAN_OPTIONS": f"suppressions={ROOT}/tests/sanitize/tsan.supp:halt_on_error=1"}
    return listed(suite, "e2e-tsan", ["tests/e2e/run", "--strict", "--jobs", str(CORES + 1), "--binary", "build/tsan/junctor", "--only", RACES], 300, env)


# name, quick, what it does, names that --only may also mean
STEPS = [
    ("format", True, step_format),
    ("layers", True, step_layers),
    ("docs", True, step_docs),
    ("build-release", True, lambda s: build(s, "release")),
    ("unit", True, step_unit),
    ("unit-plain", True, step_unit_plain),
    ("models", True, step_models),
    # One build under address and undefined for both: unit tests, and fuzz targets.
    ("build-fuzz", False, lambda s: build(s, "fuzz")),
    # The oracle's whole walk has been under the release build; here it is for what a sanitizer finds.
    ("unit-asan", False, lambda s: unit(s, "fuzz", "unit-asan", env={"JUNCTOR_ORACLE_OPS": "30000"}, jobs=CORES + 1)),
    ("fuzz", False, step_fuzz),
    ("build-tsan", False, lambda s: build(s, "tsan", ["junctor", *shared_by_threads()])),
    ("unit-tsan", False, step_unit_tsan),
    ("e2e", False, step_e2e),
    ("e2e-tsan", False, step_e2e_tsan),
]
# A step that only makes sense when something in it is wanted; builds go with what they are for.
BUILD_FOR = {"build-release": ("unit", "unit-plain", "e2e"), "build-tsan": ("unit-tsan", "e2e-tsan"), "build-fuzz": ("unit-asan", "fuzz")}


def names_in(step):
    """What --only can pick inside a step."""
    if step.startswith("unit"):
        return [os.path.relpath(p, f"{ROOT}/tests")[:-2].replace("/", "_") for p in glob.glob(f"{ROOT}/tests/**/test_*.c", recursive=True)
                if step != "unit-plain" or "/media/" in p]
    if step == "fuzz":
        return [os.path.basename(p)[:-2] for p in glob.glob(f"{ROOT}/tests/fuzz/fuzz_*.c")]
    if step == "e2e":
        found = []
        for p in glob.glob(f"{ROOT}/tests/e2e/test_*.py"):
            with open(p, encoding="utf-8") as f:
                found += re.findall(r"^@scenario\b.*\ndef (\w+)", f.read(), re.M)
        return found
    return []


def chosen(suite, quick):
    picked = [s for s in STEPS if not quick or s[1]]
    if suite.only:
        wanted = {n for n, _, _ in picked if n not in BUILD_FOR and suite.wants(n, *names_in(n))}
        wanted |= {n for n, _, _ in picked if n in BUILD_FOR and (suite.wants(n) or wanted & set(BUILD_FOR[n]))}
        picked = [s for s in picked if s[0] in wanted]
    return picked


def main():
    ap = argparse.ArgumentParser(add_help=False)
    ap.add_argument("--quick", action="store_true")
    ap.add_argument("--long", action="store_true")
    ap.add_argument("--only")
    ap.add_argument("--list", action="store_true")
    try:
        args = ap.parse_args()
        suite = Suite(args.only, args.long)
    except re.error as e:
        print(f"tests/run: --only: {e}", file=sys.stderr)
        return 2
    steps = chosen(suite, args.quick)
    if args.list:
        for name, _, _ in steps:
            print(name)
        return 0
    os.makedirs(LOGS, exist_ok=True)
    began = time.monotonic()
    try:
        for i, (name, _, fn) in enumerate(steps, 1):
            print(f"[{i}/{len(steps)}] {name}", flush=True)
            at = time.monotonic()
            passed, failed, skipped = fn(suite)
            extra = (f", {failed} failed" if failed else "") + (f", {skipped} skipped" if skipped else "")
            print(f"    {'FAILED' if failed else 'ok'}: {passed} passed{extra}, {time.monotonic() - at:.0f} s", flush=True)
    except KeyboardInterrupt:
        suite.stop()
        print("stopped")
        return 130
    if not steps:
        print(f"nothing is called {args.only}")
        suite.count(0, 1)
    for what in suite.unsteady:
        print(f"unsteady, passed on the second try: {what}")
    print(f"{time.monotonic() - began:.0f} s, details in {os.path.relpath(LOGS, ROOT)}")
    print(f"{suite.passed} passed, {suite.failed} failed, {suite.skipped} skipped")
    return 1 if suite.failed or not suite.passed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    sys.exit(main())
