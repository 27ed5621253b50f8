"""The four ways to read: the lake alone, filled first, filled behind, or up to the newest candle.

What lives here: which phase follows which, and trying again. What does not: what each phase does (``reader.stored``,
``reader.filling``, ``reader.orchestrated``, ``reader.tail``), the judgement (``reader.judging``).
"""

import time
from collections.abc import Callable, Sequence
from functools import partial

from qmd_platform.coverage.causes import TOO_OLD
from qmd_platform.coverage.plan import to_fetch
from qmd_platform.errors import DagsterError, UnknownMarket, Unmet, VenueError
from qmd_platform.lake.rows import content_hash
from qmd_platform.model import tables
from qmd_platform.model.candles import Candles
from qmd_platform.model.spans import intersected, subtracted, united
from qmd_platform.model.window import Instant, Window
from qmd_platform.reader import filling, judging, tail
from qmd_platform.reader.asked import Asked, Strategy
from qmd_platform.reader.filling import Errand
from qmd_platform.reader.judging import Gathered, fail
from qmd_platform.reader.provenance import Provenance, Read
from qmd_platform.reader.sla import Phase, Reason
from qmd_platform.reader.stored import stored
from qmd_platform.reader.waiting import Countdown, CutOff, Filling, insisted
from qmd_platform.venues import facts

TAIL = 250
"""Candles up to which the newest gap is the live phase's: they fit into one page of every venue. A longer one is backfilled."""

HERE = "in process"
IN_DAGSTER = "dagster"


def served(asked: Asked) -> Read:
    """The read, by its strategy.

    Raises:
        Unmet: what was asked for is not met, and the caller wants no less.
        CoverageError, BadSnapshot, Vacuumed, LakeError: the lake cannot be read so.
        UnknownMarket, ConfigError, WrongWorld: it cannot be filled so.
    """

    def tried(clock: Countdown) -> tuple[Read, Callable[[], Unmet]]:
        got, behind = _tried(asked, clock)
        read = read_of(got, behind)
        return read, lambda: judging.refusal(got, read)

    return insisted(asked, tried)


def _tried(asked: Asked, clock: Countdown) -> tuple[Gathered, Filling | None]:
    got = Gathered(asked, _now() if asked.now is None else asked.now)
    behind: Filling | None = None
    try:
        got.before = got.after = clock.phase(Phase.STORAGE, lambda _: stored(asked))
        if asked.strategy is Strategy.PARTIAL_FILL:
            behind = _behind(got)
        elif asked.strategy is not Strategy.FAIL_FAST:
            _filled(got, clock)
    except CutOff as late:
        fail(got, late.reason)
    got.seconds = clock.seconds
    return got, behind


def _filled(got: Gathered, clock: Countdown) -> None:
    """Fill what is lacking, phase by phase; each may fail by itself. Then look into the lake again."""
    newest: list[Window] = []
    if got.asked.strategy is Strategy.SEAMLESS:
        newest = _newest(got)
        _guarded(got, lambda: clock.phase(Phase.LIVE, lambda _: _listen(got)))
    if old := _asked_for(subtracted(got.lacking(), newest), got):
        got.backfilled = old
        _guarded(got, lambda: clock.phase(Phase.BACKFILL, partial(_backfill, got, old)))
        newest = _onward(got, newest)
    if intersected(got.lacking(), newest):
        got.followed = newest
        _guarded(got, lambda: clock.phase(Phase.LIVE, partial(_fill_here, got, newest)))
    if got.backfilled or got.followed:
        got.after = clock.phase(Phase.STORAGE, lambda _: stored(got.asked))
        got.heard = _unheard(got)
        _leave_undecided(got)


def _newest(got: Gathered) -> list[Window]:
    """The lake's newest gap, where it goes on from held candles to the last closed one and fits into a page; else none."""
    wanted, lacking = got.wanted, got.lacking()
    if wanted is None or not lacking or not got.is_live:
        return []
    newest = lacking[-1]
    goes_on = newest.start > wanted.start and newest.end == wanted.end
    return [newest] if goes_on and newest.steps(got.step) <= TAIL else []


def _onward(got: Gathered, newest: list[Window]) -> list[Window]:
    """``newest``, and what has closed while the backfill took its time."""
    before = got.wanted
    if got.asked.strategy is not Strategy.SEAMLESS or got.asked.now is not None or before is None or not got.is_live:
        return newest
    got.clock = max(got.clock, _now() + got.behind)
    after = got.wanted
    if after is None or after.end <= before.end:
        return newest
    _listen(got)
    return united([*newest, Window(before.end, after.end)])


def _listen(got: Gathered) -> None:
    """Take from the log what the lake lacks, of a live window up to its end: what was heard as closed, is."""
    asked = got.asked
    until = asked.window.snapped(got.step) if got.is_live else got.wanted
    if until is not None and (unknown := to_fetch(until, got.after.runs)):
        got.heard = tail.heard(asked, unknown)


def _unheard(got: Gathered) -> Candles:
    """What was heard and the lake still lacks: where it has a candle now, the lake's counts."""
    if not len(got.heard):
        return got.heard
    return Candles.concat([got.heard.within(one) for one in to_fetch(got.asked.window, got.after.runs)])


def _asked_for(windows: Sequence[Window], got: Gathered) -> list[Window]:
    """``windows`` without what the venue has said it does not serve any more."""
    return subtracted(windows, [run.window for run in got.after.runs if run.cause == TOO_OLD])


def _backfill(got: Gathered, windows: Sequence[Window], seconds: float | None) -> None:
    url = filling.dagster_url()
    if url is None:
        got.by = HERE
        _fill_here(got, windows, seconds)
        return
    from qmd_platform.reader import orchestrated  # noqa: PLC0415 - requests, which only this way needs

    got.by = IN_DAGSTER
    orchestrated.fill(_errand(got.asked, windows), url, seconds)


def _fill_here(got: Gathered, windows: Sequence[Window], seconds: float | None) -> None:
    def told(venue_time: Instant) -> None:
        got.clock, got.behind = min(got.clock, venue_time), min(venue_time - _now(), 0)

    failures = filling.fill(_errand(got.asked, windows), seconds, told)
    for one in failures:
        fail(got, Reason.VENUE_FAILED, one)


def _errand(asked: Asked, windows: Sequence[Window]) -> Errand:
    return Errand(asked.series, Window(windows[0].start, windows[-1].end), asked.home, asked.url)


def _guarded(got: Gathered, phase: Callable[[], None]) -> None:
    """The phase; what a deadline, a venue or Dagster does to it is noted, and the next one may go better."""
    try:
        phase()
    except CutOff as late:
        fail(got, late.reason)
    except UnknownMarket:
        raise
    except VenueError as error:
        fail(got, Reason.VENUE_FAILED, str(error))
    except DagsterError as error:
        fail(got, Reason.DAGSTER_FAILED, str(error))


def _leave_undecided(got: Gathered) -> None:
    """Where a venue omits candles without trades, the newest ones stay open until something follows."""
    asked, wanted = got.asked, got.wanted
    lacking = got.lacking()
    omits = facts.of(asked.series.venue, asked.series.market.kind).omits_empty
    if got.reason is Reason.MET and omits and wanted and lacking and lacking[-1].end == wanted.end:
        got.undecided = [lacking[-1]]


def _behind(got: Gathered) -> Filling | None:
    """Begin to fill what is lacking; None when there is nothing to fill."""
    lacking = _asked_for(got.lacking(), got)
    if not lacking:
        return None
    aside = Gathered(got.asked, got.clock)  # the thread's own: what it learns must not change what is being read
    return Filling(lambda: _raise_failures(aside, lacking))


def _raise_failures(aside: Gathered, lacking: Sequence[Window]) -> None:
    _backfill(aside, lacking, None)
    if aside.failures:
        raise VenueError(aside.asked.series.venue, aside.failures[0], hint="read again later; what came is kept")


def read_of(got: Gathered, behind: Filling | None = None) -> Read:
    """What has been gathered, with its provenance and the judgement."""
    candles, asked = got.candles, got.asked
    provenance = Provenance(
        asked.series,
        asked.window,
        asked.strategy.value,
        got.after.commit,
        judging.ranges(got),
        got.known.runs,
        judging.outcome(got),
        got.known.summary,
        hashed=partial(_hash, candles),
    )
    return Read(candles, provenance, behind)


def _hash(candles: Candles) -> str:
    return content_hash(tables.CANDLES, candles.to_arrow())


def _now() -> Instant:
    return time.time_ns() // 1_000_000
