"""Candles of markets whose volume is counted in contracts, converted with the contract size of their own time; and the sizes.

What lives here: which size holds when, as far as instruments tell. What does not: decoding (``parsing``), whose volume is
in contracts (``facts``), how instruments came to be known (``ingest.instruments``).

A change of size is known to the time between two lists: rows are taken to be of the new size since the list that first
showed it. Before the first list that was kept, the size it showed is taken: nothing else is known.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np

from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues import dialects, facts, listing, parsing
from qmd_platform.venues.listing import CcxtMarket
from qmd_platform.venues.port import Instrument

_CONTRACTS = "contracts"


class Sizes:
    """The contract sizes of one venue's markets in time."""

    def __init__(self) -> None:
        self._known: dict[str, list[tuple[Instant, float]]] = {}

    def know(self, instruments: Sequence[Instrument]) -> None:
        """Take the rows of these symbols for all that is known of them; several rows of one are of several times."""
        found: dict[str, list[tuple[Instant, float]]] = {}
        for one in instruments:
            found.setdefault(one.symbol, []).append((one.valid_from or 0, one.contract_size))
        self._known |= {symbol: _changes(sorted(rows)) for symbol, rows in found.items()}

    def read(self, market: Market, record: CcxtMarket, body: bytes) -> Candles:
        """The candles in an answer, volumes in base coins.

        Args:
            market: whose they are.
            record: ccxt's of the market: what its contract is now.
            body: the answer.

        Raises:
            BadPage: there are no candles in it.
        """
        decode = dialects.of(market.venue, market.kind).decode
        if facts.of(market.venue, market.kind).volume_unit != _CONTRACTS:
            return decode(market.venue, body, parsing.exact(1.0))
        parts = [
            _opening(decode(market.venue, body, size), window.start, window.end)
            for size, window in self.in_time(market, record)
        ]
        return Candles.concat([part for part in parts if len(part)] or parts[:1])

    def in_time(self, market: Market, record: CcxtMarket) -> list[tuple[Fraction, Window]]:
        """The size of a contract of ``market``, and the window in which it holds, oldest first; all of time is in them."""
        known = self._known.get(market.symbol, [])
        if len(known) <= 1:
            return [(parsing.exact(listing.contract_size(record)), _EVER)]
        since = [(_EVER.start, known[0][1]), *known[1:], (_EVER.end, 0.0)]
        return [(parsing.exact(size), Window(start, end)) for (start, size), (end, _) in pairwise(since) if start < end]


_EVER = Window(int(np.iinfo(np.int64).min), int(np.iinfo(np.int64).max))


def _changes(rows: Sequence[tuple[Instant, float]]) -> list[tuple[Instant, float]]:
    """The rows that begin another size."""
    return [row for place, row in enumerate(rows) if not place or row[1] != rows[place - 1][1]]


def _opening(candles: Candles, start: Instant, end: Instant) -> Candles:
    return candles.take((candles.open_at >= start) & (candles.open_at < end))
