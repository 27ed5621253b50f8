"""Sets of windows, and runs: windows that carry a state and a cause.

What lives here: the arithmetic that says which candles are there, which are not and why, as sorted lists of
half-open windows. Pure. What does not: which candles are expected and what to fetch next (``coverage``), where
runs are kept (``ledger``).

A *run* says one thing about every candle in its window. A list of runs is sorted, does not overlap, and
neighbours that say the same are merged.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.window import Instant, Window


class State(StrEnum):
    """What is known about an expected candle."""

    PRESENT = "present"
    MISSING = "missing"
    VERIFIED_EMPTY = "verified_empty"
    UNLISTED = "unlisted"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True, order=True)
class Run:
    """Every candle opening in ``window`` is in ``state``; ``cause`` says why, in words a person reads."""

    window: Window
    state: State
    cause: str = ""


def united(windows: Iterable[Window]) -> list[Window]:
    """The same instants as sorted, disjoint windows; touching ones are merged."""
    result: list[Window] = []
    for window in sorted(windows):
        if result and window.start <= result[-1].end:
            if window.end > result[-1].end:
                result[-1] = Window(result[-1].start, window.end)
        else:
            result.append(window)
    return result


def subtracted(windows: Iterable[Window], without: Iterable[Window]) -> list[Window]:
    """The instants of ``windows`` that are in none of ``without``."""
    holes = united(without)
    return [part for window in united(windows) for part in parts_outside(window, holes)]


def parts_outside(window: Window, holes: Sequence[Window]) -> Iterator[Window]:
    """The parts of ``window`` that are in none of ``holes`` (sorted, disjoint); as quick for many as for few."""
    at = window.start
    for hole in _touching(window, holes):
        if hole.start > at:
            yield Window(at, hole.start)
        at = hole.end
    if at < window.end:
        yield Window(at, window.end)


def parts_inside(window: Window, others: Sequence[Window]) -> list[Window]:
    """The parts of ``window`` that are in one of ``others`` (sorted, disjoint); as quick for many as for few."""
    return [both for other in _touching(window, others) if (both := window.intersection(other)) is not None]


def _touching(window: Window, others: Sequence[Window]) -> Sequence[Window]:
    first = bisect_right(others, window.start, key=_end)
    return others[first : bisect_left(others, window.end, lo=first, key=_start)]


def _start(window: Window) -> Instant:
    return window.start


def _end(window: Window) -> Instant:
    return window.end


def intersected(windows: Iterable[Window], with_: Iterable[Window]) -> list[Window]:
    """The instants in both."""
    others = united(with_)
    return [part for window in united(windows) for part in parts_inside(window, others)]


def windows_of(open_at: NDArray[np.int64], step: int) -> list[Window]:
    """The windows that sorted, unique, aligned open times fill without a hole."""
    if not len(open_at):
        return []
    breaks = np.flatnonzero(np.diff(open_at) != step)
    starts = open_at[np.r_[0, breaks + 1]]
    ends = open_at[np.r_[breaks, len(open_at) - 1]] + step
    return [Window(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]


def merged(runs: Iterable[Run]) -> list[Run]:
    """The same runs sorted, with touching neighbours of equal state and cause made one."""
    result: list[Run] = []
    for run in sorted(runs):
        last = result[-1] if result else None
        if last and last.window.end == run.window.start and (last.state, last.cause) == (run.state, run.cause):
            result[-1] = replace(last, window=Window(last.window.start, run.window.end))
        else:
            result.append(run)
    return result


def overlaid(below: Iterable[Run], above: Sequence[Run]) -> list[Run]:
    """``above`` wins wherever both speak; ``below`` shows through elsewhere."""
    taken = united(run.window for run in above)
    kept = [replace(run, window=part) for run in below for part in parts_outside(run.window, taken)]
    return merged([*kept, *above])


def clipped(runs: Iterable[Run], window: Window) -> list[Run]:
    """The parts of ``runs`` inside ``window``."""
    # Nearly all are inside, and a month of a venue that omits candles has thousands: those are taken as they are.
    return [
        run if part == run.window else replace(run, window=part)
        for run in runs
        if (part := run.window.intersection(window)) is not None
    ]


def in_state(runs: Iterable[Run], *states: State) -> list[Window]:
    """The windows of the runs that are in one of ``states``, united."""
    return united(run.window for run in runs if run.state in states)


def accounted(
    asked: Sequence[Window], present: Sequence[Window], explained: Sequence[Run], unexplained: str
) -> list[Run]:
    """Runs that speak about every instant of ``asked`` and ``present``, and about nothing else.

    Data speaks first (``present``), then the explanations in ``explained`` where they fall inside ``asked``;
    what is left of ``asked`` is MISSING with the cause ``unexplained``.
    """
    within = united(asked)
    inside = [replace(run, window=part) for run in explained for part in parts_inside(run.window, within)]
    runs = overlaid([Run(window, State.MISSING, unexplained) for window in within], merged(inside))
    return overlaid(runs, [Run(window, State.PRESENT) for window in united(present)])
