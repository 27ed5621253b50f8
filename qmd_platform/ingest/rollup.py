"""Longer candles made from the shorter ones in the lake, usually 1m.

What lives here: which longer candles may be made and why the others may not. What does not: the arithmetic of
one roll-up (``model.candles.rolled_up``).

A longer candle is made only when every shorter candle under it is settled: present, verified empty or unlisted. A
bucket with a hole stays MISSING rather than being a candle that is quietly wrong.
"""

import time
from contextlib import suppress

from qmd_platform.coverage.causes import UNLISTED
from qmd_platform.coverage.plan import SETTLED
from qmd_platform.coverage.summary import summarised
from qmd_platform.errors import Conflict, Outdated
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import rolled_up
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import Run, State, in_state, subtracted, united
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, months

TRIES = 5

ROLLUP = "rollup:"
"""What the source of such a commit begins with; the table the candles are made of follows."""

NOT_WHOLE = "the shorter candles it is made of are not all there"


def roll_up(
    lake: Lake,
    market: Market,
    timeframe: Timeframe,
    window: Window,
    *,
    run_id: str,
    base: Timeframe = Timeframe.M1,
) -> list[Receipt]:
    """Make the ``timeframe`` candles of every month ``window`` touches from those of ``base``.

    Running it again with the same shorter candles changes nothing.

    Returns:
        one receipt a month, oldest first.
    """
    source = Series.candles(market, base)
    return [
        _settled(lake, source, Partition(Series.candles(market, timeframe), month), run_id=run_id)
        for month, _ in months(window)
    ]


def _settled(lake: Lake, base: Series, partition: Partition, *, run_id: str) -> Receipt:
    """The month, computed again whenever another rollup of it, perhaps of newer candles, committed meanwhile."""
    for _ in range(TRIES):
        with suppress(Outdated):
            return _month(lake, base, partition, run_id=run_id)
    raise Conflict(f"{TRIES} times in a row {partition} was rolled up by somebody else first", hint="run it again")


def _month(lake: Lake, base: Series, partition: Partition, *, run_id: str) -> Receipt:
    began = time.monotonic()
    step = partition.series.timeframe.step
    state = lake.state(partition)  # before the shorter candles are read, or a newer rollup could be overwritten
    below = lake.held(base, partition.window)
    runs = list(below.runs)
    whole = _buckets(in_state(runs, *SETTLED), step)
    asked = _buckets(united(run.window for run in runs), step)
    longer, _ = rolled_up(below.candles, step, base.timeframe.step)
    kept = [longer.within(bucket) for bucket in whole]
    explained = [
        *_unlisted(runs, step),
        *(Run(window, State.MISSING, NOT_WHOLE) for window in subtracted(asked, whole)),
        *(Run(window, State.VERIFIED_EMPTY, "no trades in any of its shorter candles") for window in whole),
    ]
    write = Write(
        partition,
        type(longer).concat(kept).to_arrow(),
        asked=tuple(asked),
        explained=_first_wins(explained),
        replace=True,
        seen=state.version if state else 0,
    )
    _, (outcome,) = lake.commit([write], run_id=run_id, source=ROLLUP + base.table)
    return Receipt.of_commit(outcome, summarised(outcome.runs, step), time.monotonic() - began)


def _unlisted(runs: list[Run], step: int) -> list[Run]:
    """The longer candles of which all shorter ones are unlisted, for the same cause: a delisting may be taken back."""
    unlisted = [run for run in runs if run.state is State.UNLISTED]
    same = [Run(window, run.state, run.cause) for run in unlisted for window in _buckets([run.window], step)]
    mixed = [Run(window, State.UNLISTED, UNLISTED) for window in _buckets(in_state(runs, State.UNLISTED), step)]
    return [*same, *mixed]


def _buckets(windows: list[Window], step: int) -> list[Window]:
    """The whole buckets of ``step`` ms inside each window."""
    inner = [(-(-window.start // step) * step, window.end // step * step) for window in windows]
    return [Window(start, end) for start, end in inner if end > start]


def _first_wins(runs: list[Run]) -> tuple[Run, ...]:
    """The runs without overlap: what an earlier one says, a later one does not."""
    said: list[Run] = []
    for run in runs:
        said += [Run(part, run.state, run.cause) for part in subtracted([run.window], [other.window for other in said])]
    return tuple(sorted(said))
