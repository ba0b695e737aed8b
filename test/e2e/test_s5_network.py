"""Story S5, its network: an application and its databases on instances of their own, behind one load balancer."""
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from conftest import Cloud, aws_of, curl, eventually, run_example
from machines import IMAGE_PARAMETER

OPTIONS = ["--clock-speed", "5"]


class Story:
    def __init__(self, cloud, facts):
        self.cloud, self.facts = cloud, facts
        self.ec2, self.elb, self.asg = (cloud.boto(name) for name in ("ec2", "elbv2", "autoscaling"))

    def healthy(self, targets):
        found = self.elb.describe_target_health(TargetGroupArn=self.facts[targets])["TargetHealthDescriptions"]
        return {one["Target"]["Id"] for one in found if one["TargetHealth"]["State"] == "healthy"}

    def wait_healthy(self, targets, count):
        return eventually(lambda: len(found := self.healthy(targets)) == count and found, what=f"{count} healthy {targets}")

    def ask(self, path):
        return (curl(self.facts["URL"] + path) or "").strip()

    def instances(self):
        found = self.ec2.describe_instances(Filters=[{"Name": "vpc-id", "Values": [self.facts["VPC"]]}])
        return [instance for reservation in found["Reservations"] for instance in reservation["Instances"]]


@pytest.fixture(scope="module")
def story():
    cloud = Cloud(*OPTIONS)
    try:
        cloud.start()
        story = Story(cloud, run_example(aws_of(cloud, "debian"), "s5-split.sh"))
        story.wait_healthy("APPLICATION_TARGETS", 2)
        story.wait_healthy("DATABASES_TARGETS", 1)
        yield story
    finally:
        cloud.remove()


def test_each_path_leads_to_its_own_instances_and_port(story):
    application = {story.ask("/app/name") for _ in range(8)}
    assert len(application) == 2 and all(answer.endswith(" 3000") for answer in application)
    databases = {story.ask("/db/name") for _ in range(4)}
    assert len(databases) == 1 and databases.pop().endswith(" 8000")
    assert story.ask("/elsewhere") == "nothing here"


def test_the_application_reaches_both_databases(story):
    eventually(lambda: story.ask("/app/platform").endswith(" 8000"), what="an answer of the platform")
    eventually(lambda: story.ask("/app/vectors").endswith(" 19530"), what="an answer of the vector database")


def test_nothing_has_a_public_address(story):
    assert len(story.instances()) == 3
    assert not [one for one in story.instances() if one.get("PublicIpAddress") or not one["PrivateIpAddress"].startswith("10.0.12")]


def test_the_way_out_is_the_nat_gateway_and_no_other_group_reaches_the_databases(story):
    seen, over = {}, threading.Event()

    class Peer(BaseHTTPRequestHandler):
        def do_GET(self):
            seen[self.path.split("/")[1]] = (self.client_address[0], self.path)
            self.send_response(200)
            self.end_headers()
            if "databases" in seen:
                over.set()

        def log_message(self, *_):
            pass

    server = HTTPServer((story.cloud.host_address, 0), Peer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    peer = f"http://{story.cloud.host_address}:{server.server_port}"
    image = story.cloud.boto("ssm").get_parameter(Name=IMAGE_PARAMETER)["Parameter"]["Value"]
    try:
        stranger = story.ec2.run_instances(
            ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, SubnetId=story.facts["PRIVATE_SUBNET"],
            UserData=f"#!/bin/sh\ncurl -s {peer}/out\ncurl -s -m 2 http://{story.facts['DATABASES_ADDRESS']}:8000/health\n"
                     f"curl -s {peer}/databases/$?\n")["Instances"][0]["InstanceId"]
        assert over.wait(60), seen
    finally:
        server.shutdown()
        server.server_close()
    story.ec2.terminate_instances(InstanceIds=[stranger])
    assert seen["out"][0] == story.facts["NAT_ADDRESS"]
    assert seen["databases"][1] == "/databases/28", "it timed out: no rule lets it in"


def test_the_group_replaces_an_application_that_ended(story):
    before = story.healthy("APPLICATION_TARGETS")
    gone = min(before)
    story.ec2.terminate_instances(InstanceIds=[gone])
    eventually(lambda: gone not in (now := story.healthy("APPLICATION_TARGETS")) and len(now) == 2, what="another application")
    assert {story.ask("/app/vectors").split(" ")[-1] for _ in range(4)} == {"19530"}
