"""What TLS and HTTP/2 keep of connections that say nothing is put to rest, and is there when they speak again."""
import re
import time

import pytest

from certificates import certificate, connect, get, https
from conftest import WAIT
from http2 import Client, listener

COUNT = 20
RESERVED_KB = 8 << 20  # the range of addresses that blocks come from


def blocks_in_memory_kb(balancer):
    """Of the reserved range; what is known of the blocks is beside them, and takes a page or two."""
    size = 0
    with open(f"/proc/{balancer.process.pid}/smaps", encoding="ascii") as file:
        for name, value in re.findall(r"^(Size|Private_Dirty):\s+(\d+) kB", file.read(), re.M):
            if name == "Size":
                size = int(value)
            elif size >= RESERVED_KB:
                return int(value)
    raise AssertionError("nothing is reserved")


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
        return blocks_in_memory_kb(balancer) > 4 * COUNT
    for _ in range(2):
        wait_until(all_are_answered)
        wait_until(lambda: blocks_in_memory_kb(balancer) < COUNT)
    wait_until(all_are_answered)
