"""What the lake holds of a window, in one state of it.

What lives here: opening the lake for a read and settling the state it is of. What does not: what is done about gaps
(``reader.strategies``).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from qmd_platform.config import is_lake_there, lake_root, open_lake
from qmd_platform.errors import BadSnapshot, CoverageError, choices
from qmd_platform.lake.store import Held, Lake
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Series
from qmd_platform.model.spans import Run
from qmd_platform.model.window import Window, iso
from qmd_platform.reader.asked import Asked, Strategy


@dataclass(frozen=True, slots=True)
class Stored:
    """Rows and coverage of one commit. ``versions`` is the newest version of each month's files."""

    commit: int = 0
    candles: Candles = field(default_factory=Candles.empty)
    runs: tuple[Run, ...] = ()
    versions: Mapping[str, int] = field(default_factory=dict)


def stored(asked: Asked) -> Stored:
    """What the lake holds of what is asked for.

    Raises:
        CoverageError: there is no lake, or it does not hold the series, and nobody may fetch it.
        BadSnapshot: there is no such state, or the pin does not hold the series.
        Vacuumed: a vacuum took it.
    """
    if asked.strategy is not Strategy.FAIL_FAST and not is_lake_there(asked.home):
        return Stored()
    with the_lake(asked) as (lake, commit):
        return _stored(lake.held(asked.series, asked.window, as_of=commit))


def stored_together(many: Sequence[Asked]) -> list[Stored]:
    """What the lake holds of each, all of the same window and in the same state; errors as ``stored``."""
    with the_lake(many[0]) as (lake, commit):
        for one in many[1:]:
            _commit(lake, one)
        held = lake.held_of([one.series for one in many], many[0].window, as_of=commit)
    return [_stored(held[one.series]) for one in many]


def _stored(held: Held) -> Stored:
    versions: dict[str, int] = {}
    for one in held.segments:
        versions[one.partition.month] = max(versions.get(one.partition.month, 0), one.version)
    return Stored(held.commit, held.candles, held.runs, versions)


@contextmanager
def the_lake(asked: Asked) -> Iterator[tuple[Lake, int | None]]:
    """The lake, if it is there and holds the series (or somebody may fetch it), and the commit to read (None for now)."""
    root = lake_root(asked.home)
    if not is_lake_there(asked.home):
        hint = f"fill it with `{command(asked.series)}`, or point QMD_HOME at another folder"
        raise CoverageError(f"there is no lake in {root}", hint=hint)
    with open_lake(asked.home) as lake:
        if asked.strategy is Strategy.FAIL_FAST and not lake.states(asked.series):
            held = [str(one) for one in lake.series()]
            close = f"{choices(str(asked.series), held)}; " if held else ""
            fetch = f"or fetch it with `{command(asked.series)}`; is QMD_HOME right? the lake read is {root}"
            hint = f"{close}{fetch}".removeprefix("or ")
            raise CoverageError(f"the lake does not hold {asked.series}", hint=hint)
        yield lake, _commit(lake, asked)


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
