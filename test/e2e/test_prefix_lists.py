"""A prefix list stands for its blocks in security group rules and routes, and they follow when it changes."""
import pytest
from machines import machines
from network import Network, becomes, reaches


@pytest.fixture(scope="module")
def net(machines):
    """`client` and `server` in one subnet; the server's group lets in ssh only."""
    made = Network(machines, "10.71.0.0/16")
    subnet = made.subnet("10.71.1.0/24")
    made.closed = made.security_group("closed", {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
                                                 "IpRanges": [{"CidrIp": "0.0.0.0/0"}]})
    made.client, made.server = made.run(subnet), made.run(subnet, groups=[made.closed])
    for machine in (made.client, made.server):
        becomes(True, machine.answers, "ssh")
    return made


def make(net, *blocks):
    return net.ec2.create_managed_prefix_list(
        PrefixListName="list", AddressFamily="IPv4", MaxEntries=5,
        Entries=[{"Cidr": block} for block in blocks])["PrefixList"]["PrefixListId"]


def change(net, prefixes, **entries):
    version = net.ec2.describe_managed_prefix_lists(PrefixListIds=[prefixes])["PrefixLists"][0]["Version"]
    net.ec2.modify_managed_prefix_list(PrefixListId=prefixes, CurrentVersion=version,
                                       **{name: [{"Cidr": block}] for name, block in entries.items()})


def test_a_rule_lets_in_what_the_list_holds_now(net):
    prefixes = make(net, "192.0.2.0/24")
    net.ec2.authorize_security_group_ingress(GroupId=net.closed, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 8000, "ToPort": 8000, "PrefixListIds": [{"PrefixListId": prefixes}]}])
    assert not reaches(net.client, net.server)
    change(net, prefixes, AddEntries=f"{net.client.private_address}/32")
    becomes(True, lambda: reaches(net.client, net.server), "the entry")
    change(net, prefixes, RemoveEntries=f"{net.client.private_address}/32")
    becomes(False, lambda: reaches(net.client, net.server), "the end of the entry")


def test_a_route_leads_where_the_list_says_now(net, cloud):
    """The default route gives way to a list with the host's address in it."""
    prefixes = make(net, "198.51.100.0/24", "10.71.1.0/24")
    net.ec2.delete_route(RouteTableId=net.table, DestinationCidrBlock="0.0.0.0/0")
    net.ec2.create_route(RouteTableId=net.table, DestinationPrefixListId=prefixes, GatewayId=net.gateway)
    becomes(False, net.client.answers, "the routes")
    change(net, prefixes, AddEntries=f"{cloud.host_address}/32")
    becomes(True, net.client.answers, "the entry")
    becomes(True, lambda: reaches(net.server, net.client), "the local route, which a list does not replace")
    change(net, prefixes, RemoveEntries=f"{cloud.host_address}/32")
    becomes(False, net.client.answers, "the end of the entry")


def test_the_aws_command_makes_one(aws):
    made = aws("ec2 create-managed-prefix-list --prefix-list-name cli --address-family IPv4 --max-entries 2"
               " --entries Cidr=203.0.113.0/24,Description=docs", "PrefixList.[PrefixListId,State,Version]")
    assert made[1:] == ["create-in-progress", 1]
    entries = aws(f"ec2 get-managed-prefix-list-entries --prefix-list-id {made[0]}", "Entries")
    assert entries == [{"Cidr": "203.0.113.0/24", "Description": "docs"}]
    assert aws(f"ec2 delete-managed-prefix-list --prefix-list-id {made[0]}", "PrefixList.State") == "delete-in-progress"
