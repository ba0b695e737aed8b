"""User data runs once, as cloud-init would run it, and the console shows the boot and what it wrote."""
import gzip

from conftest import eventually
from machines import machine, machines

CLOUD_CONFIG = """#cloud-config
# a comment
write_files:
  - path: /opt/app/config.ini
    permissions: '0600'
    content: |
      [app]
        indented = "yes"
  - path: /etc/motd
    content: hello
runcmd:
  - echo "shell $((6 * 7))" > /opt/app/shell
  - [sh, -c, "echo list 'and quotes' > /opt/app/list"]
"""


def test_the_console_shows_the_boot(machine):
    console = machine.wait_console("cloud-init: finished at")
    kernel = machine.sh("uname -r")
    assert f"Linux version {kernel}" in console.splitlines()[0]
    assert machine.private_address in console
    shown = console.split("-----BEGIN SSH HOST KEY KEYS-----")[1].split("-----END")[0]
    assert machine.sh("cat /etc/ssh/ssh_host_ed25519_key.pub") in shown


def test_a_script_runs_once_as_root_and_its_output_is_on_the_console(machines):
    machine = machines.run(UserData="#!/bin/bash\necho user=$(id -un) >> /opt/runs\necho to the console\necho and errors >&2\n")
    console = machine.wait_console("cloud-init: finished")
    assert "to the console" in console and "and errors" in console
    assert machine.sh("sudo cat /var/log/cloud-init-output.log").count("to the console") == 1
    machines.ec2.reboot_instances(InstanceIds=[machine.id])
    eventually(lambda: machine.console().count("cloud-init: finished") == 2, what="the second boot")
    assert machine.sh("cat /opt/runs") == "user=root"
    assert machine.metadata("/latest/user-data")[0] in (200, 401)


def test_a_script_that_fails_says_so_and_the_instance_goes_on(machines):
    machine = machines.run(UserData="#!/bin/sh\nexit 3\n")
    assert "exited with 3" in machine.wait_console("cloud-init: finished")
    assert machine.sh("id -un") == "ec2-user"


def test_cloud_config_writes_files_and_runs_commands(machines):
    machine = machines.run(UserData=CLOUD_CONFIG)
    machine.wait_console("cloud-init: finished")
    assert machine.root("cat /opt/app/config.ini") == '[app]\n  indented = "yes"'
    assert machine.sh("stat -c %a /opt/app/config.ini") == "600"
    assert machine.sh("cat /etc/motd /opt/app/shell /opt/app/list").splitlines() == ["hello" + "shell 42", "list and quotes"]


def test_what_cloud_config_does_not_do_is_named(machines):
    machine = machines.run(UserData="#cloud-config\npackages:\n  - nginx\nruncmd:\n  - echo still running\n")
    console = machine.wait_console("cloud-init: finished")
    assert '"packages" in #cloud-config is not supported by Pileus' in console and "still running" in console


def test_packed_user_data_is_unpacked(machines):
    machine = machines.run(UserData=gzip.compress(b"#!/bin/sh\necho was packed\n"))
    assert "was packed" in machine.wait_console("cloud-init: finished")


def test_user_data_can_be_changed_while_stopped_and_read_back(machines):
    machine = machines.run(UserData="#!/bin/sh\ntrue\n")
    machines.ec2.stop_instances(InstanceIds=[machine.id])
    machine.wait("stopped")
    machines.ec2.modify_instance_attribute(InstanceId=machine.id, UserData={"Value": b"#!/bin/sh\nfalse\n"})
    assert machine.attribute("userData")["UserData"]["Value"] == "IyEvYmluL3NoCmZhbHNlCg=="


def test_rc_local_runs_at_each_boot(machines):
    machine = machines.run(UserData="#!/bin/sh\nprintf '#!/bin/sh\\necho rc-local speaks\\n' >/etc/rc.local; chmod +x /etc/rc.local\n")
    machine.wait_console("rc-local speaks")
    machines.ec2.reboot_instances(InstanceIds=[machine.id])
    eventually(lambda: machine.console().count("rc-local speaks") == 2, what="the second boot")
