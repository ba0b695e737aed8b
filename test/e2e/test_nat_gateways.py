"""Instances in private subnets reach the internet through a NAT gateway, and nothing reaches them there."""
import json
import os
import shlex
import signal
import socket
import threading

import pytest
from backend import refuses
from conftest import REGION, eventually
from machines import machines
from network import ANYWHERE, Network, becomes, reaches


@pytest.fixture(scope="module")
def net(machines):
    """`inside` is in a private subnet; `bastion`, in a public one, shows what it sees."""
    made = Network(machines, "10.41.0.0/16")
    made.public, made.private = made.subnet("10.41.1.0/24"), made.subnet("10.41.2.0/24")
    made.private_table = made.route_table(made.private)
    made.bastion, made.inside = made.run(made.public), made.run(made.private, public=False)
    becomes(True, made.bastion.answers, "ssh")
    becomes(True, lambda: reaches(made.bastion, made.inside), "the server inside")
    return made


def describe(net, gateway):
    return net.ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0]


def is_state(net, gateway, state):
    return lambda: describe(net, gateway)["State"] == state


def make(net, subnet, state="available", **options):
    made = net.ec2.create_nat_gateway(SubnetId=subnet, **options)["NatGateway"]
    assert made["State"] == "pending"
    eventually(is_state(net, made["NatGatewayId"], state), what=f"the gateway to be {state}")
    return made["NatGatewayId"]


@pytest.fixture(scope="module")
def elastic(net):
    return net.ec2.allocate_address()


@pytest.fixture(scope="module")
def gateway(net, elastic):
    made = make(net, net.public, AllocationId=elastic["AllocationId"])
    net.ec2.create_route(RouteTableId=net.private_table, DestinationCidrBlock=ANYWHERE, NatGatewayId=made)
    return made


def inside(net, command):
    """What a command prints on the machine inside, by ssh through the bastion."""
    key = net.machines.key.read_text()
    net.bastion.sh(f"test -f inside.pem || {{ umask 077; cat >inside.pem <<'KEY'\n{key}KEY\n}}")
    return net.bastion.attempt(
        "ssh -i inside.pem -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null -oLogLevel=ERROR -oBatchMode=yes"
        f" ec2-user@{net.inside.private_address} {shlex.quote(command)}", timeout=30).stdout.strip()


LOOK = """import socket
try:
    print(socket.create_connection(("{}", {}), 2).recv(99).decode())
except OSError:
    print("nowhere")
"""


def seen_at(net, address, port):
    """The address that a mirror sees the machine inside at; "nowhere" if it does not get there."""
    return inside(net, f"python3 -c {shlex.quote(LOOK.format(address, port))}")


@pytest.fixture(scope="module")
def mirror(cloud):
    """The port of a server on the host, which is the internet; it tells each client its address."""
    listener = socket.create_server((cloud.host_address, 0))

    def serve():
        while True:
            try:
                connection, peer = listener.accept()
            except OSError:
                return
            connection.sendall(peer[0].encode())
            connection.close()
    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)  # closing alone would leave it to the thread that waits in accept()
    listener.close()


def seen_as(net, cloud, mirror):
    """The address that the internet sees it at."""
    return seen_at(net, cloud.host_address, mirror)


def test_without_it_a_private_subnet_reaches_nothing_outside(net, cloud, mirror):
    assert inside(net, "hostname").startswith("ip-10-41-2-")
    assert seen_as(net, cloud, mirror) == "nowhere"


def test_the_internet_sees_its_elastic_address(net, cloud, mirror, gateway, elastic):
    eventually(lambda: seen_as(net, cloud, mirror) == elastic["PublicIp"], what="the way out")
    row = describe(net, gateway)["NatGatewayAddresses"][0]
    assert (row["PublicIp"], row["AllocationId"]) == (elastic["PublicIp"], elastic["AllocationId"])
    # An old boto3 leaves out what it does not know.
    assert (row.get("IsPrimary", True), row.get("Status", "succeeded")) == (True, "succeeded")


def test_nothing_begins_at_its_elastic_address(net, cloud, gateway, elastic):
    assert not reaches(net.bastion, elastic["PublicIp"])
    assert not net.inside.answers(elastic["PublicIp"])


def test_it_has_an_interface_that_is_not_the_users(net, gateway):
    row = describe(net, gateway)["NatGatewayAddresses"][0]
    shown = net.ec2.describe_network_interfaces(NetworkInterfaceIds=[row["NetworkInterfaceId"]])["NetworkInterfaces"][0]
    assert (shown["InterfaceType"], shown["RequesterManaged"], shown["SourceDestCheck"], shown["Groups"]) == \
        ("nat_gateway", True, False, [])
    refuses("AuthFailure", net.ec2.modify_network_interface_attribute, NetworkInterfaceId=row["NetworkInterfaceId"],
            SourceDestCheck={"Value": True})
    address = net.ec2.describe_addresses(AllocationIds=[row["AllocationId"]])["Addresses"][0]
    refuses("AuthFailure", net.ec2.disassociate_address, AssociationId=address["AssociationId"])


def test_the_acls_of_its_subnet_judge_what_it_passes_on(net, cloud, mirror, gateway, elastic):
    """Out of the private subnet, into the gateway's, and there the answers come back in."""
    eventually(lambda: seen_as(net, cloud, mirror) == elastic["PublicIp"], what="the way out")
    acl = net.find("network_acls", default="true")[0]["NetworkAclId"]
    net.ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=10, Egress=True, Protocol="6", RuleAction="deny",
                                     CidrBlock=f"{cloud.host_address}/32", PortRange={"From": mirror, "To": mirror})
    eventually(lambda: seen_as(net, cloud, mirror) == "nowhere", what="the entry")
    net.ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=10, Egress=True)
    eventually(lambda: seen_as(net, cloud, mirror) == elastic["PublicIp"], what="the way out")


def test_it_serves_on_while_the_host_process_is_new(net, cloud, mirror, gateway, elastic):
    before = cloud.record()["host"]
    os.kill(before, signal.SIGKILL)
    eventually(lambda: cloud.record().get("host", before) != before, what="a new host process")
    eventually(lambda: seen_as(net, cloud, mirror) == elastic["PublicIp"], what="the way out")


def test_what_it_passed_on_is_in_the_costs(net, cloud, mirror, gateway, elastic):
    eventually(lambda: seen_as(net, cloud, mirror) == elastic["PublicIp"], what="the way out")
    cloud.advance("6m")

    def charged():
        report = json.loads(cloud.pileus("cost", "--json", "--region", REGION).stdout)
        rows = report["Regions"][0]["Resources"]
        return {row["Item"] for row in rows if row["ResourceId"] == gateway and row["Cost"] > 0}

    eventually(lambda: charged() == {"nat-gateway", "nat-bytes"}, what="its hours and bytes")


def test_deleting_it_frees_its_address_and_makes_its_route_a_blackhole(net, cloud, mirror, elastic):
    made = net.ec2.describe_nat_gateways(Filters=[{"Name": "state", "Values": ["available"]}])["NatGateways"]
    assert len(made) == 1
    net.ec2.delete_nat_gateway(NatGatewayId=made[0]["NatGatewayId"])
    eventually(is_state(net, made[0]["NatGatewayId"], "deleted"), what="the end of the gateway")
    routes = net.ec2.describe_route_tables(RouteTableIds=[net.private_table])["RouteTables"][0]["Routes"]
    assert {r["DestinationCidrBlock"]: r["State"] for r in routes} == {"10.41.0.0/16": "active", ANYWHERE: "blackhole"}
    eventually(lambda: seen_as(net, cloud, mirror) == "nowhere", what="the end of the way out")
    net.ec2.release_address(AllocationId=elastic["AllocationId"])


def test_a_private_one_hides_a_subnet_within_its_vpc(net):
    """`right` sees the gateway's own address, and a route that is more specific than local leads there."""
    far = net.subnet("10.41.3.0/24")
    right = net.run(far)
    made = make(net, net.public, ConnectivityType="private")
    net.ec2.create_route(RouteTableId=net.private_table, DestinationCidrBlock="10.41.3.0/24", NatGatewayId=made)
    own = describe(net, made)["NatGatewayAddresses"][0]["PrivateIp"]
    right.sh("nohup python3 -c \"import socket\ns=socket.create_server(('',9000))\nwhile True:\n c,p=s.accept()\n"
             " c.sendall(p[0].encode())\n c.close()\" >/dev/null 2>&1 &")
    eventually(lambda: seen_at(net, right.private_address, 9000) == own, what="the private gateway")
    net.ec2.delete_route(RouteTableId=net.private_table, DestinationCidrBlock="10.41.3.0/24")
    net.ec2.delete_nat_gateway(NatGatewayId=made)


def test_a_vpc_without_an_internet_gateway_has_no_public_one(machines, aws):
    ec2 = machines.ec2
    vpc = ec2.create_vpc(CidrBlock="10.42.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.42.1.0/24")["Subnet"]["SubnetId"]
    address = ec2.allocate_address()["AllocationId"]
    gateway = aws(f"ec2 create-nat-gateway --subnet-id {subnet} --allocation-id {address}", "NatGateway.NatGatewayId")
    found = eventually(lambda: [g for g in ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"]
                                if g["State"] == "failed"], what="the failure")
    assert found[0]["FailureCode"] == "Gateway.NotAttached"
    assert found[0]["FailureMessage"] == f"Network {vpc} has no Internet gateway attached"
    ec2.release_address(AllocationId=address)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


def test_an_instance_without_the_source_check_forwards_for_others(net, cloud, mirror):
    """A route to an instance leads there; what it passes on is dropped until the check is off."""
    net.bastion.root("sysctl -qw net.ipv4.ip_forward=1 && nft -f - <<'NFT'\ntable ip out {\n chain post {\n"
                     "  type nat hook postrouting priority 100\n  ip saddr 10.41.2.0/24 masquerade\n }\n}\nNFT")
    net.ec2.replace_route(RouteTableId=net.private_table, DestinationCidrBlock=ANYWHERE, InstanceId=net.bastion.id)
    assert seen_as(net, cloud, mirror) == "nowhere"
    net.ec2.modify_instance_attribute(InstanceId=net.bastion.id, SourceDestCheck={"Value": False})
    eventually(lambda: seen_as(net, cloud, mirror) == net.bastion.address, what="the middlebox")
    net.ec2.modify_instance_attribute(InstanceId=net.bastion.id, SourceDestCheck={"Value": True})
    eventually(lambda: seen_as(net, cloud, mirror) == "nowhere", what="the check")
