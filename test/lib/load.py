"""Open-loop HTTP load from a thread: so many requests a second, whatever the answers do.

Used by the end-to-end tests and the demo. Each request's outcome is kept: its start, its end, the status
(0: no answer) and the first line of the body.
"""
import asyncio
import threading
import time
from collections import namedtuple

Outcome = namedtuple("Outcome", "start end status body error")
TIMEOUT_S = 60  # a request that has no answer by then has none; a machine may stall for less


class Load:
    def __init__(self, host, port, rate, path="/", name=None, connections=32, tls=None):
        self.host, self.port, self.rate, self.path = host, port, rate, path
        self.name = name or f"{host}:{port}"
        self.tls = tls  # an ssl.SSLContext
        self.outcomes = []
        self._idle = []
        self._stop = threading.Event()
        self._limit = connections
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self._thread.start()

    def stop(self):
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        return self.outcomes

    @property
    def failures(self):
        return [outcome for outcome in self.outcomes if outcome.status != 200]

    async def _run(self):
        tasks, start, sent = set(), time.monotonic(), 0
        while not self._stop.is_set():
            due = int((time.monotonic() - start) * self.rate)
            sent = max(sent, due - self.rate)  # what was missed while the machine stalled is not asked all at once
            while sent < due:
                task = asyncio.create_task(self._one())
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                sent += 1
            await asyncio.sleep(0.5 / self.rate)
        if tasks:
            await asyncio.wait(tasks, timeout=TIMEOUT_S)
        for _, writer in self._idle:
            writer.close()

    async def _one(self):
        start = time.monotonic()
        try:
            status, body = await asyncio.wait_for(self._request(), TIMEOUT_S)
            error = None
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError, IndexError) as failure:
            status, body, error = 0, "", repr(failure)
        self.outcomes.append(Outcome(start, time.monotonic(), status, body, error))

    async def _connection(self):
        """An idle connection that the server has not closed, or a new one."""
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        named = {"server_hostname": self.name.split(":")[0]} if self.tls else {}
        return await asyncio.open_connection(self.host, self.port, ssl=self.tls, **named)

    async def _request(self):
        reader, writer = await self._connection()
        writer.write(f"GET {self.path} HTTP/1.1\r\nHost: {self.name}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0]) if "content-length:" in head else None
        if length is None:
            body = await self._chunked(reader)
        else:
            body = await reader.readexactly(length)
        if "connection: close" in head or len(self._idle) >= self._limit:
            writer.close()
        else:
            self._idle.append((reader, writer))
        return int(head.split()[1]), body.decode("latin-1").split("\n")[0]

    @staticmethod
    async def _chunked(reader):
        body = b""
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readuntil(b"\r\n")
        return body
