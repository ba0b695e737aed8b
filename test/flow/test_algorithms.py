"""load_balancing.algorithm.type: who gets the next request."""
import queue
import threading

import h2.config
import h2.connection
import pytest

from certificates import certificate, client_context, connect, https
from conftest import WAIT, Target, answer
from cookies import named_targets

TYPE = "load_balancing.algorithm.type"
MITIGATION = "load_balancing.algorithm.anomaly_mitigation"


@pytest.fixture
def targets():
    made = named_targets(3)
    yield made
    for one in made:
        one.stop()


def attributes(**values):
    return {"Attributes": {TYPE if key == "type" else MITIGATION: value for key, value in values.items()}}


def counts(balancer, requests):
    seen = [int(balancer.get().body) for _ in range(requests)]
    return [seen.count(i) for i in range(3)]


class Held:
    """Requests that stay outstanding until their target lets go of them."""

    def __init__(self, count):
        self.gates = [threading.Semaphore(0) for _ in range(count)]
        self.begun = queue.Queue()
        self.targets = [Target(self.handler(i)) for i in range(count)]
        self.clients = [[] for _ in range(count)]

    def handler(self, number):
        def respond(connection, request):
            self.begun.put(number)
            self.gates[number].acquire(timeout=WAIT)
            connection.send(answer(b"%d" % number))
        return respond

    def begin(self, balancer):
        """Begins a request; the number of the target that it came to."""
        client = balancer.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        number = self.begun.get(timeout=WAIT)
        self.clients[number].append(client)
        return number

    def end(self, number):
        self.gates[number].release()
        client = self.clients[number].pop(0)
        assert client.message().body == b"%d" % number
        client.close()

    def abandon(self, number):
        """Its clients go away. The balancer has seen it when it has closed their connections to the target."""
        for client in self.clients[number]:
            client.reset()
        for _ in self.clients[number]:
            assert self.targets[number].connections.get(timeout=WAIT).is_closed()
            self.gates[number].release()

    def stop(self):
        for gate, target, clients in zip(self.gates, self.targets, self.clients):
            for client in clients:
                gate.release()
                client.close()
            target.stop()


@pytest.fixture
def held():
    made = Held(3)
    yield made
    made.stop()


def test_round_robin_is_the_default_and_even(balancer, targets):
    balancer.start(targets)
    assert counts(balancer, 30) == [10, 10, 10]


def test_a_target_has_the_port_of_its_group_or_its_own(balancer, targets):
    rows = [{"Id": "127.0.0.1"}] + [{"Id": "127.0.0.1", "Port": target.port} for target in targets[1:]]
    balancer.start(rows, group={"Port": targets[0].port})
    for target in targets:
        balancer.wait_line(f":{target.port} of app is healthy")
    assert counts(balancer, 6) == [2, 2, 2]


def test_round_robin_with_several_threads_is_even_all_the_same(balancer, targets):
    balancer.start(targets, workers=2)
    assert all(90 <= count <= 110 for count in counts(balancer, 300))


def test_round_robin_passes_over_who_is_unhealthy(balancer, targets):
    targets[1].healthy = False
    balancer.start(targets, wait_healthy=False)
    for i in (0, 2):
        balancer.wait_line(f":{targets[i].port} of app is healthy")
    assert counts(balancer, 20) == [10, 0, 10]


@pytest.mark.parametrize("workers", [1, 2])
def test_least_outstanding_requests_counts_those_of_all_threads(balancer, held, workers):
    balancer.start(held.targets, group=attributes(type="least_outstanding_requests"), workers=workers)
    seen = [held.begin(balancer) for _ in range(9)]
    assert [seen.count(i) for i in range(3)] == [3, 3, 3]


def test_least_outstanding_requests_go_to_who_has_finished(balancer, held):
    balancer.start(held.targets, group=attributes(type="least_outstanding_requests"))
    for _ in range(6):
        held.begin(balancer)
    held.end(1)
    held.end(1)
    assert [held.begin(balancer) for _ in range(2)] == [1, 1]


def test_least_outstanding_requests_forget_a_client_that_went_away(balancer, held):
    balancer.start(held.targets, group=attributes(type="least_outstanding_requests"))
    for _ in range(6):
        held.begin(balancer)
    held.abandon(2)
    seen = [held.begin(balancer) for _ in range(2)]
    assert seen == [2, 2]


def test_each_http2_stream_towards_http1_targets_is_an_outstanding_request(balancer, held):
    balancer.start(held.targets, group=attributes(type="least_outstanding_requests"), listener=https(certificate("a.example.com")))
    client = connect(balancer, "a.example.com", context=client_context(alpn=["h2"]))
    http2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    http2.initiate_connection()
    for stream in range(1, 13, 2):
        http2.send_headers(stream, [(":method", "GET"), (":scheme", "https"), (":authority", "a.example.com"), (":path", "/")],
                           end_stream=True)
    client.send(http2.data_to_send())
    for target in held.targets:
        target.request()
        target.request()
    assert not any(target.has_request() for target in held.targets)
    client.close()
    for gate in held.gates:
        gate.release(2)


def test_weighted_random_gives_all_the_same_weight(balancer, targets):
    balancer.start(targets, group=attributes(type="weighted_random"))
    assert all(130 < count < 270 for count in counts(balancer, 600))


def fail_as_2(connection, request):
    connection.send(answer(b"2", status=500))


def test_anomaly_mitigation_takes_requests_from_who_fails_and_gives_them_back(balancer, targets):
    sick = targets[2]
    well = sick.handler
    sick.handler = fail_as_2
    balancer.start(targets, group=attributes(type="weighted_random", mitigation="on"))
    assert counts(balancer, 300)[2] > 60
    line = f":{sick.port} of app is healthy"
    since = len(balancer.log)
    balancer.advance(10)
    balancer.wait_line(line + ", anomalous, mitigated", since)
    for _ in range(2):
        counts(balancer, 200)
        balancer.advance(10)
    assert counts(balancer, 300)[2] < 40  # an eighth of a share: 18
    sick.handler = well
    since = len(balancer.log)
    for _ in range(60):  # it has few requests to show that it is well
        if any(text.endswith(line + "\n") for text in balancer.log[since:]):
            break
        balancer.advance(10)
        counts(balancer, 100)
    assert counts(balancer, 300)[2] > 60


def test_without_mitigation_an_anomaly_is_reported_only(balancer, targets):
    targets[2].handler = fail_as_2
    balancer.start(targets)
    counts(balancer, 60)
    since = len(balancer.log)
    balancer.advance(10)
    balancer.wait_line(f":{targets[2].port} of app is healthy, anomalous\n", since)
    assert counts(balancer, 30) == [10, 10, 10]


@pytest.mark.parametrize("values, error", [
    ({"type": "random"}, "not a valid value"),
    ({"mitigation": "on"}, "requires the load balancing algorithm 'weighted_random'"),
    ({"type": "least_outstanding_requests", "mitigation": "on"}, "requires the load balancing algorithm"),
])
def test_what_algorithms_exclude(balancer, values, error):
    assert error in balancer.refusal(group=attributes(**values))
