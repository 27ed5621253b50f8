"""What a read has come to: is all there that was asked for, and where did each range come from?

What lives here: coverage, staleness, ranges, the refusal. Nothing here waits for anybody. What does not: what there is
(``reader.gathered``), getting it (``reader.strategies``).
"""

from collections.abc import Sequence

from qmd_platform.coverage.causes import OUT_OF_TIME, TOO_OLD
from qmd_platform.coverage.plan import SETTLED
from qmd_platform.errors import Unmet
from qmd_platform.model.candles import Candles
from qmd_platform.model.spans import clipped, in_state, intersected, subtracted, united
from qmd_platform.model.window import Window, months
from qmd_platform.reader.asked import HOW_TO_ALLOW, Asked, Strategy
from qmd_platform.reader.gathered import NEVER_ASKED, Gathered
from qmd_platform.reader.phases import IN_DAGSTER
from qmd_platform.reader.provenance import Outcome, Range, Read, Source, unclosed
from qmd_platform.reader.sla import Reason
from qmd_platform.reader.stored import Stored, command

_SHOWN = 3
"""Gaps an error names."""

UNREAD = "give it more time, or look why the lake's disk does not answer"
"""What to do when the lake could not be looked into."""


def outcome(got: Gathered) -> Outcome:
    """Whether what was asked for is met, and why not."""
    summary, fresh = got.known.summary, got.known.fresh
    lacking = summary.missing + summary.quarantined
    share = 1.0 if not summary.expected else (summary.expected - lacking) / summary.expected
    lacks_nothing = summary.expected and lacking == sum(one.steps(got.step) for one in got.undecided)
    staleness = None
    if got.is_live:
        newest = fresh[-1].end if fresh else got.asked.window.start
        staleness = max(got.clock - newest, 0) / 1000
    reason = verdict(got.asked, got.reason, 1.0 if lacks_nothing else share, staleness, is_looked=got.is_looked)
    note = unclosed(got.asked.window, is_past=got.asked.state is not None) if got.wanted is None else ""
    return Outcome(reason, share, staleness, tuple(got.failures), dict(got.seconds), note)


def verdict(asked: Asked, reason: Reason, share: float, staleness_s: float | None, *, is_looked: bool) -> Reason:
    """The code of a read of which ``share`` is there, and which went as ``reason`` says.

    What came in the way is no violation where all that is required is there; but of a lake that nobody has looked into
    nothing is known.
    """
    sla = asked.sla
    is_stale = sla is not None and sla.max_staleness_s is not None and (staleness_s or 0.0) > sla.max_staleness_s
    if is_looked and share >= asked.required and not is_stale:
        return Reason.MET
    if reason is not Reason.MET:
        return reason
    # Who is content with what is there is told of too little, which is not raised; so what is raised comes first.
    return Reason.STALE if is_stale and (asked.is_content or share >= asked.required) else Reason.COVERAGE


def ranges(got: Gathered) -> tuple[Range, ...]:
    """Where each part of what is wanted came from, sorted."""
    wanted = got.wanted
    if wanted is None:
        return ()
    rows, heard = got.candles, got.heard_windows
    settled = subtracted(got.known.settled, heard)
    is_as_before = got.before is got.after
    old = settled if is_as_before else intersected(settled, in_state(clipped(got.before.runs, wanted), *SETTLED))
    ours = _ours(subtracted(settled, old), got)
    followed = intersected(ours, got.followed)
    parts = [
        *_ranges(rows, _by_month(subtracted(settled, ours), got.after), Source.LAKE),
        *_ranges(rows, [(one, 0) for one in subtracted(ours, followed)], Source.BACKFILL, got.by),
        *_ranges(rows, [(one, 0) for one in followed], Source.LIVE, "venue"),
        *_ranges(rows, [(one, 0) for one in heard], Source.LIVE, "log"),
        *_ranges(rows, [(one, 0) for one in subtracted([wanted], got.known.settled)], Source.NOWHERE),
    ]
    return tuple(sorted(parts))


def _ours(windows: Sequence[Window], got: Gathered) -> list[Window]:
    """Those of ``windows`` that this read had filled; others have come meanwhile, and the lake has them of somebody else."""
    if got.by == IN_DAGSTER and got.reason is not Reason.DAGSTER_FAILED:
        by_dagster = intersected(windows, got.backfilled)
    else:
        by_dagster = []
    here = [part for one in windows for month, part in months(one) if month in got.after.ours]
    return united([*by_dagster, *here])


def _by_month(windows: Sequence[Window], held: Stored) -> list[tuple[Window, int]]:
    return [(part, held.versions.get(month, 0)) for one in windows for month, part in months(one)]


def _ranges(rows: Candles, parts: Sequence[tuple[Window, int]], source: Source, detail: str = "") -> list[Range]:
    return [Range(one, source, len(rows.within(one)), version, detail) for one, version in parts]


def went_wrong(told: Outcome) -> str:
    """What came in the way, for the end of a refusal's first sentence; nothing where nothing did."""
    if told.reason in {Reason.COVERAGE, Reason.STALE}:
        return ""
    words = [one for one in told.failures if one != told.reason.sentence]
    return f"; {told.reason.sentence}" + "".join(f": {one}" for one in words[:1])


def when_to_read_again(told: Outcome) -> str:
    """What helps where somebody did not answer; nothing where that is not so."""
    is_late = told.reason.value.endswith("_late")
    if told.reason is Reason.DAGSTER_FAILED:
        return "look into Dagster's UI, then read again"
    if told.reason is Reason.VENUE_FAILED or (is_late and len(told.failures) > 1):
        return "read again when the venue answers"
    return "give it more time, or read again: what had come is kept" if is_late else ""


def _causes(got: Gathered, lacking: Sequence[Window]) -> list[str]:
    """Why the lacking candles are not there, each reason once; that nobody has asked is none where that went wrong."""
    known = {} if got.asked.strategy is Strategy.FAIL_FAST else {NEVER_ASKED: "", OUT_OF_TIME: ""}
    runs = [run for run in got.known.runs if intersected([run.window], lacking)]
    return [cause for cause in dict.fromkeys(known.get(run.cause, run.cause) for run in runs) if cause]


def _remedy(got: Gathered, told: Outcome, lacking: Sequence[Window], *, is_too_old: bool) -> str:
    """What may bring what is lacking."""
    if got.asked.state is not None:
        return "`qmd log SERIES` says what came when"
    if is_too_old:
        return "its API brings them no more; begin later"
    if again := when_to_read_again(told):
        return again
    if got.backfilled or got.followed:
        return "the venue has just been asked for them; `qmd gaps` says when they are asked for again"
    return f"run `{command(got.asked.series, lacking)}`"


def refusal(got: Gathered, read: Read) -> Unmet:
    """The error that says what is missing, why, and what to do."""
    asked, told = got.asked, read.provenance.outcome
    lacking = got.lacking()
    count = sum(one.steps(got.step) for one in lacking)
    named = ", ".join(str(one) for one in lacking[:_SHOWN])
    more = f" and {len(lacking) - _SHOWN} more windows" if len(lacking) > _SHOWN else ""
    past = asked.state is not None
    then = f"were not there as of commit {got.after.commit}" if past else "are not there"
    causes = _causes(got, lacking)
    said = "; ".join([f"{asked.series}: {count:,} of the candles asked for {then}: {named}{more}", *causes[:2]])
    remedy = _remedy(got, told, lacking, is_too_old=causes == [TOO_OLD])
    if not lacking:
        said = f"{asked.series}: the newest candle in {asked.window} ended {told.staleness_s:,.0f} s ago"
        remedy = "allow a greater max_staleness_s, or look whether the venue trades"
    if not got.is_looked:
        said = f"{asked.series}: nobody knows what is there of {asked.window}"
        remedy = UNREAD
    said += went_wrong(told)
    hint = f"{remedy}, or {HOW_TO_ALLOW} for what is there" if lacking and asked.required and got.is_looked else remedy
    return Unmet(said, reason=told.reason.value, hint=hint, read=read)
