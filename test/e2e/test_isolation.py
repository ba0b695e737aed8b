"""Root in an instance is nobody outside: it sees and exhausts nothing but its own. Ways out: test_escapes.py."""
import pytest
from machines import machine, machines

OPTIONS = ["--vcpu-share", "0.1"]


@pytest.fixture(scope="module")
def neighbour(machines):
    return machines.run(UserData="#!/bin/sh\nexec sleep 987654\n")


def test_it_sees_no_process_of_another(machine, neighbour):
    neighbour.sh("pgrep -f 'sleep 98765[4]'")
    shown = machine.root("ps ax -o args")
    assert "987654" not in shown and "pileus: api" not in shown


def test_it_sees_no_file_of_the_host(machine):
    program = "import os,json\nseen=[p for p in ('/work','/var/lib/pileus','/proc/1/root/work','/sys/fs/cgroup/pileus.0') if os.path.exists(p)]\nprint(json.dumps(seen))"
    assert machine.python(program) == []
    assert machine.root("ls /home; ls -A /root | grep -v .ssh || true").split() == sorted(["admin", "ec2-user", "ubuntu"])


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
