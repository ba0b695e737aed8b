"""Whatever a network is set to, a packet goes where AWS's rules say: thousands of packets are compared with a model of them.

Networks and packets are drawn from a seed, which a failure names. PILEUS_MATRIX_SEED and PILEUS_MATRIX_CASES give others.
"""
import json
import os
import random
import signal
import subprocess
import sys
import urllib.request
from ipaddress import ip_address, ip_network

import pytest
from botocore.exceptions import ClientError
from conftest import ROOT, eventually
from machines import machines

sys.path.insert(0, str(ROOT / "test/lib"))
from aws_network import ICMP, INTERNET, METADATA, RESOLVER, SERVICES, TCP, UDP, WORLD, Packet, read_network  # noqa: E402
from prober import OTHER, Router, Station, namespace_of_instance, probe  # noqa: E402

SEED = int(os.environ.get("PILEUS_MATRIX_SEED", "1"))
CASES = int(os.environ.get("PILEUS_MATRIX_CASES", "1000"))
BATCH = 250
CHANGES = 8  # before each batch
ANYWHERE = "0.0.0.0/0"
PORTS = [22, 53, 80, 443, 8000, 8001, 9000, 65535]
MARKER_PORT = 20000
# What a change that is drawn at random may run into.
CONFLICTS = {"InvalidPermission.Duplicate", "RouteAlreadyExists", "NetworkAclEntryAlreadyExists", "InvalidParameterValue",
             "RulesPerSecurityGroupLimitExceeded", "NetworkAclEntryLimitExceeded", "Resource.AlreadyAssociated"}
# name -> its blocks, its subnets and how many instances are in each. `twin` has the addresses of `left`, `right` is peered with both.
PLAN = {
    "left": (["10.81.0.0/16", "10.91.0.0/24"],
             {"10.81.1.0/24": 3, "10.81.2.0/24": 2, "10.81.3.0/24": 2, "10.91.0.0/25": 1, "10.81.9.0/24": 0}),
    "right": (["10.82.0.0/16"], {"10.82.1.0/24": 2, "10.82.2.0/24": 1, "10.82.9.0/24": 0}),
    "twin": (["10.81.0.0/16"], {"10.81.1.0/24": 1, "10.81.2.0/24": 1, "10.81.9.0/24": 0}),
}


def second_address(address):
    return ip_address(address) + 40


class Vpc:
    """One of the plan, made. Its last subnet has an instance that shows which state of the cloud packets obey."""

    def __init__(self, machines, name):
        blocks, plan = PLAN[name]
        self.machines, self.ec2, self.name = machines, machines.ec2, name
        self.id = self.ec2.create_vpc(CidrBlock=blocks[0])["Vpc"]["VpcId"]
        for block in blocks[1:]:
            self.ec2.associate_vpc_cidr_block(VpcId=self.id, CidrBlock=block)
        self.gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.id)
        self.subnets = {block: self.ec2.create_subnet(VpcId=self.id, CidrBlock=block, AvailabilityZone=f"{machines.region}{'ab'[n % 2]}")
                        ["Subnet"]["SubnetId"] for n, block in enumerate(plan)}
        *self.blocks, marked = plan
        self.tables = [self.ec2.create_route_table(VpcId=self.id)["RouteTable"]["RouteTableId"] for _ in self.blocks]
        for table, block in zip(self.tables, self.blocks):
            self.ec2.associate_route_table(RouteTableId=table, SubnetId=self.subnets[block])
            self.ec2.create_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE, GatewayId=self.gateway)
        self.acls = [self.ec2.create_network_acl(VpcId=self.id)["NetworkAcl"]["NetworkAclId"] for _ in range(3)]
        for acl in self.acls:
            for egress in (False, True):
                self.ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=900, Egress=egress, Protocol="-1",
                                                  RuleAction="allow", CidrBlock=ANYWHERE)
        self.groups = [self.group(f"{name}-{n}") for n in range(4)]
        self.instances = [self.launch(block, n) for block in self.blocks for n in range(plan[block])]
        self.mark(marked)

    def group(self, name):
        return self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.id)["GroupId"]

    def launch(self, block, number, groups=None):
        made = self.ec2.run_instances(
            ImageId=self.machines.image, InstanceType="t3.nano", MinCount=1, MaxCount=1, NetworkInterfaces=[
                {"DeviceIndex": 0, "SubnetId": self.subnets[block], "Groups": groups or self.groups[number % 2:][:2],
                 "AssociatePublicIpAddress": number != 1, "PrivateIpAddress": str(ip_network(block)[number + 4])}])
        return made["Instances"][0]["InstanceId"]

    def mark(self, block):
        group = self.group(f"{self.name}-marker")
        self.marker_rule = self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
            {"IpProtocol": "udp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": ANYWHERE}]}])[
                "SecurityGroupRules"][0]["SecurityGroupRuleId"]
        self.marker_group = group
        self.marker = self.launch(block, 0, [group])

    def move_marker(self, port):
        self.ec2.modify_security_group_rules(GroupId=self.marker_group, SecurityGroupRules=[
            {"SecurityGroupRuleId": self.marker_rule, "SecurityGroupRule":
             {"IpProtocol": "udp", "FromPort": port, "ToPort": port, "CidrIpv4": ANYWHERE}}])


class Site:
    """The plan with peerings, a NAT gateway and a load balancer; random changes to it, and packets through it."""

    def __init__(self, cloud, machines, seed):
        self.cloud, self.ec2, self.random = cloud, machines.ec2, random.Random(seed)
        self.vpcs = {name: Vpc(machines, name) for name in PLAN}
        left, right, twin = self.vpcs.values()
        self.peerings = [self.peer(left, right), self.peer(right, twin)]
        self.lists = [self.ec2.create_managed_prefix_list(
            PrefixListName=f"list-{n}", AddressFamily="IPv4", MaxEntries=4, Entries=[{"Cidr": "10.81.1.0/24"}])
            ["PrefixList"]["PrefixListId"] for n in range(2)]
        self.addresses = [self.ec2.allocate_address()["AllocationId"] for _ in range(3)]
        self.nat = self.ec2.create_nat_gateway(SubnetId=left.subnets["10.81.1.0/24"], AllocationId=self.addresses.pop())[
            "NatGateway"]["NatGatewayId"]
        self.balancer = cloud.boto("elbv2").create_load_balancer(
            Name="matrix", Subnets=[left.subnets["10.81.1.0/24"], left.subnets["10.81.2.0/24"]],
            SecurityGroups=left.groups[:1])["LoadBalancers"][0]
        self.route_by_plan()
        self.marker_port = MARKER_PORT
        self.explained = 0  # packets that `pileus why` was compared with
        self.flows, self.pairs = set(), set()
        self.wait_until_running()
        self.place_stations()

    def peer(self, one, other):
        made = self.ec2.create_vpc_peering_connection(VpcId=one.id, PeerVpcId=other.id)["VpcPeeringConnection"]
        self.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=made["VpcPeeringConnectionId"])
        return made["VpcPeeringConnectionId"]

    def route_by_plan(self):
        left, right, twin = self.vpcs.values()
        to_left, to_twin = self.peerings
        for vpc, block, peering in ((left, "10.82.0.0/16", to_left), (twin, "10.82.0.0/16", to_twin),
                                    (right, "10.81.0.0/17", to_left), (right, "10.81.2.0/24", to_twin)):
            for table in vpc.tables:
                self.ec2.create_route(RouteTableId=table, DestinationCidrBlock=block, VpcPeeringConnectionId=peering)
        eventually(lambda: self.nat_state() == "available", what="the NAT gateway")
        self.ec2.replace_route(RouteTableId=left.tables[2], DestinationCidrBlock=ANYWHERE, NatGatewayId=self.nat)

    def nat_state(self):
        return self.ec2.describe_nat_gateways(NatGatewayIds=[self.nat])["NatGateways"][0]["State"]

    def wait_until_running(self):
        wanted = [i for vpc in self.vpcs.values() for i in (*vpc.instances, vpc.marker)]

        def running():
            found = self.ec2.describe_instances(InstanceIds=wanted)["Reservations"]
            instances = [instance for reservation in found for instance in reservation["Instances"]]
            return all(i["State"]["Name"] == "running" for i in instances) and instances
        self.running = {i["InstanceId"]: i for i in eventually(running, what="the instances")}

    # ---- stations ----

    def place_stations(self):
        self.stations = {INTERNET: Router("/proc/thread-self/ns/net")}
        self.names = {}  # interface -> name of its station
        for vpc in self.vpcs.values():
            path = f"/run/pileus/{self.cloud.record()['world']}/netns/{vpc.id}"
            for address in (METADATA, RESOLVER):
                self.stations[f"{vpc.name} {address}"] = Router(path, address)
            for instance in (*vpc.instances, vpc.marker):
                row = self.running[instance]
                name = f"{vpc.name} {row['PrivateIpAddress']}"
                self.names[row["NetworkInterfaces"][0]["NetworkInterfaceId"]] = name
                own, second = ip_address(row["PrivateIpAddress"]), second_address(row["PrivateIpAddress"])
                inside = namespace_of_instance(instance)
                subprocess.run(["nsenter", f"--net={inside}", "ip", "addr", "add", f"{second}/32", "dev", "eth0"], check=True)
                self.stations[name] = Station(inside, own, second)
                if instance == vpc.marker:
                    vpc.marker_name, vpc.marker_address = name, ip_address(row["PublicIpAddress"])
            self.place_nodes(vpc, path)

    def place_nodes(self, vpc, path):
        for row in self.ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [vpc.id]}])["NetworkInterfaces"]:
            if row["Description"].startswith("ELB"):
                name = f"node {row['PrivateIpAddress']}"
                self.names[row["NetworkInterfaceId"]] = name
                self.stations[name] = Router(path, ip_address(row["PrivateIpAddress"]))

    # ---- what is known to have happened ----

    def settle(self):
        """Waits until packets obey all that was asked for. The rules of a VPC obey before its routes do, and the next
        change is made after both; so the second marker says it."""
        for _ in range(2):
            self.marker_port += 1
            for vpc in self.vpcs.values():
                vpc.move_marker(self.marker_port)
            eventually(self.markers_pass, what="the markers")

    def markers_pass(self):
        host = ip_address(self.cloud.host_address)
        source_port = self.random.randrange(1024, 65536)
        vpcs = list(self.vpcs.values())
        outcomes = probe(self.stations, [(INTERNET, Packet(host, vpc.marker_address, UDP, source_port, self.marker_port))
                                         for vpc in vpcs])
        return all(outcome[0] == {vpc.marker_name} for vpc, outcome in zip(vpcs, outcomes))

    # ---- random changes ----

    def change(self, kind=None, vpc=None):
        kind = kind or self.random.choice([self.change_rule, self.change_rule, self.change_entry, self.change_route, self.change_groups,
                                   self.change_association, self.change_elastic, self.change_secondary, self.change_check, self.change_list])
        try:
            kind(vpc or self.random.choice([*self.vpcs.values(), self.vpcs["left"]]))
        except ClientError as error:
            if error.response["Error"]["Code"] not in CONFLICTS:
                raise

    def block(self):
        """A block that rules, entries and routes name."""
        some = self.random.choice([block for _, plan in PLAN.values() for block in plan])
        host = ip_network(some)[4]
        return self.random.choice([ANYWHERE, some, f"{host}/32", f"{host}/32", "10.80.0.0/14", "10.82.0.0/16", str(WORLD),
                                   f"{self.cloud.host_address}/32"])

    def what(self):
        """IpProtocol, FromPort and ToPort."""
        kind = self.random.choice(["tcp", "tcp", "udp", "udp", "icmp", "-1", "-1", "-1", str(OTHER)])
        if kind == "icmp":
            return {"IpProtocol": kind, "FromPort": self.random.choice([-1, 8, 0]), "ToPort": -1}
        if kind in ("tcp", "udp"):
            first, last = sorted(self.random.choices([0, *PORTS], k=2))
            return {"IpProtocol": kind, "FromPort": first, "ToPort": last}
        return {"IpProtocol": kind}

    def change_rule(self, vpc):
        group, egress = self.random.choice(vpc.groups), self.random.random() < 0.2
        rules = [rule for rule in self.ec2.describe_security_group_rules(
            Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"] if rule["IsEgress"] == egress]
        rules.sort(key=lambda rule: (rule["IpProtocol"], rule["FromPort"], rule["ToPort"], rule.get("CidrIpv4", "")))
        if len(rules) > self.random.randrange(3, 8):
            revoke = self.ec2.revoke_security_group_egress if egress else self.ec2.revoke_security_group_ingress
            revoke(GroupId=group, SecurityGroupRuleIds=[self.random.choice(rules)["SecurityGroupRuleId"]])
            return
        others = self.random.choice([vpc, vpc, *([v for v in self.vpcs.values()] if vpc.name == "right" else [self.vpcs["right"]])])
        source = self.random.choice([
            {"IpRanges": [{"CidrIp": self.block()}]}, {"UserIdGroupPairs": [{"GroupId": self.random.choice(others.groups)}]},
            {"PrefixListIds": [{"PrefixListId": self.random.choice(self.lists)}]},
            *[{"IpRanges": [{"CidrIp": ANYWHERE}]}] * 3])
        allow = self.ec2.authorize_security_group_egress if egress else self.ec2.authorize_security_group_ingress
        allow(GroupId=group, IpPermissions=[{**self.what(), **source}])

    def change_entry(self, vpc):
        acl, egress, number = self.random.choice(vpc.acls), self.random.random() < 0.5, self.random.randrange(1, 6)
        entries = self.ec2.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"][0]["Entries"]
        if any(entry["RuleNumber"] == number and entry["Egress"] == egress for entry in entries):
            self.ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=number, Egress=egress)
            return
        what = self.what()
        options = {"Protocol": {"tcp": "6", "udp": "17", "icmp": "1"}.get(what["IpProtocol"], what["IpProtocol"])}
        if options["Protocol"] == "1":
            options["IcmpTypeCode"] = {"Type": what["FromPort"], "Code": -1}
        elif "FromPort" in what:
            options["PortRange"] = {"From": what["FromPort"], "To": what["ToPort"]}
        self.ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=number, Egress=egress, CidrBlock=self.block(),
                                          RuleAction=self.random.choice(["allow", "allow", "deny"]), **options)

    def change_route(self, vpc):
        table = self.random.choice(vpc.tables)
        routes = self.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
        routes = [route for route in routes if route.get("GatewayId") != "local"]
        if len(routes) > self.random.randrange(3, 6):
            route = self.random.choice(routes)
            self.ec2.delete_route(RouteTableId=table, **{key: route[key] for key in (
                "DestinationCidrBlock", "DestinationPrefixListId") if key in route})
            return
        peering = {"VpcPeeringConnectionId": self.random.choice(self.peerings if vpc.name == "right" else [
            self.peerings[vpc.name == "twin"]])}
        eni = {"NetworkInterfaceId": self.interface_of(self.random.choice(vpc.instances))}
        targets = [*[peering] * 3, *[{"GatewayId": vpc.gateway}] * 4, eni]
        if vpc.name == "left":
            targets.append({"NatGatewayId": self.nat})
        destination = self.random.choice([
            {"DestinationCidrBlock": self.block()}, {"DestinationCidrBlock": ANYWHERE},
            {"DestinationCidrBlock": self.random.choice([*vpc.blocks, "10.81.0.0/16", "10.82.0.0/15"])},
            {"DestinationPrefixListId": self.random.choice(self.lists)}])
        known = [route for route in routes if destination.items() <= route.items()]
        act = self.ec2.replace_route if known else self.ec2.create_route
        act(RouteTableId=table, **destination, **self.random.choice(targets))

    def interface_of(self, instance):
        return self.running[instance]["NetworkInterfaces"][0]["NetworkInterfaceId"]

    def change_groups(self, vpc):
        groups = self.random.sample(vpc.groups, self.random.randrange(2, 4))
        self.ec2.modify_instance_attribute(InstanceId=self.random.choice(vpc.instances), Groups=groups)

    def change_association(self, vpc):
        subnet = vpc.subnets[self.random.choice(vpc.blocks)]
        here = [{"Name": "association.subnet-id", "Values": [subnet]}]
        if self.random.random() < 0.5:
            rows = self.ec2.describe_network_acls(Filters=here)["NetworkAcls"][0]["Associations"]
            row = next(row for row in rows if row["SubnetId"] == subnet)
            self.ec2.replace_network_acl_association(AssociationId=row["NetworkAclAssociationId"],
                                                     NetworkAclId=self.random.choice(vpc.acls))
            return
        rows = self.ec2.describe_route_tables(Filters=here)["RouteTables"][0]["Associations"]
        row = next(row for row in rows if row.get("SubnetId") == subnet)
        self.ec2.replace_route_table_association(AssociationId=row["RouteTableAssociationId"],
                                                 RouteTableId=self.random.choice(vpc.tables))

    def change_elastic(self, vpc):
        """An elastic address moves; where it was there is none."""
        interface = self.interface_of(self.random.choice(vpc.instances))
        self.ec2.associate_address(AllocationId=self.random.choice(self.addresses), AllowReassociation=True,
                                   NetworkInterfaceId=interface, PrivateIpAddress=self.random.choice(self.addresses_of(interface)))

    def change_secondary(self, vpc):
        """An instance gets a second address, which its system has from the start, or loses it."""
        instance = self.random.choice(vpc.instances)
        interface, second = self.interface_of(instance), str(second_address(self.running[instance]["PrivateIpAddress"]))
        has = second in self.addresses_of(interface)
        act = self.ec2.unassign_private_ip_addresses if has else self.ec2.assign_private_ip_addresses
        act(NetworkInterfaceId=interface, PrivateIpAddresses=[second])

    def addresses_of(self, interface):
        row = self.ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]
        return sorted(address["PrivateIpAddress"] for address in row["PrivateIpAddresses"])

    def change_check(self, vpc):
        self.ec2.modify_network_interface_attribute(NetworkInterfaceId=self.interface_of(self.random.choice(vpc.instances)),
                                                    SourceDestCheck={"Value": self.random.random() < 0.5})

    def change_list(self, _):
        prefixes = self.random.choice(self.lists)
        row = self.ec2.describe_managed_prefix_lists(PrefixListIds=[prefixes])["PrefixLists"][0]
        entries = [entry["Cidr"] for entry in self.ec2.get_managed_prefix_list_entries(PrefixListId=prefixes)["Entries"]]
        block = self.block()
        change = {"RemoveEntries": [{"Cidr": self.random.choice(entries)}]} if len(entries) > 2 or block in entries else {
            "AddEntries": [{"Cidr": block}]}
        self.ec2.modify_managed_prefix_list(PrefixListId=prefixes, CurrentVersion=row["Version"], **change)

    # ---- random packets ----

    def draw(self, network):
        """(sender: an interface or INTERNET, packet)."""
        senders = [i for i in self.in_order(network) if i.id in self.names]
        sender = self.random.choice([*senders, INTERNET, INTERNET])
        while True:
            source = self.draw_source(network, sender)
            destination = self.draw_destination(network, sender)
            own = {} if sender == INTERNET else sender.addresses
            if destination != source and destination not in own:
                break
        protocol = self.random.choice([TCP] * 4 + [UDP] * 3 + [ICMP] * 2 + [OTHER] * (destination not in own.values()))
        if protocol == OTHER:
            return sender, Packet(source, destination, protocol)
        port = 8 if protocol == ICMP else self.random.choice(PORTS)
        return sender, Packet(source, destination, protocol, self.random.randrange(1024, 65536), port)

    def in_order(self, network):
        """Its interfaces, independent of their ids, which are another time others."""
        names = [vpc.id for vpc in self.vpcs.values()]
        return sorted(network.interfaces.values(), key=lambda i: (names.index(i.vpc), next(iter(i.addresses))))

    def draw_new(self, network):
        """One that belongs to no flow of an earlier packet, which would let it pass; without ports there is one each pair."""
        while True:
            sender, packet = self.draw(network)
            flows = {(packet.protocol, frozenset({(source, packet.source_port), (destination, packet.port)}))
                     for source in self.names_of(network, packet.source) for destination in self.names_of(network, packet.destination)}
            if not flows & self.flows:
                self.flows |= flows
                return sender, packet

    def names_of(self, network, address):
        """An address, and those that a gateway makes of it, or made before an elastic address moved."""
        self.pairs |= {pair for interface in network.interfaces.values() for pair in interface.addresses.items() if pair[1]}
        return {address, *(other for pair in self.pairs for other in pair if address in pair)}

    def draw_source(self, network, sender):
        if sender == INTERNET:
            return network.host
        own = self.random.choice(sorted(sender.addresses))
        if self.names[sender.id].startswith("node") or self.random.random() > (0.1 if sender.checked else 0.4):
            return own
        return self.draw_destination(network, sender)

    def draw_destination(self, network, sender):
        interfaces = self.in_order(network)
        public = [a for i in interfaces for a in i.addresses.values() if a]
        if sender == INTERNET:
            return self.random.choice(public)
        resolver = network.vpcs[sender.vpc][0].network_address + 2
        near = [a for i in interfaces if i.vpc == sender.vpc for a in i.addresses]
        any_private = [a for i in interfaces for a in i.addresses]
        odd = [network.host, network.host, *public, METADATA, RESOLVER, resolver, ip_address("10.81.1.77"), ip_address("10.82.1.1"),
               ip_address("198.51.100.1"), ip_address("10.99.0.1")]
        if self.names[sender.id].startswith("node"):
            odd = [network.host, *public]  # what is the router's own, the kernel hands over without asking
        return self.random.choice(self.random.choice([near, near, near, any_private, public, odd]))

    # ---- the comparison ----

    def name_of(self, vpc, receiver, packet):
        if receiver == SERVICES:
            return f"{vpc} {METADATA if packet.destination == METADATA else RESOLVER}"
        return receiver if receiver == INTERNET else self.names[receiver.id]

    def why(self, sender, packet):
        """Whether `pileus why` says that packet and answer arrive; None where it cannot say what these stations do: instances
        do not forward here, and nodes listen to everything."""
        question = {"Source": getattr(sender, "id", sender), "SourceAddress": str(packet.source), "Protocol": str(packet.protocol),
                    "Destination": str(packet.destination), "Port": str(packet.port), "SourcePort": str(packet.source_port)}
        request = urllib.request.Request(f"{self.cloud.endpoint}/_pileus/reach/{self.ec2.meta.region_name}",
                                         json.dumps(question).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as got:
            answer = json.load(got)
        stopped = {row["ExplanationCode"] for row in answer["Explanations"]}
        return None if answer["Assumptions"] or stopped == {"ELBV2_LISTENERS_MISMATCH"} else not stopped

    def compare(self, count):
        """Sends packets; gives the differences from the model and from `pileus why`, and how many arrived."""
        network = read_network(self.ec2, self.cloud.host_address)
        vpc_names = {vpc.id: name for name, vpc in self.vpcs.items()}
        cases = [self.draw_new(network) for _ in range(count)]
        probes = [(INTERNET if sender == INTERNET else self.names[sender.id], packet) for sender, packet in cases]
        differences, arrived = [], 0
        for (name, packet), (sender, _), (got, answered) in zip(probes, cases, probe(self.stations, probes)):
            receiver, answer = network.reaches(sender, packet)
            wanted = {self.name_of(vpc_names.get(getattr(sender, "vpc", None)), receiver, packet)} if receiver else set()
            arrived += bool(receiver)
            if got != wanted or (name in answered) != answer:
                differences.append(f"{name} sends {packet}:\n  AWS: {wanted}, answered: {answer}\n  here: {got}, answered: {answered}")
            said = self.why(sender, packet) if sender == INTERNET or packet.source in sender.addresses else None
            self.explained += said is not None
            if said not in (None, bool(got) and name in answered):
                differences.append(f"{name} sends {packet}:\n  why: {said}\n  here: {got}, answered: {answered}")
        return differences, arrived


@pytest.fixture(scope="module")
def site(cloud, machines):
    print(f"PILEUS_MATRIX_SEED={SEED}")
    made = Site(cloud, machines, SEED)
    for vpc in made.vpcs.values():
        for _ in range(16):
            made.change(made.change_rule, vpc)
    for _ in range(60):
        made.change()
    return made


def agree(site, cases, changes=0):
    total = 0
    for first in range(0, cases, BATCH):
        for _ in range(changes):
            site.change()
        site.settle()
        differences, arrived = site.compare(min(BATCH, cases - first))
        assert not differences, f"seed {SEED}: {len(differences)} differences\n" + "\n".join(differences[:10])
        total += arrived
    # A model and a network that let nothing pass would agree as well.
    assert total > cases / 20, f"seed {SEED}: only {total} of {cases} packets arrived"
    assert site.explained > cases / 2, f"seed {SEED}: `pileus why` was compared with {site.explained} packets only"


def test_packets_go_where_the_rules_say(site):
    agree(site, CASES)


def test_and_after_each_change(site):
    agree(site, CASES, CHANGES)


def test_and_after_the_host_process_was_killed(site, cloud):
    before = cloud.record()["host"]
    os.kill(before, signal.SIGKILL)
    eventually(lambda: cloud.record().get("host", before) != before, what="a new host process")
    agree(site, CASES)
    agree(site, BATCH, CHANGES)
