"""What the HTTP/1 codec makes of some bytes, as `http1-verdict` says it."""
import os
import re
import subprocess

import stack

VERDICT = os.path.join(stack.ROOT, "build/test/conformance/http1-verdict")


def verdicts(kind, data):
    """Lists of words: one for each message, then one for how it ended."""
    done = subprocess.run([VERDICT, kind], input=data, capture_output=True, check=True)
    return [line.split() for line in done.stdout.decode().splitlines()]


def with_host(data):
    """HTTP/1.1 has no requests without Host; vectors about other things leave it out."""
    if b"host:" in data.lower():
        return data
    return re.sub(rb"( HTTP/1\.1\r?\n)", rb"\1Host: a\r\n", data)


def problem(kind, data, must_fail):
    """What is wrong with the codec's verdict, or None. What must fail gets 400 in mode `strictest` at the least."""
    data = with_host(data) if kind == "request" else data
    words = verdicts(kind, data)
    if must_fail and words[-1][0] == "incomplete":  # it ends where others have stopped reading
        words = verdicts(kind, data + b"\r\n\r\n")
    refused = words[-1][0] in ("refused", "bad-body") or (must_fail and words[-1][0] == "closed")
    odd = kind == "request" and any(word[1] != "Compliant" for word in words if word[0] == "message")
    if must_fail and not refused and not odd:
        return f"taken: {' '.join(words[-1])}"
    if refused and not must_fail:
        return f"not taken: {' '.join(words[-1])}"
    return None
