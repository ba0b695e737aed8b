"""load_balancing.cross_zone.enabled of a target group: whose targets a node uses."""
import pytest

from conftest import free_port
from cookies import named_targets

DNS = "target_group_health.dns_failover.minimum_healthy_targets."
OFF = {"load_balancing.cross_zone.enabled": "false"}


@pytest.fixture
def targets():
    """Two in zone a, two in zone b."""
    made = named_targets(4)
    yield made
    for one in made:
        one.stop()


class Zones:
    """A listener, which is a node, in each of zones a, b and c."""

    def __init__(self, balancer, targets):
        self.balancer = balancer
        self.targets = targets
        self.ports = {zone: free_port() for zone in "abc"}

    def config(self, attributes):
        rows = [{"Id": "127.0.0.1", "Port": target.port, "AvailabilityZone": "aabb"[i]}
                for i, target in enumerate(self.targets)]
        config = self.balancer.config(rows, group={"Attributes": attributes})
        listener = config["Listeners"][0]
        config["Listeners"] = [{**listener, "Port": port, "AvailabilityZone": zone}
                               for zone, port in self.ports.items()]
        return config

    def start(self, attributes, sick=()):
        for number in sick:
            self.targets[number].healthy = False
        balancer, config = self.balancer, self.config(attributes)
        balancer.config = lambda *args, **options: config
        balancer.start()
        for number, target in enumerate(self.targets):
            balancer.wait_line(f":{target.port} of app is {'unhealthy' if number in sick else 'healthy'}")

    def answers(self, zone):
        seen = set()
        for _ in range(8):
            client = self.balancer.connect(self.ports[zone])
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            response = client.message()
            seen.add(int(response.body) if response.status == 200 else response.status)
            client.close()
        return seen


@pytest.fixture
def zones(balancer, targets):
    return Zones(balancer, targets)


@pytest.mark.parametrize("attributes", [
    {}, {"load_balancing.cross_zone.enabled": "true"},
    {"load_balancing.cross_zone.enabled": "use_load_balancer_configuration"},
])
def test_on_each_node_uses_the_targets_of_all_zones(zones, attributes):
    zones.start(attributes)
    for zone in "abc":
        assert zones.answers(zone) == {0, 1, 2, 3}


def test_off_each_node_uses_its_own_zone_only(zones):
    zones.start(OFF)
    assert zones.answers("a") == {0, 1}
    assert zones.answers("b") == {2, 3}


def test_off_a_zone_without_targets_is_503(zones):
    zones.start(OFF)
    assert zones.answers("c") == {503}


def test_off_each_zone_fails_open_on_its_own(zones):
    zones.start(OFF, sick=[0, 1, 2])
    assert zones.answers("a") == {0, 1}
    assert zones.answers("b") == {3}


def test_on_the_health_of_all_zones_counts(zones):
    zones.start({}, sick=[0, 1, 2])
    for zone in "abc":
        assert zones.answers(zone) == {3}


def test_off_stickiness_is_not_supported(zones, balancer):
    config = zones.config({**OFF, "stickiness.enabled": "true"})
    balancer.config = lambda *args, **options: config
    assert "cross-zone load balancing is off" in balancer.refusal()
