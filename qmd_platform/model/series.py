"""What data is called: market, series, partition; one module turns them into every other spelling.

What lives here: ``binance:BTC/USDT:USDT`` (market), ``binance:BTC/USDT:USDT:1m`` (series), their Dagster
partition key, slug and lake folder, and the way back from each. Not here: whether a venue lists the symbol
(``venues``), what a table's columns are (``model.tables``).

| notion | spelling |
|---|---|
| market | ``binance:BTC/USDT:USDT`` |
| slug (Dagster's market dimension) | ``binance~BTC-USDT_USDT`` |
| Dagster partition key | ``binance~BTC-USDT_USDT|2026-11`` |
| lake folder | ``table=candles_1m/venue=binance/market=BTC%2FUSDT%3AUSDT/month=2026-11`` |
"""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote

from qmd_platform.errors import ConfigError
from qmd_platform.model.timeframe import Timeframe, timeframe
from qmd_platform.model.window import Window, month_window

WHOLE = "all"
"""The one partition of a table that is not cut by month (instruments)."""

_CANDLES = "candles_"
_SYMBOL = re.compile(r"[^\s/:|,\[\]]+/[^\s/:|,\[\]]+(:[^\s/:|,\[\]]+)?")
_VENUE = re.compile(r"[a-z][a-z0-9]*")
_SHAPE = "a market is written venue:BASE/QUOTE or venue:BASE/QUOTE:SETTLE, for example binance:BTC/USDT:USDT"


@dataclass(frozen=True, slots=True, order=True)
class Market:
    """One instrument at one venue. ``symbol`` is ccxt's unified symbol."""

    venue: str
    symbol: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The market written ``binance:BTC/USDT:USDT``; ConfigError when it is not of that shape."""
        venue, _, symbol = text.strip().partition(":")
        if not _VENUE.fullmatch(venue) or not _SYMBOL.fullmatch(symbol):
            raise ConfigError(f"{text!r} is not a market", hint=_SHAPE)
        head, _, tail = symbol.rpartition(":")
        if head and tail in set(Timeframe):
            raise ConfigError(
                f"{text!r} is a series, not a market", hint=f"the market is {venue}:{head}, the timeframe {tail}"
            )
        return cls(venue, symbol)

    @classmethod
    def from_slug(cls, slug: str) -> Self:
        """The market whose ``slug`` this is."""
        venue, mark, rest = slug.partition("~")
        base, dash, rest = rest.partition("-")
        quoted, colon, settle = rest.partition("_")
        if not (mark and dash):
            raise ConfigError(f"{slug!r} is not a market slug", hint="it looks like binance~BTC-USDT_USDT")
        symbol = f"{unquote(base)}/{unquote(quoted)}" + (f":{unquote(settle)}" if colon else "")
        return cls.parse(f"{venue}:{symbol}")

    @property
    def slug(self) -> str:
        """File-, URL- and Dagster-safe spelling; one to one with the market."""
        base, _, rest = self.symbol.partition("/")
        quoted, colon, settle = rest.partition(":")
        tail = f"_{_escaped(settle, keep='-')}" if colon else ""
        return f"{self.venue}~{_escaped(base)}-{_escaped(quoted)}{tail}"

    @property
    def kind(self) -> str:
        """``spot``, ``perpetual``, ``future`` or ``option``, read off the symbol's shape."""
        _, colon, settle = self.symbol.partition(":")
        if not colon:
            return "spot"
        return ("perpetual", "future", "future", "option")[min(settle.count("-"), 3)]

    def __str__(self) -> str:
        return f"{self.venue}:{self.symbol}"


def _escaped(text: str, keep: str = "") -> str:
    """Percent-encoded, with ``-_.~`` encoded too unless kept (``quote`` never encodes those)."""
    encoded = quote(text, safe="")
    for mark, code in (("-", "%2D"), ("_", "%5F"), (".", "%2E"), ("~", "%7E")):
        if mark not in keep:
            encoded = encoded.replace(mark, code)
    return encoded


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """One table's rows for one market, or for a whole venue when ``symbol`` is empty (instruments)."""

    table: str
    venue: str
    symbol: str = ""

    @classmethod
    def candles(cls, market: Market, step: Timeframe) -> Self:
        """The candles of ``market`` in timeframe ``step``."""
        return cls(f"{_CANDLES}{step.value}", market.venue, market.symbol)

    @classmethod
    def instruments(cls, venue: str) -> Self:
        """The instruments of ``venue``."""
        return cls("instruments", venue)

    @classmethod
    def funding(cls, market: Market) -> Self:
        """The settled funding rates of ``market``."""
        return cls("funding_rates", market.venue, market.symbol)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The candle series written ``binance:BTC/USDT:USDT:1m``."""
        head, _, tail = text.strip().rpartition(":")
        if head.count(":") < 1:
            raise ConfigError(f"{text!r} is not a series", hint="write venue:SYMBOL:timeframe, as binance:BTC/USDT:1m")
        return cls.candles(Market.parse(head), timeframe(tail))

    @property
    def is_candles(self) -> bool:
        """Whether its rows are candles: on a grid of time, with coverage."""
        return self.table.startswith(_CANDLES)

    @property
    def market(self) -> Market:
        """The market. Only for series that have one."""
        return Market(self.venue, self.symbol)

    @property
    def timeframe(self) -> Timeframe:
        """The candles' timeframe. Only for candle series."""
        return timeframe(self.table.removeprefix(_CANDLES))

    def __str__(self) -> str:
        if self.is_candles:
            return f"{self.venue}:{self.symbol}:{self.table.removeprefix(_CANDLES)}"
        return f"{self.venue}:{self.table}" + (f":{self.symbol}" if self.symbol else "")


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """One series in one month (``2026-11``), or the series' whole (``all``)."""

    series: Series
    month: str = WHOLE

    @property
    def window(self) -> Window:
        """The month's window. Only for partitions cut by month."""
        return month_window(self.month)

    @property
    def key(self) -> str:
        """Dagster's multi-partition key: dimensions in alphabetical order, market then month."""
        return f"{self.series.market.slug}|{self.month}"

    @property
    def folder(self) -> str:
        """Lake folder below ``data/``, hive style, ``/``-separated, no leading slash."""
        parts = [f"table={self.series.table}", f"venue={self.series.venue}"]
        if self.series.symbol:
            parts.append(f"market={quote(self.series.symbol, safe='')}")
        return "/".join([*parts, f"month={self.month}"])

    @classmethod
    def from_key(cls, table: str, key: str) -> Self:
        """The partition of ``table`` whose Dagster ``key`` this is."""
        slug, bar, month = key.partition("|")
        if not bar:
            raise ConfigError(f"{key!r} is not a partition key", hint="it looks like binance~BTC-USDT_USDT|2026-11")
        market = Market.from_slug(slug)
        month_window(month)
        return cls(Series(table, market.venue, market.symbol), month)

    @classmethod
    def from_folder(cls, folder: str) -> Self:
        """The partition whose ``folder`` this is."""
        parts = dict(part.split("=", 1) for part in folder.split("/"))
        series = Series(parts["table"], parts["venue"], unquote(parts.get("market", "")))
        return cls(series, parts["month"])

    def __str__(self) -> str:
        return f"{self.series} {self.month}"
