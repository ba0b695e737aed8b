"""Names in a VPC, and the way from an instance to AWS's APIs: real clients, unchanged, in real instances."""
import json
import shlex
import subprocess
import sys

import pytest
from conftest import REGION, eventually
from machines import machine, machines
from network import Network

OPTIONS = ["--dns", "127.0.0.1:53"]
API = f"ec2.{REGION}.amazonaws.com"
DIG = """
import socket, struct, sys
name, kind, tcp, server = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "tcp", sys.argv[4]
query = struct.pack(">HHHHHH", 77, 256, 1, 0, 0, 0) + b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\\0"
query += struct.pack(">HH", kind, 1)
with socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as s:
    s.settimeout(2)
    try:
        s.connect((server, 53))
        s.sendall(struct.pack(">H", len(query)) + query if tcp else query)
        answer = s.recv(4096)[2 if tcp else 0:]
    except OSError:
        sys.exit("silence")
_, flags, _, answers, authority, _ = struct.unpack(">HHHHHH", answer[:12])
print(flags & 15, answers, authority, socket.inet_ntoa(answer[-4:]) if kind == 1 and answers else "")
"""


def dig(machine, name, kind=1, transport="udp", server="169.254.169.253"):
    """(rcode, answers, SOA records, last address) of a question that an instance asks."""
    command = f"python3 -c {shlex.quote(DIG)} {name} {kind} {transport} {server}"
    words = machine.sh(command).split()
    return (*map(int, words[:3]), words[3] if len(words) > 3 else None)


@pytest.fixture(scope="module")
def session(cloud):
    """Credentials that are good everywhere, made on the host."""
    made = cloud.boto("sts").get_session_token()["Credentials"]
    return {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
            "AWS_SESSION_TOKEN": made["SessionToken"], "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1"}


def env(session):
    return " ".join(f"{name}={value}" for name, value in session.items())


def test_names_of_instances_resolve_both_ways(machine):
    shown = machine.describe()
    for transport in ("udp", "tcp"):
        for server in ("169.254.169.253", "172.31.0.2"):
            for name in (shown["PrivateDnsName"], shown["PublicDnsName"]):
                assert dig(machine, name, 1, transport, server) == (0, 1, 0, shown["PrivateIpAddress"])
    reverse = ".".join(reversed(shown["PrivateIpAddress"].split("."))) + ".in-addr.arpa"
    assert dig(machine, reverse, 12) == (0, 1, 0, None)
    assert dig(machine, shown["PrivateDnsName"], 28) == (0, 0, 1, None)
    assert dig(machine, "ip-172-31-255-250." + shown["PrivateDnsName"].split(".", 1)[1]) == (3, 0, 1, None)
    assert machine.sh("cat /etc/resolv.conf").splitlines()[:2] == [f"search {REGION}.compute.internal", "nameserver 172.31.0.2"]


def test_unchanged_clients_reach_the_api(machines, machine, session, cloud):
    assert dig(machine, API)[3] == cloud.host_address.replace(".0.1", ".0.2")
    ask = f"{env(session)} aws ec2 describe-vpcs --region {REGION} --output json"
    shown = json.loads(machine.sh(ask, timeout=120))
    assert shown["Vpcs"][0]["VpcId"] == machines.vpc
    arn = json.loads(machine.root(f"{env(session)} aws sts get-caller-identity --region {REGION} --output json", timeout=120))
    assert arn["Account"] == "000000000000"
    # Every program's own idea of whom to trust.
    page = f"https://{API}/"
    assert machine.sh(f"curl -s -o /dev/null -w '%{{http_code}}' {page}") in ("400", "403")
    python = f"import urllib.request as u, urllib.error as e\ntry: u.urlopen('{page}')\nexcept e.HTTPError as x: print(x.code)"
    assert machine.sh(f"python3 -c {shlex.quote(python)}") in ("400", "403")
    node = f"require('https').get('{page}', r => {{ console.log(r.statusCode); process.exit() }}).on('error', e => console.log(e.message))"
    assert machine.sh(f"node -e {shlex.quote(node)}") in ("400", "403")


def test_the_well_known_key_is_nobodys_in_an_instance(machine, session):
    known = {**session, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    del known["AWS_SESSION_TOKEN"]
    for service, code in (("ec2 describe-vpcs", "AuthFailure"), ("sts get-caller-identity", "InvalidClientTokenId")):
        done = machine.attempt(f"{env(known)} aws {service} --region {REGION}", timeout=120)
        assert done.returncode != 0 and code in done.stderr
    assert machine.sh(f"curl -s -o /dev/null -w '%{{http_code}}' http://{API}/_pileus/status") in ("400", "403")


def test_user_data_reaches_the_api(machines, session):
    script = f"#!/bin/sh\nexport {env(session)}\naws ec2 describe-regions --region {REGION} --region-names {REGION} --output text\n"
    machines.run(UserData=script).wait_console(f"ec2.{REGION}.amazonaws.com")


def test_the_way_to_the_api_needs_a_way_out(machines, machine, session):
    network = Network(machines, "10.60.0.0/16")
    subnet = network.subnet("10.60.1.0/24")
    inside = network.run(subnet)
    probe = f"curl -s -o /dev/null --max-time 3 https://{API}/"
    assert inside.attempt(probe).returncode == 0
    group = machines.ec2.describe_security_groups(GroupIds=[network.group])["SecurityGroups"][0]
    machines.ec2.revoke_security_group_egress(GroupId=network.group, IpPermissions=group["IpPermissionsEgress"])
    eventually(lambda: inside.attempt(probe).returncode == 28, what="no rule lets it out")


def test_dhcp_options_say_what_an_instance_learns(machines):
    options = machines.ec2.create_dhcp_options(DhcpConfigurations=[
        {"Key": "domain-name", "Values": ["corp.example"]}, {"Key": "ntp-servers", "Values": ["10.61.0.9"]},
        {"Key": "domain-name-servers", "Values": ["10.61.1.10", "AmazonProvidedDNS"]}])["DhcpOptions"]["DhcpOptionsId"]
    network = Network(machines, "10.61.0.0/16")
    machines.ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=network.vpc)
    inside = network.run(network.subnet("10.61.1.0/24"))
    assert inside.sh("cat /etc/resolv.conf").splitlines()[:3] == ["search corp.example", "nameserver 10.61.1.10",
                                                                  "nameserver 10.61.0.2"]
    assert "ntp-servers 10.61.0.9;" in inside.sh("cat /var/lib/dhcp/dhclient.eth0.leases")
    # What the VPC's attributes say acts at once.
    name = inside.describe()["PrivateDnsName"]
    assert inside.describe()["PublicDnsName"] == "" and dig(inside, name)[:2] == (0, 1)
    machines.ec2.modify_vpc_attribute(VpcId=network.vpc, EnableDnsHostnames={"Value": True})
    public = inside.describe()["PublicDnsName"]
    eventually(lambda: dig(inside, public)[3] == inside.private_address, what="the public name resolves inside")
    machines.ec2.modify_vpc_attribute(VpcId=network.vpc, EnableDnsSupport={"Value": False})
    ask = f"python3 -c {shlex.quote(DIG)} {name} 1 udp 169.254.169.253"
    eventually(lambda: "silence" in inside.attempt(ask).stderr, what="the resolver is silent")


def test_the_host_may_have_a_resolver_too(cloud, machine):
    def ask(name):
        words = [sys.executable, "-c", DIG, name, "1", "udp", "127.0.0.1"]
        return subprocess.run(words, text=True, capture_output=True, check=True).stdout.split()[-1]

    assert ask(f"web-1.{REGION}.elb.localhost") == "127.0.0.1"
    assert ask(API) == cloud.host_address.replace(".0.1", ".0.2")
    assert ask(machine.describe()["PublicDnsName"]) == machine.address
