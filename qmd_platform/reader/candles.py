"""Candles out of the lake, whole or not at all.

What lives here: ``candles`` and ``gaps``. What does not: the lake's own reading (``lake.store``), which never asks
whether anything is missing.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from qmd_platform.config import is_lake_there, lake_root, open_lake
from qmd_platform.coverage.expected import expected
from qmd_platform.coverage.plan import to_fetch
from qmd_platform.errors import ConfigError, CoverageError, choices
from qmd_platform.lake.store import Lake
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Market, Series
from qmd_platform.model.spans import Run
from qmd_platform.model.timeframe import timeframe as parsed_timeframe
from qmd_platform.model.window import Instant, InstantLike, Window, instant, iso
from qmd_platform.venues.facts import known_venue

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Snapshot = int | str | datetime | None
"""A state of the lake: a commit's id, a time or a pin's name, a time; None for now."""

HOW_TO_ALLOW = "pass on_missing='allow'"
"""What a refusal for missing candles says to a caller from Python."""

_SHOWN = 3
"""Gaps an error names."""


@overload
def candles(
    market: str,
    timeframe: str,
    start: InstantLike,
    end: InstantLike,
    *,
    as_: Literal["pandas"] = "pandas",
    home: Path | str | None = None,
    on_missing: Literal["raise", "allow"] = "raise",
    now: InstantLike | None = None,
    as_of: Snapshot = None,
) -> "pd.DataFrame": ...


@overload
def candles(
    market: str,
    timeframe: str,
    start: InstantLike,
    end: InstantLike,
    *,
    as_: Literal["arrow"],
    home: Path | str | None = None,
    on_missing: Literal["raise", "allow"] = "raise",
    now: InstantLike | None = None,
    as_of: Snapshot = None,
) -> "pa.Table": ...


def candles(
    market: str,
    timeframe: str,
    start: InstantLike,
    end: InstantLike,
    *,
    as_: Literal["pandas", "arrow"] = "pandas",
    home: Path | str | None = None,
    on_missing: Literal["raise", "allow"] = "raise",
    now: InstantLike | None = None,
    as_of: Snapshot = None,
) -> "pd.DataFrame | pa.Table":
    """The candles of a market that open in ``[start, end)``.

    >>> candles("binance:BTC/USDT", "1m", "2026-10-01", "2026-11-01")  # doctest: +SKIP

    Args:
        market: as ``binance:BTC/USDT`` or ``binance:BTC/USDT:USDT``.
        timeframe: as ``1m``.
        start: first open time: epoch ms, an aware datetime, or ISO text (a bare date is midnight UTC).
        end: exclusive.
        as_: ``pandas`` or ``arrow``.
        home: the folder of all state; ``QMD_HOME``, else ``~/.qmd``, where not given.
        on_missing: ``raise`` unless every candle that was closed by ``now`` is there or known not to exist;
            ``allow`` gives what is there (``gaps`` says what is not).
        now: the clock's time where not given.
        as_of: the lake as it was: a commit's id, a time (ISO text or an aware datetime), a pin's name; None for now.
            Rows and coverage are of that one state, and what was missing then is missing.

    Returns:
        columns ``open_at`` (UTC, ms), ``open``, ``high``, ``low``, ``close`` (quote per base), ``volume`` (base
        coins), sorted by ``open_at``.

    Raises:
        ConfigError: a name or time cannot be understood; a time of day has no zone.
        CoverageError: the lake does not hold the series, or not all of the window.
        CorruptSegment: a file of the lake is damaged.
        BadSnapshot: there is no such commit or pin.
        Vacuumed: a vacuum took what ``as_of`` needs.
    """
    if as_ not in ("pandas", "arrow"):
        raise ConfigError(f"cannot give candles as {as_!r}", hint="choose pandas or arrow")
    if on_missing not in ("raise", "allow"):
        raise ConfigError(f"cannot treat missing candles as {on_missing!r}", hint="choose raise or allow")
    series, window = _asked(market, timeframe, start, end)
    with _lake(home, series, _snapshot(as_of)) as (lake, commit):
        held = lake.held(series, window, as_of=commit)
    if on_missing == "raise":
        _refuse_gaps(series, _gaps(held.runs, series, window, now), commit)
    return _frame(held.candles) if as_ == "pandas" else held.candles.to_arrow()


def gaps(
    market: str,
    timeframe: str,
    start: InstantLike,
    end: InstantLike,
    *,
    home: Path | str | None = None,
    now: InstantLike | None = None,
    as_of: Snapshot = None,
) -> list[Window]:
    """The windows inside ``[start, end)`` whose candles should be there by ``now`` and are not.

    Arguments and errors are those of ``candles``.
    """
    series, window = _asked(market, timeframe, start, end)
    with _lake(home, series, _snapshot(as_of)) as (lake, commit):
        return _gaps(lake.coverage(series, window, as_of=commit), series, window, now)


def _asked(market: str, timeframe: str, start: InstantLike, end: InstantLike) -> tuple[Series, Window]:
    named = Market.parse(market)
    known_venue(named.venue)
    return Series.candles(named, parsed_timeframe(timeframe)), Window.of(start, end)


def _snapshot(as_of: Snapshot) -> int | str | None:
    return iso(instant(as_of, "as_of")) if isinstance(as_of, datetime) else as_of


@contextmanager
def _lake(home: Path | str | None, series: Series, as_of: int | str | None) -> Iterator[tuple[Lake, int | None]]:
    """The lake, if it is there and holds ``series``, and the commit to read as of (None for now)."""
    folder = Path(home).expanduser() if home is not None else None
    root = lake_root(folder)
    if not is_lake_there(folder):
        hint = f"fill it with `{_command(series)}`, or point QMD_HOME at another folder"
        raise CoverageError(f"there is no lake in {root}", hint=hint)
    with open_lake(folder) as lake:
        if not lake.states(series):
            held = [str(one) for one in lake.series()]
            close = f"{choices(str(series), held)}; " if held else ""
            hint = f"{close}or fetch it with `{_command(series)}`; is QMD_HOME right? the lake read is {root}"
            raise CoverageError(f"the lake does not hold {series}", hint=hint.removeprefix("or "))
        yield lake, None if as_of is None else lake.ledger.resolved(as_of, series)


def _gaps(runs: Sequence[Run], series: Series, window: Window, now: InstantLike | None) -> list[Window]:
    clock: Instant = time.time_ns() // 1_000_000 if now is None else instant(now, "now")
    wanted = expected(window, series.timeframe.step, clock)
    return to_fetch(wanted, runs) if wanted else []


def _refuse_gaps(series: Series, missing: Sequence[Window], commit: int | None) -> None:
    if not missing:
        return
    count = sum(one.steps(series.timeframe.step) for one in missing)
    named = ", ".join(str(one) for one in missing[:_SHOWN])
    more = f" and {len(missing) - _SHOWN} more windows" if len(missing) > _SHOWN else ""
    remedy = f"run `{_command(series, missing)}`" if commit is None else "`qmd log SERIES` says what came when"
    then = "are not there" if commit is None else f"were not there as of commit {commit}"
    raise CoverageError(
        f"{series}: {count:,} of the candles asked for {then}: {named}{more}",
        hint=f"{remedy}, or {HOW_TO_ALLOW} for what is there",
    )


def _command(series: Series, missing: Sequence[Window] = ()) -> str:
    span = f" --start {iso(missing[0].start)} --end {iso(missing[-1].end)}" if missing else " --start 2026-01-01"
    return f"qmd backfill {series.market} --timeframe {series.timeframe.value}{span}"


def _frame(found: Candles) -> "pd.DataFrame":
    import pandas as pd  # noqa: PLC0415 - a second, and Arrow readers need none of it

    columns = {name: getattr(found, name) for name in COLUMNS}
    columns["open_at"] = pd.DatetimeIndex(found.open_at.view("M8[ms]")).tz_localize("UTC")
    return pd.DataFrame(columns, copy=False)
