"""target_group_health.unhealthy_state_routing: when requests go to unhealthy targets too."""
import pytest

from cookies import named_targets

ROUTING = "target_group_health.unhealthy_state_routing.minimum_healthy_targets."
DNS = "target_group_health.dns_failover.minimum_healthy_targets."


@pytest.fixture
def targets():
    made = named_targets(4)
    yield made
    for one in made:
        one.stop()


def homes(balancer):
    return {int(balancer.get().body) for _ in range(8)}


def start(balancer, targets, sick, attributes=None):
    for number in sick:
        targets[number].healthy = False
    balancer.start(targets, group={"Attributes": attributes or {}}, wait_healthy=False)
    for number, target in enumerate(targets):
        state = "unhealthy" if number in sick else "healthy"
        balancer.wait_line(f":{target.port} of app is {state}")


def test_one_healthy_target_is_enough_by_default(balancer, targets):
    start(balancer, targets, sick=[0, 1, 2])
    assert homes(balancer) == {3}


def test_all_targets_unhealthy_fails_open_to_all(balancer, targets):
    start(balancer, targets, sick=[0, 1, 2, 3])
    assert homes(balancer) == {0, 1, 2, 3}


@pytest.mark.parametrize("sick, seen", [([0], {1, 2, 3}), ([0, 1], {0, 1, 2, 3})])
def test_below_the_count_all_registered_targets_are_used(balancer, targets, sick, seen):
    start(balancer, targets, sick, {ROUTING + "count": "3", DNS + "count": "3"})
    assert homes(balancer) == seen


@pytest.mark.parametrize("sick, seen", [([0, 1], {2, 3}), ([0, 1, 2], {0, 1, 2, 3})])
def test_below_the_percentage_all_registered_targets_are_used(balancer, targets, sick, seen):
    start(balancer, targets, sick, {ROUTING + "percentage": "50"})
    assert homes(balancer) == seen


@pytest.mark.parametrize("count, percentage", [("3", "25"), ("1", "75")])
def test_either_of_count_and_percentage_is_enough_to_fail_open(balancer, targets, count, percentage):
    start(balancer, targets, [0, 1], {ROUTING + "count": count, ROUTING + "percentage": percentage,
                                      DNS + "count": "off"})
    assert homes(balancer) == {0, 1, 2, 3}


def test_enough_healthy_targets_again_ends_failing_open(balancer, targets):
    start(balancer, targets, [0, 1], {ROUTING + "count": "3", DNS + "count": "off"})
    assert homes(balancer) == {0, 1, 2, 3}
    balancer.set_healthy(targets[0], True)
    assert homes(balancer) == {0, 2, 3}


def test_no_registered_targets_is_503(balancer):
    balancer.start([])
    assert balancer.get().status == 503


@pytest.mark.parametrize("attributes, error", [
    ({ROUTING + "count": "0"}, "between '1' and '1000'"),
    ({ROUTING + "count": "off"}, "between '1' and '1000'"),
    ({ROUTING + "percentage": "101"}, "between '1' and '100'"),
    ({DNS + "count": "0"}, "between '1' and '1000'"),
    ({ROUTING + "count": "2"}, "must be greater than or equal to"),
    ({ROUTING + "percentage": "50", DNS + "percentage": "40"}, "must be greater than or equal to"),
])
def test_thresholds_have_ranges_and_dns_comes_first(balancer, attributes, error):
    assert error in balancer.refusal(group={"Attributes": attributes})
