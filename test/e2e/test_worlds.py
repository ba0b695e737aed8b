"""Several daemons on one machine: each has a world of its own, and keeps it while anything of it lives."""
import os
import shutil
import signal

import pytest
from conftest import Cloud, eventually
from machines import IMAGE_PARAMETER
from traces import leftovers, occupant, processes_with

PROCESSES = ("parent", "api", "balancer", "guest", "host")


class Tenant:
    """A daemon with one instance."""

    def __init__(self):
        self.cloud = Cloud().start()
        self.world = self.cloud.record()["world"]
        image = self.cloud.boto("ssm").get_parameter(Name=IMAGE_PARAMETER)["Parameter"]["Value"]
        self.instance = self.cloud.boto("ec2").run_instances(
            ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
        self.pid = eventually(lambda: self.is_running() and processes_with(self.instance), what="the instance")[0]

    def is_running(self):
        found = self.cloud.boto("ec2").describe_instances(InstanceIds=[self.instance])
        return found["Reservations"][0]["Instances"][0]["State"]["Name"] == "running"

    def kill(self, *processes):
        for process in processes:
            os.kill(self.cloud.record()[process], signal.SIGKILL)
        self.cloud.process.wait()


@pytest.fixture
def tenant():
    made = Tenant()
    try:
        yield made
    finally:
        made.cloud.remove()


def world_of_another():
    """The world that a daemon on another data folder gets now."""
    other = Cloud()
    try:
        return other.start().record()["world"]
    finally:
        other.remove()


@pytest.mark.parametrize("killed", [("parent",), PROCESSES], ids=["parent", "everything"])
def test_nobody_takes_the_world_of_a_daemon_that_was_killed(tenant, killed):
    tenant.kill(*killed)
    assert world_of_another() != tenant.world
    tenant.cloud.start()
    assert tenant.cloud.record()["world"] == tenant.world
    assert tenant.is_running() and processes_with(tenant.instance)[0] == tenant.pid


def test_nobody_takes_the_world_of_instances_that_are_kept(tenant):
    tenant.cloud.pileus("stop", "--keep")
    tenant.cloud.process.wait()
    assert world_of_another() != tenant.world
    tenant.cloud.start()
    assert tenant.is_running() and processes_with(tenant.instance)[0] == tenant.pid


def test_a_world_whose_data_folder_is_gone_is_cleaned_by_who_takes_it(tenant):
    tenant.kill(*PROCESSES)
    shutil.rmtree(tenant.cloud.data)
    other = Cloud()
    (other.data / "world").write_text(tenant.world)
    try:
        other.start()
        eventually(lambda: not processes_with(tenant.instance), what="the instance of nobody to end")
    finally:
        other.remove()


def test_a_world_is_free_when_its_daemon_has_stopped(tenant):
    assert occupant(tenant.world) == str(tenant.cloud.data)
    tenant.cloud.pileus("stop")
    tenant.cloud.process.wait()
    assert occupant(tenant.world) != str(tenant.cloud.data)
    assert leftovers(tenant.world) == {}
