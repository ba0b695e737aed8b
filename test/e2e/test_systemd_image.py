"""Images that bring systemd: it is PID 1, cloud-init finds the cloud by itself, and both ends of a life are orderly."""
from pathlib import Path

import pytest
from conftest import eventually
from debian import debian
from machines import machines

FAREWELL = """#!/bin/sh
cat >/etc/systemd/system/farewell.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/bin/sh -c 'echo goodbye >>/srv/farewell'
[Install]
WantedBy=multi-user.target
END
systemctl enable --now farewell.service
echo "first boot of $(hostname)"
"""


def booted(machine, user="admin"):
    """Waits until systemd has booted; which boot that was."""
    command = "systemctl is-system-running --wait; systemctl --failed --no-legend; systemctl show -P UserspaceTimestampMonotonic"
    def attempt():
        done = machine.attempt(command, user=user, timeout=60)
        return done if done.returncode == 0 else None
    state, *failed, boot = eventually(attempt, what="systemd to have booted").stdout.split("\n")[:-1]
    assert (state, failed) == ("running", [])
    return boot


@pytest.fixture(scope="module")
def server(machines, debian):
    return machines.run(ImageId=debian, UserData=FAREWELL)


def test_systemd_runs_and_cloud_init_boots_it(server):
    booted(server)
    assert server.sh("ps -o comm= -p 1; cloud-init status; systemctl is-active ssh", user="admin") == \
        "systemd\nstatus: done\nactive"
    host_name = server.describe()["PrivateDnsName"].split(".")[0]
    assert f"first boot of {host_name}" in server.sh("sudo cat /var/log/cloud-init-output.log", user="admin")
    query = "sudo cloud-init query --format '{{v1.instance_id}} {{v1.region}} {{v1.availability_zone}} {{v1.platform}}'"
    described = server.describe()
    assert server.sh(query, user="admin") == \
        f"{server.id} {described['Placement']['AvailabilityZone'][:-1]} {described['Placement']['AvailabilityZone']} ec2"
    assert "cloud-init" in server.wait_console("Datasource DataSourceEc2")


def test_units_have_groups_of_their_own_within_the_instances_limits(server):
    shown = server.sh("cat /proc/$(pidof systemd-journald)/cgroup; sudo sh -c 'echo max >/sys/fs/cgroup/cgroup.max.descendants' "
                      "2>&1 || true", user="admin")
    assert "0::/system.slice/systemd-journald.service" in shown
    assert "ermission denied" in shown


def test_a_stop_and_a_reboot_end_its_units_in_order(server):
    before = booted(server)
    server.ec2.reboot_instances(InstanceIds=[server.id])
    eventually(lambda: booted(server) != before, what="another boot")
    server.ec2.stop_instances(InstanceIds=[server.id])
    server.wait("stopped")
    assert server.describe()["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    server.ec2.start_instances(InstanceIds=[server.id])
    server.wait("running")
    booted(server)
    assert server.sh("cat /srv/farewell", user="admin") == "goodbye\ngoodbye"
    assert server.sh("sudo grep -c 'first boot' /var/log/cloud-init-output.log", user="admin") == "1"


def test_reboot_and_poweroff_from_within(cloud, machines, server):
    before = booted(server)
    server.attempt("sudo systemctl reboot", user="admin")
    eventually(lambda: booted(server) != before, what="another boot")
    server.attempt("sudo systemctl poweroff", user="admin")
    server.wait("stopped")
    assert server.describe()["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"
    machines.ec2.modify_instance_attribute(InstanceId=server.id,
                                           InstanceInitiatedShutdownBehavior={"Value": "terminate"})
    server.ec2.start_instances(InstanceIds=[server.id])
    server.wait("running")
    server.attempt("sudo systemctl poweroff", user="admin")
    server.wait("terminated")
    groups = f"pileus.{cloud.record()['world']}/{server.id}"
    root = Path("/sys/fs/cgroup")
    eventually(lambda: not [*root.glob(groups), *root.glob(f"*/{groups}")], what="its cgroups to be removed")


def test_without_cloud_init_the_boot_is_ours(machines, debian):
    source = machines.run(ImageId=debian)
    booted(source)
    source.sh("sudo touch /etc/cloud/cloud-init.disabled", user="admin")
    image = machines.ec2.create_image(InstanceId=source.id, Name="plain", NoReboot=True)["ImageId"]
    machines.ec2.get_waiter("image_available").wait(ImageIds=[image], WaiterConfig={"Delay": 1})
    machine = machines.run(ImageId=image, UserData="#!/bin/sh\necho user data: $(systemctl is-system-running)\n")
    assert "user data: running" in machine.wait_console("cloud-init: finished")
    booted(machine)
    keys = "cat /etc/ssh/ssh_host_ed25519_key.pub"
    assert machine.sh(keys, user="admin") != source.sh(keys, user="admin")
