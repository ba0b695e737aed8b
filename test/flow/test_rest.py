"""What TLS and HTTP/2 keep of connections that say nothing is put to rest, and is there when they speak again."""
import os
import sys
import time

import pytest

from certificates import certificate, connect, get, https
from conftest import ROOT, WAIT
from http2 import Client, listener

sys.path.insert(0, os.path.join(ROOT, "test/lib"))
from resting import blocks_in_memory_kb  # noqa: E402

COUNT = 20


def wait_until(condition):
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("tls, connected, ask", [
    (https(certificate("a.example.com")), lambda balancer: connect(balancer, "a.example.com"), get),
    (listener(), Client, Client.ask),
], ids=["TLS", "HTTP/2"])
def test_what_says_nothing_takes_little_and_goes_on(balancer, target, tls, connected, ask):
    balancer.start([target], listener=tls)
    clients = [connected(balancer) for _ in range(COUNT)]

    def all_are_answered():
        for client in clients:
            assert ask(client).status == 200
        return blocks_in_memory_kb(balancer.process.pid) > 4 * COUNT
    for _ in range(2):
        wait_until(all_are_answered)
        wait_until(lambda: blocks_in_memory_kb(balancer.process.pid) < COUNT)
    wait_until(all_are_answered)
