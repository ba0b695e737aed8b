"""Where AWS says that a packet goes: the rules of its networks as a page of code, to compare real packets with.

The network is read from the Describe operations, as a user sees it. A packet is sent by an interface or by the internet,
and the answer is who gets it, and as what: addresses change on the way.
"""
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, ip_address, ip_network

ICMP, TCP, UDP = 1, 6, 17
ECHO_REQUEST, ECHO_REPLY = 8, 0
INTERNET, SERVICES = "internet", "services"
WORLD = ip_network("100.64.0.0/10")
METADATA, RESOLVER = ip_address("169.254.169.254"), ip_address("169.254.169.253")


@dataclass(frozen=True)
class Packet:
    source: IPv4Address
    destination: IPv4Address
    protocol: int
    source_port: int = 0  # of TCP and UDP
    port: int = 0         # the destination's; of ICMP the type

    def answer(self):
        if self.protocol == ICMP:
            kind = ECHO_REPLY if self.port == ECHO_REQUEST else ECHO_REQUEST
            return replace(self, source=self.destination, destination=self.source, port=kind)
        return Packet(self.destination, self.source, self.protocol, self.port, self.source_port)


@dataclass
class Subnet:
    id: str
    vpc: str
    block: object
    table: str
    acl: str


@dataclass
class Interface:
    id: str
    vpc: str
    subnet: str
    addresses: dict  # private address -> public address or None
    groups: list
    checked: bool
    is_nat: bool
    is_balancer: bool


@dataclass
class Network:
    """What the Describe operations of a region say."""
    vpcs: dict = field(default_factory=dict)        # id -> its blocks
    gateways: dict = field(default_factory=dict)    # VPC -> internet gateway
    subnets: dict = field(default_factory=dict)
    tables: dict = field(default_factory=dict)      # id -> [(block, target or None, it is static)]
    acls: dict = field(default_factory=dict)        # id -> entries by number
    rules: dict = field(default_factory=dict)       # security group -> its rules
    lists: dict = field(default_factory=dict)       # prefix list -> blocks
    peerings: dict = field(default_factory=dict)    # id -> its two VPCs, if it is active
    interfaces: dict = field(default_factory=dict)
    host: IPv4Address = None                        # who the internet is
    flows: set = field(default_factory=set)         # what the groups of an interface have let pass
    translations: dict = field(default_factory=dict)  # of NAT gateways: answers as they come, and as they go on

    # ---- routes ----

    def next_hop(self, subnet, destination):
        """The target of the longest prefix; None: there is no way."""
        if destination in subnet.block:
            return "local"
        local = [(block, "local", True) for block in self.vpcs[subnet.vpc]]
        ways = [way for way in local + self.tables[subnet.table] if destination in way[0]]
        return max(ways, key=lambda way: (way[0].prefixlen, way[2]))[1] if ways else None

    def owner(self, vpc, address):
        """The interface that has a private address."""
        return next((i for i in self.interfaces.values() if i.vpc == vpc and address in i.addresses), None)

    # ---- network ACLs: without memory, the first entry that matches ----

    def acl_allows(self, subnet, egress, packet):
        peer = packet.destination if egress else packet.source
        for entry in self.acls[subnet.acl]:
            if entry["Egress"] == egress and peer in ip_network(entry["CidrBlock"]) and entry_covers(entry, packet):
                return entry["RuleAction"] == "allow"
        return False

    # ---- security groups: any rule that matches, and answers to what passed ----

    def groups_allow(self, interface, egress, packet, peer):
        """`peer`: the interface at the other end, if it is known by its private address."""
        if (interface.id, packet.answer()) in self.flows:
            return True
        if interface.is_nat or any(
                rule["IsEgress"] == egress and rule_covers(rule, packet) and self.rule_names(rule, egress, packet, peer)
                for group in interface.groups for rule in self.rules[group]):
            self.flows.add((interface.id, packet))
            return True
        return False

    def rule_names(self, rule, egress, packet, peer):
        address = packet.destination if egress else packet.source
        if "ReferencedGroupInfo" in rule:
            return peer is not None and address in peer.addresses and rule["ReferencedGroupInfo"]["GroupId"] in peer.groups
        blocks = self.lists[rule["PrefixListId"]] if "PrefixListId" in rule else [ip_network(rule["CidrIpv4"])]
        return any(address in block for block in blocks)

    # ---- a packet's way ----

    def send(self, sender, packet):
        """(who gets what an interface sends, the packet as it is then), or None."""
        if packet.destination in (METADATA, RESOLVER) or self.is_resolver(sender, packet.destination):
            port = 80 if packet.destination == METADATA else 53
            protocols = (TCP,) if packet.destination == METADATA else (TCP, UDP)
            known = packet.source in sender.addresses and packet.port == port and packet.protocol in protocols
            return (SERVICES, packet) if known else None
        if packet.source not in sender.addresses and (sender.checked or self.is_taken(sender.vpc, packet.source)):
            return None
        return self.route(sender, packet, sender)

    def is_resolver(self, sender, destination):
        return destination == self.vpcs[sender.vpc][0].network_address + 2

    def is_taken(self, vpc, address):
        """Whether nobody at all sends in the name of an address: those that are no unicast ones, and what AWS has in a VPC."""
        own = [subnet.block.network_address + 1 for subnet in self.subnets.values() if subnet.vpc == vpc]
        return (address.is_link_local or address.is_loopback or address.is_multicast or address.is_unspecified or
                address in own or address == self.vpcs[vpc][0].network_address + 2 or self.is_node(vpc, address))

    def route(self, sender, packet, origin):
        """`sender`: whose subnet it leaves; `origin`: which interface it began at."""
        subnet = self.subnets[sender.subnet]
        target = self.next_hop(subnet, packet.destination)
        peer_vpc = self.other_vpc(target, sender.vpc)
        if target == "local" or self.is_node(sender.vpc, packet.destination):
            receiver = self.owner(sender.vpc, packet.destination)
        elif peer_vpc:
            receiver = self.owner(peer_vpc, packet.destination)
        else:
            receiver = self.interfaces.get(target)
        # What a rule for a group means is who has the address, whoever is on the way to it.
        far_end = self.owner(peer_vpc or sender.vpc, packet.destination)
        if not self.groups_allow(sender, True, packet, far_end):
            return None
        if (not receiver or receiver.subnet != sender.subnet) and not self.acl_allows(subnet, True, packet):
            return None
        if target and target == self.gateways.get(sender.vpc):
            return self.leave(sender, packet)
        if peer_vpc and not any(packet.source in block for block in self.vpcs[sender.vpc]):
            return None
        return self.arrive(receiver, packet, origin, sender.subnet) if receiver else None

    def is_node(self, vpc, address):
        """Whether a load balancer has it, which no route leads away from: see docs/differences.md."""
        owner = self.owner(vpc, address)
        return owner is not None and owner.is_balancer

    def other_vpc(self, peering, vpc):
        pair = self.peerings.get(peering, ())
        return next((other for other in pair if other != vpc), None) if vpc in pair else None

    def arrive(self, receiver, packet, origin, from_subnet):
        subnet = self.subnets[receiver.subnet]
        if from_subnet != subnet.id and not self.acl_allows(subnet, False, packet):
            return None
        if receiver.is_nat:
            return self.translate(receiver, packet)
        if receiver.checked and packet.destination not in receiver.addresses:
            return None
        return (receiver, packet) if self.groups_allow(receiver, False, packet, origin) else None

    def translate(self, gateway, packet):
        """A NAT gateway: nothing begins at its own address, what comes from inside goes on from there."""
        if packet.destination in gateway.addresses:
            known = self.translations.get((gateway.id, packet))
            return self.route(gateway, known, None) if known else None
        if packet.protocol not in (ICMP, TCP, UDP) or packet.source in gateway.addresses:
            return None
        outside = replace(packet, source=next(iter(gateway.addresses)))
        self.translations[gateway.id, outside.answer()] = packet.answer()
        return self.route(gateway, outside, gateway)

    def leave(self, sender, packet):
        """Through the internet gateway: only who has a public address, in its name, and nobody else to it itself."""
        inside = self.owner(sender.vpc, packet.source)
        public = inside and inside.addresses[packet.source]
        if not public or packet.destination not in WORLD or (inside is not sender and packet.destination == public):
            return None
        packet = replace(packet, source=public)
        return (INTERNET, packet) if packet.destination == self.host else self.from_internet(packet)

    def from_internet(self, packet):
        for interface in self.interfaces.values():
            for private, public in interface.addresses.items():
                if public == packet.destination and interface.vpc in self.gateways:
                    return self.arrive(interface, replace(packet, destination=private), None, INTERNET)
        return None

    def reaches(self, sender, packet):
        """(who gets a packet or None, whether the sender hears the answer): `sender` is an interface or INTERNET."""
        got = self.from_internet(packet) if sender == INTERNET else self.send(sender, packet)
        if not got:
            return None, False
        receiver, arrived = got
        if receiver == SERVICES:
            return receiver, True
        if receiver != INTERNET and arrived.destination not in receiver.addresses:
            return receiver, False  # it came to be forwarded
        answered = self.from_internet(arrived.answer()) if receiver == INTERNET else self.send(receiver, arrived.answer())
        return receiver, answered is not None and answered == (sender, packet.answer())


# ---- protocols and ports ----

def protocol_number(name):
    return {"-1": -1, "icmp": ICMP, "tcp": TCP, "udp": UDP}.get(name) or int(name)


def covers(protocol, first, last, packet):
    """`first`, `last`: ports, or type and code of ICMP, where -1 is any."""
    if protocol in (-1, packet.protocol) and protocol not in (ICMP, TCP, UDP):
        return True
    if protocol == ICMP == packet.protocol:
        return first in (-1, packet.port) and last in (-1, 0)
    return protocol == packet.protocol and first <= packet.port <= last


def entry_covers(entry, packet):
    ports, icmp = entry.get("PortRange", {}), entry.get("IcmpTypeCode", {})
    protocol = protocol_number(entry["Protocol"])
    if protocol == ICMP:
        return covers(ICMP, icmp.get("Type", -1), icmp.get("Code", -1), packet)
    return covers(protocol, ports.get("From", 0), ports.get("To", 65535), packet)


def rule_covers(rule, packet):
    return covers(protocol_number(rule["IpProtocol"]), rule["FromPort"], rule["ToPort"], packet)


# ---- reading ----

def read_network(ec2, host):
    """The network of a region, as the Describe operations show it; `host`: the internet's address."""
    network = Network(host=ip_address(host))
    for vpc in ec2.describe_vpcs()["Vpcs"]:
        blocks = [row["CidrBlock"] for row in vpc["CidrBlockAssociationSet"] if row["CidrBlockState"]["State"] == "associated"]
        network.vpcs[vpc["VpcId"]] = [ip_network(block) for block in sorted(blocks, key=lambda b: b != vpc["CidrBlock"])]
    for gateway in ec2.describe_internet_gateways()["InternetGateways"]:
        for row in gateway["Attachments"]:
            network.gateways[row["VpcId"]] = gateway["InternetGatewayId"]
    for row in ec2.describe_vpc_peering_connections()["VpcPeeringConnections"]:
        if row["Status"]["Code"] == "active":
            network.peerings[row["VpcPeeringConnectionId"]] = (row["RequesterVpcInfo"]["VpcId"], row["AccepterVpcInfo"]["VpcId"])
    for row in ec2.describe_managed_prefix_lists()["PrefixLists"]:
        entries = ec2.get_managed_prefix_list_entries(PrefixListId=row["PrefixListId"])["Entries"]
        network.lists[row["PrefixListId"]] = [ip_network(entry["Cidr"]) for entry in entries]
    for group in ec2.describe_security_groups()["SecurityGroups"]:
        network.rules[group["GroupId"]] = []
    for rule in ec2.describe_security_group_rules()["SecurityGroupRules"]:
        if "CidrIpv6" not in rule:
            network.rules[rule["GroupId"]].append(rule)
    read_subnets(ec2, network)
    read_interfaces(ec2, network)
    return network


def read_subnets(ec2, network):
    nat = {row["NatGatewayId"]: row["NatGatewayAddresses"][0].get("NetworkInterfaceId")
           for row in ec2.describe_nat_gateways()["NatGateways"] if row["State"] == "available"}
    tables, acls = {}, {}
    for table in ec2.describe_route_tables()["RouteTables"]:
        network.tables[table["RouteTableId"]] = read_routes(table, network, nat)
        for row in table["Associations"]:
            tables[row.get("SubnetId", table["VpcId"])] = table["RouteTableId"]
    for acl in ec2.describe_network_acls()["NetworkAcls"]:
        entries = [entry for entry in acl["Entries"] if "CidrBlock" in entry]
        network.acls[acl["NetworkAclId"]] = sorted(entries, key=lambda entry: entry["RuleNumber"])
        for row in acl["Associations"]:
            acls[row["SubnetId"]] = acl["NetworkAclId"]
    for subnet in ec2.describe_subnets()["Subnets"]:
        made = subnet["SubnetId"]
        network.subnets[made] = Subnet(made, subnet["VpcId"], ip_network(subnet["CidrBlock"]),
                                       tables.get(made, tables[subnet["VpcId"]]), acls[made])


def read_routes(table, network, nat):
    """All but the local ones. A prefix list gives way to a static route, and does not lead out of the VPC's own blocks."""
    routes = []
    for route in table["Routes"]:
        if route.get("GatewayId") == "local":
            continue
        target = next((route[key] for key in ("GatewayId", "NatGatewayId", "NetworkInterfaceId", "VpcPeeringConnectionId")
                       if key in route), None) if route["State"] == "active" else None
        target = nat.get(target, target)
        if "DestinationCidrBlock" in route:
            routes.append((ip_network(route["DestinationCidrBlock"]), target, True))
            continue
        routes += [(block, target, False) for block in network.lists.get(route["DestinationPrefixListId"], [])
                   if not any(block.subnet_of(own) for own in network.vpcs[table["VpcId"]])]
    return routes


def read_interfaces(ec2, network):
    for row in ec2.describe_network_interfaces()["NetworkInterfaces"]:
        if row["Status"] != "in-use":
            continue
        addresses = {}
        for address in sorted(row["PrivateIpAddresses"], key=lambda address: not address["Primary"]):
            public = address.get("Association", {}).get("PublicIp")
            addresses[ip_address(address["PrivateIpAddress"])] = ip_address(public) if public else None
        network.interfaces[row["NetworkInterfaceId"]] = Interface(
            row["NetworkInterfaceId"], row["VpcId"], row["SubnetId"], addresses, [g["GroupId"] for g in row["Groups"]],
            row["SourceDestCheck"], row["InterfaceType"] == "nat_gateway", row["Description"].startswith("ELB"))
