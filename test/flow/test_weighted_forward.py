"""Forward actions to several target groups: shares by weight, and no failover between them."""
import collections

import pytest

from conftest import Target, answer
from rules import condition, refusal, rule


def named(name):
    return Target(lambda connection, request: connection.send(answer(name.encode())))


def group(name, *targets):
    return {"TargetGroupName": name, "Protocol": "HTTP", "HealthCheckPath": "/", "HealthCheckIntervalSeconds": 1,
            "HealthCheckTimeoutSeconds": 1, "Targets": [{"Id": "127.0.0.1", "Port": target.port} for target in targets]}


def forward(weights):
    groups = [{"TargetGroupName": name, **({} if weight is None else {"Weight": weight})} for name,
        weight in weights.items()]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


def start(balancer, weights, targets, rules=()):
    """A balancer whose default action forwards by `weights` to groups of one target, or of none."""
    config = balancer.config
    groups = [group(name, *([targets[name]] if name in targets else [])) for name in weights]

    def with_groups(*args, **options):
        made = config(*args, **options)
        made["TargetGroups"] = groups
        return made
    balancer.config = with_groups
    balancer.start([], default=forward(weights), rules=rules)
    for name, target in targets.items():
        balancer.wait_line(f":{target.port} of {name} is healthy")


def share(balancer, requests):
    client = balancer.connect()
    got = collections.Counter()
    for _ in range(requests):
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        response = client.message()
        got[response.body.decode() if response.status == 200 else response.status] += 1
    return got


def test_each_group_gets_its_share_of_the_requests(balancer):
    start(balancer, {"a": 3, "b": 1}, {"a": named("a"), "b": named("b")})
    got = share(balancer, 800)
    assert got["a"] + got["b"] == 800
    assert 120 < got["b"] < 280  # a quarter; further off once in a million runs


def test_without_weights_the_shares_are_equal(balancer):
    start(balancer, {"a": None, "b": None}, {"a": named("a"), "b": named("b")})
    got = share(balancer, 400)
    assert 140 < got["a"] < 260


def test_five_groups(balancer):
    names = "abcde"
    start(balancer, dict.fromkeys(names, 10), {name: named(name) for name in names})
    assert set(share(balancer, 300)) == set(names)


def test_weight_0_gets_nothing(balancer):
    start(balancer, {"a": 0, "b": 999, "c": 0}, {name: named(name) for name in "abc"})
    assert share(balancer, 100) == {"b": 100}


def test_all_weights_0_is_503(balancer):
    start(balancer, {"a": 0, "b": 0}, {name: named(name) for name in "ab"})
    assert share(balancer, 5) == {503: 5}


def test_an_empty_group_keeps_its_share(balancer):
    """There is no failover: what falls to a group without targets is answered with 503."""
    start(balancer, {"a": 1, "empty": 1}, {"a": named("a")})
    got = share(balancer, 400)
    assert got["a"] + got[503] == 400 and 140 < got[503] < 260


def test_a_rule_forwards_by_weight_too(balancer):
    targets = {name: named(name) for name in "ab"}
    start(balancer, {"a": 1, "b": 0}, targets, rules=[rule(1, [condition("path-pattern", "/b")], forward({"a": 0,
        "b": 1}))])
    assert balancer.get("/").body == b"a" and balancer.get("/b").body == b"b"


@pytest.mark.parametrize("groups, message", [
    ([], "1 to 5 target groups"),
    ([{"TargetGroupName": "app"}] * 6, "1 to 5 target groups"),
    ([{"TargetGroupName": "app", "Weight": 1000}], "Weight must be a whole number from 0 to 999"),
    ([{"TargetGroupName": "app", "Weight": -1}], "Weight must be a whole number from 0 to 999"),
    ([{"TargetGroupName": "none"}], "'none' is not in TargetGroups"),
])
def test_refused(balancer, groups, message):
    action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
    assert message in refusal(balancer, DefaultActions=[action])
