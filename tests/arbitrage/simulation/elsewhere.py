"""Funding recorded by others than the three-venue file: Binance's BTC 2020-23, Hyperliquid's BTC 2023-25.

What lives here: reading the two files, and funding over a window in three figures. What does not: comparing them (``published``).
"""

import csv
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
from pyarrow import feather

from qmd_platform.funding.annual import window_apr
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.window import Window
from tests.arbitrage.simulation.recorded import FILE

HYPERLIQUID = FILE.parents[1] / "hyperliquid_perp" / "BTC_USDC_USDC-1h-funding_rate.feather"
BINANCE = FILE.parents[1] / "funding_multi_venue" / "BTC-USDT_binance_2020-01-01_2024-01-01_funding_history.csv"
EARLIER = timezone(timedelta(hours=3))
"""The file of Binance's has UTC+3 without saying so."""

HOUR_MS = 3_600_000
YEAR_HOURS = 8_760


def binance() -> Settlements:
    """Binance's BTC/USDT:USDT, every eight hours."""
    with BINANCE.open(encoding="utf-8", newline="") as file:
        rows = [(row["Date"], float(row["Funding Rate"])) for row in csv.DictReader(file)]
    at = [round(datetime.fromisoformat(text).replace(tzinfo=EARLIER).timestamp() / 60) * 60_000 for text, _ in rows]
    order = np.argsort(at)
    return Settlements.of(np.array(at)[order], np.array([rate for _, rate in rows])[order])


def alone(settlements: Settlements, window: Window, hours: float = 8.0) -> tuple[float, float, float]:
    """What a short got in funding and nothing else: mean and deviation a year, and their ratio."""
    inside = (settlements.settled_at > window.start) & (settlements.settled_at <= window.end)
    rate = settlements.rate[inside]
    mean = float(window_apr(rate, np.full(len(rate), hours)))
    deviation = float(np.std(rate, ddof=1)) * (YEAR_HOURS / hours) ** 0.5
    return mean, deviation, mean / deviation


def hyperliquid() -> Mapping[str, str]:
    """Mean funding of the recording by year, hourly since 2023-06-08: ``hyper_2024`` and so on."""
    table = feather.read_table(HYPERLIQUID, columns=["date", "open"])
    at = np.array(table.column("date").cast(pa.int64()).to_pylist()) // 1_000_000
    paid = Settlements.of(at, np.array(table.column("open").to_pylist()))
    told = {}
    for year in (2024, 2025):
        window = Window.of(f"{year}-01-01", f"{year + 1}-01-01")
        told[f"hyper_{year}"] = f"{100 * alone(paid, window, hours=1.0)[0]:.1f} %"
        held = int(((at > window.start) & (at <= window.end)).sum())
        told[f"missing_{year}"] = f"{(window.end - window.start) // HOUR_MS - held:,}"
    return told
