"""Status checks that find something, and attributes that act on the machine."""
import datetime
from pathlib import Path

import pytest
from conftest import eventually
from machines import machines


def instance_status(machine):
    return machine.ec2.describe_instance_status(InstanceIds=[machine.id])["InstanceStatuses"][0]["InstanceStatus"]


def status_after(cloud, machine, status):
    """The first checks take a while of cloud time."""
    def attempt():
        cloud.advance("20s")
        found = instance_status(machine)
        return found if found["Status"] == status else None
    return eventually(attempt, what=f"the status {status}")


def failed_checks(cloud, machine):
    cloud.advance("2m")
    status = cloud.boto("cloudwatch").get_metric_statistics(
        Namespace="AWS/EC2", MetricName="StatusCheckFailed_Instance", Dimensions=[{"Name": "InstanceId", "Value": machine.id}],
        StartTime=datetime.datetime(2000, 1, 1), EndTime=datetime.datetime(2100, 1, 1), Period=3600 * 24 * 365, Statistics=["Maximum"])
    return max((point["Maximum"] for point in status["Datapoints"]), default=0)


def test_an_instance_without_network_is_impaired_until_it_boots_again(cloud, machines):
    machine = machines.run()
    machine.sh("true")
    status_after(cloud, machine, "ok")
    assert failed_checks(cloud, machine) == 0
    machine.root("setsid sh -c 'sleep 0.2; ip link set eth0 down' >/dev/null 2>&1 &")
    detail = status_after(cloud, machine, "impaired")["Details"][0]
    assert (detail["Name"], detail["Status"]) == ("reachability", "failed") and detail["ImpairedSince"]
    eventually(lambda: failed_checks(cloud, machine) == 1, what="the metric of failed checks")
    machine.ec2.reboot_instances(InstanceIds=[machine.id])
    status_after(cloud, machine, "ok")
    machine.sh("true")


def memory_limit(cloud, machine):
    """Bytes, of the machine's cgroup, in whichever version has the controller."""
    world = cloud.record()["world"]
    for path in [f"/sys/fs/cgroup/memory/pileus.{world}/{machine.id}/memory.limit_in_bytes",
                 f"/sys/fs/cgroup/pileus.{world}/{machine.id}/memory.max"]:
        if Path(path).exists():
            return int(Path(path).read_text())
    return None


def test_another_type_has_another_limit_and_user_data_does_not_run_again(cloud, machines):
    machine = machines.run(UserData="#!/bin/sh\necho first >>/srv/boots\n")
    machine.wait_console("cloud-init: finished")
    with pytest.raises(machines.ec2.exceptions.ClientError, match="IncorrectInstanceState"):
        machines.ec2.modify_instance_attribute(InstanceId=machine.id, InstanceType={"Value": "t3.small"})
    assert memory_limit(cloud, machine) == 1 << 30
    machines.ec2.stop_instances(InstanceIds=[machine.id])
    machine.wait("stopped")
    machines.ec2.modify_instance_attribute(InstanceId=machine.id, InstanceType={"Value": "t3.small"})
    machines.ec2.modify_instance_attribute(InstanceId=machine.id, UserData={"Value": b"#!/bin/sh\necho second >>/srv/boots\n"})
    machines.ec2.start_instances(InstanceIds=[machine.id])
    machine.wait("running")
    assert memory_limit(cloud, machine) == 2 << 30
    eventually(lambda: machine.console().count("cloud-init: finished") == 2, what="the second boot")
    assert machine.sh("cat /srv/boots") == "first"
    assert "second" in machine.sh("T=$(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' 169.254.169.254/latest/api/token);"
                                  " curl -s -H \"X-aws-ec2-metadata-token: $T\" 169.254.169.254/latest/user-data")
