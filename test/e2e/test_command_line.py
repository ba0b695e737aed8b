"""The commands of pileus itself, and the README's tour, word for word."""
import os
import re
import subprocess
import time

from conftest import NEWEST_AWS, PILEUS, ROOT, Cloud, eventually, needs_newest
from machines import machine, machines


def test_env_and_aws_reach_the_daemon(cloud):
    exports = cloud.pileus("env").stdout
    assert f"export AWS_ENDPOINT_URL={cloud.endpoint}\n" in exports and "AWS_ACCESS_KEY_ID=test" in exports
    assert cloud.pileus("aws", "sts", "get-caller-identity", "--query", "Account", "--output", "text").stdout == "000000000000\n"
    assert cloud.pileus("aws", "ec2", "describe-vpcs", "--vpc-ids", "vpc-1", check=False).returncode in (254, 255)


def test_status_and_clock_show_the_cloud(cloud, machine):
    facts = dict(line.split(None, 1) for line in cloud.pileus("status").stdout.splitlines() if not line.startswith(("cloud", "clock", "load", "target")))
    assert facts["endpoint"] == cloud.endpoint and facts["instances"] == "1"
    assert int(facts["api"]) == cloud.record()["api"]
    before = cloud.pileus("clock").stdout
    after = cloud.pileus("clock", "advance", "15m").stdout
    times = [time.mktime(time.strptime(re.search(r"\d{4}-[\d:T-]+Z", text)[0], "%Y-%m-%dT%H:%M:%SZ")) for text in (before, after)]
    assert 900 <= times[1] - times[0] < 930
    assert "duration" in cloud.pileus("clock", "advance", "soon", check=False).stderr


def test_ssh_logs_in(cloud, machines, machine):
    machine.sh("true")
    assert cloud.pileus("ssh", "-i", str(machines.key), machine.id, "id", "-un").stdout == "ec2-user\n"
    refused = cloud.pileus("ssh", "i-0123456789abcdef0", check=False)
    assert refused.returncode == 1 and "no such instance" in refused.stderr


def test_images_logs_and_coverage(cloud, machines):
    assert machines.image in cloud.pileus("image", "list").stdout
    assert cloud.pileus("logs").stdout == cloud.log()
    coverage = cloud.pileus("coverage").stdout
    assert re.search(r"^ec2: \d+ of \d+ operations$", coverage, re.M) and "  + RunInstances\n" in coverage
    assert "  - DescribeSpotPriceHistory\n" in coverage


def test_kept_instances_run_on_and_are_adopted(cloud, machines):
    machine = machines.run()
    machine.root("echo since-boot > /run/mark")
    cloud.pileus("stop", "--keep")
    cloud.process.wait(timeout=30)
    cloud.start()
    assert machine.wait("running").sh("cat /run/mark") == "since-boot"
    cloud.pileus("stop")
    cloud.process.wait(timeout=30)
    cloud.start()
    eventually(lambda: machine.state == "running", what="the instance after a full stop")
    assert "since-boot" not in machine.attempt("cat /run/mark").stdout


def test_every_command_has_help_that_needs_no_daemon(tmp_path):
    shown = subprocess.run([PILEUS, "help"], text=True, capture_output=True, check=True).stdout
    commands = re.findall(r"^  (\w+) ", shown, re.M)
    assert {"start", "status", "why", "ca"} <= set(commands)
    for command in commands:
        done = subprocess.run([PILEUS, command, "--help"], text=True, capture_output=True, env={**os.environ, "PILEUS_DATA": str(tmp_path)})
        assert done.returncode == 0 and done.stdout.lower().startswith(f"usage: pileus {command}") and not done.stderr, command


def test_a_command_without_a_daemon_says_so(tmp_path):
    done = subprocess.run([PILEUS, "status", "--data", tmp_path], text=True, capture_output=True)
    assert done.returncode == 1 and done.stderr.startswith("pileus: ")


def tour():
    """The commands of the README's tour, as they stand there."""
    text = (ROOT / "README.md").read_text().split("## A tour")[1].split("\nDebian's")[0]
    return "\n".join(line[4:] for line in text.splitlines() if line.startswith("    ") or not line)


def test_the_tour_of_the_readme_works(tmp_path):
    needs_newest("newest")
    (tmp_path / "build").mkdir()
    (tmp_path / "build/pileus").symlink_to(PILEUS)
    (tmp_path / "dev").write_text("#!/bin/sh\n")
    (tmp_path / "dev").chmod(0o755)
    (tmp_path / "sudo").write_text('#!/bin/sh\nexec "$@"\n')
    (tmp_path / "sudo").chmod(0o755)
    cloud = Cloud()
    path = f"{tmp_path}:{NEWEST_AWS.parent}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "PILEUS_DATA": str(cloud.data), "AWS_PAGER": ""}
    steps = tour().replace("build/pileus ssh -i me.pem $i", "build/pileus ssh -i me.pem $i id -un; echo ssh=$?")
    try:
        done = subprocess.run(["bash", "-c", steps], cwd=tmp_path, env=env, text=True, capture_output=True, timeout=120)
        output = done.stdout + done.stderr
        assert done.returncode == 0, output
        assert re.search(r"timed out.*", done.stderr), output
        assert [line for line in done.stdout.splitlines() if line.startswith("ssh=")] == ["ssh=255", "ssh=0"], output
        for expected in ("Ready.", "ec2-user", "Linux version", "cloud time", "instances        1"):
            assert expected in output, output
        assert not cloud.record()
    finally:
        cloud.remove()
