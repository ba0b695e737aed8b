"""Route tables decide who is reached: no route to an internet gateway, no packet in or out."""
import pytest
from conftest import eventually
from machines import machines

ANYWHERE = "0.0.0.0/0"


@pytest.fixture(scope="module")
def network(machines):
    """A VPC of one subnet that has an internet gateway, but no route to it yet; and a machine with a public address."""
    ec2 = machines.ec2
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="all", Description="all", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": ANYWHERE}]}])
    machine = machines.run(NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group],
                                               "AssociatePublicIpAddress": True}])
    table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]["RouteTableId"]
    return {"ec2": ec2, "vpc": vpc, "gateway": gateway, "subnet": subnet, "machine": machine, "table": table}


def states(network, table):
    found = network["ec2"].describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    return {route["DestinationCidrBlock"]: route["State"] for route in found}


def test_a_subnet_is_reachable_only_with_a_route_to_the_internet_gateway(network):
    ec2, machine = network["ec2"], network["machine"]
    assert not machine.answers()
    ec2.create_route(RouteTableId=network["table"], DestinationCidrBlock=ANYWHERE, GatewayId=network["gateway"])
    eventually(machine.answers, what="the route")
    ec2.delete_route(RouteTableId=network["table"], DestinationCidrBlock=ANYWHERE)
    eventually(lambda: not machine.answers(), what="the end of the route")


def test_a_subnets_own_table_takes_the_place_of_the_main_one(network):
    ec2, machine = network["ec2"], network["machine"]
    ec2.create_route(RouteTableId=network["table"], DestinationCidrBlock=ANYWHERE, GatewayId=network["gateway"])
    eventually(machine.answers, what="the main table's route")
    own = ec2.create_route_table(VpcId=network["vpc"])["RouteTable"]["RouteTableId"]
    association = ec2.associate_route_table(RouteTableId=own, SubnetId=network["subnet"])["AssociationId"]
    eventually(lambda: not machine.answers(), what="the own table")
    ec2.replace_route_table_association(AssociationId=association, RouteTableId=network["table"])
    eventually(machine.answers, what="the main table")
    ec2.delete_route_table(RouteTableId=own)


def test_only_the_destinations_of_the_table_are_reached(network, cloud):
    """A route to a half of the internet that the host is not in does not lead to the host."""
    ec2, machine = network["ec2"], network["machine"]
    ec2.delete_route(RouteTableId=network["table"], DestinationCidrBlock=ANYWHERE)
    ec2.create_route(RouteTableId=network["table"], DestinationCidrBlock="203.0.113.0/24", GatewayId=network["gateway"])
    assert not machine.answers()
    ec2.create_route(RouteTableId=network["table"], DestinationCidrBlock=f"{cloud.host_address}/32", GatewayId=network["gateway"])
    eventually(machine.answers, what="the host's route")


def test_a_route_to_a_gateway_that_left_is_a_blackhole(network):
    ec2, machine = network["ec2"], network["machine"]
    eventually(machine.answers, what="the machine")
    ec2.stop_instances(InstanceIds=[machine.id])
    machine.wait("stopped")
    ec2.detach_internet_gateway(InternetGatewayId=network["gateway"], VpcId=network["vpc"])
    assert set(states(network, network["table"]).values()) == {"active", "blackhole"}
    assert states(network, network["table"])["10.20.0.0/16"] == "active"
    ec2.attach_internet_gateway(InternetGatewayId=network["gateway"], VpcId=network["vpc"])
    ec2.start_instances(InstanceIds=[machine.id])
    machine.wait("running")
    eventually(machine.answers, what="the route's gateway")
    assert set(states(network, network["table"]).values()) == {"active"}
