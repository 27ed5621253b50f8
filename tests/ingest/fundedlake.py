"""A lake with funding and candles of which every number is known, for the tables made of them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from qmd_platform.funding.intervals import Fact, intervals
from qmd_platform.ingest.arbitrage import ACROSS
from qmd_platform.ingest.funding_rows import to_arrow
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window, months
from qmd_platform.sandbox.funding import settlements_truth
from qmd_platform.sandbox.market import truth

Row = dict[str, Any]

HOUR = Timeframe.H1.step
WHOLE = Window.of("2026-02-01", "2026-05-01")
"""A month of lead-in and two months."""
LATER = WHOLE.end + 1_000 * HOUR
"""When all of it is over."""
MONTHS = ("2026-03", "2026-04")
MARKETS = [
    Market.parse(f"{venue}:{coin}/USDT:USDT") for coin in ("BTC", "DOGE") for venue in ("binance", "gate", "bybit")
]
SPOTS = [Market.parse("binance:BTC/USDT"), Market.parse("bybit:DOGE/USDT")]


def paid(market: Market) -> Settlements:
    """What the sandbox settles."""
    return settlements_truth(market, WHOLE, LATER)


def hourly(market: Market) -> Candles:
    """What trades in the sandbox."""
    return truth(market, Timeframe.H1, WHOLE, LATER)


def every(hours: float, rates: Sequence[float], *, first: Instant, stated: bool = False) -> Settlements:
    """Settlements at one pace from ``first`` on."""
    at = first + np.arange(len(rates)) * int(hours * HOUR)
    return Settlements.of(at, rates, stated_hours=np.full(len(rates), hours) if stated else None)


def flat(price: float, window: Window) -> Candles:
    """Hours of one price."""
    at = np.arange(window.start, window.end, HOUR)
    column = np.full(len(at), price)
    return Candles(at, column, column, column, column, np.ones(len(at)))


def put_funding(lake: Lake, market: Market, settlements: Settlements, facts: Iterable[Fact] = ()) -> None:
    """Make ``settlements`` all that the lake holds of the market's funding in the months they touch."""
    found = intervals(settlements, stated=facts)
    at = settlements.settled_at
    writes = []
    for month, part in months(Window(int(at[0]), int(at[-1]) + 1)):
        rows = slice(*(int(row) for row in np.searchsorted(at, [part.start, part.end])))
        partition = Partition(Series.funding(market), month)
        writes.append(Write(partition, to_arrow(settlements.take(rows), found, rows), replace=True))
    lake.commit(writes, run_id="put", source="sandbox:test")


def put_candles(lake: Lake, market: Market, candles: Candles, step: Timeframe = Timeframe.H1) -> None:
    """Make ``candles`` those of the market in the months they touch."""
    at = candles.open_at
    writes = [
        Write(Partition(Series.candles(market, step), month), candles.within(part).to_arrow(), replace=True)
        for month, part in months(Window(int(at[0]), int(at[-1]) + 1))
    ]
    lake.commit(writes, run_id="put", source="sandbox:test")


def funded(root: Path, markets: Iterable[Market] = (*MARKETS, *SPOTS)) -> Lake:
    """A new lake with what the sandbox has of these markets."""
    lake = Lake.open(root)
    for market in markets:
        if market.kind == "perpetual":
            put_funding(lake, market, paid(market))
        put_candles(lake, market, hourly(market))
    return lake


def rows(lake: Lake, table: str) -> list[Row]:
    """All rows of a table of arbitrage; instants as epoch ms."""
    return [
        {name: _ms(value) if isinstance(value, datetime) else value for name, value in row.items()}
        for row in lake.read(Series(table, ACROSS)).to_pylist()
    ]


def _ms(value: datetime) -> int:
    return round(value.timestamp() * 1000)
