"""Memory that the balancer puts to rest (src/http/rest.h)."""
import re

RESERVED_KB = 8 << 20  # the range of addresses that its blocks come from


def blocks_in_memory_kb(pid):
    """Of the reserved range; what is known of the blocks is beside them, and takes a page or two."""
    size = 0
    with open(f"/proc/{pid}/smaps", encoding="ascii") as file:
        for name, value in re.findall(r"^(Size|Private_Dirty):\s+(\d+) kB", file.read(), re.M):
            if name == "Size":
                size = int(value)
            elif size >= RESERVED_KB:
                return int(value)
    raise AssertionError("nothing is reserved")
