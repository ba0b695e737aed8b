"""The waiters of boto3 and of both aws commands end when they should."""
import pytest
from backend import Backend, fixed, forward
from conftest import eventually

OPTIONS = ["--clock-speed", "10"]
FAST = {"Delay": 1, "MaxAttempts": 60}


@pytest.fixture(scope="module")
def backend(cloud):
    return Backend(cloud, count=1)


def test_waiters_of_boto3(backend):
    elb, instance = backend.elb, backend.instances[0]
    front = backend.balancer("boto", fixed(404))
    arns = {"LoadBalancerArns": [front["LoadBalancerArn"]]}
    elb.get_waiter("load_balancer_exists").wait(**arns, WaiterConfig=FAST)
    elb.get_waiter("load_balancer_available").wait(**arns, WaiterConfig=FAST)
    group = backend.target_group("boto", [instance], delay=10)
    elb.modify_listener(ListenerArn=front["Listener"], DefaultActions=[forward(group)])
    target = {"TargetGroupArn": group, "Targets": [{"Id": instance}]}
    elb.get_waiter("target_in_service").wait(**target, WaiterConfig=FAST)
    elb.deregister_targets(**target)
    assert backend.health(group, instance)[instance]["State"] == "draining"
    elb.get_waiter("target_deregistered").wait(**target, WaiterConfig=FAST)
    assert backend.health(group, instance)[instance]["State"] == "unused"
    elb.delete_load_balancer(LoadBalancerArn=front["LoadBalancerArn"])
    elb.get_waiter("load_balancers_deleted").wait(**arns, WaiterConfig=FAST)


def test_waiters_of_the_aws_commands(backend, aws):
    """They look every 15 seconds, so what they wait for is there when they look first."""
    instance = backend.instances[0]
    front = backend.balancer(f"cli-{aws.name}", fixed(404))
    arn = front["LoadBalancerArn"]
    eventually(lambda: backend.elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]["State"]["Code"] == "active",
               what="the load balancer to be active")
    aws(f"elbv2 wait load-balancer-exists --load-balancer-arns {arn}")
    aws(f"elbv2 wait load-balancer-available --load-balancer-arns {arn}")
    group = backend.target_group(f"cli-{aws.name}", [instance])
    backend.elb.modify_listener(ListenerArn=front["Listener"], DefaultActions=[forward(group)])
    backend.wait_healthy(group, 1)
    aws(f"elbv2 wait target-in-service --target-group-arn {group} --targets Id={instance}")
    aws(f"elbv2 deregister-targets --target-group-arn {group} --targets Id={instance}")
    aws(f"elbv2 wait target-deregistered --target-group-arn {group} --targets Id={instance}")
    aws(f"elbv2 delete-load-balancer --load-balancer-arn {arn}")
    aws(f"elbv2 wait load-balancers-deleted --load-balancer-arns {arn}")
