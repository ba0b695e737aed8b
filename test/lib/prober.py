"""Packets of one's own, sent and heard in network namespaces: thousands in a second, and no program in an instance.

A station sends raw packets that bear a number, and hears which numbers arrive. A batch of probes is judged when all of its
packets are where they go: the kernel handles the packets of one CPU in the order in which they come, so the process stays
on one CPU and sends itself packets after them, one for each step that the way of a packet can have.
"""
import ctypes
import itertools
import os
import socket
import struct
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

from aws_network import ECHO_REPLY, ECHO_REQUEST, ICMP, TCP, UDP, Packet

OTHER = 253  # a protocol without ports, for experiments
MARK = b"probe"
STEPS = 100
AT_ONCE = 100  # packets that are on their way; the kernel's queue holds more
ETH_P_IP = 0x0800
SO_RCVBUFFORCE = 33
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def namespace(path):
    """The network namespace that a path leads to."""
    with open("/proc/thread-self/ns/net") as home, open(path) as there:
        enter(there)
        try:
            yield
        finally:
            enter(home)


def enter(file):
    if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def namespace_of_instance(instance):
    """The path of the network namespace of an instance on this machine."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"/{instance}" in (entry / "cgroup").read_text() and (entry / "exe").exists():
                return entry / "ns/net"
        except OSError:
            continue
    raise LookupError(f"{instance} does not run here")


# ---- packets ----

def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip_header(source, destination, protocol, size, identification=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + size, identification, 0, 64, protocol, 0, source.packed, destination.packed)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:]


def with_checksum(source, destination, protocol, body, offset):
    """A TCP segment or UDP datagram whose checksum field is at the offset."""
    pseudo = source.packed + destination.packed + struct.pack("!BBH", 0, protocol, len(body))
    return body[:offset] + struct.pack("!H", checksum(pseudo + body)) + body[offset + 2:]


def build(packet, number, answer=False):
    """The bytes of a packet (see aws_network) that bears a number: a SYN, an echo request, a datagram or something else."""
    text = MARK + struct.pack("!?I", answer, number)
    if packet.protocol == TCP:
        body = struct.pack("!HHIIBBHHH", packet.source_port, packet.port, number, 0, 5 << 4, 2, 65535, 0, 0)
        body = with_checksum(packet.source, packet.destination, TCP, body, 16)
    elif packet.protocol == UDP:
        body = struct.pack("!HHHH", packet.source_port, packet.port, 8 + len(text), 0) + text
        body = with_checksum(packet.source, packet.destination, UDP, body, 6)
    elif packet.protocol == ICMP:
        body = struct.pack("!BBHHH", packet.port, 0, 0, packet.source_port, 1) + text
        body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
    else:
        body = text
    return ip_header(packet.source, packet.destination, packet.protocol, len(body)) + body


def read(data):
    """(number, it is an answer) of a packet's bytes; None: it is none of ours."""
    protocol, body = data[9], data[(data[0] & 15) * 4:]
    if protocol == TCP and len(body) >= 20:
        sequence, acknowledged, flags = struct.unpack("!IIxB", body[4:14])
        return (acknowledged - 1, True) if flags & 16 else (sequence, False) if flags & 2 else None
    start = body.find(MARK) if protocol in (ICMP, UDP, OTHER) else -1
    if start < 0 or protocol == ICMP and body[0] not in (ECHO_REQUEST, ECHO_REPLY):
        return None
    answer, number = struct.unpack("!?I", body[start + len(MARK):start + len(MARK) + 5])
    return number, answer or (protocol == ICMP and body[0] == ECHO_REPLY)


def answer_to(data, number):
    """The bytes that answer those of a datagram or of a packet without ports."""
    source, destination, protocol = ip_address(data[12:16]), ip_address(data[16:20]), data[9]
    ports = struct.unpack("!HH", data[20:24]) if protocol == UDP else (0, 0)
    return build(Packet(source, destination, protocol, *ports).answer(), number, True)


# ---- stations ----

class Station:
    """A place where packets are sent and heard: the interface eth0 of an instance, before its own rules. It answers for
    its addresses only, as an instance that forwards nothing."""

    def __init__(self, path, address, *others):
        self.address, self.others = address, others
        with namespace(path):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
            self.router = bytes.fromhex(Path("/proc/thread-self/net/arp").read_text().splitlines()[1].split()[3].replace(":", ""))
        self.socket.bind(("eth0", ETH_P_IP))
        self.sockets = [self.socket]
        prepare(self.socket)

    def send(self, data):
        self.socket.sendto(data, ("eth0", ETH_P_IP, 0, 0, self.router))

    def answers(self, data):
        return any(data[16:20] == address.packed for address in (self.address, *self.others))

    def heard(self):
        """The bytes of the packets that came since it was asked last."""
        for each in self.sockets:
            while True:
                try:
                    data, address = each.recvfrom(2048)
                except BlockingIOError:
                    break
                if address[2:3] != (socket.PACKET_OUTGOING,):
                    yield data

    def close(self):
        for each in self.sockets:
            each.close()


class Router(Station):
    """A place where packets are delivered to the kernel itself: the host, or the router of a VPC for a load balancer's node."""

    def __init__(self, path, address=None):
        with namespace(path):
            self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol) for protocol in (ICMP, TCP, UDP, OTHER)]
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
            for each in (*self.sockets, self.socket) if address else ():
                each.bind((str(address), 0))
        for each in self.sockets:
            prepare(each)

    def send(self, data):
        try:
            self.socket.sendto(data, (socket.inet_ntoa(data[16:20]), 0))
        except OSError:
            pass  # no route, or a rule that drops it: it is not sent

    def answers(self, data):
        return True

    def close(self):
        super().close()
        self.socket.close()


def prepare(receiver):
    receiver.setblocking(False)
    receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)


def settle():
    """Waits until the packets that this process sent before, and those that they caused, have arrived."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as loop:
        loop.bind(("127.0.0.1", 0))
        for _ in range(STEPS):
            loop.sendto(b"", loop.getsockname())
            loop.recv(1)


@contextmanager
def one_cpu():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


numbers = itertools.count(1)


def probe(stations, probes):
    """What becomes of packets. `stations`: name -> Station; `probes`: [(sender's name, Packet)]. Gives for each (names of
    those who got the packet, names of those who got an answer from where it was sent to). Who gets a datagram or a packet
    without ports answers it; the kernel answers a SYN and an echo request."""
    sent = {next(numbers): sender_and_packet for sender_and_packet in probes}
    got = {number: (set(), set()) for number in sent}
    with one_cpu():
        requests = transmit(stations, [(name, build(packet, number)) for number, (name, packet) in sent.items()])
        answers = transmit(stations, [(name, answer_to(data, number)) for name, number, answer, data in requests
                                      if not answer and data[9] in (UDP, OTHER) and stations[name].answers(data)])
    for name, number, answer, data in requests + answers:
        if number in got and (not answer or data[12:16] == sent[number][1].destination.packed):
            got[number][answer].add(name)
    return list(got.values())


def transmit(stations, packets):
    """Sends [(name, bytes)]; gives what is heard: [(name, number, it is an answer, bytes)]."""
    heard = []
    for first in range(0, len(packets), AT_ONCE):
        for name, data in packets[first:first + AT_ONCE]:
            stations[name].send(data)
        settle()
        for name, station in stations.items():
            for data in station.heard():
                known = read(data)
                if known:
                    heard.append((name, *known, data))
    return heard
