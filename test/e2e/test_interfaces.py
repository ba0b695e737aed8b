"""Network interfaces live: plugged into running instances, moved between them, judged each by its own rules."""
import json
import os
import signal

import pytest
from botocore.exceptions import ClientError
from conftest import eventually
from machines import machines
from network import ANYWHERE, Network, becomes, reaches

TYPE = {"InstanceType": "t3.small"}  # three interfaces with four addresses each


@pytest.fixture(scope="module")
def net(machines):
    """Two subnets of one zone: `front`, which the internet reaches, and `back`, which it does not."""
    made = Network(machines, "10.62.0.0/16")
    zone = {"AvailabilityZone": f"{machines.region}a"}
    made.front, made.back = made.subnet("10.62.1.0/24", **zone), made.subnet("10.62.2.0/24", **zone)
    made.back_table = made.route_table(made.back)
    made.client = made.run(made.front)
    made.server, made.spare = made.run(made.front, **TYPE), made.run(made.front, **TYPE)
    for machine in made.server, made.spare:
        becomes(True, lambda: reaches(made.client, machine), "the server")
    return made


def create(net, subnet, **options):
    options = {"Groups": [net.group], **options}
    return net.ec2.create_network_interface(SubnetId=subnet, **options)["NetworkInterface"]


def describe(net, interface):
    return net.ec2.describe_network_interfaces(NetworkInterfaceIds=[interface["NetworkInterfaceId"]])["NetworkInterfaces"][0]


def attach(net, interface, machine, index=1):
    made = net.ec2.attach_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"], InstanceId=machine.id, DeviceIndex=index)
    eventually(lambda: describe(net, interface)["Attachment"]["Status"] == "attached", what="the attachment")
    return made["AttachmentId"]


def detach(net, interface, **options):
    net.ec2.detach_network_interface(AttachmentId=describe(net, interface)["Attachment"]["AttachmentId"], **options)
    eventually(lambda: describe(net, interface)["Status"] == "available", what="the detachment")
    assert describe(net, interface)["Attachment"]["Status"] == "detached"  # for a while, as clients wait for it


def remove(net, interface):
    if describe(net, interface)["Status"] == "in-use":
        detach(net, interface)
    net.ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])


def links(machine):
    """{name: (mac, [addresses])} of an instance, as it sees them itself."""
    return {link["ifname"]: (link["address"], [row["local"] for row in link["addr_info"] if row["family"] == "inet"])
            for link in json.loads(machine.sh("ip -j address")) if link["ifname"] != "lo"}


def test_an_interface_is_plugged_into_a_running_instance_and_out_again(net):
    interface = create(net, net.back)
    address = interface["PrivateIpAddress"]
    assert interface["Status"] == "pending" and describe(net, interface)["Status"] == "available"
    assert not reaches(net.client, address)
    attach(net, interface, net.server)
    assert links(net.server)["eth1"] == (interface["MacAddress"], [address])
    shown = net.server.describe()["NetworkInterfaces"]
    assert [row["Attachment"]["DeviceIndex"] for row in shown] == [0, 1]
    assert shown[1]["PrivateIpAddress"] == address and net.server.private_address == shown[0]["PrivateIpAddress"]
    becomes(True, lambda: reaches(net.client, address), "the interface")
    assert reaches(net.client, net.server)

    detach(net, interface, Force=True)
    assert "eth1" not in links(net.server) and len(net.server.describe()["NetworkInterfaces"]) == 1
    assert not reaches(net.client, address) and reaches(net.client, net.server)
    remove(net, interface)


def test_each_interface_has_the_groups_and_routes_of_its_own(net, cloud):
    interface, address = (made := create(net, net.back)), made["PrivateIpAddress"]
    attach(net, interface, net.server)
    becomes(True, lambda: reaches(net.client, address), "the interface")
    closed = net.ec2.create_security_group(GroupName="closed", Description="closed", VpcId=net.vpc)["GroupId"]
    net.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface["NetworkInterfaceId"], Groups=[closed])
    becomes(False, lambda: reaches(net.client, address), "its own group")
    assert reaches(net.client, net.server)
    net.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface["NetworkInterfaceId"], Groups=[net.group])
    becomes(True, lambda: reaches(net.client, address), "its old group")

    # The internet: by the first interface, and not by the second until its subnet has a route there.
    elastic = net.ec2.allocate_address()
    net.ec2.associate_address(AllocationId=elastic["AllocationId"], NetworkInterfaceId=interface["NetworkInterfaceId"])
    assert net.server.answers() and not net.server.answers(elastic["PublicIp"])
    net.ec2.create_route(RouteTableId=net.back_table, DestinationCidrBlock=ANYWHERE, GatewayId=net.gateway)
    becomes(True, lambda: net.server.answers(elastic["PublicIp"]), "the way back by the second interface")
    net.ec2.delete_route(RouteTableId=net.back_table, DestinationCidrBlock=ANYWHERE)
    with pytest.raises(ClientError) as caught:
        net.ec2.modify_instance_attribute(InstanceId=net.server.id, Groups=[net.group])
    assert caught.value.response["Error"]["Code"] == "InvalidInstanceID"
    remove(net, interface)
    assert "InstanceId" not in net.ec2.describe_addresses(AllocationIds=[elastic["AllocationId"]])["Addresses"][0]
    net.ec2.release_address(AllocationId=elastic["AllocationId"])


def test_the_metadata_service_knows_every_interface_and_every_caller(net):
    interface = create(net, net.back, SecondaryPrivateIpAddressCount=1)
    attach(net, interface, net.server)
    addresses = [row["PrivateIpAddress"] for row in interface["PrivateIpAddresses"]]
    token = net.server.sh("curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 600' http://169.254.169.254/latest/api/token")

    def ask(path, options=""):
        base = f"/latest/meta-data/network/interfaces/macs/{interface['MacAddress']}/"
        return net.server.metadata(base + path, f"-H 'X-aws-ec2-metadata-token: {token}' {options}")
    assert ask("device-number") == (200, "1") and ask("interface-id") == (200, interface["NetworkInterfaceId"])
    assert ask("local-ipv4s") == (200, "\n".join(addresses)) and ask("subnet-id") == (200, net.back)
    for address in addresses:
        assert ask("device-number", f"--interface {address}") == (200, "1")
    assert ask("ipv4-associations/")[0] == 404
    remove(net, interface)
    becomes(404, lambda: ask("device-number")[0], "the end of the metadata")


def test_secondary_addresses_are_there_and_move(net):
    """Also of the first interface; with AllowReassignment from one instance to another, at once."""
    first = [machine.describe()["NetworkInterfaces"][0]["NetworkInterfaceId"] for machine in (net.server, net.spare)]
    made = net.ec2.assign_private_ip_addresses(NetworkInterfaceId=first[0], PrivateIpAddresses=["10.62.1.200"])
    assert made["AssignedPrivateIpAddresses"] == [{"PrivateIpAddress": "10.62.1.200"}]
    becomes(True, lambda: reaches(net.client, "10.62.1.200"), "the secondary address")
    assert "10.62.1.200" in links(net.server)["eth0"][1]
    with pytest.raises(ClientError) as caught:
        net.ec2.assign_private_ip_addresses(NetworkInterfaceId=first[1], PrivateIpAddresses=["10.62.1.200"])
    assert caught.value.response["Error"]["Code"] == "InvalidIPAddress.InUse"

    net.ec2.assign_private_ip_addresses(NetworkInterfaceId=first[1], PrivateIpAddresses=["10.62.1.200"], AllowReassignment=True)
    who = lambda: net.client.attempt("curl -s --max-time 1 http://10.62.1.200:8000/").stdout.strip()  # noqa: E731
    becomes("ip-" + net.spare.private_address.replace(".", "-"), who, "the move")
    assert "10.62.1.200" not in links(net.server)["eth0"][1]
    net.ec2.unassign_private_ip_addresses(NetworkInterfaceId=first[1], PrivateIpAddresses=["10.62.1.200"])
    becomes(False, lambda: reaches(net.client, "10.62.1.200"), "the end of the secondary address")
    assert links(net.spare)["eth0"][1] == [net.spare.private_address]


def test_a_moved_interface_answers_at_another_instance(net):
    """With its address and its elastic one: what fails over that way is reached where it was."""
    interface, address = (made := create(net, net.front)), made["PrivateIpAddress"]
    elastic = net.ec2.allocate_address()
    net.ec2.associate_address(AllocationId=elastic["AllocationId"], NetworkInterfaceId=interface["NetworkInterfaceId"])
    for machine in net.server, net.spare:
        attach(net, interface, machine)
        who = lambda to: net.client.attempt(f"curl -s --max-time 1 http://{to}:8000/").stdout.strip()  # noqa: E731
        for to in address, elastic["PublicIp"]:
            becomes("ip-" + machine.private_address.replace(".", "-"), lambda: who(to), f"{machine.id} at {to}")
        detach(net, interface)
    remove(net, interface)
    net.ec2.release_address(AllocationId=elastic["AllocationId"])


def listens(source, address):
    """Whether sshd accepts: unlike what user data started, it runs again after a start."""
    return source.attempt(f"timeout 1 bash -c '</dev/tcp/{address}/22'").returncode == 0


def kill_host(net):
    pid = net.machines.cloud.record()["host"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: net.machines.cloud.record().get("host") not in (None, pid), what="host to be started again")


def test_interfaces_of_a_launch_survive_a_stop_and_a_host_and_stay_when_kept(net):
    kept = create(net, net.back)
    machine = net.machines.run(**TYPE, NetworkInterfaces=[
        {"DeviceIndex": 2, "NetworkInterfaceId": kept["NetworkInterfaceId"]},
        {"DeviceIndex": 0, "SubnetId": net.front, "Groups": [net.group]},
        {"DeviceIndex": 1, "SubnetId": net.back, "Groups": [net.group], "SecondaryPrivateIpAddressCount": 1}])
    rows = machine.describe()["NetworkInterfaces"]
    assert [row["Attachment"]["DeviceIndex"] for row in rows] == [0, 1, 2] and "PublicIpAddress" not in machine.describe()
    addresses = [row["PrivateIpAddress"] for interface in rows for row in interface["PrivateIpAddresses"]]
    assert len(addresses) == 4
    for address in addresses:
        becomes(True, lambda: listens(net.client, address), address)

    kill_host(net)
    detach(net, rows[1])
    assert [listens(net.client, address) for address in addresses] == [True, False, False, True]
    net.ec2.stop_instances(InstanceIds=[machine.id])
    machine.wait("stopped")
    attach(net, rows[1], machine)
    net.ec2.start_instances(InstanceIds=[machine.id])
    machine.wait("running")
    for address in addresses:
        becomes(True, lambda: listens(net.client, address), f"{address} after the start")

    net.ec2.terminate_instances(InstanceIds=[machine.id])
    machine.wait("terminated")
    left = net.find("network_interfaces", subnet_id=net.back)
    # What was attached later, or existed before the launch, is kept.
    assert {row["NetworkInterfaceId"] for row in left} == {kept["NetworkInterfaceId"], rows[1]["NetworkInterfaceId"]}
    assert {row["Status"] for row in left} == {"available"}
    for row in left:
        remove(net, row)
