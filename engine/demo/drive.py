#!/usr/bin/env python3
"""Starts the engine on the demo centre and shows it at work: real SIP phones and callers, chats over the public API, a
live table, then a report whose totals come from three places. engine/run calls this after building."""
import argparse
import os
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import centre  # noqa: E402
import phones  # noqa: E402
import report  # noqa: E402
import show  # noqa: E402
from client import Api, ApiError  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Stop(Exception):
    """Ctrl-C or SIGTERM."""


def arguments():
    ap = argparse.ArgumentParser()
    ap.add_argument("--binary", required=True)
    ap.add_argument("--data", default=os.path.join(ROOT, "data"))
    ap.add_argument("--once", action="store_true")
    ap.add_argument("--no-demo", action="store_true")
    ap.add_argument("--port", type=int, default=5060)
    ap.add_argument("--api-port", type=int, default=8080)
    ap.add_argument("--calls", type=int, default=30)
    ap.add_argument("--chats", type=int, default=60)
    ap.add_argument("--workers", type=int, default=2)
    args = ap.parse_args()
    args.binary, args.data = os.path.abspath(args.binary), os.path.abspath(args.data)
    return args


def pick(wanted, what, both=True):
    import socket
    kinds = (socket.SOCK_DGRAM, socket.SOCK_STREAM) if both else (socket.SOCK_STREAM,)
    port = phones.free_port(wanted, 2 if both else 1, kinds)
    if port != wanted:
        print(f"      {what} port {wanted} is taken: using {port}")
    return port


class Daemon:
    def __init__(self, args):
        self.args, self.p = args, None
        self.log = os.path.join(args.data, "engine.log")

    def start(self):
        a = self.args
        began = time.monotonic()
        os.makedirs(a.data, mode=0o700, exist_ok=True)
        self.sip, self.api_port = pick(a.port, "SIP"), pick(a.api_port, "API", False)
        self.install = centre.prepare(a.data, self.sip, self.api_port, a.workers)
        print("[3/4] engine ... ", end="", flush=True)
        with open(self.log, "ab") as log:
            at = log.tell()
            # A group of its own: Ctrl-C reaches us first, and we drain.
            self.p = subprocess.Popen([a.binary, "run", "--config", self.install.config, "--data", a.data, "--drain-limit", "15"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                      start_new_session=True)
        end = time.monotonic() + 30
        while time.monotonic() < end and self.p.poll() is None:
            try:
                if Api("127.0.0.1", self.api_port, timeout=1).request("GET", "/healthz")[0] == 200:
                    self.admin = centre.admin(a.data, self.api_port)
                    print(f"ok {time.monotonic() - began:.0f} s", flush=True)
                    return True
            except (OSError, ValueError):
                pass
            time.sleep(0.05)
        print("failed")
        with open(self.log, encoding="utf-8", errors="replace") as f:
            f.seek(at)
            print("".join("      " + line for line in f.readlines()[-25:]))
        return False

    def stop(self):
        """Drains, then stops; 0 when it ended in order."""
        if self.p is None or self.p.poll() is not None:
            return self.p.returncode if self.p else 0
        print("draining: new calls are refused, calls may end ...", flush=True)
        self.p.send_signal(signal.SIGTERM)
        try:
            code = self.p.wait(25)
        except subprocess.TimeoutExpired:
            self.p.kill()
            code = self.p.wait()
        print(f"stopped. The data lies in {self.args.data} (log: {self.log})")
        return code


def welcome(d):
    i = d.install
    print(f"""
  call    sip:{i.number}@127.0.0.1:{d.sip}   (from this machine, any SIP phone; {i.number_is})
  API     http://127.0.0.1:{d.api_port}/api/v1   (metrics: http://127.0.0.1:{d.api_port}/metrics)
  log in  tenant {i.tenant}, name {i.login}, password {i.password}
  data    {d.args.data}

  Ctrl-C drains and stops.""", flush=True)


def interrupt(*_):
    # Once is enough: what ends things is not interrupted.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stop()


def serve(d):
    while d.p.poll() is None:
        time.sleep(0.3)
    print(f"the engine ended by itself with {d.p.returncode}; see {d.log}")
    return 1


def main():
    args = arguments()
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    d, party, code = Daemon(args), None, 0
    try:
        if not d.start():
            return 1
        if not args.no_demo:
            print(f"[4/4] demonstration: {args.calls} calls, {args.chats} chats", flush=True)
            party = show.Show(d, args)
            ended = party.run()
            code = report.tell(d, party) or (0 if ended else 1)
            # Agents and phones stay while it serves: who calls now is answered.
        if args.once:
            return code
        welcome(d)
        code = serve(d)
    except Stop:
        code = 0 if d.p and not args.once else 130
        print()
    except (ApiError, OSError, RuntimeError) as e:
        print(f"\nthe demonstration stopped: {e}")
        code = 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if party:
            party.close()
        ended = d.stop()
    return code or (1 if ended else 0)


if __name__ == "__main__":
    result = main()
    sys.stdout.flush()
    os._exit(result) if threading.active_count() > 1 else sys.exit(result)
