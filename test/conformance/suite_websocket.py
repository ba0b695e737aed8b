"""WebSocket through the balancer must be WebSocket without it: each case, byte for byte.

The cases follow the sections of Autobahn's suite (framing, pings, reserved bits, opcodes, fragments, UTF-8, closing,
limits, compression); the server is `ws` for Node.js, which checks frames strictly. A case is what a client sends; its
result is every byte that comes until the server closes.
"""
import itertools
import os
import socket
import struct
import zlib

import stack

SERVER = """
const { WebSocketServer } = require('ws');
const server = new WebSocketServer({ host: '127.0.0.1', port: +process.argv[1], perMessageDeflate: { threshold: 0,
  serverNoContextTakeover: true, clientNoContextTakeover: true }, maxPayload: 1 << 25 });
server.on('connection', (socket) => {
  socket.on('message', (data, binary) => socket.send(data, { binary }));
  socket.on('error', () => {});
});
"""
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MASK = b"\x37\xfa\x21\x3d"


def frame(opcode, payload=b"", fin=True, reserved=0, masked=True):
    size = len(payload)
    head = bytes([fin << 7 | reserved << 4 | opcode])
    bit = masked << 7
    if size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += bytes([bit | 126]) + struct.pack("!H", size)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", size)
    if not masked:
        return head + payload
    key = (MASK * (size // 4 + 1))[:size]
    return head + MASK + (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


def closing(code=1000, reason=b""):
    return frame(CLOSE, struct.pack("!H", code) + reason)


def deflated(payload):
    compress = zlib.compressobj(wbits=-15)
    return (compress.compress(payload) + compress.flush(zlib.Z_SYNC_FLUSH))[:-4]


def messages():
    for opcode, size in itertools.product((TEXT, BINARY), (0, 1, 125, 126, 127, 128, 65535, 65536, 1 << 20)):
        yield f"1 message: opcode {opcode}, {size} bytes", frame(opcode, b"*" * size) + closing()
    for size in (0, 1, 125, 126):
        yield f"2 ping of {size} bytes", frame(PING, b"p" * size) + closing()
        yield f"2 pong of {size} bytes", frame(PONG, b"p" * size) + closing()
    yield "2 ten pings", b"".join(frame(PING, b"%d" % i) for i in range(10)) + closing()
    for reserved in range(1, 8):
        for opcode in (TEXT, BINARY, PING, CLOSE):
            yield f"3 reserved bits {reserved}, opcode {opcode}", frame(opcode, b"x", reserved=reserved) + closing()
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield f"4 opcode {opcode}", frame(TEXT, b"before") + frame(opcode, b"x") + closing()
    yield "4 frame without mask", frame(TEXT, b"x", masked=False) + closing()


def fragments():
    parts = [b"Hello", b", ", b"World"]
    for control in (b"", frame(PING, b"between"), frame(PONG, b"between")):
        whole = control.join((frame(TEXT, parts[0], fin=False), frame(CONTINUATION, parts[1], fin=False),
                              frame(CONTINUATION, parts[2])))
        yield f"5 fragments with {control[:1].hex() or 'nothing'} between", whole + closing()
    yield "5 continuation of nothing", frame(CONTINUATION, b"x") + closing()
    yield "5 message in a message", frame(TEXT, b"a", fin=False) + frame(TEXT, b"b") + closing()
    yield "5 fragmented ping", frame(PING, b"a", fin=False) + frame(CONTINUATION, b"b") + closing()
    empty = frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) + frame(CONTINUATION)
    yield "5 empty fragments", empty + closing()
    for size in (64, 1024, 16384):
        count = (1 << 18) // size
        more = b"".join(frame(CONTINUATION, b"f" * size, fin=i == count - 1) for i in range(count))
        yield f"9 256 KiB in fragments of {size}", frame(BINARY, b"f" * size, fin=False) + more + closing()


def texts():
    good = ["κόσμε", "\x00", "\x7f", "\x80", "\u07ff", "\u0800", "\ufeff", "\uffff", "\U0010ffff", "😀" * 99]
    for text in good:
        yield f"6 text {text[:4]!r}", frame(TEXT, text.encode()) + closing()
    bad = [b"\x80", b"\xbf", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80",
           b"\xfe", b"\xff", b"\xce\xba\xe1", b"ok\xed\xbf\xbf"]
    for text in bad:
        yield f"6 broken text {text.hex()}", frame(TEXT, text) + closing()
        yield f"6 the same as binary {text.hex()}", frame(BINARY, text) + closing()
    character = "😀".encode()
    yield "6 fragments within a character", frame(TEXT, character[:2], fin=False) + frame(
        CONTINUATION, character[2:]) + closing()


def ends():
    for code in (*range(1000, 1004), *range(1007, 1012), 3000, 3999, 4000, 4999):
        yield f"7 close {code}", closing(code, b"bye")
    for code in (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535):
        yield f"7 close {code}, which is not allowed", closing(code)
    yield "7 close without a code", frame(CLOSE)
    yield "7 close with half a code", frame(CLOSE, b"\x03")
    yield "7 close with the longest reason", closing(1000, b"r" * 123)
    yield "7 close with too long a reason", frame(CLOSE, struct.pack("!H", 1000) + b"r" * 124)
    yield "7 close with a broken reason", closing(1000, b"\xff")
    yield "7 message after close", closing() + frame(TEXT, b"late")
    yield "7 ping after close", closing() + frame(PING, b"late")
    yield "7 nothing but the end", b""


def compressed():
    for size in (0, 1, 126, 65536, 1 << 20):
        yield f"12 compressed {size} bytes", frame(TEXT, deflated(b"z" * size), reserved=4) + closing()
    data = deflated(b"in two pieces")
    yield "12 compressed fragments", frame(TEXT, data[:5], fin=False, reserved=4) + frame(
        CONTINUATION, data[5:]) + closing()
    yield "12 compressed ping", frame(PING, deflated(b"x"), reserved=4) + closing()
    yield "12 broken compression", frame(TEXT, b"\xff" * 20, reserved=4) + closing()


def talk(port, data, piece, deflate=False):
    """Every byte that comes: the answer's head without what differs anyway, and all frames."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        extension = b"Sec-WebSocket-Extensions: permessage-deflate\r\n" if deflate else b""
        client.sendall(b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + extension +
                       b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        received = b""
        while b"\r\n\r\n" not in received:
            received += client.recv(65536)
        try:
            for start in range(0, len(data), piece):
                client.sendall(data[start:start + piece])
            if not data:
                client.shutdown(socket.SHUT_WR)
            while part := client.recv(65536):
                received += part
        except ConnectionError:
            pass
    head, _, frames = received.partition(b"\r\n\r\n")
    lines = sorted(line.lower() for line in head.split(b"\r\n") if not line.lower().startswith(b"date:"))
    return lines, frames


def run(directory, report):
    modules = stack.node_modules("ws", ["ws@8.18.0"])
    port = stack.free_port()
    server = ["node", "-e", SERVER, str(port)]
    cases = [(name, data, piece) for name, data in itertools.chain(messages(), fragments(), texts(), ends())
             for piece in (1 << 20, 1) if piece > 1 or len(data) < 512]
    with stack.program(server, port, env=os.environ | {"NODE_PATH": modules}):
        with stack.balancer(directory, stack.forward(port)) as through:
            for name, data, piece in cases:
                same(report, f"{name}{', byte by byte' * (piece == 1)}", talk(port, data, piece),
                     talk(through, data, piece))
            for name, data in compressed():
                same(report, name, talk(port, data, 1 << 20, True), talk(through, data, 1 << 20, True))


def same(report, name, direct, through):
    failure = None
    if direct != through:
        failure = f"direct {direct[0]} {direct[1][:60]!r}, through the balancer {through[0]} {through[1][:60]!r}"
    report(name, failure)
