"""One market's backfill, month by month: the unit of commit.

What lives here: a month's pages asked at the same time, its one commit, its receipt, and which failure stops
what. What does not: which markets and windows (``ingest.candles``), when one answer convinces (``ingest.pages``).

A permanent refusal stops its market, a ban stops the venue, anything transient costs only its page. Whatever had
arrived is committed in every case.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from qmd_platform.coverage.summary import summarised
from qmd_platform.errors import Banned, BeyondHistory, Refused, Throttled, UnknownMarket, VenueDown, VenueError
from qmd_platform.ingest.pages import Fetched, Question, convinced
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.store import Lake, Outcome, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Partition
from qmd_platform.model.spans import Run, State, subtracted
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues import paging
from qmd_platform.venues.port import Traffic

PAGES_IN_FLIGHT = 16
"""Pages of one venue asked at the same time; at 0.1 s a round trip that is 160 requests a second, more than any
venue allows, so the budget and not the distance is the limit."""

UNLISTED = "before the venue listed it"
TOO_OLD = "the venue serves no candles this old"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one market is: candles asked for so far, of those to ask for. Zero to ask means all is held."""

    market: Market
    done: int
    total: int


OnProgress = Callable[[Progress], None]


@dataclass(slots=True)
class Shared:
    """What all markets of one venue share: the way to the lake, the pages in flight, a ban."""

    lake: Lake
    run_id: str
    source: str
    on_progress: OnProgress
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PAGES_IN_FLIGHT))
    banned: Banned | None = None


@dataclass(slots=True)
class MarketWork:
    """The work for one market: ``todo`` is what the lake lacks of it."""

    shared: Shared
    question: Question
    todo: list[Window]
    too_old: Instant = 0
    stopped: VenueError | None = None
    done: int = 0

    async def month(self, partition: Partition, part: Window, unlisted: Sequence[Window]) -> Receipt:
        """Fetch what the month lacks, commit it, say what happened."""
        began, fetched_at = time.monotonic(), time.time_ns() // 1_000_000
        traffic = Traffic()
        step = self.question.timeframe.step
        windows = [both for window in self.todo if (both := window.intersection(part)) is not None]
        limit = self.question.venue.page_limit(self.question.market, self.question.timeframe)
        pages = list(reversed(paging.pages(windows, step, limit)))
        if not pages:
            self._tell(0)
        answers = await asyncio.gather(*(self._page(page, traffic) for page in pages))
        fetched = [part for answer in answers for part in answer]
        before = [both for window in unlisted if (both := window.intersection(part)) is not None]
        asked = subtracted(windows, [window for page in fetched for window in page.undecided])
        outcome = self._commit(partition, [*asked, *before], fetched, before, fetched_at)
        return self._receipt(partition, fetched, outcome, traffic, time.monotonic() - began)

    async def _page(self, window: Window, traffic: Traffic) -> list[Fetched]:
        async with self.shared.gate:
            stopped = self.stopped or self.shared.banned
            if stopped:
                return [_unfetched(window, str(stopped))]
            fetched = await self._asked(window, traffic)
        self._tell(window.steps(self.question.timeframe.step))
        return fetched

    async def _asked(self, window: Window, traffic: Traffic) -> list[Fetched]:
        """The page, or why it brought nothing, in one part or more that together are ``window``."""
        if window.end <= self.too_old:
            return [_unfetched(window, TOO_OLD)]
        try:
            fetched = await convinced(self.question, window, traffic)
        except BeyondHistory:
            return await self._served(window, traffic)
        except VenueError as error:
            fetched = _unfetched(window, str(error))
            fetched.error = error
        if isinstance(fetched.error, Banned):
            self.shared.banned = fetched.error
        elif isinstance(fetched.error, (Refused, UnknownMarket)) and not isinstance(fetched.error, BeyondHistory):
            self.stopped = fetched.error
        return [fetched]

    async def _served(self, window: Window, traffic: Traffic) -> list[Fetched]:
        """The part of ``window`` that is young enough for the venue, found by halving; it refuses the whole."""
        step = self.question.timeframe.step
        candles = window.steps(step)
        if candles == 1:
            self.too_old = max(self.too_old, window.end)
            return [_unfetched(window, TOO_OLD)]
        middle = window.start + candles // 2 * step
        newer = await self._asked(Window(middle, window.end), traffic)
        return [*await self._asked(Window(window.start, middle), traffic), *newer]

    def _tell(self, candles: int) -> None:
        self.done += candles
        total = sum(window.steps(self.question.timeframe.step) for window in self.todo)
        self.shared.on_progress(Progress(self.question.market, self.done, total))

    def _commit(
        self,
        partition: Partition,
        asked: Sequence[Window],
        fetched: Sequence[Fetched],
        unlisted: Sequence[Window],
        fetched_at: Instant,
    ) -> Outcome | None:
        """Commit the month; None when nothing was asked. ``fetched_at`` is before the first request.

        So of two workers that fetched the same candle, the one that asked later has the say, whoever commits first.
        """
        if not asked:
            return None
        parts = sorted(fetched, key=lambda page: page.window)
        write = Write(
            partition,
            Candles.concat([page.candles for page in parts]).to_arrow(),
            asked=tuple(asked),
            explained=(
                *(Run(window, State.UNLISTED, UNLISTED) for window in unlisted),
                *(run for page in parts for run in page.explained),
            ),
            rejected=tuple(row for page in parts for row in page.rejected),
            fetched_at=fetched_at,
        )
        _, (outcome,) = self.shared.lake.commit([write], run_id=self.shared.run_id, source=self.shared.source)
        return outcome

    def _receipt(
        self,
        partition: Partition,
        fetched: Sequence[Fetched],
        outcome: Outcome | None,
        traffic: Traffic,
        seconds: float,
    ) -> Receipt:
        receipt = replace(held_receipt(self.shared.lake, partition), traffic=traffic, seconds=seconds)
        if outcome is None:
            return receipt
        return replace(
            receipt,
            new=outcome.new,
            changed=outcome.changed,
            unchanged=outcome.unchanged,
            quarantined=sum(len(page.rejected) for page in fetched),
            duplicates=sum(page.duplicates for page in fetched),
            refused=sum(page.refused for page in fetched),
            failures=tuple(
                f"{page.window}: {page.error}" for page in fetched if isinstance(page.error, (VenueDown, Throttled))
            ),
        )


def _unfetched(window: Window, why: str) -> Fetched:
    """A page that brought nothing: its candles are MISSING for the reason ``why``."""
    return Fetched(window, explained=[Run(window, State.MISSING, why)])


def held_receipt(lake: Lake, partition: Partition) -> Receipt:
    """The receipt of a month that needs nothing."""
    runs = tuple(lake.coverage(partition.series, partition.window))
    state = lake.state(partition)
    return Receipt(
        partition,
        summarised(runs, partition.series.timeframe.step),
        runs,
        new=0,
        changed=0,
        unchanged=0,
        rows=state.rows if state else 0,
        stored_bytes=state.bytes if state else 0,
        version=state.version if state else 0,
        data_version=state.data_version if state else "",
    )
