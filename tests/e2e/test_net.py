"""Addresses and ports: media over AF_XDP with the engine's own program, IPv6 over DPDK, marks on the wire, several
interfaces. Scenarios with an interface of their own need root."""
import os
import re
import socket
import struct
import threading
import time

import veth
from lib import centre, scenario
from test_calls import same_sound, talk, window
from test_dpdk import both_ways, engine, port_count
from ua import Ua


def program_on(interface):
    """The name of the XDP program on an interface, or None."""
    m = re.search(r"prog/xdp id (\d+) (?:name (\S+))?", veth.ip("-d", "link", "show", "dev", interface))
    return m and (m.group(2) or m.group(1))


def xdp_engine(t):
    """(engine, network) with media over AF_XDP on the interface that SIP and the API use too."""
    why = veth.missing()
    if why:
        t.skip(why)
    net = veth.Veth("test")
    t.closing.insert(0, net)
    media = net.dpdk()
    media["dpdk"] = {"device": f"net_af_xdp0,iface={net.interface}", "prefix": 24}
    data = centre()
    for trunk in data["tenants"][0]["trunks"]:
        trunk["from"] = [net.network]
    e = t.engine(data, host=net.host, start=False, machine={f"media.{k}": v for k, v in media.items()})
    e.start()
    Ua.home = net.peers[0]
    return e, net


@scenario(60)
def xdp_call_sound_both_ways(t):
    """A call over AF_XDP: the engine's program takes media and leaves SIP and the API on the same interface to the kernel. It is
    found and replaced after kill -9, and gone after a stop."""
    e, net = xdp_engine(t)
    t.check("our program" in e.log_text(), "the log says what is taken")
    t.check(program_on(net.interface), "a program is on the interface")
    e.kill()
    t.check(program_on(net.interface), "kill -9 leaves it there")
    e.start()
    t.check("of an earlier run" in e.log_text(), "the next start finds and removes it")
    net.enter()
    both_ways(t, e, 2.5)
    for name in ("other_ip", "other_protocol", "no_buffer", "tx_full"):
        t.equal(port_count(e, name), 0, f"{name}: the kernel's traffic does not come to us")
    net.leave()
    t.after_checks = False  # it has ended
    t.equal(e.stop(), 0, "the engine stops")
    t.equal(program_on(net.interface), None, "and takes its program along")


class Marks(threading.Thread):
    """Traffic classes of UDP datagrams from an address, as they are on the wire of an interface."""

    def __init__(self, interface, source):
        super().__init__(daemon=True)
        self.seen, self.source, self.done = {}, socket.inet_aton(source), False
        self.s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        self.s.bind((interface, 0))
        self.s.settimeout(0.2)
        self.start()

    def run(self):
        while not self.done:
            try:
                p = self.s.recv(2000)
            except TimeoutError:
                continue
            if len(p) > 40 and p[9] == 17 and p[12:16] == self.source and p[28] >> 6 == 2:
                self.seen[p[1] >> 2] = self.seen.get(p[1] >> 2, 0) + 1

    def marks(self):
        self.done = True
        self.join()
        self.s.close()
        return self.seen


@scenario(40)
def marks_of_media_over_dpdk(t):
    """Every media packet over DPDK has the configured DSCP, as a capture of the wire shows."""
    e, net = engine(t, machine={"media.dscp": 40})
    capture = Marks(net.far, net.media)
    _, _, call, _, _, _, _ = talk(t, e, 1.5)
    call.bye()
    seen = capture.marks()
    t.check(sum(seen.values()) > 50 and set(seen) == {40}, f"marks and packets: {seen}")


@scenario(40)
def interfaces_each_with_its_address(t):
    """Two interfaces over sockets: who calls from the second one's network gets that address in the answer, and its mark; the
    agent's phone gets the first one's. Sound goes both ways between them."""
    if os.geteuid() != 0:
        t.skip("only root may capture packets")
    e = t.engine(centre(trunks=[{"name": "carrier", "from": ["127.0.0.2/32"]}]), start=False)
    with open(e.config, encoding="utf-8") as f:
        text = f.read()
    first = e.media
    part = (f"media:\n  interfaces:\n    - name: phones\n      port_min: {first}\n      port_max: {first + 799}\n      addresses: [{{listen: 127.0.0.1}}]\n"
            f"    - name: carriers\n      port_min: {first + 800}\n      port_max: {first + 1599}\n      dscp: 34\n      networks: [127.0.0.2/32]\n"
            "      addresses: [{listen: 127.0.0.9}]\n")
    text = re.sub(r"^media:\n(?:  .*\n)*", part, text, flags=re.M)
    with open(e.config, "w", encoding="utf-8") as f:
        f.write(text)
    e.start()
    capture = Marks("lo", "127.0.0.9")
    desk, _, call, other, _, _, at = talk(t, e, 2.0, ip="127.0.0.2")
    told = call.rtp.remote[0]
    t.equal(told, "127.0.0.9", "the caller's answer names the second interface's address")
    t.equal(other.rtp.remote[0], "127.0.0.1", "the phone's offer the first one's")
    for who, a, b in (("agent hears caller", call, other), ("caller hears agent", other, call)):
        same_sound(t, window(a, at + 0.6, at + 1.6), b.rtp.heard(at + 0.5, at + 2.0), who)
    call.bye()
    seen = capture.marks()
    t.check(sum(seen.values()) > 50 and set(seen) == {34}, f"marks and packets: {seen}")


def neighbour_and_echo6(address, interface):
    """Pings an IPv6 address through the kernel's own neighbour discovery; True when the answer is whole."""
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as s:
        s.settimeout(2)
        said = struct.pack(">HH", os.getpid() & 0xffff, 1) + b"junctor?" * 3
        s.sendto(b"\x80\0\0\0" + said, (address, 0, 0, socket.if_nametoindex(interface)))  # the kernel writes the checksum
        end = time.monotonic() + 2
        while time.monotonic() < end:
            try:
                got = s.recv(2000)
            except TimeoutError:
                return False
            if got[:1] == b"\x81" and got[4:] == said:
                return True
    return False


@scenario(40)
def dpdk_ipv6_neighbours_and_ping(t):
    """A second media address over DPDK, IPv6: the kernel finds it by neighbour discovery and its ping is answered; the first
    one goes on as before."""
    why = veth.missing()
    if why:
        t.skip(why)
    net = veth.Veth("test")
    t.closing.insert(0, net)
    e = t.engine(host=net.host, start=False)
    with open(e.config, encoding="utf-8") as f:
        text = f.read()
    part = (f"media:\n  port: dpdk\n  dpdk:\n    device: \"net_af_packet0,iface={net.interface}\"\n    mac: \"{net.mac}\"\n  interfaces:\n    - name: all\n"
            f"      port_min: {e.media}\n      port_max: {e.media + 1699}\n      addresses:\n        - {{listen: {net.media}, prefix: 24}}\n        - {{listen: \"fd00:213::2\", prefix: 64}}\n")
    with open(e.config, "w", encoding="utf-8") as f:
        f.write(re.sub(r"^media:\n(?:  .*\n)*", part, text, flags=re.M))
    e.start()
    veth.ip("-n", net.namespace, "addr", "add", "fd00:213::10/64", "dev", net.far, "nodad")
    net.enter()
    t.check(t.eventually(lambda: neighbour_and_echo6("fd00:213::2", net.far), "a ping over IPv6 is answered"), "ping")
    neighbours = veth.ip("-6", "neigh", "show", "dev", net.far)
    t.check(f"fd00:213::2 lladdr {net.mac}" in neighbours, f"the kernel has learnt our address: {neighbours}")
    t.check(port_count(e, "echo") >= 1 and port_count(e, "arp_in") >= 1, "counted")


