"""Candles for a person or a program: ``read`` says where they came from, ``candles`` gives the frame alone.

What lives here: the signatures, with nothing imported before it is needed. What does not: what is asked for
(``reader.asked``), the strategies (``reader.strategies``).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, overload

from qmd_platform.model.series import Series
from qmd_platform.model.window import InstantLike
from qmd_platform.reader.asked import HOW_TO_ALLOW, OnMissing, Snapshot, Strategy, asked, named, one_of
from qmd_platform.reader.provenance import Read
from qmd_platform.reader.sla import Sla

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["HOW_TO_ALLOW", "candles", "read", "read_many"]

StrategyName = Literal["fail_fast", "auto_backfill", "partial_fill", "seamless"]
As = Literal["pandas", "arrow"]
When = InstantLike | None


class Options(TypedDict, total=False):
    """What ``read`` and ``candles`` take besides; see ``read``."""

    strategy: StrategyName | None
    as_of: Snapshot
    pin: str | None
    on_missing: OnMissing | None
    sla: Sla | None
    home: Path | str | None
    now: InstantLike | None
    url: str | None


def read(
    market: str | Series,
    timeframe: When = None,
    start: When = None,
    end: When = None,
    *,
    strategy: StrategyName | None = None,
    as_of: Snapshot = None,
    pin: str | None = None,
    on_missing: OnMissing | None = None,
    sla: Sla | None = None,
    home: Path | str | None = None,
    now: InstantLike | None = None,
    url: str | None = None,
) -> Read:
    """The closed candles that open in ``[start, end)``, and where each range of them came from.

    >>> read("binance:BTC/USDT:1m", "2026-10-01", "2026-11-01").frame  # doctest: +SKIP
    >>> read("binance:BTC/USDT", "1m", "2026-10-01", "2026-11-01", pin="backtest-7").frame  # doctest: +SKIP

    Args:
        market: as ``binance:BTC/USDT:USDT``; or a series, as ``binance:BTC/USDT:USDT:1m``, without ``timeframe``.
        timeframe: as ``1m``.
        start: first open time: epoch ms, an aware datetime, ISO text or a date (a bare date is midnight UTC); of numpy an
            integer or a ``datetime64``, which is UTC.
        end: exclusive. Candles that are not closed yet are never among the rows.
        strategy: ``fail_fast``: the lake as it is. ``auto_backfill``: filled first. ``partial_fill``: what is there, filled
            in the background (``Read.filling``). ``seamless``: filled, up to the newest candle from the live log or the
            venue. Default: seamless; of a past state, fail_fast.
        as_of: the lake as it was: a commit's id, a time (ISO text or an aware datetime), a pin's name; None for now.
            Rows and coverage are of that one state, and what was missing then is missing.
        pin: the state that this pin holds; refused unless it holds the series. The same bytes for ever.
        on_missing: ``raise`` unless every closed candle is there or known not to exist; ``allow`` gives what is there.
            Default: raise, but for partial_fill.
        sla: deadlines, coverage, staleness, and what to do when they are not met.
        home: the folder of all state; ``QMD_HOME``, else ``~/.qmd``, where not given.
        now: the clock's time where not given. A venue that is asked has the say about its own candles.
        url: a server that answers for all venues (a sandbox); ``QMD_VENUE_URL``, else the real venues.

    Returns:
        ``frame`` or ``arrow``: columns ``open_at`` (UTC, ms), ``open``, ``high``, ``low``, ``close`` (quote per base),
        ``volume`` (base coins), sorted by ``open_at``; ``provenance``.

    Raises:
        ConfigError: an argument cannot be understood, or two contradict each other.
        Unmet: too little is there; it names the gaps, and ``reason`` is a code.
        CoverageError: there is no lake, or it does not hold the series, and nothing may be fetched.
        CorruptSegment: a file of the lake is damaged.
        BadSnapshot: there is no such commit or pin.
        Vacuumed: a vacuum took what ``as_of`` needs.
        UnknownMarket: the venue does not list it.
        WrongWorld: the lake holds the other world's data (sandbox or live).
    """
    series, window = named(market, timeframe, start, end)
    wanted = asked(
        series,
        window,
        default=Strategy.SEAMLESS,
        strategy=strategy,
        on_missing=on_missing,
        as_of=as_of,
        pin=pin,
        sla=sla,
        home=home,
        now=now,
        url=url,
    )
    from qmd_platform.reader.strategies import served  # noqa: PLC0415 - Arrow, SQL and ingest, not at import

    return served(wanted)


def read_many(
    series: Iterable[str | Series],
    start: InstantLike,
    end: InstantLike,
    *,
    as_of: Snapshot = None,
    pin: str | None = None,
    on_missing: OnMissing | None = None,
    home: Path | str | None = None,
    now: InstantLike | None = None,
) -> dict[str, Read]:
    """The closed candles of many series, all in one state of the lake, by series; quicker than one after the other.

    >>> read_many(["binance:BTC/USDT:1m", "gate:BTC/USDT:1m"], "2026-11-01", "2026-11-02")  # doctest: +SKIP

    From the lake alone. Arguments and errors are those of ``read``; the first series that is not met raises.
    """
    wanted = [
        asked(
            *named(one, None, start, end),
            default=Strategy.FAIL_FAST,
            on_missing=on_missing,
            as_of=as_of,
            pin=pin,
            home=home,
            now=now,
        )
        for one in dict.fromkeys([series] if isinstance(series, str | Series) else series)
    ]
    from qmd_platform.reader.together import served_together  # noqa: PLC0415 - Arrow and SQL, not at import

    return {str(one.provenance.series): one for one in served_together(wanted)}


@overload
def candles(
    market: str | Series,
    timeframe: When = None,
    start: When = None,
    end: When = None,
    *,
    as_: Literal["pandas"] = "pandas",
    **options: Unpack[Options],
) -> "pd.DataFrame": ...


@overload
def candles(
    market: str | Series,
    timeframe: When = None,
    start: When = None,
    end: When = None,
    *,
    as_: Literal["arrow"],
    **options: Unpack[Options],
) -> "pa.Table": ...


def candles(
    market: str | Series,
    timeframe: When = None,
    start: When = None,
    end: When = None,
    *,
    as_: As = "pandas",
    strategy: StrategyName | None = None,
    as_of: Snapshot = None,
    pin: str | None = None,
    on_missing: OnMissing | None = None,
    sla: Sla | None = None,
    home: Path | str | None = None,
    now: InstantLike | None = None,
    url: str | None = None,
) -> "pd.DataFrame | pa.Table":
    """The closed candles that open in ``[start, end)``, as a frame: ``read`` without the rest.

    >>> candles("binance:BTC/USDT", "1m", "2026-10-01", "2026-11-01")  # doctest: +SKIP

    Arguments and errors are those of ``read``, but for ``as_``: ``pandas`` or ``arrow``. ``frame.attrs["qmd"]`` says, per
    range, where a pandas frame came from; ``table.schema.metadata[b"qmd"]`` says it as JSON. What ``partial_fill`` fills in
    the background is in ``reader.fillings()``.
    """
    one_of(as_, ("pandas", "arrow"), "kind of result")
    found = read(
        market,
        timeframe,
        start,
        end,
        strategy=strategy,
        as_of=as_of,
        pin=pin,
        on_missing=on_missing,
        sla=sla,
        home=home,
        now=now,
        url=url,
    )
    return found.frame if as_ == "pandas" else found.arrow
