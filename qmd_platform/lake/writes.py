"""What a writer asks for, checked, and what is known of its partition afterwards. Pure.

What lives here: ``Write``, the refusals of rows that cannot be of the partition, coverage after a write. What
does not: whether a row is plausible (``quality``), merging (``lake.rows``), committing (``lake.store``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import pyarrow as pa

from qmd_platform.errors import LakeError
from qmd_platform.lake.rows import conformed
from qmd_platform.ledger.records import Rejected
from qmd_platform.model import tables
from qmd_platform.model.candles import open_times
from qmd_platform.model.evidence import Answered, Attempt, attempted
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import Run, State, accounted, in_state, intersected, merged, overlaid, subtracted
from qmd_platform.model.window import Instant, Window

ABSENT = (State.MISSING, State.VERIFIED_EMPTY, State.QUARANTINED)
"""The states of a candle that is not there and may yet come."""

NOT_RECEIVED = "asked for, not received"
"""Why a candle is MISSING that was asked for, is not there, and is not explained."""


@dataclass(frozen=True, slots=True)
class Write:
    """What one partition gains.

    Args:
        partition: where.
        rows: columns of the partition's table. Among rows of equal key the last wins.
        asked: the windows this write speaks about: afterwards every candle in them has a state. Candles only.
        explained: why candles in ``asked`` have no row.
        replace: the rows replace the whole partition instead of merging by key.
        seen: the version of the partition (0 for none) the rows were computed from; refused if it has moved on.
        rejected: rows that were not let in. A candle without a row and without an explanation becomes QUARANTINED.
        source_rank: how much the source counts: of two rows for one candle the higher one stays.
        fetched_at: when the rows were fetched (epoch ms): among equal ranks the later ones stay, whichever comes
            first. None for now; then rows that are there already change nothing, but for a higher rank.
        evidence: the answers it rests on. What they were asked for and is not there afterwards was asked for in vain.
    """

    partition: Partition
    rows: pa.Table
    asked: tuple[Window, ...] = ()
    explained: tuple[Run, ...] = ()
    replace: bool = False
    rejected: tuple[Rejected, ...] = ()
    seen: int | None = None
    source_rank: int = 0
    fetched_at: Instant | None = None
    evidence: tuple[Answered, ...] = ()


def checked(write: Write) -> Write:
    """``write`` with sorted, unique rows, and windows on the grid and inside the partition.

    Raises:
        LakeError: rows of another shape, outside the partition, or off the timeframe's grid.
    """
    spec = tables.table(write.partition.series.table)
    rows = conformed(spec, write.rows)
    evidence = tuple(sorted(set(write.evidence)))
    if spec is not tables.CANDLES:
        return replace(write, rows=rows, asked=(), explained=(), evidence=evidence)
    window, step = write.partition.window, write.partition.series.timeframe.step
    open_at = open_times(rows)
    if len(rows) and not (window.contains(int(open_at[0])) and window.contains(int(open_at[-1]))):
        raise LakeError(f"rows for {write.partition} are outside its month")
    if np.any(open_at % step):
        raise LakeError(f"rows for {write.partition} are off the grid of its timeframe")
    asked = tuple(part for one in write.asked if (part := _inside(one, window, step)) is not None)
    explained = tuple(
        replace(run, window=part) for run in write.explained if (part := _inside(run.window, window, step)) is not None
    )
    evidence = tuple(one for one in evidence if one.window.intersection(window))
    return replace(write, rows=rows, asked=asked, explained=explained, evidence=evidence)


def runs_after(
    write: Write, before: Iterable[Run], written: Sequence[Window], present: Iterable[Window]
) -> tuple[Run, ...]:
    """What is known of a partition of candles after a write: rows speak first, then the write.

    Args:
        write: what was asked for.
        before: what was known.
        written: the windows that were laid out anew; outside them the rows are as they were.
        present: the candles that are in ``written`` now.
    """
    if tables.table(write.partition.series.table) is not tables.CANDLES:
        return ()
    held = list(before)
    step = write.partition.series.timeframe.step
    refused = [
        Run(Window(one.open_at, one.open_at + step), State.QUARANTINED, one.reason)
        for one in sorted(write.rejected)  # of several for one candle the same one speaks, whatever came first
        if not one.open_at % step
    ]
    explained = overlaid(_one_each(refused), overlaid((), write.explained))
    there = [*present, *subtracted(in_state(held, State.PRESENT), written)]
    said = accounted(write.asked, there, explained, NOT_RECEIVED)
    # Old PRESENT runs do not count where rows were written: those that went are not present any more.
    return tuple(overlaid([run for run in held if run.state is not State.PRESENT], said))


def attempts_after(
    write: Write, before: Sequence[Attempt], runs_before: Sequence[Run], runs: Sequence[Run]
) -> tuple[Attempt, ...]:
    """What was asked for in vain, after a write that left ``runs``; candles only.

    A candle that several answers of one write speak about was asked for once, at the time of the last. One of which
    something else is known now (missing until now, empty from now on) is counted anew: what is known is as old as that.
    """
    if tables.table(write.partition.series.table) is not tables.CANDLES:
        return ()
    absent = in_state(runs, *ABSENT)
    if not absent:
        return ()
    step = write.partition.series.timeframe.step
    other = [
        window
        for state in ABSENT
        for window in intersected(
            in_state(runs, state), in_state(runs_before, *(one for one in ABSENT if one != state))
        )
    ]
    before = [replace(one, window=part) for one in before for part in subtracted([one.window], other)]
    after: list[Attempt] = []
    taken: list[Window] = []
    for at, answers in groupby(sorted(write.evidence, key=_at, reverse=True), key=_at):
        inside = [part for one in answers if (part := _inside(one.window, write.partition.window, step))]
        for asked in subtracted(inside, taken):
            known = [replace(one, window=part) for one in before if (part := one.window.intersection(asked))]
            after += attempted(known, [asked], at, intersected(absent, [asked]))
        taken += inside
    elsewhere = [replace(one, window=part) for one in before for part in subtracted([one.window], taken)]
    return attempted([*after, *elsewhere], (), 0, absent)


def _at(answer: Answered) -> Instant:
    return answer.at


def _one_each(runs: Iterable[Run]) -> list[Run]:
    """One run an instant: two rejected rows may be of the same candle."""
    return merged({run.window: run for run in runs}.values())


def _inside(window: Window, month: Window, step: int) -> Window | None:
    on_grid = window.snapped(step)
    return on_grid.intersection(month) if on_grid else None
