"""The doctor's question to a venue."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from qmd_platform.errors import ConfigError
from qmd_platform.sandbox.server import running
from qmd_platform.venues import facts
from qmd_platform.venues.ccxt_client import client
from qmd_platform.venues.reach import Reach, ping
from qmd_platform.venues.retry import Patience
from tests.venues.writtenserver import Reply, writing


@contextmanager
def served(answer: Callable[[int, str], Reply]) -> Iterator[str]:
    """The address of a written server in a thread of its own."""
    loop, address, over = asyncio.new_event_loop(), [""], asyncio.Event()
    ready = threading.Event()

    async def serve() -> None:
        async with writing(answer) as server:
            address[0] = server.url
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    ready.wait()
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


@pytest.mark.parametrize("venue", facts.VENUES)
def test_a_venue_that_answers_shows_its_latency_and_how_its_clock_differs(venue: str):
    with running() as url:
        reach = ping(venue, url)
    assert reach.is_reachable
    assert reach.error == ""
    assert reach.latency_ms is not None
    assert 0 < reach.latency_ms < 5000
    assert reach.clock_skew_ms is not None
    assert -1100 < reach.clock_skew_ms < 100
    assert reach.url.startswith(url)


def test_a_clock_that_is_wrong_is_seen():
    with running(now="2020-01-01") as url:
        reach = ping("binance", url)
    assert reach.is_reachable
    assert reach.clock_skew_ms is not None
    assert reach.clock_skew_ms < -86_400_000


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(b"blocked in your country", 451), "HTTP 451: blocked in your country"),
        (Reply(b"<html>moment</html>"), "no time in it"),
        (Reply(b"", after=1), "no answer within 0.3 s"),
        (Reply(reset=True), "Connection"),
    ],
)
def test_a_venue_that_does_not_answer_as_it_should_says_why(reply: Reply, said: str):
    with served(lambda n, path: reply) as url:
        reach = ping("gate", url, timeout_seconds=0.3)
    assert not reach.is_reachable
    assert said in reach.error
    assert reach.clock_skew_ms is None


def test_nobody_there_is_not_reachable():
    reach = ping("bitfinex", "http://127.0.0.1:1")
    assert isinstance(reach, Reach)
    assert not reach.is_reachable
    assert reach.error == "connection refused"
    assert "127.0.0.1" in reach.url


def asked_by_the_client(url: str) -> None:
    async def ask() -> None:
        async with client("gate", venue_url=url, patience=Patience(tries=1)) as asked:
            await asked.server_time()

    asyncio.run(ask())


def asked_by_the_doctor(url: str) -> None:
    reach = ping("gate", url)
    assert reach.is_reachable, reach.error


both = pytest.mark.parametrize("ask", [asked_by_the_client, asked_by_the_doctor])


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets the user's proxy; only names on this machine resolve in tests, so nothing else could be reached."""

    def set_proxy(url: str) -> None:
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setenv("http_proxy", url)

    return set_proxy


@both
def test_a_venue_is_asked_through_the_users_proxy(ask: Callable[[str], None], proxied: Callable[[str], None]):
    paths: list[str] = []

    def answer(number: int, path: str) -> Reply:
        paths.append(path)
        return Reply(b'{"server_time":1700000000000}')

    with served(answer) as proxy:
        proxied(proxy)
        ask("http://venue.invalid")
    assert paths == ["http://venue.invalid/api/v4/spot/time"]


@both
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_never_asked_through_a_proxy(
    ask: Callable[[str], None], proxied: Callable[[str], None], host: str
):
    proxied("http://127.0.0.1:1")
    with running() as url:
        ask(url.replace("127.0.0.1", host))


def test_an_unknown_venue_is_refused():
    with pytest.raises(ConfigError, match="unknown venue 'krakn'"):
        ping("krakn")


def test_a_name_that_cannot_be_resolved_is_said_in_a_few_words(monkeypatch: pytest.MonkeyPatch):
    def unknown(*asked: object, **named: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    # A test may not ask the network's name server; what the library makes of its refusal is the library's own.
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    reach = ping("gate", "http://venue.invalid:8080")
    assert reach.error == "cannot resolve venue.invalid"
