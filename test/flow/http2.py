"""A scripted HTTP/2 client and scripted HTTP/2 targets, made with the library `h2`.

The client speaks over TLS, as listeners want it; `frames()` sends anything at all.
"""
import collections
import queue
import ssl
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings

from certificates import certificate, client_context, connect, https, server_context
from conftest import Connection, Target, WAIT

GOAWAY = 7
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
Goaway = collections.namedtuple("Goaway", "last_stream_id error_code")
CERTIFICATE = certificate("e.com")


def listener(**words):
    """The members of an HTTPS listener that offers HTTP/2."""
    return https(CERTIFICATE, **words)


class Stream:
    """What came on a stream: of a client's the response, of a target's the request."""

    def __init__(self, stream_id):
        self.id = stream_id
        self.headers, self.trailers = None, []
        self.body, self.data_sizes = b"", []
        self.ended, self.reset = False, None

    def all(self, name):
        return [value for key, value in self.headers if key == name]

    def get(self, name):
        values = self.all(name)
        assert len(values) <= 1, f"{name} is there {len(values)} times"
        return values[0] if values else None

    @property
    def status(self):
        return int(self.get(":status"))


def _text(headers):
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


class Peer:
    """One end of an HTTP/2 connection. `streams` holds what came, by id."""

    def __init__(self, connection, client, consume=True):
        self.connection = connection
        self.turn = threading.RLock()  # a target's end is used by its own thread and by that of the test
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=client, header_encoding=None, validate_outbound_headers=False,
            normalize_outbound_headers=False, validate_inbound_headers=False))
        self.consume = consume
        self.streams = {}
        self.goaway = None
        self.pings = 0
        self.settings = {}
        self.closed, self.unread = False, b""
        self.greeted = client  # a server hears the preface first
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        with self.turn:
            data = self.h2.data_to_send()
            if data:
                self.connection.send(data)

    def frames(self, *frames):
        """Sends frames of hyperframe, or bytes, as they are."""
        self.flush()
        self.connection.send(b"".join(f if isinstance(f, bytes) else f.serialize() for f in frames))

    def stream(self, stream_id):
        return self.streams.setdefault(stream_id, Stream(stream_id))

    def _on_event(self, event):
        kind = type(event)
        if kind in (h2.events.ResponseReceived, h2.events.RequestReceived):
            self.stream(event.stream_id).headers = _text(event.headers)
        elif kind is h2.events.TrailersReceived:
            self.stream(event.stream_id).trailers = _text(event.headers)
        elif kind is h2.events.DataReceived:
            self.stream(event.stream_id).body += event.data
            self.stream(event.stream_id).data_sizes.append(len(event.data))
            if self.consume and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif kind is h2.events.StreamEnded:
            self.stream(event.stream_id).ended = True
        elif kind is h2.events.StreamReset:
            self.stream(event.stream_id).reset = event.error_code
        elif kind is h2.events.PingAckReceived:
            self.pings += 1
        elif kind is h2.events.RemoteSettingsChanged:
            self.settings.update({key: change.new_value for key, change in event.changed_settings.items()})
        return event

    def _without_goaway(self, data):
        """Whole frames only; GOAWAY is kept from the library, which would hear nothing after it."""
        self.unread += data
        frames = b""
        if not self.greeted:
            if len(self.unread) < len(PREFACE):
                return b""
            frames, self.unread = self.unread[:len(PREFACE)], self.unread[len(PREFACE):]
            self.greeted = True
        while len(self.unread) >= 9:
            size = 9 + int.from_bytes(self.unread[:3], "big")
            if len(self.unread) < size:
                break
            frame, self.unread = self.unread[:size], self.unread[size:]
            if frame[3] == GOAWAY:
                self.goaway = Goaway(int.from_bytes(frame[9:13], "big"), int.from_bytes(frame[13:17], "big"))
            else:
                frames += frame
        return frames

    def receive(self):
        """Takes what the peer sent. False at the end of the connection."""
        try:
            data = self.connection.sock.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        if not data:
            self.closed = True
            return False
        with self.turn:
            for event in self.h2.receive_data(self._without_goaway(data)):
                self._on_event(event)
            try:
                self.flush()
            except OSError:
                pass
        return True

    def until(self, condition):
        while not condition():
            if not self.receive():
                assert condition(), f"the connection was closed; {self.goaway}"

    def until_closed(self):
        while self.receive():
            pass

    def tell(self, method, *arguments):
        """Calls this method of the library, and sends what comes of it."""
        with self.turn:
            getattr(self.h2, method)(*arguments)
            self.flush()

    def ping(self):
        """An end that is closed already is told by the next receive()."""
        try:
            self.tell("ping", b"12345678")
        except OSError:
            pass

    def headers(self, stream_id, headers, end=False):
        self.tell("send_headers", stream_id, headers, end)

    def data(self, stream_id, data, end=False):
        """Sends as the peer's window allows."""
        while True:
            with self.turn:
                room = min(self.h2.local_flow_control_window(stream_id), self.h2.max_outbound_frame_size)
                part, rest = data[:room], data[room:]
                if part or not data:
                    self.tell("send_data", stream_id, part, end and not rest)
            if not rest:
                return
            data = rest
            self.until(lambda: self.h2.local_flow_control_window(stream_id) > 0)

    def until_closed_whatever_comes(self):
        """For what the library would not understand. GOAWAY is still noticed."""
        try:
            while data := self.connection.sock.recv(65536):
                self._without_goaway(data)
        except (ConnectionError, ssl.SSLError):
            pass
        self.closed = True

    def close(self):
        self.connection.close()


class Client(Peer):
    def __init__(self, balancer, consume=True, port=None):
        connection = connect(balancer, "e.com", client_context(alpn=["h2"]), port=port)
        assert connection.sock.selected_alpn_protocol() == "h2"
        super().__init__(connection, client=True, consume=consume)

    def head(self, method="GET", path="/", headers=(), authority="e.com"):
        return [(":method", method), (":scheme", "https"), (":path", path), (":authority", authority), *headers]

    def begin(self, method="GET", path="/", headers=(), end=True):
        """Sends the head of a request; returns the stream's id."""
        return self.begin_with(self.head(method, path, headers), end)

    def begin_with(self, fields, end=True):
        """The same of exactly these fields, whatever they are."""
        stream_id = self.h2.get_next_available_stream_id()
        self.headers(stream_id, fields, end)
        return stream_id

    def request(self, method="GET", path="/", headers=(), body=None, trailers=None):
        stream_id = self.begin(method, path, headers, end=body is None and trailers is None)
        if body is not None:
            self.data(stream_id, body, end=trailers is None)
        if trailers is not None:
            self.headers(stream_id, trailers, end=True)
        return stream_id

    def response(self, stream_id):
        stream = self.stream(stream_id)
        self.until(lambda: stream.ended or stream.reset is not None)
        return stream

    def ask(self, *arguments, **words):
        return self.response(self.request(*arguments, **words))


class TargetConnection(Peer):
    """A target's end: `handler(connection, stream)` is called for each whole head."""

    def __init__(self, connection, target):
        self.target, self.noted = target, False
        self.thread = threading.current_thread()
        super().__init__(connection, client=False)

    def receive(self):
        alive = super().receive()
        with self.target.news:
            self.target.news.notify_all()
        return alive

    def until(self, condition):
        """Only the connection's own thread receives; others wait for what it has received."""
        if threading.current_thread() is self.thread:
            super().until(condition)
        else:
            self.target.until(condition)

    def _on_event(self, event):
        super()._on_event(event)
        stream = self.streams.get(getattr(event, "stream_id", None))
        if stream and stream.headers and stream.get("user-agent") == "ELB-HealthChecker/2.0":
            if stream.ended:
                self.respond(stream, b"", 200 if self.target.healthy else 404, [("grpc-status", "12")])
            return
        if type(event) is h2.events.RequestReceived:
            if not self.noted:
                self.target.connections.put(self)
                self.noted = True
            self.target.requests.put(stream)
        if type(event) is (h2.events.StreamEnded if self.target.whole else h2.events.RequestReceived):
            self.target.handler(self, stream)
        elif type(event) is h2.events.StreamReset:
            self.target.resets.put(event.error_code)

    def respond(self, stream, body=b"ok", status=200, headers=(), trailers=None):
        self.headers(stream.id, [(":status", str(status)), *headers], end=not body and trailers is None)
        if body:
            self.data(stream.id, body, end=trailers is None)
        if trailers is not None:
            self.headers(stream.id, trailers, end=True)


def ok(connection, stream):
    connection.respond(stream)


class Http2Target(Target):
    """A target that speaks HTTP/2, also with health checks. With `whole` the handler is called when
    the whole request is there, else when its head is. With `tls` it has a certificate."""

    def __init__(self, handler=ok, whole=True, tls=False):
        self.whole, self.tls = whole, tls
        self.news = threading.Condition()  # something was received, and handled
        self.resets = queue.Queue()
        super().__init__(handler)

    def _serve(self, sock):
        try:
            if self.tls:
                sock = server_context(CERTIFICATE, alpn=["h2"]).wrap_socket(sock, server_side=True)
                if sock.selected_alpn_protocol() != "h2":
                    sock.close()
                    return
            connection = Connection(sock)
            sock.settimeout(None)
            self.open.append(connection)
            TargetConnection(connection, self).until_closed()
        except OSError:
            pass
        sock.close()

    def connection(self):
        return self.connections.get(timeout=WAIT)

    def until(self, condition):
        with self.news:
            assert self.news.wait_for(condition, WAIT)
