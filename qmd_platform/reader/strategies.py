"""The four ways to read: the lake alone, filled first, filled behind, or up to the newest candle.

What lives here: which phase follows which, and trying again. What does not: what each phase does (``reader.stored``,
``reader.phases``), the judgement (``reader.judging``).
"""

from collections.abc import Callable, Sequence
from functools import partial

from qmd_platform.coverage.causes import TOO_OLD, UNPROVEN
from qmd_platform.coverage.plan import to_fetch
from qmd_platform.errors import DagsterError, UnknownMarket, Unmet, VenueError
from qmd_platform.ingest.rollup import NOT_WHOLE
from qmd_platform.lake.rows import content_hash
from qmd_platform.model import tables
from qmd_platform.model.candles import Candles
from qmd_platform.model.spans import State, intersected, subtracted, united
from qmd_platform.model.window import Window
from qmd_platform.reader import behind, clocks, judging, phases
from qmd_platform.reader.asked import Asked, Strategy
from qmd_platform.reader.gathered import NEVER_ASKED, Gathered, fail
from qmd_platform.reader.phases import Brought
from qmd_platform.reader.provenance import Provenance, Read
from qmd_platform.reader.sla import Phase, Reason
from qmd_platform.reader.stored import stored
from qmd_platform.reader.waiting import Countdown, CutOff, Filling, insisted

TAIL = 250
"""Candles up to which the newest gap is the live phase's: they fit into one page of every venue. A longer one is backfilled."""

OPEN = frozenset({NEVER_ASKED, UNPROVEN, NOT_WHOLE})
"""What is said of a candle that the venue has just left out: too young to be written down, unproven, or made of such ones."""


def served(asked: Asked) -> Read:
    """The read, by its strategy.

    Raises:
        Unmet: what was asked for is not met, and the caller wants no less.
        CoverageError, BadSnapshot, Vacuumed, LakeError: the lake cannot be read so.
        UnknownMarket, ConfigError, WrongWorld: it cannot be filled so.
    """

    def tried(clock: Countdown) -> tuple[Read, Callable[[], Unmet]]:
        got, filled_behind = _tried(asked, clock)
        read = read_of(got, filled_behind)
        return read, lambda: judging.refusal(got, read)

    return insisted(asked, tried)


def _tried(asked: Asked, clock: Countdown) -> tuple[Gathered, Filling | None]:
    got = Gathered(asked, clocks.now() if asked.now is None else asked.now)
    filled_behind: Filling | None = None
    try:
        got.looked(clock.phase(Phase.STORAGE, lambda _: stored(asked)))
        if asked.strategy is Strategy.PARTIAL_FILL:
            filled_behind = _behind(got)
        elif asked.strategy is not Strategy.FAIL_FAST:
            _filled(got, clock)
    except CutOff as late:
        fail(got, late.reason, late.reason.sentence)
    got.seconds = clock.seconds
    return got, filled_behind


def _filled(got: Gathered, clock: Countdown) -> None:
    """Fill what is lacking, phase by phase; each may fail by itself. Then look into the lake again."""
    newest: list[Window] = []
    if got.asked.strategy is Strategy.SEAMLESS:
        newest = _newest(got)
        _listen(got, clock)
    if old := _asked_for(subtracted(got.lacking(), newest), got):
        got.backfilled, got.by = old, phases.backfiller()
        _guarded(got, clock, Phase.BACKFILL, partial(phases.backfill, got.asked, old, got.run_id))
        newest = _onward(got, clock, newest)
    if intersected(got.lacking(), newest):
        got.followed = newest
        _guarded(got, clock, Phase.LIVE, partial(phases.fill_here, got.asked, newest, got.run_id))
    if got.backfilled or got.followed:
        got.after = clock.phase(Phase.STORAGE, lambda _: stored(got.asked, got.run_id))
        got.heard = _unheard(got)
        got.undecided = _undecided(got)


def _newest(got: Gathered) -> list[Window]:
    """The lake's newest gap, where it goes on from held candles to the last closed one and fits into a page; else none."""
    wanted, lacking = got.wanted, got.lacking()
    if wanted is None or not lacking or not got.is_live:
        return []
    newest = lacking[-1]
    goes_on = newest.start > wanted.start and newest.end == wanted.end
    return [newest] if goes_on and newest.steps(got.step) <= TAIL else []


def _onward(got: Gathered, clock: Countdown, newest: list[Window]) -> list[Window]:
    """``newest``, and what has closed while the backfill took its time."""
    before = got.wanted
    if got.asked.strategy is not Strategy.SEAMLESS or got.asked.now is not None or before is None or not got.is_live:
        return newest
    got.clock = max(got.clock, clocks.now() + got.behind)
    after = got.wanted
    if after is None or after.end <= before.end:
        return newest
    _listen(got, clock)
    return united([*newest, Window(before.end, after.end)])


def _listen(got: Gathered, clock: Countdown) -> None:
    """Take from the log what the lake lacks, of a live window up to its end: what was heard as closed, is."""
    asked = got.asked
    until = asked.window.snapped(got.step) if got.is_live else got.wanted
    # Who names the time wants nothing later; else a venue may be ahead of our clock, but not by a candle.
    closed = got.clock if asked.now is not None else got.clock + got.step
    until = None if until is None else until.intersection(Window(0, closed // got.step * got.step))
    if until is not None and (unknown := to_fetch(until, got.after.runs)):
        _guarded(got, clock, Phase.LIVE, lambda _, brought: phases.hear(asked, unknown, brought))


def _unheard(got: Gathered) -> Candles:
    """What was heard and the lake still lacks: where it has a candle now, the lake's counts."""
    if not len(got.heard):
        return got.heard
    return Candles.concat([got.heard.within(one) for one in to_fetch(got.asked.window, got.after.runs)])


def _asked_for(windows: Sequence[Window], got: Gathered) -> list[Window]:
    """``windows`` without what the venue has said it does not serve any more."""
    return subtracted(windows, [run.window for run in got.after.runs if run.cause == TOO_OLD])


def _guarded(got: Gathered, clock: Countdown, phase: Phase, work: Callable[[float | None, Brought], None]) -> None:
    """One phase; what a deadline, a venue or Dagster does to it is noted, and the next one may go better."""
    brought = Brought()
    try:
        with brought.stop:
            clock.phase(phase, lambda seconds: work(seconds, brought))
    except CutOff as late:
        fail(got, late.reason, late.reason.sentence)
        got.failures += filter(None, [brought.trouble])
        return  # its thread may go on, and what it writes down then is of no read
    except UnknownMarket:
        raise
    except VenueError as error:
        fail(got, Reason.VENUE_FAILED, str(error))
    except DagsterError as error:
        fail(got, Reason.DAGSTER_FAILED, str(error))
    got.take(brought)


def _undecided(got: Gathered) -> list[Window]:
    """Where a venue omits candles without trades, the newest ones stay open until something follows them.

    None of those that have not just been asked for here, that came and were refused, or that are more than a page.
    """
    wanted = got.wanted
    if wanted is None or got.reason is not Reason.MET or not got.is_omitting:
        return []
    silent: list[Window] = []
    for run in reversed(got.known.runs):
        if run.state is not State.MISSING or run.cause not in OPEN:
            break
        silent.append(run.window)
    asked_here = (got.backfilled if got.by == phases.HERE else [], got.followed)
    answered = [Window(windows[0].start, windows[-1].end) for windows in asked_here if windows]
    is_answered = united(silent) == intersected(silent, answered)
    return united(silent) if is_answered and sum(one.steps(got.step) for one in silent) <= TAIL else []


def _behind(got: Gathered) -> Filling | None:
    """Begin to fill what is lacking; None when there is nothing to fill."""
    lacking = _asked_for(got.lacking(), got)
    if not lacking:
        return None
    asked, run_id = got.asked, got.run_id
    return behind.begun(asked, lambda: _raise_failures(asked, lacking, run_id))


def _raise_failures(asked: Asked, lacking: Sequence[Window], run_id: str) -> None:
    brought = Brought()
    phases.backfill(asked, lacking, run_id, None, brought)
    if brought.failures:
        raise VenueError(asked.series.venue, brought.failures[0], hint="read again later; what came is kept")


def read_of(got: Gathered, filled_behind: Filling | None = None) -> Read:
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
    return Read(candles, provenance, filled_behind)


def _hash(candles: Candles) -> str:
    return content_hash(tables.CANDLES, candles.to_arrow())
