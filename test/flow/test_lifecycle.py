"""Targets that come, go, fail and recover; configurations that change under load."""
import itertools
import signal
import threading

import pytest

from conftest import Target, WAIT, answer


def test_the_first_success_makes_a_target_healthy_and_failures_unhealthy(balancer, target):
    other = Target()
    balancer.start([target, other])
    balancer.set_healthy(target, False)
    balancer.wait_line(f":{target.port} of app is unhealthy: Target.ResponseCodeMismatch")
    while target.has_request():
        target.request()
    for _ in range(4):
        balancer.get()
    assert not target.has_request() and other.requests.qsize() == 4
    balancer.set_healthy(target, True)


def test_the_log_says_each_change_of_a_target_once(balancer, target):
    balancer.start([target])
    other = Target()
    since = balancer.reload([target, other])
    balancer.wait_line(f":{other.port} of app is healthy", since)
    balancer.reload([target])
    since = balancer.reload([target, other])
    balancer.wait_line(f":{other.port} of app is healthy", since)
    said = [line for line in balancer.log if " is healthy" in line]
    assert len([line for line in said if f":{target.port} " in line]) == 1, said
    assert len([line for line in said if f":{other.port} " in line]) == 2, said


def test_when_none_is_healthy_all_are_used(balancer, target):
    target.healthy = False
    balancer.start([target], wait_healthy=False)
    balancer.wait_line("is unhealthy")
    assert balancer.get().status == 200


def test_a_connection_that_the_target_closed_meanwhile_costs_no_request(balancer):
    closed = []

    def close_on_second(connection, request):
        """Reads a second request on a connection, but closes instead of answering it."""
        if closed and closed[-1] is connection:
            return False
        closed.append(connection)
        connection.send(answer())
        return None
    balancer.start([Target(close_on_second)])
    for _ in range(3):
        assert balancer.get().status == 200


def test_a_request_that_may_not_be_repeated_is_not(balancer):
    seen = []

    def close_on_second(connection, request):
        seen.append(request)
        if len(seen) % 2 == 0:
            return False
        connection.send(answer())
        return None
    balancer.start([Target(close_on_second)])
    assert balancer.get().status == 200
    client = balancer.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na")
    assert client.message().status == 502
    assert len(seen) == 2


def test_a_refused_connection_is_offered_to_another_target(balancer):
    targets = [Target(), Target()]
    balancer.start(targets, group={"HealthCheckIntervalSeconds": 300})
    targets[0].stop()
    assert [balancer.get().status for _ in range(6)] == [200] * 6


CLIENTS = 4


class Load:
    """Requests without pause on a few connections; counts what is not a 200."""

    def __init__(self, balancer, clients=CLIENTS):
        self.failures = []
        self.count = itertools.count()
        self.done = 0
        self.stopping = threading.Event()
        self.progress = threading.Condition()
        self.threads = [threading.Thread(target=self._run, args=(balancer,), daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _run(self, balancer):
        client = None
        while not self.stopping.is_set():
            try:
                client = client or balancer.connect()
                client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                response = client.message()
                if response.status != 200:
                    self.failures.append(response.first)
                if response.get("connection") == "close":
                    client = None
            except (EOFError, OSError) as error:
                self.failures.append(repr(error))
                client = None
            with self.progress:
                self.done += 1
                self.progress.notify_all()

    def wait_more(self, count):
        with self.progress:
            goal = self.done + count
            assert self.progress.wait_for(lambda: self.done >= goal, WAIT)

    def finish(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(WAIT)
        return self.failures


@pytest.mark.parametrize("workers", [1, 2])
def test_reloading_loses_no_request(balancer, workers):
    targets = [Target() for _ in range(3)]
    balancer.start(targets, workers=workers)
    load = Load(balancer)
    for i in range(20):
        load.wait_more(20)
        balancer.reload([t for t in targets if t is not targets[i % 3]], workers=workers)
    assert load.finish() == []


def test_a_killed_target_fails_only_its_own_requests(balancer):
    targets = [Target() for _ in range(3)]
    balancer.start(targets)
    load = Load(balancer)
    load.wait_more(50)
    targets[0].stop()
    load.wait_more(200)
    failures = load.finish()
    assert len(failures) <= CLIENTS and set(failures) <= {"HTTP/1.1 502 Bad Gateway"}


def test_a_draining_target_finishes_what_it_has_and_gets_no_more(balancer):
    release = threading.Event()

    def slow(connection, request):
        if request.first.startswith("GET /slow"):
            release.wait(WAIT)
        connection.send(answer(b"slow"))
    draining, other = Target(slow), Target()
    balancer.start([draining])
    client = balancer.connect()
    client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    draining.request()
    since = balancer.reload([{"Id": "127.0.0.1", "Port": draining.port, "Draining": True}, other])
    balancer.wait_line(f":{draining.port} of app is draining: Target.DeregistrationInProgress", since)
    balancer.wait_line(f":{other.port} of app is healthy", since)
    assert [balancer.get().body for _ in range(4)] == [b"ok"] * 4
    release.set()
    assert client.message().body == b"slow"
    assert not draining.has_request()


def test_a_broken_configuration_changes_nothing(balancer, target):
    balancer.start([target])
    with open(balancer.path, "w", encoding="utf-8") as file:
        file.write('{"Listeners": [{"Protocol": "GOPHER"}]}')
    balancer.process.send_signal(signal.SIGHUP)
    balancer.wait_line("'GOPHER' is not supported; the old configuration stays")
    assert balancer.get().status == 200


def test_sigterm_lets_requests_finish(balancer):
    release = threading.Event()

    def slow(connection, request):
        release.wait(WAIT)
        connection.send(answer())
    target = Target(slow)
    balancer.start([target])
    client = balancer.connect()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    target.request()
    balancer.process.send_signal(signal.SIGTERM)
    with pytest.raises((ConnectionRefusedError, ConnectionResetError)):
        while True:
            balancer.connect().close()
    release.set()
    response = client.message()
    assert response.status == 200 and response.get("connection") == "close"
    assert balancer.process.wait(WAIT) == 0


@pytest.mark.parametrize("change, message", [
    ({"Rules": [{"Priority": 1, "Conditions": [{"Field": "cookie", "Values": ["a"]}], "Actions": []}]},
     "the condition field 'cookie' is not supported"),
    ({"Protocol": "TCP"}, "the listener protocol 'TCP' is not supported"),
    ({"AlpnPolicy": ["x"]}, "the member 'AlpnPolicy', which is not supported"),
    ({"DefaultActions": [{"Type": "forward", "TargetGroupName": "none"}]}, "'none' is not in TargetGroups"),
])
def test_what_is_not_supported_is_an_error(balancer, change, message):
    config = balancer.config([])
    config["Listeners"][0].update(change)
    assert message in balancer.refusal_of(config)
