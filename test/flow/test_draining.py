"""Deregistration: what happens to requests in flight, and deregistration_delay.timeout_seconds."""
import threading

import pytest

from conftest import WAIT, Target, answer

DELAY = "deregistration_delay.timeout_seconds"
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Slow:
    """A target whose requests wait for go()."""

    def __init__(self):
        self.gate = threading.Semaphore(0)
        self.target = Target(self.handle)
        self.begun = b""

    def handle(self, connection, request):
        connection.send(self.begun)
        self.gate.acquire(timeout=WAIT)
        connection.send(answer(b"slow") if not self.begun else b"4\r\nrest\r\n0\r\n\r\n")

    def go(self):
        self.gate.release()


@pytest.fixture
def slow():
    made = Slow()
    yield made
    made.go()
    made.target.stop()


@pytest.fixture
def in_flight(balancer, slow, target):
    """A request that waits for the slow target, which is the only one."""
    balancer.start([slow.target])
    return begin(balancer, slow)


def begin(balancer, slow, request=REQUEST):
    client = balancer.connect()
    client.send(request)
    slow.target.request()
    return client


def leave(balancer, slow, other, how, delay=300):
    """The slow target is deregistered; the other is there instead."""
    rows = [other]
    if how == "draining":
        rows.append({"Id": "127.0.0.1", "Port": slow.target.port, "Draining": True})
    since = balancer.reload(rows, group={"Attributes": {DELAY: str(delay)}})
    balancer.wait_line(f":{other.port} of app is healthy", since)


# Named in the document as draining, as the API would, or not named any more.
both_ways = pytest.mark.parametrize("how", ["draining", "deregistered"])


@both_ways
def test_no_new_requests(balancer, slow, target, in_flight, how):
    leave(balancer, slow, target, how)
    for _ in range(6):
        assert balancer.get().body == b"ok"
    assert not slow.target.has_request()


@both_ways
def test_requests_in_flight_finish(balancer, slow, target, in_flight, how):
    leave(balancer, slow, target, how)
    balancer.advance(200)  # of 300: however slow this machine is
    assert balancer.get().body == b"ok"
    slow.go()
    assert in_flight.message().body == b"slow"


def test_at_the_end_of_the_delay_remaining_requests_get_502(balancer, slow, target, in_flight):
    leave(balancer, slow, target, "draining")
    balancer.advance(300)
    assert in_flight.message().status == 502


def test_a_target_that_is_not_named_any_more_has_the_delay_of_its_group(balancer, slow, target):
    balancer.start([slow.target], group={"Attributes": {DELAY: "60"}})
    client = begin(balancer, slow)
    leave(balancer, slow, target, "deregistered")
    balancer.advance(60)
    assert client.message().status == 502


def test_first_draining_then_gone_is_one_delay(balancer, slow, target, in_flight):
    leave(balancer, slow, target, "draining")
    balancer.advance(200)
    balancer.reload([target])
    balancer.advance(100)
    assert in_flight.message().status == 502


def test_a_delay_of_zero_cuts_at_once(balancer, slow, target, in_flight):
    leave(balancer, slow, target, "draining", delay=0)
    assert in_flight.message().status == 502


def test_a_response_that_has_begun_is_cut_off(balancer, slow, target):
    slow.begun = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"
    balancer.start([slow.target])
    client = begin(balancer, slow)
    assert client.until(b"half\r\n").startswith(b"HTTP/1.1 200")
    leave(balancer, slow, target, "draining")
    balancer.advance(300)
    assert client.is_closed()


def test_a_websocket_is_closed_at_the_end(balancer, slow, target):
    slow.begun = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    balancer.start([slow.target])
    client = begin(balancer, slow, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert client.message(head_only=True).status == 101
    leave(balancer, slow, target, "draining")
    client.send(b"still open")
    balancer.advance(300)
    assert client.is_closed()


def test_a_target_that_closes_early_gives_its_client_5xx(balancer, slow, target, in_flight):
    leave(balancer, slow, target, "draining")
    slow.target.stop()
    assert in_flight.message().status == 502


def test_who_is_registered_again_in_time_is_not_cut(balancer, slow, target, in_flight):
    leave(balancer, slow, target, "draining")
    balancer.reload([slow.target, target])
    balancer.advance(1000)
    slow.go()
    assert in_flight.message().body == b"slow"


def test_all_targets_draining_is_503(balancer, slow, in_flight):
    balancer.reload([{"Id": "127.0.0.1", "Port": slow.target.port, "Draining": True}])
    assert balancer.get().status == 503
    slow.go()
    assert in_flight.message().body == b"slow"


@pytest.mark.parametrize("delay", ["-1", "3601", "x"])
def test_the_delay_is_from_0_to_3600(balancer, delay):
    assert "between '0' and '3600'" in balancer.refusal(group={"Attributes": {DELAY: delay}})
