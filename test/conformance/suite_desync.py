"""AWS's vectors of desync mitigation: class and reason of each, and what is done in each mode."""
import contextlib
import glob
import os
import re
import socket

import http1
import stack

ACTIONS = {  # of each class, by mode
    "Compliant": {"monitor": "pass", "defensive": "pass", "strictest": "pass"},
    "Acceptable": {"monitor": "pass", "defensive": "pass", "strictest": "refuse"},
    "Ambiguous": {"monitor": "pass", "defensive": "close", "strictest": "refuse"},
    "Severe": {"monitor": "pass", "defensive": "refuse", "strictest": "refuse"},
}
MODES = ("monitor", "defensive", "strictest")
# As text, a vector may say more than its fields do. The suite's own runner then only asks that it is not compliant.
TEXTUAL = ("MultilineHeader", "MissingHeaderColon", "SpaceInUri", "AmbiguousUri", "NonCrLfLineTermination")
ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def unescape(value):
    """The escapes of these files, on top of YAML's own."""
    return re.sub(r"\\(x[0-9a-fA-F]{2}|.)",
                  lambda match: chr(int(match[1][1:], 16)) if len(match[1]) == 3 else ESCAPES.get(match[1], match[1]),
                  str(value))


def text_of(case):
    """The vector as a request. Host comes last: it is none of the vectors' business, but HTTP/1.1 wants it."""
    line = " ".join(unescape(case[key]) for key in ("method", "uri", "version"))
    headers = [(unescape(header["name"]), unescape(header["value"])) for header in case["headers"] or []]
    if not any(name.lower() == "host" for name, _ in headers):
        headers.append(("Host", "localhost"))
    return "".join([line, "\r\n", *(f"{name}: {value}\r\n" for name, value in headers), "\r\n"]).encode()


def cases(folder):
    try:
        import yaml  # pylint: disable=import-outside-toplevel
    except ImportError as error:
        raise stack.Skip("Python has no yaml") from error
    for path in sorted(glob.glob(f"{folder}/tests/*.yaml")):
        with open(path, encoding="utf-8") as file:
            for number, case in enumerate(yaml.safe_load(file), 1):
                yield f"{os.path.basename(path)[:-5]} {number} {case['name']!r}", case


def body_for(words):
    """Some body, framed as the head says."""
    if words[0] != "message" or words[3] == "none":
        return b""
    return b"0\r\n\r\n" if words[3] == "chunked" else b"a" * int(words[3])


def action_of(port, data):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.settimeout(20)
        reply = b""
        with contextlib.suppress(ConnectionError):
            client.sendall(data)
        with contextlib.suppress(ConnectionError):
            while b"\r\n\r\n" not in reply and (part := client.recv(65536)):
                reply += part
    if not reply or reply.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5", b"<html>")):
        return "refuse"
    return "pass" if b"\r\nConnection: keep-alive\r\n" in reply else "close"


def problems(case, ports):
    data, expected = text_of(case), case["expected"]
    words = http1.verdicts("request", data)[0]
    kind, reason = words[1:3] if words[0] == "message" else words[2:4] if words[0] == "refused" else ("none", words[0])
    textual = reason in TEXTUAL and expected["tier"] != "Compliant"
    if not textual and (kind, reason) != (expected["tier"], expected["reason"]):
        yield f"{kind} {reason}, not {expected['tier']} {expected['reason']}"
    old = unescape(case["version"]).strip() in ("", "HTTP/0.9", "HTTP/1.0")  # these close by themselves
    for mode in MODES:
        action, wanted = action_of(ports[mode], data + body_for(words)), ACTIONS[kind][mode]
        if action != wanted and not (old and (action, wanted) == ("close", "pass")):
            yield f"{mode}: {action}, not {wanted}"


def run(directory, report):
    folder = stack.source("aws/http-desync-guardian", "7dd6f37171f0")
    excepted = stack.exceptions("desync")
    with contextlib.ExitStack() as keep:
        target = keep.enter_context(stack.echo_target())
        ports = {}
        for mode in MODES:
            place = os.path.join(directory, mode)
            os.mkdir(place)
            config = stack.forward(target, attributes={"routing.http.desync_mitigation_mode": mode})
            ports[mode] = keep.enter_context(stack.balancer(place, config))
        for name, case in cases(folder):
            report(name, "; ".join(problems(case, ports)) or None, excepted.get(name))
