"""Gaps: what is wanted of a series and not settled, each with what is known of it and when it is due. Pure.

What lives here: runs and attempts to gaps. What does not: the back-off (``coverage.recheck``), which of the due gaps
are asked now (``coverage.agenda``).
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from qmd_platform.coverage.causes import DELISTED, OMITTED
from qmd_platform.coverage.recheck import next_ask
from qmd_platform.model.evidence import Attempt
from qmd_platform.model.spans import Run, State, united
from qmd_platform.model.window import Instant, Window

Known = TypeVar("Known", Run, Attempt)


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """Every candle in ``window`` is wanted, not there, and was asked for ``asks`` times, last at ``last_at``.

    One that nobody ever asked for is MISSING without a cause, with 0 asks. ``due_at`` is when to ask (again), epoch
    ms; None when no API has it.
    """

    window: Window
    state: State
    cause: str
    asks: int
    last_at: Instant
    due_at: Instant | None

    def is_due(self, now: Instant) -> bool:
        """Whether it is to be asked for at ``now``."""
        return self.due_at is not None and self.due_at <= now


def gaps(
    wanted: Iterable[Window], runs: Iterable[Run], attempts: Iterable[Attempt], now: Instant, step: int
) -> list[Gap]:
    """What is wanted and not settled, oldest first; neighbours of which the same is known are one.

    Settled is what is present, unlisted, left out by the venue's habit, or verified empty and rechecked often enough.

    Args:
        wanted: what ought to be there; only its candles on the grid of ``step`` count. It ends where a market was delisted:
            what was once called delisted and is in there was relisted, and is asked for as if it never was.
        runs: coverage, sorted and disjoint; where it says nothing, nobody asked.
        attempts: how often what is not there was asked for, sorted and disjoint.
        now: gaps nobody asked for are due now.
        step: length of a candle in ms.
    """
    told, asked = _Sorted(runs), _Sorted(attempts)
    found: list[Gap] = []
    for window in united(part for one in wanted if (part := one.snapped(step)) is not None):
        for open_, state, cause in _unsettled(window, told.inside(window)):
            for gap in _asked(open_, state, cause, asked.inside(open_), now):
                if gap.due_at is not None or state is not State.VERIFIED_EMPTY:
                    _join(found, gap)
    return found


class _Sorted(Generic[Known]):
    """Sorted, disjoint records, found by window without looking at all of them."""

    def __init__(self, records: Iterable[Known]) -> None:
        self._records: list[Known] = list(records)
        self._ends = [record.window.end for record in self._records]

    def inside(self, window: Window) -> Iterator[tuple[Window, Known]]:
        """The parts of the records inside ``window``, in order, each with its record."""
        for place in range(bisect_right(self._ends, window.start), len(self._records)):
            record = self._records[place]
            part = record.window.intersection(window)
            if part is None:
                return
            yield part, record


def _unsettled(window: Window, runs: Iterable[tuple[Window, Run]]) -> Iterator[tuple[Window, State, str]]:
    """The parts of ``window`` that no run speaks about, or one that does not settle them."""
    at = window.start
    for part, run in runs:
        if part.start > at:
            yield Window(at, part.start), State.MISSING, ""
        if run.state is State.UNLISTED and run.cause == DELISTED:
            yield part, State.MISSING, ""
        elif run.state not in {State.PRESENT, State.UNLISTED} and run.cause != OMITTED:
            yield part, run.state, run.cause
        at = part.end
    if at < window.end:
        yield Window(at, window.end), State.MISSING, ""


def _asked(
    window: Window, state: State, cause: str, attempts: Iterable[tuple[Window, Attempt]], now: Instant
) -> Iterator[Gap]:
    """``window`` cut by how often it was asked for."""
    at = window.start
    for part, attempt in attempts:
        if part.start > at:
            yield _gap(Window(at, part.start), state, cause, now)
        yield _gap(part, state, cause, now, attempt)
        at = part.end
    if at < window.end:
        yield _gap(Window(at, window.end), state, cause, now)


def _gap(window: Window, state: State, cause: str, now: Instant, attempt: Attempt | None = None) -> Gap:
    if attempt is None:
        due = next_ask(state, cause, 0, 0)
        return Gap(window, state, cause, 0, 0, None if due is None else now)
    due = next_ask(state, cause, attempt.asks, attempt.last_at)
    return Gap(window, state, cause, attempt.asks, attempt.last_at, due)


def _join(found: list[Gap], gap: Gap) -> None:
    last = found[-1] if found else None
    if last and last.window.end == gap.window.start and replace(last, window=gap.window) == gap:
        found[-1] = replace(last, window=Window(last.window.start, gap.window.end))
    else:
        found.append(gap)


def settled(runs: Iterable[Run]) -> list[Window]:
    """Where sorted, disjoint ``runs`` leave nothing open, touching windows joined."""
    found: list[Window] = []
    start = end = None
    for run in runs:
        if run.state in {State.MISSING, State.QUARANTINED}:
            continue
        if start is None or run.window.start != end:
            found += [] if start is None or end is None else [Window(start, end)]
            start = run.window.start
        end = run.window.end
    return found if start is None or end is None else [*found, Window(start, end)]


def derivable(found: Sequence[Gap], base: Iterable[Window], step: int) -> list[Gap]:
    """The gaps of a series that is rolled up where the candles it is made of are all settled: only these can be made.

    Args:
        found: gaps of the longer candles.
        base: where the shorter ones are ``settled``.
        step: length of a longer candle in ms.
    """
    buckets = ((-(-one.start // step) * step, one.end // step * step) for one in base)
    whole = _Sorted(Run(Window(start, end), State.PRESENT) for start, end in buckets if end > start)
    return [replace(gap, window=part) for gap in found for part, _ in whole.inside(gap.window)]
