"""client_keep_alive.seconds: how long a client may use its connection, whatever it does on it."""
import http2
import pytest

from conftest import PROGRAM

KEEP_ALIVE = "client_keep_alive.seconds"
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def later(balancer):
    """A balancer whose clock can be moved, and whose idle connections live longer than an hour."""
    balancer.program = PROGRAM + "-later"

    def start(targets, seconds, **options):
        balancer.start(targets, attributes=attributes(seconds), **options)
        return balancer
    return start


def attributes(seconds):
    return {KEEP_ALIVE: seconds, "idle_timeout.timeout_seconds": 4000}


def ask(client):
    client.send(REQUEST)
    response = client.message()
    assert response.status == 200
    return response.get("connection")


def test_http1_after_it_one_more_request_is_answered_with_connection_close(later, target):
    balancer = later([target], 3600)
    client = balancer.connect()
    assert ask(client) != "close"
    balancer.an_hour_later()
    assert ask(client) == "close" and client.is_closed()


def test_http1_before_it_the_connection_is_kept(later, target):
    balancer = later([target], 7200)
    client = balancer.connect()
    ask(client)
    balancer.an_hour_later()
    assert ask(client) != "close" and ask(client) != "close"


def test_traffic_does_not_make_it_longer(later, target):
    balancer = later([target], 7200)
    client = balancer.connect()
    for _ in range(2):
        assert ask(client) != "close"
        balancer.an_hour_later()
    assert ask(client) == "close"


def test_http2_after_it_one_more_request_is_answered_with_goaway(later, target):
    balancer = later([target], 3600, listener=http2.listener())
    client = http2.Client(balancer)
    assert client.ask().status == 200 and not client.goaway
    balancer.an_hour_later()
    assert client.ask().status == 200
    client.until_closed()
    assert client.goaway.error_code == 0


def test_a_changed_value_is_for_new_connections(later, target):
    balancer = later([target], 7200)
    old = balancer.connect()
    ask(old)
    balancer.reload([target], attributes=attributes(60))
    balancer.an_hour_later()
    assert ask(old) != "close"
    new = balancer.connect()
    ask(new)
    balancer.an_hour_later()
    assert ask(new) == "close"
