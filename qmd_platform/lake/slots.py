"""How a month of candles is cut into files: slots, and what of them a write has to lay out anew. Pure.

What lives here: ``slots_of`` and ``pieces``. What does not: the files (``lake.segments``), merging (``lake.changes``).

A slot is the time of 1,440 candles: a day of 1m, five days of 5m, a whole month from 1h on. A file speaks for one slot
or for several in a row, and no two live files for the same. So a tail that appends to the open month writes one small
file anew, and not the month.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmd_platform.ledger.records import Segment
from qmd_platform.model import tables
from qmd_platform.model.series import Partition
from qmd_platform.model.window import Window

ROWS = 1440
"""Candles a slot: a day of 1m. Smaller files cost a reader more to open than a writer saves."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Piece:
    """A window to be one file, and the files that are in its place now. None for a table without time: all of it."""

    window: Window | None
    replaces: tuple[Segment, ...] = ()


def length_of(partition: Partition) -> int:
    """Milliseconds in a slot of a partition of candles; the whole month where that is shorter."""
    return min(ROWS * partition.series.timeframe.step, partition.window.end - partition.window.start)


def slots_of(partition: Partition, open_at: Ints) -> Ints:
    """The number of the slot of each open time, from 0 at the month's start."""
    return (open_at - partition.window.start) // length_of(partition)


def pieces(partition: Partition, live: Sequence[Segment], open_at: Ints) -> list[Piece]:
    """What to write anew so that rows at the sorted ``open_at`` get their place, in order of time.

    A row goes into the file that speaks for its time. Between those files, the slots that are touched become new
    ones: one file from the first to the last, but the very last slot apart, as a tail will write it again. Where that
    is the month's end, nothing is coming any more, and it is one file.
    """
    if tables.table(partition.series.table) is not tables.CANDLES:
        return [Piece(None, tuple(live))]
    held = sorted((_window(partition, segment), segment) for segment in live)
    found: list[Piece] = []
    for window, segment in held:
        lo, hi = np.searchsorted(open_at, [window.start, window.end])
        if hi > lo:
            found.append(Piece(window, (segment,)))
    for free in _free(partition, [window for window, _ in held]):
        lo, hi = np.searchsorted(open_at, [free.start, free.end])
        if hi > lo:
            found += [Piece(window) for window in _cut(partition, int(open_at[lo]), int(open_at[hi - 1]))]
    return sorted(found, key=lambda piece: piece.window or partition.window)


def whole(partition: Partition, live: Sequence[Segment]) -> Piece:
    """All of the partition as one file."""
    is_candles = tables.table(partition.series.table) is tables.CANDLES
    return Piece(partition.window if is_candles else None, tuple(live))


def _window(partition: Partition, segment: Segment) -> Window:
    return segment.window or partition.window


def _free(partition: Partition, held: Sequence[Window]) -> list[Window]:
    """The windows of the month that no file speaks for."""
    ends = [partition.window.start, *(window.end for window in held)]
    starts = [*(window.start for window in held), partition.window.end]
    return [Window(start, end) for start, end in zip(ends, starts, strict=True) if start < end]


def _cut(partition: Partition, first: int, last: int) -> list[Window]:
    """The slots from that of ``first`` to that of ``last``, as one window or two."""
    month, length = partition.window, length_of(partition)
    start = month.start + (first - month.start) // length * length
    apart = month.start + (last - month.start) // length * length
    end = min(apart + length, month.end)
    if end == month.end or apart == start:
        return [Window(start, end)]
    return [Window(start, apart), Window(apart, end)]
