"""What one try of a read has brought so far, and what is known of every candle by it.

What lives here: ``Gathered``. Nothing here waits for anybody. What does not: getting the rows (``reader.strategies``),
whether they are enough (``reader.judging``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from qmd_platform.coverage.expected import closed_before, expected
from qmd_platform.coverage.plan import SETTLED, to_fetch
from qmd_platform.coverage.summary import Summary, summarised
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
from qmd_platform.model.window import Instant, Window
from qmd_platform.reader.asked import Asked
from qmd_platform.reader.filling import new_run
from qmd_platform.reader.phases import Brought
from qmd_platform.reader.sla import Reason
from qmd_platform.reader.stored import Stored, no_later
from qmd_platform.venues import facts

NEVER_ASKED = "nobody has asked for it"
NOTHING_FOLLOWED = "the venue omits candles without trades, and nothing has followed yet that proves there is none"


@dataclass(frozen=True, slots=True)
class Known:
    """States with causes of every wanted candle; the settled windows; the candles by state; the windows that were traded.

    Where a venue omits candles without trades, one that is known to be empty says that the venue was heard: it is fresh.
    """

    runs: tuple[Run, ...]
    settled: tuple[Window, ...]
    summary: Summary
    fresh: tuple[Window, ...] = ()

    @classmethod
    def of(cls, runs: Sequence[Run], step: int, fresh: Sequence[State]) -> "Known":
        """The same runs, counted; those in a ``fresh`` state are no staleness."""
        return cls(tuple(runs), tuple(in_state(runs, *SETTLED)), summarised(runs, step), tuple(in_state(runs, *fresh)))


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
        run_id: the run of this process's fills.
        refused: candles of the log that break a rule: not there, unless the lake has them.
        undecided: what the newest candles are not known of, though the venue has just answered.
        reason: what went wrong first; MET while nothing did.
        failures: in words.
        seconds: what the phases took.
        is_looked: whether the lake has been looked into; else nothing is known.
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
    run_id: str = field(default_factory=new_run)
    refused: list[Run] = field(default_factory=list)
    undecided: list[Window] = field(default_factory=list)
    reason: Reason = Reason.MET
    failures: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    is_looked: bool = False
    _known: "tuple[object, Known] | None" = field(default=None, repr=False)

    @property
    def step(self) -> int:
        """The candles' length, ms."""
        return self.asked.series.timeframe.step

    @property
    def is_omitting(self) -> bool:
        """Whether the venue omits candles without trades."""
        return facts.of(self.asked.series.venue, self.asked.series.market.kind).omits_empty

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

    def looked(self, held: Stored) -> None:
        """Take in what the lake held at first. What a past state was too early for is not expected of it."""
        self.before = self.after = held
        self.is_looked = True
        self.clock = no_later(self.clock, held.until, held.runs)

    @property
    def known(self) -> Known:
        """What is known of every wanted candle. Reckoned anew only where something has come since."""
        wanted = self.wanted
        about = (id(self.after), wanted, len(self.heard), len(self.refused), tuple(self.undecided))
        if self._known is None or self._known[0] != about:
            fresh = (State.PRESENT, State.VERIFIED_EMPTY) if self.is_omitting else (State.PRESENT,)
            self._known = about, Known.of([] if wanted is None else self._runs(wanted), self.step, fresh)
        return self._known[1]

    def _runs(self, wanted: Window) -> list[Run]:
        known = clipped(self.after.runs, wanted)
        unknown = [Run(one, State.MISSING, NEVER_ASKED) for one in parts_outside(wanted, [run.window for run in known])]
        runs = merged([*known, *unknown]) if unknown else known
        silent = [Run(one, State.MISSING, NOTHING_FOLLOWED) for one in intersected(self.undecided, [wanted])]
        heard = [Run(one, State.PRESENT) for one in self.heard_windows]
        refused = [replace(run, window=one) for run in self.refused for one in to_fetch(run.window, runs)]
        refused = clipped(refused, wanted)
        return overlaid(overlaid(overlaid(runs, silent), refused), heard) if silent or heard or refused else runs

    def take(self, brought: Brought) -> None:
        """What a phase has brought, which came back in time."""
        if brought.venue_time is not None:
            self.clock, self.behind = min(self.clock, brought.venue_time), brought.behind
        if brought.heard is not None:
            self.heard, self.refused = brought.heard, brought.refused
        for one in brought.failures:
            fail(self, Reason.VENUE_FAILED, one)

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
        """The rows: the lake's, and what was heard besides; none that is not closed, though the lake may hold it."""
        wanted = self.wanted
        if wanted is None:
            return Candles.empty()
        rows = self.after.candles.within(wanted)
        if not len(self.heard):
            return rows
        rows = Candles.concat([rows, self.heard])
        return rows.take(np.argsort(rows.open_at, kind="stable"))

    @property
    def is_live(self) -> bool:
        """Whether the window reaches up to the newest closed candle: then it can be stale. The past is history."""
        return self.asked.state is None and self.asked.window.end >= closed_before(self.clock, self.step)


def fail(got: Gathered, reason: Reason, failure: str = "") -> None:
    """Note what went wrong; the first reason stays."""
    got.reason = reason if got.reason is Reason.MET else got.reason
    if failure:
        got.failures.append(failure)
