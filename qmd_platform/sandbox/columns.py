"""Columns of whole numbers: candles as the deterministic market makes them.

What lives here: the columns, and the exact rollup of short candles into longer ones. What does not: where they come
from (``market``), how a venue prints them (``text``).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.timeframe import MINUTE

TOTALS = ("volume", "quote", "trades", "taker", "taker_quote")
"""The columns that a longer candle adds up."""


@dataclass(frozen=True, slots=True, eq=False)
class Trading:
    """Columns of whole numbers, one row a candle. ``open_at`` is epoch ms, prices are ticks.

    ``volume`` and ``taker`` (bought by takers) are lots; ``quote`` and ``taker_quote`` are ticks times lots;
    ``trades`` is a count.
    """

    open_at: NDArray[np.int64]
    open: NDArray[np.int64]
    high: NDArray[np.int64]
    low: NDArray[np.int64]
    close: NDArray[np.int64]
    volume: NDArray[np.int64]
    quote: NDArray[np.int64]
    trades: NDArray[np.int64]
    taker: NDArray[np.int64]
    taker_quote: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.open_at)

    def take(self, rows: slice | NDArray[np.bool_]) -> "Trading":
        """The rows selected by slice or mask."""
        return Trading(*(getattr(self, name)[rows] for name in self.__slots__))

    @classmethod
    def concat(cls, parts: "list[Trading]") -> "Trading":
        """All rows of ``parts`` in the order given."""
        if len(parts) == 1:
            return parts[0]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))

    @classmethod
    def none(cls) -> "Trading":
        """No rows."""
        return cls(*[np.empty(0, np.int64)] * len(cls.__slots__))


def rolled_up(rows: Trading, step: int) -> Trading:
    """Candles of ``step`` ms made from 1m rows: first open, highest high, lowest low, last close, exact sums."""
    if step == MINUTE or not len(rows):
        return rows
    bucket = rows.open_at // step
    first = np.flatnonzero(np.r_[True, bucket[1:] != bucket[:-1]])
    last = np.r_[first[1:], len(rows)] - 1
    return Trading(
        bucket[first] * step,
        rows.open[first],
        np.maximum.reduceat(rows.high, first),
        np.minimum.reduceat(rows.low, first),
        rows.close[last],
        *(np.add.reduceat(getattr(rows, name), first) for name in TOTALS),
    )
