"""What a read has come to: is all there that was asked for, and where did each range come from?

What lives here: coverage, staleness, ranges, the refusal. Nothing here waits for anybody. What does not: getting the rows
(``reader.strategies``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from qmd_platform.coverage.expected import closed_before, expected
from qmd_platform.coverage.plan import SETTLED
from qmd_platform.coverage.summary import Summary, summarised
from qmd_platform.errors import Unmet
from qmd_platform.model.candles import Candles
from qmd_platform.model.spans import (
    Run,
    State,
    clipped,
    in_state,
    intersected,
    merged,
    overlaid,
    parts_outside,
    subtracted,
)
from qmd_platform.model.window import Instant, Window, months
from qmd_platform.reader.asked import HOW_TO_ALLOW, Asked
from qmd_platform.reader.provenance import Outcome, Range, Read, Source
from qmd_platform.reader.sla import Reason
from qmd_platform.reader.stored import Stored, command

NEVER_ASKED = "nobody has asked for it"
NOTHING_FOLLOWED = "the venue omits candles without trades, and nothing has followed yet that proves there is none"

_SHOWN = 3
"""Gaps an error names."""


@dataclass(frozen=True, slots=True)
class Known:
    """States with causes of every wanted candle; the settled windows; the candles by state."""

    runs: tuple[Run, ...]
    settled: tuple[Window, ...]
    summary: Summary

    @classmethod
    def of(cls, runs: Sequence[Run], step: int) -> "Known":
        """The same runs, counted."""
        return cls(tuple(runs), tuple(in_state(runs, *SETTLED)), summarised(runs, step))


@dataclass(slots=True)
class Gathered:
    """What one try of a read has brought so far.

    Attributes:
        asked: the read.
        clock: by which candles are closed, epoch ms: ours, or the venue's once it has said it and is behind ours.
        behind: how far the venue's clock is behind ours, ms; at most 0.
        before: what the lake held at first.
        after: what it holds in the end.
        heard: candles of the live log that the lake lacks.
        backfilled, followed: windows that a backfill, or the live phase's REST tail, was sent to fill.
        by: who did the backfill.
        undecided: what the newest candles are not known of, though the venue has just answered.
        reason: what went wrong first; MET while nothing did.
        failures: in words.
        seconds: what the phases took.
    """

    asked: Asked
    clock: Instant
    behind: int = 0
    before: Stored = field(default_factory=Stored)
    after: Stored = field(default_factory=Stored)
    heard: Candles = field(default_factory=Candles.empty)
    backfilled: list[Window] = field(default_factory=list)
    followed: list[Window] = field(default_factory=list)
    by: str = ""
    undecided: list[Window] = field(default_factory=list)
    reason: Reason = Reason.MET
    failures: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    _known: "tuple[object, Known] | None" = field(default=None, repr=False)

    @property
    def step(self) -> int:
        """The candles' length, ms."""
        return self.asked.series.timeframe.step

    @property
    def wanted(self) -> Window | None:
        """The part of the window whose candles are closed; None when there is none. What was heard is closed."""
        by_clock = expected(self.asked.window, self.step, self.clock)
        if not len(self.heard):
            return by_clock
        snapped = self.asked.window.snapped(self.step)
        until = int(self.heard.open_at[-1]) + self.step
        if snapped is None or (by_clock is not None and by_clock.end >= until):
            return by_clock
        return Window(snapped.start, min(snapped.end, until))

    @property
    def known(self) -> Known:
        """What is known of every wanted candle. Reckoned anew only where something has come since."""
        wanted = self.wanted
        about = (id(self.after), wanted, len(self.heard), tuple(self.undecided))
        if self._known is None or self._known[0] != about:
            self._known = about, Known.of([] if wanted is None else self._runs(wanted), self.step)
        return self._known[1]

    def _runs(self, wanted: Window) -> list[Run]:
        known = clipped(self.after.runs, wanted)
        unknown = [Run(one, State.MISSING, NEVER_ASKED) for one in parts_outside(wanted, [run.window for run in known])]
        runs = merged([*known, *unknown]) if unknown else known
        silent = [Run(one, State.MISSING, NOTHING_FOLLOWED) for one in intersected(self.undecided, [wanted])]
        heard = [Run(one, State.PRESENT) for one in self.heard_windows]
        return overlaid(overlaid(runs, silent), heard) if silent or heard else runs

    @property
    def heard_windows(self) -> list[Window]:
        """What the candles of the log fill."""
        from qmd_platform.reader.tail import heard_windows  # noqa: PLC0415 - tail knows what is asked, not this

        return heard_windows(self.heard, self.step)

    def lacking(self) -> list[Window]:
        """The wanted windows that are not settled; what is undecided has been asked for and lacks nothing."""
        wanted = self.wanted
        return [] if wanted is None else subtracted([wanted], [*self.known.settled, *self.undecided])

    @property
    def candles(self) -> Candles:
        """The rows: the lake's, and what was heard besides."""
        if not len(self.heard):
            return self.after.candles
        rows = Candles.concat([self.after.candles, self.heard])
        return rows.take(np.argsort(rows.open_at, kind="stable"))

    @property
    def is_live(self) -> bool:
        """Whether the window reaches up to the newest closed candle: then it can be stale."""
        return self.asked.window.end >= closed_before(self.clock, self.step)


def fail(got: Gathered, reason: Reason, failure: str = "") -> None:
    """Note what went wrong; the first reason stays."""
    got.reason = reason if got.reason is Reason.MET else got.reason
    if failure:
        got.failures.append(failure)


def outcome(got: Gathered) -> Outcome:
    """Whether what was asked for is met, and why not."""
    summary, settled = got.known.summary, got.known.settled
    lacking = summary.missing + summary.quarantined - sum(one.steps(got.step) for one in got.undecided)
    share = 1.0 if not summary.expected else (summary.expected - lacking) / summary.expected
    staleness = None
    if got.is_live:
        newest = settled[-1].end if settled else got.asked.window.start
        staleness = max(got.clock - newest, 0) / 1000
    reason = verdict(got.asked, got.reason, share, staleness)
    return Outcome(reason, share, staleness, tuple(got.failures), dict(got.seconds))


def verdict(asked: Asked, reason: Reason, share: float, staleness_s: float | None) -> Reason:
    """The code of a read of which ``share`` is there, and which went as ``reason`` says."""
    sla = asked.sla
    needed = asked.required
    if sla is not None and sla.min_coverage is None and reason is not Reason.MET:
        needed = (
            1.0  # what came in the way is a violation, unless the caller has said that less than everything will do
        )
    is_stale = sla is not None and sla.max_staleness_s is not None and (staleness_s or 0.0) > sla.max_staleness_s
    if share >= needed and not is_stale and reason is not Reason.STORAGE_LATE:
        return Reason.MET
    if reason is not Reason.MET:
        return reason
    return Reason.COVERAGE if share < needed else Reason.STALE


def ranges(got: Gathered) -> tuple[Range, ...]:
    """Where each part of what is wanted came from, sorted."""
    wanted = got.wanted
    if wanted is None:
        return ()
    rows, heard = got.candles, got.heard_windows
    settled = subtracted(got.known.settled, heard)
    is_as_before = got.before is got.after
    old = settled if is_as_before else intersected(settled, in_state(clipped(got.before.runs, wanted), *SETTLED))
    new = subtracted(settled, old)
    followed = intersected(new, got.followed)
    parts = [
        *_ranges(rows, _by_month(old, got.after), Source.LAKE),
        *_ranges(rows, [(one, 0) for one in subtracted(new, followed)], Source.BACKFILL, got.by),
        *_ranges(rows, [(one, 0) for one in followed], Source.LIVE, "venue"),
        *_ranges(rows, [(one, 0) for one in heard], Source.LIVE, "log"),
        *_ranges(rows, [(one, 0) for one in subtracted([wanted], got.known.settled)], Source.NOWHERE),
    ]
    return tuple(sorted(parts))


def _by_month(windows: Sequence[Window], held: Stored) -> list[tuple[Window, int]]:
    return [(part, held.versions.get(month, 0)) for one in windows for month, part in months(one)]


def _ranges(rows: Candles, parts: Sequence[tuple[Window, int]], source: Source, detail: str = "") -> list[Range]:
    return [Range(one, source, len(rows.within(one)), version, detail) for one, version in parts]


def refusal(got: Gathered, read: Read) -> Unmet:
    """The error that says what is missing, why, and what to do."""
    asked, told = got.asked, read.provenance.outcome
    lacking = got.lacking()
    count = sum(one.steps(got.step) for one in lacking)
    named = ", ".join(str(one) for one in lacking[:_SHOWN])
    more = f" and {len(lacking) - _SHOWN} more windows" if len(lacking) > _SHOWN else ""
    past = asked.state is not None
    remedy = "`qmd log SERIES` says what came when" if past else f"run `{command(asked.series, lacking)}`"
    then = f"were not there as of commit {got.after.commit}" if past else "are not there"
    said = f"{asked.series}: {count:,} of the candles asked for {then}: {named}{more}"
    if not lacking:
        said = f"{asked.series}: the newest candle in {asked.window} ended {told.staleness_s:,.0f} s ago"
        remedy = "allow a greater max_staleness_s, or look whether the venue trades"
    if told.reason not in {Reason.COVERAGE, Reason.STALE}:
        said = f"{said}; {told.reason.sentence}" + "".join(f": {one}" for one in told.failures[:1])
    hint = f"{remedy}, or {HOW_TO_ALLOW} for what is there" if lacking else remedy
    return Unmet(said, reason=told.reason.value, hint=hint, read=read)
