"""Headless Chromium for scenarios: pages with locators, and what went wrong in them (console errors, policy violations,
requests to other hosts). playwright-core is installed into build/browser from the lock file beside drive.mjs."""
import fcntl
import json
import os
import re
import shutil
import subprocess
import threading

from lib import HERE, ROOT, Failed, Skip

FOLDER = os.path.join(ROOT, "build", "browser")
SOURCE = os.path.join(HERE, "browser")


def install():
    """Once for each lock file. Without the network, or without npm, the scenario is skipped and says so."""
    for tool in ("chromium", "node", "npm"):
        if not shutil.which(tool):
            raise Skip(f"{tool} is not installed")
    os.makedirs(FOLDER, exist_ok=True)
    with open(os.path.join(FOLDER, ".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = open(os.path.join(SOURCE, "package-lock.json"), encoding="utf-8").read()
        done = os.path.join(FOLDER, "installed")
        if os.path.exists(done) and open(done, encoding="utf-8").read() == wanted:
            return
        for name in ("package.json", "package-lock.json"):
            shutil.copy(os.path.join(SOURCE, name), FOLDER)
        try:
            p = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=FOLDER, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, timeout=60, env={**os.environ, "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1"})
        except subprocess.TimeoutExpired:
            raise Skip("npm did not bring playwright-core in 60 s") from None
        if p.returncode:
            words = p.stdout.decode("utf-8", "replace")
            if re.search(r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|network", words):
                raise Skip("playwright-core is not in build/browser and npm has no network")
            raise Failed("npm ci failed: " + words[-400:])
        with open(done, "w", encoding="utf-8") as f:
            f.write(wanted)


class Browser:
    def __init__(self, t, options=()):
        install()
        self.t, self.pages, self.lock = t, {}, threading.Lock()
        # Pictures stay for a look after the run; a scenario's own folder does not.
        self.shots = os.path.join(ROOT, "build", "test-logs", "desk")
        os.makedirs(self.shots, exist_ok=True)
        self.log = open(os.path.join(t.folder, "browser.log"), "wb")
        self.p = subprocess.Popen(["node", os.path.join(SOURCE, "drive.mjs"), FOLDER, shutil.which("chromium"), *options], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=self.log)
        t.closing.append(self)

    def ask(self, **request):
        with self.lock:
            try:
                self.p.stdin.write(json.dumps(request).encode() + b"\n")
                self.p.stdin.flush()
                line = self.p.stdout.readline()
            except OSError:
                line = b""
        if not line:
            raise Failed("the browser ended, see browser.log")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(f"in the browser, {request.get('page') or request.get('open')} {request.get('find') or ''} {request.get('do') or ''}: {answer['error']}")
        return answer.get("value")

    def open(self, name, url, **more):
        self.pages[name] = Page(self, name)
        self.ask(open=name, url=url, **more)
        return self.pages[name]

    def stop(self):
        try:
            self.p.stdin.close()
            self.p.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self.p.kill()
            self.p.wait()
        self.log.close()


class Page:
    """frame: a css of the iframe that everything is looked for in."""

    def __init__(self, browser, name, frame=None):
        self.browser, self.name, self.frame = browser, name, frame

    def inside(self, frame):
        return Page(self.browser, self.name, frame)

    def on(self, find, method, *args):
        return self.browser.ask(page=self.name, frame=self.frame, find=find, do=method, args=args)

    def page(self, method, *args):
        return self.browser.ask(page=self.name, do=method, args=args)

    def click(self, find):
        self.on(find, "click")

    def fill(self, find, text):
        self.on(find, "fill", text)

    def press(self, find, key):
        self.on(find, "press", key)

    def wait(self, find, state="visible", timeout=20000):
        self.on(find + ("" if "nth=" in find else " >> nth=0"), "waitFor", {"state": state, "timeout": timeout})

    def gone(self, find, timeout=20000):
        self.wait(find, "hidden", timeout)

    def text(self, find):
        return self.on(find, "innerText")

    def texts(self, find):
        return self.on(find, "allInnerTexts")

    def count(self, find):
        return self.on(find, "count")

    def js(self, code, arg=None):
        return self.page("evaluate", code, arg) if arg is not None else self.page("evaluate", code)

    def shot(self, name):
        self.page("screenshot", {"path": os.path.join(self.browser.shots, name + ".png")})

    def expect_problems(self, *allowed):
        """Everything that went wrong since the last look must be one of those."""
        found = [x for x in self.browser.ask(page=self.name, problems=True) if not any(re.search(a, x) for a in allowed)]
        if found:
            raise Failed(f"page {self.name}: " + "; ".join(found))

    def only_host(self, port):
        hosts = self.browser.ask(page=self.name, hosts=True)
        if set(hosts) != {f"127.0.0.1:{port}"}:
            raise Failed(f"page {self.name} asked other hosts: {hosts}")
