"""Story S2 without its Redis, S3 and ECR: the tests of its author, with the aws command."""
import tempfile
import threading
from collections import Counter
from pathlib import Path

import pytest
from conftest import Cloud, aws_of, curl, eventually, run_example, ssh_when_up

OPTIONS = ["--clock-speed", "20", "--vcpu-share", "0.1"]
# Beside the program and behind it, as a batch job would be.
BURN = "for i in 1 2; do nice -n 19 setsid sh -c 'while :; do :; done' >/dev/null 2>&1 </dev/null & done"


class Story:
    """What the script made, and what the group and its targets are now."""

    def __init__(self, cloud, aws, facts):
        self.cloud, self.aws, self.facts = cloud, aws, facts
        self.asg, self.ec2, self.elb, self.cloudwatch = (
            cloud.boto(service) for service in ("autoscaling", "ec2", "elbv2", "cloudwatch"))

    def group(self):
        return self.asg.describe_auto_scaling_groups()["AutoScalingGroups"][0]

    def health(self):
        found = self.elb.describe_target_health(TargetGroupArn=self.facts["TARGET_GROUP"])["TargetHealthDescriptions"]
        return {target["Target"]["Id"]: target["TargetHealth"]["State"] for target in found}

    def healthy(self):
        return [target for target, state in self.health().items() if state == "healthy"]

    def wait_healthy(self, count):
        """Until so many instances are in service, and nothing else is a target."""
        def settled():
            members = self.group()["Instances"]
            return len(members) == count and all(member["LifecycleState"] == "InService" for member in members) and \
                self.health() == {member["InstanceId"]: "healthy" for member in members}
        eventually(settled, what=f"{count} instances in service")
        return self.healthy()

    def address(self, instance):
        found = self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        return found["PublicIpAddress"]

    def on(self, instance, command):
        done = ssh_when_up(self.facts["KEY"], self.address(instance), command)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def ask(self):
        return curl(self.facts["URL"])

    def mail(self):
        return "".join(path.read_text() for path in self.cloud.data.glob("mail/ops@example.com/*"))

    def confirm_mail(self):
        link = eventually(lambda: next((word for word in self.mail().split() if "Action=ConfirmSubscription" in word), None),
                          what="the mail that asks for confirmation")
        assert curl(link)


@pytest.fixture(scope="module")
def story():
    cloud = Cloud(*OPTIONS)
    try:
        cloud.start()
        directory = Path(tempfile.mkdtemp(dir=cloud.data))
        aws = aws_of(cloud, "debian")
        story = Story(cloud, aws, run_example(aws, "s2-stateless-app.sh", DIR=str(directory), MY_IP=f"{cloud.host_address}/32"))
        story.confirm_mail()
        story.wait_healthy(2)
        yield story
    finally:
        cloud.remove()


def test_requests_reach_different_instances(story):
    answers = Counter(story.ask() for _ in range(20))
    assert len(answers) == 2 and all(answer.startswith("version 1 on ") for answer in answers), answers


def test_only_the_load_balancer_reaches_the_program(story):
    address = story.address(story.healthy()[0])
    assert curl(f"http://{address}/", timeout=1) is None


def test_an_instance_without_its_application_gets_no_more_traffic_and_is_replaced(story):
    story.cloud.advance("5m")  # the grace period of those there is over
    sick, well = story.healthy()
    name = story.on(well, "hostname")
    story.on(sick, "sudo pkill node")
    eventually(lambda: story.health().get(sick) != "healthy", what="the target to be unhealthy")
    answers = Counter(story.ask() for _ in range(20))
    assert not [answer for answer in answers if not answer or not answer.startswith("version 1 on ")], answers
    assert any(name in answer for answer in answers)
    eventually(lambda: sick not in [member["InstanceId"] for member in story.group()["Instances"]], what="it to be replaced")
    assert sick not in story.wait_healthy(2)
    eventually(lambda: "ALARM: \"stateless-unhealthy-hosts\"" in story.mail(), what="mail of the alarm")
    assert f"Terminating EC2 instance: {sick}" in story.mail()


def test_a_terminated_instance_is_replaced(story):
    gone = story.healthy()[0]
    story.aws(f"ec2 terminate-instances --instance-ids {gone}")
    eventually(lambda: gone not in story.health(), what="the target to go")
    story.wait_healthy(2)
    assert {story.ask().split()[0] for _ in range(10)} == {"version"}


def test_the_group_grows_above_50_percent_and_shrinks_again(story):
    for instance in story.healthy():
        story.on(instance, BURN)
    eventually(lambda: story.group()["DesiredCapacity"] >= 4, what="the group to grow")
    causes = [activity["Cause"] for activity in story.asg.describe_scaling_activities()["Activities"]]
    assert any("triggered policy cpu-50 changing the desired capacity from 2 to 4" in cause for cause in causes), causes
    for instance in story.wait_healthy(4):
        story.on(instance, "sudo pkill -f '[w]hile :' || true")
    story.cloud.advance("16m")
    eventually(lambda: story.group()["DesiredCapacity"] == 2, what="the group to shrink")
    story.cloud.advance("5m")  # the deregistration delay
    story.wait_healthy(2)


def test_a_new_version_reaches_every_instance_with_no_failed_request(story):
    answers, over = Counter(), threading.Event()

    def client():
        while not over.is_set():
            answers[(story.ask() or "failed").split(" on ")[0]] += 1

    story.aws(["ec2", "create-launch-template-version", "--launch-template-name", "stateless-app-template",
               "--source-version", "1", "--launch-template-data", f'{{"UserData": "{story.facts["SECOND_VERSION"]}"}}'])
    thread = threading.Thread(target=client)
    thread.start()
    try:
        story.aws(["autoscaling", "start-instance-refresh", "--auto-scaling-group-name", "stateless-app-asg", "--preferences",
                   "MinHealthyPercentage=50,InstanceWarmup=30"])
        eventually(lambda: story.asg.describe_instance_refreshes(AutoScalingGroupName="stateless-app-asg")[
            "InstanceRefreshes"][0]["Status"] == "Successful", what="the refresh")
        assert {story.ask().split(" on ")[0] for _ in range(10)} == {"version 2"}
    finally:
        over.set()
        thread.join()
    assert set(answers) == {"version 1", "version 2"}, answers


def test_what_its_author_followed_is_measured(story):
    names = {metric["MetricName"] for page in story.cloudwatch.get_paginator("list_metrics").paginate()
             for metric in page["Metrics"]}
    assert names >= {"CPUUtilization", "NetworkIn", "NetworkOut", "StatusCheckFailed", "RequestCount", "TargetResponseTime",
                     "HealthyHostCount", "UnHealthyHostCount", "GroupDesiredCapacity", "GroupInServiceInstances",
                     "GroupTotalInstances"}
