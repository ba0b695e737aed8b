"""WebSocket through the balancer must be WebSocket without it: each case, byte for byte, over HTTP and HTTPS.

The cases have the numbers of the sections of Autobahn's suite (1 framing, 2 pings and pongs, 3 reserved bits,
4 opcodes, 5 fragments, 6 UTF-8, 7 closing, 9 limits and round trips, 10 fragments of a large message, 12 compression);
the server is `ws` for Node.js, which checks frames strictly. A case is what a client sends; its result is every byte
that comes until the server closes.
"""
import contextlib
import itertools
import os
import socket
import ssl
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
WHOLE = 1 << 25  # pieces of this size: everything at once
ROUND_TRIPS = 200


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
    for opcode, count in itertools.product((TEXT, BINARY), (2, 100)):
        several = b"".join(frame(opcode, b"%d" % i) for i in range(count))
        yield f"1 {count} messages: opcode {opcode}", several + closing()
    for size in (0, 1, 124, 125, 126):
        yield f"2 ping of {size} bytes", frame(PING, b"p" * size) + closing()
        yield f"2 pong of {size} bytes", frame(PONG, b"p" * size) + closing()
    yield "2 ping of bytes that are no text", frame(PING, b"\x00\xff\xfe\xfd") + closing()
    yield "2 pong, then ping", frame(PONG, b"unasked") + frame(PING, b"asked") + closing()
    yield "2 ten pings", b"".join(frame(PING, b"%d" % i) for i in range(10)) + closing()
    for reserved in range(1, 8):
        for opcode in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            bad = frame(opcode, b"x", reserved=reserved)
            yield f"3 reserved bits {reserved}, opcode {opcode}", bad + closing()
            yield f"3 the same between others, {reserved} {opcode}", (
                frame(TEXT, b"before") + bad + frame(PING) + closing())
    for opcode, payload in itertools.product((3, 4, 5, 6, 7, 11, 12, 13, 14, 15), (b"", b"x")):
        yield f"4 opcode {opcode}, {len(payload)} bytes", frame(opcode, payload) + closing()
        yield f"4 the same between others, {opcode} {len(payload)}", (
            frame(TEXT, b"before") + frame(opcode, payload) + frame(PING) + closing())
    for opcode in (TEXT, PING, CLOSE):
        yield f"4 frame without mask, opcode {opcode}", frame(opcode, b"xx", masked=False) + closing()


def in_fragments(opcode, parts, between=b"", last=True):
    """A message in so many frames; it does not end if `last` is not set."""
    end = len(parts) - 1
    return between.join(frame(CONTINUATION if i else opcode, part, fin=last and i == end)
                        for i, part in enumerate(parts))


def fragments():
    for opcode, between in itertools.product((TEXT, BINARY), (b"", frame(PING, b"between"), frame(PONG, b"between"))):
        for count in (2, 3, 5):
            whole = in_fragments(opcode, [b"part"] * count, between)
            yield f"5 opcode {opcode} in {count}, with {between[:1].hex() or 'nothing'} between", whole + closing()
    for opcode in (PING, PONG):
        yield f"5 fragmented opcode {opcode}", in_fragments(opcode, [b"a", b"b"]) + closing()
    for fin, times in itertools.product((True, False), (1, 2)):
        nothing, message = frame(CONTINUATION, b"x", fin=fin), in_fragments(TEXT, [b"a", b"b"])
        yield f"5 continuation of nothing, {fin} {times}", (nothing + message) * times + closing()
        yield f"5 continuation behind the end, {fin} {times}", (
            message + nothing + frame(TEXT, b"c")) * times + closing()
    for opcode in (TEXT, BINARY):
        yield f"5 message of opcode {opcode} in a message", (
            in_fragments(TEXT, [b"a"], last=False) + frame(opcode, b"b") + closing())
    yield "5 close in a message", in_fragments(TEXT, [b"a", b"b"], last=False) + closing()
    for parts in ([b""] * 3, [b"", b"x", b""], [b"x", b"", b""]):
        yield f"5 fragments of {[len(part) for part in parts]} bytes", in_fragments(TEXT, parts) + closing()


KOSME = "κόσμε".encode()
GOOD_TEXTS = ["", "Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", *(chr(first) for first in (0, 0x80, 0x800, 0x10000)),
              *(chr(last) for last in (0x7f, 0x7ff, 0xffff, 0x10ffff)), "\ud7ff", "\ue000", "\ufeff", "\ufffd", "\ufffe",
              *(chr(plane << 16 | 0xfffe | low) for plane in (1, 2, 8, 15, 16) for low in (0, 1)), "😀" * 99]
LEADS = {2: range(0xc0, 0xe0), 3: range(0xe0, 0xf0), 4: range(0xf0, 0xf8), 5: range(0xf8, 0xfc), 6: range(0xfc, 0xfe)}


def broken_texts():
    """What is not UTF-8, by the reason."""
    rest = {length: b"\x80" * (length - 1) for length in LEADS}
    for length in (5, 6):
        yield "too long", bytes([LEADS[length][0] | 4 * (length == 6) | 8 * (length == 5)]) + rest[length]
        yield "too long, last", bytes([LEADS[length][-1]]) + b"\xbf" * (length - 1)
    yield "behind U+10FFFF", b"\xf4\x90\x80\x80"
    yield "behind U+10FFFF, last", b"\xf7\xbf\xbf\xbf"
    for count in range(1, 8):
        yield "continuation", (b"\x80\xbf" * 4)[:count]
    yield "every continuation", bytes(range(0x80, 0xc0))
    for length, leads in LEADS.items():
        yield "leads alone", b"".join(bytes([lead, 0x20]) for lead in leads)
        yield "last byte missing", bytes([leads[0]]) + rest[length][1:]
        yield "last byte missing, last", bytes([leads[-1]]) + b"\xbf" * (length - 2)
        yield "overlong slash", bytes([leads[0]]) + rest[length][1:] + b"\xaf"
        yield "overlong NUL", bytes([leads[0]]) + rest[length]
    yield "every last byte missing", b"".join(bytes([leads[0]]) + rest[length][1:] for length, leads in LEADS.items())
    for impossible in (b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"):
        yield "impossible", impossible
    for overlong in (b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xf8\x87\xbf\xbf\xbf"):
        yield "longest overlong", overlong
    surrogates = [bytes([0xed, middle, last]) for middle, last in
                  ((0xa0, 0x80), (0xad, 0xbf), (0xae, 0x80), (0xaf, 0xbf), (0xb0, 0x80), (0xbf, 0xbf))]
    for unit in surrogates:
        yield "surrogate", unit
    for high, low in itertools.product(surrogates[:4], surrogates[4:]):
        yield "pair of surrogates", high + low


def bytewise(text):
    return [bytes([byte]) for byte in text]


def texts():
    for text in GOOD_TEXTS:
        data = text.encode()
        yield f"6 text {text[:4]!r}", frame(TEXT, data) + closing()
        yield f"6 text in fragments of a byte {text[:4]!r}", in_fragments(TEXT, bytewise(data) or [b""]) + closing()
    for reason, text in broken_texts():
        for where, data in (("alone", text), ("behind text", KOSME + text), ("before text", text + b"text")):
            yield f"6 broken text {where}, {reason} {text[:8].hex()}", frame(TEXT, data) + closing()
        yield f"6 the same in fragments, {reason} {text[:8].hex()}", in_fragments(TEXT, bytewise(text)) + closing()
        yield f"6 the same as binary, {reason} {text[:8].hex()}", frame(BINARY, text) + closing()
    for end in range(1, len(KOSME)):
        yield f"6 text that ends behind {end} bytes", frame(TEXT, KOSME[:end]) + closing()


def ends():
    for code in (*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999):
        yield f"7 close {code}", closing(code, b"bye")
    for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
        yield f"7 close {code}, which is not allowed", closing(code)
    yield "7 close without a code", frame(CLOSE)
    yield "7 close with half a code", frame(CLOSE, b"\x03")
    yield "7 close with the longest reason", closing(1000, b"r" * 123)
    yield "7 close with too long a reason", frame(CLOSE, struct.pack("!H", 1000) + b"r" * 124)
    yield "7 close with a broken reason", closing(1000, b"\xce\xba\xe1\xbd\xb9\xcf\x83\xed\xa0\x80")
    yield "7 two closes", closing() + closing()
    yield "7 message after close", closing() + frame(TEXT, b"late")
    yield "7 ping after close", closing() + frame(PING, b"late")
    yield "7 continuation after close", frame(TEXT, b"a", fin=False) + closing() + frame(CONTINUATION, b"late")
    yield "7 close behind 256 KiB", frame(BINARY, b"m" * (1 << 18)) + closing() + frame(PING, b"late")
    yield "7 nothing but the end", b""


def large():
    """(name, bytes, the size of the pieces they are sent in)"""
    for opcode, size in itertools.product((TEXT, BINARY), (1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 23, 1 << 24)):
        yield f"9 message: opcode {opcode}, {size} bytes", frame(opcode, b"*" * size) + closing(), WHOLE
    for opcode, size in itertools.product((TEXT, BINARY), (4 ** power for power in range(3, 12))):
        parts = [b"f" * size] * ((1 << 22) // size)
        yield f"9 4 MiB of opcode {opcode} in fragments of {size}", in_fragments(opcode, parts) + closing(), WHOLE
    for opcode, piece in itertools.product((TEXT, BINARY), (64, 128, 256, 512, 997, 1024, 2048)):
        yield f"9 1 MiB of opcode {opcode} in pieces of {piece}", frame(opcode, b"*" * (1 << 20)) + closing(), piece
    yield "10 64 KiB in fragments of 1300", in_fragments(TEXT, [b"f" * 1300] * 50 + [b"f" * 536]) + closing(), WHOLE


def compressed():
    for size in (0, 1, 126, 65536, 1 << 20):
        yield f"12 compressed {size} bytes", frame(TEXT, deflated(b"z" * size), reserved=4) + closing()
    data = deflated(b"in two pieces")
    yield "12 compressed fragments", frame(TEXT, data[:5], fin=False, reserved=4) + frame(
        CONTINUATION, data[5:]) + closing()
    yield "12 compressed ping", frame(PING, deflated(b"x"), reserved=4) + closing()
    yield "12 broken compression", frame(TEXT, b"\xff" * 20, reserved=4) + closing()


def connected(port, authority=None):
    """A connection to the port; over TLS if there is an authority to trust."""
    client = socket.create_connection(("127.0.0.1", port), timeout=60)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not authority:
        return client
    return ssl.create_default_context(cafile=authority).wrap_socket(client, server_hostname="localhost")


def upgraded(client, deflate):
    """Asks for a WebSocket. What came: the head, and perhaps first frames."""
    extension = b"Sec-WebSocket-Extensions: permessage-deflate\r\n" if deflate else b""
    client.sendall(b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + extension +
                   b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    received = b""
    while b"\r\n\r\n" not in received:
        received += client.recv(65536)
    return received


def close_writing(client):
    if isinstance(client, ssl.SSLSocket):
        client.unwrap()
    client.shutdown(socket.SHUT_WR)


def talk(client, data, piece, deflate=False):
    """Every byte that comes: the answer's head without what differs anyway, and all frames."""
    with client:
        parts = [upgraded(client, deflate)]
        with contextlib.suppress(OSError):  # whoever closes may cut us off while we send
            for start in range(0, len(data), piece):
                client.sendall(data[start:start + piece])
            if not data:
                close_writing(client)
            while part := client.recv(1 << 18):
                parts.append(part)
    head, _, frames = b"".join(parts).partition(b"\r\n\r\n")
    lines = sorted(line.lower() for line in head.split(b"\r\n") if not line.lower().startswith(b"date:"))
    return lines, frames


def round_trips(client, opcode, size):
    """Whether each of many messages came back before the next was sent."""
    message = frame(opcode, b"*" * size)
    echo = frame(opcode, b"*" * size, masked=False)
    with client:
        upgraded(client, False)
        for _ in range(ROUND_TRIPS):
            client.sendall(message)
            answer = b""
            while len(answer) < len(echo) and (part := client.recv(1 << 17)):
                answer += part
            if answer != echo:
                return f"came back as {answer[:20]!r}, {len(answer)} bytes"
    return None


def cases():
    """(name, bytes, the size of the pieces they are sent in, whether with permessage-deflate)"""
    for name, data in itertools.chain(messages(), fragments(), texts(), ends()):
        yield name, data, WHOLE, False
        if 1 < len(data) < 512:
            yield f"{name}, byte by byte", data, 1, False
    for name, data, piece in large():
        yield name, data, piece, False
    for name, data in compressed():
        yield name, data, WHOLE, True


def run(directory, report):
    modules = stack.node_modules("ws", ["ws@8.18.0"])
    target = stack.free_port()
    config = stack.forward(target)
    secure_port = stack.free_port()
    config["Listeners"].append(config["Listeners"][0] | stack.https(directory) | {"Port": secure_port})
    authority = stack.certificate(directory)[0]
    with stack.program(["node", "-e", SERVER, str(target)], target, env=os.environ | {"NODE_PATH": modules}):
        with stack.balancer(directory, config) as port:
            for name, data, piece, deflate in cases():
                direct = talk(connected(target), data, piece, deflate)
                report(name, difference(direct, talk(connected(port), data, piece, deflate)))
                secure = talk(connected(secure_port, authority), data, piece, deflate)
                report(f"{name}, over TLS", difference(direct, secure))
            for opcode, size in itertools.product((TEXT, BINARY), (0, 16, 64, 256, 1024, 4096, 16384, 65536)):
                name = f"9 {ROUND_TRIPS} round trips of {size} bytes, opcode {opcode}"
                report(name, round_trips(connected(port), opcode, size))
                report(f"{name}, over TLS", round_trips(connected(secure_port, authority), opcode, size))


def difference(direct, through):
    if direct == through:
        return None
    return f"direct {direct[0]} {direct[1][:60]!r}, through the balancer {through[0]} {through[1][:60]!r}"
