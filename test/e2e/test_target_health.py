"""What DescribeTargetHealth says of targets, of instances and addresses, in every state they can be in."""
import itertools

import pytest
from backend import Backend, ask, fixed, forward
from botocore.exceptions import ClientError
from conftest import eventually

OPTIONS = ["--clock-speed", "10"]
PRIORITIES = itertools.count(1)


@pytest.fixture(scope="module")
def backend(cloud):
    made = Backend(cloud, count=2)
    made.front = made.balancer("front", fixed(404))
    for instance in made.instances:
        made.wait_state(instance, "running")
    return made


def served(backend, name, instances=(), **settings):
    """A target group that a rule of the load balancer forwards to."""
    group = backend.target_group(name, instances, **settings)
    backend.elb.create_rule(ListenerArn=backend.front["Listener"], Priority=next(PRIORITIES),
                            Conditions=[{"Field": "path-pattern", "Values": [f"/{name}"]}], Actions=[forward(group)])
    return group


def test_a_group_without_a_listener_is_not_used(backend):
    first = backend.instances[0]
    group = backend.target_group("alone", [first])
    health = backend.health(group)[first]
    assert (health["State"], health["Reason"]) == ("unused", "Target.NotInUse")
    assert health["Description"] == "Target group is not configured to receive traffic from the load balancer"


def test_a_target_that_is_not_registered_is_shown_if_it_is_asked_for(backend):
    first, second = backend.instances
    group = backend.target_group("asked", [first])
    health = backend.health(group, second)[second]
    assert (health["State"], health["Reason"]) == ("unused", "Target.NotRegistered")
    assert health["Description"] == "Target is not registered to the target group"
    with pytest.raises(ClientError) as failure:
        backend.health(group, "i-00000000000000000")
    assert failure.value.response["Error"]["Code"] == "InvalidTarget"


def test_a_new_target_is_initial_then_healthy_after_one_success(backend):
    first = backend.instances[0]
    backend.mode(first, 0)
    group = served(backend, "fresh", [first], HealthyThresholdCount=10)
    health = backend.health(group)[first]
    assert health["State"] == "initial"
    assert (health["Reason"], health["Description"]) in [
        ("Elb.RegistrationInProgress", "Target registration is in progress"),
        ("Elb.InitialHealthChecking", "Initial health checks in progress")]
    backend.mode(first, 200)
    backend.wait_healthy(group, 1)
    assert backend.health(group)[first] == {"State": "healthy"}


def test_each_way_to_fail_has_its_reason(backend):
    first = backend.instances[0]
    group = served(backend, "failing", [first])
    backend.wait_healthy(group, 1)
    backend.mode(first, 503)
    health = backend.wait_health(group, first, "unhealthy", "Target.ResponseCodeMismatch")
    assert health["Description"] == "Health checks failed with these codes: [503]"
    backend.mode(first, 0)
    assert backend.wait_health(group, first, "unhealthy", "Target.Timeout")["Description"] == "Request timed out"
    backend.elb.modify_target_group(TargetGroupArn=group, HealthCheckPort="81")
    health = backend.wait_health(group, first, "unhealthy", "Target.FailedHealthChecks")
    assert health["Description"] == "Health checks failed"
    backend.mode(first, 404)
    backend.elb.modify_target_group(TargetGroupArn=group, HealthCheckPort="traffic-port", Matcher={"HttpCode": "200,400-404"})
    backend.wait_health(group, first, "healthy", None)
    backend.mode(first, 200)


def test_if_no_target_is_healthy_all_are_used(backend):
    first = backend.instances[0]
    group = served(backend, "open", [first], Matcher={"HttpCode": "299"})
    backend.wait_health(group, first, "unhealthy", "Target.ResponseCodeMismatch")
    assert ask("/open", name=backend.front["DNSName"]).status == 200


def test_a_zone_that_the_load_balancer_has_not_is_not_used(backend):
    instance = backend.launch(backend.all_subnets[2])
    group = served(backend, "elsewhere", [instance])
    health = backend.health(group)[instance]
    assert (health["State"], health["Reason"]) == ("unused", "Target.NotInUse")
    assert health["Description"] == "Target is in an Availability Zone that is not enabled for the load balancer"
    backend.elb.set_subnets(LoadBalancerArn=backend.front["LoadBalancerArn"], Subnets=backend.all_subnets[:3])
    backend.wait_healthy(group, 1)
    backend.ec2.terminate_instances(InstanceIds=[instance])
    eventually(lambda: instance not in backend.health(group), what="the terminated instance to leave")


def test_an_instance_that_is_stopped_has_an_invalid_state(backend):
    second = backend.instances[1]
    group = served(backend, "stopped", [second])
    backend.wait_healthy(group, 1)
    backend.ec2.stop_instances(InstanceIds=[second])
    backend.wait_state(second, "stopped")
    health = backend.health(group)[second]
    assert (health["State"], health["Reason"]) == ("unused", "Target.InvalidState")
    assert health["Description"] == "Target is in the stopped state"
    with pytest.raises(ClientError) as failure:
        backend.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": second, "Port": 81}])
    assert failure.value.response["Error"]["Code"] == "InvalidTarget"
    backend.ec2.start_instances(InstanceIds=[second])
    # User data runs at the first start only, so its server is not there now.
    backend.wait_health(group, second, "unhealthy", "Target.FailedHealthChecks")


def test_addresses_are_targets(backend):
    first, second = backend.instances
    address = backend.describe(first)["PrivateIpAddress"]
    group = served(backend, "addresses", TargetType="ip")
    backend.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": address}])
    backend.wait_healthy(group, 1)
    answer = ask("/addresses", name=backend.front["DNSName"])
    assert (answer.status, answer.body.strip()) == (200, backend.host_name(first))
    row = backend.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"][0]
    assert row["Target"] == {"Id": address, "Port": 80, "AvailabilityZone": backend.describe(first)["Placement"]["AvailabilityZone"]}
    assert row["HealthCheckPort"] == "80"
    for wrong, code in [("8.8.8.8", "InvalidTarget"), ("169.254.169.254", "InvalidTarget"),
                        ("10.0.0.999", "ValidationError"), ("192.168.7.7", "ValidationError")]:
        with pytest.raises(ClientError) as failure:
            backend.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": wrong}])
        assert failure.value.response["Error"]["Code"] == code


def test_one_instance_may_be_several_targets_by_port(backend):
    first = backend.instances[0]
    group = served(backend, "ports", [first])
    backend.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": first, "Port": 81}])
    rows = backend.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    assert sorted((row["Target"]["Id"], row["Target"]["Port"], row["HealthCheckPort"]) for row in rows) == [
        (first, 80, "80"), (first, 81, "81")]


def test_the_address_of_a_load_balancer_cannot_be_a_target(backend):
    nodes = backend.ec2.describe_network_interfaces(Filters=[{"Name": "description", "Values": ["ELB app/front/*"]}])
    address = nodes["NetworkInterfaces"][0]["PrivateIpAddress"]
    group = served(backend, "itself", TargetType="ip")
    backend.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": address}])
    health = backend.health(group)[address]
    assert (health["State"], health["Reason"]) == ("unused", "Target.IpUnusable")
    assert health["Description"] == "The IP address cannot be used as a target, as it is in use by a load balancer"
    eventually(lambda: ask("/itself", name=backend.front["DNSName"]).status == 503, what="the rule")
