"""Rules, targets and attributes change under load, and no request is lost."""
import sys
from itertools import cycle, islice

import pytest
from backend import Backend, fixed, forward
from conftest import ROOT, eventually

sys.path.insert(0, str(ROOT / "test/lib"))
from load import Load  # noqa: E402

CHANGES = 300


@pytest.fixture(scope="module")
def site(cloud):
    made = Backend(cloud)
    made.targets = made.target_group("web", made.instances, delay=300)
    made.front = made.balancer("front", made.targets)
    made.wait_healthy(made.targets, 2)
    return made


def change_rules(site):
    rules = []
    for number in range(1, CHANGES + 1):
        rules.append(site.elb.create_rule(
            ListenerArn=site.front["Listener"], Priority=number, Actions=[fixed(404)],
            Conditions=[{"Field": "path-pattern", "Values": [f"/nobody/{number}"]}])["Rules"][0]["RuleArn"])
        if len(rules) > 5:
            site.elb.delete_rule(RuleArn=rules.pop(0))
        yield


def change_targets(site):
    """One of the two leaves, drains and comes back, while the other serves."""
    for instance in cycle(site.instances):
        site.elb.deregister_targets(TargetGroupArn=site.targets, Targets=[{"Id": instance}])
        yield
        site.elb.register_targets(TargetGroupArn=site.targets, Targets=[{"Id": instance}])
        site.wait_healthy(site.targets, 2)
        yield


def change_attributes(site):
    for seconds in cycle((60, 61)):
        site.elb.modify_load_balancer_attributes(LoadBalancerArn=site.front["LoadBalancerArn"], Attributes=[
            {"Key": "idle_timeout.timeout_seconds", "Value": str(seconds)}])
        yield


def change_default(site):
    for weight in cycle((1, 2, 3)):
        action = forward(site.targets)
        site.elb.modify_listener(ListenerArn=site.front["Listener"], DefaultActions=[
            {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": action["TargetGroupArn"], "Weight": weight}]}}])
        yield


@pytest.mark.parametrize("change, count", [(change_rules, CHANGES), (change_attributes, CHANGES),
                                           (change_default, CHANGES), (change_targets, 10)])
def test_changes_under_load_lose_no_request(site, change, count):
    with Load("127.0.0.1", 80, rate=200, name=site.front["DNSName"]) as load:
        eventually(lambda: len(load.outcomes) > 100, what="load")
        made = sum(1 for _ in islice(change(site), count))
        before = len(load.outcomes)
        eventually(lambda: len(load.outcomes) > before + 200, what="load after the changes")
    assert made == count
    assert not load.failures, (len(load.failures), load.failures[:3])
