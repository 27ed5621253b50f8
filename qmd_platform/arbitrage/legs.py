"""One leg of a hedge, as it was known at given instants: its quotes, its funding, when it settles next. Pure.

What lives here: looking up what was known, never later than the instant asked about. What does not: two legs together
(``hedges``), what is risky about one (``risks``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmd_platform.arbitrage.carry import COVERED, DELAY_MS, HOUR_MS, Trail, known_from
from qmd_platform.arbitrage.due import due
from qmd_platform.arbitrage.economics import Column
from qmd_platform.funding.cumulative import CumulativeIndex
from qmd_platform.funding.intervals import Intervals, intervals
from qmd_platform.funding.suspicions import at_cap
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market
from qmd_platform.model.settlements import Settlements

Instants = NDArray[np.int64]
Truths = NDArray[np.bool_]

INTEREST_AGE_MS = 24 * HOUR_MS
"""Open interest that is older than this is not known any more."""


@dataclass(frozen=True, slots=True, eq=False)
class Quotes:
    """Best bid and ask from ``at`` on (when they were known, epoch ms), in the market's quote per unit of its base."""

    at: Instants
    bid: Column
    ask: Column

    @classmethod
    def of_candles(cls, candles: Candles, step: int, half_spread: float = 0.0) -> "Quotes":
        """What candles tell: the close, known when the candle has ended, give or take half a spread (a fraction).

        Candles hold no quotes. A half spread of 0 leaves crossing the book out of the cost; slippage then stands for it.
        """
        return cls(candles.open_at + step, candles.close * (1 - half_spread), candles.close * (1 + half_spread))

    def in_currency(self, rate: "Quotes") -> "Quotes":
        """The same in another currency, by the last known mid of a market that prices ours in it; NaN before its first.

        A hedge of legs in two currencies still holds their exchange rate (QUOTE_MISMATCH); only its prices compare now.
        """
        rows = np.searchsorted(rate.at, self.at, side="right") - 1
        worth = _at_rows((rate.bid + rate.ask) / 2, rows)
        return Quotes(self.at, self.bid * worth, self.ask * worth)


@dataclass(frozen=True, slots=True, eq=False)
class Interest:
    """Open interest over time: ``coins`` of the underlying, known from ``at`` on (epoch ms, sorted)."""

    at: Instants
    coins: Column


@dataclass(frozen=True, slots=True, eq=False)
class Leg:
    """One market with all that is known of it, over time.

    Attributes:
        market: its kind says whether funding is paid: spot has none.
        quotes: sorted by ``at``.
        settlements: sorted, unique; empty for spot.
        found: the settlements' intervals. A row is used from when on its interval stands, not from when it settled.
        units: coins in one unit of the base (``underlyings``).
        is_proven: whether the underlying is.
        interest: open interest, where it is known.
    """

    market: Market
    quotes: Quotes
    settlements: Settlements
    found: Intervals
    units: float = 1.0
    is_proven: bool = True
    interest: Interest | None = None

    @classmethod
    def of(
        cls,
        market: Market,
        quotes: Quotes,
        settlements: Settlements | None = None,
        found: Intervals | None = None,
        *,
        units: float = 1.0,
        is_proven: bool = True,
    ) -> "Leg":
        """A leg; without ``found``, its intervals are read off the settlements alone."""
        paid = Settlements.empty() if settlements is None else settlements
        return cls(market, quotes, paid, intervals(paid) if found is None else found, units, is_proven)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A leg at the instants ``at``: columns of that length; prices are per coin.

    Attributes:
        bid, ask: NaN where there was no quote yet.
        quote_age_ms: age of the quote; infinite where there was none.
        per_hour: by window (hours), funding rate per hour over the trailing window; NaN where not accounted for.
        last_per_hour: of the last settlement whose interval stands.
        cumulative_rate: C(t), of all that were published.
        interval_hours: of the last settlement whose interval stands; NaN for spot and before the first.
        next_at: when the next settlement is due if the interval stays, past where it is overdue; 0 where unknown.
        has_changed: whether the interval changed within the first of the windows.
        is_suspect: whether a settlement seems missing within it, or is overdue.
        is_capped: whether the last settlement whose interval stands was at its venue's cap or floor.
        open_interest_quote: the last known, at the mid of the instant; NaN if none, or older than ``INTEREST_AGE_MS``.
    """

    market: Market
    units: float
    is_proven: bool
    at: Instants
    bid: Column
    ask: Column
    quote_age_ms: Column
    per_hour: Mapping[float, Column]
    last_per_hour: Column
    cumulative_rate: Column
    interval_hours: Column
    next_at: Instants
    has_changed: Truths
    is_suspect: Truths
    is_capped: Truths
    open_interest_quote: Column

    @property
    def mid(self) -> Column:
        """Half way between bid and ask, per coin."""
        return (self.bid + self.ask) / 2

    def take(self, rows: NDArray[np.intp]) -> "Seen":
        """The instants at these positions."""
        columns = {one.name: getattr(self, one.name) for one in fields(self)}
        taken: dict[str, Any] = {name: of[rows] for name, of in columns.items() if isinstance(of, np.ndarray)}
        return replace(self, per_hour={key: column[rows] for key, column in self.per_hour.items()}, **taken)


def decision_times(legs: Iterable[Leg], delay_ms: int = DELAY_MS) -> Instants:
    """Every instant at which a settlement of a leg became known, sorted: when there is something new to decide on."""
    at = [leg.settlements.settled_at for leg in legs]
    return np.unique(np.concatenate([*at, np.empty(0, np.int64)])) + delay_ms


def seen(leg: Leg, at: Instants, windows: Sequence[float], delay_ms: int = DELAY_MS) -> Seen:
    """``leg`` as it was known at each of ``at``.

    Args:
        leg: all of its history; what comes after an instant does not touch its row.
        at: sorted instants.
        windows: hours of the trailing windows, first the one that the hedge is judged by.
        delay_ms: from a settlement to its publication.
    """
    bid, ask, age = _quoted(leg.quotes, at, leg.units)
    if leg.market.kind == "spot":
        return _of_spot(leg, at, (bid, ask, age), windows)
    known_at = known_from(leg.found, delay_ms)
    rows = np.searchsorted(known_at, at, side="right") - 1
    trail = Trail.of(known_at, leg.settlements.rate, leg.found.hours)
    hours = _at_rows(leg.found.hours, rows)
    expected = due(leg.settlements, leg.found, rows, at, delay_ms)
    return Seen(
        leg.market,
        leg.units,
        leg.is_proven,
        at,
        bid,
        ask,
        age,
        {length: _per_hour(trail, at, length) for length in windows},
        _at_rows(leg.settlements.rate, rows) / hours,
        CumulativeIndex.of(leg.settlements).at(at - delay_ms),
        hours,
        expected.next_at,
        _any_within(known_at, _changes(leg.found.hours), at, windows[0]),
        _any_within(known_at, leg.found.suspect, at, windows[0]) | expected.is_overdue,
        np.r_[at_cap(leg.settlements), False][rows],
        _outstanding(leg.interest, at) * (bid + ask) / 2,
    )


def _of_spot(leg: Leg, at: Instants, quoted: tuple[Column, Column, Column], windows: Sequence[float]) -> Seen:
    none, unknown, no = np.zeros(len(at)), np.full(len(at), np.nan), np.zeros(len(at), np.bool_)
    per_hour = dict.fromkeys(windows, none)
    never = np.zeros(len(at), np.int64)
    return Seen(
        *(leg.market, leg.units, leg.is_proven, at, *quoted, per_hour),
        last_per_hour=none,
        cumulative_rate=none,
        interval_hours=unknown,
        next_at=never,
        has_changed=no,
        is_suspect=no,
        is_capped=no,
        open_interest_quote=unknown,
    )


def _outstanding(interest: Interest | None, at: Instants) -> Column:
    """Coins outstanding as last known at each instant."""
    if interest is None:
        return np.full(len(at), np.nan)
    rows = np.searchsorted(interest.at, at, side="right") - 1
    age = at - _at_rows(interest.at.astype(np.float64), rows)
    return np.where(age <= INTEREST_AGE_MS, _at_rows(interest.coins, rows), np.nan)


def _quoted(quotes: Quotes, at: Instants, units: float) -> tuple[Column, Column, Column]:
    rows = np.searchsorted(quotes.at, at, side="right") - 1
    known = _at_rows(quotes.at.astype(np.float64), rows)
    age = np.where(np.isnan(known), np.inf, at - known)
    return _at_rows(quotes.bid, rows) / units, _at_rows(quotes.ask, rows) / units, age


def _at_rows(column: NDArray[np.float64], rows: NDArray[np.intp]) -> Column:
    """The values at these rows; NaN where the row is -1: nothing was known yet."""
    return np.asarray(np.r_[column, np.nan][rows])


def _changes(hours: Column) -> Truths:
    """Whether the interval is another than the one before, where both are known."""
    changed = np.zeros(len(hours), np.bool_)
    changed[1:] = (hours[1:] != hours[:-1]) & np.isfinite(hours[1:]) & np.isfinite(hours[:-1])
    return changed


def _per_hour(trail: Trail, at: Instants, length: float) -> Column:
    rates, _, covered = trail.over(at, length)
    known = covered >= COVERED * length
    return np.where(known, rates / np.where(known, covered, 1.0), np.nan)


def _any_within(known_at: Instants, is_up: Truths, at: Instants, length_hours: float) -> Truths:
    """Whether any row known in ``(at - length, at]`` is up."""
    counted = np.r_[0, np.cumsum(is_up)]
    last = np.searchsorted(known_at, at, side="right")
    first = np.searchsorted(known_at, at - int(length_hours * HOUR_MS), side="right")
    found: Truths = counted[last] > counted[first]
    return found
