"""What is made of candles that change: taken out in the commit that changes them, and made again right after it.

What lives here: which longer candles a write to shorter ones makes wrong, and the writes that take them out. What does
not: making them (``ingest.rollup``), the commit (``ingest.commits``).

A venue restates a minute of last month, or fills a hole that was known to be empty: the hours and days made of it are
wrong from that commit on, and nobody would look at them again. So they go in the same commit. Should the process be
killed before it has made them anew, they are MISSING, which the gap sensor sees; never quietly wrong.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qmd_platform.ingest.rollup import ROLLUP, roll_up
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run, State, in_state, intersected, united, windows_of
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window

OVERTAKEN = "the candles it was made of have changed since"

VERSIONS = 20
"""Versions of a series looked at for one that brought rows: sealing and repairing lie between."""

_BRINGING = (ROLLUP, "live:", "sandbox:")
"""What the source of a commit begins with that brings rows."""


def overtaken(lake: Lake, partition: Partition, rows: Candles) -> list[Write]:
    """The writes that take out all candles that are made of what ``rows`` change. Nothing is committed.

    Args:
        lake: as it is before the change.
        partition: the shorter candles'.
        rows: what is about to be written to it, sorted or not.
    """
    if not len(rows):
        return []
    heads = lake.ledger.heads(_longer(partition))  # before any candle is read, so that a roll-up meanwhile is noticed
    there = {one: head for one, head in heads.items() if head.state is not None}
    changed = windows_of(_changed(lake, partition, rows), partition.series.timeframe.step) if there else []
    found = []
    for one, head in there.items():
        step = one.series.timeframe.step
        around = united(Window(part.start // step * step, -(-part.end // step) * step) for part in changed)
        wrong = intersected(around, in_state(head.runs, State.PRESENT, State.VERIFIED_EMPTY))
        if wrong and _is_made(lake, one.series, partition.series):
            found.append(_taken_out(lake, one, wrong, head.version))
    return found


def _longer(partition: Partition) -> list[Partition]:
    """The same month of every timeframe that could be made of this one's."""
    series = partition.series
    return [
        Partition(Series.candles(series.market, step), partition.month)
        for step in Timeframe
        if step > series.timeframe and step.step % series.timeframe.step == 0
    ]


def _is_made(lake: Lake, series: Series, base: Series) -> bool:
    """Whether ``series`` is rolled up from ``base``, and not fetched."""
    return brought_by(lake, series) == ROLLUP + base.table


def brought_by(lake: Lake, series: Series) -> str:
    """The source of the last commit that brought rows of ``series``: a rollup's, or a venue's; empty if there was none."""
    sources = (version.source for version in lake.ledger.versions(series, limit=VERSIONS))
    return next((one for one in sources if one.startswith(_BRINGING)), "")


def follow(lake: Lake, partition: Partition, writes: Sequence[Write], *, run_id: str) -> None:
    """Make again what ``writes`` of ``overtaken`` took out, now that the change to ``partition`` is committed."""
    for write in writes:
        made = write.partition
        roll_up(
            lake,
            made.series.market,
            made.series.timeframe,
            made.window,
            run_id=run_id,
            base=partition.series.timeframe,
        )


def _changed(lake: Lake, partition: Partition, rows: Candles) -> NDArray[np.int64]:
    """The open times at which ``rows`` are not what is held, sorted."""
    rows = rows.take(np.argsort(rows.open_at, kind="stable"))
    hull = Window(int(rows.open_at[0]), int(rows.open_at[-1]) + 1)
    held = lake.candles(partition.series, hull)
    places = np.searchsorted(held.open_at, rows.open_at).clip(max=max(len(held) - 1, 0))
    same = np.full(len(rows), bool(len(held)))
    for name in COLUMNS if len(held) else ():
        # As bits: NaN is no number that equals itself.
        there, new = getattr(held, name)[places].view(np.int64), getattr(rows, name).view(np.int64)
        same &= there == new
    return np.unique(rows.open_at[~same])


def _taken_out(lake: Lake, made: Partition, wrong: Sequence[Window], seen: int) -> Write:
    held = lake.candles(made.series, made.window)
    stays = np.ones(len(held), np.bool_)
    for window in wrong:
        lo, hi = np.searchsorted(held.open_at, [window.start, window.end])
        stays[lo:hi] = False
    return Write(
        made,
        held.take(stays).to_arrow(),
        asked=tuple(wrong),
        explained=tuple(Run(window, State.MISSING, OVERTAKEN) for window in wrong),
        replace=True,
        seen=seen,
    )
