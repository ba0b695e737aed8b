"""A target killed under load: only requests on its connections may fail, and the group replaces it."""
import os
import re
import signal
import time
from pathlib import Path

import pytest
from conftest import ROOT, eventually
from group import Group

import sys
sys.path.insert(0, str(ROOT / "test/lib"))
from load import Load  # noqa: E402

OPTIONS = ["--clock-speed", "10"]


def processes_of(instance):
    """Processes of an instance, by its control group; the first is its PID 1."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if instance in (entry / "cgroup").read_text():
                    found.append(int(entry.name))
            except OSError:
                continue
    return sorted(found)


@pytest.fixture(scope="module")
def group(cloud):
    made = Group(cloud, minimum=3, maximum=3)
    made.wait_healthy(3)
    return made


def host_name(group, instance):
    found = group.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return found["PrivateDnsName"].split(".")[0]


def test_no_request_fails_that_was_not_on_its_connections(group):
    victim = group.wait_healthy(3)[0]
    name = host_name(group, victim)
    with Load("127.0.0.1", 80, rate=200, name=group.host) as load:
        eventually(lambda: len(load.outcomes) > 400, what="load")
        assert not load.failures, load.failures[:3]
        os.kill(processes_of(victim)[0], signal.SIGKILL)
        eventually(lambda: not processes_of(victim), what="its processes to be gone")
        gone = time.monotonic()
        eventually(lambda: victim not in group.in_service(), what="the group to notice")
        group.wait_healthy(3)
        healed = time.monotonic()
        eventually(lambda: load.outcomes[-1].start > healed + 2, what="load after the replacement")
    # A request in flight to it may fail; one that began later was never on a connection of it.
    late = [outcome for outcome in load.failures if outcome.start > gone]
    assert not late, late[:3]
    after = {outcome.body for outcome in load.outcomes if outcome.start > healed and outcome.status == 200}
    assert name not in after and len(after) == 3, after


def test_the_history_reads_as_on_aws(group):
    history = group.activities()
    causes = [activity["Cause"] for activity in history]
    assert re.match(r"At \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ an instance was launched in response to an unhealthy instance needing to "
                    r"be replaced\.", causes[0]), causes
    assert any("an instance was taken out of service in response to an EC2 health check indicating it has been terminated or "
               "stopped." in cause for cause in causes), causes
    assert history[0]["Description"].startswith("Launching a new EC2 instance: i-")
    assert any(activity["Description"].startswith("Terminating EC2 instance: i-") for activity in history)
    assert all(activity["StatusCode"] == "Successful" for activity in history), history


def test_a_program_that_dies_is_found_by_the_load_balancers_health_check(group):
    victim = group.wait_healthy(3)[0]
    for pid in processes_of(victim):
        if "server.js" in Path(f"/proc/{pid}/cmdline").read_text():
            os.kill(pid, signal.SIGKILL)
    eventually(lambda: victim not in group.in_service(), what="the group to replace it")
    group.wait_healthy(3)
    assert any("in response to an ELB system health check failure." in activity["Cause"] for activity in group.activities())
