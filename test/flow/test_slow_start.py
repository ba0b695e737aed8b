"""slow_start.duration_seconds: the share of requests of a target that has just become healthy."""
import pytest

from cookies import named_targets

SECONDS = 800  # a real second is hardly more than a thousandth of it
GROUP = {"Attributes": {"slow_start.duration_seconds": str(SECONDS)}}


@pytest.fixture
def targets():
    made = named_targets(3)
    yield made
    for one in made:
        one.stop()


def share_of(balancer, number, requests=100):
    """How many requests it gets for 100 of the first target."""
    seen = [int(balancer.get().body) for _ in range(requests)]
    return 100 * seen.count(number) / seen.count(0)


def add(balancer, targets, group=None):
    since = balancer.reload(targets, group=group or GROUP)
    balancer.wait_line(f":{targets[-1].port} of app is healthy", since)


def test_the_share_grows_linearly_from_first_healthy(balancer, targets):
    balancer.start(targets[:1], group=GROUP)
    add(balancer, targets[:2])
    assert share_of(balancer, 1) < 5
    for quarter in (25, 50, 75):
        balancer.advance(SECONDS // 4)
        assert abs(share_of(balancer, 1) - quarter) < 6
    balancer.advance(SECONDS // 4)
    assert share_of(balancer, 1) == 100


def test_targets_present_when_it_is_enabled_do_not_ramp(balancer, targets):
    balancer.start(targets[:2])
    balancer.reload(targets[:2], group=GROUP)
    assert share_of(balancer, 1) == 100


def test_targets_registered_into_an_empty_group_do_not_ramp(balancer, targets):
    balancer.start([], group=GROUP)
    since = balancer.reload(targets[:2], group=GROUP)
    for one in targets[:2]:
        balancer.wait_line(f":{one.port} of app is healthy", since)
    assert share_of(balancer, 1) == 100


def test_without_a_healthy_target_that_does_not_ramp_nobody_ramps(balancer, targets):
    balancer.start(targets[:1], group=GROUP)
    balancer.set_healthy(targets[0], False)
    add(balancer, targets[:2])
    balancer.set_healthy(targets[0], True)  # it recovers beside the other, and is who ramps
    seen = [balancer.get().body for _ in range(50)]
    assert seen.count(b"1") > 45


def test_a_target_that_recovers_ramps_again(balancer, targets):
    balancer.start(targets[:2], group=GROUP)
    balancer.set_healthy(targets[1], False)
    balancer.set_healthy(targets[1], True)
    assert share_of(balancer, 1) < 5


def test_a_target_that_is_registered_again_ramps_again(balancer, targets):
    balancer.start(targets[:2], group=GROUP)
    assert share_of(balancer, 1) == 100
    balancer.reload(targets[:1], group=GROUP)
    add(balancer, targets[:2])
    assert share_of(balancer, 1) < 5


def test_switching_it_off_ends_the_ramp(balancer, targets):
    balancer.start(targets[:1], group=GROUP)
    add(balancer, targets[:2])
    balancer.reload(targets[:2])
    assert share_of(balancer, 1) == 100


@pytest.mark.parametrize("attributes, error", [
    ({"slow_start.duration_seconds": "29"}, "between '30' and '900'"),
    ({"slow_start.duration_seconds": "901"}, "between '30' and '900'"),
    ({"slow_start.duration_seconds": "30", "load_balancing.algorithm.type": "least_outstanding_requests"},
     "slow start is not supported"),
    ({"slow_start.duration_seconds": "30", "load_balancing.algorithm.type": "weighted_random"},
     "slow start is not supported"),
])
def test_durations_and_what_excludes_it(balancer, attributes, error):
    assert error in balancer.refusal(group={"Attributes": attributes})
