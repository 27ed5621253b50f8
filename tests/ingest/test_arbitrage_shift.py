"""No table of arbitrage looks ahead: whatever comes after an instant, or is otherwise, no row known by then changes.

A month is cut at many instants, in the middle of intervals, of changes and of gaps; what is after the cut is taken away, or
replaced by another future; and the tables are made again, whole.
"""

from pathlib import Path

import numpy as np
import pytest

from qmd_platform.arbitrage.lifecycle import Thresholds
from qmd_platform.arbitrage.rules import Rules
from qmd_platform.ingest.arbitrage import derive_arbitrage
from qmd_platform.ingest.basis import derive_basis
from qmd_platform.ingest.opportunities import derive_opportunities
from qmd_platform.lake.store import Lake
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, instant, month_window
from qmd_platform.sandbox.funding import settlements_truth
from qmd_platform.sandbox.market import truth
from tests.ingest.fundedlake import HOUR, LATER, Row, put_candles, put_funding, rows

MONTH = "2026-03"
MARCH = month_window(MONTH)
WHOLE = Window(MARCH.start - 12 * 24 * HOUR, MARCH.end)
PERPETUALS = [
    Market.parse(f"{one}/USDT:USDT")
    for one in ("binance:XRP", "okx:XRP", "gate:ETH", "bybit:ETH", "binance:1000PEPE", "binance:BTC", "gate:BTC")
]
SPOT = Market.parse("binance:BTC/USDT")
KNOWN = {
    "funding_carry": "available_at",
    "funding_anomalies": "available_at",
    "venue_spreads": "seen_at",
    "cash_and_carry": "seen_at",
    "basis": "available_at",
    "opportunities": "changed_at",
}
"""Of each table the column that says when a row was known."""
EAGER = Rules(
    thresholds=Thresholds(watch=-0.5, open=-0.4, close=-0.6, confirmations=1, dwell_ms=0, expected_hold_hours=1e6)
)
"""Nearly everything is an opportunity: else there would be too few of them to look at."""
CUTS = {
    "at the first settlement after 4 hours": "2026-03-11T04:01:00Z",
    "between a gap and the row that proves it": "2026-03-09T00:01:00Z",
    "while a rate is at its cap": "2026-03-06T04:01:00Z",
    "at the third settlement after 4 hours": "2026-03-11T12:01:00Z",
    "at the first settlement after 8 hours": "2026-03-21T08:01:00Z",
    "between two settlements": "2026-03-14T17:30:00Z",
}
"""Where the month is cut: most of them a minute after a settlement, when the newest row is just known."""
Held = dict[Market, tuple[Settlements, Candles]]


@pytest.fixture(scope="module")
def true() -> Held:
    nothing = Settlements.empty()
    return {
        market: (
            nothing if market == SPOT else settlements_truth(market, WHOLE, LATER),
            truth(market, Timeframe.H1, WHOLE, LATER),
        )
        for market in (*PERPETUALS, SPOT)
    }


@pytest.fixture(scope="module")
def whole(true: Held, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    return made(tmp_path_factory.mktemp("whole"), true)


def made(folder: Path, held: Held) -> dict[str, list[Row]]:
    """The rows of every table of a lake that holds this."""
    with Lake.open(folder / "lake") as lake:
        for market, (settlements, candles) in held.items():
            if len(settlements):
                put_funding(lake, market, settlements)
            put_candles(lake, market, candles)
        derive_arbitrage(lake, list(held), [MONTH], run_id="r")
        derive_basis(lake, list(held), [MONTH], run_id="r")
        derive_opportunities(lake, [MONTH], run_id="r", rules=EAGER)
        return {name: rows(lake, name) for name in KNOWN}


def until(found: dict[str, list[Row]], at: int) -> dict[str, list[Row]]:
    """Those known by ``at``."""
    return {name: [row for row in each if row[KNOWN[name]] <= at] for name, each in found.items()}


def cut(held: Held, at: int) -> Held:
    """What had settled, and was closed, by ``at``."""
    return {
        market: (paid.take(paid.settled_at <= at), candles.take(candles.open_at + HOUR <= at))
        for market, (paid, candles) in held.items()
    }


def another_future(held: Held, at: int) -> Held:
    """The same until ``at``, and then other rates at another pace, and other prices."""
    dice = np.random.default_rng(at)
    found = {}
    for market, (paid, candles) in cut(held, at).items():
        last = int(paid.settled_at[-1]) if len(paid) else at
        pace = int(dice.choice([1, 2, 3, 4, 8, 16]))
        count = 0 if market == SPOT else (MARCH.end - last) // (pace * HOUR) - 1
        later = last + pace * HOUR * np.arange(1, count + 1)
        more = Settlements.of(later[later > at], dice.normal(0, 3e-3, int((later > at).sum())))
        opened = np.arange(int(candles.open_at[-1]) + HOUR, MARCH.end, HOUR)
        price = dice.uniform(1, 9, len(opened))
        found[market] = (
            Settlements.concat([paid, more]),
            Candles.concat([candles, Candles(opened, price, price, price, price, np.ones(len(opened)))]),
        )
    return found


@pytest.mark.parametrize(
    "where", [pytest.param(one, marks=[pytest.mark.slow] * (row > 2)) for row, one in enumerate(CUTS)]
)
def test_what_comes_later_or_otherwise_changes_no_row_of_any_table(
    where: str, true: Held, whole: dict[str, list[Row]], tmp_path: Path
):
    at = instant(CUTS[where])
    expected = until(whole, at)
    assert all(expected.values())
    assert until(made(tmp_path / "nothing", cut(true, at)), at) == expected
    assert until(made(tmp_path / "other", another_future(true, at)), at) == expected
