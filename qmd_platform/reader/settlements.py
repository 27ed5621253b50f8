"""Settled funding out of the lake, filled first where the strategy says so.

What lives here: what of a window the venue was asked for, the fill, the judgement. What does not: fetching settlements and
proving their intervals (``ingest.funding``), the signatures (``reader.funding``).
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qmd_platform.config import open_lake, venue_url, world
from qmd_platform.errors import DagsterError, UnknownMarket, Unmet, VenueError
from qmd_platform.ingest.asking import Asking
from qmd_platform.ingest.funding import PUBLISHED_MS, fill_funding
from qmd_platform.lake.buffers import numbers
from qmd_platform.lake.rows import content_hash
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import Run, State, intersected, overlaid, subtracted
from qmd_platform.model.tables import FUNDING_RATES
from qmd_platform.model.window import Instant, Window, iso, months
from qmd_platform.reader import behind, clocks, filling, phases
from qmd_platform.reader.asked import HOW_TO_ALLOW, Asked, Strategy
from qmd_platform.reader.gathered import NEVER_ASKED
from qmd_platform.reader.judging import UNREAD, verdict, went_wrong, when_to_read_again
from qmd_platform.reader.phases import Brought
from qmd_platform.reader.provenance import Outcome, Provenance, Range, Read, Source, unclosed
from qmd_platform.reader.settled import Got, look
from qmd_platform.reader.sla import Phase, Reason
from qmd_platform.reader.turns import turn
from qmd_platform.reader.waiting import Countdown, CutOff, Filling, insisted
from qmd_platform.venues.retry import telling

SUSPECT = "a settlement seems to be missing between these two, and the venue lists none (SUSPECT_GAP)"


def served(asked: Asked) -> Read:
    """The read; errors as ``reader.read_funding``."""

    def tried(clock: Countdown) -> tuple[Read, Callable[[], Unmet]]:
        got = Got(asked, clocks.now() if asked.now is None else asked.now)
        filled_behind = _tried(got, clock)
        read = _read(got, clock, filled_behind)
        return read, lambda: _refusal(got, read)

    return insisted(asked, tried)


def _tried(got: Got, clock: Countdown) -> Filling | None:
    asked = got.asked
    try:
        got.take(clock.phase(Phase.STORAGE, lambda _: look(asked, None)))
        got.before, got.is_looked = got.answered, True
        lacking = got.lacking()
        if asked.strategy is Strategy.FAIL_FAST or not lacking:
            return None
        if asked.strategy is Strategy.PARTIAL_FILL:
            return behind.begun(asked, lambda: _fill_or_raise(asked, lacking, got.run_id))
        _guarded(got, clock, lacking)
        got.take(clock.phase(Phase.STORAGE, lambda _: look(asked, got.run_id)))
    except CutOff as late:
        got.fail(late.reason, late.reason.sentence)
    return None


def _fill_or_raise(asked: Asked, lacking: Sequence[Window], run_id: str) -> None:
    brought = Brought()
    _fill(asked, lacking, run_id, None, brought)
    if brought.failures:
        raise VenueError(asked.series.venue, brought.failures[0], hint="read again later; what came is kept")


def _guarded(got: Got, clock: Countdown, lacking: Sequence[Window]) -> None:
    brought = Brought()
    got.by = phases.backfiller()
    try:
        with brought.stop:
            clock.phase(Phase.BACKFILL, lambda seconds: _fill(got.asked, lacking, got.run_id, seconds, brought))
    except CutOff as late:
        got.fail(late.reason, late.reason.sentence)
        got.failures += filter(None, [brought.trouble])
        return  # its thread may go on, and what it writes down then is of no read
    except UnknownMarket:
        raise
    except VenueError as error:
        got.fail(Reason.VENUE_FAILED, str(error))
    except DagsterError as error:
        got.fail(Reason.DAGSTER_FAILED, str(error))
    if brought.venue_time is not None:
        got.clock = min(got.clock, brought.venue_time)
    for one in brought.failures:
        got.fail(Reason.VENUE_FAILED, one)


def _fill(asked: Asked, windows: Sequence[Window], run_id: str, seconds: float | None, brought: Brought) -> None:
    series, home = asked.series, asked.home
    hull = Window(windows[0].start, windows[-1].end)
    if dagster := filling.dagster_url():
        from qmd_platform.reader import orchestrated  # noqa: PLC0415 - requests, which only this way needs

        orchestrated.fill(filling.Errand(series, hull, home, asked.url, run_id), dagster, seconds)
        return

    def said(venue_time: Instant) -> None:
        brought.venue_time = venue_time

    url = venue_url(asked.url)
    with (
        telling(brought.note),
        turn(series.venue, Phase.BACKFILL, seconds) as left,
        open_lake(home, world=world(url)) as lake,
    ):
        receipts = fill_funding(
            lake,
            [Partition(series, month) for month, _ in months(hull)],
            run_id=run_id,
            url=url,
            asking=Asking(deadlines=filling.deadlines(left)),
            on_venue_time=filling.ended_by(brought.stop, said),
        )
    brought.failures += [failure for receipt in receipts for failure in receipt.failures]


def _read(got: Got, clock: Countdown, filled_behind: Filling | None) -> Read:
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
    return Read(rows, provenance, filled_behind)


def _ranges(got: Got) -> list[Range]:
    at = numbers(got.rows.column("settled_at").combine_chunks(), np.int64)

    def ranges(windows: Sequence[Window], source: Source, detail: str = "") -> list[Range]:
        ends = [np.searchsorted(at, [one.start, one.end]) for one in windows]
        return [Range(one, source, int(hi - lo), 0, detail) for one, (lo, hi) in zip(windows, ends, strict=True)]

    new = subtracted(got.answered, got.before)
    is_by_dagster = got.by == phases.IN_DAGSTER and got.reason is not Reason.DAGSTER_FAILED
    ours = new if is_by_dagster else intersected(new, got.ours)
    return [
        *ranges(subtracted(got.answered, ours), Source.LAKE),
        *ranges(ours, Source.BACKFILL, got.by),
        *ranges(got.lacking(), Source.NOWHERE),
    ]


def _runs(got: Got) -> list[Run]:
    """Answered windows are present; but for those where a settlement seems to be missing."""
    at = numbers(got.rows.column("settled_at").combine_chunks(), np.int64)
    suspect = np.flatnonzero(np.array(pc.cast(got.rows.column("is_suspect"), pa.int8()).to_pylist(), bool))
    gaps = [Window(int(at[row - 1]) + 1, int(at[row])) for row in suspect if row]
    known = [Run(one, State.PRESENT) for one in got.answered]
    unknown = [Run(one, State.MISSING, NEVER_ASKED) for one in got.lacking()]
    return overlaid([*known, *unknown], [Run(one, State.MISSING, SUSPECT) for one in gaps])


def _outcome(got: Got, clock: Countdown) -> Outcome:
    wanted = got.wanted
    lacking = sum(one.end - one.start for one in got.lacking())
    share = 1.0 if wanted is None else 1 - lacking / (wanted.end - wanted.start)
    until = got.clock - PUBLISHED_MS
    is_live = got.asked.state is None and got.asked.window.end > until
    newest = got.answered[-1].end if got.answered else got.asked.window.start
    staleness = max(until - newest, 0) / 1000 if is_live else None
    reason = verdict(got.asked, got.reason, share, staleness, is_looked=got.is_looked)
    note = unclosed(got.asked.window, is_past=got.asked.state is not None) if wanted is None else ""
    return Outcome(reason, share, staleness, tuple(got.failures), dict(clock.seconds), note)


def _refusal(got: Got, read: Read) -> Unmet:
    told = read.provenance.outcome
    lacking = got.lacking()
    named = ", ".join(str(one) for one in lacking[:3])
    said = f"{got.asked.series}: nobody has asked for the settlements of {named}"
    if not lacking:
        newest = iso(got.answered[-1].end if got.answered else got.asked.window.start)
        said = f"{got.asked.series}: the venue has answered for settlements up to {newest}, and no later ones"
    if not got.is_looked:
        said = f"{got.asked.series}: nobody knows what is there of {got.asked.window}"
    allow = f", or {HOW_TO_ALLOW} for what is there" if got.asked.required else ""
    hint = _remedy(got, told) + allow if got.is_looked else UNREAD
    return Unmet(said + went_wrong(told), reason=told.reason.value, hint=hint, read=read)


def _remedy(got: Got, told: Outcome) -> str:
    if got.asked.state is not None:
        return "`qmd log` says what came when"
    if got.asked.strategy is Strategy.FAIL_FAST:
        return "read with strategy='auto_backfill'"
    return when_to_read_again(told) or "read again later: the venue may not have listed them yet"
