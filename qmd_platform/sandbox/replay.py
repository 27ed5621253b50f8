"""Replay: recorded series served as if their venue served them today.

What lives here: ``replay.toml``, the listings it adds or changes, the choice of recorded rows. What does not:
reading a file of candles (``recording``), the wire (``binance``, ``gate``, ``bitfinex``).

    [[series]]
    venue = "gate"
    market = "BTC/USDT:USDT"        # or "gate:BTC/USDT:USDT"
    table = "candles"               # or "candles_5m", then timeframe may be left out
    timeframe = "5m"
    file = "BTC_USDT_USDT-5m-futures.feather"
    volume_unit = "venue"           # default; "base" when the file counts base coins
    contract_size = 0.0001          # base coins in a contract: Gate's perpetuals only

A table "funding_rates" has no timeframe: its file has the time of settlement as ``date`` and the rate as ``open``.

A recorded series takes the place of the deterministic one. A market with any recording has nothing else: its other
timeframes are empty, and it is listed from its first recorded candle on.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qmd_platform.errors import ConfigError
from qmd_platform.model.candles import PRICES, Candles
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe, timeframe
from qmd_platform.model.window import Instant
from qmd_platform.sandbox import replay_funding
from qmd_platform.sandbox.exchange import Ask, Rows, Source
from qmd_platform.sandbox.funding import Settled
from qmd_platform.sandbox.recording import read
from qmd_platform.sandbox.text import Figures, Recorded, decimals_of
from qmd_platform.sandbox.tomlfile import Entry, entries
from qmd_platform.sandbox.universe import VENUES, Listing, wire_symbol

FILE = "replay.toml"
_KEYS = ("venue", "market", "table", "timeframe", "file", "volume_unit", "contract_size")
_UNITS = ("venue", "base")
_TABLE = "candles"


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """A recorded series as a source of rows. ``candles.volume`` is in the venue's unit."""

    candles: Candles
    is_sorted: bool

    @classmethod
    def of(cls, candles: Candles) -> "Replayed":
        """A source over ``candles``, in any order."""
        return cls(candles, bool(np.all(candles.open_at[1:] >= candles.open_at[:-1])))

    def rows(self, ask: Ask, now: Instant) -> Rows:
        """See ``exchange.Source``. Rows of the window in recorded order; nothing that opens after ``now``."""
        picked = self.candles.take(self._inside(ask.start, min(ask.end, now + 1)))
        picked = picked.take(slice(-ask.limit, None) if ask.newest else slice(ask.limit))
        unknown = Figures(np.zeros(len(picked), np.int64))
        columns = (picked.open, picked.high, picked.low, picked.close, picked.volume)
        return Rows(picked.open_at, *map(Recorded, columns), *[unknown] * 4)

    def _inside(self, start: Instant, end: Instant) -> slice | NDArray[np.intp]:
        at = self.candles.open_at
        if self.is_sorted:
            low, high = np.searchsorted(at, [start, max(start, end)])
            return slice(int(low), int(high))
        return np.flatnonzero((at >= start) & (at < end))


@dataclass(frozen=True, slots=True)
class Replay:
    """Everything a folder holds: listings new and changed, candles by market and timeframe, funding by market."""

    listings: list[Listing]
    series: dict[tuple[Market, Timeframe], Source]
    funding: dict[Market, Settled]


def load(folder: Path, known: list[Listing]) -> Replay:
    """The recordings listed in ``folder/replay.toml``, on top of the ``known`` listings.

    Raises:
        ConfigError: names file, entry, key and choices; or file, row and column.
    """
    listed = {listing.market: listing for listing in known}
    series: dict[tuple[Market, Timeframe], Source] = {}
    replayed: dict[Market, Listing] = {}
    funding: dict[Market, Settled] = {}
    for entry in entries(folder / FILE, "series", _KEYS):
        if entry.text("table") == replay_funding.TABLE:
            market = _market(entry)
            if market in funding:
                raise entry.refused(f"the funding of {market} is in the file twice", "it is recorded in one file")
            found = funding[market] = replay_funding.settled_of(entry, market, _read(entry, folder))
            replayed[market] = replay_funding.listing_of(entry, market, found, listed.get(market), replayed.get(market))
            continue
        market, step = _named(entry)
        if (market, step) in series:
            raise entry.refused(f"{market}:{step} is in the file twice", "a series is recorded in one file")
        candles = _read(entry, folder)
        listing = _listing(entry, market, candles, replayed.get(market), listed.get(market))
        replayed[market] = listing
        series[market, step] = Replayed.of(_in_venue_unit(entry, candles, listing))
    return Replay(list((listed | replayed).values()), series, funding)


def _named(entry: Entry) -> tuple[Market, Timeframe]:
    """Market and timeframe an entry is about."""
    market = _market(entry)
    table, _, of_table = entry.text("table").partition("_")
    if table != _TABLE:
        raise entry.refused(f"unknown table {entry.values['table']!r}", "the sandbox replays candles and funding_rates")
    written = entry.text("timeframe") if "timeframe" in entry.values or not of_table else of_table
    if of_table and of_table != written:
        raise entry.refused(f"table candles_{of_table} and timeframe {written!r} contradict each other")
    try:
        return market, timeframe(written)
    except ConfigError as error:
        raise entry.refused(error.message, error.hint) from None


def _market(entry: Entry) -> Market:
    venue = entry.choice("venue", VENUES)
    symbol = entry.text("market").removeprefix(f"{venue}:")
    try:
        return Market.parse(f"{venue}:{symbol}")
    except ConfigError as error:
        raise entry.refused(error.message, error.hint) from None


def _read(entry: Entry, folder: Path) -> Candles:
    path = folder / entry.text("file")
    try:
        return read(path)
    except ConfigError as error:
        raise entry.refused(error.message, error.hint) from None


def _listing(
    entry: Entry, market: Market, candles: Candles, replayed: Listing | None, known: Listing | None
) -> Listing:
    """The listing with what this recording adds: a finer tick, an earlier start, a contract size."""
    try:
        wire = wire_symbol(market)
    except ConfigError as error:
        raise entry.refused(error.message, error.hint) from None
    first = int(candles.open_at.min(initial=1 << 62))
    prices = np.concatenate([getattr(candles, name) for name in PRICES])
    before = replayed or known or Listing(market, wire, 0, 8 if market.kind == "spot" else 0, Decimal(1), first)
    return replace(
        before,
        tick_digits=max(before.tick_digits, decimals_of(prices)),
        listed_at=min(first, replayed.listed_at) if replayed else first,
        contract_size=_contract_size(entry, before, replayed),
        character=None,
    )


def _contract_size(entry: Entry, before: Listing, replayed: Listing | None) -> Decimal:
    value = entry.values.get("contract_size")
    if value is None:
        return before.contract_size
    if before.is_spot or before.market.venue != "gate":
        raise entry.refused("contract_size says nothing about this market", "only Gate's perpetuals count contracts")
    number = entry.number("contract_size")
    size = Decimal(repr(number))
    if not number:
        raise entry.refused("contract_size must be more than 0")
    if replayed and replayed.contract_size != size:
        raise entry.refused(f"contract_size {size} contradicts an earlier entry's {replayed.contract_size}")
    return size


def _in_venue_unit(entry: Entry, candles: Candles, listing: Listing) -> Candles:
    unit = entry.choice("volume_unit", _UNITS) if "volume_unit" in entry.values else "venue"
    if unit == "venue" or listing.contract_size == 1:
        return candles
    # Decimals, because 1.2345 / 0.0001 is not 12345 in floats.
    volume = [float(Decimal(repr(value)) / listing.contract_size) for value in candles.volume.tolist()]
    return replace(candles, volume=np.array(volume, np.float64))
