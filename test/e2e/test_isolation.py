"""Root in an instance is nobody outside: it sees, reaches and exhausts nothing but its own."""
import pytest
from conftest import eventually
from machines import machine, machines

OPTIONS = ["--vcpu-share", "0.1"]


@pytest.fixture(scope="module")
def neighbour(machines):
    return machines.run(UserData="#!/bin/sh\nexec sleep 987654\n")


def test_it_sees_no_process_of_another(machine, neighbour):
    neighbour.sh("pgrep -f 'sleep 98765[4]'")
    shown = machine.root("ps ax -o args")
    assert "987654" not in shown and "pileus: api" not in shown


def test_it_cannot_reach_the_hosts_disks(machine):
    assert machine.attempt("sudo mknod /tmp/disk b 8 0").returncode != 0
    assert machine.attempt("sudo mount /dev/sda1 /mnt").returncode != 0
    program = "import os,json\nseen=[p for p in ('/work','/var/lib/pileus','/proc/1/root/work','/sys/fs/cgroup/pileus.0') if os.path.exists(p)]\nprint(json.dumps(seen))"
    assert machine.python(program) == []
    assert machine.root("ls /home; ls -A /root | grep -v .ssh || true").split() == sorted(["admin", "ec2-user", "ubuntu"])


@pytest.mark.parametrize("number,name", [(175, "init_module"), (313, "finit_module"), (246, "kexec_load"), (304, "open_by_handle_at"), (321, "bpf"), (250, "keyctl")])
def test_it_cannot_load_modules_or_touch_the_kernel(machine, number, name):
    program = ("import ctypes,json,errno\nlibc=ctypes.CDLL(None,use_errno=True)\n"
               f"r=libc.syscall({number},0,0,0,0,0)\nprint(json.dumps([r,errno.errorcode.get(ctypes.get_errno())]))")
    result, error = machine.python(program)
    assert result == -1 and error in ("EPERM", "ENOSYS"), (name, result, error)


def test_it_cannot_change_the_hosts_settings(machine):
    for path in ("/proc/sys/kernel/panic", "/proc/sys/vm/drop_caches", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger"):
        assert machine.attempt(f"sudo sh -c 'echo 1 > {path}'").returncode != 0, path


SEND = "import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.bind(('{source}',0))\ns.sendto(b'from {source}',('{target}',9000))\nprint(0)"


def test_it_cannot_send_from_another_address(machine, neighbour):
    """A datagram from its own address arrives; one from an address that it took does not."""
    neighbour.sh("nohup python3 -c \"import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.bind(('',9000))\n"
                 "while True: open('/tmp/got','ab',0).write(s.recv(99)+b'\\n')\" >/dev/null 2>&1 & "
                 "until grep -q :2328 /proc/net/udp; do sleep 0.1; done")  # port 9000
    own, taken = machine.private_address, "172.31.63.77"
    machine.root(f"ip addr add {taken}/32 dev eth0")
    for source in (taken, own):
        machine.python(SEND.format(source=source, target=neighbour.private_address))
    eventually(lambda: f"from {own}" in neighbour.attempt("cat /tmp/got").stdout, what="the datagram")
    assert f"from {taken}" not in neighbour.sh("cat /tmp/got")


def test_too_much_memory_is_its_own_end_only(machines, machine, neighbour):
    small = machines.run(InstanceType="t3.nano")
    done = small.attempt("python3 -c \"x=bytearray(2<<30)\nfor i in range(0,len(x),4096): x[i]=1\nprint('had it all')\"; echo ended=$?", timeout=60)
    assert "had it all" not in done.stdout and "ended=137" in done.stdout
    assert small.sh("echo alive") == "alive" and neighbour.sh("pgrep -cf 'sleep 98765[4]'") == "1"


FORK = """import os,json,time,signal
children=[]
try:
    while len(children)<20000:
        pid=os.fork()
        if pid==0:
            signal.pause()
            os._exit(0)
        children.append(pid)
except OSError as error:
    print(json.dumps([len(children),error.errno]))
else:
    print(json.dumps([len(children),0]))
for pid in children: os.kill(pid,9)
"""


def test_a_fork_bomb_is_bounded(machines, neighbour):
    big = machines.run(InstanceType="m5.2xlarge")
    forked, error = big.python(FORK)
    assert forked < 5000 and error == 11
    assert neighbour.sh("echo alive") == "alive" and big.sh("echo alive") == "alive"


BURN = """import os,time,json,resource
end=time.monotonic()+1.5
if os.fork()==0:
    while time.monotonic()<end: pass
    os._exit(0)
while time.monotonic()<end: pass
os.wait()
used=sum(u.ru_utime+u.ru_stime for u in (resource.getrusage(resource.RUSAGE_SELF),resource.getrusage(resource.RUSAGE_CHILDREN)))
print(json.dumps(used/1.5))
"""


def test_the_cpu_is_what_the_type_and_the_share_say(machine):
    """Two vCPUs of 0.1 CPU each; a period of the quota may be half used at each end."""
    assert machine.python(BURN) < 0.35
