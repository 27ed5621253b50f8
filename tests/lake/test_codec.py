"""What goes into a file comes out with the same bits."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qmd_platform.errors import LakeError
from qmd_platform.lake import codec
from qmd_platform.lake.buffers import arrow
from qmd_platform.lake.rows import arrow_schema, conformed
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.tables import CANDLES, INSTRUMENTS
from qmd_platform.model.window import month_of

OLD = Path(__file__).parent / "files"
"""Files as layout 1 was written, and (``.bits``) the little-endian columns that went in, one behind the other."""

WHOLE = ["open_at", "high_i", "open_down", "close_down", "low_down", "volume_i", "ps", "vs"]

anything = st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True)
any_bits = st.integers(0, 2**64 - 1).map(lambda bits: float(np.array(bits, np.uint64).view(np.float64)))
decimals = st.builds(lambda whole, digits: whole / 10.0**digits, st.integers(-(2**50), 2**50), st.integers(0, 12))


def candles(rows: list[list[float]]) -> Candles:
    columns = np.array(rows, np.float64).reshape(-1, 5).T
    return Candles(np.arange(len(rows), dtype=np.int64) * 60_000, *columns.copy())


def encoded(given_: Candles) -> bytes:
    return codec.encode(CANDLES, conformed(CANDLES, given_.to_arrow()), {"run_id": "r"})


def decoded(data: bytes, rows: int) -> Candles:
    out = Candles(np.empty(rows, np.int64), *np.empty((5, rows)))
    codec.decode_candles(data, out)
    return out


def through(given_: Candles) -> tuple[Candles, list[str]]:
    data = encoded(given_)
    return decoded(data, len(given_)), pq.read_schema(pa.BufferReader(data)).names


def by_row(data: bytes) -> Candles:
    """The candles of a file as anyone reads them who follows the codec's table, one row at a time."""
    rows = []
    for row in pq.read_table(pa.BufferReader(data)).to_pylist():
        scaled = {name: row[name] for name in ("open", "high", "low", "close", "volume") if name in row}
        if "ps" in row:
            high = row["high_i"]
            low = high - max(row["open_down"], row["close_down"]) - row["low_down"]
            whole = {"open": high - row["open_down"], "high": high, "low": low, "close": high - row["close_down"]}
            scaled |= {name: value / 10.0 ** row["ps"] for name, value in whole.items()}
        if "vs" in row:
            scaled["volume"] = row["volume_i"] / 10.0 ** row["vs"]
        rows.append([scaled[name] for name in COLUMNS[1:]])
    return candles(rows)


@given(st.lists(st.lists(anything | any_bits | decimals, min_size=5, max_size=5), min_size=1, max_size=40))
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
    assert names == WHOLE


@given(st.lists(st.lists(decimals | anything, min_size=5, max_size=5), min_size=1, max_size=10))
@example([[2.0**53 - 1, 1 - 2.0**53, 2.0**53 - 1, 1 - 2.0**53, 2.0**53 - 1]])
@example([[2.0**31 + 5, 2.0**31 - 5, 2.0**31 - 6, 2.0**31 + 1, 7.0]])
def test_a_row_says_all_of_itself(rows: list[list[float]]):
    before = candles(rows)
    assert by_row(encoded(before)).equals(before)


@pytest.mark.parametrize("bad", [0.1 + 0.2, -0.0, float("nan"), float("inf"), 1e300, 2.0**53])
def test_one_price_without_an_exact_scale_makes_prices_floats_and_leaves_the_volume(bad: float):
    rows = [[1.5, 2.5, 1.0, 2.0, 3.25]] * 200
    after, names = through(candles([*rows, [1.5, 2.5, bad, 2.0, 3.25]]))
    assert names == ["open_at", "open", "high", "low", "close", "volume_i", "vs"]
    assert after.low.tobytes() == np.array([1.0] * 200 + [bad]).tobytes()


def test_candles_with_a_high_below_the_low_are_kept_as_they_came():
    before = candles([[5.0, 1.0, 9.0, 3.0, 2.0], [7.0, 0.0, 8.0, 7.0, 0.0]])
    after, names = through(before)
    assert after.equals(before)
    assert names == WHOLE


def ranked(rows: int, rank: list[int], at: list[int]) -> pa.Table:
    table = conformed(CANDLES, candles([[2.0, 3.0, 1.0, 2.5, 9.0]] * rows).to_arrow())
    return table.append_column("source_rank", arrow(np.resize(np.array(rank, np.int64), rows))).append_column(
        "fetched_at", arrow(np.resize(np.array(at, np.int64), rows))
    )


@pytest.mark.parametrize(
    ("rank", "at"), [([0], [0]), ([7], [1_764_547_200_000]), ([1, 1, -3], [0]), ([0], [2**62, -(2**62), 5])]
)
def test_where_a_row_is_from_and_when_it_was_fetched_comes_back_with_it(rank: list[int], at: list[int]):
    before = ranked(300, rank, at)
    data = codec.encode(CANDLES, before, {})
    after = codec.decode_stored(data)
    assert after.to_pydict() == before.to_pydict()
    assert [field.nullable for field in after.schema] == [False] * 8
    assert decoded(data, 300).equals(Candles.from_arrow(before))


def test_where_a_row_is_from_takes_a_note_when_it_is_the_same_for_all():
    plain = codec.encode(CANDLES, conformed(CANDLES, Candles.from_arrow(ranked(1440, [0], [0])).to_arrow()), {})
    same = codec.encode(CANDLES, ranked(1440, [3], [1_764_547_200_000]), {})
    assert len(same) - len(plain) < 80
    assert pq.read_schema(pa.BufferReader(same)).names == WHOLE


def test_rows_without_a_source_are_of_rank_zero_and_fetched_at_zero():
    stored = codec.decode_stored(encoded(candles([[1.0, 1.0, 1.0, 1.0, 1.0]] * 2)))
    assert stored.column("source_rank").to_pylist() == stored.column("fetched_at").to_pylist() == [0, 0]


def old_files() -> list[str]:
    return sorted(path.stem.removeprefix("layout1-") for path in OLD.glob("*.bits"))


@pytest.mark.parametrize("name", old_files())
def test_files_of_layout_1_are_read_bit_for_bit(name: str):
    data = (OLD / f"layout1-{name}.parquet").read_bytes()
    columns = np.frombuffer((OLD / f"layout1-{name}.bits").read_bytes(), "<i8").reshape(6, -1)
    before = Candles(columns[0], *columns[1:].view(np.float64))
    assert decoded(data, len(before)).equals(before)
    stored = codec.decode_stored(data)
    assert Candles.from_arrow(stored).equals(before)
    assert set(stored.column("fetched_at").to_pylist() + stored.column("source_rank").to_pylist()) == {0}


def test_there_are_old_files_of_every_mixture():
    columns = {name: pq.read_schema(OLD / f"layout1-{name}.parquet").names for name in old_files()}
    assert {("open_z" in names, "volume_i" in names) for names in columns.values()} == {
        (whole_prices, whole_volume) for whole_prices in (True, False) for whole_volume in (True, False)
    }


def test_an_old_file_of_another_table_is_read():
    rows = codec.decode((OLD / "layout1-instruments.parquet").read_bytes())
    assert rows.column("symbol").to_pylist() == ["BTC/USDT", "ETH/USDT"]
    assert rows.column("tick").to_pylist() == [None, 0.1]


def test_a_file_names_its_layout():
    new = encoded(candles([[1.0, 1.0, 1.0, 1.0, 1.0]]))
    assert codec.layout_of(new) == codec.LAYOUT == 2
    assert codec.layout_of({"layout": 2}) == 2
    assert codec.layout_of((OLD / "layout1-whole.parquet").read_bytes()) == 1
    assert codec.layout_of({"run_id": "r"}) == 1


def test_a_file_of_a_newer_layout_is_refused():
    table = pa.table({"open_at": arrow(np.zeros(1, np.int64))})
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({"qmd": json.dumps({"layout": 3})}), sink)
    for read in (lambda data: decoded(data, 1), codec.decode, codec.decode_stored):
        with pytest.raises(LakeError, match="layout 3"):
            read(sink.getvalue().to_pybytes())


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


def test_only_the_open_times_have_statistics_and_they_are_exact():
    data = encoded(candles([[1.5, 2.5, 1.0, 2.0, 3.25]] * 200))
    group = pq.read_metadata(pa.BufferReader(data)).row_group(0)
    columns = {group.column(at).path_in_schema: group.column(at) for at in range(group.num_columns)}
    assert [name for name, column in columns.items() if column.is_stats_set] == ["open_at"]
    assert columns["open_at"].statistics.max_raw == 199 * 60_000


def test_writing_and_reading_files_starts_no_pandas():
    program = """
import sys
import numpy as np
from qmd_platform.lake import codec
from qmd_platform.lake.rows import conformed
from qmd_platform.model.candles import Candles
from qmd_platform.model.tables import CANDLES
candles = Candles(np.arange(3, dtype=np.int64), *np.ones((5, 3)))
codec.decode_stored(codec.encode(CANDLES, conformed(CANDLES, candles.to_arrow()), {}))
sys.exit("pandas" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


RECORDED = [
    ("gate_perp_2023/BTC_USDT_USDT-5m-futures.feather", 7.7),
    ("binance_perp_2025/BTC_USDT_USDT-1m-futures.feather", 7.8),
    ("binance_perp_2025/LAYER_USDT_USDT-1m-futures.feather", 5.9),
]


@pytest.mark.parametrize(("file", "most"), RECORDED)
def test_recorded_candles_come_back_and_take_at_most_8_bytes_each(shared_data: Path, file: str, most: float):
    table = pa.feather.read_table(shared_data / file)
    opened = table.column("date").cast(pa.timestamp("ms", "UTC"))
    floats = [table.column(name).cast(pa.float64()) for name in ("open", "high", "low", "close", "volume")]
    whole = Candles.from_arrow(pa.table([opened, *floats], names=arrow_schema(CANDLES).names).combine_chunks())
    months = np.array([month_of(int(at)) for at in whole.open_at])
    size = 0
    for month in np.unique(months):
        part = whole.take(months == month)
        data = encoded(part)
        assert decoded(data, len(part)).equals(part)
        size += len(data)
    assert size / len(whole) <= most
