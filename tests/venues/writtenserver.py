"""A server on a real socket whose answers a test writes, down to the bytes: for what no healthy server does."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reply:
    """One answer. ``promised`` is the Content-Length when it is not the truth; ``after`` seconds of silence first."""

    body: bytes = b"[]"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    promised: int | None = None
    after: float = 0.0
    reset: bool = False

    @classmethod
    def of(cls, value: object, status: int = 200, **headers: str) -> "Reply":
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(json.dumps(value, separators=(",", ":")).encode(), status, named)


@dataclass
class Server:
    """Where it is, and what was asked: the paths with their queries, when (event loop seconds), with which headers."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@asynccontextmanager
async def writing(answer: Callable[[int, str], Reply]) -> AsyncIterator[Server]:
    """A server that answers the n-th request (from 1) for a path with ``answer(n, path)``."""
    server = Server()
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            while await _answered(server, answer, reader, writer):
                pass
        except ConnectionError:
            return
        finally:
            serving.discard(task)
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def _answered(
    server: Server,
    answer: Callable[[int, str], Reply],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> bool:
    """Answer one request; whether the connection is good for another."""
    line = await reader.readline()
    if not line:
        return False
    headers: dict[str, str] = {}
    while header := (await reader.readline()).decode().strip():
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    server.headers.append(headers)
    server.asked.append(line.split()[1].decode())
    server.at.append(asyncio.get_running_loop().time())
    reply = answer(len(server.asked), server.asked[-1])
    await asyncio.sleep(reply.after)
    if reply.reset:
        writer.transport.abort()
        return False
    writer.write(_on_the_wire(reply))
    await writer.drain()
    return reply.promised is None


def _on_the_wire(reply: Reply) -> bytes:
    length = len(reply.body) if reply.promised is None else reply.promised
    headers = {"Content-Type": "application/json", "Content-Length": str(length), **reply.headers}
    lines = [f"HTTP/1.1 {reply.status} Because", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + reply.body
