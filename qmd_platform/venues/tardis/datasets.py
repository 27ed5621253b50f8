"""Tardis's CSV data sets as data: what a file of each type has in its columns, and what a file is called.

What lives here: types, columns, units, paths. What does not: reading (``reading``), downloads (``downloads``). Sources, read on
2026-11-21: docs.tardis.dev/downloadable-csv-files/data-types and /api; the recorded files of nautilus_trader.

Facts: a file is a day of UTC by ``local_timestamp``, when a message came in at Tardis, and is sorted by it. It is published
at about 06:00 on the next day. The first day of each month is free, other days need a key. A day without data is an empty
file. Nothing in a file says when Tardis itself was not connected.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window

HOST = "https://datasets.tardis.dev"
DAY = Timeframe.D1.step

Dtype = Literal["string", "int64", "float64", "bool"]


@dataclass(frozen=True, slots=True)
class Field:
    """One column. ``unit`` is "" where there is none; a cell may be empty where ``nullable``."""

    name: str
    dtype: Dtype
    unit: str
    sentence: str
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class DataType:
    """One type of data set."""

    name: str
    sentence: str
    fields: tuple[Field, ...]

    @property
    def header(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(one.name for one in self.fields)


_COMMON = (
    Field("exchange", "string", "", "Tardis's id of the exchange"),
    Field("symbol", "string", "", "the venue's own symbol, upper case"),
    Field("timestamp", "int64", "us", "when the venue says it was; equal to local_timestamp where it says nothing"),
    Field("local_timestamp", "int64", "us", "when the message came in; rows are sorted by it"),
)
_PRICE = Field("price", "float64", "quote per base", "price")
_AMOUNT = Field("amount", "float64", "the venue's unit", "amount in the venue's own unit: base coins or contracts")


def _maybe(name: str, unit: str, sentence: str) -> Field:
    return Field(name, "float64", unit, sentence, nullable=True)


def _levels(depth: int) -> tuple[Field, ...]:
    """Best first; a level that is not there is empty."""
    return tuple(
        _maybe(f"{side}[{level}].{what}", unit, f"{what} of level {level} of the {side}, 0 the best")
        for level in range(depth)
        for side in ("asks", "bids")
        for what, unit in (("price", "quote per base"), ("amount", "the venue's unit"))
    )


def _taker(sentence: str) -> tuple[Field, ...]:
    return (
        Field("id", "string", "", "the venue's id; empty where it has none", nullable=True),
        Field("side", "string", "", sentence),
        _PRICE,
        _AMOUNT,
    )


_ALL = (
    DataType("trades", "Every trade.", (*_COMMON, *_taker("of the taker: buy, sell or unknown"))),
    DataType(
        "quotes",
        "Best ask and bid each time one of them changed.",
        (
            *_COMMON,
            _maybe("ask_amount", "the venue's unit", "amount at the best ask"),
            _maybe("ask_price", "quote per base", "best ask"),
            _maybe("bid_price", "quote per base", "best bid"),
            _maybe("bid_amount", "the venue's unit", "amount at the best bid"),
        ),
    ),
    DataType(
        "derivative_ticker",
        "What a contract is like each time some of it changed.",
        (
            *_COMMON,
            Field("funding_timestamp", "int64", "us", "the next settlement", nullable=True),
            _maybe("funding_rate", "fraction", "a rate; which, depends on the exchange (``exchanges``)"),
            _maybe("predicted_funding_rate", "fraction", "another rate; which, depends on the exchange"),
            _maybe("open_interest", "the venue's unit", "contracts or base coins outstanding"),
            _maybe("last_price", "quote per base", "price of the last trade"),
            _maybe("index_price", "quote per base", "index price"),
            _maybe("mark_price", "quote per base", "mark price"),
        ),
    ),
    DataType("book_snapshot_5", "The best five levels each time one changed.", (*_COMMON, *_levels(5))),
    DataType("book_snapshot_25", "The best 25 levels each time one changed.", (*_COMMON, *_levels(25))),
    DataType(
        "incremental_book_L2",
        "Every change of a level of the book.",
        (
            *_COMMON,
            Field("is_snapshot", "bool", "", "whether the row is of a whole book, which begins anew with it"),
            Field("side", "string", "", "ask or bid"),
            _PRICE,
            Field("amount", "float64", "the venue's unit", "what is there now, not the change; 0: the level is gone"),
        ),
    ),
    DataType(
        "liquidations",
        "Positions that were closed by the venue.",
        (*_COMMON, *_taker("buy: a short was closed, sell: a long; or unknown")),
    ),
)

TYPES = {one.name: one for one in _ALL}
"""The types by name."""

SIDES = {"incremental_book_L2": ("ask", "bid")}
"""What a side may be, where it is not ``TAKERS``."""
TAKERS = ("buy", "sell", "unknown")


def of_header(header: tuple[str, ...]) -> tuple[DataType, ...]:
    """The types whose files begin with ``header``: trades and liquidations look alike."""
    return tuple(one for one in _ALL if one.header == header)


def days(window: Window) -> list[Window]:
    """The whole days of UTC that ``window`` touches, oldest first."""
    first, end = window.start // DAY * DAY, -(-window.end // DAY) * DAY
    return [Window(at, at + DAY) for at in range(first, end, DAY)]


def path_of(exchange: str, type_: str, day: Instant, dataset: str) -> str:
    """Where the file of a day is, below the host: ``/v1/bybit/trades/2026/11/01/BTCUSDT.csv.gz``."""
    return f"/v1/{exchange}/{type_}/{datetime.fromtimestamp(day / 1000, UTC):%Y/%m/%d}/{dataset}.csv.gz"


def is_free(day: Instant) -> bool:
    """Whether the day's files need no key: it is the first of a month."""
    return datetime.fromtimestamp(day / 1000, UTC).day == 1
