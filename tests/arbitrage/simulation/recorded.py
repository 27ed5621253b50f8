"""The recorded spot and perpetual markets of three venues, 2023-01 to 2024-06, every 8 hours.

The file's times are London's wall clock without a zone. Funding settled at that instant. Binance's candles open at it;
Bybit's and OKX's open four hours before, which nothing in the file says: at four hours before, and only there, Bybit's
opens are those of its own hourly candles (``test_recorded``).
"""

import csv
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from qmd_platform.arbitrage.legs import Leg, Quotes
from qmd_platform.arbitrage.simulation.world import Traded
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market
from qmd_platform.model.settlements import Settlements

FILE = Path(__file__).parents[4] / "shared" / "data" / "spot_perp_8h_3venues" / "all_exchanges.csv"
STEP = 8 * 3_600_000
LONDON = ZoneInfo("Europe/London")
EARLIER = {"binance": 0, "bybit": 4 * 3_600_000, "okx": 4 * 3_600_000}
"""Milliseconds by which a venue's candles open before the time of their row."""


def legs() -> dict[str, Traded]:
    """Spot and perpetuals of the file by market: ``binance:BTC/USDT:USDT``, settled in the coin ``binance:BTC/USD:BTC``."""
    rows: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    with FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            rows[_market(row)].append((_at(row["time"]), *(float(row[name] or "nan") for name in _COLUMNS)))
    return {market: _traded(market, np.array(sorted(table))) for market, table in rows.items()}


_COLUMNS = ("open", "high", "low", "close", "volume", "funding rate")


def _market(row: dict[str, str]) -> str:
    coin = {"bitcoin": "BTC", "ethereum": "ETH"}.get(row["crypto"], row["crypto"])
    if row["contract"] == "spot":
        return f"{row['exchange']}:{coin}/USDT"
    return f"{row['exchange']}:{coin}/" + ("USDT:USDT" if row["pair"].endswith("USDT") else f"USD:{coin}")


def _at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).timestamp() * 1000


def _traded(market: str, table: np.ndarray) -> Traded:
    table = table[table[:, 0] % STEP == 0]
    at = table[:, 0].astype(np.int64)
    candles = Candles(
        at - EARLIER[market.partition(":")[0]], *(np.ascontiguousarray(table[:, column]) for column in range(1, 6))
    )
    known = np.isfinite(table[:, 6])
    paid = Settlements.of(at[known], table[known, 6])
    return Traded.of(Leg.of(Market.parse(market), Quotes.of_candles(candles, STEP), paid), candles, STEP)
