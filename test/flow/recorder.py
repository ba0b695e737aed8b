"""An origin that keeps every byte it receives, and reads requests as strictly as can be; and what is said to it.

What the balancer sends must be one request after the other that no parser could read otherwise; anything else is an
assertion, not a matter of taste. `Recorder.stop()` returns once all that was sent is there, so that a test can say what
did *not* come.
"""
import re
import socket
import threading

from conftest import WAIT, Connection, Target, answer

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(TOKEN + rb" [^\x00-\x20\x7f#]+ HTTP/1\.1")
HEADER = re.compile(rb"([!-9;-~]+): ([^\x00-\x08\x0a-\x1f\x7f]*)")  # names of visible bytes: AWS passes them on
TRAILER_NEVER = {"content-length", "transfer-encoding", "host", "connection"}


class Request:
    def __init__(self, head):
        assert b"\n" not in head.replace(b"\r\n", b"") and b"\r" not in head.replace(b"\r\n", b""), head
        lines = head.split(b"\r\n")
        assert REQUEST_LINE.fullmatch(lines[0]), lines[0]
        self.first = lines[0].decode("latin-1")
        self.headers = []
        for line in lines[1:]:
            match = HEADER.fullmatch(line)
            assert match, line
            self.headers.append((match[1].decode().lower(), match[2].decode("latin-1")))
        self.body = b""
        self._check_framing()

    def all(self, name):
        return [value for key, value in self.headers if key == name]

    def _check_framing(self):
        length, coding = self.all("content-length"), self.all("transfer-encoding")
        assert len(length) + len(coding) <= 1 and len(self.all("host")) == 1, self.headers
        assert not length or re.fullmatch(r"0|[1-9]\d*", length[0]), length
        assert not coding or coding[0] == "chunked", coding
        alike = [name for name, _ in self.headers
                 if re.sub(r"[^a-z0-9]", "", name) in ("contentlength", "transferencoding")]
        assert alike in ([], ["content-length"], ["transfer-encoding"]), alike
        for hop in ("keep-alive", "proxy-connection", "te", "trailer"):
            assert not self.all(hop), hop
        self.length = int(length[0]) if length else 0
        self.chunked = bool(coding)


def take_chunks(data):
    """The body and what is behind it; None while it is not whole."""
    body = b""
    while True:
        match = re.match(rb"([0-9a-f]+)\r\n", data)
        if not match:
            assert re.fullmatch(rb"[0-9a-f]*\r?", data), data
            return None
        size, data = int(match[1], 16), data[match.end():]
        if size == 0:
            break
        if len(data) < size + 2:
            return None
        assert data[size:size + 2] == b"\r\n", data
        body, data = body + data[:size], data[size + 2:]
    while not data.startswith(b"\r\n"):
        line, end, rest = data.partition(b"\r\n")
        if not end:
            return None
        match = HEADER.fullmatch(line)
        assert match and match[1].decode().lower() not in TRAILER_NEVER, line
        data = rest
    return body, data[2:]


class Recorder:
    """`respond(request)` gives the bytes to answer with, or None to close."""

    def __init__(self, respond=None):
        self.respond = respond or (lambda request: answer())
        self.requests = []     # whole ones, in the order in which they came
        self.unfinished = []   # bytes that are no whole request, of each connection
        self.complaints = []
        self.threads = []
        self.last = None       # the address from which the last connection comes
        self.arrived = threading.Condition()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.acceptor = threading.Thread(target=self._accept, daemon=True)
        self.acceptor.start()

    def _accept(self):
        while True:
            sock, peer = self.listener.accept()
            if peer == self.last:
                sock.close()
                return
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _serve(self, sock):
        data = b""
        with sock:
            while True:
                try:
                    part = sock.recv(65536)
                except OSError:
                    part = b""
                data += part
                try:
                    data, alive = self._answer_whole(sock, data)
                except AssertionError as error:
                    self.complaints.append(error)
                    return
                except OSError:
                    alive = False
                if not part or not alive:
                    break
        if data:
            self.unfinished.append(data)

    def _answer_whole(self, sock, data):
        while b"\r\n\r\n" in data:
            head, _, rest = data.partition(b"\r\n\r\n")
            request = Request(head)
            if request.all("user-agent") == ["ELB-HealthChecker/2.0"]:
                sock.sendall(answer())
                return b"", False
            if request.chunked:
                taken = take_chunks(rest)
                if taken is None:
                    break
                request.body, data = taken
            elif len(rest) < request.length:
                break
            else:
                request.body, data = rest[:request.length], rest[request.length:]
            with self.arrived:
                self.requests.append(request)
                self.arrived.notify_all()
            reply = self.respond(request)
            if reply is None:
                return data, False
            sock.sendall(reply)
        return data, True

    def wait_for(self, count):
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.requests) >= count, WAIT)

    def stop(self, balancer):
        """The balancer goes, so every connection ends; then all is there. [(request line, body)]"""
        balancer.stop()
        with socket.socket() as last:  # its connection comes behind all that the balancer made
            last.bind(("127.0.0.1", 0))
            self.last = last.getsockname()
            last.connect(("127.0.0.1", self.port))
            self.acceptor.join(WAIT)
        assert not self.acceptor.is_alive()
        self.listener.close()
        for thread in self.threads:
            thread.join(WAIT)
            assert not thread.is_alive()
        assert not self.complaints, self.complaints
        return [(request.first, request.body) for request in self.requests]


def in_every_mode(matrix):
    """(class, probe, desync mitigation mode) of a matrix {class: {probe: ...}}."""
    return [(kind, name, mode) for kind, probes in matrix.items() for name in probes
            for mode in ("defensive", "monitor", "strictest")]


def converse(balancer, data):
    """Sends all, says that there is no more, and returns what comes back until the end."""
    client = balancer.connect()
    try:
        client.send(data)
        client.sock.shutdown(socket.SHUT_WR)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it was refused before all was sent
    return client.rest()


class RawTarget(Target):
    """A target that answers the first bytes of a request with raw bytes, whatever follows."""

    def __init__(self, reply, close=True):
        self.reply, self.close = reply, close
        super().__init__()

    def _serve(self, sock):
        connection = Connection(sock)
        self.open.append(connection)
        try:
            while True:
                head = connection.until(b"\r\n\r\n")
                if b"ELB-HealthChecker" in head:
                    connection.send(answer())
                    break
                self.connections.put(connection)
                self.requests.put(head)
                for piece in self.reply if isinstance(self.reply, list) else [self.reply]:
                    connection.send(piece)
                if self.close:
                    break
        except (EOFError, OSError):
            pass
        connection.close()
