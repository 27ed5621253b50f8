"""The tables of reference prices: what a venue says a contract is worth, beside what it traded at; and the basis made of them.

What lives here: the tables as data, and which kinds of reference candles there are. What does not: which venue has them
(``venues.facts.reference``), the basis' arithmetic (``arbitrage.basis``).
"""

from collections.abc import Mapping
from enum import StrEnum

from qmd_platform.model.columns import Column, Table
from qmd_platform.model.timeframe import Timeframe

STEP = Timeframe.H1
"""Length of a reference candle: one for all, as they are compared with each other."""


class Reference(StrEnum):
    """What a reference candle is of."""

    MARK = "mark"
    INDEX = "index"
    PREMIUM = "premium"

    @property
    def table(self) -> str:
        """The name of its table."""
        return f"{self.value}_candles"


def _candles(kind: Reference, sentence: str, unit: str, what: str) -> Table:
    return Table(
        kind.table,
        f"{sentence} Closed candles of {STEP.value}, labelled by their open time.",
        ("open_at",),
        (
            Column("open_at", "instant", "UTC", f"start of the hour; the candle is closed at open_at + {STEP.value}"),
            Column("open", "float64", unit, f"first {what} of the hour"),
            Column("high", "float64", unit, f"highest {what} of the hour; of the snapshots, where it is made of those"),
            Column("low", "float64", unit, f"lowest {what} of the hour; of the snapshots, where it is made of those"),
            Column("close", "float64", unit, f"last {what} of the hour"),
        ),
    )


MARK_CANDLES = _candles(
    Reference.MARK,
    "What the venue reckons a perpetual is worth, by which profit, loss, liquidation and funding go.",
    "quote per base",
    "mark price",
)
INDEX_CANDLES = _candles(
    Reference.INDEX,
    "The spot price that the venue compares a perpetual with, in units of the contract's base.",
    "quote per base",
    "index price",
)
PREMIUM_CANDLES = _candles(
    Reference.PREMIUM,
    "How far above the index a perpetual could be traded, by the venue's own formula: what funding is made of.",
    "fraction",
    "premium index",
)

REFERENCE_TABLES: Mapping[Reference, Table] = {
    Reference.MARK: MARK_CANDLES,
    Reference.INDEX: INDEX_CANDLES,
    Reference.PREMIUM: PREMIUM_CANDLES,
}
"""The table of each kind."""


def _bps(name: str, sentence: str) -> Column:
    return Column(name, "float64", "basis points", f"{sentence}; empty where one is not known", nullable=True)


def _price(name: str, sentence: str) -> Column:
    return Column(name, "float64", "quote per base", f"{sentence}; empty where there is none", nullable=True)


BASIS = Table(
    "basis",
    "How far each perpetual is from the venue's index and from spot: a row a closed hour. A perpetual has no day on which "
    "that must vanish, so it is never a year's.",
    ("market", "open_at"),
    (
        Column("market", "string", "", "venue and symbol of the perpetual, as binance:BTC/USDT:USDT"),
        Column("open_at", "instant", "UTC", "start of the hour whose closes are compared"),
        Column(
            "available_at",
            "instant",
            "UTC",
            "end of that hour: from then on the row could be known; what comes later does not change it",
        ),
        Column("underlying", "string", "", "the coin that the market is of, by its newest name"),
        Column(
            "spot_market", "string", "", "the same venue's spot market it is compared with; empty where there is none"
        ),
        _price("price", "last trade of the perpetual"),
        _price("mark", "mark price"),
        _price("index", "index price"),
        _price("spot", "last trade on spot, of as many coins as the perpetual's base is"),
        _bps("mark_index_bps", "mark / index - 1"),
        _bps("price_index_bps", "price / index - 1"),
        _bps("mark_spot_bps", "mark / spot - 1"),
        _bps("price_spot_bps", "price / spot - 1"),
    ),
    scope="venue",
)
