"""Story S1: a highly available backend, made by hand with the aws command."""
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from conftest import Cloud, aws_of, curl, eventually, needs_newest, run_example, ssh, ssh_when_up

OPTIONS = ["--clock-speed", "5"]


@pytest.fixture(scope="module", params=["debian", "newest"])
def stack(request):
    """The story up to the load balancer, as a script of aws commands, with either aws."""
    needs_newest(request.param)
    cloud = Cloud(*OPTIONS)
    try:
        cloud.start()
        directory = Path(tempfile.mkdtemp(dir=cloud.data))
        aws = aws_of(cloud, request.param)
        facts = run_example(aws, "s1-backend.sh", DIR=str(directory), MY_IP=f"{cloud.host_address}/32")
        yield cloud, aws, facts, directory / "backend-key.pem"
    finally:
        cloud.remove()


def ask(facts, *options):
    return curl(facts["URL"], *options)


def test_three_instances_answer_in_turn_by_the_load_balancers_name(stack):
    _, _, facts, _ = stack
    answers = Counter(ask(facts) for _ in range(30))
    # Each of the two threads of the balancer goes round by itself.
    assert len(answers) == 3 and max(answers.values()) - min(answers.values()) <= 2, answers


def test_the_image_carries_the_program(stack):
    _, aws, facts, key = stack
    second = facts["INSTANCES"].split()[1]
    console = aws(f"ec2 get-console-output --instance-id {second}", query="InstanceId")
    assert console == second
    address = aws(f"ec2 describe-instances --instance-ids {second}", query="Reservations[0].Instances[0].PublicIpAddress")
    assert "createServer" in ssh_when_up(key, address, "cat /opt/server.js").stdout


def test_ssh_works_from_the_named_address_and_times_out_from_another(stack):
    cloud, aws, facts, key = stack
    assert "uid=" in ssh_when_up(key, facts["ADDRESS"], "id").stdout
    aws(f"ec2 revoke-security-group-ingress --group-id {facts['GROUP']} --protocol tcp --port 22 --cidr {cloud.host_address}/32")
    aws(f"ec2 authorize-security-group-ingress --group-id {facts['GROUP']} --protocol tcp --port 22 --cidr 203.0.113.7/32")
    refused = ssh(key, facts["ADDRESS"], "id", connect_timeout=2)
    assert refused.returncode == 255 and "timed out" in refused.stderr, refused.stderr
    aws(f"ec2 authorize-security-group-ingress --group-id {facts['GROUP']} --protocol tcp --port 22 --cidr {cloud.host_address}/32")
    assert ssh(key, facts["ADDRESS"], "true").returncode == 0


def test_stopping_one_loses_no_request_once_it_is_unhealthy(stack):
    _, aws, facts, _ = stack
    stopped = facts["INSTANCES"].split()[2]
    aws(f"ec2 stop-instances --instance-ids {stopped}")

    def not_in_service():
        health = aws(f"elbv2 describe-target-health --target-group-arn {facts['TARGET_GROUP']}",
                     query="TargetHealthDescriptions[].[Target.Id,TargetHealth.State]")
        return dict(health)[stopped] != "healthy"

    eventually(not_in_service, what="the stopped target to leave service")
    answers = Counter(ask(facts) for _ in range(40))
    assert None not in answers and len(answers) == 2, answers
    aws(f"ec2 start-instances --instance-ids {stopped}")
    aws(f"ec2 wait instance-running --instance-ids {stopped}")
    eventually(lambda: len({ask(facts) for _ in range(6)}) == 3, what="the started instance to serve again")


def test_the_load_balancer_also_listens_on_port_80(stack):
    _, _, facts, _ = stack
    assert curl(facts["URL"].replace(":3000", "")).startswith("Hello from")
