"""The metadata service: versions 1 and 2, off, hop limit, tags, and the identity document."""
import json

from machines import machine, machines

TOKEN = "/latest/api/token"
PUT = "-X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60'"


def with_token(machine):
    return f"-H 'X-aws-ec2-metadata-token: {machine.metadata(TOKEN, PUT)[1]}'"


def test_a_token_opens_it_and_nothing_else_does(machine):
    assert machine.metadata("/latest/meta-data/instance-id")[0] == 401
    assert machine.metadata("/latest/meta-data/instance-id", "-H 'X-aws-ec2-metadata-token: wrong'")[0] == 401
    assert machine.metadata("/latest/meta-data/instance-id", with_token(machine)) == (200, machine.id)
    assert machine.metadata(TOKEN, PUT + " -H 'X-Forwarded-For: 10.0.0.1'")[0] == 403
    assert machine.metadata(TOKEN, "-X PUT")[0] == 400
    assert machine.metadata("/latest/meta-data/nothing", with_token(machine))[0] == 404


def test_it_knows_the_machine(machines, machine):
    token, shown = with_token(machine), machine.describe()
    assert machine.metadata("/latest/meta-data/local-ipv4", token)[1] == shown["PrivateIpAddress"]
    assert machine.metadata("/latest/meta-data/public-ipv4", token)[1] == shown["PublicIpAddress"]
    assert machine.metadata("/latest/meta-data/placement/availability-zone", token)[1] == shown["Placement"]["AvailabilityZone"]
    assert machine.metadata("/latest/meta-data/ami-id", token)[1] == machines.image
    assert machine.metadata("/latest/meta-data/security-groups", token)[1] == "default"
    mac = machine.metadata("/latest/meta-data/mac", token)[1]
    assert machine.metadata(f"/latest/meta-data/network/interfaces/macs/{mac}/vpc-id", token)[1] == machines.vpc
    assert "instance-id" in machine.metadata("/latest/meta-data/", token)[1].split()
    document = json.loads(machine.metadata("/latest/dynamic/instance-identity/document", token)[1])
    assert document["instanceId"] == machine.id and document["region"] == machines.region
    assert document["accountId"] == "000000000000" and document["instanceType"] == "t3.micro"
    assert document["privateIp"] == shown["PrivateIpAddress"] and document["imageId"] == machines.image


def test_options_take_effect_on_the_running_machine(machines, machine):
    def options(**changed):
        machines.ec2.modify_instance_metadata_options(InstanceId=machine.id, **changed)
        machine.sh("sleep 0.1")

    options(HttpTokens="optional")
    assert machine.metadata("/latest/meta-data/instance-id") == (200, machine.id)
    options(HttpTokens="required")
    assert machine.metadata("/latest/meta-data/instance-id")[0] == 401
    options(InstanceMetadataTags="enabled")
    machines.ec2.create_tags(Resources=[machine.id], Tags=[{"Key": "Role", "Value": "web"}])
    assert machine.metadata("/latest/meta-data/tags/instance/Role", with_token(machine)) == (200, "web")
    options(HttpEndpoint="disabled")
    assert machine.metadata(TOKEN, PUT)[0] == 403
    options(HttpEndpoint="enabled")
    assert machine.metadata(TOKEN, PUT)[0] == 200


BOX = f"""
ip netns add box && ip link add veth0 type veth peer name veth1 && ip link set veth1 netns box
ip addr add 192.168.77.1/24 dev veth0 && ip link set veth0 up
nsenter --net=/run/netns/box sh -c 'ip addr add 192.168.77.2/24 dev veth1; ip link set veth1 up; ip route add default via 192.168.77.1'
echo 1 >/proc/sys/net/ipv4/ip_forward
nft 'add table ip nat; add chain ip nat post {{ type nat hook postrouting priority 100; }}; add rule ip nat post oifname eth0 masquerade'
"""
ASK = f"sudo nsenter --net=/run/netns/box curl -s --max-time 1 {PUT} http://169.254.169.254{TOKEN} || true"


def test_the_hop_limit_keeps_the_token_from_containers(machines):
    """A program behind one more hop in the instance, as in a container with a bridge."""
    machine = machines.run(MetadataOptions={"HttpPutResponseHopLimit": 1})
    machine.root(BOX)
    assert machine.sh(ASK) == ""
    machines.ec2.modify_instance_metadata_options(InstanceId=machine.id, HttpPutResponseHopLimit=2)
    machine.sh("sleep 0.1")
    assert machine.sh(ASK) != ""


def test_a_machine_without_metadata_service_boots(machines):
    machine = machines.run(MetadataOptions={"HttpEndpoint": "disabled"}, UserData="#!/bin/sh\necho script ran\n")
    assert "script ran" not in machine.wait_console("cloud-init: finished")
