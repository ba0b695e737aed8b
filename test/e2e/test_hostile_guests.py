"""What root in an instance can put on its wire reaches nobody but in its own name, and harms nobody.

All security groups are open here: what stops a packet is that it is a lie. Frames are sent from the guest's side of its
link, and everybody else's links are listened to.
"""
import os
import socket
import struct
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest
from conftest import ROOT, eventually
from machines import machines
from network import Network

sys.path.insert(0, str(ROOT / "test/lib"))
from aws_network import ICMP, INTERNET, METADATA, RESOLVER, TCP, UDP, Packet  # noqa: E402
from prober import Router, Station, checksum, ip_header, namespace, namespace_of_instance, one_cpu, prepare, probe, settle, with_checksum  # noqa: E402

ETH_P_ALL, ETH_P_IP, ETH_P_ARP, ETH_P_IPV6, ETH_P_VLAN = 3, 0x0800, 0x0806, 0x86dd, 0x8100
MARK = b"hostile"
BROADCAST = b"\xff" * 6
FLOOD = 20000


class Wire:
    """The end of a link, with whatever comes over it."""

    def __init__(self, path, link=None):
        with namespace(path):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            lines = Path("/proc/thread-self/net/arp").read_text().splitlines()[1:]
        if link:
            self.socket.bind((link, ETH_P_ALL))
            self.mac = self.socket.getsockname()[4]
            self.router = bytes.fromhex(lines[0].split()[3].replace(":", ""))
        prepare(self.socket)

    def send(self, frame):
        self.socket.send(frame)

    def heard(self):
        frames = []
        while True:
            try:
                data, address = self.socket.recvfrom(4096)
            except BlockingIOError:
                return frames
            if address[2] != socket.PACKET_OUTGOING:
                frames.append(data)


class Site:
    """`guest` and `neighbour` in one subnet, `far` in another; `twin` in a VPC that has the same addresses as the first."""

    def __init__(self, cloud, machines):
        self.cloud = cloud
        self.net, other = Network(machines, "10.95.0.0/16"), Network(machines, "10.95.0.0/16")
        near, far, same = self.net.subnet("10.95.1.0/24"), self.net.subnet("10.95.2.0/24"), other.subnet("10.95.1.0/24")
        places = {"guest": (self.net, near, 4), "neighbour": (self.net, near, 5), "far": (self.net, far, 4), "twin": (other, same, 5)}
        self.machines, self.wires, self.stations = {}, {}, {INTERNET: Router("/proc/thread-self/ns/net")}
        for name, (net, subnet, number) in places.items():
            address = f"10.95.{1 + (name == 'far')}.{number}"
            machine = self.machines[name] = machines.run(NetworkInterfaces=[
                {"DeviceIndex": 0, "SubnetId": subnet, "Groups": [net.group], "AssociatePublicIpAddress": True,
                 "PrivateIpAddress": address}])
            path = namespace_of_instance(machine.id)
            self.wires[name] = Wire(path, "eth0")
            self.stations[name] = Station(path, ip_address(address))
        self.wires["host"] = Wire("/proc/thread-self/ns/net")
        self.guest, self.host = self.wires["guest"], ip_address(cloud.host_address)
        world = cloud.record()["world"]
        self.stations["metadata"] = Router(f"/run/pileus/{world}/netns/{self.net.vpc}", METADATA)
        eventually(lambda: not self.harm(), what="the links")

    def address(self, name):
        return self.stations[name].address

    def others(self):
        return {name: wire for name, wire in self.wires.items() if name != "guest"}

    def listen(self, frames):
        """What the others hear of what the guest sends: {name: frames}."""
        with one_cpu():
            for wire in self.wires.values():
                wire.heard()
            for number, frame in enumerate(frames):
                self.guest.send(frame)
                if number % 100 == 99:
                    settle()
            settle()
        return {name: wire.heard() for name, wire in self.others().items()}

    def harm(self):
        """Packets that should arrive and do not: everybody speaks in their own name."""
        ways = [("neighbour", "far"), ("far", "neighbour"), ("neighbour", INTERNET), (INTERNET, "neighbour"), ("guest", "far"),
                ("neighbour", "guest"), ("twin", INTERNET)]
        public = ip_address(self.machines["neighbour"].address)
        probes = [(source, Packet(self.host if source == INTERNET else self.address(source),
                                  {INTERNET: self.host}.get(target) or (public if source == INTERNET else self.address(target)),
                                  protocol, int.from_bytes(os.urandom(2)) | 1024, 8 if protocol == ICMP else 80))
                  for source, target in ways for protocol in (TCP, UDP, ICMP)]
        probes.append(("neighbour", Packet(self.address("neighbour"), METADATA, TCP, int.from_bytes(os.urandom(2)) | 1024, 80)))
        wanted = [target for _, target in ways for _ in range(3)] + ["metadata"]
        return [(sent, got) for sent, target, got in zip(probes, wanted, probe(self.stations, probes))
                if got != ({target}, {sent[0]})]


@pytest.fixture(scope="module")
def site(cloud, machines):
    return Site(cloud, machines)


# ---- frames ----

def ethernet(site, kind, body, target=None, source=None):
    return (target or site.guest.router) + (source or site.guest.mac) + struct.pack("!H", kind) + body


def datagram(source, target, text=MARK, port=80):
    body = struct.pack("!HHHH", 4000, port, 8 + len(text), 0) + text
    return with_checksum(source, target, UDP, body, 6)


def packet(source, target, text=MARK):
    """An IP packet with a datagram."""
    body = datagram(ip_address(source), ip_address(target), text)
    return ip_header(ip_address(source), ip_address(target), UDP, len(body)) + body


def with_options(source, target, options):
    body = datagram(source, target)
    head = bytearray(ip_header(source, target, UDP, len(options) + len(body)))
    head[0] = 0x45 + len(options) // 4
    head[10:12] = b"\0\0"
    head = bytes(head) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def fragment(source, target, number, offset, more, part):
    head = bytearray(ip_header(source, target, UDP, len(part), number))
    head[6:8] = struct.pack("!H", more << 13 | offset // 8)
    head[10:12] = b"\0\0"
    return bytes(head[:10]) + struct.pack("!H", checksum(bytes(head))) + bytes(head[12:]) + part


def arp(site, operation, sender, sender_mac, asked, asked_mac=b"\0" * 6, target=BROADCAST):
    body = struct.pack("!HHBBH6s4s6s4s", 1, ETH_P_IP, 6, 4, operation, sender_mac, ip_address(sender).packed, asked_mac,
                       ip_address(asked).packed)
    return ethernet(site, ETH_P_ARP, body, target)


def assert_silence(site, frames):
    heard = {name: [frame for frame in got if MARK in frame] for name, got in site.listen(frames).items()}
    assert not any(heard.values()), heard
    assert not site.harm()


# ---- lies ----

def test_everybody_is_heard_in_their_own_name(site):
    """Without this, silence would prove nothing."""
    guest = site.address("guest")
    for target, name in ((site.address("neighbour"), "neighbour"), (site.address("far"), "far"), (site.host, "host")):
        heard = site.listen([ethernet(site, ETH_P_IP, packet(guest, target))])
        assert [other for other, frames in heard.items() if any(MARK in frame for frame in frames)] == [name]
    assert not site.harm()


@pytest.mark.parametrize("source", ["10.95.1.5", "10.95.1.77", "10.95.2.4", "10.95.1.1", "10.95.0.2", "172.31.0.4", "HOST", "PUBLIC",
                                    str(METADATA), str(RESOLVER), "127.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "8.8.8.8"])
def test_nobody_hears_it_in_another_name(site, source):
    source = {"HOST": site.host, "PUBLIC": site.machines["neighbour"].address}.get(source, source)
    targets = [*(site.address(name) for name in ("neighbour", "far", "twin")), site.host, site.machines["far"].address, METADATA,
               RESOLVER, "10.95.0.2", "10.95.1.1"]
    assert_silence(site, [ethernet(site, ETH_P_IP, packet(source, target)) for target in targets if str(target) != str(source)])


def test_nobody_hears_it_with_another_hardware_address(site):
    own = [packet(site.address("guest"), site.address(name)) for name in ("neighbour", "far")]
    macs = [site.wires["neighbour"].mac, site.guest.router, BROADCAST, b"\x02\0\0\0\0\x01", b"\x02\x64\0\0\0\x05", b"\0" * 6]
    assert_silence(site, [ethernet(site, ETH_P_IP, body, None, mac) for body in own for mac in macs])


def test_a_frame_to_a_neighbours_hardware_address_stays(site):
    own = packet(site.address("guest"), site.address("neighbour"))
    targets = [site.wires[name].mac for name in ("neighbour", "far", "twin")] + [BROADCAST, b"\x01\0\x5e\0\0\x01", b"\x02\x64\0\0\0\x01"]
    assert_silence(site, [ethernet(site, ETH_P_IP, own, target) for target in targets])


def test_broadcasts_and_other_protocols_stay(site):
    guest, own = site.address("guest"), packet(site.address("guest"), site.address("neighbour"))
    discover = b"\x01\x01\x06\0" + b"\0" * 232 + b"\x63\x82\x53\x63\x35\x01\x01" + MARK
    advertisement = bytes.fromhex("6000000000183aff fe800000000000000000000000000001 ff020000000000000000000000000001 8600000040000e10") + b"\0" * 16 + MARK
    frames = [ethernet(site, ETH_P_IP, packet(guest, target), BROADCAST)
              for target in ("255.255.255.255", "10.95.1.255", "10.95.255.255", "224.0.0.1", "224.0.0.251")]
    frames += [ethernet(site, ETH_P_IP, packet(guest, target)) for target in ("255.255.255.255", "10.95.1.255", "224.0.0.1")]
    frames.append(ethernet(site, ETH_P_IP, packet("0.0.0.0", "255.255.255.255", discover), BROADCAST))
    frames.append(ethernet(site, ETH_P_IPV6, advertisement, b"\x33\x33\0\0\0\x01"))
    for kind in (ETH_P_IPV6, ETH_P_VLAN, 0x88a8, 0x8847, 0x8863, 0x8864, 0x88cc, 0x88b5, 0x88e5, 0x22f0, 0x0842, 0x8035, 26):
        frames += [ethernet(site, kind, MARK * 8, target) for target in (BROADCAST, None, site.wires["neighbour"].mac)]
    for tag in (1, 100, 4095):
        frames.append(ethernet(site, ETH_P_VLAN, struct.pack("!HH", tag, ETH_P_IP) + own))
        frames.append(ethernet(site, 0x88a8, struct.pack("!HHHH", tag, ETH_P_VLAN, tag, ETH_P_IP) + own))
    assert_silence(site, frames)


def test_source_routes_and_malformed_packets_stay(site):
    guest, near, far = (site.address(name) for name in ("guest", "neighbour", "far"))
    own = packet(guest, near)
    routes = [with_options(guest, near, bytes([kind, 7, 4]) + far.packed + b"\0") for kind in (131, 137)]
    broken = [b"\x46" + own[1:], b"\x41" + own[1:], b"\x65" + own[1:], own[:10] + b"\0\0" + own[12:], own[:2] + b"\xff\xff" + own[4:]]
    assert_silence(site, [ethernet(site, ETH_P_IP, body) for body in routes + broken])


def test_fragments_are_judged_whole(site):
    """Before anything is judged they are put together: pieces that lie over each other, or that never begin, are nothing."""
    guest, near = site.address("guest"), site.address("neighbour")
    body = datagram(guest, near, MARK + b"." * 40)
    lie = MARK + b"!" * 40
    rows = [[(8, False, body[8:])], [(8, True, body[8:24]), (24, False, body[24:])], [(65528, False, body)],
            [(0, True, body[:24]), (16, False, lie)], [(0, True, body[:8]), (0, True, body[:16]), (8, False, lie)]]
    assert_silence(site, [ethernet(site, ETH_P_IP, fragment(guest, near, number, *piece)) for number, row in enumerate(rows)
                          for piece in row])
    honest = [(0, True, body[:24]), (24, False, body[24:])]
    heard = site.listen([ethernet(site, ETH_P_IP, fragment(guest, near, 99, *piece)) for piece in honest])
    assert any(MARK in frame for frame in heard["neighbour"])
    taken = [ethernet(site, ETH_P_IP, fragment(site.address("far"), near, 98, *piece)) for piece in honest]
    assert_silence(site, taken)


def test_redirects_stay(site):
    guest, near, far = (site.address(name) for name in ("guest", "neighbour", "far"))
    inner = packet(near, far)[:28]
    frames = []
    for target in (near, far, site.host, ip_address("10.95.1.1")):
        for kind, code in ((5, 0), (5, 1), (9, 0), (10, 0)):
            body = struct.pack("!BBH4s", kind, code, 0, guest.packed) + inner + MARK
            body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
            frames.append(ethernet(site, ETH_P_IP, ip_header(guest, target, ICMP, len(body)) + body))
    assert_silence(site, frames)


# ---- ARP ----

def test_it_cannot_take_anothers_address_by_arp(site):
    """What it says of addresses, the router does not believe and nobody else hears."""
    mac, router = site.guest.mac, site.guest.router
    taken = ["10.95.1.5", "10.95.1.1", "10.95.2.4", str(site.host), str(METADATA), "10.95.0.2"]
    frames = [arp(site, operation, address, mac, address if operation == 1 else "10.95.1.1", router if operation == 2 else b"\0" * 6, target)
              for address in taken for operation in (1, 2) for target in (BROADCAST, router)]
    heard = site.listen(frames)
    assert not [frame for frames in heard.values() for frame in frames if frame[12:14] == struct.pack("!H", ETH_P_ARP)]
    site.guest.heard()
    assert not site.harm()
    assert not [frame for frame in site.guest.heard() if ip_address("10.95.1.5").packed in frame[30:34] and frame[12:14] == b"\x08\0"]


def test_the_router_answers_for_the_others_and_only_for_those_that_are_there(site):
    def asks(address):
        site.guest.heard()
        site.listen([arp(site, 1, site.address("guest"), site.guest.mac, address)])
        return [frame[22:28] for frame in site.guest.heard() if frame[12:14] == struct.pack("!H", ETH_P_ARP)]
    assert asks("10.95.1.5") == [site.guest.router]
    assert asks("10.95.1.77") == []


# ---- what a guest does with its own system ----

def test_another_address_or_hardware_address_of_its_own_gains_nothing(site):
    """As root in it: rules flushed, addresses and routes added, forwarding on."""
    guest = site.machines["guest"]
    guest.root("nft flush ruleset; ip addr add 10.95.1.5/24 dev eth0; ip addr add 10.95.1.1/24 dev eth0; "
               "ip route add 10.95.2.4/32 dev eth0; ip neigh replace 10.95.1.5 dev eth0 lladdr 02:00:00:00:00:09; "
               "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.proxy_arp=1 net.ipv4.conf.eth0.proxy_arp=1; "
               "ip link add veth9 type veth peer name veth8; ip link add link eth0 name vlan5 type vlan id 5 2>/dev/null; true")
    own = site.address("guest")
    assert not [sent for sent, _ in site.harm() if own not in (sent[1].source, sent[1].destination)]
    guest.root("ip addr del 10.95.1.5/24 dev eth0; ip addr del 10.95.1.1/24 dev eth0; ip neigh del 10.95.1.5 dev eth0; "
               "ip route del 10.95.2.4/32 dev eth0; sysctl -qw net.ipv4.ip_forward=0; ip link del veth9; true")
    eventually(lambda: not site.harm(), what="the guest's own link")


# ---- floods ----

def test_a_flood_of_connections_leaves_room_for_the_neighbours(site):
    guest, near = site.address("guest"), site.address("neighbour")

    def flow(number):
        body = struct.pack("!HHHH", 1024 + number % 60000, 1 + number // 60000, 8 + len(MARK), 0) + MARK
        body = with_checksum(guest, near, UDP, body, 6)
        return ethernet(site, ETH_P_IP, ip_header(guest, near, UDP, len(body)) + body)
    site.listen([flow(number) for number in range(FLOOD)])
    assert not site.harm()


def test_a_flood_of_arp_leaves_the_neighbours_alone(site):
    frames = [arp(site, 1, f"10.95.{number >> 8 & 255}.{number & 255}", site.guest.mac, "10.95.1.5") for number in range(FLOOD)]
    heard = site.listen(frames)
    assert not [frame for frames in heard.values() for frame in frames if frame[12:14] == struct.pack("!H", ETH_P_ARP)]
    assert not site.harm()
