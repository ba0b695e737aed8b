"""Targets that leave: what is in flight finishes, and is cut when the deregistration delay is over."""
import sys
import threading

import pytest
from backend import Backend, ask
from conftest import ROOT, eventually

sys.path.insert(0, str(ROOT / "test/lib"))
from load import Load  # noqa: E402

OPTIONS = ["--clock-speed", "10"]


@pytest.fixture(scope="module")
def backend(cloud):
    made = Backend(cloud, count=2)
    made.targets = made.target_group("web", made.instances, HealthCheckPath="/")
    made.front = made.balancer("front", made.targets)
    made.wait_healthy(made.targets, 2)
    return made


@pytest.fixture(autouse=True)
def both(backend):
    """Every test begins and ends with both targets."""
    yield
    backend.register(backend.targets, *backend.instances)
    backend.wait_healthy(backend.targets, 2)


def delay(backend, seconds):
    backend.elb.modify_target_group_attributes(TargetGroupArn=backend.targets, Attributes=[
        {"Key": "deregistration_delay.timeout_seconds", "Value": str(seconds)}])


def deregister(backend, *instances):
    backend.elb.deregister_targets(TargetGroupArn=backend.targets, Targets=[{"Id": i} for i in instances])


class Asking:
    """A request in a thread of its own."""

    def __init__(self, backend, path):
        self.answer = None
        self._thread = threading.Thread(target=self._run, args=(backend.front["DNSName"], path))
        self._thread.start()

    def _run(self, name, path):
        self.answer = ask(path, name=name)

    def wait(self):
        self._thread.join()
        return self.answer


def test_what_is_in_flight_finishes_while_the_target_drains(backend):
    delay(backend, 3600)
    held = [Asking(backend, "/hold") for _ in range(4)]
    backend.wait_held(4)
    deregister(backend, *backend.instances)
    health = backend.health(backend.targets)[backend.instances[0]]
    assert health == {"State": "draining", "Reason": "Target.DeregistrationInProgress",
                      "Description": "Target deregistration is in progress"}
    # New requests find no target; those that were there get their answers.
    eventually(lambda: ask("/", name=backend.front["DNSName"]).status == 503, what="the targets to be left")
    backend.ask_instances("/release")
    answers = [asking.wait() for asking in held]
    assert [answer.status for answer in answers] == [200] * 4
    assert {answer.body.strip() for answer in answers} == {backend.host_name(i) for i in backend.instances}
    backend.cloud.advance("61m")
    eventually(lambda: not backend.health(backend.targets), what="the end of draining")


def test_after_the_delay_it_is_cut_with_502(backend):
    delay(backend, 3600)
    held = [Asking(backend, "/hold") for _ in range(2)]
    backend.wait_held(2)
    deregister(backend, *backend.instances)
    assert backend.health(backend.targets)[backend.instances[0]]["State"] == "draining"
    assert not any(asking.answer for asking in held)
    backend.cloud.advance("61m")
    assert [asking.wait().status for asking in held] == [502, 502]
    health = backend.health(backend.targets, backend.instances[0])[backend.instances[0]]
    assert (health["State"], health["Reason"]) == ("unused", "Target.NotRegistered")


def test_coming_and_going_under_load_loses_nothing(backend):
    delay(backend, 5)
    with Load("127.0.0.1", 80, rate=200, name=backend.front["DNSName"]) as load:
        eventually(lambda: len(load.outcomes) > 200, what="load")
        for turn in range(4):
            leaving = backend.instances[turn % 2]
            deregister(backend, leaving)
            eventually(lambda: leaving not in backend.health(backend.targets), what="it to have left")
            backend.register(backend.targets, leaving)
            backend.wait_healthy(backend.targets, 2)
    assert not load.failures, load.failures[:3]
