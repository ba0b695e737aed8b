"""The limits of section 1 that nobody can raise, each one byte below and above."""
import os
import resource

import pytest

from conftest import Target

KIB = 1024
HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n"


def line_of(size):
    return b"GET /" + b"a" * (size - len(b"GET / HTTP/1.1")) + b" HTTP/1.1"


def header_of(size):
    return b"X: " + b"a" * (size - 3) + b"\r\n"


def head_of(size):
    rest = size - len(HEAD) - 2
    lines = b""
    while rest > 12000:
        lines += header_of(9998)
        rest -= 10000
    return HEAD + lines + header_of(rest - 2) + b"\r\n"


@pytest.mark.parametrize("request_bytes, status", [
    (line_of(16 * KIB) + b"\r\nHost: a\r\n\r\n", 200), (line_of(16 * KIB + 1) + b"\r\nHost: a\r\n\r\n", 414),
    (HEAD + header_of(16 * KIB) + b"\r\n", 200), (HEAD + header_of(16 * KIB + 1) + b"\r\n", 400),
    (HEAD + b"X: " + b"a" * 9000 + b"\r\n " + b"a" * 9000 + b"\r\n\r\n", 400),
    (head_of(64 * KIB), 200), (head_of(64 * KIB + 1), 400),
    (HEAD + b"X: 1\r\n" * 99 + b"\r\n", 200), (HEAD + b"X: 1\r\n" * 100 + b"\r\n", 400),
], ids=["line 16 KiB", "line above", "header 16 KiB", "header above", "folded header above", "head 64 KiB", "head above",
        "100 headers", "101 headers"])
def test_request_heads(balancer, target, request_bytes, status):
    balancer.start([target])
    client = balancer.connect()
    client.send(request_bytes)
    response = client.message()
    assert response.status == status
    assert response.get("connection") == ("keep-alive" if status == 200 else "close")


@pytest.mark.parametrize("size, status", [(32 * KIB, 200), (32 * KIB + 1, 502)])
def test_response_heads(balancer, size, status):
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"

    def handler(connection, request):
        room = size - len(start) - 2
        lines = b""
        while room > 12000:
            lines += header_of(9998)
            room -= 10000
        connection.send(start + lines + header_of(room - 2) + b"\r\n")
    balancer.start([Target(handler)])
    assert balancer.get().status == status


@pytest.mark.parametrize("lines, status", [
    (["1.1.1.1"] * 30, 200), (["1.1.1.1"] * 31, 463), (["1.1.1.1, " * 29 + "1.1.1.1", "2.2.2.2"], 463)])
@pytest.mark.parametrize("mode", ["append", "preserve", "remove"])
def test_463_for_more_than_thirty_forwarded_addresses(balancer, target, mode, lines, status):
    balancer.start([target], attributes={"routing.http.xff_header_processing.mode": mode})
    response = balancer.get("/", "".join(f"X-Forwarded-For: {line}\r\n" for line in lines))
    assert response.status == status
    assert response.body == (b"" if status == 463 else b"ok")


def test_without_descriptors_new_clients_wait_and_others_are_served(balancer, target):
    """Accepting pauses, instead of going round and round, until there are some again."""
    def ask(client):
        client.send(HEAD + b"\r\n")
        assert client.message().status == 200
    balancer.start([target], group={"HealthCheckIntervalSeconds": 300})  # checks need descriptors too
    bystander = balancer.connect()
    ask(bystander)
    pid = balancer.process.pid
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")) + 8,) * 2)
    crowd = [balancer.connect() for _ in range(50)]  # the kernel takes them all
    ask(bystander)
    for client in crowd:
        client.close()
    last = balancer.connect()
    ask(last)
    ask(bystander)
