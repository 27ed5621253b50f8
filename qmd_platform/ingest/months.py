"""One market's backfill, month by month: the unit of lease and of commit.

What lives here: what a month lacks, got under its lease, committed, told in a receipt. What does not: which markets and
windows (``ingest.markets``), getting it (``ingest.gathered``), what is written (``ingest.commits``), leases themselves
(``coordination``).

Who holds a month's lease is the only one to ask for it: whoever comes second finds it held when its turn comes.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from qmd_platform.coverage.causes import OUT_OF_TIME
from qmd_platform.coverage.plan import believed
from qmd_platform.coverage.summary import summarised
from qmd_platform.errors import OutOfTime, Throttled, VenueDown
from qmd_platform.ingest import commits
from qmd_platform.ingest.asked import MarketState
from qmd_platform.ingest.commits import Todo
from qmd_platform.ingest.gathered import Gathered, gathered
from qmd_platform.ingest.leasing import leased
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.ingest.shared import Progress, Shared
from qmd_platform.lake.store import Lake, Outcome
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import Run, State, in_state, intersected, subtracted, windows_of
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues.port import Traffic


@dataclass(slots=True)
class MarketWork:
    """The work for one market.

    Attributes:
        shared: see there.
        state: what its months learn from each other.
        edge: the newest gap, where it reaches up to the last closed candle.
        unlisted: the windows before the listing and after the delisting, with causes.
        total: candles to ask for, as it was found at first.
        delisted_at: since when it is not traded any more; None while it is.
        done: of these, so many were asked for.
    """

    shared: Shared
    state: MarketState
    edge: Window | None
    unlisted: Sequence[Run]
    total: int
    delisted_at: Instant | None = None
    done: int = field(default=0, init=False)

    async def month(self, partition: Partition, part: Window) -> Receipt:
        """Fetch what the month lacks, commit it, say what happened."""
        todo = self._todo(partition, part)
        if todo is None:
            self._tell(0)
            return held_receipt(self.shared.lake, partition)
        async with self.shared.rooms:
            until = min(
                asyncio.get_running_loop().time() + self.shared.asking.deadlines.partition_s, self.shared.ends_at
            )
            if self.shared.is_late:
                return self._late(partition, todo)
            async with leased(self.shared, partition, until) as is_granted:
                if not is_granted:
                    return self._late(partition, todo)
                todo = self._todo(partition, part)  # another worker may have done it meanwhile
                if todo is None:
                    return held_receipt(self.shared.lake, partition)
                return await self._done(partition, todo, until)

    def _todo(self, partition: Partition, part: Window) -> Todo | None:
        """What is to be done for the month; None when there is nothing."""
        lake, asking = self.shared.lake, self.shared.asking
        state = lake.state(partition)
        held = believed(lake.coverage(partition.series, part), self.delisted_at)
        attempts = lake.attempts(partition.series, part) if asking.is_by_time else []
        outside = [
            replace(run, window=both)
            for run in self.unlisted
            for both in subtracted(intersected([run.window], [part]), in_state(held, State.UNLISTED))
        ]
        step = partition.series.timeframe.step
        windows = asking.windows(part, held, step, edge=self.edge, attempts=attempts, now=asking.clock())
        windows = subtracted(windows, [run.window for run in self.unlisted])
        if not windows and not outside:
            return None
        return Todo(state.version if state else 0, tuple(held), windows, outside)

    async def _done(self, partition: Partition, todo: Todo, until: float) -> Receipt:
        began, fetched_at = time.monotonic(), self.shared.asking.clock()
        traffic = Traffic()
        got = await gathered(
            self.shared, self.state, todo.windows, todo.again, until=until, traffic=traffic, tell=self._tell
        )
        outcomes = commits.of_month(self.shared, partition, todo, got, fetched_at)
        receipt = self._receipt(partition, todo, got, outcomes)
        return replace(receipt, traffic=traffic, seconds=time.monotonic() - began)

    def _tell(self, candles: int) -> None:
        self.done += candles
        self.total = max(self.total, self.done)
        self.shared.on_progress(Progress(self.state.question.market, self.done, self.total))

    def _receipt(self, partition: Partition, todo: Todo, got: Gathered, outcomes: Sequence[Outcome]) -> Receipt:
        step = partition.series.timeframe.step
        there = [window for page in got.fetched for window in windows_of(page.candles.open_at, step)]
        empty = [run.window for page in got.fetched for run in page.explained if run.state is State.VERIFIED_EMPTY]
        return replace(
            held_receipt(self.shared.lake, partition),
            new=sum(outcome.new for outcome in outcomes),
            changed=sum(outcome.changed for outcome in outcomes),
            unchanged=sum(outcome.unchanged for outcome in outcomes),
            reread=_candles(intersected(todo.present, there), step),
            vanished=_candles(intersected(todo.present, empty), step),
            compared=got.compared,
            disagreements=len(got.disagreements),
            quarantined=sum(len(page.rejected) for page in got.pages),
            duplicates=sum(page.duplicates for page in got.pages),
            refused=sum(page.refused for page in got.pages),
            failures=tuple(
                f"{page.window}: {page.error}"
                for page in got.fetched
                if isinstance(page.error, (VenueDown, Throttled, OutOfTime))
            ),
        )

    def _late(self, partition: Partition, todo: Todo) -> Receipt:
        """The receipt of a month there was no time for."""
        failures = tuple(f"{window}: {OUT_OF_TIME}" for window in todo.windows)
        return replace(held_receipt(self.shared.lake, partition), failures=failures)


def _candles(windows: Sequence[Window], step: int) -> int:
    return sum(window.steps(step) for window in windows)


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
