"""Sets of windows, and runs: windows that carry a state and a cause.

What lives here: the arithmetic that says which candles are there, which are not and why, as sorted lists of
half-open windows. Pure. What does not: which candles are expected and what to fetch next (``coverage``), where
runs are kept (``ledger``).

A *run* says one thing about every candle in its window. A list of runs is sorted, does not overlap, and
neighbours that say the same are merged.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.window import Window


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
    result: list[Window] = []
    holes = united(without)
    for window in united(windows):
        at = window.start
        for hole in holes:
            if hole.end <= at or hole.start >= window.end:
                continue
            if hole.start > at:
                result.append(Window(at, hole.start))
            at = hole.end
        if at < window.end:
            result.append(Window(at, window.end))
    return result


def intersected(windows: Iterable[Window], with_: Iterable[Window]) -> list[Window]:
    """The instants in both."""
    others = united(with_)
    return [both for window in united(windows) for other in others if (both := window.intersection(other)) is not None]


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
    taken = [run.window for run in above]
    kept = [replace(run, window=part) for run in below for part in subtracted([run.window], taken)]
    return merged([*kept, *above])


def clipped(runs: Iterable[Run], window: Window) -> list[Run]:
    """The parts of ``runs`` inside ``window``."""
    return [replace(run, window=part) for run in runs if (part := run.window.intersection(window)) is not None]


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
    runs = [Run(window, State.MISSING, unexplained) for window in united(asked)]
    inside = [replace(run, window=part) for run in explained for part in intersected([run.window], asked)]
    runs = overlaid(runs, merged(inside))
    return overlaid(runs, [Run(window, State.PRESENT) for window in united(present)])
