"""Media over DPDK: the engine on one end of a veth, telephones on the kernel's stack in a network namespace at the other.
SIP and the API are the kernel's on both ends; the media address is nobody's but the engine's. Needs root."""
import os
import socket
import struct
import time

import audio
import veth
from lib import Failed, centre, scenario
from test_calls import same_sound, talk, window
from test_recording import export
from test_srtp import MAND, pair, secure_centre
from ua import Ua, answer_all

HUGE = "/proc/sys/vm/nr_hugepages"


class Pages:
    """Huge pages reserved for a while; given back as they were."""

    def __init__(self, t, pages):
        with open(HUGE, encoding="ascii") as f:
            self.before = int(f.read())
        try:
            self.write(self.before + pages)
            with open(HUGE, encoding="ascii") as f:
                got = int(f.read())
        except OSError as e:
            t.skip(f"huge pages cannot be reserved here: {e}")
        t.closing.append(self)
        if got < self.before + pages:
            t.skip(f"only {got - self.before} of {pages} huge pages could be reserved")

    def write(self, pages):
        with open(HUGE, "w", encoding="ascii") as f:
            f.write(str(pages))

    def close(self):
        self.write(self.before)


def engine(t, workers=1, huge=False, machine=None, data=None, **dpdk):
    """(the engine, its network); from here on this scenario lives in the namespace."""
    why = veth.missing()
    if why:
        t.skip(why)
    net = veth.Veth("test")
    t.closing.insert(0, net)  # the last to end
    media = net.dpdk(huge, **dpdk)
    data = data or centre()
    for trunk in data["tenants"][0]["trunks"]:
        trunk["from"] = [net.network]
    e = t.engine(data, workers=workers, host=net.host, start=False, machine={**{f"media.{k}": v for k, v in media.items()}, **(machine or {})})
    for tries in range(3):
        try:
            e.start()
            break
        except Failed as failed:  # two engines at once may clash: the driver numbers its sockets' group by process and interface
            if "PACKET_FANOUT" not in str(failed) or tries == 2:
                raise
    net.enter()
    Ua.home = net.peers[0]
    return e, net


def port_count(e, name):
    return sum(v for k, v in e.admin.metrics().items() if k.startswith(f"junctor_port_{name}_total"))


def both_ways(t, e, seconds=3.0):
    """A call with speech on both sides, compared; then its recording, verified."""
    desk, _, call, other, _, _, at = talk(t, e, seconds)
    begin, end = at + 0.8, at + seconds - 0.6
    for who, a, b in (("agent hears caller", call, other), ("caller hears agent", other, call)):
        same_sound(t, window(a, begin, end), b.rtp.heard(begin - 0.1, end + 0.4), who)
        seqs, stamps, _ = b.rtp.breaks(begin, end)
        t.equal((seqs, stamps), (0, 0), f"{who}: jumps of sequence and time")
    ix = desk.seen("connect")[0]["id"]
    t.equal(call.rtp.remote[0], net_media(e), "media goes to the engine's own address")
    call.bye()
    t.check(other.wait("ended"), "the agent's phone gets a BYE")
    t.idle(e)
    verify = t.eventually(lambda: (lambda v: v if v.get("stopped") else None)(e.admin.get(f"/api/v1/recordings/{ix}")), "the ledger is closed")
    t.check(verify["complete"] and not verify["overflow"], f"the recording is whole: {verify}")
    left, right = export(t, e, ix)
    t.check(audio.rms(left) > 100 and audio.rms(right) > 100, "both sides are in the recording")


def net_media(e):
    with open(e.config, encoding="utf-8") as f:
        part = f.read().split("\nmedia:\n")[1]
    return next(line.split(":")[1].strip().strip('"') for line in part.split("\n") if line.strip().startswith("listen:"))


@scenario(60)
def dpdk_call_sound_both_ways(t):
    """A greeted, queued, joined, recorded call over net_af_packet, without huge pages; nothing but media was asked of us."""
    e, net = engine(t)
    both_ways(t, e)
    dropped = {k: v for k, v in e.admin.metrics().items() if v and k.startswith(("junctor_port_", "junctor_media_drops"))}
    for name in ("no_buffer", "tx_full", "no_route", "arp_wait_lost", "arp_conflict", "fragment", "short", "bad_ip"):
        t.equal(port_count(e, name), 0, f"{name}, of {dropped}")
    t.check(port_count(e, "arp_in") > 0 and port_count(e, "arp_out") > 0, "ARP went both ways")


@scenario(60)
def dpdk_huge_pages(t):
    """The same with huge pages."""
    if not veth.missing():
        Pages(t, 64)
    e, _ = engine(t, huge=True)
    both_ways(t, e, 2.5)


@scenario(60)
def dpdk_srtp(t):
    """Two baresip phones that demand SRTP: opened and sealed again in the buffer of the frame."""
    e, _ = engine(t, data=secure_centre("required", "required"))
    for fit in pair(t, e, MAND, MAND):
        t.check(fit > 0.85, f"heard as said, correlation {fit:.3f}")
    drops = {k: v for k, v in e.admin.metrics().items() if v and k.startswith("junctor_media_drops_total") and ("auth" in k or "replay" in k)}
    # At the end of a call baresip may say RTCP BYE in the clear, which is refused: one a phone at most.
    t.check(sum(drops.values()) <= 2, f"no packet of the call failed authentication: {drops}")


@scenario(60)
def dpdk_two_workers(t):
    """Two workers on two queues of one device, the parties of a call apart: what the kernel put on the wrong queue reaches its
    owner, and is counted."""
    e, _ = engine(t, workers=2, machine={"workers.spread_legs": True})
    both_ways(t, e)
    packets = [v for k, v in e.admin.metrics().items() if k.startswith("junctor_media_rx_packets_total")]
    t.check(len(packets) == 2 and all(p > 100 for p in packets), f"both workers had media: {packets}")
    t.equal(port_count(e, "steer_full"), 0, "lost between workers")


@scenario(60)
def dpdk_one_queue_for_two_workers(t):
    """Two workers share one queue: half of the media is handed over, both ways, and nothing is lost."""
    e, _ = engine(t, workers=2, machine={"workers.spread_legs": True}, queues=1)
    both_ways(t, e)
    t.check(port_count(e, "steered") > 100, "packets were handed to their owner")
    t.equal(port_count(e, "steer_full"), 0, "lost between workers")


def ping(address, times):
    """How many ICMP echo requests came back whole."""
    answers = 0
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
        s.settimeout(2)
        for i in range(times):
            said = struct.pack(">HH", os.getpid() & 0xffff, i) + b"junctor?" * (i + 1)
            body = b"\x08\0\0\0" + said
            total = sum(struct.unpack(f">{len(body) // 2}H", body))
            total = (total & 0xffff) + (total >> 16)
            s.sendto(b"\x08\0" + struct.pack(">H", ~((total & 0xffff) + (total >> 16)) & 0xffff) + said, (address, 0))
            try:
                got = s.recv(2000)
                answers += got[20:22] == b"\0\0" and got[24:] == said
            except TimeoutError:
                pass
    return answers


@scenario(60)
def dpdk_sipp_and_ping(t):
    """SIPp's calls with media over DPDK; the media address answers ping and is known by ARP."""
    e, net = engine(t)
    answers = ping(net.media, 3)
    t.equal(answers, 3, "pings answered with what they said")
    t.check(port_count(e, "echo") >= 3, "and counted")
    t.agent(e, "a1", say=audio.speech(6, 3)[0])
    t.agent(e, "a2", say=audio.speech(6, 4)[0])
    path = os.path.join(t.folder, "speech.ul")
    with open(path, "wb") as f:
        f.write(audio.ulaw(audio.speech(8, 5)[0]))
    s = t.sipp("callers", "leaver.xml", e.address, calls=4, rate=2, service="100", stay_ms=2500, ip=net.peers[1], keys={"speech": path, "caller": "anna"})
    t.equal(s.wait(40), 0, f"SIPp: {s.why()}")
    t.equal(s.figures(), (4, 0), "SIPp's calls")
    t.idle(e)
    neighbours = veth.ip("neigh", "show", "dev", net.far)
    t.check(f"{net.media} lladdr {net.mac}" in neighbours, f"the kernel has learnt our address: {neighbours}")


def ask(interface, target, vlan):
    """One ARP request, tagged when vlan is not 0; (the answer's MAC, the VLAN that it came in), or None. Raw frames: not every
    kernel has VLAN interfaces."""
    sol_packet, auxdata = 263, 8
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as s:
        s.bind((interface, 0))
        s.setsockopt(sol_packet, auxdata, 1)
        s.settimeout(1.0)
        own, who = s.getsockname()[4], socket.inet_aton(target)
        near = who[:3] + b"\x0a"
        tag = struct.pack(">HH", 0x8100, vlan) if vlan else b""
        s.send(b"\xff" * 6 + own + tag + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x800, 6, 4, 1) + own + near + b"\0" * 6 + who)
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            try:
                frame, extra, _, _ = s.recvmsg(2000, 200)
            except TimeoutError:
                return None
            came = next((struct.unpack("IIIHHHH", d[:20])[5] for level, kind, d in extra if (level, kind) == (sol_packet, auxdata)), 0) & 0xfff
            if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\2" and frame[28:32] == who:
                return frame[22:28].hex(":"), came
        return None


@scenario(30)
def dpdk_vlan(t):
    """Media in a VLAN of its own: ARP is answered in that VLAN alone, the rest is counted."""
    e, net = engine(t, vlan=12)
    t.equal(ask(net.far, net.media, 12), (net.mac, 12), "the answer in VLAN 12")
    before = port_count(e, "other_vlan")
    t.equal(ask(net.far, net.media, 0), None, "an answer to an untagged question")
    t.equal(ask(net.far, net.media, 13), None, "an answer in another VLAN")
    t.check(port_count(e, "other_vlan") >= before + 2, "both are counted")


@scenario(30)
def dpdk_mistakes_are_told(t):
    """A device that cannot be used, and an address that the kernel has, end the start with the reason."""
    why = veth.missing()
    if why:
        t.skip(why)
    net = veth.Veth("test")
    t.closing.insert(0, net)
    good = net.dpdk()
    t.after_checks = False
    for change, words in (({"device": "net_af_packet0,iface=none0"}, "net_af_packet0"), ({}, "configured in the kernel")):
        media = {**good, "dpdk": {**good["dpdk"], **change}}
        if not change:
            veth.ip("addr", "add", net.media + "/32", "dev", net.interface)
        e = t.engine(host=net.host, start=False, machine={f"media.{k}": v for k, v in media.items()})
        try:
            e.start()
            t.check(False, f"the engine refuses {change or 'an address of the kernel'}")
        except Failed as failed:
            t.check(words in str(failed), f"the reason has \"{words}\": {failed}")
