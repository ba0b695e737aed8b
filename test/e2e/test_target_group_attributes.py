"""Attributes of target groups where the cloud matters: keys that outlive processes, zones, DNS."""
import os
import signal

import pytest
from backend import Backend, ask, needs_boto3_with
from conftest import eventually

OPTIONS = ["--clock-speed", "10"]


@pytest.fixture(scope="module")
def backend(cloud):
    made = Backend(cloud, count=2)  # in two zones
    made.targets = made.target_group("web", made.instances)
    made.front = made.balancer("front", made.targets)
    made.wait_healthy(made.targets, 2)
    made.names = [made.host_name(instance) for instance in made.instances]
    return made


def set_attributes(backend, **values):
    backend.elb.modify_target_group_attributes(TargetGroupArn=backend.targets, Attributes=[
        {"Key": key.replace("__", "."), "Value": value} for key, value in values.items()])


def get(backend, cookie=None):
    return ask("/", name=backend.front["DNSName"], headers={"Cookie": cookie} if cookie else {})


def cookie_of(answer):
    return answer.headers.get("Set-Cookie", "").split(";")[0]


def with_cookie(backend):
    """An answer that sets one; None if stickiness is not on yet."""
    answer = get(backend)
    return answer if cookie_of(answer) else None


def kill_balancer(cloud):
    pid = cloud.record()["balancer"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: cloud.record().get("balancer") not in (None, pid), what="a new balancer")


def test_a_session_outlives_the_balancer_process(backend, cloud):
    set_attributes(backend, stickiness__enabled="true")
    first = eventually(lambda: with_cookie(backend), what="stickiness")
    assert cookie_of(first).startswith("AWSALBCORS=")
    kill_balancer(cloud)

    def is_back():
        try:
            return get(backend).status == 200
        except OSError:
            return False
    eventually(is_back, what="the balancer")
    backend.wait_healthy(backend.targets, 2)
    for _ in range(6):
        assert get(backend, cookie_of(first)).body == first.body
    set_attributes(backend, stickiness__enabled="false")


def test_without_cross_zone_a_zone_whose_targets_fail_gets_no_requests(backend):
    seen = {get(backend).body.strip() for _ in range(20)}
    assert seen == set(backend.names)
    set_attributes(backend, load_balancing__cross_zone__enabled="false")
    backend.mode(backend.instances[0], 500)
    backend.wait_healthy(backend.targets, 1)
    eventually(lambda: {get(backend).body.strip() for _ in range(20)} == {backend.names[1]}, what="only the other zone")
    backend.mode(backend.instances[0], 200)
    backend.wait_healthy(backend.targets, 2)
    set_attributes(backend, load_balancing__cross_zone__enabled="true")


def test_anomaly_detection_is_told_when_asked_for(backend):
    needs_boto3_with(backend.elb, "DescribeTargetHealth", "Include")
    def anomalies(**include):
        found = backend.elb.describe_target_health(TargetGroupArn=backend.targets, **include)
        return [row.get("AnomalyDetection") for row in found["TargetHealthDescriptions"]]
    assert anomalies(Include=["AnomalyDetection"]) == [{"Result": "normal", "MitigationInEffect": "no"}] * 2
    assert anomalies() == [None, None]
