"""History read again, to notice what a venue has changed.

What lives here: one night's or week's reading of one venue: asked, compared, told. What does not: which windows
(``coverage.sampling``), when (``sensors``), the last few candles, which every tail reads again (``ingest.asking``).

A candle that comes back otherwise is a new version and a revision; one that the venue now leaves out stays, and is counted.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from qmd_platform.config import VenueUniverse
from qmd_platform.coverage import sampling
from qmd_platform.errors import Banned, VenueError
from qmd_platform.ingest.asking import Asking, Deadlines
from qmd_platform.ingest.candles import backfill
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.store import Lake
from qmd_platform.ledger.records import Revision
from qmd_platform.model.series import Series
from qmd_platform.model.spans import State, in_state
from qmd_platform.model.window import Instant, Window, months
from qmd_platform.venues import facts


@dataclass(slots=True)
class Reread:
    """What came of it.

    Attributes:
        windows: how many were to be read, of which so many ``failures`` were not, each in words.
        compared: candles that were held and came again; ``restated`` of them otherwise.
        vanished: candles that are held and that the venue left out now. They stay.
        requests: what it took.
        revisions: every row that is another one now, those made of restated ones included.
    """

    windows: int = 0
    compared: int = 0
    restated: int = 0
    vanished: int = 0
    requests: int = 0
    failures: list[str] = field(default_factory=list)
    revisions: list[Revision] = field(default_factory=list)

    @property
    def equal(self) -> int:
        """Candles that came again as they were."""
        return self.compared - self.restated

    def add(self, receipts: Iterable[Receipt]) -> None:
        """Count what was read."""
        for receipt in receipts:
            self.compared += receipt.reread
            self.restated += receipt.changed
            self.vanished += receipt.vanished
            self.requests += receipt.traffic.requests
            self.failures += [f"{receipt.partition}: {why}" for why in receipt.failures]


def reread(
    lake: Lake,
    venue: VenueUniverse,
    *,
    at: Instant,
    pages: int,
    run_id: str,
    url: str | None = None,
    whole_months: bool = False,
    deadlines: Deadlines | None = None,
) -> Reread:
    """Read a sample of what is held of ``venue`` again, and keep what it says now.

    Args:
        lake: what is held.
        venue: whose; the timeframes that are fetched from it.
        at: the night (or week) whose sample it is; the same time, the same sample.
        pages: how many pages of history a night takes.
        run_id: who did it.
        url: a server that answers for the venue.
        whole_months: read one month of every series instead, in turn.
        deadlines: how long it may take; windows that have not begun by the run's are left.

    Returns:
        what was found; what failed is in it.

    Raises:
        Banned: the venue refuses this address.
        VenueError: nothing at all could be read.
        WrongWorld: the lake holds the other world's data.
    """
    deadlines = deadlines or Deadlines()
    before = lake.ledger.last_commit()
    until = time.monotonic() + deadlines.run_s
    result = Reread()
    unread: list[VenueError] = []
    for series, window in _chosen(lake, venue, at, pages, whole_months=whole_months):
        result.windows += 1
        if time.monotonic() > until:
            result.failures.append(f"{series} {window}: the run's deadline of {deadlines.run_s:g} s came first")
            continue
        asking = Asking(again=(window,), archive=False, deadlines=deadlines)
        try:
            result.add(backfill(lake, [series.market], series.timeframe, window, run_id=run_id, url=url, asking=asking))
        except Banned:
            raise
        except VenueError as error:
            unread.append(error)
            result.failures.append(f"{series} {window}: {error}")
    if unread and len(unread) == result.windows:
        raise unread[-1]
    result.revisions = [one for one in lake.ledger.revisions(since=before) if one.partition.series.venue == venue.venue]
    return result


def _chosen(
    lake: Lake, venue: VenueUniverse, at: Instant, pages: int, *, whole_months: bool
) -> Iterator[tuple[Series, Window]]:
    every = [Series.candles(market, step) for step in (venue.base, *venue.native) for market in venue.markets]
    views = lake.ledger.views(every) if every else {}
    present = {series: in_state(view.runs, State.PRESENT) for series, view in views.items()}
    if whole_months:
        held = {series: _months(windows) for series, windows in present.items()}
        yield from sampling.weekly(held, at).items()
        return
    sampled = [
        sampling.Held(series, windows, facts.of(series.venue, series.market.kind).page_limit)
        for series, windows in present.items()
    ]
    for series, windows in sampling.nightly(sampled, at, pages).items():
        for window in windows:
            yield series, window


def _months(windows: Iterable[Window]) -> list[str]:
    return sorted({month for window in windows for month, _ in months(window)})
