"""Root in an instance, and in namespaces that it makes there, does not get out: each way is tried, and refused."""
import json
import os
import re
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from machines import machine, machines

sys.path.insert(0, str(ROOT / "test/lib"))
from escapes import ATTEMPTS  # noqa: E402

PROGRAM = (ROOT / "test/lib/escapes.py").read_text()
# What the kernel or the filter of system calls says; 31 is SIGSYS.
REFUSED = re.compile("E[A-Z]+|killed by signal 31")
NESTED = "unshare --user --map-root-user --mount --net --uts --ipc --cgroup"


def outcomes_of(machine, wrapper):
    machine.sh(f"cat >/tmp/escapes.py <<'PROGRAM'\n{PROGRAM}PROGRAM")
    world = machine.machines.cloud.record()["world"]
    return json.loads(machine.sh(f"sudo {wrapper} python3 /tmp/escapes.py {world}", timeout=120).splitlines()[-1])


@pytest.fixture(scope="module", params=["", NESTED], ids=["root", "root of a container"])
def outcomes(request, machine):
    """What became of each attempt; in namespaces of its own, with all rights over them, as containers have."""
    return outcomes_of(machine, request.param)


@pytest.mark.parametrize("way", ATTEMPTS)
def test_it_is_refused_to(outcomes, way):
    assert REFUSED.fullmatch(outcomes[way]), outcomes[way]


def test_what_is_harmless_works(machine):
    """Namespaces, mounts and packets of its own: what was refused above was not refused with everything else."""
    machine.root(f"{NESTED} sh -c 'mount -t tmpfs none /mnt && ip link add x type veth peer name y'")
    machine.root("unshare --mount --pid --fork --mount-proc sh -c 'mkdir -p /tmp/l /tmp/u /tmp/w && test $$ = 1'")
    assert machine.python("import socket,json\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW)\nprint(json.dumps(1))") == 1


def first_process(instance):
    """On this machine."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"/{instance}" in (entry / "cgroup").read_text() and re.search(
                    r"^NSpid:.*\t1$", (entry / "status").read_text(), re.M):
                return entry
        except OSError:
            continue
    raise LookupError(instance)


def test_its_first_process_has_nothing_of_the_host_but_the_file_of_its_console(cloud, machine):
    links = {os.readlink(link) for link in (first_process(machine.id) / "fd").iterdir()}
    files = {link for link in links if link not in ("/dev/null", "/dev/console") and not link.startswith("anon_inode:")}
    assert len(files) == 1 and files.pop().startswith(str(cloud.data)), links
    assert {link for link in links if link.startswith("anon_inode:")} <= {"anon_inode:[signalfd]", "anon_inode:[eventpoll]"}


def test_metadata_is_that_of_whoever_asks_whatever_the_headers_say(machines, machine):
    other = machines.run()
    status, token = machine.metadata("/latest/api/token", "-X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60'")
    assert status == 200
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Host", "True-Client-IP"):
        options = f"-H '{header}: {other.private_address}' -H 'X-aws-ec2-metadata-token: {token}'"
        assert machine.metadata("/latest/meta-data/local-ipv4", options) == (200, machine.private_address)
    assert other.metadata("/latest/meta-data/instance-id", f"-H 'X-aws-ec2-metadata-token: {token}'")[0] == 401
