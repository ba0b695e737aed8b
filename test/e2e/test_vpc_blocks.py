"""A VPC with a second address block: its subnets are as local as those of the first."""
import pytest
from backend import refuses
from machines import machines
from network import Network, becomes, reaches


@pytest.fixture(scope="module")
def net(machines):
    made = Network(machines, "10.51.0.0/16")
    made.first = made.run(made.subnet("10.51.1.0/24"))
    becomes(True, made.first.answers, "ssh")
    return made


@pytest.fixture(scope="module")
def block(net):
    made = net.ec2.associate_vpc_cidr_block(VpcId=net.vpc, CidrBlock="10.52.0.0/20")["CidrBlockAssociation"]
    assert made["CidrBlockState"]["State"] == "associating"
    return made["AssociationId"]


@pytest.fixture(scope="module")
def second(net, block):
    made = net.run(net.subnet("10.52.1.0/24"))
    becomes(True, made.answers, "ssh to the second block")
    return made


def test_its_subnets_reach_those_of_the_first_block(net, second):
    becomes(True, lambda: reaches(net.first, second), "the way there")
    becomes(True, lambda: reaches(second, net.first), "the way back")


def test_every_route_table_has_its_local_route(net, second):
    tables = [net.find("route_tables")[0]["RouteTableId"], net.route_table()]
    for table in net.ec2.describe_route_tables(RouteTableIds=tables)["RouteTables"]:
        local = {r["DestinationCidrBlock"] for r in table["Routes"] if r.get("GatewayId") == "local"}
        assert local == {"10.51.0.0/16", "10.52.0.0/20"}


def test_instances_are_told_of_all_blocks(net, second):
    for machine in (net.first, second):
        mac = machine.sh("cat /sys/class/net/eth0/address")
        token = machine.metadata("/latest/api/token", "-X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60'")[1]
        status, said = machine.metadata(f"/latest/meta-data/network/interfaces/macs/{mac}/vpc-ipv4-cidr-blocks",
                                        f"-H 'X-aws-ec2-metadata-token: {token}'")
        assert (status, said.split()) == (200, ["10.51.0.0/16", "10.52.0.0/20"])


def test_it_stays_while_it_has_subnets(net, block, second):
    refuses("DependencyViolation", net.ec2.disassociate_vpc_cidr_block, AssociationId=block)


def test_the_aws_command_adds_one_and_takes_it_away(net, aws):
    added = aws(f"ec2 associate-vpc-cidr-block --vpc-id {net.vpc} --cidr-block 10.53.0.0/24",
                "CidrBlockAssociation.AssociationId")
    assert aws(f"ec2 disassociate-vpc-cidr-block --association-id {added}", "VpcId") == net.vpc
    blocks = aws(f"ec2 describe-vpcs --vpc-ids {net.vpc}", "Vpcs[0].CidrBlockAssociationSet[].CidrBlock")
    assert "10.53.0.0/24" not in blocks
