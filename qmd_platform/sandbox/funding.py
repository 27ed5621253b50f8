"""Funding of every perpetual, as a pure function of time: when it is settled, at which rate, at which mark price.

What lives here: the closed form, and ``settlements_truth``, which tests compare with. What does not: the wire
(``funding_wire``, ``derivatives``), recorded settlements (``replay``).

A rate follows the venues' own formula: a premium index that wanders, plus interest of 1 basis point per 8 hours held
within 5 of it; so nearly half of all rates are exactly the interest. Everything is whole numbers, in 1e-8.

So that every month of a demo has them, these come again each month (UTC, days of the month):

| what | where |
|---|---|
| settles every 4 hours from the 11th to the 20th, every 8 hours else | XRP at Binance, Bybit and Gate |
| a rate at its cap, on the 5th and 6th | 1000PEPE at Binance, a contract of 1000 coins |
| a settlement the venue never lists, on the 8th at 16:00 | ETH at Gate |

SOL and 1000PEPE settle every 4 hours, DOGE every hour, all others every 8.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window
from qmd_platform.sandbox.events import Events
from qmd_platform.sandbox.market import END_OF_TIME, trading
from qmd_platform.sandbox.noise import Octave, seed_of, smooth
from qmd_platform.sandbox.universe import Listing, listings

HOUR = Timeframe.H1.step
LONGEST = 8
"""Hours of the longest interval."""
DIGITS = 8
"""Decimals of a rate."""

STATES_MARK = frozenset({"binance", "bitfinex"})
"""Venues whose history says the mark price at each settlement."""

_DAY = Timeframe.D1.step
_HOURS = {"SOL": 4, "1000PEPE": 4, "DOGE": 1}
_CHANGES = frozenset(f"{venue}:XRP/USDT:USDT" for venue in ("binance", "bybit", "gate"))
_OFTEN = (11, 21)
_SURGES = frozenset({"binance:1000PEPE/USDT:USDT"})
_SURGE, _SURGE_DAYS = 5_000_000, (5, 7)
_MISSES = frozenset({"gate:ETH/USDT:USDT"})
_MISSED_DAY, _MISSED_HOUR = 8, 16
_CAP, _CAPS = 2_000_000, {"BTC": 300_000, "ETH": 300_000}
_INTEREST, _CLAMP = 10_000, 50_000
_COARSE = frozenset({"gate"})
"""Venues that print six decimals of a rate."""
# Heights in 2**-30 of a premium; periods in hours. The coin's part is shared by all venues.
_COIN = (Octave(240, round(0.0012 * 2**30)), Octave(37, round(0.0006 * 2**30)))
_VENUE = (Octave(130, round(0.001 * 2**30)), Octave(9, round(0.0005 * 2**30)), Octave(1, round(0.0002 * 2**30)))


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """Settlements as whole numbers, oldest first.

    ``at`` is epoch ms, ``rate`` in 1e-8 of the notional, ``hours`` the length of the interval that ends there.
    """

    at: NDArray[np.int64]
    rate: NDArray[np.int64]
    hours: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at)

    def take(self, rows: slice | NDArray[np.bool_]) -> "Settled":
        """The rows selected by slice or mask."""
        return Settled(self.at[rows], self.rate[rows], self.hours[rows])


def settled(listing: Listing, first: Instant, end: Instant) -> Settled:
    """What ``listing``'s venue lists of settlements with ``first <= at < end``, whether they lie in the future or not."""
    every = scheduled(listing, first, end)
    return every.take(~_missed(listing.market, every.at))


def scheduled(listing: Listing, first: Instant, end: Instant) -> Settled:
    """As ``settled``, with those that the venue announces and never lists."""
    gone = END_OF_TIME if listing.events.gone_at is None else listing.events.gone_at
    lo, hi = -(-max(first, listing.listed_at + 1) // HOUR), -(-min(end, gone) // HOUR)
    if lo >= hi or listing.is_spot or listing.character is None:
        nothing = np.empty(0, np.int64)
        return Settled(nothing, nothing, nothing)
    at = np.arange(lo, hi, dtype=np.int64) * HOUR
    hours = hours_at(listing.market, at - 1)
    every = Settled(at, _rates(listing, lo, hours), hours)
    return every.take((at // HOUR % hours == 0) & listing.events.is_there(at))


def hours_at(market: Market, at: NDArray[np.int64]) -> NDArray[np.int64]:
    """The hours of the interval that each instant ``at`` is inside of."""
    if str(market) in _CHANGES:
        return np.where(_between(at, _OFTEN), 4, LONGEST)
    return np.full(len(at), _HOURS.get(_base(market), LONGEST), np.int64)


def current_hours(market: Market, now: Instant, recorded: Settled | None = None) -> int:
    """The hours of the interval that ``now`` is inside of; of a ``recorded`` contract, of the last one before ``now``."""
    if recorded is None:
        return int(hours_at(market, np.array([now], np.int64))[0])
    known = recorded.hours[recorded.at <= now]
    return int(known[-1]) if len(known) else LONGEST


def cap(market: Market) -> int:
    """The highest rate of one settlement, in 1e-8; its negative is the lowest."""
    return _CAPS.get(_base(market), _CAP)


def marks(listing: Listing, at: NDArray[np.int64]) -> NDArray[np.int64]:
    """The mark price at each of the full hours ``at``, in ticks: the close of the minute before.

    A venue has a mark price whether there was trading or not: gaps and restatements leave it alone.
    """
    if not len(at):
        return np.empty(0, np.int64)
    alone = replace(listing, events=Events(prices_of=listing.events.prices_of))
    rows = trading(alone, HOUR, int(at[0]) - 2 * HOUR, int(at[-1]) + 1, END_OF_TIME)
    # A contract that is not an hour old has the price it began with.
    return rows.close[np.maximum(np.searchsorted(rows.open_at, at - HOUR, side="right") - 1, 0)]


def settlements_truth(market: Market, window: Window, now: Instant) -> Settlements:
    """The settlements of ``market`` in ``window`` as they ought to end up in a lake, of those settled at ``now``.

    Args:
        market: a perpetual of the deterministic universe; a market without funding has none.
        window: times of settlement.
        now: the venue's clock; what is settled at ``now`` itself is there.

    Returns:
        sorted settlements, each number the float64 nearest to the exact decimal. The mark is NaN at venues whose
        history does not say it (``STATES_MARK``), ``stated_hours`` everywhere: no venue states them in its history.

    Raises:
        ConfigError: the universe has no such market.
    """
    found = next((listing for listing in listings() if listing.market == market), None)
    if found is None:
        raise ConfigError(f"the sandbox lists no market {market}")
    return settlements_of(found, window, now)


def settlements_of(listing: Listing, window: Window, now: Instant) -> Settlements:
    """``settlements_truth`` of a listing, with its delisting if there is one."""
    found = settled(listing, window.start, min(window.end, now + 1))
    mark = marks(listing, found.at) / 10.0**listing.tick_digits if listing.market.venue in STATES_MARK else None
    return Settlements.of(found.at, found.rate / 10.0**DIGITS, mark)


def missing_truth(market: Market, window: Window) -> NDArray[np.int64]:
    """When ``market`` settled in ``window`` without its venue ever listing it."""
    at = np.arange(-(-window.start // HOUR), -(-window.end // HOUR), dtype=np.int64) * HOUR
    return at[_missed(market, at)]


def _rates(listing: Listing, lo: int, hours: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rate of an interval of ``hours`` that ends at each full hour from ``lo`` on, in 1e-8."""
    market = listing.events.prices_of or str(listing.market)
    coin = _base(Market.parse(market)).removeprefix("1000")
    wandered = smooth(seed_of(f"funding of {coin}"), _COIN, lo, len(hours))
    wandered += smooth(seed_of(f"funding of {market}"), _VENUE, lo, len(hours))
    premium = wandered * 10**DIGITS >> 30
    if market in _SURGES:
        at = np.arange(lo, lo + len(hours), dtype=np.int64) * HOUR
        premium += np.where(_between(at - 1, _SURGE_DAYS), _SURGE, 0)
    of_eight = premium + np.clip(_INTEREST - premium, -_CLAMP, _CLAMP)
    most = cap(Market.parse(market))
    rate = np.clip(of_eight * hours // LONGEST, -most, most)
    return printed(listing.market, rate)


def printed(market: Market, rate: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rates in 1e-8, cut to the decimals that the market's venue prints."""
    return np.asarray(rate // 100 * 100 if market.venue in _COARSE else rate)


def _missed(market: Market, at: NDArray[np.int64]) -> NDArray[np.bool_]:
    if str(market) not in _MISSES:
        return np.zeros(len(at), np.bool_)
    return np.asarray(_between(at, (_MISSED_DAY, _MISSED_DAY + 1)) & (at % _DAY == _MISSED_HOUR * HOUR))


def _between(at: NDArray[np.int64], days: tuple[int, int]) -> NDArray[np.bool_]:
    """Whether each instant is on a day of its month from the first of ``days`` to before the second."""
    day = at.astype("datetime64[ms]").astype("datetime64[D]")
    of_month = (day - day.astype("datetime64[M]")).astype(np.int64) + 1
    return np.asarray((of_month >= days[0]) & (of_month < days[1]))


def _base(market: Market) -> str:
    return market.symbol.partition("/")[0]
