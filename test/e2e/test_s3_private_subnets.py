"""Story S3: private subnets, NAT gateways, a bastion, and one sick server, with the aws command."""
import shlex
import subprocess
import tempfile
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from conftest import Cloud, aws_of, curl, eventually, run_example, ssh, ssh_when_up
from machines import Machines
from network import Network

OPTIONS = ["--clock-speed", "5"]
SERVE = "sudo sh -c 'mkdir -p /srv/www && hostname >/srv/www/index.html && cd /srv/www && " \
        "setsid python3 -m http.server 8000 >/dev/null 2>&1 </dev/null &'"


class Story:
    """What the script made, and ways in: by the bastion, from where the copied key opens the private servers."""

    def __init__(self, cloud, aws, facts, key):
        self.cloud, self.aws, self.facts, self.key = cloud, aws, facts, key
        self.servers = dict(zip(facts["INSTANCES"].split(), facts["PRIVATE_ADDRESSES"].split()))

    def on_bastion(self, command):
        return ssh_when_up(self.key, self.facts["BASTION"], command, timeout=30)

    def on_server(self, address, command):
        """From the bastion, with the key that was copied there."""
        inner = "ssh -i private-key.pem -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR " \
                f"-o ConnectTimeout=5 -o ConnectionAttempts=20 ec2-user@{address} {shlex.quote(command)}"
        done = self.on_bastion(inner)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def health(self):
        return dict(self.aws(f"elbv2 describe-target-health --target-group-arn {self.facts['TARGET_GROUP']}",
                             query="TargetHealthDescriptions[].[Target.Id,TargetHealth.State]"))

    def wait_health(self, expected):
        eventually(lambda: self.health() == expected, what=f"health {expected}")

    def ask(self):
        return curl(self.facts["URL"])


@pytest.fixture(scope="module")
def story():
    cloud = Cloud(*OPTIONS)
    try:
        cloud.start()
        directory = Path(tempfile.mkdtemp(dir=cloud.data))
        aws = aws_of(cloud, "debian")
        facts = run_example(aws, "s3-private-subnets.sh", DIR=str(directory))
        key = directory / "private-key.pem"
        story = Story(cloud, aws, facts, key)
        story.on_bastion("true")
        subprocess.run(["scp", "-q", "-i", key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                        "-o", "LogLevel=ERROR", key, f"ec2-user@{facts['BASTION']}:private-key.pem"], check=True)
        yield story
    finally:
        cloud.remove()


def test_the_group_has_an_instance_in_each_private_subnet(story):
    networks = sorted(address.rsplit(".", 1)[0] for address in story.servers.values())
    assert networks == ["10.0.128", "10.0.129"]


def test_the_copied_key_opens_the_private_servers_from_the_bastion(story):
    for address in story.servers.values():
        assert story.on_server(address, "hostname -I") == address


def test_private_servers_reach_out_through_the_nat_gateway_of_their_zone(story):
    class Peer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.client_address[0].encode())

        def log_message(self, *_):
            pass

    server = HTTPServer((story.cloud.host_address, 0), Peer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://{story.cloud.host_address}:{server.server_port}/"
    try:
        seen = {address: story.on_server(address, f"curl -s --max-time 5 {url}") for address in story.servers.values()}
    finally:
        server.shutdown()
        server.server_close()
    first, second = story.facts["NAT_ADDRESSES"].split()
    assert seen == {address: first if address.startswith("10.0.128.") else second for address in story.servers.values()}


def test_nothing_reaches_in_from_outside(story):
    ways_in = [*story.servers.values(), *story.facts["NAT_ADDRESSES"].split()]
    for address in ways_in:
        assert ssh(story.key, address, "true", connect_timeout=1).returncode == 255, address


def test_the_page_is_not_reachable_before_port_80_is_allowed(story):
    assert curl(story.facts["URL"], timeout=1) is None
    story.aws(f"ec2 authorize-security-group-ingress --group-id {story.facts['GROUP']} --protocol tcp --port 80 "
              "--cidr 0.0.0.0/0")
    eventually(story.ask, what="an answer of the load balancer")


def test_all_requests_go_to_the_one_healthy_server(story):
    (healthy, address), (sick, _) = story.servers.items()
    story.on_server(address, SERVE)
    story.wait_health({healthy: "healthy", sick: "unhealthy"})
    name = story.on_server(address, "hostname")
    assert {story.ask().strip() for _ in range(20)} == {name}


def test_requests_alternate_when_the_second_serves_too(story):
    story.on_server(list(story.servers.values())[1], SERVE)
    story.wait_health(dict.fromkeys(story.servers, "healthy"))
    answers = Counter(story.ask() for _ in range(20))
    assert len(answers) == 2 and max(answers.values()) - min(answers.values()) <= 2, answers


def test_a_resource_map_can_be_drawn(story):
    """Listener, rule, target group, targets with their health: what the console's map asks for."""
    balancer = story.facts["LOAD_BALANCER"]
    listener = story.aws(f"elbv2 describe-listeners --load-balancer-arn {balancer}", query="Listeners[0].ListenerArn")
    rules = story.aws(f"elbv2 describe-rules --listener-arn {listener}", query="Rules[].Actions[].TargetGroupArn")
    groups = story.aws(f"elbv2 describe-target-groups --load-balancer-arn {balancer}", query="TargetGroups[].TargetGroupArn")
    assert rules == groups == [story.facts["TARGET_GROUP"]]
    assert set(story.health()) == set(story.servers)


def test_a_forgotten_port_is_why_a_single_server_is_not_reachable(story, tmp_path):
    """The network ACL allows everything, the security group only SSH."""
    machines = Machines(story.cloud, tmp_path)
    network = Network(machines, "10.9.0.0/16")
    group = network.security_group("ssh-only", {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
                                                "IpRanges": [{"CidrIp": "0.0.0.0/0"}]})
    machine = network.run(network.subnet("10.9.1.0/24"), groups=[group])
    machine.root("cd /opt && setsid python3 -m http.server 5000 >/dev/null 2>&1 </dev/null &")
    machine.sh("until curl -s -o /dev/null http://127.0.0.1:5000/; do :; done")
    assert curl(f"http://{machine.address}:5000/", timeout=1) is None
    story.aws(f"ec2 authorize-security-group-ingress --group-id {group} --protocol tcp --port 5000 --cidr 0.0.0.0/0")
    eventually(lambda: curl(f"http://{machine.address}:5000/", timeout=1), what="the page on port 5000")
