"""Disks: root volumes and EBS volumes of a size that holds, attached, detached, kept and deleted for real."""
import os
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import Cloud, eventually
from machines import Machine, Machines, machines

# Takes all but 50 MiB without writing, writes more than that, and gives it back.
FILL = """set -e; cd {0}; free=$(df --output=avail -BM . | tail -1 | tr -d ' M'); echo free $free
fallocate -l $((free - 50))M taken; dd if=/dev/zero of=more bs=1M count=60 2>&1 || echo full; rm taken more"""


@pytest.fixture(scope="module")
def machine(machines):
    """One with its own zone, and a second volume from the start."""
    return machines.run(BlockDeviceMappings=[
        {"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 1, "VolumeType": "gp3"}}],
        TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": "of", "Value": "machine"}]}])


@pytest.fixture(scope="module")
def other(machines, machine):
    return machines.run(SubnetId=machine.describe()["SubnetId"])


def volume_of(ec2, volume):
    return ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]


def wait_volume(ec2, volume, state):
    eventually(lambda: volume_of(ec2, volume)["State"] == state, what=f"{volume} to be {state}")
    return volume


def attachment(ec2, volume):
    rows = volume_of(ec2, volume)["Attachments"]
    return rows[0]["State"] if rows else None


def create(machine, **options):
    zone = machine.describe()["Placement"]["AvailabilityZone"]
    options = options if "SnapshotId" in options else {"Size": 1, **options}
    return wait_volume(machine.ec2, machine.ec2.create_volume(AvailabilityZone=zone, **options)["VolumeId"], "available")


def attach(machine, volume, device):
    machine.ec2.attach_volume(VolumeId=volume, InstanceId=machine.id, Device=device)
    eventually(lambda: attachment(machine.ec2, volume) == "attached", what="the volume to be attached")


def detach(machine, volume, **options):
    machine.ec2.detach_volume(VolumeId=volume, **options)
    wait_volume(machine.ec2, volume, "available")


def snapshot(ec2, volume):
    made = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    eventually(lambda: ec2.describe_snapshots(SnapshotIds=[made])["Snapshots"][0]["State"] == "completed",
               what="the snapshot")
    return made


def loop_devices(cloud):
    """Files of the cloud that are block devices now."""
    backing = [path.read_text().strip() for path in Path("/sys/block").glob("loop*/loop/backing_file") if path.exists()]
    # The kernel tells paths as the machine's first root sees them.
    return [file for file in backing if f"/{cloud.data.name}/" in file]


def test_a_launch_has_the_volumes_that_it_asked_for(cloud, machine):
    rows = {row["DeviceName"]: row["Ebs"] for row in machine.describe()["BlockDeviceMappings"]}
    assert {device: row["Status"] for device, row in rows.items()} == {"/dev/xvda": "attached", "/dev/sdb": "attached"}
    volumes = machine.ec2.describe_volumes(Filters=[{"Name": "tag:of", "Values": ["machine"]},
                                                    {"Name": "attachment.instance-id", "Values": [machine.id]}])["Volumes"]
    assert sorted((volume["Size"], volume["State"]) for volume in volumes) == [(1, "in-use"), (8, "in-use")]
    size = machine.sh("df --output=size -BG / | tail -1")
    assert size == "8G"
    assert machine.root("findmnt -no FSTYPE /mnt/sdb") == "ext4"
    assert machine.metadata("/latest/meta-data/block-device-mapping/ebs1", token(machine)) == (200, "sdb")


def token(machine):
    value = machine.sh("curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token")
    return f"-H 'X-aws-ec2-metadata-token: {value}'"


def test_a_full_volume_is_full_for_its_instance_alone(machine, other):
    for folder, size_mib in [("/mnt/sdb", 1024), ("/", 8192)]:
        out = machine.root(FILL.format(folder))
        assert "No space left on device" in out and "full" in out
        assert 0.9 * size_mib < int(out.split()[1]) < size_mib
    other.root("dd if=/dev/zero of=/fill bs=1M count=20 conv=fsync && rm /fill")
    assert machine.state == "running"


def test_a_volume_moves_from_instance_to_instance_while_they_run(cloud, machine, other):
    volume = create(machine)
    attach(machine, volume, "/dev/sdf")
    machine.root("echo carried >/mnt/sdf/file && chown ec2-user /mnt/sdf/file")
    with pytest.raises(machine.ec2.exceptions.ClientError, match="VolumeInUse"):
        other.ec2.attach_volume(VolumeId=volume, InstanceId=other.id, Device="/dev/sdg")
    machine.root("cd /mnt/sdf && nohup sleep 1000 >/dev/null 2>&1 & echo")
    machine.ec2.detach_volume(VolumeId=volume)
    assert attachment(machine.ec2, volume) == "detaching"
    machine.root("pkill sleep")
    cloud.advance("5s")  # it is tried again every few seconds
    wait_volume(machine.ec2, volume, "available")
    assert machine.root("ls /mnt/sdf") == ""
    attach(other, volume, "/dev/sdg")
    assert other.sh("stat -c %U /mnt/sdg/file && cat /mnt/sdg/file") == "ec2-user\ncarried"
    detach(other, volume)
    machine.ec2.delete_volume(VolumeId=volume)
    eventually(lambda: not machine.ec2.describe_volumes(Filters=[{"Name": "volume-id", "Values": [volume]}])["Volumes"],
               what="the volume to be deleted")


def test_a_snapshot_becomes_a_larger_volume_with_the_same_files(cloud, machine, other):
    volume = machine.describe()["BlockDeviceMappings"][1]["Ebs"]["VolumeId"]
    machine.root("echo first >/mnt/sdb/file; sync")
    made = snapshot(machine.ec2, volume)
    machine.root("echo second >/mnt/sdb/file")
    restored = create(machine, SnapshotId=made, Size=2)
    attach(other, restored, "/dev/sdh")
    assert other.sh("cat /mnt/sdh/file; df --output=size -BG /mnt/sdh | tail -1").split() == ["first", "2G"]
    machine.ec2.delete_snapshot(SnapshotId=made)
    eventually(lambda: not (cloud.data / "images" / made).exists(), what="the snapshot's files to be deleted")
    detach(other, restored)
    assert other.root("ls /mnt/sdh") == ""


def test_a_root_volume_outlives_its_instance_if_asked_to(cloud, machines, other):
    kept = machines.run(SubnetId=other.describe()["SubnetId"], BlockDeviceMappings=[
        {"DeviceName": "/dev/xvda", "Ebs": {"DeleteOnTermination": False}},
        {"DeviceName": "/dev/sdc", "Ebs": {"VolumeSize": 1}}])
    kept.root("echo evidence >/srv/kept")
    volumes = [row["Ebs"]["VolumeId"] for row in kept.describe()["BlockDeviceMappings"]]
    machines.ec2.terminate_instances(InstanceIds=[kept.id])
    kept.wait("terminated")
    wait_volume(machines.ec2, volumes[0], "available")
    eventually(lambda: not (cloud.data / "volumes" / volumes[1]).exists(), what="the other volume to be deleted")
    attach(other, volumes[0], "/dev/sdr")
    assert other.sh("cat /mnt/sdr/srv/kept; ls /mnt/sdr/usr/bin/env").split() == ["evidence", "/mnt/sdr/usr/bin/env"]
    detach(other, volumes[0])


def test_an_image_brings_all_volumes(machines, machine):
    machine.root("echo data >/mnt/sdb/of-image; echo root >/srv/of-image; sync")
    image = machines.ec2.create_image(InstanceId=machine.id, Name="two-volumes", NoReboot=True)["ImageId"]
    machines.ec2.get_waiter("image_available").wait(ImageIds=[image], WaiterConfig={"Delay": 1})
    rows = machines.ec2.describe_images(ImageIds=[image])["Images"][0]["BlockDeviceMappings"]
    assert [row["Ebs"]["VolumeSize"] for row in rows] == [8, 1]
    with pytest.raises(machines.ec2.exceptions.ClientError, match="InvalidSnapshot.InUse"):
        machines.ec2.delete_snapshot(SnapshotId=rows[0]["Ebs"]["SnapshotId"])
    copy = machines.run(ImageId=image, UserData="#!/bin/sh\ncat /srv/of-image /mnt/sdb/of-image\n")
    console = copy.wait_console("cloud-init: finished")
    assert "root\ndata\n" in console
    machines.ec2.terminate_instances(InstanceIds=[copy.id])


def test_volumes_survive_a_killed_host_and_a_stopped_instance(cloud, machine, other):
    machine.root("echo kept >/mnt/sdb/survives")
    pid = cloud.record()["host"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: cloud.record().get("host") not in (None, pid), what="host to be started again")
    volume = create(machine)
    attach(machine, volume, "/dev/sdp")
    machine.root("echo more >/mnt/sdp/survives")
    machine.ec2.stop_instances(InstanceIds=[machine.id])
    machine.wait("stopped")
    machine.ec2.start_instances(InstanceIds=[machine.id])
    machine.wait("running")
    assert machine.sh("cat /mnt/sdb/survives /mnt/sdp/survives").split() == ["kept", "more"]


def test_a_volume_grows_at_the_latest_when_it_is_mounted_again(cloud, machine):
    volume = machine.describe()["BlockDeviceMappings"][1]["Ebs"]["VolumeId"]
    machine.ec2.modify_volume(VolumeId=volume, Size=2)
    eventually(lambda: machine.ec2.describe_volumes_modifications(VolumeIds=[volume])["VolumesModifications"][0][
        "ModificationState"] == "completed", what="the modification")
    machine.ec2.stop_instances(InstanceIds=[machine.id])
    machine.wait("stopped")
    eventually(lambda: not [file for file in loop_devices(cloud) if volume in file], what="the volume to be at rest")
    machine.ec2.start_instances(InstanceIds=[machine.id])
    machine.wait("running")
    assert machine.sh("df --output=size -BG /mnt/sdb | tail -1").strip() == "2G"
    assert machine.sh("cat /mnt/sdb/survives") == "kept"


def test_nothing_is_left_when_the_daemon_stops(cloud, machine):
    assert loop_devices(cloud)
    cloud.stop()
    eventually(lambda: not loop_devices(cloud), what="the loop devices to go")
    assert str(cloud.data) not in Path("/proc/mounts").read_text()


def take_all_but(cloud, mib, name):
    """A file of the host's beside the volumes, so that there is no more room than this."""
    disk = os.statvfs(cloud.data)
    subprocess.run(["fallocate", "-l", str(disk.f_bavail * disk.f_frsize - (mib << 20)), cloud.data / name], check=True)


@pytest.fixture
def small_disk(tmp_path):
    """A cloud on a disk of its own."""
    image, point = tmp_path / "disk", tmp_path / "data"
    point.mkdir()
    subprocess.run(["truncate", "-s", "8G", image], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-m0", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, point], check=True)
    cloud = Cloud()
    cloud.data.rmdir()
    cloud.data = point
    try:
        yield cloud.start()
    finally:
        cloud.stop()
        eventually(lambda: subprocess.run(["umount", point]).returncode == 0, what="the disk to be free")


def test_a_full_disk_of_the_machine_breaks_nothing(small_disk, tmp_path):
    made = Machines(small_disk, tmp_path)
    writer = made.run()
    other = made.run(SubnetId=writer.describe()["SubnetId"])
    take_all_but(small_disk, 800, "ballast")
    out = writer.root("dd if=/dev/zero of=/fill bs=1M count=1500 2>&1 || echo full")
    assert "No space left on device" in out and "full" in out
    writer.root("sync && touch /still-writable && rm /still-writable")
    assert other.sh("cat /etc/hostname") and other.state == "running"
    # With what the host itself takes there is no room at all, and a launch says so.
    take_all_but(small_disk, 10, "other")
    # Nothing is written before the host has looked: what lies in memory then would have no place on the disk.
    eventually(lambda: int(other.sh("df --output=avail -BM / | tail -1").rstrip("M")) < 20, what="the volumes to be full")
    assert other.attempt("sudo dd if=/dev/zero of=/fill bs=1M count=20").returncode
    failed = made.ec2.run_instances(ImageId=made.image, InstanceType="t3.micro", MinCount=1, MaxCount=1)["Instances"][0]
    failed = Machine(made, failed["InstanceId"]).wait("terminated").describe()
    assert "the disk of the machine is full" in failed["StateReason"]["Message"]
    (small_disk.data / "other").unlink()
    writer.root("rm /fill && sync")
    eventually(lambda: other.attempt("sudo dd if=/dev/zero of=/fill bs=1M count=20 conv=fsync").returncode == 0,
               what="room again")
    made.run()
