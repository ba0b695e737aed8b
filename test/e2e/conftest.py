"""The world of the end-to-end tests: a real daemon, and the clients that people use.

Every test file gets a daemon of its own with an empty data folder. The whole run moves into a network
namespace of its own first, so its load balancers may have port 80 and nothing of the machine is touched.
"""
import ctypes
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import boto3
import pytest

ROOT = Path(__file__).resolve().parents[2]
PILEUS = Path(os.environ.get("PILEUS_BINARY", ROOT / "build/pileus"))
NEWEST_AWS = ROOT / ".cache/venv/bin/aws"
REGION = "ap-south-1"
CLONE_NEWNET = 0x40000000


def pytest_collection_modifyitems(config, items):
    if os.geteuid() == 0:
        return
    for item in items:
        item.add_marker(pytest.mark.skip(reason="needs root: namespaces and network links"))


@pytest.fixture(scope="session", autouse=True)
def own_network():
    """A network namespace for the whole run, with nothing in it but a loopback."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(check, timeout=120, what="the condition"):
    """Polls until check() gives something true; for what has no event to wait on from outside. The timeout is how long a
    machine may stall, not how long it should take."""
    deadline = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {timeout} s")
        time.sleep(0.05)


class Cloud:
    """A running daemon, and ways to ask it."""

    def __init__(self, *options):
        (ROOT / "build/e2e").mkdir(parents=True, exist_ok=True)
        self.data = Path(tempfile.mkdtemp(dir=ROOT / "build/e2e"))
        self.options = list(options)
        self.port = free_port()
        self.process = None

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self):
        return {**os.environ, "PILEUS_DATA": str(self.data), "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION, "AWS_PAGER": "",
                "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1"}

    def start(self, program=PILEUS):
        self.process = subprocess.Popen(
            [program, "start", "--data", self.data, "--listen", f"127.0.0.1:{self.port}", *self.options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        line = self.process.stdout.readline()
        assert line == "Ready.\n", line + (self.process.stdout.read() if not line else "") + self.log()[-3000:]
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=90)

    def remove(self):
        self.stop()
        if self.record():
            self.pileus("stop", check=False)
        shutil.rmtree(self.data, ignore_errors=True)

    def log(self):
        path = self.data / "pileus.log"
        return path.read_text() if path.exists() else ""

    def record(self):
        """Facts of <data>/daemon: {'world': 0, 'api': pid, ...}."""
        path = self.data / "daemon"
        facts = {}
        for line in path.read_text().splitlines() if path.exists() else []:
            words = line.split()
            if words[0] == "process":
                facts[words[1]] = int(words[2])
            else:
                facts[words[0]] = words[1]
        return facts

    @property
    def host_address(self):
        """The host's address on the cloud's internet."""
        return f"100.{64 + int(self.record()['world'])}.0.1"

    def pileus(self, *arguments, check=True):
        return subprocess.run([PILEUS, *arguments], env=self.env, text=True, capture_output=True, check=check,
                              timeout=120)

    def advance(self, duration):
        self.pileus("clock", "advance", duration)

    def boto(self, service, **options):
        return boto3.client(service, region_name=options.pop("region", REGION), endpoint_url=self.endpoint,
                            aws_access_key_id="test", aws_secret_access_key="test",
                            config=boto3.session.Config(retries={"max_attempts": 1, "mode": "standard"}), **options)


class Aws:
    """The aws command: `aws("ec2 describe-vpcs", query="Vpcs[].VpcId")` gives parsed JSON."""

    def __init__(self, cloud, program, name):
        self.cloud, self.program, self.name = cloud, program, name

    def run(self, command, check=True, **env):
        words = [str(self.program)]
        environment = {**self.cloud.env, **env}
        if self.name == "newest":
            environment["AWS_ENDPOINT_URL"] = self.cloud.endpoint
        else:
            words += ["--endpoint-url", self.cloud.endpoint]
        words += shlex.split(command) if isinstance(command, str) else [str(word) for word in command]
        # Debian's aws is a script for the system's python, not for the one that runs the tests.
        environment.pop("PYTHONPATH", None)
        environment.pop("VIRTUAL_ENV", None)
        done = subprocess.run(words, env=environment, text=True, capture_output=True, timeout=900)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
        return done

    def __call__(self, command, query=None):
        words = shlex.split(command) if isinstance(command, str) else list(command)
        words += ["--output", "json"] + (["--query", query] if query else [])
        out = self.run(words).stdout
        return json.loads(out) if out.strip() else None

    def fails(self, command):
        """Runs a command that must fail; gives the AWS error code."""
        done = self.run(command, check=False)
        assert done.returncode != 0, f"{command} succeeded: {done.stdout}"
        found = re.search(r"\((\w[\w.]*)\)", done.stderr)
        return found.group(1) if found else done.stderr


@pytest.fixture(scope="module")
def cloud(request):
    options = getattr(request.module, "OPTIONS", [])
    running = Cloud(*options)
    try:
        yield running.start()
    finally:
        running.remove()


def needs_newest(name):
    if name == "newest" and not NEWEST_AWS.exists():
        pytest.skip("needs the newest aws in .cache/venv (./dev deps fetches it)")


@pytest.fixture(params=["debian", "newest"])
def aws(request, cloud):
    """Each test runs with Debian's aws 2.9 and with the newest one."""
    needs_newest(request.param)
    return aws_of(cloud, request.param)


def aws_of(cloud, name):
    return Aws(cloud, NEWEST_AWS if name == "newest" else "/usr/bin/aws", name)


def run_example(aws, name, **env):
    """Runs a script of examples/ with this aws; gives the facts that it prints."""
    cloud = aws.cloud
    if aws.name == "newest":
        env = {**env, "AWS": str(aws.program), "AWS_ENDPOINT_URL": cloud.endpoint}
    else:
        env = {**env, "AWS": shlex.join([str(aws.program), "--endpoint-url", cloud.endpoint])}
    done = subprocess.run([ROOT / "examples" / name], env={**cloud.env, **env}, text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr + cloud.log()[-3000:]
    return dict(word.split("=", 1) for word in shlex.split(done.stdout))


def ssh(key, address, command, user="ec2-user", timeout=15, connect_timeout=5, wrapper=()):
    """Runs a command in an instance over ssh; gives the finished process."""
    return subprocess.run(
        [*wrapper, "ssh", "-i", str(key), "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null",
         "-oLogLevel=ERROR", "-oBatchMode=yes", f"-oConnectTimeout={connect_timeout}", f"{user}@{address}", command],
        text=True, capture_output=True, timeout=timeout)


def ssh_when_up(key, address, command, **options):
    """The same, once sshd answers."""
    refusals = ["none"]

    def attempt():
        done = ssh(key, address, command, **options)
        if done.returncode == 255:
            refusals.append(done.stderr.strip())
        return done if done.returncode != 255 else None
    try:
        return eventually(attempt, what=f"ssh to {address}")
    except AssertionError as failure:
        raise AssertionError(f"{failure}; the last refusal: {refusals[-1]}") from None


def curl(url, *options, timeout=5):
    """Body of a GET; None if there is no whole answer."""
    done = subprocess.run(["curl", "-s", "-S", "--max-time", str(timeout), *options, url], text=True,
                          capture_output=True)
    return done.stdout if done.returncode == 0 else None
