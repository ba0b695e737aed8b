"""VPCs: each region's default one, their parts, and the order in which they can be taken apart."""
import pytest
from botocore.exceptions import ClientError


def code_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


@pytest.mark.parametrize("region", ["ap-south-1", "us-east-1", "eu-central-1", "sa-east-1"])
def test_each_region_has_awss_default_vpc(cloud, region):
    ec2 = cloud.boto("ec2", region=region)
    vpc, = ec2.describe_vpcs()["Vpcs"]
    assert vpc["IsDefault"] and vpc["CidrBlock"] == "172.31.0.0/16"
    subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    assert sorted(s["AvailabilityZone"] for s in subnets) == [region + zone for zone in "abc"]
    assert all(s["MapPublicIpOnLaunch"] and s["CidrBlock"].endswith("/20") for s in subnets)
    table, = ec2.describe_route_tables()["RouteTables"]
    gateway, = ec2.describe_internet_gateways()["InternetGateways"]
    assert {(r["DestinationCidrBlock"], r["GatewayId"]) for r in table["Routes"]} == {
        ("172.31.0.0/16", "local"), ("0.0.0.0/0", gateway["InternetGatewayId"])}
    group, = ec2.describe_security_groups()["SecurityGroups"]
    assert group["GroupName"] == "default"
    assert group["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == group["GroupId"]
    acl, = ec2.describe_network_acls()["NetworkAcls"]
    assert acl["IsDefault"] and len(acl["Associations"]) == 3


def test_regions_know_nothing_of_each_other(cloud):
    here, there = cloud.boto("ec2"), cloud.boto("ec2", region="eu-west-1")
    vpc = here.create_vpc(CidrBlock="10.50.0.0/16")["Vpc"]["VpcId"]
    assert code_of(there.describe_vpcs, VpcIds=[vpc]) == "InvalidVpcID.NotFound"
    twin = there.create_vpc(CidrBlock="10.50.0.0/16")["Vpc"]["VpcId"]
    here.delete_vpc(VpcId=vpc)
    assert there.describe_vpcs(VpcIds=[twin])["Vpcs"][0]["State"] == "available"


def test_regions_and_zones_are_named_as_on_aws(cloud):
    ec2 = cloud.boto("ec2", region="us-west-2")
    assert {"us-east-1", "eu-north-1", "ap-south-1"} <= {r["RegionName"] for r in ec2.describe_regions()["Regions"]}
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert [z["ZoneName"] for z in zones] == ["us-west-2a", "us-west-2b", "us-west-2c"]
    assert all(z["ZoneId"].startswith("usw2-az") and z["State"] == "available" for z in zones)
    attributes = ec2.describe_account_attributes(AttributeNames=["supported-platforms", "default-vpc"])
    assert attributes["AccountAttributes"][0]["AttributeValues"]


def test_a_vpc_comes_apart_only_in_order(cloud):
    ec2 = cloud.boto("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.60.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.60.1.0/24")["Subnet"]
    assert subnet["AvailableIpAddressCount"] == 251
    assert code_of(ec2.create_subnet, VpcId=vpc, CidrBlock="10.60.1.128/25") == "InvalidSubnet.Conflict"
    assert code_of(ec2.create_subnet, VpcId=vpc, CidrBlock="10.61.0.0/24") == "InvalidSubnet.Range"
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert code_of(ec2.attach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc) == "Resource.AlreadyAssociated"
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet["SubnetId"])["AssociationId"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    assert code_of(ec2.create_security_group, GroupName="g", Description="g", VpcId=vpc) == "InvalidGroup.Duplicate"

    assert code_of(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    assert code_of(ec2.delete_route_table, RouteTableId=table) == "DependencyViolation"
    assert code_of(ec2.delete_internet_gateway, InternetGatewayId=gateway) == "DependencyViolation"
    ec2.disassociate_route_table(AssociationId=association)
    ec2.delete_route_table(RouteTableId=table)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    ec2.delete_security_group(GroupId=group)
    ec2.delete_vpc(VpcId=vpc)
    assert code_of(ec2.describe_vpcs, VpcIds=[vpc]) == "InvalidVpcID.NotFound"
    assert code_of(ec2.describe_subnets, SubnetIds=[subnet["SubnetId"]]) == "InvalidSubnetID.NotFound"


def test_the_default_vpc_can_be_made_again(cloud):
    ec2 = cloud.boto("ec2", region="ca-central-1")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    assert code_of(ec2.create_default_vpc) == "DefaultVpcAlreadyExists"
    gateway = ec2.describe_internet_gateways()["InternetGateways"][0]["InternetGatewayId"]
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    ec2.delete_vpc(VpcId=vpc)
    assert ec2.describe_vpcs()["Vpcs"] == []
    assert ec2.create_default_vpc()["Vpc"]["IsDefault"]


def test_group_names_are_those_of_the_default_vpc(cloud):
    ec2 = cloud.boto("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.70.0.0/16")["Vpc"]["VpcId"]
    ec2.create_security_group(GroupName="elsewhere", Description="elsewhere", VpcId=vpc)
    group, = ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"]
    assert group["VpcId"] != vpc
    assert code_of(ec2.describe_security_groups, GroupNames=["elsewhere"]) == "InvalidGroup.NotFound"
    by_filter = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["elsewhere"]}])
    assert by_filter["SecurityGroups"][0]["VpcId"] == vpc


def test_dns_cannot_be_switched_off_in_name_only(cloud):
    ec2 = cloud.boto("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.80.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": False})
    assert not ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsSupport")["EnableDnsSupport"]["Value"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": True})
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    assert ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"]
