"""Small worlds with known prices and funding, for the tests of this room."""

from collections.abc import Sequence

import numpy as np

from qmd_platform.arbitrage.costs import Costs, Fee
from qmd_platform.arbitrage.hedges import Terms
from qmd_platform.arbitrage.legs import Leg, Quotes
from qmd_platform.arbitrage.simulation.world import Traded
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.window import Window

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""


def flat_candles(closes: Sequence[float], *, start: int = START, step: int = HOUR, wick: float = 0.0) -> Candles:
    """Candles that open where the one before closed; high and low are ``wick`` (a fraction) beyond open and close."""
    close = np.asarray(closes, np.float64)
    open_ = np.r_[close[:1], close[:-1]]
    high, low = np.maximum(open_, close) * (1 + wick), np.minimum(open_, close) * (1 - wick)
    return Candles(start + step * np.arange(len(close)), open_, high, low, close, np.ones(len(close)))


def settlements(rates: Sequence[float], *, hours: float = 8, first: int = START, mark: float = 100.0) -> Settlements:
    """One settlement every ``hours``, the first at ``first``."""
    at = first + np.arange(len(rates)) * int(hours * HOUR)
    return Settlements.of(at, rates, np.full(len(rates), mark), np.full(len(rates), hours))


CHEAP = Fee(0.0005, 0.0002, "2026-01-01", "a test's own")
COSTS = Costs(
    fees={(venue, kind): CHEAP for venue in ("binance", "gate", "okx") for kind in ("spot", "perpetual")},
    slippage=0.0,
    borrow_per_year=0.0876,
)
"""Five basis points a fill and nothing else: four fills are twenty."""

TERMS = Terms(costs=COSTS, windows=(24.0,), holds=(24.0, 240.0))


def leg(
    market: str,
    rates: Sequence[float],
    *,
    hours: float = 8,
    closes: Sequence[float] | None = None,
    half_spread: float = 0.0,
    units: float = 1.0,
) -> Leg:
    """A market with a settlement every ``hours`` from START + ``hours`` on and hourly quotes from START on."""
    paid = settlements(rates, hours=hours, first=START + int(hours * HOUR))
    candles = flat_candles(closes if closes is not None else [100.0] * int(len(rates) * hours + 1), start=START - HOUR)
    quotes = Quotes.of_candles(candles, HOUR, half_spread)
    return Leg.of(Market.parse(market), quotes, paid, units=units)


def spot(market: str, closes: Sequence[float], *, half_spread: float = 0.0) -> Leg:
    """A spot market with hourly quotes from START on."""
    quotes = Quotes.of_candles(flat_candles(closes, start=START - HOUR), HOUR, half_spread)
    return Leg.of(Market.parse(market), quotes)


def traded(
    market: str,
    closes: Sequence[float],
    rates: Sequence[float] = (),
    *,
    hours: float = 8,
    wick: float = 0.0,
    units: float = 1.0,
    listed: Sequence[Window] | None = None,
    missing: Sequence[int] = (),
) -> Traded:
    """A leg with hourly candles from START on, some of them missing, and a settlement every ``hours`` after START."""
    paid = settlements(rates, hours=hours, first=START + int(hours * HOUR), mark=100.0 * units)
    if market.count(":") == 1:
        paid = settlements(())
    candles = flat_candles(closes, wick=wick)
    candles = candles.take(~np.isin(np.arange(len(closes)), missing))
    quotes = Quotes.of_candles(candles, HOUR)
    return Traded.of(Leg.of(Market.parse(market), quotes, paid, units=units), candles, HOUR, listed=listed)
