"""Settled funding for a person or a program: ``read_funding`` says where it came from, ``funding`` gives the frame alone.

What lives here: the signatures, with nothing imported before it is needed. What does not: reading and filling
(``reader.settlements``); predicted rates, which are never among settled ones.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack, overload

from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market, Series
from qmd_platform.model.window import InstantLike
from qmd_platform.reader.asked import OnMissing, Snapshot, Strategy, asked, between, known, one_of
from qmd_platform.reader.candles import As, Options, StrategyName
from qmd_platform.reader.provenance import Read
from qmd_platform.reader.sla import Sla

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["funding", "read_funding"]


def read_funding(
    market: str,
    start: InstantLike,
    end: InstantLike,
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
    """The funding of a perpetual that was settled in ``[start, end)``, and where it came from.

    >>> read_funding("binance:BTC/USDT:USDT", "2026-10-01", "2026-11-01").frame  # doctest: +SKIP

    What is expected is not a settlement every so many hours, since intervals change: it is that the venue was asked for all
    of the window, up to ten minutes ago. Where a settlement seems to be missing all the same, the row after it says so
    (``is_suspect``), and the coverage with it.

    Args:
        market: a perpetual, as ``binance:BTC/USDT:USDT``.
        start: as of ``read``.
        end: exclusive.
        strategy: as of ``read``; there is no live log of settlements, so seamless is the same as auto_backfill.
        as_of: as of ``read``, as are ``pin``, ``on_missing``, ``sla``, ``home``, ``now`` and ``url``.
        pin: see there.
        on_missing: see there.
        sla: see there. Staleness counts from the end of what the venue has answered for.
        home: see there.
        now: see there.
        url: see there.

    Returns:
        ``frame`` or ``arrow``: ``settled_at`` (UTC), ``rate`` (fraction of the notional for the interval that ends then; longs
        pay it where it is positive), ``interval_hours``, ``interval_from``, ``is_suspect``, ``mark``; ``provenance``.

    Raises:
        ConfigError: it is no perpetual; otherwise as ``read``.
    """
    named = Market.parse(market)
    series = known(Series.funding(named))
    if named.kind != "perpetual":
        raise ConfigError(f"{market} has no funding: it is no perpetual", hint="one is written venue:BASE/QUOTE:SETTLE")
    wanted = asked(
        series,
        between(start, end),
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
    from qmd_platform.reader.settlements import served  # noqa: PLC0415 - Arrow, SQL and ingest, not at import

    return served(wanted)


@overload
def funding(
    market: str,
    start: InstantLike,
    end: InstantLike,
    *,
    as_: Literal["pandas"] = "pandas",
    **options: Unpack[Options],
) -> "pd.DataFrame": ...


@overload
def funding(
    market: str, start: InstantLike, end: InstantLike, *, as_: Literal["arrow"], **options: Unpack[Options]
) -> "pa.Table": ...


def funding(
    market: str,
    start: InstantLike,
    end: InstantLike,
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
    """The funding of a perpetual that was settled in ``[start, end)``, as a frame: ``read_funding`` without the rest.

    Arguments and errors are those of ``read_funding``, but for ``as_``: ``pandas`` or ``arrow``.
    """
    one_of(as_, ("pandas", "arrow"), "kind of result")
    found = read_funding(
        market,
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
