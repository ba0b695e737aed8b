"""Floods of HTTP/2: what reaches the target is bounded, the flooder is told to calm down and goes,
and a bystander's connection is answered meanwhile."""
import os
import struct

import h2.errors
import h2.settings
import pytest
from hyperframe.frame import (ContinuationFrame, DataFrame, GoAwayFrame, HeadersFrame, PingFrame, PriorityFrame, RstStreamFrame,
                              SettingsFrame, WindowUpdateFrame)

from conftest import IDLE_TIMEOUT, SOON, Target, answer
from http2 import Client, listener
from rules import condition, fixed, rule

CALM = h2.errors.ErrorCodes.ENHANCE_YOUR_CALM
BATCH = 200


@pytest.fixture
def hold():
    """A target that answers /ok and nothing else."""
    def handler(connection, request):
        if "/ok" in request.first:
            connection.send(answer())
    instance = Target(handler)
    yield instance
    instance.stop()


def flood(client, bystander, batches):
    """Sends batches until the balancer ends the connection."""
    taken = 0
    try:
        for batch in batches:
            client.frames(*batch)
            taken += 1
            if taken % 5 == 0:
                assert bystander.ask(path="/ok").status == 200
    except OSError:
        pass
    client.until_closed_whatever_comes()
    assert bystander.ask(path="/ok").status == 200
    assert client.goaway is None or client.goaway.error_code in (CALM, h2.errors.ErrorCodes.PROTOCOL_ERROR)


def block(client, path="/slow", method="GET"):
    return client.h2.encoder.encode(client.head(method, path))


def rapid_reset(client):
    for batch in range(100):
        frames = []
        for i in range(BATCH):
            stream = 1 + 2 * (batch * BATCH + i)
            frames += [HeadersFrame(stream, block(client), flags=["END_HEADERS", "END_STREAM"]),
                       RstStreamFrame(stream, error_code=8)]
        yield frames


def reset_ourselves(client):
    """MadeYouReset: the client's errors make the balancer reset the streams."""
    for batch in range(100):
        frames = []
        for i in range(BATCH):
            stream = 1 + 2 * (batch * BATCH + i)
            frames += [HeadersFrame(stream, block(client), flags=["END_HEADERS", "END_STREAM"]),
                       WindowUpdateFrame(stream, 0x7fffffff)]
        yield frames


def malformed(client):
    fields = client.h2.encoder.encode(client.head(headers=[("connection", "close")]))
    for batch in range(100):
        yield [HeadersFrame(1 + 2 * (batch * BATCH + i), fields, flags=["END_HEADERS", "END_STREAM"])
               for i in range(BATCH)]


def empty_heads(client):
    """Header blocks with nothing in them are malformed requests."""
    for batch in range(100):
        yield [HeadersFrame(1 + 2 * (batch * BATCH + i), b"", flags=["END_HEADERS", "END_STREAM"])
               for i in range(BATCH)]


def pings(client):
    for _ in range(2000):
        yield [PingFrame(0, b"12345678")] * BATCH


def settings(client):
    for i in range(2000):
        yield [SettingsFrame(0, settings={1: 4096 * (i % 2)})] * BATCH


def priorities(client):
    for i in range(4000):
        yield [PriorityFrame(1 + 2 * k, depends_on=1 + 2 * (k + i % 7), stream_weight=k % 256) for k in range(BATCH)]


def unknown_frames(client):
    for _ in range(4000):
        yield [b"\0\0\x04\xee\0\0\0\0\0abcd"] * BATCH


def priority_updates(client):
    for _ in range(4000):
        yield [b"\0\0\x08\x10\0\0\0\0\0\0\0\0\x01" + b"u=1 "] * BATCH


def window_updates(client):
    yield [HeadersFrame(1, block(client, method="POST"), flags=["END_HEADERS"])]
    for _ in range(4000):
        yield [WindowUpdateFrame(1, 1)] * BATCH


def empty_data(client):
    yield [HeadersFrame(1, block(client, method="POST"), flags=["END_HEADERS"])]
    for _ in range(4000):
        yield [DataFrame(1, b"")] * BATCH


def tiny_padded_data(client):
    """One byte of body with 255 bytes of padding: more cannot be sent than the window has."""
    yield [HeadersFrame(1, block(client, method="POST"), flags=["END_HEADERS"])]
    for _ in range(4000):
        yield [DataFrame(1, b"x", pad_length=255, flags=["PADDED"])] * 10


def continuations(client):
    yield [HeadersFrame(1, block(client))]
    for _ in range(4000):
        yield [ContinuationFrame(1, b"")] * BATCH


def big_continuations(client):
    yield [HeadersFrame(1, block(client))]
    for i in range(1000):
        yield [ContinuationFrame(1, client.h2.encoder.encode([(f"x-{i}-{k}", os.urandom(64).hex())]))
               for k in range(10)]


FLOODS = [rapid_reset, reset_ourselves, malformed, empty_heads, pings, settings, priorities, unknown_frames,
          priority_updates, window_updates, empty_data, tiny_padded_data, continuations, big_continuations]


@pytest.mark.parametrize("frames", FLOODS, ids=lambda f: f.__name__)
def test_a_flood_ends_its_connection_and_no_other(balancer, hold, frames):
    balancer.start([hold], listener=listener())
    client, bystander = Client(balancer), Client(balancer)
    assert bystander.ask(path="/ok").status == 200
    flood(client, bystander, frames(client))
    slow = 0
    while hold.has_request():
        slow += "/slow" in hold.request().first
    assert slow < 500


def test_the_flooder_is_told_to_calm_down(balancer, hold):
    balancer.start([hold], listener=listener())
    client, bystander = Client(balancer), Client(balancer)
    client.frames(*[PingFrame(0, b"12345678")] * 900)
    client.until(lambda: client.pings == 900)
    client.frames(*[PingFrame(0, b"12345678")] * 900)
    client.until(lambda: client.goaway)
    assert client.goaway.error_code == CALM
    assert bystander.ask(path="/ok").status == 200


def test_a_compression_bomb_is_refused(balancer, hold):
    """One long field in the table, named again and again: a small block that would be a huge head."""
    balancer.start([hold], listener=listener())
    client = Client(balancer)
    data = block(client) + client.h2.encoder.encode([("x-bomb", "b" * 3900)]) + b"\xbe" * 10000
    client.frames(HeadersFrame(1, data, flags=["END_HEADERS", "END_STREAM"]))
    client.connection.sock.recv(65536)
    client.frames(GoAwayFrame(0))
    client.until_closed_whatever_comes()
    assert not hold.has_request()
    assert Client(balancer).ask(path="/ok").status == 200


@pytest.mark.parametrize("window", ["stream", "connection"])
def test_a_window_of_zero_stalls_its_own_streams_only(balancer, window):
    """Responses that nobody takes end with the idle timeout; the memory for them is bounded."""
    body = b"x" * 10_000_000
    target = Target(lambda connection, request: connection.send(answer(body)))
    # A target's answer to the bystander might take longer than the idle timeout.
    words = listener(Rules=[rule(1, [condition("path-pattern", "/ok")], fixed(200, MessageBody="ok"))])
    balancer.start([target], listener=words, attributes={IDLE_TIMEOUT: SOON})
    client = Client(balancer, consume=False)
    if window == "stream":
        client.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
        client.flush()
    streams = [client.begin(path="/big") for _ in range(20)]
    bystander = Client(balancer)
    assert bystander.ask(path="/ok").body == b"ok"
    with open(f"/proc/{balancer.process.pid}/status", encoding="ascii") as file:
        resident = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    limit = 400_000 if "asan" in os.environ.get("PILEUS_BALANCE", "") else 60_000
    assert resident < limit
    client.until(lambda: client.closed or all(client.stream(s).reset is not None for s in streams) or client.goaway)


def test_data_one_byte_at_a_time_is_no_flood_while_it_is_body(balancer):
    """Small messages of an honest client: frames without padding are paid for by what they carry."""
    target = Target(lambda connection, request: connection.send(answer(request.body)))
    balancer.start([target], listener=listener())
    client = Client(balancer)
    stream = client.begin("POST", "/ok", end=False)
    for i in range(0, 20000, 10):
        client.h2.send_data(stream, struct.pack(">5H", *range(5)))
        if i % 1000 == 0:
            client.flush()
    client.data(stream, b"", end=True)
    assert len(client.response(stream).body) == 20000
    assert client.goaway is None


def test_many_honest_resets_are_no_flood(balancer, hold):
    """Resets among answers: one in four requests is given up."""
    balancer.start([hold], listener=listener())
    client = Client(balancer)
    for _ in range(110):
        gone = client.begin(path="/slow")
        client.h2.reset_stream(gone)
        client.flush()
        for _ in range(3):
            assert client.ask(path="/ok").status == 200
    assert client.goaway is None
