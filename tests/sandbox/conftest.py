"""A sandbox that stands still, a raw client, and the way to point ccxt at it."""

import gzip
import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from qmd_platform.model.window import Instant, instant
from qmd_platform.sandbox.server import running

NOW = "2026-11-20T12:34:56.789Z"


Json = Any
Ccxt = Any
"""A ccxt exchange: ccxt has no types."""


@dataclass(frozen=True)
class Got:
    """One answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Json:
        """The body, parsed; unpacked first where it came packed."""
        return json.loads(gzip.decompress(self.body) if self.headers.get("Content-Encoding") == "gzip" else self.body)


@pytest.fixture(scope="session")
def now() -> Instant:
    return instant(NOW)


@pytest.fixture(scope="session")
def url(now: Instant) -> Iterator[str]:
    with running(now=now) as address:
        yield address


@pytest.fixture(scope="session")
def get() -> Callable[..., Got]:
    """Ask a server without any library that hides what is on the wire."""

    def ask(
        base: str,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: str | None = None,
        **query: object,
    ) -> Got:
        connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=20)
        try:
            target = path + (f"?{urlencode(query)}" if query else "")
            connection.request(method, target, body=body, headers=dict(headers or {}))
            answer = connection.getresponse()
            return Got(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    return ask


@pytest.fixture(scope="session")
def pointed() -> Iterator[Callable[[Ccxt, str], Ccxt]]:
    """A ccxt exchange with the host of every REST address replaced and the paths kept."""
    made: list[Ccxt] = []

    def replaced(node: Json, base: str) -> Json:
        if isinstance(node, dict):
            return {key: value if key == "ws" else replaced(value, base) for key, value in node.items()}
        return base + urlsplit(node).path

    def point(exchange: Ccxt, base: str) -> Ccxt:
        exchange.urls["api"] = replaced(exchange.urls["api"], base)
        made.append(exchange)
        return exchange

    yield point
    # The garbage collector would find the sockets before ccxt closes them, and say so. Async ones close themselves.
    for exchange in made:
        if not iscoroutinefunction(exchange.fetch):
            exchange.session.close()
