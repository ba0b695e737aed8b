"""`pileus why` says of each packet what the network does with it, and what to change."""
import json
import shlex

import pytest
from machines import machines
from network import ANYWHERE, Network, becomes, reaches

WEB = {"IpProtocol": "tcp", "FromPort": 8000, "ToPort": 8000}


@pytest.fixture(scope="module")
def net(machines):
    """`left`, `right` and `bare`, which has no public address, in three subnets; `right` serves the world."""
    made = Network(machines, "10.37.0.0/16")
    made.subnets = [made.subnet(f"10.37.{i}.0/24") for i in range(3)]
    made.inner = made.security_group("inner", {**WEB, "IpRanges": [{"CidrIp": ANYWHERE}]})
    made.left, made.right = made.run(made.subnets[0]), made.run(made.subnets[1], groups=[made.inner])
    made.bare = made.run(made.subnets[2], public=False)
    becomes(True, made.left.answers, "ssh")
    becomes(True, lambda: reaches(made.left, made.right), "the server at the right")
    becomes(True, lambda: reaches(made.left, made.bare), "the server without a public address")
    return made


def why(net, source, target, port=8000, *options):
    ends = [getattr(end, "id", end) for end in (source, target)]
    done = net.machines.cloud.pileus("why", *ends, str(port), "--json", *options, check=False)
    assert done.returncode in (0, 1), done.stderr
    answer = json.loads(done.stdout)
    assert answer["Reachable"] == (done.returncode == 0)
    return answer


def says(net, source, target, code, port=8000):
    """The explanation's command, which is to mend it."""
    answer = why(net, source, target, port)
    assert [row["ExplanationCode"] for row in answer["Explanations"]] == [code]
    return answer["Explanations"][0]["Change"]


def mend(net, change):
    """Runs a command as it was printed."""
    net.machines.cloud.pileus(*shlex.split(change))


def test_what_reaches_is_said_to(net):
    for source, target in ((net.left, net.right), (net.left, net.bare), (net.bare, net.right)):
        assert why(net, source, target)["Reachable"]
    assert why(net, net.left, net.right.address)["Reachable"] and reaches(net.left, net.right.address)
    assert why(net, "internet", net.right)["Reachable"]


def test_a_rule_that_is_missing_is_named_and_its_command_mends_it(net):
    change = says(net, net.left, net.right, "ENI_SG_RULES_MISMATCH", 22)
    assert not net.right.answers()
    mend(net, says(net, "internet", net.right, "ENI_SG_RULES_MISMATCH", 22))
    becomes(True, net.right.answers, "the rule that was suggested")
    assert net.inner in change and net.group in change


def test_an_entry_that_denies_the_answer_is_named_and_mended(net):
    acl = net.ec2.create_network_acl(VpcId=net.vpc)["NetworkAcl"]["NetworkAclId"]
    default = net.find("network_acls", default="true")[0]
    mine = next(row for row in default["Associations"] if row["SubnetId"] == net.subnets[2])
    made = net.ec2.replace_network_acl_association(AssociationId=mine["NetworkAclAssociationId"], NetworkAclId=acl)
    becomes(False, lambda: reaches(net.left, net.bare), "the ACL")
    mend(net, why(net, net.left, net.bare)["Explanations"][0]["Change"])
    answer = why(net, net.left, net.bare)
    assert [(row["ExplanationCode"], row["Way"]) for row in answer["Explanations"]] == [("SUBNET_ACL_RESTRICTION", "return")]
    assert not reaches(net.left, net.bare)
    mend(net, answer["Explanations"][0]["Change"])
    becomes(True, lambda: reaches(net.left, net.bare), "the entries that were suggested")
    assert why(net, net.left, net.bare)["Reachable"]
    net.ec2.replace_network_acl_association(AssociationId=made["NewAssociationId"], NetworkAclId=default["NetworkAclId"])


def test_what_has_no_public_address_is_told_to_get_one(net):
    assert says(net, net.bare, "internet", "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS").startswith("aws ec2 associate-address")
    says(net, "internet", net.bare, "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS")


def test_a_route_through_an_instance_is_followed(net):
    """Its groups and its subnet's network ACL judge twice, and what it forwards belongs to no group."""
    middle = net.machines.run(UserData="#!/bin/sh\necho 1 >/proc/sys/net/ipv4/ip_forward\necho forwards\n",
                              SubnetId=net.subnets[2], SecurityGroupIds=[net.group])
    middle.wait_console("forwards")
    net.ec2.modify_instance_attribute(InstanceId=middle.id, SourceDestCheck={"Value": False})
    table = net.route_table(net.subnets[0])
    net.ec2.create_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE, GatewayId=net.gateway)
    net.ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.37.1.0/24", InstanceId=middle.id)
    becomes(True, lambda: reaches(net.left, net.right), "the way through the instance")
    answer = why(net, net.left, net.right)
    assert answer["Reachable"] and middle.id in [hop["Component"]["Id"] for hop in answer["Forward"]]
    assert answer["Assumptions"] == [f"{middle.id} forwards packets as they are"]
    net.ec2.revoke_security_group_ingress(GroupId=net.inner, IpPermissions=[{**WEB, "IpRanges": [{"CidrIp": ANYWHERE}]}])
    net.ec2.authorize_security_group_ingress(GroupId=net.inner, IpPermissions=[{**WEB, "UserIdGroupPairs": [{"GroupId": net.group}]}])
    becomes(False, lambda: reaches(net.left, net.right), "the rule that names a group")
    mend(net, says(net, net.left, net.right, "ENI_SG_RULES_MISMATCH"))
    becomes(True, lambda: reaches(net.left, net.right), "the rule that was suggested")
    net.ec2.modify_instance_attribute(InstanceId=middle.id, SourceDestCheck={"Value": True})
    becomes(False, lambda: reaches(net.left, net.right), "the check")
    mend(net, says(net, net.left, net.right, "ENI_SOURCE_DEST_CHECK_RESTRICTION"))
    becomes(True, lambda: reaches(net.left, net.right), "the end of the check")


def test_the_reachability_analyzer_says_the_same(net):
    path = net.ec2.create_network_insights_path(Source=net.left.id, Destination=net.right.id, Protocol="tcp",
                                                DestinationPort=8000)["NetworkInsightsPath"]["NetworkInsightsPathId"]
    net.ec2.start_network_insights_analysis(NetworkInsightsPathId=path)
    found = net.ec2.describe_network_insights_analyses(NetworkInsightsPathId=path)["NetworkInsightsAnalyses"][0]
    hops = why(net, net.left, net.right)["Forward"]
    assert found["Status"] == "succeeded" and found["NetworkPathFound"]
    assert [row["Component"]["Id"] for row in found["ForwardPathComponents"]] == [hop["Component"]["Id"] for hop in hops]


def test_the_command_for_people(net):
    done = net.machines.cloud.pileus("why", net.left.id, net.right.id, "9", check=False)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == f"tcp 9 from {net.left.id} ({net.left.private_address}) to {net.right.id} ({net.right.private_address})"
    assert "Not reachable:" in lines
    assert any(line.startswith("       X sg-") and line.endswith("in   no rule") for line in lines)
    assert lines[-1].startswith("    aws ec2 authorize-security-group-ingress")


def test_bad_questions(net):
    for words in (["i-0123456789abcdef0", net.left.id, "80"], [net.left.id, net.right.id, "http"], [net.left.id]):
        done = net.machines.cloud.pileus("why", *words, check=False)
        assert done.returncode == 2 and done.stderr
