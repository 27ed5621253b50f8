"""How long the interval of each settlement was, what proves it, and whether a settlement before it seems to be missing.

What lives here: the question row by row, the order in which evidence counts, the list of changes. What does not: rows
that fit no interval (``funding.irregular``), what an interval is good for (``funding.annual``).

A row that is missing looks like a longer interval, and would halve the year. So a new interval is accepted only if the
venue says so (for this very row, or as a fact at that time) or the next two rows have it too. In this order:

1. ``stated``: the venue says it for this row, and rows do not come at twice that pace: rows get lost, none are invented.
2. ``venue``: the time since the row before is what a fact of the venue says.
3. ``neighbours``: it is what the interval was before, or three rows in a row have it.
4. What is left is read against what the interval was (``funding.irregular``).

Three rows are the future of the first of them. ``known_at`` says from when on each row's reading stands; what comes later
never changes it. A simulation that uses a row before that looks ahead.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qmd_platform.funding.irregular import LONG, SHORT, Pending, read
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Instant, Window

CONFIRMED = 3
"""Rows in a row that make a new interval: one, and the next two. At the start of a series the first row is one of them."""

NOT_YET = np.iinfo(np.int64).max
"""``known_at`` of a row whose reading the next rows may still change."""


class Evidence(StrEnum):
    """What proves an interval."""

    STATED = "stated"
    VENUE = "venue"
    NEIGHBOURS = "neighbours"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Fact:
    """The venue's own word: settlements in ``(window.start, window.end]`` were ``hours`` apart."""

    window: Window
    hours: float


class Change(NamedTuple):
    """From ``at`` on (epoch ms) the interval is ``after`` hours, no longer ``before``; certain since ``known_at``."""

    at: Instant
    before: float
    after: float
    known_at: Instant


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Columns, one row for each settlement.

    Attributes:
        hours: float64 length of the interval that ends at the settlement; NaN where nothing proves it.
        evidence: what proves it: a value of ``Evidence``.
        suspect: whether a settlement before this one seems to be missing (SUSPECT_GAP).
        elapsed: float64 hours since the row before, to the minute; NaN in the first row. Differs from ``hours`` where
            rows are missing, or a settlement was late or early.
        known_at: int64 epoch ms from when on nothing that follows changes this row or one before it; ``NOT_YET`` if it may.
    """

    hours: NDArray[np.float64]
    evidence: NDArray[np.str_]
    suspect: NDArray[np.bool_]
    elapsed: NDArray[np.float64]
    known_at: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.hours)

    @property
    def missing(self) -> NDArray[np.int64]:
        """How many settlements seem to be missing right before each row; 0 where the hours are not known."""
        with np.errstate(invalid="ignore"):
            count = np.rint(self.elapsed / self.hours) - 1
        return np.where(self.suspect & np.isfinite(count), count, 0).astype(np.int64)


def intervals(settlements: Settlements, *, stated: Iterable[Fact] = ()) -> Intervals:
    """The interval of each settlement.

    Args:
        settlements: sorted, no two within a minute (``suspicions.checked`` makes them so).
        stated: facts of the venue, each for its time only; of those that overlap, the last counts.

    Raises:
        ValueError: rows are not sorted, or two are in one minute.
    """
    minutes = np.rint(settlements.settled_at / MINUTE).astype(np.int64)
    elapsed = np.diff(minutes, prepend=minutes[:1])
    if (elapsed[1:] <= 0).any():
        raise ValueError("settlements must be sorted by time, one a minute at most")
    said = np.nan_to_num(stated_hours(settlements, stated), nan=0.0)
    told = np.rint(said * 60).astype(np.int64)
    reading = _Reading(settlements.settled_at, elapsed, told, np.isfinite(settlements.stated_hours))
    for first, last in _blocks(elapsed, told, reading.by_row):
        reading.block(slice(first, last))
    reading.resolve(0, None)
    return reading.result()


def changes(settlements: Settlements, found: Intervals) -> list[Change]:
    """Each change of the interval, oldest first. Rows whose interval is not known are passed over.

    Args:
        settlements: the rows.
        found: ``intervals`` of them.
    """
    rows = np.flatnonzero(np.isfinite(found.hours))
    hours = found.hours[rows]
    new = np.flatnonzero(np.diff(hours)) + 1
    at = np.rint(settlements.settled_at[rows] / MINUTE) * MINUTE - np.rint(hours * 60) * MINUTE
    return [
        Change(int(at[row]), float(hours[row - 1]), float(hours[row]), int(found.known_at[rows[row]]))
        for row in new.tolist()
    ]


def stated_hours(settlements: Settlements, stated: Iterable[Fact] = ()) -> NDArray[np.float64]:
    """Hours the venue says for each row: for the row itself, else the fact that holds then; NaN where it says nothing."""
    said = settlements.stated_hours.copy()
    by_row = np.isfinite(said)
    for fact in stated:
        lo, hi = np.searchsorted(settlements.settled_at, [fact.window.start, fact.window.end], "right")
        part = slice(int(lo), int(hi))
        said[part] = np.where(by_row[part], said[part], fact.hours)
    return said


def _blocks(*columns: NDArray[np.int64] | NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and end of each run of rows in which no column changes; the first row is a run of its own."""
    length = len(columns[0])
    new = np.zeros(length, np.bool_)
    new[:2] = True
    for column in columns:
        new[1:] |= column[1:] != column[:-1]
    first = np.flatnonzero(new)
    return list(zip(first.tolist(), [*first[1:].tolist(), length][: len(first)], strict=True))


@dataclass
class _Reading:
    """The rows read so far. All lengths in minutes."""

    settled_at: NDArray[np.int64]
    elapsed: NDArray[np.int64]
    told: NDArray[np.int64]
    by_row: NDArray[np.bool_]
    length: int = 0
    pending: list[slice] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = len(self.settled_at)
        self.hours = np.full(count, np.nan)
        self.evidence = np.full(count, Evidence.UNKNOWN.value, "<U10")
        self.suspect = np.zeros(count, np.bool_)
        self.known_at = self.settled_at.copy()
        self.third = np.full(count, count)
        self.ended = np.full(count, count)
        for first, last in _blocks(self.elapsed):
            self.ended[first:last] = last
            needed = CONFIRMED if first > 1 else CONFIRMED - 1
            if last - first >= needed and first:
                self.third[first:last] = first + needed - 1

    def block(self, rows: slice) -> None:
        """Read rows of which the same is known: the time since the row before, what the venue says."""
        at = rows.start
        elapsed, told = int(self.elapsed[at]), int(self.told[at])
        if at == 0:
            self._first(told)
        elif self.by_row[at] and elapsed > SHORT * told:
            self._accept(rows, told, Evidence.STATED, at)
            self.suspect[rows] = elapsed >= LONG * told
        elif elapsed == told:
            self._accept(rows, told, Evidence.VENUE, at)
        elif elapsed == self.length:
            self._accept(rows, elapsed, Evidence.NEIGHBOURS, at)
        elif self.third[at] < len(self.third):
            self._accept(rows, elapsed, Evidence.NEIGHBOURS, int(self.third[at]))
        else:
            self.pending.append(rows)

    def _first(self, told: int) -> None:
        """The first row has none before it: it is what the venue says, or what the next two rows agree on."""
        if told:
            self.length = told
            self._fill(slice(0, 1), told, Evidence.STATED if self.by_row[0] else Evidence.VENUE, 0)
            return
        self._wait(slice(0, 1), CONFIRMED - 1)
        if len(self.third) >= CONFIRMED and self.third[1] == CONFIRMED - 1:
            self._fill(slice(0, 1), int(self.elapsed[1]), Evidence.NEIGHBOURS, CONFIRMED - 1)

    def _accept(self, rows: slice, length: int, evidence: Evidence, known: int) -> None:
        self.resolve(length, known)
        self._fill(rows, length, evidence, known)
        self.length = length

    def _fill(self, rows: slice, length: int, evidence: Evidence, known: int) -> None:
        self.hours[rows] = length / 60
        self.evidence[rows] = evidence.value
        self._wait(rows, known)

    def _wait(self, rows: slice, known: int | None) -> None:
        """Nothing is certain of ``rows`` before row ``known`` is there."""
        late = NOT_YET if known is None or known >= len(self.settled_at) else self.settled_at[known]
        self.known_at[rows] = np.maximum(self.settled_at[rows], late)

    def resolve(self, after: int, known: int | None) -> None:
        """Read the rows that fitted nothing, now that the interval ``after`` them is certain (0: none is)."""
        if not self.pending:
            return
        rows = slice(self.pending[0].start, self.pending[-1].stop)
        told = self.told[rows]
        length, suspect = read(Pending(self.elapsed[rows], told, self.length, after))
        said = np.where(self.by_row[rows], Evidence.STATED.value, Evidence.VENUE.value)
        proof = np.where(told > 0, said, Evidence.NEIGHBOURS.value)
        self.hours[rows] = length / 60
        self.evidence[rows] = np.where(np.isfinite(length), proof, Evidence.UNKNOWN.value)
        self.suspect[rows] = suspect
        # Rows at the same pace may follow one that the venue's word settled, and be the third: not before their end.
        self._wait(rows, None if known is None else max(known, int(self.ended[rows.stop - 1])))
        self.pending.clear()

    def result(self) -> Intervals:
        elapsed = self.elapsed / 60
        elapsed[:1] = np.nan
        known_at = np.maximum.accumulate(self.known_at)
        return Intervals(self.hours, self.evidence, self.suspect, elapsed, known_at)
