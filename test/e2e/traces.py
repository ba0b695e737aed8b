"""What a daemon and its instances leave on the machine: processes, namespaces, mounts, links, rules."""
import os
import subprocess
from pathlib import Path


def processes_with(instance):
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and instance in (entry / "cgroup").read_text():
                found.append(int(entry.name))
        except OSError:
            continue
    return sorted(found)


def lines_of(*command):
    return subprocess.run(command, text=True, capture_output=True, check=True).stdout.splitlines()


def is_zombie(entry):
    """Dead and waiting for the machine's init, which inherited it, to take notice."""
    return (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"


def is_ours(entry, world):
    """A process of the daemon in the tests' network, or of an instance."""
    if f"pileus.{world}/" in (entry / "cgroup").read_text():
        return True
    network = os.readlink("/proc/self/ns/net")
    return (entry / "cmdline").read_bytes().startswith(b"pileus: ") and os.readlink(entry / "ns/net") == network


def processes(world):
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and is_ours(entry, world) and not is_zombie(entry):
                found.append(entry.name)
        except OSError:
            continue
    return found


def cgroups(world):
    """Others' cgroups come and go meanwhile: unlike Path.glob(), os.walk() does not mind."""
    return [os.path.join(folder, name) for folder, names, _ in os.walk("/sys/fs/cgroup") for name in names if name.startswith(f"pileus.{world}")]


def traces(world):
    """Everything on the machine and in the tests' network that bears the world's marks, by kind."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return {
        "mounts": [line for line in mounts if f"/run/pileus/{world}/" in line],
        "links": [line for line in lines_of("ip", "-o", "link") if "lo:" not in line],
        "addresses": [line for line in lines_of("ip", "-o", "-4", "addr") if " 100." in line],
        "rules": [line for line in lines_of("ip", "rule") if line.split()[-1] not in ("local", "main", "default")],
        "routes": [line for line in lines_of("ip", "route", "show", "table", "all") if " dev lo table local " not in line],
        "nftables": lines_of("nft", "list", "tables"),
        "listeners": lines_of("ss", "-Htln"),
        "cgroups": cgroups(world),
        "processes": processes(world),
    }


def occupant(world):
    """The data folder that has things in a world; "" if it is free."""
    return Path(f"/run/pileus/{world}.lock").read_text().strip().rpartition(" ")[2]


def leftovers(world):
    """What is there though its daemon has stopped. Another test's daemon may have the world by now, and its things."""
    found = {kind: rows for kind, rows in traces(world).items() if rows}
    if occupant(world):
        found = {kind: rows for kind, rows in found.items() if kind not in ("mounts", "cgroups", "processes")}
    return found
