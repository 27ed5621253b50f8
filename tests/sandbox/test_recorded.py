"""Real recorded candles through the sandbox and ccxt's own parser: value for value what the file holds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Series
from qmd_platform.model.window import iso
from qmd_platform.sandbox.recording import read
from qmd_platform.sandbox.server import running

FILES = {
    "gate:BTC/USDT:USDT:5m": "gate_perp_2023/BTC_USDT_USDT-5m-futures.feather",
    "gate:ALCX/USDT:USDT:5m": "gate_perp_2024-08/ALCX_USDT_USDT-5m-futures.feather",
    "binance:BTC/USDT:USDT:1m": "binance_perp_2025/BTC_USDT_USDT-1m-futures.feather",
    "binance:BTC/USDT:USDT:5m": "bybit_perp_2024/BTC_USDT_USDT-5m-futures.json",
    "bitfinex:BTC/USDT:USDT:1h": "hyperliquid_perp/BTC_USDC_USDC-1h-futures.feather",
}
Ccxt = Any
PAGE = {"gate": 1999, "binance": 1000, "bitfinex": 10_000}


def fetched(exchange: Ccxt, name: str, start: int, end: int) -> Candles:
    """Every page of the series ``name`` with both ends, as ccxt parses it."""
    series = Series.parse(name)
    page = PAGE[series.venue]
    width = page * series.timeframe.step
    rows = [
        row
        for at in range(start, end, width)
        for row in exchange.fetch_ohlcv(
            series.symbol, series.timeframe.value, at, page, {"until": min(at + width, end) - 1}
        )
    ]
    columns = np.array(rows, np.float64).T
    return Candles(columns[0].astype(np.int64), *(np.ascontiguousarray(column) for column in columns[1:]))


@pytest.mark.parametrize(("name", "file"), FILES.items())
def test_recorded_candles_come_out_as_they_were_recorded(
    tmp_path: Path, shared_data: Path, pointed: Callable[[Ccxt, str], Ccxt], name: str, file: str
):
    import ccxt

    series = Series.parse(name)
    recorded = read(shared_data / file)
    (tmp_path / "replay.toml").write_text(
        f'[[series]]\nvenue = "{series.venue}"\nmarket = "{series.symbol}"\ntable = "{series.table}"\n'
        f'file = "{shared_data / file}"\n'
    )
    end = int(recorded.open_at[-1]) + series.timeframe.step
    with running(now=iso(end), replay=tmp_path) as url:
        exchange = pointed(getattr(ccxt, series.venue)(), url)
        exchange.enableRateLimit = False
        out = fetched(exchange, name, int(recorded.open_at[0]), end)
    assert len(recorded) > 700
    assert out.equals(recorded)
