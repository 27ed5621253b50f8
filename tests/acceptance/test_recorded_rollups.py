"""Our longer candles made from recorded shorter ones are the venue's own recorded longer ones, value for value."""

from pathlib import Path

import numpy as np
import pytest

from qmd_platform.ingest.rollup import roll_up
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import COLUMNS, Candles, rolled_up
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import windows_of
from qmd_platform.model.timeframe import Timeframe, timeframe
from qmd_platform.model.window import Window, months
from tests.acceptance.recordings import recorded_candles

pytestmark = pytest.mark.shared

ORACLES = [
    ("gate_perp_2023/BTC_USDT_USDT-{}-futures.feather", "5m", "1h", 6345),
    ("gate_perp_2023/BTC_USDT_USDT-{}-futures.feather", "5m", "1d", 264),
    ("gate_perp_2023/BTC_USDT_USDT-{}-futures.feather", "1h", "4h", 1586),
    ("gate_perp_2023/BTC_USDT_USDT-{}-futures.feather", "1h", "1d", 264),
    ("binance_perp_2025/BTC_USDT_USDT-{}-futures.feather", "3m", "15m", 3136),
    ("binance_perp_2025/BTC_USDT_USDT-{}-futures.feather", "5m", "15m", 3635),
    ("binance_perp_2025/BTC_USDT_USDT-{}-futures.feather", "5m", "30m", 1245),
    ("binance_perp_2025/BTC_USDT_USDT-{}-futures.feather", "5m", "1h", 719),
    ("binance_perp_2025/BTC_USDT_USDT-{}-futures.feather", "15m", "1d", 27),
    ("bybit_perp_2024/BTC_USDT_USDT-{}-futures.json", "5m", "1h", 2413),
    ("bybit_perp_2024/BTC_USDT_USDT-{}-futures.json", "1h", "4h", 603),
    ("bybit_perp_2024/BTC_USDT_USDT-{}-futures.json", "1h", "1d", 100),
]


@pytest.mark.parametrize(("file", "shorter", "longer", "buckets"), ORACLES)
def test_a_roll_up_equals_the_venues_own_candle(shared_data: Path, file: str, shorter: str, longer: str, buckets: int):
    ours, made_of = rolled_up(
        recorded_candles(shared_data / file.format(shorter)), timeframe(longer).step, timeframe(shorter).step
    )
    ours = ours.take(made_of == timeframe(longer).step // timeframe(shorter).step)
    theirs = recorded_candles(shared_data / file.format(longer))
    _, mine, other = np.intersect1d(ours.open_at, theirs.open_at, return_indices=True)
    assert len(mine) == buckets
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(ours, name)[mine], getattr(theirs, name)[other])


def test_the_lake_rolls_recorded_5m_up_to_the_venues_own_hours_and_days(shared_data: Path, tmp_path: Path):
    folder = shared_data / "gate_perp_2023"
    shorter = recorded_candles(folder / "BTC_USDT_USDT-5m-futures.feather")
    market = Market("gate", "BTC/USDT:USDT")
    series = Series.candles(market, Timeframe.M5)
    whole = Window(int(shorter.open_at[0]), int(shorter.open_at[-1]) + Timeframe.M5.step)
    lake = Lake.open(tmp_path / "lake")
    writes = [
        Write(Partition(series, month), part.to_arrow(), asked=tuple(windows_of(part.open_at, Timeframe.M5.step)))
        for month, window in months(whole)
        if (part := shorter.within(window))
    ]
    lake.commit(writes, run_id="test", source="recording")
    for longer in (Timeframe.H1, Timeframe.H4, Timeframe.D1):
        roll_up(lake, market, longer, whole, run_id="test", base=Timeframe.M5)
        ours = lake.candles(Series.candles(market, longer))
        theirs = recorded_candles(folder / f"BTC_USDT_USDT-{longer.value}-futures.feather")
        assert ours.equals(theirs.within(Window(whole.start, int(ours.open_at[-1]) + 1)))
        assert len(ours) == len(Candles.concat([theirs]))
    lake.close()
