"""What the lake knows of a perpetual's settled funding, and what one try of a read has brought of it.

What lives here: looking, the record. What does not: filling and judging (``reader.settlements``).
"""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from qmd_platform.config import is_lake_there
from qmd_platform.ingest.funding import PUBLISHED_MS
from qmd_platform.lake.buffers import numbers
from qmd_platform.lake.rows import arrow_schema
from qmd_platform.lake.store import Lake
from qmd_platform.model.spans import intersected, subtracted, united
from qmd_platform.model.tables import FUNDING_RATES
from qmd_platform.model.window import Instant, Window, months
from qmd_platform.reader import filling
from qmd_platform.reader.asked import Asked, Strategy
from qmd_platform.reader.sla import Reason
from qmd_platform.reader.stored import brought_by, made_at, the_lake


@dataclass(frozen=True, slots=True)
class Looked:
    """What the lake held at one look. ``until`` is when a past state was made, None for now."""

    rows: pa.Table
    commit: int
    answered: list[Window]
    ours: list[Window]
    until: Instant | None


@dataclass(slots=True)
class Got:
    """What one try has brought: rows, and the windows that the venue has answered for, before and after a fill.

    ``clock`` is ours, or the venue's once it has said it and is behind ours. ``ours`` is what this read's fill was answered.
    """

    asked: Asked
    clock: Instant
    rows: pa.Table = field(default_factory=lambda: arrow_schema(FUNDING_RATES).empty_table())
    commit: int = 0
    before: list[Window] = field(default_factory=list)
    answered: list[Window] = field(default_factory=list)
    by: str = ""
    run_id: str = field(default_factory=filling.new_run)
    ours: list[Window] = field(default_factory=list)
    is_looked: bool = False
    reason: Reason = Reason.MET
    failures: list[str] = field(default_factory=list)

    @property
    def wanted(self) -> Window | None:
        """The part of the window that a venue can have answered for."""
        return self.asked.window.intersection(Window(0, max(self.clock - PUBLISHED_MS, 1)))

    def lacking(self) -> list[Window]:
        """What of it nobody has asked for."""
        return subtracted([self.wanted] if self.wanted else [], self.answered)

    def take(self, looked: Looked | None) -> None:
        """What a look into the lake has shown; what was settled after a past state is not expected of it."""
        if looked is None:
            return
        self.rows, self.commit, self.answered, self.ours = looked.rows, looked.commit, looked.answered, looked.ours
        self.clock = self.clock if looked.until is None else min(self.clock, looked.until)

    def fail(self, reason: Reason, failure: str = "") -> None:
        """Note what went wrong; the first reason stays."""
        self.reason = reason if self.reason is Reason.MET else self.reason
        self.failures += [failure] if failure else []


def look(asked: Asked, run_id: str | None) -> Looked | None:
    """What the lake holds; None where there is none, and it may be made. ``run_id`` is whose answers are told apart."""
    if asked.strategy is not Strategy.FAIL_FAST and not is_lake_there(asked.home):
        return None
    with the_lake(asked) as (lake, commit):
        return _looked(asked, lake, lake.ledger.resolved(commit, asked.series), run_id)


def _answered_by_then(made_at: Instant, asked_at: Instant) -> Instant:
    """Up to when a past state is expected to know: when it was made, or when the venue was last asked, if that is near.

    A venue is asked a little before its answer is committed, or later by a clock that is ahead.
    """
    return asked_at if made_at - asked_at <= PUBLISHED_MS else made_at


def _looked(asked: Asked, lake: Lake, commit: int, run_id: str | None) -> Looked:
    series, window = asked.series, asked.window
    rows = lake.read(series, as_of=commit)
    if asked.now is not None:  # who names the time wants nothing that was settled later, though the lake holds it
        if asked.now <= window.start:
            return Looked(rows.slice(0, 0), commit, [], [], None)
        window = Window(window.start, min(window.end, asked.now))
    at = numbers(rows.column("settled_at").combine_chunks(), np.int64)
    lo, hi = (int(one) for one in np.searchsorted(at, [window.start, window.end]))
    told = lake.evidence(series, window, as_of=commit)
    until = made_at(lake, commit) if asked.state is not None else None
    if until is not None:
        until = _answered_by_then(until, max((one.window.end for _, one in told), default=0) + PUBLISHED_MS)
    answered = intersected(united(one.window for _, one in told if not one.error), [window])
    mine = [] if run_id is None else brought_by(lake, series, run_id)
    ours = [part for one in answered for month, part in months(one) if month in mine]
    return Looked(rows.slice(lo, hi - lo), commit, answered, ours, until)
