"""What every suite needs: the balancer with a configuration, a target, a certificate, programs from outside."""
import contextlib
import http.server
import json
import os
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.path.join(ROOT, ".cache/conformance")
BALANCE = os.environ.get("PILEUS_BALANCE", os.path.join(ROOT, "build/test/flow/pileus-balance"))
SOURCES = os.environ.get("PILEUS_SOURCES", "https://github.com")
FETCH_SECONDS = 300


class Skip(Exception):
    """Why a suite cannot run here."""


given_ports = set()


def free_port():
    """A port that nobody has, and that was not given before."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in given_ports:
            given_ports.add(port)
            return port


# ---- from outside, pinned, into .cache ----

def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")


def attempt(command, what, timeout=FETCH_SECONDS, **options):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout, **options)
    except subprocess.TimeoutExpired as error:
        raise Skip(f"{what}: no answer within {timeout} s") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise Skip(f"{what}: {lines[-1] if lines else 'failed'}")


def source(repository, commit):
    """The folder of a repository's source at that commit."""
    need("git")
    folder = os.path.join(CACHE, f"{repository.split('/')[1]}-{commit}")
    if not os.path.isdir(folder):
        os.makedirs(CACHE, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as new:
            attempt(["git", "clone", "--quiet", f"{SOURCES}/{repository}", f"{new}/clone"],
                    f"{repository} cannot be fetched (PILEUS_SOURCES may say where else it is)",
                    env=os.environ | {"GIT_TERMINAL_PROMPT": "0"})
            attempt(["git", "-C", f"{new}/clone", "-c", "advice.detachedHead=false", "checkout", "--quiet", commit],
                    f"{repository} has no commit {commit}")
            os.rename(f"{new}/clone", folder)
    return folder


def node_modules(name, packages):
    """The folder of these packages ("name@version") of Node.js."""
    need("node", "npm")
    folder = os.path.join(CACHE, name)
    done = os.path.join(folder, "complete")
    if not os.path.exists(done):
        attempt(["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", folder, *packages],
                f"{' '.join(packages)} cannot be fetched")
        open(done, "w", encoding="ascii").close()
    return os.path.join(folder, "node_modules")


def python_with(name, packages):
    """A Python that has these packages ("name==version")."""
    folder = os.path.join(CACHE, name)
    done = os.path.join(folder, "complete")
    if not os.path.exists(done):
        attempt(["/usr/bin/python3", "-m", "venv", "--clear", folder], "no virtual environment")
        attempt([f"{folder}/bin/pip", "install", "-qq", "--retries", "0", *packages],
                f"{' '.join(packages)} cannot be fetched")
        open(done, "w", encoding="ascii").close()
    return f"{folder}/bin/python"


def exceptions(suite):
    """{name of a case: why it need not pass}"""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{suite}.exceptions")
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    return dict(line.rsplit(": ", 1) for line in lines)


# ---- the balancer ----

def certificate(directory):
    """Paths of a certificate for 127.0.0.1 and localhost, and of its key."""
    certificate_path, key_path = f"{directory}/certificate.pem", f"{directory}/key.pem"
    if not os.path.exists(key_path):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key_path,
                        "-out", certificate_path], check=True, capture_output=True)
    return certificate_path, key_path


def https(directory, policy="ELBSecurityPolicy-TLS13-1-2-2021-06"):
    """What makes a listener an HTTPS listener."""
    pems = []
    for path in certificate(directory):
        with open(path, encoding="ascii") as file:
            pems.append(file.read())
    return {"Protocol": "HTTPS", "SslPolicy": policy, "Certificates": [{"Certificate": pems[0], "PrivateKey": pems[1]}]}


def forward(target_port, listener=None, group=None, attributes=None):
    """A configuration that forwards everything to one target; its port is free."""
    port = free_port()
    config = {"Workers": 1,
              "Listeners": [{"Protocol": "HTTP", "Address": "127.0.0.1", "Port": port,
                             "DefaultActions": [{"Type": "forward", "TargetGroupName": "app"}]} | (listener or {})],
              "TargetGroups": [{"TargetGroupName": "app", "Protocol": "HTTP",
                                "Targets": [{"Id": "127.0.0.1", "Port": target_port}]} | (group or {})]}
    if attributes:
        config["Attributes"] = attributes
    return config


@contextlib.contextmanager
def balancer(directory, config):
    """The port of the balancer's first listener; skips if the balancer does not know the configuration."""
    path, log = f"{directory}/balance.json", f"{directory}/balance.log"
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)
    with open(log, "w+", encoding="utf-8") as output:
        process = subprocess.Popen([BALANCE, "--config", path], stdout=output, stderr=output)
        try:
            port = config["Listeners"][0]["Port"]
            if not wait_for(process, port):
                output.seek(0)
                raise Skip((output.read().strip().splitlines() or ["the balancer does not start"])[-1])
            yield port
            if process.poll() is not None:
                raise RuntimeError(f"the balancer ended: {process.returncode}")
        finally:
            stop(process)


def stop(process):
    """Ends the balancer as an operator does: it writes what is left of its logs."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_for(process, port, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.02)
    return False


@contextlib.contextmanager
def program(command, port, **options):
    """A program that runs, once it listens on `port`."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options) as process:
        try:
            if not wait_for(process, port):
                raise Skip(f"{os.path.basename(command[0])} does not start")
            yield process
        finally:
            process.kill()


# ---- a target ----

class Echo(http.server.BaseHTTPRequestHandler):
    """Answers any method with the body of the request, or with `ok`."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.body() or b"ok"
        self.close_connection = self.headers.get("Connection", "").lower() == "close"
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        self.wfile.write(head + (body if self.command != "HEAD" else b""))

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.do_GET
        raise AttributeError(name)

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, request, client_address):
        """Requests are cut on purpose."""


@contextlib.contextmanager
def echo_target():
    server = Server(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
