"""What must hold of a lake whatever happened to it, counted.

What lives here: looking at a lake and counting what is torn, lost, doubled, damaged. What does not: what was done to
it (``jobs``), the figures' page (``report``). Every count but ``generation`` must be 0.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import TypedDict

import numpy as np

from qmd_platform.lake.store import Lake
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run, State, in_state, windows_of
from tests.conformance import making


class Sight(TypedDict):
    """What was found. ``generation``: the latest number whose batch is whole."""

    generation: int
    torn: int
    lost: int
    doubled: int
    coverage: int


def generations(lake: Lake, acked: int, *, as_of: int | str | None = None, with_causes: bool = True) -> Sight:
    """A lake that only ``making.generation`` wrote to, after the ``acked``-th was acknowledged. Safe beside writers.

    All of it is of one snapshot. ``with_causes`` only where one writes after another: of two that write the same rows
    at once, the rows of the one that fetched last win, and the causes of the one that committed last.
    """
    seen: set[int] = set()
    doubled = coverage = 0
    for series, parts in groupby(making.GENERATION, key=lambda partition: partition.series):
        held = lake.held(series, None, as_of=as_of)
        as_of = held.commit
        wanted = sum(making.steps_of(part, *making.GENERATION[part]).steps(series.timeframe.step) for part in parts)
        seen |= stamps(held.candles, held.runs if with_causes else ())
        doubled += len(held.candles) not in (0, wanted)
        coverage += disagrees(series, held.candles, held.runs)
    return Sight(generation=max(seen), torn=len(seen) > 1, lost=min(seen) < acked, doubled=doubled, coverage=coverage)


def stamps(candles: Candles, runs: Iterable[Run]) -> set[int]:
    """Every generation that prices, volumes and causes speak of; 0 where there is nothing."""
    said = {int(one) for column in (candles.open, candles.close, candles.volume) for one in np.unique(column)}
    said |= {int(run.cause.split()[-1]) for run in runs if run.cause.startswith("generation")}
    return said or {0}


def tails(lake: Lake, acked: int, *, as_of: int | str | None = None) -> Sight:
    """A lake that only ``making.tail`` wrote to, after the ``acked``-th was acknowledged."""
    counts: set[int] = set()
    torn = doubled = coverage = 0
    for series in making.TAILS:
        held = lake.held(series, None, as_of=as_of)
        rows, odd = divmod(len(held.candles), making.TAIL)
        counts.add(rows)
        whole = making.level(held.candles.open_at.tolist(), 0.0)
        whole.close[:] = np.repeat(np.arange(1, rows + 2), making.TAIL)[: len(whole)]
        torn += bool(odd) or not np.array_equal(whole.close, held.candles.close)
        doubled += bool(np.any(np.diff(held.candles.open_at) != series.timeframe.step))
        coverage += disagrees(series, held.candles, held.runs)
    torn += len(counts) > 1
    return Sight(generation=max(counts), torn=torn, lost=min(counts) < acked, doubled=doubled, coverage=coverage)


def disagrees(series: Series, candles: Candles, runs: Iterable[Run]) -> bool:
    """Whether coverage is anything but what a scan of the rows finds."""
    return in_state(runs, State.PRESENT) != windows_of(candles.open_at, series.timeframe.step)


def contents(lake: Lake) -> dict[str, tuple[int, str, int, list[list[object]]]]:
    """All there is to know of every partition: version, content hash, rows, coverage, what was asked."""
    return {
        str(state.partition): (state.version, state.data_version, state.rows, _told(lake, state.partition))
        for state in lake.states()
    }


def _told(lake: Lake, partition: Partition) -> list[list[object]]:
    if not partition.series.table.startswith("candles_"):
        return []
    runs = lake.coverage(partition.series, partition.window)
    asked = [[str(one)] for one in lake.attempts(partition.series, partition.window)]
    answers = [[commit, str(one)] for commit, one in lake.evidence(partition.series, partition.window)]
    return [[run.window.start, run.window.end, run.state.value, run.cause] for run in runs] + asked + answers


def damage(lake: Lake) -> list[str]:
    """All that verify calls damage."""
    return [f"{found.path}: {found.problem}" for found in lake.verify() if found.is_damage]
