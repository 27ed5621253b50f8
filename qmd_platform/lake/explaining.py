"""One candle, explained: what it is, since which commit, what it was before, and which answers of the venue say so.

What lives here: bringing together what ledger and files know of one candle. What does not: the questions
(``ledger.tracing``, ``ledger.evidence``), when it is asked for again (``coverage.recheck``), words (``cli.explain``).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from qmd_platform.errors import CoverageError
from qmd_platform.lake.rows import FETCHED_AT, SOURCE_RANK
from qmd_platform.lake.segments import stored_of
from qmd_platform.lake.store import Lake
from qmd_platform.ledger.records import Revision, Segment, Version
from qmd_platform.ledger.snapshots import AsOf
from qmd_platform.ledger.tracing import Refused
from qmd_platform.model import tables
from qmd_platform.model.candles import open_times
from qmd_platform.model.evidence import Answered, Attempt
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run, State, in_state
from qmd_platform.model.timeframe import timeframe
from qmd_platform.model.window import Instant, Window, iso, month_of

ROLLUP = "rollup:candles_"
"""What the source of a commit of rolled-up candles begins with; the timeframe they were made of follows."""


@dataclass(frozen=True, slots=True)
class Row:
    """A candle's values, the rank of their source, when they were fetched (epoch ms; 0: not kept), and their file."""

    values: Mapping[str, float]
    source_rank: int
    fetched_at: Instant
    file: Segment


@dataclass(frozen=True, slots=True)
class Base:
    """The shorter candles a rolled-up one was made of: how many of them are in each state (now, or as asked)."""

    series: Series
    window: Window
    states: Mapping[State, int]


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known of one candle in one snapshot.

    Attributes:
        series: of which series.
        open_at: which candle.
        commit: the snapshot; nothing later is in here.
        run: its state and cause, with the window in which all candles have both.
        row: what it is; None where it is not there.
        told: what the commits said of it, oldest first; one that said the same as the one before is left out.
        is_whole: whether ``told`` begins with the first that was ever said, and no vacuum took it.
        revisions: how its values changed, oldest first.
        versions: the commits named by any of these, and what each did to the month.
        attempt: how often it was asked for in vain; None if never, and in snapshots of the past, which do not know.
        evidence: every answer that speaks about it, with the commit that kept it.
        refused: rows for it that were kept out.
        base: what it was made of, if it is rolled up.
    """

    series: Series
    open_at: Instant
    commit: int
    run: Run
    row: Row | None
    told: tuple[tuple[int, Run], ...]
    is_whole: bool
    revisions: tuple[Revision, ...]
    versions: Mapping[int, Version]
    attempt: Attempt | None
    evidence: tuple[tuple[int, Answered], ...]
    refused: tuple[Refused, ...]
    base: Base | None


@dataclass(frozen=True, slots=True)
class Event:
    """A commit that said something else of a candle: what is known since, and its values before and after.

    None for values where the candle was not there, or where a vacuum or a repair took them.
    """

    commit: int
    run: Run
    before: Mapping[str, float] | None
    after: Mapping[str, float] | None


def events(found: Explanation) -> list[Event]:
    """The commits that changed what is known of a candle, oldest first."""
    revised = {one.commit: (_values(one.before), _values(one.after)) for one in found.revisions}
    told = dict(found.told)
    said: list[Event] = []
    for commit in sorted({*told, *revised}):
        run = told.get(commit, said[-1].run if said else found.run)
        before, after = revised.get(commit, (None, None))
        if commit not in revised and run.state is State.PRESENT:
            after = _brought(found, commit, revised)
        said.append(Event(commit, run, before, after))
    return said


def _brought(
    found: Explanation, commit: int, revised: Mapping[int, tuple[Mapping[str, float] | None, object]]
) -> Mapping[str, float] | None:
    """The values a candle came with: those that the next commit to change them found."""
    until = min((later for later, _ in found.told if later > commit), default=None)
    later = min((one for one in revised if one > commit and (until is None or one <= until)), default=None)
    if later is not None:
        return revised[later][0]
    return found.row.values if found.row and until is None else None


def _values(row: str | None) -> Mapping[str, float] | None:
    return None if row is None else dict(json.loads(row))


def explained(lake: Lake, series: Series, open_at: Instant, *, as_of: AsOf = None) -> Explanation:
    """All that is known of the candle of ``series`` that opens at ``open_at``, which is on the grid.

    Raises:
        CoverageError: nobody asked for it yet, or had not in the snapshot.
        LedgerError: there is no such snapshot, or the ledger is damaged.
        CorruptSegment: its file is not what was committed.
        Vacuumed: the snapshot is gone.
    """
    candle = Window(open_at, open_at + series.timeframe.step)
    partition = Partition(series, month_of(open_at))
    view = lake.ledger.view(series, candle, as_of=as_of)
    told = tuple(lake.ledger.told(partition, open_at, view.commit))
    if not view.runs or not told:
        then = "" if as_of is None else f" as of commit {view.commit}"
        span = f"--start {iso(candle.start)} --end {iso(candle.end)}"
        asks = f"`qmd backfill {series.market} --timeframe {series.timeframe.value} {span}` asks, once it has closed"
        hint = f"`qmd coverage {series}` shows what is known; {asks}"
        raise CoverageError(f"the candle of {series} at {iso(open_at)} was never asked for{then}", hint=hint)
    revisions = tuple(one for one in lake.ledger.revisions(series, candle) if one.commit <= view.commit)
    evidence = tuple(lake.evidence(series, candle, as_of=view.commit))
    refused = tuple(one for one in lake.ledger.refused(series, candle) if one.commit <= view.commit)
    commits = {*(commit for commit, _ in told), *(one.commit for one in revisions), *(commit for commit, _ in evidence)}
    versions = lake.ledger.versions_by(partition, commits)
    attempts = lake.attempts(series, candle) if as_of is None else []
    return Explanation(
        series,
        open_at,
        view.commit,
        run=told[-1][1],
        row=_row(lake, view.segments, open_at),
        told=told,
        is_whole=told[0][0] > int(lake.ledger.about("oldest") or 0) or versions[told[0][0]].version == 1,
        revisions=revisions,
        versions=versions,
        attempt=attempts[0] if attempts else None,
        evidence=evidence,
        refused=refused,
        base=_base(lake, series, candle, versions[max(told[-1][0], *(one.commit for one in revisions), 0)], as_of),
    )


def _row(lake: Lake, segments: tuple[Segment, ...], open_at: Instant) -> Row | None:
    spec = tables.CANDLES
    for segment in segments:
        rows = stored_of(spec, lake.blobs.data, [segment])
        times = open_times(rows)
        place = int(times.searchsorted(open_at))
        if place < len(times) and times[place] == open_at:
            (row,) = rows.drop(["open_at"]).slice(place, 1).to_pylist()
            return Row(row, row.pop(SOURCE_RANK), row.pop(FETCHED_AT), segment)
    return None


def _base(lake: Lake, series: Series, candle: Window, by: Version, as_of: AsOf) -> Base | None:
    if not by.source.startswith(ROLLUP):
        return None
    base = Series.candles(series.market, timeframe(by.source.removeprefix(ROLLUP)))
    runs = lake.coverage(base, candle, as_of=as_of)
    step = base.timeframe.step
    counts = {state: sum(part.steps(step) for part in in_state(runs, state)) for state in State}
    return Base(base, candle, {state: count for state, count in counts.items() if count})
