"""Paging without I/O: cutting windows into pages, and judging what came back.

What lives here: pure functions. What does not: asking (``venues.ccxt_client``), deciding what an unproven hole
means (``ingest.pages``), whether a candle's values are plausible (``quality``).

The rules, each of which some well-known collector breaks:

1. A page is a window with both ends, so pages are independent: they can be asked in any order, again, at once.
2. An empty or short page is not the end of the data. It leaves *holes*, and holes need proof.
3. What lies outside the asked window, or is not closed by the venue's clock, is counted and not taken.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.spans import subtracted, windows_of
from qmd_platform.model.window import Instant, Window

CONTRADICTS = "contradicts another row of the same open time"


def pages(windows: Iterable[Window], step: int, limit: int) -> list[Window]:
    """Each window cut into pages of at most ``limit`` candles of ``step`` ms, oldest first.

    Windows must be on the grid of ``step``. Pages never overlap, so no border candle is asked twice.
    """
    size = limit * step
    return [
        Window(start, min(start + size, window.end))
        for window in windows
        for start in range(window.start, window.end, size)
    ]


@dataclass(frozen=True, slots=True)
class Judgement:
    """One answer, sorted out. Every row that came in is in exactly one of the first five.

    ``holes`` are the asked instants without a row.
    """

    candles: Candles
    duplicates: int
    outside: int
    forming: int
    rejected: tuple[tuple[int, str], ...]
    holes: tuple[Window, ...]


def judged(answer: Candles, window: Window, step: int, closed_before: Instant) -> Judgement:
    """Sort out ``answer`` to the question ``window``.

    Args:
        answer: rows as the venue sent them, sorted by open time, repeats and all.
        window: what was asked, on the grid of ``step``.
        step: length of a candle in ms.
        closed_before: exclusive end of what is closed by the venue's clock (``coverage.expected``).

    Returns:
        rows to take (sorted, unique, aligned, inside, closed) and an account of the others. ``rejected`` holds
        (position in ``answer``, reason) of misaligned rows and of repeats whose values contradict.
    """
    at = answer.open_at
    inside = (at >= window.start) & (at < window.end)
    closed = at < closed_before
    aligned = at % step == 0
    rejected = [(int(row), "misaligned") for row in np.flatnonzero(inside & closed & ~aligned)]
    good = np.flatnonzero(inside & closed & aligned)
    repeats, contradictions = _repeats(answer, good)
    rejected += [(row, CONTRADICTS) for row in contradictions]
    rows = np.setdiff1d(good, [*repeats, *contradictions], assume_unique=True)
    kept = answer.take(rows)
    asked_end = min(window.end, closed_before)
    holes = subtracted(
        [Window(window.start, asked_end)] if asked_end > window.start else [], windows_of(kept.open_at, step)
    )
    return Judgement(
        kept,
        duplicates=len(repeats),
        outside=int((~inside).sum()),
        forming=int((inside & ~closed).sum()),
        rejected=tuple(sorted(rejected)),
        holes=tuple(holes),
    )


def served_from(answer: Candles, step: int, newest: int | None) -> Instant | None:
    """Since when a venue serves candles that always answers with its ``newest`` ones, the last of them still forming.

    None when nothing can be said: no such venue, or no row. A row of the answer is served whatever the count says.
    """
    if newest is None or not len(answer):
        return None
    return min(int(answer.open_at[0]), int(answer.open_at[-1]) - (newest - 1) * step)


def too_old_before(now: Instant, step: int, newest: int | None) -> Instant:
    """Before which time such a venue (``served_from``) serves nothing at ``now`` or later; 0 for other venues.

    One candle more than it promises is allowed for: Kraken has served 721.
    """
    return 0 if newest is None else max((now // step - newest) * step, 0)


def _repeats(answer: Candles, rows: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> tuple[list[int], list[int]]:
    """Positions of rows that repeat an earlier row's open time: the equal ones, and all of those that disagree.

    One row that disagrees makes every row of its open time doubtful, however many of the others agree.
    """
    at = answer.open_at[rows]
    is_first = np.r_[True, np.diff(at) != 0] if len(at) else np.empty(0, bool)
    if is_first.all():
        return [], []
    group = np.cumsum(is_first) - 1
    first = rows[is_first][group]
    differs = np.zeros(len(rows), bool)
    for name in COLUMNS:
        column = getattr(answer, name)
        differs |= column[rows] != column[first]
    doubtful = np.bincount(group, weights=differs)[group] > 0
    return rows[~doubtful & ~is_first].tolist(), rows[doubtful].tolist()
