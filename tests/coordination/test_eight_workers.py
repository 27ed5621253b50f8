"""Eight processes ask one venue: never above its limit, hardly below it, and a refusal stops them all.

The venue is a server on a real socket that counts each request when it arrives, and enforces Gate's limit of 200
requests in any 10 s as venues do: 429, and 418 for who goes on.
"""

import asyncio
import json
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.coordination.asker import AT_ONCE
from tests.coordination.crew import Process, crew, together
from tests.coordination.stores import Somewhere
from tests.venues.writtenserver import Reply, writing

ASKER = "tests.coordination.asker"
LIMIT, PERIOD = 200, 10.0
WORKERS, LATER = 8, 2
PATIENCE = 20
"""Requests after a 429, before its Retry-After is over, that are answered by 418."""


class Venue:
    """Gate, as far as its limit goes.

    ``refuse_at`` is the number of a request that is refused whatever the count; one that ``bans`` answers only 418.
    """

    def __init__(self, refuse_at: int = 0, *, bans: bool = False) -> None:
        self.at: list[float] = []
        self.refused: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.fullest = 0
        self._window: deque[float] = deque()
        self._refuse_at = refuse_at
        self._bans = bans
        self._shut_until = 0.0
        self._ignored = 0

    def answer(self, number: int, path: str) -> Reply:
        """The answer to a request that arrives now."""
        del number, path
        now = time.monotonic()
        self.at.append(now)
        self._window.append(now)
        while self._window[0] <= now - PERIOD:
            self._window.popleft()
        self.fullest = max(self.fullest, len(self._window))
        reply = self._judged(now)
        self.statuses[reply.status] += 1
        return reply

    def _judged(self, now: float) -> Reply:
        if self._bans:
            return Reply.of({"label": "BANNED"}, 418, Retry_After="60")
        if now < self._shut_until:
            self._ignored += 1
            return Reply.of({"label": "TOO_FAST"}, 418 if self._ignored > PATIENCE else 429, Retry_After="3")
        if len(self._window) > LIMIT or len(self.at) == self._refuse_at:
            self._shut_until = now + 3
            self.refused.append(now)
            return Reply.of({"label": "TOO_FAST"}, 429, Retry_After="3")
        return Reply.of([["1700000040", "9", "2", "3", "1", "1", "5", "true"]])


@contextmanager
def serving(venue: Venue) -> Iterator[str]:
    """The venue's address; it is served by a thread of its own."""
    started: list[str] = []
    is_ready, loop = threading.Event(), asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        async with writing(venue.answer) as server:
            started.append(server.url)
            is_ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert is_ready.wait(10)
    try:
        yield started[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


@pytest.fixture(scope="module")
def workers() -> Iterator[list[Process]]:
    """Eight for the tests, and two more."""
    with crew(ASKER, WORKERS + LATER) as started:
        yield started


def worked(workers: list[Process], place: Somewhere, url: str, seconds: float) -> Counter[str]:
    """What came of these workers asking for so long."""
    said = together(workers, lambda _: [place.text, url, str(seconds)])
    return sum((Counter(json.loads(one)) for one in said), Counter())


@pytest.mark.slow
def test_eight_processes_never_exceed_the_limit_and_use_nine_tenths_of_it(place: Somewhere, workers: list[Process]):
    venue = Venue()
    periods = 1.2 if place.postgres or place.redis else 1.8
    with serving(venue) as url:
        outcomes = worked(workers[:WORKERS], place, url, periods * PERIOD)
    seconds = venue.at[-1] - venue.at[0]
    rate = len(venue.at) / seconds * PERIOD
    assert venue.statuses == {200: len(venue.at)}, outcomes
    assert venue.fullest <= LIMIT
    assert seconds > (periods - 0.1) * PERIOD
    assert rate >= 0.9 * LIMIT, f"{rate:.1f} requests in {PERIOD:g} s, the fullest window {venue.fullest}"


@pytest.mark.slow
def test_after_a_429_all_pause_and_none_is_banned(place: Somewhere, workers: list[Process]):
    venue = Venue(refuse_at=30)
    with serving(venue) as url:
        outcomes = worked(workers[:WORKERS], place, url, 6)
    (refused,) = venue.refused
    behind = [at - refused for at in venue.at if at > refused]
    early = [after for after in behind if 1 < after < 2.9]
    assert venue.statuses[418] == 0, outcomes
    assert early == [], "who was on the way when the refusal came may arrive; nobody sets out after it"
    assert sum(after > 3 for after in behind) > 20, "then all go on"
    assert venue.fullest <= LIMIT


@pytest.mark.slow
def test_after_a_418_every_process_refuses_also_one_that_had_not_asked(place: Somewhere, workers: list[Process]):
    venue = Venue(bans=True)
    with serving(venue) as url:
        first = worked(workers[:WORKERS], place, url, 3)
        sent = len(venue.at)
        later = worked(workers[WORKERS:], place, url, 3)
    assert first == {"Banned": first["Banned"]}
    assert 1 <= sent <= WORKERS * AT_ONCE, "one answer to each request that was on the way"
    assert later == {"Banned": LATER * AT_ONCE}
    assert len(venue.at) == sent
