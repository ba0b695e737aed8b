"""AWS's vectors of desync mitigation: class and reason of each, and what is done in each mode.

Four cases a vector: the class with its reason, as the access log has it in every mode, and the action in each mode.
"""
import contextlib
import glob
import os
import re
import shlex
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
    """The vector as a request. Host, which is none of the vectors' business, comes last, or where the head still is."""
    line = " ".join(unescape(case[key]) for key in ("method", "uri", "version"))
    headers = [(unescape(header["name"]), unescape(header["value"])) for header in case["headers"] or []]
    if not any(name.lower() == "host" for name, _ in headers):
        ends_early = any(value.endswith("\r\n") for _, value in headers)
        headers.insert(0 if ends_early else len(headers), ("Host", "localhost"))
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


def with_body(data):
    """And some body, framed as the head says."""
    words = http1.verdicts("request", data)[0]
    if words[0] != "message" or words[3] == "none":
        return data
    return data + (b"0\r\n\r\n" if words[3] == "chunked" else b"a" * int(words[3]))


def ask(port, data):
    """What is done with the request, and the port that it came from."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        own_port = client.getsockname()[1]
        reply = b""
        with contextlib.suppress(ConnectionError):
            client.sendall(data)
        with contextlib.suppress(ConnectionError):
            while b"\r\n\r\n" not in reply and (part := client.recv(65536)):
                reply += part
    if not reply or reply.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5", b"<html>")):
        return "refuse", own_port
    return "pass" if b"\r\nConnection: keep-alive\r\n" in reply else "close", own_port


def logged_classes(path):
    """{port of a client: "CLASS REASON" of its first request}"""
    found = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            fields = shlex.split(line.replace("\\", "\\\\"))
            kind, reason = (word if word != "-" else "Compliant" for word in fields[27:29])
            found.setdefault(int(fields[3].rsplit(":", 1)[1]), f"{kind} {reason}")
    return found


def ends_by_itself(data):
    """Whether the first line has no version or an old one: such connections serve one request in any mode."""
    return not re.search(rb" HTTP/1\.[1-9]\s*$", data.split(b"\n")[0])


def judge(case, data, actions, classes):
    """(what, failure) of the class, and of each mode's action. `actions`, `classes`: by mode."""
    wanted, found = case["expected"], set(classes.values())
    tier, reason = wanted["tier"], wanted["reason"]
    one = found.pop() if len(found) == 1 else None
    if one and one.split()[1] in TEXTUAL and tier != "Compliant":
        tier, reason = one.split()
    yield "class", None if one == f"{tier} {reason}" else f"{one or classes}, not {tier} {reason}"
    for mode in MODES:
        action, right = actions[mode], ACTIONS[tier][mode]
        fine = action == right or (ends_by_itself(data) and (action, right) == ("close", "pass"))
        yield mode, None if fine else f"{action}, not {right}"


def run(directory, report):
    vectors = [(name, case, text_of(case)) for name, case in
               cases(stack.source("aws/http-desync-guardian", "7dd6f37171f0"))]
    requests = [with_body(data) for _, _, data in vectors]
    results, logged = {}, {}
    for mode in MODES:
        log = os.path.join(directory, f"{mode}.log")
        with stack.echo_target() as target:
            config = stack.forward(target, attributes={"routing.http.desync_mitigation_mode": mode})
            with stack.balancer(directory, config | {"AccessLog": log}) as port:
                results[mode] = [ask(port, data) for data in requests]
        logged[mode] = logged_classes(log)
    agree = dict.fromkeys(("class", *MODES), 0)
    for i, (name, case, data) in enumerate(vectors):
        actions = {mode: results[mode][i][0] for mode in MODES}
        classes = {mode: logged[mode].get(results[mode][i][1]) for mode in MODES}
        for what, failure in judge(case, data, actions, classes):
            report(f"{name}: {what}", failure)
            agree[what] += not failure
    print(f"  of {len(vectors)} vectors agree:", ", ".join(f"{what} {count}" for what, count in agree.items()))
