"""Two VPCs that are peered reach each other where both route, and nobody reaches through one of them."""
import pytest
from backend import refuses
from machines import machines
from network import ANYWHERE, Network, becomes, reaches


@pytest.fixture(scope="module")
def nets(machines):
    """Left, middle and right, a machine in each."""
    made = [Network(machines, f"10.{n}.0.0/16") for n in (61, 62, 63)]
    for number, net in zip((61, 62, 63), made):
        net.machine = net.run(net.subnet(f"10.{number}.1.0/24"))
    for net in made:
        becomes(True, net.machine.answers, "ssh")
    return made


def state(net, peering):
    found = net.ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[peering])
    return found["VpcPeeringConnections"][0]["Status"]["Code"]


def peer(left, right):
    made = left.ec2.create_vpc_peering_connection(VpcId=left.vpc, PeerVpcId=right.vpc)["VpcPeeringConnection"]
    left.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=made["VpcPeeringConnectionId"])
    return made["VpcPeeringConnectionId"]


def route(net, block, peering):
    net.ec2.create_route(RouteTableId=net.table, DestinationCidrBlock=block, VpcPeeringConnectionId=peering)


@pytest.fixture(scope="module")
def peering(nets):
    """Between left and middle, with routes both ways."""
    left, middle, _ = nets
    made = peer(left, middle)
    route(left, "10.62.0.0/16", made)
    route(middle, "10.61.0.0/16", made)
    return made


def test_a_request_lets_nothing_pass_until_it_is_accepted_and_routed_both_ways(nets):
    left, middle, _ = nets
    made = left.ec2.create_vpc_peering_connection(VpcId=left.vpc, PeerVpcId=middle.vpc)["VpcPeeringConnection"]
    peering = made["VpcPeeringConnectionId"]
    assert state(left, peering) == "pending-acceptance"
    route(left, "10.62.0.0/16", peering)
    assert not reaches(left.machine, middle.machine)
    left.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    assert state(left, peering) == "active"
    assert not reaches(left.machine, middle.machine)
    route(middle, "10.61.0.0/16", peering)
    becomes(True, lambda: reaches(left.machine, middle.machine), "the way back")
    left.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)
    becomes(False, lambda: reaches(left.machine, middle.machine), "the end of the peering")
    for net, block in ((left, "10.62.0.0/16"), (middle, "10.61.0.0/16")):
        shown = net.ec2.describe_route_tables(RouteTableIds=[net.table])["RouteTables"][0]["Routes"]
        assert {r["DestinationCidrBlock"]: r["State"] for r in shown}[block] == "blackhole"
        net.ec2.delete_route(RouteTableId=net.table, DestinationCidrBlock=block)


def test_both_sides_reach_each_other(nets, peering):
    left, middle, _ = nets
    becomes(True, lambda: reaches(left.machine, middle.machine), "the peering")
    becomes(True, lambda: reaches(middle.machine, left.machine), "the peering")


def test_nobody_reaches_a_third_vpc_through_it(nets, peering):
    """Peering is not transitive, neither to another peer nor to the internet gateway of one."""
    left, middle, right = nets
    second = peer(middle, right)
    route(middle, "10.63.0.0/16", second)
    route(right, "10.62.0.0/16", second)
    becomes(True, lambda: reaches(middle.machine, right.machine), "the second peering")
    route(left, "10.63.0.0/16", peering)
    route(right, "10.61.0.0/16", second)
    assert not reaches(left.machine, right.machine)
    left.ec2.replace_route(RouteTableId=left.table, DestinationCidrBlock=ANYWHERE, VpcPeeringConnectionId=peering)
    becomes(False, left.machine.answers, "the route that leads into the peering")
    left.ec2.replace_route(RouteTableId=left.table, DestinationCidrBlock=ANYWHERE, GatewayId=left.gateway)
    becomes(True, left.machine.answers, "the internet gateway")


def test_the_groups_of_both_sides_judge(nets, peering):
    left, middle, _ = nets
    closed = middle.ec2.create_security_group(GroupName="closed", Description="-", VpcId=middle.vpc)["GroupId"]
    becomes(True, lambda: reaches(left.machine, middle.machine), "the peering")
    middle.ec2.modify_instance_attribute(InstanceId=middle.machine.id, Groups=[closed])
    becomes(False, lambda: reaches(left.machine, middle.machine), "the closed group")
    permission = {"IpProtocol": "tcp", "FromPort": 8000, "ToPort": 8000, "UserIdGroupPairs": [{"GroupId": left.group}]}
    middle.ec2.authorize_security_group_ingress(GroupId=closed, IpPermissions=[permission])
    becomes(True, lambda: reaches(left.machine, middle.machine), "the rule for the peer's group")
    shown = middle.ec2.describe_security_groups(GroupIds=[closed])["SecurityGroups"][0]["IpPermissions"][0]
    pair = shown["UserIdGroupPairs"][0]
    assert (pair["VpcPeeringConnectionId"], pair["PeeringStatus"], pair["VpcId"]) == (peering, "active", left.vpc)
    other = left.security_group("other", {"IpProtocol": "-1", "IpRanges": [{"CidrIp": ANYWHERE}]})
    left.ec2.modify_instance_attribute(InstanceId=left.machine.id, Groups=[other])
    becomes(False, lambda: reaches(left.machine, middle.machine), "another group")
    left.ec2.modify_instance_attribute(InstanceId=left.machine.id, Groups=[left.group])
    becomes(True, lambda: reaches(left.machine, middle.machine), "the group")
    middle.ec2.modify_instance_attribute(InstanceId=middle.machine.id, Groups=[middle.group])


def test_the_acls_of_both_sides_judge(nets, peering):
    left, middle, _ = nets
    becomes(True, lambda: reaches(left.machine, middle.machine), "the peering")
    for net, egress, block in ((left, True, "10.62.0.0/16"), (middle, False, "10.61.0.0/16")):
        acl = net.find("network_acls", default="true")[0]["NetworkAclId"]
        net.ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=10, Egress=egress, Protocol="6", RuleAction="deny",
                                         CidrBlock=block, PortRange={"From": 8000, "To": 8000})
        becomes(False, lambda: reaches(left.machine, middle.machine), "the entry")
        net.ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=10, Egress=egress)
        becomes(True, lambda: reaches(left.machine, middle.machine), "the end of the entry")


def test_a_second_block_of_the_peer_is_reached_too(nets, peering):
    left, middle, _ = nets
    middle.ec2.associate_vpc_cidr_block(VpcId=middle.vpc, CidrBlock="10.64.0.0/24")
    route(left, "10.64.0.0/24", peering)
    far = middle.run(middle.subnet("10.64.0.0/28"))
    becomes(True, lambda: reaches(left.machine, far), "the second block")


def test_vpcs_with_common_addresses_cannot_be_peered(nets, machines, aws):
    left = nets[0]
    same = machines.ec2.create_vpc(CidrBlock="10.61.128.0/20")["Vpc"]["VpcId"]
    made = aws(f"ec2 create-vpc-peering-connection --vpc-id {left.vpc} --peer-vpc-id {same}",
               "VpcPeeringConnection.[VpcPeeringConnectionId,Status.Code]")
    assert made[1] == "initiating-request"
    assert state(left, made[0]) == "failed"
    refuses("InvalidStateTransition", machines.ec2.accept_vpc_peering_connection, VpcPeeringConnectionId=made[0])
    machines.ec2.delete_vpc(VpcId=same)
