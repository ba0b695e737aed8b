"""Runs in an instance as root: tries the ways out of it and prints as JSON what became of each, an errno's name or "done".

docs/threat-model.md has the list with what each would mean.
"""
import ctypes
import errno
import glob
import json
import mmap
import os
import resource
import signal
import socket
import stat
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
MOUNT_POINT = "/tmp/escape"
ATTEMPTS = {}


def attempt(name):
    def keep(function):
        ATTEMPTS[name] = function
        return function
    return keep


def call(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *(ctypes.c_char_p(a) if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), "syscall")
    return result


def mount(kind, source=b"none", options=None, flags=0):
    os.makedirs(MOUNT_POINT, exist_ok=True)
    call(165, source, MOUNT_POINT.encode(), kind, flags, options or 0)


def write(path, text="1"):
    with open(path, "w") as file:
        file.write(text)


def read(path):
    with open(path, "rb") as file:
        return file.read(64)


def disks():
    rows = [line.split() for line in open("/proc/partitions").read().splitlines()[2:]]
    return [(int(major), int(minor), name) for major, minor, _, name in rows]


# ---- file systems ----

@attempt("make the node of a disk")
def _():
    os.mknod("/tmp/disk", stat.S_IFBLK | 0o600, os.makedev(*disks()[0][:2]))


@attempt("mount a disk")
def _():
    mount(b"ext4", b"/dev/" + disks()[0][2].encode())


@attempt("mount a disk by fsopen")
def _():
    context = call(430, b"ext4", 0)
    call(431, context, 1, b"source", ("/dev/" + disks()[0][2]).encode(), 0)
    call(431, context, 6, 0, 0, 0)


for kind in ("debugfs", "tracefs", "securityfs", "configfs", "devtmpfs", "pstore", "efivarfs", "nfs", "9p", "xfs"):
    attempt(f"mount {kind}")(lambda kind=kind: mount(kind.encode()))


@attempt("write to a sysfs of its own")
def _():
    call(272, 0x40000000)  # a new network namespace, without which a new sysfs is refused
    mount(b"sysfs")
    write(MOUNT_POINT + "/kernel/rcu_expedited")


@attempt("write to /sys")
def _():
    call(165, b"none", b"/sys", b"none", 32 | 4096, 0)  # MS_REMOUNT | MS_BIND, without MS_RDONLY
    write("/sys/kernel/rcu_expedited")


@attempt("raise its memory limit in a cgroup file system of its own")
def _():
    mount(b"cgroup", b"none", b"memory")
    write(MOUNT_POINT + "/memory.limit_in_bytes", "-1")


@attempt("have the host run a program as a cgroup ends")
def _():
    mount(b"cgroup", b"none", b"memory")
    write(MOUNT_POINT + "/release_agent", "/tmp/program")


@attempt("raise its CPU limit")
def _():
    write(glob.glob("/sys/fs/cgroup/cpu.[mp]*")[0], "max")


@attempt("open a file by its handle")
def _():
    handle = struct.pack("IiII", 8, 1, 2, 0)
    call(304, os.open("/", os.O_RDONLY), handle, 0)


@attempt("write to the image below its layer")
def _():
    os.stat("/root0")


@attempt("leave the root by chroot")
def _():
    os.makedirs("/tmp/jail", exist_ok=True)
    above, before = os.open("/", os.O_RDONLY), os.stat("/").st_ino
    os.chroot("/tmp/jail")
    os.fchdir(above)
    for _ in range(64):
        os.chdir("..")
    if os.stat(".").st_ino == before:
        raise OSError(errno.EPERM, "still in it")


# ---- the first process, which was the host's ----

for name in ("mem", "environ", "maps", "fd/3", "cwd", "root/etc/passwd"):
    attempt(f"read /proc/1/{name}")(lambda name=name: read(f"/proc/1/{name}") and None)


@attempt("trace the first process")
def _():
    call(101, 16, 1, 0, 0)


@attempt("take a descriptor of the first process")
def _():
    call(438, call(434, 1, 0), 3, 0)


@attempt("enter the namespaces of the first process")
def _():
    call(308, os.open("/proc/1/ns/mnt", os.O_RDONLY), 0)


@attempt("see a process of the host")
def _():
    mount(b"proc", b"proc")
    names = [open(path).read().strip() for path in glob.glob(MOUNT_POINT + "/[0-9]*/comm")]
    if not any(name in ("pileus: host", "pileus: api", "pytest", "systemd") for name in names):
        raise OSError(errno.ESRCH, "only its own")


# ---- the kernel ----

for path in ("kernel/core_pattern", "kernel/modprobe", "kernel/panic", "kernel/kptr_restrict", "kernel/randomize_va_space",
             "kernel/sysrq", "kernel/printk", "kernel/threads-max", "kernel/unprivileged_bpf_disabled", "vm/drop_caches",
             "vm/overcommit_memory", "vm/swappiness", "fs/file-max", "fs/protected_symlinks", "fs/suid_dumpable",
             "net/core/rmem_max", "net/netfilter/nf_conntrack_max", "net/ipv4/neigh/default/gc_thresh3"):
    attempt(f"set {path}")(lambda path=path: write("/proc/sys/" + path))
for path in ("sysrq-trigger", "irq/default_smp_affinity", "mtrr"):
    attempt(f"write to /proc/{path}")(lambda path=path: write("/proc/" + path))
for path in ("kcore", "kmsg", "timer_list", "slabinfo", "vmallocinfo", "kpageflags", "kpagecount", "pagetypeinfo"):
    attempt(f"read /proc/{path}")(lambda path=path: read("/proc/" + path) and None)
for name, major, minor in (("mem", 1, 1), ("port", 1, 4), ("kmsg", 1, 11), ("loop-control", 10, 237), ("fuse", 10, 229),
                           ("kvm", 10, 232), ("vda", 254, 0), ("cpu_dma_latency", 10, 60), ("vhost-vsock", 10, 241)):
    attempt(f"make /dev/{name}")(lambda name=name, major=major, minor=minor: os.mknod(
        f"/tmp/{name}", stat.S_IFCHR | 0o600, os.makedev(major, minor)))
    attempt(f"open /dev/{name}")(lambda name=name: os.open(f"/dev/{name}", os.O_RDWR))


@attempt("learn an address of the kernel")
def _():
    if not any(int(line.split()[0], 16) for line in open("/proc/kallsyms").read().splitlines()[:999]):
        raise OSError(errno.EPERM, "all are zero")


@attempt("see a key of another")
def _():
    if not open("/proc/keys").read():
        raise OSError(errno.ENOKEY, "none")


for name, number, arguments in (
        ("init_module", 175, (b"", 0, b"")), ("finit_module", 313, (0, b"", 0)), ("delete_module", 176, (b"loop", 0)),
        ("kexec_load", 246, (0, 0, 0, 0)), ("kexec_file_load", 320, (0, 0, 0, 0, 0)), ("bpf", 321, (0, b"\0" * 128, 128)),
        ("perf_event_open", 298, (b"\0" * 128, 0, -1, -1, 0)), ("io_uring_setup", 425, (8, b"\0" * 128)),
        ("userfaultfd", 323, (0,)), ("keyctl", 250, (0, -3, 1)), ("add_key", 248, (b"user", b"x", b"y", 1, -2)),
        ("request_key", 249, (b"user", b"x", b"", -2)), ("settimeofday", 164, (b"\0" * 16, 0)), ("clock_settime", 227, (0, b"\0" * 16)),
        ("adjtimex", 159, (struct.pack("I", 1) + b"\0" * 252,)), ("syslog", 103, (3, b"\0" * 64, 64)), ("swapon", 167, (b"/tmp/disk", 0)),
        ("swapoff", 168, (b"/tmp/disk",)), ("acct", 163, (b"/tmp/acct",)), ("quotactl", 179, (0x800007 << 8, b"/dev/vda", 0, 0)),
        ("fanotify_init", 300, (0, 0)), ("iopl", 172, (3,)), ("ioperm", 173, (0x80, 1, 1)), ("lookup_dcookie", 212, (0, 0, 0)),
        ("move_pages", 279, (1, 0, 0, 0, 0, 0)), ("nfsservctl", 180, (0, 0, 0)), ("sched_setscheduler", 144, (0, 1, struct.pack("i", 99)))):
    attempt(f"call {name}")(lambda number=number, arguments=arguments: call(number, *arguments))


@attempt("have a core dump of any size")
def _():
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (1 << 30, 1 << 30))
    except ValueError:
        raise OSError(errno.EPERM, "setrlimit")


@attempt("run before others")
def _():
    os.setpriority(os.PRIO_PROCESS, 0, -20)


# ---- sockets that no network namespace holds ----

for name, family in (("vsock", 40), ("alg", 38), ("rds", 21), ("tipc", 30), ("bluetooth", 31), ("nfc", 39), ("qipcrtr", 42), ("xdp", 44)):
    attempt(f"open a socket of {name}")(lambda family=family: socket.socket(family, socket.SOCK_DGRAM if family == 40 else socket.SOCK_SEQPACKET))


def call_32(number, *arguments):
    """A system call as a program of 32 bits makes it; addresses must be below 4 GiB."""
    registers = [0xbb, 0xb9, 0xba, 0xbe]  # mov ebx, ecx, edx, esi
    code = b"\x53" + b"".join(bytes([register]) + struct.pack("<I", value & 0xffffffff) for register, value in zip(registers, arguments))
    code += b"\xb8" + struct.pack("<I", number) + b"\xcd\x80\x5b\xc3"  # mov eax; int 0x80; pop rbx; ret
    page = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    run = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    result = run()
    if result < 0:
        raise OSError(-result, "system call of 32 bits")


def low_page(data):
    """The address, below 4 GiB, of a copy of data."""
    libc.mmap.restype = ctypes.c_void_p
    address = libc.mmap(None, ctypes.c_size_t(4096), 3, 0x62, -1, ctypes.c_long(0))  # MAP_32BIT | MAP_PRIVATE | MAP_ANONYMOUS
    ctypes.memmove(address, data, len(data))
    return address


attempt("open a socket of vsock, in 32 bits")(lambda: call_32(359, 40, 2, 0))
attempt("open a socket of vsock by socketcall")(lambda: call_32(102, 1, low_page(struct.pack("<3I", 40, 2, 0))))
attempt("call bpf in 32 bits")(lambda: call_32(357, 0, low_page(b"\0" * 128), 128))
attempt("call keyctl in 32 bits")(lambda: call_32(288, 0, -3, 1))
attempt("call add_key in 64 bits of the x32 kind")(lambda: call(0x40000000 | 248, b"user", b"x", b"y", 1, -2))


@attempt("reach the host's abstract sockets")
def _():
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).connect(b"\0pileus-world-" + sys.argv[1].encode())


@attempt("ask the kernel for its audit")
def _():
    audit = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9)
    audit.send(struct.pack("IHHII", 16, 1000, 5, 1, 0))  # AUDIT_GET, NLM_F_REQUEST | NLM_F_ACK
    error, = struct.unpack("i", audit.recv(4096)[16:20])
    if error < 0:
        raise OSError(-error, "audit")


# ---- what it was given ----

@attempt("find a descriptor that is not its own")
def _():
    for link in glob.glob("/proc/[0-9]*/fd/*"):
        try:
            target = os.readlink(link)
        except OSError:
            continue
        if target.startswith("/") and not target.startswith("/proc/") and not os.path.exists(target.removesuffix(" (deleted)")):
            return f"{link}: {target}"
        if target.startswith(("net:", "mnt:", "anon_inode:[pidfd]")):
            return f"{link}: {target}"
    raise OSError(errno.ENOENT, "none")


def outcome(function):
    """Of an attempt in a process of its own, so that what it changes ends with it."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        call(272, 0x20000)  # mounts of its own
        call(165, b"none", b"/", b"none", 0x4000 | 0x40000, 0)  # MS_REC | MS_PRIVATE
        try:
            text = f"done {function() or ''}".strip()
        except OSError as error:
            text = errno.errorcode.get(error.errno, str(error.errno))
        except BaseException as error:
            text = f"odd: {error!r}"
        os.write(writer, text.encode())
        os._exit(0)
    os.close(writer)
    text = os.read(reader, 4096).decode()
    os.close(reader)
    _, status = os.waitpid(pid, 0)
    return text or f"killed by signal {status & 127}"


if __name__ == "__main__":
    print(json.dumps({name: outcome(function) for name, function in ATTEMPTS.items()}))
