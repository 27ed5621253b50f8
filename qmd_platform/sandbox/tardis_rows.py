"""What Tardis would have recorded of the deterministic market: trades that make up its candles, contracts' states.

What lives here: the rows as columns, and the CSVs Tardis writes of them. What does not: which files there are (``tardis``),
replays (``tardis_machine``).

A minute with trades has four: its open, its high, its low and its close, with its volume between them. The last one is made
so shortly before the minute ends that it mostly comes in after it: the last trade of a day is in the file of the next.
What the venue's API has lost (``hole``) was traded all the same, and is here.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Instant, Window
from qmd_platform.sandbox import funding, reference, snapshots
from qmd_platform.sandbox.events import Events
from qmd_platform.sandbox.funding import DIGITS, HOUR, LONGEST
from qmd_platform.sandbox.market import trading
from qmd_platform.sandbox.noise import scrambled, seed_of
from qmd_platform.sandbox.text import Cells, Figures, rows_of
from qmd_platform.sandbox.universe import Listing

Ints = NDArray[np.int64]

US = 1000
"""Microseconds in a millisecond."""
TICKER_EVERY = 10_000
"""Milliseconds between two states of a contract."""
_OFFSETS = np.array([137_211, 19_800_004, 41_250_333, 59_963_871], np.int64)
"""Microseconds from a minute's start to its four trades."""
_EACH = len(_OFFSETS)
_FINER = 2
"""Decimals more than the venue's lot where some minute has too few lots for four trades."""
_LAG_US, _LAGS = 20_000, 130_000

TRADES = b"exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
TICKER = (
    b"exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,predicted_funding_rate,open_interest,"
    b"last_price,index_price,mark_price\n"
)


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """Trades in the order in which they came in. ``at`` and ``local`` in us; ``amount`` is of the venue's unit."""

    at: Ints
    local: Ints
    id: Ints
    is_buy: NDArray[np.bool_]
    price: Figures
    amount: Figures

    def __len__(self) -> int:
        return len(self.at)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Trades":
        """The rows selected by mask or position."""
        places: NDArray[np.intp] = np.arange(len(self))[rows]
        columns = (self.at[places], self.local[places], self.id[places], self.is_buy[places])
        return Trades(*columns, self.price.take(places), self.amount.take(places))


def trades(listing: Listing, came_in: Window, now: Instant, away: list[Window]) -> Trades:
    """The trades that came in during ``came_in``, but for when Tardis was ``away``."""
    whole = replace(listing, events=replace(listing.events, holes=()))
    rows = trading(whole, MINUTE, came_in.start - MINUTE, came_in.end, now)
    rows = rows.take(rows.volume > 0)
    at = (rows.open_at[:, None] * US + _OFFSETS).reshape(-1)
    bits = scrambled(seed_of(f"tardis {listing.market}"), at)
    local = at + _LAG_US + (bits % np.uint64(_LAGS)).astype(np.int64)
    finer = _FINER if len(rows) and int(rows.volume.min()) < _EACH else 0
    volume = rows.volume * 10**finer
    part = volume // _EACH
    amount = np.stack([part, part, part, volume - 3 * part], axis=1).reshape(-1)
    price = np.stack([rows.open, rows.high, rows.low, rows.close], axis=1).reshape(-1)
    found = Trades(
        at,
        local,
        at // (MINUTE * US) * _EACH + np.tile(np.arange(_EACH), len(rows)),
        np.asarray(bits >> np.uint64(40)) % 2 == 0,
        Figures(price, listing.tick_digits),
        Figures(amount, listing.lot_digits + finer),
    )
    return found.take(np.argsort(local, kind="stable")).take(_is_here(np.sort(local), came_in, away))


def _is_here(local: Ints, came_in: Window, away: list[Window]) -> NDArray[np.bool_]:
    here = (local >= came_in.start * US) & (local < came_in.end * US)
    for one in away:
        here &= (local < one.start * US) | (local >= one.end * US)
    return np.asarray(here)


def trades_csv(exchange: str, symbol: str, rows: Trades, *, has_ids: bool) -> bytes:
    """The trades as Tardis writes them."""
    sides: Cells = np.array([list(b"sell"), list(b"buy\0")], np.uint8)[rows.is_buy.astype(np.int64)]
    ids: bytes | Cells = Figures(rows.id).cells() if has_ids else b""
    parts: list[bytes | Cells] = [f"{exchange},{symbol},".encode(), Figures(rows.at).cells(), b","]
    parts += [Figures(rows.local).cells(), b",", ids, b",", sides, b","]
    parts += [rows.price.cells(trim=True), b",", rows.amount.cells(trim=True), b"\n"]
    return TRADES + rows_of(parts, len(rows))


@dataclass(frozen=True, slots=True)
class State:
    """A contract at one time, as numbers; None for what the exchange does not say. Times in ms."""

    at: Instant
    local_us: int
    funding_at: Instant | None
    rate: float | None
    predicted: float | None
    open_interest: float | None
    last: float
    index: float
    mark: float


def states(exchange: str, listing: Listing, came_in: Window, away: list[Window]) -> list[State]:
    """The states that came in during ``came_in``, as ``exchange`` says them."""
    first = max(came_in.start, listing.listed_at + HOUR)
    at = np.arange(-(-first // TICKER_EVERY), came_in.end // TICKER_EVERY + 1, dtype=np.int64) * TICKER_EVERY
    local = at * US + _LAG_US + (scrambled(seed_of(f"ticker {listing.market}"), at) % np.uint64(_LAGS)).astype(np.int64)
    here = _is_here(local, came_in, away) & listing.events.is_there(at)
    at, local = at[here], local[here]
    if not len(at) or listing.is_spot or listing.character is None:
        return []
    expected, ticks, rates = snapshots.predicted(listing, at), 10.0**listing.tick_digits, 10.0**DIGITS
    marks = snapshots.marks(listing, at)
    index = snapshots.marks(reference.indexed(listing), at)
    lots = snapshots.outstanding(listing, at) / 10.0**listing.lot_digits
    told = _told(exchange, listing, expected)
    return [
        State(
            int(at[row]),
            int(local[row]),
            None if told.is_silent else int(expected.next_at[row]),
            float(told.rate[row] / rates),
            None if told.predicted is None else float(told.predicted[row] / rates),
            # The first messages of a connection have not said it yet.
            None if told.is_silent or row < _UNSAID else float(lots[row]),
            float((marks[row] + 1) / ticks),
            float(index[row] / ticks),
            float(marks[row] / ticks),
        )
        for row in range(len(at))
    ]


_UNSAID = 3


@dataclass(frozen=True, slots=True)
class _Told:
    """The two rates, in 1e-8; ``is_silent`` about when is settled, and about open interest."""

    rate: Ints
    predicted: Ints | None
    is_silent: bool = False


def _told(exchange: str, listing: Listing, expected: snapshots.Predicted) -> _Told:
    if exchange == "bitfinex-derivatives":
        alone = replace(listing, events=Events(prices_of=listing.events.prices_of))
        known = funding.settled(alone, int(expected.at[0]) - LONGEST * HOUR, int(expected.at[-1]) + 1)
        after = np.searchsorted(known.at, expected.at, side="right")
        return _Told(np.where(after > 0, np.append(known.rate, 0)[after - 1], 0), expected.accrued)
    if exchange == "gate-io-futures":
        return _Told(expected.rate, expected.rate, is_silent=True)
    return _Told(expected.rate, None)


def ticker_csv(exchange: str, symbol: str, rows: list[State]) -> bytes:
    """The states as Tardis writes them."""
    lines = [
        f"{exchange},{symbol},{one.at * US},{one.local_us},{'' if one.funding_at is None else one.funding_at * US},"
        f"{_cell(one.rate)},{_cell(one.predicted)},{_cell(one.open_interest)},{one.last:.8f},{one.index:.8f},{one.mark:.8f}\n"
        for one in rows
    ]
    return TICKER + "".join(lines).encode()


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.8f}"
