"""Settled funding out of the lake, filled first where the strategy says so.

What lives here: what of a window the venue was asked for, the fill, the judgement. What does not: fetching settlements and
proving their intervals (``ingest.funding``), the signatures (``reader.funding``).
"""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qmd_platform.config import is_lake_there, open_lake, venue_url, world
from qmd_platform.errors import DagsterError, UnknownMarket, Unmet, VenueError
from qmd_platform.ingest.asking import Asking
from qmd_platform.ingest.funding import PUBLISHED_MS, fill_funding
from qmd_platform.lake.buffers import numbers
from qmd_platform.lake.rows import arrow_schema, content_hash
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import Run, State, intersected, overlaid, subtracted, united
from qmd_platform.model.tables import FUNDING_RATES
from qmd_platform.model.window import Instant, Window, iso, months
from qmd_platform.reader import filling
from qmd_platform.reader.asked import HOW_TO_ALLOW, Asked, Strategy
from qmd_platform.reader.judging import NEVER_ASKED, verdict
from qmd_platform.reader.provenance import Outcome, Provenance, Range, Read, Source
from qmd_platform.reader.sla import Phase, Reason
from qmd_platform.reader.stored import the_lake
from qmd_platform.reader.waiting import Countdown, CutOff, Filling, insisted

SUSPECT = "a settlement seems to be missing between these two, and the venue lists none (SUSPECT_GAP)"


@dataclass(slots=True)
class _Got:
    """What one try has brought: rows, and the windows that the venue has answered for, before and after a fill."""

    asked: Asked
    clock: Instant
    rows: pa.Table = field(default_factory=lambda: arrow_schema(FUNDING_RATES).empty_table())
    commit: int = 0
    before: list[Window] = field(default_factory=list)
    answered: list[Window] = field(default_factory=list)
    by: str = ""
    reason: Reason = Reason.MET
    failures: list[str] = field(default_factory=list)

    @property
    def wanted(self) -> Window | None:
        """The part of the window that a venue can have answered for."""
        return self.asked.window.intersection(Window(0, max(self.clock - PUBLISHED_MS, 1)))

    def lacking(self) -> list[Window]:
        """What of it nobody has asked for."""
        return subtracted([self.wanted] if self.wanted else [], self.answered)

    def fail(self, reason: Reason, failure: str = "") -> None:
        """Note what went wrong; the first reason stays."""
        self.reason = reason if self.reason is Reason.MET else self.reason
        self.failures += [failure] if failure else []


def served(asked: Asked) -> Read:
    """The read; errors as ``reader.read_funding``."""

    def tried(clock: Countdown) -> tuple[Read, Callable[[], Unmet]]:
        got = _Got(asked, time.time_ns() // 1_000_000 if asked.now is None else asked.now)
        behind = _tried(got, clock)
        read = _read(got, clock, behind)
        return read, lambda: _refusal(got, read)

    return insisted(asked, tried)


def _tried(got: _Got, clock: Countdown) -> Filling | None:
    asked = got.asked
    try:
        clock.phase(Phase.STORAGE, lambda _: _look(got))
        got.before = got.answered
        lacking = got.lacking()
        if asked.strategy is Strategy.FAIL_FAST or not lacking:
            return None
        if asked.strategy is Strategy.PARTIAL_FILL:
            aside = replace(got, failures=[])  # the thread's own: what it learns must not change what is being read
            return Filling(lambda: _fill_or_raise(aside, lacking))
        _guarded(got, clock, lacking)
        clock.phase(Phase.STORAGE, lambda _: _look(got))
    except CutOff as late:
        got.fail(late.reason)
    return None


def _fill_or_raise(got: _Got, lacking: Sequence[Window]) -> None:
    _fill(got, lacking, None)
    if got.failures:
        raise VenueError(got.asked.series.venue, got.failures[0], hint="read again later; what came is kept")


def _guarded(got: _Got, clock: Countdown, lacking: Sequence[Window]) -> None:
    try:
        clock.phase(Phase.BACKFILL, lambda seconds: _fill(got, lacking, seconds))
    except UnknownMarket:
        raise
    except VenueError as error:
        got.fail(Reason.VENUE_FAILED, str(error))
    except DagsterError as error:
        got.fail(Reason.DAGSTER_FAILED, str(error))
    except CutOff as late:
        got.fail(late.reason)


def _look(got: _Got) -> None:
    asked = got.asked
    if asked.strategy is not Strategy.FAIL_FAST and not is_lake_there(asked.home):
        return
    with the_lake(asked) as (lake, commit):
        _take(got, lake, lake.ledger.resolved(commit, asked.series))


def _take(got: _Got, lake: Lake, commit: int) -> None:
    series, window = got.asked.series, got.asked.window
    rows = lake.read(series, as_of=commit)
    at = numbers(rows.column("settled_at").combine_chunks(), np.int64)
    lo, hi = (int(one) for one in np.searchsorted(at, [window.start, window.end]))
    got.rows, got.commit = rows.slice(lo, hi - lo), commit
    told = lake.evidence(series, window, as_of=commit)
    got.answered = intersected(united(one.window for _, one in told if not one.error), [window])


def _fill(got: _Got, windows: Sequence[Window], seconds: float | None) -> None:
    series, home = got.asked.series, got.asked.home
    hull = Window(windows[0].start, windows[-1].end)
    dagster = filling.dagster_url()
    got.by = "dagster" if dagster else "in process"
    if dagster:
        from qmd_platform.reader import orchestrated  # noqa: PLC0415 - requests, which only this way needs

        orchestrated.fill(filling.Errand(series, hull, home, got.asked.url), dagster, seconds)
        return
    url = venue_url(got.asked.url)
    with open_lake(home, world=world(url)) as lake:
        receipts = fill_funding(
            lake,
            [Partition(series, month) for month, _ in months(hull)],
            run_id=f"qmd-read-{uuid.uuid4()}",
            url=url,
            asking=Asking(deadlines=filling.deadlines(seconds)),
        )
    for one in (failure for receipt in receipts for failure in receipt.failures):
        got.fail(Reason.VENUE_FAILED, one)


def _read(got: _Got, clock: Countdown, behind: Filling | None) -> Read:
    asked, rows = got.asked, got.rows
    provenance = Provenance(
        asked.series,
        asked.window,
        asked.strategy.value,
        got.commit,
        tuple(sorted(_ranges(got))),
        tuple(_runs(got)),
        _outcome(got, clock),
        hashed=partial(content_hash, FUNDING_RATES, rows),
    )
    return Read(rows, provenance, behind)


def _ranges(got: _Got) -> list[Range]:
    at = numbers(got.rows.column("settled_at").combine_chunks(), np.int64)

    def ranges(windows: Sequence[Window], source: Source, detail: str = "") -> list[Range]:
        ends = [np.searchsorted(at, [one.start, one.end]) for one in windows]
        return [Range(one, source, int(hi - lo), 0, detail) for one, (lo, hi) in zip(windows, ends, strict=True)]

    return [
        *ranges(intersected(got.before, got.answered), Source.LAKE),
        *ranges(subtracted(got.answered, got.before), Source.BACKFILL, got.by),
        *ranges(got.lacking(), Source.NOWHERE),
    ]


def _runs(got: _Got) -> list[Run]:
    """Answered windows are present; but for those where a settlement seems to be missing."""
    at = numbers(got.rows.column("settled_at").combine_chunks(), np.int64)
    suspect = np.flatnonzero(np.array(pc.cast(got.rows.column("is_suspect"), pa.int8()).to_pylist(), bool))
    gaps = [Window(int(at[row - 1]) + 1, int(at[row])) for row in suspect if row]
    known = [Run(one, State.PRESENT) for one in got.answered]
    unknown = [Run(one, State.MISSING, NEVER_ASKED) for one in got.lacking()]
    return overlaid([*known, *unknown], [Run(one, State.MISSING, SUSPECT) for one in gaps])


def _outcome(got: _Got, clock: Countdown) -> Outcome:
    wanted = got.wanted
    lacking = sum(one.end - one.start for one in got.lacking())
    share = 1.0 if wanted is None else 1 - lacking / (wanted.end - wanted.start)
    is_live = got.asked.window.end > got.clock - PUBLISHED_MS
    newest = got.answered[-1].end if got.answered else got.asked.window.start
    staleness = max(got.clock - newest, 0) / 1000 if is_live else None
    reason = verdict(got.asked, got.reason, share, staleness)
    return Outcome(reason, share, staleness, tuple(got.failures), dict(clock.seconds))


def _refusal(got: _Got, read: Read) -> Unmet:
    told = read.provenance.outcome
    lacking = got.lacking()
    named = ", ".join(str(one) for one in lacking[:3])
    said = f"{got.asked.series}: nobody has asked for the settlements of {named}"
    if not lacking:
        newest = iso(got.answered[-1].end if got.answered else got.asked.window.start)
        said = f"{got.asked.series}: the venue has answered for settlements up to {newest}, and no later ones"
    if told.reason not in {Reason.COVERAGE, Reason.STALE}:
        said = f"{said}; {told.reason.sentence}" + "".join(f": {one}" for one in told.failures[:1])
    hint = f"read with strategy='auto_backfill', or {HOW_TO_ALLOW} for what is there"
    return Unmet(said, reason=told.reason.value, hint=hint, read=read)
