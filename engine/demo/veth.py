"""A network of our own on this machine: a pair of virtual interfaces, one end here, the other in a network namespace where
telephones live on the kernel's stack. Needs root. Whoever makes one removes it; what a killed process left behind is
found by its name, which holds that process's number, and removed at the next start.

On our end the kernel has HOST (SIP, the API); MEDIA is nobody's in the kernel: the engine has it over DPDK."""
import contextlib
import ctypes
import json
import os
import re
import shutil
import subprocess
import sys

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def ip(*args, check=True):
    p = subprocess.run(["ip", *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if check and p.returncode:
        raise RuntimeError(f"ip {' '.join(args)}: {p.stderr.strip()}")
    return p.stdout


def missing():
    """Why this machine cannot do it, or None."""
    if os.geteuid() != 0:
        return "only root can make a network namespace and use an interface without the kernel"
    if not shutil.which("ip"):
        return "the command ip is missing (package iproute2)"
    return None


def _set_namespace(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns: " + os.strerror(ctypes.get_errno()))


def _of_live_process(name, kind):
    m = re.fullmatch(rf"junctor-{kind}-(\d+)", name)
    try:
        with open(f"/proc/{m.group(1)}/cmdline", "rb") as f:
            return b"python" in f.read()
    except (AttributeError, OSError):
        return False


class Veth:
    """kind: a word for the name, so that the demonstration and tests leave each other alone."""

    def __init__(self, kind, peers=2):
        self.kind, self.made, self.inside = kind, False, False
        self.namespace = f"junctor-{kind}-{os.getpid()}"
        short = f"jn{kind[0]}{os.getpid()}"
        self.interface, self.far = short + "a", short + "b"
        self.root = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.clean()
        net = self._free_network()
        self.network, self.host, self.media = f"{net}.0/24", f"{net}.1", f"{net}.2"
        self.peers = [f"{net}.{10 + i}" for i in range(peers)]
        self.mac = "02:4a:4e:" + ":".join(f"{int(x):02x}" for x in self.media.split(".")[1:])
        self._make()

    def clean(self):
        """Removes what processes left behind that do not run any more."""
        names = [line.split()[0] for line in ip("netns", "list", check=False).splitlines() if line]
        for name in names:
            if re.fullmatch(rf"junctor-{self.kind}-\d+", name) and not _of_live_process(name, self.kind):
                number = name.rsplit("-", 1)[1]
                ip("link", "del", f"jn{self.kind[0]}{number}a", check=False)
                ip("netns", "del", name, check=False)

    def _free_network(self):
        taken = ip("-4", "route", "show", "table", "all") + ip("-4", "-o", "addr", "show")
        start = os.getpid() % 200
        for i in range(200):
            net = f"10.213.{(start + i) % 200 + 10}"
            if net + "." not in taken:
                return net
        raise RuntimeError("no free network below 10.213.0.0/16")

    def _make(self):
        try:
            ip("netns", "add", self.namespace)
            self.made = True
            ip("link", "add", self.interface, "type", "veth", "peer", "name", self.far, "netns", self.namespace)
            ip("addr", "add", self.host + "/24", "dev", self.interface)
            ip("link", "set", self.interface, "up")
            inside = ("-n", self.namespace)
            ip(*inside, "link", "set", "lo", "up")
            for a in self.peers:
                ip(*inside, "addr", "add", a + "/24", "dev", self.far)
            ip(*inside, "link", "set", self.far, "up")
        except BaseException:
            self.remove()
            raise

    def dpdk(self, huge=False, queues=None, **more):
        """media's part of the machine's YAML. queues: pairs of them, otherwise one a worker."""
        pairs = f",qpairs={queues}" if queues else ""
        return {"port": "dpdk", "listen": self.media,
                "dpdk": {"device": f"net_af_packet0,iface={self.interface}{pairs}", "prefix": 24, "mac": self.mac, "huge_pages": huge, **more}}

    def enter(self):
        """This thread, those that it starts, and its children live in the namespace from now on."""
        with open(f"/run/netns/{self.namespace}", "rb") as f:
            _set_namespace(f.fileno())
        self.inside = True

    def leave(self):
        if self.inside:
            _set_namespace(self.root)
            self.inside = False

    @contextlib.contextmanager
    def there(self):
        """This thread alone is in the namespace for a while; sockets and children made meanwhile stay there."""
        with open(f"/run/netns/{self.namespace}", "rb") as f:
            _set_namespace(f.fileno())
        try:
            yield
        finally:
            _set_namespace(self.root)

    def peer(self, loopback):
        """The address in the namespace that stands for 127.0.0.1, 127.0.0.2 ..."""
        return self.peers[int(loopback.rsplit(".", 1)[1]) - 1] if loopback.startswith("127.") else loopback

    def adapt(self, config):
        """The demonstration's two files for this network: media over DPDK, callers from the namespace."""
        part = self.dpdk()
        media = "media:\n  port: dpdk\n  listen: " + self.media + "\n  dpdk:\n"
        media += "".join(f"    {k}: {json.dumps(v)}\n" for k, v in part["dpdk"].items())
        _rewrite(config, lambda text: re.sub(r"^media:\n((?:  .*\n)*)", lambda m: media + re.sub(r"  (listen|advertise):.*\n", "", m[1]), text, flags=re.M))
        _rewrite(os.path.join(os.path.dirname(config), "centre.yaml"), lambda text: re.sub(r"127\.0\.0\.\d+", lambda m: self.peer(m[0]), text))

    def remove(self):
        self.leave()
        if self.made:
            ip("link", "del", self.interface, check=False)
            ip("netns", "del", self.namespace, check=False)
            self.made = False

    close = remove


def _rewrite(path, change):
    with open(path, encoding="utf-8") as f:
        text = change(f.read())
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


@contextlib.contextmanager
def demonstration(args):
    """The network of engine/run --dpdk; the engine's SIP listens on its kernel's address."""
    why = missing()
    if why:
        sys.exit(f"engine/run: --dpdk: {why}")
    if args.listen != "127.0.0.1":
        sys.exit("engine/run: --dpdk makes a network of its own: --listen has no meaning there")
    net = Veth("demo", peers=4)
    try:
        args.listen = net.host
        print(f"      network: {net.interface} ({net.host}; media {net.media} over DPDK) and the namespace {net.namespace}, where phones and callers live")
        yield net
    finally:
        net.remove()
