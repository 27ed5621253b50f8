"""What goes into a file comes out with the same bits."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qmd_platform.lake import codec
from qmd_platform.lake.rows import arrow_schema, conformed
from qmd_platform.model.candles import Candles
from qmd_platform.model.tables import CANDLES, INSTRUMENTS
from qmd_platform.model.window import month_of

anything = st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True)
decimals = st.builds(lambda whole, digits: whole / 10.0**digits, st.integers(-(2**50), 2**50), st.integers(0, 12))


def candles(rows: list[list[float]]) -> Candles:
    columns = np.array(rows, np.float64).reshape(-1, 5).T
    return Candles(np.arange(len(rows), dtype=np.int64) * 60_000, *columns.copy())


def through(given_: Candles) -> tuple[Candles, list[str]]:
    data = codec.encode(CANDLES, conformed(CANDLES, given_.to_arrow()), {"run_id": "r"})
    out = Candles(np.empty(len(given_), np.int64), *np.empty((5, len(given_))))
    codec.decode_candles(data, out)
    return out, pq.read_schema(pa.BufferReader(data)).names


@given(st.lists(st.lists(anything | decimals, min_size=5, max_size=5), min_size=1, max_size=40))
@example([[-0.0, 0.0, 5e-324, 1e308, float("nan")], [float("inf"), -1.5, 0.1 + 0.2, 2.0**53, -(2.0**63)]])
def test_any_floats_come_back_bit_for_bit(rows: list[list[float]]):
    before = candles(rows)
    assert through(before)[0].equals(before)


@given(
    st.integers(0, 10),
    st.lists(st.lists(st.integers(0, 10**12), min_size=5, max_size=5), min_size=1, max_size=40),
)
def test_what_a_venue_prints_is_stored_as_whole_numbers(digits: int, rows: list[list[int]]):
    before = candles([[number / 10.0**digits for number in row] for row in rows])
    after, names = through(before)
    assert after.equals(before)
    assert names == ["open_at", "open_z", "high_z", "low_z", "close_z", "volume_i"]


@pytest.mark.parametrize("bad", [0.1 + 0.2, -0.0, float("nan"), float("inf"), 1e300, 2.0**53])
def test_one_price_without_an_exact_scale_makes_prices_floats_and_leaves_the_volume(bad: float):
    rows = [[1.5, 2.5, 1.0, 2.0, 3.25]] * 200
    after, names = through(candles([*rows, [1.5, 2.5, bad, 2.0, 3.25]]))
    assert names == ["open_at", "open", "high", "low", "close", "volume_i"]
    assert after.low.tobytes() == np.array([1.0] * 200 + [bad]).tobytes()


def test_candles_with_a_high_below_the_low_are_kept_as_they_came():
    before = candles([[5.0, 1.0, 9.0, 3.0, 2.0], [7.0, 0.0, 8.0, 7.0, 0.0]])
    after, names = through(before)
    assert after.equals(before)
    assert "high_z" in names


def test_instruments_come_back_with_their_nulls():
    row = {
        "symbol": "BTC/USDT",
        "venue_symbol": "BTCUSDT",
        "kind": "spot",
        "base": "BTC",
        "quote": "USDT",
        "settle": "",
        "active": True,
        "contract_size": 1.0,
        "tick": None,
        "lot": 0.00001,
        "listed_at": None,
        "ccxt_market": "{}",
    }
    before = pa.Table.from_pylist([row, row | {"symbol": "ETH/USDT", "tick": 0.1}], schema=arrow_schema(INSTRUMENTS))
    after = codec.decode(codec.encode(INSTRUMENTS, before, {}))
    assert after.equals(before)


@pytest.mark.parametrize(
    ("file", "most"),
    [
        ("gate_perp_2023/BTC_USDT_USDT-5m-futures.feather", 7.0),
        ("binance_perp_2025/BTC_USDT_USDT-1m-futures.feather", 6.7),
        ("binance_perp_2025/LAYER_USDT_USDT-1m-futures.feather", 5.5),
    ],
)
def test_recorded_candles_come_back_and_take_at_most_8_bytes_each(shared_data: Path, file: str, most: float):
    table = pa.feather.read_table(shared_data / file)
    opened = table.column("date").cast(pa.timestamp("ms", "UTC"))
    floats = [table.column(name).cast(pa.float64()) for name in ("open", "high", "low", "close", "volume")]
    whole = Candles.from_arrow(pa.table([opened, *floats], names=arrow_schema(CANDLES).names).combine_chunks())
    months = np.array([month_of(int(at)) for at in whole.open_at])
    size = 0
    for month in np.unique(months):
        part = whole.take(months == month)
        assert through(part)[0].equals(part)
        size += len(codec.encode(CANDLES, conformed(CANDLES, part.to_arrow()), {}))
    assert size / len(whole) <= most
