"""HTTP through the balancer: a scripted client, scripted targets, and the real program between.

The program is PILEUS_BALANCE (default: build/test/flow/pileus-balance). Everything waits for
events: a line of the log, bytes on a socket, a request at a target. Nothing sleeps.
"""
import collections
import json
import os
import queue
import random
import re
import signal
import socket
import struct
import subprocess
import threading

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("PILEUS_BALANCE", os.path.join(ROOT, "build/test/flow/pileus-balance"))
WAIT = 60  # seconds after which a test that waits has failed: many, for machines stall

IDLE_TIMEOUT = "idle_timeout.timeout_seconds"
SOON = 5  # seconds of the idle timeout where a target must say something before, and nobody waits in most tests
TRACE_REQUEST = b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"  # which the balancer answers itself, with 405

port_locks = collections.deque(maxlen=100)


def free_port():
    """One that no other test has. Threads of a balancer share their port (SO_REUSEPORT), so two balancers would too,
    and each would get requests of the other's test: a name in the abstract namespace says that a port is taken."""
    while True:
        port = random.randrange(10000, 32000)
        lock = socket.socket(socket.AF_UNIX)
        try:
            lock.bind(f"\0pileus-test-port-{port}")
            with socket.socket() as s:
                s.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        port_locks.append(lock)
        return port


class Connection:
    """Bytes with a peer: to send, and to read up to a mark."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(WAIT)
        self.buffer = b""

    def send(self, data):
        self.sock.sendall(data)

    def _fill(self):
        try:
            part = self.sock.recv(65536)
        except ConnectionResetError:
            part = b""
        self.buffer += part
        return bool(part)

    def until(self, mark):
        while mark not in self.buffer:
            if not self._fill():
                raise EOFError(self.buffer)
        end = self.buffer.index(mark) + len(mark)
        data, self.buffer = self.buffer[:end], self.buffer[end:]
        return data

    def exactly(self, size):
        while len(self.buffer) < size:
            if not self._fill():
                raise EOFError(self.buffer)
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def rest(self):
        while self._fill():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def is_closed(self):
        """Whether the peer closed and left nothing unread."""
        return self.rest() == b""

    def message(self, head_only=False):
        return Message(self, head_only)

    def close(self):
        self.sock.close()

    def reset(self):
        """Closes so that the peer knows that nobody reads any more (FIN alone may be half a close)."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Message:
    """A request or response read from a connection."""

    def __init__(self, connection, head_only=False):
        self.head = connection.until(b"\r\n\r\n")
        lines = self.head.decode("latin-1").split("\r\n")
        self.first = lines[0]
        self.lines = lines[1:-2]
        self.chunks, self.trailers = [], []
        self.body = b""
        if head_only or self.first.startswith("HTTP/") and self.status in (204, 304):
            return
        if self.get("transfer-encoding") == "chunked":
            self._read_chunks(connection)
        elif self.get("content-length"):
            self.body = connection.exactly(int(self.get("content-length")))
        elif self.first.startswith("HTTP/") and self.status >= 200:
            self.body = connection.rest()

    def _read_chunks(self, connection):
        while True:
            size = int(connection.until(b"\r\n"), 16)
            if size == 0:
                while (line := connection.until(b"\r\n")) != b"\r\n":
                    self.trailers.append(tuple(line.decode("latin-1").strip().split(": ", 1)))
                return
            self.chunks.append(connection.exactly(size))
            self.body += self.chunks[-1]
            assert connection.exactly(2) == b"\r\n"

    @property
    def status(self):
        return int(self.first.split()[1])

    def all(self, name):
        pairs = (line.split(":", 1) for line in self.lines)
        return [value.strip() for key, value in pairs if key.lower() == name]

    def get(self, name):
        values = self.all(name)
        assert len(values) <= 1, f"{name} is there {len(values)} times"
        return values[0] if values else None


class Target:
    """Listens, answers health checks by itself, and hands every other connection's requests to
    `handler(connection, request)`; connections end when it returns False."""

    def __init__(self, handler=None):
        self.handler = handler or ok
        self.healthy = True
        self.requests = queue.Queue()
        self.connections = queue.Queue()
        self.open = []
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(1024)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        connection = Connection(sock)
        self.open.append(connection)
        first = True
        try:
            while True:
                request = connection.message()
                if request.get("user-agent") == "ELB-HealthChecker/2.0":
                    connection.send(answer(b"", 200 if self.healthy else 404))
                    break
                if first:
                    self.connections.put(connection)
                first = False
                self.requests.put(request)
                if self.handler(connection, request) is False:
                    break
        except (EOFError, OSError):
            pass
        connection.close()

    def request(self):
        return self.requests.get(timeout=WAIT)

    def has_request(self):
        return not self.requests.empty()

    def stop(self):
        """As if the program was killed: no new connections, all open ones gone."""
        if self.listener.fileno() < 0:
            return
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.open:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def answer(body=b"ok", status=200, headers=b""):
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n%s" % (status, len(body), headers, body)


def ok(connection, request):
    connection.send(answer())


class Balancer:
    def __init__(self, directory):
        self.path = os.path.join(directory, "config.json")
        self.port = free_port()
        self.program = PROGRAM
        self.process = self.reader = None
        self.news = threading.Condition()
        self.log = []
        self.members = {}  # of every document, beside what config() makes
        self.document = None

    def config(self, targets, rules=(), attributes=None, group=None, default=None, workers=1,
               listener=None):
        return {
            "Workers": workers,
            "Attributes": attributes or {},
            "Listeners": [{
                "Protocol": "HTTP", "Address": "127.0.0.1", "Port": self.port,
                "DefaultActions": [default or {"Type": "forward", "TargetGroupName": "app"}],
                "Rules": list(rules), **(listener or {})}],
            "TargetGroups": [{
                "TargetGroupName": "app", "Protocol": "HTTP", "HealthCheckPath": "/",
                "HealthCheckIntervalSeconds": 1, "HealthCheckTimeoutSeconds": WAIT, "HealthyThresholdCount": 2,
                **(group or {}),
                "Targets": [t if isinstance(t, dict) else {"Id": "127.0.0.1", "Port": t.port}
                            for t in targets]}],
        }

    def write(self, config):
        self.document = config = {**config, **self.members}
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            json.dump(config, file)
        os.rename(self.path + ".new", self.path)

    def start(self, targets=(), wait_healthy=True, **options):
        self.write(self.config(targets, **options))
        self.process = subprocess.Popen([self.program, "--config", self.path], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.wait_line("Ready")
        if wait_healthy:
            for target in targets:
                if not isinstance(target, dict):
                    self.wait_line(f":{target.port} of app is healthy")
        return self

    def _read(self):
        for line in self.process.stdout:
            with self.news:
                self.log.append(line)
                self.news.notify_all()

    def wait_line(self, pattern, since=0):
        def found():
            return any(re.search(pattern, line) for line in self.log[since:])
        with self.news:
            assert self.news.wait_for(found, WAIT), f"no {pattern!r} in:\n{''.join(self.log)}"

    def reload(self, targets=(), **options):
        return self.apply(self.config(targets, **options))

    def apply(self, config):
        self.write(config)
        since = len(self.log)
        self.process.send_signal(signal.SIGHUP)
        self.wait_line("config.json loaded", since)
        return since

    def hurry(self):
        """A second of silence is too much from now on. Tests connect and have an answer (`TRACE_REQUEST`) before, so that
        the time of which they see the end begins with what they send, and they need not be fast themselves."""
        self.document["Attributes"] = {**self.document["Attributes"], IDLE_TIMEOUT: 1}
        self.apply(self.document)

    def connect_and_hurry(self):
        client = self.connect()
        client.send(TRACE_REQUEST)
        assert client.message().status == 405
        self.hurry()
        return client

    def advance(self, seconds):
        """Sets cloud time ahead, under the same configuration."""
        before = self.members.get("Clock", {"AdvanceSeconds": 0})
        self.members["Clock"] = {"AdvanceSeconds": before["AdvanceSeconds"] + seconds}
        self.apply(self.document)

    def an_hour_later(self):
        """Moves real time, which sockets and connections go by. It needs the other program: `self.program`."""
        since = len(self.log)
        self.process.send_signal(signal.SIGUSR1)
        self.wait_line("An hour later", since)

    def set_healthy(self, target, healthy, group="app"):
        """What the target answers to health checks from now on; returns when the balancer has found it."""
        since = len(self.log)
        target.healthy = healthy
        self.wait_line(f":{target.port} of {group} is {'healthy' if healthy else 'unhealthy'}", since)

    def refusal(self, targets=(), **options):
        """What the program says of a configuration that it does not start with."""
        return self.refusal_of(self.config(targets, **options))

    def refusal_of(self, config):
        self.write(config)
        result = subprocess.run([PROGRAM, "--config", self.path], capture_output=True, text=True, timeout=WAIT,
                                check=False)
        assert result.returncode == 1, config
        return result.stdout + result.stderr

    def connect(self, port=None):
        return Connection(socket.create_connection(("127.0.0.1", port or self.port)))

    def get(self, path="/", headers=""):
        client = self.connect()
        client.send(f"GET {path} HTTP/1.1\r\nHost: e.com\r\n{headers}\r\n".encode("latin-1"))
        response = client.message()
        client.close()
        return response

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(WAIT)
        if self.reader:
            self.reader.join(WAIT)
        report = [line for line in self.log if "Sanitizer" in line or "runtime error" in line]
        assert not report, "".join(self.log)


@pytest.fixture
def balancer(tmp_path):
    instance = Balancer(str(tmp_path))
    yield instance
    instance.stop()


@pytest.fixture
def target():
    instance = Target()
    yield instance
    instance.stop()
