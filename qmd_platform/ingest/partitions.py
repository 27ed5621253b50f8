"""Partitions by name, filled: what an orchestrator asks for.

What lives here: many partitions of one table turned into the fewest backfills and rollups. What does not:
Dagster's keys and events (``assets``).
"""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from qmd_platform.errors import OutOfTime, VenueDown
from qmd_platform.ingest.asking import Asking
from qmd_platform.ingest.candles import backfill
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.ingest.rollup import roll_up
from qmd_platform.ingest.shared import OnProgress
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market, Partition
from qmd_platform.model.spans import united
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window

if TYPE_CHECKING:
    from qmd_platform.coordination.opening import Coordination


def fill(
    lake: Lake,
    partitions: Sequence[Partition],
    *,
    run_id: str,
    url: str | None = None,
    on_progress: OnProgress | None = None,
    asking: Asking | None = None,
    coordination: "Coordination | None" = None,
) -> list[Receipt]:
    """Fetch what the lake lacks of ``partitions`` (candles of one timeframe). Arguments as of ``backfill``.

    Returns:
        one receipt a partition; none for a month that has not begun by the venue's clock.

    Raises:
        VenueDown: every page failed; what ``backfill`` raises besides.
        OutOfTime: the run's deadline came, which is of all windows together.
    """
    receipts: list[Receipt] = []
    asking = asking or Asking()
    ends_at = time.monotonic() + asking.deadlines.run_s
    for window, markets in _windows(partitions).items():
        timeframe = partitions[0].series.timeframe
        receipts += backfill(
            lake,
            markets,
            timeframe,
            window,
            run_id=run_id,
            url=url,
            on_progress=on_progress,
            asking=_until(ends_at, asking, markets[0].venue),
            coordination=coordination,
        )
    failures = [failure for receipt in receipts for failure in receipt.failures]
    if failures and not any(receipt.new or receipt.changed or receipt.unchanged for receipt in receipts):
        raise VenueDown(partitions[0].series.venue, f"nothing could be fetched: {failures[0]}")
    return receipts


def _until(ends_at: float, asking: Asking, venue: str) -> Asking:
    """``asking`` with what is left of the run's time; OutOfTime when nothing is."""
    left = math.ceil((ends_at - time.monotonic()) * 10) / 10
    if left <= 0:
        raise OutOfTime(venue, f"the run's {asking.deadlines.run_s:g} s are over", hint="run it again")
    return replace(asking, deadlines=replace(asking.deadlines, run_s=min(left, asking.deadlines.run_s)))


def derive(lake: Lake, partitions: Sequence[Partition], *, base: Timeframe, run_id: str) -> list[Receipt]:
    """Roll ``partitions`` (candles of one timeframe) up from the ``base`` candles in the lake; a receipt each."""
    return [
        receipt
        for partition in partitions
        for receipt in roll_up(
            lake, partition.series.market, partition.series.timeframe, partition.window, run_id=run_id, base=base
        )
    ]


def _windows(partitions: Sequence[Partition]) -> dict[Window, list[Market]]:
    """Each unbroken span of months, with the markets that ask for it."""
    months: dict[Market, list[Window]] = {}
    for partition in partitions:
        months.setdefault(partition.series.market, []).append(partition.window)
    markets: dict[Window, list[Market]] = {}
    for market, windows in months.items():
        for window in united(windows):
            markets.setdefault(window, []).append(market)
    return markets
