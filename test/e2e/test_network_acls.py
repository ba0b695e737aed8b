"""Network ACLs judge each packet that enters or leaves a subnet, in order of numbers, without memory."""
import pytest
from backend import refuses
from machines import machines
from network import Network, becomes, reaches

# Whether an echo request that a raw socket sends is answered.
ECHO = """import json,socket,struct
s=socket.socket(socket.AF_INET,socket.SOCK_RAW,socket.IPPROTO_ICMP)
s.settimeout(1)
s.sendto(struct.pack('!BBHHH',8,0,0xf7fd,1,1),('{}',0))
try:
    print(json.dumps(s.recvfrom(99)[0][20]==0))
except OSError:
    print('false')
"""
ALL = {"Protocol": "-1", "CidrBlock": "0.0.0.0/0", "RuleAction": "allow"}


@pytest.fixture(scope="module")
def net(machines):
    """`left` and `beside` in one subnet, `right` in another."""
    made = Network(machines, "10.31.0.0/16")
    made.subnets = [made.subnet("10.31.1.0/24"), made.subnet("10.31.2.0/24")]
    made.left, made.beside = made.run(made.subnets[0]), made.run(made.subnets[0])
    made.right = made.run(made.subnets[1])
    for machine in (made.left, made.beside, made.right):
        becomes(True, machine.answers, "ssh")
    becomes(True, lambda: reaches(made.left, made.right), "the server at the right")
    becomes(True, lambda: reaches(made.left, made.beside), "the server beside")
    return made


def association(net, subnet):
    acl = net.find("network_acls", association__subnet_id=subnet)[0]
    return next(row["NetworkAclAssociationId"] for row in acl["Associations"] if row["SubnetId"] == subnet)


@pytest.fixture
def acl(net):
    """A new ACL, at the right subnet; afterwards that has the default one again."""
    default = net.find("network_acls", default="true")[0]["NetworkAclId"]
    made = net.ec2.create_network_acl(VpcId=net.vpc)["NetworkAcl"]["NetworkAclId"]
    net.ec2.replace_network_acl_association(AssociationId=association(net, net.subnets[1]), NetworkAclId=made)
    yield made
    net.ec2.replace_network_acl_association(AssociationId=association(net, net.subnets[1]), NetworkAclId=default)
    net.ec2.delete_network_acl(NetworkAclId=made)


def add(net, acl, number, egress, call="create", **entry):
    getattr(net.ec2, f"{call}_network_acl_entry")(NetworkAclId=acl, RuleNumber=number, Egress=egress, **{**ALL, **entry})


def tcp(first, last=None):
    return {"Protocol": "6", "PortRange": {"From": first, "To": last or first}}


def test_a_new_acl_lets_nothing_in_or_out_of_its_subnet(net, acl):
    becomes(False, lambda: reaches(net.left, net.right), "the ACL")
    becomes(False, net.right.answers, "the ACL")
    assert reaches(net.left, net.beside)


def test_an_answer_needs_an_entry_of_its_own(net, acl):
    """Security groups remember connections, network ACLs do not."""
    add(net, acl, 100, False, **tcp(8000))
    becomes(False, lambda: reaches(net.left, net.right), "the ACL")
    add(net, acl, 100, True, **tcp(1024, 65535))
    becomes(True, lambda: reaches(net.left, net.right), "the entry for answers")
    assert not net.right.answers()


def test_the_lowest_number_that_matches_decides(net, acl):
    add(net, acl, 100, False)
    add(net, acl, 100, True)
    becomes(True, lambda: reaches(net.left, net.right), "the entries")
    add(net, acl, 50, False, RuleAction="deny", CidrBlock=f"{net.left.private_address}/32")
    becomes(False, lambda: reaches(net.left, net.right), "the entry that denies")
    assert reaches(net.beside, net.right)
    add(net, acl, 40, False, CidrBlock="10.31.1.0/24", **tcp(8000))
    becomes(True, lambda: reaches(net.left, net.right), "the entry before it")


def test_a_replaced_entry_and_a_deleted_one_obey_at_once(net, acl):
    add(net, acl, 100, False)
    add(net, acl, 100, True)
    becomes(True, lambda: reaches(net.left, net.right), "the entries")
    add(net, acl, 100, False, "replace", **tcp(9000))
    becomes(False, lambda: reaches(net.left, net.right), "the replaced entry")
    add(net, acl, 100, False, "replace", **tcp(8000))
    becomes(True, lambda: reaches(net.left, net.right), "the replaced entry")
    net.ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=100, Egress=True)
    becomes(False, lambda: reaches(net.left, net.right), "the deleted entry")


def test_types_of_icmp_are_told_apart(net, acl):
    def pings():
        return net.left.python(ECHO.format(net.right.private_address))
    add(net, acl, 100, False, Protocol="1", IcmpTypeCode={"Type": 8, "Code": -1})
    add(net, acl, 100, True, Protocol="1", IcmpTypeCode={"Type": 0, "Code": 0})
    becomes(True, pings, "the entries for echo")
    add(net, acl, 100, True, "replace", Protocol="1", IcmpTypeCode={"Type": 3, "Code": -1})
    becomes(False, pings, "the entry for another type")
    add(net, acl, 100, True, "replace", Protocol="1", IcmpTypeCode={"Type": -1, "Code": -1})
    becomes(True, pings, "the entry for all types")


def test_metadata_and_names_are_not_filtered(net, acl):
    """Within its subnet, `right` has nothing but what AWS never filters."""
    becomes(False, lambda: reaches(net.left, net.right), "the ACL")
    net.ec2.replace_network_acl_association(AssociationId=association(net, net.subnets[0]), NetworkAclId=acl)
    add(net, acl, 100, False, **tcp(22))
    add(net, acl, 100, True, **tcp(1024, 65535))
    becomes(False, lambda: reaches(net.left, net.right), "the ACL")
    assert net.left.metadata("/latest/api/token", "-X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60'")[0] == 200
    assert net.left.private_address in net.left.sh("getent ahostsv4 $(hostname -f)")
    default = net.find("network_acls", default="true")[0]["NetworkAclId"]
    net.ec2.replace_network_acl_association(AssociationId=association(net, net.subnets[0]), NetworkAclId=default)
    becomes(True, lambda: reaches(net.left, net.right) is False and net.left.answers(), "the default ACL")


def test_an_acl_that_a_subnet_has_stays(net, acl):
    refuses("DependencyViolation", net.ec2.delete_network_acl, NetworkAclId=acl)


def test_the_aws_command_makes_an_entry(net, acl, aws):
    aws(f"ec2 create-network-acl-entry --region {net.machines.region} --network-acl-id {acl} --ingress --rule-number 7"
        " --protocol udp --port-range From=53,To=53 --cidr-block 10.0.0.1/8 --rule-action allow")
    rows = aws(f"ec2 describe-network-acls --network-acl-ids {acl}", "NetworkAcls[0].Entries[?RuleNumber==`7`]")
    assert rows == [{"CidrBlock": "10.0.0.0/8", "Egress": False, "PortRange": {"From": 53, "To": 53}, "Protocol": "17",
                     "RuleAction": "allow", "RuleNumber": 7}]
