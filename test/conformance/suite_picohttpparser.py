"""picohttpparser's cases, read from its test program."""
import ast
import re

import http1
import stack

CASE = re.compile(r'PARSE\(((?:\s*"(?:[^"\\]|\\.)*")+),\s*[^,]+,\s*(-?\d+),\s*"((?:[^"\\]|\\.)*)"\)', re.DOTALL)
CHUNKS = re.compile(r'test_chunked_failure\(__LINE__, ("(?:[^"\\]|\\.)*"), -1\)')
FUNCTIONS = (("request", "static void test_request(void)"), ("response", "static void test_response(void)"))


def literal(text):
    """The bytes of C's string literals, which follow each other."""
    parts = re.findall(r'"(?:[^"\\]|\\.)*"', text)
    parts = [re.sub(r"\\x([0-9a-fA-F]{2})", lambda match: f"\\{int(match[1], 16):03o}", part) for part in parts]
    return b"".join(ast.literal_eval("b" + re.sub(r"\\([0-7]{1,3})", lambda match: f"\\{int(match[1], 8):03o}", part))
                    for part in parts)


def cases(source):
    for kind, start in FUNCTIONS:
        begin = source.index(start)
        body = source[begin:source.index("#undef PARSE", begin)]
        for text, expected, comment in CASE.findall(body):
            yield f"{kind}: {comment}", kind, literal(text), int(expected)
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    for text in CHUNKS.findall(source):
        yield f"chunks: {text}", "request", head + literal(text), -1


def problem(kind, data, expected):
    if expected == -2:
        end = http1.verdicts(kind, data)[-1]
        return None if end[0] == "incomplete" else f"not waited for: {' '.join(end)}"
    return http1.problem(kind, data, expected == -1)


def run(directory, report):
    folder = stack.source("h2o/picohttpparser", "f8326098f63e")
    with open(f"{folder}/test.c", encoding="utf-8") as file:
        for name, kind, data, expected in cases(file.read()):
            report(name, problem(kind, data, expected))
