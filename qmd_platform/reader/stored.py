"""What the lake holds of a window, in one state of it.

What lives here: opening the lake for a read and settling the state it is of. What does not: what is done about gaps
(``reader.strategies``).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from qmd_platform.config import is_lake_there, lake_root, open_lake
from qmd_platform.coverage.expected import SETTLE_MS
from qmd_platform.errors import BadSnapshot, CoverageError, choices
from qmd_platform.lake.store import Held, Lake
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Series
from qmd_platform.model.spans import Run
from qmd_platform.model.window import Instant, Window, iso
from qmd_platform.reader.asked import Asked, Strategy

LATEST = 1_000
"""Versions of a series that are looked through for those of one run, which has just ended."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Rows and coverage of one commit.

    Attributes:
        commit: its id.
        candles, runs: rows; what is known.
        versions: the newest version of each month's files.
        ours: months that the run asked about has committed.
        until: of a past state: when it was made. What closed later is not expected of it, however late it is read.
    """

    commit: int = 0
    candles: Candles = field(default_factory=Candles.empty)
    runs: tuple[Run, ...] = ()
    versions: Mapping[str, int] = field(default_factory=dict)
    until: Instant | None = None
    ours: frozenset[str] = frozenset()


def stored(asked: Asked, run_id: str | None = None) -> Stored:
    """What the lake holds of what is asked for, and of which months the run ``run_id`` has committed some.

    Raises:
        CoverageError: there is no lake, or it does not hold the series, and nobody may fetch it.
        BadSnapshot: there is no such state, or the pin does not hold the series.
        Vacuumed: a vacuum took it.
    """
    if asked.strategy is not Strategy.FAIL_FAST and not is_lake_there(asked.home):
        return Stored()
    with the_lake(asked) as (lake, commit):
        ours = frozenset() if run_id is None else brought_by(lake, asked.series, run_id)
        held = lake.held(asked.series, whole_candles([asked]), as_of=commit)
        return replace(_stored(held, made_at(lake, commit)), ours=ours)


def stored_together(many: Sequence[Asked]) -> list[Stored]:
    """What the lake holds of each, all of the same window and in the same state; errors as ``stored``."""
    with the_lake(many[0]) as (lake, commit):
        for one in many[1:]:
            refuse_unheld(lake, one)
            _commit(lake, one)
        held = lake.held_of([one.series for one in many], whole_candles(many), as_of=commit)
        until = made_at(lake, commit)
    return [_stored(held[one.series], until) for one in many]


def whole_candles(many: Sequence[Asked]) -> Window:
    """The window up to the end of each series' last candle that opens in it: what is known of a candle is known of all of it."""
    window = many[0].window
    return Window(
        window.start, max(-(-window.end // step) * step for step in {one.series.timeframe.step for one in many})
    )


def brought_by(lake: Lake, series: Series, run_id: str) -> frozenset[str]:
    """The months of ``series`` in which the run has committed something."""
    return frozenset(one.partition.month for one in lake.ledger.versions(series, LATEST) if one.run_id == run_id)


def made_at(lake: Lake, commit: int | None) -> Instant | None:
    """When a past state was made; None for now, and for before the first commit."""
    return None if commit is None else lake.ledger.committed_at(commit)


def no_later(clock: Instant, until: Instant | None, runs: Sequence[Run]) -> Instant:
    """``clock``, or for a past state (``until``) that of its time: when it was made, or what it knew of, if that is later.

    A sandbox, and a venue whose clock is ahead of ours, close candles before our clock says so.
    """
    if until is None:
        return clock
    return min(clock, max(until, runs[-1].window.end + SETTLE_MS if runs else 0))


def _stored(held: Held, until: Instant | None = None) -> Stored:
    versions: dict[str, int] = {}
    for one in held.segments:
        versions[one.partition.month] = max(versions.get(one.partition.month, 0), one.version)
    return Stored(held.commit, held.candles, held.runs, versions, until)


@contextmanager
def the_lake(asked: Asked) -> Iterator[tuple[Lake, int | None]]:
    """The lake, if it is there and holds the series (or somebody may fetch it), and the commit to read (None for now)."""
    root = lake_root(asked.home)
    if not is_lake_there(asked.home):
        hint = f"fill it with `{command(asked.series, [asked.window])}`, or point QMD_HOME at another folder"
        raise CoverageError(f"there is no lake in {root}", hint=hint)
    with open_lake(asked.home) as lake:
        refuse_unheld(lake, asked)
        yield lake, _commit(lake, asked)


def refuse_unheld(lake: Lake, asked: Asked) -> None:
    """CoverageError when the lake does not hold the series at all, and nobody may fetch it: a name may be misspelt."""
    if asked.strategy is not Strategy.FAIL_FAST or lake.states(asked.series):
        return
    held = [str(one) for one in lake.series()]
    close = f"{choices(str(asked.series), held)}; " if held else ""
    fill = command(asked.series, [asked.window])
    fetch = f"or fetch it with `{fill}`; is QMD_HOME right? the lake read is {lake_root(asked.home)}"
    raise CoverageError(f"the lake does not hold {asked.series}", hint=f"{close}{fetch}".removeprefix("or "))


def _commit(lake: Lake, asked: Asked) -> int | None:
    if asked.state is None:
        return None
    if asked.is_pin:
        pins = {one.name: one for one in lake.ledger.pins()}
        pin = pins.get(str(asked.state))
        if pin is None:
            raise BadSnapshot(
                f"there is no pin {asked.state!r}", hint=choices(str(asked.state), pins) if pins else None
            )
        if not pin.covers(asked.series):
            hint = "what it does not hold may be vacuumed; pin this series too, or read with as_of"
            raise BadSnapshot(f"the pin {pin.name} does not hold {asked.series}", hint=hint)
    return lake.ledger.resolved(asked.state, asked.series)


def command(series: Series, missing: Sequence[Window] = ()) -> str:
    """What fetches a series, or what is missing of it."""
    span = f" --start {iso(missing[0].start)} --end {iso(missing[-1].end)}" if missing else " --start 2026-01-01"
    if not series.is_candles:
        return f"qmd dev` and a backfill of {series.venue}/{series.table}"
    return f"qmd backfill {series.market} --timeframe {series.timeframe.value}{span}"
