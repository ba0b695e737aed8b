"""Interface endpoints: a service of AWS at an address of the VPC's own, for who has no way out."""
from conftest import REGION, eventually
from machines import machine, machines
from network import Network
from test_names import API, dig

PROBE = f"curl -s -o /dev/null --max-time 3 https://{API}/"
TIMED_OUT = 28
HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.62.0.0/16"}]}


def test_an_endpoint_answers_where_there_is_no_way_out(machines):
    ec2 = machines.ec2
    network = Network(machines, "10.62.0.0/16")
    subnet = network.subnet("10.62.1.0/24")
    ec2.modify_vpc_attribute(VpcId=network.vpc, EnableDnsHostnames={"Value": True})
    egress = ec2.describe_security_groups(GroupIds=[network.group])["SecurityGroups"][0]["IpPermissionsEgress"]
    ec2.revoke_security_group_egress(GroupId=network.group, IpPermissions=egress)
    ec2.authorize_security_group_egress(GroupId=network.group, IpPermissions=[
        {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.62.0.0/16"}]}])
    inside = network.run(subnet)
    assert inside.attempt(PROBE).returncode == TIMED_OUT
    group = network.security_group("endpoint", HTTPS)
    made = ec2.create_vpc_endpoint(VpcEndpointType="Interface", VpcId=network.vpc, ServiceName=f"com.amazonaws.{REGION}.ec2",
                                   SubnetIds=[subnet], SecurityGroupIds=[group])["VpcEndpoint"]

    def shown():
        return ec2.describe_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])["VpcEndpoints"][0]

    eventually(lambda: shown()["State"] == "available", what="the endpoint to be available")
    address = ec2.describe_network_interfaces(NetworkInterfaceIds=made["NetworkInterfaceIds"])["NetworkInterfaces"][0]
    eventually(lambda: dig(inside, API)[3] == address["PrivateIpAddress"], what="the service's name to lead there")
    assert all(dig(inside, entry["DnsName"])[3] == address["PrivateIpAddress"] for entry in made["DnsEntries"])
    eventually(lambda: inside.attempt(PROBE).returncode == 0, what="the endpoint to answer")
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[HTTPS])
    eventually(lambda: inside.attempt(PROBE).returncode == TIMED_OUT, what="no rule lets it in")
    assert ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])["Unsuccessful"] == []
    eventually(lambda: dig(inside, API)[3].startswith("100."), what="the name to lead to the internet again")
