"""What is wrong with the three-venue file, measured: whose candles open when.

What lives here: the figures that docs/simulation.md tells of the file. What does not: reading it (``recorded``).
"""

import json
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from pyarrow import feather

from qmd_platform.arbitrage.simulation.world import Traded
from tests.arbitrage.simulation.recorded import EARLIER, FILE, STEP

HOUR_MS = 3_600_000
GATE = FILE.parents[1] / "gate_perp_2023" / "BTC_USDT_USDT-1h-futures.feather"
HOURLY = FILE.parents[1] / "bybit_perp_2024" / "BTC_USDT_USDT-1h-futures.json"


def agreement(bybit: Traded) -> tuple[float, float]:
    """Share of Bybit's opens that are those of its own hourly candles: as ``recorded`` dates them, and by the file's time."""
    hours = {int(row[0]): row[1] for row in json.loads(HOURLY.read_text(encoding="utf-8"))}
    opens = list(zip(bybit.candles.open_at.tolist(), bybit.candles.open.tolist(), strict=True))
    shares = [
        np.mean([hours[at + shift] == price for at, price in opens if at + shift in hours])
        for shift in (0, EARLIER["bybit"])
    ]
    return float(shares[0]), float(shares[1])


def apart(market: Traded, later_hours: int = 0) -> float:
    """Median distance, in basis points, of a market's closes from Gate's at that hour, or so many hours later.

    Gate's hours of 2023 were recorded by others, and are of another venue: near to ours only if both are of one instant.
    """
    table = feather.read_table(GATE, columns=["date", "close"])
    ends = np.array(table.column("date").cast(pa.int64()).to_pylist()) // 1_000_000 + HOUR_MS
    close = dict(zip(ends.tolist(), table.column("close").to_pylist(), strict=True))
    at = (market.candles.open_at + STEP + later_hours * HOUR_MS).tolist()
    pairs = [(price, close[end]) for end, price in zip(at, market.candles.close.tolist(), strict=True) if end in close]
    return 1e4 * float(np.median([abs(ours / theirs - 1) for ours, theirs in pairs]))


def told(legs: Mapping[str, Traded]) -> dict[str, str]:
    """The figures of the page."""
    dated, by_file = agreement(legs["bybit:BTC/USDT:USDT"])
    near = {f"near_{venue}": f"{apart(legs[f'{venue}:BTC/USDT:USDT']):.1f}" for venue in EARLIER}
    off = [apart(legs[f"{venue}:BTC/USDT:USDT"], hours) for venue in EARLIER for hours in (-4, 4)]
    return {
        "agree_dated": f"{100 * dated:.1f} %",
        "agree_by_file": f"{100 * by_file:.1f} %",
        "off_least": f"{min(off):.0f}",
        **near,
    }
