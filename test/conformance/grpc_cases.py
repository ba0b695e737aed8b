"""A gRPC server, and a client that prints what came of each case as JSON; messages are plain bytes.

usage: grpc_cases.py serve PORT | grpc_cases.py PORT [CERTIFICATE]
"""
import concurrent.futures
import hashlib
import json
import sys
import threading

import grpc

LIMITS = [("grpc.max_receive_message_length", 1 << 25), ("grpc.max_send_message_length", 1 << 25)]
SERVICE = "/test.Echo/"


def own(metadata):
    """Without what others add on the way."""
    return [(key, value) for key, value in metadata or () if key.startswith("own-")]


# ---- the server ----

def unary(request, context):
    context.set_trailing_metadata((("own-size", str(len(request))), ("own-raw-bin", b"\x00\xff\x01")))
    return request


def sends_metadata(request, context):
    context.send_initial_metadata(own(context.invocation_metadata()))
    return request


def fails(request, context):
    context.set_trailing_metadata((("own-why", "asked to"),))
    context.abort(tuple(grpc.StatusCode)[int(request)], "failed: 100 % ünïcode\n")


def never(_request, context):
    done = threading.Event()
    context.add_callback(done.set)
    done.wait(30)
    return b""


def collects(requests, _context):
    parts = list(requests)
    return b"%d %s" % (len(parts), hashlib.sha256(b"".join(parts)).hexdigest().encode())


def gives(request, _context):
    count, size = map(int, request.split())
    for i in range(count):
        yield bytes([i & 255]) * size


def breaks(request, context):
    for i in range(int(request)):
        yield b"%d" % i
    context.abort(grpc.StatusCode.DATA_LOSS, "in the middle")


def both_ways(requests, _context):
    yield from requests


HANDLERS = {
    "Unary": grpc.unary_unary_rpc_method_handler(unary),
    "Metadata": grpc.unary_unary_rpc_method_handler(sends_metadata),
    "Fails": grpc.unary_unary_rpc_method_handler(fails),
    "Never": grpc.unary_unary_rpc_method_handler(never),
    "Collects": grpc.stream_unary_rpc_method_handler(collects),
    "Gives": grpc.unary_stream_rpc_method_handler(gives),
    "Breaks": grpc.unary_stream_rpc_method_handler(breaks),
    "Both": grpc.stream_stream_rpc_method_handler(both_ways),
}


def serve(port):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(64), options=LIMITS)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", HANDLERS),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


# ---- the client ----

def mark(data):
    return f"{len(data)} {hashlib.sha256(data).hexdigest()[:16]}"


def trailers(call):
    return sorted((key, repr(value)) for key, value in own(call.trailing_metadata()))


def outcome(call):
    """Status, details and trailers of a call that fails."""
    try:
        for _ in call if hasattr(call, "__next__") and not hasattr(call, "result") else [call.result()]:
            pass
    except grpc.RpcError as error:
        return [error.code().name, error.details() if error.code().name != "DEADLINE_EXCEEDED" else "", trailers(error)]
    return "no error"


def collected(stream):
    """What came of a stream until it ended or failed."""
    parts, end = [], "whole"
    try:
        for part in stream:
            parts.append(part)
    except grpc.RpcError as error:
        end = [error.code().name, error.details()]
    return [len(parts), mark(b"".join(parts)), end]


def ping_pong(channel, count):
    """Each message is sent only when the one before came back."""
    came = threading.Semaphore(1)

    def requests():
        for i in range(count):
            came.acquire(timeout=20)  # pylint: disable=consider-using-with
            yield b"%d" % i
    answers = []
    for answer in channel.stream_stream(SERVICE + "Both")(requests(), timeout=60):
        answers.append(answer)
        came.release()
    return mark(b" ".join(answers))


def cases(channel):
    plain = channel.unary_unary(SERVICE + "Unary")
    for size in (0, 1, 16383, 16384, 65536, 1 << 20, 1 << 24):
        answer, call = plain.with_call(b"u" * size, timeout=60)
        yield f"unary, {size} bytes", [mark(answer), trailers(call)]
    metadata = (("own-text", "a, b"), ("own-text", "c"), ("own-raw-bin", bytes(range(256))), ("own-long", "l" * 4000))
    answer, call = channel.unary_unary(SERVICE + "Metadata").with_call(b"m", metadata=metadata, timeout=60)
    yield "metadata", sorted((key, repr(value)) for key, value in own(call.initial_metadata()))
    failing = channel.unary_unary(SERVICE + "Fails")
    for i, code in enumerate(grpc.StatusCode):
        if code is not grpc.StatusCode.OK:
            yield f"status {code.name}", outcome(failing.future(b"%d" % i, timeout=60))
    yield "no such method", outcome(channel.unary_unary(SERVICE + "Missing").future(b"", timeout=60))
    yield "deadline", outcome(channel.unary_unary(SERVICE + "Never").future(b"", timeout=0.5))
    for count, size in ((0, 0), (1, 10), (1000, 100), (64, 65536)):
        sent = iter([b"c" * size] * count)
        yield f"client streams {count} of {size}", channel.stream_unary(SERVICE + "Collects")(sent, timeout=60).decode()
        yield f"server streams {count} of {size}", collected(
            channel.unary_stream(SERVICE + "Gives")(b"%d %d" % (count, size), timeout=60))
    yield "server stream breaks off", collected(channel.unary_stream(SERVICE + "Breaks")(b"3", timeout=60))
    yield "both stream, in turns", ping_pong(channel, 200)
    yield "both stream, at once", collected(
        channel.stream_stream(SERVICE + "Both")(iter([b"b" * 4096] * 500), timeout=60))
    calls = [plain.future(b"%d" % i, timeout=60) for i in range(500)]
    yield "500 at once", mark(b" ".join(call.result() for call in calls))
    yield "12000 one after the other", sum(plain(b"x", timeout=60) == b"x" for _ in range(12000))


def main():
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
        return
    address = f"localhost:{sys.argv[1]}"
    if len(sys.argv) > 2:
        with open(sys.argv[2], "rb") as file:
            channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(file.read()), LIMITS)
    else:
        channel = grpc.insecure_channel(address, LIMITS)
    found = {}
    for name, result in cases(channel):
        found[name] = result
        print(name, result, file=sys.stderr)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
