"""The doctor's question to a venue."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from qmd_platform.errors import ConfigError
from qmd_platform.sandbox.server import running
from qmd_platform.venues import facts
from qmd_platform.venues.reach import Reach, ping
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
    assert "127.0.0.1" in reach.error


def test_an_unknown_venue_is_refused():
    with pytest.raises(ConfigError, match="unknown venue 'krakn'"):
        ping("krakn")
