"""Elastic addresses: the machine is reached at the one that it has, and at no other."""
import pytest
from botocore.exceptions import ClientError
from conftest import eventually, ssh
from machines import machine, machines


def test_an_elastic_address_moves_with_its_association(machines, machine):
    ec2 = machines.ec2
    born_with = machine.address
    assert machine.sh("true") == ""
    made = ec2.allocate_address(Domain="vpc")
    allocation, elastic = made["AllocationId"], made["PublicIp"]
    ec2.associate_address(AllocationId=allocation, InstanceId=machine.id)
    assert machine.address == elastic
    eventually(lambda: machine.answers(elastic), what="the elastic address")
    assert not machine.answers(born_with)
    assert machine.metadata("/latest/meta-data/public-ipv4", token(machine))[1] == elastic

    second = machines.run()
    ec2.associate_address(AllocationId=allocation, InstanceId=second.id)
    eventually(lambda: who_answers(second, elastic) == second.private_address, what="the move to the other machine")
    assert machine.describe().get("PublicIpAddress") != elastic

    with pytest.raises(ClientError) as caught:
        ec2.release_address(AllocationId=allocation)
    assert caught.value.response["Error"]["Code"] == "InvalidIPAddress.InUse"
    association = ec2.describe_addresses(AllocationIds=[allocation])["Addresses"][0]["AssociationId"]
    ec2.disassociate_address(AssociationId=association)
    eventually(lambda: not second.answers(elastic), what="the disassociation")
    ec2.release_address(AllocationId=allocation)
    assert ec2.describe_addresses()["Addresses"] == []


def token(machine):
    text = machine.sh("curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token")
    return f"-H 'X-aws-ec2-metadata-token: {text}'"


def who_answers(machine, address):
    """The private address of whoever answers at `address`."""
    done = ssh(machine.machines.key, address, "hostname -I", connect_timeout=1)
    return done.stdout.strip() if done.returncode == 0 else None


def test_an_elastic_address_survives_a_stop_and_an_ordinary_one_does_not(machines):
    ec2, machine = machines.ec2, machines.run()
    allocation = ec2.allocate_address()
    ec2.associate_address(AllocationId=allocation["AllocationId"], InstanceId=machine.id)
    ec2.stop_instances(InstanceIds=[machine.id])
    assert machine.wait("stopped").address == allocation["PublicIp"]
    ec2.start_instances(InstanceIds=[machine.id])
    assert machine.wait("running").address == allocation["PublicIp"]
    eventually(machine.answers, what="the machine at its elastic address")
    ec2.terminate_instances(InstanceIds=[machine.id])
    machine.wait("terminated")
    address = ec2.describe_addresses(AllocationIds=[allocation["AllocationId"]])["Addresses"][0]
    assert "InstanceId" not in address
    ec2.release_address(AllocationId=allocation["AllocationId"])

    other = machines.run()
    ec2.stop_instances(InstanceIds=[other.id])
    assert "PublicIpAddress" not in other.wait("stopped").describe()
    ec2.start_instances(InstanceIds=[other.id])
    assert other.wait("running").address.startswith("100.")


def test_five_addresses_a_region_as_on_aws(machines):
    ec2 = machines.cloud.boto("ec2", region="eu-west-3")
    for _ in range(5):
        ec2.allocate_address()
    with pytest.raises(ClientError) as caught:
        ec2.allocate_address()
    assert caught.value.response["Error"]["Code"] == "AddressLimitExceeded"


def test_network_interfaces_show_the_address(machines):
    machine = machines.run()
    found = machines.ec2.describe_network_interfaces(Filters=[
        {"Name": "attachment.instance-id", "Values": [machine.id]}])["NetworkInterfaces"]
    assert [i["PrivateIpAddress"] for i in found] == [machine.private_address]
    assert found[0]["Status"] == "in-use" and found[0]["MacAddress"] == machine.sh("cat /sys/class/net/eth0/address")
